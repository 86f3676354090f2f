package loop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lode/loop/agent"
	"lode/loop/journal"
	"lode/loop/proc"
	"lode/loop/tree"
	"lode/loop/verify"
	"lode/session"
	"lode/session/lazyregexp"
)

// iterate carries out the iteration that is under way, from the step that the
// journal does not know yet.
func (r *Run) iterate(ctx context.Context) error {
	n := r.iteration()
	for _, step := range []struct {
		event journal.Event
		do    func(context.Context, int) error
	}{{journal.Begin, r.begin}, {journal.Agent, r.execute}, {journal.Check, r.check}, {journal.Ended, r.finish}} {
		if _, done := r.journal.Of(n, step.event); done {
			continue
		}
		if err := step.do(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// begin decides what the brief will hold.
func (r *Run) begin(ctx context.Context, n int) error {
	if err := r.sleepUntil(ctx, n); err != nil {
		return err
	}
	if err := r.hear(); err != nil {
		return err
	}
	learned, err := r.learn(ctx, n)
	if err != nil {
		return err
	}
	return r.note(journal.Entry{Event: journal.Begin, N: n, Note: strings.Join(r.notes(), " "), Learned: learned.IDs, Withheld: learned.Withheld})
}

// sleepUntil waits for the time that the last agent asked to wait for.
func (r *Run) sleepUntil(ctx context.Context, n int) error {
	e, ok := r.journal.Of(n-1, journal.Agent)
	if !ok || e.Claim != "wait" || !e.Until.After(r.Now()) {
		return nil
	}
	r.say("waiting until %s: %s", e.Until.Format(time.RFC3339), e.Reason)
	return r.sleep(ctx, e.Until.Sub(r.Now()))
}

// sleep waits, unless a person wants something else.
func (r *Run) sleep(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(200*time.Millisecond, time.Until(end))):
		}
		if status, reason := r.asked(); status != "" {
			return halt(status, "%s while it waited", reason)
		}
	}
	return nil
}

// iterationTime is how long an agent may work in an iteration, unless the
// contract says so.
const iterationTime = time.Hour

// execute has the agent work, and keeps what it made of the files.
func (r *Run) execute(ctx context.Context, n int) error {
	commit, from, err := r.standing(ctx)
	if err != nil {
		return err
	}
	if r.restore {
		if err := errors.Join(r.tree.Back(ctx, commit), r.tree.Restore(ctx, from), r.hide(ctx)); err != nil {
			return err
		}
	} else if err := r.tree.Clean(ctx); err != nil { // of empty folders: an iteration begins with the same files, killed before or not
		return err
	}
	r.restore = true // until what comes of it is in the journal
	prompt, err := r.brief(ctx, n, from)
	if err != nil {
		return err
	}
	if err := r.handOver(n, prompt); err != nil {
		return err
	}
	began := r.Now()
	ended, said, err := r.work(ctx, n, prompt, from)
	if err != nil {
		return err
	}
	e := journal.Entry{Event: journal.Agent, N: n, Exit: ended.Exit, Why: string(ended.Why), Took: ended.Took.Seconds(), Silent: ended.Bytes == 0}
	if err := r.take(ctx, n, from, &e, said); err != nil {
		return err
	}
	r.account(ctx, &e, said, began)
	r.taken = n
	return r.note(e)
}

