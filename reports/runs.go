package reports

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lode/loop"
	"lode/loop/goal"
	"lode/loop/journal"
	"lode/loop/verify"
	"lode/session"
	"lode/session/redact"
)

// runView is what the page of a run shows.
type runView struct {
	*loop.Standing
	Needs    string // what a person should do; "" when nothing
	How      string // by which commands
	Took     string
	Checks   []string // ids, in the order of the contract
	Rows     []runRow
	Contract string
	State    string
	Pictures []picture
	Tail     []tailLine // the end of the journal
	Asks     []question // what a person is to answer
}

// runRow is an iteration in a line: a cell for each check.
type runRow struct {
	Name     string // "start", or the number of the iteration
	Cells    []journal.Mark
	Best     bool
	Claim    string
	Why      string // what was out of the ordinary
	Learned  []string
	Sessions []string
}

type picture struct {
	Name string
	URL  template.URL
}

// RunFile names the page of a run.
func RunFile(name string) string { return "run-" + strings.TrimPrefix(sessionFile(name), "s-") }

// needs says what a run waits for, and by which commands it gets that.
func needs(s *loop.Standing) (what, how string) {
	again := "`lode run resume " + s.Run + "`"
	switch s.Status {
	case loop.Done, loop.Running, loop.StoppedNow:
		return "", ""
	case loop.PausedNow:
		return "it is paused: go on when you like", again
	case loop.Approve:
		return "answer it, and let it go on", "`lode run approve " + s.Run + "`, then " + again
	case loop.Lost:
		return "its repository is gone", ""
	case loop.Budget, loop.Waiting:
		return "go on with more", again
	case loop.Broken:
		return "take it up again", again
	}
	return "look at it, say what is to change, and let it go on", "`lode run say " + s.Run + "`, then " + again
}

// runs makes the views of all runs, the newest first.
func (s *site) runs() ([]runView, error) {
	var out []runView
	for i := range s.in.Runs {
		v, err := viewOf(&s.in.Runs[i])
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.Reverse(out)
	return out, nil
}

func viewOf(r *loop.Standing) (runView, error) {
	v := runView{Standing: r, Took: time.Duration(r.Seconds * float64(time.Second)).Round(time.Second).String()}
	v.Needs, v.How = needs(r)
	j, err := journal.Open(filepath.Join(r.Folder, "journal.jsonl"))
	if err != nil {
		return v, err
	}
	rows := make(map[int]*runRow)
	row := func(n int) *runRow {
		if rows[n] == nil {
			rows[n] = &runRow{Name: fmt.Sprint(n)}
			if n == 0 {
				rows[n].Name = "start"
			}
		}
		return rows[n]
	}
	last := 0
	for i := range j.Entries {
		e := &j.Entries[i]
		last = max(last, e.N)
		switch e.Event {
		case journal.Begin:
			row(e.N).Learned = e.Learned
		case journal.Agent:
			row(e.N).Claim, row(e.N).Sessions, row(e.N).Why = fit(e.Claim), e.Sessions, fit(unusual(e))
		case journal.Baseline, journal.Check:
			row(e.N).Cells = e.Marks
			for _, m := range e.Marks {
				if !slices.Contains(v.Checks, m.ID) {
					v.Checks = append(v.Checks, m.ID)
				}
			}
		case journal.Ended:
			row(e.N).Best = e.Best
		}
	}
	for n := 0; n <= last; n++ {
		if r := rows[n]; r != nil {
			r.Cells = inOrder(r.Cells, v.Checks)
			v.Rows = append(v.Rows, *r)
		}
	}
	contract, err1 := readText(r.Folder, "goal.md")
	state, err2 := readText(r.Folder, "state.md")
	v.Contract, v.State, v.Tail = fit(contract), fit(state), tail(j.Entries)
	if r.Status == loop.Approve {
		v.Asks = questions(r)
	}
	v.Pictures = pictures(filepath.Join(r.Folder, "artifacts"))
	return v, errors.Join(err1, err2)
}

// fit is a text as pages show it: nothing invisible, and no secrets, which the
// contract as a person wrote it may hold.
func fit(text string) string { return redact.Text(session.Clean(text), nil) }

// unusual says what was out of the ordinary in what an agent did.
func unusual(e *journal.Entry) string {
	var all []string
	if e.Why != "" {
		all = append(all, e.Why)
	}
	if len(e.Touched) > 0 {
		all = append(all, "changed protected files: "+strings.Join(e.Touched, ", "))
	}
	if e.Silent {
		all = append(all, "printed nothing")
	}
	if e.Asked {
		all = append(all, "asked a question")
	}
	return strings.Join(all, "; ")
}

// tailLine is an entry of a journal in a line.
type tailLine struct{ Time, Event, Text string }

const maxTail = 15 // entries of a journal

// tail tells the end of a journal, the newest first.
func tail(entries []journal.Entry) []tailLine {
	var out []tailLine
	for i := len(entries) - 1; i >= max(0, len(entries)-maxTail); i-- {
		e := &entries[i]
		event, text := string(e.Event), []string{}
		if e.N > 0 {
			event += fmt.Sprintf(" %d", e.N)
		}
		for _, part := range []string{e.Status, e.Claim, e.Reason, e.Text, unusual(e)} {
			if part != "" {
				text = append(text, part)
			}
		}
		for _, m := range e.Marks {
			text = append(text, m.ID+" "+m.Status)
		}
		out = append(out, tailLine{e.Time.Format("2006-01-02 15:04:05"), event, session.Quote(fit(strings.Join(text, "; ")), 300)})
	}
	return out
}

// question is what a check of a run asks a person.
type question struct{ Check, Text string }

// questions are those of the checks that wait for an answer.
func questions(r *loop.Standing) []question {
	g, _, err := goal.Load(filepath.Join(r.Folder, "goal.md"))
	if err != nil {
		return nil // needs says how to answer at a terminal
	}
	var out []question
	for _, c := range g.Checks {
		waits := slices.ContainsFunc(r.Items, func(m journal.Mark) bool { return m.ID == c.ID && m.Status == string(verify.Unclear) })
		if c.Approve != "" && waits {
			out = append(out, question{c.ID, fit(c.Approve)})
		}
	}
	return out
}

// inOrder gives each check its cell; one that was not run has an empty one.
func inOrder(marks []journal.Mark, checks []string) []journal.Mark {
	out := make([]journal.Mark, len(checks))
	for i, id := range checks {
		out[i].ID = id
		if at := slices.IndexFunc(marks, func(m journal.Mark) bool { return m.ID == id }); at >= 0 {
			out[i] = marks[at]
		}
	}
	return out
}

// readText reads a document of a run; one that is not there is empty.
func readText(dir, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return string(text), err
}

const (
	maxPictures = 12
	maxPicture  = 1 << 20 // bytes
)

// pictures puts a run's plots and screenshots into the page itself: the site
// needs no other files.
func pictures(dir string) []picture {
	var out []picture
	filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		kind := mime.TypeByExtension(strings.ToLower(filepath.Ext(file)))
		if err != nil || e.IsDir() || !strings.HasPrefix(kind, "image/") || len(out) == maxPictures {
			return nil
		}
		if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > maxPicture {
			return nil
		}
		bytes, err := os.ReadFile(file)
		if err != nil {
			return nil
		}
		name, _ := filepath.Rel(dir, file)
		// as the source of an image an SVG cannot run scripts or load anything
		out = append(out, picture{name, template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(bytes))})
		return nil
	})
	return out
}
