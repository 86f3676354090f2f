package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/session"
)

// Book is what is proposed and decided: the proposals, the ledger, the vault.
type Book struct {
	dir    string
	Ledger *Ledger
	Vault  *Vault
	Now    time.Time
	Who    string

	// What the caller may set. Home is the person's home folder, where agents
	// have instruction files for all projects. Worth tells what a line of an
	// instruction file was measured to be worth: it says which one makes room
	// where a file is full. Reword may word a rule otherwise; see Reworded.
	// Loaded lists the instruction files that a session, agent/id, is known to
	// have loaded. Measured is what is known of the effect of rules in force.
	Home     string
	Measured []Measured
	Worth    func(line string) (worth float64, measured bool)
	Reword   func(d *Proposal) (rule, writer string)
	Loaded   func(session string) []session.Instruction
}

// OpenBook opens the book of a state folder.
func OpenBook(state string, now time.Time, who string) (*Book, error) {
	l, err := OpenLedger(filepath.Join(state, "ledger.jsonl"))
	if err != nil {
		return nil, err
	}
	return &Book{dir: filepath.Join(state, "proposals"), Ledger: l, Vault: &Vault{dir: filepath.Join(state, "vault")}, Now: now, Who: who}, nil
}

func (b *Book) file(id string) string { return filepath.Join(b.dir, id+".md") }

// ErrNoProposal says that there is no proposal of an id.
var ErrNoProposal = errors.New("no such proposal")

// Get returns a proposal. The id may be cut to what is unique.
func (b *Book) Get(id string) (*Proposal, error) {
	names, err := b.ids()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, n := range names {
		if n == id {
			found = []string{n}
			break
		}
		if id != "" && (strings.HasPrefix(n, id) || strings.HasPrefix(n, "r-"+id)) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %q", ErrNoProposal, id)
	case 1:
		return b.read(found[0])
	}
	return nil, fmt.Errorf("%w: %q means %s", ErrNoProposal, id, strings.Join(found, " or "))
}

func (b *Book) ids() ([]string, error) {
	entries, err := os.ReadDir(b.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".md"); ok && strings.HasPrefix(id, "r-") {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (b *Book) read(id string) (*Proposal, error) {
	doc, err := os.ReadFile(b.file(id))
	if err != nil {
		return nil, err
	}
	d, err := Parse(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.file(id), err)
	}
	if d.ID != id {
		return nil, fmt.Errorf("%s: its front matter names %q", b.file(id), d.ID)
	}
	if rule := addedRule(d.Diff); rule != "" {
		d.Rule = rule
	}
	d.Status, d.Worth = b.Ledger.StatusOf(id, b.Now), b.Worth
	for i := range b.Measured {
		if b.Measured[i].ID == id && d.Status.InForce() {
			d.Effect = &b.Measured[i]
		}
	}
	return d, nil
}

// List returns all proposals in the order in which they were made. One that
// cannot be read is reported in the error, beside the others.
func (b *Book) List() ([]*Proposal, error) {
	ids, err := b.ids()
	if err != nil {
		return nil, err
	}
	order := make(map[string]int)
	for _, e := range b.Ledger.Entries {
		if _, seen := order[e.Proposal]; !seen {
			order[e.Proposal] = e.Seq
		}
	}
	slices.SortStableFunc(ids, func(x, y string) int { return order[x] - order[y] })
	var out []*Proposal
	var errs []error
	for _, id := range ids {
		d, err := b.read(id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, d)
	}
	return out, errors.Join(errs...)
}

// write stores a proposal's document and returns its hash.
func (b *Book) write(d *Proposal) (string, error) {
	doc, err := Print(d)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return "", err
	}
	file := b.file(d.ID)
	if old, err := os.ReadFile(file); err == nil && string(old) == string(doc) {
		return hashOf(string(doc)), nil
	}
	return hashOf(string(doc)), renameio.WriteFile(file, doc, 0o600)
}

