package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func everywhere(string) bool { return true }

func shopOnly(name string) bool { return name == "acme/shop" }

// A brief has what holds for a project and everywhere, one line each, the best
// first, as much as the budget takes.
func TestBrief(t *testing.T) {
	learnings := []*Learning{
		{ID: "l-1", Project: "acme/shop", Rule: "Use `uv run pytest`."},
		{ID: "l-2", Project: "acme/atlas", Rule: "Use `make`."},
		{ID: "l-3", Project: "acme/atlas", Scope: "global", Rule: "Quote globs."},
		{ID: "l-4", Project: "acme/shop", Rule: strings.Repeat("A long rule. ", 20)},
		{ID: "l-5", Project: "acme/shop", Rule: "Read the Makefile."},
	}
	const all = briefHeading + "- Use `uv run pytest`. (l-1)\n- Quote globs. (l-3)\n- Read the Makefile. (l-5)\n"
	for _, c := range []struct {
		budget     int
		want, left string
	}{
		{45, all, "l-4"}, // the long one is left out, what comes behind it is not
		{32, strings.Join(strings.SplitAfter(all, "\n")[:3], ""), "l-4 l-5"},
		{11, "", "l-1 l-3 l-4 l-5"},
		{0, "", "l-1 l-3 l-4 l-5"},
	} {
		b := MakeBrief(learnings, BriefQuery{Project: shopOnly, Budget: c.budget})
		if b.Text != c.want || strings.Count(b.Text, "(l-") != len(b.Given) || strings.Join(b.Left, " ") != c.left {
			t.Errorf("MakeBrief(%d) = %+v, want %q and left %s", c.budget, b, c.want, c.left)
		}
	}
	if b := MakeBrief(learnings, BriefQuery{Project: func(string) bool { return false }, Budget: 1000}); strings.Join(b.Given, " ") != "l-3" {
		t.Errorf("elsewhere: %v, want only what holds everywhere", b.Given)
	}
	if b := MakeBrief(nil, BriefQuery{Project: everywhere, Budget: 1000}); b.Text != "" || b.Tokens != 0 {
		t.Errorf("of nothing: %+v", b)
	}
}

// What comes first: words that the goal shares, past sessions that it reminds
// of, the paths that are worked on, and what was measured to help.
func TestBriefRanking(t *testing.T) {
	learnings := []*Learning{
		{ID: "l-1", Rule: "Use `uv run pytest`.", Title: "pytest is not available"},
		{ID: "l-2", Rule: "Ask before a migration of the database.", Evidence: []string{"claude/s-2#7"}},
		{ID: "l-3", Rule: "Keep prices in cents.", Paths: []string{"cart/**"}},
		{ID: "l-4", Rule: "Write changelog entries short.", Tags: []string{"docs"}},
	}
	near := func(goal string) map[string]float64 {
		if strings.Contains(goal, "schema") {
			return map[string]float64{"claude/s-2": 1, "claude/s-9": 0.5}
		}
		return nil
	}
	for _, c := range []struct {
		name string
		q    BriefQuery
		want string
	}{
		{"as they come", BriefQuery{}, "l-1 l-2 l-3 l-4"},
		{"words of the goal", BriefQuery{Goal: "Shorten the changelog entries"}, "l-4 l-1 l-2 l-3"},
		{"sessions that it reminds of", BriefQuery{Goal: "change the schema", Near: near}, "l-2 l-1 l-3 l-4"},
		{"its paths", BriefQuery{Paths: []string{"cart/total.go"}}, "l-3 l-1 l-2 l-4"},
		{"other paths: it is not about them", BriefQuery{Paths: []string{"docs/a.md"}}, "l-1 l-2 l-4"},
		{"what helps", BriefQuery{Value: func(l *Learning) float64 { return map[string]float64{"l-4": 2, "l-1": 0.5, "l-2": 1, "l-3": 0}[l.ID] }}, "l-4 l-2 l-1"},
		{"what is in force", BriefQuery{InForce: func(l *Learning) bool { return l.ID != "l-3" }}, "l-3"},
	} {
		c.q.Project, c.q.Budget = everywhere, 1000
		if b := MakeBrief(learnings, c.q); strings.Join(b.Given, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, b.Given, c.want)
		}
	}
}

// The lot holds out as many as it should, decides by its seed alone, and makes
// no room for what would not have been given.
func TestBriefHoldOut(t *testing.T) {
	var learnings []*Learning
	for i := range 40 {
		learnings = append(learnings, &Learning{ID: fmt.Sprintf("l-%08x", i), Rule: "Rule number " + fmt.Sprint(i) + "."})
	}
	q := BriefQuery{Project: everywhere, Budget: 300}
	whole := MakeBrief(learnings, q)
	held := 0
	for seed := range 200 {
		q.HoldOut, q.Seed = 0.2, fmt.Sprint(seed)
		b := MakeBrief(learnings, q)
		held += len(b.Held)
		both := slices.Concat(b.Given, b.Held)
		slices.Sort(both)
		if want := slices.Sorted(slices.Values(whole.Given)); !slices.Equal(both, want) {
			t.Fatalf("seed %d: given and held are %v, without the lot %v", seed, both, want)
		}
		if again := MakeBrief(learnings, q); !slices.Equal(again.Held, b.Held) {
			t.Fatalf("seed %d: held %v, then %v", seed, b.Held, again.Held)
		}
	}
	if share := float64(held) / float64(200*len(whole.Given)); math.Abs(share-0.2) > 0.03 {
		t.Errorf("%.3f are held out, want 0.2", share)
	}
	q.HoldOut = 1
	if b := MakeBrief(learnings, q); b.Text != "" || len(b.Held) != len(whole.Given) {
		t.Errorf("all held out: %+v", b)
	}
}

// A brief never takes more tokens than it may.
func TestBriefBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var learnings []*Learning
		for i := range rapid.IntRange(0, 20).Draw(t, "n") {
			learnings = append(learnings, &Learning{ID: fmt.Sprint("l-", i), Rule: rapid.StringMatching(`[a-zé]{1,80}`).Draw(t, "rule")})
		}
		q := BriefQuery{Project: everywhere, Budget: rapid.IntRange(-10, 200).Draw(t, "budget"), HoldOut: rapid.Float64Range(0, 1).Draw(t, "holdout")}
		b := MakeBrief(learnings, q)
		if b.Tokens != Tokens(b.Text) || b.Tokens > max(q.Budget, 0) || strings.Count(b.Text, "\n") != len(b.Given)+min(len(b.Given), 1) || len(b.Given)+len(b.Held)+len(b.Left) != len(learnings) {
			t.Fatalf("MakeBrief(%d) = %+v", q.Budget, b)
		}
	})
}
