package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lode/rules"
)

func newVaultCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vault",
		Short: "List the learnings that were accepted",
		Long: `The vault holds a Markdown note for every accepted rule, in vault/learnings of
the state folder. lode brief hands them to agents.`,
		Example: "  lode vault\n  lode vault list --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runVaultList(g) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the learnings", Example: "  lode vault list", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runVaultList(g) },
	})
	return cmd
}

func runVaultList(g *globals) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	b, err := w.book()
	if err != nil {
		return err
	}
	learnings, damaged := b.Vault.List()
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
		fmt.Fprintf(w.stdout, "%s  [%s] %s\n", l.ID, l.Project, l.Rule)
	}
	if len(learnings) == 0 {
		fmt.Fprintln(w.stdout, "no learnings yet (hint: accept a proposal: lode review)")
	}
	return damaged
}
