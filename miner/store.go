package miner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	renameio "github.com/google/renameio/v2/maybe"
)

// Saved is a report as it is kept in <state>/patterns.jsonl: a line that says
// what it was made from, then a line a pattern. The file is derived and can be
// deleted.
type Saved struct {
	V        int                       `json:"v"`
	Input    string                    `json:"input"` // digest of all that mining depended on
	Since    time.Time                 `json:"since,omitzero"`
	Mined    int                       `json:"mined"`
	Left     int                       `json:"left"`
	Outcomes map[string]map[string]int `json:"outcomes"` // results by agent and outcome
	Patterns []Pattern                 `json:"-"`
}

// ErrNoReport says that nothing was mined yet.
var ErrNoReport = errors.New("nothing was mined yet")

func reportFile(state string) string { return filepath.Join(state, "patterns.jsonl") }

// Save writes a report beside the old one and renames it.
func Save(state string, s *Saved) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	s.V = 1
	err := enc.Encode(s)
	for i := range s.Patterns {
		if err == nil {
			err = enc.Encode(&s.Patterns[i])
		}
	}
	if err == nil {
		err = renameio.WriteFile(reportFile(state), out.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing patterns: %w", err)
	}
	return nil
}

// SavedInput returns the digest of what the saved report was made from, or "".
func SavedInput(state string) string {
	f, err := os.Open(reportFile(state))
	if err != nil {
		return ""
	}
	defer f.Close()
	var s Saved
	if json.NewDecoder(f).Decode(&s) != nil {
		return ""
	}
	return s.Input
}

// Load reads the saved report.
func Load(state string) (*Saved, error) {
	f, err := os.Open(reportFile(state))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoReport
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReader(f))
	s := &Saved{}
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w (hint: delete it, it is made again)", f.Name(), err)
	}
	for {
		var p Pattern
		err := dec.Decode(&p)
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: pattern %d: %w (hint: delete it, it is made again)", f.Name(), len(s.Patterns)+1, err)
		}
		s.Patterns = append(s.Patterns, p)
	}
}
