package rules

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"lode/miner"
)

// patterns by what decides where their rules belong.
var fits = map[string]*miner.Pattern{
	"test":  {Kind: "failing-command", Role: "test"},
	"lint":  {Kind: "failing-command", Role: "lint"},
	"path":  {Kind: "wrong-path"},
	"shell": {Kind: "failing-command", Role: "other"},
}

// Each file of testdata/place/<fit>.txtar is an instruction file, and behind it
// stands what becomes of it when a rule of that fit is placed.
func TestPlace(t *testing.T) {
	for fit, p := range fits {
		file := filepath.Join("testdata", "place", fit+".txtar")
		cases, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(cases.Files); i += 2 {
			before, after := string(cases.Files[i].Data), &cases.Files[i+1]
			got := Place(before, "RULE", p)
			if *update {
				after.Data = []byte(got)
			}
			if diff := cmp.Diff(string(after.Data), got); diff != "" {
				t.Errorf("%s: %s (-want +got; -update rewrites it):\n%s", file, cases.Files[i].Name, diff)
			}
		}
		if *update {
			write(t, file, string(txtar.Format(cases)))
		}
	}
}

// Line breaks stay of the file's kind, and a file that has none at its end
// still has none when the rule goes to a list there.
func TestPlaceLineBreaks(t *testing.T) {
	const section = "## Learned from past sessions\n\n- RULE\n"
	for _, c := range []struct{ before, after string }{
		{"", section},
		{"\n", "\n" + section},
		{"text", "text\n\n" + section},
		{"text\n", "text\n\n" + section},
		{"text\n\n", "text\n\n" + section},
		{"text\n  ", "text\n  \n" + section},
		{"text\r\n", "text\r\n\r\n" + strings.ReplaceAll(section, "\n", "\r\n")},
		{"\ufefftext\n", "\ufefftext\n\n" + section},
		{"## Tests\n- a", "## Tests\n- a\n- RULE"},
		{"## Tests\r\n- a\r\n", "## Tests\r\n- a\r\n- RULE\r\n"},
		{"## Tests\r\n- a", "## Tests\r\n- a\r\n- RULE"},
		{"## Tests\r\n\r\n- a\r\n\r\n- b", "## Tests\r\n\r\n- a\r\n\r\n- b\r\n\r\n- RULE"},
	} {
		if got := Place(c.before, "RULE", fits["test"]); got != c.after {
			t.Errorf("Place(%q) = %q, want %q", c.before, got, c.after)
		}
	}
}

// Placing only adds: without the new lines the text is as it was, the rule
// stands once, on a line of its own, and git's kind of diff has no removed line
// but for a missing last line break.
func TestPlaceOnlyAdds(t *testing.T) {
	line := rapid.SampledFrom([]string{"# T", "## Tests", "### Unit tests ###", "- a", "- [ ] b", "* c", "+ d", "1. e", "  - f", "\t- g", "  ```", "```", "~~~", "", "", "prose", "  more", "> q", "| t |", "---", "<!-- x -->"})
	rapid.Check(t, func(t *rapid.T) {
		eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
		text := strings.Join(rapid.SliceOf(line).Draw(t, "lines"), eol)
		got := Place(text, "RULE", fits["test"])
		rest := got
		for l := range strings.Lines(text) {
			at := strings.Index(rest, strings.TrimRight(l, "\r\n"))
			if at < 0 {
				t.Fatalf("Place(%q) = %q, which lost %q", text, got, l)
			}
			rest = rest[at+len(strings.TrimRight(l, "\r\n")):]
		}
		if strings.Count(got, "RULE") != 1 || strings.Count(got, "\n") < strings.Count(text, "\n")+1 || strings.Count(got, "\r\n") < strings.Count(text, "\r\n") {
			t.Fatalf("Place(%q) = %q, want one more line with the rule", text, got)
		}
	})
}

// A rule ends as the items of the list do.
func TestPlaceFullStop(t *testing.T) {
	for _, c := range []struct{ list, rule, want string }{
		{"- a\n- b\n", "Do it.", "- Do it\n"},
		{"- a.\n- b\n", "Do it.", "- Do it.\n"},
		{"- a\n", "Do it.", "- Do it.\n"},
		{"- a\n- b\n", "Do it. Then rest.", "- Do it. Then rest.\n"},
	} {
		if got := Place("## Tests\n\n"+c.list, c.rule, fits["test"]); !strings.HasSuffix(got, c.want) {
			t.Errorf("Place(%q, %q) = %q, want %q at its end", c.list, c.rule, got, c.want)
		}
	}
}
