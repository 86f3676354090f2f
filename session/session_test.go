package session

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A result belongs to the last call before it with its id, or to the call that
// it finishes, and speaks of what the call did unless it says otherwise.
func TestLink(t *testing.T) {
	s := &Session{Events: []Event{
		{Kind: Result, CallID: "a"}, // too early
		{Kind: Call, CallID: "a", Act: Shell, Tool: "Bash", Command: "make check"},
		{Kind: Call, CallID: "b", Act: Read, Tool: "Read", Command: "go.mod"},
		{Kind: Result, CallID: "b"},
		{Kind: Result, CallID: "a", Tool: "shell"},
		{Kind: Call, Act: Plan, Tool: "Todo"},
		{Kind: Result},
		{Kind: Result, CallID: "b", Of: "a", Command: "make"},
		{Kind: Result, CallID: "b", Of: "lost"},
		{Kind: Call, CallID: "a", Act: Fetch, Tool: "Fetch"},
		{Kind: Result, CallID: "a"},
		{Kind: User, CallID: "a", Act: Refusal},
	}}
	want := []string{
		"",
		"shell Bash make check",
		"read Read go.mod",
		"read Read go.mod",
		"shell shell make check",
		"plan Todo",
		"",
		"shell Bash make",
		"read Read go.mod",
		"fetch Fetch",
		"fetch Fetch",
		"refusal",
	}
	for range 2 { // linking again changes nothing
		s.Link()
		for i := range s.Events {
			tool, command := s.Events[i].Subject()
			if got := strings.Join(strings.Fields(string(s.Events[i].Action())+" "+tool+" "+command), " "); got != want[i] {
				t.Errorf("event %d: %q, want %q", i, got, want[i])
			}
		}
	}
}

// A session spans the times of its events, and what was known before.
func TestSpan(t *testing.T) {
	at := func(hour int) (m time.Time) {
		if hour > 0 {
			m = time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC)
		}
		return m
	}
	for _, c := range []struct {
		start, end         int
		events             []int
		wantStart, wantEnd int
	}{
		{0, 0, nil, 0, 0},
		{0, 0, []int{0, 0}, 0, 0},
		{0, 0, []int{0, 9, 0}, 9, 9},
		{0, 0, []int{10, 8, 0, 9}, 8, 10},
		{7, 0, []int{8, 9}, 7, 9},
		{9, 9, []int{8, 10}, 8, 10},
	} {
		s := &Session{Header: Header{Start: at(c.start), End: at(c.end)}}
		for _, hour := range c.events {
			s.Events = append(s.Events, Event{Time: at(hour)})
		}
		if s.Span(); s.Start != at(c.wantStart) || s.End != at(c.wantEnd) {
			t.Errorf("Span of %+v = %v to %v", c, s.Start, s.End)
		}
	}
}

// Undated sessions and those that end in the window or later are in it.
func TestInWindow(t *testing.T) {
	since := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		end, since time.Time
		want       bool
	}{
		{since.Add(time.Hour), since, true}, {since, since, true}, {since.Add(-1), since, false},
		{time.Time{}, since, true}, {since, time.Time{}, true},
	} {
		if got := (&Header{End: c.end}).InWindow(c.since); got != c.want {
			t.Errorf("InWindow(%v) of a session that ends at %v = %v, want %v", c.since, c.end, got, c.want)
		}
	}
}

// An event's reference finds it, whole, and shows its places in the agent's
// files as lines or indexes, and the line of its text where that is known.
func TestFindAndLocate(t *testing.T) {
	s := full()
	for i, want := range []string{
		`{"path":".claude/projects/shop/3f2a.jsonl","line":4,"call_id":"c1"}`,
		`{"path":"copy.json","line":27,"index":5,"call_id":"c2","copies":[{"path":"copy.json","index":8}]}`,
	} {
		e := &s.Events[i]
		if got, ok := s.Find(s.Ref(e)); got != e || !ok {
			t.Errorf("Find(%v) = %v, %v", s.Ref(e), got, ok)
		}
		if got, err := json.Marshal(s.Locate(e)); string(got) != want || err != nil {
			t.Errorf("Locate(%v) = %s, %v, want %s", s.Ref(e), got, err, want)
		}
	}
	for _, r := range []Ref{{N: 4, Part: 1}, {N: 5}, {N: 6}, {N: -1}} {
		if got, ok := s.Find(r); got != nil || ok {
			t.Errorf("Find(%v) = %v, want nothing", r, got)
		}
	}
	if diff := cmp.Diff("claude/3f2a/agent-7#5.1", s.Ref(&s.Events[1]).String()); diff != "" {
		t.Error(diff)
	}
}

// A quote is one line, cut at its end.
func TestQuote(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 5, ""},
		{" run\n\tmake  check\u2028", 20, "run make check"},
		{"run make check", 14, "run make check"},
		{"run make check", 13, "run make che…"},
		{"run make check", 5, "run…"}, // no space before the sign
		{"größe größe", 6, "größe…"},
		{"ab", 1, "…"},
	} {
		if got := Quote(c.text, c.n); got != c.want {
			t.Errorf("Quote(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "n")
		if got := Quote(text, n); utf8.RuneCountInString(got) > n || strings.Join(strings.Fields(got), " ") != got {
			t.Errorf("Quote(%q, %d) = %q", text, n, got)
		}
	})
}

// An echo bears its mark at its head, as lode prints it or within JSON.
func TestIsEcho(t *testing.T) {
	for text, want := range map[string]bool{
		"":                            false,
		EchoMark:                      true,
		EchoMark + " 3 hits\n| x":     true,
		"total 4\n" + EchoMark + "\n": true,
		"{\n \"v\": 1,\n \"mark\": \"" + EchoMark + "\",": true,
		"it says " + EchoMark:                             false,
		strings.Repeat("x\n", 300) + EchoMark:             false,
	} {
		if got := IsEcho(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
