package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lode/index"
	"lode/loop"
	"lode/loop/journal"
	"lode/miner"
	"lode/reports"
	"lode/reports/serve"
	"lode/rules"
)

// browserDesk is what lode serve hands to its pages. It keeps nothing open and
// holds no lock but for a decision: each question makes its own world, with the
// time and the configuration of that moment.
type browserDesk struct {
	g    *globals
	ctx  context.Context // ends with lode serve
	runs sync.WaitGroup  // that it works on

	mu      sync.Mutex
	version string // of input
	input   reports.Input

	lookout lookout
}

// shown are the files of the state that pages show.
var shown = []string{"*.json", "*.jsonl", "index/current", "proposals/*.md", "runs/*/*.jsonl", "runs/*/state.md"}

// agesAfter is when a page is shown anew though nothing happened: what is put off
// comes back, and what is said to be so many minutes old gets older.
const agesAfter = 10 * time.Minute

// Version implements serve.State: it looks at files, and reads none.
func (b *browserDesk) Version() string {
	w, err := b.g.world()
	if err != nil {
		return err.Error()
	}
	h := sha256.New()
	state := os.DirFS(w.stateDir)
	for _, pattern := range shown {
		names, _ := fs.Glob(state, pattern)
		for _, name := range names {
			if info, err := fs.Stat(state, name); err == nil {
				fmt.Fprintln(h, name, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	fmt.Fprintln(h, loop.Working(w.stateDir), b.lookout.changed(w), w.clock.Truncate(agesAfter))
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// Input implements serve.State.
func (b *browserDesk) Input() (reports.Input, error) {
	w, err := b.g.world()
	if err != nil {
		return reports.Input{}, err
	}
	version := b.Version()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.version != version {
		in, err := w.livePages()
		if err != nil {
			return in, err
		}
		b.input, b.version = in, version
	}
	in, health := b.input, *b.input.Health
	health.Unread = b.lookout.changed(w)
	in.Now, in.Health = w.clock, &health
	return in, nil
}

// livePages is what the pages are made from, as the state is now.
func (w *world) livePages() (reports.Input, error) {
	lib, err := w.library()
	if err != nil {
		return reports.Input{}, err
	}
	book, err := w.book()
	if err != nil {
		return reports.Input{}, err
	}
	health := &reports.Health{Notes: lib.attention()}
	saved, window, effects, err := w.lastNight()
	if errors.Is(err, miner.ErrNoReport) {
		saved, window, err = &miner.Saved{}, "all", nil
		health.Notes = append(health.Notes, "Nothing was mined yet: `lode nightly` reads what is new, looks for what recurs, and proposes rules for it.")
	}
	if err != nil {
		return reports.Input{}, err
	}
	in, err := lib.pages(saved, book, window, effects)
	if err != nil {
		return in, err
	}
	if _, damaged := book.List(); damaged != nil {
		health.Notes = append(health.Notes, fmt.Sprintf("Proposals that cannot be read are left out: %v", damaged))
	}
	var last heartbeat
	if text, err := os.ReadFile(filepath.Join(w.stateDir, "heartbeat.json")); err == nil && json.Unmarshal(text, &last) == nil {
		health.Night, health.New, health.Changed = last.Time, last.New, last.Changed
	}
	r, err := index.Open(w.indexDir())
	switch {
	case err == nil:
		health.Built = r.Info.Built
		err = r.Close()
	case errors.Is(err, index.ErrNone):
		err = nil
	}
	if err != nil {
		health.Notes = append(health.Notes, err.Error())
	}
	in.Health = health
	return in, nil
}

// Search implements serve.Searcher: the same answers as lode search gives.
func (b *browserDesk) Search(ctx context.Context, query string, page int) (reports.Found, error) {
	w, err := b.g.world()
	if err != nil {
		return reports.Found{}, err
	}
	view, err := w.search(ctx, query, &searchOptions{limit: 10, page: page})
	if err != nil {
		return reports.Found{}, err
	}
	found := reports.Found{Notes: view.Notes, Total: fmt.Sprintf("%s in %s shown", index.CountHits(view.Total, view.Open), count(len(view.Hits), "session"))}
	if view.More {
		found.Next = page + 1
	}
	for i := range view.Hits {
		h := &view.Hits[i]
		found.Hits = append(found.Hits, reports.Hit{Ref: h.Ref, Title: h.Title, Project: h.Project, What: h.what(), Time: h.Time, Snippet: h.Snippet, Marks: h.marked.Marks, More: h.More})
	}
	return found, nil
}

// decide carries out a decision under the lock, on the book as it then is, and
// only on the change that the person saw.
func (b *browserDesk) decide(id, seen string, f func(*rules.Book) (*rules.Proposal, error)) (d *rules.Proposal, err error) {
	w, err := b.g.world()
	if err != nil {
		return nil, err
	}
	w.via = ", in the browser"
	err = w.withBook(func(book *rules.Book) (err error) {
		if d, err = book.Get(id); err != nil {
			return err
		}
		if seen != "" && seen != reports.Seen(d) {
			return serve.ErrOther
		}
		d, err = f(book)
		return err
	})
	switch {
	case errors.Is(err, errBusy):
		err = serve.ErrBusy
	case errors.Is(err, rules.ErrMoved):
		err = fmt.Errorf("%w; nothing was applied, the proposal was made anew (hint: look at it, then decide again)", err)
	case errors.Is(err, rules.ErrNoRoot):
		err = fmt.Errorf("%w (hint: name its folder beside Accept, or set `root:` for project %s in the configuration)", err, d.Project)
	}
	return d, err
}

// Accept implements serve.Decider, as do the functions below.
func (b *browserDesk) Accept(id, seen, root string) (*rules.Proposal, error) {
	if root != "" {
		var err error
		if root, err = folder(root); err != nil {
			return nil, err
		}
	}
	return b.decide(id, seen, func(book *rules.Book) (*rules.Proposal, error) { return book.Accept(id, root, "") })
}

func (b *browserDesk) Edit(id, seen string, added []string) (*rules.Proposal, error) {
	return b.decide(id, seen, func(book *rules.Book) (*rules.Proposal, error) { return book.Edit(id, added, "") })
}

func (b *browserDesk) Reject(id, reason string) (*rules.Proposal, error) {
	return b.decide(id, "", func(book *rules.Book) (*rules.Proposal, error) { return book.Reject(id, reason) })
}

func (b *browserDesk) Snooze(id string, days int) (*rules.Proposal, error) {
	return b.decide(id, "", func(book *rules.Book) (*rules.Proposal, error) {
		return book.Snooze(id, "", book.Now.AddDate(0, 0, days))
	})
}

func (b *browserDesk) Undo(ctx context.Context, id string) (*rules.Proposal, error) {
	return b.decide(id, "", func(book *rules.Book) (*rules.Proposal, error) { return undo(ctx, book, id, "") })
}

// ask asks something of a run.
func (b *browserDesk) ask(did string, f func(*world) error) (string, error) {
	w, err := b.g.world()
	if err != nil {
		return "", err
	}
	return did, f(w)
}

// demand asks a run to end, which somebody must work on.
func (b *browserDesk) demand(did string, f func(state string) (bool, error)) (string, error) {
	working := false
	did, err := b.ask(did, func(w *world) (err error) {
		working, err = f(w.stateDir)
		return err
	})
	if err == nil && !working {
		did = "idle"
	}
	return did, err
}

// Say implements serve.Runner, as do the functions below.
func (b *browserDesk) Say(run, text string) (string, error) {
	return b.ask("say", func(w *world) error { return loop.Tell(w.stateDir, run, text, w.clock) })
}

func (b *browserDesk) Pause(run string) (string, error) {
	return b.demand("pause", func(state string) (bool, error) { return loop.Pause(state, run) })
}

func (b *browserDesk) Stop(run string) (string, error) {
	return b.demand("stop", func(state string) (bool, error) { return loop.Stop(state, run) })
}

func (b *browserDesk) Approve(run, check string, yes bool, why string) (string, error) {
	return b.ask("approve", func(w *world) error { return w.approve(run, check, yes, why) })
}

// Resume goes on with a run until it stops or lode serve ends.
func (b *browserDesk) Resume(run string, iterations int) (string, error) {
	return b.ask("resume", func(w *world) error {
		opts, err := w.loopOptions(&runOptions{yes: true, backoff: backoff})
		if err != nil {
			return err
		}
		if iterations > 0 {
			opts.Grant = &journal.Grant{Iterations: iterations}
		}
		r, err := loop.Open(opts, run)
		if err != nil {
			return err
		}
		b.runs.Go(func() {
			defer r.Close()
			if _, err := r.Work(b.ctx); err != nil && b.ctx.Err() == nil {
				w.note("%s: %v", run, err)
			}
		})
		return nil
	})
}
