package ingest

import (
	"bufio"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
)

// goose reads goose: the database of the versions since 1.10, with the tables
// sessions and messages; what "goose session export --format json" prints, one
// document with the session and its conversation; and the JSON Lines of the
// versions before, with the session in the first line and a message in each
// other. The messages are the same in all, and those of a file stand in the
// database too once a newer version has taken it over: they come out once.
var goose = Format{
	Name:    "goose",
	Doc:     "goose, ~/.local/share/goose/sessions, and its exports",
	Version: 2,
	Seen:    "1.52: its database and exports; the files of versions before",
	Skips:   "what is no word, call, result or edit",
	Checked: "a real client",
	Env:     "XDG_DATA_HOME",
	Home:    ".local/share",
	Places: []string{
		".local/share/goose/sessions/sessions.db",
		".local/share/goose/sessions/*.jsonl",
		"AppData/Roaming/Block/goose/data/sessions/sessions.db",
		"AppData/Roaming/Block/goose/data/sessions/*.jsonl",
	},
	Sniff:  sniffGoose,
	Parse:  parseGoose,
	Holds:  holdsGoose,
	ReadDB: readGooseDB,
}

func sniffGoose(head []byte) bool {
	first := firstObject(head)
	return isGooseExport(first) || isGooseHeader(first) || isGooseMessage(first)
}

// isGooseExport looks at the beginning of a document with a whole session.
func isGooseExport(v gjson.Result) bool {
	return v.Get("id").Exists() && v.Get("working_dir").Exists() && v.Get("created_at").Exists() && v.Get("extension_data").Exists()
}

// isGooseHeader looks at the first line of a file: {working_dir, description,
// message_count, …}. Early versions do not know the folder.
func isGooseHeader(v gjson.Result) bool {
	return v.Get("message_count").Exists() && v.Get("description").Exists() && !v.Get("type").Exists()
}

// isGooseMessage looks at a message: {role, created, content: […]}.
func isGooseMessage(v gjson.Result) bool {
	return v.Get("role").Exists() && v.Get("created").Type == gjson.Number && strings.HasPrefix(v.Get("content").Raw, "[") && !v.Get("type").Exists()
}

func parseGoose(in *Input, d *Draft) error {
	r := bufio.NewReaderSize(in, sniffLen)
	head, _ := r.Peek(sniffLen)
	in = &Input{Path: in.Path, Reader: r}
	if isGooseExport(gjson.ParseBytes(head)) {
		return parseGooseExport(in, d)
	}
	p := newGooseParser(d, strings.TrimSuffix(path.Base(in.Path), ".jsonl"), "")
	return eachRecord(in, d, func(at place, rec gjson.Result) {
		switch {
		case isGooseHeader(rec):
			p.header(rec)
		case rec.Get("role").Exists():
			p.message(at.line, at.value*partsPerValue, gooseMessage{
				rec.Get("role").Str, rec.Get("content"), rec.Get("metadata"), unixTimeOf(rec.Get("created").Int())})
		default:
			d.unknown(rec.Get("type").String())
		}
	})
}

func parseGooseExport(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	p := newGooseParser(d, doc.Get("id").String(), "index")
	p.header(doc)
	eachItem(doc.Get("conversation"), d, func(n int, m gjson.Result) {
		p.message(n, 0, gooseMessage{m.Get("role").Str, m.Get("content"), m.Get("metadata"), unixTimeOf(m.Get("created").Int())})
	})
	return nil
}

// gooseMessage is a message, as a line or a row of a table holds it. The user
// role also has what tools returned, and what the client tells the model.
type gooseMessage struct {
	role     string
	content  gjson.Result
	metadata gjson.Result
	created  time.Time
}

type gooseParser struct {
	d      *Draft
	s      *session.Session
	recipe string          // prompt of the recipe that the session runs
	same   map[string]int  // how many events had a key, see event
	shell  map[string]bool // calls that run a command
}

func newGooseParser(d *Draft, id, unit string) *gooseParser {
	p := &gooseParser{d: d, s: d.session(id), same: make(map[string]int), shell: make(map[string]bool)}
	p.s.Sources[0].Unit = unit
	return p
}

// gooseUntitled are the names of sessions to which nobody gave one.
var gooseUntitled = map[string]bool{"CLI Session": true, "New Chat": true, "New session": true}

