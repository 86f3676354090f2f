package ingest

import (
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// sessionJSON reads the "session JSON" that a labelling workflow makes of
// sessions of Claude Code and Codex: one document {messages, meta}. A call
// stands in the content of its message and again in "tool_calls"; whether a
// result was an error is lost, but for what its text says.
var sessionJSON = Format{
	Name:       "session-json",
	Doc:        "session JSON, exports of Claude Code and Codex sessions",
	Version:    2,
	Seen:       "exports of Claude Code and Codex sessions",
	Skips:      "the second copy of each call",
	Checked:    "a description of the format only",
	Unverified: true,
	Sniff:      sniffSessionJSON,
	Parse:      parseSessionJSON,
}

func sniffSessionJSON(head []byte) bool {
	doc := firstObject(head)
	if doc.Get("meta.session_meta").IsObject() {
		return true
	}
	first := doc.Get("messages.0")
	return first.Get("role").Exists() && (first.Get("_metadata").Exists() || doc.Get("messages.1._metadata").Exists())
}

func parseSessionJSON(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	meta := doc.Get("meta.session_meta")
	id := firstOf(meta, "session_id", "id")
	if id == "" {
		id = strings.TrimSuffix(path.Base(in.Path), ".json")
	}
	p := &sessionJSONParser{d: d, s: d.session(id), calls: map[string]bool{},
		codex: codexParser{d: d, shell: map[string]string{}, args: map[string]string{}}}
	p.head(meta, doc.Get("meta"))
	eachItem(doc.Get("messages"), d, p.message)
	return nil
}

type sessionJSONParser struct {
	d     *Draft
	s     *session.Session
	calls map[string]bool // ids of the calls seen
	codex codexParser     // reads the input and output of Codex's tools
}

func (p *sessionJSONParser) head(meta, all gjson.Result) {
	s := p.s
	s.Sources[0].Unit = "index"
	s.Population = session.ByUser
	if from := meta.Get("originator").String(); strings.Contains(from, "exec") || strings.Contains(from, "sdk") {
		s.Population = session.Headless
	}
	s.Cwd = meta.Get("cwd").String()
	p.codex.cwd = s.Cwd
	s.Version = firstOf(meta, "version", "cli_version")
	s.Branch = firstOf(meta, "git_branch", "git.branch")
	turns := all.Get("turn_contexts").Array()
	for i := range turns {
		if model := firstOf(turns[i], "model", "payload.model"); model != "" {
			s.Model = model
		}
	}
}

// event starts an event of the n-th message.
func (p *sessionJSONParser) event(n, part int, kind session.Kind, author session.Author, m gjson.Result) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Time: parseTime(m.Get("_metadata.timestamp").String()),
		Key: key(p.s.Agent, p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

func (p *sessionJSONParser) message(n int, m gjson.Result) {
	role, last := m.Get("role").Str, 0
	switch role {
	case "system", "developer": // the client's
		return
	case "user", "assistant", "tool":
	default:
		p.d.unknown("role " + role)
		return
	}
	if role == "tool" && m.Get("content.0.type").Str != "tool_output" {
		p.result(n, 0, m, m)
		return
	}
	eachBlock(m.Get("content"), func(i int, kind string, b gjson.Result) {
		last = i + 1
		switch kind {
		case "text", "input_text", "output_text":
			if role == "user" {
				p.words(n, i, m, b)
			} else {
				p.said(n, i, m, "", textOf(b), b)
			}
		case "reasoning", "thinking":
			p.said(n, i, m, session.Thinking, firstOf(b, "text", "reasoning", "thinking", "summary"), firstResult(b, "text", "reasoning", "thinking", "summary"))
		case "tool_call":
			p.call(n, i, m, b)
		case "tool_output":
			p.result(n, i, m, b)
		case "image", "input_image":
		default:
			p.d.unknown(role + " block " + kind)
		}
	})
	m.Get("tool_calls").ForEach(func(_, c gjson.Result) bool {
		if !p.calls[firstOf(c, "id", "call_id")] {
			p.call(n, last, m, c)
		}
		last++
		return true
	})
}

func (p *sessionJSONParser) said(n, part int, m gjson.Result, act session.Act, text string, from gjson.Result) {
	if e := p.event(n, part, session.Agent, session.ByAgent, m); strings.TrimSpace(text) != "" {
		e.Line, e.Act, e.Text = p.d.line(from), act, text
		p.d.add(p.s, e)
	}
}

// words adds a text in the user role under its real author: the clients of
// both agents write there too.
func (p *sessionJSONParser) words(n, part int, m, b gjson.Result) {
	e, text := p.event(n, part, session.User, "", m), textOf(b)
	e.Line = p.d.line(b)
	if strings.HasPrefix(text, "[Request interrupted by user") {
		e.Kind, e.Author, e.Act, e.Text = session.Note, session.Injected, session.Interrupt, text
		p.d.add(p.s, e)
		return
	}
	rest := stripEnvelopes(strings.TrimSpace(text), codexEnvelopes)
	dir, body, rules := agentsInstructions(text)
	switch {
	case rules:
		addInstruction(p.d, p.s, dir, body)
		e.Author, e.Text = session.Injected, text
	case rest == "":
		e.Author, e.Text = session.Injected, strings.TrimSpace(text)
	default:
		e.Author, e.Text = claudeAuthor(&claudeRecord{}, rest)
		if e.Author == session.Human && p.s.Population == session.Headless {
			e.Author = session.ByProgram
		}
	}
	if e.Text != "" {
		p.d.add(p.s, e)
	}
}

// call adds a tool call, in the words of either agent.
func (p *sessionJSONParser) call(n, part int, m, c gjson.Result) {
	e := p.event(n, part, session.Call, session.ByAgent, m)
	e.CallID, e.Tool = firstOf(c, "id", "call_id", "tool_call_id"), firstOf(c, "name", "tool_name", "function.name")
	p.calls[e.CallID] = e.CallID != ""
	input := c
	if f := c.Get("function"); f.IsObject() {
		input = f
	}
	args := firstResult(input, "arguments", "input")
	if act := codexActs[e.Tool]; act != "" {
		e.Act = act
		p.codex.input(&e, input)
		e.Of = p.codex.shell[p.codex.args[e.CallID]]
	} else {
		claudeInput(&e, jsonText(args))
	}
	e.Line = p.d.inputLine(e.Command, args)
	p.d.add(p.s, e)
}

// result adds what a call returned. Claude Code's errors are known by their
// words alone.
func (p *sessionJSONParser) result(n, part int, m, b gjson.Result) {
	e := p.event(n, part, session.Result, session.ByTool, m)
	if e.CallID = firstOf(b, "tool_call_id", "call_id", "tool_use_id", "id"); e.CallID == "" {
		e.CallID = m.Get("tool_call_id").String()
	}
	output := firstResult(b, "output", "content", "text")
	e.Line = p.d.line(output)
	reason := ""
	if call := callOf(p.s, e.CallID); call != nil && codexActs[call.Tool] != "" {
		e.Of = call.Of
		p.codex.output(&e, output)
	} else {
		e.Text = withoutReminders(contentText(output))
		if claudeSaysError(e.Text) {
			e.Flag = claudeErrorFlag("", e.Text)
		}
		new(claudeParser).details(&e, gjson.Result{})
		if e.Flag == session.FlagRejected {
			e.Text, reason = rejection(e.Text)
		}
	}
	p.d.add(p.s, e)
	if reason != "" {
		why := p.event(n, partReason+2*part, session.User, session.Human, m)
		why.Line, why.Act, why.CallID, why.Text = e.Line, session.Refusal, e.CallID, reason
		p.d.add(p.s, why)
	}
}

// claudeSaysError reports whether a result of Claude Code begins as only its
// errors do.
func claudeSaysError(text string) bool {
	for _, mark := range []string{"Exit code ", "<tool_use_error>", "The user doesn't want to", "Permission to use ", "[Request interrupted by user"} {
		if strings.HasPrefix(text, mark) {
			return true
		}
	}
	return false
}
