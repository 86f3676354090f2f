package ingest

import (
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// Parts of an event of version 0.
const (
	ohThought = iota
	ohMain
)

// ohSkipped are the actions and observations that repeat others or serve the
// client.
var ohSkipped = setOf("system", "recall", "null", "condensation_request", "agent_think", "start", "init")

// action reads an action of version 0: of the person, or of the model.
func (p *openhandsParser) action(o *openhandsEvent) {
	args, fromUser := o.Get("args"), o.Get("source").Str == "user"
	p.tokens(o)
	switch kind := o.Get("action").Str; kind {
	case "message":
		text := args.Get("content").String()
		if fromUser {
			p.add(o.start(ohMain, session.User, p.user()), "", text, args.Get("content"))
			return
		}
		p.add(o.start(ohMain, session.Agent, session.ByAgent), "", text, args.Get("content"))
	case "think":
		p.add(o.start(ohMain, session.Agent, session.ByAgent), session.Thinking, args.Get("thought").String(), args.Get("thought"))
	case "finish", "reject":
		p.add(o.start(ohMain, session.Agent, session.ByAgent), "", firstText(args, "final_thought", "outputs.content", "outputs.reason", "thought"),
			args.Get("final_thought"), args.Get("outputs.content"), args.Get("outputs.reason"), args.Get("thought"))
	case "condensation":
		p.add(o.start(ohMain, session.Note, session.Injected), session.Compacted, "condensed")
	case "change_agent_state":
		if state := args.Get("agent_state").Str; state == "paused" || state == "stopped" {
			p.add(o.start(ohMain, session.Note, session.Injected), session.Interrupt, state)
		}
	default:
		if !ohSkipped[kind] {
			p.act(o, kind, args, fromUser)
		}
	}
}

func firstText(v gjson.Result, names ...string) string {
	for _, n := range names {
		if text := v.Get(n).String(); strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}

// ohActs maps the actions that are calls to what they do.
var ohActs = map[string]session.Act{
	"run": session.Shell, "run_ipython": session.OtherAct, "edit": session.Edit, "read": session.Read, "write": session.Write,
	"browse": session.Fetch, "browse_interactive": session.Fetch, "delegate": session.Task, "task_tracking": session.Plan,
	"call_tool_mcp": session.OtherAct, "mcp": session.OtherAct,
}

// act reads an action that is a call.
func (p *openhandsParser) act(o *openhandsEvent, kind string, args gjson.Result, fromUser bool) {
	act, known := ohActs[kind]
	if !known {
		p.d.unknown("action " + kind)
		return
	}
	author := session.ByAgent
	if fromUser {
		author = session.Human
	} else {
		p.add(o.start(ohThought, session.Agent, author), "", args.Get("thought").String(), args.Get("thought"))
	}
	e := o.start(ohMain, session.Call, author)
	e.CallID = "action-" + o.Get("id").String()
	if e.Tool = o.Get("tool_call_metadata.function_name").Str; e.Tool == "" {
		e.Tool = kind
	}
	e.Act = act
	subject := ""
	for _, name := range []string{"path", "command", "code", "url", "browser_actions", "name", "agent"} {
		if v := args.Get(name); v.Type == gjson.String && v.Str != "" {
			subject, e.Command = name, v.Str
			break
		}
	}
	switch verb := args.Get("command").Str; {
	case kind == "edit" && verb == "view":
		e.Act = session.Read
	case kind == "edit" && verb == "create":
		e.Act = session.Write
	}
	e.Line, e.Text = p.d.inputLine(e.Command, args), ohInput(args, subject)
	if e.Act == session.Shell && p.dir != p.s.Cwd {
		e.Dir = p.dir
	}
	p.d.add(p.s, e)
}

// ohInput writes the arguments of an action, of either version, without those
// that every action has.
func ohInput(args gjson.Result, subject string) string {
	var lines []string
	args.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case subject, "kind", "thought", "confirmation_state", "security_risk", "blocking", "hidden", "is_static", "cwd", "is_input", "impl_source", "include_extra":
		default:
			if text := v.String(); text != "" && text != "false" && text != "-1" {
				lines = append(lines, k.Str+": "+text)
			}
		}
		return true
	})
	return strings.Join(lines, "\n")
}

// observation reads what came of an action in version 0; "cause" is its id.
func (p *openhandsParser) observation(o *openhandsEvent) {
	kind, extras, text := o.Get("observation").Str, o.Get("extras"), o.Get("content").String()
	e := o.start(ohMain, session.Result, session.ByTool)
	e.Line, e.Text = p.d.line(o.Get("content")), text
	if cause := o.Get("cause"); cause.Type == gjson.Number && cause.Int() >= 0 {
		e.CallID = "action-" + cause.String()
	}
	switch kind {
	case "run":
		exitOf(&e, extras.Get("metadata.exit_code"), extras.Get("exit_code"))
		p.in(extras.Get("metadata.working_dir").String())
	case "run_ipython", "browse", "delegate", "mcp", "task_tracking", "file_download", "success":
	case "edit", "read", "write":
		if strings.HasPrefix(text, "ERROR:") || strings.HasPrefix(text, "[Error") {
			e.Flag = session.FlagError
		}
	case "error":
		if e.Flag = session.FlagError; e.CallID == "" {
			p.add(o.start(ohMain, session.Note, session.Injected), session.APIError, text, o.Get("content"))
			return
		}
	case "user_rejected":
		e.Flag = session.FlagRejected
	case "agent_state_changed":
		if extras.Get("agent_state").Str == "error" {
			p.add(o.start(ohMain, session.Note, session.Injected), session.APIError, extras.Get("reason").String(), extras.Get("reason"))
		}
		return
	case "think", "condense":
		return
	default:
		if !ohSkipped[kind] {
			p.d.unknown("observation " + kind)
		}
		return
	}
	p.d.add(p.s, e)
}

// tokens counts what a reply of the model used: what it says has been used up
// to then, or what the reply itself says, once for each.
func (p *openhandsParser) tokens(o *openhandsEvent) {
	if m := o.Get("llm_metrics"); m.IsObject() {
		p.s.Usage = session.Usage{}
		addOpenHandsUse(&p.s.Usage, m)
		p.used["told"] = true
	}
	reply := o.Get("tool_call_metadata.model_response")
	if model := reply.Get("model").Str; model != "" && p.s.Model == "" {
		p.s.Model = model
	}
	if id := reply.Get("id").String(); reply.Exists() && !p.used[id] && !p.used["told"] {
		p.used[id] = true
		p.s.Usage.Input += int(reply.Get("usage.prompt_tokens").Int())
		p.s.Usage.Output += int(reply.Get("usage.completion_tokens").Int())
	}
}
