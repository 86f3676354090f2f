package ingest

import (
	"bytes"
	"path"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
)

// pi reads the pi coding agent, from linear files (2025) to trees (version 3);
// omp reads Oh My Pi, which grew out of it. Both write JSON Lines: a header,
// then entries that name their parent. The formats are told in pi's
// docs/session-format.md and in Oh My Pi's session-entries.ts.
var pi = Format{
	Name:    "pi",
	Doc:     "pi coding agent, ~/.pi/agent/sessions",
	Version: 1,
	Seen:    "sessions of versions 1 and 3",
	Skips:   "what is no word, call, result or edit",
	Checked: "2 transcripts; a real client",
	Env:     "PI_CODING_AGENT_DIR",
	Home:    ".pi/agent",
	Places:  []string{".pi/agent/sessions/**/*.jsonl"},
	Sniff:   func(head []byte) bool { known, isOmp := sniffPi(head); return known && !isOmp },
	Parse:   parsePi,
}

var omp = Format{
	Name:    "omp",
	Doc:     "Oh My Pi, ~/.omp/agent/sessions",
	Version: 1,
	Seen:    "18.2",
	Skips:   "what is no word, call, result or edit",
	Checked: "20 transcripts; a real client",
	Env:     "PI_CODING_AGENT_DIR", // it has kept pi's name
	Home:    ".omp/agent",
	Places:  []string{".omp/agent/sessions/**/*.jsonl"},
	Sniff:   func(head []byte) bool { known, isOmp := sniffPi(head); return known && isOmp },
	Parse:   parsePi,
}

// sniffPi looks for a header or an entry of the family, and for what only Oh
// My Pi writes: entry types of its own, a title before the header, a model
// change with one name for provider and model, texts with an attribution.
func sniffPi(head []byte) (known, isOmp bool) {
	for _, line := range bytes.SplitN(head, []byte("\n"), 40) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		rec := gjson.ParseBytes(line) // may be cut: the leading names are still found
		kind := rec.Get("type").Str
		if rec.Get("sessionId").Exists() || rec.Get("payload").Exists() {
			return false, false
		}
		switch {
		case kind == "session":
			known = known || rec.Get("id").Str != "" && rec.Get("timestamp").Exists()
			isOmp = isOmp || rec.Get("title").Exists()
		case kind == "title":
			known, isOmp = known || rec.Get("updatedAt").Exists(), true
		case kind == "message":
			role := rec.Get("message.role").Str
			known = known || role == "assistant" && rec.Get("message.stopReason").Exists() || role == "toolResult"
			isOmp = isOmp || rec.Get("message.attribution").Exists()
		case kind == "model_change":
			known = known || rec.Get("modelId").Exists() || rec.Get("model").Exists()
			isOmp = isOmp || rec.Get("model").Exists()
		case kind == "custom":
			isOmp = isOmp || rec.Get("customType").Str == "tool_execution_start"
		case ompEntries[kind]:
			known, isOmp = known || rec.Get("parentId").Exists(), true
		}
	}
	return known, known && isOmp
}

// ompEntries are the entry types that only Oh My Pi writes.
var ompEntries = map[string]bool{
	"session_init": true, "title_change": true, "ttsr_injection": true, "credential_pin": true, "mode_change": true,
	"service_tier_change": true, "model_usage": true, "reset_boundary": true, "archive": true,
}

// piSkipped are the entries that hold settings and state of the client.
// credential_pin tells an account apart and must not be kept.
var piSkipped = map[string]bool{
	"model_change": true, "thinking_level_change": true, "custom": true, "label": true, "ttsr_injection": true,
	"credential_pin": true, "mode_change": true, "service_tier_change": true, "model_usage": true,
	"reset_boundary": true, "archive": true,
}

type piParser struct {
	d     *Draft
	s     *session.Session
	at    place
	block int    // content block of the record
	stamp string // the record's time as written, equal in every copy of it
	time  time.Time
	tree  branches
	title string // told before the header
	named int    // how good the session's title is
	of    string // the session file that the header names
}

func parsePi(in *Input, d *Draft) error {
	p := &piParser{d: d}
	return eachRecord(in, d, p.record)
}

