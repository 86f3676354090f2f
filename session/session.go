// Package session holds the vocabulary every other package speaks, and the
// store of normalised sessions.
//
// A session is one transcript, an event one thing in it. Formats (package
// ingest) turn what an agent wrote into sessions; the store keeps them whole
// and redacted under <state>/sessions/<agent>/<id>.jsonl.zst, because agents
// delete their transcripts and evidence must not rot. What is worked out from
// a session (outcomes, intents, fingerprints) is set on its events by
// miner.Annotate after loading and is never stored; neither is the project,
// which Projects works out from folder, remote and configuration.
package session

import (
	"strings"
	"time"
)

// Kind says what an event is.
type Kind string

// The kinds of events.
const (
	User   Kind = "user"   // text in the user role, whoever wrote it
	Agent  Kind = "agent"  // text of the model
	Call   Kind = "call"   // a tool call
	Result Kind = "result" // what a tool call returned
	Note   Kind = "note"   // something that happened: a compaction, an interrupt, an API error
)

// Author says who wrote a text.
type Author string

// The authors of texts.
const (
	Human     Author = "human"
	ByAgent   Author = "agent"
	ByTool    Author = "tool"
	ByProgram Author = "program"  // an SDK's prompt, a parent agent's task
	Injected  Author = "injected" // hooks, reminders, instruction files, lode's own briefs
)

// Intent says what a human turn does.
type Intent string

// The intents of human turns.
const (
	Correction      Intent = "correction"
	StandingRule    Intent = "standing-rule"
	RejectionReason Intent = "rejection-reason"
	NewTask         Intent = "new-task"
	Answer          Intent = "answer"
	Question        Intent = "question"
	Praise          Intent = "praise"
	Other           Intent = "other"
)

// Population says who started the root session.
type Population string

// The populations, which are never mixed in counts.
const (
	ByUser    Population = "user"
	Headless  Population = "headless"
	Benchmark Population = "benchmark"
	Loop      Population = "loop"     // started by lode's loop
	Own       Population = "own"      // lode's evaluators, analysts and writers: never mined
	Subagent  Population = "subagent" // below another session
)

// Act is what a tool call does, whatever the agent calls the tool.
type Act string

// The acts of tool calls, and the kinds of texts and notes that need telling apart.
const (
	Shell    Act = "shell"
	Read     Act = "read"
	Edit     Act = "edit"
	Write    Act = "write"
	Search   Act = "search" // for text in files
	List     Act = "list"   // of files: globs and folder listings
	Fetch    Act = "fetch"  // from the web
	Task     Act = "task"   // hands work to a subagent
	Ask      Act = "ask"    // asks the user
	Plan     Act = "plan"   // to-do lists and plans
	OtherAct Act = "other"

	Thinking Act = "thinking" // on agent text
	Refusal  Act = "refusal"  // on user text: why a call was rejected

	Compacted   Act = "compacted" // on notes, from here
	Interrupt   Act = "interrupt"
	APIError    Act = "api-error"
	RolledBack  Act = "rolled-back"
	UserChanged Act = "user-changed" // the user changed an edit before accepting it
	HookError   Act = "hook-error"
)

// Flag is what the transcript itself says of a result. It is a fact of the
// record, not a judgement; see Outcome.
type Flag string

// The flags of results. The empty flag means that the record says nothing.
const (
	FlagOK          Flag = "ok"
	FlagError       Flag = "error"
	FlagBenign      Flag = "benign" // the agent's client called a non-zero exit harmless
	FlagRejected    Flag = "rejected"
	FlagDenied      Flag = "denied"
	FlagInterrupted Flag = "interrupted"
	FlagCollateral  Flag = "collateral" // cancelled because a sibling failed
	FlagRunning     Flag = "running"    // not finished when the result was written
)

// Outcome is what became of a call, as judged by miner.Annotate.
type Outcome string

// The outcomes of results.
const (
	OK          Outcome = "ok"
	Failed      Outcome = "failed"
	Expected    Outcome = "expected" // a failure that was meant, or a search without a match
	Rejected    Outcome = "rejected" // by the user
	Denied      Outcome = "denied"   // by policy or sandbox
	Interrupted Outcome = "interrupted"
	Collateral  Outcome = "collateral"
	Unknown     Outcome = "unknown"
)

// Basis says what an outcome rests on.
type Basis string

// The bases of outcomes.
const (
	BasisFlag    Basis = "flag"
	BasisExit    Basis = "exit"
	BasisText    Basis = "text"
	BasisContext Basis = "context"
)

// Place is one place of an event in a file: the 1-based line or 0-based index
// (the source's Unit says which) in the source at that position of Sources.
type Place struct {
	Src int `json:"src"`
	N   int `json:"n"`
}

