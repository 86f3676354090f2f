package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"lode/rules"
	"lode/session"
)

func newVaultCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vault",
		Short: "Keep what was learned",
		Long: `The vault holds a Markdown note for every learning: those of accepted rules, and
those that you add. lode brief hands them to agents. The notes have flat front
matter and links, so that Obsidian opens the folder; edit them as you like.

It lies in vault/ of the state folder, or where vault: in the configuration says,
as in a repository that others share. What is retired, merged or superseded stays
in vault/retired, with the reason.`,
		Example: "  lode vault\n  lode vault add \"Keep prices in cents.\" --project shop --path 'cart/**'\n  lode vault check",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runVaultList(g, false) },
	}
	cmd.AddCommand(newVaultListCommand(g), newVaultShowCommand(g), newVaultAddCommand(g), newVaultRetireCommand(g), newVaultCheckCommand(g))
	return cmd
}

func newVaultListCommand(g *globals) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the learnings",
		Example: "  lode vault list\n  lode vault list --all --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runVaultList(g, all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "list also those that were retired, merged or superseded")
	return cmd
}

func newVaultShowCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a learning's note",
		Example: "  lode vault show l-1a2b3c4d",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return runVaultShow(g, args[0]) },
	}
}

type vaultAddOptions struct {
	project, title, supersedes string
	tags, paths                []string
	global                     bool
}

func newVaultAddCommand(g *globals) *cobra.Command {
	var o vaultAddOptions
	cmd := &cobra.Command{
		Use: "add RULE", Short: "Add a learning of your own",
		Long: `add writes a note with a rule of one line, for the project of the working folder
unless told otherwise. With --supersedes it takes the place of another, which is
kept among the retired ones.`,
		Example: "  lode vault add \"Keep prices in cents.\" --path 'cart/**'\n  lode vault add \"Never push on Fridays.\" --global --tag release",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return runVaultAdd(g, o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.project, "project", "", "the project (default that of the working folder)")
	f.StringVar(&o.title, "title", "", "what it is about (default the rule's beginning)")
	f.StringSliceVar(&o.tags, "tag", nil, "a tag, as Obsidian has them")
	f.StringSliceVar(&o.paths, "path", nil, "it is about these files only: a glob, relative to the project, as 'cart/**'")
	f.BoolVar(&o.global, "global", false, "it holds in all projects")
	f.StringVar(&o.supersedes, "supersedes", "", "the id of the learning that it takes the place of")
	return cmd
}

func newVaultRetireCommand(g *globals) *cobra.Command {
	var into, reason string
	cmd := &cobra.Command{
		Use: "retire ID", Short: "Take a learning out of what is handed out",
		Long: `retire moves a note to the retired ones; nothing in it is lost. With --into it is
merged into another learning, which gets its evidence. The rule's line in an
instruction file stays where it is: lode review undo takes it out.`,
		Example: "  lode vault retire l-1a2b3c4d --reason \"we moved to uv\"\n  lode vault retire l-1a2b3c4d --into l-5e6f7a8b",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return runVaultRetire(g, args[0], into, reason) },
	}
	cmd.Flags().StringVar(&into, "into", "", "the id of the learning that says it as well")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the note")
	return cmd
}

func newVaultCheckCommand(g *globals) *cobra.Command {
	var exit bool
	cmd := &cobra.Command{
		Use: "check", Short: "Compare the learnings with the checkouts as they are",
		Long: `check names the learnings that have become wrong: a path, script or task in a rule
that the project's checkout does not have (any more), one that says it is missing
while it is there, evidence that does not open, notes that say the same. It
changes nothing. With --exit-code it ends with 3 when there is something.`,
		Example: "  lode vault check\n  lode vault check --json --exit-code",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runVaultCheck(g, exit) },
	}
	cmd.Flags().BoolVar(&exit, "exit-code", false, "exit with 3 when something is not right")
	return cmd
}

func runVaultList(g *globals, all bool) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	learnings, damaged := b.Vault.List()
	if all {
		gone, err := b.Vault.History()
		learnings, damaged = append(learnings, gone...), errors.Join(damaged, err)
	}
	if g.json {
		if learnings == nil {
			learnings = []*rules.Learning{}
		}
		err := printJSON(w.stdout, struct {
			V         int               `json:"v"`
			Learnings []*rules.Learning `json:"learnings"`
		}{1, learnings})
		return errors.Join(err, damaged)
	}
	for _, l := range learnings {
		where := l.Project
		if l.Scope == rules.GlobalScope {
			where = "everywhere"
		}
		if l.Status != "active" {
			where += ", " + l.Status
		}
		fmt.Fprintf(w.stdout, "%s  [%s] %s\n", l.ID, where, l.Rule)
	}
	if len(learnings) == 0 {
		fmt.Fprintln(w.stdout, "no learnings yet (hint: accept a proposal: lode review, or lode vault add)")
	}
	return damaged
}

