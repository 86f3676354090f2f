package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lode/cmd/lode/internal/branch"
	"lode/rules"
	"lode/session"
)

type acceptOptions struct {
	root, reason     string
	dryRun           bool
	asBranch, asPath string
}

func (o *acceptOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.root, "root", "", "the project's checkout, where it is not known or another is meant")
	f.StringVar(&o.reason, "reason", "", "why, for the ledger")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would change, and change nothing")
	f.StringVar(&o.asBranch, "as-branch", "", "commit the change on this branch (default "+ownBranch+") instead of changing the file")
	f.Lookup("as-branch").NoOptDefVal = ownBranch
	f.StringVar(&o.asPath, "as-patch", "", "write the change into this patch file (- for standard output) instead of changing the file")
}

// ownBranch is where rules are committed when no branch is named.
const ownBranch = branch.Own + "rules"

func newReviewAcceptCommand(g *globals) *cobra.Command {
	var o acceptOptions
	cmd := &cobra.Command{
		Use: "accept ID", Short: "Apply a proposal to its file",
		Long: `accept patches the file and writes the learning into the vault. When the file
has changed since the proposal was made, nothing is applied: the proposal is made
anew against the file as it is, and shown.

With --as-branch the change is committed on a branch, with a message that cites
the evidence; the files, the index and the branch that is checked out stay as
they are. The branch begins at HEAD, and later rules pile up on it. With
--as-patch it is written as a patch for git am or git apply.`,
		Example: `  lode review accept r-1a2b3c4d --dry-run
  lode review accept r-1a2b3c4d --root ~/src/shop
  lode review accept r-1a2b3c4d --as-branch
  lode review accept r-1a2b3c4d --as-branch=docs/rules --reason "seen it twice"
  lode review accept r-1a2b3c4d --as-patch rule.patch`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runReviewAccept(cmd.Context(), g, o, args[0]) },
	}
	o.AddFlags(cmd)
	return cmd
}

// decisionView is the machine view of a decision.
type decisionView struct {
	V int `json:"v"`
	proposalView
	DryRun bool `json:"dry_run,omitempty"` // nothing was written
	rules.Elsewhere
}

func runReviewAccept(ctx context.Context, g *globals, o acceptOptions, id string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if o.asBranch != "" && o.asPath != "" {
		return usagef("--as-branch and --as-patch exclude each other (hint: accept with one of them)")
	}
	if o.root != "" {
		if info, err := os.Stat(o.root); err != nil || !info.IsDir() {
			return usagef("--root: %s is not a folder", o.root)
		}
		if o.root, err = filepath.Abs(o.root); err != nil {
			return err
		}
	}
	ch := w.channel(ctx, o)
	if o.dryRun {
		return w.tryAccept(o, id, ch)
	}
	var d *rules.Proposal
	var to rules.Elsewhere
	err = w.withBook(func(b *rules.Book) (err error) {
		if ch.Deliver == nil {
			d, err = b.Accept(id, o.root, o.reason)
			return err
		}
		d, to, err = b.AcceptElsewhere(id, o.root, o.reason, ch)
		return err
	})
	if errors.Is(err, rules.ErrNoRoot) && o.asPath != "" {
		return w.export(d, o.asPath)
	}
	if err != nil {
		return w.acceptError(d, err)
	}
	return w.printDecision(decisionView{1, viewProposal(d), false, to}, "accepted", accepted(d, to))
}

// acceptError says why nothing was applied, and what helps.
func (w *world) acceptError(d *rules.Proposal, err error) error {
	switch {
	case errors.Is(err, rules.ErrMoved):
		if !w.json {
			w.printProposal(d)
		}
		return fmt.Errorf("%w; nothing was applied, the proposal was made anew (hint: look at it, then accept it again)", err)
	case errors.Is(err, rules.ErrNoRoot):
		return usagef("%w (hint: name it with --root DIR, or set root: for project %s in the configuration; --as-patch writes the change all the same)", err, d.Project)
	}
	return proposalError(err)
}

// accepted says where an accepted change went.
func accepted(d *rules.Proposal, to rules.Elsewhere) string {
	switch {
	case to.Branch != "":
		return fmt.Sprintf("  on branch %s of %s, commit %.12s (hint: git -C %s merge %s)", to.Branch, d.Root, to.Commit, shellQuote(d.Root), to.Branch)
	case to.Patch == "-":
		return ""
	case to.Patch != "":
		return fmt.Sprintf("  in %s (hint: git -C %s am %s, or git apply)", to.Patch, shellQuote(d.Root), shellQuote(to.Patch))
	}
	return "  " + filepath.Join(d.Root, filepath.FromSlash(d.Target)) + " now says: " + d.Rule
}

// tryAccept prints what accepting would change.
func (w *world) tryAccept(o acceptOptions, id string, ch rules.Channel) error {
	b, err := w.book()
	if err != nil {
		return err
	}
	d, c, err := b.TryElsewhere(id, o.root, ch)
	if errors.Is(err, rules.ErrMoved) && d.Diff != "" {
		return fmt.Errorf("%w; accepting it would show it anew (hint: lode review accept %s)", err, d.ID)
	}
	if err != nil {
		return w.acceptError(d, err)
	}
	return w.printTrial(c)
}

