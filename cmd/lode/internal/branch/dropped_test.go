package branch

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A line that the checkout does not have was deleted there, or stands on a
// branch or in a stash that is not checked out.
func TestDropped(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	const with, without = "# Shop\n\n- Be kind.\n", "# Shop\n"
	for _, c := range []struct {
		name string
		do   func(git func(...string), write func(string))
		want bool
	}{
		{"never committed, and deleted", func(_ func(...string), write func(string)) { write(with); write(without) }, true},
		{"committed, and deleted since", func(git func(...string), write func(string)) { write(with); git("commit", "-am", "x"); write(without) }, true},
		{"the deletion is committed", func(git func(...string), write func(string)) {
			write(with)
			git("commit", "-am", "x")
			git("branch", "old")
			write(without)
			git("commit", "-am", "y")
		}, true},
		{"on another branch", func(git func(...string), write func(string)) {
			git("checkout", "-b", "rules")
			write(with)
			git("commit", "-am", "x")
			git("checkout", "main")
		}, false},
		{"in a stash", func(git func(...string), write func(string)) { write(with); git("stash") }, false},
	} {
		dir := t.TempDir()
		git := func(args ...string) {
			t.Helper()
			cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "commit.gpgsign=false"}, args...)...)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v: %s", args, err, out)
			}
		}
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "AGENTS.md"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("init", "-q", "-b", "main")
		write(without)
		git("add", ".")
		git("commit", "-qm", "first")
		c.do(git, write)
		r, err := Open(context.Background(), dir, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Dropped(context.Background(), "AGENTS.md", "Be kind."); err != nil || got != c.want {
			t.Errorf("%s: Dropped = %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// When a line came in is told by the commits of what is checked out.
func TestCame(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	git := func(date string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_COMMITTER_DATE="+date, "GIT_AUTHOR_DATE="+date)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	commit := func(file, text, date string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git(date, "add", ".")
		git(date, "commit", "-qm", "x")
	}
	git("2026-05-01T00:00:00Z", "init", "-q", "-b", "main")
	commit("AGENTS.md", "# Shop\n", "2026-05-01T00:00:00Z")
	commit("main.go", "// Be kind.\n", "2026-05-02T00:00:00Z")
	commit("shop/AGENTS.md", "# Shop\n\n- Be kind.\n", "2026-05-03T00:00:00Z")
	commit("shop/AGENTS.md", "# Shop\n\n- Be kind.\n- Ask.\n", "2026-05-04T00:00:00Z")
	r, err := Open(context.Background(), dir, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"Be kind.": "2026-05-03", "Ask.": "2026-05-04", "Never.": ""} {
		at, ok, err := r.Came(context.Background(), line)
		if err != nil || ok != (want != "") || ok && at.Format(time.DateOnly) != want {
			t.Errorf("Came(%s) = %v, %v, %v, want %q", line, at, ok, err, want)
		}
	}
}
