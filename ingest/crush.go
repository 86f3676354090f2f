package ingest

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// crush reads Crush, which keeps a database in each project, and OpenCode as it
// was before the two went apart, with the same tables in
// .opencode/opencode.db; and what "crush session show --json" prints, one
// document with the session and its messages. A message consists of parts: in
// the database {type, data: {…}}, in the document {type, …}.
var crush = Format{
	Name:       "crush",
	Doc:        "Crush, .crush/crush.db in projects, and its exports",
	Version:    2,
	Seen:       "databases in projects, and exports",
	Skips:      "what is no word, call, result or edit",
	Checked:    "the program's own source",
	Unverified: true,
	Sniff:      sniffCrush,
	Parse:      parseCrush,
	Holds:      holdsCrush,
	ReadDB:     readCrushDB,
}

func sniffCrush(head []byte) bool {
	meta := firstObject(head).Get("meta")
	return meta.Get("uuid").Exists() && meta.Get("prompt_tokens").Exists() && meta.Get("created").Exists()
}

func parseCrush(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	meta := doc.Get("meta")
	p := newCrushParser(d, crushSession{id: meta.Get("uuid").String(), title: meta.Get("title").String(),
		input: meta.Get("prompt_tokens").Int(), output: meta.Get("completion_tokens").Int(), cost: meta.Get("cost").Float()})
	eachItem(doc.Get("messages"), d, func(n int, m gjson.Result) {
		p.message(crushMessage{n: n, id: m.Get("id").String(), role: m.Get("role").Str, model: m.Get("model").String(),
			created: parseTime(m.Get("created").String())}, m.Get("parts"))
	})
	return nil
}

// crushSession is what a session's row says.
type crushSession struct {
	id, parent, title, cwd string
	input, output          int64
	cost                   float64
}

type crushMessage struct {
	n               int
	id, role, model string
	created         time.Time
	summary         bool
	nth             map[string]int // how many parts of a type there were
}

type crushParser struct {
	d     *Draft
	s     *session.Session
	shell map[string]bool // calls that run a command
}

// crushHeadless begins the title of a session of "crush run".
const crushHeadless = "Non-interactive: "

func newCrushParser(d *Draft, c crushSession) *crushParser {
	p := &crushParser{d: d, s: d.session(c.id), shell: make(map[string]bool)}
	s := p.s
	s.Sources[0].Unit = "index"
	s.Parent, s.Title, s.Cwd = c.parent, strings.TrimPrefix(c.title, crushHeadless), c.cwd
	switch {
	case c.parent != "":
		s.Population = session.Subagent
	case s.Title != c.title:
		s.Population = session.Headless
	default:
		s.Population = session.ByUser
	}
	if s.Title == "New Session" || s.Title == "Untitled Session" {
		s.Title = ""
	}
	s.Usage = session.Usage{Input: int(c.input), Output: int(c.output), Cost: c.cost}
	return p
}

// event starts an event of a part of a message. Exports leave out parts that
// they do not know, so the key counts those of a type.
func (p *crushParser) event(m *crushMessage, part int, typ string, kind session.Kind, author session.Author) session.Event {
	return session.Event{N: m.n, Part: part, Kind: kind, Author: author, Time: m.created,
		Key: key("crush", m.id, typ, strconv.Itoa(m.nth[typ]), string(author))}
}

// Each part of a message gives events at twice its index: itself, and the
// output of a command that the person gave.
const crushPart = 2

func (p *crushParser) message(m crushMessage, parts gjson.Result) {
	switch m.role {
	case "user", "assistant", "tool":
	case "system":
		return
	default:
		p.d.unknown("role " + m.role)
		return
	}
	if p.s.Model == "" && m.role == "assistant" {
		p.s.Model = m.model
	}
	m.nth = make(map[string]int)
	eachBlock(parts, func(i int, typ string, b gjson.Result) {
		if data := b.Get("data"); data.IsObject() {
			b = data
		}
		p.part(&m, crushPart*i, typ, b)
		m.nth[typ]++
	})
}

