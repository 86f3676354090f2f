package ingest

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
)

// cursorParser reads a conversation of Cursor's editor.
type cursorParser struct {
	d     *Draft
	s     *session.Session
	doc   gjson.Result
	tools map[string]gjson.Result // calls by message, of the versions that keep them apart
}

func newCursorParser(d *Draft, c cursorConversation, doc gjson.Result) *cursorParser {
	p := &cursorParser{d: d, s: d.session(c.id), doc: doc, tools: make(map[string]gjson.Result)}
	s := p.s
	s.Sources[0].Unit = "index"
	s.Parent, s.Title = c.parent, doc.Get("name").String()
	s.Cwd = doc.Get("workspaceIdentifier.uri.fsPath").String()
	if model := doc.Get("modelConfig.modelName").String(); model != "default" {
		s.Model = model
	}
	if s.Population = session.ByUser; s.Parent != "" {
		s.Population = session.Subagent
	}
	for _, c := range doc.Get("capabilities").Array() {
		calls := c.Get("data.bubbleDataMap")
		if calls.Type == gjson.String {
			calls = gjson.Parse(calls.Str)
		}
		calls.ForEach(func(id, call gjson.Result) bool {
			p.tools[id.String()] = call
			return true
		})
	}
	return p
}

// read reads the messages in the order that the document gives; early versions
// have them in it. Messages that it does not list were taken back.
func (p *cursorParser) read(bubbles map[string]string) {
	n := 0
	next := func(b gjson.Result) {
		p.d.Records++
		p.bubble(n, b)
		n++
	}
	headers := p.doc.Get("fullConversationHeadersOnly").Array()
	if len(headers) == 0 {
		for _, b := range p.doc.Get("conversation").Array() {
			next(b)
		}
		return
	}
	for _, h := range headers {
		text, ok := bubbles[h.Get("bubbleId").String()]
		switch {
		case h.Get("grouping.isRenderable").Type == gjson.False: // the person never saw it
			n++
		case !ok:
			p.d.unknown("message that is not there")
			n++
		case !gjson.Valid(text):
			p.d.Records++
			p.d.bad(n, "message: not JSON")
			n++
		default:
			next(gjson.Parse(text))
		}
	}
}

// Each message gives up to four events: a thought, a text, a call, its result.
const (
	cursorThought = iota
	cursorText
	cursorCall
	cursorResult
)

func (p *cursorParser) event(n, part int, b gjson.Result, kind session.Kind, author session.Author) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Time: cursorTime(b),
		Key: key("cursor", p.s.ID, b.Get("bubbleId").String(), strconv.Itoa(part))}
}

// cursorTime returns the moment of a message. Early versions time the client's
// work in fractions of milliseconds, some from its own start.
func cursorTime(b gjson.Result) time.Time {
	if at := b.Get("createdAt"); at.Type == gjson.String {
		return parseTime(at.Str)
	} else if at.Type == gjson.Number {
		return unixTimeOf(at.Int())
	}
	start, timing := b.Get("timingInfo.clientStartTime").Float(), b.Get("timingInfo")
	if start > 1e11 {
		return unixTime(start / 1000)
	}
	for _, end := range []string{"clientRpcSendTime", "clientSettleTime", "clientEndTime"} {
		if t := timing.Get(end).Float(); t > 1e11 {
			return unixTime((t - start) / 1000)
		}
	}
	return time.Time{}
}

func (p *cursorParser) bubble(n int, b gjson.Result) {
	text := strings.TrimSpace(b.Get("text").String())
	switch kind := b.Get("type").Int(); kind {
	case 1:
		e := p.event(n, cursorText, b, session.User, session.Human)
		if e.Author, e.Text = cursorWords(p.s, text); e.Text != "" {
			p.d.add(p.s, e)
		}
	case 2:
		p.reply(n, b, text)
	default:
		p.d.unknown("message type " + b.Get("type").String())
	}
}

