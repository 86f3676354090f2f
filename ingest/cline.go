package ingest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// cline reads Cline, and Roo Code and Kilo Code, which began as copies of it:
// extensions of editors that keep a folder for each task. What went to the
// model and came back is "api_conversation_history.json", in the messages of
// Anthropic's API; newer versions call tools by its blocks, older ones write
// calls as XML into the text and results as text behind "[tool] Result:". What
// the person saw is "ui_messages.json": it knows the times, what it cost, and
// which words are the person's. Both are arrays that are written whole, again
// and again; of one that was cut, its beginning is read.
var cline = Format{
	Name:       "cline",
	Doc:        "Cline, Roo Code and Kilo Code (as extensions), in the editor's globalStorage",
	Version:    2,
	Seen:       "blocks of the present, XML of before; Roo's statuses",
	Skips:      "environment details that the extension puts into turns; what is no word, call, result or edit",
	Checked:    "the extensions' source",
	Unverified: true,
	Variants:   []Variant{{"roo", "rooveterinaryinc.roo-cline"}, {"kilo", "kilocode.kilo-code"}},
	Places: inEditors("globalStorage/saoudrizwan.claude-dev/tasks/*/{api_conversation_history,ui_messages,history_item}.json",
		"globalStorage/rooveterinaryinc.roo-cline/tasks/*/{api_conversation_history,ui_messages,history_item}.json",
		"globalStorage/kilocode.kilo-code/tasks/*/{api_conversation_history,ui_messages,history_item}.json"),
	Beside: []string{"ui_messages.json", "history_item.json"},
	Sniff:  sniffCline,
	Parse:  parseCline,
}

func sniffCline(head []byte) bool {
	head = bytes.TrimSpace(head)
	if len(head) == 0 || head[0] != '[' {
		return len(head) > 0 && isClineItem(gjson.ParseBytes(head))
	}
	first := gjson.GetBytes(head, "0") // may be cut: what stands before the cut is found
	return isClineUI(first) || isClineAPI(first, head)
}

// isClineItem recognises what Roo Code keeps of a task as a whole.
func isClineItem(doc gjson.Result) bool {
	return doc.Get("id").Exists() && doc.Get("ts").Exists() && doc.Get("task").Exists() && doc.Get("tokensIn").Exists()
}

// isClineUI recognises the first message that the person sees.
func isClineUI(m gjson.Result) bool {
	kind := m.Get("type").Str
	return m.Get("ts").Type == gjson.Number && (kind == "say" && m.Get("say").Exists() || kind == "ask" && m.Get("ask").Exists())
}

// isClineAPI recognises the first message to the model: a task, and what the
// extension says of the editor.
func isClineAPI(m gjson.Result, head []byte) bool {
	if m.Get("role").Str != "user" || !m.Get("content").IsArray() || m.Get("content.0.type").Str != "text" {
		return false
	}
	text := strings.TrimSpace(m.Get("content.0.text").Str)
	return strings.HasPrefix(text, "<task>") || strings.HasPrefix(text, "<user_message>") || bytes.Contains(head, []byte("<environment_details>"))
}

func parseCline(in *Input, d *Draft) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	d.document(string(text))
	p := &clineParser{d: d, said: map[string]bool{}, times: map[int]time.Time{}}
	switch item := gjson.ParseBytes(text); {
	case isClineItem(item) && gjson.ValidBytes(text):
		p.s = d.headOf(clineTask(in.Path))
		d.Records++
		p.item(item)
	case isClineUI(item.Get("0")):
		p.s = d.headOf(clineTask(in.Path))
		eachElement(text, d, p.shown)
	default:
		p.s = d.session(clineTask(in.Path))
		p.beside(in)
		eachElement(text, d, p.message)
	}
	p.s.Sources[0].Unit = "index"
	return nil
}

// clineTask returns the task that a file belongs to: the folder's name.
func clineTask(file string) string {
	if id := path.Base(path.Dir(file)); id != "." && id != "/" {
		return id
	}
	return strings.TrimSuffix(path.Base(file), ".json")
}