// handOver writes what the agent finds in the worktree: its prompt, and what
// the one before it left.
func (r *Run) handOver(n int, prompt string) error {
	dir := filepath.Join(r.tree.Dir, tree.Private)
	if err := os.RemoveAll(dir); err != nil { // an agent may have made it a file
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	before, _ := os.ReadFile(r.file(stepName(n-1) + ".state.md"))
	for name, text := range map[string]string{".gitignore": "*\n", "prompt.md": prompt, "state.md": claims.ReplaceAllString(string(before), "")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(r.file(stepName(n)+".prompt.md"), []byte(prompt), 0o600)
}

// claims are the lines of a hand-over that hold for one iteration only.
var claims = lazyregexp.New(`(?im)^[\s>*_#-]*status:.*\n?`)

// work runs the agent until it has done its work, and not merely found its
// service closed.
func (r *Run) work(ctx context.Context, n int, prompt, from string) (proc.Ended, agent.Said, error) {
	resume := ""
	for {
		ended, said, err := r.runAgent(ctx, n, prompt, resume)
		if err != nil {
			return ended, said, err
		}
		if ctx.Err() != nil {
			return ended, said, ctx.Err()
		}
		if r.request() == "stop" && ended.Why == proc.Stopped {
			return ended, said, halt(StoppedNow, "a person stopped it")
		}
		trouble, is := agent.TroubleOf(ended.Exit, said, ended.Out)
		if !is || ended.Why != "" {
			return ended, said, nil
		}
		if err := r.backOff(ctx, n, trouble); err != nil {
			return ended, said, err
		}
		now, _, err := r.snapshot(ctx)
		if err != nil {
			return ended, said, err
		}
		if resume = ""; now != from && r.agent.Agent != nil && r.agent.Agent.Resume != nil { // work was begun
			resume = said.Session
		}
	}
}

// goOn is what an agent is told whose session is gone on with.
const goOn = session.LoopMark + "\n\nThe model's service did not answer for a while. Go on where you stopped, by the brief that you were given.\n"

// runAgent starts the agent once and waits for its end.
func (r *Run) runAgent(ctx context.Context, n int, prompt, resume string) (proc.Ended, agent.Said, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := r.watch(cancel)
	defer stop()
	if resume != "" {
		prompt = goOn
	}
	var said agent.Said
	dir := filepath.Join(r.tree.Dir, tree.Private)
	c := proc.Command{Dir: r.tree.Dir, Stdin: prompt, Tag: r.tag(), Time: r.timeLeft(), Idle: r.Goal.Budget.Idle.Of(0), Tap: r.agent.Listen(&said),
		Alive: func() time.Time { return newest(r.tree.Dir) },
		Env:   []string{"LODE_PROMPT=" + filepath.Join(dir, "prompt.md"), "LODE_STATE=" + filepath.Join(dir, "state.md"), "LODE_USAGE=" + filepath.Join(dir, "usage.json"), fmt.Sprintf("LODE_ITERATION=%d", n)}}
	if c.Args = r.agent.Args(resume); c.Args == nil {
		c.Line = r.agent.Line
	}
	ended, err := proc.Run(ctx, c)
	if errors.Is(err, proc.ErrMissing) || err == nil && r.agent.Agent == nil && ended.Exit == 127 {
		return ended, said, halt(Unavailable, "the agent %s cannot be started: %s", r.agent.Name(), lastLine(ended.Out, err))
	}
	if err != nil {
		return ended, said, err
	}
	if said.Text == "" {
		said.Text = ended.Out[max(0, len(ended.Out)-4000):]
	}
	if _, err := r.log(n, "agent", ended.Out); err != nil {
		return ended, said, err
	}
	return ended, said, nil
}

func lastLine(out string, err error) string {
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return session.Quote(verify.Safe(lines[len(lines)-1]), 200)
}

// newest is when something in a folder was changed last: a sign of life of an
// agent that prints nothing.
func newest(dir string) (t time.Time) {
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if e.Name() == "node_modules" || e.Name() == ".git" {
			return fs.SkipDir
		}
		if info, err := e.Info(); err == nil && info.ModTime().After(t) {
			t = info.ModTime()
		}
		return nil
	})
	return t
}

// watch ends the agent when a person wants the run to stop.
func (r *Run) watch(cancel func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if r.request() == "stop" {
					cancel()
					return
				}
			}
		}
	}()
	return func() { close(done) }
}

// timeLeft is how long the agent may work: what its iteration has, and what is
// left of the run.
func (r *Run) timeLeft() time.Duration {
	limit := r.Goal.Budget.Iteration.Of(iterationTime)
	if wall := r.limits().wall; wall > 0 {
		limit = min(limit, max(wall-r.spentTime(), time.Second))
	}
	return limit
}

