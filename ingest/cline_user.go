package ingest

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

var (
	clineFolder = lazyregexp.New(`# Current (?:Working|Workspace) Directory \(([^\n]*)\) Files`)
	clineModel  = lazyregexp.New(`<model>([^<\n]+)</model>`)
	clineMarker = lazyregexp.New(`(?s)^\[([a-z_]+)(?: .*?)?\] Result:\s*`)
)

// user reads a message in the user role: the person's words stand in tags,
// among results and what the extension says of the editor.
func (p *clineParser) user(n int, m gjson.Result) {
	var result *clineResult // in text, that further blocks belong to
	flush := func() {
		if result != nil {
			p.result(n, result.part, result.line, m, result.call, result.text, false)
		}
		result = nil
	}
	eachBlock(m.Get("content"), func(i int, kind string, b gjson.Result) {
		part := i * clineParts
		switch kind {
		case "tool_result":
			flush()
			p.result(n, part, p.d.line(b.Get("content")), m, b.Get("tool_use_id").String(), p.withoutEditor(contentText(b.Get("content"))), b.Get("is_error").Bool())
		case "text":
			text := p.withoutEditor(textOf(b))
			if mark := clineMarker.FindStringSubmatch(text); mark != nil {
				flush()
				result = &clineResult{part: part, line: p.d.line(b), call: p.answers(mark[1]), text: text[len(mark[0]):]}
			} else if result != nil && !isClineWords(text) {
				result.text = strings.TrimLeft(result.text+"\n"+text, "\n")
			} else {
				flush()
				p.words(n, part, p.d.line(b), m, text)
			}
		case "image":
		default:
			p.d.unknown("user block " + kind)
		}
	})
	flush()
}

type clineResult struct {
	part, line int
	call, text string
}

// answers returns the open call of a tool that a result in text answers.
func (p *clineParser) answers(tool string) string {
	for i, c := range p.open {
		if c.tool == tool {
			p.open = append(p.open[:i:i], p.open[i+1:]...)
			return c.id
		}
	}
	return ""
}

// withoutEditor removes what the extension says of the editor, and takes the
// working folder and the model from there.
func (p *clineParser) withoutEditor(text string) string {
	details, rest, found := cutTag(text, "environment_details")
	if !found {
		return strings.TrimSpace(text)
	}
	if m := clineFolder.FindStringSubmatch(details); m != nil && p.s.Cwd == "" {
		p.s.Cwd = m[1]
	}
	if m := clineModel.FindStringSubmatch(details); m != nil {
		p.s.Model = m[1]
	}
	return strings.TrimSpace(rest)
}

// clineTags enclose what the person says.
var clineTags = []string{"task", "feedback", "user_message", "answer"}

// isClineWords reports whether a text is more than a tool's output: words of
// the person or of the extension.
func isClineWords(text string) bool {
	return strings.HasPrefix(text, "[ERROR] You did not use a tool") || strings.HasPrefix(text, "[TASK RESUMPTION]") ||
		strings.HasPrefix(text, "<task>") || strings.HasPrefix(text, "<user_message>") || strings.HasPrefix(text, "New instructions for task continuation")
}

// words adds a text in the user role. What stands in no tag, and was not seen
// on the person's screen, is the extension's.
func (p *clineParser) words(n, part, line int, m gjson.Result, text string) {
	if text == "" {
		return
	}
	e := p.event(n, part, session.User, session.Human, m)
	e.Line = line
	for _, tag := range clineTags {
		if words, _, ok := cutTag(text, tag); ok {
			if n == 0 && p.s.Parent != "" {
				e.Author = session.ByProgram // the task that set this one
			}
			if e.Text = words; words != "" {
				p.d.add(p.s, e)
			}
			return
		}
	}
	if !p.said[text] {
		e.Author = session.Injected
	}
	e.Text = text
	p.d.add(p.s, e)
}