func (b *Book) propose(d *Proposal, sessions int) error {
	doc, err := b.write(d)
	if err != nil {
		return err
	}
	d.Status = Open
	return b.Ledger.Append(b.entry(EvProposed, d, func(e *Entry) { e.Doc, e.Sessions = doc, sessions }))
}

func (b *Book) entry(ev Event, d *Proposal, more func(*Entry)) Entry {
	e := Entry{Time: b.Now, Event: ev, Proposal: d.ID, Pattern: d.Pattern, Project: d.Project, Rule: d.Rule, Root: d.Root, Target: d.Target, Who: b.Who, Sessions: d.Backtest.Failed}
	if ev == EvProposed {
		e.Who = "lode"
	}
	if more != nil {
		more(&e)
	}
	return e
}

// renew brings an open proposal up to date. A document that a person edited
// stays as it is.
func (b *Book) renew(d *Proposal) error {
	doc, err := os.ReadFile(b.file(d.ID))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a person deleted it: not asked again
		}
		return err
	}
	fresh, err := Print(d)
	if err != nil || string(fresh) == string(doc) || b.edited(d) {
		return err
	}
	hash, err := b.write(d)
	if err != nil {
		return err
	}
	return b.Ledger.Append(b.entry(EvProposed, d, func(e *Entry) { e.Doc = hash }))
}

// withdraw ends open proposals whose evidence does not open any more.
func (b *Book) withdraw(res *Proposed, opens func(Evidence) bool) error {
	list, _ := b.List()
	for _, d := range list {
		if d.Status != Open || slices.ContainsFunc(d.Evidence, opens) {
			continue
		}
		res.Withdrawn = append(res.Withdrawn, d.ID)
		if err := b.Ledger.Append(b.entry(EvWithdrawn, d, func(e *Entry) { e.Who, e.Reason = "lode", "none of its evidence opens any more" })); err != nil {
			return err
		}
	}
	return nil
}

// ErrMoved says that a target was changed since the proposal was made.
var ErrMoved = errors.New("the file has changed since the proposal was made")

// ErrNoRoot says that it is not known which checkout a proposal belongs to.
var ErrNoRoot = errors.New("no checkout of the project is known here")

// Accept applies a proposal. When the target has changed since, nothing is
// applied: the proposal is made anew against the file as it is, and the error
// is ErrMoved. root overrides where the project's checkout is.
func (b *Book) Accept(id, root, reason string) (*Proposal, error) {
	d, err := b.Get(id)
	if err != nil {
		return nil, err
	}
	if d.Status == Accepted {
		return d, b.resume(d)
	}
	c, err := b.prepare(d, root)
	if err != nil {
		return d, err
	}
	return d, b.apply(c, reason)
}

func (d *Proposal) baseOf(text string, missing bool) string {
	if missing {
		return absent
	}
	return hashOf(text)
}

// rewrite stores a proposal that was made anew, unless it is told already. What
// a person made of it stays that person's.
func (b *Book) rewrite(d *Proposal, reason string) error {
	ev := EvProposed
	if b.edited(d) {
		ev = EvEdited
	}
	doc, err := b.write(d)
	if last, _ := b.Ledger.Last(d.ID, ev); err != nil || last.Doc == doc {
		return err
	}
	return b.Ledger.Append(b.entry(ev, d, func(e *Entry) { e.Doc, e.Reason = doc, reason }))
}

func (b *Book) reshow(d *Proposal) error {
	if err := b.again(d); err != nil {
		return err
	}
	if err := b.rewrite(d, "the target had changed"); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", filepath.Join(d.Root, d.Target), ErrMoved)
}

// apply changes the target. The ledger comes first, with the bytes that undo
// needs, so that no crash can leave a change without them.
func (b *Book) apply(c *Change, reason string) error {
	d := c.Proposal
	accepted := b.entry(EvAccepted, d, func(e *Entry) { e.Reason = reason })
	if err := c.keep(&accepted); err != nil {
		return err
	}
	if err := b.Ledger.Append(accepted); err != nil {
		return err
	}
	if err := writeTarget(d.Root, d.Target, c.After); err != nil {
		return err
	}
	return b.finish(d, hashOf(c.After))
}

