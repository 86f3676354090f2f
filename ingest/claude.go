package ingest

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
)

// claude reads Claude Code, versions 1.0 to 2.1: JSON Lines, one file a
// session and one a subagent, records that name themselves by uuid.
var claude = Format{
	Name:    "claude",
	Doc:     "Claude Code, ~/.claude/projects",
	Version: 3,
	Seen:    "1.0.17 to 2.1.199, and the records of 2.1.3xx",
	Skips:   "progress records, snapshots of files and prompts",
	Checked: "314 transcripts of several people; real clients 1.0.115, 2.0.60, 2.1.197 and 2.1.328",
	Env:     "CLAUDE_CONFIG_DIR",
	Home:    ".claude",
	Places:  []string{".claude/projects/**/*.jsonl"},
	Sniff:   sniffClaude,
	Parse:   parseClaude,
}

// sniffClaude looks for a record type of Claude Code beside the names that
// only it uses. A session may begin with any of its records.
func sniffClaude(head []byte) bool {
	for _, line := range bytes.SplitN(head, []byte("\n"), 20) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		rec := gjson.ParseBytes(line) // may be cut: the leading names are still found
		kind := rec.Get("type").Str
		if claudeKnown[kind] && (rec.Get("sessionId").Exists() || rec.Get("leafUuid").Exists() ||
			rec.Get("messageId").Exists() || bytes.Contains(line, []byte(`"sessionId":"`))) {
			return !rec.Get("payload").Exists() && !rec.Get("provenance").Exists() &&
				!rec.Get("message.parts").Exists() && !rec.Get("systemPayload").Exists() // those are Qwen Code's
		}
	}
	return false
}

// claudeKnown lists the record types: true for those that are read or may be
// passed over because they repeat or only serve the client.
var claudeKnown = map[string]bool{
	"user": true, "assistant": true, "system": true, "attachment": true, "summary": true, "queue-operation": true,
	"custom-title": true, "ai-title": true, "agent-name": true, "pr-link": true,
	"progress": true, "file-history-snapshot": true, "file-history-delta": true, "last-prompt": true, "mode": true,
	"permission-mode": true, "bridge-session": true, "atis-latch": true, "tag": true, "agent-setting": true,
	"api-request": true, "api-request-shape": true, "api-request-blob": true, "tools-used": true, "cost-state": true,
	"saved_hook_context": true, "worktree-state": true, "content-replacement": true,
}

// claudeRecord is the envelope of a record. Strings are only taken of what is
// short; message and toolUseResult stay raw.
type claudeRecord struct {
	kind, subtype, uuid, parent, session, agent, time string
	cwd, branch, version, entrypoint, promptSource    string
	origin, denial, operation, content                string
	sidechain, meta, summary, apiError                bool
	message, result, attachment                       gjson.Result
	rec                                               gjson.Result
}

func readClaudeRecord(rec gjson.Result) (r claudeRecord) {
	r.rec = rec
	rec.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "type":
			r.kind = v.Str
		case "subtype":
			r.subtype = v.Str
		case "uuid":
			r.uuid = v.Str
		case "parentUuid":
			r.parent = v.Str
		case "sessionId":
			r.session = v.Str
		case "agentId":
			r.agent = v.Str
		case "timestamp":
			r.time = v.Str
		case "cwd":
			r.cwd = v.Str
		case "gitBranch":
			r.branch = v.Str
		case "version":
			r.version = v.Str
		case "entrypoint":
			r.entrypoint = v.Str
		case "promptSource":
			r.promptSource = v.Str
		case "origin":
			r.origin = v.Get("kind").Str
		case "toolDenialKind":
			r.denial = v.Str
		case "operation":
			r.operation = v.Str
		case "content":
			r.content = v.String()
		case "isSidechain":
			r.sidechain = v.Bool()
		case "isMeta":
			r.meta = v.Bool()
		case "isCompactSummary", "isVisibleInTranscriptOnly":
			r.summary = r.summary || v.Bool()
		case "isApiErrorMessage":
			r.apiError = v.Bool()
		case "message":
			r.message = v
		case "toolUseResult":
			r.result = v
		case "attachment":
			r.attachment = v
		}
		return true
	})
	return r
}

