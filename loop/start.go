package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"lode/loop/agent"
	"lode/loop/goal"
	"lode/loop/journal"
	"lode/loop/proc"
	"lode/loop/tree"
	"lode/loop/verify"
	"lode/session"
	"lode/session/lazyregexp"
)

// Start makes a run of a contract, and takes it. From is the revision to start
// from; "" is the last commit of the checkout, which then must have no changes
// that the run would not see.
func Start(ctx context.Context, o Options, file, from string) (*Run, error) {
	g, doc, err := goal.Load(file)
	if err != nil {
		return nil, err
	}
	if err := ready(g, doc, file); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	top, base, err := checkout(ctx, abs, from)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(RunsDir(o.State), 0o700); err != nil {
		return nil, err
	}
	starting := flock.New(filepath.Join(RunsDir(o.State), ".starting"), flock.SetPermissions(0o600)) // one at a time
	if err := starting.Lock(); err != nil {
		return nil, err
	}
	defer starting.Unlock()
	name, dir, err := claimName(ctx, o.State, top, g.Goal)
	if err != nil {
		return nil, err
	}
	r := &Run{Options: o, Name: name, Dir: dir, Goal: g, doc: doc}
	if err := r.create(ctx, abs, top, base); err != nil {
		unmake(ctx, o.State, top, name)
		return nil, err
	}
	return Open(o, name)
}

// ready says what keeps a contract from being run.
func ready(g *goal.Goal, doc []byte, file string) error {
	for _, f := range goal.Lint(g, doc, verify.Lint) {
		if f.Grave {
			return fmt.Errorf("%s:%d: %s (hint: lode goal check %[1]s says all that is missing)", file, f.Line, f.Says)
		}
	}
	for _, who := range []string{g.Agent, g.Evaluator} {
		if who != "" {
			if err := Program(agent.Parse(who)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkout returns the checkout that a contract belongs to, and the commit to
// start from.
func checkout(ctx context.Context, file, from string) (top, base string, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	if top, err = tree.Top(ctx, dir); errors.Is(err, tree.ErrNoRepository) {
		top, err = tree.Top(ctx, filepath.Dir(file))
	}
	if errors.Is(err, tree.ErrNoRepository) {
		return "", "", fmt.Errorf("%s is in no git repository, and a run works in a worktree of one (hint: git init && git add -A && git commit -m start)", dir)
	}
	if err != nil {
		return "", "", err
	}
	rev := from
	if rev == "" {
		rev = "HEAD"
	}
	if base, err = tree.Commit(ctx, top, rev); err != nil {
		if from == "" {
			return "", "", fmt.Errorf("%s has no commit yet, and a run starts from one (hint: git add -A && git commit -m start)", top)
		}
		return "", "", fmt.Errorf("--from %s names no commit of %s", from, top)
	}
	if from != "" {
		return top, base, nil
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return "", "", err
	}
	rel, _ := filepath.Rel(top, real)
	dirty, err := tree.Dirty(ctx, top, rel)
	if err == nil && len(dirty) > 0 {
		err = fmt.Errorf("%s has changes that are not committed, and the run would not see them: %s (hint: commit or stash them, or start from the last commit with --from HEAD)",
			top, session.Quote(strings.Join(dirty, ", "), 200))
	}
	return top, base, err
}

var notInNames = lazyregexp.New(`[^a-z0-9]+`)

// claimName makes the folder of a new run, whose name says what it is for.
func claimName(ctx context.Context, state, top, title string) (name, dir string, err error) {
	slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(title), "-"), "-")
	if len(slug) > 32 {
		slug = slug[:32]
		if cut := strings.LastIndexByte(slug, '-'); cut > 12 {
			slug = slug[:cut]
		}
	}
	if slug == "" {
		slug = "goal"
	}
	for i := 1; ; i++ {
		if name = slug; i > 1 {
			name = fmt.Sprintf("%s-%d", slug, i)
		}
		dir = filepath.Join(RunsDir(state), name)
		if _, err := os.Stat(filepath.Join(dir, "journal.jsonl")); err == nil {
			continue
		}
		if _, err := os.Stat(dir); err == nil { // killed before it began
			if err := unmake(ctx, state, top, name); err != nil {
				return "", "", err
			}
		}
		if _, err := tree.Commit(ctx, top, "refs/heads/lode/"+name); err == nil {
			continue // of another state folder
		}
		return name, dir, os.Mkdir(dir, 0o700)
	}
}

// unmake takes away what a start that was killed has left: no work was done in
// it.
func unmake(ctx context.Context, state, top, name string) error {
	dir := filepath.Join(RunsDir(state), name)
	proc.Sweep(tagOf(dir))
	t := tree.Tree{Repo: top, Dir: filepath.Join(TreesDir(state), name), Branch: "lode/" + name}
	if err := t.Discard(ctx); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// create writes what a run begins with. With the first line of its journal it
// is there; whatever comes before that can be done again.
func (r *Run) create(ctx context.Context, file, top, base string) (err error) {
	if r.kept, err = own(r.Dir); err != nil {
		return err
	}
	defer func() { r.kept.release() }()
	if err := os.WriteFile(r.file("goal.md"), r.doc, 0o600); err != nil {
		return err
	}
	dir := filepath.Join(TreesDir(r.State), r.Name)
	r.tree = &tree.Tree{Repo: top, Dir: dir, Branch: "lode/" + r.Name, Refs: "refs/lode/" + r.Name + "/", Tag: r.tag()}
	if err := r.tree.Ensure(ctx, base); err != nil {
		return err
	}
	files, err := r.tree.Files(ctx, base)
	if err != nil {
		return err
	}
	rel, _ := filepath.Rel(top, file)
	protected, hidden := protect(r.Goal, files, filepath.ToSlash(rel))
	hashes := make(map[string]string, len(protected))
	for _, f := range protected {
		at := under(dir, f)
		if info, err := os.Lstat(at); err != nil || info.IsDir() { // a submodule
			continue
		}
		if hashes[f], err = content(at); err != nil {
			return err
		}
		if err := copyFile(at, r.file("pristine", filepath.FromSlash(f))); err != nil {
			return err
		}
	}
	beyond := make(map[string]string)
	for _, f := range outsiders(r.Goal) {
		if beyond[f], err = content(f); err != nil {
			return err
		}
	}
	if r.journal, err = journal.Open(r.file("journal.jsonl")); err != nil {
		return err
	}
	return r.note(journal.Entry{Event: journal.Start, Goal: goal.Hash(r.doc), Title: session.Quote(verify.Safe(r.Goal.Goal), 200), File: file, Repo: top, Base: base,
		Dir: dir, Branch: r.tree.Branch, Protect: hashes, Hidden: hidden, Beyond: beyond})
}
