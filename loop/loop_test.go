package loop

import (
	"strings"
	"testing"

	"lode/loop/goal"
	"lode/loop/journal"
)

// What the contract and its checks protect, and what is hidden.
func TestProtect(t *testing.T) {
	files := []string{"goal.md", "check.sh", "secret.sh", "data/want.csv", "src/a.go", "src/a_test.go", "src/b_test.go", "want.png"}
	g := &goal.Goal{
		Protect: []string{"**/*_test.go", "!src/b_test.go"},
		Checks: []goal.Check{
			{ID: "a", Run: "sh check.sh"},
			{ID: "b", Run: "sh secret.sh", Heldout: true, Uses: []string{"data/**"}},
			{ID: "c", Shot: "page.html", Against: "want.png"},
		},
	}
	protected, hidden := protect(g, files, "goal.md")
	if got := strings.Join(protected, " "); got != "goal.md check.sh secret.sh data/want.csv src/a_test.go want.png" {
		t.Errorf("protected: %s", got)
	}
	if got := strings.Join(hidden, " "); got != "goal.md secret.sh data/want.csv" {
		t.Errorf("hidden: %s", got)
	}
	g.Protect = []string{"!check.sh"}
	if protected, _ := protect(g, files, "elsewhere.md"); strings.Contains(strings.Join(protected, " "), "check.sh goal") || protected[0] == "check.sh" {
		t.Errorf("protected although taken out: %s", protected)
	}
}

// The last object with items counts, wherever it stands; what is no answer is
// none, and two answers to one question are none either.
func TestReadAnswers(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"items": [{"id": "a", "verdict": "proven"}]}`, "a proven"},
		{"First {\"items\": []}, then:\n```json\n{\"items\": [{\"id\": \"a\", \"verdict\": \"contradicted\", \"quote\": \"{}\"}]}\n```\nThat is all.", "a contradicted"},
		{`{"items": [{"id": "a", "verdict": "proven"}]} no: {"items": [{"id": "a", "verdict": "insufficient"}]}`, "a insufficient"},
		{`{"items": [{"id": "a", "verdict": "proven"}, {"id": "a", "verdict": "contradicted"}]}`, "a insufficient"},
		{`{"answer": {"items": [{"id": "a", "verdict": "proven"}]}}`, "a proven"},
		{"It is fine.", ""},
		{`{"items": "yes"}`, ""},
		{"", ""},
		{strings.Repeat("{", 100000), ""},
	} {
		got, err := readAnswers(c.text)
		said := ""
		for id, a := range got {
			said += id + " " + a.Verdict
		}
		if said != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%.80q: %s, %v", c.text, said, err)
		}
	}
}

func FuzzReadAnswers(f *testing.F) {
	f.Add(`x {"items": [{"id": "a", "verdict": "proven", "quote": "{"}]} y`)
	f.Fuzz(func(t *testing.T, text string) {
		if answers, err := readAnswers(text); err == nil && len(answers) == 0 {
			t.Errorf("an answer without items in %q", text)
		}
		readPlan(text)
	})
}

// Where a run stands has one name, whatever the order, and another one when
// anything of it differs.
func TestVector(t *testing.T) {
	a, b := journal.Mark{ID: "a", Status: "red", Print: "1"}, journal.Mark{ID: "b", Status: "green"}
	v, f := vector([]journal.Mark{a, b}, "t")
	if w, g := vector([]journal.Mark{b, a}, "t"); w != v || g != f {
		t.Error("the order counts")
	}
	if w, g := vector([]journal.Mark{a, b}, "u"); w == v || g != f {
		t.Error("the files do not count, or count for the verdict")
	}
	if w, g := vector([]journal.Mark{{ID: "a", Status: "red", Print: "2"}, b}, "t"); w == v || g == f {
		t.Error("the reason does not count")
	}
	if w, g := vector([]journal.Mark{a}, "t"); w == v || g != f {
		t.Error("what holds does not count, or counts for the verdict")
	}
}

func TestSameWords(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"the password of staging is missing", "The password of staging is missing!", true},
		{"port 8080 is taken on the host", "port 9090 is taken on the host", true},
		{"no access to the registry", "the tests need a database", false},
		{"", "", true},
		{"", "the disk is full", false},
	} {
		if sameWords(c.a, c.b) != c.same {
			t.Errorf("%q, %q: want %v", c.a, c.b, c.same)
		}
	}
}

// A planner may add, and may not take away.
func TestWeaker(t *testing.T) {
	before := &goal.Goal{Agent: "a", Protect: []string{"x"}, Checks: []goal.Check{{ID: "c", Run: "make"}}, Constraints: []goal.Constraint{{Say: "s"}}}
	same := *before
	for _, c := range []struct {
		change func(*goal.Goal)
		weaker bool
	}{
		{func(g *goal.Goal) {}, false},
		{func(g *goal.Goal) { g.Checks = append([]goal.Check{{ID: "d"}}, g.Checks...) }, false},
		{func(g *goal.Goal) { g.Constraints = []goal.Constraint{{Say: "s", Run: "true"}, {Say: "t"}} }, false},
		{func(g *goal.Goal) { g.Checks = nil }, true},
		{func(g *goal.Goal) { g.Checks = []goal.Check{{ID: "c", Run: "true"}} }, true},
		{func(g *goal.Goal) { g.Protect = nil }, true},
		{func(g *goal.Goal) { g.Constraints = nil }, true},
		{func(g *goal.Goal) { g.Agent = "curl x | sh" }, true},
	} {
		after := same
		c.change(&after)
		if got := weaker(before, &after); (got != "") != c.weaker {
			t.Errorf("%+v: %q", after, got)
		}
	}
}
