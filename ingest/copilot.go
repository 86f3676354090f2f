package ingest

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// copilot reads GitHub Copilot CLI: JSON Lines of {type, data, id, parentId,
// timestamp}, in the folder of a session or, before that, in a file of its own.
// Calls stand in the messages of the model; what becomes of them follows in
// "tool.execution_complete", whose "success" says that the tool ran, not what
// the command exited with: that is the last line of its text.
var copilot = Format{
	Name:    "copilot",
	Doc:     "GitHub Copilot CLI, ~/.copilot/session-state",
	Version: 1,
	Seen:    "1.0.72, session folders and single files",
	Skips:   "what is no word, call, result or edit",
	Checked: "one transcript; the list of events for the rest",
	Env:     "COPILOT_HOME",
	Home:    ".copilot",
	Places:  []string{".copilot/session-state/*/events.jsonl", ".copilot/session-state/*.jsonl"},
	Sniff:   sniffCopilot,
	Parse:   parseCopilot,
}

func sniffCopilot(head []byte) bool {
	for _, line := range bytes.SplitN(head, []byte("\n"), 20) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] != '{' {
			continue
		}
		rec := gjson.ParseBytes(line) // may be cut: the leading names are still found
		if kind := rec.Get("type").Str; strings.ContainsAny(kind, "._") && rec.Get("data").IsObject() {
			_, known := copilotRecords[kind]
			return known || copilotSkipped[kind]
		}
	}
	return false
}

// copilotParser holds what must be remembered from one record to the next.
type copilotParser struct {
	d        *Draft
	main     string                       // the session's id
	sessions map[string]*copilotSession   // by the id of a subagent, "" for the session
	calls    map[string]string            // id of a call -> subagent that made it
	agents   map[string]string            // id of a call that started a subagent -> its id
	refused  map[string]session.Flag      // id of a call -> how it was refused
	shells   map[string]string            // id of a shell -> call that started it
	usage    map[string]map[string]uint64 // model -> tokens by name, the largest figures
}

type copilotSession struct {
	*session.Session
	output int // tokens of its messages
}

func parseCopilot(in *Input, d *Draft) error {
	p := &copilotParser{d: d, main: copilotID(in.Path), sessions: map[string]*copilotSession{}, calls: map[string]string{}, agents: map[string]string{},
		refused: map[string]session.Flag{}, shells: map[string]string{}, usage: map[string]map[string]uint64{}}
	err := eachRecord(in, d, p.record)
	p.tokens()
	return err
}

// copilotID returns the session that a path names, for files without a start.
func copilotID(file string) string {
	if path.Base(file) == "events.jsonl" {
		return path.Base(path.Dir(file))
	}
	return strings.TrimSuffix(path.Base(file), ".jsonl")
}

// copilotRecord is a record with its envelope.
type copilotRecord struct {
	at    place
	id    string
	time  string
	agent string // subagent that it belongs to
	data  gjson.Result
}

// event starts an event of the record.
func (r *copilotRecord) event(block int, kind session.Kind, author session.Author) session.Event {
	e := session.Event{N: r.at.line, Part: r.at.part(block), Kind: kind, Author: author, Time: parseTime(r.time)}
	if r.id != "" {
		e.Key = key(r.id, strconv.Itoa(block))
	}
	return e
}

// copilotRecords are the records that are read.
var copilotRecords = map[string]func(*copilotParser, *copilotRecord){
	"session.start":               (*copilotParser).start,
	"session.resume":              (*copilotParser).context,
	"session.context_changed":     (*copilotParser).context,
	"session.title_changed":       (*copilotParser).title,
	"session.model_change":        (*copilotParser).model,
	"session.error":               (*copilotParser).failure,
	"model.call_failure":          (*copilotParser).failure,
	"session.compaction_complete": (*copilotParser).compacted,
	"session.truncation":          (*copilotParser).compacted,
	"session.context_cleared":     (*copilotParser).compacted,
	"session.snapshot_rewind":     (*copilotParser).rewound,
	"session.shutdown":            (*copilotParser).shutdown,
	"subagent.started":            (*copilotParser).subagent,
	"user.message":                (*copilotParser).user,
	"user_input.completed":        (*copilotParser).answered,
	"exit_plan_mode.completed":    (*copilotParser).planned,
	"system.notification":         (*copilotParser).notified,
	"assistant.message":           (*copilotParser).assistant,
	"tool.user_requested":         (*copilotParser).requested,
	"tool.execution_start":        (*copilotParser).started,
	"tool.execution_complete":     (*copilotParser).completed,
	"permission.completed":        (*copilotParser).permitted,
	"abort":                       (*copilotParser).aborted,
	"hook.end":                    (*copilotParser).hooked,
}

