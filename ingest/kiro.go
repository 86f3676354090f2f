package ingest

import (
	"bufio"
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// kiro reads Kiro's command line, and Amazon Q's, which it was before: the log
// of a session, an entry a line, beside a document that knows the rest of it;
// what "/chat save" writes, which is both in one document; and the database of
// the engine before, with a document for each conversation, which "/save" wrote
// too.
var kiro = Format{
	Name:       "kiro",
	Doc:        "Kiro's command line and Amazon Q's, ~/.kiro/sessions/cli and data.sqlite3",
	Version:    2,
	Seen:       "logs, saved sessions and databases of the command line; Amazon Q's before it",
	Skips:      "what is no word, call, result or edit",
	Checked:    "the programs' source, and one public export",
	Unverified: true,
	Places: []string{
		".kiro/sessions/cli/*.jsonl",
		".local/share/kiro-cli/data.sqlite3",
		"Library/Application Support/kiro-cli/data.sqlite3",
		".local/share/amazon-q/data.sqlite3",
		"Library/Application Support/amazon-q/data.sqlite3",
	},
	Sniff:  sniffKiro,
	Parse:  parseKiro,
	Within: kiroBeside,
	Holds:  holdsKiro,
	ReadDB: readKiroDB,
}

const kiroExport = "kiro-session-export-v1"

func sniffKiro(head []byte) bool {
	first := firstObject(head)
	return first.Get("format").Str == kiroExport || isKiroConversation(first) || isKiroEntry(first)
}

// isKiroEntry looks at an entry of a log: {version, kind, data: {message_id,
// content, …}}.
func isKiroEntry(v gjson.Result) bool {
	return v.Get("kind").Exists() && v.Get("version").Exists() && (v.Get("data.message_id").Exists() || v.Get("data.content").Exists())
}

func isKiroConversation(v gjson.Result) bool {
	return v.Get("conversation_id").Exists() && strings.HasPrefix(v.Get("history").Raw, "[")
}

// kiroBeside names the document beside a session's log.
func kiroBeside(file string) []string {
	id, ok := strings.CutSuffix(file, ".jsonl")
	if !ok || !strings.HasSuffix(filepath.ToSlash(filepath.Dir(file)), ".kiro/sessions/cli") {
		return nil
	}
	return []string{id + ".json"}
}

func parseKiro(in *Input, d *Draft) error {
	r := bufio.NewReaderSize(in, sniffLen)
	head, _ := r.Peek(sniffLen)
	first := gjson.ParseBytes(head)
	in = &Input{Path: in.Path, File: in.File, Reader: r}
	if first.Get("format").Str != kiroExport && !isKiroConversation(first) {
		id := strings.TrimSuffix(path.Base(in.Path), ".jsonl")
		p := newKiroParser(d, id, gjson.ParseBytes(in.beside(id+".json")))
		err := eachRecord(in, d, p.entry)
		p.end()
		return err
	}
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	if isKiroConversation(doc) {
		readKiroConversation(d, doc.Get("conversation_id").String(), "", doc)
		return nil
	}
	p := newKiroParser(d, doc.Get("metadata.session_id").String(), doc.Get("metadata"))
	p.s.Sources[0].Unit = "index"
	eachItem(doc.Get("log_entries"), d, func(n int, entry gjson.Result) {
		p.entry(place{line: n}, entry)
	})
	p.end()
	return nil
}

type kiroParser struct {
	d     *Draft
	s     *session.Session
	turns gjson.Result
	at    map[string]place // of messages
	shell map[string]bool  // calls that run a command
}

// newKiroParser starts a session of which meta is the document beside the log.
func newKiroParser(d *Draft, id string, meta gjson.Result) *kiroParser {
	if known := meta.Get("session_id").String(); known != "" {
		id = known
	}
	p := &kiroParser{d: d, s: d.session(id), at: make(map[string]place), shell: make(map[string]bool)}
	p.turns = meta.Get("session_state.conversation_metadata.user_turn_metadatas")
	s := p.s
	s.Title, s.Cwd = meta.Get("title").String(), meta.Get("cwd").String()
	if s.Model = firstText(meta, "session_state.rts_model_state.model_info.model_id"); s.Model == "" {
		s.Model = firstText(p.turns, "0.model")
	}
	return p
}

func (p *kiroParser) event(at place, block int, id string, kind session.Kind, author session.Author) session.Event {
	if id == "" {
		id = p.s.ID + strconv.Itoa(at.line)
	}
	return session.Event{N: at.line, Part: at.part(block), Kind: kind, Author: author, Key: key("kiro", id, strconv.Itoa(block))}
}

// entry reads an entry of the log. Only those of the person have a time.
func (p *kiroParser) entry(at place, rec gjson.Result) {
	data := rec.Get("data")
	id := data.Get("message_id").String()
	if id != "" {
		p.at[id] = at
	}
	kind := rec.Get("kind").Str
	switch kind {
	case "Prompt", "AssistantMessage", "ToolResults":
	case "Compaction":
		e := p.event(at, 0, id, session.Note, session.Injected)
		e.Line = p.d.line(data.Get("summary"), data.Get("content.0.data"))
		e.Act, e.Text = session.Compacted, firstText(data, "summary", "content.0.data")
		p.d.add(p.s, e)
		return
	default:
		if kind == "" {
			kind = rec.Get("type").String()
		}
		p.d.unknown(kind)
		return
	}
	when := unixTimeOf(data.Get("meta.timestamp").Int())
	n := 0
	data.Get("content").ForEach(func(_, b gjson.Result) bool {
		p.block(at, n, id, kind, when, b)
		n++
		return true
	})
}

func (p *kiroParser) block(at place, i int, id, entry string, when time.Time, b gjson.Result) {
	e := p.event(at, i, id, session.Agent, session.ByAgent)
	data := b.Get("data")
	e.Time, e.Line = when, p.d.line(data)
	switch kind := b.Get("kind").Str; kind {
	case "text":
		if entry == "Prompt" {
			e.Kind, e.Author = session.User, session.Human
		}
		e.Text = strings.TrimSpace(data.String())
	case "thinking":
		e.Act, e.Text = session.Thinking, firstText(data, "text")
	case "toolUse":
		e.Kind, e.CallID, e.Tool = session.Call, data.Get("toolUseId").String(), data.Get("name").String()
		kiroInput(&e, data.Get("input"))
		e.Line = p.d.inputLine(e.Command, data.Get("input"))
		p.shell[e.CallID] = e.Act == session.Shell
		p.d.add(p.s, e)
		return
	case "toolResult":
		e.Kind, e.Author, e.CallID = session.Result, session.ByTool, data.Get("toolUseId").String()
		kiroResult(&e, data, p.shell[e.CallID])
		p.d.add(p.s, e)
		return
	case "image", "redactedThinking":
	default:
		p.d.unknown(entry + " block " + kind)
	}
	if e.Text != "" {
		p.d.add(p.s, e)
	}
}

// kiroEnd is the part of the events that tell how a turn ended.
const kiroEnd = 900

// end reads how the turns ended, which the document beside the log knows.
func (p *kiroParser) end() {
	p.turns.ForEach(func(_, turn gjson.Result) bool {
		ids := turn.Get("message_ids").Array()
		for i := len(ids) - 1; i >= 0; i-- {
			if at, ok := p.at[ids[i].String()]; ok {
				p.turnEnd(at, ids[i].String(), turn)
				break
			}
		}
		return true
	})
	slices.SortStableFunc(p.s.Events, func(a, b session.Event) int { return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.Part, b.Part)) })
}

