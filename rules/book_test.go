package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lode/miner"
)

// pattern is the n-th of patterns that all make rules for AGENTS.md.
func pattern(n int) miner.Pattern {
	p := *aPattern()
	tool := fmt.Sprint("tool", n)
	p.ID, p.Subject, p.Entity, p.Fix = fmt.Sprint("p-", n), tool, tool, &miner.Fix{Command: "uv run " + tool, InsteadOf: tool, Sessions: 3}
	return p
}

func idOf(n int) string { return proposalID(fmt.Sprint("p-", n)) }

// desk is a book with proposals for a checkout.
type desk struct {
	testing.TB
	*Book
	state, root string
}

// newDesk proposes patterns 0 to n-1 for a checkout with the text for its
// AGENTS.md, and without one for the text absent.
func newDesk(t testing.TB, text string, n int) *desk {
	t.Helper()
	d := &desk{TB: t, state: t.TempDir(), root: t.TempDir()}
	if text != absent {
		write(t, d.target(), text)
	}
	d.reopen()
	var patterns []miner.Pattern
	for i := range n {
		patterns = append(patterns, pattern(i))
	}
	if made := d.propose(patterns...); len(made.New) != n {
		t.Fatalf("Propose made %d proposals, want %d", len(made.New), n)
	}
	return d
}

func (d *desk) target() string { return filepath.Join(d.root, "AGENTS.md") }

func (d *desk) reopen() {
	d.Helper()
	var err error
	if d.Book, err = OpenBook(d.state, monday, "dev"); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) propose(patterns ...miner.Pattern) Proposed {
	d.Helper()
	made, err := d.Propose(patterns, func(string) string { return d.root }, 5, func(Evidence) bool { return true })
	if err != nil {
		d.Fatalf("Propose = %v", err)
	}
	return made
}

// text is what the target holds, absent when it is not there.
func (d *desk) text() string {
	d.Helper()
	if text, ok := read(d, d.target()); ok {
		return text
	}
	return absent
}

func (d *desk) must(p *Proposal, err error) {
	d.Helper()
	if err != nil {
		d.Fatalf("%s: %v", p.ID, err)
	}
}

// edit changes a proposal's document as a person does.
func (d *desk) edit(n int, old, new string) {
	d.Helper()
	file := d.file(idOf(n))
	doc, _ := read(d, file)
	if !strings.Contains(doc, old) {
		d.Fatalf("%q is not in\n%s", old, doc)
	}
	write(d, file, strings.Replace(doc, old, new, 1))
}

// tree is the files below a folder with their texts.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files[rel], _ = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// texts for targets: what undo must give back to the byte.
var texts = []string{absent, "", "# Shop\n", "# Shop\r\n\r\n## Tests\r\n\r\n- Fast.\r\n", "# Shop", "\ufeff# Shop\n", "## Tests\n\n- Fast.", "## Tests\r\n- Fast.", "text\n\n\n",
	"## Tests\n\n- Fast.\n\n- Named.\n\n## Style\n", "mixed\r\nends\n", "not \xff text\n"}

// Accepting writes the rule once, keeps the file's mode, and is told by ledger
// and vault; undoing gives the same bytes and mode back, or no file.
func TestAcceptAndUndo(t *testing.T) {
	for i, text := range texts {
		mode := []fs.FileMode{0o644, 0o600, 0o664, 0o755}[i%4]
		d := newDesk(t, text, 1)
		if text != absent {
			if err := os.Chmod(d.target(), mode); err != nil {
				t.Fatal(err)
			}
		}
		p, err := d.Accept(idOf(0), "", "seen it")
		d.must(p, err)
		if got := d.text(); strings.Count(got, p.Rule) != 1 || p.Status != Accepted {
			t.Errorf("accepted over %q: %q, status %s", text, got, p.Status)
		}
		if list, err := d.Vault.List(); err != nil || len(list) != 1 || list[0].Rule != p.Rule {
			t.Errorf("accepted over %q: the vault lists %v, %v", text, list, err)
		}
		if info, err := os.Stat(d.target()); err != nil || text != absent && info.Mode().Perm() != mode {
			t.Errorf("accepted over %q: the mode is %v, want %v", text, info.Mode(), mode)
		}
		p, err = d.Undo(idOf(0), "not so")
		d.must(p, err)
		if got := d.text(); got != text || p.Status != Undone {
			t.Errorf("undone: %q, status %s, want %q", got, p.Status, text)
		}
		if info, err := os.Stat(d.target()); err == nil && info.Mode().Perm() != mode {
			t.Errorf("undone over %q: the mode is %v, want %v", text, info.Mode(), mode)
		}
		if list, _ := d.Vault.List(); len(list) != 0 {
			t.Errorf("undone: the vault lists %v", ids(list))
		}
		d.reopen()
		if e := d.Ledger.Entries; len(e) != 4 || e[1].Who != "dev" || e[1].Reason != "seen it" || e[3].Reason != "not so" {
			t.Errorf("the ledger has %+v", e)
		}
	}
}

