package rules

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lode/miner"
	"lode/rules/target"
)

// with lays files below the checkout of a desk, those that begin with ~/ below
// a home folder.
func (d *desk) with(files map[string]string) *desk {
	d.Helper()
	d.Home = d.TempDir()
	for name, text := range files {
		if rest, ok := strings.CutPrefix(name, "~/"); ok {
			write(d, filepath.Join(d.Home, rest), text)
		} else {
			write(d, filepath.Join(d.root, name), text)
		}
	}
	return d
}

func (d *desk) holds(name string) string {
	d.Helper()
	text, ok := read(d, filepath.Join(d.root, name))
	if !ok {
		return absent
	}
	return text
}

// wrongPath is the pattern of a path that is looked for in vain.
func wrongDocs(right string) miner.Pattern {
	p := *aPattern()
	p.ID, p.Kind, p.Class, p.Role, p.Subject, p.Entity, p.Fix = "p-docs", "wrong-path", miner.NoSuchFile, "", "docs/api.md", "docs/api.md", nil
	if right != "" {
		p.Fix = &miner.Fix{Command: right, InsteadOf: "docs/api.md", Sessions: 3}
	}
	return p
}

// A line that the evidence shows to be wrong is corrected where it stands, in
// whichever file the agents load it; accepting and undoing is as always.
func TestCorrectsAWrongLine(t *testing.T) {
	for _, c := range []struct {
		name, file, text, right string
		change                  ChangeKind
		want                    string
	}{
		{"in the target", "AGENTS.md", "# A\n\n- The API: docs/api.md\n- More.\n", "docs/http/api.md", Correct, "# A\n\n- The API: docs/http/api.md\n- More.\n"},
		{"in CRLF, without an end", "AGENTS.md", "# A\r\n\r\n- The API: docs/api.md", "docs/http/api.md", Correct, "# A\r\n\r\n- The API: docs/http/api.md"},
		{"in an imported file", "docs/rules.md", "- The API: docs/api.md\n", "docs/http/api.md", Correct, "- The API: docs/http/api.md\n"},
		{"with nothing right", "AGENTS.md", "# A\n\n- The API: docs/api.md\n- More.\n", "", Remove, "# A\n\n- More.\n"},
	} {
		files := map[string]string{"docs/http/api.md": "", "main.go": "", "CLAUDE.md": "@AGENTS.md\n@docs/rules.md\n", "AGENTS.md": "# A\n"}
		files[c.file] = c.text
		d := newDesk(t, absent, 0).with(files)
		made := d.propose(wrongDocs(c.right))
		if len(made.New) != 1 {
			t.Fatalf("%s: proposed %d, covered %v, stale %v", c.name, len(made.New), made.Covered, made.Stale)
		}
		p := made.New[0]
		if p.Change != c.change || p.Target != c.file || !strings.Contains(p.Against, "docs/api.md") || p.Root != d.root {
			t.Errorf("%s: %q of %s, against %q: %s", c.name, p.Change, p.Target, p.Against, p.Diff)
		}
		p, err := d.Accept(p.ID, "", "")
		d.must(p, err)
		if got := d.holds(c.file); got != c.want {
			t.Errorf("%s: accepted, the file is %q, want %q", c.name, got, c.want)
		}
		p, err = d.Undo(p.ID, "")
		d.must(p, err)
		if got := d.holds(c.file); got != c.text {
			t.Errorf("%s: undone, the file is %q, want %q", c.name, got, c.text)
		}
	}
}

