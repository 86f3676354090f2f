package rules

import (
	"cmp"
	"slices"
	"strings"

	"lode/rules/ground"
)

// weigh sets what the agents of the evidence load before and after a change of
// the target.
func (d *Proposal) weigh(before, after string) {
	d.Budget.InForce, d.Budget.Evicts = nil, ""
	if d.Root == "" {
		return
	}
	now := d.chains(nil)
	then := d.chains(map[string]string{d.file(): after})
	for i, c := range then {
		l := Load{Agent: c.Agent, Before: now[i].Tokens(), After: c.Tokens(), Over: c.Over(d.file())}
		for _, f := range c.Files {
			l.Files = append(l.Files, f.Path)
		}
		d.Budget.InForce = append(d.Budget.InForce, l)
	}
}

// over reports whether some agent would not get, or is not meant to get, all of
// what it loads.
func (d *Proposal) over() bool {
	return slices.ContainsFunc(d.Budget.InForce, func(l Load) bool { return l.Over != "" })
}

// makeRoom takes the line of the least worth out of a text to which a rule was
// added, when the text is more than its readers take: one at least as long as
// what was added, so that nothing becomes longer. It returns the text without it, and
// the line; "" when there is room, or no such line.
func (d *Proposal) makeRoom(before, after string) (string, string) {
	if !d.over() {
		return "", ""
	}
	type candidate struct {
		line  statement
		worth float64
	}
	var candidates []candidate
	lines, hidden, all := splitLines(after), secretLines(after), statements(after)
	had := make(map[string]bool) // not what was just added, however it is written
	for _, line := range splitLines(before) {
		had[line] = true
	}
	times := make(map[string]int, len(all))
	for _, s := range all {
		times[normalised(s.plain)]++
	}
	for _, s := range all[:min(len(all), maxWeighed)] {
		if hidden[s.at] || hidden[s.at+1] {
			continue
		}
		alone := s.at+1 == len(lines) || !strings.HasPrefix(lines[s.at+1], " ") && !strings.HasPrefix(lines[s.at+1], "\t")
		if s.lead != "" && had[lines[s.at]] && len(s.raw) >= len(after)-len(before) && alone && !strings.HasPrefix(s.plain, "@") {
			candidates = append(candidates, candidate{s, d.worthOf(s.plain, times)})
		}
	}
	if len(candidates) == 0 {
		return "", ""
	}
	least := slices.MinFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.worth, b.worth), cmp.Compare(len(b.line.raw), len(a.line.raw)), cmp.Compare(a.line.at, b.line.at))
	})
	return strings.Join(slices.Delete(lines, least.line.at, least.line.at+1), ""), strings.TrimSpace(least.line.raw)
}

// maxWeighed bounds the lines that are compared for their worth.
const maxWeighed = 2000

// What lines are worth that were not measured.
const (
	worthWrong  = -2.0 // it names what the checkout does not have
	worthTwice  = -1.5 // another line says the same
	worthNobody = 0.0  // nobody knows
)

// worthOf is what a line is worth, the more the better: what was measured of it,
// between -1 and 1, or what its words tell, and how many times they stand there.
func (d *Proposal) worthOf(plain string, times map[string]int) float64 {
	if d.Worth != nil {
		if worth, ok := d.Worth(plain); ok {
			return worth
		}
	}
	for _, c := range ground.Check(d.Fit.Checkout, plain) {
		if !c.There && !negated(plain, c.Term) {
			return worthWrong
		}
	}
	if times[normalised(plain)] > 1 {
		return worthTwice
	}
	return worthNobody
}
