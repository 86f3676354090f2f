package rules

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ErrLineGone says that an accepted rule can no longer be taken back out.
var ErrLineGone = errors.New("the rule's lines no longer stand as they were written")

// Undo takes an accepted proposal back: the target gets its old bytes again,
// or, when it was changed since, loses just the lines that were added and gets
// back those that were removed. A change that went elsewhere is taken out of the
// target where it has arrived there.
func (b *Book) Undo(id, reason string) (*Proposal, error) {
	return b.undo(id, reason, func(c *Change) error { return c.write() })
}

// UndoneByHand records that a person took an accepted proposal back; the target
// stays as it is.
func (b *Book) UndoneByHand(id, reason string) (*Proposal, error) {
	return b.undo(id, reason, nil)
}

// TryUndo works out what Undo would do to the target, and writes nothing.
func (b *Book) TryUndo(id string) (*Change, error) {
	d, entry, err := b.accepted(id)
	if err != nil {
		return nil, err
	}
	return b.reversal(d, entry)
}

// accepted returns an accepted proposal, for the checkout and target that it was
// accepted for, and the ledger's entry of that.
func (b *Book) accepted(id string) (*Proposal, Entry, error) {
	d, err := b.Get(id)
	if err != nil {
		return nil, Entry{}, err
	}
	if d.Status != Accepted {
		return d, Entry{}, fmt.Errorf("%s is %s, there is nothing to undo", d.ID, d.Status)
	}
	entry, _ := b.Ledger.Last(d.ID, EvAccepted)
	d.Root, d.Target = entry.Root, entry.Target
	return d, entry, nil
}

func (b *Book) undo(id, reason string, carryOut func(*Change) error) (*Proposal, error) {
	d, entry, err := b.accepted(id)
	if err != nil {
		return d, err
	}
	if carryOut != nil {
		c, err := b.reversal(d, entry)
		if err != nil {
			return d, err
		}
		if err := carryOut(c); err != nil {
			return d, err
		}
	}
	if err := b.Vault.Retire(d, b.Now); err != nil {
		return d, err
	}
	if err := b.Ledger.Append(b.entry(EvUndone, d, func(e *Entry) { e.Reason, e.Elsewhere = reason, entry.Elsewhere })); err != nil {
		return d, err
	}
	d.Status = Undone
	return d, b.rebaseSiblings(d)
}

// write brings the target from what it was to what it shall be.
func (c *Change) write() error {
	switch {
	case c.Removed:
		return os.Remove(c.File())
	case c.Before == c.After && !c.Created:
		return nil
	}
	return writeTarget(c.Proposal.Root, c.Proposal.Target, c.After)
}

// reversal works out what takes an accepted proposal out of its target, as that
// is now. Before and After are the same where nothing is left to do.
func (b *Book) reversal(d *Proposal, entry Entry) (*Change, error) {
	now, err := readTarget(d.Root, d.Target)
	c := &Change{Proposal: d, Before: now, After: now}
	switch {
	case errors.Is(err, fs.ErrNotExist) && (entry.created() || entry.Elsewhere != Elsewhere{}):
		return c, nil // a person deleted it already, or it never came
	case err != nil:
		return nil, err
	case entry.takenBack(now):
		return c, nil // the change was never written, or is undone already
	case hashOf(now) == entry.After:
		c.After, err = entry.before(now)
		c.Removed = entry.created()
		return c, err
	}
	less, found, err := b.without(d, &entry, now)
	switch {
	case err != nil:
		return nil, err
	case found == 0 && entry.Elsewhere != Elsewhere{}:
		return c, nil // it never came
	case found != allOfThem:
		return nil, fmt.Errorf("%s: %w (hint: take them out by hand, then lode review undo %s --by-hand)", c.File(), ErrLineGone, d.ID)
	}
	c.After, c.Removed = less, less == "" && b.created(d)
	return c, nil
}

// without takes the change of an accepted proposal out of a text; see takeOut.
func (b *Book) without(d *Proposal, entry *Entry, text string) (string, int, error) {
	if entry.Diff != "" {
		less, found := takeOut(text, slices.Concat(hunkEdits(entry.Diff)...))
		return less, found, nil
	}
	before, err := entry.before("")
	if err != nil {
		return "", 0, err
	}
	after, err := Apply(d.Diff, before)
	if err != nil || hashOf(after) != entry.After {
		return "", 0, fmt.Errorf("%s: its diff is not the one that was accepted (hint: take the rule out by hand, then lode review undo %s --by-hand)", b.file(d.ID), d.ID)
	}
	less, found := takeOut(text, lineEdits(before, after))
	return less, found, nil
}

// created reports whether the change that an entry tells of made its target.
func (e *Entry) created() bool { return e.Before == nil && e.Diff == "" }

