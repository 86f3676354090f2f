package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lode/index"
	"lode/ingest"
	"lode/miner"
	"lode/session"
)

// desk is where questions are answered: the read side of the state, with the
// index open.
type desk struct {
	*library // nil at a quick desk, until whole is called
	w        *world
	index    *index.Reader
	naming   *session.Projects // as far as the index knows them
}

// desk opens all of the read side, for many questions.
func (w *world) desk() (*desk, error) {
	d, err := w.quickDesk()
	if err != nil {
		return nil, err
	}
	return d, d.whole()
}

// whole loads what a quick desk does without.
func (d *desk) whole() error {
	if d.library != nil {
		return nil
	}
	lib, err := d.w.library()
	d.library = lib
	return err
}

// quickDesk opens the index alone, for one search: the catalog takes longer to
// load than an answer to find.
func (w *world) quickDesk() (*desk, error) {
	if err := w.checkState(); err != nil {
		return nil, err
	}
	r, err := index.Open(w.indexDir())
	if errors.Is(err, index.ErrNone) {
		return nil, fmt.Errorf("%w (hint: lode nightly, or lode ingest, reads the transcripts and builds it)", err)
	}
	if err != nil {
		return nil, err
	}
	places, err := r.Places()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &desk{w: w, index: r, naming: session.NewProjects(w.cfg.Projects, w.homeDir, places)}, nil
}

func (d *desk) close() error { return d.index.Close() }

// openDesk keeps a desk open for many questions, and opens it again when another
// run has written what it reads. One question is answered at a time.
type openDesk struct {
	w       *world
	now     func() time.Time
	stamp   string
	current *desk

	patterns *miner.Saved // loaded when asked for
	project  string       // of the working folder

	lookout lookout
}

// get returns the desk as of now.
func (o *openDesk) get() (*desk, error) {
	o.w.clock = o.now()
	stamp := o.w.stamps()
	if o.current != nil && stamp == o.stamp {
		return o.current, nil
	}
	next, err := o.w.desk()
	if err != nil {
		return nil, err
	}
	o.close()
	o.current, o.stamp, o.patterns, o.project = next, stamp, nil, ""
	o.lookout.again()
	return next, nil
}

func (o *openDesk) close() error {
	if o.current == nil {
		return nil
	}
	d := o.current
	o.current = nil
	return d.close()
}

// stamps changes when another run publishes an index, or writes the catalog or
// the patterns.
func (w *world) stamps() string {
	generation, _ := index.Generation(w.indexDir())
	for _, name := range []string{"catalog.jsonl", "patterns.jsonl"} {
		if info, err := os.Stat(filepath.Join(w.stateDir, name)); err == nil {
			generation += fmt.Sprintf(" %d %d", info.Size(), info.ModTime().UnixNano())
		}
	}
	return generation
}

// lookEvery is how often a program that goes on running looks for changed files:
// that takes longer than a search.
const lookEvery = 30 * time.Second

// lookout counts changed files now and then, beside what else goes on.
type lookout struct {
	mu      sync.Mutex
	unread  int
	looked  time.Time
	known   bool
	looking bool
}

// changed returns how many changed files were unread when that was last looked
// for, less than 0 while it is not known, and looks again beside the next
// questions when that is long ago.
func (l *lookout) changed(w *world) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.looking && time.Since(l.looked) > lookEvery {
		l.looking = true
		go func() {
			n := w.unread()
			l.mu.Lock()
			defer l.mu.Unlock()
			l.unread, l.looked, l.known, l.looking = n, time.Now(), true, false
		}()
	}
	if !l.known {
		return -1
	}
	return l.unread
}

// again has the next question look again.
func (l *lookout) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Time{}
}

// unread counts the files that are new or have changed since they were read.
func (w *world) unread() int {
	found, _ := ingest.Discover(w.where(nil))
	n, _ := ingest.Unread(w.stateDir, found)
	return n
}

func (o *openDesk) changed() int { return o.lookout.changed(o.w) }

// projectHere is the project of the working folder.
func (o *openDesk) projectHere() (string, error) {
	if o.project == "" {
		project, err := o.w.projectHere()
		if err != nil {
			return "", err
		}
		o.project = project
	}
	return o.project, nil
}

// saved are the patterns that the last nightly found.
func (o *openDesk) saved() (*miner.Saved, error) {
	if o.patterns == nil {
		saved, err := miner.Load(o.w.stateDir)
		if errors.Is(err, miner.ErrNoReport) {
			return nil, fmt.Errorf("%w (hint: lode nightly)", err)
		}
		if err != nil {
			return nil, err
		}
		o.patterns = saved
	}
	return o.patterns, nil
}
