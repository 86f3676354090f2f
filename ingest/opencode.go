package ingest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
)

// opencode reads OpenCode: what "opencode export" prints, one JSON document
// with the session's info and its messages; the storage folder of versions
// before 1.2, in which the session, each message and each part of a message is
// a file; and the database of the versions since, with the same objects in the
// tables session, message and part. A session that stands in several of them
// comes out once.
var opencode = Format{
	Name:    "opencode",
	Doc:     "OpenCode, ~/.local/share/opencode, and its exports",
	Version: 2,
	Seen:    "0.5 to 1.18: exports, the storage tree, databases",
	Skips:   "snapshots, steps and patches, which repeat what the tools tell",
	Checked: "46 exports; real clients of five versions",
	Env:     "XDG_DATA_HOME",
	Home:    ".local/share",
	Places: []string{
		".local/share/opencode/opencode*.db",
		".local/share/opencode/storage/session/*/*.json",
		".local/share/opencode/project/*/storage/session/info/*.json",
		"Library/Application Support/opencode/opencode*.db",
		"AppData/Roaming/opencode/opencode*.db",
	},
	Sniff:  sniffOpenCode,
	Parse:  parseOpenCode,
	Within: openCodeParts,
	Holds:  holdsOpenCode,
	ReadDB: readOpenCodeDB,
}

// kiloCLI reads Kilo Code's command line, which descends from OpenCode and
// keeps the same database.
var kiloCLI = Format{Name: "kilo", Doc: "Kilo Code's command line, ~/.local/share/kilo", Version: 1,
	Seen:    "7.7",
	Skips:   "as OpenCode",
	Checked: "a real client",
	Env:     "XDG_DATA_HOME", Home: ".local/share",
	Places: []string{".local/share/kilo/kilo*.db"}, Holds: holdsOpenCode, ReadDB: readOpenCodeDB}

// sniffOpenCode looks for a session's info: of an export, or alone in a file of
// the storage folder. The id comes first in both.
func sniffOpenCode(head []byte) bool {
	info := firstObject(head)
	if in := info.Get("info"); in.Exists() {
		info = in
	}
	return strings.HasPrefix(info.Get("id").Str, "ses_") &&
		(info.Get("projectID").Exists() || info.Get("directory").Exists() || info.Get("version").Exists())
}

func parseOpenCode(in *Input, d *Draft) error {
	text, err := wholeText(in)
	if err != nil {
		return err
	}
	whole := gjson.Valid(text)
	if !whole { // an export was cut; what stands before the cut is read
		d.Partial = true
		d.bad(0, "not a whole JSON document")
	}
	doc := d.document(text)
	info := doc.Get("info")
	if !info.IsObject() {
		d.lines = nil // the messages stand in other files
		return parseOpenCodeTree(in.File, doc, d)
	}
	p := newOpenCodeParser(d, openCodeInfoOf(info))
	n := 0
	doc.Get("messages").ForEach(func(_, m gjson.Result) bool {
		if !whole && !gjson.Valid(m.Raw) {
			return false
		}
		p.message(n, m.Get("info.id").Str, m.Get("info"), m.Get("parts").Array())
		n++
		return true
	})
	p.end()
	return nil
}

// openCodeInfo is what a session's info says, or its row in the database.
type openCodeInfo struct {
	id, parent, title, version, directory, model string
	permission                                   gjson.Result
	revert                                       string // message that the person went back to
	created                                      gjson.Result
}

func openCodeInfoOf(v gjson.Result) openCodeInfo {
	return openCodeInfo{
		id: v.Get("id").Str, parent: v.Get("parentID").Str, title: v.Get("title").String(), version: v.Get("version").String(),
		directory: v.Get("directory").String(), model: firstOf(v, "model.id", "model.modelID"),
		permission: v.Get("permission"), revert: v.Get("revert.messageID").Str,
		created: v.Get("time.created"),
	}
}

type openCodeParser struct {
	d      *Draft
	s      *session.Session
	info   openCodeInfo
	auto   bool            // nobody is there to be asked: "opencode run"
	root   string          // the session's first message, see event
	turns  map[string]int  // message id -> index
	byHand map[string]bool // messages that announce a command that the person gave
	at     openCodeMessage // the message that is read now
}

// openCodeMessage is a message, of which the parts are events.
type openCodeMessage struct {
	n       int
	id      string
	role    string
	created gjson.Result
	dir     string
}

