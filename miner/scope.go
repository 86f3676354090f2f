package miner

import "time"

// The scopes of patterns beside a path's.
const (
	ProjectScope = "project"
	GlobalScope  = "global" // it recurs in several projects, and is not about any of them

	// PathScope begins the scope of a pattern that only files below a folder
	// show: path:web/app.
	PathScope = "path:"
)

// OfPerson reports whether a pattern is about how a person works, or about a
// habit of the agent, whatever the project.
func (p *Pattern) OfPerson() bool {
	switch p.Kind {
	case requestKind, shortcutKind, misreadKind, prematureKind:
		return true
	case wrongPathKind:
		return p.Class == GuessedNames || p.Class == WrongFolder
	}
	return p.Class == ShellSyntax
}

// global marks the patterns of a person or an agent that recur in several
// projects; keys are those of their groups, by id.
func (m *mining) global(patterns []Pattern, keys map[string]string) {
	projects := make(map[string]int) // with enough sessions, by kind and key
	enough := func(p *Pattern) bool {
		return p.Population == "" && p.Sessions >= m.in.Support.Sessions && p.OfPerson()
	}
	for i := range patterns {
		if p := &patterns[i]; enough(p) {
			projects[p.Kind+"\x00"+keys[p.ID]]++
		}
	}
	for i := range patterns {
		if p := &patterns[i]; enough(p) && projects[p.Kind+"\x00"+keys[p.ID]] > 1 {
			p.Scope = GlobalScope
		}
	}
}

// Trends of patterns.
const (
	Rising  = "rising"
	Falling = "falling"
	Steady  = "steady"
)

// trend compares in how many of a project's later sessions a pattern shows with
// the earlier ones: starts, sorted, are those of all its sessions since the
// pattern was seen first, parted in the middle. With fewer than minTrend dated
// sessions of its own it is "".
func trend(times, starts []time.Time) string {
	if len(times) < minTrend || len(starts) < 2 {
		return ""
	}
	middle, late := starts[len(starts)/2], 0
	for _, t := range times {
		if !t.Before(middle) {
			late++
		}
	}
	switch early := len(times) - late; {
	case late >= 2*early:
		return Rising
	case early >= 2*late:
		return Falling
	}
	return Steady
}

const minTrend = 4
