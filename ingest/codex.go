package ingest

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/tidwall/gjson"

	"lode/session"
)

// codex reads rollouts of the OpenAI Codex CLI, from bare response items (2025)
// to paginated history (0.169): JSON Lines of {timestamp, type, payload}. The
// first session_meta names the file's session; a fork or a subagent's file
// goes on with a copy of its parent, which is read as part of the parent.
var codex = Format{
	Name:    "codex",
	Doc:     "OpenAI Codex CLI, ~/.codex/sessions",
	Version: 2,
	Seen:    "0.118 to 0.139, and the records of 0.169",
	Skips:   "system prompts, encrypted reasoning, history that forks repeat",
	Checked: "51 rollouts; real clients 0.47, 0.98, 0.131 and 0.169",
	Env:     "CODEX_HOME",
	Home:    ".codex",
	Places: []string{".codex/sessions/**/*.jsonl", ".codex/sessions/**/*.jsonl.zst",
		".codex/archived_sessions/*.jsonl", ".codex/archived_sessions/*.jsonl.zst"},
	Sniff: sniffCodex,
	Parse: parseCodex,
}

func sniffCodex(head []byte) bool {
	if bytes.HasPrefix(head, zstdMagic) {
		plain, err := unzstdHead(head)
		if err != nil {
			return false
		}
		head = plain
	}
	for _, line := range bytes.SplitN(head, []byte("\n"), 5) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		rec := gjson.ParseBytes(line)
		switch rec.Get("type").Str {
		case "session_meta", "response_item", "event_msg", "turn_context", "compacted":
			return bytes.Contains(line, []byte(`"payload"`))
		case "message", "function_call", "reasoning": // before envelopes: bare response items
			return rec.Get("role").Exists() && rec.Get("content.0.type").Exists() && !rec.Get("message").Exists() &&
				!rec.Get("parentId").Exists() && !rec.Get("uuid").Exists()
		}
		if rec.Get("id").Exists() && rec.Get("timestamp").Exists() && rec.Get("instructions").Exists() {
			return true // the header of a bare rollout
		}
	}
	return false
}

// unzstdHead decompresses the beginning of a file of which only a part is there.
func unzstdHead(head []byte) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(head), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	plain := make([]byte, sniffLen)
	n, err := io.ReadFull(z, plain)
	if n == 0 {
		return nil, err
	}
	return plain[:n], nil
}

type codexParser struct {
	d     *Draft
	own   string // the file's session
	at    place
	block int // content block of the record
	time  time.Time
	s     *session.Session // whom records belong to now: the file's session or, in a copied history, its parent
	turn  string
	cwd   string
	kind  string            // of the record: its texts stand in records of another kind too
	said  map[string]int    // texts of this turn and how often, in all and by kind of record
	count map[string]int    // of equal texts, for keys
	shell map[string]string // running process or cell -> call that started it
	args  map[string]string // call -> process or cell it polls
	exits map[string]*int   // call -> exit code told by an event
	total int               // tokens, as last told
}

func parseCodex(in *Input, d *Draft) error {
	p := &codexParser{d: d, said: map[string]int{}, count: map[string]int{}, shell: map[string]string{},
		args: map[string]string{}, exits: map[string]*int{}}
	r, err := unpacked(in)
	if err != nil {
		return err
	}
	defer r.Close()
	err = eachRecord(r, d, p.record)
	p.lateExits()
	return err
}

