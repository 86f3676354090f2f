package miner

import (
	"fmt"
	"strings"
	"time"
)

// Explain tells, a line each, how a pattern came to be: who found it, what its
// occurrences have in common, how the evidence compares with what is needed,
// and what its score is made of.
func Explain(p *Pattern, support Support) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, d := range Detectors {
		if d.Name == p.Kind {
			say("found by: %s: %s", d.Name, d.Doc)
		}
	}
	if p.Class != "" {
		say("class: %s", p.Class)
	}
	if p.Entity != "" {
		say("about: %s", p.Entity)
	}
	if p.Template != "" {
		say("what the occurrences have in common: %s", p.Template)
	}
	if len(p.Joined) > 0 {
		say("joined from: %s", strings.Join(p.Joined, ", "))
	}
	say("occurrences: %d, %d are needed", p.Occurrences, support.Occurrences)
	say("sessions: %d (%d when subagents count for themselves), %d are needed", p.Sessions, p.SessionsAll, support.Sessions)
	if p.Days > 0 {
		say("days: %d, %d are needed; %s to %s", p.Days, support.Days, p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly))
	}
	if p.Trend != "" {
		say("trend: %s over the sessions of the project", p.Trend)
	}
	say("scope: %s", p.Scope)
	if p.Told > 0 {
		say("told by a person: %s", times(p.Told, "time"))
	}
	say("cost: %s, about %d tokens, %d s", times(p.Cost.Calls, "call"), p.Cost.Tokens, p.Cost.Seconds)
	if p.Fix != nil {
		say("what worked: %s, in %s, as in %s (%s)", p.Fix.Command, times(p.Fix.Sessions, "session"), p.Fix.Example, p.Fix.Ref)
	}
	if p.Counter.Sessions > 0 {
		say("against it: %s in which it did not fail, as %s", times(p.Counter.Sessions, "session"), strings.Join(p.Counter.Refs, ", "))
	}
	f := factors(p)
	say("score: %.2f = %.0f sessions x %.2f for the cost x %.2f for how sure the remedy is x %.2f for what speaks against it", p.Score, f.spread, f.cost, f.sure, f.doubt)
	if f.trend < 1 {
		say("and x %.2f, because it is falling", f.trend)
	}
	if p.Crowd > 0 {
		say("and x %.2f, because many findings of the project come before it", p.Crowd)
	}
	if p.Recommended {
		say("recommended: %s", p.Rule)
	} else {
		say("not recommended: %s", p.WhyNot)
	}
	return out
}
