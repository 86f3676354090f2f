package ingest

import (
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// Parts of an event of version 1.
const (
	ohThinking = iota
	ohSaid
	ohCall
	ohResult
	ohReason
)

// ohKindsSkipped are the kinds of events that repeat others, stream them, or
// serve the client.
var ohKindsSkipped = setOf("SystemPromptEvent", "ConversationStateUpdateEvent", "CondensationRequest", "CondensationSummaryEvent",
	"TokenEvent", "StreamingDeltaEvent", "LLMCompletionLogEvent")

// kind reads an event of version 1.
func (p *openhandsParser) kind(o *openhandsEvent) {
	switch kind := o.Get("kind").Str; kind {
	case "MessageEvent":
		p.messageEvent(o)
	case "ActionEvent":
		p.actionEvent(o)
	case "ObservationEvent":
		p.observationEvent(o)
	case "UserRejectObservation":
		p.refusal(o)
	case "AgentErrorEvent":
		e := o.start(ohResult, session.Result, session.ByTool)
		e.CallID, e.Tool, e.Flag, e.Text = o.Get("tool_call_id").String(), o.Get("tool_name").String(), session.FlagError, o.Get("error").String()
		e.Line = p.d.line(o.Get("error"))
		p.d.add(p.s, e)
	case "PauseEvent", "InterruptEvent":
		p.add(o.start(ohSaid, session.Note, session.Injected), session.Interrupt, strings.ToLower(strings.TrimSuffix(kind, "Event")))
	case "Condensation":
		p.add(o.start(ohSaid, session.Note, session.Injected), session.Compacted, "condensed")
	case "ConversationErrorEvent":
		p.add(o.start(ohSaid, session.Note, session.Injected), session.APIError, firstText(o.Result, "detail", "code"), o.Get("detail"), o.Get("code"))
	case "ACPToolCallEvent":
		p.acpCall(o)
	default:
		if !ohKindsSkipped[kind] {
			p.d.unknown(kind)
		}
	}
}

// messageEvent reads a message. What skills and rules add to one of the
// person's stands beside it.
func (p *openhandsParser) messageEvent(o *openhandsEvent) {
	m := o.Get("llm_message")
	text := contentText(m.Get("content"))
	if o.Get("source").Str != "user" {
		p.thinking(o, m)
		p.add(o.start(ohSaid, session.Agent, session.ByAgent), "", text, m.Get("content"))
		return
	}
	author := p.user()
	if o.Get("sender").String() != "" {
		author = session.ByProgram // another agent
	}
	p.add(o.start(ohSaid, session.User, author), "", text, m.Get("content"))
	p.add(o.start(ohReason, session.User, session.Injected), "", contentText(o.Get("extended_content")), o.Get("extended_content"))
}

func (p *openhandsParser) thinking(o *openhandsEvent, v gjson.Result) {
	from := v.Get("reasoning_content")
	if from.String() == "" {
		from = v.Get("thinking_blocks.0.thinking")
	}
	p.add(o.start(ohThinking, session.Agent, session.ByAgent), session.Thinking, from.String(), from)
}

// actionEvent reads what the model thought and its call. Thinking and finishing
// are calls in name only.
func (p *openhandsParser) actionEvent(o *openhandsEvent) {
	p.thinking(o, o.Result)
	p.add(o.start(ohSaid, session.Agent, session.ByAgent), "", contentText(o.Get("thought")), o.Get("thought"))
	action := o.Get("action")
	e := o.start(ohCall, session.Call, session.ByAgent)
	switch action.Get("kind").Str {
	case "ThinkAction":
		p.add(o.start(ohCall, session.Agent, session.ByAgent), session.Thinking, action.Get("thought").String(), action.Get("thought"))
		return
	case "FinishAction":
		p.add(o.start(ohCall, session.Agent, session.ByAgent), "", action.Get("message").String(), action.Get("message"))
		return
	}
	e.CallID, e.Tool = o.Get("tool_call_id").String(), o.Get("tool_name").String()
	if action.IsObject() {
		e.Text = ohInput(action, commonInput(&e, action))
		e.Line = p.d.inputLine(e.Command, action)
	} else { // it could not be made of what the model said
		args := firstResult(o.Get("tool_call"), "arguments", "function.arguments")
		commonInput(&e, jsonText(args))
		e.Line = p.d.inputLine(e.Command, args)
	}
	p.d.add(p.s, e)
}

// observationEvent reads what a call returned.
func (p *openhandsParser) observationEvent(o *openhandsEvent) {
	obs := o.Get("observation")
	switch obs.Get("kind").Str {
	case "ThinkObservation", "FinishObservation":
		return
	}
	e := o.start(ohResult, session.Result, session.ByTool)
	e.CallID, e.Tool = o.Get("tool_call_id").String(), o.Get("tool_name").String()
	e.Line = p.d.line(obs.Get("content"), obs.Get("output"), obs.Get("error"))
	e.Text = contentText(obs.Get("content"))
	if e.Text == "" {
		e.Text = firstText(obs, "output", "error")
	}
	switch failed := obs.Get("is_error"); {
	case failed.Bool(), obs.Get("error").Type == gjson.String && obs.Get("error").Str != "":
		e.Flag = session.FlagError
	case failed.Exists() && commonAct(e.Tool) != session.Shell:
		e.Flag = session.FlagOK
	}
	exitOf(&e, obs.Get("metadata.exit_code"), obs.Get("exit_code"))
	p.d.add(p.s, e)
	p.add(o.start(ohReason, session.User, session.Injected), "", contentText(o.Get("extended_content")), o.Get("extended_content"))
}

// refusal reads that the person, or a hook, said no to a call. Why the person
// did is an event of its own.
func (p *openhandsParser) refusal(o *openhandsEvent) {
	e := o.start(ohResult, session.Result, session.ByTool)
	reason := o.Get("rejection_reason").String()
	e.CallID, e.Tool, e.Flag, e.Text = o.Get("tool_call_id").String(), o.Get("tool_name").String(), session.FlagRejected, reason
	e.Line = p.d.line(o.Get("rejection_reason"))
	if o.Get("rejection_source").Str == "hook" {
		e.Flag = session.FlagDenied
	}
	p.d.add(p.s, e)
	if e.Flag == session.FlagRejected && reason != "" && reason != "User rejected the action" && reason != "User rejected" {
		why := o.start(ohReason, session.User, session.Human)
		why.CallID = e.CallID
		p.add(why, session.Refusal, reason, o.Get("rejection_reason"))
	}
}

// acpActs maps the kinds of calls of other agents that OpenHands runs to what
// they do.
var acpActs = map[string]session.Act{
	"execute": session.Shell, "read": session.Read, "edit": session.Edit, "delete": session.Edit, "move": session.Edit,
	"search": session.Search, "fetch": session.Fetch,
}

// acpCall reads a call of another agent that OpenHands runs. Each step of it is
// an event: the call is the same in all, and has returned with the last.
func (p *openhandsParser) acpCall(o *openhandsEvent) {
	id := o.Get("tool_call_id").String()
	e := o.start(ohCall, session.Call, session.ByAgent)
	e.CallID, e.Tool, e.Key = id, o.Get("title").String(), key("openhands acp", p.s.ID, id, "call")
	commonInput(&e, o.Get("raw_input"))
	e.Line = p.d.inputLine(e.Command, o.Get("raw_input"))
	if e.Act = acpActs[o.Get("tool_kind").Str]; e.Act == "" {
		e.Act = session.OtherAct
	}
	if !p.calls[id] {
		p.d.add(p.s, e)
	}
	p.calls[id] = true
	status := o.Get("status").Str
	if status != "completed" && status != "failed" && !o.Get("is_error").Bool() {
		return
	}
	r := o.start(ohResult, session.Result, session.ByTool)
	r.CallID, r.Key, r.Flag = id, key("openhands acp", p.s.ID, id, "result"), session.FlagOK
	r.Line = p.d.line(o.Get("content"), o.Get("raw_output"))
	if r.Text = contentText(o.Get("content.#.content")); r.Text == "" {
		r.Text = o.Get("raw_output").String()
	}
	if status == "failed" || o.Get("is_error").Bool() {
		r.Flag = session.FlagError
	}
	p.d.add(p.s, r)
}
