package ingest

import (
	"bufio"
	"bytes"
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// openhands reads OpenHands. Version 1 (the SDK and its CLI) keeps a folder for
// a conversation: "base_state.json" and in "events" a file for each event, of a
// kind. Version 0 keeps its events, actions and observations, one a file as
// well, or as an array in a "trajectory.json"; evaluations write a line for
// each instance, with the array as its "history". Versions are told by the
// events themselves. A session of files is named by its folder.
var openhands = Format{
	Name:       "openhands",
	Doc:        "OpenHands, ~/.openhands, its trajectories and evaluation outputs",
	Version:    2,
	Seen:       "V0 documents and folders of events, V1 folders",
	Skips:      "what is no word, call, result or edit",
	Checked:    "the SDK's source",
	Unverified: true,
	Env:        "OPENHANDS_CONVERSATIONS_DIR",
	Home:       ".openhands/conversations",
	Places: []string{".openhands/conversations/*/base_state.json", ".openhands/conversations/*/events/event-*.json",
		".openhands/sessions/*/metadata.json", ".openhands/sessions/*/events/*.json"},
	Sniff: sniffOpenHands,
	Parse: parseOpenHands,
}

func sniffOpenHands(head []byte) bool {
	head = bytes.TrimSpace(head)
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return false
	}
	doc := gjson.ParseBytes(head) // may be cut: what stands before the cut is found
	switch {
	case head[0] == '[':
		return isOpenHandsEvent(doc.Get("0"))
	case isEvaluation(doc):
		return true
	}
	return isOpenHandsEvent(doc) || isBaseState(doc) || isOpenHandsMetadata(doc)
}

// isOpenHandsEvent recognises an event of either version.
func isOpenHandsEvent(e gjson.Result) bool {
	switch e.Get("source").Str {
	case "agent", "user", "environment", "hook":
	default:
		return false
	}
	if !e.Get("timestamp").Exists() || e.Get("type").Exists() {
		return false
	}
	if e.Get("action").Type == gjson.String || e.Get("observation").Type == gjson.String {
		return true
	}
	for _, name := range []string{"llm_message", "tool_call_id", "system_prompt", "kind"} {
		if e.Get(name).Exists() {
			return true
		}
	}
	return false
}

// isEvaluation recognises a line of an evaluation's output.
func isEvaluation(doc gjson.Result) bool {
	return doc.Get("instance_id").Exists() && (doc.Get("history").Exists() || doc.Get("metadata.agent_class").Exists() || doc.Get("test_result").Exists())
}

func isBaseState(doc gjson.Result) bool {
	return doc.Get("id").Exists() && doc.Get("agent.llm").IsObject()
}

func isOpenHandsMetadata(doc gjson.Result) bool {
	return doc.Get("conversation_id").Exists() && doc.Get("selected_repository").Exists()
}

func parseOpenHands(in *Input, d *Draft) error {
	r := bufio.NewReaderSize(in, sniffLen)
	head, _ := r.Peek(sniffLen)
	in = &Input{Path: in.Path, Reader: r}
	if isEvaluation(firstObject(head)) {
		return eachRecord(in, d, func(at place, rec gjson.Result) { readEvaluation(d, at, rec) })
	}
	doc, err := wholeDocument(in, d)
	switch {
	case err != nil || !doc.Exists():
		return err
	case doc.IsArray():
		p := newOpenHands(d, trajectoryID(in.Path, doc))
		p.events(doc)
	case isBaseState(doc):
		readBaseState(d, conversationID(in.Path), doc)
	case isOpenHandsMetadata(doc):
		readOpenHandsMetadata(d, conversationID(in.Path), doc)
	default:
		d.Records++
		p, n := newOpenHands(d, conversationID(in.Path)), 0
		if m := numberedEvent.FindStringSubmatch(path.Base(in.Path)); m != nil {
			n, _ = strconv.Atoi(m[1])
			p.s.Sources[0].Unit = session.EventUnit
		}
		p.event(n, 0, doc)
	}
	return nil
}

// numberedEvent matches the name of an event's file.
var numberedEvent = lazyregexp.New(`^(?:event-)?(\d{1,9})(?:-[^/]*)?\.json$`)

// conversationID returns the session that a file belongs to: its folder, or
// that above "events".
func conversationID(file string) string {
	dir := path.Dir(file)
	if base := path.Base(dir); base == "events" || base == "event_cache" {
		dir = path.Dir(dir)
	}
	if id := path.Base(dir); id != "." && id != "/" {
		return id
	}
	return strings.TrimSuffix(path.Base(file), ".json")
}

// trajectoryID names a trajectory that is one document: it says nowhere what
// session it is of, but its first event has a time of its own. Parts of a
// session that version 0 caches go by their folder.
func trajectoryID(file string, doc gjson.Result) string {
	if path.Base(path.Dir(file)) == "event_cache" {
		return conversationID(file)
	}
	first := doc.Get("0.timestamp").String()
	return strings.TrimSuffix(path.Base(file), ".json") + "-" + key(first, doc.Get("0.id").Raw)[:8]
}

// readBaseState reads what version 1 keeps of a conversation as a whole.
func readBaseState(d *Draft, id string, doc gjson.Result) {
	d.Records++
	s := d.headOf(id)
	s.Sources[0].Unit = "index"
	s.Cwd, s.Model = doc.Get("workspace.working_dir").String(), doc.Get("agent.llm.model").String()
	doc.Get("stats").ForEach(func(_, uses gjson.Result) bool {
		uses.ForEach(func(_, m gjson.Result) bool {
			addOpenHandsUse(&s.Usage, m)
			return true
		})
		return false
	})
}

