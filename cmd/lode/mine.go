package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lode/ingest"
	"lode/miner"
	"lode/rules"
	"lode/session"
)

type mineOptions struct {
	projects []string
	since    string
	all      bool
	digest   bool
	budget   int
	explain  string
}

func (o *mineOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.projects, "project", nil, "only patterns of this project (its whole name or its last part)")
	f.StringVar(&o.since, "since", "30d", "how far to look back: 30d, 2026-05-01, all; undated sessions are always in")
	f.BoolVar(&o.all, "all", false, "list also what is not recommended, with the reason")
	f.BoolVar(&o.digest, "digest", false, "write what people said instead: corrections, rejections, standing instructions")
	f.StringVar(&o.explain, "explain", "", "tell how the pattern of this id came to be")
	f.IntVar(&o.budget, "budget", 20000, "tokens that the digest may use")
}

func newMineCommand(g *globals) *cobra.Command {
	var o mineOptions
	cmd := &cobra.Command{
		Use:   "mine",
		Short: "Show what recurs",
		Long: `mine gathers what goes wrong in the sessions into patterns: which command fails
for the same reason, which path is looked for in the wrong place, how often, in
how many sessions and on how many days, what it cost, and what worked instead.
It reads stored sessions only; lode nightly reads new transcripts first.`,
		Example: "  lode mine\n  lode mine --project shop --since all --all\n  lode mine --json --project shop\n  lode mine --since all --explain p-1a2b3c4d5e",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runMine(cmd.Context(), g, o) },
	}
	o.AddFlags(cmd)
	return cmd
}

// minedView is the machine view of mining.
type minedView struct {
	V        int             `json:"v"`
	Coverage ingest.Coverage `json:"coverage"`
	Mined    int             `json:"mined"`
	Patterns []miner.Pattern `json:"patterns"`
}

func runMine(ctx context.Context, g *globals, o mineOptions) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	since, err := parseSince(o.since, w.clock)
	if err != nil {
		return usagef("--since: %w", err)
	}
	lib, err := w.library()
	if err != nil {
		return err
	}
	if o.digest {
		return runDigest(ctx, lib, o, since)
	}
	report, err := lib.mine(ctx, since, o.projects)
	if err != nil {
		return err
	}
	if o.explain != "" {
		return lib.explain(report.Patterns, o.explain)
	}
	if g.json {
		return printJSON(w.stdout, minedView{1, lib.cat.Cover(nil), report.Mined, report.Patterns})
	}
	lib.printPatterns(report, o.all)
	return nil
}

// mine runs the miner over the sessions of the window and words the rules.
func (l *library) mine(ctx context.Context, since time.Time, projects []string) (miner.Report, error) {
	infos := l.selected(&filters{projects: projects}, since, time.Time{})
	return l.mineFrom(since, loadAhead(ctx, infos, l.load))
}

// mineFrom mines sessions that are loaded elsewhere.
func (l *library) mineFrom(since time.Time, sessions iter.Seq2[*session.Session, error]) (miner.Report, error) {
	known, err := l.w.knownPatterns()
	if err != nil {
		return miner.Report{}, err
	}
	report, err := miner.Mine(miner.Input{
		Sessions: sessions,
		Project:  func(h *session.Header) string { return l.projects.Of(h).Name },
		Root:     func(h *session.Header) string { return l.roots[h.Name()] },
		Support:  miner.Support(l.w.cfg.Support),
		Since:    since,
		Answers:  l.w.answers(),
		Known:    known,
	})
	for i := range report.Patterns {
		report.Patterns[i].Rule = rules.Word(&report.Patterns[i])
	}
	if report.Patterns == nil {
		report.Patterns = []miner.Pattern{}
	}
	return report, err
}

// knownPatterns returns the ids of the patterns that the ledger tells of.
func (w *world) knownPatterns() (map[string]bool, error) {
	book, err := w.book()
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for i := range book.Ledger.Entries {
		known[book.Ledger.Entries[i].Pattern] = true
	}
	return known, nil
}

// explain tells how a pattern came to be; the start of its id is enough.
func (l *library) explain(patterns []miner.Pattern, id string) error {
	for i := range patterns {
		p := &patterns[i]
		if !strings.HasPrefix(p.ID, id) {
			continue
		}
		lines := miner.Explain(p, miner.Support(l.w.cfg.Support))
		if l.w.json {
			return printJSON(l.w.stdout, struct {
				V       int           `json:"v"`
				Pattern miner.Pattern `json:"pattern"`
				Explain []string      `json:"explain"`
			}{1, *p, lines})
		}
		fmt.Fprintf(l.w.stdout, "%s  %s  [%s]\n", p.ID, p.Title, p.Project)
		for _, line := range lines {
			fmt.Fprintf(l.w.stdout, "    %s\n", line)
		}
		for _, e := range p.Evidence {
			fmt.Fprintf(l.w.stdout, "    see %s: %s\n", e.Ref, e.Quote)
		}
		return nil
	}
	return fmt.Errorf("no pattern %s in this window (hint: lode mine --since all --all)", id)
}

func (l *library) printPatterns(r miner.Report, all bool) {
	out, others := l.w.stdout, 0
	for i := range r.Patterns {
		p := &r.Patterns[i]
		if !p.Recommended {
			others++
			if !all {
				continue
			}
		}
		fmt.Fprintf(out, "%s  %s  [%s]\n", p.ID, p.Title, p.Project)
		when := "undated"
		if p.Days > 0 {
			when = "on " + count(p.Days, "day")
		}
		cost := fmt.Sprintf("cost %s, about %d tokens", count(p.Cost.Calls, "call"), p.Cost.Tokens)
		if p.Told == p.Occurrences {
			cost = "told by a person"
		}
		fmt.Fprintf(out, "    %s, %s, %s; %s\n", count(p.Sessions, "session"), count(p.Occurrences, "time"), when, cost)
		if p.Fix != nil {
			fmt.Fprintf(out, "    what worked: %s (in %s)\n", p.Fix.Command, count(p.Fix.Sessions, "session"))
		}
		if p.Recommended {
			fmt.Fprintf(out, "    rule: %s\n", p.Rule)
		} else {
			fmt.Fprintf(out, "    not recommended: %s\n", p.WhyNot)
		}
		if len(p.Evidence) > 0 {
			fmt.Fprintf(out, "    see %s: %s\n", p.Evidence[0].Ref, p.Evidence[0].Quote)
		}
	}
	fmt.Fprintf(out, "%s looked at; %s recommended, %d not", count(r.Mined, "session"), count(len(r.Patterns)-others, "pattern"), others)
	if others > 0 && !all {
		fmt.Fprint(out, " (hint: --all shows why)")
	}
	fmt.Fprintln(out)
}
