package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lode/miner"
	"lode/rules/effect"
	"lode/rules/target"
)

var watchPytest = &miner.Watch{Kind: "failing-command", Keys: []string{"f1"}, When: miner.When{Roles: []string{"test"}}}

func watched(recommended bool) []miner.Pattern {
	p := *aPattern()
	p.Recommended, p.Watch = recommended, watchPytest
	return []miner.Pattern{p}
}

// A detector learns for as long as its pattern is looked for: until a proposal
// is made, and again after it was turned down.
func TestDetectorsLearn(t *testing.T) {
	state := t.TempDir()
	ledger := newLedger(t)
	id := proposalID(aPattern().ID)
	day := func(n int) time.Time { return monday.AddDate(0, 0, n) }
	learn := func(n int, keys ...string) *Detector {
		d, err := OpenDetectors(state)
		if err != nil {
			t.Fatal(err)
		}
		patterns := watched(true)
		w := *watchPytest
		w.Keys = append(w.Keys, keys...)
		patterns[0].Watch = &w
		d.Learn(patterns, day(n-30), day(n), ledger)
		if err := d.Save(); err != nil {
			t.Fatal(err)
		}
		one, ok := d.Get(id)
		if !ok {
			t.Fatalf("night %d: no detector", n)
		}
		return one
	}
	note := func(n int, ev Event) {
		if err := ledger.Append(Entry{Time: day(n), Event: ev, Proposal: id}); err != nil {
			t.Fatal(err)
		}
	}
	span := func(n int, d *Detector, from, to int) {
		if !d.From.Equal(day(from)) || !d.To.Equal(day(to)) {
			t.Errorf("night %d: found from %s to %s, want %s to %s", n, d.From, d.To, day(from), day(to))
		}
	}
	span(0, learn(0), -30, 0)
	span(1, learn(1), -30, 1) // waits for its turn
	note(2, EvProposed)
	span(2, learn(2, "f2"), -30, 2)
	d := learn(9)
	span(9, d, -30, 2)
	if got := strings.Join(d.Watch.Keys, " "); got != "f1 f2" {
		t.Errorf("keys = %s, want what any night saw", got)
	}
	note(10, EvRejected)
	span(12, learn(12), -30, 12)
	note(20, EvProposed)
	note(21, EvAccepted)
	span(25, learn(25), -30, 20)
}

// What is not recommended is not watched for, and what cannot be read is told.
func TestDetectorsFile(t *testing.T) {
	state := t.TempDir()
	d, err := OpenDetectors(state)
	if err != nil {
		t.Fatal(err)
	}
	d.Learn(watched(false), monday, monday, newLedger(t))
	if err := d.Save(); err != nil || len(d.All()) != 0 {
		t.Errorf("Save = %v with %d detectors", err, len(d.All()))
	}
	write(t, filepath.Join(state, "detectors.jsonl"), "{\"id\":\"r-1\"}\n{\"id\":\n")
	if _, err := OpenDetectors(state); err == nil || !strings.Contains(err.Error(), "detector 2") || !strings.Contains(err.Error(), "hint") {
		t.Errorf("OpenDetectors of a damaged file = %v", err)
	}
}