func (p *crushParser) part(m *crushMessage, i int, typ string, b gjson.Result) {
	switch typ {
	case "text":
		p.text(m, i, b)
	case "reasoning":
		e := p.event(m, i, typ, session.Agent, session.ByAgent)
		e.Line = p.d.line(b.Get("thinking"))
		if e.Act, e.Text = session.Thinking, b.Get("thinking").String(); e.Text != "" {
			p.d.add(p.s, e)
		}
	case "tool_call":
		p.call(m, i, b)
	case "tool_result":
		p.result(m, i, b)
	case "shell_command":
		p.command(m, i, b)
	case "finish":
		p.finish(m, i, b)
	case "binary", "image_url":
	default:
		p.d.unknown("part " + typ)
	}
}

// crushContinued begins what the client says in the person's name when it goes
// on after a summary.
const crushContinued = "The previous session was interrupted because it got too long, the initial user request was:"

func (p *crushParser) text(m *crushMessage, i int, b gjson.Result) {
	text := strings.TrimSpace(b.Get("text").String())
	if text == "" {
		return
	}
	e := p.event(m, i, "text", session.Agent, session.ByAgent)
	switch {
	case m.summary:
		e.Kind, e.Author, e.Act = session.Note, session.Injected, session.Compacted
	case m.role == "assistant":
	case m.role == "tool", b.Get("hidden").Bool(), strings.HasPrefix(text, crushContinued):
		e.Kind, e.Author = session.User, session.Injected
	case p.s.Population != session.ByUser:
		e.Kind, e.Author = session.User, session.ByProgram
	default:
		e.Kind, e.Author = session.User, session.Human
	}
	e.Line, e.Text = p.d.line(b), text
	p.d.add(p.s, e)
}

// crushActs maps the names of tools that only Crush has to what they do.
var crushActs = map[string]session.Act{
	"agentic_fetch": session.Fetch, "download": session.Fetch, "sourcegraph": session.Search, "todos": session.Plan,
	"lsp_references": session.Search, "references": session.Search,
}

// call reads a call, whose input is JSON within a string. One that was cut
// while the model wrote it is not.
func (p *crushParser) call(m *crushMessage, i int, b gjson.Result) {
	e := p.event(m, i, "tool_call", session.Call, session.ByAgent)
	e.CallID, e.Tool = firstText(b, "id", "tool_call_id"), b.Get("name").String()
	input := b.Get("input")
	if text := session.Clean(input.String()); gjson.Valid(text) {
		input = gjson.Parse(text)
	}
	commonInput(&e, input)
	e.Line = p.d.inputLine(e.Command, b.Get("input"))
	if act := crushActs[e.Tool]; act != "" {
		e.Act = act
	}
	if dir := input.Get("working_dir").String(); e.Act == session.Shell && dir != p.s.Cwd {
		e.Dir = dir
	}
	p.shell[e.CallID] = e.Act == session.Shell
	p.d.add(p.s, e)
}

var (
	crushFolder = lazyregexp.New(`\n\n<cwd>[^\n]*</cwd>\s*$`)
	crushExit   = lazyregexp.New(`(?:^|\n)Exit code (-?\d+)$`)
)

// result reads what a call returned. How a command ended stands behind its
// output, and nothing when it ended well.
func (p *crushParser) result(m *crushMessage, i int, b gjson.Result) {
	e := p.event(m, i, "tool_result", session.Result, session.ByTool)
	e.CallID, e.Text, e.Flag = b.Get("tool_call_id").String(), b.Get("content").String(), session.FlagOK
	e.Line = p.d.line(b.Get("content"))
	if b.Get("is_error").Bool() {
		e.Flag = session.FlagError
	}
	switch strings.ToLower(e.Text) {
	case "user denied permission", "permission denied":
		e.Flag = session.FlagRejected
	case "tool execution canceled by user":
		e.Flag = session.FlagInterrupted
	default:
		if p.shell[e.CallID] {
			crushCommand(&e)
		}
	}
	p.d.add(p.s, e)
}

// crushCommand takes out of a command's output what the client adds to it.
func crushCommand(e *session.Event) {
	if e.Text = crushFolder.ReplaceAllString(e.Text, ""); e.Text == "no output" {
		e.Text = ""
	}
	switch at := crushExit.FindStringSubmatchIndex(e.Text); {
	case at != nil:
		if code, err := strconv.Atoi(e.Text[at[2]:at[3]]); err == nil {
			e.Exit = exitCode(code)
		}
		e.Flag, e.Text = "", e.Text[:at[0]]
	case strings.HasSuffix(e.Text, "Command was aborted before completion"):
		e.Flag = session.FlagInterrupted
	case strings.HasPrefix(e.Text, "Background shell started with ID: "),
		strings.HasPrefix(e.Text, "Command is taking longer than expected and has been moved to background."):
		e.Flag = session.FlagRunning
	}
}

