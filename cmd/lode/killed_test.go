package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// night is a run of nightly in a process of its own, on the sample home.
func night(state string) *exec.Cmd {
	home := filepath.Join("..", "..", "testdata", "sample")
	return exec.Command("lode", "--home", home, "--config", filepath.Join(home, "lode.yaml"), "--state", state, "--now", "2026-05-01", "nightly", "--since", "all")
}

// varies are the files of a state that two runs need not share: the index has
// its own tests, and is compared by its answers.
var varies = []string{"index", "heartbeat.json", "lock"}

// listing says how many entries the index folder has: a generation, what names
// it, and its lock, and nothing left behind.
func listing(state string) int {
	entries, _ := os.ReadDir(filepath.Join(state, "index"))
	return len(entries)
}

func answers(t *testing.T, state string) string {
	t.Helper()
	var out strings.Builder
	for _, q := range []string{"pytest", "settings", "fast", "cart"} {
		if code := runIn(t, &out, "--state", state, "--now", "2026-05-01", "search", q, "--limit", "50", "--quiet"); code != 0 {
			t.Fatalf("search %s: exit code %d: %s", q, code, out.String())
		}
	}
	return out.String()
}

// Runs that are killed at any moment leave nothing lost, doubled or lying about:
// the next run finishes the work, and its state is that of an undisturbed run.
func TestKilledRuns(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	start := time.Now()
	if out, err := night(whole).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := time.Since(start)
	want := answers(t, whole)

	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	state := filepath.Join(t.TempDir(), "state")
	for round := range 8 {
		kills := 1 + rnd.IntN(6)
		for range kills {
			cmd := night(state)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rnd.Int64N(int64(took))))
			cmd.Process.Kill()
			cmd.Wait()
		}
		if out, err := night(state).CombinedOutput(); err != nil {
			t.Fatalf("seed %d, round %d: after %d kills: %v: %s", seed, round, kills, err, out)
		}
		if diff := differs(state, whole, varies); diff != "" {
			t.Fatalf("seed %d, round %d: after %d kills, %s is not as in an undisturbed run", seed, round, kills, diff)
		}
		if got := answers(t, state); got != want {
			t.Fatalf("seed %d, round %d: after %d kills, search answers\n%s\nwant\n%s", seed, round, kills, got, want)
		}
		if got, want := listing(state), listing(whole); got != want {
			t.Fatalf("seed %d, round %d: after %d kills, the index has %d entries, want %d", seed, round, kills, got, want)
		}
		if round%2 == 1 {
			os.RemoveAll(state)
		} else {
			os.Remove(filepath.Join(state, "catalog.jsonl")) // half of it is made again
			os.Remove(filepath.Join(state, "patterns.jsonl"))
		}
	}
}

// Of two runs at once one does the work, and the other says so and ends with
// code 4, having touched nothing.
func TestTwoRunsAtOnce(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if out, err := night(state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := tree(state, nil)
	lock := flock.New(filepath.Join(state, "lock"))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	out, err := night(state).CombinedOutput()
	if code := err.(*exec.ExitError).ExitCode(); code != exitBusy || !strings.Contains(string(out), "another lode is working on this state folder (hint: wait") {
		t.Errorf("exit code %d, %s", code, out)
	}
	lock.Unlock()
	for name, text := range tree(state, nil) {
		if before[name] != text {
			t.Errorf("%s was changed", name)
		}
	}

	// Started together, from nothing: each ends with the work done or the lock taken.
	both := filepath.Join(t.TempDir(), "both")
	var running []*exec.Cmd
	for range 4 {
		cmd := night(both)
		cmd.Stderr = new(bytes.Buffer)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	done := 0
	for _, cmd := range running {
		switch cmd.Wait(); cmd.ProcessState.ExitCode() {
		case exitOK:
			done++
		case exitBusy:
		default:
			t.Errorf("exit code %d: %v", cmd.ProcessState.ExitCode(), cmd.Stderr)
		}
	}
	if done == 0 {
		t.Error("no run did the work")
	}
	if diff := differs(both, state, varies); diff != "" {
		t.Errorf("%s is not as after one run", diff)
	}
}
