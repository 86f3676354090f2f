// Package tree is the git side of a run: a worktree and a branch of its own,
// snapshots of it as trees, checkpoints as commits, and the way back.
//
// What counts is the files in the worktree: an agent that commits, resets or
// switches branches changes nothing of what a snapshot sees. Nothing of the
// user's checkout is touched; refs are refs/heads/lode/<run> and those below
// refs/lode/<run>/. What lode keeps for the agent lies in the folder named
// Private, which no snapshot holds.
package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lode/loop/proc"
)

// Private is the folder in a worktree in which lode and the agent exchange
// notes.
const Private = ".lode-run"

// Tree is the worktree of a run.
type Tree struct {
	Repo   string // the top of the user's checkout
	Dir    string // the worktree
	Branch string // lode/<run>
	Refs   string // refs/lode/<run>/
	Tag    string // a variable name=value that marks the run's processes, git's too
	link   string // what the worktree's .git says
}

// ErrNoRepository says that a folder is in no git repository.
var ErrNoRepository = errors.New("no git repository")

// ErrLost says that the repository has gone from under the run.
var ErrLost = errors.New("the repository cannot be read any more")

// git runs git without hooks and without what a configuration could start.
func git(ctx context.Context, dir string, in []byte, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0",
		"-c", "core.quotePath=false", "-c", "advice.detachedHead=false"}, args...)...)
	cmd.Dir, cmd.WaitDelay = dir, 5*time.Second
	cmd.Env = append(proc.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	cmd.Env = append(cmd.Env, env...)
	if in != nil {
		cmd.Stdin = bytes.NewReader(in)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

func (t *Tree) git(ctx context.Context, args ...string) (string, error) {
	out, err := t.run(ctx, t.Dir, nil, nil, args...)
	return strings.TrimSpace(string(out)), err
}

// run runs git in a folder, marked as the run's: when lode is killed, its git
// may live on for a moment, and is ended by whoever goes on.
func (t *Tree) run(ctx context.Context, dir string, in []byte, env []string, args ...string) ([]byte, error) {
	if t.Tag != "" {
		env = append([]string{t.Tag}, env...)
	}
	return git(ctx, dir, in, env, args...)
}

// Top returns the top folder of the checkout that a folder is in.
func Top(ctx context.Context, dir string) (string, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return "", errors.New("git is not installed (hint: a run works in a git worktree)")
	}
	out, err := git(ctx, dir, nil, nil, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", fmt.Errorf("%w: %s", ErrNoRepository, dir)
	}
	return filepath.FromSlash(strings.TrimSpace(string(out))), nil
}

// Commit returns the commit that a revision names.
func Commit(ctx context.Context, dir, rev string) (string, error) {
	out, err := git(ctx, dir, nil, nil, "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	return strings.TrimSpace(string(out)), err
}

// Dirty returns the files of a checkout that differ from its last commit, but
// for one.
func Dirty(ctx context.Context, top, except string) ([]string, error) {
	out, err := git(ctx, top, nil, nil, "status", "--porcelain", "-z", "--no-renames")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range strings.Split(string(out), "\x00") {
		if len(entry) > 3 && entry[3:] != filepath.ToSlash(except) {
			files = append(files, entry[3:])
		}
	}
	return files, nil
}

// Ensure makes the worktree at a commit when it is not there, and the branch.
func (t *Tree) Ensure(ctx context.Context, base string) error {
	if _, err := os.Stat(filepath.Join(t.Dir, ".git")); err == nil {
		return t.remember()
	}
	if err := os.RemoveAll(t.Dir); err != nil { // half made
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.Dir), 0o700); err != nil {
		return err
	}
	if _, err := t.run(ctx, t.Repo, nil, nil, "worktree", "prune"); err != nil {
		return err
	}
	args := []string{"worktree", "add", "--force", "--quiet", "-B", t.Branch, t.Dir, base}
	if _, err := Commit(ctx, t.Repo, "refs/heads/"+t.Branch); err == nil {
		args = []string{"worktree", "add", "--force", "--quiet", t.Dir, t.Branch}
	}
	if _, err := t.run(ctx, t.Repo, nil, nil, args...); err != nil {
		return err
	}
	return t.remember()
}

// remember keeps what ties the worktree to its repository.
func (t *Tree) remember() error {
	link, err := os.ReadFile(filepath.Join(t.Dir, ".git"))
	if err != nil {
		return t.relink()
	}
	t.link = string(link)
	return nil
}

// relink finds the worktree's own part of the repository.
func (t *Tree) relink() error {
	out, err := t.run(context.Background(), t.Repo, nil, nil, "rev-parse", "--git-common-dir")
	if err != nil {
		return fmt.Errorf("%w: %s", ErrLost, t.Repo)
	}
	common := strings.TrimSpace(string(out))
	if !filepath.IsAbs(common) {
		common = filepath.Join(t.Repo, common)
	}
	found, _ := filepath.Glob(filepath.Join(common, "worktrees", "*", "gitdir"))
	for _, file := range found {
		text, _ := os.ReadFile(file)
		if filepath.Clean(strings.TrimSpace(string(text))) == filepath.Join(t.Dir, ".git") {
			t.link = "gitdir: " + filepath.Dir(file) + "\n"
			return nil
		}
	}
	return fmt.Errorf("%w: the worktree %s is not known to it", ErrLost, t.Dir)
}

// Mend puts right what an agent may have done to the worktree's tie to its
// repository, and reports what that was.
func (t *Tree) Mend(ctx context.Context) (did []string, err error) {
	if t.link == "" {
		if err := t.remember(); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(t.Dir, ".git")
	text, err := os.ReadFile(file)
	if err != nil || string(text) != t.link {
		did = append(did, ".git")
		if err := os.MkdirAll(t.Dir, 0o755); err != nil {
			return did, err
		}
		if err := os.RemoveAll(file); err != nil {
			return did, err
		}
		if err := os.WriteFile(file, []byte(t.link), 0o644); err != nil {
			return did, err
		}
	}
	admin := strings.TrimSpace(strings.TrimPrefix(t.link, "gitdir: "))
	common := filepath.Dir(filepath.Dir(admin))
	locks, _ := filepath.Glob(filepath.Join(common, filepath.FromSlash(t.Refs), "*.lock"))
	locks = append(locks, filepath.Join(admin, "index.lock"), filepath.Join(admin, "HEAD.lock"), filepath.Join(common, "refs", "heads", filepath.FromSlash(t.Branch)+".lock"))
	for _, lock := range locks {
		os.Remove(lock) // nobody is left who could hold it
	}
	head, err := t.git(ctx, "symbolic-ref", "--quiet", "HEAD")
	if err != nil || head != "refs/heads/"+t.Branch {
		if _, err := t.git(ctx, "rev-parse", "--git-dir"); err != nil {
			return did, fmt.Errorf("%w: %s", ErrLost, t.Repo)
		}
		if err == nil || head != "" {
			did = append(did, "HEAD")
		}
		if _, err := t.git(ctx, "symbolic-ref", "HEAD", "refs/heads/"+t.Branch); err != nil {
			return did, err
		}
	}
	return did, nil
}

// Snapshot stores the files of the worktree as a tree. Unmerged are paths that
// an unfinished merge has left.
func (t *Tree) Snapshot(ctx context.Context) (tree string, unmerged []string, err error) {
	out, err := t.git(ctx, "ls-files", "-u", "-z")
	if err != nil { // an index that cannot be read is made again
		if err := t.reindex(ctx); err != nil {
			return "", nil, err
		}
	}
	for _, entry := range strings.Split(out, "\x00") {
		if _, path, ok := strings.Cut(entry, "\t"); ok && (len(unmerged) == 0 || unmerged[len(unmerged)-1] != path) {
			unmerged = append(unmerged, path)
		}
	}
	if _, err := t.git(ctx, "add", "--all", "--ignore-errors", "--", ".", ":(exclude,top)"+Private); err != nil {
		return "", unmerged, err
	}
	tree, err = t.git(ctx, "write-tree")
	return tree, unmerged, err
}

func (t *Tree) reindex(ctx context.Context) error {
	file, err := t.git(ctx, "rev-parse", "--git-path", "index")
	if err != nil {
		return err
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(t.Dir, file)
	}
	os.Remove(file)
	_, err = t.git(ctx, "read-tree", "HEAD")
	return err
}

// Restore makes the worktree hold exactly the files of a tree, beside those
// that are ignored and lode's own.
func (t *Tree) Restore(ctx context.Context, tree string) error {
	if _, err := t.git(ctx, "read-tree", "--reset", "-u", tree); err != nil {
		if err := t.reindex(ctx); err != nil {
			return err
		}
		if _, err := t.git(ctx, "read-tree", "--reset", "-u", tree); err != nil {
			return err
		}
	}
	return t.Clean(ctx)
}

// Clean removes what is in no snapshot and not ignored: empty folders, and files
// that came since.
func (t *Tree) Clean(ctx context.Context) error {
	_, err := t.git(ctx, "clean", "-ffdq", "-e", "/"+Private)
	return err
}

// who makes checkpoints.
var who = []string{"GIT_AUTHOR_NAME=lode", "GIT_AUTHOR_EMAIL=lode@localhost", "GIT_COMMITTER_NAME=lode", "GIT_COMMITTER_EMAIL=lode@localhost"}

// Checkpoint commits a tree on the run's branch and names the commit
// <Refs><name>. One that was made before is found again. Commits that the agent
// made on top of the last checkpoint stay below it.
func (t *Tree) Checkpoint(ctx context.Context, name, tree, last, message string, when time.Time) (string, error) {
	if made, err := t.git(ctx, "rev-parse", "--verify", "--quiet", t.Refs+name); err == nil {
		if of, err := t.git(ctx, "rev-parse", made+"^{tree}"); err == nil && of == tree {
			return made, t.point(ctx, name, made)
		}
	}
	parent := last
	if head, err := t.git(ctx, "rev-parse", "--verify", "--quiet", "HEAD"); err == nil && head != last {
		if _, err := t.git(ctx, "merge-base", "--is-ancestor", last, head); err == nil {
			parent = head
		}
	}
	commit := parent
	if of, err := t.git(ctx, "rev-parse", parent+"^{tree}"); err != nil || of != tree {
		date := strconv.FormatInt(when.Unix(), 10) + " +0000"
		out, err := t.run(ctx, t.Dir, []byte(message), append([]string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date}, who...),
			"commit-tree", tree, "-p", parent)
		if err != nil {
			return "", err
		}
		commit = strings.TrimSpace(string(out))
	}
	return commit, t.point(ctx, name, commit)
}

// point moves the branch and a name to a commit, both or neither.
func (t *Tree) point(ctx context.Context, name, commit string) error {
	_, err := t.run(ctx, t.Dir, fmt.Appendf(nil, "update refs/heads/%s %s\nupdate %s%s %s\n", t.Branch, commit, t.Refs, name, commit), nil,
		"update-ref", "--stdin")
	return err
}

// Keep names a tree, so that git does not throw it away.
func (t *Tree) Keep(ctx context.Context, name, object string) error {
	_, err := t.git(ctx, "update-ref", t.Refs+name, object)
	return err
}

// Back puts the branch back to a commit.
func (t *Tree) Back(ctx context.Context, commit string) error {
	_, err := t.git(ctx, "update-ref", "refs/heads/"+t.Branch, commit)
	return err
}

// Head returns the commit of the run's branch.
func (t *Tree) Head(ctx context.Context) (string, error) {
	return t.git(ctx, "rev-parse", "--verify", "--quiet", "refs/heads/"+t.Branch)
}

// TreeOf returns the tree of a commit.
func (t *Tree) TreeOf(ctx context.Context, commit string) (string, error) {
	return t.git(ctx, "rev-parse", "--verify", "--quiet", commit+"^{tree}")
}

// Change is a file that differs between two trees.
type Change struct {
	Status     string // A, M, D or T, as git has them
	Path       string
	Plus, Less int // lines; -1 for binary files
}

// Diff lists what differs between two trees.
func (t *Tree) Diff(ctx context.Context, from, to string) ([]Change, error) {
	if from == to {
		return nil, nil
	}
	out, err := t.run(ctx, t.Dir, nil, nil, "diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", from, to)
	if err != nil {
		return nil, err
	}
	return changesIn(out), nil
}

// Since lists what differs in a checkout from a commit, untracked files too.
func Since(ctx context.Context, top, commit string) ([]Change, error) {
	out, err := git(ctx, top, nil, nil, "diff-index", "-r", "-z", "--raw", "--numstat", "--no-renames", commit)
	if err != nil {
		return nil, err
	}
	others, err := git(ctx, top, nil, nil, "ls-files", "-o", "--exclude-standard", "-z")
	changes := changesIn(out)
	for _, f := range paths(others) {
		changes = append(changes, Change{Status: "A", Path: f})
	}
	return changes, err
}

// changesIn reads what git diff -z --raw --numstat prints.
func changesIn(out []byte) (changes []Change) {
	at, fields := make(map[string]int), strings.Split(string(out), "\x00")
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		if strings.HasPrefix(f, ":") && i+1 < len(fields) {
			at[fields[i+1]] = len(changes)
			changes = append(changes, Change{Status: f[len(f)-1:], Path: fields[i+1]})
			i++
			continue
		}
		parts := strings.SplitN(f, "\t", 3)
		if len(parts) != 3 {
			continue
		}
		if k, ok := at[parts[2]]; ok {
			changes[k].Plus, changes[k].Less = lines(parts[0]), lines(parts[1])
		}
	}
	return changes
}

