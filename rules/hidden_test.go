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

// A line with a secret, made up, and words that redaction leaves alone.
var secretLine = "key: " + "sk-ant-" + "api03-" + strings.Repeat("Ab3dEf7h", 11) + "AA"

// gitApplies reports whether git takes a diff for a file, and gives the same.
func gitApplies(t testing.TB, diff, from, to string) error {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f.md"), from)
	cmd := exec.Command("git", "apply", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if got, _ := read(t, filepath.Join(dir, "f.md")); got != to {
		return fmt.Errorf("git makes %q of it, want %q", got, to)
	}
	return nil
}

// Lines with secrets are in no diff; it is refused where that cannot be, and
// else taken by Apply and by git.
func TestSecretsStayOutOfDiffs(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	for _, c := range []struct {
		name, from, to string
		refused        bool
	}{
		{"two lines before", "a\nS\nb\nc\nd\n", "a\nS\nb\nNEW\nc\nd\n", false},
		{"just before", "a\nS\nb\nc\n", "a\nS\nNEW\nb\nc\n", false},
		{"just behind", "a\nS\nb\nc\n", "a\nNEW\nS\nb\nc\n", true},
		{"two lines behind", "a\nb\nS\nc\n", "a\nNEW\nb\nS\nc\n", false},
		{"the last line", "a\nS\n", "a\nS\n\nNEW\n", false},
		{"the last line, without an end", "a\nS", "a\nS\nNEW", true},
		{"the only line", "S\n", "S\n\nNEW\n", true},
		{"the first line", "S\na\n", "S\nNEW\na\n", false},
		{"between two changes", "a\nb\nS\nc\nd\n", "a\nNEW\nb\nS\nc\nNEW\nd\n", false},
		{"removed", "a\nS\nb\n", "a\nb\n", true},
		{"written", "a\nb\n", "a\nS\nb\n", true},
		{"none", "a\nb\n", "a\nNEW\nb\n", false},
	} {
		from, to := strings.ReplaceAll(c.from, "S", secretLine), strings.ReplaceAll(c.to, "S", secretLine)
		diff, err := Unified("f.md", from, to, false)
		if c.refused {
			if !errors.Is(err, ErrSecret) || strings.Contains(err.Error(), "sk-ant") {
				t.Errorf("%s: Unified = %q, %v, want %v", c.name, diff, err, ErrSecret)
			}
			continue
		}
		if err != nil || strings.Contains(diff, "sk-ant") {
			t.Errorf("%s: Unified = %q, %v", c.name, diff, err)
			continue
		}
		if got, err := Apply(diff, from); err != nil || got != to {
			t.Errorf("%s: Apply(%q) = %q, %v", c.name, diff, got, err)
		}
		if got, err := Apply(reversed(diff), to); err != nil || got != from {
			t.Errorf("%s: Apply(%q) = %q, %v, want what was before", c.name, reversed(diff), got, err)
		}
		if err := gitApplies(t, diff, from, to); err != nil {
			t.Errorf("%s: %v:\n%s", c.name, err, diff)
		}
	}
}

// Whatever changes: a diff shows no secret, and can be taken back.
func TestReversed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := aChange.Draw(r, "change")
		secret := func(text string) string {
			lines := splitLines(text)
			if len(lines) > 0 && rapid.Bool().Draw(r, "secret") {
				at := rapid.IntRange(0, len(lines)-1).Draw(r, "at")
				lines[at] = secretLine + "\n"
			}
			return strings.Join(lines, "")
		}
		from, to := secret(c.from), secret(c.to)
		diff, err := Unified("f.md", from, to, false)
		if errors.Is(err, ErrSecret) {
			return
		}
		if err != nil || strings.Contains(diff, "sk-ant") {
			r.Fatalf("Unified(%q, %q) = %q, %v", from, to, diff, err)
		}
		if got, err := Apply(diff, from); err != nil || got != to {
			r.Fatalf("Apply(%q, %q) = %q, %v, want %q", diff, from, got, err, to)
		}
		if got, err := Apply(reversed(diff), to); err != nil || got != from {
			r.Fatalf("Apply(%q, %q) = %q, %v, want %q", reversed(diff), to, got, err, from)
		}
	})
}

// A secret in a person's own instruction file is not stored: not in a proposal,
// the ledger or the vault; undo gives the file its bytes back all the same.
func TestSecretsOfTheTarget(t *testing.T) {
	for _, c := range []struct {
		name, text string
		since      func(accepted string) string // what a person does to the file before the undo
		refused    bool
	}{
		{"in the middle", "# A\n\nS\n\n## Tests\n\n- Fast.\n- Named.\n\n## Style\n", nil, false},
		{"above the list", "## Tests\n\nS\n- Fast.\n", nil, false},
		{"in the list", "## Tests\n\n- Fast.\n- S\n", nil, false},
		{"behind the list", "## Tests\n\n- Fast.\n\nS\n\nMore.\n", nil, false},
		{"right behind the list", "## Tests\n\n- Fast.\n<!--\nS\n-->\n", nil, false},
		{"edited since", "# A\n\nS\n\n## Tests\n\n- Fast.\n", func(s string) string { return "Mine.\n" + s }, false},
		{"at the end, without a line break", "# A\nS", nil, true},
	} {
		text := strings.ReplaceAll(c.text, "S\n", secretLine+"\n")
		if c.refused {
			text = "# A\n" + secretLine
		}
		d := newDesk(t, text, 0)
		made := d.propose(pattern(0))
		if c.refused {
			if len(made.New) != 0 || len(made.Refused) != 1 || strings.Contains(made.Refused[0].Error(), "sk-ant") {
				t.Errorf("%s: %+v", c.name, made)
			}
			continue
		}
		p, err := d.Accept(idOf(0), "", "")
		d.must(p, err)
		for file, stored := range tree(t, d.state) {
			if strings.Contains(stored, "sk-ant") || strings.Contains(stored, `"before"`) {
				t.Errorf("%s: %s holds the secret:\n%s", c.name, file, stored)
			}
		}
		want := text
		if c.since != nil {
			write(t, d.target(), c.since(d.text()))
			want = c.since(text)
		}
		d.reopen()
		p, err = d.Undo(p.ID, "")
		d.must(p, err)
		if d.text() != want {
			t.Errorf("%s: undone, the file is %q, want %q", c.name, d.text(), want)
		}
	}
}
