package main

import (
	"context"
	"fmt"
	"time"

	"lode/miner"
	"lode/session"
)

// digestView is the machine view of a digest.
type digestView struct {
	V int `json:"v"`
	miner.Digest
	Patterns []miner.Pattern `json:"patterns"`
}

// runDigest writes what people said instead, for a reader or an analyst.
func runDigest(ctx context.Context, lib *library, o mineOptions, since time.Time) error {
	if o.budget < 1 {
		return usagef("--budget is %d, it must be at least 1", o.budget)
	}
	var d miner.Digest
	infos := lib.selected(&filters{projects: o.projects}, since, time.Time{})
	err := lib.each(ctx, infos, func(s *session.Session) error {
		if s.Population == session.ByUser || s.Population == session.Headless {
			d.AddTurns(s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.Trim(o.budget)
	report, err := lib.mine(ctx, since, o.projects)
	if err != nil {
		return err
	}
	view := digestView{V: 1, Digest: d, Patterns: []miner.Pattern{}}
	for _, p := range report.Patterns {
		if p.Recommended {
			view.Patterns = append(view.Patterns, p)
		}
	}
	if view.Turns == nil {
		view.Turns = []miner.Turn{}
	}
	if lib.w.json {
		return printJSON(lib.w.stdout, view)
	}
	out := lib.w.stdout
	fmt.Fprintf(out, "# What people said instead\n\n")
	for _, t := range d.Turns {
		fmt.Fprintf(out, "- %s (%s)\n  %s\n", t.Ref, t.Intent, t.Text)
		if t.About != "" {
			fmt.Fprintf(out, "  after: %s\n", t.About)
		}
	}
	fmt.Fprintf(out, "\n# What recurs\n\n")
	for _, p := range view.Patterns {
		fmt.Fprintf(out, "- %s: %s\n", p.Title, p.Rule)
	}
	fmt.Fprintf(out, "\n%s, about %d tokens\n", count(len(d.Turns), "turn"), d.Tokens)
	return nil
}
