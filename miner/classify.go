package miner

import (
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
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
	clues := slices.DeleteFunc(scan(r.output), func(c clue) bool { return idle(c, line) })
	c, ok := best(clues)
	if browses(line) && !complains(c, line) && !refusing.MatchString(c.line) {
		return because(session.OK, session.BasisText)
	}
	if own := verdicts(clues, line); len(own) > 0 {
		if anticipated(r, line) {
			return because(session.Expected, session.BasisContext)
		}
		return failure(own, r, session.BasisText)
	}
	switch {
	case !ok && usageShown(r.output, line):
		return failure([]clue{{class: UsageError, line: firstLine(r.output), weight: telling}}, r, session.BasisText)
	case !ok, onlyShows(line) && (!complains(c, line) || c.class == NoSuchFile && line.Has(command.Search) && hasFindings(r.output)):
		return because(session.OK, session.BasisText)
	case c.weight >= telling, len(strings.Split(strings.TrimSpace(r.output), "\n")) <= fewLines:
		return failure(clues, r, session.BasisText)
	}
	return because(session.OK, session.BasisText)
}

// fewLines is the length of outputs in which a word such as "error" is the point.
const fewLines = 12

// idle reports whether a clue is but a word such as "failed" that says nothing
// of the command: in a line of data, in a warning, or in what the command
// itself was given to say.
func idle(c clue, line *command.Line) bool {
	if c.weight == certain {
		return false
	}
	if c.weight == weak && (len(c.line) > maxProse || unspoken.MatchString(c.line)) {
		return true
	}
	for i := range line.Programs {
		for _, arg := range line.Programs[i].Args {
			if len(arg) > 3 && strings.Contains(c.line, arg) && clueOf(arg).weight > 0 {
				return true
			}
		}
	}
	return false
}

// maxProse is the length of a line in bytes that a program still says in words.
const maxProse = 400

// refusing is how a program begins when it does not do what it is asked.
var refusing = lazyregexp.New(`(?i)^(?:\w+: )?(?:error|fatal|unknown|invalid|usage)\b|HTTP [45]\d\d`)

// unspoken matches warnings and JSON.
var unspoken = lazyregexp.New(`(?i)^\W*warn(?:ing)?\b|^\s*(?:\[?\s*[{"]|"\w+":)`)

// browses reports whether a line lists or shows what lies elsewhere: the words
// of others.
func browses(line *command.Line) bool {
	for i := range line.Programs {
		p := &line.Programs[i]
		switch p.Role {
		case command.View, command.Search, command.List, command.Print, command.Shell, command.Predicate:
			continue
		}
		if !browsing.MatchString(p.Sub) {
			return false
		}
	}
	return len(line.Programs) > 0
}

var browsing = lazyregexp.New(`(?:^| )(?:list|ls|view|show|get|describe|logs?|diff|search|api)$`)

// usageShown reports whether a program only said how it is to be called, and
// nobody had asked.
func usageShown(output string, line *command.Line) bool {
	if !usage.MatchString(firstLine(output)) {
		return false
	}
	for i := range line.Programs {
		for _, arg := range line.Programs[i].Args {
			if arg == "help" || arg == "-h" || arg == "--help" || arg == "-help" || arg == "-?" {
				return false
			}
		}
	}
	return !onlyShows(line)
}

var usage = lazyregexp.New(`^\s*[Uu](?:sage|SAGE):`)

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// complains reports whether a program that shows files says itself that it
// could not: "cat: x: No such file or directory", "bash: cd: x: No such file ...".
func complains(c clue, line *command.Line) bool {
	if c.weight == certain && (c.class == MissingTool && calls(line, c.entity) || c.class == ShellSyntax) {
		return true
	}
	for i := range line.Programs {
		p := &line.Programs[i]
		if strings.HasPrefix(c.line, p.Name+": ") || strings.Contains(c.line, ": "+p.Name+": ") || strings.HasPrefix(c.line, p.Path+": ") || p.Name == "git" && (strings.HasPrefix(c.line, "fatal: ") || strings.HasPrefix(c.line, "error: ")) {
			return true
		}
	}
	return false
}
