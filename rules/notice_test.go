package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a person does to the line of an accepted rule, and what becomes of it.
func TestNotice(t *testing.T) {
	const rule = "Run tests with `uv run tool0`, not with `tool0`, which is not available here."
	for _, c := range []struct {
		name   string
		change func(d *desk)
		gone   bool // what is said of a line that is not there
		want   Status
		rule   string
		target string
	}{
		{name: "nothing", change: func(*desk) {}, gone: true, want: Accepted, rule: rule},
		{name: "another list, other blanks", change: func(d *desk) { d.swap("- "+rule, "  *  "+rule) }, gone: true, want: Accepted, rule: rule},
		{name: "edited", change: func(d *desk) { d.swap(rule, "Run the tests with `uv run tool0`, never with `tool0`.") }, gone: true, want: Adopted, rule: "Run the tests with `uv run tool0`, never with `tool0`."},
		{name: "deleted", change: func(d *desk) { d.swap("- "+rule+"\n", "") }, gone: true, want: Retired, rule: rule},
		{name: "another branch is checked out", change: func(d *desk) { d.swap("- "+rule+"\n", "") }, want: Accepted, rule: rule},
		{name: "the file is deleted", change: func(d *desk) { os.Remove(d.target()) }, gone: true, want: Retired, rule: rule},
		{name: "the checkout is away", change: func(d *desk) { os.RemoveAll(d.root) }, gone: true, want: Accepted, rule: rule},
		{name: "replaced by something else", change: func(d *desk) { d.swap(rule, "Be kind.") }, gone: true, want: Retired, rule: rule},
		{name: "moved to another file", change: func(d *desk) {
			write(d, filepath.Join(d.root, "CLAUDE.md"), "# All\n\n- "+rule+"\n")
			d.swap("- "+rule+"\n", "")
		}, gone: true, want: Adopted, rule: rule, target: "CLAUDE.md"},
	} {
		d := newDesk(t, "# Shop\n\n- Keep the prices in cents.\n", 2)
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		if p.Rule != rule {
			t.Fatalf("the rule is %q", p.Rule)
		}
		c.change(d)
		for range 2 { // once is enough
			if _, err := d.Notice(func(string, string, string) bool { return c.gone }); err != nil {
				t.Fatalf("%s: Notice = %v", c.name, err)
			}
			d.reopen()
		}
		p, err = d.Get(idOf(0))
		d.must(p, err)
		if p.Status != c.want || d.ruleOf(p) != c.rule {
			t.Errorf("%s: %s, %q, want %s, %q", c.name, p.Status, d.ruleOf(p), c.want, c.rule)
		}
		n := 0
		for _, e := range d.Ledger.Entries {
			if e.Event == EvAdopted || e.Event == EvRetired {
				n++
				if e.Target != c.target && c.target != "" {
					t.Errorf("%s: adopted in %s, want %s", c.name, e.Target, c.target)
				}
			}
		}
		if (n == 1) != (c.want != Accepted) || n > 1 {
			t.Errorf("%s: %d entries in the ledger", c.name, n)
		}
		list, err := d.Vault.List()
		if err != nil || (len(list) == 1) != c.want.InForce() {
			t.Errorf("%s: %d learnings, %v", c.name, len(list), err)
		} else if len(list) == 1 && list[0].Rule != c.rule {
			t.Errorf("%s: the learning says %q", c.name, list[0].Rule)
		}
		if made := d.propose(pattern(0)); len(made.New) != 0 {
			t.Errorf("%s: it is proposed again", c.name)
		}
		if text := d.text(); c.want == Adopted && c.target == "" {
			if _, err := d.Undo(idOf(0), ""); err == nil || d.text() != text {
				t.Errorf("%s: undo took a person's line out: %v", c.name, err)
			}
		}
	}
}

func (d *desk) swap(old, new string) {
	d.Helper()
	text := d.text()
	if !strings.Contains(text, old) {
		d.Fatalf("%q is not in %q", old, text)
	}
	write(d, d.target(), strings.Replace(text, old, new, 1))
}

// What was turned down is not asked again in the same words by another pattern,
// until its evidence has doubled; what a person deleted is never.
func TestTurnedDown(t *testing.T) {
	seen := pattern(0).Sessions
	for _, c := range []struct {
		sessions int
		deleted  bool
		want     int
	}{{1, false, 0}, {seen, false, 0}, {2*seen - 1, false, 0}, {2 * seen, false, 1}, {60, true, 0}} {
		d := newDesk(t, "# Shop\n", 1)
		twin := pattern(0)
		twin.ID, twin.Sessions = "p-twin", c.sessions
		if c.deleted {
			p, err := d.Accept(idOf(0), "", "")
			d.must(p, err)
			write(t, d.target(), "# Shop\n")
			if _, err := d.Notice(nil); err != nil {
				t.Fatal(err)
			}
		} else {
			p, err := d.Reject(idOf(0), "no")
			d.must(p, err)
		}
		if made := d.propose(twin); len(made.New) != c.want {
			t.Errorf("%d sessions, deleted %v: %d proposals, want %d", c.sessions, c.deleted, len(made.New), c.want)
		}
	}
}

// A rule that is retired is out of its file for good; one that is moved stands
// in the other file, once, and can be undone there.
func TestRetireAndMove(t *testing.T) {
	const text = "# Shop\n\n- Be kind.\n"
	d := newDesk(t, text, 2)
	for n := range 2 {
		p, err := d.Accept(idOf(n), "", "")
		d.must(p, err)
	}
	p, err := d.Retire(idOf(0), "more since")
	d.must(p, err)
	if strings.Contains(d.text(), "tool0") || d.Ledger.StatusOf(idOf(0), monday) != Retired {
		t.Errorf("after Retire: %s, %q", d.Ledger.StatusOf(idOf(0), monday), d.text())
	}
	if made := d.propose(pattern(0)); len(made.New) != 0 {
		t.Error("what was retired is proposed again")
	}
	for _, bad := range []string{"AGENTS.md", "../AGENTS.md", "main.go"} {
		if _, err := d.Move(idOf(1), bad); err == nil {
			t.Errorf("moved to %s", bad)
		}
	}
	p, err = d.Move(idOf(1), "CLAUDE.md")
	d.must(p, err)
	moved, _ := read(t, filepath.Join(d.root, "CLAUDE.md"))
	if d.text() != text || strings.Count(moved, "uv run tool1") != 1 {
		t.Errorf("after Move: %q and %q", d.text(), moved)
	}
	list, err := d.Vault.List()
	if err != nil || len(list) != 1 || list[0].Target != "CLAUDE.md" {
		t.Errorf("learnings = %+v, %v", list, err)
	}
	p, err = d.Undo(idOf(1), "")
	d.must(p, err)
	if _, err := os.Stat(filepath.Join(d.root, "CLAUDE.md")); err == nil || d.text() != text {
		t.Errorf("after Undo there is a CLAUDE.md, or AGENTS.md is %q", d.text())
	}
}
