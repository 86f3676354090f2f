package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lode/ingest"
	"lode/loop"
	"lode/loop/goal"
	"lode/loop/journal"
	"lode/session"
)

type runOptions struct {
	yes      bool
	from     string
	parallel int
	backoff  time.Duration
	tokens   int
	cost     float64
	wall     time.Duration
}

func (o *runOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "start without asking")
	f.StringVar(&o.from, "from", "", "the revision to start from, whatever is not committed (default the last commit, and nothing uncommitted)")
	o.addShared(cmd)
}

// backoff is how long a run waits at first when a service does not answer.
const backoff = 30 * time.Second

// addShared adds what starting and going on have in common.
func (o *runOptions) addShared(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.parallel, "parallel", 1, "how many runs work at a time")
	f.DurationVar(&o.backoff, "backoff", backoff, "how long to wait when the agent's service does not answer; doubles each time")
	f.IntVar(&o.tokens, "share-tokens", 0, "tokens that all these runs may use together")
	f.Float64Var(&o.cost, "share-cost", 0, "dollars that all these runs may cost together")
	f.DurationVar(&o.wall, "share-wall", 0, "time after which none of these runs begins another iteration")
}

func newRunCommand(g *globals) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run GOAL.md...",
		Short: "Run agents towards a goal until its checks say that it is reached",
		Long: `run has an agent work towards a goal, iteration by iteration, each in a fresh
session with a brief: the contract, where it stands, what fails and how, and
what past sessions taught. After each, lode runs the checks of the contract
itself. It ends when they hold, when the budget is spent, or when it makes no
sense to go on, and says which.

A run works in a git worktree and on a branch of its own; your checkout is not
touched. The last line names the branch and how to merge it. A run that was
killed goes on with lode run resume. Several goals run one after another, or
--parallel at a time. See lode goal --help for how to write one.

Exit code 0: done, as the checks saw it. 3: not done, with the reason. 4: another
lode works on the run.`,
		Example: `  lode run fix-tests.md
  lode run fix-tests.md --yes --json      # for cron
  lode run a.md b.md c.md --parallel 2 --share-cost 20 --yes
  lode run list
  lode run say fix-tests "the database is called shop_test"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runStart(cmd.Context(), g, o, args) },
	}
	o.AddFlags(cmd)
	cmd.AddCommand(newRunListCommand(g), newRunShowCommand(g), newRunResumeCommand(g), newRunPauseCommand(g), newRunStopCommand(g), newRunSayCommand(g), newRunApproveCommand(g), newRunCleanCommand(g))
	return cmd
}

// loopOptions is what a run is handed from the rest of lode.
func (w *world) loopOptions(o *runOptions) (loop.Options, error) {
	if o.backoff <= 0 {
		return loop.Options{}, usagef("--backoff is %s, it must be more than zero", o.backoff)
	}
	if err := w.checkState(); err != nil {
		return loop.Options{}, err
	}
	if err := os.MkdirAll(w.stateDir, 0o700); err != nil {
		return loop.Options{}, stateError(w.stateDir, err)
	}
	if err := w.stamp(); err != nil {
		return loop.Options{}, stateError(w.stateDir, err)
	}
	opened := time.Now()
	opts := loop.Options{
		State: w.stateDir, Backoff: o.backoff,
		Now:   func() time.Time { return w.clock.Add(time.Since(opened)) },
		Learn: w.learned, Transcripts: w.transcripts,
		Say: func(format string, args ...any) { w.note("%s", session.Clean(fmt.Sprintf(format, args...))) },
	}
	if in, ok := w.stdin.(*os.File); ok && isTerminal(in) && !w.json && !o.yes {
		opts.Ask = func(question string) bool { return w.confirm(question) }
	}
	if o.tokens > 0 || o.cost > 0 || o.wall > 0 {
		opts.Purse = &loop.Purse{Tokens: o.tokens, Cost: o.cost, Wall: o.wall, Started: opened}
	}
	return opts, nil
}

// confirm asks a question at the terminal.
func (w *world) confirm(question string) bool {
	fmt.Fprintf(w.stderr, "%s [y/N] ", session.Clean(question))
	line, _ := bufio.NewReader(w.stdin).ReadString('\n')
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
}

func runStart(ctx context.Context, g *globals, o runOptions, files []string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := w.agree(file, o.yes); err != nil {
			return err
		}
	}
	opts, err := w.loopOptions(&o)
	if err != nil {
		return err
	}
	var open []func() (*loop.Run, error)
	for _, file := range files {
		open = append(open, func() (*loop.Run, error) {
			r, err := loop.Start(ctx, opts, file, o.from)
			if err == nil {
				w.note("run %s: in %s, on branch lode/%[1]s", r.Name, loop.TreesDir(w.stateDir)+string(filepath.Separator)+r.Name)
			}
			return r, err
		})
	}
	return w.work(ctx, o.parallel, open)
}

// agree shows what is going to be run, and asks.
func (w *world) agree(file string, yes bool) error {
	g, _, err := goal.Load(file)
	if err != nil {
		return usageError{err}
	}
	if yes {
		return nil
	}
	in, ok := w.stdin.(*os.File)
	if !ok || !isTerminal(in) {
		return usagef("%s would be run without anybody to ask (hint: --yes starts it)", file)
	}
	fmt.Fprintf(w.stderr, "%s\n  agent: %s\n", session.Clean(g.Goal), session.Clean(g.Agent))
	for _, c := range g.All() {
		fmt.Fprintf(w.stderr, "  check %s: %s\n", session.Clean(c.ID), session.Clean(c.Run))
	}
	if !w.confirm("start?") {
		return usagef("not started")
	}
	return nil
}

// work has runs work, and prints what came of them.
func (w *world) work(ctx context.Context, parallel int, open []func() (*loop.Run, error)) error {
	outcomes, err := loop.All(ctx, parallel, open)
	outcomes = slices.DeleteFunc(outcomes, func(o loop.Outcome) bool { return o.Run == "" })
	if printed := w.printOutcomes(outcomes, len(open) > 1); printed != nil {
		return printed
	}
	switch {
	case errors.Is(err, loop.ErrBusy):
		return busyError{err}
	case errors.Is(err, context.Canceled) && len(outcomes) > 0:
		return errFound
	case err != nil:
		return err
	}
	if slices.ContainsFunc(outcomes, func(o loop.Outcome) bool { return o.Status != loop.Done }) {
		return errFound
	}
	return nil
}

func (w *world) printOutcomes(outcomes []loop.Outcome, many bool) error {
	switch {
	case w.json && many:
		return printJSON(w.stdout, struct {
			V    int            `json:"v"`
			Runs []loop.Outcome `json:"runs"`
		}{1, outcomes})
	case w.json && len(outcomes) == 1:
		return printJSON(w.stdout, outcomes[0])
	}
	for _, o := range outcomes {
		reason := o.Reason
		if o.Status == loop.Broken {
			reason = "it was broken off (hint: lode run resume " + o.Run + ")"
		}
		fmt.Fprintf(w.stdout, "%s: %s: %s (%s, %s)\n", o.Run, o.Status, session.Clean(reason), count(o.Iterations, "iteration"), time.Duration(o.Seconds*float64(time.Second)).Round(100*time.Millisecond))
		if _, err := os.Stat(o.Report); err == nil {
			fmt.Fprintf(w.stdout, "report: %s\n", o.Report)
		}
		if o.Best > 0 && o.Best != o.Iterations {
			fmt.Fprintf(w.stdout, "best state: iteration %d: git merge refs/lode/%s/best\n", o.Best, o.Run)
		}
		fmt.Fprintf(w.stdout, "branch %s: %s\n", o.Branch, o.Merge)
	}
	return nil
}

// busyError ends a command with exit code 4.
type busyError struct{ error }

func (busyError) Is(target error) bool { return target == errBusy }

// learned returns what was learned about the project of a checkout, and logs
// what was handed out to which run.
func (w *world) learned(ctx context.Context, need loop.Need) (loop.Learned, error) {
	o := briefOptions{goal: need.Goal, budget: need.Tokens, without: need.Without, agent: need.Agent, to: need.Run, holdOut: need.HoldOut, seed: need.Seed}
	brief, _, project, damaged := w.brief(ctx, o, need.Repo)
	switch {
	case damaged != nil && project == "":
		return loop.Learned{}, damaged
	case damaged != nil:
		w.note("%v", damaged)
	}
	return loop.Learned{Text: brief.Text, IDs: brief.Given, Withheld: brief.Held}, w.logBrief(&o, need.Dir, project, &brief)
}

// largestTranscript bounds what is read to learn what an iteration cost.
const largestTranscript = 200 << 20

// transcripts returns the names of the sessions that agents had in a folder
// since some time, and what they used. It reads the files that changed since
// into a state of its own, which is thrown away: lode ingest reads them anew.
func (w *world) transcripts(ctx context.Context, dir string, since time.Time) (names []string, used session.Usage) {
	where := w.where(nil)
	where.Roots = nil
	found, _ := ingest.Discover(where)
	var files []string
	for _, c := range found {
		if c.Err == nil && c.Size <= largestTranscript && c.MTime >= since.Add(-2*time.Second).UnixNano() {
			files = append(files, c.File)
		}
	}
	if len(files) == 0 {
		return nil, used
	}
	state, err := os.MkdirTemp("", "lode-usage-")
	if err != nil {
		return nil, used
	}
	defer os.RemoveAll(state)
	_, err = ingest.Run(ctx, ingest.Options{Where: ingest.Where{Home: filepath.Join(state, "home"), Paths: files}, State: state, Store: session.NewStore(filepath.Join(state, "sessions"))})
	if err != nil {
		w.note("reading the agent's transcripts: %v", err)
		return nil, used
	}
	cat, err := ingest.LoadCatalog(state)
	if err != nil {
		return nil, used
	}
	real, _ := filepath.EvalSymlinks(dir)
	for _, info := range cat.Infos() {
		if info.Cwd != dir && info.Cwd != real || info.End.Before(since.Add(-2*time.Second)) && !info.End.IsZero() {
			continue
		}
		names = append(names, info.Name())
		used.Input += info.Usage.Input
		used.Output += info.Usage.Output
		used.CacheRead += info.Usage.CacheRead
		used.CacheWrite += info.Usage.CacheWrite
		used.Cost += info.Usage.Cost
	}
	slices.Sort(names)
	return names, used
}

func newRunResumeCommand(g *globals) *cobra.Command {
	var o runOptions
	var grant journal.Grant
	var wall time.Duration
	var all bool
	cmd := &cobra.Command{
		Use:   "resume [RUN...]",
		Short: "Go on with runs that were killed, paused or stopped",
		Long: `resume goes on with runs. Finished iterations are not repeated; one that was
