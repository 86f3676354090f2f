package index

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"

	"lode/session"
)

// Fields that hold text, by who or what wrote it, from the weightiest in
// ranking: what a person said is what people remember, and an error what they
// look for.
// No field has the positions of its words, which would double its size: whether
// words stand in a row is read in the stored text.
var textFields = []textField{
	{human, 3, 50, true},
	{problem, 2.5, 15, false},
	{command, 2, 12, false},
	{agent, 1.5, 50, true},
	{output, 1, 60, false},
}

type textField struct {
	name   string
	boost  float64
	length float64 // average number of terms, about what transcripts have
	prose  bool    // words are looked for in other forms too
}

const (
	human   = "human"
	agent   = "agent"
	command = "command"
	problem = "error"
	output  = "output"

	fieldSession = "session" // agent/id
	fieldAgent   = "by"
	fieldPlace   = "place" // see Place
	fieldKind    = "kind"
	fieldTool    = "tool"
	fieldOutcome = "outcome"
	fieldDay     = "day"

	fieldAuthor      = "author"      // of words in the user's role
	fieldClass       = "class"       // of a failure
	fieldFingerprint = "fingerprint" // of a failure
	fieldText        = "text"        // stored: what the snippet is cut from
	fieldMeta        = "meta"        // stored
)

const (
	indexed  = index.IndexField
	unscored = index.IndexField | index.SkipFreqNorm
	stored   = index.StoreField
)

// What is indexed of a text, in bytes.
const (
	maxWords   = 8 << 10  // of a person's turn
	maxSaid    = 32 << 10 // of what the agent says
	maxThought = 2 << 10  // and of what it thinks
	maxPrompt  = 4 << 10  // of a program's prompt: templates repeat
	inputHead  = 200      // of what a tool is given to write, and as much of its end
	outputHead = 250      // of an output, and as much of its end
	failedHead = 1000     // of one that failed
	shownHead  = 250      // of a file, a listing or the hits of a search, which the agent only looked at
	maxProblem = 600      // of the lines that tell a failure
	maxTelling = 800      // of further lines about errors, between beginning and end
	maxCommand = 2 << 10
)

// undated is the day of events without a time; filters by time let them pass.
const undated = "undated"

// meta is what a hit shows beside its text. It is stored for every event, so its
// form is short: the fields in this order, separated, the time in milliseconds
// since 1970 or empty.
type meta struct {
	Time    time.Time
	Src     int
	Line    int // of the text, see session.Event
	Kind    session.Kind
	Tool    string
	Outcome session.Outcome
}

const metaSep = "\x1f"

func (m *meta) String() string {
	ms := ""
	if !m.Time.IsZero() {
		ms = strconv.FormatInt(m.Time.UnixMilli(), 36)
	}
	count := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	tool := strings.ReplaceAll(m.Tool, metaSep, "")
	return strings.Join([]string{ms, count(m.Src), count(m.Line), string(m.Kind), tool, string(m.Outcome)}, metaSep)
}

// parseMeta reads what String prints.
func parseMeta(text string) (m meta, err error) {
	f := strings.Split(text, metaSep)
	if len(f) != 6 {
		return m, fmt.Errorf("%q has not six fields", text)
	}
	if f[0] != "" {
		ms, perr := strconv.ParseInt(f[0], 36, 64)
		m.Time, err = time.UnixMilli(ms).UTC(), perr
	}
	if f[1] != "" && err == nil {
		m.Src, err = strconv.Atoi(f[1])
	}
	if f[2] != "" && err == nil {
		m.Line, err = strconv.Atoi(f[2])
	}
	m.Kind, m.Tool, m.Outcome = session.Kind(f[3]), f[4], session.Outcome(f[5])
	return m, err
}

