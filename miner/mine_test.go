package miner

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lode/session"
)

// Every signal of testdata/detect stands below the line that causes it, and at
// the end of each file what the signals come to.
func TestDetect(t *testing.T) {
	tales(t, "detect", func(t *testing.T, d *tale) {
		views := make(map[*session.Session]*View)
		for _, s := range d.sessions {
			views[s] = newView(s)
		}
		var end []string
		for _, p := range d.mined().Patterns {
			end = append(end, told(&p))
		}
		d.retell(t, func(s *session.Session, e *session.Event) []string {
			var out []string
			for _, detector := range Detectors {
				detector.Find(views[s], func(sig Signal) {
					if sig.Event == e {
						out = append(out, shown(&sig))
					}
				})
			}
			return out
		}, end...)
	})
}

var ruleName = regexp.MustCompile(`^@?[\w/-]{2,60}(?: [\w/]{2,40})?$`)

// Each detector finds something in the tales, under its own name, and words it
// with what the agent or a person wrote: outputs are only shown, but for the
// names of a checker's rules, which have no room for anything else.
func TestDetectors(t *testing.T) {
	sessions := everySession(t)
	for _, d := range Detectors {
		found := 0
		for _, s := range sessions {
			d.Find(newView(s), func(sig Signal) {
				found++
				tool, command := sig.Event.Subject()
				if sig.Event.CallEvent != nil {
					command += sig.Event.CallEvent.Text
				} else if sig.Event.Author == session.Human {
					command += sig.Event.Text
				} else if d.Name == prematureKind { // the check was called before
					for i := range s.Events {
						command += s.Events[i].Command
					}
				}
				if sig.Kind != d.Name || sig.Key == "" || sig.Class == "" || sig.Cost.Calls < 1 {
					t.Errorf("%s: %s: signal %+v", d.Name, s.Ref(sig.Event), sig)
				}
				if own := d.Name == "failing-command" || d.Name == "retry-loop"; own && (sig.Event.Outcome != session.Failed || sig.Class != sig.Event.Class) {
					t.Errorf("%s: %s: is %s, %s", d.Name, s.Ref(sig.Event), sig.Event.Outcome, sig.Event.Class)
				}
				if !strings.Contains(command, sig.Entity) && !(d.Name == "finding" && ruleName.MatchString(sig.Entity)) {
					t.Errorf("%s: %s: entity %q is not of the command %q", d.Name, s.Ref(sig.Event), sig.Entity, command)
				}
				for _, word := range strings.Fields(sig.Subject) {
					if word != tool && word != "<path>" && word != "…" && !strings.Contains(word, "<n>") && !strings.Contains(command, word) {
						t.Errorf("%s: %s: %q in the subject %q is not of the command %q", d.Name, s.Ref(sig.Event), word, sig.Subject, command)
					}
				}
			})
		}
		if found == 0 || d.Name == "" || d.Doc == "" {
			t.Errorf("detector %q: %d signals, doc %q", d.Name, found, d.Doc)
		}
	}
}

// shown writes a signal as it stands in the tales.
func shown(s *Signal) string {
	out := fmt.Sprintf("! %s %s: `%s`", s.Kind, s.Class, s.Subject)
	if s.Entity != "" && s.Entity != s.Subject {
		out += fmt.Sprintf(" with `%s`", s.Entity)
	}
	if s.Fix != nil {
		out += fmt.Sprintf(", then `%s` instead of `%s`", s.Fix.Command, s.Fix.InsteadOf)
	}
	return out + "; " + spent(s.Cost)
}

func spent(c Cost) string {
	return fmt.Sprintf("%d calls, %d tokens, %d s", c.Calls, c.Tokens, c.Seconds)
}

// told writes a pattern as it stands at the end of the tales.
func told(p *Pattern) string {
	out := fmt.Sprintf("* %s: %s; %d times, %d roots of %d sessions, %d days; %s",
		p.Project, p.Title, p.Occurrences, p.Sessions, p.SessionsAll, p.Days, spent(p.Cost))
	if p.Retries > 0 {
		out += fmt.Sprintf(", %d retries", p.Retries)
	}
	if p.Fix != nil {
		out += fmt.Sprintf("; `%s` worked in %d", p.Fix.Command, p.Fix.Sessions)
	}
	if p.Counter.Sessions > 0 {
		out += fmt.Sprintf("; against it %s", p.Counter.Refs)
	}
	out += fmt.Sprintf("; see %s %q", p.Evidence[0].Ref, p.Evidence[0].Quote)
	if p.Recommended {
		out += "; recommended"
		if p.Scope != ProjectScope {
			out += ", " + p.Scope
		}
		return out
	}
	return out + "; not recommended: " + p.WhyNot
}