// A proposal whose line moved, or went, since it was made is made anew.
func TestWrongLineMoves(t *testing.T) {
	for _, c := range []struct {
		since  string
		change ChangeKind
		want   string
	}{
		{"# A\n\nMine.\n\n- The API: docs/api.md\n", Correct, "# A\n\nMine.\n\n- The API: docs/http/api.md\n"},
		{"# A\n", "", "# A\n\n## Learned from past sessions\n\n- There is no `docs/api.md`: use `docs/http/api.md`.\n"},
	} {
		d := newDesk(t, "# A\n\n- The API: docs/api.md\n", 0).with(map[string]string{"docs/http/api.md": "", "main.go": ""})
		p := d.propose(wrongDocs("docs/http/api.md")).New[0]
		write(t, d.target(), c.since)
		p, err := d.Accept(p.ID, "", "")
		if !errors.Is(err, ErrMoved) || d.text() != c.since {
			t.Fatalf("Accept = %v, the file is %q", err, d.text())
		}
		p, err = d.Accept(p.ID, "", "")
		d.must(p, err)
		if d.text() != c.want || p.Change != c.change {
			t.Errorf("accepted anew: %q, %q, want %q", p.Change, d.text(), c.want)
		}
	}
}

// What the checkout does not bear out is not proposed, and withdrawn when it was.
func TestStale(t *testing.T) {
	d := newDesk(t, "# A\n", 0).with(map[string]string{"main.go": ""})
	if made := d.propose(wrongDocs("docs/http/api.md")); len(made.New) != 0 || !slices.Equal(made.Stale, []string{"p-docs"}) {
		t.Errorf("what is named is not there: %+v", made)
	}
	write(t, filepath.Join(d.root, "docs/http/api.md"), "")
	made := d.propose(wrongDocs("docs/http/api.md"))
	if len(made.New) != 1 || len(made.New[0].Grounded) != 1 || !made.New[0].Grounded[0].There {
		t.Fatalf("what is named is there: %+v", made)
	}
	write(t, filepath.Join(d.root, "docs/api.md"), "")
	if made := d.propose(wrongDocs("docs/http/api.md")); len(made.Withdrawn) != 1 {
		t.Errorf("what was missing is there now: %+v", made)
	}
}

// The same in agents that read different files goes to AGENTS.md once, and the
// others import it, each by a proposal of its own.
func TestImportsAcross(t *testing.T) {
	d := newDesk(t, absent, 0).with(map[string]string{"CLAUDE.md": "# Shop", "main.go": ""})
	made := d.propose(pattern(0), pattern(1))
	if len(made.New) != 3 || made.New[1].Change != Import || made.New[1].Target != "CLAUDE.md" || made.New[1].Rule != "@AGENTS.md" {
		t.Fatalf("proposed %v", made.New)
	}
	for _, p := range []*Proposal{made.New[0], made.New[1]} {
		p, err := d.Accept(p.ID, "", "")
		d.must(p, err)
	}
	c := target.InForce("claude", target.Place{Root: d.root})
	if !c.Holds(made.New[0].Rule) || d.holds("CLAUDE.md") != "# Shop\n\n@AGENTS.md\n" {
		t.Errorf("accepted both, Claude Code loads %+v", c.Files)
	}
	if made := d.propose(pattern(0), pattern(1)); len(made.New) != 0 {
		t.Errorf("proposed again: %v", namesOf(made.New))
	}
	p, err := d.Undo(made.New[1].ID, "")
	d.must(p, err)
	if d.holds("CLAUDE.md") != "# Shop" {
		t.Errorf("undone, CLAUDE.md is %q", d.holds("CLAUDE.md"))
	}
}

