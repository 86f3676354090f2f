package miner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lode/session"
)

// rootTraces returns the traces of sessions by their root sessions.
func rootTraces(sessions []*session.Session) []Trace {
	var infos []session.Info
	var traces []Trace
	for _, s := range sessions {
		infos = append(infos, session.Info{Header: s.Header})
		traces = append(traces, NewTrace(s, ""))
	}
	roots := session.RootSessions(infos)
	return RootTraces(traces, func(name string) string { return roots[name] })
}

// What the watch of each pattern of testdata/watch sees in each session stands
// at the end of the file.
func TestWatch(t *testing.T) {
	tales(t, "watch", func(t *testing.T, d *tale) {
		traces := rootTraces(d.sessions)
		var end []string
		patterns := d.mined().Patterns
		slices.SortFunc(patterns, func(a, b Pattern) int { return strings.Compare(a.Title, b.Title) })
		for _, p := range patterns {
			if !p.Recommended {
				continue
			}
			end = append(end, "* "+p.Title)
			for i := range traces {
				saw := "nothing"
				switch s := p.Watch.See(&traces[i]); {
				case s.Failed:
					saw = "failed"
				case s.Followed:
					saw = "followed"
				case s.Opportunity:
					saw = "opportunity"
				}
				end = append(end, fmt.Sprintf("*   %s: %s", traces[i].Session, saw))
			}
		}
		d.retell(t, nil, end...)
	})
}

// The watch of a pattern sees it in every session that the pattern was mined
// from, as it is stored and read back; and in no session with nothing in it.
func TestWatchSeesItsOwn(t *testing.T) {
	sessions := everySession(t)
	traces := make(map[string]*Trace)
	for _, tr := range rootTraces(sessions) {
		traces[tr.Session] = &tr
	}
	seen := make(map[string]int)
	for _, p := range mine(t, sessions, time.Time{}).Patterns {
		if p.Watch == nil && (p.Kind == contextLossKind || p.Kind == revertKind) {
			continue // no rule is made for them
		}
		if p.Watch == nil {
			t.Errorf("%s: %s has no watch", p.Kind, p.Title)
			continue
		}
		line, err := json.Marshal(p.Watch)
		if err != nil {
			t.Fatal(err)
		}
		w := &Watch{}
		if err := json.Unmarshal(line, w); err != nil {
			t.Fatal(err)
		}
		for _, in := range p.SessionList {
			tr := traces[in.Root]
			if saw := w.See(tr); !saw.Failed || !saw.Opportunity || saw.Followed {
				t.Errorf("%s: %s is not seen in %s: %+v, by %s", p.Kind, p.Title, in.Root, saw, line)
			}
			seen[p.Kind]++
		}
		if saw := w.See(&Trace{}); saw != (Sight{}) {
			t.Errorf("%s: %s is seen in an empty session: %+v", p.Kind, p.Title, saw)
		}
	}
	for _, d := range Detectors {
		if seen[d.Name] == 0 && d.Name != retryLoop.Name && d.Name != contextLossKind && d.Name != revertKind { // which becomes the pattern of what was retried
			t.Errorf("no pattern of %s was watched for", d.Name)
		}
	}
}

// What only people say is heard again by its words.
func TestWatchTerms(t *testing.T) {
	told := func(n int, text string) *session.Session {
		s := &session.Session{Header: session.Header{Agent: "claude", ID: fmt.Sprint("s-", n), Cwd: "/home/dev/work/shop", Population: session.ByUser, Sources: []session.Source{{Path: "x"}}}}
		s.Events = []session.Event{
			{N: 1, Kind: session.User, Author: session.Human, Text: "Add a button"},
			{N: 2, Kind: session.Call, Act: session.Edit, Command: "/home/dev/work/shop/a.go"},
			{N: 3, Kind: session.User, Author: session.Human, Text: text},
		}
		Annotate(s)
		return s
	}
	sessions := []*session.Session{told(1, "no, the header must keep the licence notice"), told(2, "you dropped the licence notice from the header again")}
	answer := Answer{Project: "shop", Findings: []Finding{{Title: "licence notices", Kind: "correction", Rule: "Keep licence notices.", Refs: []string{"claude/s-1#3", "claude/s-2#3"}}}}
	in := Input{Project: func(*session.Header) string { return "shop" }, Root: func(h *session.Header) string { return h.Name() }, Answers: []Answer{answer},
		Sessions: func(yield func(*session.Session, error) bool) { _ = yield(sessions[0], nil) && yield(sessions[1], nil) }}
	r, err := Mine(in)
	at := slices.IndexFunc(r.Patterns, func(p Pattern) bool { return p.Kind == analystKind })
	if err != nil || at < 0 {
		t.Fatalf("Mine = %+v, %v, want the analyst's pattern", r.Patterns, err)
	}
	w := r.Patterns[at].Watch
	if got := strings.Join(w.Terms, " "); got != "header licence notice" {
		t.Errorf("terms = %q", got)
	}
	for text, want := range map[string]Sight{
		"where did the licence notice go?":     {Opportunity: true, Failed: true},
		"make the header blue":                 {Opportunity: true, Followed: true},
		"the header lacks its licence, really": {Opportunity: true, Failed: true},
	} {
		tr := NewTrace(told(3, text), "")
		if got := w.See(&tr); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// Traces are read back as they were kept, those of another version or of other
// bytes are not there, and a cut file is made again.
func TestTraces(t *testing.T) {
	state := t.TempDir()
	kept, err := LoadTraces(state)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]Trace)
	for _, s := range everySession(t) {
		s.Instructions = []session.Instruction{{Path: "AGENTS.md", Lines: []string{"- Use `make`."}}}
		tr := NewTrace(s, "d-"+s.ID)
		kept.Put(tr)
		want[tr.Session] = tr
	}
	if err := kept.Save(); err != nil {
		t.Fatal(err)
	}
	again, err := LoadTraces(state)
	if err != nil || len(again.traces) != len(want) {
		t.Fatalf("LoadTraces = %d traces, %v, want %d", len(again.traces), err, len(want))
	}
	for name, tr := range want {
		got, ok := again.Get(name, tr.Digest)
		if diff := cmp.Diff(tr, got); !ok || diff != "" {
			t.Errorf("%s (-kept +read):\n%s", name, diff)
		}
		if _, ok := again.Get(name, "other"); ok {
			t.Errorf("%s: got for other bytes", name)
		}
		if mark := got.Given[0].Lines[0]; mark != LineMark("  * Use  `make`.") || mark == LineMark("Use `task`.") {
			t.Errorf("%s: mark %s", name, mark)
		}
	}
	file := filepath.Join(state, "traces.jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{string(text[:len(text)/2]), strings.Replace(string(text), `"v":`, `"v":1`, 1), "no JSON"} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if some, err := LoadTraces(state); err != nil || len(some.traces) >= len(want) {
			t.Errorf("LoadTraces of a damaged file = %d traces, %v", len(some.traces), err)
		}
	}
}