// Whether a session had the rule: what it says itself goes before the log of
// briefs, and that before the files as they are.
func TestExposure(t *testing.T) {
	const line = "Run tests with `uv run pytest`."
	of := &Measured{ID: "r-0a1b2c3d", Rule: line, Target: "AGENTS.md"}
	accepted := Entry{Root: "/w"}
	mark := miner.LineMark("* " + line)
	for _, c := range []struct {
		name    string
		trace   miner.Trace
		briefs  []Handed
		inForce effect.Loaded
		want    effect.Unit
	}{
		{name: "nothing is known"},
		{name: "the files say so", inForce: effect.Yes, want: effect.Unit{Loaded: effect.Yes}},
		{name: "its record has the line", trace: miner.Trace{Given: []miner.Given{{Path: "/w/AGENTS.md", Lines: []string{mark}}}}, inForce: effect.No, want: effect.Unit{Loaded: effect.Yes}},
		{name: "its record of the file does not", trace: miner.Trace{Given: []miner.Given{{Path: "/w/AGENTS.md", Lines: []string{"x"}}}}, inForce: effect.Yes, want: effect.Unit{Loaded: effect.No}},
		{name: "a record of another file proves nothing", trace: miner.Trace{Given: []miner.Given{{Path: "/w/CLAUDE.md"}}}, inForce: effect.Yes, want: effect.Unit{Loaded: effect.Yes}},
		{name: "a brief stands in it", trace: miner.Trace{Briefed: []string{"l-0a1b2c3d"}}, inForce: effect.No, want: effect.Unit{Loaded: effect.Yes, Shown: true}},
		{name: "a brief went to it", trace: miner.Trace{Session: "claude/s"}, briefs: []Handed{{To: "claude/s", Given: []string{"l-0a1b2c3d"}}}, want: effect.Unit{Loaded: effect.Yes, Shown: true}},
		{name: "a brief went to another", trace: miner.Trace{Session: "claude/s"}, briefs: []Handed{{To: "claude/t", Given: []string{"l-0a1b2c3d"}}}},
		{name: "held out", trace: miner.Trace{Session: "claude/s"}, briefs: []Handed{{To: "claude/s", Held: []string{"l-0a1b2c3d"}}}, inForce: effect.Yes, want: effect.Unit{Loaded: effect.No, HeldOut: true}},
		{name: "it began where and when a brief was asked for", trace: miner.Trace{Cwd: "/w", Start: monday}, briefs: []Handed{{Dir: "/w", Time: monday.Add(20 * time.Second), Given: []string{"l-0a1b2c3d"}}}, want: effect.Unit{Loaded: effect.Yes, Shown: true}},
		{name: "it is of a run that was briefed there and then", trace: miner.Trace{Session: "claude/s", Cwd: "/w", Start: monday}, briefs: []Handed{{To: "run-7", Dir: "/w", Time: monday, Held: []string{"l-0a1b2c3d"}}}, want: effect.Unit{Loaded: effect.No, HeldOut: true}},
		{name: "long after it", trace: miner.Trace{Cwd: "/w", Start: monday.Add(time.Hour)}, briefs: []Handed{{Dir: "/w", Time: monday, Given: []string{"l-0a1b2c3d"}}}},
	} {
		m := measuring{in: Sessions{Briefs: c.briefs, InForce: func(*miner.Trace, string, string) effect.Loaded { return c.inForce }}}
		var u effect.Unit
		m.exposure(of, accepted, &c.trace, &u)
		if diff := cmp.Diff(c.want, u); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Other versions of a model are other families; its date, its maker and its
// variant are not.
func TestFamily(t *testing.T) {
	for model, want := range map[string]string{
		"claude-sonnet-4-5-20250929": "claude-sonnet-4-5", "anthropic/Claude-Sonnet-4.5": "claude-sonnet-4.5", "claude-opus-4-1[1m]": "claude-opus-4-1",
		"gpt-5-codex": "gpt-5-codex", "gpt-4o-2024-08-06": "gpt-4o", "gemini-2.5-pro-preview": "gemini-2.5-pro", "qwen3-coder:free": "qwen3-coder", "": "",
		"claude-sonnet-4@20250514": "claude-sonnet-4", "gemini-flash-latest": "gemini-flash",
	} {
		if got := family(model); got != want {
			t.Errorf("family(%q) = %q, want %q", model, got, want)
		}
	}
}

// What an agent loads of a checkout's files, and what any does.
func TestReads(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "AGENTS.md"), "- Use `make`.\n")
	write(t, filepath.Join(root, "CLAUDE.md"), "- Be kind.\n")
	write(t, filepath.Join(root, "shop", "AGENTS.md"), "- Ask first.\n")
	for _, c := range []struct {
		agent, dir, line     string
		reads, known, anyone bool
	}{
		{"claude", "", "Be kind.", true, true, true},
		{"claude", "", "Use `make`.", false, true, true},
		{"codex", "", "Use `make`.", true, true, true},
		{"codex", "", "Ask first.", false, true, false},
		{"codex", "shop", "Ask first.", true, true, false},
		{"somebody", "", "Be kind.", false, false, true},
	} {
		reads, known := Reads(c.agent, target.Place{Root: root, Dir: c.dir}, c.line)
		if anyone := InFiles(root, c.line); reads != c.reads || known != c.known || anyone != c.anyone {
			t.Errorf("Reads(%s, %q) = %v, %v, InFiles = %v, want %v, %v, %v", c.agent, c.line, reads, known, anyone, c.reads, c.known, c.anyone)
		}
	}
}