// header reads what is known of the session as a whole.
func (p *gooseParser) header(v gjson.Result) {
	s := p.s
	if name := firstText(v, "name", "description"); !gooseUntitled[name] {
		s.Title = name
	}
	s.Cwd, s.Parent = v.Get("working_dir").String(), v.Get("parent_session_id").String()
	s.Model = v.Get("model_config.model_name").String()
	p.recipe = v.Get("recipe.prompt").String()
	switch kind := v.Get("session_type").Str; {
	case s.Parent != "", kind == "sub_agent", kind == "specialist":
		s.Population = session.Subagent
	case kind == "scheduled", kind == "hidden", v.Get("schedule_id").Type == gjson.String:
		s.Population = session.Headless // hidden: "goose run --no-session"
	default:
		s.Population = session.ByUser
	}
	use := v.Get("accumulated_usage")
	s.Usage = session.Usage{
		Input:      gooseTokens(use.Get("input_tokens"), v.Get("accumulated_input_tokens")),
		Output:     gooseTokens(use.Get("output_tokens"), v.Get("accumulated_output_tokens")),
		CacheRead:  gooseTokens(use.Get("cache_read_input_tokens"), v.Get("accumulated_cache_read_tokens")),
		CacheWrite: gooseTokens(use.Get("cache_write_input_tokens"), v.Get("accumulated_cache_write_tokens")),
		Cost:       v.Get("accumulated_cost").Float(),
	}
	s.Usage.Input = max(0, s.Usage.Input-s.Usage.CacheRead-s.Usage.CacheWrite) // goose counts what came from the cache as input
}

func gooseTokens(counts ...gjson.Result) int {
	for _, c := range counts {
		if c.Type == gjson.Number {
			return int(c.Int())
		}
	}
	return 0
}

// event starts an event of a message. Forks copy messages, and the database
// takes them over from files, but not those that it cannot read; so the key is
// made of what stays: the moment, and what is said. Where the same is said again
// in the same second, they are counted.
func (p *gooseParser) event(n, part int, m *gooseMessage, kind session.Kind, author session.Author, says string) session.Event {
	k := key("goose", m.role, strconv.FormatInt(m.created.Unix(), 10), string(kind), says)
	p.same[k]++
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Time: m.created, Key: key(k, strconv.Itoa(p.same[k]))}
}

// message reads a message; first is the number of its first part.
func (p *gooseParser) message(n, first int, m gooseMessage) {
	if m.role != "user" && m.role != "assistant" {
		p.d.unknown("role " + m.role)
		return
	}
	if p.s.Model == "" {
		p.s.Model = m.metadata.Get("inference.requestedModel").String()
	}
	before := len(p.s.Events)
	eachBlock(m.content, func(i int, kind string, b gjson.Result) {
		if kind == "" { // {"Text": {…}}, as the first versions wrote it
			b.ForEach(func(k, v gjson.Result) bool {
				kind, b = strings.ToLower(k.Str[:min(1, len(k.Str))])+k.Str[min(1, len(k.Str)):], v
				return false
			})
		}
		p.block(n, first+i, &m, kind, b)
	})
	if len(p.s.Events) > before && m.role == "assistant" {
		p.s.Events[before].Tokens = int(m.metadata.Get("usage.outputTokens").Int())
	}
}

func (p *gooseParser) block(n, part int, m *gooseMessage, kind string, b gjson.Result) {
	switch kind {
	case "text":
		p.text(n, part, m, b)
	case "thinking":
		text := b.Get("thinking").String()
		if e := p.event(n, part, m, session.Agent, session.ByAgent, text); text != "" {
			e.Line, e.Act, e.Text = p.d.line(b.Get("thinking")), session.Thinking, text
			p.d.add(p.s, e)
		}
	case "toolRequest", "frontendToolRequest":
		p.call(n, part, m, b)
	case "toolResponse":
		p.result(n, part, m, b)
	case "actionRequired": // a question of a tool server, and the person's answer
		if data := b.Get("data"); data.Get("actionType").Str == "elicitationResponse" {
			e := p.event(n, part, m, session.User, session.Human, data.Get("id").String())
			e.Line, e.Text = p.d.inputLine("", data.Get("user_data")), inputText(data.Get("user_data"), "")
			p.d.add(p.s, e)
		}
	case "contextLengthExceeded":
		p.note(n, part, m, session.APIError, b.Get("msg").String(), b.Get("msg"))
	case "conversationCompacted":
		p.note(n, part, m, session.Compacted, b.Get("msg").String(), b.Get("msg"))
	case "image", "redactedThinking", "toolConfirmationRequest", "systemNotification", "summarizationRequested", "reasoning":
	default:
		p.d.unknown(m.role + " block " + kind)
	}
}

func (p *gooseParser) note(n, part int, m *gooseMessage, act session.Act, text string, from gjson.Result) {
	e := p.event(n, part, m, session.Note, session.Injected, text)
	e.Line, e.Act, e.Text = p.d.line(from), act, text
	p.d.add(p.s, e)
}

