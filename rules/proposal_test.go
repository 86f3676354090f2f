package rules

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lode/miner"
	"lode/rules/ground"
)

// hostile texts try to end what they stand in, or to be taken for something
// else: YAML, Markdown, HTML, a diff, numbers, terminal escapes.
var hostile = []string{"", " ", "null", "~", "true", "12", "1e3", "0x1f", ".inf", "2026-05-04", "- a", "a: b", "a #b", "#a", "'", `"`, `\`, "|", ">", "|-",
	"&a", "*a", "!!str", "%a", "@a", "`a`", "{a", "[a", "? a", "---", "...", "a\n---\nb", "\n---\n", "\n```diff\n+x\n```\n", "```", "a\n", "\na", " a", "a ",
	"a\n  b\n c", "\ta", "a\tb", "a\r\nb", "\r", "\x1b[31m", "\u202e", "\u2028", "\u0085", "\ufeff", "\x00", "\x7f", "🙂 größe", "<b>&amp;", "=", "<<", "a:", ":a", ": ", "-", "--- a"}

var aWord = rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.StringMatching(`[a-z \-:#'"\n]{0,12}`))

var aProposal = rapid.Custom(func(t *rapid.T) *Proposal {
	text := func(name string) string { return aWord.Draw(t, name) }
	n := rapid.IntRange(0, 1<<20)
	c := aChange.Filter(func(c change) bool { return c.from != c.to }).Draw(t, "change")
	d := &Proposal{ID: text("id"), Pattern: text("pattern"), Title: text("title"), Project: text("project"), Root: text("root"), Target: text("target"),
		WhyThere: text("why there"), Base: text("base"), Rule: text("rule"), Why: text("why"), Covered: text("covered"),
		Budget: Budget{Before: n.Draw(t, "before"), After: n.Draw(t, "after"), Limit: n.Draw(t, "limit"), Evicts: text("evicts"), InForce: []Load{{text("loader"), 1, 2, []string{text("file")}, text("over")}}}, Scope: text("scope"), Change: text("kind of change"), Writer: text("writer"), Against: text("against"), Grounded: []ground.Claim{{Term: text("term"), Kind: ground.Path}}, Backtest: Backtest{n.Draw(t, "sessions"), 1, 2},
		Counter: Counter{3, rapid.SliceOfN(aWord, 1, 3).Draw(t, "refs")}, Fit: Fit{Kind: text("kind"), Avoid: text("avoid"), Use: text("use"), Agents: []string{text("agent")}}}
	d.Evidence = []Evidence{{text("ref"), text("hash"), text("quote")}}
	d.Diff, _ = Unified("AGENTS.md", c.from, c.to, false)
	return d
})

// A proposal is read back from its document as it was, whatever its texts are.
func TestParsePrint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := aProposal.Draw(t, "proposal")
		doc, err := Print(d)
		if err != nil {
			t.Fatalf("Print = %v", err)
		}
		got, err := Parse(doc)
		if err != nil {
			t.Fatalf("Parse(%q) = %v", doc, err)
		}
		if diff := cmp.Diff(d, got); diff != "" {
			t.Fatalf("Parse of\n%s\n(-printed +read):\n%s", doc, diff)
		}
	})
}

// golden compares with testdata/name, which -update rewrites.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		write(t, file, got)
	}
	if want, _ := read(t, file); got != want {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, cmp.Diff(want, got))
	}
}

// aPattern is a pattern that is worth a rule: pytest is only there through uv.
func aPattern() *miner.Pattern {
	return &miner.Pattern{
		ID: "p-0a1b2c3d4e", Kind: "failing-command", Title: "pytest is only available as `uv run pytest`", Template: "sh: pytest: command not found",
		Project: "acme/shop", Agents: []string{"claude", "codex"}, Sessions: 4, Occurrences: 9, Days: 3, Recommended: true, Cost: miner.Cost{Calls: 12, Tokens: 3400},
		Class: miner.MissingTool, Subject: "pytest <path>", Entity: "pytest", Role: "test",
		Fix:      &miner.Fix{Command: "uv run pytest <path>", InsteadOf: "pytest <path>", Sessions: 3},
		Evidence: []miner.Evidence{{Ref: "claude/s1#12", Hash: "00ff", Quote: "sh: 1: pytest: not found <!-- *really* -->"}, {Ref: "codex/s2#7.1", Hash: "11ee", Quote: "`pytest` # [gone](x) | 1"}},
		Counter:  miner.Counter{Sessions: 1, Refs: []string{"claude/s9#3"}},
	}
}