func (p *kiroParser) turnEnd(at place, id string, turn gjson.Result) {
	e := p.event(at, kiroEnd, id, session.Note, session.Injected)
	switch reason := turn.Get("end_reason").Str; reason {
	case "Cancelled":
		e.Act = session.Interrupt
	case "Error":
		e.Line, e.Act, e.Text = p.d.line(turn.Get("result.Err")), session.APIError, turn.Get("result.Err").String()
	case "", "UserTurnEnd", "ToolUseRejected", "DidNotRun":
		return
	default:
		p.d.unknown("end of a turn " + reason)
		return
	}
	e.Time = parseTime(turn.Get("end_timestamp").String())
	p.d.add(p.s, e)
}

// kiroActs maps the names of tools that others do not have to what they do.
var kiroActs = map[string]session.Act{
	"fs_read": session.Read, "fs_write": session.Write, "execute_cmd": session.Shell, "use_aws": session.OtherAct, "aws": session.OtherAct,
	"use_subagent": session.Task, "todo_list": session.Plan, "thinking": session.Plan,
}

// kiroInput sets what a call does and what it is about. The tool that writes
// files has the way as its command; the one that reads has a list of files.
func kiroInput(e *session.Event, args gjson.Result) {
	commonInput(e, args)
	if act := kiroActs[e.Tool]; act != "" {
		e.Act = act
	}
	switch way := args.Get("command").String(); {
	case e.Act == session.Write && way != "" && way != "create":
		e.Act = session.Edit
	case e.Command == "":
		e.Command = firstText(args, "operations.0.path", "operations.0.image_paths.0")
	}
	if e.Act == session.Shell {
		e.Dir = args.Get("working_dir").String()
	}
}

// What a call returns that the person did not allow.
var kiroRejected = lazyregexp.New(`(?i)^tool (?:use|execution) (?:was )?(?:cancell?ed|rejected|denied) by the user`)

// kiroResult reads what a call returned: {status, content}, of texts and
// documents: {kind, data}, or before {"Text": …} and {"Json": …}. A command
// gives its exit code in a document, as text.
func kiroResult(e *session.Event, result gjson.Result, shell bool) {
	var texts []string
	result.Get("content").ForEach(func(_, c gjson.Result) bool {
		data := c.Get("data")
		for _, tag := range []string{"Text", "Json"} {
			if v := c.Get(tag); v.Exists() {
				data = v
			}
		}
		switch {
		case shell && data.Get("exit_status").Exists():
			texts = append(texts, strings.TrimSpace(data.Get("stdout").String()+"\n"+data.Get("stderr").String()))
			told := data.Get("exit_status").String()
			if code, err := strconv.Atoi(told[strings.LastIndexByte(told, ' ')+1:]); err == nil { // "exit status: 1" before
				e.Exit = exitCode(code)
			}
		case data.Exists():
			texts = append(texts, data.String())
		}
		return true
	})
	e.Text = strings.Join(texts, "\n")
	switch strings.ToLower(result.Get("status").Str) {
	case "success":
		if e.Flag = session.FlagOK; shell {
			e.Flag = ""
		}
	case "error":
		e.Flag = session.FlagError
	}
	if kiroRejected.MatchString(e.Text) {
		e.Flag = session.FlagRejected
	}
}
