package main

import (
	"errors"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"lode/rules"
	"lode/session"
)

func newReviewCommand(g *globals) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "review",
		Short: "Decide on proposed rules",
		Long: `review shows the proposals that are open: at a terminal in an interface that is
led by keys, elsewhere, or with a verb, in text. Each is a change of one
instruction file: a unified diff, with evidence that opens, what speaks against
it, and what it costs the file's readers. Nothing is changed until one is
accepted; then the file is patched, the ledger says who and why, and undo gives
the old bytes back.`,
		Example: `  lode review
  lode review show r-1a2b3c4d
  lode review accept r-1a2b3c4d --root ~/src/shop
  lode review reject r-1a2b3c4d --reason "only on the old runner"
  lode review undo r-1a2b3c4d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runReview(cmd.Context(), g, all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "list also what was decided")
	cmd.AddCommand(newReviewListCommand(g), newReviewShowCommand(g), newReviewAcceptCommand(g), newReviewEditCommand(g), newReviewRejectCommand(g), newReviewSnoozeCommand(g), newReviewUndoCommand(g), newReviewEffectCommand(g), newReviewRetireCommand(g), newReviewMoveCommand(g))
	return cmd
}

func newReviewListCommand(g *globals) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the proposals",
		Example: "  lode review list\n  lode review list --all --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runReviewList(g, all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "list also what was decided")
	return cmd
}

func newReviewShowCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a proposal: reasons, evidence, diff",
		Example: "  lode review show r-1a2b3c4d",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return runReviewShow(g, args[0]) },
	}
}

// book makes the world of a command, and opens the proposals and the ledger.
func (g *globals) book() (*world, *rules.Book, error) {
	w, err := g.world()
	if err != nil {
		return nil, nil, err
	}
	b, err := w.book()
	return w, b, err
}

// book opens the proposals and the ledger.
func (w *world) book() (*rules.Book, error) {
	if err := w.checkState(); err != nil {
		return nil, err
	}
	b, err := rules.OpenBook(w.stateDir, w.clock, who(w.getenv)+w.via)
	if err != nil {
		return nil, err
	}
	measured, err := rules.LoadMeasured(w.stateDir)
	if err != nil {
		return nil, err
	}
	b.Home, b.Measured, b.Worth = w.homeDir, measured, rules.Worth(measured)
	if w.cfg.Vault != "" {
		b.Vault = rules.OpenVault(w.cfg.Vault)
	}
	return b, nil
}

// who names the person who decides, for the ledger.
func who(getenv func(string) string) string {
	if name := getenv("USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// proposalView is the machine view of a proposal.
type proposalView struct {
	*rules.Proposal
	Duplicates []string `json:"duplicates"` // lines of the file that say it already
	Conflicts  []string `json:"conflicts"`
}

func viewProposal(d *rules.Proposal) proposalView {
	v := proposalView{Proposal: d, Duplicates: []string{}, Conflicts: []string{}}
	if d.Covered != "" {
		v.Duplicates = append(v.Duplicates, d.Covered)
	}
	if d.Against != "" {
		v.Conflicts = append(v.Conflicts, d.Against)
	}
	return v
}

func runReviewList(g *globals, all bool) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	list, damaged := b.List()
	views := []proposalView{}
	for _, d := range list {
		if all || d.Status == rules.Open {
			views = append(views, viewProposal(d))
		}
	}
	look := needHand(b)
	if g.json {
		err := printJSON(w.stdout, struct {
			V         int              `json:"v"`
			Proposals []proposalView   `json:"proposals"`
			Attention []rules.Measured `json:"attention,omitempty"` // rules in force that do not do what they should
		}{1, views, look})
		return errors.Join(err, damaged)
	}
	for _, v := range views {
		fmt.Fprintf(w.stdout, "%s  %s  [%s, %s]\n    %s\n    %s\n", v.ID, v.Title, v.Project, v.Status, v.Rule, v.Why)
	}
	for i := range look {
		w.printEffect(&look[i])
	}
	switch {
	case len(views) > 0:
		fmt.Fprintf(w.stdout, "%s (hint: lode review show %s)\n", count(len(views), "proposal"), views[0].ID)
	case len(list) > 0:
		fmt.Fprintf(w.stdout, "no open proposals; %d decided (hint: --all)\n", len(list))
	default:
		fmt.Fprintln(w.stdout, "no proposals yet (hint: lode nightly makes them)")
	}
	return damaged
}

func runReviewShow(g *globals, id string) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	d, err := b.Get(id)
	if err != nil {
		return proposalError(err)
	}
	if g.json {
		return printJSON(w.stdout, struct {
			V int `json:"v"`
			proposalView
		}{1, viewProposal(d)})
	}
	w.printProposal(d)
	return nil
}

func proposalError(err error) error {
	if errors.Is(err, rules.ErrNoProposal) {
		return usagef("%w (hint: lode review list --all)", err)
	}
	return err
}

func (w *world) printProposal(d *rules.Proposal) {
	out := w.stdout
	fmt.Fprintf(out, "%s  %s  [%s, %s]\n\n  %s\n\n%s\n", d.ID, d.Title, d.Project, d.Status, d.Rule, d.Why)
	for _, l := range d.Weighing() {
		fmt.Fprintln(out, session.Clean(l))
	}
	fmt.Fprintf(out, "\nEvidence (lode show REF):\n")
	for _, e := range d.Evidence {
		fmt.Fprintf(out, "  %s\n      %s\n", e.Ref, session.Clean(e.Quote))
	}
	for _, r := range d.Counter.Refs {
		fmt.Fprintf(out, "  but: %s\n", r)
	}
	fmt.Fprintf(out, "\n%s", d.Diff)
	if d.Status == rules.Open {
		fmt.Fprintf(out, "\nlode review accept %s    or reject, snooze\n", d.ID)
	}
}
