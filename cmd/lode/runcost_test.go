package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"lode/loop/journal"
)

// BenchmarkIteration measures what an iteration costs beside its agent and its
// checks, in a repository of 5,000 files of which 100 are protected.
func BenchmarkIteration(b *testing.B) {
	files := map[string]string{"goal.md": fmt.Sprintf(`---
goal: nobody reaches it
agent: 'echo $LODE_ITERATION >>src/d07/f07.txt; echo $LODE_ITERATION >$LODE_STATE'
budget: {iterations: %d}
protect: ['src/d01/**']
checks:
- {id: never, run: 'cat src/d07/f07.txt; false'}
- {id: there, files: [src/d07/f07.txt]}
---
`, 12)}
	for d := range 50 {
		for f := range 100 {
			files[fmt.Sprintf("src/d%02d/f%02d.txt", d, f)] = fmt.Sprintf("file %d of folder %d\n", f, d)
		}
	}
	w := newWorkshop(b, files)
	for b.Loop() {
		w.lode("run", "goal.md", "--yes", "--from", "HEAD").Run()
	}
	runs, _ := filepath.Glob(filepath.Join(w.dir, "state", "runs", "*", "journal.jsonl"))
	var sum float64
	n := 0
	for _, file := range runs {
		j, err := journal.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		for i := 2; ; i++ {
			before, ok := j.Of(i-1, journal.Ended)
			end, more := j.Of(i, journal.Ended)
			if !ok || !more {
				break
			}
			a, _ := j.Of(i, journal.Agent)
			c, _ := j.Of(i, journal.Check)
			sum += end.Time.Sub(before.Time).Seconds() - a.Took - c.Took
			n++
		}
	}
	if n == 0 {
		b.Fatal("no iterations")
	}
	b.ReportMetric(sum/float64(n)*1000, "ms/iteration")
}
