package rules

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Change is what a decision does to a target: its text before and after.
type Change struct {
	Proposal *Proposal
	Before   string
	After    string
	Created  bool // the target was not there before
	Removed  bool // it is not there afterwards
}

// File is the path of the target.
func (c *Change) File() string {
	return filepath.Join(c.Proposal.Root, filepath.FromSlash(c.Proposal.Target))
}

// Diff returns the change as a unified diff.
func (c *Change) Diff() (string, error) {
	return Unified(c.Proposal.Target, c.Before, c.After, c.Created)
}

// keep puts into a ledger entry what undo needs: the text before, or the diff
// where that text holds secrets.
func (c *Change) keep(e *Entry) error {
	e.After = hashOf(c.After)
	switch {
	case c.Created:
		return nil
	case secretLines(c.Before) != nil:
		diff, err := c.Diff()
		e.Diff = diff
		return err
	}
	enc := base64.StdEncoding.EncodeToString([]byte(c.Before))
	e.Before = &enc
	return nil
}

// Try works out what accepting a proposal would do, and writes nothing. Its
// errors are those of Accept; the proposal is returned as it is, or as it would
// be made anew.
func (b *Book) Try(id, root string) (*Proposal, *Change, error) {
	d, err := b.Get(id)
	if err != nil {
		return nil, nil, err
	}
	c, err := b.change(d, root)
	return d, c, err
}

// prepare works out a change, and stores the proposal where it had to be made
// anew for it.
func (b *Book) prepare(d *Proposal, root string) (*Change, error) {
	was := d.Root
	c, err := b.change(d, root)
	switch {
	case errors.Is(err, ErrMoved):
		return nil, errors.Join(b.rewrite(d, "the target had changed"), err)
	case err != nil:
		return nil, err
	case d.Root != was:
		return c, b.rewrite(d, "for the checkout "+d.Root)
	}
	return c, nil
}

// change works out what a proposal does to its target as it is now. root
// overrides where the checkout is. Where the target has changed since, the
// proposal is made anew, and the error is ErrMoved.
func (b *Book) change(d *Proposal, root string) (*Change, error) {
	if d.Status != Open && d.Status != Snoozed {
		return nil, fmt.Errorf("%s is %s", d.ID, d.Status)
	}
	if root != "" && root != d.Root {
		if err := d.moveTo(root); err != nil {
			return nil, err
		}
	}
	if d.Root == "" {
		return nil, fmt.Errorf("%s: %w", d.ID, ErrNoRoot)
	}
	if info, err := os.Stat(d.Root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: %w: %s is not there", d.ID, ErrNoRoot, d.Root)
	}
	text, err := readTarget(d.Root, d.Target)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, err
	}
	if d.baseOf(text, missing) != d.Base {
		if err := b.again(d); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", filepath.Join(d.Root, d.Target), ErrMoved)
	}
	return b.applied(d, text, missing)
}

// applied is the change of a text that a proposal's diff is for.
func (b *Book) applied(d *Proposal, text string, missing bool) (*Change, error) {
	after, err := Apply(d.Diff, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (hint: edit %s, or delete it to have the proposal made anew)", d.ID, err, b.file(d.ID))
	}
	if after == text {
		return nil, fmt.Errorf("%s: its diff changes nothing (hint: reject it instead)", d.ID)
	}
	return &Change{Proposal: d, Before: text, After: after, Created: missing}, nil
}

// moveTo takes a proposal to another checkout: there its target may be another.
// What would go to the person's own files goes into the checkout that was named.
func (d *Proposal) moveTo(root string) error {
	d.Fit.Checkout, d.Fit.Shared, d.Scope = root, true, ""
	return d.place()
}