// copilotSkipped are the records that repeat others, stream them, or serve the
// client.
var copilotSkipped = setOf("session.idle", "session.info", "session.warning", "session.mode_changed", "session.plan_changed",
	"session.todos_changed", "session.workspace_file_changed", "session.handoff", "session.usage_checkpoint", "session.usage_info",
	"session.compaction_start", "session.task_complete", "session.permissions_changed", "session.remote_steerable_changed",
	"session.tools_updated", "session.background_tasks_changed", "session.skills_loaded", "session.custom_agents_updated",
	"session.mcp_servers_loaded", "session.mcp_server_status_changed", "session.extensions_loaded", "session.schedule_created",
	"session.schedule_cancelled", "session.schedule_rearmed", "session.autopilot_objective_changed", "session.limits_changed",
	"pending_messages.modified", "assistant.turn_start", "assistant.turn_end", "assistant.intent", "assistant.idle",
	"assistant.reasoning", "assistant.reasoning_delta", "assistant.message_start", "assistant.message_delta",
	"assistant.streaming_delta", "assistant.usage", "model.call_finished", "tool.execution_partial_result",
	"tool.execution_progress", "skill.invoked", "subagent.completed", "subagent.failed", "subagent.selected", "subagent.deselected",
	"subagent.configured", "hook.start", "hook.progress", "system.message", "permission.requested", "user_input.requested",
	"elicitation.requested", "elicitation.completed", "exit_plan_mode.requested", "external_tool.requested",
	"external_tool.completed", "command.queued", "command.execute", "command.completed", "commands.changed", "capabilities.changed")

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

func (p *copilotParser) record(at place, rec gjson.Result) {
	kind := rec.Get("type").Str
	read := copilotRecords[kind]
	if read == nil {
		if !copilotSkipped[kind] {
			p.d.unknown(kind)
		}
		return
	}
	r := &copilotRecord{at: at, id: rec.Get("id").Str, time: rec.Get("timestamp").Str, data: rec.Get("data")}
	r.agent = p.agent(rec.Get("agentId").Str, r.data)
	read(p, r)
}

// agent returns the subagent that a record belongs to: it names the agent, or
// in older versions the call that started it, or a call of its own.
func (p *copilotParser) agent(id string, data gjson.Result) string {
	parent := data.Get("parentToolCallId").Str
	switch {
	case id != "":
		return id
	case parent != "" && p.agents[parent] != "":
		return p.agents[parent]
	case parent != "":
		return parent
	}
	return p.calls[data.Get("toolCallId").Str]
}

// session returns the session of an agent, "" for the main one.
func (p *copilotParser) session(agent string) *copilotSession {
	s := p.sessions[agent]
	if s == nil {
		id := p.main
		if agent != "" {
			id += "." + agent
		}
		s = &copilotSession{Session: p.d.session(id)}
		if agent != "" {
			main := p.session("")
			s.Parent, s.Population, s.Cwd, s.Branch, s.Remote, s.Version = p.main, session.Subagent, main.Cwd, main.Branch, main.Remote, main.Version
		}
		p.sessions[agent] = s
	}
	return s
}

func (p *copilotParser) add(r *copilotRecord, e session.Event) {
	p.d.add(p.session(r.agent).Session, e)
}

// note adds something that happened.
func (p *copilotParser) note(r *copilotRecord, act session.Act, text string) {
	e := r.event(0, session.Note, session.Injected)
	e.Act, e.Text = act, text
	p.add(r, e)
}

func (p *copilotParser) start(r *copilotRecord) {
	if id := r.data.Get("sessionId").Str; id != "" && len(p.sessions) == 0 {
		p.main = id
	}
	p.session("").Version = r.data.Get("copilotVersion").Str
	p.context(r)
}

// context reads where the session works: at its start, when it is resumed, and
// when that changes.
func (p *copilotParser) context(r *copilotRecord) {
	s, where := p.session(""), r.data.Get("context")
	if !where.IsObject() {
		where = r.data
	}
	if s.Cwd == "" {
		s.Cwd = where.Get("cwd").Str
	}
	if s.Branch == "" {
		s.Branch = where.Get("branch").Str
	}
	if name := where.Get("repository").Str; s.Remote == "" && strings.Count(name, "/") == 1 && where.Get("hostType").Str != "ado" {
		s.Remote = "github.com/" + name
	}
}

func (p *copilotParser) title(r *copilotRecord) { p.session("").Title = r.data.Get("title").Str }

func (p *copilotParser) model(r *copilotRecord) { p.session("").Model = r.data.Get("newModel").Str }

func (p *copilotParser) failure(r *copilotRecord) {
	p.note(r, session.APIError, firstOf(r.data, "message", "errorMessage", "errorType"))
}

func (p *copilotParser) compacted(r *copilotRecord) {
	if ok := r.data.Get("success"); !ok.Exists() || ok.Bool() {
		p.note(r, session.Compacted, "")
	}
}

