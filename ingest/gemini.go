package ingest

import (
	"bufio"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// gemini reads the Gemini CLI: one JSON document a session (2025 to early
// 2026), then JSON Lines of a header, messages, {"$set": …} and
// {"$rewindTo": id}. There a message is written again, under its id, whenever
// it grows; an event stands where it was first told. Source: the client's
// chatRecordingService.ts.
var gemini = Format{
	Name:    "gemini",
	Doc:     "Gemini CLI, ~/.gemini/tmp",
	Version: 3,
	Seen:    "documents of 0.33, JSON Lines of 0.61",
	Skips:   "header and history that are written again on resume; what is no word, call, result or edit",
	Checked: "4 transcripts; real clients of both generations",
	Env:     "GEMINI_CLI_HOME", // stands for the home folder itself
	Places:  []string{".gemini/tmp/*/chats/**/*.json", ".gemini/tmp/*/chats/**/*.jsonl"},
	Sniff:   sniffGemini,
	Parse:   parseGemini,
}

// sniffGemini looks for the names that begin a document and a header line.
func sniffGemini(head []byte) bool {
	first := firstObject(head)
	return first.Get("sessionId").Str != "" && first.Get("projectHash").Str != ""
}

type geminiParser struct {
	d        *Draft
	s        *session.Session
	at       place
	block    int       // where the parts of the message begin, when a record holds several
	time     time.Time // of the message
	root     hashed
	messages map[string]*geminiMessage
	calls    map[string]bool // call -> whether its result was read
	tree     branches        // of messages, each the child of the one before
}

// geminiMessage is what has been read of a message so far.
type geminiMessage struct {
	id                    string
	said                  string
	thoughts              int
	first                 int // its first event, or -1
	input, output, cached int
}

func parseGemini(in *Input, d *Draft) error {
	p := &geminiParser{d: d, messages: map[string]*geminiMessage{}, calls: map[string]bool{}}
	r := bufio.NewReaderSize(in, sniffLen)
	head, _ := r.Peek(sniffLen)
	var err error
	if gjson.GetBytes(head, "messages").Exists() {
		err = p.document(r)
	} else {
		err = eachRecord(r, d, p.record)
	}
	if p.s != nil {
		p.s.Cwd = p.root.folder()
	}
	return err
}

func (p *geminiParser) document(r io.Reader) error {
	doc, err := wholeDocument(r, p.d)
	if err != nil || !doc.Exists() {
		return err
	}
	p.header(doc)
	p.s.Sources[0].Unit = "index"
	eachItem(doc.Get("messages"), p.d, func(n int, m gjson.Result) {
		p.at = place{line: n}
		p.message(m, false)
	})
	return nil
}

func (p *geminiParser) record(at place, rec gjson.Result) {
	p.at = at
	switch {
	case rec.Get("$rewindTo").Exists():
		p.rewind(rec.Get("$rewindTo").String())
	case rec.Get("$set").Exists():
		p.set(rec.Get("$set"))
	case rec.Get("sessionId").Exists() && rec.Get("projectHash").Exists():
		p.header(rec)
	case rec.Get("id").Exists():
		p.message(rec, false)
	default:
		p.d.unknown(rec.Get("type").String())
	}
}

// header reads what names the session. A resumed one has its header again.
func (p *geminiParser) header(rec gjson.Result) {
	if p.s == nil {
		p.s = p.d.session(rec.Get("sessionId").String())
	}
	p.root.hash = rec.Get("projectHash").Str
	p.settings(rec)
}

// settings reads what is known of the session as a whole. A subagent's file
// lies in a folder that is called like the session that started it.
func (p *geminiParser) settings(rec gjson.Result) {
	if title := rec.Get("summary").String(); title != "" {
		p.s.Title = title
	}
	if rec.Get("kind").Str == "subagent" {
		p.s.Population = session.Subagent
		if parent := path.Base(path.Dir(p.d.path)); parent != "." && parent != "chats" {
			p.s.Parent = parent
		}
	}
	rec.Get("directories").ForEach(func(_, dir gjson.Result) bool {
		p.root.look(dir.String())
		return true
	})
}

// open starts the session of a file that lacks its header.
func (p *geminiParser) open() {
	if p.s == nil {
		p.s = p.d.session(key(p.d.path))
	}
}

// set reads a change of the header. With messages, it is the history as the
// client sends it to the model from then on: what is new there is no person's.
func (p *geminiParser) set(changes gjson.Result) {
	p.open()
	p.settings(changes)
	changes.Get("messages").ForEach(func(_, m gjson.Result) bool {
		before := len(p.s.Events)
		p.message(m, true)
		p.block += len(p.s.Events) - before
		return true
	})
	p.block = 0
}

// rewind notes that the person took back a message and all that followed it.
func (p *geminiParser) rewind(id string) {
	p.open()
	to := ""
	if n, ok := p.tree.nodes[id]; ok {
		to = n.parent
	}
	asked, acted := p.tree.left(to)
	p.tree.goBack(to)
	if !acted {
		return
	}
	e := session.Event{N: p.at.line, Part: p.at.part(0), Kind: session.Note, Author: session.Human, Act: session.RolledBack, Text: asked}
	e.Key = key(p.s.ID, "rewind", id)
	p.d.add(p.s, e)
}

// message reads a message, or what has been added to one that is known.
func (p *geminiParser) message(m gjson.Result, retold bool) {
	p.open()
	id, kind := m.Get("id").String(), m.Get("type").String()
	if id == "" {
		id = "line " + strconv.Itoa(p.at.line)
	}
	seen := p.messages[id]
	if retold && (seen != nil || kind != "user") {
		return
	}
	if seen == nil {
		seen = &geminiMessage{id: id, first: -1}
		p.messages[id] = seen
		p.tree.grow(id, p.tree.leaf)
	}
	p.time = parseTime(m.Get("timestamp").Str)
	switch kind {
	case "user":
		p.user(m, seen, retold)
	case "gemini":
		p.reply(m, seen)
	case "info", "warning", "error":
		p.notice(kind, m, seen)
	default:
		p.d.unknown("message " + kind)
	}
}

// event starts an event of a message. what tells it apart in the message, in
// whichever copy of the file.
func (p *geminiParser) event(seen *geminiMessage, part int, kind session.Kind, author session.Author, what string) session.Event {
	return session.Event{N: p.at.line, Part: p.at.part(p.block + part), Kind: kind, Author: author, Time: p.time,
		Key: key(p.s.ID, seen.id, string(kind), what)}
}

func (p *geminiParser) add(seen *geminiMessage, e session.Event) {
	if seen.first < 0 {
		seen.first = len(p.s.Events)
	}
	p.tree.say(p.d.add(p.s, e))
}

// more returns what a message says beyond what it said before.
func (seen *geminiMessage) more(text string) string {
	rest, grown := strings.CutPrefix(text, seen.said)
	if !grown {
		rest = text
	}
	if rest != "" {
		seen.said = text
	}
	return rest
}

// user reads a message in the user role: words, and results of calls.
func (p *geminiParser) user(m gjson.Result, seen *geminiMessage, retold bool) {
	content := m.Get("content")
	if !retold {
		p.responses(content, seen)
	}
	if shown := m.Get("displayContent"); shown.Exists() {
		content = shown
	}
	text := seen.more(partsText(content))
	if strings.TrimSpace(text) == "" {
		return
	}
	p.root.context(text)
	p.rules(text)
	e := p.event(seen, 0, session.User, session.Injected, "")
	e.Line, e.Text = p.d.line(content), text
	command := ranShell.FindStringSubmatch(text)
	switch {
	case command != nil:
		e.Author, e.Text = session.Human, "! "+command[1]
	case retold && strings.Contains(text, "<state_snapshot>"):
		e.Kind, e.Act = session.Note, session.Compacted
	case !retold:
		e.Author, e.Text = geminiAuthor(text)
	}
	if e.Author == session.Human && p.s.Population == session.Subagent {
		e.Author = session.ByProgram
	}
	p.add(seen, e)
	if command != nil {
		out := p.event(seen, 1, session.User, session.Injected, "output")
		out.Line, out.Text = e.Line, strings.TrimSpace(text[len(command[0]):])
		p.add(seen, out)
	}
}

// ranShell begins the message by which the client tells the model of a command
// that the person ran.
var ranShell = lazyregexp.New("(?s)^I ran the following shell command:\n```sh\n(.*?)\n```\n")

// responses reads results that stand in the user role. They repeat those that
// stand with the calls, which come first unless the client was ended between.
func (p *geminiParser) responses(content gjson.Result, seen *geminiMessage) {
	part := partCalls
	eachResponse(content, func(id string, response gjson.Result) {
		if p.calls[id] {
			return
		}
		p.calls[id] = true
		e := p.event(seen, part, session.Result, session.ByTool, id)
		e.CallID, e.Line = id, p.d.line(responseOf(response), response)
		e.Text, e.Flag = responseText(response)
		if call := callOf(p.s, id); call != nil && call.Act == session.Shell {
			shellReport(&e)
		}
		p.add(seen, e)
		part++
	})
}

// geminiInjected begin texts that the client wrote in the user role.
var geminiInjected = []string{
	"<session_context>", "<hook_context>", "<state_snapshot>", "This is the Gemini CLI. We are setting up the context",
	"System: Please continue", "You have stopped calling tools without finishing", "You have exceeded the time limit", "You have reached the maximum number of turns",
}

// geminiPrograms begin the tasks of built-in subagents, which once stood in
// the file of the session that started them.
var geminiPrograms = []string{"Your task is to do a deep investigation of the codebase", "Get Started!"}

// geminiAuthor tells who wrote a text in the user role, and returns what of it
// that author wrote: the contents of files that were named with @ follow it.
func geminiAuthor(text string) (session.Author, string) {
	trimmed := strings.TrimSpace(text)
	rest := stripEnvelopes(trimmed, []string{"hook_context", "session_context"})
	rest, _, _ = strings.Cut(rest, "\n--- Content from referenced files ---")
	if at := strings.LastIndex(rest, "<hook_context>"); at > 0 && strings.HasSuffix(rest, "</hook_context>") {
		rest = strings.TrimSpace(rest[:at])
	}
	for _, mark := range geminiInjected {
		if rest == "" || strings.HasPrefix(rest, mark) {
			return session.Injected, trimmed
		}
	}
	for _, mark := range geminiPrograms {
		if strings.HasPrefix(rest, mark) {
			return session.ByProgram, trimmed
		}
	}
	return slashAuthor(rest), rest
}

// Parts of a reply: its text, its thoughts, and its calls with their results.
const (
	partThoughts = 1
	partCalls    = 200
	partChanged  = 600
)

// reply reads a message of the model.
func (p *geminiParser) reply(m gjson.Result, seen *geminiMessage) {
	if model := m.Get("model").Str; model != "" {
		p.s.Model = model
	}
	n := 0
	m.Get("thoughts").ForEach(func(_, t gjson.Result) bool {
		if n++; n > seen.thoughts {
			seen.thoughts = n
			e := p.event(seen, partThoughts+n-1, session.Agent, session.ByAgent, strconv.Itoa(n))
			e.Line = p.d.line(t.Get("subject"), t.Get("description"))
			e.Act, e.Text = session.Thinking, strings.TrimSpace(t.Get("subject").String()+"\n"+t.Get("description").String())
			p.add(seen, e)
		}
		return true
	})
	e := p.event(seen, 0, session.Agent, session.ByAgent, "")
	e.Line = p.d.line(m.Get("content"))
	if e.Text = seen.more(partsText(m.Get("content"))); strings.TrimSpace(e.Text) != "" {
		p.add(seen, e)
	}
	p.toolCalls(m.Get("toolCalls"), seen)
	p.tokens(m.Get("tokens"), seen)
}

// toolCalls reads calls with their results. Calls of one reply run side by
// side and are recorded together; what is recorded later is another round.
func (p *geminiParser) toolCalls(calls gjson.Result, seen *geminiMessage) {
	var results []session.Event
	flush := func() {
		for _, e := range results {
			p.add(seen, e)
			p.changed(seen, &e)
		}
		results = nil
	}
	i := 0
	calls.ForEach(func(_, tc gjson.Result) bool {
		id := tc.Get("id").String()
		if id == "" {
			id = seen.id + "#" + strconv.Itoa(i)
		}
		done, known := p.calls[id]
		at := parseTime(tc.Get("timestamp").Str)
		if len(results) > 0 && at.Sub(results[0].Time) > time.Second {
			flush()
		}
		if !known {
			p.call(tc, id, seen, i)
		}
		if result := tc.Get("result"); !done && (geminiFinished[tc.Get("status").Str] || result.IsArray()) {
			results = append(results, p.result(tc, id, seen, i, at))
			done = true
		}
		p.calls[id] = done
		i++
		return true
	})
	flush()
}

// geminiFinished are the states of a call that has ended.
var geminiFinished = map[string]bool{"success": true, "error": true, "cancelled": true}

func (p *geminiParser) call(tc gjson.Result, id string, seen *geminiMessage, i int) {
	e := p.event(seen, partCalls+2*i, session.Call, session.ByAgent, id)
	e.CallID, e.Tool = id, tc.Get("name").Str
	args := tc.Get("args")
	takeSubject(&e, geminiActs, args)
	e.Line = p.d.inputLine(e.Command, args)
	if e.Act == session.Shell {
		e.Dir = firstOf(args, "dir_path", "directory")
	}
	p.root.look(e.Command)
	p.add(seen, e)
}

func (p *geminiParser) result(tc gjson.Result, id string, seen *geminiMessage, i int, at time.Time) session.Event {
	e := p.event(seen, partCalls+2*i+1, session.Result, session.ByTool, id)
	e.CallID = id
	if !at.IsZero() {
		e.Time = at
	}
	eachResponse(tc.Get("result"), func(_ string, response gjson.Result) {
		e.Text, e.Flag = responseText(response)
		e.Line = p.d.line(responseOf(response), response)
	})
	if shown := tc.Get("resultDisplay"); e.Text == "" && shown.Type == gjson.String {
		e.Line, e.Text = p.d.line(shown), shown.Str
	}
	if flag := geminiFlag(tc.Get("status").Str, e.Text); flag != "" {
		e.Flag = flag
	}
	if geminiActs[tc.Get("name").Str] == session.Shell {
		shellReport(&e)
	}
	p.root.look(e.Text)
	return e
}

// changed notes that the person changed an edit before it was made, of which
// only the result tells.
func (p *geminiParser) changed(seen *geminiMessage, e *session.Event) {
	call := callOf(p.s, e.CallID)
	if call == nil || call.Act != session.Edit && call.Act != session.Write || !strings.Contains(e.Text, "User modified the `") {
		return
	}
	p.add(seen, session.Event{N: e.N, Line: e.Line, Part: e.Part + partChanged - partCalls, Kind: session.Note, Author: session.Human,
		Act: session.UserChanged, Time: e.Time, CallID: e.CallID, Text: call.Command, Key: key(e.Key, "changed")})
}

// tokens counts the use of a message once, however often it is written. Input
// includes what came from the cache; thoughts are counted beside the output.
func (p *geminiParser) tokens(use gjson.Result, seen *geminiMessage) {
	cached := int(use.Get("cached").Int())
	input := int(use.Get("input").Int()) - cached
	output := int(use.Get("output").Int()) + int(use.Get("thoughts").Int())
	if !use.IsObject() {
		return
	}
	u := &p.s.Usage
	u.Input += input - seen.input
	u.CacheRead += cached - seen.cached
	u.Output += output - seen.output
	seen.input, seen.cached, seen.output = input, cached, output
	if seen.first >= 0 {
		p.s.Events[seen.first].Tokens = output
	}
}

// notice reads what the client told the person beside the conversation.
func (p *geminiParser) notice(kind string, m gjson.Result, seen *geminiMessage) {
	e := p.event(seen, 0, session.Note, session.Injected, "")
	e.Line = p.d.line(m.Get("content"))
	if e.Text = seen.more(partsText(m.Get("content"))); e.Text == "" {
		return
	}
	switch {
	case kind == "error":
		e.Act = session.APIError
	case strings.HasPrefix(e.Text, "Request cancelled"):
		e.Act = session.Interrupt
	case strings.Contains(e.Text, "compress threshold"), strings.Contains(e.Text, "compressed from"):
		e.Act = session.Compacted
	case strings.HasPrefix(e.Text, "Hook(s) ["):
		e.Act = session.HookError
	default:
		e.Act = session.OtherAct
	}
	p.add(seen, e)
}
