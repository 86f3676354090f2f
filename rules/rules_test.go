package rules

import (
	"flag"
	"strings"
	"testing"

	"lode/miner"
)

var update = flag.Bool("update", false, "rewrite the golden files")

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
	flag := &miner.Pattern{Kind: "failing-command", Class: miner.UsageError, Subject: "ship", Entity: "--fast"}
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
		{"Push with `ship --quick`, never with `--fast`; `ship` says why.", flag, true},
		{"Never `ship --fast`.", flag, true},
		{"Push with `ship --fast`.", flag, false},
		{"Never `other --fast`.", flag, false},
	} {
		rule := Word(c.p)
		if got := Covered(c.line, rule, c.p); (got != "") != c.want {
			t.Errorf("Covered(%q, %q) = %q, want %v", c.line, rule, got, c.want)
		}
	}
}