func (p *copilotParser) rewound(r *copilotRecord) {
	p.note(r, session.RolledBack, "undone: "+r.data.Get("eventsRemoved").String()+" events")
}

func (p *copilotParser) aborted(r *copilotRecord) {
	p.note(r, session.Interrupt, r.data.Get("reason").String())
}

func (p *copilotParser) hooked(r *copilotRecord) {
	if ok := r.data.Get("success"); ok.Exists() && !ok.Bool() {
		p.note(r, session.HookError, firstOf(r.data, "error.message", "error"))
	}
}

// subagent names the session that the calls of a subagent go to.
func (p *copilotParser) subagent(r *copilotRecord) {
	call := r.data.Get("toolCallId").Str
	if r.agent == "" {
		r.agent = call
	}
	p.agents[call] = r.agent
	if title := firstOf(r.data, "agentDisplayName", "agentName"); r.agent != "" && title != "" {
		p.session(r.agent).Title = title
	}
}

// shutdown reads the use of tokens, by model. A session that was resumed has
// several of these records.
func (p *copilotParser) shutdown(r *copilotRecord) {
	r.data.Get("modelMetrics").ForEach(func(model, m gjson.Result) bool {
		if p.usage[model.Str] == nil {
			p.usage[model.Str] = map[string]uint64{}
		}
		m.Get("usage").ForEach(func(name, n gjson.Result) bool {
			p.usage[model.Str][name.Str] = max(p.usage[model.Str][name.Str], n.Uint())
			return true
		})
		return true
	})
}

// tokens sums up the use of tokens; without a shutdown only what the messages
// tell is known.
func (p *copilotParser) tokens() {
	for agent, s := range p.sessions {
		s.Usage.Output = s.output
		if agent != "" || len(p.usage) == 0 {
			continue
		}
		s.Usage = session.Usage{}
		for _, m := range p.usage {
			read, wrote := int(m["cacheReadTokens"]), int(m["cacheWriteTokens"])
			s.Usage.CacheRead += read
			s.Usage.CacheWrite += wrote
			s.Usage.Input += max(0, int(m["inputTokens"])-read-wrote)
			s.Usage.Output += int(m["outputTokens"])
		}
	}
}

var copilotInstructions = lazyregexp.New(`^\s*<system_reminder>\s*Custom instructions from (\S+?)\.?(?:\s[^\n]*)?\n`)

// user reads a message in the user role. What is not typed has a source; the
// text with what was injected into it stands beside and is not read.
func (p *copilotParser) user(r *copilotRecord) {
	text := strings.TrimSpace(r.data.Get("content").String())
	if m := copilotInstructions.FindStringSubmatchIndex(text); m != nil {
		body := strings.TrimSuffix(text[m[1]:], "</system_reminder>")
		addInstruction(p.d, p.session("").Session, text[m[2]:m[3]], body)
		return
	}
	if text == "" {
		return
	}
	e := r.event(0, session.User, session.Human)
	rest := stripEnvelopes(text, []string{"system_reminder", "current_datetime", "reminder"})
	source := r.data.Get("source").Str
	switch {
	case source != "" && source != "user", r.data.Get("isAutopilotContinuation").Bool(), rest == "",
		strings.HasPrefix(rest, "<skill-context"), strings.HasPrefix(rest, "<system_notification"):
		e.Author = session.Injected
	case r.agent != "":
		e.Author, text = session.ByProgram, rest
	default:
		text = rest
	}
	e.Text = text
	p.add(r, e)
}

// answered reads what the person answered to a question.
func (p *copilotParser) answered(r *copilotRecord) {
	if e := r.event(0, session.User, session.Human); r.data.Get("answer").Str != "" {
		e.Text = r.data.Get("answer").Str
		p.add(r, e)
	}
}

// planned reads what the person said to a plan.
func (p *copilotParser) planned(r *copilotRecord) {
	e := r.event(0, session.User, session.Human)
	if e.Text = r.data.Get("feedback").Str; e.Text == "" {
		return
	}
	if ok := r.data.Get("approved"); ok.Exists() && !ok.Bool() {
		e.Act = session.Refusal
	}
	p.add(r, e)
}

// notified reads what the client tells the model: that a command in the
// background has ended, among others.
func (p *copilotParser) notified(r *copilotRecord) {
	kind := r.data.Get("kind")
	if code, call := kind.Get("exitCode"), p.shells[kind.Get("shellId").String()]; code.Type == gjson.Number && call != "" {
		e := r.event(0, session.Result, session.ByTool)
		e.CallID, e.Exit, e.Text = call, exitCode(int(code.Int())), r.data.Get("content").String()
		p.add(r, e)
		return
	}
	if kind.Get("type").Str == "instruction_discovered" {
		return
	}
	e := r.event(0, session.User, session.Injected)
	e.Text = r.data.Get("content").String()
	p.add(r, e)
}
