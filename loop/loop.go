// Package loop runs agents towards a goal until verifiers say that it is
// reached, or the budget or sense is at an end.
//
// A run works in a git worktree and on a branch of its own. An iteration is a
// fresh session of the agent with a brief, then the checks of the contract, and
// a checkpoint. What says done is the checks, never the agent: they are run by
// lode, with the protected files as they were at the start.
//
// A run's folder, <state>/runs/<run>, holds goal.md (the contract), journal.jsonl
// (what happened, the memory of the run), verdicts.jsonl, state.md (where it
// stands), NN.md (an iteration), NN.prompt.md, logs/, artifacts/, metrics.csv,
// pristine/ (the protected files), touched/ (what agents made of them) and
// report.md. The worktree is <state>/trees/<run>.
//
// Sub-packages: goal (the contract), verify (the kinds of verifiers), agent (the
// programs), journal, tree (git), proc (processes) and picture.
package loop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lode/loop/agent"
	"lode/loop/goal"
	"lode/loop/journal"
	"lode/loop/tree"
	"lode/loop/verify"
	"lode/session"
)

// Verifiers are the kinds of checks that a contract can hold.
var Verifiers = verify.Kinds

// Agents are the programs that a contract can name; it can also hold a command
// line of its own.
var Agents = agent.Agents

// Options are what a run is given from outside.
type Options struct {
	State string // the state folder
	Now   func() time.Time
	// Learn returns what past sessions taught about a project; may be nil.
	Learn func(context.Context, Need) (Learned, error)
	// Transcripts returns the names of the sessions that worked in a folder
	// since some time, and what they used; may be nil.
	Transcripts func(ctx context.Context, dir string, since time.Time) ([]string, session.Usage)
	// Say tells a person how it goes; may be nil.
	Say func(format string, args ...any)
	// Ask asks a person; nil when nobody is there.
	Ask func(question string) (yes bool)
	// Backoff is the first wait after a service did not answer; it doubles.
	Backoff time.Duration
	// Purse is a budget that several runs share; may be nil.
	Purse *Purse
	// Grant is added to the budget of a run that is gone on with; may be nil.
	Grant *journal.Grant
}

// Need says which learnings an iteration is to be given.
type Need struct {
	Run     string
	Agent   string // who reads it; "" for a command line
	Repo    string // the checkout
	Dir     string // the worktree that it is read in
	Goal    string // what it is about
	Tokens  int
	Without []string // ids
	HoldOut float64  // the chance with which each is withheld, to see what it does
	Seed    string   // chooses which
}

// Learned is what was handed out.
type Learned struct {
	Text     string
	IDs      []string
	Withheld []string
}

// Status is how a run stands or ended.
type Status string

// The statuses. Only the first is an end that the verifiers have seen.
const (
	Done        Status = "done"
	Budget      Status = "budget"      // spent
	Blocked     Status = "blocked"     // the agent said so, three times for the same reason
	Impossible  Status = "impossible"  // two agents said so
	Waiting     Status = "waiting"     // for a time that lies beyond the budget
	NoProgress  Status = "no progress" // or back and forth, or ever the same verdict
	Drift       Status = "drift"       // away from the contract
	Tampered    Status = "tampered"    // with what the verdict rests on, again and again
	Approve     Status = "approval"    // a person has to answer
	Unavailable Status = "unavailable" // the agent cannot be started, or its service does not answer
	Lost        Status = "lost"        // the repository is gone
	PausedNow   Status = "paused"
	StoppedNow  Status = "stopped"    // by a person
	Running     Status = "running"    // somebody works on it
	Broken      Status = "broken off" // nobody does, and it has not ended
)

// Final reports whether a run with this status has nothing left to do.
func (s Status) Final() bool { return s == Done || s == Lost }

// Run is a run that this process owns.
type Run struct {
	Options
	Name    string
	Dir     string // its folder
	Goal    *goal.Goal
	doc     []byte // the contract, as written
	shown   []byte // as the agent sees it
	agent   agent.Command
	journal *journal.Journal
	start   *journal.Entry
	tree    *tree.Tree
	base    string // tree of the base commit
	kept    *keeper
	opened  time.Time
	before  float64 // seconds spent before it was opened
	taken   int     // the iteration whose files are in the worktree as its agent left them
	restore bool    // the worktree may hold something else than the journal says
}

// RunsDir is where the runs lie in a state folder.
func RunsDir(state string) string { return filepath.Join(state, "runs") }

// TreesDir is where the worktrees of runs lie.
func TreesDir(state string) string { return filepath.Join(state, "trees") }

func (r *Run) file(name ...string) string {
	return filepath.Join(append([]string{r.Dir}, name...)...)
}

