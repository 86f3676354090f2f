package ingest

import (
	"bufio"
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// droid reads Factory's Droid as it keeps its sessions: JSON Lines that begin
// with "session_start", with messages as Anthropic's API has them, and beside
// them a file of settings, which knows the model and the use of tokens. What
// "droid exec" prints is another format, and is not read.
var droid = Format{
	Name:       "droid",
	Doc:        "Factory Droid, ~/.factory/sessions",
	Version:    1,
	Seen:       "sessions of 2025 and 2026",
	Skips:      "what is no word, call, result or edit",
	Checked:    "descriptions of the format only",
	Unverified: true,
	Places:     []string{".factory/sessions/*/*.jsonl", ".factory/sessions/*/*.settings.json", ".factory/sessions/*.jsonl", ".factory/sessions/*.settings.json"},
	Sniff:      sniffDroid,
	Parse:      parseDroid,
}

func sniffDroid(head []byte) bool {
	first := firstObject(head)
	return isDroidSettings(first) || first.Get("type").Str == "session_start" && first.Get("id").Exists() && !first.Get("payload").Exists()
}

func isDroidSettings(doc gjson.Result) bool {
	return doc.Get("tokenUsage").IsObject() && !doc.Get("type").Exists() && (doc.Get("model").Exists() || doc.Get("providerLock").Exists())
}

func parseDroid(in *Input, d *Draft) error {
	r := bufio.NewReaderSize(in, sniffLen)
	head, _ := r.Peek(sniffLen)
	in = &Input{Path: in.Path, Reader: r}
	id, _, _ := strings.Cut(path.Base(in.Path), ".")
	if isDroidSettings(gjson.ParseBytes(head)) {
		doc, err := wholeDocument(in, d)
		if err == nil && doc.Exists() {
			readDroidSettings(d, id, doc)
		}
		return err
	}
	p := &droidParser{d: d, id: id}
	return eachRecord(in, d, p.record)
}

func readDroidSettings(d *Draft, id string, doc gjson.Result) {
	d.Records++
	s, use := d.headOf(id), doc.Get("tokenUsage")
	s.Sources[0].Unit = "index"
	s.Model = doc.Get("model").String()
	s.Usage = session.Usage{Input: int(use.Get("inputTokens").Int()), Output: int(use.Get("outputTokens").Int()),
		CacheRead: int(use.Get("cacheReadTokens").Int()), CacheWrite: int(use.Get("cacheCreationTokens").Int())}
}

type droidParser struct {
	d  *Draft
	id string
}

func (p *droidParser) record(at place, rec gjson.Result) {
	switch kind := rec.Get("type").Str; kind {
	case "session_start":
		p.start(rec)
	case "message":
		p.message(at, rec)
	case "compaction", "compaction_state":
		e := p.event(at, 0, session.Note, session.Injected, rec)
		e.Act = session.Compacted
		p.d.add(p.d.session(p.id), e)
	case "todo_state", "session_end", "resume":
	default:
		p.d.unknown(kind)
	}
}

func (p *droidParser) start(rec gjson.Result) {
	if id := rec.Get("id").String(); id != "" && len(p.d.order) == 0 {
		p.id = id
	}
	s := p.d.session(p.id)
	s.Title, s.Cwd = firstText(rec, "sessionTitle", "title"), rec.Get("cwd").String()
	if strings.HasPrefix(s.Title, droidTask) {
		s.Population = session.Subagent
	}
}

// droidTask begins the prompt that a subagent is given.
const droidTask = "# Task Tool Invocation"

// event starts an event of a record.
func (p *droidParser) event(at place, block int, kind session.Kind, author session.Author, rec gjson.Result) session.Event {
	e := session.Event{N: at.line, Part: at.part(block), Kind: kind, Author: author, Time: parseTime(rec.Get("timestamp").String())}
	if id := rec.Get("id").String(); id != "" {
		e.Key = key("droid", id, rec.Get("timestamp").String(), strconv.Itoa(block))
	}
	return e
}

func (p *droidParser) message(at place, rec gjson.Result) {
	s, m := p.d.session(p.id), rec.Get("message")
	role := m.Get("role").Str
	if role != "user" && role != "assistant" {
		p.d.unknown("role " + role)
		return
	}
	eachBlock(m.Get("content"), func(i int, kind string, b gjson.Result) {
		switch kind {
		case "text":
			p.text(s, at, i, rec, role, textOf(b))
		case "thinking":
			if e := p.event(at, i, session.Agent, session.ByAgent, rec); b.Get("thinking").String() != "" {
				e.Act, e.Text = session.Thinking, b.Get("thinking").String()
				p.d.add(s, e)
			}
		case "tool_use":
			e := p.event(at, i, session.Call, session.ByAgent, rec)
			e.CallID, e.Tool = b.Get("id").String(), b.Get("name").String()
			commonInput(&e, b.Get("input"))
			p.d.add(s, e)
		case "tool_result":
			p.result(s, at, i, rec, b)
		case "image", "document", "redacted_thinking":
		default:
			p.d.unknown(role + " block " + kind)
		}
	})
}

func (p *droidParser) text(s *session.Session, at place, block int, rec gjson.Result, role, text string) {
	e := p.event(at, block, session.Agent, session.ByAgent, rec)
	if e.Text = strings.TrimSpace(text); role == "user" {
		e.Kind, e.Author = session.User, session.Human
		rest := stripEnvelopes(e.Text, envelopes)
		switch {
		case rest == "":
			e.Author = session.Injected
		case strings.HasPrefix(rest, droidTask), s.Population == session.Subagent:
			s.Population = session.Subagent
			e.Author, e.Text = session.ByProgram, rest
		default:
			e.Text = rest
		}
	}
	if e.Text != "" {
		p.d.add(s, e)
	}
}

var droidExit = lazyregexp.New(`^Error: Command failed \(exit code: (-?\d+)\)\n?`)

// result reads what a call returned. That a command failed may stand in its
// text alone.
func (p *droidParser) result(s *session.Session, at place, block int, rec, b gjson.Result) {
	e := p.event(at, block, session.Result, session.ByTool, rec)
	e.CallID, e.Text = b.Get("tool_use_id").String(), withoutReminders(blockText(b.Get("content")))
	if failed := b.Get("is_error"); failed.Bool() {
		e.Flag = session.FlagError
	} else if failed.Exists() {
		e.Flag = session.FlagOK
	}
	if m := droidExit.FindStringSubmatch(e.Text); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil {
			e.Exit, e.Flag = exitCode(code), session.FlagError
		}
		e.Text = e.Text[len(m[0]):]
	}
	p.d.add(s, e)
}
