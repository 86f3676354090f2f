package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A note is read back as it was written, whatever its texts are.
func TestLearningParsePrint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string { return aWord.Draw(t, name) }
		l := &Learning{ID: text("id"), Title: text("title"), Project: text("project"), Scope: text("scope"), Status: text("status"), Tags: []string{text("tag")},
			Created: text("created"), Pattern: text("pattern"), Proposal: text("proposal"), Target: text("target"), Sessions: 3, Paths: []string{text("path")}, Evidence: []string{text("ref")}, ReplacedBy: text("by"), Rule: text("rule"), Body: text("body")}
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
		if text := MakeBrief([]*Learning{l}, BriefQuery{Project: everywhere, Budget: 1000}).Text; strings.Count(text, "\n") > 2 || strings.ContainsAny(text, "\r\x1b\x00") {
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

// A person's learning, one that takes its place, and one that is merged: every
// note keeps what was, and the index links to all.
func TestVaultHistory(t *testing.T) {
	v := newVault(t)
	day := func(n int) time.Time { return monday.AddDate(0, 0, n) }
	add := func(rule, supersedes string, n int) *Learning {
		t.Helper()
		l, err := v.Note(Learning{Rule: rule, Project: "acme/shop", Tags: []string{"tests"}, Evidence: []string{"claude/s" + fmt.Sprint(n) + "#1"}}, supersedes, day(n))
		if err != nil {
			t.Fatalf("Note(%q) = %v", rule, err)
		}
		return l
	}
	first := add("Run `make test` before a commit.", "", 0)
	second := add("Run `make check` before a commit.", first.ID, 1)
	third := add("Check before you commit.", "", 2)
	if _, err := v.Note(Learning{Rule: third.Rule, Project: "acme/shop"}, "", day(3)); err == nil {
		t.Error("the same rule twice")
	}
	if _, err := v.End(third.ID, second.ID, "the same in other words", day(3)); err != nil {
		t.Fatal(err)
	}
	fourth := add("Be [kind] | always.", "", 4)
	if _, err := v.End(fourth.ID, "", "obvious", day(5)); err != nil {
		t.Fatal(err)
	}
	list, err := v.List()
	if got := ids(list); err != nil || got != second.ID || strings.Join(list[0].Evidence, " ") != "claude/s1#1 claude/s2#1" {
		t.Errorf("List = %s with %v, %v", got, list[0].Evidence, err)
	}
	for _, c := range []struct{ id, status, by, words string }{
		{first.ID, Superseded, second.ID, "Superseded on 2026-05-05 by [[" + second.ID + "]]."},
		{third.ID, Merged, second.ID, "Merged on 2026-05-07 into [[" + second.ID + "]]. Reason: the same in other words"},
		{fourth.ID, "retired", "", "Retired on 2026-05-09. Reason: obvious"},
	} {
		l, err := v.Find(c.id[2:6])
		if err != nil || l.Status != c.status || l.ReplacedBy != c.by || !strings.Contains(l.Body, c.words) {
			t.Errorf("%s: %+v, %v, want %s by %q: %s", c.id, l, err, c.status, c.by, c.words)
		}
		if _, err := v.End(c.id, "", "", day(6)); err == nil {
			t.Errorf("%s ends twice", c.id)
		}
	}
	index, _ := read(t, filepath.Join(v.dir, "index.md"))
	golden(t, "index.md", index)
}

// What is no plain line is no rule, and nothing is merged into what is not there.
func TestVaultRefuses(t *testing.T) {
	v := newVault(t)
	for _, rule := range []string{"", " ", "a\nb", "hidden\u202etext", strings.Repeat("word ", 61)} {
		if _, err := v.Note(Learning{Rule: rule}, "", monday); !errors.Is(err, ErrNoLine) {
			t.Errorf("Note(%q) = %v", rule, err)
		}
	}
	if _, err := v.Note(Learning{Rule: "Be kind."}, "l-none", monday); !errors.Is(err, ErrNoLearning) {
		t.Errorf("superseding nothing = %v", err)
	}
	l, err := v.Note(Learning{Rule: "Be kind."}, "", monday)
	if err != nil {
		t.Fatal(err)
	}
	for _, into := range []string{"l-none", l.ID} {
		if _, err := v.End(l.ID, into, "", monday); err == nil {
			t.Errorf("merged into %s", into)
		}
	}
	if list, err := v.List(); err != nil || ids(list) != l.ID {
		t.Errorf("List = %s, %v: a refusal changed the vault", ids(list), err)
	}
}

// Notes of a vault in a repository can be read by those who share it; those of
// the state are one person's.
func TestVaultModes(t *testing.T) {
	shared := OpenVault(filepath.Join(t.TempDir(), "vault"))
	for v, want := range map[*Vault][2]fs.FileMode{shared: {0o644, 0o755}, newVault(t): {0o600, 0o700}} {
		if err := v.Add(accepted(t, "r-1", 1), monday); err != nil {
			t.Fatal(err)
		}
		note, err := os.Stat(v.file("l-1", false))
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.Stat(filepath.Dir(v.file("l-1", false)))
		if err != nil || note.Mode().Perm() != want[0] || dir.Mode().Perm() != want[1] {
			t.Errorf("modes %v and %v, %v, want %v", note.Mode(), dir.Mode(), err, want)
		}
	}
}