// finish makes the records of a change whose target is written. Each step can
// be done again, and the last says that all are done.
func (b *Book) finish(d *Proposal, after string) error {
	d.Status = Accepted
	if err := b.Vault.Add(d, b.Now); err != nil {
		return err
	}
	if err := b.rebaseSiblings(d); err != nil {
		return err
	}
	return b.Ledger.Append(b.entry(EvApplied, d, func(e *Entry) { e.After = after }))
}

// resume finishes the application of an accepted proposal that a crash broke off.
func (b *Book) resume(d *Proposal) error {
	change, _ := b.Ledger.Last(d.ID, EvAccepted)
	if done, ok := b.Ledger.Last(d.ID, EvApplied); ok && done.Seq > change.Seq {
		return fmt.Errorf("%s is accepted already", d.ID)
	}
	if change.Elsewhere != (Elsewhere{}) {
		return b.finish(d, change.After)
	}
	text, err := readTarget(d.Root, d.Target)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if hashOf(text) != change.After {
		if d.baseOf(text, missing) != d.Base {
			return b.reshow(d)
		}
		if text, err = Apply(d.Diff, text); err != nil {
			return err
		}
		if err := writeTarget(d.Root, d.Target, text); err != nil {
			return err
		}
	}
	return b.finish(d, change.After)
}

// Resume finishes what a crash broke off. What List cannot read is left.
func (b *Book) Resume() error {
	list, _ := b.List()
	for _, d := range list {
		change, _ := b.Ledger.Last(d.ID, EvAccepted)
		if done, ok := b.Ledger.Last(d.ID, EvApplied); d.Status == Accepted && (!ok || done.Seq < change.Seq) {
			if err := b.resume(d); err != nil && !errors.Is(err, ErrMoved) {
				return err
			}
		}
	}
	return nil
}

// writeTarget replaces a target beside the old file, keeping its mode, and
// through a link.
func writeTarget(root, target, text string) error {
	file := filepath.Join(root, filepath.FromSlash(target))
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(file, []byte(text), mode)
}

// rebaseSiblings makes the other open proposals for the same file anew. One that
// cannot be read stops nobody from deciding on another.
func (b *Book) rebaseSiblings(done *Proposal) error {
	list, _ := b.List()
	for _, d := range list {
		if d.ID == done.ID || d.Status != Open || d.Root != done.Root || d.Target != done.Target {
			continue
		}
		if err := b.again(d); errors.Is(err, ErrSecret) {
			continue // who accepts it is told
		} else if err != nil {
			return err
		}
		if err := b.rewrite(d, "after "+done.ID); err != nil {
			return err
		}
	}
	return nil
}

// Undecided returns a proposal that is open or put off; of another, the error
// says where it stands.
func (b *Book) Undecided(id string) (*Proposal, error) {
	d, err := b.Get(id)
	if err == nil && d.Status != Open && d.Status != Snoozed {
		err = fmt.Errorf("%s is %s", d.ID, d.Status)
	}
	return d, err
}

// Reject decides against a proposal. It is not made again until its evidence
// has doubled.
func (b *Book) Reject(id, reason string) (*Proposal, error) {
	d, err := b.Undecided(id)
	if err != nil {
		return d, err
	}
	d.Status = Rejected
	return d, b.Ledger.Append(b.entry(EvRejected, d, func(e *Entry) { e.Reason = reason }))
}

// Snooze puts a proposal off.
func (b *Book) Snooze(id, reason string, until time.Time) (*Proposal, error) {
	d, err := b.Undecided(id)
	if err != nil {
		return d, err
	}
	d.Status = Snoozed
	return d, b.Ledger.Append(b.entry(EvSnoozed, d, func(e *Entry) { e.Until, e.Reason = until, reason }))
}
