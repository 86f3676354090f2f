package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lode/session"
)

// A note is read back as it was written, whatever its texts are.
func TestLearningParsePrint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string { return aWord.Draw(t, name) }
		l := &Learning{ID: text("id"), Title: text("title"), Project: text("project"), Scope: text("scope"), Status: text("status"), Tags: []string{text("tag")},
			Created: text("created"), Pattern: text("pattern"), Proposal: text("proposal"), Target: text("target"), Sessions: 3, Rule: text("rule"), Body: text("body")}
		doc, err := printLearning(l)
		if err != nil {
			t.Fatalf("printLearning = %v", err)
		}
		got, err := parseLearning(doc)
		if diff := cmp.Diff(l, got); err != nil || diff != "" {
			t.Fatalf("parseLearning(%q) = %v (-printed +read):\n%s", doc, err, diff)
		}
	})
}

// However a note was written, it gives a brief one line.
func FuzzParseLearning(f *testing.F) {
	note, _ := read(f, "testdata/learning.md")
	f.Add(note)
	f.Add("---\ntags:\n  ! x\nb: !y\n---\n") // the decoder panics
	f.Add("---\nid: ../../x\nrule: |\n  a\n  b\n---\n")
	f.Fuzz(func(t *testing.T, doc string) {
		l, err := parseLearning([]byte(doc))
		if err != nil {
			return
		}
		l.tame("l-1")
		if text, _ := Brief([]*Learning{l}, func(string) bool { return true }, 1000); strings.Count(text, "\n") > 2 || strings.ContainsAny(text, "\r\x1b\x00") {
			t.Errorf("Brief of %q = %q, want one line for one learning", doc, text)
		}
	})
}

// newVault returns a vault in a folder whose name is a glob pattern.
func newVault(t *testing.T) *Vault { return &Vault{dir: filepath.Join(t.TempDir(), "a[b]*", "vault")} }

