package main

import (
	"context"
	"iter"
	"runtime"

	"lode/session"
)

// loadAhead loads sessions on all processors and yields them in order, a few
// at a time, so that memory holds no more than what is worked on.
func loadAhead(ctx context.Context, infos []session.Info, load func(*session.Info) (*session.Session, error)) iter.Seq2[*session.Session, error] {
	type loaded struct {
		s   *session.Session
		err error
	}
	return func(yield func(*session.Session, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		workers := max(1, runtime.GOMAXPROCS(0))
		slots := make(chan chan loaded, workers) // in order of the sessions
		go func() {
			defer close(slots)
			for i := range infos {
				slot := make(chan loaded, 1)
				select {
				case <-ctx.Done():
					return
				case slots <- slot: // waits while workers+1 sessions are under way
				}
				go func() {
					s, err := load(&infos[i])
					slot <- loaded{s, err}
				}()
			}
		}()
		for slot := range slots {
			l := <-slot
			if !yield(l.s, l.err) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}
