package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"lode/rules"
)

type editOptions struct {
	with, reason string
	dryRun       bool
}

func newReviewEditCommand(g *globals) *cobra.Command {
	var o editOptions
	cmd := &cobra.Command{
		Use: "edit ID", Short: "Change the words of a proposal before it is accepted",
		Long: `edit opens the lines that a proposal adds in $VISUAL or $EDITOR, and keeps what
you make of them, if it can be applied. From then on the words are yours: no
night changes them. --with FILE takes the lines from a file (- for standard
input) instead of an editor.`,
		Example: "  lode review edit r-1a2b3c4d\n  echo '- Run the tests with `make test`.' | lode review edit r-1a2b3c4d --with -",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runReviewEdit(cmd.Context(), g, o, args[0]) },
	}
	cmd.Flags().StringVar(&o.with, "with", "", "file with the lines to add, in place of an editor")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the ledger")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the new diff, and keep the old")
	return cmd
}

var errNothingAdded = errors.New("it adds no lines that could be edited (hint: accept or reject it)")

func runReviewEdit(ctx context.Context, g *globals, o editOptions, id string) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	d, err := b.Undecided(id)
	if err != nil {
		return proposalError(err)
	}
	if len(d.Added()) == 0 {
		return fmt.Errorf("%s: %w", d.ID, errNothingAdded)
	}
	page, err := w.newLines(ctx, d, o.with)
	if err != nil {
		return err
	}
	added := readEditPage(page)
	if pageOf(added) == pageOf(d.Added()) {
		return w.printDecision(decisionView{V: 1, proposalView: viewProposal(d), DryRun: o.dryRun}, "left as it is", "")
	}
	if o.dryRun {
		d, err = b.TryEdit(d.ID, added)
	} else {
		err = w.withBook(func(b *rules.Book) (err error) { // the editor was open without the lock
			d, err = b.Edit(d.ID, added, o.reason)
			return err
		})
	}
	if errors.Is(err, rules.ErrMoved) {
		err = fmt.Errorf("%w; the proposal is made anew (hint: lode review show %s, then edit it again)", err, d.ID)
	}
	if err != nil {
		return err
	}
	done := "edited"
	if o.dryRun {
		done = "would be edited"
	}
	return w.printDecision(decisionView{V: 1, proposalView: viewProposal(d), DryRun: o.dryRun}, done, "\n"+d.Diff)
}

// newLines gets a page of lines from a file or a person.
func (w *world) newLines(ctx context.Context, d *rules.Proposal, with string) (string, error) {
	switch with {
	case "":
		file, done, err := writeEditPage(d)
		if err != nil {
			return "", err
		}
		defer done()
		program := editorOf(w.getenv)
		cmd := openEditor(ctx, program, file)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = w.stdin, w.stdout, w.stderr
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("the editor %q: %w (hint: set $EDITOR, or give the lines with --with FILE)", program, err)
		}
		text, err := os.ReadFile(file)
		return string(text), err
	case "-":
		text, err := io.ReadAll(w.stdin)
		return string(text), err
	}
	text, err := os.ReadFile(with)
	if err != nil {
		return "", usagef("--with: %w", err)
	}
	return string(text), nil
}

// editorOf names the person's editor: a program, maybe with arguments.
func editorOf(getenv func(string) string) string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if program := getenv(name); program != "" {
			return program
		}
	}
	if runtime.GOOS == "windows" {
		return "notepad"
	}
	return "vi"
}

// openEditor is the command that opens a file in an editor.
func openEditor(ctx context.Context, program, file string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, program, file)
	}
	return exec.CommandContext(ctx, "sh", "-c", program+` "$@"`, program, file)
}

// The page that is edited: the lines that are added, places apart by a line, and
// behind the scissors what is only to be read.
const (
	scissors = "# ------------------------ >8 ------------------------"
	apart    = "@@"
)

// writeEditPage writes the page of a proposal into a folder of its own, which
// done removes.
func writeEditPage(d *rules.Proposal) (file string, done func(), err error) {
	dir, err := os.MkdirTemp("", "lode-")
	if err != nil {
		return "", nil, err
	}
	file = filepath.Join(dir, d.ID+".md")
	var b strings.Builder
	b.WriteString(pageOf(d.Added()))
	fmt.Fprintf(&b, "%s\n# The lines above go into %s. Change them, save, and leave the editor.\n# What stands below is not read.\n\n%s\n\n%s", scissors, d.Target, d.Why, d.Diff)
	return file, func() { os.RemoveAll(dir) }, os.WriteFile(file, []byte(b.String()), 0o600)
}

// pageOf writes the lines of each place.
func pageOf(added []string) string {
	return strings.ReplaceAll(strings.Join(added, apart+"\n"), "\r\n", "\n")
}

// readEditPage returns the lines of each place.
func readEditPage(page string) []string {
	page = strings.ReplaceAll(page, "\r\n", "\n")
	page, _, _ = strings.Cut("\n"+page, "\n"+scissors)
	page = strings.TrimPrefix(page, "\n")
	if page != "" && !strings.HasSuffix(page, "\n") {
		page += "\n"
	}
	return strings.Split(page, apart+"\n")
}