// accepted is a proposal as it is accepted, with the evidence of n sessions.
func accepted(t *testing.T, id string, n int) *Proposal {
	t.Helper()
	d, err := Draft(aPattern(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.Rule, d.Backtest.Failed = id, "Use `"+id+"`.", n
	return d
}

func ids(learnings []*Learning) string {
	var out []string
	for _, l := range learnings {
		out = append(out, l.ID)
	}
	return strings.Join(out, " ")
}

// The note of an accepted rule, as Obsidian opens it.
func TestVaultNote(t *testing.T) {
	v := newVault(t)
	if err := v.Add(accepted(t, "r-1", 4), monday); err != nil {
		t.Fatal(err)
	}
	note, _ := read(t, v.file("l-1", false))
	golden(t, "learning.md", note)
}

// Learnings are listed by their evidence, then by id; those that were retired
// are kept, but no longer listed.
func TestVaultList(t *testing.T) {
	v := newVault(t)
	for id, n := range map[string]int{"r-c": 2, "r-a": 2, "r-b": 5, "r-d": 1} {
		if err := v.Add(accepted(t, id, n), monday); err != nil {
			t.Fatal(err)
		}
	}
	list, err := v.List()
	if got := ids(list); err != nil || got != "l-b l-a l-c l-d" {
		t.Errorf("List = %s, %v, want l-b l-a l-c l-d", got, err)
	}
	for range 2 { // what is retired already stays so
		if err := v.Retire(accepted(t, "r-b", 5), monday); err != nil {
			t.Errorf("Retire = %v", err)
		}
	}
	list, err = v.List()
	if got := ids(list); err != nil || got != "l-a l-c l-d" {
		t.Errorf("List after Retire = %s, %v, want l-a l-c l-d", got, err)
	}
	if note, _ := read(t, v.file("l-b", true)); !strings.Contains(note, "status: retired") || strings.Count(note, "Retired on 2026-05-04.") != 1 {
		t.Errorf("the retired note is %q", note)
	}
}

// A note that cannot be read is named, and hides no other.
func TestVaultDamaged(t *testing.T) {
	v := newVault(t)
	if err := v.Add(accepted(t, "r-1", 1), monday); err != nil {
		t.Fatal(err)
	}
	write(t, v.file("l-0", false), "---\nid: [\n---\n")
	write(t, v.file("l-2", false), "no front matter")
	write(t, filepath.Join(v.dir, "learnings", "words.txt"), "not a note")
	list, err := v.List()
	if got := ids(list); got != "l-1" || !strings.Contains(fmt.Sprint(err), "l-0.md") || !strings.Contains(fmt.Sprint(err), "l-2.md") {
		t.Errorf("List = %s, %v, want l-1, and errors that name l-0.md and l-2.md", got, err)
	}
}

// A note moves nothing: it is the one that its file's name says, with a rule of
// one visible line, and retiring it writes nowhere else.
func TestVaultHostileID(t *testing.T) {
	v := newVault(t)
	d := accepted(t, "r-1", 1)
	if err := v.Add(d, monday); err != nil {
		t.Fatal(err)
	}
	file := v.file("l-1", false)
	note, _ := read(t, file)
	note = strings.Replace(note, "id: l-1", "id: ../../../evil", 1)
	note = strings.Replace(note, "rule: Use `r-1`.", `rule: "Hidden\u202e\e[2J\n\n# Not\r\n- of lode."`+"\nmine: kept", 1)
	write(t, file, strings.ReplaceAll(note, "\n", "\r\n")+"my words")
	list, err := v.List()
	if err != nil || ids(list) != "l-1" || list[0].Rule != "Hidden # Not - of lode." {
		t.Errorf("List = %+v, %v, want l-1, in one line", list, err)
	}
	if err := v.Retire(d, monday); err != nil {
		t.Errorf("Retire = %v", err)
	}
	if note, _ := read(t, v.file("l-1", true)); !strings.Contains(note, "status: retired\n") || !strings.Contains(note, "mine: kept") || !strings.Contains(note, "my words") {
		t.Errorf("the retired note is %q, want all that was in it", note)
	}
	err = filepath.WalkDir(filepath.Dir(filepath.Dir(v.dir)), func(path string, e os.DirEntry, err error) error {
		if strings.Contains(path, "evil") {
			t.Errorf("%s was written", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A brief has what holds for a project and everywhere, one line each, the best
// first, as much as the budget takes.
func TestBrief(t *testing.T) {
	learnings := []*Learning{
		{ID: "l-1", Project: "acme/shop", Rule: "Use `uv run pytest`."},
		{ID: "l-2", Project: "acme/atlas", Rule: "Use `make`."},
		{ID: "l-3", Project: "acme/atlas", Scope: "global", Rule: "Quote globs."},
		{ID: "l-4", Project: "acme/shop", Rule: strings.Repeat("A long rule. ", 20)},
		{ID: "l-5", Project: "acme/shop", Rule: "Read the Makefile."},
	}
	const all = session.EchoMark + " learned in this project:\n- Use `uv run pytest`. (l-1)\n- Quote globs. (l-3)\n- Read the Makefile. (l-5)\n"
	for _, c := range []struct {
		budget int
		want   string
	}{
		{45, all}, // the long one is left out, what comes behind it is not
		{30, strings.Join(strings.SplitAfter(all, "\n")[:3], "")},
		{11, ""},
		{0, ""},
	} {
		got, ids := Brief(learnings, func(name string) bool { return name == "acme/shop" }, c.budget)
		if got != c.want || strings.Count(got, "(l-") != len(ids) {
			t.Errorf("Brief(%d) = %q, %v, want %q", c.budget, got, ids, c.want)
		}
	}
}

// A brief never takes more tokens than it may.
func TestBriefBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var learnings []*Learning
		for i := range rapid.IntRange(0, 20).Draw(t, "n") {
			learnings = append(learnings, &Learning{ID: fmt.Sprint("l-", i), Rule: rapid.StringMatching(`[a-zé ]{0,80}`).Draw(t, "rule")})
		}
		budget := rapid.IntRange(-10, 200).Draw(t, "budget")
		text, ids := Brief(learnings, func(string) bool { return true }, budget)
		if got := Tokens(text); got > max(budget, 0) || strings.Count(text, "\n") != len(ids)+min(len(ids), 1) {
			t.Fatalf("Brief(%d) = %q, which takes %d tokens", budget, text, got)
		}
	})
}
