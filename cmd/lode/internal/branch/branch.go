// Package branch commits a change of one file on a branch of a checkout, without
// touching the working tree, the index or the branch that is checked out. It
// speaks to git in its plumbing commands only: objects are written, then one
// reference is moved, if nobody moved it meanwhile.
package branch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Repo is a git repository with a checkout, or a folder in one.
type Repo struct {
	dir    string // the folder
	prefix string // of the folder in the checkout: "" or "services/api/"
	Now    time.Time
}

// ErrNoRepo says that a folder is in no git checkout with a commit.
var ErrNoRepo = errors.New("it is in no git checkout that has a commit")

// Open opens the repository of a folder. Commits get the time now.
func Open(ctx context.Context, dir string, now time.Time) (*Repo, error) {
	r := &Repo{dir: dir, Now: now}
	prefix, err := r.git(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", dir, ErrNoRepo, err)
	}
	r.prefix = prefix
	if _, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoRepo)
	}
	return r, nil
}

// git runs git in the folder and returns what it prints, without the last line
// break. Variables that send git elsewhere do not reach it.
func (r *Repo) git(ctx context.Context, args ...string) (string, error) {
	out, err := r.pipe(ctx, nil, "", args...)
	return strings.TrimSuffix(out, "\n"), err
}

func (r *Repo) pipe(ctx context.Context, env []string, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", r.dir}, args...)...)
	for _, e := range os.Environ() {
		switch name, _, _ := strings.Cut(e, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE":
		default:
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.Join(strings.Fields(problem.String()), " "))
	}
	return out.String(), nil
}

func ref(name string) string { return "refs/heads/" + name }

// Check refuses names that no branch can have, and a branch that is checked out
// somewhere: moving it would make files look changed.
func (r *Repo) Check(ctx context.Context, name string) error {
	if _, err := r.git(ctx, "check-ref-format", "--branch", name); err != nil {
		return fmt.Errorf("%q cannot be the name of a branch", name)
	}
	list, err := r.git(ctx, "worktree", "list", "--porcelain")
	if err != nil {
		return err
	}
	where := ""
	for line := range strings.Lines(list) {
		line = strings.TrimSuffix(line, "\n")
		if dir, ok := strings.CutPrefix(line, "worktree "); ok {
			where = dir
		}
		if line == "branch "+ref(name) {
			return fmt.Errorf("branch %s is checked out in %s (hint: name another, or accept without a branch)", name, where)
		}
	}
	return nil
}

// tip is the commit that a branch is at; one that is not there begins at HEAD.
func (r *Repo) tip(ctx context.Context, name string) (commit string, exists bool, err error) {
	if commit, err = r.git(ctx, "rev-parse", "--verify", "--quiet", ref(name)+"^{commit}"); err == nil {
		return commit, true, nil
	}
	commit, err = r.git(ctx, "rev-parse", "--verify", "HEAD^{commit}")
	return commit, false, err
}

// entry is a file of a commit: links in it are followed.
type entry struct{ mode, path string }

// find returns where a file of a commit lies; fs.ErrNotExist says nowhere. The
// path is relative to the checkout's top.
func (r *Repo) find(ctx context.Context, commit, file string) (entry, error) {
	at := file
	for range 10 {
		line, err := r.git(ctx, "ls-tree", "--full-tree", commit, "--", at)
		if err != nil {
			return entry{}, err
		}
		if line == "" {
			return entry{"100644", at}, fs.ErrNotExist
		}
		mode, _, _ := strings.Cut(line, " ")
		switch mode {
		case "100644", "100755":
			return entry{mode, at}, nil
		case "120000":
			link, err := r.git(ctx, "cat-file", "blob", commit+":"+at)
			if err != nil {
				return entry{}, err
			}
			at = path.Join(path.Dir(at), link)
			if path.IsAbs(link) || !filepath.IsLocal(filepath.FromSlash(at)) {
				return entry{}, fmt.Errorf("%s is a link that leads out of the checkout", file)
			}
		default:
			return entry{}, fmt.Errorf("%s is no file in the repository", file)
		}
	}
	return entry{}, fmt.Errorf("%s is a link that leads nowhere", file)
}

// Read returns a file, named relative to the folder, as it is on a branch, or at
// HEAD when there is no such branch yet; fs.ErrNotExist says that it is not.
func (r *Repo) Read(ctx context.Context, name, file string) (string, error) {
	commit, _, err := r.tip(ctx, name)
	if err != nil {
		return "", err
	}
	return r.readAt(ctx, commit, file)
}

func (r *Repo) readAt(ctx context.Context, commit, file string) (string, error) {
	e, err := r.find(ctx, commit, r.prefix+file)
	if err != nil {
		return "", err
	}
	return r.pipe(ctx, nil, "", "cat-file", "--filters", commit+":"+e.path) // with the line breaks of a checkout
}