func (p *codexParser) record(at place, rec gjson.Result) {
	p.at, p.block = at, 0
	kind, payload := rec.Get("type").Str, rec.Get("payload")
	if t := parseTime(rec.Get("timestamp").Str); !t.IsZero() {
		p.time = t
	}
	if !payload.Exists() { // a bare rollout
		payload = rec
		switch {
		case kind == "" && rec.Get("record_type").Exists():
			return
		case kind == "" && rec.Get("id").Exists():
			kind = "session_meta"
		default:
			kind = "response_item"
		}
	}
	p.kind = kind
	if kind == "session_meta" {
		p.meta(payload)
		return
	}
	if p.s == nil {
		if p.own = fileSession(p.d.path); p.own == "" {
			p.d.bad(at.line, "a record before any session_meta")
			return
		}
		p.s = p.d.session(p.own)
	}
	switch kind {
	case "turn_context":
		p.startTurn(payload.Get("turn_id").Str)
		if m := payload.Get("model").Str; m != "" {
			p.s.Model = m
		}
		if cwd := payload.Get("cwd").Str; cwd != "" {
			p.cwd = cwd
			if p.s.Cwd == "" {
				p.s.Cwd = cwd
			}
		}
	case "response_item":
		p.item(payload)
	case "event_msg":
		p.message(payload)
	case "compacted":
		p.note(session.Compacted, payload.Get("message").String())
	case "world_state":
		p.worldState(payload)
	case "inter_agent_communication", "token_usage_record", "thread_settings_applied", "ghost_commit":
	default:
		if !strings.HasPrefix(kind, "inter_agent_communication") {
			p.d.unknown(kind)
		}
	}
}

// fileSession returns the id in a rollout's file name.
func fileSession(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".zst"), ".jsonl")
	if len(name) < 36 || !strings.HasPrefix(name, "rollout-") {
		return ""
	}
	return name[len(name)-36:]
}

// meta reads a session_meta: the first names the file's session, one with
// another id begins the copied history of the parent.
func (p *codexParser) meta(m gjson.Result) {
	id := firstOf(m, "id", "session_id")
	if id == "" {
		p.d.bad(p.at.line, "a session_meta without an id")
		return
	}
	if p.own == "" {
		p.own = id
	}
	p.s = p.d.session(id)
	s := p.s
	if t := parseTime(m.Get("timestamp").Str); !t.IsZero() && s.Start.IsZero() {
		s.Start, s.End = t, t
	}
	if cwd := m.Get("cwd").Str; cwd != "" && s.Cwd == "" {
		s.Cwd = cwd
	}
	p.cwd = s.Cwd
	if s.Branch = m.Get("git.branch").Str; s.Branch == "HEAD" {
		s.Branch = ""
	}
	if remote := session.RemoteName(m.Get("git.repository_url").Str); remote != "" {
		s.Remote = remote
	}
	s.Version = m.Get("cli_version").Str
	s.Parent = firstOf(m, "source.subagent.thread_spawn.parent_thread_id", "parent_thread_id")
	switch source := m.Get("source"); {
	case source.Get("subagent").Exists(), s.Parent != "", m.Get("thread_source").Str == "subagent":
		s.Population = session.Subagent
	case source.Str == "exec", source.Str == "mcp", m.Get("originator").Str == "codex_exec":
		s.Population = session.Headless
	default:
		s.Population = session.ByUser
	}
	if text := m.Get("instructions").Str; text != "" {
		addInstruction(p.d, s, "AGENTS.md", text)
	}
}

// startTurn notes a new turn. In a copied history, the first turn younger than
// the file's own session ends the copy: ids of sessions and turns are
// time-ordered (UUID version 7).
func (p *codexParser) startTurn(id string) {
	if id == "" || id == p.turn {
		return
	}
	p.turn = id
	clear(p.said)
	if p.s.ID != p.own && p.own != "" && isUUID7(id) && isUUID7(p.own) && id > p.own {
		p.s = p.d.session(p.own)
	}
}

func isUUID7(id string) bool { return len(id) == 36 && id[14] == '7' }

// event starts an event of the current record.
func (p *codexParser) event(kind session.Kind, author session.Author) session.Event {
	return session.Event{N: p.at.line, Part: p.at.part(p.block), Kind: kind, Author: author, Time: p.time}
}