// Event is one thing in a session. The fields with JSON names are stored; new
// ones may be added, none may change its meaning without raising StoreVersion.
type Event struct {
	N       int       `json:"n"`              // 1-based line or 0-based index in the source
	Part    int       `json:"part,omitempty"` // tells several events of one record apart
	Src     int       `json:"src,omitempty"`  // position of the primary source in Sources
	Line    int       `json:"line,omitempty"` // 1-based, where its text begins, when N does not say it; 0 when N does, or nothing can
	Kind    Kind      `json:"kind"`
	Author  Author    `json:"author,omitempty"`
	Act     Act       `json:"act,omitempty"`
	Time    time.Time `json:"time,omitzero"` // UTC; zero where the record has none
	CallID  string    `json:"call,omitempty"`
	Of      string    `json:"of,omitempty"` // the call that this result finishes, when not CallID's own
	Tool    string    `json:"tool,omitempty"`
	Command string    `json:"cmd,omitempty"`  // shell text, or the path, pattern or address that a tool was given
	Dir     string    `json:"dir,omitempty"`  // working folder of the call, where recorded and not the session's
	Text    string    `json:"text,omitempty"` // words, the rest of a call's input, or a result's output
	Flag    Flag      `json:"flag,omitempty"`
	Exit    *int      `json:"exit,omitempty"`
	Tokens  int       `json:"tok,omitempty"` // output tokens of the model message that starts here
	Key     string    `json:"key,omitempty"` // equal in every copy of the event, see Merge
	Copies  []Place   `json:"copies,omitempty"`

	// Set by parsers for the time until the copies in other files are dropped.
	Use *Usage `json:"-"` // of the model message that starts here

	// Set by miner.Annotate.
	Intent      Intent  `json:"-"`
	Outcome     Outcome `json:"-"`
	Basis       Basis   `json:"-"`
	Class       string  `json:"-"` // class of a failure, as missing-tool or test-failure
	Entity      string  `json:"-"` // the thing a failure is about
	Signature   string  `json:"-"` // the line that tells the failure
	Fingerprint string  `json:"-"` // equal for the same failure anywhere
	CallEvent   *Event  `json:"-"` // of a result: the call it answers or finishes
}

// Source is a file that events of a session come from.
type Source struct {
	Path string `json:"path"`           // relative to the home folder when below it
	Unit string `json:"unit,omitempty"` // what places in it count: "line" (the default), "index" or EventUnit
}

// EventUnit is the unit of a source that holds one event of a session: places
// count the session's events, so that they tell its sources apart.
const EventUnit = "event"

// Usage is the token use and cost of a session, where the agent records it.
type Usage struct {
	Input      int     `json:"input,omitempty"` // without cached input
	Output     int     `json:"output,omitempty"`
	CacheRead  int     `json:"cache_read,omitempty"`
	CacheWrite int     `json:"cache_write,omitempty"`
	Cost       float64 `json:"cost,omitempty"` // USD
}

// Instruction is the text of an instruction file that was in force: its hash
// and its rule lines, which is what the effect measure needs of it.
type Instruction struct {
	Path  string   `json:"path"`
	Hash  string   `json:"hash"`
	Lines []string `json:"lines,omitempty"`
}

// Header is what is known of a session as a whole. It is stored as the first
// line of a session's file, and kept by the catalog for listings.
type Header struct {
	V            int            `json:"v"`
	Agent        string         `json:"agent"`
	ID           string         `json:"id"`
	Parent       string         `json:"parent,omitempty"` // id of the session that started this one
	Population   Population     `json:"population"`
	Title        string         `json:"title,omitempty"`
	Model        string         `json:"model,omitempty"`
	Version      string         `json:"version,omitempty"` // of the agent's program
	Branch       string         `json:"branch,omitempty"`
	Origin       string         `json:"origin,omitempty"` // name of the session of which this one is a rendering, as claude/<id>
	Cwd          string         `json:"cwd,omitempty"`
	Remote       string         `json:"remote,omitempty"`   // host/owner/name of the git remote
	Checkout     string         `json:"checkout,omitempty"` // main working tree that Cwd belongs to, when it was found on disk
	Instance     string         `json:"instance,omitempty"` // of a benchmark, as owner__name-123
	Forked       time.Time      `json:"forked,omitzero"`    // when it was made as a copy of another session, where the agent tells
	Start        time.Time      `json:"start,omitzero"`
	End          time.Time      `json:"end,omitzero"`
	Usage        Usage          `json:"usage,omitzero"`
	Sources      []Source       `json:"sources,omitempty"`
	Instructions []Instruction  `json:"instructions,omitempty"`
	Redaction    int            `json:"redaction,omitempty"` // version of the rules applied
	Secrets      map[string]int `json:"secrets,omitempty"`   // how many were replaced, by kind
	Parser       int            `json:"parser,omitempty"`    // version of the format's parser
}