// take reads what the agent left: the files, and its words on how it stands.
func (r *Run) take(ctx context.Context, n int, from string, e *journal.Entry, said agent.Said) error {
	mended, err := r.tree.Mend(ctx)
	if err != nil {
		return err
	}
	snapshot, unmerged, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	e.Unmerged = unmerged
	if e.Tree, e.Touched, err = r.guard(ctx, n, snapshot); err != nil {
		return err
	}
	if slices.Contains(mended, ".git") {
		e.Touched = append(e.Touched, ".git")
	}
	changed, err := r.contract()
	if err != nil {
		return err
	}
	if changed {
		e.Touched = append(e.Touched, "goal.md")
	}
	state := r.handedOver()
	if strings.TrimSpace(state) == "" { // what the one before knew is not lost with it
		before, _ := os.ReadFile(r.file(stepName(n-1) + ".state.md"))
		state = claims.ReplaceAllString(string(before), "")
	}
	if err := os.WriteFile(r.file(stepName(n)+".state.md"), []byte(state), 0o600); err != nil {
		return err
	}
	claim, ok := agent.ClaimIn(state)
	if !ok {
		claim, _ = agent.ClaimIn(verify.Safe(said.Text))
	}
	e.Claim, e.Reason, e.Until = claim.Word, claim.Why, claim.Until
	words := strings.TrimSpace(verify.Safe(said.Text))
	if e.Asked = snapshot == from && strings.HasSuffix(words, "?"); e.Asked && e.Claim == "" {
		e.Claim, e.Reason = "blocked", session.Quote(words[strings.LastIndexByte(strings.TrimRight(words, "?"), '\n')+1:], 200)
	}
	return r.tree.Keep(ctx, "wip", e.Tree)
}

// stateBytes bounds what an agent hands over: about 4,000 tokens.
const stateBytes = 16 << 10

// handedOver is what the agent wrote for the next one.
func (r *Run) handedOver() string {
	text, err := os.ReadFile(filepath.Join(r.tree.Dir, tree.Private, "state.md"))
	if err != nil {
		return ""
	}
	if len(text) > stateBytes {
		text = append(text[:stateBytes:stateBytes], "\n[lode: the rest was left out]\n"...)
	}
	return verify.Safe(string(text))
}

// account notes what the iteration cost, and the sessions of its agent.
func (r *Run) account(ctx context.Context, e *journal.Entry, said agent.Said, since time.Time) {
	used := said.Usage
	if text, err := os.ReadFile(filepath.Join(r.tree.Dir, tree.Private, "usage.json")); err == nil && r.agent.Agent == nil {
		var told session.Usage
		if json.Unmarshal(text, &told) == nil && told.Input >= 0 && told.Output >= 0 && told.CacheRead >= 0 && told.CacheWrite >= 0 && told.Cost >= 0 {
			used = told
		}
	}
	if r.Transcripts != nil && r.agent.Agent != nil {
		names, recorded := r.Transcripts(ctx, r.tree.Dir, since)
		if e.Sessions = names; agent.Tokens(used) == 0 {
			used = recorded
		}
	}
	if agent.Tokens(used) > 0 || used.Cost > 0 {
		e.Usage = &used
	}
	r.Purse.spend(agent.Tokens(used), used.Cost)
}

// maxBackoffs is how often a service may fail to answer in one iteration; with
// the first wait of 30 s doubling up to 15 minutes, that is an hour.
const (
	maxBackoffs = 8
	longestWait = 15 * time.Minute
)

// backOff waits until a service may answer again.
func (r *Run) backOff(ctx context.Context, n int, t agent.Trouble) error {
	times := 0
	for i := range r.journal.Entries {
		if e := &r.journal.Entries[i]; e.Event == journal.Back && e.N == n {
			times++
		}
		if r.journal.Entries[i].Event == journal.Resumed {
			times = 0
		}
	}
	switch {
	case t.Hopeless:
		return halt(Unavailable, "the agent's service refuses: %s", t.Says)
	case times >= maxBackoffs:
		return halt(Unavailable, "the agent's service did not answer %d times: %s", times+1, t.Says)
	}
	wait := min(r.Backoff<<times, longestWait)
	if t.Wait > 0 {
		wait = t.Wait
	}
	if wall := r.limits().wall; wall > 0 && wait > wall-r.spentTime() {
		return halt(Waiting, "the agent's service wants to be left alone for %s, longer than the budget lasts: %s", wait.Round(time.Second), t.Says)
	}
	r.say("iteration %d: the service did not answer; trying again in %s: %s", n, wait.Round(time.Millisecond), t.Says)
	if err := r.note(journal.Entry{Event: journal.Back, N: n, Reason: t.Says, Took: wait.Seconds()}); err != nil {
		return err
	}
	return r.sleep(ctx, wait)
}