// keyed gives a text event the identity that its copies in other files share:
// its turn, its kind and its words, and the how-manieth of its kind it is.
// Before the first turn, and where turns have no ids, the session stands for it.
func (p *codexParser) keyed(e session.Event, text string) session.Event {
	turn := p.turn
	if turn == "" {
		turn = p.s.ID
	}
	k := turn + "\x00" + string(e.Kind) + string(e.Act) + "\x00" + text
	p.count[k]++
	e.Key = key(k, strconv.Itoa(p.count[k]))
	return e
}

func (p *codexParser) note(act session.Act, text string) {
	e := p.event(session.Note, session.Injected)
	e.Act, e.Text = act, text
	p.d.add(p.s, p.keyed(e, text))
}

// say adds a text once: the rollout holds most twice, as an item and as an
// event, in either order. What one kind of record says for the n-th time in a
// turn is new when no other has said it n times.
func (p *codexParser) say(e session.Event, text string) {
	seen := string(e.Kind) + string(e.Act) + strings.TrimSpace(text)
	here := p.kind + "\x00" + seen
	if p.said[here]++; strings.TrimSpace(text) == "" || p.said[here] <= p.said[seen] {
		return
	}
	p.said[seen] = p.said[here]
	e.Text = text
	p.d.add(p.s, p.keyed(e, text))
}

// message reads an event_msg.
func (p *codexParser) message(m gjson.Result) {
	switch kind := m.Get("type").Str; kind {
	case "task_started", "turn_started":
		p.startTurn(m.Get("turn_id").Str)
	case "user_message":
		p.userText(m.Get("message").Str)
	case "agent_message":
		p.say(p.event(session.Agent, session.ByAgent), m.Get("message").Str)
	case "agent_reasoning":
		e := p.event(session.Agent, session.ByAgent)
		e.Act = session.Thinking
		p.say(e, m.Get("text").Str)
	case "token_count":
		p.tokens(m.Get("info"))
	case "turn_aborted":
		p.note(session.Interrupt, m.Get("reason").Str)
	case "thread_rolled_back":
		p.note(session.RolledBack, m.Get("num_turns").Raw)
	case "exec_command_end":
		p.exit(m.Get("call_id").Str, m)
	case "item_completed":
		p.completed(m.Get("item"))
	case "thread_name_updated":
		p.s.Title = m.Get("thread_name").String()
	case "error", "stream_error":
		p.note(session.APIError, m.Get("message").String())
	default:
		if !codexEventsSkipped[kind] && !strings.HasPrefix(kind, "collab_") {
			p.d.unknown("event " + kind)
		}
	}
}

// codexEventsSkipped repeat response items or only steer the client.
var codexEventsSkipped = map[string]bool{
	"task_complete": true, "turn_complete": true, "patch_apply_begin": true, "patch_apply_end": true, "mcp_tool_call_begin": true,
	"mcp_tool_call_end": true, "web_search_begin": true, "web_search_end": true, "context_compacted": true, "sub_agent_activity": true,
	"thread_settings_applied": true, "thread_goal_updated": true, "entered_review_mode": true, "exited_review_mode": true,
	"exec_command_begin": true, "exec_command_output_delta": true, "agent_reasoning_raw_content": true, "agent_reasoning_section_break": true,
	"dynamic_tool_call_request": true, "dynamic_tool_call_response": true, "view_image_tool_call": true, "plan_update": true,
	"turn_diff": true, "background_event": true, "item_started": true, "warning": true, "token_usage": true,
	"exec_approval_request": true, "apply_patch_approval_request": true, "image_generation_end": true, "hook_started": true, "hook_completed": true,
	"undo_completed": true, "undo_started": true, "session_configured": true, "mcp_startup_complete": true, "guardian_assessment": true,
}

