package ingest

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// assistant reads a message of the model: its words and its calls.
func (p *copilotParser) assistant(r *copilotRecord) {
	s := p.session(r.agent)
	if model := r.data.Get("model").Str; model != "" {
		s.Model = model
	}
	tokens := int(r.data.Get("outputTokens").Int())
	s.output += tokens
	first := len(s.Events)
	for block, said := range []struct {
		act  session.Act
		text string
	}{{session.Thinking, r.data.Get("reasoningText").String()}, {"", r.data.Get("content").String()}} {
		if strings.TrimSpace(said.text) != "" {
			e := r.event(block, session.Agent, session.ByAgent)
			e.Act, e.Text = said.act, said.text
			p.add(r, e)
		}
	}
	block := 2
	r.data.Get("toolRequests").ForEach(func(_, c gjson.Result) bool {
		p.call(r, block, session.ByAgent, c.Get("toolCallId").Str, c.Get("name").Str, c.Get("arguments"))
		block++
		return true
	})
	if len(s.Events) > first {
		s.Events[first].Tokens = tokens
	}
}

// started reads that a call is run. The call itself stands in the model's
// message, but for those that the person or an older version makes.
func (p *copilotParser) started(r *copilotRecord) {
	if _, known := p.calls[r.data.Get("toolCallId").Str]; !known {
		p.call(r, 0, session.ByAgent, r.data.Get("toolCallId").Str, r.data.Get("toolName").Str, r.data.Get("arguments"))
	}
}

// requested reads a call that the person makes, as a command typed behind "!".
func (p *copilotParser) requested(r *copilotRecord) {
	p.call(r, 0, session.Human, r.data.Get("toolCallId").Str, r.data.Get("toolName").Str, r.data.Get("arguments"))
}

// copilotActs maps the names of tools to what they do. Names not listed do
// something else.
var copilotActs = map[string]session.Act{
	"bash": session.Shell, "powershell": session.Shell, "local_shell": session.Shell, "read_bash": session.Shell,
	"write_bash": session.Shell, "stop_bash": session.Shell, "read_powershell": session.Shell, "write_powershell": session.Shell,
	"stop_powershell": session.Shell, "view": session.Read, "show_file": session.Read, "rg": session.Search, "grep": session.Search,
	"glob": session.List, "apply_patch": session.Edit, "edit": session.Edit, "str_replace": session.Edit,
	"str_replace_editor": session.Edit, "create": session.Write, "web_fetch": session.Fetch, "web_search": session.Fetch,
	"task": session.Task, "read_agent": session.Task, "ask_user": session.Ask, "exit_plan_mode": session.Ask,
	"update_todo": session.Plan, "report_intent": session.Plan,
}

// call adds a tool call. One that reads from a shell or writes to it belongs
// to the call that started the shell.
func (p *copilotParser) call(r *copilotRecord, block int, author session.Author, id, name string, arguments gjson.Result) {
	e := r.event(block, session.Call, author)
	e.CallID, e.Tool, e.Act = id, name, copilotActs[name]
	if e.Act == "" {
		e.Act = session.OtherAct
	}
	args := jsonText(arguments)
	shell := args.Get("shellId").String()
	switch command := args.Get("command"); {
	case !args.IsObject(): // apply_patch
		e.Text = args.String()
		e.Command = strings.Join(patchFiles(e.Text), " ")
	case e.Act == session.Shell && !command.Exists():
		e.Of, e.Text = p.shells[shell], inputText(args, "")
	default:
		setSubject(&e, args)
		if e.Act == session.Shell && shell != "" {
			p.shells[shell] = id
		}
	}
	p.calls[id] = r.agent
	p.add(r, e)
}

var (
	copilotExit    = lazyregexp.New(`\n?<(?:shellId: \S+ completed|exited) with exit code (-?\d+)>\s*$`)
	copilotRunning = lazyregexp.New(`(?s)\n?<command (?:started in (?:detached )?background with shellId: (\S+?)>|with shellId: (\S+) is still running after .*)\s*$`)
)

// completed reads what a call returned.
func (p *copilotParser) completed(r *copilotRecord) {
	e := r.event(0, session.Result, session.ByTool)
	e.CallID = r.data.Get("toolCallId").Str
	if call := callOf(p.session(r.agent).Session, e.CallID); call != nil {
		e.Of = call.Of
	}
	if r.data.Get("success").Bool() {
		e.Flag, e.Text = session.FlagOK, firstOf(r.data, "result.content", "result.detailedContent")
	} else {
		e.Flag, e.Text = session.FlagError, firstOf(r.data, "error.message", "error", "result.content")
		switch r.data.Get("error.code").Str {
		case "rejected":
			e.Flag = session.FlagRejected
		case "denied":
			e.Flag = session.FlagDenied
		}
		if flag := p.refused[e.CallID]; flag != "" {
			e.Flag = flag
		}
	}
	if m := copilotExit.FindStringSubmatchIndex(e.Text); m != nil {
		if code, err := strconv.Atoi(e.Text[m[2]:m[3]]); err == nil {
			if e.Exit = exitCode(code); code != 0 && e.Flag == session.FlagOK {
				e.Flag = "" // the tool was fine, the command was not
			}
		}
		e.Text = e.Text[:m[0]]
	} else if m := copilotRunning.FindStringSubmatch(e.Text); m != nil {
		e.Flag, e.Text = session.FlagRunning, strings.TrimSuffix(e.Text, m[0])
		if shell := m[1] + m[2]; p.shells[shell] == "" {
			p.shells[shell] = e.CallID
		}
	}
	p.add(r, e)
}

// permitted reads how a request for permission was answered. Why the person
// said no is an event of its own.
func (p *copilotParser) permitted(r *copilotRecord) {
	call, answer := r.data.Get("toolCallId").Str, r.data.Get("result")
	switch kind := answer.Get("kind").Str; {
	case kind == "denied-interactively-by-user":
		p.refused[call] = session.FlagRejected
	case strings.HasPrefix(kind, "denied"):
		p.refused[call] = session.FlagDenied
		return
	case kind == "cancelled":
		p.refused[call] = session.FlagInterrupted
		return
	default:
		return
	}
	if e := r.event(0, session.User, session.Human); answer.Get("feedback").Str != "" {
		e.Act, e.CallID, e.Text = session.Refusal, call, answer.Get("feedback").Str
		p.add(r, e)
	}
}