// A rule about the person or the agent that recurs in several projects goes to
// the person's own file, once.
func TestOnceForAllProjects(t *testing.T) {
	d := newDesk(t, "# A\n", 0).with(map[string]string{"~/.claude/CLAUDE.md": "- Short.\n"})
	ask := func(id, project string) miner.Pattern {
		p := *aPattern()
		p.ID, p.Project, p.Kind, p.Class, p.Subject, p.Entity, p.Role, p.Fix = id, project, "request", "tests", "", "", "", nil
		p.Evidence = []miner.Evidence{{Ref: "claude/" + id + "#1", Hash: "00", Quote: "with tests please"}}
		return p
	}
	made := d.propose(ask("p-a", "acme/shop"))
	if len(made.New) != 1 || made.New[0].Scope != "" || made.New[0].Root != d.root {
		t.Fatalf("in one project: %+v", made.New)
	}
	made = d.propose(ask("p-b", "acme/atlas"), ask("p-a", "acme/shop"))
	if len(made.New) != 0 {
		t.Fatalf("proposed again: %v", namesOf(made.New))
	}
	p, err := d.Get(proposalID("p-a"))
	d.must(p, err)
	if p.Scope != Everywhere || p.Root != d.Home || p.Target != ".claude/CLAUDE.md" || len(p.Evidence) != 2 || !slices.Equal(p.Patterns, []string{"p-b"}) || !strings.Contains(p.Why, "2 projects: acme/shop, acme/atlas") {
		t.Errorf("in two projects: %+v", p)
	}
	if list, _ := d.List(); len(list) != 1 {
		t.Errorf("there are %d proposals, want 1", len(list))
	}
	p, err = d.Accept(p.ID, "", "")
	d.must(p, err)
	if text, _ := read(t, filepath.Join(d.Home, ".claude/CLAUDE.md")); !strings.Contains(text, p.Rule) || d.text() != "# A\n" {
		t.Errorf("accepted: the person's file is %q, the project's %q", text, d.text())
	}
	if list, err := d.Vault.List(); err != nil || len(list) != 1 || list[0].Scope != Everywhere {
		t.Errorf("the vault has %v, %v", list, err)
	}
	if made := d.propose(ask("p-b", "acme/atlas"), ask("p-a", "acme/shop")); len(made.New) != 0 || !slices.Equal(made.Covered, []string{"p-b"}) {
		t.Errorf("proposed after it was accepted: %v, covered %v", namesOf(made.New), made.Covered)
	}
	p, err = d.Undo(p.ID, "")
	d.must(p, err)
	p, err = d.Get(p.ID)
	if text, _ := read(t, filepath.Join(d.Home, ".claude/CLAUDE.md")); err != nil || text != "- Short.\n" {
		t.Errorf("undone: %q, %v", text, err)
	}
}

// Two patterns that come to the same words, or the same detector, give one
// proposal.
func TestNoTwoSayTheSame(t *testing.T) {
	d := newDesk(t, "# Shop\n", 1)
	twin := pattern(0)
	twin.ID = "p-twin"
	other := pattern(1)
	other.ID, other.Subject, other.Entity, other.Class = "p-other", "tool0", "tool0", miner.MissingModule
	other.Fix = &miner.Fix{Command: "uv run tool0", InsteadOf: "tool0", Sessions: 3}
	if made := d.propose(pattern(0), twin, other); len(made.New) != 0 || !slices.Equal(made.Covered, []string{"p-twin", "p-other"}) {
		t.Errorf("proposed %v, covered %v", namesOf(made.New), made.Covered)
	}
}

// A line in any file that the agents load covers a rule; one that only some of
// them load does not.
func TestCoveredElsewhere(t *testing.T) {
	const line = "- Run `uv run tool0`, not `tool0`.\n"
	for _, c := range []struct {
		file    string
		agents  []string
		covered bool
	}{
		{"CLAUDE.local.md", []string{"claude"}, true},
		{"~/.claude/CLAUDE.md", []string{"claude"}, true},
		{"CLAUDE.local.md", []string{"claude", "codex"}, false},
		{"web/AGENTS.md", []string{"codex"}, false},
		{"AGENTS.md", []string{"claude", "codex"}, true},
	} {
		d := newDesk(t, absent, 0).with(map[string]string{"AGENTS.md": "# A\n", c.file: line})
		p := pattern(0)
		p.Agents = c.agents
		if made := d.propose(p); (len(made.Covered) == 1) != c.covered {
			t.Errorf("%s, %v: proposed %v, covered %v", c.file, c.agents, namesOf(made.New), made.Covered)
		}
	}
}

