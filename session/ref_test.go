package session

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Each case is a reference as text, as a value, and as an anchor.
var refs = []struct {
	text   string
	ref    Ref
	anchor string
}{
	{"claude/3f2a#118", Ref{"claude", "3f2a", 118, 0}, "e118"},
	{"claude/3f2a#118.2", Ref{"claude", "3f2a", 118, 2}, "e118.2"},
	{"mini-swe-agent/acme__atlas-101#0", Ref{"mini-swe-agent", "acme__atlas-101", 0, 0}, "e0"},
	{"claude/3f2a", Ref{"claude", "3f2a", -1, 0}, "e"},
	{"claude/3f2a/agent-7.1#5", Ref{"claude", "3f2a/agent-7.1", 5, 0}, "e5"},
	{"codex/a #b#3.1", Ref{"codex", "a #b", 3, 1}, "e3.1"},
}

// The three ways to write a reference say the same.
func TestRef(t *testing.T) {
	for _, c := range refs {
		if got, err := ParseRef(c.text); got != c.ref || err != nil {
			t.Errorf("ParseRef(%q) = %#v, %v, want %#v", c.text, got, err, c.ref)
		}
		if got := c.ref.String(); got != c.text {
			t.Errorf("%#v.String() = %q, want %q", c.ref, got, c.text)
		}
		if got := c.ref.Anchor(); got != c.anchor {
			t.Errorf("%#v.Anchor() = %q, want %q", c.ref, got, c.anchor)
		}
	}
}

// Half a reference, or a second way to write one, is refused.
func TestParseRefRefuses(t *testing.T) {
	for _, text := range []string{
		"", "/", "claude", "claude/", "/3f2a#1", "claude/#1",
		"claude/x#", "claude/x#.1", "claude/x#1.", "claude/x#1.2.3", "claude/x#n", "claude/x#1 ", "claude/x# 1",
		"claude/x#-1", "claude/x#+1", "claude/x#01", "claude/x#1.0", "claude/x#1.02", "claude/x#1.-2", "claude/x#1_0",
		"claude/x#0x1", "claude/x#１", "claude/x#99999999999999999999", "claude/x#1.99999999999999999999",
	} {
		if got, err := ParseRef(text); err == nil || got != (Ref{}) {
			t.Errorf("ParseRef(%q) = %#v, %v, want an error", text, got, err)
		}
	}
}

// Every reference is read back as it was printed. Only one to a whole session
// cannot have a # in its id: it would name an event.
func TestRefRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Ref{
			Agent:   rapid.StringMatching(`[a-z][a-z-]*`).Draw(t, "agent"),
			Session: rapid.StringN(1, -1, -1).Draw(t, "session"),
			N:       rapid.IntMin(-1).Draw(t, "n"),
		}
		if r.N >= 0 {
			r.Part = rapid.IntMin(0).Draw(t, "part")
		} else if strings.Contains(r.Session, "#") {
			t.Skip()
		}
		if got, err := ParseRef(r.String()); got != r || err != nil {
			t.Errorf("ParseRef(%q) = %#v, %v, want %#v", r, got, err, r)
		}
	})
}

// What is read as a reference is printed as it was written.
func FuzzParseRef(f *testing.F) {
	for _, c := range refs {
		f.Add(c.text)
	}
	f.Add("claude/x#1.0")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRef(text); err == nil && r.String() != text {
			t.Errorf("ParseRef(%q) = %#v, printed %q", text, r, r)
		}
	})
}
