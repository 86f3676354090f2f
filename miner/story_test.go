package miner

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lode/session"
)

var update = flag.Bool("update", false, "rewrite the golden files under testdata")

// A tale is a text file of sessions, one a paragraph, told in the words of
// testdata/sample/stories. Below a line stands what the miner makes of it:
//
//	= what is judged    ! a signal    * a pattern, at the end
//
// Those lines are made anew by each test; it holds when the file stays as it is.
//
// Beyond the words of the stories: grep (the agents' own search tool), inject
// and program (texts that no person wrote), interrupt, compact, pause, with (the rest of
// a call's input), flag (what the transcript says of a result), since (where the
// window begins). A result without exit, flag, fail or refuse is flagged ok.
type tale struct {
	t        testing.TB
	file     string
	lines    []taleLine
	sessions []*session.Session
	since    time.Time
	s        *session.Session // of the paragraph at hand
	now      time.Time
}

// taleLine is a line with the event that it belongs to, if any.
type taleLine struct {
	text string
	s    *session.Session
	n    int
}

// readTale reads a file and annotates its sessions.
func readTale(t testing.TB, file string) *tale {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &tale{t: t, file: file}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || !strings.Contains("=!*", line[:1]) {
			d.line(line)
		}
	}
	for _, s := range d.sessions {
		s.Span()
		Annotate(s)
	}
	return d
}

func (d *tale) line(line string) {
	key, value, _ := strings.Cut(line, ": ")
	n := -1
	switch {
	case line == "":
		d.s = nil
	case line[0] == '#':
	case key == "session":
		d.begin(strings.Fields(value))
	case key == "since":
		d.since = d.date(value)
	case line[0] == '>':
		e := d.last()
		e.Text += strings.TrimPrefix(line[1:], " ") + "\n"
		n = len(d.s.Events) - 1
	default:
		if d.s == nil {
			d.begin([]string{"claude", "shop", "2026-04-07T09:00:00Z"})
		}
		d.step(key, strings.ReplaceAll(value, `\n`, "\n"))
		n = len(d.s.Events) - 1
	}
	d.lines = append(d.lines, taleLine{line, d.s, n})
}

func (d *tale) date(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		d.t.Fatalf("%s: %v", d.file, err)
	}
	return at
}

func (d *tale) duration(text string) time.Duration {
	long, err := time.ParseDuration(text)
	if err != nil {
		d.t.Fatalf("%s: %v", d.file, err)
	}
	return long
}

// begin starts a session: agent, project, start, then name=value.
func (d *tale) begin(words []string) {
	s := &session.Session{Header: session.Header{Agent: words[0], ID: fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(d.file), ".txt"), len(d.sessions)+1), Population: session.ByUser, Cwd: "/home/dev/work/" + words[1]}}
	d.now = time.Time{}
	if words[0] != "mini" && words[2] != "undated" {
		d.now = d.date(words[2])
	}
	for _, w := range words[3:] {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "id":
			s.ID = value
		case "parent":
			s.Parent, s.Population = value, session.Subagent
		case "population":
			s.Population = session.Population(value)
		case "instance":
			s.Instance, s.Population, s.Cwd = value, session.Benchmark, "/testbed"
		case "cwd":
			s.Cwd = value
		}
	}
	s.Sources = []session.Source{{Path: s.ID + ".jsonl"}}
	d.s, d.sessions = s, append(d.sessions, s)
}

func (d *tale) last() *session.Event { return &d.s.Events[len(d.s.Events)-1] }

func (d *tale) add(e session.Event) {
	if !d.now.IsZero() {
		d.now = d.now.Add(20 * time.Second)
	}
	e.N, e.Time = len(d.s.Events)+1, d.now
	d.s.Events = append(d.s.Events, e)
}

var acts = map[string]session.Act{"run": session.Shell, "read": session.Read, "list": session.List, "grep": session.Search,
	"write": session.Write, "edit": session.Edit, "task": session.Task}

