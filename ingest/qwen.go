package ingest

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// qwen reads Qwen Code, versions 0.5 to 0.24: JSON Lines with an envelope like
// Claude Code's around contents like the Gemini CLI's. Records name their
// parent; a rewind leaves a branch. Source: the client's
// chatRecordingService.ts.
var qwen = Format{
	Name:    "qwen",
	Doc:     "Qwen Code, ~/.qwen/projects",
	Version: 1,
	Seen:    "0.15 and 0.24",
	Skips:   "what is no word, call, result or edit",
	Checked: "real clients of both",
	Env:     "QWEN_HOME",
	Home:    ".qwen",
	Places:  []string{".qwen/projects/*/chats/**/*.jsonl", ".qwen/projects/*/subagents/**/*.jsonl"},
	Sniff:   sniffQwen,
	Parse:   parseQwen,
}

// sniffQwen looks for a record with its envelope and a content made of parts,
// or with the payload that only system records of Qwen Code have.
func sniffQwen(head []byte) bool {
	for _, line := range bytes.SplitN(head, []byte("\n"), 20) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			continue
		}
		rec := gjson.ParseBytes(line) // may be cut: the leading names are still found
		if rec.Get("sessionId").Exists() && rec.Get("uuid").Exists() &&
			(rec.Get("message.parts").Exists() || rec.Get("systemPayload").Exists()) {
			return true
		}
	}
	return false
}

type qwenParser struct {
	d     *Draft
	s     *session.Session
	at    place
	rec   gjson.Result
	tools map[string]string // call -> name of its tool
	tree  branches
	named bool // by the person
}

func parseQwen(in *Input, d *Draft) error {
	p := &qwenParser{d: d, tools: map[string]string{}}
	return eachRecord(in, d, p.record)
}

func (p *qwenParser) record(at place, rec gjson.Result) {
	p.at, p.rec = at, rec
	kind := rec.Get("type").String()
	switch kind {
	case "user", "assistant", "tool_result", "system":
	default:
		p.d.unknown(kind)
		return
	}
	if !p.envelope() {
		p.d.bad(at.line, "a record without a session id")
		return
	}
	if kind != "system" || rec.Get("subtype").Str != "rewind" {
		p.tree.grow(rec.Get("uuid").Str, rec.Get("parentUuid").Str)
	}
	switch kind {
	case "user":
		p.user()
	case "assistant":
		p.assistant()
	case "tool_result":
		p.results()
	case "system":
		p.system()
	}
}

// envelope reads what every record tells of its session. A subagent's records
// bear the id of the session that started it, and its own.
func (p *qwenParser) envelope() bool {
	id, parent := p.rec.Get("sessionId").Str, ""
	if id == "" {
		return false
	}
	if agent := p.rec.Get("agentId").Str; agent != "" && p.rec.Get("isSidechain").Bool() {
		id, parent = id+"."+agent, id
	}
	p.s = p.d.session(id)
	if parent != "" {
		p.s.Parent, p.s.Population = parent, session.Subagent
	}
	for _, f := range []struct {
		to   *string
		name string
	}{{&p.s.Cwd, "cwd"}, {&p.s.Branch, "gitBranch"}} {
		if *f.to == "" {
			*f.to = p.rec.Get(f.name).Str
		}
	}
	if p.s.Branch == "HEAD" {
		p.s.Branch = ""
	}
	for _, f := range []struct {
		to   *string
		name string
	}{{&p.s.Version, "version"}, {&p.s.Model, "model"}} {
		if v := p.rec.Get(f.name).Str; v != "" {
			*f.to = v
		}
	}
	return true
}

// event starts an event of the record. Branches of a session repeat its
// records with their uuids.
func (p *qwenParser) event(block int, kind session.Kind, author session.Author) session.Event {
	e := session.Event{N: p.at.line, Part: p.at.part(block), Kind: kind, Author: author, Time: parseTime(p.rec.Get("timestamp").Str)}
	if uuid := p.rec.Get("uuid").Str; uuid != "" {
		e.Key = key(uuid, strconv.Itoa(block))
	}
	return e
}

func (p *qwenParser) add(e session.Event) { p.tree.say(p.d.add(p.s, e)) }

func (p *qwenParser) note(act session.Act, author session.Author, text string) {
	e := p.event(0, session.Note, author)
	e.Act, e.Text = act, text
	p.add(e)
}

// qwenSaid are the subtypes of user records in which the person speaks.
var qwenSaid = map[string]bool{"": true, "mid_turn_user_message": true, "realtime_message": true}

// qwenEnvelopes are what the client puts beside a person's words.
var qwenEnvelopes = []string{"system-reminder", "qwen:user-prompt-submit-context"}

// user reads a record in the user role. What was typed may be kept apart from
// what was made of it.
func (p *qwenParser) user() {
	e := p.event(0, session.User, session.Human)
	var words strings.Builder
	p.rec.Get("message.parts").ForEach(func(_, part gjson.Result) bool {
		words.WriteString(stripEnvelopes(partsText(part), qwenEnvelopes))
		return true
	})
	whole := strings.TrimSpace(partsText(p.rec.Get("message.parts")))
	if e.Text = p.rec.Get("systemPayload.displayText").String(); e.Text == "" {
		e.Text, _, _ = strings.Cut(strings.TrimSpace(words.String()), "\n--- Content from referenced files ---")
	}
	provenance := p.rec.Get("provenance").Str
	switch {
	case !qwenSaid[p.rec.Get("subtype").Str], provenance != "" && provenance != "real_user", e.Text == "":
		e.Author, e.Text = session.Injected, whole
	case p.s.Population == session.Subagent:
		e.Author = session.ByProgram
	default:
		e.Author = slashAuthor(e.Text)
	}
	if e.Text != "" {
		p.add(e)
	}
}

