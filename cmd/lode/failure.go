package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"lode/cmd/lode/internal/mcp"
	"lode/index"
	"lode/index/query"
	"lode/miner"
	"lode/session"
)

// fixView is what worked where a failure was seen before.
type fixView struct {
	Pattern   string `json:"pattern"`
	Command   string `json:"command"`
	InsteadOf string `json:"instead_of,omitempty"`
	Sessions  int    `json:"sessions"` // in which it worked
	Ref       string `json:"ref,omitempty"`
}

// maxPasted bounds what is read of a pasted output: more has nothing more to
// tell.
const maxPasted = 4 << 20

// pasted reads the output of which --error names the file, or - for standard
// input.
func (w *world) pasted(name string) (string, error) {
	in := w.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPasted))
	if err == nil && strings.TrimSpace(string(text)) == "" {
		err = usagef("--error: there is no output to look for (hint: make test 2>&1 | lode search --error -)")
	}
	return session.Clean(string(text)), err
}

// failure is a failing output that was pasted, as the miner judges it.
type failure struct {
	miner.Classified
	lines []string // that may tell it, the most telling first
}

// readFailure judges an output. A first line that begins with a prompt is the
// command.
func readFailure(text string) failure {
	cmd := ""
	if first, rest, ok := strings.Cut(strings.TrimLeft(text, "\n"), "\n"); ok {
		for _, prompt := range []string{"$ ", "% ", "> ", "❯ "} {
			if c, ok := strings.CutPrefix(first, prompt); ok {
				cmd, text = c, rest
			}
		}
	}
	exit := 1
	f := failure{Classified: miner.Classify("", cmd, text, &exit)}
	if f.Signature != "" {
		f.lines = append(f.lines, f.Signature)
	}
	all := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range slices.Backward(all) { // the end of a trace tells most
		if line = strings.TrimSpace(line); len(f.lines) < maxTellingLines && len(lineWords(line)) >= 2 && !slices.Contains(f.lines, line) {
			f.lines = append(f.lines, line)
		}
	}
	return f
}

// maxTellingLines is how many lines of a paste are looked for, one by one.
const maxTellingLines = 6

// search --error finds the same failure: the one with the same fingerprint,
// else one with the same line but for numbers, paths and names, else one with
// most of the words of its line.
func (d *desk) searchFailure(ctx context.Context, pastedText, text string, o *searchOptions, who *mcp.Asker) (*searchView, error) {
	f := readFailure(pastedText)
	if len(f.lines) == 0 {
		return nil, usagef("--error: no line of the output has words")
	}
	if f.Fingerprint != "" {
		view, err := d.ask(ctx, query.Field{Name: "fingerprint", Values: []query.Text{{Text: f.Fingerprint, Quoted: true}}}, nil, text, o, who)
		if err != nil || view.Total > 0 {
			return d.withFixes(view, &f, "the same failure: "+session.Quote(f.Signature, 100), err)
		}
	}
	for _, line := range f.lines {
		same := func(text string) bool {
			template := miner.Mask(line)
			return slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool { return miner.Mask(strings.TrimSpace(l)) == template })
		}
		words := lineWords(line)
		if len(words) == 0 {
			continue
		}
		view, err := d.ask(ctx, words, same, text, o, who)
		if err != nil || view.Total > 0 {
			return d.withFixes(view, &f, "the same line, but for numbers, paths and names: "+session.Quote(line, 100), err)
		}
	}
	words := lineWords(f.lines[0])
	view, err := d.ask(ctx, words, nil, text, o, who)
	if err == nil && view.Total > 0 {
		view.Tier = index.Close
	}
	return d.withFixes(view, &f, "by the words of: "+session.Quote(f.lines[0], 100), err)
}

// lineWords are the words of a line that its template keeps, at most so many as
// a query takes.
func lineWords(line string) query.And {
	var words query.And
	template := miner.Mask(line)
	for _, hole := range []string{"<str>", "<url>", "<path>", "<n>", "<hex>", "<id>"} {
		template = strings.ReplaceAll(template, hole, " ")
	}
	for _, w := range strings.FieldsFunc(template, func(r rune) bool { return r == ' ' || strings.ContainsRune(`"'()[]{}:,;=|<>`+"`", r) }) {
		if n := (query.Text{Text: w}); index.Searchable(w) && !slices.Contains(words, query.Node(n)) && len(words) < 24 {
			words = append(words, n)
		}
	}
	return words
}

// ask searches for a part, together with a query and flags.
func (d *desk) ask(ctx context.Context, part query.Node, accept func(string) bool, text string, o *searchOptions, who *mcp.Asker) (*searchView, error) {
	q := index.Query{Node: part, Now: d.w.clock, Limit: o.limit, Places: d.places, Store: d.w.store()}
	if strings.TrimSpace(text) != "" || len(o.nodes()) > 0 {
		more, err := d.query(text, o)
		if err != nil {
			return nil, err
		}
		q.Node = query.Join(part, more.Node)
	}
	q.Accept = accept
	return d.look(ctx, q, text, o, who)
}

// withFixes completes the answer to a failure.
func (d *desk) withFixes(view *searchView, f *failure, how string, err error) (*searchView, error) {
	if err != nil {
		return nil, err
	}
	view.Read = how
	view.Failure = &f.Classified
	saved, err := miner.Load(d.w.stateDir)
	if errors.Is(err, miner.ErrNoReport) {
		view.Notes = append(view.Notes, "what fixed it is not known: nothing was mined yet (hint: lode nightly)")
		return view, nil
	}
	if err != nil {
		return nil, err
	}
	hit := make(map[string]bool)
	for _, h := range view.Hits {
		hit[h.Ref] = true
	}
	for i := range saved.Patterns {
		p := &saved.Patterns[i]
		if p.Fix == nil || !f.of(p, hit) {
			continue
		}
		view.Fixes = append(view.Fixes, fixView{p.ID, p.Fix.Command, p.Fix.InsteadOf, p.Fix.Sessions, p.Fix.Ref})
	}
	slices.SortStableFunc(view.Fixes, func(a, b fixView) int { return b.Sessions - a.Sessions })
	view.Fixes = view.Fixes[:min(len(view.Fixes), maxFixes)]
	return view, nil
}

const maxFixes = 3

// of reports whether a pattern is about the failure: of the same class and
// thing, with the same line, or with one of the hits in evidence.
func (f *failure) of(p *miner.Pattern, hits map[string]bool) bool {
	switch {
	case f.Entity != "" && f.Class == p.Class && f.Entity == p.Entity:
		return true
	case f.Signature != "" && p.Template == miner.Mask(f.Signature):
		return true
	}
	return slices.ContainsFunc(p.Evidence, func(e miner.Evidence) bool { return hits[e.Ref] })
}

func printFixes(out io.Writer, view *searchView) {
	for _, f := range view.Fixes {
		line := "what worked: " + f.Command
		if f.InsteadOf != "" {
			line += ", instead of " + f.InsteadOf
		}
		fmt.Fprintf(out, "%s, in %s", line, count(f.Sessions, "session"))
		if f.Ref != "" {
			fmt.Fprintf(out, " (lode show %s)", f.Ref)
		}
		fmt.Fprintf(out, "; why: lode mine --explain %s\n", f.Pattern)
	}
}
