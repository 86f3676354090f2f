package loop

import (
	"context"
	"errors"
	"sync"
)

// All works on several runs, at most so many at a time, and returns how each
// came out. Each is opened when its turn comes. What fails in one stops no
// other.
func All(ctx context.Context, atOnce int, open []func() (*Run, error)) ([]Outcome, error) {
	outcomes, errs := make([]Outcome, len(open)), make([]error, len(open))
	turns := make(chan struct{}, max(1, atOnce))
	var wait sync.WaitGroup
	for i, begin := range open {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			if errs[i] = ctx.Err(); errs[i] != nil {
				return
			}
			r, err := begin()
			if err != nil {
				errs[i] = err
				return
			}
			defer r.Close()
			outcomes[i], errs[i] = r.Work(ctx)
		})
	}
	wait.Wait()
	return outcomes, errors.Join(errs...)
}
