package rules

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// change is a text before and after; created says that there was no file before.
type change struct {
	from, to string
	created  bool
}

// aLine draws lines that a diff could mistake for its own, and odd ones.
var aLine = rapid.OneOf(
	rapid.SampledFrom([]string{"", "a", "b", "c", "- x", "-- y", "++ z", "@@ -1 +1 @@", "--- a/f", "+++ b/f", "\\ No newline at end of file",
		"```", "```diff", "---", " ", "\t", "größe 🙂 é", "a\rb", strings.Repeat("long ", 4000)}),
	rapid.StringMatching(`[a-c \-+@\\é]{0,6}`),
)

// aText draws a text: with or without a last line break, with line breaks of
// one kind or of both, with or without a byte order mark.
var aText = rapid.Custom(func(t *rapid.T) string {
	lines := rapid.SliceOfN(aLine, 0, 30).Draw(t, "lines")
	eols := rapid.SampledFrom([][]string{{"\n"}, {"\r\n"}, {"\n", "\r\n"}}).Draw(t, "eols")
	var b strings.Builder
	if rapid.Bool().Draw(t, "bom") {
		b.WriteString("\ufeff")
	}
	for _, l := range lines {
		b.WriteString(l + rapid.SampledFrom(eols).Draw(t, "eol"))
	}
	b.WriteString(rapid.SampledFrom([]string{"", "", "no end"}).Draw(t, "end"))
	return b.String()
})

// aChange draws a text and what an editor, or somebody else, made of it.
var aChange = rapid.Custom(func(t *rapid.T) change {
	from := aText.Draw(t, "from")
	if rapid.Bool().Draw(t, "rewritten") {
		return change{from, aText.Draw(t, "to"), false}
	}
	lines := strings.SplitAfter(from, "\n")
	for range rapid.IntRange(1, 3).Draw(t, "edits") {
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
		lines[i] = rapid.SampledFrom([]string{"", lines[i] + "new\n", "new\n" + lines[i], "other\n"}).Draw(t, "edit")
	}
	return change{from, strings.Join(lines, ""), false}
})

func (c *change) diff(t testing.TB, path string) string {
	t.Helper()
	d, err := Unified(path, c.from, c.to, c.created)
	if err != nil {
		t.Fatalf("Unified(%q, %q) = %v", c.from, c.to, err)
	}
	return d
}

// A diff turns the one text into the other, and the diff of the other way back.
func TestApplyUnified(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := aChange.Draw(r, "change")
		back := change{c.to, c.from, false}
		for _, c := range []change{c, back} {
			d := c.diff(t, "f")
			if got, err := Apply(d, c.from); err != nil || got != c.to {
				r.Fatalf("Apply(%q, %q) = %q, %v, want %q", d, c.from, got, err, c.to)
			}
		}
	})
}

// git makes the same bytes of our diffs as Apply does, forwards and backwards,
// for files that are there, are new, or end up empty.
func TestGitApplies(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: the diffs were not compared with it")
	}
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "apply"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git apply %v: %v\n%s", args, err, out)
		}
	}
	var patch strings.Builder
	changes := make(map[string]change)
	for i := range 200 {
		c := aChange.Example(i)
		if i%4 == 0 {
			c.from, c.created = "", true
		}
		if c.from == c.to {
			continue
		}
		name := fmt.Sprintf("f%03d.md", i)
		changes[name] = c
		patch.WriteString(c.diff(t, name))
		if !c.created {
			write(t, filepath.Join(dir, name), c.from)
		}
	}
	write(t, filepath.Join(dir, "patch"), patch.String())
	git("patch")
	for name, c := range changes {
		if got, ok := read(t, filepath.Join(dir, name)); !ok || got != c.to {
			t.Errorf("git apply made %q of %q, want %q", got, c.from, c.to)
		}
	}
	git("-R", "patch")
	for name, c := range changes {
		if got, ok := read(t, filepath.Join(dir, name)); ok == c.created || got != c.from {
			t.Errorf("git apply -R made %q (there: %v) of %q, want %q", got, ok, c.to, c.from)
		}
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read returns a file's text, and whether there is such a file.
func read(t testing.TB, file string) (string, bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text), err == nil
}

// edited is a list, and the diff that adds to it as lode writes it.
const edited = "# T\n\n- a\n- b\n"