func (d *tale) step(key, value string) {
	switch key {
	case "title", "oddity", "fork": // of no meaning here
	case "human":
		d.add(session.Event{Kind: session.User, Author: session.Human, Text: value})
	case "inject", "reminder", "hook":
		d.add(session.Event{Kind: session.User, Author: session.Injected, Text: value})
	case "program":
		d.add(session.Event{Kind: session.User, Author: session.ByProgram, Text: value})
	case "say":
		d.add(session.Event{Kind: session.Agent, Text: value})
	case "think":
		d.add(session.Event{Kind: session.Agent, Act: session.Thinking, Text: value})
	case "with":
		d.s.Events[len(d.s.Events)-2].Text = value
	case "pause":
		d.now = d.now.Add(d.duration(value))
	case "compact":
		d.add(session.Event{Kind: session.Note, Act: session.Compacted, Text: value})
	case "interrupt":
		d.add(session.Event{Kind: session.Note, Act: session.Interrupt, Text: value})
	case "exit":
		n, err := strconv.Atoi(value)
		if err != nil {
			d.t.Fatalf("%s: %v", d.file, err)
		}
		d.last().Flag, d.last().Exit = "", &n
	case "flag":
		d.last().Flag = session.Flag(strings.TrimPrefix(value, "none"))
	case "fail":
		d.last().Flag, d.last().Text = session.FlagError, value
	case "refuse":
		d.last().Flag = session.FlagRejected
		d.add(session.Event{Kind: session.User, Author: session.Human, Act: session.Refusal, Text: value})
	default:
		d.call(key, value)
	}
}

func (d *tale) call(key, value string) {
	act, ok := acts[key]
	if !ok {
		d.t.Fatalf("%s: no such step: %q", d.file, key)
	}
	if (act == session.Read || act == session.Write || act == session.Edit) && value[0] != '/' {
		value = d.s.Cwd + "/" + value
	}
	id := fmt.Sprint("c", len(d.s.Events))
	d.add(session.Event{Kind: session.Call, Act: act, Tool: key, Command: value, CallID: id})
	d.add(session.Event{Kind: session.Result, Author: session.ByTool, CallID: id, Flag: session.FlagOK})
}

// mined runs the miner over the sessions of a tale, with the program's own
// ideas of roots and projects and its default support.
func (d *tale) mined() Report { return mine(d.t, d.sessions, d.since) }

func mine(t testing.TB, sessions []*session.Session, since time.Time) Report {
	t.Helper()
	var infos []session.Info
	for _, s := range sessions {
		infos = append(infos, session.Info{Header: s.Header})
	}
	roots, projects := session.RootSessions(infos), session.NewProjects(nil, "/home/dev/work", infos)
	r, err := Mine(Input{
		Sessions: func(yield func(*session.Session, error) bool) {
			for _, s := range sessions {
				if !yield(s, nil) {
					return
				}
			}
		},
		Project: func(h *session.Header) string { return projects.Of(h).Name },
		Root:    func(h *session.Header) string { return roots[h.Name()] },
		Support: Support{Occurrences: 3, Sessions: 2, Days: 2},
		Since:   since,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// everySession returns the sessions of all tales and of the sample's stories.
func everySession(t testing.TB) []*session.Session {
	t.Helper()
	var all []*session.Session
	for _, glob := range []string{"testdata/*/*.txt", "../testdata/sample/stories/*.txt"} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatal("no files: ", glob, err)
		}
		for _, file := range files {
			all = append(all, readTale(t, file).sessions...)
		}
	}
	return all
}

// retell writes a tale again, each event followed by the marks of mark, and
// compares it with its file.
func (d *tale) retell(t *testing.T, mark func(*session.Session, *session.Event) []string, end ...string) {
	t.Helper()
	var out []string
	for i, l := range d.lines {
		out = append(out, l.text)
		if next := i + 1; mark != nil && l.n >= 0 && (next == len(d.lines) || d.lines[next].s != l.s || d.lines[next].n != l.n) {
			out = append(out, mark(l.s, &l.s.Events[l.n])...)
		}
	}
	golden(t, d.file, strings.Join(slices.Concat(out, end), "\n")+"\n")
}

// eachLine holds a file of lines, each followed by what f makes of it.
func eachLine(t *testing.T, file string, f func(string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		switch {
		case line == "=\n" || strings.HasPrefix(line, "= "):
		case line == "\n" || line[0] == '#':
			out.WriteString(line)
		default:
			fmt.Fprintf(&out, "%s%s\n", line, strings.TrimSuffix("= "+f(strings.TrimSuffix(line, "\n")), " "))
		}
	}
	golden(t, file, out.String())
}

// golden compares a text with its file, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got, -update rewrites it):\n%s", file, diff)
	}
}

// tales runs a test over the files of a folder of testdata.
func tales(t *testing.T, dir string, test func(*testing.T, *tale)) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { test(t, readTale(t, file)) })
	}
}