// claudeParser holds what must be remembered from one record to the next.
type claudeParser struct {
	d          *Draft
	main       string             // the session's id, as the records first name it
	chains     map[string]string  // uuid of an inline sidechain record -> its session's id
	background map[string]string  // id of a background command -> call that started it
	usage      map[string]*gauge  // message id -> tokens counted so far
	queued     []queuedText       // typed mid-turn; where else does it stand?
	said       map[string]bool    // texts that have a record of their own
	titles     map[string]titling // session -> its title and how good that is
}

type gauge struct {
	session *session.Session
	event   int // the message's first event
}

type titling struct {
	rank int
}

// queuedText is a message that was typed while the agent worked. Some versions
// record it only in the queue.
type queuedText struct {
	at       place
	session  string
	time     time.Time
	text     string
	taken    bool
	after    int // records of the conversation seen since it was taken
	returned bool
}

func parseClaude(in *Input, d *Draft) error {
	p := &claudeParser{d: d, chains: map[string]string{}, background: map[string]string{}, usage: map[string]*gauge{},
		said: map[string]bool{}, titles: map[string]titling{}}
	if err := eachRecord(in, d, p.record); err != nil {
		return err
	}
	p.flushQueue()
	for _, id := range d.order {
		p.population(d.sessions[id])
	}
	return nil
}

func (p *claudeParser) record(at place, rec gjson.Result) {
	r := readClaudeRecord(rec)
	switch r.kind {
	case "user":
		p.user(at, &r)
	case "assistant":
		p.assistant(at, &r)
	case "system":
		p.system(at, &r)
	case "attachment":
		p.attached(at, &r)
	case "summary":
		p.title(r.session, rec.Get("summary").Str, 1)
	case "ai-title":
		p.title(r.session, firstOf(rec, "aiTitle", "title"), 2)
	case "custom-title":
		p.title(r.session, firstOf(rec, "customTitle", "title"), 3)
	case "queue-operation":
		p.queue(at, &r)
	case "pr-link":
		if s := p.session(&r); s != nil && s.Remote == "" {
			s.Remote = session.RemoteName(rec.Get("prUrl").Str)
			if parts := strings.Split(s.Remote, "/"); len(parts) > 3 {
				s.Remote = strings.Join(parts[:3], "/")
			}
		}
	default:
		if !claudeKnown[r.kind] {
			p.d.unknown(r.kind)
		}
	}
	if r.uuid != "" && (r.kind == "user" || r.kind == "assistant") {
		for i := range p.queued {
			p.queued[i].after++
		}
	}
}

func firstOf(rec gjson.Result, names ...string) string {
	for _, n := range names {
		if v := rec.Get(n); v.Exists() {
			return v.String()
		}
	}
	return ""
}

// session returns the session that a record belongs to: the file's, a
// subagent's of its own file, or that of a sidechain within the file.
func (p *claudeParser) session(r *claudeRecord) *session.Session {
	id := r.session
	if id == "" {
		id = p.main
	}
	if id == "" {
		return nil
	}
	if p.main == "" {
		p.main = id
	}
	parent := ""
	switch {
	case r.agent != "":
		id, parent = id+"."+r.agent, id
	case r.sidechain && r.uuid != "":
		chain := p.chains[r.parent]
		if chain == "" {
			chain = id + "." + r.uuid[:min(8, len(r.uuid))]
		}
		p.chains[r.uuid] = chain
		id, parent = chain, id
	}
	s := p.d.session(id)
	s.Parent = parent
	if s.Cwd == "" {
		s.Cwd = r.cwd
	}
	if s.Branch == "" && r.branch != "HEAD" {
		s.Branch = r.branch
	}
	if r.version != "" {
		s.Version = r.version
	}
	switch {
	case parent != "":
		s.Population = session.Subagent
	case strings.HasPrefix(r.entrypoint, "sdk"), r.promptSource == "sdk":
		s.Population = session.Headless
	}
	return s
}