// In whatever order rules of one file are accepted and undone, the file has
// those that are accepted, and when all are undone, its old bytes.
func TestManyRulesOfOneFile(t *testing.T) {
	for _, text := range texts {
		order := "012021" // first a number is accepted, then undone
		if text != "" && text != absent && !strings.HasSuffix(text, "\n") {
			order = "0110" // the first rule brings the last line break, and must go last
		}
		d := newDesk(t, text, 3)
		on := make(map[rune]bool)
		for _, n := range order {
			decide := d.Accept
			if on[n] {
				decide = func(id, _, reason string) (*Proposal, error) { return d.Undo(id, reason) }
			}
			p, err := decide(idOf(int(n-'0')), "", "")
			d.must(p, err)
			on[n] = !on[n]
			for _, m := range "012" {
				if got := d.text(); strings.Contains(got, fmt.Sprintf("`uv run tool%c`", m)) != on[m] {
					t.Errorf("over %q, after %c of %s: the file has rule %c: %v, want %v:\n%s", text, n, order, m, !on[m], on[m], got)
				}
			}
		}
		if got := d.text(); got != text {
			t.Errorf("over %q, in the order %s: all undone, the file is %q", text, order, got)
		}
	}
}

// After one proposal is accepted or undone, the others for its file are diffs
// against the file as it is, and can be accepted at once.
func TestSiblingsAreRebased(t *testing.T) {
	d := newDesk(t, "# Shop\n", 3)
	steps := []func() (*Proposal, error){
		func() (*Proposal, error) { return d.Accept(idOf(0), "", "") },
		func() (*Proposal, error) { return d.Undo(idOf(0), "") },
	}
	for i, step := range steps {
		p, err := step()
		d.must(p, err)
		for _, n := range []int{1, 2} {
			sibling, err := d.Get(idOf(n))
			d.must(sibling, err)
			if _, err := Apply(sibling.Diff, d.text()); err != nil || sibling.Base != hashOf(d.text()) || sibling.Status != Open {
				t.Errorf("step %d: Apply(%q, %q) = %v, status %s", i, sibling.Diff, d.text(), err, sibling.Status)
			}
		}
	}
}

// What a person made of the diff is what is applied, learned and undone, also
// after a sibling was accepted before.
func TestEditedDiff(t *testing.T) {
	for _, first := range []bool{false, true} {
		d := newDesk(t, "# Shop\n", 2)
		d.edit(0, "+- Run tests", "+- Here, run tests")
		if first {
			p, err := d.Accept(idOf(1), "", "")
			d.must(p, err)
		}
		before := d.text()
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		if !strings.Contains(d.text(), "- Here, run tests with `uv run tool0`") {
			t.Errorf("a sibling first: %v: the file is %q", first, d.text())
		}
		list, _ := d.Vault.List()
		text := MakeBrief(list, BriefQuery{Project: everywhere, Budget: 1000}).Text
		if !strings.Contains(text, "- Here, run tests with `uv run tool0`") {
			t.Errorf("a sibling first: %v: the brief is %q", first, text)
		}
		p, err = d.Undo(idOf(0), "")
		d.must(p, err)
		if d.text() != before {
			t.Errorf("a sibling first: %v: undone, the file is %q, want %q", first, d.text(), before)
		}
	}
}

// What was refused changed nothing but, where it says so, the proposal.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *desk) error
		want string // in the error
	}{
		{"an id that is none", func(d *desk) error { _, err := d.Accept("r-00", "", ""); return err }, "no such proposal"},
		{"an empty id", func(d *desk) error { _, err := d.Accept("", "", ""); return err }, "no such proposal"},
		{"an id of two", func(d *desk) error { _, err := d.Accept("r-", "", ""); return err }, "means r-"},
		{"a path as an id", func(d *desk) error { _, err := d.Get("../proposals/" + idOf(0)); return err }, "no such proposal"},
		{"undo of what is open", func(d *desk) error { _, err := d.Undo(idOf(0), ""); return err }, "nothing to undo"},
		{"an edited diff that does not fit", func(d *desk) error {
			d.edit(0, "\n # Shop", "\n # Shops")
			_, err := d.Accept(idOf(0), "", "")
			return err
		}, "does not fit"},
		{"an edited diff without a change", func(d *desk) error {
			doc, _ := read(t, d.file(idOf(0)))
			write(t, d.file(idOf(0)), doc[:strings.Index(doc, "@@")]+diffShut)
			_, err := d.Accept(idOf(0), "", "")
			return err
		}, "changes nothing"},
		{"a document without its diff", func(d *desk) error {
			d.edit(0, "```diff", "")
			_, err := d.Accept(idOf(0), "", "")
			return err
		}, "no diff"},
		{"a document of another", func(d *desk) error {
			d.edit(0, "id: "+idOf(0), "id: "+idOf(1))
			_, err := d.Accept(idOf(0), "", "")
			return err
		}, "names"},
		{"a checkout that is gone", func(d *desk) error {
			d.edit(0, "root: "+d.root, "root: /home/dev/gone")
			_, err := d.Accept(idOf(0), "", "")
			return err
		}, "no checkout"},
	} {
		d := newDesk(t, "# Shop\n", 2)
		ledger := tree(t, d.state)["ledger.jsonl"]
		err := c.do(d)
		if !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if d.text() != "# Shop\n" || tree(t, d.state)["ledger.jsonl"] != ledger {
			t.Errorf("%s: the file or the ledger was changed", c.name)
		}
	}
}

// A target that was changed, made or deleted since is left as it is; the
// proposal is made anew, and can then be accepted.
func TestMovedTarget(t *testing.T) {
	for _, c := range []struct{ before, since string }{{"# Shop\n", "# Shop\n\nMine.\n"}, {absent, "# Mine\n"}, {"# Shop\n", absent}} {
		d := newDesk(t, c.before, 1)
		if err := os.Remove(d.target()); err != nil && c.before != absent {
			t.Fatal(err)
		}
		if c.since != absent {
			write(t, d.target(), c.since)
		}
		p, err := d.Accept(idOf(0), "", "")
		if !errors.Is(err, ErrMoved) || d.text() != c.since {
			t.Errorf("changed from %q to %q: Accept = %v, the file is %q", c.before, c.since, err, d.text())
		}
		if p, err = d.Get(p.ID); err != nil || p.Status != Open {
			t.Errorf("made anew: status %s, %v", p.Status, err)
		}
		p, err = d.Accept(p.ID, "", "")
		d.must(p, err)
		if strings.Count(d.text(), p.Rule) != 1 {
			t.Errorf("accepted again: the file is %q", d.text())
		}
	}
}

// --root takes a proposal to another checkout, and to the target that is there.
func TestAcceptElsewhere(t *testing.T) {
	d := newDesk(t, "# Shop\n", 1)
	other := t.TempDir()
	write(t, filepath.Join(other, "docs", "rules.md"), "# Other\n")
	write(t, filepath.Join(other, "AGENTS.md"), "# Mine\n")
	p, err := d.Accept(idOf(0), other, "")
	d.must(p, err)
	if got, _ := read(t, filepath.Join(other, "AGENTS.md")); strings.Count(got, p.Rule) != 1 || d.text() != "# Shop\n" {
		t.Errorf("accepted with a root: %q there, %q here", got, d.text())
	}
}

// A target that is a link stays one; what it points to is changed and undone.
func TestAcceptThroughLink(t *testing.T) {
	d := newDesk(t, absent, 0)
	write(t, filepath.Join(d.root, "docs", "agents.md"), "# Shop\n")
	if err := os.Symlink(filepath.Join("docs", "agents.md"), d.target()); err != nil {
		t.Skip("no links on this system")
	}
	d.propose(pattern(0))
	for _, step := range []func() (*Proposal, error){
		func() (*Proposal, error) { return d.Accept(idOf(0), "", "") },
		func() (*Proposal, error) { return d.Undo(idOf(0), "") },
	} {
		p, err := step()
		d.must(p, err)
		if _, err := os.Readlink(d.target()); err != nil {
			t.Errorf("%s: the link is gone", p.Status)
		}
	}
	if d.text() != "# Shop\n" {
		t.Errorf("undone: the file is %q", d.text())
	}
}

// Undo in a file that a person changed since takes out what was added, when it
// still stands there once, and else nothing.
func TestUndoAfterChanges(t *testing.T) {
	const rule = "- Run tests with `uv run tool0`, not with `tool0`, which is not available here.\n"
	for _, c := range []struct{ name, now, want string }{ // want "" is refused
		{"a diff that also removed", rule + "More.\n", "- Fast.\nMore.\n"},
		{"words around", "Mine.\n\n## Tests\n\n- Fast.\n" + rule + "- More.\n", "Mine.\n\n## Tests\n\n- Fast.\n- More.\n"},
		{"moved", rule + "\n## Tests\n\n- Fast.\n", "\n## Tests\n\n- Fast.\n"},
		{"reworded", "## Tests\n\n- Fast.\n- Never tool0.\n", ""},
		{"copied", "## Tests\n\n- Fast.\n" + rule + rule, ""},
	} {
		d := newDesk(t, "## Gotchas\n\n- Fast.\n", 1)
		if strings.Contains(c.name, "removed") {
			d.edit(0, "\n - Fast.", "\n-- Fast.")
		}
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		write(t, d.target(), c.now)
		_, err = d.Undo(idOf(0), "")
		switch {
		case c.want == "" && (!errors.Is(err, ErrLineGone) || d.text() != c.now):
			t.Errorf("%s: Undo = %v, the file is %q, want %v", c.name, err, d.text(), ErrLineGone)
		case c.want != "" && (err != nil || d.text() != c.want):
			t.Errorf("%s: Undo = %v, the file is %q, want %q", c.name, err, d.text(), c.want)
		}
	}
}

// A crash between any two writes of accepting leaves what Resume finishes: the
// state is then that of an undisturbed run. Before the first write is whole,
// nothing was accepted.
func TestCrashWhileAccepting(t *testing.T) {
	d := newDesk(t, "# Shop\n", 2)
	before, target := tree(t, d.state), d.text()
	p, err := d.Accept(idOf(0), "", "seen it")
	d.must(p, err)
	after, changed := tree(t, d.state), d.text()

	lines := strings.SplitAfter(after["ledger.jsonl"], "\n")
	told := strings.Count(before["ledger.jsonl"], "\n")
	upTo := func(n int) string { return strings.Join(lines[:told+n], "") }
	note, sibling := filepath.Join("vault", "learnings", learningID(p.ID)+".md"), filepath.Join("proposals", idOf(1)+".md")
	state := func(ledger string, written ...string) map[string]string { // the files written before the crash
		files := maps.Clone(before)
		files["ledger.jsonl"] = ledger
		for _, f := range written {
			files[f] = after[f]
		}
		return files
	}
	for _, c := range []struct {
		name, target string
		state        map[string]string
	}{
		{"half a line of the ledger", target, state(upTo(0) + lines[told][:50])},
		{"the ledger", target, state(upTo(1))},
		{"the target", changed, state(upTo(1), note)},
		{"the learning", changed, state(upTo(1), note)},
		{"the sibling", changed, state(upTo(1), note, sibling)},
		{"the sibling's line", changed, state(upTo(2), note, sibling)},
		{"half of the last line", changed, state(upTo(2)+lines[told+2][:50], note, sibling)},
		{"all", changed, after},
	} {
		restore(t, d.state, c.state)
		write(t, d.target(), c.target)
		d.reopen()
		if err := d.Resume(); err != nil {
			t.Errorf("crash after %s: Resume = %v", c.name, err)
		}
		if c.name == "half a line of the ledger" {
			p, err := d.Accept(idOf(0), "", "seen it")
			d.must(p, err)
		}
		if diff := cmp.Diff(after, tree(t, d.state)); diff != "" || d.text() != changed {
			t.Errorf("crash after %s: the file is %q, the state (-undisturbed +resumed):\n%s", c.name, d.text(), diff)
		}
	}
}

