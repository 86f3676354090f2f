package ingest

import (
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// amp reads Amp: one document a thread, with messages as Anthropic's API has
// them, but for results, which hold a run with its status. Few messages have a
// time: it stands with the use of tokens.
var amp = Format{
	Name:       "amp",
	Doc:        "Amp, ~/.local/share/amp/threads",
	Version:    2,
	Seen:       "threads of 2025",
	Skips:      "what is no word, call, result or edit",
	Checked:    "descriptions of the format only",
	Unverified: true,
	Places:     append([]string{".local/share/amp/threads/T-*.json"}, inEditors("globalStorage/sourcegraph.amp/threads*/T-*.json")...),
	Sniff:      sniffAmp,
	Parse:      parseAmp,
}

func sniffAmp(head []byte) bool {
	doc := firstObject(head)
	return strings.HasPrefix(doc.Get("id").Str, "T-") && strings.HasPrefix(doc.Get("messages").Raw, "[")
}

func parseAmp(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	id := doc.Get("id").String()
	if id == "" {
		id = strings.TrimSuffix(path.Base(in.Path), ".json")
	}
	p := &ampParser{d: d, s: d.session(id), doc: doc}
	s, tree := p.s, doc.Get("env.initial.trees.0")
	s.Sources[0].Unit = "index"
	s.Title = doc.Get("title").String()
	s.Cwd = uriPath(tree.Get("uri").String())
	s.Remote = session.RemoteName(tree.Get("repository.url").String())
	s.Branch = strings.TrimPrefix(tree.Get("repository.ref").String(), "refs/heads/")
	eachItem(doc.Get("messages"), d, p.message)
	return nil
}

type ampParser struct {
	d   *Draft
	s   *session.Session
	doc gjson.Result
}

// event starts an event of the n-th message. The first message is of the
// moment when the thread was created.
func (p *ampParser) event(n, part int, kind session.Kind, author session.Author, m gjson.Result) session.Event {
	at := unixTime(m.Get("meta.sentAt").Float() / 1000)
	switch stamp := m.Get("usage.timestamp"); {
	case stamp.Type == gjson.String:
		at = parseTime(stamp.Str)
	case stamp.Type == gjson.Number:
		at = unixTime(stamp.Float() / 1000)
	case n == 0 && at.IsZero():
		at = unixTime(p.doc.Get("created").Float() / 1000)
	}
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Time: at, Key: key(p.s.Agent, p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

func (p *ampParser) message(n int, m gjson.Result) {
	role := m.Get("role").Str
	if role != "user" && role != "assistant" {
		p.d.unknown("role " + role)
		return
	}
	use := m.Get("usage")
	if model := use.Get("model").Str; model != "" {
		p.s.Model = model
	}
	u := &p.s.Usage
	u.Input += int(use.Get("inputTokens").Int())
	u.Output += int(use.Get("outputTokens").Int())
	u.CacheRead += int(use.Get("cacheReadInputTokens").Int())
	u.CacheWrite += int(use.Get("cacheCreationInputTokens").Int())
	first := len(p.s.Events)
	eachBlock(m.Get("content"), func(i int, kind string, b gjson.Result) {
		switch kind {
		case "text":
			p.text(n, i, m, b)
		case "thinking":
			if e := p.event(n, i, session.Agent, session.ByAgent, m); b.Get("thinking").String() != "" {
				e.Line, e.Act, e.Text = p.d.line(b.Get("thinking")), session.Thinking, b.Get("thinking").String()
				p.d.add(p.s, e)
			}
		case "tool_use":
			e := p.event(n, i, session.Call, session.ByAgent, m)
			e.CallID, e.Tool = b.Get("id").String(), b.Get("name").String()
			commonInput(&e, b.Get("input"))
			e.Line = p.d.inputLine(e.Command, b.Get("input"))
			if dir := b.Get("input.cwd").String(); e.Act == session.Shell && dir != p.s.Cwd {
				e.Dir = dir
			}
			p.d.add(p.s, e)
		case "tool_result":
			p.result(n, i, m, b)
		case "image", "redacted_thinking":
		default:
			p.d.unknown(role + " block " + kind)
		}
	})
	if len(p.s.Events) > first && role == "assistant" {
		p.s.Events[first].Tokens = int(use.Get("outputTokens").Int())
	}
}

func (p *ampParser) text(n, part int, m, b gjson.Result) {
	e := p.event(n, part, session.Agent, session.ByAgent, m)
	e.Line = p.d.line(b)
	if e.Text = strings.TrimSpace(textOf(b)); m.Get("role").Str == "user" {
		e.Kind, e.Author = session.User, session.Human
		if rest := stripEnvelopes(e.Text, envelopes); rest == "" {
			e.Author = session.Injected
		} else {
			e.Text = rest
		}
	}
	if e.Text != "" {
		p.d.add(p.s, e)
	}
}

// result reads what a call returned: a text, a list of them, or an object.
func (p *ampParser) result(n, part int, m, b gjson.Result) {
	e := p.event(n, part, session.Result, session.ByTool, m)
	run := b.Get("run")
	e.CallID = firstText(b, "toolUseID", "tool_use_id")
	result := run.Get("result")
	e.Line = p.d.line(run.Get("error.message"), result.Get("output"), result.Get("content"), result.Get("diff"), result)
	if e.Text = firstText(run, "error.message", "result.output", "result.content", "result.diff"); e.Text == "" {
		if e.Text = blockText(result); e.Text == "" {
			e.Text = result.String()
		}
	}
	exitOf(&e, result.Get("exitCode"), result.Get("exit_code"))
	switch status := run.Get("status").Str; {
	case status == "error":
		e.Flag = session.FlagError
	case strings.HasPrefix(status, "rejected"):
		e.Flag = session.FlagRejected
	case strings.HasPrefix(status, "cancel"):
		e.Flag = session.FlagInterrupted
	case status == "done" && e.Exit == nil && result.Get("success").Type != gjson.False:
		e.Flag = session.FlagOK
	case status == "in-progress" || status == "queued":
		e.Flag = session.FlagRunning
	}
	p.d.add(p.s, e)
}
