package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	renameio "github.com/google/renameio/v2/maybe"

	"lode/loop"

	"lode/session/lazyregexp"
)

// stateVersion is the version of the layout of the state folder. A program
// never touches the folder of a newer one.
const stateVersion = 1

// checkState looks whether the state folder can be used. One that is not there
// is fine: it is as good as empty.
func (w *world) checkState() error {
	text, err := os.ReadFile(filepath.Join(w.stateDir, "version"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w.checkForeign()
	case err != nil:
		return stateError(w.stateDir, err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return stateError(w.stateDir, fmt.Errorf("its version file says %q (hint: choose another folder with --state)", strings.TrimSpace(string(text))))
	}
	if v > stateVersion {
		return stateError(w.stateDir, fmt.Errorf("it was written by a newer lode (version %d, this one knows %d); nothing was changed (hint: update lode, or choose another folder with --state)", v, stateVersion))
	}
	return nil
}

// checkForeign refuses a folder that holds something else, so that a mistyped
// --state does not scatter files over it.
func (w *world) checkForeign() error {
	entries, err := os.ReadDir(w.stateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return stateError(w.stateDir, err)
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "version" }) {
		return w.checkState() // another run has just made it
	}
	for _, e := range entries {
		if e.Name() != "lock" && !unfinished.MatchString(e.Name()) {
			return stateError(w.stateDir, fmt.Errorf("%w: it holds %s (hint: name an empty or new folder with --state)", errNotState, e.Name()))
		}
	}
	return nil
}

// lock takes the state for writing; unlock gives it back. It does not wait.
func (w *world) lock() (unlock func(), err error) {
	if err := w.checkState(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.stateDir, 0o700); err != nil {
		return nil, stateError(w.stateDir, err)
	}
	l := flock.New(filepath.Join(w.stateDir, "lock"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, stateError(w.stateDir, err)
	}
	if !ok {
		return nil, errBusy
	}
	if err := w.stamp(); err != nil {
		l.Unlock()
		return nil, stateError(w.stateDir, err)
	}
	w.sweep()
	return func() { l.Unlock() }, nil
}

// unfinished are the names of files that are being written beside the real
// ones, and of folders with copies of databases.
var unfinished = lazyregexp.New(`^\..*[0-9]{4,}$`)

// sweep removes what killed runs left unfinished. The index sees to its own.
func (w *world) sweep() {
	filepath.WalkDir(w.stateDir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && (path == w.indexDir() || path == loop.RunsDir(w.stateDir) || path == loop.TreesDir(w.stateDir)):
			return fs.SkipDir
		case e.IsDir() && unfinished.MatchString(e.Name()):
			os.RemoveAll(path)
			return fs.SkipDir
		case !e.IsDir() && unfinished.MatchString(e.Name()):
			os.Remove(path)
		}
		return nil
	})
}

// stamp writes the version of a new state folder.
func (w *world) stamp() error {
	file := filepath.Join(w.stateDir, "version")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	return renameio.WriteFile(file, []byte(strconv.Itoa(stateVersion)+"\n"), 0o600)
}