func newOpenCodeParser(d *Draft, info openCodeInfo) *openCodeParser {
	p := &openCodeParser{d: d, s: d.session(info.id), info: info, turns: map[string]int{}, byHand: map[string]bool{}}
	p.auto = deniesQuestions(info.permission)
	s := p.s
	s.Sources[0].Unit = "index"
	s.Parent, s.Version, s.Cwd, s.Model = info.parent, info.version, info.directory, info.model
	if !strings.HasPrefix(info.title, "New session - ") && !strings.HasPrefix(info.title, "Child session - ") {
		s.Title = info.title
	}
	switch {
	case info.parent != "":
		s.Population = session.Subagent
	case p.auto:
		s.Population = session.Headless
	default:
		s.Population = session.ByUser
	}
	return p
}

// deniesQuestions reports whether a session's rules forbid to ask the person:
// "opencode run" starts its sessions so, and their subagents inherit it.
func deniesQuestions(permission gjson.Result) bool {
	return slices.ContainsFunc(permission.Array(), func(rule gjson.Result) bool {
		return rule.Get("permission").Str == "question" && rule.Get("action").Str == "deny"
	})
}

// milli reads milliseconds since 1970.
func milli(v gjson.Result) time.Time {
	if v.Int() <= 0 {
		return time.Time{}
	}
	return sane(time.UnixMilli(v.Int()))
}

// Each part of a message gives events at ten times its index: the call or text,
// the result, and the reason of a rejection. What concerns the message as a
// whole comes last in the first ten.
const (
	openCodePart   = 10
	openCodeResult = 1
	openCodeReason = 2
	openCodeBack   = 8
	openCodeError  = 9
)

// event starts an event of the present message. A fork copies messages and
// gives them new ids, so the key is made of what stays: the first message of
// the session, the moment of this one, and the place in it.
func (p *openCodeParser) event(part int, kind session.Kind, author session.Author) session.Event {
	m := &p.at
	moment := m.created.Raw
	if moment == "" {
		moment = m.id
	}
	return session.Event{N: m.n, Part: part, Kind: kind, Author: author, Time: milli(m.created),
		Key: key(p.root, m.role, moment, strconv.Itoa(part))}
}

// message reads a message with its parts.
func (p *openCodeParser) message(n int, id string, info gjson.Result, parts []gjson.Result) {
	p.d.Records += 1 + len(parts)
	p.at = openCodeMessage{n: n, id: id, role: info.Get("role").Str, created: info.Get("time.created")}
	p.turns[id] = n
	if p.root == "" {
		p.begin(firstPartText(parts))
	}
	switch {
	case info.Get("parts").IsArray():
		p.d.unknown("message with its parts inside") // before 0.3
	case p.at.role == "user":
		p.user(parts)
	case p.at.role == "assistant":
		p.assistant(info, parts)
	default:
		p.d.unknown("role " + p.at.role)
	}
}

// begin looks at the first message. One that is older than its session was
// copied when the session was forked from another.
func (p *openCodeParser) begin(text string) {
	p.root = key(p.at.role, p.at.created.Raw, text)
	if p.at.created.Int() > 0 && p.at.created.Int() < p.info.created.Int() {
		p.s.Forked = milli(p.info.created)
	}
}

func firstPartText(parts []gjson.Result) string {
	for _, part := range parts {
		if t := part.Get("text"); t.Exists() {
			return t.Str
		}
	}
	return ""
}

// end adds what is known of the session when all its messages are.
func (p *openCodeParser) end() {
	if n, ok := p.turns[p.info.revert]; ok && p.info.revert != "" {
		p.at.n = n
		e := p.event(openCodeBack, session.Note, session.Injected)
		e.Act, e.Time, e.Key = session.RolledBack, time.Time{}, key(p.root, "revert", strconv.Itoa(n))
		e.Text = "went back to before this message"
		p.d.add(p.s, e)
	}
}

// openCodeShell is what the client says in the person's name before the result
// of a command that the person gave.
const openCodeShell = "The following tool was executed by the user"

// openCodeTemplates begin the texts behind the client's own commands.
var openCodeTemplates = []string{
	"Please analyze this codebase and create an AGENTS.md file containing:", "Create or update `AGENTS.md` for this repository",
	"You are a code reviewer. Your job is to review code changes and provide actionable feedback.",
}

// author tells who wrote a text in the user role.
func (p *openCodeParser) author(text string, made bool) session.Author {
	switch {
	case made, slices.ContainsFunc(openCodeTemplates, func(t string) bool { return strings.HasPrefix(text, t) }):
		return session.Injected
	case p.s.Population != session.ByUser:
		return session.ByProgram
	}
	return session.Human
}

func (p *openCodeParser) user(parts []gjson.Result) {
	for i, part := range parts {
		switch kind := part.Get("type").Str; kind {
		case "text":
			text := strings.TrimSpace(part.Get("text").String())
			if text == openCodeShell {
				p.byHand[p.at.id] = true
			}
			p.words(i, p.d.line(part.Get("text")), text, part.Get("synthetic").Bool() || part.Get("ignored").Bool())
		case "subtask": // a command that a subagent is to carry out
			p.words(i, p.d.line(part.Get("prompt")), part.Get("prompt").String(), true)
		default:
			p.other(part, kind)
		}
	}
}

