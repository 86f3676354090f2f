package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
)

// Classified is what can be told of a result that stands alone.
type Classified struct {
	Outcome     session.Outcome `json:"outcome"`
	Basis       session.Basis   `json:"basis"`
	Class       string          `json:"class"`
	Entity      string          `json:"entity"`
	Signature   string          `json:"signature"`
	Fingerprint string          `json:"fingerprint"`
}

// Classify judges a command by its output and, where it is known, its exit
// code. Without the code, the text alone decides.
func Classify(tool, cmd, output string, exit *int) Classified {
	r := evidence{tool: tool, command: cmd, output: output, exit: exit, act: actOf(tool)}
	v := because(session.Unknown, session.BasisText)
	switch {
	case exit != nil || r.act != session.Shell && r.act != "":
		v = judge(&r)
	default:
		r.act = session.Shell
		v = judgeText(&r)
	}
	c := Classified{Outcome: v.outcome, Basis: v.basis, Class: v.class, Entity: v.entity, Signature: v.signature}
	if v.outcome == session.Failed {
		c.Fingerprint = fingerprint(&r, &v, "")
	}
	return c
}

// actOf guesses what a tool does from its name; tools that run commands, and
// those of no name, are judged as shells.
func actOf(tool string) session.Act {
	switch strings.ToLower(tool) {
	case "read", "read_file", "view":
		return session.Read
	case "edit", "multiedit", "write", "apply_patch", "str_replace", "notebookedit":
		return session.Edit
	case "grep", "search":
		return session.Search
	case "glob", "ls", "list":
		return session.List
	}
	return session.Shell
}

// judgeText judges a command by its output alone. What merely shows files is
// judged by its own complaints, everything else by any telling line; a weak
// word counts only where there is little else.
func judgeText(r *evidence) judgement {
	line := r.parsed()
	if sandboxed(r.output) {
		return because(session.Denied, session.BasisText)
	}
	clues := scan(r.output)
	if own := verdicts(clues, line); len(own) > 0 {
		if anticipated(r, line) {
			return because(session.Expected, session.BasisContext)
		}
		return failure(own, r, session.BasisText)
	}
	c, ok := best(clues)
	switch {
	case !ok:
		return because(session.OK, session.BasisText)
	case onlyShows(line) && !complains(c, line):
		return because(session.OK, session.BasisText)
	case c.weight >= telling, len(strings.Split(strings.TrimSpace(r.output), "\n")) <= fewLines:
		return failure(clues, r, session.BasisText)
	}
	return because(session.OK, session.BasisText)
}

// fewLines is the length of outputs in which a word such as "error" is the point.
const fewLines = 12

// complains reports whether a program that shows files says itself that it
// could not: "cat: x: No such file or directory".
func complains(c clue, line *command.Line) bool {
	if c.weight == certain && (c.class == MissingTool && calls(line, c.entity) || c.class == ShellSyntax) {
		return true
	}
	for i := range line.Programs {
		p := &line.Programs[i]
		if strings.HasPrefix(c.line, p.Name+": ") || strings.HasPrefix(c.line, p.Path+": ") || p.Name == "git" && (strings.HasPrefix(c.line, "fatal: ") || strings.HasPrefix(c.line, "error: ")) {
			return true
		}
	}
	return false
}