// Commit writes a text as a file, named relative to the folder, onto a branch,
// which is made at HEAD where there is none, and returns the commit. When the
// file says so already, that is the commit that the branch is at. remove takes
// the file away instead.
func (r *Repo) Commit(ctx context.Context, name, file, text string, remove bool, message string) (string, error) {
	if err := r.Check(ctx, name); err != nil {
		return "", err
	}
	parent, exists, err := r.tip(ctx, name)
	if err != nil {
		return "", err
	}
	e, err := r.find(ctx, parent, r.prefix+file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err != nil && r.ignored(ctx, file) {
		return "", fmt.Errorf("%s is for this machine only: git ignores it (hint: accept without a branch)", file)
	}
	tree, err := r.treeWith(ctx, parent, e, text, remove)
	if err != nil {
		return "", err
	}
	if same, err := r.git(ctx, "rev-parse", parent+"^{tree}"); err != nil || same == tree {
		return parent, err
	}
	date := fmt.Sprintf("%d +0000", r.Now.Unix())
	commit, err := r.pipe(ctx, []string{"GIT_AUTHOR_DATE=" + date, "GIT_COMMITTER_DATE=" + date}, message, "commit-tree", tree, "-p", parent)
	if err != nil {
		return "", err
	}
	commit = strings.TrimSpace(commit)
	old := parent
	if !exists {
		old = strings.Repeat("0", len(commit)) // it must not be there
	}
	_, err = r.git(ctx, "update-ref", "-m", "lode review", ref(name), commit, old)
	return commit, err
}

// ignored reports whether a file that is not there is one that is not committed.
func (r *Repo) ignored(ctx context.Context, file string) bool {
	_, err := r.git(ctx, "check-ignore", "-q", "--", file)
	return err == nil
}

// treeWith writes the tree of a commit with one file changed.
func (r *Repo) treeWith(ctx context.Context, commit string, e entry, text string, remove bool) (string, error) {
	dir, err := os.MkdirTemp("", "lode-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")} // not the user's
	if _, err := r.pipe(ctx, env, "", "read-tree", commit); err != nil {
		return "", err
	}
	// --index-info: mode 0 removes; paths are relative to the checkout's top.
	info := "0 " + strings.Repeat("0", len(commit)) + "\t" + e.path + "\x00"
	if !remove {
		blob, err := r.pipe(ctx, nil, text, "hash-object", "-w", "--stdin", "--path", strings.TrimPrefix(e.path, r.prefix))
		if err != nil {
			return "", err
		}
		info = e.mode + " " + strings.TrimSpace(blob) + "\t" + e.path + "\x00"
	}
	if _, err := r.pipe(ctx, env, info, "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	tree, err := r.pipe(ctx, env, "", "write-tree")
	return strings.TrimSpace(tree), err
}

// State says where a commit of a branch has come to.
type State int

// The states of a commit.
const (
	Gone    State = iota // the branch is not there, or the commit not on it
	Waiting              // it is on the branch, with others behind it
	Last                 // it is the last commit of the branch
	Merged               // HEAD has it
)

// Where returns where a commit of a branch has come to.
func (r *Repo) Where(ctx context.Context, name, commit string) (State, error) {
	if _, err := r.git(ctx, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return Gone, nil
	}
	if in, err := r.has(ctx, "HEAD", commit); in || err != nil {
		return Merged, err
	}
	tip, exists, err := r.tip(ctx, name)
	switch {
	case err != nil || !exists:
		return Gone, err
	case tip == commit:
		return Last, nil
	}
	in, err := r.has(ctx, tip, commit)
	if in {
		return Waiting, err
	}
	return Gone, err
}

// has reports whether a commit is another, or behind it.
func (r *Repo) has(ctx context.Context, tip, commit string) (bool, error) {
	_, err := r.git(ctx, "merge-base", "--is-ancestor", commit, tip)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// Own is what the names of branches that are lode's own begin with.
const Own = "lode/"

// Drop takes the last commit off a branch; one of lode's own that is left with
// nothing that HEAD has not is removed.
func (r *Repo) Drop(ctx context.Context, name, commit string) error {
	if err := r.Check(ctx, name); err != nil {
		return err
	}
	parent, err := r.git(ctx, "rev-parse", "--verify", commit+"^")
	if err != nil {
		return err
	}
	merged, err := r.has(ctx, "HEAD", parent)
	if err != nil {
		return err
	}
	if merged && strings.HasPrefix(name, Own) {
		_, err = r.git(ctx, "update-ref", "-d", ref(name), commit)
		return err
	}
	_, err = r.git(ctx, "update-ref", "-m", "lode review undo", ref(name), parent, commit)
	return err
}

// Dropped reports whether a line that a file of the checkout does not have was
// taken out of it, and not merely stands on a branch, or in a stash, that is not
// checked out.
func (r *Repo) Dropped(ctx context.Context, file, line string) (bool, error) {
	if text, err := r.readAt(ctx, "HEAD", file); err == nil && strings.Contains(text, line) {
		return true, nil // not committed yet
	}
	commits, err := r.git(ctx, "log", "-1", "--format=%H", "-S"+line, "HEAD", "--", file)
	if err != nil || commits != "" {
		return true, err // and committed
	}
	refs, err := r.git(ctx, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", "refs/stash")
	if err != nil {
		return false, err
	}
	for _, name := range strings.Fields(refs) {
		if text, err := r.readAt(ctx, name, file); err == nil && strings.Contains(text, line) {
			return false, nil
		}
	}
	return true, nil
}

// Came returns when a line came into the Markdown files of the commit that is
// checked out; ok is false when it never did.
func (r *Repo) Came(ctx context.Context, line string) (at time.Time, ok bool, err error) {
	out, err := r.git(ctx, "log", "--reverse", "--format=%ct", "-S"+line, "HEAD", "--", "*.md", "*.mdc")
	first, _, _ := strings.Cut(out, "\n")
	if err != nil || first == "" {
		return time.Time{}, false, err
	}
	seconds, err := strconv.ParseInt(first, 10, 64)
	return time.Unix(seconds, 0).UTC(), err == nil, err
}
