package ingest

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// chatSkipped are the parts of a response that only the screen needs, or that
// repeat what calls do.
var chatSkipped = setOf("codeblockUri", "undoStop", "progressTask", "progressTaskSerialized", "progressMessage", "warning", "info", "command",
	"confirmation", "elicitation", "elicitation2", "elicitationSerialized", "mcpServersStarting", "mcpServersStartingSerialized",
	"mcpAuthenticationRequired", "prepareToolInvocation", "reference", "references", "codeCitation", "extensions", "pullRequest",
	"multiDiffData", "notebookEditGroup", "clearToPreviousToolInvocation", "treeData", "changesSummary", "todoList", "hook", "externalEdit",
	"questionCarousel", "systemNotification", "workspaceEdit", "disabledClaudeHooks", "planReview", "autoModeResolution", "markdownVuln",
	"move", "toolInvocation")

// response reads the parts of a response. Text comes in many of them.
func (p *chatParser) response(parts gjson.Result) {
	s := p.session("")
	text, at, line := "", 0, 0
	say := func() {
		if e := p.event(chatResponse+at*chatStep, session.Agent, session.ByAgent); strings.TrimSpace(text) != "" {
			e.Line, e.Text = line, strings.TrimSpace(text)
			p.d.add(s, e)
		}
		text = ""
	}
	calls := strings.Contains(parts.Raw, `"toolInvocationSerialized"`)
	i := 0
	parts.ForEach(func(_, part gjson.Result) bool {
		kind := part.Get("kind").Str
		if text == "" {
			at, line = i, p.d.line(part.Get("value"), part.Get("content"), part)
		}
		switch kind {
		case "", "markdownContent":
			text += chatText(firstResult(part, "value", "content"))
		case "inlineReference":
			text += chatReference(part)
		case "thinking":
			say()
			if e := p.event(chatResponse+i*chatStep, session.Agent, session.ByAgent); joined(part.Get("value")) != "" {
				e.Line, e.Act, e.Text = p.d.line(part.Get("value")), session.Thinking, joined(part.Get("value"))
				p.d.add(s, e)
			}
		case "toolInvocationSerialized":
			say()
			p.invocation(chatResponse+i*chatStep, part)
		case "textEditGroup":
			say()
			if !calls { // else a call made the edit
				e := p.event(chatResponse+i*chatStep, session.Call, session.ByAgent)
				e.Act, e.Tool, e.Command = session.Edit, "edit", firstText(part, "uri.fsPath", "uri.path")
				e.Line = p.d.line(part.Get("uri"))
				p.d.add(s, e)
			}
		default:
			if !chatSkipped[kind] {
				p.d.unknown("response " + kind)
			}
		}
		i++
		return true
	})
	say()
}

// chatText returns a text that may be an object with a value, as Markdown is.
func chatText(v gjson.Result) string {
	if v.IsObject() {
		return v.Get("value").String()
	}
	return v.String()
}

// chatReference returns the name of what a text refers to.
func chatReference(part gjson.Result) string {
	ref := part.Get("inlineReference")
	if name := firstText(part, "name", "inlineReference.name"); name != "" {
		return name
	}
	return path.Base(firstText(ref, "fsPath", "path", "uri.fsPath", "uri.path", "location.uri.path"))
}

// invocation reads a call as the screen shows it.
func (p *chatParser) invocation(part int, shown gjson.Result) {
	id := shown.Get("toolCallId").String()
	s := p.session(shown.Get("subAgentInvocationId").String())
	if _, known := p.made[id]; !known { // the editor adds to the ids of some models
		short, _, _ := strings.Cut(id, "__vscode")
		for made := range p.made {
			if made == short || strings.HasPrefix(made, short+"__vscode") && short != "" {
				id = made
			}
		}
	}
	p.todo = slices.DeleteFunc(p.todo, func(x string) bool { return x == id })
	p.call(s, part, id, shown)
}

