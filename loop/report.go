package loop

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/loop/journal"
	"lode/loop/verify"
	"lode/session"
)

func (r *Run) write(name string, text string) error {
	return renameio.WriteFile(r.file(filepath.FromSlash(name)), []byte(text), 0o600)
}

// cell makes a text fit into a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(session.Quote(text, 200))
}

// table writes verdicts with what they rest on.
func table(b *strings.Builder, all []verify.Verdict) {
	b.WriteString("| item | verdict | why | evidence |\n|---|---|---|---|\n")
	for _, v := range all {
		evidence := v.Log
		switch {
		case v.File != "":
			evidence = fmt.Sprintf("%s: “%s”", v.File, v.Quote)
		case v.Log != "":
			evidence = fmt.Sprintf("[%s](%s)", v.Log, v.Log)
		case v.Kind == verify.Screenshot.Name:
			evidence = fmt.Sprintf("artifacts/%s/%s.png", stepName(v.Iteration), v.Check)
		}
		if v.Command != "" {
			evidence = strings.TrimSpace("`" + session.Quote(v.Command, 80) + "` " + evidence)
		}
		says := v.Says
		if v.Cached {
			says += " (the same files as before)"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", cell(v.Check), v.Status, cell(says), strings.ReplaceAll(evidence, "|", "\\|"))
	}
}

// writeNote writes down an iteration: NN.md.
func (r *Run) writeNote(ctx context.Context, n int) error {
	a, _ := r.journal.Of(n, journal.Agent)
	begin, _ := r.journal.Of(n, journal.Begin)
	c, _ := r.journal.Of(n, journal.Check)
	before := r.base
	if e, ok := r.journal.Of(n-1, journal.Ended); ok {
		before = e.Tree
	}
	changes, err := r.tree.Diff(ctx, before, a.Tree)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Iteration %d\n\n%s%s.\n\n", n, tally(c.Marks), r.how(a))
	table(&b, r.verdictsOf(n))
	fmt.Fprintf(&b, "\nChanged: %s\n", stat(changes))
	if begin.Note != "" {
		fmt.Fprintf(&b, "\nIts brief said beside: %s\n", begin.Note)
	}
	if len(begin.Learned)+len(begin.Withheld) > 0 {
		fmt.Fprintf(&b, "\nLearnings loaded: %s; withheld: %s\n", listed(begin.Learned), listed(begin.Withheld))
	}
	if len(a.Sessions) > 0 {
		fmt.Fprintf(&b, "\nSessions: %s\n", strings.Join(a.Sessions, ", "))
	}
	fmt.Fprintf(&b, "\n[prompt](%s.prompt.md) · [output of the agent](logs/%[1]s.agent.txt)\n", stepName(n))
	return r.write(stepName(n)+".md", b.String())
}

func listed(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	return strings.Join(ids, ", ")
}

// writeState writes down where the run stands: state.md.
func (r *Run) writeState(n int) error {
	return r.write("state.md", fmt.Sprintf("# Where it stands after iteration %d\n\n%s\n\n%s", n, r.Goal.Goal, r.standingText(n)))
}

// writeMetrics writes metrics.csv, and a plot of each metric.
func (r *Run) writeMetrics() error {
	all, err := readVerdicts(r.file("verdicts.jsonl"))
	if err != nil {
		return err
	}
	of := make(map[string][]verify.Verdict)
	var rows bytes.Buffer
	out := csv.NewWriter(&rows)
	out.Write([]string{"iteration", "check", "value", "unit", "baseline", "target", "verdict"})
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for _, v := range all {
		if v.Value != nil {
			of[v.Check] = append(of[v.Check], v)
			out.Write([]string{strconv.Itoa(v.Iteration), v.Check, number(v.Value), v.Unit, number(v.Baseline), number(v.Target), string(v.Status)})
		}
	}
	if len(of) == 0 {
		return nil
	}
	out.Flush()
	errs := []error{r.write("metrics.csv", rows.String()), os.MkdirAll(r.file("artifacts"), 0o700)}
	for id, points := range of {
		errs = append(errs, r.write("artifacts/metric-"+id+".svg", plot(id, points)))
	}
	return errors.Join(errs...)
}

// plot draws a metric over the iterations, with its target.
func plot(id string, points []verify.Verdict) string {
	const w, h, left, top = 640.0, 240.0, 60.0, 24.0
	low, high := *points[0].Value, *points[0].Value
	var target *float64
	for _, p := range points {
		low, high = min(low, *p.Value), max(high, *p.Value)
		if p.Target != nil {
			target = p.Target
			low, high = min(low, *target), max(high, *target)
		}
	}
	if low == high {
		low, high = low-1, high+1
	}
	most := max(points[len(points)-1].Iteration, 1)
	x := func(n int) float64 { return left + float64(n)/float64(most)*(w-left-20) }
	y := func(v float64) float64 { return top + (high-v)/(high-low)*(h-2*top) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="11">`+"\n", w, h)
	fmt.Fprintf(&b, `<title>%s</title><rect width="%g" height="%g" fill="#fff"/>`+"\n", html.EscapeString(id), w, h)
	for _, v := range []float64{low, high} {
		fmt.Fprintf(&b, `<text x="%g" y="%.1f" text-anchor="end">%.4g</text>`+"\n", left-6, y(v)+4, v)
	}
	if target != nil {
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" stroke="#2a7" stroke-dasharray="4"/>`+"\n", left, w-20, y(*target), y(*target))
		fmt.Fprintf(&b, `<text x="%g" y="%.1f" text-anchor="end" fill="#2a7">wanted %.4g %s</text>`+"\n", w-20, y(*target)-4, *target, html.EscapeString(points[0].Unit))
	}
	var line []string
	for _, p := range points {
		line = append(line, fmt.Sprintf("%.1f,%.1f", x(p.Iteration), y(*p.Value)))
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3"><title>iteration %d: %g</title></circle>`+"\n", x(p.Iteration), y(*p.Value), p.Iteration, *p.Value)
	}
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="#236"/>`+"\n"+`<text x="%g" y="%g" text-anchor="middle">iteration, 0 to %d</text>`+"\n</svg>\n",
		strings.Join(line, " "), w/2, h-4, most)
	return b.String()
}

// report writes report.md: what the run came to, with evidence for each item.
func (r *Run) report(o Outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n**%s**: %s.\n\n", cell(o.Goal), o.Status, o.Reason)
	verdicts := r.verdictsOf(o.Iterations)
	table(&b, verdicts)
	fmt.Fprintf(&b, "\n%s in %s; %d tokens and $%.2f as far as agents report them. The contract: [goal.md](goal.md) (%s), begun at commit %s.\n",
		plural(o.Iterations, "iteration"), time.Duration(o.Seconds*float64(time.Second)).Round(time.Second), o.Tokens, o.Cost, r.start.Goal, r.start.Base[:min(12, len(r.start.Base))])
	r.reportRows(&b)
	if len(o.Tampered) > 0 {
		fmt.Fprintf(&b, "\nProtected files that agents changed, which was undone (what they made of them is in touched/): %s.\n", strings.Join(o.Tampered, ", "))
	}
	if len(o.Flaky) > 0 {
		fmt.Fprintf(&b, "\nFlaky checks, which say now this, now that of the same files: %s.\n", strings.Join(o.Flaky, ", "))
	}
	r.reportWeak(&b, verdicts)
	if _, err := os.Stat(r.file("metrics.csv")); err == nil {
		fmt.Fprintf(&b, "\nMetrics: [metrics.csv](metrics.csv)\n")
		for _, c := range r.Goal.Checks {
			if _, err := os.Stat(r.file("artifacts", "metric-"+c.ID+".svg")); err == nil {
				fmt.Fprintf(&b, "\n![%s](artifacts/metric-%[1]s.svg)\n", c.ID)
			}
		}
	}
	r.reportTake(&b, o)
	return r.write("report.md", b.String())
}

// reportRows tells the iterations in a line each.
func (r *Run) reportRows(b *strings.Builder) {
	first := true
	for i := range r.journal.Entries {
		e := &r.journal.Entries[i]
		if e.Event != journal.Ended {
			continue
		}
		if first {
			b.WriteString("\n| iteration | came to | learnings |\n|---|---|---|\n")
			first = false
		}
		a, _ := r.journal.Of(e.N, journal.Agent)
		c, _ := r.journal.Of(e.N, journal.Check)
		begin, _ := r.journal.Of(e.N, journal.Begin)
		learned := listed(begin.Learned)
		if len(begin.Withheld) > 0 {
			learned += "; withheld " + listed(begin.Withheld)
		}
		fmt.Fprintf(b, "| [%d](%s.md) | %s | %s |\n", e.N, stepName(e.N), cell(tally(c.Marks)+redOnes(c.Marks)+r.how(a)), learned)
	}
}

// reportWeak says what a done does not rest on.
func (r *Run) reportWeak(b *strings.Builder, all []verify.Verdict) {
	e, ok := r.journal.Last(journal.Baseline)
	if !ok {
		return
	}
	var already []string
	for _, m := range e.Marks {
		if good(m.Status) && !strings.HasPrefix(m.ID, "constraint-") {
			already = append(already, m.ID)
		}
	}
	if len(already) > 0 {
		fmt.Fprintf(b, "\nHeld before any work, so that they tell nothing about it: %s.\n", strings.Join(already, ", "))
	}
	var words []string
	for _, c := range r.Goal.Constraints {
		if c.Run == "" {
			words = append(words, c.Say)
		}
	}
	if len(words) > 0 {
		fmt.Fprintf(b, "\nNobody has checked: %s.\n", strings.Join(words, "; "))
	}
}

// reportTake says how to take the work over, or to go on.
func (r *Run) reportTake(b *strings.Builder, o Outcome) {
	head, err := r.tree.Head(context.Background())
	if err != nil {
		return
	}
	fmt.Fprintf(b, "\n## To take it over\n\n    %s\n", o.Merge)
	if clean, conflicts := r.tree.Merges(context.Background(), head); !clean && len(conflicts) > 0 {
		fmt.Fprintf(b, "\nIt does not merge by itself into what is checked out now: %s.\n", strings.Join(conflicts, ", "))
	}
	if o.Best > 0 && o.Best != o.Iterations {
		fmt.Fprintf(b, "\nThe best state was that of iteration %d:\n\n    git merge %sbest\n", o.Best, r.tree.Refs)
	}
	if o.Status != Done {
		fmt.Fprintf(b, "\nTo go on: lode run resume %s\n", o.Run)
	}
}