// News is what can newly be said; too little data is never news.
func TestChanged(t *testing.T) {
	m := func(id string, s effect.State) Measured { return Measured{ID: id, Card: effect.Card{State: s}} }
	before := []Measured{m("a", effect.Waiting), m("b", effect.Waiting), m("c", effect.Fewer), m("d", effect.Fewer), m("e", effect.Idle)}
	now := []Measured{m("a", effect.NoEvidence), m("b", effect.Fewer), m("c", effect.Fewer), m("d", effect.Relapsed), m("e", effect.Waiting), m("f", effect.Waiting), m("g", effect.More)}
	var got []string
	for _, c := range Changed(before, now) {
		got = append(got, c.ID)
	}
	if strings.Join(got, " ") != "b d e g" {
		t.Errorf("Changed = %v, want b d e g", got)
	}
}

// The log of briefs is read back; a line that a crash cut hides no other.
func TestBriefLog(t *testing.T) {
	state := t.TempDir()
	want := []Handed{{Time: monday, Project: "shop", To: "claude/s", Given: []string{"l-1"}, Held: []string{"l-2", "l-3"}, HoldOut: 0.2, Seed: "x", Tokens: 7}, {Time: monday.Add(time.Hour), Project: "atlas"}}
	for _, h := range want {
		if err := LogBrief(state, h); err != nil {
			t.Fatal(err)
		}
	}
	got, err := LoadBriefs(state)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("LoadBriefs = %v (-logged +read):\n%s", err, diff)
	}
	f, err := os.OpenFile(filepath.Join(state, "briefs.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"time":"2026-`)
	f.Close()
	if got, err := LoadBriefs(state); err != nil || len(got) != 2 {
		t.Errorf("LoadBriefs after a crash = %d briefs, %v, want 2", len(got), err)
	}
}

func newLedger(t *testing.T) *Ledger {
	l, err := OpenLedger(filepath.Join(t.TempDir(), "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A proposal that is open needs a decision; a rule in force does when it does not
// do what it should. What was undone needs nothing.
func TestNeedsHand(t *testing.T) {
	d := newDesk(t, "# Shop\n", 2)
	p, err := d.Accept(idOf(0), "", "")
	d.must(p, err)
	needs := func(n int) bool {
		t.Helper()
		p, err := d.Get(idOf(n))
		d.must(p, err)
		return p.NeedsHand()
	}
	if needs(0) || !needs(1) {
		t.Error("the open one, and only that, is to be decided on")
	}
	for state, want := range map[effect.State]bool{effect.Fewer: false, effect.Waiting: false, effect.Idle: true, effect.More: true, effect.NotLoaded: true, effect.NotFollowed: true, effect.Relapsed: true} {
		d.Measured = []Measured{{ID: idOf(0), Since: monday, Card: effect.Card{State: state}}}
		if needs(0) != want {
			t.Errorf("%s: needs a hand: %v", state, needs(0))
		}
	}
	p, err = d.Undo(idOf(0), "")
	d.must(p, err)
	if needs(0) {
		t.Error("what was undone needs a hand")
	}
}