// The order of ingestion changes nothing: the same sessions give the same bytes.
func TestMineIgnoresOrder(t *testing.T) {
	sessions := everySession(t)
	want := encoded(t, mine(t, sessions, time.Time{}))
	order := make([]int, len(sessions))
	for i := range order {
		order[i] = i
	}
	rapid.Check(t, func(rt *rapid.T) {
		shuffled := make([]*session.Session, len(sessions))
		for i, at := range rapid.Permutation(order).Draw(rt, "order") {
			shuffled[i] = sessions[at]
		}
		if diff := cmp.Diff(want, encoded(t, mine(t, shuffled, time.Time{}))); diff != "" {
			rt.Errorf("other bytes (-want +got):\n%s", diff)
		}
	})
}

func encoded(t *testing.T, r Report) string {
	t.Helper()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A pattern keeps its id and its project when more sessions come, or is named
// by the one that it was joined with.
func TestMineKeepsIDs(t *testing.T) {
	sessions := everySession(t)
	ids := func(n int) map[string]string {
		out := make(map[string]string)
		for _, p := range mine(t, sessions[:n], time.Time{}).Patterns {
			if out[p.ID] != "" {
				t.Errorf("%s is both %q and %q", p.ID, out[p.ID], p.Project+" "+p.Kind)
			}
			for _, id := range append(p.Joined, p.ID) {
				out[id] = p.Project + " " + p.Kind
			}
		}
		return out
	}
	before := ids(0)
	for n := range sessions {
		after := ids(n + 1)
		for id, what := range before {
			if after[id] != what {
				t.Errorf("%s was %q, with %s it is %q", id, what, sessions[n].Name(), after[id])
			}
		}
		before = after
	}
}

// Every claim opens: the references of a pattern resolve, its quotes stand
// there, its fix was run there, and sessions are counted as they are listed.
func TestPatternsOpen(t *testing.T) {
	sessions := make(map[string]*session.Session)
	for _, s := range everySession(t) {
		sessions[s.Name()] = s
	}
	open := func(ref string) *session.Event {
		r, err := session.ParseRef(ref)
		if err == nil && sessions[r.Agent+"/"+r.Session] != nil {
			if e, ok := sessions[r.Agent+"/"+r.Session].Find(r); ok {
				return e
			}
		}
		t.Errorf("%q does not open", ref)
		return &session.Event{}
	}
	for _, p := range mine(t, everySession(t), time.Time{}).Patterns {
		roots := make(map[string]bool)
		for _, s := range p.SessionList {
			roots[s.Root] = true
		}
		if len(p.SessionList) != p.SessionsAll || len(roots) != p.Sessions || len(p.Evidence) == 0 || len(p.Evidence) > maxEvidence {
			t.Errorf("%s: %d sessions of %d roots listed, %d pieces of evidence; counted %d of %d", p.Title, len(p.SessionList), len(roots), len(p.Evidence), p.SessionsAll, p.Sessions)
		}
		for _, ev := range p.Evidence {
			e := open(ev.Ref)
			if said := e.Command + "\n" + e.Text; TextHash(e.Text) != ev.Hash || !strings.Contains(session.Quote(said, len(said)), strings.TrimSuffix(ev.Quote, "…")) {
				t.Errorf("%s: %q does not stand at %s", p.Title, ev.Quote, ev.Ref)
			}
		}
		for _, ref := range p.Counter.Refs {
			if e := open(ref); e.Outcome != session.OK {
				t.Errorf("%s: counter-evidence %s is %s", p.Title, ref, e.Outcome)
			}
		}
		if p.Fix != nil {
			if _, command := open(p.Fix.Ref).Subject(); !strings.Contains(command, p.Fix.Example) {
				t.Errorf("%s: at %s was run %q, not %q", p.Title, p.Fix.Ref, command, p.Fix.Example)
			}
		}
	}
}

// Of patterns that are joined into one, the id stays that somebody has seen.
func TestKnownIDs(t *testing.T) {
	p := Pattern{ID: "p-1", Joined: []string{"p-2", "p-3"}}
	for _, c := range []struct{ known, id, joined string }{
		{"", "p-1", "p-2 p-3"},
		{"p-1 p-3", "p-1", "p-2 p-3"},
		{"p-3", "p-3", "p-2 p-1"},
	} {
		known := make(map[string]bool)
		for _, id := range strings.Fields(c.known) {
			known[id] = true
		}
		got := p
		got.keepID(known)
		if joined := strings.Join(got.Joined, " "); got.ID != c.id || joined != c.joined || strings.Join(p.Joined, " ") != "p-2 p-3" {
			t.Errorf("known %q: %s, joined %s; want %s, %s", c.known, got.ID, joined, c.id, c.joined)
		}
	}
}

// A trend is told from how many of the project's later sessions show a pattern.
func TestTrend(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 4, n, 9, 0, 0, 0, time.UTC) }
	var starts []time.Time
	for n := 1; n <= 20; n++ {
		starts = append(starts, day(n))
	}
	for _, c := range []struct {
		days []int
		want string
	}{
		{[]int{1, 5, 19}, ""}, // too few
		{[]int{1, 5, 12, 19}, Steady},
		{[]int{1, 2, 3, 4, 19}, Falling},
		{[]int{1, 12, 13, 19}, Rising},
	} {
		var times []time.Time
		for _, n := range c.days {
			times = append(times, day(n))
		}
		if got := trend(times, since(starts, times[0])); got != c.want {
			t.Errorf("days %v: %q, want %q", c.days, got, c.want)
		}
	}
}

