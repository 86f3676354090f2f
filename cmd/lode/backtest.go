package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lode/miner"
	"lode/session"
)

func newBacktestCommand(g *globals) *cobra.Command {
	var at string
	var projects []string
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Would last month's rules have helped this month?",
		Long: `backtest mines the sessions before a date and looks at those after it: how many
of the patterns that were recommended came again, in what share of the sessions
in which anything went wrong, and how as many patterns fare that are chosen by
their frequency alone. Undated sessions are left out.`,
		Example: "  lode backtest\n  lode backtest --at 2026-05-01 --project shop",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runBacktest(cmd.Context(), g, at, projects) },
	}
	cmd.Flags().StringVar(&at, "at", "30d", "the date that divides: 30d ago, or 2026-05-01")
	cmd.Flags().StringSliceVar(&projects, "project", nil, "only this project (its whole name or its last part)")
	return cmd
}

// backtestView is the machine view of a backtest.
type backtestView struct {
	V      int       `json:"v"`
	At     time.Time `json:"at"`
	Before int       `json:"before"` // sessions
	After  int       `json:"after"`
	miner.Backtest
}

func runBacktest(ctx context.Context, g *globals, at string, projects []string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	day, err := parseSince(at, w.clock)
	if err != nil || day.IsZero() {
		return usagef("--at: %q is no date (hint: --at 2026-05-01, or --at 30d)", at)
	}
	lib, err := w.library()
	if err != nil {
		return err
	}
	var all, before []session.Info
	begun := make(map[string]bool) // root sessions, before the date
	for _, info := range lib.selected(&filters{projects: projects}, time.Time{}, time.Time{}) {
		if info.Start.IsZero() {
			continue
		}
		all = append(all, info)
		if info.Start.Before(day) {
			before = append(before, info)
			begun[lib.roots[info.Name()]] = true
		}
	}
	learned, err := lib.mineFrom(time.Time{}, loadAhead(ctx, before, lib.load))
	if err != nil {
		return err
	}
	came, err := lib.mineFrom(time.Time{}, loadAhead(ctx, all, lib.load))
	if err != nil {
		return err
	}
	later := func(root string) bool { return !begun[root] }
	view := backtestView{1, day, len(before), len(all) - len(before), miner.NewBacktest(learned, came, later)}
	if g.json {
		return printJSON(w.stdout, view)
	}
	view.print(w)
	return nil
}

func (v *backtestView) print(w *world) {
	out := w.stdout
	fmt.Fprintf(out, "%s before %s, %s after; something went wrong in %d of them\n\n", count(v.Before, "session"), v.At.Format(time.DateOnly), count(v.After, "session"), v.Failing)
	for _, p := range v.Patterns {
		again := "not met again"
		if p.After > 0 {
			again = "met again in " + count(p.After, "session")
		}
		fmt.Fprintf(out, "%s  %s  [%s]\n    %s before, %s\n", p.ID, p.Title, p.Project, count(p.Sessions, "session"), again)
	}
	for _, f := range []struct {
		name string
		miner.Forecast
	}{{"recommended", v.Recommended}, {"with 3 or more sessions", v.Strong}, {"most frequent, as many", v.Frequent}} {
		fmt.Fprintf(out, "%-24s %d of %d came again, in %.0f %% of the sessions in which something went wrong\n", f.name+":", f.Recurred, f.Patterns, 100*f.Share)
	}
}