func learningError(err error) error {
	if errors.Is(err, rules.ErrNoLearning) {
		return usagef("%w (hint: lode vault list --all)", err)
	}
	return err
}

func runVaultShow(g *globals, id string) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	l, err := b.Vault.Find(id)
	if err != nil {
		return learningError(err)
	}
	text, file, err := b.Vault.Text(l)
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(w.stdout, struct {
			V int `json:"v"`
			*rules.Learning
			File string `json:"file"`
			Text string `json:"text"`
		}{1, l, file, l.Body})
	}
	fmt.Fprintf(w.stdout, "%s\n\n%s", file, session.Clean(text))
	return nil
}

// inVault carries out a change of the vault under the lock.
func inVault(g *globals, done string, f func(*world, *rules.Book) (*rules.Learning, error)) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	b, err := w.book()
	if err != nil {
		return err
	}
	l, err := f(w, b)
	if err != nil {
		return learningError(err)
	}
	if g.json {
		return printJSON(w.stdout, struct {
			V int `json:"v"`
			*rules.Learning
		}{1, l})
	}
	if !w.quiet {
		fmt.Fprintf(w.stdout, "%s %s\n", l.ID, done)
	}
	return nil
}

func runVaultAdd(g *globals, o vaultAddOptions, rule string) error {
	return inVault(g, "added", func(w *world, b *rules.Book) (*rules.Learning, error) {
		l := rules.Learning{Rule: rule, Title: o.title, Project: o.project, Tags: o.tags, Paths: o.paths}
		var err error
		switch {
		case o.global && o.project != "":
			return nil, usagef("--global and --project exclude each other")
		case o.global:
			l.Scope = rules.GlobalScope
		case o.project == "":
			if l.Project, err = w.projectHere(); err != nil {
				return nil, err
			}
		}
		if !o.global {
			for _, what := range w.contradicts(l.Project, l.Rule) {
				w.note("mind: %s; no brief hands the learning out until it is (hint: lode vault check)", what)
			}
		}
		made, err := b.Vault.Note(l, o.supersedes, w.clock)
		if errors.Is(err, rules.ErrNoLine) {
			return nil, usagef("%w", err)
		}
		return made, err
	})
}

// contradicts lists what of a rule the project's checkout contradicts.
func (w *world) contradicts(project, rule string) []string {
	lib, err := w.library()
	if err != nil {
		return nil // the vault can be kept without one
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil
	}
	return rules.Stale(lib.rootOf(project, dir), rule)
}

func runVaultRetire(g *globals, id, into, reason string) error {
	done := "retired"
	if into != "" {
		done = "merged into " + into
	}
	return inVault(g, done, func(w *world, b *rules.Book) (*rules.Learning, error) { return b.Vault.End(id, into, reason, w.clock) })
}

func runVaultCheck(g *globals, exit bool) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	lib, err := w.library()
	if err != nil {
		return err
	}
	roots := lib.projects.Roots()
	checked, damaged := b.Vault.Check(func(project string) string { return roots[project] }, lib.refOpens)
	if g.json {
		err = printJSON(w.stdout, struct {
			V int `json:"v"`
			rules.Checked
		}{1, checked})
	} else {
		w.printChecked(&checked)
	}
	err = errors.Join(err, damaged)
	if err == nil && exit && len(checked.Problems) > 0 {
		return errFound
	}
	return err
}

func (w *world) printChecked(c *rules.Checked) {
	for _, p := range c.Problems {
		fmt.Fprintf(w.stdout, "%s  [%s] %s%s\n", p.ID, p.Project, p.What, hint(p.Hint))
	}
	if !w.quiet {
		fmt.Fprintf(w.stdout, "%s checked, %d against a checkout; %s\n", count(c.Notes, "learning"), c.Grounded, count(len(c.Problems), "problem"))
	}
}

// refOpens reports whether there is something at a reference.
func (l *library) refOpens(text string) bool {
	ref, err := session.ParseRef(text)
	if err != nil {
		return false
	}
	s, err := l.store.Read(ref.Agent, ref.Session)
	if err != nil {
		return false
	}
	_, ok := s.Find(ref)
	return ok || ref.N < 0
}