// before is the target's text before the change that an entry tells of. after is
// the text behind it, which is needed where only the change was kept.
func (e *Entry) before(after string) (string, error) {
	switch {
	case e.Diff != "":
		return Apply(reversed(e.Diff), after)
	case e.Before == nil:
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(*e.Before)
	return string(raw), err
}

// stood is what is known of the target's text before the change: all of it, or
// the lines that its diff shows.
func (e *Entry) stood() (string, error) {
	if e.Diff == "" {
		return e.before("")
	}
	var b strings.Builder
	for _, line := range slices.Concat(hunkEdits(e.Diff)...) {
		if line.op != '+' {
			b.WriteString(line.line)
		}
	}
	return b.String(), nil
}

// takenBack reports whether a text is the one before the change.
func (e *Entry) takenBack(text string) bool {
	if e.Diff != "" {
		after, err := Apply(e.Diff, text)
		return err == nil && hashOf(after) == e.After
	}
	before, err := e.before("")
	return err == nil && !e.created() && text == before
}

// created reports whether a proposal's target was made by an accepted proposal.
func (b *Book) created(d *Proposal) bool {
	return slices.ContainsFunc(b.Ledger.Entries, func(e Entry) bool {
		return e.Event == EvAccepted && e.created() && e.Root == d.Root && e.Target == d.Target
	})
}

// allOfThem is what takeOut found when every change could be taken back.
const allOfThem = -1

// takeOut takes the changes of a comparison back in a text in which other lines
// have changed since. Lines that were added must stand there once, together;
// lines that were only removed come back where their neighbours still stand
// together, once. It returns allOfThem, or how many changes it found.
func takeOut(text string, edits []edit) (string, int) {
	lines := splitLines(text)
	found, missed := 0, false
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			i++
			continue
		}
		g := groupAt(edits, i)
		i = g.end
		if at, n := g.stands(lines); n == 1 {
			lines = slices.Replace(lines, at, at+len(g.added), g.old(lines, at)...)
			found++
		} else {
			missed = true
		}
	}
	if missed || found == 0 {
		return "", found
	}
	return strings.Join(lines, ""), allOfThem
}

// group is a run of edits without unchanged lines between them, with its
// neighbours: nil at an end of the text.
type group struct {
	added, removed []string
	before, after  *string
	end            int
}

func groupAt(edits []edit, i int) group {
	var g group
	if i > 0 {
		g.before = &edits[i-1].line
	}
	for ; i < len(edits) && edits[i].op != ' '; i++ {
		if edits[i].op == '+' {
			g.added = append(g.added, edits[i].line)
		} else {
			g.removed = append(g.removed, edits[i].line)
		}
	}
	if i < len(edits) {
		g.after = &edits[i].line
	}
	g.end = i
	return g
}

// stands returns where the group's new lines stand in a text, and how often.
func (g *group) stands(lines []string) (at, n int) {
	for i := 0; i+len(g.added) <= len(lines); i++ {
		if !slices.EqualFunc(lines[i:i+len(g.added)], g.added, sameLine) || len(g.added) == 0 && !g.between(lines, i) {
			continue
		}
		at, n = i, n+1
	}
	return at, n
}

// between reports whether the place before line i has the group's neighbours.
func (g *group) between(lines []string, i int) bool {
	atStart, atEnd := i == 0, i == len(lines)
	if (g.before == nil) != atStart || (g.after == nil) != atEnd {
		return false
	}
	return (atStart || sameLine(lines[i-1], *g.before)) && (atEnd || sameLine(lines[i], *g.after))
}

// old returns the lines that come in place of the added ones. The last has a
// line break if that one has: lines may have come behind it.
func (g *group) old(lines []string, at int) []string {
	old := slices.Clone(g.removed)
	if len(old) == 0 || len(g.added) == 0 {
		return old
	}
	last := len(old) - 1
	if was := g.added[len(g.added)-1]; hasBreak(lines[at+len(g.added)-1]) != hasBreak(was) {
		old[last] = strings.TrimRight(old[last], "\r\n")
		if !hasBreak(was) {
			old[last] += lineBreak(lines[at+len(g.added)-1])
		}
	}
	return old
}

// sameLine compares lines without regard to whether a text ends with them.
func sameLine(a, b string) bool {
	return a == b || hasBreak(a) != hasBreak(b) && strings.TrimRight(a, "\r\n") == strings.TrimRight(b, "\r\n")
}

func hasBreak(line string) bool { return strings.HasSuffix(line, "\n") }

// lineBreak returns what ends a line.
func lineBreak(line string) string { return line[len(strings.TrimRight(line, "\r\n")):] }

// TakeBack takes the change from one text to another back in a text in which
// other lines may have changed since. It reports false when what was changed no
// longer stands there as it was written, once.
func TakeBack(text, before, after string) (string, bool) {
	less, found := takeOut(text, lineEdits(before, after))
	return less, found == allOfThem
}
