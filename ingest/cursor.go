package ingest

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// cursor reads Cursor: the database of the editor, which holds all
// conversations of all projects as JSON under keys, and the transcripts that
// the agent leaves in JSON Lines. A transcript has neither times nor results,
// and counts only where the database does not have the session.
var cursor = Format{
	Name:       "cursor",
	Doc:        "Cursor, its editor's state.vscdb and ~/.cursor/projects",
	Version:    1,
	Seen:       "the editor's database, and transcripts of its agent",
	Skips:      "what is no word, call, result or edit",
	Checked:    "descriptions of the formats, and other readers of them",
	Unverified: true,
	Places: []string{
		".config/Cursor/User/globalStorage/state.vscdb",
		"Library/Application Support/Cursor/User/globalStorage/state.vscdb",
		"AppData/Roaming/Cursor/User/globalStorage/state.vscdb",
		".cursor/projects/*/agent-transcripts/**/*.jsonl",
	},
	Sniff:  sniffCursor,
	Parse:  parseCursor,
	Holds:  holdsCursor,
	ReadDB: readCursorDB,
}

// sniffCursor looks for a line of a transcript: {role, message: {content}} and
// nothing that tells of another agent's messages.
func sniffCursor(head []byte) bool {
	first := firstObject(head)
	role := first.Get("role").Str
	return (role == "user" || role == "assistant") && first.Get("message.content").Exists() && !first.Get("type").Exists() && !first.Get("id").Exists()
}

// cursorTranscript ends the ids of transcripts, which tells them from the
// session that they render.
const cursorTranscript = "-transcript"

// parseCursor reads a transcript. That of a subagent lies below its parent's:
// agent-transcripts/<parent>/subagents/<id>.jsonl.
func parseCursor(in *Input, d *Draft) error {
	id := strings.TrimSuffix(path.Base(in.Path), ".jsonl")
	p := &cursorLines{d: d, s: d.session(id + cursorTranscript)}
	p.s.Origin = "cursor/" + name(id)
	if dir := path.Dir(in.Path); path.Base(dir) == "subagents" {
		p.s.Population, p.s.Parent = session.Subagent, path.Base(path.Dir(dir))+cursorTranscript
	}
	return eachRecord(in, d, p.record)
}

type cursorLines struct {
	d       *Draft
	s       *session.Session
	waiting []string // calls without a result
}

func (p *cursorLines) record(at place, rec gjson.Result) {
	role := rec.Get("role").Str
	if role != "user" && role != "assistant" {
		if kind := rec.Get("type").String(); kind != "turn_ended" {
			p.d.unknown(kind + role)
		}
		return
	}
	eachBlock(rec.Get("message.content"), func(i int, kind string, b gjson.Result) {
		e := session.Event{N: at.line, Part: at.part(i), Kind: session.Agent, Author: session.ByAgent,
			Key: key("cursor", p.s.ID, strconv.Itoa(at.line), strconv.Itoa(at.part(i)))}
		switch {
		case kind == "text" && role == "user":
			e.Kind = session.User
			e.Author, e.Text = cursorWords(p.s, textOf(b))
		case kind == "text":
			e.Text = strings.TrimSpace(textOf(b))
		case kind == "thinking":
			e.Act, e.Text = session.Thinking, b.Get("thinking").String()
		case kind == "tool_use":
			p.call(e, b)
			return
		case kind == "tool_result":
			p.result(e, b)
			return
		case kind == "image", kind == "redacted_thinking":
		default:
			p.d.unknown(role + " block " + kind)
		}
		if e.Text != "" {
			p.d.add(p.s, e)
		}
	})
}

// cursorWords tells who wrote a text in the user role, and what of it they
// wrote: what stands in <user_query>, beside what the editor attaches.
func cursorWords(s *session.Session, text string) (session.Author, string) {
	text = strings.TrimSpace(text)
	_, query, ok := strings.Cut(text, "<user_query>")
	switch {
	case ok:
		query, _, _ = strings.Cut(query, "</user_query>")
		text = strings.TrimSpace(query)
	case slices.ContainsFunc(cursorContext, func(tag string) bool { return strings.HasPrefix(text, "<"+tag) }):
		return session.Injected, text
	}
	if s.Population == session.Subagent {
		return session.ByProgram, text
	}
	return session.Human, text
}

// cursorContext are the tags in which the editor tells the model of itself.
var cursorContext = []string{"user_info", "system_reminder", "system-reminder", "attached_files", "open_and_recently_viewed_files", "additional_data",
	"project_layout", "rules", "agent_skills", "git_status", "timestamp", "system_notification"}

// call reads a call, which has no id in most transcripts.
func (p *cursorLines) call(e session.Event, b gjson.Result) {
	e.Kind, e.Tool = session.Call, b.Get("name").String()
	if e.CallID = b.Get("id").String(); e.CallID == "" {
		e.CallID = "call-" + strconv.Itoa(e.N) + "." + strconv.Itoa(e.Part)
	}
	cursorInput(&e, b.Get("input"))
	p.waiting = append(p.waiting, e.CallID)
	p.d.add(p.s, e)
}

