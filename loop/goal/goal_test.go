package goal

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// text are texts that YAML could read as something else.
var text = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"true", "null", "- a", "a: b", "#", "'", `"`, "1", "---", "a\nb", "…", " x "}))

func optional[T any](g *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(g, true) }

var anyGoal = rapid.Custom(func(t *rapid.T) *Goal {
	duration := rapid.Custom(func(t *rapid.T) Duration {
		return Duration(time.Duration(rapid.Int64Range(-1e6, 1e9).Draw(t, "ms")) * time.Millisecond)
	})
	list := rapid.Custom(func(t *rapid.T) []string {
		return append([]string(nil), rapid.SliceOfN(text, 0, 3).Draw(t, "list")...)
	})
	g := &Goal{Goal: text.Draw(t, "goal"), Agent: text.Draw(t, "agent"), Evaluator: text.Draw(t, "evaluator"), Protect: list.Draw(t, "protect"), Pilot: list.Draw(t, "pilot")}
	g.Budget = Budget{Iterations: optional(rapid.Int()).Draw(t, "iterations"), Wall: optional(duration).Draw(t, "wall"), Cost: optional(rapid.Float64Range(-1, 1e6)).Draw(t, "cost")}
	for range rapid.IntRange(0, 3).Draw(t, "checks") {
		c := Check{ID: text.Draw(t, "id"), Run: text.Draw(t, "run"), Timeout: optional(duration).Draw(t, "timeout"), Want: text.Draw(t, "want"), Heldout: rapid.Bool().Draw(t, "heldout"), Uses: list.Draw(t, "uses")}
		if rapid.Bool().Draw(t, "expects") {
			c.Expect = &Expect{Exit: rapid.IntRange(0, 255).Draw(t, "exit"), Output: text.Draw(t, "output")}
		}
		g.Checks = append(g.Checks, c)
	}
	for range rapid.IntRange(0, 2).Draw(t, "constraints") {
		g.Constraints = append(g.Constraints, Constraint{Say: text.Draw(t, "say"), Run: text.Draw(t, "run")})
	}
	g.Body = strings.ReplaceAll(text.Draw(t, "body"), "\r\n", "\n")
	return g
})

// Print and Parse are inverse.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGoal.Draw(t, "goal")
		for _, s := range []string{g.Goal, g.Agent, g.Body} {
			if strings.ContainsRune(s, '\uFFFD') {
				t.Skip("no text")
			}
		}
		doc, err := Print(g)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if !reflect.DeepEqual(g, again) {
			t.Fatalf("%s\nis read as %+v\nwant %+v", doc, again, g)
		}
	})
}

// Whatever is read gives a contract or an error with a line, and can be linted.
func FuzzParse(f *testing.F) {
	f.Add([]byte("---\ngoal: x\nagent: claude\nbudget: {iterations: 3, wall: 1h}\nchecks: [{id: a, run: make, expect: {exit: 1, output: x}}]\n---\nbody\n"))
	f.Add([]byte("---\nchecks:\n- {id: a, run: x, metric: '([0-9]+)', want: '<= 0.5 * baseline'}\n---"))
	f.Add([]byte("---\n---\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		g, err := Parse(doc)
		if err != nil {
			return
		}
		for _, found := range Lint(g, doc, func(*Check) []string { return nil }) {
			if found.Line < 1 || found.Says == "" {
				t.Errorf("%+v", found)
			}
		}
		if _, err := g.Shown(doc); err != nil {
			t.Error(err)
		}
	})
}

func TestWant(t *testing.T) {
	for _, c := range []struct {
		want            string
		value, baseline float64
		met             bool
	}{
		{"< 20", 19.9, 0, true},
		{"< 20", 20, 0, false},
		{">=0.9", 0.9, 0, true},
		{"<= 0.8 * baseline", 80, 100, true},
		{"<= 0.8 * baseline", 81, 100, false},
		{"> baseline", 101, 100, true},
		{"> -3", -2, 0, true},
		{"== 1e3", 1000, 0, true},
	} {
		w, err := ParseWant(c.want)
		if err != nil || w.Met(c.value, c.baseline) != c.met {
			t.Errorf("%s: %+v, %v: %g with baseline %g", c.want, w, err, c.value, c.baseline)
		}
	}
	for _, bad := range []string{"", "20", "< ", "< fast", "<= baseline * 2", "~ 3", "< 1.2.3"} {
		if w, err := ParseWant(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, w)
		}
	}
}

// What is held out is not shown, and all else is word for word.
func TestShown(t *testing.T) {
	doc := []byte("---\ngoal: x # a remark\nagent: a\nbudget: {iterations: 1}\nchecks: [{id: a, run: make}]\n---\nbody\n")
	g, err := Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := g.Shown(doc); err != nil || string(shown) != string(doc) {
		t.Errorf("%s, %v", shown, err)
	}
	g.Checks = append(g.Checks, Check{ID: "secret", Run: "sh secret.sh", Heldout: true})
	g.Pilot, g.Steps = []string{"secret"}, []Step{{"hidden step", []string{"secret"}}, {"open", []string{"a", "secret"}}}
	shown, err := g.Shown(doc)
	if err != nil || strings.Contains(string(shown), "secret") || strings.Contains(string(shown), "hidden step") || !strings.Contains(string(shown), "run: make") {
		t.Errorf("%s, %v", shown, err)
	}
}
