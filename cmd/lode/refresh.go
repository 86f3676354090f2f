package main

import (
	"context"
	"fmt"
	"iter"

	"lode/index"
	"lode/miner"
	"lode/session"
)

// refresh reads what is new and indexes it.
func (w *world) refresh(ctx context.Context) error {
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := w.ingest(ctx, nil); err != nil {
		return err
	}
	return w.reindex(ctx)
}

// reindex brings the index up to date. The state is locked.
func (w *world) reindex(ctx context.Context) error {
	lib, err := w.library()
	if err != nil {
		return err
	}
	u, err := lib.indexing()
	if err != nil {
		return err
	}
	defer u.close()
	for _, err := range u.through(ctx, u.stale) {
		if err != nil {
			return err
		}
	}
	return u.publish()
}

// indexing is an update of the index under way.
type indexing struct {
	lib    *library
	writer *index.Writer
	stale  []session.Info
	want   map[string]string // names of stale sessions -> digest
}

func (l *library) indexing() (*indexing, error) {
	writer, err := index.NewWriter(l.w.indexDir(), miner.AnnotateVersion)
	if err != nil {
		return nil, err
	}
	u := &indexing{lib: l, writer: writer, want: make(map[string]string)}
	if u.stale, err = writer.Stale(l.infos); err != nil {
		writer.Abandon()
		return nil, err
	}
	for _, info := range u.stale {
		u.want[info.Name()] = info.Digest
	}
	return u, nil
}

// through yields sessions, loaded and annotated, and indexes those on the way
// that the index does not hold.
func (u *indexing) through(ctx context.Context, infos []session.Info) iter.Seq2[*session.Session, error] {
	return func(yield func(*session.Session, error) bool) {
		bar := u.lib.w.progress("indexing")
		defer bar.done()
		done := int64(0)
		for s, err := range loadAhead(ctx, infos, u.lib.load) {
			if err == nil && u.want[s.Name()] != "" {
				err = u.writer.Put(s, u.want[s.Name()])
			}
			done++
			bar.items(done, int64(len(infos)))
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

func (u *indexing) publish() error {
	_, err := u.writer.Publish(u.lib.w.clock)
	if err != nil {
		return fmt.Errorf("publishing the index: %w", err)
	}
	return nil
}

// close gives up what was not published.
func (u *indexing) close() { u.writer.Abandon() }
