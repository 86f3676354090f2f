// Package reviewui is review at a terminal: the proposals in a list, each with
// its reasons, its evidence that opens in place, and its diff; and one key for
// each decision.
//
// A Model knows nothing of files: what it shows and decides goes through a Desk.
// It is a bubbletea model, so that tests can press keys and read screens without
// a terminal. Below wideFrom columns the list and a proposal take turns; from
// there on they stand side by side.
package reviewui

import (
	"context"
	"os/exec"

	tea "charm.land/bubbletea/v2"

	"lode/rules"
)

// Desk is where decisions are made. Each function returns the proposal as it is
// afterwards, also beside an error where that says why nothing was done.
type Desk struct {
	List   func() ([]*rules.Proposal, error)
	Accept func(id, root string) (*rules.Proposal, error)
	Reject func(id, reason string) (*rules.Proposal, error)
	Snooze func(id string, days int) (*rules.Proposal, error)
	Undo   func(id string) (*rules.Proposal, error)
	// Edit returns the command that opens a proposal in the person's editor, and
	// what is to be called when that has ended, with its error: it keeps the result.
	Edit func(id string) (cmd *exec.Cmd, keep func(error) (*rules.Proposal, error), err error)
	// Evidence returns the text around a reference.
	Evidence func(ref string) (string, error)
}

// Run shows the interface until it is left.
func Run(ctx context.Context, d Desk, options ...tea.ProgramOption) error {
	m, err := New(d)
	if err != nil && len(m.all) == 0 {
		return err
	}
	_, err = tea.NewProgram(m, append([]tea.ProgramOption{tea.WithContext(ctx)}, options...)...).Run()
	return err
}