// result adds what a call returned; the person's words in it are an event of
// their own.
func (p *clineParser) result(n, part, line int, m gjson.Result, call, text string, failed bool) {
	e := p.event(n, part, session.Result, session.ByTool, m)
	e.Line, e.CallID, e.Text = line, call, text
	words := clineStatus(&e)
	if failed && e.Flag == "" {
		e.Flag = session.FlagError
	}
	p.d.add(p.s, e)
	if words != "" {
		said := p.event(n, part+1, session.User, session.Human, m)
		said.Line, said.CallID, said.Text = line, call, words
		if e.Flag == session.FlagRejected {
			said.Act = session.Refusal
		}
		p.d.add(p.s, said)
	}
	if strings.HasPrefix(text, "The user made the following updates to your content") {
		note := p.event(n, part+2, session.Note, session.Human, m)
		note.Line, note.Act, note.CallID = line, session.UserChanged, call
		if made := callOf(p.s, call); made != nil {
			note.Text = made.Command
		}
		p.d.add(p.s, note)
	}
}

// clineStatus reads what the text of a result says of it, and takes the output
// out of what is put around it. It returns what the person said to it.
func clineStatus(e *session.Event) (words string) {
	for _, tag := range []string{"feedback", "user_message", "answer"} {
		if inner, rest, ok := cutTag(e.Text, tag); ok {
			words, e.Text = inner, strings.TrimSpace(rest)
		}
	}
	if strings.HasPrefix(e.Text, `{"status":`) && gjson.Valid(e.Text) {
		return clineJSON(e, gjson.Parse(e.Text), words)
	}
	switch text := e.Text; {
	case strings.HasPrefix(text, "The user denied this operation"):
		e.Flag = session.FlagRejected
	case strings.HasPrefix(text, "Tool [") && strings.Contains(firstLine(text), "was not executed because"), strings.HasPrefix(text, "Skipping tool "):
		e.Flag = session.FlagCollateral
	case strings.HasPrefix(text, "The tool execution failed with the following error"):
		e.Flag = session.FlagError
		if inner, _, ok := cutTag(text, "error"); ok {
			e.Text = inner
		}
	case strings.HasPrefix(text, "Access to ") && strings.Contains(firstLine(text), "is blocked by the ."):
		e.Flag = session.FlagDenied
	case strings.HasPrefix(text, "The command was cancelled by the user"):
		e.Flag = session.FlagInterrupted
	case strings.HasPrefix(text, "Missing value for required parameter"), strings.HasPrefix(text, "Invalid JSON argument"),
		strings.Contains(text, "This is likely because the SEARCH block content doesn't match"),
		strings.HasPrefix(text, "The command was terminated after exceeding"), strings.HasPrefix(text, "This tool cannot be used in PLAN MODE"):
		e.Flag = session.FlagError
	case strings.HasPrefix(text, "Command "):
		clineCommand(e)
	}
	return words
}

// clineJSON reads the status that newer versions of Roo Code write as JSON.
func clineJSON(e *session.Event, v gjson.Result, words string) string {
	if said := v.Get("feedback").String(); said != "" {
		words = said
	}
	switch v.Get("status").Str {
	case "denied":
		e.Flag = session.FlagRejected
	case "error":
		if e.Flag = session.FlagError; v.Get("type").Str == "access_denied" {
			e.Flag = session.FlagDenied
		}
	}
	if text := firstText(v, "error", "message"); text != "" {
		e.Text = text
	}
	return words
}

var (
	clineExit    = lazyregexp.New(`(?i)exit code:? (-?\d+)`)
	clineWorking = lazyregexp.New(`(?:working directory|from|executed in) '([^'\n]*)'`)
)

// clineCommand reads what is put before the output of a command: that it was
// executed, where, and what it exited with; or that it is running still.
func clineCommand(e *session.Event) {
	head, output, found := strings.Cut(e.Text, "\nOutput:\n")
	running := strings.HasPrefix(e.Text, "Command is still running")
	if running {
		head, output, found = strings.Cut(e.Text, "Here's the output so far:\n")
	} else if !found {
		head, output, found = strings.Cut(e.Text, "\nPreview:\n")
	}
	switch m := clineExit.FindStringSubmatch(head); {
	case running:
		e.Flag = session.FlagRunning
	case m != nil:
		if code, err := strconv.Atoi(m[1]); err == nil {
			e.Exit = exitCode(code)
		}
	case strings.Contains(head, "terminated by signal"):
		e.Flag = session.FlagError
	}
	if m := clineWorking.FindStringSubmatch(head); m != nil {
		e.Dir = m[1]
	}
	if found {
		e.Text = strings.TrimSpace(output)
	}
}