// completed reads an item of the paginated history (0.169): the place of the
// older user_message, agent_message and exec_command_end.
func (p *codexParser) completed(item gjson.Result) {
	p.kind = "item_completed"
	switch kind := item.Get("type").Str; kind {
	case "UserMessage":
		p.userText(contentText(item.Get("content")))
	case "AgentMessage":
		p.say(p.event(session.Agent, session.ByAgent), contentText(item.Get("content")))
	case "CommandExecution":
		p.exit(firstOf(item, "call_id", "id"), item)
	case "Reasoning", "FileChange", "McpToolCall", "HookPrompt", "Plan", "WebSearch", "ImageView", "ContextCompaction", "CollabAgentToolCall":
	default:
		p.d.unknown("item " + kind)
	}
}

// exit remembers the exit code that an event tells of a call.
func (p *codexParser) exit(call string, m gjson.Result) {
	if v := m.Get("exit_code"); v.Type == gjson.Number && call != "" {
		p.exits[call] = exitCode(int(v.Int()))
	}
}

// lateExits gives the results whose text hides it the exit code that an event
// told. A call that went on running keeps its own result as it was: the code
// belongs to the poll that finished it.
func (p *codexParser) lateExits() {
	for _, s := range p.d.sessions {
		for i := range s.Events {
			e := &s.Events[i]
			if e.Kind == session.Result && e.Exit == nil && e.Flag != session.FlagRunning {
				if code := p.exits[e.CallID]; code != nil {
					e.Exit = code
				}
			}
		}
	}
}

// tokens adds up what the turns used. The totals are cumulative and repeated;
// input includes what came from the cache.
func (p *codexParser) tokens(info gjson.Result) {
	total := int(info.Get("total_token_usage.total_tokens").Int())
	last := info.Get("last_token_usage")
	if !last.Exists() || total == p.total && total != 0 {
		return
	}
	p.total = total
	cached := int(last.Get("cached_input_tokens").Int())
	out := int(last.Get("output_tokens").Int())
	u := &p.s.Usage
	u.Input += int(last.Get("input_tokens").Int()) - cached
	u.CacheRead += cached
	u.Output += out
	for i := len(p.s.Events) - 1; i >= 0; i-- {
		if e := &p.s.Events[i]; e.Kind == session.Agent || e.Kind == session.Call {
			e.Tokens += out
			return
		}
	}
}

// worldState keeps the instruction text that the newest versions record apart,
// as {"state":{"agents_md":{"directory":...,"text":...}}}.
func (p *codexParser) worldState(v gjson.Result) {
	if rules := v.Get("state.agents_md"); rules.Get("text").Str != "" {
		addInstruction(p.d, p.s, rules.Get("directory").Str+"/AGENTS.md", strings.TrimSpace(rules.Get("text").Str))
	}
}

// item reads a response item.
func (p *codexParser) item(it gjson.Result) {
	switch kind := it.Get("type").Str; kind {
	case "message":
		p.role(it)
	case "reasoning":
		it.Get("summary").ForEach(func(_, part gjson.Result) bool {
			e := p.event(session.Agent, session.ByAgent)
			e.Act = session.Thinking
			p.say(e, part.Get("text").String())
			p.block++
			return true
		})
	case "function_call", "custom_tool_call", "local_shell_call", "tool_search_call":
		p.call(it)
	case "function_call_output", "custom_tool_call_output", "tool_search_output", "tool_search_call_output":
		p.result(it)
	case "web_search_call":
		e := p.event(session.Call, session.ByAgent)
		e.Act, e.Tool, e.Command = session.Fetch, "web_search", firstOf(it, "action.query", "action.url")
		p.d.add(p.s, p.keyed(e, e.Command))
	case "image_generation_call", "ghost_snapshot", "compaction", "compaction_summary", "agent_message", "context_compaction", "other":
	default:
		p.d.unknown("item " + kind)
	}
}

// role reads a message by its role.
func (p *codexParser) role(it gjson.Result) {
	switch it.Get("role").Str {
	case "assistant":
		p.say(p.event(session.Agent, session.ByAgent), contentText(it.Get("content")))
	case "user":
		meta := it.Get("internal_chat_message_metadata_passthrough.content_item_metadata")
		it.Get("content").ForEach(func(_, block gjson.Result) bool {
			p.userBlock(block.Get("text").String(), meta.Get(strconv.Itoa(p.block)+".provenance.type").Str)
			p.block++
			return true
		})
	case "developer", "system": // the client's instructions
	}
}

