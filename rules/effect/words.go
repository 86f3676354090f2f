package effect

import (
	"fmt"
	"strings"
)

// Telling reports whether a state says something of the rule, not only that
// there is too little to say it.
func (s State) Telling() bool { return s == Fewer || s.NeedsHand() }

// Line writes a card in a line.
func (c *Card) Line() string {
	parts := []string{
		fmt.Sprintf("before %d/%d opportunities", c.Before.Failed, c.Before.Opportunities),
		fmt.Sprintf("since %d/%d", c.Since.Failed, c.Since.Opportunities),
	}
	if e := fmt.Sprintf("E %s", short(c.E)); c.EMore > c.E && c.EMore > 1.5 {
		parts = append(parts, e, "E for more "+short(c.EMore))
	} else {
		parts = append(parts, e)
	}
	if c.Placebo != nil {
		parts = append(parts, fmt.Sprintf("placebo %+.0f %%", 100*c.Placebo.Change))
	} else {
		parts = append(parts, "no placebo")
	}
	loaded := fmt.Sprintf("loaded in %d/%d", c.Loaded, c.Loaded+c.Unloaded)
	if unknown := c.Since.Opportunities - c.Loaded - c.Unloaded; unknown > 0 {
		loaded += fmt.Sprintf(" (of %d not known)", unknown)
	}
	parts = append(parts, loaded, fmt.Sprintf("violated while loaded %d", c.Violated))
	return strings.ReplaceAll(strings.Join(parts, " · "), "+0 %", "0 %")
}

// short writes an E-value with as many digits as mean something.
func short(e float64) string {
	switch {
	case e >= 10000:
		return "over 10000"
	case e >= 10:
		return fmt.Sprintf("%.0f", e)
	}
	return fmt.Sprintf("%.1f", e)
}

// Notes tells what is to be known beside the line of a card.
func (c *Card) Notes() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if c.State == Unmeasurable {
		return []string{"no machine can see it again: it is known from what people said, or it was found before detectors were kept"}
	}
	if c.Before.Opportunities == 0 && c.Since.Opportunities > 0 {
		say("there is no baseline: before, there are only the %d sessions that it was found in, and those flatter", c.Found.Opportunities)
	}
	if c.Ratio != nil && c.Since.Opportunities >= MinExposure { // a description, whatever E says
		say("the rate since is %.2f of the rate before (90 %% interval %.2f to %.2f)", c.Ratio.Mid, c.Ratio.Low, c.Ratio.High)
	}
	if c.Expected > 0 && len(c.Breaks) == 0 {
		say("%.1f failures were to be expected since, had nothing changed", c.Expected)
	}
	if p := c.Placebo; p != nil && c.Before.Failed > 0 && c.Since.Opportunities > 0 {
		if change := c.Since.Share()/c.Before.Share() - 1; change < 0 && p.Change <= change/2 {
			say("%s without a rule fell by %.0f %% over the same dates: do not credit the rule", patterns(p.Patterns), -100*p.Change)
		}
	}
	if len(c.Breaks) > 0 {
		say("not compared, for lack of a baseline: %s", strings.Join(c.Breaks, ", "))
	}
	if c.Causal != nil {
		say("by lot: %d/%d where it was held out, %d/%d where it was shown, E %s", c.Causal.Held.Failed, c.Causal.Held.Opportunities, c.Causal.Shown.Failed, c.Causal.Shown.Opportunities, short(c.Causal.E))
	}
	return out
}

func patterns(n int) string {
	if n == 1 {
		return "one pattern"
	}
	return fmt.Sprintf("%d patterns", n)
}