// words adds a text in the user role; made says that the client wrote it.
func (p *openCodeParser) words(i, line int, text string, made bool) {
	if text == "" {
		return
	}
	e := p.event(openCodePart*i, session.User, p.author(text, made))
	e.Line, e.Text = line, text
	p.d.add(p.s, e)
}

// openCodeSkipped are the parts that say nothing of their own: texts of
// attached files are parts beside them, steps and patches repeat what the tools
// did, and a compaction is told by its summary.
var openCodeSkipped = map[string]bool{
	"file": true, "agent": true, "step-start": true, "step-finish": true, "snapshot": true, "patch": true, "compaction": true,
}

func (p *openCodeParser) other(part gjson.Result, kind string) {
	if part.Exists() && !openCodeSkipped[kind] { // else it was reported as bad
		p.d.unknown("part " + kind)
	}
}

func (p *openCodeParser) assistant(info gjson.Result, parts []gjson.Result) {
	first := len(p.s.Events)
	p.at.dir = info.Get("path.cwd").String()
	if p.s.Cwd == "" { // early versions say it only here
		p.s.Cwd = p.at.dir
	}
	if p.at.dir == p.s.Cwd {
		p.at.dir = ""
	}
	if p.s.Model == "" {
		p.s.Model = info.Get("modelID").String()
	}
	for i, part := range parts {
		switch kind := part.Get("type").Str; kind {
		case "text":
			p.said(i, part, info.Get("summary").Bool())
		case "reasoning":
			p.thought(i, part)
		case "tool":
			p.tool(i, part, p.byHand[info.Get("parentID").Str])
		case "retry":
			p.note(openCodePart*i, session.APIError, part.Get("time.created"), part.Get("error.data.message"), part.Get("error.name"))
		default:
			p.other(part, kind)
		}
	}
	p.failed(info)
	p.tokens(first, info)
}

// said adds a text of the model; the summary that ends a compaction is a note.
func (p *openCodeParser) said(i int, part gjson.Result, summary bool) {
	e := p.event(openCodePart*i, session.Agent, session.ByAgent)
	if t := milli(part.Get("time.start")); !t.IsZero() {
		e.Time = t
	}
	if e.Line, e.Text = p.d.line(part.Get("text")), part.Get("text").String(); e.Text == "" {
		return
	}
	if summary {
		e.Kind, e.Act = session.Note, session.Compacted
	}
	p.d.add(p.s, e)
}

func (p *openCodeParser) thought(i int, part gjson.Result) {
	e := p.event(openCodePart*i, session.Agent, session.ByAgent)
	if t := milli(part.Get("time.start")); !t.IsZero() {
		e.Time = t
	}
	e.Line = p.d.line(part.Get("text"))
	if e.Act, e.Text = session.Thinking, part.Get("text").String(); e.Text != "" {
		p.d.add(p.s, e)
	}
}

// note adds what happened at a moment, in the first of the texts that is there.
func (p *openCodeParser) note(part int, act session.Act, at gjson.Result, texts ...gjson.Result) {
	e := p.event(part, session.Note, session.Injected)
	e.Line = p.d.line(texts...)
	for i := range texts {
		if e.Text = texts[i].String(); texts[i].Exists() {
			break
		}
	}
	if e.Act = act; at.Exists() {
		e.Time = milli(at)
	}
	p.d.add(p.s, e)
}

// failed notes how a message ended when it did not end well.
func (p *openCodeParser) failed(m gjson.Result) {
	err, at := m.Get("error"), m.Get("time.completed")
	switch name := err.Get("name").Str; name {
	case "":
	case "MessageAbortedError":
		p.note(openCodeError, session.Interrupt, at, err.Get("data.message"))
	default:
		p.note(openCodeError, session.APIError, at, err.Get("data.message"), err.Get("name"))
	}
}

// tokens adds up what the messages used. Reasoning is told apart from output,
// and cached input from input.
func (p *openCodeParser) tokens(first int, info gjson.Result) {
	t := info.Get("tokens")
	out := int(t.Get("output").Int() + t.Get("reasoning").Int())
	u := &p.s.Usage
	u.Input += int(t.Get("input").Int())
	u.Output += out
	u.CacheRead += int(t.Get("cache.read").Int())
	u.CacheWrite += int(t.Get("cache.write").Int())
	u.Cost += info.Get("cost").Float()
	if len(p.s.Events) > first {
		p.s.Events[first].Tokens = out
	}
}