func (p *cursorParser) reply(n int, b gjson.Result, text string) {
	first := len(p.s.Events)
	if p.s.Model == "" {
		p.s.Model = b.Get("modelInfo.modelName").String()
	}
	if thought := firstText(b, "thinking.text"); thought != "" {
		e := p.event(n, cursorThought, b, session.Agent, session.ByAgent)
		e.Act, e.Text = session.Thinking, thought
		p.d.add(p.s, e)
	}
	if text != "" {
		e := p.event(n, cursorText, b, session.Agent, session.ByAgent)
		e.Text = text
		p.d.add(p.s, e)
	}
	call := b.Get("toolFormerData")
	if !call.IsObject() {
		call = p.tools[b.Get("bubbleId").String()]
	}
	if call.Get("name").String() != "" {
		p.tool(n, b, call)
	}
	p.s.Usage.Input += int(b.Get("tokenCount.inputTokens").Int())
	out := int(b.Get("tokenCount.outputTokens").Int())
	if p.s.Usage.Output += out; len(p.s.Events) > first {
		p.s.Events[first].Tokens = out
	}
}

// inner parses JSON that stands within a string.
func inner(v gjson.Result) gjson.Result {
	if text := session.Clean(v.String()); v.Type == gjson.String && gjson.Valid(text) {
		return gjson.Parse(text)
	}
	return v
}

// tool reads a call with its result: {name, toolCallId, status, rawArgs,
// params, result, error, userDecision, additionalData}, of which arguments,
// result and error are JSON within strings.
func (p *cursorParser) tool(n int, b, t gjson.Result) {
	call := p.event(n, cursorCall, b, session.Call, session.ByAgent)
	call.Tool = t.Get("name").String()
	if call.CallID = t.Get("toolCallId").String(); call.CallID == "" {
		call.CallID = b.Get("bubbleId").String()
	}
	args := inner(t.Get("rawArgs"))
	if !args.IsObject() {
		args = inner(t.Get("params"))
	}
	cursorInput(&call, args)
	p.d.add(p.s, call)
	result := p.event(n, cursorResult, b, session.Result, session.ByTool)
	result.CallID = call.CallID
	p.outcome(&result, call.Act, t)
	p.d.add(p.s, result)
}

func (p *cursorParser) outcome(e *session.Event, act session.Act, t gjson.Result) {
	result, failure := inner(t.Get("result")), inner(t.Get("error"))
	if e.Text = result.String(); result.IsObject() {
		if text := firstText(result, "output", "contents", "content", "outputText", "result"); text != "" || act == session.Shell {
			e.Text = text
		}
	}
	switch status := t.Get("status").Str; status {
	case "completed":
		e.Flag = session.FlagOK
	case "error":
		e.Flag = session.FlagError
	case "cancelled":
		e.Flag = session.FlagInterrupted
	case "loading", "pending", "running", "generating":
		e.Flag = session.FlagRunning
	case "":
	default:
		p.d.unknown("tool status " + status)
	}
	if text := firstText(failure, "clientVisibleErrorMessage", "modelVisibleErrorMessage", "message", "@this"); failure.Exists() && text != "" {
		e.Flag, e.Text = session.FlagError, strings.TrimSpace(e.Text+"\n"+text)
	}
	if act == session.Shell {
		cursorShell(e, result)
	}
	switch {
	case firstText(t, "userDecision", "additionalData.userDecision") == "rejected", result.Get("rejected").Type == gjson.True:
		e.Flag = session.FlagRejected
	case result.Get("applyFailed").Bool(), t.Get("additionalData.applyFailed").Bool():
		e.Flag = session.FlagError
	}
}

// cursorShell reads how a command ended. That it was completed says only that
// it ran.
func cursorShell(e *session.Event, result gjson.Result) {
	if e.Flag == session.FlagOK {
		e.Flag = ""
	}
	for _, name := range []string{"exitCode", "exitCodeV2"} {
		if code := result.Get(name); code.Type == gjson.Number {
			e.Exit = exitCode(int(code.Int()))
		}
	}
	if result.Get("notInterrupted").Type == gjson.False {
		e.Flag = session.FlagInterrupted
	}
}
