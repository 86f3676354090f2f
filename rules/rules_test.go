package rules

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lode/miner"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A rule goes to the file that is there; of several, to the one that the others
// import or link to, else to the one that the agents of the evidence read.
func TestChoose(t *testing.T) {
	for _, c := range []struct{ files, agents, want string }{ // files are name, name=text or name->link, want is file: why
		{"", "claude", "AGENTS.md: no instruction file yet"},
		{"AGENTS.md", "claude", "AGENTS.md: has it"},
		{"CLAUDE.md", "codex", "CLAUDE.md: has it"},
		{".claude/CLAUDE.md", "codex", ".claude/CLAUDE.md: has it"},
		{"CLAUDE.md .claude/CLAUDE.md", "claude", "CLAUDE.md: has it"},
		{"AGENTS.md/x CLAUDE.md", "codex", "CLAUDE.md: has it"},
		{"AGENTS.md CLAUDE.md", "claude", "CLAUDE.md: claude reads"},
		{"AGENTS.md CLAUDE.md", "codex pi", "AGENTS.md: codex and pi reads"},
		{"AGENTS.md CLAUDE.md", "claude codex", "AGENTS.md: most agents"},
		{"AGENTS.md CLAUDE.md=@AGENTS.md", "claude", "AGENTS.md: CLAUDE.md imports it"},
		{"AGENTS.md=@CLAUDE.md CLAUDE.md", "codex", "CLAUDE.md: AGENTS.md imports it"},
		{"AGENTS.md CLAUDE.md=See_@./AGENTS.md,_first.", "claude", "AGENTS.md: CLAUDE.md imports it"},
		{"AGENTS.md CLAUDE.md=@docs/AGENTS.md", "claude", "CLAUDE.md: claude reads"},
		{"AGENTS.md CLAUDE.md=Ask_`@AGENTS.md`", "claude", "CLAUDE.md: claude reads"},
		{"AGENTS.md .claude/CLAUDE.md=@../AGENTS.md", "claude", "AGENTS.md: .claude/CLAUDE.md imports it"},
		{"AGENTS.md .claude/CLAUDE.md=@AGENTS.md", "claude", ".claude/CLAUDE.md: claude reads"},
		{"AGENTS.md CLAUDE.md->AGENTS.md", "claude", "AGENTS.md: CLAUDE.md imports it"},
		{"CLAUDE.md AGENTS.md->./CLAUDE.md", "codex", "CLAUDE.md: AGENTS.md imports it"},
		{"AGENTS.md->gone.md", "codex", "AGENTS.md: no instruction file yet"},
	} {
		root := t.TempDir()
		for f := range strings.FieldsSeq(c.files) {
			if name, link, ok := strings.Cut(f, "->"); ok {
				if err := os.Symlink(link, filepath.Join(root, name)); err != nil {
					t.Skip("no links on this system")
				}
				continue
			}
			name, text, _ := strings.Cut(f, "=")
			write(t, filepath.Join(root, name), strings.ReplaceAll(text, "_", " "))
		}
		got := Choose(root, strings.Fields(c.agents))
		file, why, _ := strings.Cut(c.want, ": ")
		if got.File != file || !strings.Contains(got.Why, why) {
			t.Errorf("Choose(%s; %s) = %s: %s, want %s", c.files, c.agents, got.File, got.Why, c.want)
		}
	}
	if got := Choose("", []string{"claude"}); got.File != "AGENTS.md" {
		t.Errorf("Choose without a root = %s, want AGENTS.md", got.File)
	}
}

// Every target says what it is, and finds the files that a text includes.
func TestTargets(t *testing.T) {
	for _, target := range Targets {
		if target.Name == "" || target.Doc == "" || len(target.Agents) == 0 {
			t.Errorf("target %+v does not say what it is", target)
		}
		got := target.Imports("@AGENTS.md and (see @docs/x.md), mail@example.com, @someone, `@code.md`\n- @./y.md.\n")
		if diff := cmp.Diff([]string{"AGENTS.md", "docs/x.md", "y.md"}, got); diff != "" {
			t.Errorf("%s: imports (-want +got):\n%s", target.Name, diff)
		}
	}
}

// A rule is covered by a line with the same words, or with both the command to
// use and the one to avoid, each as a word of its own.
func TestCovered(t *testing.T) {
	const rule = "Use `make check` instead of `make t`, which fails here."
	p := Fit{Kind: "failing-command", Avoid: "make t", Use: "make check <path>"}
	for _, c := range []struct {
		line string
		want bool
	}{
		{"- " + rule, true},
		{"  * " + strings.ToUpper(rule), true},
		{"12. " + rule, true},
		{"Never make t: it is make check here.", true},
		{"`make check`, not `make t`", true},
		{"Run make check.", false},
		{"make t is slow", false},
		{"make check, not make test", false},
		{"remake check, not make t", false},
		{"", false},
	} {
		text := "# Tests\n\n" + c.line + "\n"
		if got := Covered(text, rule, p.pattern()); (got != "") != c.want {
			t.Errorf("Covered(%q) = %q, want %v", c.line, got, c.want)
		}
	}
	if got := Covered("There is no `a.py`: do not look for it there.\n", "There is no `a.py`: do not look for it there.", &miner.Pattern{}); got == "" {
		t.Error("a rule without a fix is not covered by itself")
	}
}

// What a file says in other words is covered too; what only shares a word is not.
func TestCoveredInOtherWords(t *testing.T) {
	lint := &miner.Pattern{Kind: "forgotten-check", Subject: "task lint"}
	found := &miner.Pattern{Kind: "finding", Entity: "errcheck"}
	for _, c := range []struct {
		line string
		p    *miner.Pattern
		want bool
	}{
		{"- Run `task lint` before every commit.", lint, true},
		{"`task lint` runs the linters.", lint, false},
		{"Run `task lint:all` before every commit.", lint, false},
		{"errcheck is on: no error is discarded.", found, true},
		{"Write tests for every change, always.", &miner.Pattern{Kind: "request", Class: "tests"}, true},
		{"Every feature changed needs tests written together with it", &miner.Pattern{Kind: "request", Class: "tests"}, true},
		{"Tests live in `tests/`.", &miner.Pattern{Kind: "request", Class: "tests"}, false},
		{"Commit often.", &miner.Pattern{Kind: "request", Class: "amend"}, false},
	} {
		rule := Word(c.p)
		if got := Covered(c.line, rule, c.p); (got != "") != c.want {
			t.Errorf("Covered(%q, %q) = %q, want %v", c.line, rule, got, c.want)
		}
	}
}
