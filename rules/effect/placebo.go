package effect

import "math"

// Placebo is what happened, over the same dates, to patterns without a rule.
type Placebo struct {
	Patterns int     `json:"patterns"`
	Before   Rate    `json:"before"`
	Since    Rate    `json:"since"`
	Change   float64 `json:"change"` // of the rate, as -0.08 for 8 % fewer
}

// placebo compares the untreated patterns before and since, each with itself:
// the ratio is that of Mantel and Haenszel. A pattern's own discovery is left
// out on both sides, as it is for rules.
func placebo(q Question) *Placebo {
	var p Placebo
	var up, down float64
	for _, c := range q.Controls {
		var before, since Rate
		for _, u := range ordered(c.Units) {
			switch {
			case c.Found.meets(&u), u.Start.Before(q.Since) && u.End.After(q.Since):
			case !u.Start.Before(q.Since):
				since.add(&u)
			case !q.Found.meets(&u) && inBaseline(&u, q.Found):
				before.add(&u)
			}
		}
		if before.Opportunities == 0 || since.Opportunities == 0 {
			continue
		}
		p.Patterns++
		p.Before = sum(p.Before, before)
		p.Since = sum(p.Since, since)
		all := float64(before.Opportunities + since.Opportunities)
		up += float64(since.Failed) * float64(before.Opportunities) / all
		down += float64(before.Failed) * float64(since.Opportunities) / all
	}
	if p.Patterns == 0 || down == 0 {
		return nil
	}
	p.Change = round(math.Min(up/down, 100) - 1)
	return &p
}

func sum(a, b Rate) Rate { return Rate{a.Failed + b.Failed, a.Opportunities + b.Opportunities} }
