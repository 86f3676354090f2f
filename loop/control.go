package loop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/loop/journal"
	"lode/loop/verify"
	"lode/session"
)

// request is what a person wants of the run: pause, stop, or nothing.
func (r *Run) request() string {
	text, _ := os.ReadFile(r.file("request"))
	return strings.TrimSpace(string(text))
}

// runDir is the folder of a run that there is.
func runDir(state, name string) (string, error) {
	dir := filepath.Join(RunsDir(state), name)
	if _, err := os.Stat(filepath.Join(dir, "journal.jsonl")); err != nil || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return "", fmt.Errorf("%s: %w", name, ErrNoRun)
	}
	return dir, nil
}

// Pause has a run end after its iteration, Stop at once. A run that nobody
// works on is paused as it is; then they return false.
func Pause(state, name string) (bool, error) { return demand(state, name, "pause") }

// Stop ends a run at once; what the agent did since the last checkpoint is
// dropped.
func Stop(state, name string) (bool, error) { return demand(state, name, "stop") }

func demand(state, name, what string) (bool, error) {
	dir, err := runDir(state, name)
	if err != nil || !owned(dir) {
		return false, err
	}
	return true, renameio.WriteFile(filepath.Join(dir, "request"), []byte(what+"\n"), 0o600)
}

// Clean takes the worktree of a run away. Branch, checkpoints, journal and report
// stay; going on with the run makes it again.
func Clean(ctx context.Context, state, name string) error {
	dir, err := runDir(state, name)
	if err != nil {
		return err
	}
	r, err := Open(Options{State: state}, filepath.Base(dir))
	if err != nil {
		return err
	}
	defer r.Close()
	r.sweep()
	if _, err := os.Stat(r.tree.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return r.tree.Forget(ctx)
}

// word is what a person said to a run. It is stored in said.jsonl.
type word struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// Tell gives a run a message for its next brief.
func Tell(state, name, text string, now time.Time) error {
	dir, err := runDir(state, name)
	if err != nil {
		return err
	}
	if text = strings.TrimSpace(verify.Safe(text)); text == "" {
		return errors.New("there is nothing to say")
	}
	return appendLine(filepath.Join(dir, "said.jsonl"), word{now, session.Quote(text, 2000)})
}

func appendLine(file string, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	return err
}

// lines reads a file of JSON lines; one that cannot be read is left out.
func lines[T any](file string) (all []T) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		var v T
		if json.Unmarshal([]byte(line), &v) == nil {
			all = append(all, v)
		}
	}
	return all
}

// hear takes what a person said since the last iteration into the journal.
func (r *Run) hear() error {
	heard := 0
	for i := range r.journal.Entries {
		if r.journal.Entries[i].Event == journal.Said {
			heard++
		}
	}
	said := lines[word](r.file("said.jsonl"))
	for _, w := range said[min(heard, len(said)):] {
		if err := r.note(journal.Entry{Event: journal.Said, Text: w.Text}); err != nil {
			return err
		}
	}
	return nil
}

// Answer is what a person said to a check that asks. It holds for the files
// that they saw. It is stored in answers.jsonl.
type Answer struct {
	Time  time.Time `json:"time"`
	Check string    `json:"check"`
	Tree  string    `json:"tree"`
	Yes   bool      `json:"yes"`
	Why   string    `json:"why,omitempty"`
}

// Approves answers a check of a run that waits for a person.
func Approves(state, name, check string, yes bool, why string, now time.Time) error {
	dir, err := runDir(state, name)
	if err != nil {
		return err
	}
	j, err := journal.Open(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return err
	}
	c, ok := j.Last(journal.Check)
	if !ok || !slices.ContainsFunc(c.Marks, func(m journal.Mark) bool { return m.ID == check }) {
		return fmt.Errorf("run %s has no check %s that waits (hint: lode run show %[1]s)", name, check)
	}
	return appendLine(filepath.Join(dir, "answers.jsonl"), Answer{now, check, c.Tree, yes, session.Quote(verify.Safe(why), 500)})
}

// answer returns what a person says to a check, or said of the same files.
func (r *Run) answer(check, question, tree string) (yes, answered bool) {
	for _, a := range slices.Backward(lines[Answer](r.file("answers.jsonl"))) {
		if a.Check == check && a.Tree == tree {
			return a.Yes, true
		}
	}
	if r.Ask == nil || question == "" {
		return false, false
	}
	yes = r.Ask(fmt.Sprintf("%s: %s (the work is in %s)", check, question, r.tree.Dir))
	return yes, appendLine(r.file("answers.jsonl"), Answer{Time: r.Now(), Check: check, Tree: tree, Yes: yes}) == nil
}

// answered judges the last iteration again when a person has meanwhile answered
// what it waited for.
func (r *Run) answered(ctx context.Context) error {
	e, ok := r.journal.Last(journal.Ended)
	if !ok || e.N != r.iteration()-1 {
		return nil
	}
	c, _ := r.journal.Of(e.N, journal.Check)
	id := r.unanswered(c.Marks)
	if id == "" {
		return nil
	}
	if _, answered := r.answer(id, "", c.Tree); !answered {
		return nil
	}
	if err := r.check(ctx, e.N); err != nil {
		return err
	}
	return r.finish(ctx, e.N)
}

// Standing is a run as lists show it.
type Standing struct {
	Outcome
	Started time.Time `json:"started"`
	Owner   *Owner    `json:"owner,omitempty"` // who works on it now
}

// List returns the runs of a state folder, oldest first.
func List(state string) ([]Standing, error) {
	entries, err := os.ReadDir(RunsDir(state))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Standing
	for _, e := range entries {
		s, showErr := Show(state, e.Name())
		if errors.Is(showErr, ErrNoRun) { // killed before it began
			continue
		}
		if showErr != nil {
			return nil, showErr
		}
		all = append(all, *s)
	}
	slices.SortStableFunc(all, func(a, b Standing) int { return a.Started.Compare(b.Started) })
	return all, err
}

// Working names the runs that somebody works on, by the look of their locks.
func Working(state string) []string {
	var names []string
	entries, _ := os.ReadDir(RunsDir(state))
	for _, e := range entries {
		if owned(filepath.Join(RunsDir(state), e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Show returns how a run stands.
func Show(state, name string) (*Standing, error) {
	dir, err := runDir(state, name)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return nil, err
	}
	start, ok := j.Last(journal.Start)
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrNoRun)
	}
	s := &Standing{Started: start.Time}
	last := j.Entries[len(j.Entries)-1]
	switch {
	case owned(dir):
		o := ownerOf(dir)
		s.Owner, s.Outcome = &o, outcomeOf(name, dir, j, Running, "")
	case last.Event == journal.Stopped:
		s.Outcome = outcomeOf(name, dir, j, Status(last.Status), last.Reason)
	default:
		s.Outcome = outcomeOf(name, dir, j, Broken, fmt.Sprintf("nobody works on it (hint: lode run resume %s)", name))
	}
	return s, nil
}