// Where a file is full, the rule takes the place of the line that is worth
// least, and the proposal names it; nothing becomes longer.
func TestMakesRoom(t *testing.T) {
	lines := func(n int, more ...string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "- A line of no matter that is long enough to make room for a rule and the heading of the section that it comes with, as many are, and longer still: %d.\n", i)
		}
		return "# A\n\n" + strings.Join(more, "") + b.String()
	}
	const wrong, harmful = "- Read `src/gone/main.go` before all else, it explains how the packages of this project fit together, and which of them may know of which others, and why that is.\n", "- This one was measured and does harm: sessions with it fail more often than those without it, it seems, though nobody can say at once why that should be so here.\n"
	const twice = "- This line says nothing that another one does not say just as well, and is as long as it takes to make room for a rule and for a heading.\n"
	worth := func(line string) (float64, bool) { return -3, strings.Contains(line, "does harm") }
	for _, c := range []struct {
		name, file, agent, text, evicts string
	}{
		{"there is room", "CLAUDE.md", "claude", lines(10), ""},
		{"more lines than advised", "CLAUDE.md", "claude", lines(200), "- A line of no matter"},
		{"a line that stands twice first", "CLAUDE.md", "claude", lines(200, twice, twice), strings.TrimSpace(twice)},
		{"a wrong line first", "CLAUDE.md", "claude", lines(200, twice, twice, wrong), strings.TrimSpace(wrong)},
		{"a harmful one before it", "CLAUDE.md", "claude", lines(200, wrong, harmful), strings.TrimSpace(harmful)},
		{"more bytes than are loaded", "AGENTS.md", "codex", lines(400, wrong), strings.TrimSpace(wrong)},
		{"no line that is long enough", "CLAUDE.md", "claude", strings.Repeat("- Short.\n", 300), ""},
		{"nor the rule itself, in the words of the file", "CLAUDE.md", "claude", "## Learned from past sessions\n\n" + strings.Repeat("* Short\n", 300), ""},
	} {
		d := newDesk(t, absent, 0).with(map[string]string{c.file: c.text, "src/main.go": ""})
		d.Worth = worth
		p := pattern(0)
		p.Agents = []string{c.agent}
		made := d.propose(p)
		if len(made.New) != 1 {
			t.Fatalf("%s: proposed %v, covered %v, stale %v", c.name, namesOf(made.New), made.Covered, made.Stale)
		}
		b := made.New[0].Budget
		if !strings.HasPrefix(b.Evicts, c.evicts) || (b.Evicts == "") != (c.evicts == "") || len(b.InForce) != 1 {
			t.Errorf("%s: evicts %q, want %q; %+v", c.name, b.Evicts, c.evicts, b.InForce)
		}
		if b.Evicts != "" && b.After > b.Before {
			t.Errorf("%s: from %d tokens to %d", c.name, b.Before, b.After)
		}
		if q, err := d.Accept(made.New[0].ID, "", ""); err != nil || c.evicts != "" && strings.Count(d.holds(c.file), b.Evicts) >= strings.Count(c.text, b.Evicts) {
			t.Errorf("%s: accepted %s: %v", c.name, q.ID, err)
		}
	}
}

// Evidence about one folder gives a rule that is loaded there only.
func TestPathScoped(t *testing.T) {
	d := newDesk(t, "# A\n", 0).with(map[string]string{"web/app.ts": ""})
	p := pattern(0)
	p.Agents, p.Folder = []string{"claude"}, "web"
	made := d.propose(p)
	if len(made.New) != 1 || made.New[0].Target != ".claude/rules/web.md" {
		t.Fatalf("proposed %+v", made.New)
	}
	q, err := d.Accept(made.New[0].ID, "", "")
	d.must(q, err)
	here := target.InForce("claude", target.Place{Root: d.root, Opened: []string{"web/app.ts"}})
	if elsewhere := target.InForce("claude", target.Place{Root: d.root, Opened: []string{"api/a.go"}}); !here.Holds(q.Rule) || elsewhere.Holds(q.Rule) {
		t.Errorf("in force in web: %v, elsewhere: %v; the file is %q", here.Holds(q.Rule), elsewhere.Holds(q.Rule), d.holds(q.Target))
	}
	q, err = d.Undo(q.ID, "")
	d.must(q, err)
	if d.holds(".claude/rules/web.md") != absent {
		t.Error("undone, the file is still there")
	}
}