// tag marks the processes of the run.
func (r *Run) tag() string { return tagOf(r.Dir) }

func tagOf(dir string) string { return "LODE_RUN=" + filepath.Base(dir) + "-" + short(dir) }

func (r *Run) say(format string, args ...any) {
	if r.Say != nil {
		r.Say("%s: %s", r.Name, fmt.Sprintf(format, args...))
	}
}

// ErrNoRun says that there is no run of some name.
var ErrNoRun = errors.New("no such run (hint: lode run list)")

// ErrBusy says that another process works on a run.
var ErrBusy = errors.New("another lode is working on this run")

// Open takes a run of a state folder for working on it.
func Open(o Options, name string) (*Run, error) {
	r := &Run{Options: o, Name: name, Dir: filepath.Join(RunsDir(o.State), name), opened: time.Now(), restore: true}
	if !filepath.IsLocal(name) || filepath.Base(name) != name {
		return nil, fmt.Errorf("%s: %w", name, ErrNoRun)
	}
	if _, err := os.Stat(r.file("journal.jsonl")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", name, ErrNoRun)
	}
	var err error
	if r.kept, err = own(r.Dir); err != nil {
		return nil, err
	}
	if err := r.load(); err != nil {
		r.kept.release()
		return nil, err
	}
	return r, nil
}

// load reads what the run knows from its folder.
func (r *Run) load() error {
	j, err := journal.Open(r.file("journal.jsonl"))
	if err != nil {
		return err
	}
	if err := j.Mend(); err != nil {
		return err
	}
	start, ok := j.Last(journal.Start)
	if !ok {
		return fmt.Errorf("%s: %w", r.Name, ErrNoRun)
	}
	r.journal, r.start = j, start
	g, doc, err := goal.Load(r.file("goal.md"))
	if err != nil {
		return err
	}
	if goal.Hash(doc) != start.Goal {
		return fmt.Errorf("%s is not the contract that run %s began with (hint: put it back, or begin a new run with lode run)", r.file("goal.md"), r.Name)
	}
	r.Goal, r.doc, r.agent = g, doc, agent.Parse(g.Agent)
	if r.shown, err = g.Shown(doc); err != nil {
		return err
	}
	r.shown = []byte(verify.Safe(string(r.shown)))
	r.before, _, _ = j.Spent()
	r.tree = &tree.Tree{Repo: start.Repo, Dir: start.Dir, Branch: start.Branch, Refs: "refs/lode/" + r.Name + "/", Tag: r.tag()}
	return nil
}

// Close gives the run back.
func (r *Run) Close() { r.kept.release() }

// Work goes on with the run until it stops.
func (r *Run) Work(ctx context.Context) (Outcome, error) {
	stop := r.kept.beat(r.Now)
	defer stop()
	if o, ended := r.ended(); ended {
		return o, nil
	}
	if err := r.prepare(ctx); err != nil {
		return r.lost(err)
	}
	if err := r.answered(ctx); err != nil {
		return r.lost(err)
	}
	for {
		status, reason := r.reasonToStop()
		if status == "" {
			err := r.iterate(ctx)
			var halt *haltError
			switch {
			case err == nil:
				continue
			case errors.As(err, &halt):
				status, reason = halt.status, halt.reason
			default:
				return r.lost(err)
			}
		}
		return r.stop(ctx, status, reason)
	}
}

// ended returns the outcome of a run that has nothing left to do.
func (r *Run) ended() (Outcome, bool) {
	e := r.journal.Entries[len(r.journal.Entries)-1]
	if e.Event == journal.Stopped && Status(e.Status).Final() {
		return r.outcome(Status(e.Status), e.Reason), true
	}
	return Outcome{}, false
}

// haltError ends a run in the middle of an iteration.
type haltError struct {
	status Status
	reason string
}

func (e *haltError) Error() string { return string(e.status) + ": " + e.reason }

func halt(status Status, format string, args ...any) error {
	return &haltError{status, fmt.Sprintf(format, args...)}
}

// lost tells a repository that has gone from other failures: those end the
// process, and the run can be gone on with.
func (r *Run) lost(err error) (Outcome, error) {
	var halt *haltError
	if errors.Is(err, tree.ErrLost) {
		return r.stop(context.Background(), Lost, err.Error())
	}
	if errors.As(err, &halt) {
		return r.stop(context.Background(), halt.status, halt.reason)
	}
	return r.outcome(Broken, err.Error()), err
}