// check has the verifiers judge what the agent left.
func (r *Run) check(ctx context.Context, n int) error {
	e, _ := r.journal.Of(n, journal.Agent)
	now := e.Tree
	if r.taken != n { // a kill came between
		if err := errors.Join(r.tree.Restore(ctx, now), r.hide(ctx)); err != nil {
			return err
		}
	}
	all, err := r.judge(ctx, n, now)
	if err != nil {
		return err
	}
	if len(e.Unmerged) > 0 {
		v := verify.Verdict{Iteration: n, Check: "merge", Kind: "clean", Status: verify.Red, Tree: now, Says: "an unfinished merge left conflicts in " + strings.Join(e.Unmerged, ", ")}
		v.Print = verify.Fingerprint("merge", v.Says, "")
		all = append(all, v)
	}
	c := journal.Entry{Event: journal.Check, N: n, Tree: now, Outside: r.outside(ctx, now)}
	if len(r.Goal.Review) > 0 {
		answers, used, err := r.review(ctx, n, now, all, len(e.Touched) == 0)
		if err != nil {
			return err
		}
		if all = append(all, answers...); used != (session.Usage{}) {
			c.Usage = &used
			r.Purse.spend(agent.Tokens(used), used.Cost)
		}
	}
	if err := r.addVerdicts(all); err != nil {
		return err
	}
	c.Marks, c.Took = marks(all), seconds(all)
	c.Vector, c.Failing = vector(c.Marks, now)
	return r.note(c)
}

// outside lists what was changed beyond the scope that the contract names.
func (r *Run) outside(ctx context.Context, now string) (files []string) {
	var scope []string
	for _, c := range r.Goal.Checks {
		scope = append(scope, c.Scope...)
	}
	if len(scope) == 0 {
		return nil
	}
	changes, _ := r.tree.Diff(ctx, r.base, now)
	for _, c := range changes {
		if !verify.Matches(scope, c.Path) {
			files = append(files, c.Path)
		}
	}
	return files
}

// finish makes the checkpoint and writes down what the iteration came to.
func (r *Run) finish(ctx context.Context, n int) error {
	last, _, err := r.standing(ctx)
	if err != nil {
		return err
	}
	a, _ := r.journal.Of(n, journal.Agent)
	c, _ := r.journal.Of(n, journal.Check)
	message := fmt.Sprintf("%s\n\nIteration %d of lode's run %s: %s\n", session.Quote(r.Goal.Goal, 70), n, r.Name, tally(c.Marks))
	commit, err := r.tree.Checkpoint(ctx, stepName(n), a.Tree, last, message, a.Time)
	if err != nil {
		return err
	}
	best := len(a.Touched) == 0 && countGood(c.Marks) > r.bestSoFar()
	if best {
		if err := r.tree.Keep(ctx, "best", commit); err != nil {
			return err
		}
	}
	if err := errors.Join(r.writeNote(ctx, n), r.writeState(n), r.writeMetrics()); err != nil {
		return err
	}
	if err := r.note(journal.Entry{Event: journal.Ended, N: n, Tree: a.Tree, Best: best}); err != nil {
		return err
	}
	r.restore = false
	r.say("iteration %d: %s%s", n, tally(c.Marks), redOnes(c.Marks))
	return nil
}

func countGood(all []journal.Mark) (n int) {
	for _, m := range all {
		if good(m.Status) {
			n++
		}
	}
	return n
}

// bestSoFar is how many items the best iteration had.
func (r *Run) bestSoFar() int {
	most := 0
	if e, ok := r.journal.Last(journal.Baseline); ok {
		most = countGood(e.Marks)
	}
	for i := range r.journal.Entries {
		if e := &r.journal.Entries[i]; e.Event == journal.Ended && e.Best {
			if c, ok := r.journal.Of(e.N, journal.Check); ok {
				most = max(most, countGood(c.Marks))
			}
		}
	}
	return most
}

func tally(all []journal.Mark) string {
	return fmt.Sprintf("%d of %d items hold", countGood(all), len(all))
}

func redOnes(all []journal.Mark) string {
	var ids []string
	for _, m := range all {
		if !good(m.Status) {
			ids = append(ids, m.ID+" "+m.Status)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return " (" + strings.Join(ids, ", ") + ")"
}

// Program looks for the program of an agent, so that a run that cannot work
// does not begin.
func Program(c agent.Command) error {
	name := ""
	switch {
	case c.Agent != nil:
		name = c.Agent.Program
	case !strings.ContainsAny(c.Line, "|&;<>$`'\"()={}\n"):
		name = strings.Fields(c.Line + " x")[0]
	}
	if name == "" || name == "." || name == "exec" {
		return nil
	}
	if _, err := exec.LookPath(name); err != nil && !strings.Contains(name, "/") {
		return fmt.Errorf("the agent's program %s is not installed (hint: install it, or name a command line under agent:)", name)
	}
	return nil
}