// userBlock adds a text in the user role. Newer versions say where it came from.
func (p *codexParser) userBlock(text, provenance string) {
	if provenance == "harness" {
		p.injected(text)
		return
	}
	p.userText(text)
}

func (p *codexParser) injected(text string) {
	if dir, body, ok := agentsInstructions(text); ok && body != "" {
		addInstruction(p.d, p.s, dir, body)
	}
	p.say(p.event(session.User, session.Injected), text)
}

// codexEnvelopes are the client's texts in the user role. An envelope can
// precede a person's words in the same text.
var codexEnvelopes = []string{
	"user_instructions", "environment_context", "recommended_plugins", "skill", "turn_aborted", "subagent_notification",
	"goal_context", "codex_internal_context", "heartbeat", "INSTRUCTIONS", "permissions instructions", "collaboration_mode",
	"user_shell_command", "hook_prompt", "apps_instructions", "skills_instructions", "model_switch", "personality_spec",
}

// codexWarnings are the openings of what the client (0.98) tells the model in the
// user role, without an envelope.
var codexWarnings = []string{"Warning: apply_patch was requested via ", "Warning: The maximum number of unified exec processes "}

func (p *codexParser) userText(text string) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return
	}
	rest := trimmed
	if slices.ContainsFunc(codexWarnings, func(w string) bool { return strings.HasPrefix(rest, w) }) {
		rest = ""
	}
	if strings.HasPrefix(rest, "# AGENTS.md instructions") || strings.HasPrefix(rest, "# Context from my IDE setup") && !strings.Contains(rest, "## My request for Codex:") {
		rest = ""
	}
	if _, request, ok := strings.Cut(rest, "## My request for Codex:"); ok && strings.HasPrefix(rest, "# Context from my IDE setup") {
		rest = strings.TrimSpace(request)
	}
	if rest = stripEnvelopes(rest, codexEnvelopes); rest == "" {
		p.injected(trimmed)
		return
	}
	author := session.Human
	if p.s.Population != session.ByUser {
		author = session.ByProgram
	}
	p.say(p.event(session.User, author), rest)
}

// codexSkills begins the client's words about skills, which it (0.98) puts behind
// the text of AGENTS.md, or in its place where there is none.
const codexSkills = "## Skills\nA skill is a set of local instructions"

// agentsInstructions splits "# AGENTS.md instructions for DIR" from the text.
func agentsInstructions(text string) (path, body string, ok bool) {
	head, body, ok := strings.Cut(strings.TrimSpace(text), "\n")
	dir, isAgents := strings.CutPrefix(head, "# AGENTS.md instructions for ")
	if !ok || !isAgents {
		return "", "", false
	}
	if inner, found := tagged(strings.TrimSpace(body), "INSTRUCTIONS"); found {
		body = inner
	}
	if i := strings.Index(body, codexSkills); i >= 0 {
		body = strings.TrimSpace(body[:i])
	}
	return strings.TrimSpace(dir) + "/AGENTS.md", body, true
}

// contentText joins the text blocks of a message.
func contentText(content gjson.Result) string {
	var parts []string
	content.ForEach(func(_, b gjson.Result) bool {
		if t := b.Get("text"); t.Type == gjson.String {
			parts = append(parts, t.Str)
		}
		return true
	})
	if parts == nil && content.Type == gjson.String {
		return content.Str
	}
	return strings.Join(parts, "\n")
}

// jsonText parses a string that holds JSON, as arguments and outputs do.
func jsonText(v gjson.Result) gjson.Result {
	if v.Type == gjson.String && json.Valid([]byte(v.Str)) {
		return gjson.Parse(v.Str)
	}
	return v
}
