package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lode/miner"
	"lode/rules/target"
)

// Noticed is a rule that a person changed or deleted in its file.
type Noticed struct {
	Proposal *Proposal
	Event    Event  // EvAdopted or EvRetired
	Line     string // what stands there now, of an adopted rule
}

// Notice looks at the lines of accepted rules where they were written. A line
// that a person edited is theirs from then on (adopted): it is still measured,
// but never changed or taken out again. One that a person deleted is retired:
// its learning is no longer handed out, and it is not proposed again. gone says
// of a line that the file does not have whether it was deleted there, and not
// merely stands on a branch that is not checked out; nil means that it was.
func (b *Book) Notice(gone func(root, target, line string) bool) ([]Noticed, error) {
	list, _ := b.List() // what cannot be read is told elsewhere
	var out []Noticed
	for _, d := range list {
		if d.Status != Accepted && d.Status != Adopted {
			continue
		}
		n, err := b.notice(d, gone)
		if err != nil {
			return out, err
		}
		if n.Event != "" {
			out = append(out, n)
		}
	}
	return out, nil
}

func (b *Book) notice(d *Proposal, gone func(root, target, line string) bool) (Noticed, error) {
	change, _ := b.Ledger.Last(d.ID, EvAccepted)
	d.Root, d.Target, d.Rule = change.Root, change.Target, b.ruleOf(d)
	if e, ok := b.Ledger.Last(d.ID, EvAdopted); ok && e.Seq > change.Seq {
		d.Target = e.Target
	}
	done, applied := b.Ledger.Last(d.ID, EvApplied)
	if !applied || done.Seq < change.Seq || change.Elsewhere != (Elsewhere{}) || addedRule(d.Diff) == "" {
		return Noticed{}, nil // not in the file yet, or it added nothing
	}
	if info, err := os.Stat(d.Root); err != nil || !info.IsDir() {
		return Noticed{}, nil // the checkout is away
	}
	text, err := readTarget(d.Root, d.Target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Noticed{}, nil
	}
	if stands(text, d.Rule) {
		return Noticed{}, nil
	}
	if file := otherFile(d.Root, d.Target, d.Rule); file != "" {
		d.Target = file
		return b.adopted(d, "the line was moved to "+file)
	}
	if line := b.editedLine(&change, text, d.Rule); line != "" {
		d.Rule = line
		return b.adopted(d, "the line was edited in its file")
	}
	if gone != nil && !gone(d.Root, d.Target, d.Rule) {
		return Noticed{}, nil
	}
	d.Status = Retired
	if err := b.Vault.Retire(d, b.Now); err != nil {
		return Noticed{}, err
	}
	return Noticed{d, EvRetired, ""}, b.Ledger.Append(b.entry(EvRetired, d, func(e *Entry) { e.Reason = "the line was deleted from its file" }))
}

// adopted records that a rule has become a person's own.
func (b *Book) adopted(d *Proposal, reason string) (Noticed, error) {
	d.Status = Adopted
	if err := b.Vault.adopt(d, b.Now); err != nil {
		return Noticed{}, err
	}
	return Noticed{d, EvAdopted, d.Rule}, b.Ledger.Append(b.entry(EvAdopted, d, func(e *Entry) { e.Reason = reason }))
}

// Retire takes an accepted rule out of its file for good: unlike what was
// undone, it is not proposed again.
func (b *Book) Retire(id, reason string) (*Proposal, error) {
	d, entry, err := b.accepted(id)
	if err != nil {
		return d, err
	}
	if entry.Elsewhere != (Elsewhere{}) {
		return d, fmt.Errorf("%s did not go into the checkout (hint: lode review undo %s)", d.ID, d.ID)
	}
	c, err := b.reversal(d, entry)
	if err != nil {
		return d, err
	}
	if err := c.write(); err != nil {
		return d, err
	}
	if err := b.Vault.Retire(d, b.Now); err != nil {
		return d, err
	}
	if err := b.Ledger.Append(b.entry(EvRetired, d, func(e *Entry) { e.Reason = reason })); err != nil {
		return d, err
	}
	d.Status = Retired
	return d, b.rebaseSiblings(d)
}

// Move takes an accepted rule out of its file and puts it into another one of
// the same checkout. Nothing is changed where the line cannot be taken out.
func (b *Book) Move(id, file string) (*Proposal, error) {
	d, entry, err := b.accepted(id)
	switch {
	case err != nil:
		return d, err
	case !filepath.IsLocal(filepath.FromSlash(file)) || target.Of(file) == nil:
		return d, fmt.Errorf("%s is no instruction file of the checkout (hint: AGENTS.md, CLAUDE.md, GEMINI.md)", file)
	case file == entry.Target:
		return d, fmt.Errorf("%s stands in %s already", d.ID, file)
	}
	if d, err = b.Undo(id, "moved to "+file); err != nil {
		return d, err
	}
	d.Root, d.Target, d.WhyThere = entry.Root, file, "it was moved there from "+entry.Target
	if err := d.rebase(); err != nil {
		return d, err
	}
	if err := b.propose(d, d.Backtest.Failed); err != nil {
		return d, err
	}
	return b.Accept(d.ID, "", "moved from "+entry.Target)
}

// ruleOf is the line of an accepted rule, as a person may have edited it.
func (b *Book) ruleOf(d *Proposal) string {
	if e, ok := b.Ledger.Last(d.ID, EvAccepted, EvAdopted); ok && e.Rule != "" {
		return e.Rule
	}
	return d.Rule
}

// editedLine returns the line of a text that a rule has become: one that was not
// there before it, is no other rule's, and has at least half of its words.
func (b *Book) editedLine(change *Entry, text, rule string) string {
	before, err := change.stood()
	if err != nil {
		return ""
	}
	want, best, most := content(rule), "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "-*+ "))
		if line == "" || stands(before, line) || b.isRule(line) {
			continue
		}
		common := 0
		for w := range content(line) {
			if want[w] {
				common++
			}
		}
		if common >= 2 && 2*common >= len(want) && common > most {
			best, most = line, common
		}
	}
	return best
}

// isRule reports whether a line is that of a rule that was accepted.
func (b *Book) isRule(line string) bool {
	mark := miner.LineMark(line)
	for i := range b.Ledger.Entries {
		if e := &b.Ledger.Entries[i]; e.Event == EvAccepted && miner.LineMark(e.Rule) == mark {
			return true
		}
	}
	return false
}
