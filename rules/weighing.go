package rules

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lode/rules/effect"
)

// File is the path of the proposal's target, as far as it is known.
func (d *Proposal) File() string {
	if d.Root == "" {
		return d.Target
	}
	return filepath.Join(d.Root, filepath.FromSlash(d.Target))
}

// Weighing says in sentences, a line each, where a proposal goes, what it costs
// those who read the file, and what it rests on.
func (d *Proposal) Weighing() []string {
	cost := fmt.Sprintf("The file takes %d tokens now and %d then", d.Budget.Before, d.Budget.After)
	if d.Budget.Limit > 0 {
		cost += fmt.Sprintf("; its readers load at most %d", d.Budget.Limit)
	}
	lines := []string{fmt.Sprintf("It goes to %s: %s.", d.File(), d.WhyThere), cost + "."}
	for _, l := range d.Budget.InForce {
		lines = append(lines, fmt.Sprintf("There %s loads %d tokens of instructions now and %d then (%s).", l.Agent, l.Before, l.After, strings.Join(l.Files, ", ")))
		if l.Over != "" {
			lines = append(lines, "  "+l.Over)
		}
	}
	if d.Budget.Evicts != "" {
		lines = append(lines, "To make room it takes out: "+d.Budget.Evicts)
	}
	if d.Against != "" {
		lines = append(lines, "It changes the line: "+d.Against)
	}
	for _, c := range d.Grounded {
		if c.There {
			lines = append(lines, fmt.Sprintf("The checkout has %s.", c.Term))
		}
	}
	lines = append(lines, fmt.Sprintf("Of %s in which it applies, %d had the problem and %d did the opposite and were fine.",
		plural(d.Backtest.Sessions, "session"), d.Backtest.Failed, d.Backtest.Fine))
	if d.Effect != nil {
		lines = append(lines, d.Effect.Told()...)
	}
	return lines
}

// Told says in lines what is known of the effect of a rule.
func (m *Measured) Told() []string {
	lines := []string{fmt.Sprintf("In force since %s: %s.", m.Since.Format(time.DateOnly), m.Card.State)}
	if m.Card.State != effect.Unmeasurable {
		lines = append(lines, "  "+m.Line)
	}
	for _, n := range m.Notes {
		lines = append(lines, "  "+n)
	}
	for _, a := range m.Advice {
		line := "  " + a.Do + ": " + a.Why
		if a.Command != "" {
			line += " (hint: " + a.Command + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
