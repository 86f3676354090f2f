package branch

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// newRepo makes a repository whose first commit has the files.
func newRepo(t *testing.T, files map[string]string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "dev", "GIT_AUTHOR_EMAIL": "dev@localhost",
		"GIT_COMMITTER_NAME": "dev", "GIT_COMMITTER_EMAIL": "dev@localhost"} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	for name, text := range files {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "first")
	return dir
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func open(t *testing.T, dir string) *Repo {
	t.Helper()
	r, err := Open(t.Context(), dir, monday)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A file is changed, made and removed on a branch, in the checkout's top or below
// it, while the checkout stays as it is, with what is not committed in it.
func TestCommit(t *testing.T) {
	for _, folder := range []string{"", "services/api"} {
		dir := newRepo(t, map[string]string{"AGENTS.md": "top\n", "services/api/AGENTS.md": "api\n", "services/api/x": "x\n"})
		put(t, filepath.Join(dir, "AGENTS.md"), "not committed\n")
		put(t, filepath.Join(dir, "staged"), "staged\n")
		git(t, dir, "add", "staged")
		status := git(t, dir, "status", "--porcelain", "--branch")
		r := open(t, filepath.Join(dir, filepath.FromSlash(folder)))
		was, err := r.Read(t.Context(), "lode/rules", "AGENTS.md")
		if want := map[string]string{"": "top\n", "services/api": "api\n"}[folder]; err != nil || was != want {
			t.Errorf("%q: Read = %q, %v, want %q", folder, was, err, want)
		}
		first, err := r.Commit(t.Context(), "lode/rules", "AGENTS.md", was+"rule\n", false, "a rule\n")
		if err != nil {
			t.Fatal(err)
		}
		if same, err := r.Commit(t.Context(), "lode/rules", "AGENTS.md", was+"rule\n", false, "a rule\n"); err != nil || same != first {
			t.Errorf("%q: committed again: %s, %v, want %s", folder, same, err, first)
		}
		second, err := r.Commit(t.Context(), "lode/rules", ".claude/rules/new.md", "new\n", false, "a file\n")
		if err != nil {
			t.Fatal(err)
		}
		top := ""
		if folder != "" {
			top = folder + "/"
		}
		if got := git(t, dir, "diff", "--name-status", "main", "lode/rules"); got != "A\t"+top+".claude/rules/new.md\nM\t"+top+"AGENTS.md" {
			t.Errorf("%q: the branch changes %q", folder, got)
		}
		if got, err := r.Read(t.Context(), "lode/rules", "AGENTS.md"); err != nil || got != was+"rule\n" {
			t.Errorf("%q: Read = %q, %v", folder, got, err)
		}
		for commit, want := range map[string]State{first: Waiting, second: Last, "0123456789012345678901234567890123456789": Gone, git(t, dir, "rev-parse", "main"): Merged} {
			if got, err := r.Where(t.Context(), "lode/rules", commit); err != nil || got != want {
				t.Errorf("%q: Where(%.7s) = %v, %v, want %v", folder, commit, got, err, want)
			}
		}
		if err := r.Drop(t.Context(), "lode/rules", second); err != nil || git(t, dir, "rev-parse", "lode/rules") != first {
			t.Errorf("%q: Drop = %v", folder, err)
		}
		if _, err := r.Commit(t.Context(), "lode/rules", "AGENTS.md", "", true, "gone\n"); err != nil {
			t.Error(err)
		}
		if _, err := r.Read(t.Context(), "lode/rules", "AGENTS.md"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: removed, Read = %v", folder, err)
		}
		if now := git(t, dir, "status", "--porcelain", "--branch"); now != status {
			t.Errorf("%q: the checkout says %q, want %q", folder, now, status)
		}
	}
}

// What git keeps otherwise than it checks out: links, line breaks, modes.
func TestCommitKeepsForm(t *testing.T) {
	dir := newRepo(t, map[string]string{"AGENTS.md": "a\n", ".gitattributes": "win.md text eol=crlf\n", "win.md": "a\r\n", "run.md": "a\n"})
	if err := os.Symlink("AGENTS.md", filepath.Join(dir, "CLAUDE.md")); err != nil {
		t.Skip("no links on this system")
	}
	if err := os.Symlink("/etc/hosts", filepath.Join(dir, "out.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "run.md"), 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "second")
	r := open(t, dir)
	for file, text := range map[string]string{"CLAUDE.md": "a\nrule\n", "win.md": "a\r\nrule\r\n", "run.md": "a\nrule\n"} {
		if _, err := r.Commit(t.Context(), "rules", file, text, false, "a rule\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Read(t.Context(), "rules", file); err != nil || got != text {
			t.Errorf("%s: Read = %q, %v, want %q", file, got, err, text)
		}
	}
	if got := git(t, dir, "diff", "--raw", "--abbrev=4", "main", "rules"); strings.Contains(got, "CLAUDE.md") || !strings.Contains(got, ":100755 100755") {
		t.Errorf("the branch changes %q", got)
	}
	if got := git(t, dir, "cat-file", "blob", "rules:win.md"); got != "a\nrule" {
		t.Errorf("kept is %q", got)
	}
	if _, err := r.Commit(t.Context(), "rules", "out.md", "x", false, "x"); err == nil || !strings.Contains(err.Error(), "leads out of the checkout") {
		t.Errorf("a link out of the checkout: %v", err)
	}
}

// What must not be written is refused, and no branch is made.
func TestCommitRefused(t *testing.T) {
	dir := newRepo(t, map[string]string{".gitignore": "CLAUDE.local.md\n"})
	r := open(t, dir)
	for want, try := range map[string][2]string{"is checked out": {"main", "AGENTS.md"}, "cannot be the name": {"a..b", "AGENTS.md"}, "git ignores it": {"rules", "CLAUDE.local.md"}} {
		if _, err := r.Commit(t.Context(), try[0], try[1], "x\n", false, "x\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", try, err, want)
		}
	}
	if got := git(t, dir, "branch", "--format=%(refname:short)"); got != "main" {
		t.Errorf("there are %q", got)
	}
	if _, err := Open(t.Context(), t.TempDir(), monday); !errors.Is(err, ErrNoRepo) {
		t.Errorf("a folder without a repository: %v", err)
	}
}
