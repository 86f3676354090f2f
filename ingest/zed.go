package ingest

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// zed reads the agent of the editor Zed: a database with a thread a row, each a
// document, compressed in all but early versions. Messages have no times: only
// when the thread was created and last changed is known.
var zed = Format{
	Name:       "zed",
	Doc:        "Zed's agent, ~/.local/share/zed/threads",
	Version:    1,
	Seen:       "threads as JSON and compressed",
	Skips:      "what is no word, call, result or edit",
	Checked:    "the editor's source",
	Unverified: true,
	Places: []string{
		".local/share/zed/threads/threads.db",
		"Library/Application Support/Zed/threads/threads.db",
		"AppData/Local/Zed/threads/threads.db",
	},
	Holds:  holdsZed,
	ReadDB: readZedDB,
}

func holdsZed(s schema) bool { return s.has("threads", "id", "summary", "data_type", "data") }

// zedThread is a thread's row.
type zedThread struct{ id, parent, summary, folders, created, updated string }

func readZedDB(db *database, d *Draft) error {
	columns := []string{"id", "parent_id", "summary", "folder_paths", "created_at", "updated_at", "data_type", "data"}
	err := db.each("threads", columns, func(row []string) error {
		t := zedThread{row[0], row[1], row[2], row[3], row[4], row[5]}
		kind, data := row[6], row[7]
		d.part(t.id, key(row...), func() error {
			text, err := zedText(kind, data)
			if err == nil {
				newZedParser(d, t, gjson.Parse(text)).read()
			}
			return err
		})
		return nil
	}, "ORDER BY id")
	if err != nil {
		return err
	}
	return db.leftOver(d, nil)
}

var zedUnpack = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
})

// zedText returns the document of a thread.
func zedText(kind, data string) (string, error) {
	switch kind {
	case "json", "":
	case "zstd":
		unpack, err := zedUnpack()
		if err != nil {
			return "", err
		}
		text, err := unpack.DecodeAll([]byte(data), nil)
		if err != nil {
			return "", err
		}
		data = string(text)
	default:
		return "", errors.New("a thread is packed as " + kind)
	}
	if !gjson.Valid(data) {
		return "", errors.New("a thread is not JSON")
	}
	return data, nil
}

type zedParser struct {
	d     *Draft
	s     *session.Session
	doc   gjson.Result
	shell map[string]bool // calls that run a command
}

func newZedParser(d *Draft, t zedThread, doc gjson.Result) *zedParser {
	p := &zedParser{d: d, s: d.session(t.id), doc: doc, shell: make(map[string]bool)}
	s := p.s
	s.Sources[0].Unit = "index"
	s.Title, s.Cwd, s.Parent = t.summary, firstLine(t.folders), t.parent
	if s.Parent == "" {
		s.Parent = doc.Get("subagent_context.parent_thread_id").String()
	}
	if s.Cwd == "" {
		s.Cwd = firstText(doc, "initial_project_snapshot.worktree_snapshots.0.worktree_path")
	}
	s.Branch = firstText(doc, "initial_project_snapshot.worktree_snapshots.0.git_state.current_branch")
	s.Remote = session.RemoteName(firstText(doc, "initial_project_snapshot.worktree_snapshots.0.git_state.remote_url"))
	s.Model = doc.Get("model.model").String()
	if s.Population = session.ByUser; s.Parent != "" {
		s.Population = session.Subagent
	}
	use := doc.Get("cumulative_token_usage")
	s.Usage = session.Usage{Input: int(use.Get("input_tokens").Int()), Output: int(use.Get("output_tokens").Int()),
		CacheRead: int(use.Get("cache_read_input_tokens").Int()), CacheWrite: int(use.Get("cache_creation_input_tokens").Int())}
	s.Start, s.End = parseTime(t.created), parseTime(t.updated)
	if s.Start.IsZero() {
		s.Start = s.End
	}
	return p
}