// Place tells where a session belongs, as far as projects depend on it, and what
// else is one for all of its events: branch, model and population. Together they
// take the room of one field. Searches for a project look for its places.
func Place(h *session.Header) string {
	return strings.Join([]string{h.Cwd, h.Remote, h.Instance, h.Branch, h.Model, string(h.Population)}, placeSep)
}

const placeSep = "\x00"

// parsePlace reads what Place returns; of a place that is not one nothing is set.
func parsePlace(text string) (h session.Header) {
	if p := strings.Split(text, placeSep); len(p) == 6 {
		h.Cwd, h.Remote, h.Instance, h.Branch, h.Model, h.Population = p[0], p[1], p[2], p[3], p[4], session.Population(p[5])
	}
	return h
}

// documents makes the documents of a session.
func documents(s *session.Session) []*document.Document {
	results := make(map[*session.Event]*session.Event)
	for i := range s.Events {
		if e := &s.Events[i]; e.Kind == session.Result && e.CallEvent != nil && results[e.CallEvent] == nil && e.Of == "" {
			results[e.CallEvent] = e
		}
	}
	b := builder{s: s, place: Place(&s.Header), shared: make(map[[2]string]*termField)}
	b.header()
	for i := range s.Events {
		e := &s.Events[i]
		if !e.Time.IsZero() {
			b.last = e.Time
		}
		switch e.Kind {
		case session.User:
			if e.Author != session.Injected {
				b.words(e, human)
			}
		case session.Agent:
			b.words(e, agent)
		case session.Call:
			if r := results[e]; r == nil || r.Author != session.Injected { // not what was asked of lode, with its answer
				b.call(e, r)
			}
		case session.Result:
			if e.Author != session.Injected && (e.CallEvent == nil || results[e.CallEvent] != e) {
				b.call(nil, e)
			}
		}
	}
	return b.docs
}

// header adds the session's own document, which no search finds: what a hit
// shows of its session.
func (b *builder) header() {
	h := session.Header{Agent: b.s.Agent, ID: b.s.ID, Parent: b.s.Parent, Population: b.s.Population, Title: b.s.Title, Model: b.s.Model, Branch: b.s.Branch,
		Cwd: b.s.Cwd, Remote: b.s.Remote, Instance: b.s.Instance, Start: b.s.Start, End: b.s.End, Sources: b.s.Sources}
	d := document.NewDocument(b.s.Name())
	b.keyword(d, fieldSession, b.s.Name())
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // its fields are plain values
	}
	b.meta(d, text)
	b.docs = append(b.docs, d)
}

func (b *builder) meta(d *document.Document, text []byte) {
	d.AddField(document.NewTextFieldWithIndexingOptions(fieldMeta, nil, text, stored))
}

type builder struct {
	s     *session.Session
	place string
	last  time.Time // the newest time seen: that of events without one
	docs  []*document.Document

	shared map[[2]string]*termField // fields by name and values
}

func (b *builder) words(e *session.Event, field string) {
	limit := maxWords
	switch {
	case e.Author == session.ByProgram:
		field, limit = agent, maxPrompt
	case e.Act == session.Thinking:
		limit = maxThought
	case field == agent:
		limit = maxSaid
	}
	text := clip(e.Text, limit, 0)
	if strings.TrimSpace(text) == "" {
		return
	}
	d := b.document(e, text, string(e.Kind))
	if e.Kind == session.User {
		b.keyword(d, fieldAuthor, string(e.Author))
	}
	d.AddField(newWords(field, text))
}

