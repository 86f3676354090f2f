package ingest

import (
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// continueDev reads Continue, the extension and its CLI: one document a
// session, whose history holds messages with the states of their calls. What a
// call returned stands in its state, and may stand again in a message of its
// own. There are no times.
var continueDev = Format{
	Name:       "continue",
	Doc:        "Continue, ~/.continue/sessions",
	Version:    2,
	Seen:       "sessions of 2025",
	Skips:      "what is no word, call, result or edit",
	Checked:    "the extension's source",
	Unverified: true,
	Env:        "CONTINUE_GLOBAL_DIR",
	Home:       ".continue",
	Places:     []string{".continue/sessions/*-*.json"}, // not sessions.json, which lists them
	Sniff:      sniffContinue,
	Parse:      parseContinue,
}

func sniffContinue(head []byte) bool {
	doc := firstObject(head)
	return strings.HasPrefix(doc.Get("history").Raw, "[") && doc.Get("sessionId").Exists() && doc.Get("workspaceDirectory").Exists() ||
		doc.Get("history.0.message.role").Exists() && doc.Get("history.0.contextItems").Exists()
}

func parseContinue(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	id := doc.Get("sessionId").String()
	if id == "" {
		id = strings.TrimSuffix(path.Base(in.Path), ".json")
	}
	p := &continueParser{d: d, s: d.session(id), returned: map[string]bool{}}
	p.head(doc)
	eachItem(doc.Get("history"), d, p.item)
	return nil
}

type continueParser struct {
	d        *Draft
	s        *session.Session
	returned map[string]bool // ids of the calls whose result was read
}

func (p *continueParser) head(doc gjson.Result) {
	s := p.s
	s.Sources[0].Unit = "index"
	s.Title, s.Model = doc.Get("title").String(), doc.Get("chatModelTitle").String()
	if s.Cwd = uriPath(doc.Get("workspaceDirectory").String()); s.Cwd == "" {
		s.Cwd = doc.Get("workspaceDirectory").String()
	}
	use := doc.Get("usage")
	cached := int(use.Get("promptTokensDetails.cachedTokens").Int())
	s.Usage = session.Usage{Input: max(0, int(use.Get("promptTokens").Int())-cached), CacheRead: cached,
		CacheWrite: int(use.Get("promptTokensDetails.cacheWriteTokens").Int()), Output: int(use.Get("completionTokens").Int()),
		Cost: use.Get("totalCost").Float()}
}

// event starts an event of the n-th item.
func (p *continueParser) event(n, part int, kind session.Kind, author session.Author) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Key: key(p.s.Agent, p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

// Parts of an item; the calls and their results follow.
const (
	continueThought = iota
	continueText
	continueSummary
	continueCalls
)

func (p *continueParser) item(n int, item gjson.Result) {
	m := item.Get("message")
	text := contentText(m.Get("content"))
	switch role := m.Get("role").Str; role {
	case "system":
	case "user":
		p.say(n, continueText, session.User, session.Human, "", text, m.Get("content"))
	case "thinking":
		p.say(n, continueThought, session.Agent, session.ByAgent, session.Thinking, text, m.Get("content"))
	case "assistant":
		p.say(n, continueThought, session.Agent, session.ByAgent, session.Thinking, item.Get("reasoning.text").String(), item.Get("reasoning.text"))
		p.say(n, continueText, session.Agent, session.ByAgent, "", text, m.Get("content"))
		p.calls(n, item)
	case "tool":
		if id := m.Get("toolCallId").String(); !p.returned[id] {
			p.returned[id] = true
			e := p.event(n, continueText, session.Result, session.ByTool)
			e.Line, e.CallID, e.Text = p.d.line(m.Get("content")), id, text
			p.d.add(p.s, e)
		}
	default:
		p.d.unknown("role " + role)
	}
	if item.Get("conversationSummary").String() != "" {
		e := p.event(n, continueSummary, session.Note, session.Injected)
		e.Act = session.Compacted
		p.d.add(p.s, e)
	}
}

// say adds a text, if there is one; from is what it was taken out of.
func (p *continueParser) say(n, part int, kind session.Kind, author session.Author, act session.Act, text string, from gjson.Result) {
	if e := p.event(n, part, kind, author); strings.TrimSpace(text) != "" {
		e.Line, e.Act, e.Text = p.d.line(from), act, text
		p.d.add(p.s, e)
	}
}

// calls reads the calls of a reply: the states that the client keeps of them,
// or where it has none the message's own.
func (p *continueParser) calls(n int, item gjson.Result) {
	states := item.Get("toolCallStates").Array()
	if one := item.Get("toolCallState"); one.IsObject() && len(states) == 0 {
		states = []gjson.Result{one}
	}
	known := make(map[string]bool)
	part := continueCalls
	for _, st := range states {
		c := st.Get("toolCall")
		id := firstText(st, "toolCallId", "toolCall.id")
		known[id] = true
		p.call(n, part, id, c)
		p.result(n, part+1, id, st)
		part += 2
	}
	item.Get("message.toolCalls").ForEach(func(_, c gjson.Result) bool {
		if id := c.Get("id").String(); !known[id] {
			p.call(n, part, id, c)
			part += 2
		}
		return true
	})
}

func (p *continueParser) call(n, part int, id string, c gjson.Result) {
	e := p.event(n, part, session.Call, session.ByAgent)
	e.CallID, e.Tool = id, c.Get("function.name").String()
	commonInput(&e, jsonText(c.Get("function.arguments")))
	e.Line = p.d.inputLine(e.Command, c.Get("function.arguments"))
	p.d.add(p.s, e)
}

var continueExit = lazyregexp.New(`exit code:? (-?\d+)`)

// result reads what came of a call by its state.
func (p *continueParser) result(n, part int, id string, st gjson.Result) {
	e := p.event(n, part, session.Result, session.ByTool)
	e.CallID, e.Line = id, p.d.line(st.Get("output.0.content"))
	var texts []string
	st.Get("output").ForEach(func(_, o gjson.Result) bool {
		texts = append(texts, o.Get("content").String())
		if m := continueExit.FindStringSubmatch(o.Get("status").String()); m != nil {
			if code, err := strconv.Atoi(m[1]); err == nil {
				e.Exit = exitCode(code)
			}
		}
		return true
	})
	e.Text = strings.Join(texts, "\n")
	switch st.Get("status").Str {
	case "errored":
		e.Flag = session.FlagError
	case "canceled":
		e.Flag = session.FlagRejected
	case "done":
		if commonAct(st.Get("toolCall.function.name").Str) != session.Shell {
			e.Flag = session.FlagOK
		}
	default:
		return // it had not come back
	}
	p.returned[id] = true
	p.d.add(p.s, e)
}