// prepare makes everything ready for the next iteration, after a start as after
// a kill.
func (r *Run) prepare(ctx context.Context) error {
	r.sweep()
	if err := r.tree.Ensure(ctx, r.start.Base); err != nil {
		return err
	}
	if _, err := r.tree.Mend(ctx); err != nil {
		return err
	}
	var err error
	if r.base, err = r.tree.TreeOf(ctx, r.start.Base); err != nil {
		return fmt.Errorf("%w: the commit %s", tree.ErrLost, r.start.Base)
	}
	os.Remove(r.file("request")) // whoever goes on with a run takes back what stopped it
	if e := r.journal.Entries[len(r.journal.Entries)-1]; e.Event == journal.Stopped || r.Grant != nil {
		if err := r.note(journal.Entry{Event: journal.Resumed, Grant: r.Grant}); err != nil {
			return err
		}
	}
	if err := r.mendVerdicts(); err != nil {
		return err
	}
	if err := r.hide(ctx); err != nil {
		return err
	}
	return r.baseline(ctx)
}

// note appends to the journal.
func (r *Run) note(e journal.Entry) error {
	e.Time = r.Now()
	return r.journal.Append(e)
}

// iteration returns the number of the iteration that is under way or comes
// next.
func (r *Run) iteration() int {
	if e, ok := r.journal.Last(journal.Ended); ok {
		return e.N + 1
	}
	return 1
}

// standing returns the commit and the tree of the last checkpoint.
func (r *Run) standing(ctx context.Context) (commit, tr string, err error) {
	n := r.iteration() - 1
	if n == 0 {
		return r.start.Base, r.base, nil
	}
	e, _ := r.journal.Of(n, journal.Ended)
	commit, err = tree.Commit(ctx, r.tree.Dir, r.tree.Refs+stepName(n))
	if err != nil {
		return "", "", fmt.Errorf("%w: checkpoint %d", tree.ErrLost, n)
	}
	return commit, e.Tree, nil
}

func stepName(n int) string { return fmt.Sprintf("%02d", n) }

// stop ends the run for now, or for good.
func (r *Run) stop(_ context.Context, status Status, reason string) (Outcome, error) {
	r.sweep()
	if err := r.note(journal.Entry{Event: journal.Stopped, N: r.iteration() - 1, Status: string(status), Reason: reason}); err != nil {
		return r.outcome(Broken, err.Error()), err
	}
	o := r.outcome(status, reason)
	os.Remove(r.file("request"))
	return o, r.report(o)
}

// Outcome is how a run stands, as lode run prints it.
type Outcome struct {
	V          int            `json:"v"`
	Run        string         `json:"run"`
	Goal       string         `json:"goal"`
	Status     Status         `json:"status"`
	Reason     string         `json:"reason"`
	Iterations int            `json:"iterations"` // finished
	Items      []journal.Mark `json:"items"`      // the last verdict on each check and criterion
	Seconds    float64        `json:"seconds"`
	Tokens     int            `json:"tokens"`
	Cost       float64        `json:"cost"`
	Branch     string         `json:"branch"`
	Worktree   string         `json:"worktree"`
	Best       int            `json:"best"` // the iteration with most items proven; 0 is the start
	Folder     string         `json:"folder"`
	Report     string         `json:"report"`
	Tampered   []string       `json:"tampered"`
	Flaky      []string       `json:"flaky"`
	Merge      string         `json:"merge"` // the command that takes the work over
}

func (r *Run) outcome(status Status, reason string) Outcome {
	return outcomeOf(r.Name, r.Dir, r.journal, status, reason)
}

func outcomeOf(name, dir string, j *journal.Journal, status Status, reason string) Outcome {
	start, _ := j.Last(journal.Start)
	o := Outcome{V: 1, Run: name, Goal: start.Title, Status: status, Reason: reason, Branch: start.Branch, Worktree: start.Dir, Folder: dir,
		Report: filepath.Join(dir, "report.md"), Merge: "git merge " + start.Branch, Items: []journal.Mark{}, Tampered: []string{}, Flaky: []string{}}
	o.Seconds, o.Tokens, o.Cost = j.Spent()
	tampered, flaky := map[string]bool{}, map[string]bool{}
	for i := range j.Entries {
		e := &j.Entries[i]
		switch e.Event {
		case journal.Ended:
			if o.Iterations = e.N; e.Best {
				o.Best = e.N
			}
		case journal.Baseline, journal.Check:
			o.Items = append([]journal.Mark{}, e.Marks...)
		}
		for _, f := range e.Touched {
			if !tampered[f] {
				tampered[f] = true
				o.Tampered = append(o.Tampered, f)
			}
		}
		for _, m := range e.Marks {
			if m.Flaky && !flaky[m.ID] {
				flaky[m.ID] = true
				o.Flaky = append(o.Flaky, m.ID)
			}
		}
	}
	return o
}
