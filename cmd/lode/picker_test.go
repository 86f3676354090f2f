package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"lode/cmd/lode/internal/picker"
)

// pickerOf returns a picker on a state, without a terminal.
func pickerOf(t testing.TB, args []string) *picker.Model {
	t.Helper()
	g := &globals{environment: environment{getenv: func(string) string { return "" }}}
	root := newRootCommand(g)
	if err := root.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	w, err := g.world()
	if err != nil {
		t.Fatal(err)
	}
	d := w.pickerDesk(&searchOptions{limit: 10, page: 1})
	t.Cleanup(func() { d.open.close() })
	m := picker.New(d.desk())
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	do(m, m.Init())
	return m
}

// do does what a key asks for, and all that follows.
func do(m *picker.Model, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			do(m, c)
		}
	default:
		_, next := m.Update(msg)
		do(m, next)
	}
}

func typeIn(m *picker.Model, text string) {
	for _, c := range text {
		_, cmd := m.Update(tea.KeyPressMsg{Code: c, Text: string(c)})
		do(m, cmd)
	}
}

// The picker finds what search finds, also while the last word is being typed,
// and shows it.
func TestPicker(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if out, err := night(state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := pickerOf(t, sampleArgs(t, state))
	for _, c := range []struct{ typed, want string }{
		{"", "the newest sessions"},
		{"constant-time comparison", "1 hit in 1 session"},
		{"", "> #29 agent"},
		{"", "The signature is checked with a constant-time comparison"},
		{` "`, `constant-time comparison "`},
	} {
		typeIn(m, c.typed)
		if screen := ansi.Strip(m.View().Content); !strings.Contains(screen, c.want) {
			t.Errorf("after %q there is no %q:\n%s", c.typed, c.want, screen)
		}
	}
	_, cmd := m.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
	do(m, cmd)
	if screen := ansi.Strip(m.View().Content); !strings.Contains(screen, "lode show") || !strings.Contains(screen, "resume: cd /home/dev/work/shop && codex resume 019d8b05") {
		t.Errorf("not opened:\n%s", screen)
	}
}

// BenchmarkTyping measures from a key to the screen that shows what it found, in
// a state of its own or the one in LODE_CORPUS_STATE.
func BenchmarkTyping(b *testing.B) {
	args := []string{"--home", b.TempDir(), "--state", os.Getenv("LODE_CORPUS_STATE")}
	if args[3] == "" {
		args[3] = filepath.Join(b.TempDir(), "state")
		if out, err := night(args[3]).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	m := pickerOf(b, args)
	if screen := m.View().Content; !strings.Contains(screen, "the newest sessions") {
		b.Fatal(screen)
	}
	var took []time.Duration
	for b.Loop() {
		for _, query := range []string{"flaky checkout test", "npm err! missing script", `"command not found"`, "parseCartItem", "the error of the test"} {
			for _, c := range query {
				start := time.Now()
				_, cmd := m.Update(tea.KeyPressMsg{Code: c, Text: string(c)})
				if cmd != nil {
					_, more := m.Update(cmd()) // the answer; the preview comes beside the next key
					m.View()
					took = append(took, time.Since(start))
					do(m, more)
				}
			}
			_, cmd := m.Update(tea.KeyPressMsg{Code: 'u', Mod: tea.ModCtrl})
			do(m, cmd)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms/key")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms/key")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms/key")
}
