package ingest

import (
	"strconv"

	"github.com/tidwall/gjson"

	"lode/session"
)

func holdsKiro(s schema) bool {
	return s.has("conversations_v2", "key", "conversation_id", "value") || s.has("conversations", "key", "value") && s.has("state", "key", "value")
}

// readKiroDB reads a database, conversation by conversation. The key of each is
// its folder; Amazon Q has only the last of every folder.
func readKiroDB(db *database, d *Draft) error {
	for _, table := range []string{"conversations", "conversations_v2"} {
		if !db.schema.has(table, "key", "value") {
			continue
		}
		err := db.each(table, []string{"key", "conversation_id", "value"}, func(row []string) error {
			folder, id, text := row[0], row[1], row[2]
			if id == "" {
				id = gjson.Get(text, "conversation_id").String()
			}
			if id == "" {
				id = folder
			}
			d.part(id, key(folder, text), func() error {
				if gjson.Valid(text) {
					readKiroConversation(d, id, folder, gjson.Parse(text))
				} else {
					d.bad(0, "conversation: not JSON")
				}
				return nil
			})
			return nil
		}, "ORDER BY key, rowid")
		if err != nil {
			return err
		}
	}
	return db.leftOver(d, nil)
}

// readKiroConversation reads a conversation's document: {history: [{user,
// assistant, request_metadata}]}, where early versions have the two as a list.
func readKiroConversation(d *Draft, id, folder string, doc gjson.Result) {
	p := &kiroHistory{d: d, s: d.session(id), shell: make(map[string]bool)}
	s := p.s
	s.Sources[0].Unit = "index"
	s.Cwd = folder
	s.Model = firstText(doc, "model_info.model_id", "model")
	eachItem(doc.Get("history"), d, func(n int, turn gjson.Result) {
		user, reply := turn.Get("user"), turn.Get("assistant")
		if turn.IsArray() {
			user, reply = turn.Get("0"), turn.Get("1")
		}
		if s.Cwd == "" {
			s.Cwd = user.Get("env_context.env_state.current_working_directory").String()
		}
		p.user(n, user)
		p.reply(n, reply, turn.Get("request_metadata"))
	})
}

// kiroHistory reads the turns of a conversation: each is what the person or the
// tools said, and what the model answered.
type kiroHistory struct {
	d     *Draft
	s     *session.Session
	shell map[string]bool // calls that run a command
}

// The parts of a turn: the person's words, the results of the calls before from
// kiroResults on, the model's words, and its calls.
const (
	kiroWords   = 0
	kiroResults = 1
	kiroReply   = 500
)

func (p *kiroHistory) event(n, part int, kind session.Kind, author session.Author) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Key: key("kiro", p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

// user reads what the person said, or the tools: {content: {"Prompt": {prompt}}},
// or "ToolUseResults", or "CancelledToolUses" when the person did not allow
// them, perhaps with words.
func (p *kiroHistory) user(n int, user gjson.Result) {
	when := parseTime(user.Get("timestamp").String())
	user.Get("content").ForEach(func(kind, content gjson.Result) bool {
		switch kind.Str {
		case "Prompt", "ToolUseResults", "CancelledToolUses":
		default:
			p.d.unknown("content " + kind.Str)
			return true
		}
		cancelled, last := kind.Str == "CancelledToolUses", ""
		for i, result := range content.Get("tool_use_results").Array() {
			e := p.event(n, kiroResults+i, session.Result, session.ByTool)
			e.Time, e.CallID = when, result.Get("tool_use_id").String()
			kiroResult(&e, result, p.shell[e.CallID])
			e.Line = p.d.line(result.Get("content"))
			if last = e.CallID; cancelled {
				e.Flag = session.FlagRejected
			}
			p.d.add(p.s, e)
		}
		if text := firstText(content, "prompt"); text != "" {
			e := p.event(n, kiroWords, session.User, session.Human)
			e.Line = p.d.line(content.Get("prompt"))
			if e.Time, e.Text = when, text; cancelled {
				e.Act, e.CallID = session.Refusal, last
			}
			p.d.add(p.s, e)
		}
		return true
	})
}

// reply reads what the model answered: {"Response": {message_id, content}}, or
// "ToolUse" with calls besides.
func (p *kiroHistory) reply(n int, reply, request gjson.Result) {
	if p.s.Model == "" {
		p.s.Model = request.Get("model_id").String()
	}
	when := unixTimeOf(request.Get("request_start_timestamp_ms").Int())
	reply.ForEach(func(kind, content gjson.Result) bool {
		if kind.Str != "Response" && kind.Str != "ToolUse" {
			p.d.unknown("answer " + kind.Str)
			return true
		}
		if text := firstText(content, "content"); text != "" {
			e := p.event(n, kiroReply, session.Agent, session.ByAgent)
			e.Time, e.Line, e.Text = when, p.d.line(content.Get("content")), text
			p.d.add(p.s, e)
		}
		for i, use := range content.Get("tool_uses").Array() {
			e := p.event(n, kiroReply+1+i, session.Call, session.ByAgent)
			e.Time, e.CallID, e.Tool = when, use.Get("id").String(), use.Get("name").String()
			kiroInput(&e, use.Get("args"))
			e.Line = p.d.inputLine(e.Command, use.Get("args"))
			p.shell[e.CallID] = e.Act == session.Shell
			p.d.add(p.s, e)
		}
		return true
	})
}
