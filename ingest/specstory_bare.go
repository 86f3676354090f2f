package ingest

import (
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

// Before Markdown v2, a message of the agent is a row of sections between
// rules, and the headings of the first files name nobody (_****_). Tool calls
// are sections that begin with
//
//	Tool use: **name** words            since June 2025
//	Read file: path                     before
//	<details> with a <summary> of what was searched or listed
//	```bash with the command, ```diff with an edit, and nothing else
//
// and a section may say what became of the call before: "Error calling tool."
var (
	bareTool   = lazyregexp.New(`^Tool use: \*\*([\w.-]+)\*\*\s*(.*)$`)
	bareRead   = lazyregexp.New(`^Read file: (\S.*)$`)
	bareFolded = lazyregexp.New(`<summary>(?:Tool use: \*\*([\w.-]+)\*\*|(Searched codebase|Grep search|Grep for|Searched)|(Listed \w+)|(Edit file|Read file|Read lints))`)
	bareFailed = lazyregexp.New(`^(?:Error calling tool|Tool call timed out|Cancelled|Canceled)`)
)

// sections reads the words and calls of a message of an early generation.
func (p *specParser) sections(from, to int) {
	start, fenced := from, false
	for i := from; i < to; i++ {
		line := p.lines[i]
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
		case line == "---":
			p.section(start, i)
			start = i + 1
		case bareTool.MatchString(line) && i > start:
			p.section(start, i)
			start = i
		}
	}
	p.section(start, to)
}

// section reads one section.
func (p *specParser) section(from, to int) {
	isEnd := to == len(p.lines)
	if from, to = p.trim(from, to); from == to {
		return
	}
	lines := p.lines[from:to]
	if isEnd && unfinished(lines) {
		p.d.Partial = true
		return
	}
	u := toolUse{line: from + 1, whole: true}
	switch first, text := strings.TrimSpace(lines[0]), strings.Join(lines, "\n"); {
	case bareTool.MatchString(first):
		m := bareTool.FindStringSubmatch(first)
		u.name = m[1]
		lines = append([]string{m[2]}, lines[1:]...)
	case bareRead.MatchString(first) && len(lines) == 1:
		u.name, u.kind = "read_file", "read"
	case strings.HasPrefix(first, "<details>") && bareFolded.MatchString(text):
		u.name, u.kind = foldedTool(bareFolded.FindStringSubmatch(text))
	case fencedOnly(lines, "```bash", "```sh", "```powershell"):
		u.name, u.kind = "run_terminal_cmd", "shell"
	case fencedOnly(lines, "```diff"):
		u.name, u.kind = "edit_file", "write"
	case bareFailed.MatchString(first) && p.fail(from+1, text):
		return
	default:
		p.said(from+1, text)
		return
	}
	u.read(lines)
	p.use(&u)
}

// unfinished reports whether something is opened in a section and not closed.
func unfinished(lines []string) bool {
	fenced := false
	for _, l := range lines {
		if strings.HasPrefix(l, "```") {
			fenced = !fenced
		}
	}
	text := strings.Join(lines, "\n")
	return fenced || strings.HasPrefix(text, "<details") && !strings.Contains(text, "</details>")
}

// foldedTool names the tool of a section that can be unfolded.
func foldedTool(m []string) (name, kind string) {
	switch {
	case m[1] != "":
		return m[1], ""
	case m[2] == "Searched codebase":
		return "codebase_search", "search"
	case m[2] != "":
		return "grep_search", "search"
	case m[3] != "":
		return "list_dir", ""
	case m[4] == "Edit file":
		return "edit_file", "write"
	}
	return "read_file", "read"
}

// fencedOnly reports whether a section is a fence in one of the given
// languages, with no words around it.
func fencedOnly(lines []string, openings ...string) bool {
	opened := false
	for _, o := range openings {
		opened = opened || strings.TrimSpace(lines[0]) == o
	}
	if !opened {
		return false
	}
	inside := false
	for _, l := range lines {
		if strings.HasPrefix(l, "```") {
			inside = !inside
		} else if !inside && strings.TrimSpace(l) != "" && !strings.HasPrefix(l, "Lines added: ") {
			return false
		}
	}
	return true
}

// fail adds what a section says became of the last call, unless that has its
// result.
func (p *specParser) fail(line int, text string) bool {
	s := p.session()
	last := len(s.Events) - 1
	if last < 0 || s.Events[last].Kind != session.Call {
		return false
	}
	call := s.Events[last]
	e := p.event(line, session.Result, session.ByTool, "", text)
	e.CallID, e.Text, e.Flag = call.CallID, text, session.FlagError
	if strings.HasPrefix(text, "Cancel") {
		e.Flag = session.FlagInterrupted
	}
	p.add(e)
	return true
}
