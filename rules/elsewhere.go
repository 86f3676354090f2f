package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// A Channel takes accepted changes to somewhere else than into the checkout.
type Channel struct {
	Name string // of a branch; "" for what is made for the checkout as it is
	// Read returns a target as it is there; fs.ErrNotExist says that it is not.
	// Without it, that is the checkout's.
	Read func(root, target string) (string, error)
	// Deliver takes a change there, and says where it went. It may be told the same
	// change again. With Before and After the same there is nothing to do.
	Deliver func(*Change) (Elsewhere, error)
}

// ErrOther says that a target is not the same in the checkout and elsewhere.
var ErrOther = errors.New("it is not the file of the checkout")

// AcceptElsewhere accepts a proposal, and leaves the checkout as it is: the
// change goes through a channel. Where earlier rules went the same way, it is
// made for the target as they left it.
func (b *Book) AcceptElsewhere(id, root, reason string, ch Channel) (*Proposal, Elsewhere, error) {
	d, c, err := b.TryElsewhere(id, root, ch)
	if errors.Is(err, ErrMoved) {
		return d, Elsewhere{}, errors.Join(b.rewrite(d, "the target had changed"), err)
	}
	if err != nil {
		return d, Elsewhere{}, err
	}
	to, err := ch.Deliver(c)
	if err != nil {
		return d, to, err
	}
	if _, err := b.write(d); err != nil { // its diff is what undo goes by
		return d, to, err
	}
	accepted := b.entry(EvAccepted, d, func(e *Entry) { e.Reason, e.Elsewhere = reason, to })
	if err := errors.Join(c.keep(&accepted), b.Ledger.Append(accepted)); err != nil {
		return d, to, err
	}
	return d, to, b.finish(d, hashOf(c.After))
}

// TryElsewhere works out the change that AcceptElsewhere would hand over, and
// writes nothing.
func (b *Book) TryElsewhere(id, root string, ch Channel) (*Proposal, *Change, error) {
	d, c, err := b.Try(id, root)
	if err != nil || ch.Read == nil {
		return d, c, err
	}
	text, err := ch.Read(d.Root, d.Target)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return d, nil, err
	case missing == c.Created && text == c.Before:
		return d, c, nil
	case !missing && text == c.After: // a run before this one was broken off
		return d, c, nil
	case missing || !b.took(ch.Name, text):
		return d, nil, fmt.Errorf("%s on %s: %w (hint: commit the file first, or name another branch)", d.Target, ch.Name, ErrOther)
	}
	if err := d.onto(text); err != nil {
		return d, nil, fmt.Errorf("%s on %s: %w (hint: merge the branch, then accept it again)", d.Target, ch.Name, err)
	}
	c, err = b.applied(d, text, false)
	return d, c, err
}

// took reports whether a text is what an accepted proposal left on a branch.
func (b *Book) took(branch, text string) bool {
	hash := hashOf(text)
	return slices.ContainsFunc(b.Ledger.Entries, func(e Entry) bool {
		return e.Event == EvAccepted && e.Branch == branch && e.After == hash
	})
}

// Went returns where the change of an accepted proposal went, if not into the
// checkout.
func (b *Book) Went(id string) Elsewhere {
	e, _ := b.Ledger.Last(id, EvAccepted)
	return e.Elsewhere
}

// Without returns a text, in which other lines may have changed, without the
// change of an accepted proposal.
func (b *Book) Without(id, text string) (string, error) {
	d, entry, err := b.accepted(id)
	if err != nil {
		return "", err
	}
	less, found, err := b.without(d, &entry, text)
	if err == nil && found != allOfThem {
		err = ErrLineGone
	}
	return less, err
}
