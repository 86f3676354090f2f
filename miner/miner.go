// Package miner finds in sessions what recurs and is worth learning from.
//
// Annotate judges every result (outcome, class, fingerprint) and every human
// turn. A Detector looks at one session and emits signals, single occurrences
// of something; Mine gathers the signals of all sessions into patterns: what
// recurs in a project, how often, what it cost, what cured it, what speaks
// against it, and whether it is recommended for a rule. Mining is a pure
// function of its input: the same sessions give the same bytes in any order.
//
// The package stores nothing; <state>/patterns.jsonl is written by the caller
// from the Report.
package miner

import (
	"iter"
	"time"

	"lode/session"
)

// Detector finds one kind of signal in a session.
type Detector struct {
	Name string // kind of the signals, as in the machine view
	Doc  string // what it finds, and what not
	Find func(v *View, emit func(Signal))
}

// Detectors lists what is looked for. Each is a value; the order is that of
// the listings.
var Detectors = []Detector{failingCommand, wrongPath, retryLoop, finding, forgotten, environment, request, refused, shortcut, misread, premature, revert, contextLoss, drift}

// Signal is one occurrence of something worth learning from.
type Signal struct {
	Kind  string
	Key   string         // identity within a project: equal keys are one pattern
	Event *session.Event // where it shows
	Fix   *Fix           // what worked afterwards in the same session, if anything
	Cost  Cost
	Line  string // the line of the event's text that shows it; "" for the signature

	// What the pattern is called by. Texts of tool results may stand in
	// Template, which is only shown, never in Subject, which rules are worded with.
	Class    string
	Subject  string // the command or path as the agent wrote it, generalised
	Entity   string // the missing or wrong thing, when it stands in the agent's own command
	Role     string // role of the program, for the wording
	Template string // masked line that tells the failure
	Barred   string // why it can never be recommended, if so

	at, until int // numbers of the results that Cost reaches from and to, the latter not included
}

// Cost is what an occurrence wasted, from the failure to its cure or until the
// agent went on with something else.
type Cost struct {
	Calls   int `json:"calls"`
	Tokens  int `json:"tokens"`  // estimated: four bytes of input and output each
	Seconds int `json:"seconds"` // by the transcript's times
}

func (c *Cost) add(d Cost) {
	c.Calls += d.Calls
	c.Tokens += d.Tokens
	c.Seconds += d.Seconds
}

// Input is all that mining depends on.
type Input struct {
	Sessions iter.Seq2[*session.Session, error] // annotated, in any order
	Project  func(*session.Header) string
	Root     func(*session.Header) string // name of the root session
	Support  Support
	Since    time.Time       // events before are left out; zero for none
	Answers  []Answer        // of analysts
	Known    map[string]bool // ids of patterns that somebody has seen: of those that are joined into one, such an id stays
}

// Support is how often a signal must recur.
type Support struct {
	Occurrences int // in all
	Sessions    int // different root sessions
	Days        int // different days; benchmark runs count sessions only
}

// Report is what mining found.
type Report struct {
	Patterns []Pattern
	Mined    int                       // sessions looked at
	Left     int                       // sessions left out: lode's own
	Outcomes map[string]map[string]int // results by agent and outcome
}