broken off begins anew. A run whose budget is spent needs more of it: the --add
flags give it.`,
		Example: "  lode run resume fix-tests\n  lode run resume fix-tests --add-iterations 5\n  lode run resume --all --parallel 2",
		RunE: func(cmd *cobra.Command, args []string) error {
			grant.Seconds = wall.Seconds()
			return runResume(cmd.Context(), g, o, grant, args, all)
		},
	}
	o.addShared(cmd)
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "ask nothing")
	f.BoolVar(&all, "all", false, "every run that was broken off")
	f.IntVar(&grant.Iterations, "add-iterations", 0, "iterations to add to the budget")
	f.DurationVar(&wall, "add-wall", 0, "time to add to the budget")
	f.IntVar(&grant.Tokens, "add-tokens", 0, "tokens to add to the budget")
	f.Float64Var(&grant.Cost, "add-cost", 0, "dollars to add to the budget")
	return cmd
}

func runResume(ctx context.Context, g *globals, o runOptions, grant journal.Grant, names []string, all bool) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if grant.Iterations < 0 || grant.Seconds < 0 || grant.Tokens < 0 || grant.Cost < 0 {
		return usagef("a budget can only be added to")
	}
	if all {
		list, err := loop.List(w.stateDir)
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Status == loop.Broken {
				names = append(names, s.Run)
			}
		}
		if len(names) == 0 {
			return nil
		}
	}
	if len(names) == 0 {
		return usagef("which run? (hint: lode run list, or --all for those that were broken off)")
	}
	opts, err := w.loopOptions(&o)
	if err != nil {
		return err
	}
	if grant != (journal.Grant{}) {
		opts.Grant = &grant
	}
	var open []func() (*loop.Run, error)
	for _, name := range names {
		open = append(open, func() (*loop.Run, error) { return loop.Open(opts, name) })
	}
	return w.work(ctx, o.parallel, open)
}

func newRunListCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the runs and how they stand", Example: "  lode run list\n  lode run list --json", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			w, err := g.world()
			if err != nil {
				return err
			}
			all, err := loop.List(w.stateDir)
			if err != nil {
				return err
			}
			if w.json {
				if all == nil {
					all = []loop.Standing{}
				}
				return printJSON(w.stdout, struct {
					V    int             `json:"v"`
					Runs []loop.Standing `json:"runs"`
				}{1, all})
			}
			for _, s := range all {
				fmt.Fprintf(w.stdout, "%s  %s  %s  %s: %s\n", s.Started.Format("2006-01-02"), s.Run, s.Status, count(s.Iterations, "iteration"), session.Quote(s.Goal, 80))
			}
			if len(all) == 0 {
				fmt.Fprintln(w.stdout, "no runs yet (hint: lode goal new, then lode run GOAL.md)")
			}
			return nil
		},
	}
}

func newRunShowCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: "Show how a run stands", Example: "  lode run show fix-tests", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := g.world()
			if err != nil {
				return err
			}
			s, err := loop.Show(w.stateDir, args[0])
			if err != nil {
				return usageError{err}
			}
			if w.json {
				return printJSON(w.stdout, s)
			}
			printStanding(w.stdout, s)
			return nil
		},
	}
}

func printStanding(out io.Writer, s *loop.Standing) {
	fmt.Fprintf(out, "%s: %s\n%s", s.Run, session.Clean(s.Goal), s.Status)
	if s.Reason != "" {
		fmt.Fprintf(out, ": %s", session.Clean(s.Reason))
	}
	if s.Owner != nil {
		fmt.Fprintf(out, ": process %d on %s, heartbeat %s", s.Owner.PID, s.Owner.Host, s.Owner.Heartbeat.Format(time.RFC3339))
	}
	fmt.Fprintf(out, "\n%s, %d tokens, $%.2f\n", count(s.Iterations, "iteration"), s.Tokens, s.Cost)
	for _, m := range s.Items {
		fmt.Fprintf(out, "  %-12s %s\n", m.Status, m.ID)
	}
	fmt.Fprintf(out, "folder: %s\nworktree: %s\nbranch %s: %s\n", s.Folder, s.Worktree, s.Branch, s.Merge)
}

// newRunVerb is a command that asks something of a run.
func newRunVerb(g *globals, use, short, example string, args cobra.PositionalArgs, do func(w *world, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: args,
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := g.world()
			if err != nil {
				return err
			}
			err = do(w, args)
			switch {
			case errors.Is(err, loop.ErrNoRun):
				return usageError{err}
			case errors.Is(err, loop.ErrBusy):
				return busyError{err}
			}
			return err
		},
	}
}

func newRunPauseCommand(g *globals) *cobra.Command {
	return newRunVerb(g, "pause RUN", "Have a run end after its iteration", "  lode run pause fix-tests", cobra.ExactArgs(1), func(w *world, args []string) error {
		working, err := loop.Pause(w.stateDir, args[0])
		if err == nil && working {
			w.note("%s ends after its iteration (hint: lode run resume %[1]s goes on)", args[0])
		} else if err == nil {
			w.note("nobody works on %s", args[0])
		}
		return err
	})
}

func newRunStopCommand(g *globals) *cobra.Command {
	return newRunVerb(g, "stop RUN", "End a run at once", "  lode run stop fix-tests", cobra.ExactArgs(1), func(w *world, args []string) error {
		working, err := loop.Stop(w.stateDir, args[0])
		if err == nil && working {
			w.note("%s ends now; its checkpoints stay (hint: lode run resume %[1]s goes on)", args[0])
		} else if err == nil {
			w.note("nobody works on %s", args[0])
		}
		return err
	})
}

func newRunCleanCommand(g *globals) *cobra.Command {
	return newRunVerb(g, "clean RUN...", "Take the worktrees of runs away; their branches and reports stay", "  lode run clean fix-tests", cobra.MinimumNArgs(1), func(w *world, args []string) error {
		for _, name := range args {
			if err := loop.Clean(context.Background(), w.stateDir, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func newRunSayCommand(g *globals) *cobra.Command {
	return newRunVerb(g, "say RUN TEXT", "Tell a run something for its next iteration", `  lode run say fix-tests "do not touch the parser"`, cobra.MinimumNArgs(2), func(w *world, args []string) error {
		return loop.Tell(w.stateDir, args[0], strings.Join(args[1:], " "), w.clock)
	})
}

func newRunApproveCommand(g *globals) *cobra.Command {
	var no bool
	var why string
	cmd := newRunVerb(g, "approve RUN CHECK", "Answer a check that asks a person", "  lode run approve redesign look\n  lode run approve redesign look --no --reason 'the menu covers the title'", cobra.ExactArgs(2),
		func(w *world, args []string) error {
			return w.approve(args[0], args[1], !no, why)
		})
	cmd.Flags().BoolVar(&no, "no", false, "say no")
	cmd.Flags().StringVar(&why, "reason", "", "why; the next iteration reads it")
	return cmd
}

// approve answers a check of a run, and tells the next iteration why.
func (w *world) approve(run, check string, yes bool, why string) error {
	if err := loop.Approves(w.stateDir, run, check, yes, why, w.clock); err != nil || why == "" {
		return err
	}
	return loop.Tell(w.stateDir, run, why, w.clock)
}