// call adds a call with its result; either may be missing.
func (b *builder) call(call, result *session.Event) {
	e := call
	if e == nil {
		e = result
	}
	tool, cmd := e.Subject()
	cmd = clip(cmd, maxCommand, 0)
	out, trouble := "", ""
	if result != nil {
		out = clipOutput(result)
		if result.Outcome == session.Failed {
			trouble = clip(result.Signature, maxProblem, 0)
		}
	} else {
		out = clip(call.Text, inputHead, inputHead)
	}
	text := cmd
	if call != nil && call.Act != session.Shell && result != nil && call.Text != "" {
		out = clip(call.Text, inputHead, inputHead) + "\n" + out
	}
	if out != "" {
		text += "\n" + out
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	kinds := []string{string(e.Kind)}
	if result != nil && call != nil {
		kinds = append(kinds, string(session.Result))
	}
	d := b.document(e, text, kinds...)
	b.keyword(d, fieldTool, tool)
	if result != nil {
		b.keyword(d, fieldOutcome, string(result.Outcome))
		b.keyword(d, fieldClass, result.Class)
		b.keyword(d, fieldFingerprint, result.Fingerprint)
	}
	for field, value := range map[string]string{command: cmd, problem: trouble} {
		if value != "" {
			d.AddField(newWords(field, value))
		}
	}
	if out != "" {
		d.AddField(newWords(output, out))
	}
	b.describe(d, e, result)
}

// document starts a document with what all have.
func (b *builder) document(e *session.Event, text string, kinds ...string) *document.Document {
	d := document.NewDocument(b.s.Ref(e).String())
	b.keyword(d, fieldSession, b.s.Name())
	b.keyword(d, fieldAgent, b.s.Agent)
	b.keyword(d, fieldPlace, b.place)
	b.keyword(d, fieldKind, kinds...)
	day := undated
	if !b.last.IsZero() {
		day = b.last.Format("20060102")
	}
	b.keyword(d, fieldDay, day)
	d.AddField(document.NewTextFieldWithIndexingOptions(fieldText, nil, []byte(text), stored))
	if e.Kind != session.Call && e.Kind != session.Result {
		b.describe(d, e, nil)
	}
	b.docs = append(b.docs, d)
	return d
}

func (b *builder) describe(d *document.Document, e, result *session.Event) {
	m := meta{Time: b.last, Src: e.Src, Line: e.Line, Kind: e.Kind}
	m.Tool, _ = e.Subject()
	if result != nil {
		m.Outcome = result.Outcome
	}
	b.meta(d, []byte(m.String()))
}

// keyword adds values that are one term each, and says nothing of how often. The
// documents of a session have most of them in common, and share the field.
func (b *builder) keyword(d *document.Document, field string, values ...string) {
	if values[0] == "" {
		return
	}
	key := [2]string{field, strings.Join(values, "\x00")}
	f := b.shared[key]
	if f == nil {
		f = newTerms(field, values...)
		b.shared[key] = f
	}
	d.AddField(f)
}

// clipOutput cuts a result to what is worth finding it by.
func clipOutput(e *session.Event) string {
	switch act := e.Action(); {
	case e.Outcome == session.Failed:
		return clip(e.Text, failedHead, failedHead) + tellingLines(e.Text)
	case act == session.Read, act == session.Search, act == session.List, act == session.Fetch:
		return clip(e.Text, shownHead, 0)
	}
	return clip(e.Text, outputHead, outputHead)
}

// tellingLines returns the lines that speak of errors in the part of a failed
// output that clip leaves out.
func tellingLines(text string) string {
	if len(text) <= 2*failedHead {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(text[failedHead : len(text)-failedHead]) {
		if len(line) < 400 && b.Len()+len(line) < maxTelling && tells(line) {
			b.WriteString("\n" + strings.ToValidUTF8(strings.TrimSpace(line), ""))
		}
	}
	return b.String()
}

func tells(line string) bool {
	for _, word := range []string{"rror", "ERR", "ail", "FAIL", "xception", "panic", "fatal", "denied", "not found", "undefined"} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

// clip cuts a text to its first and last bytes, at character boundaries.
func clip(s string, head, tail int) string {
	if len(s) <= head+tail {
		return s
	}
	start := strings.ToValidUTF8(s[:head], "")
	if tail == 0 {
		return start
	}
	return start + "\n…\n" + strings.ToValidUTF8(s[len(s)-tail:], "")
}
