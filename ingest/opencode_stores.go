package ingest

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// A session of the storage folder is spread over it:
//
//	storage/session/<project>/<session>.json   the source
//	storage/message/<session>/<message>.json
//	storage/part/<message>/<part>.json
//
// and before 0.6, in a storage folder for each project:
//
//	storage/session/info/<session>.json        the source
//	storage/session/message/<session>/<message>.json
//	storage/session/part/<session>/<message>/<part>.json
type openCodeTree struct{ messages, parts string }

// openCodeTreeOf returns the folders with the messages of a session and with
// the parts of each, when the session's file lies in a storage folder.
func openCodeTreeOf(file string) (t openCodeTree, ok bool) {
	id, isSession := strings.CutSuffix(filepath.Base(file), ".json")
	project := filepath.Dir(file)
	sessions := filepath.Dir(project)
	switch {
	case !isSession, !strings.HasPrefix(id, "ses_"), filepath.Base(sessions) != "session":
		return t, false
	case filepath.Base(project) == "info":
		return openCodeTree{filepath.Join(sessions, "message", id), filepath.Join(sessions, "part", id)}, true
	}
	storage := filepath.Dir(sessions)
	return openCodeTree{filepath.Join(storage, "message", id), filepath.Join(storage, "part")}, true
}

// openCodeParts lists the messages and parts of a session's file.
func openCodeParts(file string) []string {
	t, ok := openCodeTreeOf(file)
	if !ok {
		return nil
	}
	files := jsonFiles(t.messages)
	for _, message := range files {
		files = append(files, jsonFiles(filepath.Join(t.parts, idOf(message)))...)
	}
	return files
}

// jsonFiles lists the JSON files of a folder by name; there may be no such folder.
func jsonFiles(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// idOf returns the id of what a file of the storage folder holds. Its name
// holds, even where the id inside is another.
func idOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ".json") }

// parseOpenCodeTree reads a session of the storage folder.
func parseOpenCodeTree(file string, doc gjson.Result, d *Draft) error {
	info := openCodeInfoOf(doc)
	if info.id == "" {
		return nil
	}
	t, ok := openCodeTreeOf(file)
	if !ok {
		return errors.New("a session without its messages, which lie in another folder")
	}
	p := newOpenCodeParser(d, info)
	var messages []openCodeRow
	for _, f := range jsonFiles(t.messages) {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		messages = append(messages, openCodeRow{idOf(f), string(text)})
	}
	err := p.rows(messages, func(id string) (parts []openCodeRow, err error) {
		for _, f := range jsonFiles(filepath.Join(t.parts, id)) {
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			parts = append(parts, openCodeRow{idOf(f), string(text)})
		}
		return parts, nil
	})
	p.end()
	return err
}

// openCodeRow is a message or a part, as a file or a row of a table holds it.
type openCodeRow struct{ id, text string }

// rows reads messages that stand apart from their parts, in the order in which
// the client shows them: by their time, then by id. Ids alone do not tell: they
// start again every two years.
func (p *openCodeParser) rows(messages []openCodeRow, partsOf func(message string) ([]openCodeRow, error)) error {
	type dated struct {
		openCodeRow
		created int64
	}
	var all []dated
	for i, m := range messages {
		if !gjson.Valid(m.text) {
			p.d.Records++
			p.d.bad(i, "message "+m.id+": not JSON")
			continue
		}
		all = append(all, dated{m, gjson.Get(m.text, "time.created").Int()})
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].created != all[j].created {
			return all[i].created < all[j].created
		}
		return all[i].id < all[j].id
	})
	for n, m := range all {
		rows, err := partsOf(m.id)
		if err != nil {
			return err
		}
		parts := make([]gjson.Result, len(rows))
		for i, row := range rows {
			if gjson.Valid(row.text) {
				parts[i] = gjson.Parse(row.text)
			} else {
				p.d.bad(n, "part "+row.id+": not JSON")
			}
		}
		p.message(n, m.id, gjson.Parse(m.text), parts)
	}
	return nil
}

// holdsOpenCode looks for the tables that hold the transcript.
func holdsOpenCode(s schema) bool {
	return s.has("session", "id") && s.has("message", "id", "session_id", "data") && s.has("part", "id", "message_id", "data")
}

// openCodeColumns are the columns of a session that are read. Early databases
// lack the folder, and the project's stands for it.
var openCodeColumns = []string{"id", "project_id", "parent_id", "directory", "title", "version", "model", "permission", "revert", "time_created", "time_updated"}

// readOpenCodeDB reads a database, session by session.
func readOpenCodeDB(db *database, d *Draft) error {
	marks, err := openCodeMarks(db)
	if err != nil {
		return err
	}
	worktrees := make(map[string]string)
	if db.schema.has("project", "id") {
		err = db.each("project", []string{"id", "worktree"}, func(row []string) error {
			worktrees[row[0]] = row[1]
			return nil
		}, "")
	}
	if err != nil {
		return err
	}
	sessions, err := db.rows("session", openCodeColumns, "ORDER BY id")
	if err != nil {
		return err
	}
	for _, row := range sessions {
		info := openCodeInfo{id: row[0], parent: row[2], directory: row[3], title: row[4], version: row[5], model: gjson.Get(row[6], "id").Str,
			permission: gjson.Parse(row[7]), revert: gjson.Get(row[8], "messageID").Str, created: gjson.Parse(row[9])}
		if info.directory == "" {
			info.directory = worktrees[row[1]]
		}
		d.part(info.id, key(append(row, marks[info.id])...), func() error { return readOpenCodeSession(db, d, info) })
		delete(marks, info.id)
	}
	return db.leftOver(d, marks)
}

