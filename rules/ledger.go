package rules

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Entry is a line of the ledger: something that was proposed, decided or done.
// Entries are never changed; each names the hash of the one before, so that a
// change behind the ledger's back shows.
type Entry struct {
	Seq      int       `json:"seq"`
	Time     time.Time `json:"time"`
	Event    Event     `json:"event"`
	Proposal string    `json:"proposal"`
	Pattern  string    `json:"pattern"`
	Project  string    `json:"project,omitempty"`
	Rule     string    `json:"rule,omitempty"`
	Root     string    `json:"root,omitempty"`
	Target   string    `json:"target,omitempty"`
	Who      string    `json:"who,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Until    time.Time `json:"until,omitzero"`     // of a snooze
	Sessions int       `json:"sessions,omitempty"` // of the evidence at that time
	Doc      string    `json:"doc,omitempty"`      // hash of the proposal's document as it was written
	Before   *string   `json:"before,omitempty"`   // the target's bytes before the change, base64; null when it was not there
	After    string    `json:"after,omitempty"`    // hash of the target after the change
	Diff     string    `json:"diff,omitempty"`     // the change, in place of Before where the target holds secrets: those are not stored
	Elsewhere
	Prev string `json:"prev"`
	Hash string `json:"hash,omitempty"`
}

// Elsewhere is where a change went when it did not go into the checkout: a
// commit on a branch, or a patch file.
type Elsewhere struct {
	Branch string `json:"branch,omitempty"`
	Commit string `json:"commit,omitempty"`
	Patch  string `json:"patch,omitempty"`
}

// Event is what a ledger entry tells.
type Event string

// The events of the ledger.
const (
	EvProposed  Event = "proposed"
	EvAccepted  Event = "accepted"
	EvApplied   Event = "applied"
	EvRejected  Event = "rejected"
	EvSnoozed   Event = "snoozed"
	EvUndone    Event = "undone"
	EvEdited    Event = "edited"
	EvWithdrawn Event = "withdrawn"
	EvAdopted   Event = "adopted" // a person edited the line: it is theirs
	EvRetired   Event = "retired" // a person deleted the line
)

// Ledger is the record of proposals and decisions.
type Ledger struct {
	file    string
	Entries []Entry
	good    int64 // length of the whole lines
}

// ErrTampered says that the ledger is not as it was written.
var ErrTampered = errors.New("the ledger was changed after it was written")

// ErrMeanwhile says that somebody else wrote to the ledger after it was read.
var ErrMeanwhile = errors.New("the ledger was changed by another program meanwhile")

// OpenLedger reads a ledger. A last line without its end is what a crash left
// of an entry that was never acknowledged: it is passed over, and replaced by
// the next append.
func OpenLedger(file string) (*Ledger, error) {
	l := &Ledger{file: file}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(bytes.NewReader(text))
	prev := ""
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return l, nil
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %w", file, n, ErrTampered, err)
		}
		if e.Prev != prev || e.Hash != e.digest() || e.Seq != n || string(line) != string(e.line()) {
			return nil, fmt.Errorf("%s:%d: %w (hint: restore it from a backup, or move it away to begin a new one)", file, n, ErrTampered)
		}
		prev = e.Hash
		l.Entries = append(l.Entries, e)
		l.good += int64(len(line))
	}
}

// line is an entry as it stands in the ledger.
func (e Entry) line() []byte {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // it was marshalled before, see Append
	}
	return append(text, '\n')
}

// digest is the hash of an entry: of its JSON without the hash itself.
func (e Entry) digest() string {
	e.Hash = ""
	line := e.line()
	sum := sha256.Sum256(line[:len(line)-1])
	return hex.EncodeToString(sum[:])
}

// Append adds an entry and waits until it is on disk.
func (l *Ledger) Append(e Entry) error {
	e.Time = e.Time.UTC().Truncate(time.Second)
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	e = Entry{} // hashed is what will be read: without bytes that are no text
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	e.Seq, e.Prev = len(l.Entries)+1, ""
	if n := len(l.Entries); n > 0 {
		e.Prev = l.Entries[n-1].Hash
	}
	e.Hash = e.digest()
	if err := l.write(e.line()); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	l.Entries = append(l.Entries, e)
	return nil
}

// write puts a line behind the whole ones, in place of what a crash left
// half-written.
func (l *Ledger) write(line []byte) error {
	f, err := os.OpenFile(l.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	tail, err := io.ReadAll(io.NewSectionReader(f, max(0, l.good-1), 1<<62))
	if err != nil {
		return err
	}
	if whole := min(l.good, 1); int64(bytes.Count(tail, []byte("\n"))) != whole { // the last line that was read must end here
		return ErrMeanwhile
	}
	if err := f.Truncate(l.good); err != nil {
		return err
	}
	if _, err := f.WriteAt(line, l.good); err != nil {
		f.Truncate(l.good)
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	l.good += int64(len(line))
	return f.Close()
}

// Last returns the newest entry of a proposal with one of the events.
func (l *Ledger) Last(proposal string, events ...Event) (Entry, bool) {
	for i := len(l.Entries) - 1; i >= 0; i-- {
		if e := l.Entries[i]; e.Proposal == proposal {
			for _, ev := range events {
				if e.Event == ev {
					return e, true
				}
			}
		}
	}
	return Entry{}, false
}

// proposedAt returns when a proposal that is open or accepted was made, or made
// again after it had been turned down.
func (l *Ledger) proposedAt(proposal string) (at time.Time, ok bool) {
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Proposal != proposal {
			continue
		}
		switch e.Event {
		case EvProposed:
			if !ok {
				at, ok = e.Time, true
			}
		case EvRejected, EvUndone, EvWithdrawn:
			ok = false
		}
	}
	return at, ok
}

// StatusOf returns where a proposal stands at a time.
func (l *Ledger) StatusOf(proposal string, now time.Time) Status {
	e, ok := l.Last(proposal, EvProposed, EvAccepted, EvApplied, EvRejected, EvSnoozed, EvUndone, EvWithdrawn, EvAdopted, EvRetired)
	if !ok {
		return ""
	}
	switch e.Event {
	case EvAccepted, EvApplied:
		return Accepted
	case EvRejected:
		return Rejected
	case EvUndone:
		return Undone
	case EvWithdrawn:
		return Withdrawn
	case EvAdopted:
		return Adopted
	case EvRetired:
		return Retired
	case EvSnoozed:
		if now.Before(e.Until) {
			return Snoozed
		}
	}
	return Open
}
