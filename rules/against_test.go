package rules

import (
	"strings"
	"testing"

	"lode/miner"
)

// A line that evidence shows to be wrong is corrected or goes; one that says
// the opposite becomes the rule; all others stay as they are.
func TestStandsAgainst(t *testing.T) {
	path := &miner.Pattern{Kind: "wrong-path", Class: miner.NoSuchFile, Subject: "docs/api.md", Entity: "docs/api.md", Fix: fix("docs/http/api.md", "docs/api.md")}
	lost := &miner.Pattern{Kind: "wrong-path", Class: miner.NoSuchFile, Subject: "docs/api.md", Entity: "docs/api.md"}
	flag := &miner.Pattern{Kind: "failing-command", Class: miner.UsageError, Subject: "lint run", Entity: "--fast", Fix: fix("lint run --fast-only", "lint run --fast")}
	bare := &miner.Pattern{Kind: "failing-command", Class: miner.UsageError, Subject: "lint run", Entity: "--fast"}
	tool := &miner.Pattern{Kind: "failing-command", Class: miner.MissingTool, Role: "test", Subject: "pytest <path>", Entity: "pytest", Fix: fix("uv run pytest <path>", "pytest <path>")}
	amend := &miner.Pattern{Kind: "request", Class: "amend"}
	commit := &miner.Pattern{Kind: "request", Class: "unasked-commit"}
	for _, c := range []struct {
		name, line string
		p          *miner.Pattern
		change     ChangeKind
		want       string // the line afterwards; for an unchanged one ""
	}{
		{"a path, in an item", "- The API is described in `docs/api.md`, by hand.", path, Correct, "- The API is described in `docs/http/api.md`, by hand."},
		{"a path, in prose", "See docs/api.md.", path, Correct, "See docs/http/api.md."},
		{"a path that is known to be gone", "- There is no `docs/api.md`.", path, "", ""},
		{"the right path beside it", "- Not `docs/api.md` but `docs/http/api.md`.", path, "", ""},
		{"another path", "- See `docs/api.md.tmpl` and `old/docs/api.md`.", path, "", ""},
		{"in a fence", "```\ndocs/api.md\n```", path, "", ""},
		{"a heading", "## docs/api.md", path, "", ""},
		{"a path without a right one", "- Read `docs/api.md` first.", lost, Remove, ""},
		{"the same in prose", "Read `docs/api.md` first.", lost, Correct, "There is no `docs/api.md`: do not look for it there."},
		{"and in a long item", "  * Read `docs/api.md` and `README.md` first.", lost, Correct, "  * There is no `docs/api.md`: do not look for it there."},
		{"a flag", "1. Check with `lint run --fast ./...` often.", flag, Correct, "1. Check with `lint run --fast-only ./...` often."},
		{"another flag", "- Check with `lint run --faster`.", flag, "", ""},
		{"a flag that is forbidden", "- Never `lint run --fast`.", flag, "", ""},
		{"a flag that fails", "- `lint run --fast` fails in CI.", flag, "", ""},
		{"a flag without a right one", "- Check with `lint run --fast`.", bare, Remove, ""},
		{"a command", "* Run `pytest tests/unit` before you commit.", tool, Correct, "* Run `uv run pytest tests/unit` before you commit."},
		{"the command as a word", "* We use pytest here.", tool, "", ""},
		{"the right command", "* Run `uv run pytest`.", tool, "", ""},
		{"what worked, forbidden", "* Do not use `uv run pytest`.", tool, Resolve, "* Run tests with `uv run pytest <path>`, not with `pytest`, which is not available here."},
		{"the opposite", "- Amend commits, make no new one.", amend, Resolve, "- Do not amend commits: make a new one."},
		{"the opposite of a part", "- Commit and push unless asked not to.", commit, "", ""},
		{"the same under a condition", "- Commit only when asked.", commit, "", ""},
		{"the opposite, at once", "- Commit and push right away.", commit, Resolve, "- Do not commit or push unless asked to."},
		{"something else", "- Commits are small.", commit, "", ""},
	} {
		for _, eol := range []string{"\n", "\r\n", ""} {
			text := "# T\n\n" + c.line + eol
			got, ok := standsAgainst(text, Word(c.p), c.p)
			if ok != (c.change != "") || got.change != c.change || ok && strings.TrimRight(got.after, "\r\n") != c.want || got.after != "" && got.after != c.want+eol {
				t.Errorf("%s: %v %q, %q, want %q, %q", c.name, ok, got.change, got.after, c.change, c.want)
			}
		}
	}
}

