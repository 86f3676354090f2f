package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Searches during a running nightly, by processes of their own and by a server
// that goes on running: none fails, and what each finds is what the generation
// before or after has. Some run while the nightly stands still in the middle of
// its work, holding its lock: none waits for it. LODE_SEARCHES says how many
// there are to be at least; where LODE_CORPUS and LODE_CORPUS_CONFIG are set, they
// run over a copy of that home.
func TestSearchDuringNightly(t *testing.T) {
	wanted := 40
	if n, err := strconv.Atoi(os.Getenv("LODE_SEARCHES")); err == nil {
		wanted = n
	}
	home, state := filepath.Join(t.TempDir(), "home"), filepath.Join(t.TempDir(), "state")
	from, config := filepath.Join("..", "..", "testdata", "sample"), filepath.Join(home, "lode.yaml")
	if corpus := os.Getenv("LODE_CORPUS"); corpus != "" {
		from, config = corpus, os.Getenv("LODE_CORPUS_CONFIG")
	}
	if err := os.CopyFS(home, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	args := []string{"--home", home, "--config", config, "--state", state, "--now", "2026-05-01"}
	if out, err := exec.Command("lode", append(args, "nightly", "--since", "all")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := &during{T: t, args: args, server: func(query string) string { return "" }}
	server := connect(t, home, args...)
	d.server = func(query string) string { return call(t, server, "search", map[string]any{"query": query}) }
	rounds := 0
	for ; d.searches.Load() < int64(wanted) && !t.Failed(); rounds++ {
		d.night(home, rounds)
	}
	t.Logf("%d searches during %d nightlies, %d of them while one stood still", d.searches.Load(), rounds, d.frozen)
	if canFreeze && d.frozen == 0 {
		t.Error("no search ran while a nightly stood still")
	}
	if generations, _ := filepath.Glob(filepath.Join(state, "index", "0*")); len(generations) > 2 {
		t.Errorf("readers keep generations from being removed: %v", generations)
	}
}

type during struct {
	*testing.T
	args     []string
	server   func(query string) string
	searches atomic.Int64
	frozen   int
}

// night adds a session that speaks of zanzibar, and searches while a nightly
// reads it. Before, there were as many as nights.
func (d *during) night(home string, before int) {
	name := fmt.Sprintf("zanzibar%d", before)
	record := fmt.Sprintf(`{"type":"user","uuid":"%s","sessionId":"%s","timestamp":"2026-04-20T10:00:00Z","cwd":"/home/dev/work/shop","version":"2.1.0","message":{"role":"user","content":"ship it to zanzibar"}}`, name, name)
	put(d.T, filepath.Join(home, ".claude", "projects", "-home-dev-work-shop", name+".jsonl"), record+"\n")
	cmd := exec.Command("lode", append(d.args, "nightly", "--since", "all")...)
	if err := cmd.Start(); err != nil {
		d.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	if canFreeze {
		time.Sleep(time.Duration(rand.Int64N(int64(600 * time.Millisecond)))) // somewhere in its work; at its end is fine
		if freeze(cmd.Process) == nil {
			for range 2 {
				d.search(before)
				d.frozen++
			}
			thaw(cmd.Process)
		}
	}
	var all sync.WaitGroup
	var ended atomic.Bool
	for range 2 {
		all.Go(func() {
			for !ended.Load() && !d.Failed() {
				d.search(before)
			}
		})
	}
	if err := <-over; err != nil {
		d.Errorf("nightly: %v", err)
	}
	ended.Store(true)
	all.Wait()
	if got := d.count(before); got != before+1 {
		d.Errorf("after the nightly %d sessions are found, want %d", got, before+1)
	}
}

// search searches once, by a process or the server.
func (d *during) search(before int) {
	n := d.searches.Add(1)
	if n%4 != 0 {
		if got := d.count(before); got != before && got != before+1 {
			d.Errorf("%d sessions are found during a nightly, want %d or %d", got, before, before+1)
		}
		return
	}
	text := d.server("zanzibar")
	if !strings.Contains(text, fmt.Sprintf("%s;", count(before, "hit"))) && !strings.Contains(text, fmt.Sprintf("%s;", count(before+1, "hit"))) &&
		!(before == 0 && strings.Contains(text, "nothing found")) {
		d.Errorf("the server answers, with %d or one more there: %s", before, text)
	}
}

// count returns how many sessions a search finds.
func (d *during) count(before int) int {
	out, err := exec.Command("lode", append(d.args, "search", "zanzibar", "--limit", "1", "--json")...).Output()
	var view searchView
	if err == nil {
		err = json.Unmarshal(out, &view)
	}
	if err != nil {
		message := ""
		if exit, ok := err.(*exec.ExitError); ok {
			message = string(exit.Stderr)
		}
		d.Errorf("a search fails: %v: %s", err, message)
		return before
	}
	return view.Total
}