// gooseStopped reports whether a text is what the client says in the model's
// name when the person has stopped it.
func gooseStopped(text string) bool {
	if text == "Yes — what would you like me to do?" {
		return true
	}
	return strings.HasSuffix(text, "How would you like to proceed?") &&
		(strings.HasPrefix(text, "We interrupted ") || strings.HasPrefix(text, "The existing call to ") || strings.HasPrefix(text, "Interrupted before "))
}

func (p *gooseParser) text(n, part int, m *gooseMessage, b gjson.Result) {
	text := strings.TrimSpace(textOf(b))
	if text == "" {
		return
	}
	hidden := m.metadata.Get("userVisible").Type == gjson.False
	if m.role == "user" {
		e := p.event(n, part, m, session.User, p.author(text, hidden), text)
		e.Line, e.Text = p.d.line(b), text
		p.d.add(p.s, e)
		return
	}
	switch {
	case hidden: // tells the model that the message before is a summary
		p.note(n, part, m, session.Compacted, text, b)
		return
	case text == "Compaction complete":
		return
	case gooseStopped(text):
		p.note(n, part, m, session.Interrupt, text, b)
		return
	}
	e := p.event(n, part, m, session.Agent, session.ByAgent, text)
	e.Line, e.Text = p.d.line(b), text
	p.d.add(p.s, e)
}

// author tells who wrote a text in the user role. What the person cannot see is
// the client's: where and when it is, and summaries; so is a command to itself.
func (p *gooseParser) author(text string, hidden bool) session.Author {
	switch {
	case hidden, stripEnvelopes(text, []string{"turn-context", "info-msg"}) == "", text[0] == '/' && !strings.ContainsAny(text[1:], " /\n"):
		return session.Injected
	case p.s.Population != session.ByUser, p.recipe != "" && text == strings.TrimSpace(p.recipe):
		return session.ByProgram
	}
	return session.Human
}

// gooseActs maps the names of goose's own tools to what they do. The others
// have names that other agents' tools have too.
var gooseActs = map[string]session.Act{
	"tree": session.List, "analyze": session.Read, "read_image": session.Read, "load_skill": session.Read, "list_windows": session.List,
	"web_scrape": session.Fetch, "automation_script": session.Shell, "computer_control": session.OtherAct,
	"create_task": session.Task, "execute_task": session.Task, "dynamic_task": session.Task,
}

// call reads a call: {id, toolCall: {status, value: {name, arguments}, error}}.
// Before 1.30 the name has that of the extension before it: developer__shell.
func (p *gooseParser) call(n, part int, m *gooseMessage, b gjson.Result) {
	id, request := b.Get("id").String(), b.Get("toolCall")
	e := p.event(n, part, m, session.Call, session.ByAgent, id)
	tool := request.Get("value.name").String()
	e.CallID, e.Tool = id, tool
	if i := strings.LastIndex(tool, "__"); i >= 0 {
		e.Tool = tool[i+2:]
	}
	args := request.Get("value.arguments")
	commonInput(&e, args)
	e.Line = p.d.inputLine(e.Command, args)
	if act := gooseActs[e.Tool]; act != "" {
		e.Act = act
	}
	if e.Tool == "text_editor" {
		e.Act = gooseEdit(args.Get("command").Str)
	}
	if tool == "" { // the model's call could not be understood
		e.Line, e.Act, e.Text = p.d.line(request.Get("error")), session.OtherAct, request.Get("error").String()
	}
	e.Tool = tool
	p.shell[id] = e.Act == session.Shell
	p.d.add(p.s, e)
}

// gooseEdit tells what a call of text_editor does.
func gooseEdit(command string) session.Act {
	switch command {
	case "view":
		return session.Read
	case "write":
		return session.Write
	}
	return session.Edit
}

// What a call returns that was not run.
const (
	gooseDeclined    = "The user has declined to run this tool"
	gooseBlocked     = "This tool call was blocked by a safety inspector"
	gooseSkipped     = "Let the user know the tool call was skipped in"
	gooseInterrupted = "Interrupted by the user to make a correction"
)

// result reads what a call returned: {id, toolResult: {status, value: {content,
// structuredContent, isError}, error}}, where earlier versions have the content
// as the value. A command's exit code stands in structuredContent, and in words
// behind its output.
func (p *gooseParser) result(n, part int, m *gooseMessage, b gjson.Result) {
	id, result := b.Get("id").String(), b.Get("toolResult")
	e := p.event(n, part, m, session.Result, session.ByTool, id)
	value := result.Get("value")
	e.CallID, e.Line = id, p.d.line(value, result.Get("error"))
	switch failed := value.Get("isError"); {
	case result.Get("status").Str == "error":
		e.Flag, e.Text = session.FlagError, result.Get("error").String()
	case value.IsArray():
		e.Flag, e.Text = session.FlagOK, gooseContent(value)
	default:
		if e.Flag, e.Text = session.FlagOK, gooseContent(value.Get("content")); failed.Bool() {
			e.Flag = session.FlagError
		}
		gooseExit(&e, value.Get("structuredContent"))
	}
	if e.Flag == session.FlagOK && e.Exit == nil && p.shell[id] {
		e.Flag = "" // early versions call every command that ran a success
	}
	switch {
	case strings.HasPrefix(e.Text, gooseDeclined):
		e.Flag = session.FlagRejected
	case strings.HasPrefix(e.Text, gooseBlocked), strings.HasPrefix(e.Text, gooseSkipped):
		e.Flag = session.FlagDenied
	case strings.Contains(firstLine(e.Text), gooseInterrupted):
		e.Flag = session.FlagInterrupted
	}
	p.d.add(p.s, e)
}