// printTrial prints a change that was not made.
func (w *world) printTrial(c *rules.Change) error {
	diff, err := c.Diff()
	if err != nil {
		return err
	}
	if w.json {
		v := decisionView{V: 1, proposalView: viewProposal(c.Proposal), DryRun: true}
		v.Diff = diff
		return printJSON(w.stdout, v)
	}
	switch {
	case c.Removed:
		fmt.Fprintf(w.stdout, "would remove %s\n", c.File())
	case diff == "":
		fmt.Fprintf(w.stdout, "would leave %s as it is\n", c.File())
	default:
		fmt.Fprintf(w.stdout, "would change %s:\n\n%s", c.File(), diff)
	}
	return nil
}

// channel is where a change goes that does not go into the checkout.
func (w *world) channel(ctx context.Context, o acceptOptions) rules.Channel {
	switch {
	case o.asBranch != "":
		return w.branchChannel(ctx, o.asBranch, o.reason)
	case o.asPath != "":
		return rules.Channel{Deliver: func(c *rules.Change) (rules.Elsewhere, error) {
			diff, err := c.Diff()
			if err != nil {
				return rules.Elsewhere{}, err
			}
			return w.writePatch(o.asPath, w.patch(c.Proposal, diff, o.reason))
		}}
	}
	return rules.Channel{}
}

func (w *world) branchChannel(ctx context.Context, name, reason string) rules.Channel {
	return rules.Channel{
		Name: name,
		Read: func(root, target string) (string, error) {
			r, err := branch.Open(ctx, root, w.clock)
			if err != nil {
				return "", err
			}
			if err := r.Check(ctx, name); err != nil {
				return "", err
			}
			return r.Read(ctx, name, target)
		},
		Deliver: func(c *rules.Change) (rules.Elsewhere, error) {
			r, err := branch.Open(ctx, c.Proposal.Root, w.clock)
			if err != nil {
				return rules.Elsewhere{}, err
			}
			commit, err := r.Commit(ctx, name, c.Proposal.Target, c.After, false, subject(c.Proposal)+"\n\n"+message(c.Proposal, reason))
			return rules.Elsewhere{Branch: name, Commit: commit}, err
		},
	}
}

// writePatch writes a patch file. One that is there is another's.
func (w *world) writePatch(name, text string) (rules.Elsewhere, error) {
	if name == "-" {
		if w.json {
			return rules.Elsewhere{}, usagef("--as-patch - and --json both need standard output (hint: name a file)")
		}
		_, err := fmt.Fprint(w.stdout, text)
		return rules.Elsewhere{Patch: name}, err
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return rules.Elsewhere{}, err
	}
	to := rules.Elsewhere{Patch: file}
	if old, err := os.ReadFile(file); err == nil {
		if string(old) == text {
			return to, nil
		}
		return to, usagef("--as-patch: %s is there already (hint: name another file)", name)
	}
	return to, os.WriteFile(file, []byte(text), 0o644)
}

// export writes the patch of a proposal without a checkout, which cannot be
// accepted.
func (w *world) export(d *rules.Proposal, file string) error {
	to, err := w.writePatch(file, w.patch(d, d.Diff, ""))
	if err != nil || file == "-" {
		return err
	}
	if w.json {
		return printJSON(w.stdout, decisionView{1, viewProposal(d), false, to})
	}
	w.note("%s written to %s; it stays open: no checkout of %s is known here (hint: apply it, or accept it with --root DIR)", d.ID, to.Patch, d.Project)
	return nil
}

// patch is a change in the form of an e-mail, as git am takes it.
func (w *world) patch(d *rules.Proposal, diff, reason string) string {
	return fmt.Sprintf("From %040d Mon Sep 17 00:00:00 2001\nFrom: lode <lode@localhost>\nDate: %s\nSubject: [PATCH] %s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n%s---\n\n%s-- \nlode\n",
		0, w.clock.Format("Mon, 2 Jan 2006 15:04:05 -0700"), subject(d), message(d, reason), diff)
}

const commitWidth = 72 // of a line in a commit message, as git shows it well

// subject is the first line of a commit message.
func subject(d *rules.Proposal) string {
	s := d.Target + ": " + strings.ReplaceAll(session.Clean(d.Title), "\n", " ")
	if r := []rune(s); len(r) > commitWidth {
		s = string(r[:commitWidth-3]) + "..."
	}
	return s
}

// message is what a commit message says below: the rule, why, and the evidence.
func message(d *rules.Proposal, reason string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", wrap(d.Rule, commitWidth), wrap(d.Why, commitWidth))
	if reason != "" {
		fmt.Fprintf(&b, "\n%s\n", wrap("Accepted because: "+session.Clean(reason), commitWidth))
	}
	b.WriteString("\nEvidence (lode show REF):\n")
	for _, e := range d.Evidence {
		fmt.Fprintf(&b, "- %s\n%s\n", e.Ref, indent(wrap(session.Clean(e.Quote), commitWidth-2), "  "))
	}
	if d.Counter.Sessions > 0 {
		fmt.Fprintf(&b, "\nThe same worked in %s.\n", count(d.Counter.Sessions, "session"))
	}
	fmt.Fprintf(&b, "\nProposal: %s\n", d.ID)
	return b.String()
}

// wrap breaks a text into lines of at most width letters, where words allow it.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case at == 0:
		case at+1+n > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

func indent(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }
