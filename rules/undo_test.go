package rules

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What takes a change back in a text with other changes gives the old text with
// those: whatever was added, removed or replaced, and whatever its ends are.
func TestTakeOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
		var before, after, now, want strings.Builder
		foreign := func() { // a person's lines, between two that are unchanged
			for i := range rapid.IntRange(0, 2).Draw(t, "foreign") {
				line := fmt.Sprint("mine ", now.Len(), " ", i, eol)
				now.WriteString(line)
				want.WriteString(line)
			}
		}
		changed := false
		for i := range rapid.IntRange(1, 12).Draw(t, "lines") {
			old, new := fmt.Sprint("line ", i, eol), fmt.Sprint("new ", i, eol)
			switch rapid.SampledFrom([]string{"keep", "keep", "remove", "add", "replace"}).Draw(t, "what") {
			case "keep":
				new = old
			case "remove":
				new = ""
			case "add":
				new = old + new
			}
			changed = changed || old != new
			before.WriteString(old)
			want.WriteString(old)
			after.WriteString(new)
			now.WriteString(new)
			between := fmt.Sprint("between ", i, eol)
			for _, b := range []*strings.Builder{&before, &after, &now, &want} {
				b.WriteString(between)
			}
			foreign()
			between = fmt.Sprint("behind ", i, eol)
			for _, b := range []*strings.Builder{&before, &after, &now, &want} {
				b.WriteString(between)
			}
		}
		got, found := takeOut(now.String(), lineEdits(before.String(), after.String()))
		if !changed {
			if found != 0 {
				t.Errorf("nothing changed: %d changes found", found)
			}
			return
		}
		if found != allOfThem || got != want.String() {
			t.Errorf("takeOut(%q) = %q, %d, want %q", now.String(), got, found, want.String())
		}
	})
}

// A rule at the end of a text without a last line break goes, also when more was
// written behind it.
func TestTakeOutAtTheEnd(t *testing.T) {
	for _, c := range []struct{ before, after, now, want string }{
		{"- a", "- a\n- rule", "- a\n- rule\n- mine\n", "- a\n- mine\n"},
		{"- a", "- a\n- rule", "- a\n- rule\n", "- a\n"},
		{"- a\n", "- a\n- rule\n", "mine\n- a\n- rule", "mine\n- a\n"},
		{"- a\r\n", "- a\r\n- rule\r\n", "\ufeff- a\r\n- rule\r\n", "\ufeff- a\r\n"},
		{"", "- rule\n", "- rule\n- mine\n", "- mine\n"},
	} {
		if got, found := takeOut(c.now, lineEdits(c.before, c.after)); found != allOfThem || got != c.want {
			t.Errorf("from %q to %q, then %q: %q, %d, want %q", c.before, c.after, c.now, got, found, c.want)
		}
	}
}

// TryUndo tells what Undo does, and does nothing.
func TestTryUndo(t *testing.T) {
	for _, since := range []string{"", "\nMine.\n"} {
		d := newDesk(t, "# Shop\n", 1)
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		write(t, d.target(), d.text()+since)
		state, text := fmt.Sprint(tree(t, d.state)), d.text()
		c, err := d.TryUndo(idOf(0))
		if err != nil || c.Before != text || d.text() != text || fmt.Sprint(tree(t, d.state)) != state {
			t.Fatalf("TryUndo = %+v, %v; the file is %q", c, err, d.text())
		}
		p, err = d.Undo(idOf(0), "")
		d.must(p, err)
		if d.text() != c.After {
			t.Errorf("Undo made %q, TryUndo said %q", d.text(), c.After)
		}
	}
}

// A document whose diff was changed after it was accepted is not what undo goes
// by.
func TestUndoOfAnotherDiff(t *testing.T) {
	d := newDesk(t, "# Shop\n", 1)
	p, err := d.Accept(idOf(0), "", "")
	d.must(p, err)
	d.edit(0, "+- Run", "+# Shop\n+- Run")
	write(t, d.target(), d.text()+"mine\n")
	text := d.text()
	if _, err := d.Undo(idOf(0), ""); !strings.Contains(fmt.Sprint(err), "not the one that was accepted") || d.text() != text {
		t.Errorf("Undo = %v, the file is %q", err, d.text())
	}
}

// An edit is what is accepted, and stays the person's: neither another decision
// nor another night takes it away.
func TestEdit(t *testing.T) {
	d := newDesk(t, "# Shop\n", 2)
	p, err := d.Get(idOf(0))
	d.must(p, err)
	added := p.Added()
	if len(added) != 1 || !strings.Contains(added[0], p.Rule) {
		t.Fatalf("Added = %q", added)
	}
	const words = "- Here, `uv run tool0` runs the tests.\n"
	edited := strings.Replace(added[0], "- "+p.Rule+"\n", words, 1)
	try, err := d.TryEdit(idOf(0), []string{edited})
	d.must(try, err)
	if again, _ := d.Get(idOf(0)); again.Rule != p.Rule {
		t.Error("TryEdit changed the proposal")
	}
	p, err = d.Edit(idOf(0), []string{edited}, "shorter")
	d.must(p, err)
	if p.Rule != strings.TrimSpace(strings.TrimPrefix(words, "- ")) {
		t.Errorf("the rule is %q", p.Rule)
	}
	more := pattern(0)
	more.Sessions = 9
	d.propose(more)
	p, err = d.Accept(idOf(1), "", "")
	d.must(p, err)
	d.propose(more)
	before := d.text()
	p, err = d.Accept(idOf(0), "", "")
	d.must(p, err)
	if !strings.Contains(d.text(), words) {
		t.Errorf("accepted: %q", d.text())
	}
	p, err = d.Undo(idOf(0), "")
	d.must(p, err)
	if d.text() != before {
		t.Errorf("undone: %q, want %q", d.text(), before)
	}
}

// An edit that cannot be a change is refused, and changes nothing.
func TestEditRefused(t *testing.T) {
	for name, added := range map[string][]string{
		"nothing":    {""},
		"blanks":     {"\n \n"},
		"two places": {"- a\n", "- b\n"},
		"none":       nil,
		"hidden":     {"- a\u200bb\n"},
		"escape":     {"- \x1b[31mred\n"},
	} {
		d := newDesk(t, "# Shop\n", 1)
		state := fmt.Sprint(tree(t, d.state))
		if _, err := d.Edit(idOf(0), added, ""); !strings.Contains(fmt.Sprint(err), ErrEdit.Error()) || fmt.Sprint(tree(t, d.state)) != state {
			t.Errorf("%s: Edit = %v", name, err)
		}
	}
}

// Any words put in for a rule are what the file then says, with its line breaks,
// and undo gives the old bytes back.
func TestEditAnyText(t *testing.T) {
	anyWords := rapid.StringMatching(`- [a-zA-Zäß #+@-]{1,40}(\n- [a-z+-]{1,9})?`)
	for i, text := range slices.Concat(texts, texts) {
		words := anyWords.Example(i)
		d := newDesk(t, text, 1)
		p, err := d.Get(idOf(0))
		d.must(p, err)
		added := strings.ReplaceAll(p.Added()[0], "\r\n", "\n")
		p, err = d.Edit(idOf(0), []string{strings.Replace(added, "- "+p.Rule, words, 1)}, "")
		d.must(p, err)
		p, err = d.Accept(idOf(0), "", "")
		d.must(p, err)
		if now := strings.ReplaceAll(d.text(), "\r\n", "\n"); !strings.Contains(now, words) {
			t.Errorf("over %q: %q, want in it %q", text, now, words)
		}
		if strings.Contains(text, "\r\n") && strings.Contains(text, "# Shop") && strings.Contains(strings.ReplaceAll(d.text(), "\r\n", ""), "\n") {
			t.Errorf("over %q: line breaks are mixed in %q", text, d.text())
		}
		p, err = d.Undo(idOf(0), "")
		d.must(p, err)
		if d.text() != text {
			t.Errorf("undone: %q, want %q", d.text(), text)
		}
	}
}