// A proposal's document is what a person decides on: it has the rule, the
// evidence without markup of its own, and the diff.
func TestPrintGolden(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "AGENTS.md"), "# Shop\n\n## Tests\n\n- Keep them fast.\n")
	d, err := Draft(aPattern(), root, "")
	if err != nil {
		t.Fatalf("Draft = %v", err)
	}
	d.Root, d.Fit.Checkout, d.Base = "/home/dev/shop", "/home/dev/shop", "00ff"
	doc, err := Print(d)
	if err != nil {
		t.Fatalf("Print = %v", err)
	}
	golden(t, "proposal.md", string(doc))
}

// What a person changed in the document is what is read; a document that lost
// what it needs is refused, with what is missing.
func TestParseEdited(t *testing.T) {
	printed, _ := read(t, "testdata/proposal.md")
	for _, c := range []struct{ name, old, new, want string }{ // want is in the diff read, or in the error
		{"as printed", "", "", "+- Run tests with `uv run pytest <path>`, not"},
		{"reworded", "+- Run tests with", "+- Always test with", "+- Always test with `uv run pytest <path>`, not"},
		{"a line more", "\n+- Run tests", "\n+- Read the Makefile.\n+- Run tests", "+- Read the Makefile.\n+- Run tests"},
		{"words around", "\n## Change\n", "\n## Change\n\nI like it.\n", "+- Run tests with"},
		{"a diff quoted above", "\n## Change\n", "\nInstead of\n\n```diff\n+- x\n```\n\n## Change\n", "+- Run tests with"},
		{"no diff", "```diff", "```", "no diff"},
		{"fence not closed", "\n```\n", "\n", "not closed"},
		{"no front matter", "---\nid", "id", "no front matter"},
		{"front matter without an end", "\n---\n", "\n", "does not end"},
		{"front matter that is no YAML", "id: ", "id: [", "front matter"},
		{"front matter of another shape", "evidence:\n", "evidence: 3\nx:\n", "front matter"},
	} {
		if !strings.Contains(printed, c.old) {
			t.Fatalf("%s: %q is not in the document", c.name, c.old)
		}
		d, err := Parse([]byte(strings.Replace(printed, c.old, c.new, 1)))
		got := fmt.Sprint(err)
		if err == nil {
			got = d.Diff
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: Parse = %q, want %q in it", c.name, got, c.want)
		}
	}
}

// A document that can be read is printed so that it is read the same again.
func FuzzParse(f *testing.F) {
	printed, _ := read(f, "testdata/proposal.md")
	f.Add(printed)
	f.Add("---\nid: &a x\nrule: *a\nwhy: |\n  a\n  b\n---\n\n```diff\n+x\n```\n")
	f.Add("---\nid: !!binary aGk=\n---\n\n```diff\n```\n")
	f.Fuzz(func(t *testing.T, doc string) {
		d, err := Parse([]byte(doc))
		if err != nil || !utf8.ValidString(fmt.Sprint(d)) { // !!binary can make bytes that are no text
			return
		}
		again, err := Print(d)
		if err != nil {
			t.Fatalf("Print of what was read of %q = %v", doc, err)
		}
		got, err := Parse(again)
		if diff := cmp.Diff(d, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("Parse(%q), printed as %q, is read as %v:\n%s", doc, again, err, diff)
		}
	})
}

// Why a rule is proposed, in words: what it cost, or who told it.
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		p    miner.Pattern
		want string
	}{
		{miner.Pattern{Occurrences: 4, Sessions: 3, Days: 2, Agents: []string{"claude", "codex"}, Cost: miner.Cost{Calls: 5, Tokens: 60}, Fix: &miner.Fix{Command: "task test", Sessions: 2}},
			"Seen 4 times in 3 sessions on 2 days of claude, codex; it cost 5 calls and about 60 tokens. `task test` worked instead in 2 of them."},
		{miner.Pattern{Occurrences: 3, Told: 3, Sessions: 3, Agents: []string{"pi"}, Cost: miner.Cost{Calls: 3}}, "Told by a person 3 times in 3 sessions of pi."},
		{miner.Pattern{Occurrences: 3, Told: 1, Sessions: 1, Agents: []string{"pi"}, Cost: miner.Cost{Calls: 1, Tokens: 9}}, "Seen 3 times in 1 session of pi, 1 of them told by a person; it cost 1 call and about 9 tokens."},
	} {
		if got := reasons(&c.p); got != c.want {
			t.Errorf("reasons(%+v)\n= %s\nwant %s", c.p, got, c.want)
		}
	}
}
