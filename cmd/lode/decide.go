package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lode/cmd/lode/internal/branch"
	"lode/rules"
)

// withBook opens the book under the lock, for a decision.
func (w *world) withBook(f func(*rules.Book) error) error {
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	b, err := w.book()
	if err != nil {
		return err
	}
	return f(b)
}

// decide carries out a decision, or, for a trial, only looks whether it can be
// made.
func decide(g *globals, id, done string, dryRun bool, f func(*rules.Book) (*rules.Proposal, error)) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	var d *rules.Proposal
	if dryRun {
		b, err := w.book()
		if err != nil {
			return err
		}
		if d, err = b.Undecided(id); err != nil {
			return proposalError(err)
		}
		return w.printDecision(decisionView{V: 1, proposalView: viewProposal(d), DryRun: true}, "would be "+done, "")
	}
	err = w.withBook(func(b *rules.Book) (err error) {
		d, err = f(b)
		return err
	})
	if err != nil {
		return proposalError(err)
	}
	return w.printDecision(decisionView{V: 1, proposalView: viewProposal(d)}, done, "")
}

func (w *world) printDecision(v decisionView, done, more string) error {
	switch {
	case v.Patch == "-":
		return nil // the patch is the output
	case w.json:
		return printJSON(w.stdout, v)
	case w.quiet:
		return nil
	}
	fmt.Fprintf(w.stdout, "%s %s\n", v.ID, done)
	if more != "" {
		fmt.Fprintln(w.stdout, strings.TrimRight(more, "\n"))
	}
	return nil
}

func newReviewRejectCommand(g *globals) *cobra.Command {
	var reason string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "reject ID", Short: "Decide against a proposal",
		Long:    "reject is remembered: the proposal comes back only when its evidence has doubled.",
		Example: `  lode review reject r-1a2b3c4d --reason "we are removing that tool"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return decide(g, args[0], "rejected", dryRun, func(b *rules.Book) (*rules.Proposal, error) { return b.Reject(args[0], reason) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the ledger")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only look whether it can be rejected")
	return cmd
}

func newReviewSnoozeCommand(g *globals) *cobra.Command {
	var days int
	var reason string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "snooze ID", Short: "Put a proposal off",
		Example: "  lode review snooze r-1a2b3c4d --days 14",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if days < 1 {
				return usagef("--days is %d, it must be at least 1", days)
			}
			return decide(g, args[0], "snoozed", dryRun, func(b *rules.Book) (*rules.Proposal, error) {
				return b.Snooze(args[0], reason, b.Now.AddDate(0, 0, days))
			})
		},
	}
	cmd.Flags().IntVar(&days, "days", snoozeDays, "how long")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the ledger")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only look whether it can be put off")
	return cmd
}

const snoozeDays = 7

type undoOptions struct {
	reason         string
	byHand, dryRun bool
}

func newReviewUndoCommand(g *globals) *cobra.Command {
	var o undoOptions
	cmd := &cobra.Command{
		Use: "undo ID", Short: "Take an accepted proposal back",
		Long: `undo gives the file its old bytes again. When the file was changed since, only
the lines that were added are taken out, and those that were removed come back;
when that cannot be done, it says so and changes nothing. Then take the rule out
by hand, and tell with --by-hand. A rule that was committed on a branch leaves
the branch again, and the file, if it came there.`,
		Example: "  lode review undo r-1a2b3c4d\n  lode review undo r-1a2b3c4d --dry-run",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runReviewUndo(cmd.Context(), g, o, args[0]) },
	}
	cmd.Flags().BoolVar(&o.byHand, "by-hand", false, "you took it out yourself: record that, and leave the file as it is")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the ledger")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would change, and change nothing")
	return cmd
}

func runReviewUndo(ctx context.Context, g *globals, o undoOptions, id string) error {
	if o.dryRun {
		w, b, err := g.book()
		if err != nil {
			return err
		}
		c, err := b.TryUndo(id)
		if err != nil {
			return proposalError(err)
		}
		return w.printTrial(c)
	}
	return decide(g, id, "undone", false, func(b *rules.Book) (*rules.Proposal, error) {
		if o.byHand {
			return b.UndoneByHand(id, o.reason)
		}
		return undo(ctx, b, id, o.reason)
	})
}

// undo takes an accepted proposal back, on the branch that it went to as well.
func undo(ctx context.Context, b *rules.Book, id, reason string) (*rules.Proposal, error) {
	c, err := b.TryUndo(id)
	if err != nil {
		return nil, err
	}
	if to := b.Went(c.Proposal.ID); to.Branch != "" {
		if err := leaveBranch(ctx, b, c.Proposal, to); err != nil {
			return c.Proposal, err
		}
	}
	return b.Undo(id, reason)
}

// leaveBranch takes a rule off the branch that it was committed on: the commit,
// if it is the last, else with another. What was merged is in the checkout.
func leaveBranch(ctx context.Context, b *rules.Book, d *rules.Proposal, to rules.Elsewhere) error {
	r, err := branch.Open(ctx, d.Root, b.Now)
	if errors.Is(err, branch.ErrNoRepo) {
		return nil // nothing is left of it
	}
	if err != nil {
		return err
	}
	state, err := r.Where(ctx, to.Branch, to.Commit)
	switch {
	case err != nil:
		return err
	case state == branch.Last:
		return r.Drop(ctx, to.Branch, to.Commit)
	case state != branch.Waiting:
		return nil
	}
	text, err := r.Read(ctx, to.Branch, d.Target)
	if err != nil {
		return err
	}
	less, err := b.Without(d.ID, text)
	if err != nil {
		return fmt.Errorf("branch %s: %w", to.Branch, err)
	}
	_, err = r.Commit(ctx, to.Branch, d.Target, less, less == "", "Undo "+subject(d)+"\n\nProposal: "+d.ID+"\n")
	return err
}