// branchOf is a channel to a text in memory.
type branchOf struct {
	text string
	made int
}

func (br *branchOf) channel() Channel {
	return Channel{
		Name: "rules",
		Read: func(string, string) (string, error) {
			if br.text == absent {
				return "", os.ErrNotExist
			}
			return br.text, nil
		},
		Deliver: func(c *Change) (Elsewhere, error) {
			br.text = c.After
			br.made++
			return Elsewhere{Branch: "rules", Commit: fmt.Sprint(br.made)}, nil
		},
	}
}

// Rules that go to a branch leave the checkout as it is, and pile up there. Undo
// takes them out of the checkout when they have arrived in it.
func TestElsewhere(t *testing.T) {
	for _, text := range texts {
		d := newDesk(t, text, 3)
		br := &branchOf{text: text}
		for n := range 2 {
			p, to, err := d.AcceptElsewhere(idOf(n), "", "", br.channel())
			d.must(p, err)
			if to.Commit != fmt.Sprint(n+1) || p.Status != Accepted || !strings.Contains(br.text, p.Rule) || d.text() != text {
				t.Fatalf("over %q: to %+v, the branch has %q, the checkout %q", text, to, br.text, d.text())
			}
		}
		d.reopen()
		if err := d.Resume(); err != nil || d.text() != text {
			t.Errorf("over %q: Resume = %v, and the checkout is %q", text, err, d.text())
		}
		p, err := d.Undo(idOf(1), "") // nothing has arrived
		d.must(p, err)
		if d.text() != text {
			t.Errorf("over %q: undone, the checkout is %q", text, d.text())
		}
		write(t, d.target(), br.text) // merged
		p, err = d.Undo(idOf(0), "")
		d.must(p, err)
		if strings.Contains(d.text(), p.Rule) {
			t.Errorf("over %q: merged and undone, the checkout is %q", text, d.text())
		}
	}
}

// A branch whose file is another than the checkout's is not written to.
func TestElsewhereDiffers(t *testing.T) {
	d := newDesk(t, "# Shop\n", 1)
	state := fmt.Sprint(tree(t, d.state))
	for _, text := range []string{"# Other\n", absent} {
		br := &branchOf{text: text}
		if _, _, err := d.AcceptElsewhere(idOf(0), "", "", br.channel()); !strings.Contains(fmt.Sprint(err), ErrOther.Error()) || br.made != 0 {
			t.Errorf("the branch has %q: AcceptElsewhere = %v", text, err)
		}
	}
	if fmt.Sprint(tree(t, d.state)) != state {
		t.Error("the state was changed")
	}
}

// Accepting and undoing gives any file its bytes back, at once and when a person
// wrote more before and behind meanwhile.
func TestAcceptUndoAnyFile(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := aText.Draw(r, "text")
		d := newDesk(t, text, 1)
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		head, tail := "", ""
		if rapid.Bool().Draw(r, "more") {
			head = "a person's heading\n"
			if strings.HasSuffix(text, "\n") {
				tail = "a person's end"
			}
		}
		write(t, d.target(), head+d.text()+tail)
		p, err = d.Undo(idOf(0), "")
		d.must(p, err)
		if want := head + text + tail; d.text() != want {
			r.Errorf("undone: %q, want %q", d.text(), want)
		}
	})
}

// So it is for a file as large as lode compares.
func TestAcceptUndoLarge(t *testing.T) {
	line := strings.Repeat("é", 49) + "\r\n" // 100 bytes
	text := "\ufeff" + strings.Repeat(line, (maxDiffBytes-4096)/len(line)) + "the end"
	d := newDesk(t, text, 1)
	p, err := d.Accept(idOf(0), "", "")
	d.must(p, err)
	p, err = d.Undo(idOf(0), "")
	d.must(p, err)
	if d.text() != text {
		t.Error("undone, the file is another")
	}
}