// A crash while undoing is finished by undoing again.
func TestCrashWhileUndoing(t *testing.T) {
	for _, text := range []string{"# Shop\n", absent} {
		d := newDesk(t, text, 1)
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		accepted := tree(t, d.state)
		p, err = d.Undo(idOf(0), "not so")
		d.must(p, err)
		undone := tree(t, d.state)
		for _, retired := range []bool{false, true} { // crash after the target, and after the vault
			state := maps.Clone(accepted)
			if retired {
				state = maps.Clone(undone)
				state["ledger.jsonl"] = accepted["ledger.jsonl"]
			}
			restore(t, d.state, state)
			d.reopen()
			p, err := d.Undo(idOf(0), "not so")
			d.must(p, err)
			if diff := cmp.Diff(undone, tree(t, d.state)); diff != "" || d.text() != text {
				t.Errorf("over %q, retired %v: the file is %q, the state (-undisturbed +undone again):\n%s", text, retired, d.text(), diff)
			}
		}
	}
}

// A target that somebody changed during the crash is not overwritten: the
// proposal is open again.
func TestResumeMoved(t *testing.T) {
	d := newDesk(t, "# Shop\n", 1)
	p, err := d.Accept(idOf(0), "", "")
	d.must(p, err)
	ledger := strings.SplitAfter(tree(t, d.state)["ledger.jsonl"], "\n")
	write(t, filepath.Join(d.state, "ledger.jsonl"), ledger[0]+ledger[1])
	write(t, d.target(), "# Mine\n")
	d.reopen()
	if err := d.Resume(); err != nil || d.text() != "# Mine\n" {
		t.Errorf("Resume = %v, the file is %q", err, d.text())
	}
	if p, err = d.Get(p.ID); err != nil || p.Status != Open {
		t.Errorf("after Resume the proposal is %s, %v, want %s", p.Status, err, Open)
	}
}

// restore makes a folder hold just some files.
func restore(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
}

func namesOf(proposals []*Proposal) []string {
	var ids []string
	for _, p := range proposals {
		ids = append(ids, p.ID)
	}
	return ids
}

// A night proposes what is recommended, in order of rank, at most its share for
// a project, not what the file says already, and the same again not twice.
func TestPropose(t *testing.T) {
	d := newDesk(t, "# Shop\n\n- Work with `uv run tool1`, not with `tool1`.\n", 0)
	patterns := make([]miner.Pattern, 9)
	for i := range patterns {
		patterns[i] = pattern(i)
	}
	patterns[2].Recommended = false
	patterns[3].Fix, patterns[3].Class = nil, miner.OtherFailure // there is no wording
	made := d.propose(patterns...)
	if got, want := namesOf(made.New), []string{idOf(0), idOf(4), idOf(5), idOf(6), idOf(7)}; !slices.Equal(got, want) || made.Waiting != 1 || !slices.Equal(made.Covered, []string{"p-1"}) {
		t.Errorf("Propose = %v, %d waiting, %v covered, want %v, 1, [p-1]", got, made.Waiting, made.Covered, want)
	}
	state := tree(t, d.state)
	if made := d.propose(patterns[:8]...); len(made.New) != 0 || cmp.Diff(state, tree(t, d.state)) != "" {
		t.Errorf("Propose of the same = %v, and changed the state:\n%s", made, cmp.Diff(state, tree(t, d.state)))
	}
	if made := d.propose(patterns...); len(made.New) != 1 || made.New[0].ID != idOf(8) {
		t.Errorf("Propose of the next night = %v, want the one that waited", made.New)
	}
	list, err := d.List()
	if got, want := namesOf(list), append(namesOf(made.New), idOf(8)); err != nil || !slices.Equal(got, want) {
		t.Errorf("List = %v, %v, want %v, the order they were made in", got, err, want)
	}
}

