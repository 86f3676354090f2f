package loop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lode/loop/goal"
	"lode/loop/verify"
)

// protect lists the files that the verdict rests on: those that the contract
// names, those that its checks run, and the contract itself where it lies in
// the repository. Hidden are those of checks that are held out.
func protect(g *goal.Goal, files []string, contract string) (protected, hidden []string) {
	in := make(map[string]bool)
	for _, f := range files {
		in[f] = verify.Matches(g.Protect, f)
	}
	concealed := make(map[string]bool)
	for _, c := range g.All() {
		for _, f := range usedBy(&c, files) {
			if _, known := in[f]; known && !verify.Matches(negated(g.Protect), f) {
				in[f], concealed[f] = true, concealed[f] || c.Heldout
			}
		}
	}
	for _, who := range []string{g.Evaluator, g.Vision} {
		for _, f := range usedBy(&goal.Check{Run: who}, files) {
			in[f] = in[f] || !verify.Matches(negated(g.Protect), f)
		}
	}
	if _, known := in[contract]; known {
		in[contract] = true
		concealed[contract] = slices.ContainsFunc(g.Checks, func(c goal.Check) bool { return c.Heldout })
	}
	for _, f := range files {
		if in[f] {
			protected = append(protected, f)
		}
		if concealed[f] {
			hidden = append(hidden, f)
		}
	}
	return protected, hidden
}

// negated returns what patterns with "!" take out of the protection.
func negated(globs []string) (out []string) {
	for _, g := range globs {
		if rest, ok := strings.CutPrefix(g, "!"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// usedBy returns the files of a repository that a check rests on.
func usedBy(c *goal.Check, files []string) []string {
	var out []string
	if k, ok := verify.KindOf(c); ok && k.Uses != nil {
		out = k.Uses(c, files)
	}
	for _, f := range files {
		if verify.Matches(c.Uses, f) {
			out = append(out, f)
		}
	}
	return out
}

// outsiders are the files beyond the repository that checks run by their whole
// name. They are not in the run's hands: it notices when they change, and
// nothing holds then.
func outsiders(g *goal.Goal) (files []string) {
	for _, c := range g.All() {
		for _, word := range strings.Fields(os.ExpandEnv(c.Run)) {
			word = strings.Trim(word, `"';()`)
			info, err := os.Stat(word)
			if err == nil && filepath.IsAbs(word) && info.Mode().IsRegular() && info.Size() <= 1<<20 && !slices.Contains(files, word) {
				files = append(files, word)
			}
		}
	}
	return files
}

// content names the content of a file: its bytes, or where it points.
func content(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	var text []byte
	if info.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		text = []byte("link to " + to)
	} else if text, err = os.ReadFile(path); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// copyFile copies a file, or a link, with its permissions.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

// under is a slash path below a folder.
func under(dir, file string) string { return filepath.Join(dir, filepath.FromSlash(file)) }

// pristine puts a protected file back as it was at the start, from a copy that
// is proven to be that.
func (r *Run) pristine(file string) error {
	from := r.file("pristine", filepath.FromSlash(file))
	if sum, err := content(from); err != nil || sum != r.start.Protect[file] {
		return halt(Tampered, "the run's own copy of %s is not what it was at the start", file)
	}
	return copyFile(from, under(r.tree.Dir, file))
}

// hide takes the files of checks that are held out from the worktree.
func (r *Run) hide(ctx context.Context) error { return r.tree.Hide(ctx, r.start.Hidden) }

// reveal puts them there for the checks.
func (r *Run) reveal() error {
	for _, f := range r.start.Hidden {
		if err := r.pristine(f); err != nil {
			return err
		}
	}
	return nil
}

// protected reports whether a path is among the protected: it was there at the
// start, or would have been.
func (r *Run) protected(path string) bool {
	_, ok := r.start.Protect[path]
	return ok || verify.Matches(r.Goal.Protect, path)
}

// guard looks for protected files that differ from the start in a snapshot, keeps what was
// made of them, and puts them back. It returns the snapshot without that.
func (r *Run) guard(ctx context.Context, n int, snapshot string) (string, []string, error) {
	changes, err := r.tree.Diff(ctx, r.base, snapshot)
	if err != nil {
		return snapshot, nil, err
	}
	var touched, outside []string
	ignores := false
	for _, c := range changes {
		if r.protected(c.Path) {
			touched = append(touched, c.Path)
		}
		ignores = ignores || filepath.Base(c.Path) == ".gitignore"
	}
	for f, was := range r.start.Beyond {
		if sum, err := content(f); err != nil || sum != was {
			outside = append(outside, f)
		}
	}
	for _, f := range r.start.Hidden { // they are not to be there
		if sum, err := content(under(r.tree.Dir, f)); err == nil && sum != r.start.Protect[f] {
			touched = append(touched, f)
		}
	}
	if ignores { // what it now ignores no snapshot sees
		others, err := r.tree.Others(ctx)
		if err != nil {
			return snapshot, nil, err
		}
		for _, f := range others {
			if verify.Matches(r.Goal.Protect, f) {
				touched = append(touched, f)
			}
		}
	}
	if len(touched) == 0 {
		return snapshot, outside, r.hide(ctx)
	}
	slices.Sort(touched)
	touched = slices.Compact(touched)
	for _, f := range touched {
		if err := r.putBack(n, f); err != nil {
			return snapshot, touched, err
		}
	}
	if err := r.hide(ctx); err != nil {
		return snapshot, touched, err
	}
	snapshot, _, err = r.tree.Snapshot(ctx)
	return snapshot, append(touched, outside...), err
}

// putBack keeps what an agent made of a protected file, and undoes it.
func (r *Run) putBack(n int, file string) error {
	at := under(r.tree.Dir, file)
	if info, err := os.Lstat(at); err == nil && !info.IsDir() {
		if err := copyFile(at, r.file("touched", stepName(n), filepath.FromSlash(file))); err != nil {
			return err
		}
	}
	if _, was := r.start.Protect[file]; was {
		return r.pristine(file)
	}
	if err := os.RemoveAll(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// contract puts the run's copy of the contract back where it was changed.
func (r *Run) contract() (changed bool, err error) {
	text, err := os.ReadFile(r.file("goal.md"))
	if err == nil && string(text) == string(r.doc) {
		return false, nil
	}
	return true, os.WriteFile(r.file("goal.md"), r.doc, 0o600)
}

// snapshot stores the worktree, and tells which files an unfinished merge has
// left in two minds.
func (r *Run) snapshot(ctx context.Context) (string, []string, error) {
	t, unmerged, err := r.tree.Snapshot(ctx)
	if err != nil {
		return "", nil, fmt.Errorf("reading the worktree: %w", err)
	}
	unmerged = slices.DeleteFunc(unmerged, func(f string) bool { return !verify.Conflicts(under(r.tree.Dir, f)) })
	return t, unmerged, nil
}
