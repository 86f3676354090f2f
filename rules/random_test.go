package rules

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lode/miner"
)

// anInstructionFile is a text as people keep them: sections, lists, prose, code,
// tables, comments; in any line ends, with or without a last one, with a byte
// order mark, with letters of many languages, and sometimes with secrets.
var anInstructionFile = rapid.Custom(func(t *rapid.T) string {
	line := rapid.OneOf(
		rapid.SampledFrom([]string{"# Shop", "## Tests", "## Commands", "### Layout ###", "## Learned from past sessions", "- Fast.", "* Small.", "1. First.", "  - nested", "", "", "",
			"```", "~~~sh", "make check", "| a | b |", "<!-- hidden -->", "<!--", "-->", "---", "> quoted", "@docs/rules.md", "- Run `tool0 tests` first.", "- Read docs/api.md.", "- Do not use `uv run tool0`.",
			"- größer 🙂 строка 行", "\ttab", "trailing  ", "+ plus", "- - minus", "-- x", "+++ b/x", "@@ -1 +1 @@", "\\ No newline at end of file", secretLine, "not \xff text"}),
		rapid.StringMatching(`[-*] [a-zA-Z0-9 .,'äöü\x60]{1,60}`))
	eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
	lines := rapid.SliceOfN(line, 0, 25).Draw(t, "lines")
	if rapid.Bool().Draw(t, "speaks of it") {
		about := rapid.SampledFrom([]string{"- Run `tool0 tests` first.", "- Read docs/api.md.", "See `docs/api.md`.", "* Do not use `uv run tool0`.", "- Do not write or change tests together with a change."})
		at := rapid.IntRange(0, len(lines)).Draw(t, "at")
		lines = slices.Insert(lines, at, about.Draw(t, "about"))
	}
	text := strings.Join(lines, eol)
	if rapid.Bool().Draw(t, "end") && text != "" {
		text += eol
	}
	if rapid.IntRange(0, 9).Draw(t, "mark") == 0 {
		text = "\ufeff" + text
	}
	if rapid.IntRange(0, 30).Draw(t, "big") == 0 && len(text) > 1 {
		text = strings.Repeat(text+eol, (1<<20-200)/(len(text)+2)-1)
	}
	return text
})

// somePatterns are of kinds that add, correct, remove and resolve lines.
func somePatterns() []miner.Pattern {
	ask := pattern(2)
	ask.Kind, ask.Class, ask.Subject, ask.Entity, ask.Fix = "request", "tests", "", "", nil
	return []miner.Pattern{pattern(0), pattern(1), wrongDocs("docs/http/api.md"), wrongDocs(""), ask}
}

// Accepting and undoing leaves any file as it was, to the byte; git takes the
// same diff and makes the same of it. What was changed since it was proposed is
// refused, left alone, and proposed afresh; what was changed since it was
// accepted keeps that change.
func TestAnyFile(t *testing.T) {
	_, err := exec.LookPath("git")
	hasGit, applied := err == nil, 0
	rapid.Check(t, func(r *rapid.T) {
		text := anInstructionFile.Draw(r, "text")
		p := rapid.SampledFrom(somePatterns()).Draw(r, "pattern")
		d := newDesk(t, text, 0)
		made := d.propose(p)
		if len(made.New) == 0 {
			if len(made.Covered)+len(made.Refused) == 0 {
				r.Fatalf("over %q: neither proposed nor covered nor refused", text)
			}
			return
		}
		id := made.New[0].ID
		if since := anInstructionFile.Draw(r, "since"); rapid.Bool().Draw(r, "drifts") && since != text {
			write(t, d.target(), since)
			p, err := d.Accept(id, "", "")
			if errors.Is(err, ErrSecret) {
				return
			}
			if !errors.Is(err, ErrMoved) || d.text() != since {
				r.Fatalf("%q became %q: Accept = %v, and the file is %q", text, since, err, d.text())
			}
			if p, err = d.Get(id); err != nil || p.Status != Open || p.Base != hashOf(since) {
				r.Fatalf("%q became %q: afresh it is %s, %v", text, since, p.Status, err)
			}
			text = since
		}
		proposed, err := d.Get(id)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := d.Accept(id, "", ""); err != nil {
			r.Fatalf("over %q: Accept = %v", text, err)
		}
		after := d.text()
		if hasGit && applied < 40 {
			applied++
			if err := gitApplies(t, strings.ReplaceAll(proposed.Diff, "/AGENTS.md\n", "/f.md\n"), text, after); err != nil {
				r.Fatalf("over %q: %v:\n%s", text, err, proposed.Diff)
			}
		}
		want := text
		if rapid.Bool().Draw(r, "edited since") {
			write(t, d.target(), "Mine.\n"+after)
			want = "Mine.\n" + text
		}
		was := d.text()
		if _, err := d.Undo(id, ""); errors.Is(err, ErrLineGone) && want != text {
			want = was // refused, and left alone
		} else if err != nil {
			r.Fatalf("over %q: Undo = %v", text, err)
		}
		if got := d.text(); got != want {
			r.Fatalf("over %q: undone, the file is %q, want %q", text, got, want)
		}
	})
}
