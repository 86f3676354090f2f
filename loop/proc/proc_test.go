package proc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	for _, c := range []struct {
		name string
		Command
		exit int
		why  Why
		out  string
	}{
		{"both outputs, in order", Command{Line: "echo a; echo b >&2; echo c"}, 0, "", "a\nb\nc\n"},
		{"an exit code", Command{Line: "exit 7"}, 7, "", ""},
		{"its input", Command{Line: "cat", Stdin: "in"}, 0, "", "in"},
		{"no input", Command{Line: "cat"}, 0, "", ""},
		{"input that nobody reads", Command{Line: "true", Stdin: strings.Repeat("x", 1<<20)}, 0, "", ""},
		{"variables", Command{Line: "echo $A$LODE_RUN", Env: []string{"A=1", "A=2"}, Tag: "LODE_RUN=x"}, 0, "", "2x\n"},
		{"too long", Command{Line: "echo a; sleep 60", Time: 200 * time.Millisecond}, -1, TimedOut, "a\n"},
		{"one that does not want to end", Command{Line: "trap '' TERM; echo a; while :; do sleep 0.1; done", Time: 200 * time.Millisecond}, -1, TimedOut, "a\n"},
		{"silence", Command{Line: "echo a; sleep 60", Idle: 200 * time.Millisecond}, -1, Silent, "a\n"},
		{"a flood", Command{Line: "yes", Flood: 1 << 20}, -1, Flooded, ""},
		{"a child that holds the output", Command{Line: "sleep 60 & echo a"}, 0, "", "a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			ended, err := Run(t.Context(), c.Command)
			if err != nil || ended.Exit != c.exit || ended.Why != c.why || c.why != Flooded && ended.Out != c.out {
				t.Errorf("%+v, %v", ended, err)
			}
			if time.Since(began) > 30*time.Second {
				t.Errorf("it took %s", time.Since(began))
			}
		})
	}
}

// Head and tail are kept, lines are tapped whole.
func TestOutput(t *testing.T) {
	lines := 0
	ended, err := Run(t.Context(), Command{Line: "seq 200000", Tap: func(b []byte) { lines++ }})
	if err != nil || lines != 200000 || !strings.HasPrefix(ended.Out, "1\n2\n") || !strings.HasSuffix(ended.Out, "\n200000\n") || !strings.Contains(ended.Out, "bytes left out]") {
		t.Errorf("%d lines, %v, %d bytes kept", lines, err, len(ended.Out))
	}
	if len(ended.Out) > headBytes+tailBytes+100 || ended.Bytes != 1288895 {
		t.Errorf("%d of %d bytes are kept", len(ended.Out), ended.Bytes)
	}
}

func TestMissing(t *testing.T) {
	if _, err := Run(t.Context(), Command{Args: []string{"no-such-program"}}); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
}

// What leaves the group is found by its tag.
func TestEscape(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks in /proc")
	}
	mark := filepath.Join(t.TempDir(), "escaped")
	if _, err := Run(t.Context(), Command{Line: "setsid sh -c 'sleep 0.5; touch " + mark + "' >/dev/null 2>&1 & sleep 0.1", Tag: "LODE_RUN=" + mark}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(800 * time.Millisecond)
	if _, err := os.Stat(mark); err == nil {
		t.Error("a process got away")
	}
}

// A signal from outside ends a group.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if ended, err := Run(ctx, Command{Line: "sleep 60"}); err != nil || ended.Why != Stopped {
		t.Errorf("%+v, %v", ended, err)
	}
}

// A server runs until it is stopped.
func TestServer(t *testing.T) {
	stop, err := Server(Command{Line: "echo up; sleep 60"})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if ended := stop(); ended.Out != "up\n" || ended.Took > 30*time.Second {
		t.Errorf("%+v", ended)
	}
}