func (p *claudeParser) population(s *session.Session) {
	if s.Population == "" {
		s.Population = session.ByUser
	}
}

func (p *claudeParser) title(id, text string, rank int) {
	if id == "" {
		id = p.main
	}
	if id == "" || text == "" || p.titles[id].rank > rank {
		return
	}
	if s := p.d.sessions[id]; s != nil {
		s.Title = text
		p.titles[id] = titling{rank}
	}
}

// event starts an event of a record.
func (r *claudeRecord) event(at place, block int, kind session.Kind, author session.Author) session.Event {
	e := session.Event{N: at.line, Part: at.part(block), Kind: kind, Author: author, Time: parseTime(r.time)}
	if r.uuid != "" {
		e.Key = key(r.uuid, strconv.Itoa(block))
	}
	return e
}

// assistant reads a reply: one record a content block in newer versions.
func (p *claudeParser) assistant(at place, r *claudeRecord) {
	s := p.session(r)
	if s == nil {
		return
	}
	if model := r.message.Get("model").Str; model != "" && model != "<synthetic>" {
		s.Model = model
	}
	first := len(s.Events)
	eachBlock(r.message.Get("content"), func(n int, kind string, b gjson.Result) {
		p.reply(s, at, r, n, kind, b)
	})
	if len(s.Events) > first && !r.apiError {
		p.tokens(s, first, r)
	}
}

func (p *claudeParser) reply(s *session.Session, at place, r *claudeRecord, n int, kind string, b gjson.Result) {
	switch kind {
	case "text":
		e := r.event(at, n, session.Agent, session.ByAgent)
		e.Text = textOf(b)
		if r.apiError {
			e.Kind, e.Author, e.Act = session.Note, session.ByProgram, session.APIError
		}
		if e.Text != "" {
			p.d.add(s, e)
		}
	case "thinking":
		e := r.event(at, n, session.Agent, session.ByAgent)
		e.Act, e.Text = session.Thinking, b.Get("thinking").String()
		if e.Text != "" {
			p.d.add(s, e)
		}
	case "tool_use", "server_tool_use", "mcp_tool_use":
		e := r.event(at, n, session.Call, session.ByAgent)
		e.CallID, e.Tool = b.Get("id").Str, b.Get("name").Str
		claudeInput(&e, b.Get("input"))
		if of := p.background[backgroundID(b.Get("input"))]; of != "" {
			e.Of = of
		}
		p.d.add(s, e)
	case "web_search_tool_result", "web_fetch_tool_result", "mcp_tool_result", "code_execution_tool_result":
		e := r.event(at, n, session.Result, session.ByTool)
		e.CallID, e.Text = b.Get("tool_use_id").Str, blockText(b.Get("content"))
		p.d.add(s, e)
	case "redacted_thinking", "fallback":
	default:
		p.d.unknown("assistant block " + kind)
	}
}

// tokens counts the use of a message once, however many records repeat it:
// the largest figures of a message id hold.
func (p *claudeParser) tokens(s *session.Session, first int, r *claudeRecord) {
	use := r.message.Get("usage")
	id := r.message.Get("id").Str
	if !use.Exists() || id == "" {
		return
	}
	g := p.usage[id]
	if g == nil {
		g = &gauge{session: s, event: first}
		p.usage[id] = g
	}
	e := &g.session.Events[g.event]
	if e.Use == nil {
		e.Use = new(session.Usage)
	}
	grow := func(have *int, total *int, name string) {
		if n := int(use.Get(name).Int()); n > *have {
			*total += n - *have
			*have = n
		}
	}
	u := &g.session.Usage
	grow(&e.Use.Input, &u.Input, "input_tokens")
	grow(&e.Use.Output, &u.Output, "output_tokens")
	grow(&e.Use.CacheRead, &u.CacheRead, "cache_read_input_tokens")
	grow(&e.Use.CacheWrite, &u.CacheWrite, "cache_creation_input_tokens")
	e.Tokens = e.Use.Output
}