var editedDiffs = []struct{ name, diff, want string }{ // want "" is refused
	{"as printed", "--- a/f\n+++ b/f\n@@ -2,3 +2,4 @@\n \n - a\n - b\n+- c\n", "# T\n\n- a\n- b\n- c\n"},
	{"reworded", "--- a/f\n+++ b/f\n@@ -2,3 +2,4 @@\n \n - a\n - b\n+- other\n", "# T\n\n- a\n- b\n- other\n"},
	{"stripped blank", "--- a/f\n+++ b/f\n@@ -2,3 +2,4 @@\n\n - a\n - b\n+- c\n", "# T\n\n- a\n- b\n- c\n"},
	{"without file names", "@@ -4 +4,2 @@\n - b\n+- c\n", "# T\n\n- a\n- b\n- c\n"},
	{"no change left", "--- a/f\n+++ b/f\n", edited},
	{"two hunks", "@@ -1 +1 @@\n-# T\n+# U\n@@ -4 +4,2 @@\n - b\n+- c\n", "# U\n\n- a\n- b\n- c\n"},
	{"more added than counted", "@@ -4 +4,2 @@\n - b\n+- c\n+- d\n", "# T\n\n- a\n- b\n- c\n- d\n"},
	{"more added within", "@@ -3,2 +3,3 @@\n - a\n+- c\n+- d\n - b\n", "# T\n\n- a\n- c\n- d\n- b\n"},
	{"less added than counted", "@@ -3,2 +3,4 @@\n - a\n+- c\n - b\n", "# T\n\n- a\n- c\n- b\n"},
	{"a context line taken out", "@@ -2,3 +2,4 @@\n - a\n - b\n+- c\n", ""},
	{"cut short", "@@ -2,3 +2,4 @@\n \n - a\n", ""},
	{"another line is there", "@@ -4 +4,2 @@\n - x\n+- c\n", ""},
	{"behind the end", "@@ -9 +9,2 @@\n - b\n+- c\n", ""},
	{"hunks out of order", "@@ -4 +4 @@\n-- b\n+- c\n@@ -1 +1 @@\n-# T\n+# U\n", ""},
	{"a second file", "@@ -4 +4,2 @@\n - b\n+- c\n--- a/g\n+++ b/g\n@@ -4,0 +5 @@\n+- d\n", ""},
	{"a deletion behind the hunk that looks like a name", "@@ -1 +1 @@\n-# T\n+# U\n--- a\n", ""},
	{"an empty line without an end", "@@ -1,2 +1 @@\n-# T\n\n\\ No newline at end of file\n", ""},
	{"no numbers", "@@ -a +b @@\n", ""},
	{"half a header", "@@ -1\n", ""},
	{"a negative count", "@@ -1,-1 +1 @@\n", ""},
	{"prose in a hunk", "@@ -3,2 +3,3 @@\n - a\nsome words\n - b\n+- c\n", ""},
}

// A diff that a person edited is applied as it stands, or refused whole.
func TestApplyEdited(t *testing.T) {
	for _, c := range editedDiffs {
		got, err := Apply(c.diff, edited)
		if refused := c.want == ""; errors.Is(err, errPatch) != refused || got != c.want {
			t.Errorf("%s: Apply(%q) = %q, %v, want %q", c.name, c.diff, got, err, c.want)
		}
	}
}

// Whatever a document holds for a diff, it applies or does not fit.
func FuzzApply(f *testing.F) {
	for _, c := range editedDiffs {
		f.Add(c.diff, edited)
	}
	f.Add("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", "a")
	f.Fuzz(func(t *testing.T, diff, text string) {
		if got, err := Apply(diff, text); err != nil && (got != "" || !errors.Is(err, errPatch)) {
			t.Errorf("Apply(%q, %q) = %q, %v, want %v", diff, text, got, err, errPatch)
		}
	})
}

// A file too large to compare is refused, not cut.
func TestUnifiedTooLarge(t *testing.T) {
	if d, err := Unified("f", "", strings.Repeat("a\n", maxDiffBytes/2+1), true); err == nil || d != "" {
		t.Errorf("Unified of more than %d bytes = %.20q, %v, want an error", maxDiffBytes, d, err)
	}
}

// Where a line replaces another, the words that differ are marked.
func TestWords(t *testing.T) {
	for _, c := range []struct{ from, to, old, new string }{
		{"- run make test", "- run make check", "- run make [test]", "- run make [check]"},
		{"same", "same", "same", "same"},
		{"", "new words", "", "[new words]"},
		{"a  b", "a  c", "a  [b]", "a  [c]"},
		{"é über", "é unter", "é [über]", "é [unter]"},
	} {
		old, new := Words(c.from, c.to)
		if o, n := marked(old), marked(new); o != c.old || n != c.new {
			t.Errorf("Words(%q, %q) = %q, %q, want %q, %q", c.from, c.to, o, n, c.old, c.new)
		}
	}
}

func marked(pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		if p.Changed {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// The pieces of a line join to the whole line, and only what is on one side is
// marked.
func TestWordsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := aLine.Draw(t, "from"), aLine.Draw(t, "to")
		old, new := Words(from, to)
		var sides, same [2]string
		for i, pieces := range [][]Piece{old, new} {
			for _, p := range pieces {
				sides[i] += p.Text
				if !p.Changed {
					same[i] += p.Text
				}
			}
		}
		if sides != [2]string{from, to} || same[0] != same[1] {
			t.Fatalf("Words(%q, %q) = %v, %v, want the same lines and the same common words", from, to, old, new)
		}
	})
}
