package miner

import (
	"cmp"
	"slices"
)

// Backtest compares what was recommended from the sessions before a date with
// what happened after it.
type Backtest struct {
	Recommended Forecast        `json:"recommended"`
	Strong      Forecast        `json:"strong"`   // of them, those with 3 or more sessions
	Frequent    Forecast        `json:"frequent"` // as many patterns, chosen by how often they occur alone
	Failing     int             `json:"failing"`  // root sessions after the date in which anything was found
	Patterns    []BacktestedOne `json:"patterns"` // the recommended ones
}

// Forecast says how some patterns fared.
type Forecast struct {
	Patterns int     `json:"patterns"`
	Recurred int     `json:"recurred"` // that were met again
	Covered  int     `json:"covered"`  // root sessions after the date with one of them
	Share    float64 `json:"share"`    // of the failing ones
}

// BacktestedOne is a recommended pattern with what became of it.
type BacktestedOne struct {
	ID       string `json:"id"`
	Project  string `json:"project"`
	Title    string `json:"title"`
	Sessions int    `json:"sessions"` // before
	After    int    `json:"after"`
	Trend    string `json:"trend,omitempty"` // before
}

const strong = 3 // sessions

// NewBacktest compares a report of the sessions before a date with what all
// sessions show, in which later reports whether a root session came after the
// date. What was met is taken from all sessions, because a habit that shows in a
// few of them is seen only when they lie side by side. A project that was not
// worked on after the date tells nothing: its patterns are left out.
func NewBacktest(before, all Report, later func(root string) bool) Backtest {
	met, failing := make(map[string]map[string]bool), make(map[string]bool)
	projects := make(map[string]bool)
	for i := range all.Patterns {
		p := &all.Patterns[i]
		for _, s := range p.SessionList {
			if !later(s.Root) {
				continue
			}
			projects[p.Project+"\x00"+p.Population] = true
			failing[s.Root] = true
			for _, id := range append(p.Joined, p.ID) {
				if met[id] == nil {
					met[id] = make(map[string]bool)
				}
				met[id][s.Root] = true
			}
		}
	}
	var recommended, reliable, frequent []*Pattern
	for i := range before.Patterns {
		p := &before.Patterns[i]
		if !projects[p.Project+"\x00"+p.Population] {
			continue
		}
		frequent = append(frequent, p)
		if p.Recommended {
			recommended = append(recommended, p)
		}
		if p.Recommended && p.Sessions >= strong {
			reliable = append(reliable, p)
		}
	}
	slices.SortStableFunc(frequent, func(a, b *Pattern) int { return cmp.Compare(b.Occurrences, a.Occurrences) })
	frequent = frequent[:min(len(frequent), len(recommended))]
	fared := func(patterns []*Pattern) Forecast {
		f, covered := Forecast{Patterns: len(patterns)}, make(map[string]bool)
		for _, p := range patterns {
			again := metAgain(p, met)
			if len(again) > 0 {
				f.Recurred++
			}
			for root := range again {
				covered[root] = true
			}
		}
		f.Covered = len(covered)
		if len(failing) > 0 {
			f.Share = float64(f.Covered) / float64(len(failing))
		}
		return f
	}
	b := Backtest{Recommended: fared(recommended), Strong: fared(reliable), Frequent: fared(frequent), Failing: len(failing), Patterns: []BacktestedOne{}}
	for _, p := range recommended {
		b.Patterns = append(b.Patterns, BacktestedOne{p.ID, p.Project, p.Title, p.Sessions, len(metAgain(p, met)), p.Trend})
	}
	return b
}

// metAgain returns the root sessions in which a pattern, or one that was joined
// into it, was met.
func metAgain(p *Pattern, met map[string]map[string]bool) map[string]bool {
	again := make(map[string]bool)
	for _, id := range append(p.Joined, p.ID) {
		for root := range met[id] {
			again[root] = true
		}
	}
	return again
}
