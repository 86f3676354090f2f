package rules

import (
	"path/filepath"
	"strings"
	"testing"
)

// What of a rule the checkout contradicts: what it says to use and is not there,
// and what it says is not there and is.
func TestStaleLearning(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "Makefile"), "check:\n\ttrue\n")
	write(t, filepath.Join(root, "lib", "discount.py"), "")
	for _, c := range []struct{ rule, want string }{
		{"Run `make check` before each commit.", ""},
		{"Run `make lint` before each commit.", "`make lint` is not in Makefile"},
		{"There is no `shop/discount.py`: use `lib/discount.py`.", ""},
		{"There is no `lib/discount.py`: use `shop/discount.py`.", "it says that there is no `lib/discount.py`, but there is; there is no `shop/discount.py` in the checkout"},
		{"Use `make check` instead of `make lint`, which fails here.", ""},
		{"Do not open `lib/gone.py`.", ""},
		{"Ask first.", ""},
	} {
		if got := strings.Join(Stale(root, c.rule), "; "); got != c.want {
			t.Errorf("%q: %q, want %q", c.rule, got, c.want)
		}
	}
}

// A check names every note that is not right, why, and what to do.
func TestVaultCheck(t *testing.T) {
	v := newVault(t)
	root := t.TempDir()
	write(t, filepath.Join(root, "Makefile"), "check:\n\ttrue\n")
	note := func(rule, project string, evidence ...string) string {
		l, err := v.Note(Learning{Rule: rule, Project: project, Evidence: evidence}, "", monday)
		if err != nil {
			t.Fatal(err)
		}
		return l.ID
	}
	fine := note("Run `make check` before each commit.", "shop", "claude/s1#1", "claude/gone#1")
	tasks := note("Run `make lint` after an edit.", "shop")
	away := note("Run `make lint` after an edit.", "elsewhere")
	lost := note("Keep prices in cents.", "shop", "claude/gone#1")
	twin := note("Before each commit run `make check`.", "shop")
	c, err := v.Check(func(project string) string { return map[string]string{"shop": root}[project] }, func(ref string) bool { return ref == "claude/s1#1" })
	if err != nil || c.Notes != 5 || c.Grounded != 4 {
		t.Errorf("Check = %+v, %v", c, err)
	}
	got := make(map[string]string)
	for _, p := range c.Problems {
		got[p.ID] += p.What
		if p.Stale != (p.ID == tasks) || p.Hint == "" {
			t.Errorf("problem %+v", p)
		}
	}
	same := got[twin] == "it says the same as "+fine || got[fine] == "it says the same as "+twin
	if !same || got[tasks] != "`make lint` is not in Makefile" || got[away] != "" || got[lost] != "none of its evidence opens any more" || len(got) != 3 {
		t.Errorf("problems = %v", got)
	}
}