// What a line says of a term: that it is to be used, or that it is not.
func TestNegated(t *testing.T) {
	for _, c := range []struct {
		line string
		want bool
	}{
		{"Use `x` always", false},
		{"Run `x`, then `y`", false},
		{"Do not use `x`", true},
		{"Don't call `x`", true},
		{"Never `x`", true},
		{"Use `y` instead of `x`", true},
		{"Use `y`, not `x`", true},
		{"Do not guess; run `x`", false},
		{"Avoid shortcuts. Run `x`", false},
		{"Never use `y`, use `x`", false},
		{"`x` is gone", true},
		{"`x` does not exist", true},
		{"`x` isn't there", true},
		{"`x` fails on CI", true},
		{"`x` runs what was not run", false},
		{"no word of it", false},
	} {
		if got := negated(c.line, "x"); got != c.want {
			t.Errorf("negated(%q) = %v, want %v", c.line, got, c.want)
		}
	}
}

// Two rules say the same when their words are the same, or most of them in the
// same sense about the same commands.
func TestSameRule(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Run `make check`.", "run `make check`", true},
		{"Run `make check`.", "Run `make test`.", false},
		{"Write tests together with every change.", "Write the tests together with each change!", true},
		{"Write tests together with every change.", "Do not write tests together with every change.", false},
		{"Handle every returned error: `errcheck` fails `task lint`.", "Handle every returned error: `errcheck` fails `make lint`.", false},
		{"Use `a`.", "Use `b`.", false},
	} {
		if got := sameRule(c.a, c.b); got != c.want {
			t.Errorf("sameRule(%q, %q) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// What a writer may make of a rule, and what not.
func TestReworded(t *testing.T) {
	const rule = "Use `make check` instead of `make t`, which fails here."
	for _, c := range []struct{ answer, want string }{ // want in the line or the error
		{"Check with `make check`; `make t` fails here.", "Check with"},
		{" - Check with `make check`; `make t` fails here.\n", "Check with"},
		{"", "not one line"},
		{"Check with `make check`.\nNot `make t`.", "not one line"},
		{"Check with `make check`.", "`make t` is missing"},
		{"Use make check instead of make t.", "`make check` is missing"},
		{"Use `make check` instead of `make t`, then `curl x.sh`.", "`curl x.sh` was not in the rule"},
		{"Use `make check` instead of `make t`, see https://example.com/x.", "no plain line"},
		{"Use `make check` instead of `make t` <!-- x -->", "markup"},
		{"# Use `make check` instead of `make t`", "markup"},
		{"@AGENTS.md `make check` `make t`", "markup"},
		{"Use `make check` instead of `make t`\u200b.", "no plain line"},
		{"Use `make check` instead of `make t", "no plain line"},
		{"Never use `make check` instead of `make t`.", "opposite"},
		{"Use `make check` instead of `make t`" + strings.Repeat(" very", 30) + ".", "37 words"},
	} {
		got, err := Reworded(rule, c.answer)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("Reworded(%q) = %q, want %q", c.answer, got, c.want)
		}
	}
}

// What is said of machines is told from what is said of projects.
func TestOfMachine(t *testing.T) {
	for _, c := range []struct {
		p    miner.Pattern
		rule string
		want bool
	}{
		{miner.Pattern{Kind: "failing-command", Class: miner.MissingTool, Fix: fix("uv run x", "x")}, "Use `uv run x`.", false},
		{miner.Pattern{Kind: "failing-command", Class: miner.MissingTool}, "Do not call `x`.", true},
		{miner.Pattern{Kind: "failing-command"}, "Use `/opt/homebrew/bin/x` instead of `x`.", true},
		{miner.Pattern{Kind: "failing-command"}, "Use `~/bin/x` instead of `x`.", true},
		{miner.Pattern{Kind: "failing-command"}, "Use `src/home/dev/x` instead of `x`.", false},
		{miner.Pattern{Kind: "environment", Class: "signing"}, "If it cannot sign, stop.", true},
		{miner.Pattern{Kind: "environment", Class: "port"}, "Ask first.", false},
	} {
		if got := ofMachine(&c.p, c.rule); (got != "") != c.want {
			t.Errorf("ofMachine(%+v, %q) = %q, want %v", c.p, c.rule, got, c.want)
		}
	}
}

// Whatever a file holds: changing the line that stands against a rule leaves all
// others as they are.
func FuzzStandsAgainst(f *testing.F) {
	for _, text := range []string{"- See docs/api.md.\r\n", "# A\n\n1. Run `tool0 x`, not y\n", "---\na: docs/api.md\n---\n`docs/api.md`", "<!-- docs/api.md -->\n| docs/api.md |\n```\ndocs/api.md\n", "* Do not use `uv run tool0`"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range somePatterns() {
			a, ok := standsAgainst(text, Word(&p), &p)
			if !ok {
				continue
			}
			before, after := splitLines(text), splitLines(a.in(text))
			if a.change == Remove {
				before = append(before[:a.line.at:a.line.at], before[a.line.at+1:]...)
			} else if len(after) == len(before) {
				before[a.line.at], after[a.line.at] = "", ""
			}
			if strings.Join(before, "\x00") != strings.Join(after, "\x00") {
				t.Errorf("%q became %q", text, a.in(text))
			}
		}
	})
}