// read reads the messages: {"User": {id, content}}, {"Agent": {content,
// tool_results}} and "Resume", and before 0.3 {role, segments, tool_uses,
// tool_results}, of which the first had a text for segments.
func (p *zedParser) read() {
	eachItem(p.doc.Get("messages"), p.d, func(n int, m gjson.Result) {
		switch {
		case m.Get("User").Exists():
			p.user(n, m.Get("User"))
		case m.Get("Agent").Exists():
			p.agent(n, m.Get("Agent"))
		case m.String() == "Resume": // the person lets the agent go on
		case m.Get("Compaction").Exists():
			e := p.event(n, 0, session.Note, session.Injected)
			e.Act, e.Text = session.Compacted, firstText(m, "Compaction.summary", "Compaction.Summary", "Compaction")
			p.d.add(p.s, e)
		case m.Get("role").Exists():
			p.early(n, m)
		default:
			kind := ""
			m.ForEach(func(k, _ gjson.Result) bool { kind = k.Str; return false })
			p.d.unknown("message " + kind)
		}
	})
}

// The parts of a message: its blocks at twice their place, and each result
// behind its call.
const zedBlock = 2

func (p *zedParser) event(n, part int, kind session.Kind, author session.Author) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Key: key("zed", p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

func (p *zedParser) text(n, part int, kind session.Kind, author session.Author, text string) {
	e := p.event(n, part, kind, author)
	if e.Text = strings.TrimSpace(text); e.Text != "" {
		p.d.add(p.s, e)
	}
}

// person is who speaks in the user role.
func (p *zedParser) person() session.Author {
	if p.s.Population == session.Subagent {
		return session.ByProgram
	}
	return session.Human
}

func (p *zedParser) user(n int, m gjson.Result) {
	for i, b := range m.Get("content").Array() {
		switch {
		case b.Get("Text").Exists():
			p.text(n, zedBlock*i, session.User, p.person(), b.Get("Text").String())
		case b.Get("Mention").Exists(): // a file or another thing that the person pointed at
			p.text(n, zedBlock*i, session.User, session.Injected, b.Get("Mention.content").String())
		case b.Get("Image").Exists():
		default:
			p.d.unknown("user block")
		}
	}
}

func (p *zedParser) agent(n int, m gjson.Result) {
	results := m.Get("tool_results")
	for i, b := range m.Get("content").Array() {
		part := zedBlock * i
		switch {
		case b.Get("Text").Exists():
			p.text(n, part, session.Agent, session.ByAgent, b.Get("Text").String())
		case b.Get("Thinking").Exists():
			p.thought(n, part, b.Get("Thinking.text").String())
		case b.Get("ToolUse").Exists():
			id := p.call(n, part, b.Get("ToolUse"))
			results.ForEach(func(of, r gjson.Result) bool {
				if of.String() == id {
					p.result(n, part+1, id, r)
				}
				return of.String() != id
			})
		case b.Get("RedactedThinking").Exists():
		default:
			p.d.unknown("agent block")
		}
	}
}

func (p *zedParser) thought(n, part int, text string) {
	e := p.event(n, part, session.Agent, session.ByAgent)
	if e.Act, e.Text = session.Thinking, text; text != "" {
		p.d.add(p.s, e)
	}
}

// early reads a message of the versions before 0.3. What the editor attached to
// it, its context, is passed over.
func (p *zedParser) early(n int, m gjson.Result) {
	kind, author := session.Agent, session.ByAgent
	switch role := m.Get("role").Str; role {
	case "user":
		kind, author = session.User, p.person()
		if m.Get("is_hidden").Bool() {
			author = session.Injected
		}
	case "assistant":
	case "system":
		return
	default:
		p.d.unknown("role " + role)
		return
	}
	part := 0
	p.text(n, part, kind, author, m.Get("text").String())
	for _, b := range m.Get("segments").Array() {
		part += zedBlock
		switch b.Get("type").Str {
		case "text":
			p.text(n, part, kind, author, b.Get("text").String())
		case "thinking":
			p.thought(n, part, b.Get("text").String())
		}
	}
	for _, use := range m.Get("tool_uses").Array() {
		part += zedBlock
		p.call(n, part, use)
	}
	for _, r := range m.Get("tool_results").Array() {
		part += zedBlock
		p.result(n, part, r.Get("tool_use_id").String(), r)
	}
}

// zedActs maps the names of tools that only Zed has to what they do.
var zedActs = map[string]session.Act{
	"find_path": session.List, "diagnostics": session.Read, "open": session.OtherAct, "delete_path": session.Edit, "move_path": session.Edit,
	"copy_path": session.Write, "save_file": session.Write, "streaming_edit_file": session.Edit, "spawn_agent": session.Task, "thinking": session.Plan,
	"contents": session.Read,
}

// call reads a call: {id, name, input}. A command's folder is named cd, within
// the project.
func (p *zedParser) call(n, part int, use gjson.Result) (id string) {
	e := p.event(n, part, session.Call, session.ByAgent)
	id = use.Get("id").String()
	e.CallID, e.Tool = id, use.Get("name").String()
	args := use.Get("input")
	commonInput(&e, args)
	if act := zedActs[e.Tool]; act != "" {
		e.Act = act
	}
	if dir := args.Get("cd").String(); e.Act == session.Shell && strings.HasPrefix(dir, "/") && dir != p.s.Cwd {
		e.Dir = dir
	}
	p.shell[id] = e.Act == session.Shell
	p.d.add(p.s, e)
	return id
}

// result reads what a call returned: {is_error, content, output}. The content
// is a text, or {"Text": …}, or a list of them.
func (p *zedParser) result(n, part int, id string, r gjson.Result) {
	e := p.event(n, part, session.Result, session.ByTool)
	e.CallID, e.Flag = id, session.FlagOK
	if r.Get("is_error").Bool() {
		e.Flag = session.FlagError
	}
	content := r.Get("content")
	texts := []string{zedPiece(content)}
	if content.IsArray() {
		texts = nil
		for _, c := range content.Array() {
			texts = append(texts, zedPiece(c))
		}
	}
	if e.Text = strings.Join(texts, "\n"); p.shell[id] {
		zedShell(&e)
	}
	if strings.HasPrefix(e.Text, "Tool canceled by user") {
		e.Flag = session.FlagInterrupted
	}
	if strings.HasPrefix(e.Text, "Permission to run tool") && strings.Contains(firstLine(e.Text), "denied") {
		e.Flag = session.FlagRejected
	}
	p.d.add(p.s, e)
}

func zedPiece(c gjson.Result) string {
	switch {
	case c.Type == gjson.String:
		return c.Str
	case c.Get("Image").Exists():
		return "[image]"
	}
	return firstText(c, "Text.text", "Text", "text")
}

var (
	zedExit   = lazyregexp.New(`(?s)^Command ".*?" failed with exit code (-?\d+)\.(?:\n\n|$)`)
	zedFence  = lazyregexp.New("(?s)^```\n(.*?)\n?```\\s*$")
	zedTimed  = lazyregexp.New(`(?s)^Command ".*?" timed out\.`)
	zedTooBig = lazyregexp.New(`^Command output too long\. The first \d+ bytes:\n\n`)
)

// zedShell reads how a command ended, which stands in words before its output,
// and takes the output out of its fence. A command that was stopped for its
// time has 124, as with timeout(1).
func zedShell(e *session.Event) {
	if m := zedExit.FindStringSubmatchIndex(e.Text); m != nil {
		if code, err := strconv.Atoi(e.Text[m[2]:m[3]]); err == nil {
			e.Exit = exitCode(code)
		}
		e.Text = e.Text[m[1]:]
	}
	switch {
	case zedTimed.MatchString(e.Text):
		e.Flag, e.Exit = session.FlagError, exitCode(124)
	case strings.HasPrefix(e.Text, "The user stopped this command."):
		e.Flag = session.FlagInterrupted
	case e.Exit != nil && e.Flag == session.FlagOK:
		e.Flag = ""
	case e.Text == "Command executed successfully.":
		e.Text = ""
	}
	e.Text = zedTooBig.ReplaceAllString(e.Text, "")
	if m := zedFence.FindStringSubmatch(e.Text); m != nil {
		e.Text = m[1]
	}
}