// What becomes of a decided proposal when its pattern, with evidence from four
// sessions, is seen again with more.
func TestProposeAgain(t *testing.T) {
	gone := func(Evidence) bool { return false }
	for _, c := range []struct {
		name     string
		decide   func(d *desk) error
		sessions int
		days     int
		new      bool // it is proposed as new
		want     Status
	}{
		{"open", func(d *desk) error { return nil }, 5, 0, false, Open},
		{"rejected", func(d *desk) error { _, err := d.Reject(idOf(0), "no"); return err }, 7, 0, false, Rejected},
		{"rejected, doubled", func(d *desk) error { _, err := d.Reject(idOf(0), "no"); return err }, 8, 0, true, Open},
		{"snoozed", func(d *desk) error { _, err := d.Snooze(idOf(0), "", monday.AddDate(0, 0, 7)); return err }, 9, 0, false, Snoozed},
		{"snooze over", func(d *desk) error { _, err := d.Snooze(idOf(0), "", monday.AddDate(0, 0, 7)); return err }, 9, 7, false, Open},
		{"accepted", func(d *desk) error { _, err := d.Accept(idOf(0), "", ""); return err }, 9, 0, false, Accepted},
		{"undone", func(d *desk) error {
			_, err := d.Accept(idOf(0), "", "")
			_, undo := d.Undo(idOf(0), "")
			return errors.Join(err, undo)
		}, 7, 0, false, Undone},
		{"withdrawn", func(d *desk) error { _, err := d.Propose(nil, nil, 5, gone); return err }, 8, 0, true, Open},
		{"document deleted", func(d *desk) error { return os.Remove(d.file(idOf(0))) }, 9, 0, false, Open},
		{"document edited", func(d *desk) error { d.edit(0, "+- Run", "+- Please run"); return nil }, 9, 0, false, Open},
	} {
		d := newDesk(t, "# Shop\n", 1)
		if err := c.decide(d); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		d.Now = monday.AddDate(0, 0, c.days)
		before, was := read(t, d.file(idOf(0)))
		p := pattern(0)
		p.Sessions = c.sessions
		made := d.propose(p)
		if got := d.Ledger.StatusOf(idOf(0), d.Now); len(made.New) == 1 != c.new || got != c.want {
			t.Errorf("%s: proposed anew: %v, %s, want %v, %s", c.name, len(made.New) == 1, got, c.new, c.want)
		}
		doc, there := read(t, d.file(idOf(0)))
		renewed := strings.Contains(doc, fmt.Sprintf("in %d sessions", c.sessions))
		if want := c.want == Open && was && !strings.Contains(before, "Please"); renewed != want || there != was {
			t.Errorf("%s: the document was renewed: %v, want %v; it is there: %v, was: %v", c.name, renewed, want, there, was)
		}
	}
}

// An open proposal none of whose evidence opens any more is withdrawn; one that
// was decided on stays as it is.
func TestWithdraw(t *testing.T) {
	d := newDesk(t, "# Shop\n", 3)
	p, err := d.Accept(idOf(0), "", "")
	d.must(p, err)
	made, err := d.Propose(nil, nil, 5, func(e Evidence) bool { return false })
	if err != nil || len(made.Withdrawn) != 2 || d.Ledger.StatusOf(idOf(0), monday) != Accepted || d.Ledger.StatusOf(idOf(1), monday) != Withdrawn {
		t.Errorf("Propose = %+v, %v, want the two open ones withdrawn", made, err)
	}
	if _, err := d.Accept(idOf(1), "", ""); err == nil {
		t.Error("a withdrawn proposal was accepted")
	}
}

// A document that cannot be read is named; it neither hides another nor stops a
// decision on it.
func TestListDamaged(t *testing.T) {
	d := newDesk(t, "# Shop\n", 2)
	write(t, d.file(idOf(0)), "not a document")
	list, err := d.List()
	if len(list) != 1 || list[0].ID != idOf(1) || !strings.Contains(fmt.Sprint(err), idOf(0)) {
		t.Errorf("List = %v, %v, want the other, and an error that names %s", list, err, idOf(0))
	}
	p, err := d.Accept(idOf(1), "", "")
	d.must(p, err)
	if last := d.Ledger.Entries[len(d.Ledger.Entries)-1]; last.Event != EvApplied {
		t.Errorf("accepted beside it, the ledger ends with %s", last.Event)
	}
}
