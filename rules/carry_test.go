package rules

import (
	"strings"
	"testing"
)

// A diff finds its place in a text in which other lines have changed, or says
// that it has none.
func TestCarry(t *testing.T) {
	const before = "# Shop\n\n- Use `make`.\n- Fast.\n\n## Style\n"
	for _, c := range []struct{ name, after, text, want string }{ // want "" is none
		{"a line corrected", strings.Replace(before, "make", "just", 1), "Mine.\n" + before + "- More.\n", "Mine.\n" + strings.Replace(before, "make", "just", 1) + "- More.\n"},
		{"a line removed", strings.Replace(before, "- Fast.\n", "", 1), before + "- More.\n", strings.Replace(before, "- Fast.\n", "", 1) + "- More.\n"},
		{"lines added behind one", strings.Replace(before, "- Fast.\n", "- Fast.\n- New.\n- Newer.\n", 1), strings.Replace(before, "- Fast.\n", "- Fast.\n- Sibling.\n", 1),
			"# Shop\n\n- Use `make`.\n- Fast.\n- New.\n- Newer.\n- Sibling.\n\n## Style\n"},
		{"lines added before one", "First.\n" + before, "# Shop\n\n- Other.\n", "First.\n# Shop\n\n- Other.\n"},
		{"the line is gone", strings.Replace(before, "make", "just", 1), "# Shop\n", ""},
		{"the line stands twice", strings.Replace(before, "make", "just", 1), before + before, ""},
		{"there already", strings.Replace(before, "- Fast.\n", "", 1), "# Shop\n", ""},
		{"no last line break", strings.TrimSuffix(before, "\n") + "\n- New.", "mine\n## Style", "mine\n## Style\n- New."},
		{"behind a text that goes on", before + "- New.\n", "mine\n## Style", ""},
	} {
		from := before
		if c.name == "no last line break" {
			from = strings.TrimSuffix(before, "\n")
		}
		diff, err := Unified("AGENTS.md", from, c.after, false)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := carry(diff, c.text)
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: carry = %q, %v, want %q", c.name, got, ok, c.want)
		}
	}
}

// What a person made of a correction is what a later night and a decision on a
// sibling leave of it.
func TestEditedCorrectionStays(t *testing.T) {
	d := newDesk(t, "# Shop\n\n- Fast.\n", 2)
	file := d.file(idOf(0))
	doc, _ := read(t, file)
	at := strings.LastIndex(doc, diffOpen)
	diff, err := Unified("AGENTS.md", d.text(), "# Shop\n\n- Not slow.\n- Nor wrong.\n", false)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, doc[:at]+diffOpen+diff+diffShut)
	p, err := d.Accept(idOf(1), "", "")
	d.must(p, err)
	p, err = d.Accept(idOf(0), "", "")
	d.must(p, err)
	if !strings.HasPrefix(d.text(), "# Shop\n\n- Not slow.\n- Nor wrong.\n") || !strings.Contains(d.text(), "uv run tool1") {
		t.Errorf("the file is %q", d.text())
	}
}

// A diff that a person edited may be anything: what reads it refuses, and does
// not panic.
func FuzzEditedDiff(f *testing.F) {
	f.Add("@@ -1 +1,2 @@\n a\n+b\n", "a\n")
	f.Add("@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n+c\n", "a")
	f.Add("--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+x\n@@ -2 +3 @@\n\n-\n", "")
	f.Fuzz(func(t *testing.T, diff, text string) {
		d := &Proposal{Diff: diff, Rule: "x"}
		added := d.Added()
		if same := withAdded(diff, added); text != "" && strings.Count(same, "\n+") != strings.Count(diff, "\n+") && !strings.Contains(diff, "\r") && strings.HasSuffix(diff, "\n") {
			t.Errorf("withAdded(%q, its own) = %q", diff, same)
		}
		d.oneLine()
		carry(diff, text)
		Marked(diff)
		if after, err := Apply(diff, text); err == nil {
			takeOut(after, lineEdits(text, after))
		}
	})
}
