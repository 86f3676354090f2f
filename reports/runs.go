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
	"lode/loop/journal"
	"lode/session"
	"lode/session/redact"
)

// runView is what the page of a run shows.
type runView struct {
	*loop.Standing
	Needs    string // what a person should do; "" when nothing
	Took     string
	Checks   []string // ids, in the order of the contract
	Rows     []runRow
	Contract string
	State    string
	Pictures []picture
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

// runFile names the page of a run.
func runFile(name string) string { return "run-" + strings.TrimPrefix(sessionFile(name), "s-") }

// needs says what a run waits for, in words and as a command.
func needs(s *loop.Standing) string {
	again := "`lode run resume " + s.Run + "`"
	switch s.Status {
	case loop.Done, loop.Running, loop.StoppedNow, loop.PausedNow:
		return ""
	case loop.Approve:
		return "answer it: `lode run approve " + s.Run + "`, then " + again
	case loop.Lost:
		return "its repository is gone"
	case loop.Budget, loop.Waiting:
		return "go on with more: " + again
	case loop.Broken:
		return "take it up again: " + again
	}
	return "look at it, say what is to change with `lode run say " + s.Run + "`, then " + again
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
	v := runView{Standing: r, Needs: needs(r), Took: time.Duration(r.Seconds * float64(time.Second)).Round(time.Second).String()}
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
	v.Contract, v.State = fit(contract), fit(state)
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