// addOpenHandsUse adds the tokens and costs that one model has run up.
func addOpenHandsUse(u *session.Usage, m gjson.Result) {
	use := m.Get("accumulated_token_usage")
	read, wrote := int(use.Get("cache_read_tokens").Int()), int(use.Get("cache_write_tokens").Int())
	u.Input += max(0, int(use.Get("prompt_tokens").Int())-read-wrote)
	u.CacheRead += read
	u.CacheWrite += wrote
	u.Output += int(use.Get("completion_tokens").Int())
	u.Cost += m.Get("accumulated_cost").Float()
}

// readOpenHandsMetadata reads what version 0 keeps of a conversation as a whole.
func readOpenHandsMetadata(d *Draft, id string, doc gjson.Result) {
	d.Records++
	s := d.headOf(id)
	s.Sources[0].Unit = "index"
	s.Title, s.Model, s.Branch = doc.Get("title").String(), doc.Get("llm_model").String(), doc.Get("selected_branch").String()
	if name := doc.Get("selected_repository").Str; strings.Count(name, "/") == 1 {
		s.Remote = "github.com/" + name
	}
}

// readEvaluation reads a line of an evaluation's output: a run on one instance.
// References count the events of its history.
func readEvaluation(d *Draft, at place, rec gjson.Result) {
	history := rec.Get("history")
	if !rec.Get("instance_id").Exists() || !history.Exists() {
		d.unknown("line without a history")
		return
	}
	instance := rec.Get("instance_id").String()
	first := firstOf(history, "0.timestamp", "0.0.timestamp")
	id := instance + "-" + key(first, instance)[:8]
	if d.has(id) {
		id += "-" + strconv.Itoa(at.line)
	}
	if d.has(id) {
		d.bad(at.line, "a second run on the instance")
		return
	}
	p := newOpenHands(d, id)
	s := p.s
	s.Population, s.Instance, s.Title = session.Benchmark, instance, instance
	s.Model = rec.Get("metadata.llm_config.model").String()
	p.events(history)
	if m := rec.Get("metrics"); m.IsObject() {
		s.Usage = session.Usage{}
		addOpenHandsUse(&s.Usage, m)
	}
}

// openhandsParser reads the events of one session.
type openhandsParser struct {
	d     *Draft
	s     *session.Session
	dir   string          // working folder, as last told
	calls map[string]bool // calls of other agents that were seen
	used  map[string]bool // replies of the model whose tokens are counted
}

func newOpenHands(d *Draft, id string) *openhandsParser {
	p := &openhandsParser{d: d, s: d.session(id), calls: map[string]bool{}, used: map[string]bool{}}
	p.s.Sources[0].Unit = "index"
	p.s.Population = session.ByUser
	return p
}

// events reads an array of events; evaluations once wrote pairs of an action
// and what came of it.
func (p *openhandsParser) events(list gjson.Result) {
	n := 0
	list.ForEach(func(_, e gjson.Result) bool {
		part := 0
		for _, e := range pairOf(e) {
			if !e.IsObject() {
				p.d.bad(n, "not an object: "+p.d.excerpt([]byte(e.Raw)))
				continue
			}
			p.d.Records++
			p.event(n, part, e)
			part += openhandsParts
		}
		n++
		return true
	})
}

func pairOf(e gjson.Result) []gjson.Result {
	if e.IsArray() {
		return e.Array()
	}
	return []gjson.Result{e}
}

const openhandsParts = 10 // above the parts of one event

// event reads an event of either version.
func (p *openhandsParser) event(n, part int, e gjson.Result) {
	o := &openhandsEvent{Result: e, n: n, part: part}
	switch {
	case e.Get("action").Type == gjson.String:
		p.action(o)
	case e.Get("observation").Type == gjson.String:
		p.observation(o)
	default:
		p.kind(o)
	}
}

// openhandsEvent is an event with its place.
type openhandsEvent struct {
	gjson.Result
	n, part int
}

// start starts an event of lode. The time of an event, to the microsecond, and
// its id are what its copies share.
func (o *openhandsEvent) start(part int, kind session.Kind, author session.Author) session.Event {
	t := o.Get("timestamp").String()
	return session.Event{N: o.n, Part: o.part + part, Kind: kind, Author: author, Time: parseTime(t),
		Key: key("openhands", t, o.Get("id").Raw, o.Get("action").Str, o.Get("observation").Str, strconv.Itoa(part))}
}

// add adds an event with a text, if there is one; from is what it was taken
// out of.
func (p *openhandsParser) add(e session.Event, act session.Act, text string, from ...gjson.Result) {
	if strings.TrimSpace(text) != "" {
		e.Line, e.Act, e.Text = p.d.line(from...), act, text
		p.d.add(p.s, e)
	}
}

// in takes up the working folder; the first is the session's.
func (p *openhandsParser) in(dir string) {
	if dir == "" {
		return
	}
	if p.dir = dir; p.s.Cwd == "" {
		p.s.Cwd = dir
	}
}

// user returns who wrote a message in the user's name.
func (p *openhandsParser) user() session.Author {
	if p.s.Population == session.Benchmark {
		return session.ByProgram
	}
	return session.Human
}

// exit sets what a command exited with; -1 says that it is running still.
func exitOf(e *session.Event, codes ...gjson.Result) {
	for _, code := range codes {
		if code.Type != gjson.Number {
			continue
		}
		if n := int(code.Int()); n == -1 {
			e.Flag = session.FlagRunning
		} else {
			e.Exit = exitCode(n)
		}
		return
	}
}
