package rules

import (
	"fmt"
	"path/filepath"
	"slices"
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

// Weighing says in sentences, for people, what a proposal costs and what it
// rests on, and of a rule in force whether it helped. They are plain texts.
func (d *Proposal) Weighing() []string {
	lines := d.Facts()
	if d.Effect != nil {
		lines = append(lines, d.Effect.Told()...)
	}
	return lines
}

// Facts says where a proposal goes and why, what agents load there before and
// after, which line it changes or takes out, what of it the checkout bears out,
// and how it would have fared in the sessions looked at.
func (d *Proposal) Facts() []string {
	facts := []string{fmt.Sprintf("It goes to %s: %s.", d.File(), d.WhyThere)}
	if d.Against != "" {
		facts = append(facts, "It changes the line: "+d.Against)
	}
	size := fmt.Sprintf("The file takes %d tokens now and %d then", d.Budget.Before, d.Budget.After)
	if d.Budget.Limit > 0 {
		size += fmt.Sprintf("; its readers load at most %d", d.Budget.Limit)
	}
	facts = append(facts, size+".")
	facts = append(facts, d.Budget.loads()...)
	if d.Budget.Evicts != "" {
		facts = append(facts, "To make room it takes out the line: "+d.Budget.Evicts)
	}
	var there []string
	for _, c := range d.Grounded {
		if c.There {
			there = append(there, c.Term)
		}
	}
	if len(there) > 0 {
		facts = append(facts, "The checkout has "+strings.Join(there, ", ")+".")
	}
	if len(d.Importers) > 0 {
		facts = append(facts, strings.Join(d.Importers, ", ")+" is to import it, which is a proposal of its own.")
	}
	return append(facts, fmt.Sprintf("Of %s in which it applies, %d had the problem and %d did the opposite and were fine.",
		plural(d.Backtest.Sessions, "session"), d.Backtest.Failed, d.Backtest.Fine))
}

// loads says what agents load, those that load the same together.
func (b *Budget) loads() []string {
	var said []string
	for i, l := range b.InForce {
		same := func(o Load) bool {
			return o.Before == l.Before && o.After == l.After && o.Over == l.Over && slices.Equal(o.Files, l.Files)
		}
		if slices.ContainsFunc(b.InForce[:i], same) {
			continue
		}
		who, verb := []string{l.Agent}, "loads"
		for _, o := range b.InForce[i+1:] {
			if same(o) {
				who, verb = append(who, o.Agent), "load"
			}
		}
		said = append(said, fmt.Sprintf("There %s %s %d tokens of instructions now and %d then (%s).", strings.Join(who, " and "), verb, l.Before, l.After, strings.Join(l.Files, ", ")))
		if l.Over != "" {
			said = append(said, l.Over+".")
		}
	}
	return said
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