// result reads what a call returned; without an id it is of the first call that
// waits.
func (p *cursorLines) result(e session.Event, b gjson.Result) {
	e.Kind, e.Author = session.Result, session.ByTool
	e.Text = blockText(b.Get("content"))
	if e.CallID = b.Get("tool_use_id").String(); e.CallID == "" && len(p.waiting) > 0 {
		e.CallID, p.waiting = p.waiting[0], p.waiting[1:]
	}
	if b.Get("is_error").Bool() {
		e.Flag = session.FlagError
	}
	p.d.add(p.s, e)
}

// cursorActs maps the names of tools that only Cursor has to what they do.
var cursorActs = map[string]session.Act{
	"run_terminal_cmd": session.Shell, "semantic_search_full": session.Search, "ripgrep_raw_search": session.Search, "glob_file_search": session.List,
	"read_lints": session.Read, "create_plan": session.Plan, "ask_question": session.Ask, "ApplyPatch": session.Edit, "StrReplace": session.Edit,
	"SemanticSearch": session.Search, "Subagent": session.Task,
}

// cursorInput sets what a call does and what it is about.
func cursorInput(e *session.Event, args gjson.Result) {
	tool := e.Tool
	e.Tool = strings.TrimSuffix(tool, "_v2")
	if act := cursorActs[e.Tool]; act == session.Shell {
		e.Tool = "shell" // so that its command is looked for
		commonInput(e, args)
	} else {
		commonInput(e, args)
		if act != "" {
			e.Act = act
		}
	}
	if e.Command == "" {
		e.Command = firstText(args, "relativeWorkspacePath", "targetFile", "effectiveUri", "targetDirectory", "directoryPath", "globPattern", "searchTerm", "contents")
	}
	if e.Act == session.Shell {
		e.Dir = firstText(args, "working_directory", "cwd")
	}
	e.Tool = tool
}

func holdsCursor(s schema) bool { return s.has("cursorDiskKV", "key", "value") }

// cursorConversation is what tells the conversations of a database apart.
type cursorConversation struct{ id, parent, mark string }

// readCursorDB reads a database, conversation by conversation. Each is a
// document under composerData:<id>, and its messages stand under
// bubbleId:<id>:<message>.
func readCursorDB(db *database, d *Draft) error {
	marks := make(map[string]string)
	err := db.query(func(row []string) error {
		marks[row[0]] = strings.Join(row[1:], " ")
		return nil
	}, `SELECT substr(key, 10, instr(substr(key, 10), ':') - 1) AS id, count(*), sum(octet_length(value)), max(rowid)
		FROM cursorDiskKV WHERE key >= 'bubbleId:' AND key < 'bubbleId;' GROUP BY id`)
	if err != nil {
		return err
	}
	var all []cursorConversation
	parents := make(map[string]string)
	err = db.query(func(row []string) error {
		id := strings.TrimPrefix(row[0], "composerData:")
		doc := gjson.Parse(row[1])
		if row[1] != "" && doc.IsObject() { // what was deleted is empty
			all = append(all, cursorConversation{id: id, mark: key(row[1], marks[id])})
			delete(marks, id)
		}
		for _, list := range []string{"subComposerIds", "subagentComposerIds"} {
			for _, child := range doc.Get(list).Array() {
				parents[child.String()] = id
			}
		}
		return nil
	}, "SELECT key, value FROM cursorDiskKV WHERE key >= 'composerData:' AND key < 'composerData;' ORDER BY key")
	if err != nil {
		return err
	}
	for _, c := range all {
		c.parent = parents[c.id]
		d.part(c.id, key(c.mark, c.parent), func() error { return readCursorConversation(db, d, c) })
	}
	return db.leftOver(d, marks)
}

func readCursorConversation(db *database, d *Draft, c cursorConversation) error {
	bubbles, text := make(map[string]string), ""
	err := db.query(func(row []string) error {
		bubbles[row[0][strings.LastIndexByte(row[0], ':')+1:]] = row[1]
		return nil
	}, "SELECT key, value FROM cursorDiskKV WHERE key >= ? AND key < ?", "bubbleId:"+c.id+":", "bubbleId:"+c.id+";")
	if err == nil {
		err = db.query(func(row []string) error {
			text = row[0]
			return nil
		}, "SELECT value FROM cursorDiskKV WHERE key = ?", "composerData:"+c.id)
	}
	if err != nil {
		return err
	}
	if !gjson.Valid(text) {
		return errors.New("not JSON: " + d.excerpt([]byte(text)))
	}
	newCursorParser(d, c, gjson.Parse(text)).read(bubbles)
	return nil
}