// call adds a call and its result, out of what the model has and what the
// screen shows, of which either may be missing.
func (p *chatParser) call(s *session.Session, part int, id string, shown gjson.Result) {
	made, data := p.made[id], shown.Get("toolSpecificData")
	e := p.event(part, session.Call, session.ByAgent)
	if t := unixTime(made.time / 1000); !t.IsZero() {
		e.Time = t
	}
	e.CallID, e.Tool = id, made.name
	if e.Tool == "" {
		e.Tool = strings.TrimPrefix(shown.Get("toolId").String(), "copilot_")
	}
	args := jsonText(made.arguments)
	if !args.Exists() {
		args = data.Get("rawInput")
	}
	commonInput(&e, args)
	e.Line = cmp.Or(p.d.inputLine(e.Command, made.arguments), p.d.inputLine(e.Command, args))
	edited := data.Get("commandLine.userEdited").String()
	if data.Get("kind").Str == "terminal" {
		e.Act = session.Shell
		if line := firstText(data, "commandLine.userEdited", "commandLine.toolEdited", "commandLine.original", "command"); line != "" {
			e.Command = line
			e.Line = p.d.inputLine(line, firstResult(data, "commandLine", "command"))
		}
		e.Dir = chatFolder(data.Get("cwd"))
	}
	if data.Get("kind").Str == "subagent" && e.Command == "" {
		e.Command, e.Text = data.Get("description").String(), data.Get("prompt").String()
		e.Line = p.d.inputLine(e.Command, data)
	}
	if e.Command == "" && e.Text == "" {
		told := firstResult(shown, "pastTenseMessage", "invocationMessage")
		e.Line, e.Text = p.d.line(told), chatText(told)
	}
	p.d.add(s, e)
	if edited != "" && edited != data.Get("commandLine.original").String() {
		note := p.event(part+2, session.Note, session.Human)
		note.Line = p.d.line(data.Get("commandLine.original"))
		note.Act, note.CallID, note.Text = session.UserChanged, id, data.Get("commandLine.original").String()
		p.d.add(s, note)
	}
	if shown.Exists() || made.result.Exists() {
		p.result(s, part+1, &e, made, shown)
	}
}

func chatFolder(v gjson.Result) string {
	if v.IsObject() {
		return firstText(v, "fsPath", "path")
	}
	if dir := uriPath(v.String()); dir != "" {
		return dir
	}
	return v.String()
}

// chatContent returns the text of a piece of a result: a text, or the tree that
// a prompt is made of.
func chatContent(piece gjson.Result) string {
	v := piece.Get("value")
	if v.Type == gjson.String {
		return v.Str
	}
	var b strings.Builder
	treeText(&b, v.Get("node"))
	return strings.TrimPrefix(b.String(), "\n")
}

func treeText(b *strings.Builder, node gjson.Result) {
	if text := node.Get("text"); text.Type == gjson.String {
		if node.Get("lineBreakBefore").Bool() {
			b.WriteByte('\n')
		}
		b.WriteString(text.Str)
	}
	node.Get("children").ForEach(func(_, child gjson.Result) bool {
		treeText(b, child)
		return true
	})
}

// Two of the ways in which a call is confirmed, as the editor numbers them: the
// person said no, or passed it over.
const (
	chatDenied = 0
	chatPassed = 5
)

// result adds what a call returned.
func (p *chatParser) result(s *session.Session, part int, call *session.Event, made chatCall, shown gjson.Result) {
	data, confirmed := shown.Get("toolSpecificData"), shown.Get("isConfirmed")
	r := p.event(part, session.Result, session.ByTool)
	r.CallID, r.Time = call.CallID, call.Time
	r.Line = p.d.line(made.result.Get("content"), data.Get("terminalCommandOutput.text"), data.Get("result"), shown.Get("resultDetails.output"))
	made.result.Get("content").ForEach(func(_, c gjson.Result) bool {
		r.Text += chatContent(c)
		return true
	})
	if r.Text == "" {
		r.Text = firstText(data, "terminalCommandOutput.text", "result")
	}
	if r.Text == "" {
		r.Text = joined(shown.Get("resultDetails.output.#.value"))
	}
	if code := data.Get("terminalCommandState.exitCode"); code.Type == gjson.Number {
		r.Exit = exitCode(int(code.Int()))
	}
	if t := unixTime(data.Get("terminalCommandState.timestamp").Float() / 1000); !t.IsZero() {
		r.Time = t
	}
	how := confirmed.Get("type")
	switch {
	case confirmed.Type == gjson.False, how.Type == gjson.Number && (how.Int() == chatDenied || how.Int() == chatPassed):
		r.Flag = session.FlagRejected
	case shown.Get("resultDetails.isError").Bool():
		r.Flag = session.FlagError
	case data.Get("didContinueInBackground").Bool():
		r.Flag = session.FlagRunning
	case shown.Get("isComplete").Type == gjson.False && r.Text == "":
		return // the response ended before it did
	}
	p.d.add(s, r)
}
