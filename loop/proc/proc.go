// Package proc runs the programs of a loop: agents, checks and servers. Each
// runs in a process group of its own, which is ended as a whole, with a limit
// of time, of silence and of what is kept of its output.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Command is a program to run.
type Command struct {
	Line  string   // a command line for sh, or
	Args  []string // a program with its arguments
	Dir   string
	Env   []string // beside the environment of lode; later values win
	Stdin string
	Tag   string            // a variable name=value that only this run's processes have: finds those that left the group
	Time  time.Duration     // 0 is no limit
	Idle  time.Duration     // of silence; 0 is no limit
	Tap   func(line []byte) // is given each line of output as it comes; may be nil
	Flood int64             // bytes of output after which it is ended; 0 is no limit
	// Alive is asked, before a silent program is ended, when something was last
	// seen of it elsewhere; may be nil.
	Alive func() time.Time
}

// Limits of what is kept. Whole outputs of checks are rarely longer than the
// first; the head tells what was started, the tail what came of it.
const (
	headBytes = 64 << 10
	tailBytes = 256 << 10
	lineBytes = 8 << 20 // of a line that is tapped; the rest of a longer one is left out
)

// Why says what ended a program that did not end by itself.
type Why string

// What ends programs.
const (
	TimedOut Why = "took too long"
	Silent   Why = "gave no sign of life"
	Flooded  Why = "printed too much"
	Stopped  Why = "was stopped"
)

// Ended is what became of a program.
type Ended struct {
	Exit  int // -1 when a signal or lode ended it
	Why   Why // empty when it ended by itself
	Took  time.Duration
	Out   string // head and tail of both its outputs, in the order in which they came
	Bytes int64  // of output, kept or not
}

// ErrMissing says that there is no such program.
var ErrMissing = errors.New("no such program")

// grace is how long a group may take to end by itself when asked to.
const grace = 2 * time.Second

// Run runs a program to its end, and ends what it leaves behind. An error means
// that it could not be started.
func Run(ctx context.Context, c Command) (Ended, error) {
	p, err := start(c)
	if err != nil {
		return Ended{}, err
	}
	var why Why
	tick := time.NewTicker(tickEvery(c))
	defer tick.Stop()
wait:
	for {
		select {
		case <-p.exited:
			break wait
		case <-ctx.Done():
			why = Stopped
		case <-tick.C:
			why = p.overdue()
		}
		if why != "" {
			break
		}
	}
	return p.end(why), nil
}

// tickEvery is how often limits are looked at.
func tickEvery(c Command) time.Duration {
	every := 200 * time.Millisecond
	for _, d := range []time.Duration{c.Time, c.Idle} {
		if d > 0 {
			every = min(every, max(d/10, 5*time.Millisecond))
		}
	}
	return every
}

// process is a running program.
type process struct {
	Command
	cmd     *exec.Cmd
	began   time.Time
	out     *output
	read    chan struct{} // closed when all output is read
	pipe    *os.File
	exited  chan struct{}
	unwatch func()
}

func start(c Command) (*process, error) {
	args := c.Args
	if c.Line != "" {
		args = []string{"sh", "-c", c.Line}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(Environ(), c.Env...)
	if c.Tag != "" {
		cmd.Env = append(cmd.Env, c.Tag)
	}
	ownGroup(cmd)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	var stdin io.WriteCloser
	if c.Stdin != "" {
		if stdin, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", ErrMissing, args[0])
		}
		return nil, err
	}
	p := &process{Command: c, cmd: cmd, began: time.Now(), out: newOutput(c.Tap), read: make(chan struct{}), exited: make(chan struct{}), pipe: r}
	p.unwatch = watch(cmd.Process.Pid)
	go func() { io.Copy(p.out, r); close(p.read) }()
	if stdin != nil {
		go func() { io.WriteString(stdin, c.Stdin); stdin.Close() }()
	}
	go func() { cmd.Wait(); close(p.exited) }()
	return p, nil
}

// Environ is the environment of lode without what points git at another
// repository, as in a hook of git that starts a run.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(elsewhere, name)
	})
}

var elsewhere = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES"}

// overdue says which limit the program has passed.
func (p *process) overdue() Why {
	bytes, last := p.out.state()
	if p.began.After(last) {
		last = p.began
	}
	switch {
	case p.Time > 0 && time.Since(p.began) > p.Time:
		return TimedOut
	case p.Flood > 0 && bytes > p.Flood:
		return Flooded
	case p.Idle > 0 && time.Since(last) > p.Idle:
		if p.Alive != nil && time.Since(p.Alive()) <= p.Idle {
			return ""
		}
		return Silent
	}
	return ""
}

// end ends the program's group and all that bears its tag, and says what
// became of it.
func (p *process) end(why Why) Ended {
	if why != "" {
		signalGroup(p.cmd.Process.Pid, false)
		select {
		case <-p.exited:
		case <-time.After(grace):
		}
	}
	signalGroup(p.cmd.Process.Pid, true)
	<-p.exited
	p.unwatch()
	took := time.Since(p.began)
	if p.Tag != "" {
		Sweep(p.Tag)
	}
	select {
	case <-p.read:
	case <-time.After(time.Second): // somebody else holds the pipe
	}
	p.pipe.Close()
	<-p.read
	ended := Ended{Exit: p.cmd.ProcessState.ExitCode(), Why: why, Took: took}
	if why != "" {
		ended.Exit = -1
	}
	ended.Out, ended.Bytes = p.out.close()
	return ended
}

// Server runs a program until stop is called.
func Server(c Command) (stop func() Ended, err error) {
	p, err := start(c)
	if err != nil {
		return nil, err
	}
	return func() Ended { return p.end(Stopped) }, nil
}

// output keeps head and tail of what a program prints.
type output struct {
	mu    sync.Mutex
	head  []byte
	tail  []byte // at most twice tailBytes
	bytes int64
	last  time.Time
	tap   func([]byte)
	line  []byte // that has not ended, for the tap
}

func newOutput(tap func([]byte)) *output { return &output{tap: tap, last: time.Now()} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = time.Now()
	o.bytes += int64(len(b))
	if o.tap != nil {
		o.lines(b)
	}
	n := len(b)
	if room := headBytes - len(o.head); room > 0 {
		k := min(room, len(b))
		o.head, b = append(o.head, b[:k]...), b[k:]
	}
	o.tail = append(o.tail, b...)
	if len(o.tail) > 2*tailBytes {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-tailBytes:]...)
	}
	return n, nil
}

func (o *output) lines(b []byte) {
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		if len(o.line)+len(part) <= lineBytes {
			o.line = append(o.line, part...)
		}
		if b = rest; ended {
			o.tap(o.line)
			o.line = o.line[:0]
		}
	}
}

func (o *output) state() (int64, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes, o.last
}

func (o *output) close() (string, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tap != nil && len(o.line) > 0 {
		o.tap(o.line)
	}
	tail, cut := o.tail, o.bytes-int64(len(o.head)+len(o.tail))
	if len(tail) > tailBytes {
		cut += int64(len(tail) - tailBytes)
		tail = tail[len(tail)-tailBytes:]
	}
	var b strings.Builder
	b.Write(o.head)
	if cut > 0 {
		fmt.Fprintf(&b, "\n[lode: %d bytes left out]\n", cut)
	}
	b.Write(tail)
	return b.String(), o.bytes
}
