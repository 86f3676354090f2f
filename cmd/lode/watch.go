package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"lode/ingest"
)

const (
	settled   = 1500 * time.Millisecond // without a change before what changed is read
	atLatest  = 15 * time.Second        // while an agent writes on and on
	looksNew  = time.Minute             // for folders that were not there, and where watching fails
	busyAgain = 5 * time.Second         // while another lode holds the lock
)

// watch reads what changes until it is stopped. The lock is only held while
// something is read, so that a nightly run can come between.
func (w *world) watch(ctx context.Context, paths []string) error {
	notes, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching folders: %w (hint: run lode ingest from cron instead)", err)
	}
	defer notes.Close()
	watched := make(map[string]bool)
	next := time.NewTimer(0) // the first look
	defer next.Stop()
	var since time.Time // of the first change that was not read yet
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-notes.Errors:
			w.note("watching: %v", err)
			next.Reset(settled)
		case e := <-notes.Events:
			if e.Op == fsnotify.Chmod {
				continue
			}
			if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
				delete(watched, e.Name) // it may come back
			}
			if since.IsZero() {
				since = time.Now()
			}
			next.Reset(max(0, min(settled, atLatest-time.Since(since))))
		case <-next.C:
			since = time.Time{}
			again := looksNew
			found, err := w.readNow(ctx, paths)
			switch {
			case errors.Is(err, errBusy):
				again = busyAgain
			case ctx.Err() != nil:
				return nil
			case err != nil:
				return err
			}
			if w.follow(notes, watched, found) { // something may have come before it was watched
				again = settled
			}
			next.Reset(again)
		}
	}
}

// readNow reads what changed, and tells it. It returns the folders to watch.
func (w *world) readNow(ctx context.Context, paths []string) ([]string, error) {
	unlock, err := w.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	res, err := w.ingest(ctx, paths)
	if err != nil {
		return nil, err
	}
	if res.Read > 0 {
		if err := w.reindex(ctx); err != nil {
			return nil, err
		}
		if !w.quiet {
			fmt.Fprintf(w.stdout, "%s  %s read, %s new or changed\n", time.Now().Format(time.TimeOnly), count(res.Read, "file"), count(len(res.Changed), "session"))
		}
	}
	candidates, looked := ingest.Discover(w.where(paths))
	folders := make([]string, 0, len(candidates)+len(looked))
	for _, c := range candidates {
		folders = append(folders, filepath.Dir(c.File))
	}
	for _, l := range looked {
		folders = append(folders, filepath.Join(w.homeDir, filepath.FromSlash(l.Place)))
	}
	return folders, nil
}

// follow watches folders, and those above them down from where they are
// looked for: new sessions begin in new folders. It reports whether there are
// any that were not watched before.
func (w *world) follow(notes *fsnotify.Watcher, watched map[string]bool, folders []string) (more bool) {
	for _, dir := range folders {
		for dir := dir; !watched[dir]; dir = filepath.Dir(dir) {
			watched[dir] = true
			switch err := notes.Add(dir); {
			case errors.Is(err, fs.ErrNotExist):
				delete(watched, dir)
			case err != nil:
				w.note("%s is looked at once a minute only: %v", dir, err)
			default:
				more = true
			}
			if parent := filepath.Dir(dir); parent == w.homeDir || parent == dir || len(parent) < len(w.homeDir) {
				break
			}
		}
	}
	return more
}