// Session is one transcript.
type Session struct {
	Header
	Events []Event
}

// Info is a session as the catalog lists it: its header, how many events it
// has and a digest of its stored bytes.
type Info struct {
	Header
	Count  int    `json:"events"`
	Digest string `json:"digest"`
}

// Name returns agent/id, which is unique among sessions.
func (h *Header) Name() string { return h.Agent + "/" + h.ID }

// Ref returns the reference of one of the session's events.
func (h *Header) Ref(e *Event) Ref {
	return Ref{Agent: h.Agent, Session: h.ID, N: e.N, Part: e.Part}
}

// Subject returns the tool and command that an event speaks of; a result
// without them takes those of its call.
func (e *Event) Subject() (tool, command string) {
	tool, command = e.Tool, e.Command
	if e.CallEvent != nil {
		if tool == "" {
			tool = e.CallEvent.Tool
		}
		if command == "" {
			command = e.CallEvent.Command
		}
	}
	return tool, command
}

// Action returns the act of a call, or of the call that a result answers.
func (e *Event) Action() Act {
	if e.CallEvent != nil {
		return e.CallEvent.Act
	}
	return e.Act
}

// Link points every result at the call it answers or finishes.
func (s *Session) Link() {
	calls := make(map[string]*Event)
	for i := range s.Events {
		e := &s.Events[i]
		switch {
		case e.Kind == Call && e.CallID != "":
			calls[e.CallID] = e
		case e.Kind == Result:
			e.CallEvent = calls[e.CallID]
			if of := calls[e.Of]; of != nil {
				e.CallEvent = of
			}
		}
	}
}

// Span sets Start and End from the times of the events.
func (s *Session) Span() {
	for i := range s.Events {
		t := s.Events[i].Time
		if t.IsZero() {
			continue
		}
		if s.Start.IsZero() || t.Before(s.Start) {
			s.Start = t
		}
		if t.After(s.End) {
			s.End = t
		}
	}
}

// Find returns the event that a reference names.
func (s *Session) Find(r Ref) (*Event, bool) {
	for i := range s.Events {
		if e := &s.Events[i]; e.N == r.N && e.Part == r.Part {
			return e, true
		}
	}
	return nil, false
}

// Location is where an event stands in the agent's own files, as the machine
// views show it: the line on which its text begins, and its index where the
// source counts these. A document on one line, and a database, has no lines.
type Location struct {
	Path   string     `json:"path"`
	Line   *int       `json:"line,omitempty"`
	Index  *int       `json:"index,omitempty"`
	CallID string     `json:"call_id,omitempty"`
	Copies []Location `json:"copies,omitempty"`
}

// Locate returns where an event stands, with its copies.
func (h *Header) Locate(e *Event) Location {
	l := h.locate(Place{Src: e.Src, N: e.N})
	if l.CallID = e.CallID; e.Line > 0 {
		line := e.Line
		l.Line = &line
	}
	for _, c := range e.Copies {
		l.Copies = append(l.Copies, h.locate(c))
	}
	return l
}

func (h *Header) locate(p Place) Location {
	src := h.Sources[p.Src]
	n := p.N
	if src.Unit == "index" || src.Unit == EventUnit {
		return Location{Path: src.Path, Index: &n}
	}
	return Location{Path: src.Path, Line: &n}
}

// InWindow reports whether the session belongs to the time from since on.
// Undated sessions always do.
func (h *Header) InWindow(since time.Time) bool {
	return since.IsZero() || h.End.IsZero() || !h.End.Before(since)
}

// Quote returns the text as one line of at most n runes, cut at its end.
func Quote(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > n {
		return strings.TrimSpace(string(r[:n-1])) + "…"
	}
	return text
}

// OwnMark begins what lode itself asks an agent: the session that comes of it
// is lode's own, and never mined.
const OwnMark = "[lode asks: this session is its own and is not mined]"

// EchoMark stands at the head of what lode tells of past sessions to programs
// and agents. Where it comes back in a transcript, the text around it is an
// echo: no place to find, and nothing to learn from.
const EchoMark = "[lode: from past sessions]"

// echoHead is within how many bytes of a text its mark has to stand.
const echoHead = 200

// IsEcho reports whether a text is what lode told: as it prints it, or within
// JSON. A text that goes on to quote it, as a person may, is none.
func IsEcho(text string) bool {
	i := strings.Index(text[:min(len(text), echoHead)], EchoMark)
	return i == 0 || i > 0 && (text[i-1] == '\n' || text[i-1] == '"')
}

// LoopMark begins what the loop asks an agent to do: the session that comes of
// it belongs to the population Loop.
const LoopMark = "[lode runs: this session is an iteration of a goal]"
