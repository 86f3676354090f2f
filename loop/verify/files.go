package verify

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lode/loop/goal"
	"lode/loop/tree"
)

// Files is that files are there, and not empty.
var Files = Kind{
	Name: "files",
	Doc:  "each of these patterns must match a file that is not empty; with fresh, one that the run has changed",
	Is:   func(c *goal.Check) bool { return len(c.Files) > 0 },
	Run: func(_ context.Context, p *Place, c *goal.Check) Verdict {
		var missing, stale, there []string
		for _, glob := range c.Files {
			found := Match(p.Dir, []string{glob})
			found = slices.DeleteFunc(found, func(f string) bool {
				info, err := os.Stat(filepath.Join(p.Dir, filepath.FromSlash(f)))
				return err != nil || info.Size() == 0
			})
			switch {
			case len(found) == 0:
				missing = append(missing, glob)
			case c.Fresh && !slices.ContainsFunc(found, p.changed):
				stale = append(stale, glob)
			default:
				there = append(there, found[0])
			}
		}
		switch {
		case len(missing) > 0:
			return Verdict{Status: Red, Says: "not there, or empty: " + strings.Join(missing, ", ")}
		case len(stale) > 0:
			return Verdict{Status: Red, Says: "not changed by this run: " + strings.Join(stale, ", ")}
		}
		return Verdict{Status: Green, Says: "there are " + strings.Join(there, ", ")}
	},
}

// changed reports whether the run has changed a file. One that git ignores was
// made by the run: the worktree did not have it.
func (p *Place) changed(file string) bool {
	return slices.ContainsFunc(p.Changes, func(c tree.Change) bool { return c.Path == file && c.Status != "D" }) || tree.Ignored(p.Dir, file)
}

// Match returns the files below a folder that match one of some patterns,
// sorted, with slashes. Git's and lode's own folders are left out.
func Match(dir string, globs []string) (files []string) {
	if len(globs) == 0 {
		return nil
	}
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		rel, _ := filepath.Rel(dir, path)
		rel = filepath.ToSlash(rel)
		if e.IsDir() && (rel == ".git" || rel == tree.Private) {
			return fs.SkipDir
		}
		if e.Type().IsRegular() && Matches(globs, rel) {
			files = append(files, rel)
		}
		return nil
	})
	return files
}

// Matches reports whether a path matches one of some patterns and none of
// those that begin with "!".
func Matches(globs []string, path string) bool {
	in := false
	for _, g := range globs {
		out := strings.HasPrefix(g, "!")
		if doublestar.MatchUnvalidated(strings.TrimPrefix(g, "!"), path) {
			if out {
				return false
			}
			in = true
		}
	}
	return in
}

// Scope is that nothing but some files was changed, or not much.
var Scope = Kind{
	Name: "scope",
	Doc:  "nothing but the files that match these patterns may be changed; lines bounds how many lines",
	Is:   func(c *goal.Check) bool { return len(c.Scope) > 0 || c.Lines != 0 },
	Lint: func(c *goal.Check) []string {
		if c.Lines < 0 {
			return []string{"lines is less than zero"}
		}
		return nil
	},
	Pure: true,
	Run: func(_ context.Context, p *Place, c *goal.Check) Verdict {
		var outside []string
		lines := 0
		for _, ch := range p.Changes {
			if len(c.Scope) > 0 && !Matches(c.Scope, ch.Path) {
				outside = append(outside, ch.Path)
			}
			lines += max(ch.Plus, 0) + max(ch.Less, 0)
		}
		switch {
		case len(outside) > 0:
			return Verdict{Status: Red, Says: fmt.Sprintf("%d changed outside: %s", len(outside), strings.Join(outside, ", ")), Part: strings.Join(outside, "\n")}
		case c.Lines > 0 && lines > c.Lines:
			return Verdict{Status: Red, Says: fmt.Sprintf("%d lines changed, at most %d are allowed", lines, c.Lines)}
		}
		return Verdict{Status: Green, Says: fmt.Sprintf("%d files, %d lines changed", len(p.Changes), lines)}
	},
}

// Clean is that no conflict was left in what was changed.
var Clean = Kind{
	Name: "clean",
	Doc:  "no changed file may hold the marks of a conflict",
	Is:   func(c *goal.Check) bool { return c.Clean },
	Pure: true,
	Run: func(_ context.Context, p *Place, c *goal.Check) Verdict {
		var marked []string
		for _, ch := range p.Changes {
			if ch.Status != "D" && ch.Plus >= 0 && Conflicts(filepath.Join(p.Dir, filepath.FromSlash(ch.Path))) {
				marked = append(marked, ch.Path)
			}
		}
		if len(marked) > 0 {
			return Verdict{Status: Red, Says: "marks of a conflict in " + strings.Join(marked, ", ")}
		}
		return Verdict{Status: Green, Says: "no marks of conflicts"}
	},
}

// Conflicts reports whether a file holds the marks that git leaves in a file
// that it could not merge.
func Conflicts(file string) bool {
	text, err := os.ReadFile(file)
	text = append([]byte("\n"), text...)
	return err == nil && bytes.Contains(text, []byte("\n<<<<<<< ")) && bytes.Contains(text, []byte("\n>>>>>>> "))
}

// Approval is a person's yes.
var Approval = Kind{
	Name: "approve",
	Doc:  "a person is asked, at the terminal or with lode run approve",
	Is:   func(c *goal.Check) bool { return c.Approve != "" },
	Run: func(_ context.Context, p *Place, c *goal.Check) Verdict {
		yes, answered := p.Answer(c.ID, c.Approve)
		switch {
		case !answered:
			return Verdict{Status: Unclear, Says: "waits for a person's answer: " + c.Approve}
		case !yes:
			return Verdict{Status: Red, Says: "a person said no: " + c.Approve}
		}
		return Verdict{Status: Green, Says: "a person said yes"}
	},
}