func lines(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return -1
}

// Patch is the difference between two trees as text, at most limit bytes of it.
func (t *Tree) Patch(ctx context.Context, from, to string, limit int) (string, error) {
	out, err := t.run(ctx, t.Dir, nil, nil, "diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", from, to)
	if err != nil {
		return "", err
	}
	if len(out) > limit {
		return string(out[:limit]) + fmt.Sprintf("\n[lode: %d bytes of the diff left out]\n", len(out)-limit), nil
	}
	return string(out), nil
}

// Files lists the files of a tree.
func (t *Tree) Files(ctx context.Context, tree string) ([]string, error) {
	out, err := t.run(ctx, t.Dir, nil, nil, "ls-tree", "-r", "-z", "--name-only", tree)
	return paths(out), err
}

// Others lists the files of the worktree that are in no snapshot because they
// are ignored.
func (t *Tree) Others(ctx context.Context) ([]string, error) {
	out, err := t.run(ctx, t.Dir, nil, nil, "ls-files", "-o", "-z")
	return paths(out), err
}

func paths(out []byte) (files []string) {
	for _, f := range strings.Split(string(out), "\x00") {
		if f != "" && !strings.HasPrefix(f, Private+"/") {
			files = append(files, f)
		}
	}
	return files
}

// Hide takes files out of the worktree without taking them out of snapshots.
func (t *Tree) Hide(ctx context.Context, files []string) error {
	if len(files) == 0 {
		return nil
	}
	in := []byte(strings.Join(files, "\x00") + "\x00")
	if _, err := t.run(ctx, t.Dir, in, nil, "update-index", "-z", "--skip-worktree", "--stdin"); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Remove(filepath.Join(t.Dir, filepath.FromSlash(f))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Merges reports whether a commit merges into the checkout's own without
// conflicts, and else in which files.
func (t *Tree) Merges(ctx context.Context, commit string) (clean bool, conflicts []string) {
	out, err := t.run(ctx, t.Repo, nil, nil, "merge-tree", "--write-tree", "--name-only", "--no-messages", "HEAD", commit)
	if err == nil {
		return true, nil
	}
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(all) > 1 {
		return false, all[1:]
	}
	return false, nil
}

// Discard takes away the worktree and the branch, of which nothing is wanted.
func (t *Tree) Discard(ctx context.Context) error {
	if err := os.RemoveAll(t.Dir); err != nil {
		return err
	}
	if _, err := t.run(ctx, t.Repo, nil, nil, "worktree", "prune"); err != nil {
		return err
	}
	_, err := t.run(ctx, t.Repo, nil, nil, "update-ref", "-d", "refs/heads/"+t.Branch)
	return err
}

// Ignored reports whether git ignores a file of a worktree.
func Ignored(dir, file string) bool {
	_, err := git(context.Background(), dir, nil, nil, "check-ignore", "--quiet", "--", file)
	return err == nil
}

// Detach makes a worktree at a commit, without a branch.
func (t *Tree) Detach(ctx context.Context, commit string) error {
	_, err := t.run(ctx, t.Repo, nil, nil, "worktree", "add", "--quiet", "--detach", t.Dir, commit)
	return err
}

// Forget takes a worktree away.
func (t *Tree) Forget(ctx context.Context) error {
	_, err := t.run(ctx, t.Repo, nil, nil, "worktree", "remove", "--force", "--force", t.Dir)
	return err
}