func (p *piParser) record(at place, rec gjson.Result) {
	p.at, p.block = at, 0
	p.stamp = rec.Get("timestamp").String()
	p.time = parseTime(p.stamp)
	kind := rec.Get("type").Str
	switch kind {
	case "session":
		p.header(rec)
		return
	case "title":
		p.title = rec.Get("title").String()
		p.name(p.title, 1)
		return
	}
	p.open()
	p.grow(kind, rec)
	switch kind {
	case "message":
		p.message(rec.Get("message"))
	case "custom_message":
		p.custom(rec)
	case "compaction":
		p.note(session.Compacted, rec.Get("summary").String())
	case "branch_summary": // told by wentBack
	case "session_init":
		p.subagent()
	case "session_info":
		p.name(rec.Get("name").String(), 3)
	case "title_change":
		p.name(rec.Get("title").String(), titleRank(rec.Get("source").Str))
	default:
		if !piSkipped[kind] {
			p.d.unknown(kind)
		}
	}
}

// titleRank is how good a title is: a person's own outranks the agent's.
func titleRank(source string) int {
	if source == "user" {
		return 3
	}
	return 2
}

func (p *piParser) name(title string, rank int) {
	if p.s != nil && title != "" && rank >= p.named {
		p.s.Title, p.named = title, rank
	}
}

// header reads the first line of a session. In a fork it names the session
// that was forked, which is no parent: it did not start this one.
func (p *piParser) header(rec gjson.Result) {
	id := rec.Get("id").String()
	if id == "" {
		p.d.bad(p.at.line, "a session without an id")
		return
	}
	p.s, p.tree, p.named = p.d.session(id), branches{}, 0
	p.s.Cwd = rec.Get("cwd").String()
	p.s.Model = rec.Get("modelId").String()
	p.name(p.title, 1)
	p.name(rec.Get("title").String(), 1)
	p.of = rec.Get("parentSession").String()
	if p.time.IsZero() {
		return
	}
	p.s.Start, p.s.End = p.time, p.time
}

// open starts the session of a file that lacks its header.
func (p *piParser) open() {
	if p.s != nil {
		return
	}
	id := piSessionIn(path.Base(p.d.path))
	if id == "" {
		id = key(p.d.path)
	}
	p.s = p.d.session(id)
	p.name(p.title, 1)
}

// piSessionIn returns the innermost session id in a path: files, and folders
// of subagents, are called <time>_<id>.
func piSessionIn(file string) string {
	parts := strings.FieldsFunc(file, func(r rune) bool { return r == '/' || r == '\\' })
	for i := len(parts) - 1; i >= 0; i-- {
		_, id, ok := strings.Cut(strings.TrimSuffix(parts[i], ".jsonl"), "_")
		if ok && len(id) == 36 && strings.Count(id, "-") == 4 {
			return id
		}
	}
	return ""
}

// subagent marks the session as one that another started: the one that its
// header names or, in older files, whose folder it lies in.
func (p *piParser) subagent() {
	p.s.Population = session.Subagent
	parent := piSessionIn(p.of)
	if parent == "" {
		parent = piSessionIn(path.Dir(p.d.path))
	}
	if parent != p.s.ID {
		p.s.Parent = parent
	}
}

// grow follows the tree. An entry whose parent is not the newest one shows
// that somebody went back.
func (p *piParser) grow(kind string, rec gjson.Result) {
	id, parent := rec.Get("id").Str, rec.Get("parentId")
	if id == "" || !parent.Exists() {
		return // linear files have neither
	}
	if to := parent.Str; p.tree.leaf != "" && to != p.tree.leaf && (to == "" || p.tree.has(to)) {
		p.wentBack(to, kind == "branch_summary", rec)
	}
	p.tree.grow(id, parent.Str)
}

// wentBack notes that a branch was left, with its summary where there is one,
// else with the words that began it. The person does so, or the agent with a
// tool of its own, which keeps when the branch was started; an entry that the
// client drops is of a kind.
func (p *piParser) wentBack(to string, summed bool, rec gjson.Result) {
	asked, acted := p.tree.left(to)
	if !acted || rec.Get("details.kind").Exists() {
		return
	}
	e := p.event(session.Note, session.Human)
	e.Part, e.Act, e.Text = p.at.part(partReason), session.RolledBack, asked
	if summary := rec.Get("summary").String(); summed && summary != "" {
		e.Text = summary
	}
	if summed && rec.Get("details.startedAt").Exists() {
		e.Author = session.ByAgent
	}
	p.d.add(p.s, p.keyed(e))
}