// claudeActs maps the names of tools to what they do.
var claudeActs = map[string]session.Act{
	"Bash": session.Shell, "PowerShell": session.Shell, "Read": session.Read, "NotebookRead": session.Read,
	"Edit": session.Edit, "MultiEdit": session.Edit, "NotebookEdit": session.Edit, "Write": session.Write,
	"Grep": session.Search, "Glob": session.List, "LS": session.List, "WebFetch": session.Fetch, "WebSearch": session.Fetch,
	"web_search": session.Fetch, "web_fetch": session.Fetch, "Task": session.Task, "Agent": session.Task,
	"AskUserQuestion": session.Ask, "ExitPlanMode": session.Ask, "exit_plan_mode": session.Ask,
	"TodoWrite": session.Plan, "TodoRead": session.Plan, "TaskCreate": session.Plan, "TaskUpdate": session.Plan,
	"TaskList": session.Plan, "EnterPlanMode": session.Plan,
}

// claudeInput takes the command or path of a call out of its input; the rest
// becomes text.
func claudeInput(e *session.Event, input gjson.Result) {
	e.Act = claudeActs[e.Tool]
	if e.Act == "" {
		e.Act = session.OtherAct
	}
	setSubject(e, input)
}

// setSubject sets what a call is about, and the rest of its input as text.
func setSubject(e *session.Event, input gjson.Result) {
	subject := ""
	for _, name := range []string{"command", "file_path", "notebook_path", "pattern", "url", "query", "path", "skill", "description"} {
		if v := input.Get(name); v.Type == gjson.String {
			subject, e.Command = name, v.String()
			break
		}
	}
	e.Text = inputText(input, subject)
}

// inputText writes the parameters of a call as lines, without the one that is
// the command.
func inputText(input gjson.Result, without string) string {
	if !input.IsObject() {
		return input.String()
	}
	var b strings.Builder
	input.ForEach(func(k, v gjson.Result) bool {
		if k.Str == without {
			return true
		}
		text := v.Raw
		if v.Type == gjson.String {
			text = v.String()
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(k.Str)
		if strings.Contains(text, "\n") {
			b.WriteString(":\n")
		} else {
			b.WriteString(": ")
		}
		b.WriteString(text)
		return true
	})
	return b.String()
}

// backgroundID returns the id of the background command that a call polls.
func backgroundID(input gjson.Result) string {
	for _, name := range []string{"bash_id", "shell_id", "task_id"} {
		if v := input.Get(name); v.Exists() {
			return v.String()
		}
	}
	return ""
}

// eachBlock calls f with the blocks of a message; a bare string is one text
// block, see textOf.
func eachBlock(content gjson.Result, f func(n int, kind string, b gjson.Result)) {
	if content.Type == gjson.String {
		f(0, "text", content)
		return
	}
	n := 0
	content.ForEach(func(_, b gjson.Result) bool {
		f(n, b.Get("type").Str, b)
		n++
		return true
	})
}

// textOf returns the text of a text block.
func textOf(b gjson.Result) string {
	if b.Type == gjson.String {
		return b.Str
	}
	return b.Get("text").String()
}

// blockText joins the texts of a result's content.
func blockText(content gjson.Result) string {
	if content.Type == gjson.String {
		return content.Str
	}
	var parts []string
	content.ForEach(func(_, b gjson.Result) bool {
		switch kind := b.Get("type").Str; kind {
		case "text":
			parts = append(parts, b.Get("text").String())
		case "image", "document":
			parts = append(parts, "["+kind+"]")
		case "tool_reference":
			parts = append(parts, "[tool "+b.Get("tool_name").Str+"]")
		case "web_search_result":
			parts = append(parts, b.Get("title").String()+" "+b.Get("url").String())
		}
		return true
	})
	return strings.Join(parts, "\n")
}
