package ingest

import (
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// openCodeActs maps the names of tools to what they do.
var openCodeActs = map[string]session.Act{
	"bash": session.Shell, "read": session.Read, "edit": session.Edit, "multiedit": session.Edit, "patch": session.Edit, "apply_patch": session.Edit,
	"write": session.Write, "grep": session.Search, "glob": session.List, "list": session.List, "webfetch": session.Fetch,
	"websearch": session.Fetch, "codesearch": session.Fetch, "task": session.Task, "question": session.Ask, "plan_exit": session.Ask,
	"plan_enter": session.Ask, "todowrite": session.Plan, "todoread": session.Plan,
}

// tool reads a tool part, which is a call and its result in one:
// {tool, callID, state: {status, input, output or error, metadata, time}}.
func (p *openCodeParser) tool(i int, part gjson.Result, byHand bool) {
	state := part.Get("state")
	call := p.event(openCodePart*i, session.Call, session.ByAgent)
	call.Tool, call.CallID = part.Get("tool").Str, part.Get("callID").Str
	call.Dir = p.at.dir
	openCodeInput(&call, state.Get("input"))
	call.Line = p.d.inputLine(call.Command, state.Get("input"))
	if t := milli(state.Get("time.start")); !t.IsZero() {
		call.Time = t
	}
	result := p.event(openCodePart*i+openCodeResult, session.Result, session.ByTool)
	result.CallID, result.Time = call.CallID, call.Time
	if t := milli(state.Get("time.end")); !t.IsZero() {
		result.Time = t
	}
	reason := p.outcome(&result, call.Act, part)
	if byHand {
		p.command(call, result)
		return
	}
	p.d.add(p.s, call)
	p.d.add(p.s, result)
	if reason != "" {
		why := p.event(openCodePart*i+openCodeReason, session.User, session.Human)
		why.Act, why.CallID, why.Text, why.Time, why.Line = session.Refusal, call.CallID, reason, result.Time, result.Line
		p.d.add(p.s, why)
	}
}

// command adds a command that the person gave, and what it printed: neither
// says anything of the agent.
func (p *openCodeParser) command(call, result session.Event) {
	call.Kind, call.Author, call.Text = session.User, session.Human, "! "+call.Command
	call.Act, call.Tool, call.CallID, call.Command = "", "", "", ""
	p.d.add(p.s, call)
	result.Kind, result.Author, result.CallID, result.Flag, result.Exit = session.User, session.Injected, "", "", nil
	if result.Text != "" {
		p.d.add(p.s, result)
	}
}

// openCodeInput takes the command or path of a call out of its input; the rest
// becomes text. A call that was malformed stands under the name "invalid", with
// the name of the tool that it was meant for in its input.
func openCodeInput(e *session.Event, input gjson.Result) {
	if strings.Contains(input.Raw, "\n") {
		input = input.Get("@ugly") // exports and files are indented, databases not: the text is the same
	}
	if e.Tool == "invalid" {
		if meant := input.Get("tool").Str; meant != "" {
			e.Tool = meant
		}
		e.Act, e.Text = session.OtherAct, inputText(input, "tool")
		return
	}
	if e.Act = openCodeActs[e.Tool]; e.Act == "" {
		e.Act = session.OtherAct
	}
	if dir := input.Get("workdir").Str; dir != "" {
		e.Dir = dir
	}
	subject := ""
	for _, name := range []string{"command", "filePath", "pattern", "url", "query", "path", "name", "description"} {
		if v := input.Get(name); v.Type == gjson.String {
			subject, e.Command = name, v.String()
			break
		}
	}
	e.Text = inputText(input, subject)
}

// outcome reads what became of a call, and returns the person's words when they
// rejected it. That a call was completed says only that its tool ran: a
// command's exit code stands in its metadata.
func (p *openCodeParser) outcome(e *session.Event, act session.Act, part gjson.Result) (reason string) {
	state := part.Get("state")
	printed := state.Get("metadata.output")
	e.Line = p.d.line(state.Get("output"), state.Get("error"), printed)
	switch status := state.Get("status").Str; status {
	case "completed":
		e.Text, e.Flag = openCodeOutput(part.Get("tool").Str, state.Get("output").String()), session.FlagOK
		if part.Get("tool").Str == "invalid" {
			e.Flag = session.FlagError
		}
		if act == session.Shell {
			shellOutcome(e, state.Get("metadata.exit"))
		}
	case "error":
		e.Text = state.Get("error").String()
		e.Flag, reason = openCodeFlag(e.Text, state.Get("metadata.interrupted").Bool())
		if e.Flag == session.FlagRejected && p.auto {
			e.Flag = session.FlagDenied // there was nobody to reject it
		}
		if printed.Type == gjson.String && printed.Str != "" {
			e.Line, e.Text = p.d.line(printed), printed.Str+"\n"+e.Text
		}
	case "running", "pending":
		e.Text, e.Flag = printed.String(), session.FlagRunning
	default:
		p.d.unknown("tool status " + status)
	}
	return reason
}

// shellOutcome reads how a command ended: its exit code, or the client's
// remark behind the output. A command that was stopped for its time has 124, as
// with timeout(1).
func shellOutcome(e *session.Event, exit gjson.Result) {
	e.Flag = ""
	switch {
	case exit.Type == gjson.Number:
		e.Exit = exitCode(int(exit.Int()))
	case strings.HasSuffix(e.Text, "User aborted the command"):
		e.Flag = session.FlagInterrupted
	case strings.Contains(e.Text[max(0, len(e.Text)-400):], "exceeding timeout"):
		e.Flag, e.Exit = session.FlagError, exitCode(124)
	}
}

const (
	openCodeRejected = "The user rejected permission to use this specific tool call"
	openCodeFeedback = " with the following feedback: "
)

// openCodeFlag tells a failed tool from a refusal and an interrupt, which all
// have the status "error".
func openCodeFlag(text string, interrupted bool) (flag session.Flag, reason string) {
	if rest, ok := strings.CutPrefix(text, openCodeRejected); ok {
		reason, _ = strings.CutPrefix(rest, openCodeFeedback)
		if reason == rest {
			reason = ""
		}
		return session.FlagRejected, reason
	}
	switch {
	case strings.HasPrefix(text, "The user dismissed this question"):
		return session.FlagRejected, ""
	case strings.HasPrefix(text, "The user has specified a rule which prevents you"):
		return session.FlagDenied, ""
	case interrupted, text == "Tool execution aborted", strings.HasPrefix(text, "The operation was aborted"), text == "Aborted":
		return session.FlagInterrupted, ""
	}
	return session.FlagError, ""
}

var (
	// The client's remark behind the output of a command.
	openCodeRemark = lazyregexp.New(`(?s)\n*<(?:shell_|bash_)?metadata>\n(.*?)\n</(?:shell_|bash_)?metadata>\s*$`)
	// A file or folder, as read shows it.
	openCodeShown = lazyregexp.New(`(?s)^<path>[^\n]*</path>\n<type>[^\n]*</type>\n<(?:content|entries)>\n?(.*?)\n?</(?:content|entries)>\s*$`)
	openCodeFile  = lazyregexp.New(`(?s)^<file>\n(.*?)\n?</file>\s*$`)
	// The answer of a subagent.
	openCodeTask = lazyregexp.New(`(?s)^<task [^\n]*>\n<task_result>\n(.*?)\n?</task_result>\n</task>\s*$`)
	openCodeMeta = lazyregexp.New(`(?s)\n*<task_metadata>\n.*</task_metadata>\s*$`)
)

// openCodeOutput takes a tool's output out of what the client wraps it in.
func openCodeOutput(tool, text string) string {
	switch tool {
	case "bash":
		if text == "(no output)" {
			return ""
		}
		if m := openCodeRemark.FindStringSubmatchIndex(text); m != nil {
			remark := text[m[2]:m[3]]
			text = strings.TrimSpace(strings.TrimPrefix(text[:m[0]], "(no output)") + "\n" + remark)
		}
	case "read":
		text = withoutReminders(text)
		for _, shape := range []*lazyregexp.Regexp{openCodeShown, openCodeFile} {
			if m := shape.FindStringSubmatch(text); m != nil {
				return m[1]
			}
		}
	case "task":
		if m := openCodeTask.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		return openCodeMeta.ReplaceAllString(text, "")
	}
	return text
}