// gooseContent joins the texts of a result. Early versions give some of them
// twice, once for the model and once for the person.
func gooseContent(content gjson.Result) string {
	var texts []string
	content.ForEach(func(_, c gjson.Result) bool {
		if to := c.Get("annotations.audience"); !to.IsArray() || strings.Contains(to.Raw, `"assistant"`) {
			if text := firstText(c, "text", "resource.text"); text != "" {
				texts = append(texts, text)
			}
		}
		return true
	})
	return strings.Join(texts, "\n")
}

// gooseExit takes out of a command's output what the client adds to it. One
// that was stopped for its time has 124, as with timeout(1).
func gooseExit(e *session.Event, shell gjson.Result) {
	if code := shell.Get("exit_code"); code.Type == gjson.Number {
		e.Exit = exitCode(int(code.Int()))
		e.Text = strings.TrimSuffix(e.Text, "\n\nCommand exited with code "+code.Raw)
	} else if shell.Get("timed_out").Bool() {
		e.Exit = exitCode(124)
	}
	if e.Exit != nil {
		e.Text = strings.TrimLeft(strings.TrimPrefix(e.Text, "(no output)"), "\n")
	}
}

func holdsGoose(s schema) bool {
	return s.has("sessions", "id", "working_dir") && s.has("messages", "session_id", "role", "content_json")
}

// gooseColumns are the columns of a session that are read; early databases lack
// some.
var gooseColumns = []string{"id", "name", "description", "session_type", "working_dir", "parent_session_id", "schedule_id", "recipe_json", "model_config_json",
	"accumulated_input_tokens", "accumulated_output_tokens", "accumulated_cache_read_tokens", "accumulated_cache_write_tokens", "accumulated_cost", "updated_at"}

// readGooseDB reads a database, session by session.
func readGooseDB(db *database, d *Draft) error {
	marks := make(map[string]string)
	err := db.query(func(row []string) error {
		marks[row[0]] = strings.Join(row[1:], " ")
		return nil
	}, "SELECT session_id, count(*), max(rowid), sum(octet_length(content_json)) FROM messages GROUP BY session_id")
	if err != nil {
		return err
	}
	sessions, err := db.rows("sessions", gooseColumns, "ORDER BY id")
	if err != nil {
		return err
	}
	for _, row := range sessions {
		d.part(row[0], key(append(row, marks[row[0]])...), func() error { return readGooseSession(db, d, row) })
		delete(marks, row[0])
	}
	return db.leftOver(d, marks)
}

// readGooseSession reads a session in the order of its rows: a compaction
// writes them anew, but in the order in which they were.
func readGooseSession(db *database, d *Draft, row []string) error {
	p := newGooseParser(d, row[0], "index")
	p.header(gooseRow(row))
	n := 0
	return db.each("messages", []string{"role", "content_json", "metadata_json", "created_timestamp"}, func(m []string) error {
		d.Records++
		if gjson.Valid(m[1]) {
			created, _ := strconv.ParseInt(m[3], 10, 64)
			p.message(n, 0, gooseMessage{m[0], gjson.Parse(m[1]), gjson.Parse(m[2]), unixTimeOf(created)})
		} else {
			d.bad(n, "message: not JSON")
		}
		n++
		return nil
	}, "WHERE session_id = ? ORDER BY id", row[0])
}

// gooseRow makes of a session's row the document that an export has.
func gooseRow(row []string) gjson.Result {
	var b strings.Builder
	b.WriteByte('{')
	for i, column := range gooseColumns {
		value := row[i]
		switch {
		case value == "":
			continue
		case strings.HasSuffix(column, "_json"):
			if column = strings.TrimSuffix(column, "_json"); !gjson.Valid(value) {
				continue
			}
		case !strings.HasPrefix(column, "accumulated_") || !gjson.Valid(value):
			value = string(gjson.AppendJSONString(nil, value))
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(column) + ":" + value)
	}
	b.WriteByte('}')
	return gjson.Parse(b.String())
}