// Evidence is of each root session first, the newest first, then of the rest.
func TestEvidenceIsSpread(t *testing.T) {
	var g group
	for i, root := range strings.Fields("a a a a a a b a a a c c") {
		g.seen = append(g.seen, occurrence{root: root, evidence: Evidence{Ref: fmt.Sprint(root, i)}})
	}
	var got []string
	for _, e := range g.evidence() {
		got = append(got, e.Ref)
	}
	if want := "c11 a9 b6 c10 a8 a7 a5 a4 a3 a2"; strings.Join(got, " ") != want {
		t.Errorf("evidence() = %v, want %s", got, want)
	}
}

// A pattern is called by its most frequent subject, with the entity that any
// occurrence of that subject has.
func TestTypicalSubject(t *testing.T) {
	for _, c := range []struct{ seen, subject, entity string }{
		{"a b b", "b", ""},
		{"b b a", "b", ""},
		{"b a", "a", ""},
		{"b:x b a a a:y a:z", "a", "y"},
	} {
		var g group
		for _, word := range strings.Fields(c.seen) {
			subject, entity, _ := strings.Cut(word, ":")
			g.seen = append(g.seen, occurrence{signal: Signal{Subject: subject, Entity: entity}})
		}
		if got := g.typical(); got.Subject != c.subject || got.Entity != c.entity {
			t.Errorf("typical(%q) = %q with %q, want %q with %q", c.seen, got.Subject, got.Entity, c.subject, c.entity)
		}
	}
}

// The report counts what it looked at, what it left out, and the outcomes of
// all results by agent.
func TestMineCounts(t *testing.T) {
	for _, c := range []struct {
		file        string
		mined, left int
		outcomes    map[string]map[string]int
	}{
		{"testdata/detect/support.txt", 19, 1, map[string]map[string]int{"pi": {"failed": 3}, "swe-agent": {"failed": 3}, "claude": {"failed": 10, "ok": 8}, "codex": {"failed": 2}, "mini": {"failed": 3, "ok": 2}}},
		{"testdata/detect/barred.txt", 5, 0, map[string]map[string]int{"claude": {"failed": 10, "expected": 2, "rejected": 1, "interrupted": 1, "collateral": 1}}},
	} {
		r := readTale(t, c.file).mined()
		if diff := cmp.Diff(c.outcomes, r.Outcomes); diff != "" || r.Mined != c.mined || r.Left != c.left {
			t.Errorf("%s: mined %d and left %d, want %d and %d; outcomes (-want +got):\n%s", c.file, r.Mined, r.Left, c.mined, c.left, diff)
		}
	}
}

// A session that cannot be loaded stops mining: half a report would lie.
func TestMineStopsAtErrors(t *testing.T) {
	broken := errors.New("broken")
	_, err := Mine(Input{Sessions: func(yield func(*session.Session, error) bool) { yield(nil, broken) }})
	if !errors.Is(err, broken) {
		t.Errorf("Mine() = %v, want %v", err, broken)
	}
}

// BenchmarkAnnotate and BenchmarkMine run over the tales and the sample, or
// over the stored sessions of the state folder that LODE_CORPUS_STATE names.
func BenchmarkAnnotate(b *testing.B) {
	sessions := corpus(b)
	for b.Loop() {
		for _, s := range sessions {
			Annotate(s)
		}
	}
}

func BenchmarkMine(b *testing.B) {
	sessions := corpus(b)
	for b.Loop() {
		mine(b, sessions, time.Time{})
	}
}

func corpus(b *testing.B) []*session.Session {
	b.Helper()
	sessions := everySession(b)
	if state := os.Getenv("LODE_CORPUS_STATE"); state != "" {
		sessions = stored(b, filepath.Join(state, "sessions"))
	}
	bytes := 0
	for _, s := range sessions {
		for i := range s.Events {
			bytes += len(s.Events[i].Text) + len(s.Events[i].Command)
		}
	}
	b.SetBytes(int64(bytes))
	return sessions
}

// stored loads the sessions of a store; its file names are escaped like URLs.
func stored(b *testing.B, dir string) []*session.Session {
	b.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.jsonl.zst"))
	var sessions []*session.Session
	for _, file := range files {
		agent, err1 := url.PathUnescape(filepath.Base(filepath.Dir(file)))
		id, err2 := url.PathUnescape(strings.TrimSuffix(filepath.Base(file), ".jsonl.zst"))
		s, err3 := session.NewStore(dir).Read(agent, id)
		if err := errors.Join(err1, err2, err3); err != nil {
			b.Fatal(err)
		}
		Annotate(s)
		sessions = append(sessions, s)
	}
	return sessions
}
