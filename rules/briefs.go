package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lode/miner"
)

// Handed is a line of <state>/briefs.jsonl: which learnings were handed out, to
// whom, and which were held out by lot.
type Handed struct {
	Time    time.Time `json:"time"`
	Project string    `json:"project"`
	To      string    `json:"to,omitempty"`  // the session, as agent/id, or the id of a run of several, where known
	Dir     string    `json:"dir,omitempty"` // the working folder
	Given   []string  `json:"given,omitempty"`
	Held    []string  `json:"held,omitempty"`
	HoldOut float64   `json:"holdout,omitempty"` // the chance with which each was held out
	Seed    string    `json:"seed,omitempty"`
	Tokens  int       `json:"tokens"`
}

// nearBrief is how long after a brief a session may begin that it was for. A
// hook asks for it when the session has just begun.
const (
	nearBrief   = 10 * time.Minute
	beforeBrief = time.Minute
)

// reached reports whether a brief went to a session: it says so, or, where it
// names none, the session began in the same folder just then.
func (h *Handed) reached(t *miner.Trace) bool {
	if strings.Contains(h.To, "/") {
		return h.To == t.Session
	}
	return h.Dir != "" && h.Dir == t.Cwd && !t.Start.IsZero() && !t.Start.Before(h.Time.Add(-beforeBrief)) && t.Start.Before(h.Time.Add(nearBrief))
}

func briefsFile(state string) string { return filepath.Join(state, "briefs.jsonl") }

// LogBrief adds a line to the log of a state folder. It takes no lock: a line is
// written at once, behind what is there.
func LogBrief(state string, h Handed) error {
	h.Time = h.Time.UTC().Truncate(time.Second)
	slices.Sort(h.Held)
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(briefsFile(state), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("logging a brief: %w", err)
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		f.Close()
		return fmt.Errorf("logging a brief: %w", err)
	}
	return f.Close()
}

// LoadBriefs reads the log. Lines that cannot be read, as one that a crash cut,
// are left out.
func LoadBriefs(state string) ([]Handed, error) {
	text, err := os.ReadFile(briefsFile(state))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Handed
	for line := range strings.Lines(string(text)) {
		var h Handed
		if json.Unmarshal([]byte(line), &h) == nil {
			out = append(out, h)
		}
	}
	return out, nil
}
