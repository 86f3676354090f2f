// Package journal is the memory of a run: an append-only file of JSON lines,
// each written to disk before the run goes on. What a run knows after a kill,
// it knows from here.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"lode/loop/agent"
	"lode/session"
)

// Entry is a line of a journal. Fields may be added; none may change its
// meaning.
type Entry struct {
	Seq   int       `json:"seq"`
	Time  time.Time `json:"time"`
	Event Event     `json:"event"`
	N     int       `json:"n,omitempty"` // the iteration

	// Start: what the run is.
	Goal    string            `json:"goal,omitempty"` // hash of the contract
	Title   string            `json:"title,omitempty"`
	File    string            `json:"file,omitempty"` // where the contract was read
	Repo    string            `json:"repo,omitempty"`
	Base    string            `json:"base,omitempty"` // the commit it started from
	Dir     string            `json:"dir,omitempty"`
	Branch  string            `json:"branch,omitempty"`
	Protect map[string]string `json:"protect,omitempty"` // protected files and the hashes of their bytes
	Hidden  []string          `json:"hidden,omitempty"`  // files of checks that are held out
	Beyond  map[string]string `json:"beyond,omitempty"`  // files beyond the repository that checks run, with hashes

	Learned  []string `json:"learned,omitempty"`  // ids of the learnings in the brief
	Withheld []string `json:"withheld,omitempty"` // and of those held back, to see what they do
	Note     string   `json:"note,omitempty"`     // what the brief was told beside: approach, drift
	Text     string   `json:"text,omitempty"`     // what a person said

	// Agent: what came of it. Check: the verdicts. End: what was decided.
	Exit     int            `json:"exit,omitempty"`
	Why      string         `json:"why,omitempty"`
	Tree     string         `json:"tree,omitempty"`
	Usage    *session.Usage `json:"usage,omitempty"`
	Sessions []string       `json:"sessions,omitempty"`
	Claim    string         `json:"claim,omitempty"` // its last words on the goal: done, blocked, impossible, wait
	Reason   string         `json:"reason,omitempty"`
	Until    time.Time      `json:"until,omitzero"`
	Touched  []string       `json:"touched,omitempty"` // protected files that it changed
	Silent   bool           `json:"silent,omitempty"`  // it printed nothing
	Asked    bool           `json:"asked,omitempty"`   // its last words are a question
	Marks    []Mark         `json:"marks,omitempty"`
	Vector   string         `json:"vector,omitempty"` // failing set, tree and proven items
	Failing  string         `json:"failing,omitempty"`
	Best     bool           `json:"best,omitempty"`
	Outside  []string       `json:"outside,omitempty"`

	Unmerged []string `json:"unmerged,omitempty"` // files that an unfinished merge left with conflicts
	Grant    *Grant   `json:"grant,omitempty"`    // of Resumed: what was added to the budget

	Status string  `json:"status,omitempty"` // of Stop
	Took   float64 `json:"took,omitempty"`   // seconds
}

// Grant is what a person adds to a budget.
type Grant struct {
	Iterations int     `json:"iterations,omitempty"`
	Seconds    float64 `json:"seconds,omitempty"`
	Tokens     int     `json:"tokens,omitempty"`
	Cost       float64 `json:"cost,omitempty"`
}

// Mark is a verdict in short.
type Mark struct {
	ID     string   `json:"id"`
	Status string   `json:"status"`
	Print  string   `json:"fingerprint,omitempty"`
	Value  *float64 `json:"value,omitempty"`
	Flaky  bool     `json:"flaky,omitempty"`
}

// Event is what an entry tells.
type Event string

// The events, in the order in which a run goes through them.
const (
	Start    Event = "start"
	Baseline Event = "baseline" // the checks before any work
	Begin    Event = "begin"    // of an iteration
	Back     Event = "backoff"  // the service did not answer; the agent is started again
	Agent    Event = "agent"    // it ended, and its files are kept
	Check    Event = "check"
	Ended    Event = "end" // of an iteration: checkpoint made, decision taken
	Said     Event = "said"
	Resumed  Event = "resumed" // after a stop, not after a kill
	Stopped  Event = "stop"
)

// Tokens are those of an entry's usage.
func (e *Entry) Tokens() int {
	if e.Usage == nil {
		return 0
	}
	return agent.Tokens(*e.Usage)
}

// Journal is the file, with what it holds.
type Journal struct {
	file    string
	size    int64 // of the whole lines
	Entries []Entry
}

// Open reads a journal; one that is not there is empty. What a kill left of a
// last line is cut off.
func Open(file string) (*Journal, error) {
	j := &Journal{file: file}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	for line := 1; len(text) > 0; line++ {
		one, rest, whole := bytes.Cut(text, []byte("\n"))
		var e Entry
		if err := json.Unmarshal(one, &e); err != nil || !whole {
			if len(rest) > 0 {
				return nil, fmt.Errorf("%s:%d: not a line of a journal: %v", file, line, err)
			}
			return j, nil
		}
		j.Entries, text, j.size = append(j.Entries, e), rest, j.size+int64(len(one))+1
	}
	return j, nil
}

// Mend cuts off what a kill left of a last line. Only the owner of a run may.
func (j *Journal) Mend() error {
	info, err := os.Stat(j.file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == j.size {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Truncate(j.file, j.size)
}

// Append adds an entry, and returns when it is on disk. What cannot be written
// whole is taken back.
func (j *Journal) Append(e Entry) error {
	e.Seq = len(j.Entries) + 1
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(j.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Truncate(j.size)
		return fmt.Errorf("the journal cannot be written: %w", err)
	}
	j.Entries, j.size = append(j.Entries, e), j.size+int64(len(line))+1
	return nil
}

// Last returns the last entry of some events.
func (j *Journal) Last(events ...Event) (*Entry, bool) {
	for i := len(j.Entries) - 1; i >= 0; i-- {
		for _, ev := range events {
			if j.Entries[i].Event == ev {
				return &j.Entries[i], true
			}
		}
	}
	return nil, false
}

// Of returns the entry of an event of an iteration.
func (j *Journal) Of(n int, event Event) (*Entry, bool) {
	for i := len(j.Entries) - 1; i >= 0; i-- {
		if e := &j.Entries[i]; e.N == n && e.Event == event {
			return e, true
		}
	}
	return nil, false
}

// Spent sums the seconds, tokens and cost of all entries.
func (j *Journal) Spent() (seconds float64, tokens int, cost float64) {
	for i := range j.Entries {
		e := &j.Entries[i]
		seconds += e.Took
		tokens += e.Tokens()
		if e.Usage != nil {
			cost += e.Usage.Cost
		}
	}
	return seconds, tokens, cost
}
