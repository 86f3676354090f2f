package miner

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A report is read back as it was saved, from a file for its owner only, and
// saving it again gives the same bytes.
func TestSaveLoad(t *testing.T) {
	state := t.TempDir()
	r := mine(t, everySession(t), time.Time{})
	want := &Saved{Input: "digest of <all> & more", Since: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Mined: r.Mined, Left: r.Left, Outcomes: r.Outcomes, Patterns: r.Patterns}
	save := func(s *Saved) string {
		t.Helper()
		if err := Save(state, s); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(reportFile(state))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := save(want)
	if !strings.Contains(first, want.Input) {
		t.Errorf("saved it reads\n%s\nwithout %q", first, want.Input)
	}
	got, err := Load(state)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Fix{})); diff != "" {
		t.Errorf("Load() (-saved +loaded):\n%s", diff)
	}
	if again := save(got); again != first {
		t.Errorf("saved again it reads\n%s\nwant\n%s", again, first)
	}
	if got := SavedInput(state); got != want.Input {
		t.Errorf("SavedInput() = %q, want %q", got, want.Input)
	}
	if info, err := os.Stat(reportFile(state)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600 (%v)", info.Mode(), err)
	}
}

// A report that is missing, cut or damaged is told from one that is there.
func TestLoadErrors(t *testing.T) {
	state := t.TempDir()
	if _, err := Load(state); !errors.Is(err, ErrNoReport) {
		t.Errorf("Load() without a report = %v, want %v", err, ErrNoReport)
	}
	for text, want := range map[string]string{
		"":                               "delete it",
		"{\"v\":1}\n{\"id\":\"p-1\"":     "pattern 1",
		"{\"v\":1}\n{}\n{\"days\":\"\"}": "pattern 2",
	} {
		if err := os.WriteFile(reportFile(state), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(state); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "patterns.jsonl") {
			t.Errorf("Load(%q) = %v, want an error with %q", text, err, want)
		}
	}
	if got := SavedInput(t.TempDir()); got != "" {
		t.Errorf("SavedInput() without a report = %q", got)
	}
}