// eachElement calls f with every object of an array. Of an array that was cut
// off, or is broken, the elements before are read.
func eachElement(text []byte, d *Draft, f func(n int, v gjson.Result)) {
	n := 0
	element := func(v gjson.Result) {
		if v.IsObject() {
			d.Records++
			f(n, v)
		} else {
			d.bad(n, "not an object: "+d.excerpt([]byte(v.Raw)))
		}
		n++
	}
	if gjson.ValidBytes(text) {
		gjson.ParseBytes(text).ForEach(func(_, v gjson.Result) bool {
			element(v)
			return true
		})
		return
	}
	d.Partial = true
	rest := bytes.TrimSpace(text)
	for rest = bytes.TrimPrefix(rest, []byte("[")); ; rest = bytes.TrimPrefix(bytes.TrimSpace(rest), []byte(",")) {
		rest = bytes.TrimSpace(rest)
		end := valueEnd(rest)
		if end < 0 || !gjson.ValidBytes(rest[:end]) {
			d.bad(n, "not a whole JSON document: "+d.excerpt(rest))
			return
		}
		element(gjson.ParseBytes(rest[:end]))
		rest = rest[end:]
	}
}

type clineParser struct {
	d     *Draft
	s     *session.Session
	said  map[string]bool   // what the person typed, as the screen shows it
	times map[int]time.Time // when the model was at the n-th message
	open  []clineCall       // calls in XML that wait for their results
}

type clineCall struct{ id, tool string }

// beside reads the files beside the messages: what the person saw, and what
// Roo Code keeps of a task as a whole.
func (p *clineParser) beside(in *Input) {
	quiet := newDraft("", p.d.format)
	eachElement(in.beside("ui_messages.json"), quiet, func(n int, m gjson.Result) {
		at := unixTime(m.Get("ts").Float() / 1000)
		if i := m.Get("conversationHistoryIndex"); i.Exists() && p.times[int(i.Int())+1].IsZero() {
			p.times[int(i.Int())+1] = at
		}
		if n == 0 && p.times[0].IsZero() {
			p.times[0] = at
		}
		switch m.Get("say").Str {
		case "task", "user_feedback", "user_feedback_diff":
			p.said[strings.TrimSpace(m.Get("text").String())] = true
		}
	})
	p.item(gjson.ParseBytes(in.beside("history_item.json")))
}

// item reads what Roo Code keeps of a task as a whole.
func (p *clineParser) item(item gjson.Result) {
	if p.s.Parent = item.Get("parentTaskId").String(); p.s.Parent != "" {
		p.s.Population = session.Subagent
	}
	p.s.Cwd = item.Get("workspace").String()
}