// assistant reads a reply: parts that are thoughts, words or calls.
func (p *qwenParser) assistant() {
	first := len(p.s.Events)
	n := 0
	p.rec.Get("message.parts").ForEach(func(_, part gjson.Result) bool {
		p.reply(n, part)
		n++
		return true
	})
	use := p.rec.Get("usageMetadata")
	cached := int(use.Get("cachedContentTokenCount").Int())
	out := int(use.Get("candidatesTokenCount").Int())
	p.s.Usage.Input += int(use.Get("promptTokenCount").Int()) - cached
	p.s.Usage.CacheRead += cached
	p.s.Usage.Output += out
	if len(p.s.Events) > first {
		p.s.Events[first].Tokens = out
	}
}

func (p *qwenParser) reply(n int, part gjson.Result) {
	e := p.event(n, session.Agent, session.ByAgent)
	switch call := part.Get("functionCall"); {
	case call.IsObject():
		e.Kind, e.CallID, e.Tool = session.Call, call.Get("id").String(), call.Get("name").Str
		takeSubject(&e, geminiActs, call.Get("args"))
		if e.Act == session.Shell {
			e.Dir = call.Get("args.directory").String()
		}
		p.tools[e.CallID] = e.Tool
		p.add(e)
	case part.Get("text").Exists():
		if e.Text = part.Get("text").String(); part.Get("thought").Bool() {
			e.Act = session.Thinking
		}
		if strings.TrimSpace(e.Text) != "" {
			p.add(e)
		}
	case part.Get("inlineData").Exists(), part.Get("fileData").Exists(), part.Get("thoughtSignature").Exists():
	default:
		p.d.unknown("assistant part " + firstName(part))
	}
}

// firstName returns the first name in an object.
func firstName(v gjson.Result) (name string) {
	v.ForEach(func(k, _ gjson.Result) bool {
		name = k.String()
		return false
	})
	return name
}

// results reads what calls returned: the model's view of it, and beside it how
// the client saw it end.
func (p *qwenParser) results() {
	told := p.rec.Get("toolCallResult")
	n := 0
	eachResponse(p.rec.Get("message.parts"), func(id string, response gjson.Result) {
		e := p.event(n, session.Result, session.ByTool)
		if e.CallID = id; id == "" {
			e.CallID = told.Get("callId").String()
		}
		e.Text, e.Flag = responseText(response)
		if flag := geminiFlag(told.Get("status").Str, e.Text); flag != "" {
			e.Flag = flag
		}
		if geminiActs[p.tools[e.CallID]] == session.Shell {
			shellReport(&e)
			if code := told.Get("resultDisplay.exitCode"); code.Type == gjson.Number {
				e.Exit = exitCode(int(code.Int()))
			}
		}
		p.add(e)
		n++
	})
}

// qwenSkipped are the system records that hold state of the client, or repeat.
// chat_compression is among the read ones for its place, not for its copy of
// the history.
var qwenSkipped = map[string]bool{
	"session_notes": true, "at_command": true, "attribution_snapshot": true, "background_task_completed": true, "session_source": true,
	"session_execution_engine": true, "omni_recall": true, "session_model": true, "session_approval_mode": true, "agent_bootstrap": true,
	"agent_launch_prompt": true, "agent_retry": true, "agent_session_ready": true, "file_history_snapshot": true, "user_text_elements": true,
	"session_artifact_event": true, "session_artifact_snapshot": true, "session_sources_snapshot": true, "branch_checkpoint": true,
	"goal_state": true, "goal_turn_end": true, "turn_result": true,
}

func (p *qwenParser) system() {
	payload := p.rec.Get("systemPayload")
	switch kind := p.rec.Get("subtype").String(); kind {
	case "chat_compression":
		p.note(session.Compacted, session.Injected, "")
	case "rewind":
		p.rewind()
	case "custom_title":
		p.title(payload)
	case "parent_session":
		p.s.Parent, p.s.Population = payload.Get("parentSessionId").Str, session.Subagent
	case "slash_command":
		p.slash(payload)
	case "ui_telemetry":
		if event := payload.Get("uiEvent"); event.Get(`event\.name`).Str == "qwen-code.api_error" {
			p.note(session.APIError, session.Injected, firstOf(event, "error_message", "error", "status_code"))
		}
	default:
		if !qwenSkipped[kind] {
			p.d.unknown("system " + kind)
		}
	}
}

// rewind notes that the person went back to before a turn.
func (p *qwenParser) rewind() {
	to := p.rec.Get("parentUuid").Str
	asked, acted := p.tree.left(to)
	p.tree.goBack(to)
	p.tree.grow(p.rec.Get("uuid").Str, to)
	if acted {
		p.note(session.RolledBack, session.Human, asked)
	}
}

// title takes a title; one that the person gave stays.
func (p *qwenParser) title(payload gjson.Result) {
	own := payload.Get("titleSource").Str != "auto"
	if title := payload.Get("customTitle").String(); title != "" && (own || !p.named) {
		p.s.Title, p.named = title, own
	}
}

// slash reads a command that the person gave to the client.
func (p *qwenParser) slash(payload gjson.Result) {
	if payload.Get("phase").Str != "invocation" {
		return
	}
	e := p.event(0, session.User, "")
	if e.Text = payload.Get("rawCommand").String(); e.Text != "" {
		e.Author = slashAuthor(e.Text)
		p.add(e)
	}
}