// openCodeMarks tells for each session how many rows it has, how long they are
// and when the youngest was written: enough to see that something changed.
func openCodeMarks(db *database) (map[string]string, error) {
	marks := make(map[string]string)
	for _, table := range []string{"message", "part", "session_message"} {
		if !db.schema.has(table, "session_id", "data") {
			continue
		}
		updated := "0"
		if db.schema.has(table, "time_updated") {
			updated = "max(time_updated)"
		}
		err := db.query(func(row []string) error {
			marks[row[0]] += strings.Join(row, " ") + "\n"
			return nil
		}, "SELECT session_id, count(*), sum(octet_length(data)), "+updated+" FROM "+table+" GROUP BY session_id")
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}

func readOpenCodeSession(db *database, d *Draft, info openCodeInfo) error {
	p := newOpenCodeParser(d, info)
	messages, err := openCodeRows(db, "message", "WHERE session_id = ?", info.id)
	if err != nil {
		return err
	}
	err = p.rows(messages, func(id string) ([]openCodeRow, error) {
		return openCodeRows(db, "part", "WHERE message_id = ? ORDER BY id", id)
	})
	if err == nil && len(messages) == 0 && db.schema.has("session_message", "session_id", "type", "data") {
		err = p.newer(db)
	}
	p.end()
	return err
}

func openCodeRows(db *database, table, where, id string) (rows []openCodeRow, err error) {
	err = db.each(table, []string{"id", "data"}, func(row []string) error {
		rows = append(rows, openCodeRow{row[0], row[1]})
		return nil
	}, where, id)
	return rows, err
}

// newer reads a session of the client's second interface (1.18): its messages
// have a table of their own, session_message, and hold their parts.
func (p *openCodeParser) newer(db *database) error {
	n := 0
	return db.each("session_message", []string{"id", "type", "data"}, func(row []string) error {
		p.d.Records++
		if data := gjson.Parse(row[2]); gjson.Valid(row[2]) {
			p.at = openCodeMessage{n: n, id: row[0], role: row[1], created: data.Get("time.created")}
			p.newerMessage(row[1], data)
		} else {
			p.d.bad(n, "message "+row[0]+": not JSON")
		}
		n++
		return nil
	}, "WHERE session_id = ? ORDER BY seq, id", p.info.id)
}

func (p *openCodeParser) newerMessage(kind string, m gjson.Result) {
	text := m.Get("text").String()
	if p.root == "" {
		p.begin(text)
	}
	switch kind {
	case "user":
		p.words(0, p.d.line(m.Get("text")), text, false)
	case "synthetic":
		p.words(0, p.d.line(m.Get("text")), text, true)
	case "shell": // the person's own command
		call := p.event(0, session.Call, session.ByAgent)
		call.Command = m.Get("command").String()
		result := p.event(openCodeResult, session.Result, session.ByTool)
		result.Text = m.Get("output").String()
		p.command(call, result)
	case "compaction":
		p.note(0, session.Compacted, m.Get("time.created"), m.Get("summary"))
	case "assistant":
		p.newerReply(m)
	case "system", "agent-switched", "model-switched":
	default:
		p.d.unknown("message " + kind)
	}
}

func (p *openCodeParser) newerReply(m gjson.Result) {
	first := len(p.s.Events)
	if p.s.Model == "" {
		p.s.Model = m.Get("model.id").Str
	}
	for i, part := range m.Get("content").Array() {
		switch kind := part.Get("type").Str; kind {
		case "text":
			p.said(i, part, false)
		case "reasoning":
			p.thought(i, part)
		case "tool":
			p.newerTool(i, part)
		default:
			p.d.unknown("content " + kind)
		}
	}
	if err := m.Get("error"); err.Exists() {
		p.note(openCodeError, session.APIError, m.Get("time.completed"), err.Get("message"), err.Get("type"))
	}
	p.tokens(first, m)
}

// newerTool reads a call with its result:
// {name, id, state: {status, input, content, structured, error}, time}.
func (p *openCodeParser) newerTool(i int, part gjson.Result) {
	state := part.Get("state")
	call := p.event(openCodePart*i, session.Call, session.ByAgent)
	call.Tool, call.CallID = part.Get("name").Str, part.Get("id").Str
	openCodeInput(&call, state.Get("input"))
	result := p.event(openCodePart*i+openCodeResult, session.Result, session.ByTool)
	result.CallID = call.CallID
	call.Time, result.Time = milli(part.Get("time.created")), milli(part.Get("time.completed"))
	result.Text = blockText(state.Get("content"))
	reason := ""
	switch status := state.Get("status").Str; status {
	case "completed":
		result.Flag = session.FlagOK
		if call.Act == session.Shell {
			result.Text = state.Get("content.0.text").String() // behind it the exit code in words
			if result.Text == "(no output)" {
				result.Text = ""
			}
			shellOutcome(&result, state.Get("structured.exit"))
		}
	case "error":
		result.Text = state.Get("error.message").String()
		result.Flag, reason = openCodeFlag(result.Text, false)
	case "running", "pending":
		result.Flag = session.FlagRunning
	default:
		p.d.unknown("tool status " + status)
	}
	p.d.add(p.s, call)
	p.d.add(p.s, result)
	if reason != "" {
		why := p.event(openCodePart*i+openCodeReason, session.User, session.Human)
		why.Act, why.CallID, why.Text, why.Time = session.Refusal, call.CallID, reason, result.Time
		p.d.add(p.s, why)
	}
}