// event starts an event of the n-th message. The number of a task is the
// moment it began.
func (p *clineParser) event(n, part int, kind session.Kind, author session.Author, m gjson.Result) session.Event {
	at := unixTime(m.Get("ts").Float() / 1000)
	if at.IsZero() {
		at = p.times[n]
	}
	if began, err := strconv.ParseInt(p.s.ID, 10, 64); at.IsZero() && n == 0 && err == nil {
		at = unixTime(float64(began) / 1000)
	}
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Time: at, Key: key(p.s.Agent, p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

// clineParts is above the number of events of one block.
const clineParts = 20

// message reads a message to or from the model.
func (p *clineParser) message(n int, m gjson.Result) {
	role := m.Get("role").Str
	switch {
	case m.Get("isSummary").Bool(), m.Get("isTruncationMarker").Bool():
		e := p.event(n, 0, session.Note, session.Injected, m)
		e.Act = session.Compacted
		p.d.add(p.s, e)
	case role == "assistant":
		p.assistant(n, m)
	case role == "user":
		p.user(n, m)
	default:
		p.d.unknown("role " + role)
	}
}

func (p *clineParser) assistant(n int, m gjson.Result) {
	p.open = nil
	eachBlock(m.Get("content"), func(i int, kind string, b gjson.Result) {
		part := i * clineParts
		switch kind {
		case "text":
			p.reply(n, part, m, b)
		case "thinking", "reasoning":
			p.say(n, part, m, session.Thinking, firstText(b, "thinking", "text", "summary.0.text"), p.d.line(b.Get("thinking"), b.Get("text"), b.Get("summary.0.text")))
		case "tool_use":
			e := p.event(n, part, session.Call, session.ByAgent, m)
			e.CallID = b.Get("id").String()
			e.Line = p.d.inputLine("", b.Get("input"))
			p.call(e, b.Get("name").String(), b.Get("input"))
		case "redacted_thinking", "thoughtSignature", "image":
		default:
			p.d.unknown("assistant block " + kind)
		}
	})
}

func (p *clineParser) say(n, part int, m gjson.Result, act session.Act, text string, line int) {
	if e := p.event(n, part, session.Agent, session.ByAgent, m); strings.TrimSpace(text) != "" {
		e.Line, e.Act, e.Text = line, act, strings.TrimSpace(text)
		p.d.add(p.s, e)
	}
}

// call adds a call. What it says to the person is the model's words.
func (p *clineParser) call(e session.Event, tool string, input gjson.Result) {
	e.Tool = tool
	commonInput(&e, input)
	e.Line = cmp.Or(p.d.inputLine(e.Command, input), e.Line)
	if words := firstText(input, "result", "response", "question"); e.Act == session.Ask && words != "" {
		said := e
		said.Kind, said.Act, said.Tool, said.CallID, said.Command, said.Text = session.Agent, "", "", "", "", words
		said.Part, said.Key = e.Part+1, key(e.Key, "words")
		p.d.add(p.s, said)
		e.Command, e.Text = "", ""
	}
	if e.Act == session.Read && e.Command == "" { // several files at once
		var paths []string
		for _, m := range clinePath.FindAllStringSubmatch(firstText(input, "args", "files"), -1) {
			paths = append(paths, m[1]+m[2])
		}
		e.Command, e.Text = strings.Join(paths, " "), ""
	}
	p.d.add(p.s, e)
}

var clinePath = lazyregexp.New(`<path>([^<]*)</path>|"path"\s*:\s*"([^"]*)"`)

// clineTools are the tools that older versions call in XML.
var clineTools = []string{"execute_command", "read_file", "write_to_file", "replace_in_file", "apply_diff", "insert_content",
	"search_and_replace", "edit_file", "search_files", "list_files", "list_code_definition_names", "codebase_search", "browser_action",
	"use_mcp_tool", "access_mcp_resource", "load_mcp_documentation", "ask_followup_question", "attempt_completion", "plan_mode_respond",
	"plan_mode_response", "new_task", "condense", "report_bug", "new_rule", "web_fetch", "web_search", "switch_mode", "fetch_instructions",
	"update_todo_list", "run_slash_command", "generate_image", "use_skill"}

// reply reads a text of the model: its thinking, its words, and calls in XML.
func (p *clineParser) reply(n, part int, m, b gjson.Result) {
	text, line := textOf(b), p.d.line(b)
	if thought, rest, ok := cutTag(text, "thinking"); ok {
		p.say(n, part, m, session.Thinking, thought, line)
		text = rest
	}
	tool, body, words, rest, found := firstTool(text)
	p.say(n, part+1, m, "", words, line)
	for at := part + 2; found && at < part+clineParts; at += 2 {
		e := p.event(n, at, session.Call, session.ByAgent, m)
		e.Line, e.CallID = line, "call-"+strconv.Itoa(n)+"-"+strconv.Itoa(at)
		p.open = append(p.open, clineCall{e.CallID, tool})
		p.call(e, tool, xmlParameters(body))
		tool, body, _, rest, found = firstTool(rest)
	}
}

// cutTag takes the first <tag> out of a text.
func cutTag(text, tag string) (inner, rest string, found bool) {
	before, tail, ok := strings.Cut(text, "<"+tag+">")
	if !ok {
		return "", text, false
	}
	inner, after, ok := strings.Cut(tail, "</"+tag+">")
	if !ok {
		return "", text, false
	}
	return strings.TrimSpace(inner), before + after, true
}

// firstTool finds the first call in XML.
func firstTool(text string) (tool, body, before, after string, ok bool) {
	at := -1
	for _, name := range clineTools {
		if i := strings.Index(text, "<"+name+">"); i >= 0 && (at < 0 || i < at) {
			at, tool = i, name
		}
	}
	if at < 0 {
		return "", "", text, "", false
	}
	body = text[at+len(tool)+2:]
	if i := strings.Index(body, "</"+tool+">"); i >= 0 {
		body, after = body[:i], body[i+len(tool)+3:]
	}
	return tool, body, text[:at], after, true
}

var xmlOpening = lazyregexp.New(`<([a-z_]+)>`)

// xmlParameters makes the parameters of a call in XML a JSON object. A content
// or a diff may hold tags of its own, and ends with its last.
func xmlParameters(body string) gjson.Result {
	var b bytes.Buffer
	b.WriteByte('{')
	for {
		m := xmlOpening.FindStringSubmatchIndex(body)
		if m == nil {
			break
		}
		name, rest := body[m[2]:m[3]], body[m[1]:]
		end := strings.Index(rest, "</"+name+">")
		if name == "content" || name == "diff" || name == "args" {
			end = strings.LastIndex(rest, "</"+name+">")
		}
		value := rest
		if body = ""; end >= 0 {
			value, body = rest[:end], rest[end+len(name)+3:]
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(name)
		text, _ := json.Marshal(strings.TrimSpace(value))
		b.Write(key)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteByte('}')
	return gjson.ParseBytes(b.Bytes())
}