// command reads a command that the person gave, and what it printed: neither
// says anything of the agent.
func (p *crushParser) command(m *crushMessage, i int, b gjson.Result) {
	e := p.event(m, i, "shell_command", session.User, session.Human)
	e.Line, e.Text = p.d.line(b.Get("command")), "! "+b.Get("command").String()
	p.d.add(p.s, e)
	e = p.event(m, i+1, "shell_command", session.User, session.Injected)
	e.Line = p.d.line(b.Get("output"))
	if e.Text = b.Get("output").String(); e.Text != "" {
		p.d.add(p.s, e)
	}
}

// finish reads why the model stopped.
func (p *crushParser) finish(m *crushMessage, i int, b gjson.Result) {
	e := p.event(m, i, "finish", session.Note, session.Injected)
	switch reason := b.Get("reason").Str; reason {
	case "canceled":
		e.Act = session.Interrupt
	case "error", "max_tokens", "content_filter":
		e.Act, e.Line = session.APIError, p.d.line(b.Get("message"), b.Get("details"))
		if e.Text = strings.TrimSpace(b.Get("message").String() + "\n" + b.Get("details").String()); e.Text == "" {
			e.Text = reason
		}
	case "", "stop", "end_turn", "tool_use", "permission_denied", "unknown":
		return
	default:
		p.d.unknown("finish " + reason)
		return
	}
	if t := unixTimeOf(b.Get("time").Int()); !t.IsZero() {
		e.Time = t
	}
	p.d.add(p.s, e)
}

func holdsCrush(s schema) bool {
	return s.has("sessions", "id", "title") && s.has("messages", "id", "session_id", "role", "parts", "created_at")
}

// readCrushDB reads a database, session by session. It lies in the project.
func readCrushDB(db *database, d *Draft) error {
	cwd := ""
	if dir := path.Dir(d.path); path.Base(dir) == ".crush" || path.Base(dir) == ".opencode" {
		if cwd = path.Dir(dir); !path.IsAbs(cwd) {
			cwd = path.Join("~", cwd)
		}
	}
	marks := make(map[string]string)
	err := db.query(func(row []string) error {
		marks[row[0]] = strings.Join(row[1:], " ")
		return nil
	}, "SELECT session_id, count(*), max(updated_at), sum(octet_length(parts)) FROM messages GROUP BY session_id")
	if err != nil {
		return err
	}
	sessions, err := db.rows("sessions", []string{"id", "parent_session_id", "title", "prompt_tokens", "completion_tokens", "cost", "updated_at"}, "ORDER BY id")
	if err != nil {
		return err
	}
	for _, row := range sessions {
		c := crushSession{id: row[0], parent: row[1], title: row[2], cwd: cwd}
		c.input, _ = strconv.ParseInt(row[3], 10, 64)
		c.output, _ = strconv.ParseInt(row[4], 10, 64)
		c.cost, _ = strconv.ParseFloat(row[5], 64)
		d.part(c.id, key(append(row, marks[c.id])...), func() error { return readCrushSession(db, d, c) })
		delete(marks, c.id)
	}
	return db.leftOver(d, marks)
}

func readCrushSession(db *database, d *Draft, c crushSession) error {
	p := newCrushParser(d, c)
	n := 0
	return db.each("messages", []string{"id", "role", "model", "created_at", "is_summary_message", "parts"}, func(row []string) error {
		d.Records++
		if gjson.Valid(row[5]) {
			created, _ := strconv.ParseInt(row[3], 10, 64)
			p.message(crushMessage{n: n, id: row[0], role: row[1], model: row[2], created: unixTimeOf(created), summary: row[4] == "1" || row[4] == "true"},
				gjson.Parse(row[5]))
		} else {
			d.bad(n, "message: not JSON")
		}
		n++
		return nil
	}, "WHERE session_id = ? ORDER BY created_at, rowid", c.id)
}
