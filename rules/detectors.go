package rules

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/miner"
	"lode/rules/effect"
)

// Detector is what a rule watches for: a line of <state>/detectors.jsonl. It is
// kept beside the instruction files, which get the rule's line and nothing else.
// Patterns without a rule have one too: they tell what happens where nothing was
// done.
type Detector struct {
	ID         string       `json:"id"` // of the proposal
	Pattern    string       `json:"pattern"`
	Project    string       `json:"project"`
	Population string       `json:"population,omitempty"`
	From       time.Time    `json:"from,omitzero"` // the time that it was found in, which proves nothing; zero for all time
	To         time.Time    `json:"to"`
	Watch      *miner.Watch `json:"watch,omitempty"` // none where no machine can see the pattern again
}

func (d *Detector) found() effect.Span { return effect.Span{From: d.From, To: d.To} }

// Detectors is what all rules, and patterns that could be one, watch for.
type Detectors struct {
	file    string
	by      map[string]*Detector
	changed bool
}

// OpenDetectors reads the detectors of a state folder.
func OpenDetectors(state string) (*Detectors, error) {
	d := &Detectors{file: filepath.Join(state, "detectors.jsonl"), by: make(map[string]*Detector)}
	f, err := os.Open(d.file)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReader(f))
	for n := 1; ; n++ {
		var one Detector
		switch err := dec.Decode(&one); {
		case err == io.EOF:
			return d, nil
		case err != nil:
			return nil, fmt.Errorf("%s: detector %d: %w (hint: restore it from a backup; without it, when patterns were found is not known)", d.file, n, err)
		}
		d.by[one.ID] = &one
	}
}

// Learn takes the patterns of a night, mined from the time since then: those
// that are recommended for a rule for the first time get a detector, known ones
// learn what else the pattern shows in. Until a proposal is made, and again when
// it was turned down, the pattern counts as still being looked for.
func (d *Detectors) Learn(patterns []miner.Pattern, since, now time.Time, ledger *Ledger) {
	for i := range patterns {
		p := &patterns[i]
		if !p.Recommended {
			continue
		}
		id := proposalID(p.ID)
		one := Detector{ID: id, Pattern: p.ID, Project: p.Project, Population: p.Population, From: since, To: now, Watch: p.Watch}
		if known := d.by[id]; known != nil {
			one.From, one.Watch = earlier(known.From, since), merged(known.Watch, p.Watch)
			if t, ok := ledger.proposedAt(id); ok {
				one.From, one.To = known.From, t
			}
		} else if t, ok := ledger.proposedAt(id); ok { // before detectors were kept
			one.To = t
		}
		if old := d.by[id]; old == nil || !same(old, &one) {
			d.by[id], d.changed = &one, true
		}
	}
}

// earlier returns the earlier of two beginnings; zero is the beginning of time.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// merged joins what two nights know of a pattern: a later one may see fewer of
// its variants.
func merged(a, b *miner.Watch) *miner.Watch {
	if a == nil || b == nil {
		return b
	}
	w := *b
	w.Keys = union(a.Keys, b.Keys)
	w.When.Programs = union(a.When.Programs, b.When.Programs)
	return &w
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func same(a, b *Detector) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

// Get returns the detector of a proposal.
func (d *Detectors) Get(id string) (*Detector, bool) {
	one, ok := d.by[id]
	return one, ok
}

// All returns the detectors in order of their ids.
func (d *Detectors) All() []*Detector {
	out := make([]*Detector, 0, len(d.by))
	for _, id := range slices.Sorted(maps.Keys(d.by)) {
		out = append(out, d.by[id])
	}
	return out
}

// Save writes what was learned, beside the old file, and renames it.
func (d *Detectors) Save() error {
	if !d.changed {
		return nil
	}
	text, err := lines(d.All())
	if err == nil {
		err = renameio.WriteFile(d.file, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing detectors: %w", err)
	}
	d.changed = false
	return nil
}

// lines writes records as JSON Lines.
func lines[T any](records []T) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
