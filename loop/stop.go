package loop

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lode/loop/journal"
	"lode/loop/verify"
	"lode/session/lazyregexp"
)

// Purse is a budget that several runs share. A nil purse has no limit.
type Purse struct {
	Tokens  int     // 0 is no limit
	Cost    float64 // USD; 0 is no limit
	Wall    time.Duration
	Started time.Time

	mu     sync.Mutex
	tokens int
	cost   float64
}

func (p *Purse) spend(tokens int, cost float64) {
	if p != nil {
		p.mu.Lock()
		p.tokens, p.cost = p.tokens+tokens, p.cost+cost
		p.mu.Unlock()
	}
}

// empty says what of the shared budget is spent.
func (p *Purse) empty() string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.Tokens > 0 && p.tokens >= p.Tokens:
		return fmt.Sprintf("the %d tokens that the runs share are spent", p.Tokens)
	case p.Cost > 0 && p.cost >= p.Cost:
		return fmt.Sprintf("the $%.2f that the runs share are spent", p.Cost)
	case p.Wall > 0 && time.Since(p.Started) >= p.Wall:
		return fmt.Sprintf("the %s that the runs share are over", p.Wall)
	}
	return ""
}

// limits are the budget of a contract, with what a person added. Zero is no
// limit.
type limits struct {
	iterations, tokens int
	wall               time.Duration
	cost               float64
}

func (r *Run) limits() (l limits) {
	b := r.Goal.Budget
	if b.Iterations != nil {
		l.iterations = *b.Iterations
	}
	if b.Tokens != nil {
		l.tokens = *b.Tokens
	}
	if b.Cost != nil {
		l.cost = *b.Cost
	}
	l.wall = b.Wall.Of(0)
	for i := range r.journal.Entries {
		g := r.journal.Entries[i].Grant
		if g == nil {
			continue
		}
		if l.iterations > 0 {
			l.iterations += g.Iterations
		}
		if l.tokens > 0 {
			l.tokens += g.Tokens
		}
		if l.cost > 0 {
			l.cost += g.Cost
		}
		if l.wall > 0 {
			l.wall += time.Duration(g.Seconds * float64(time.Second))
		}
	}
	return l
}

// spentTime is how long the run was worked on. It is measured by a clock that
// does not jump, and leaves out what it slept or lay broken off.
func (r *Run) spentTime() time.Duration {
	return time.Duration(r.before*float64(time.Second)) + time.Since(r.opened)
}

// finished is an iteration that has ended, with what it came to.
type finished struct {
	n            int
	agent, check *journal.Entry
}

// finished lists the iterations that have ended since a person last let the run
// go on, and where it stood before them.
func (r *Run) finished() (all []finished, vector, failing string) {
	for i := range r.journal.Entries {
		e := &r.journal.Entries[i]
		switch e.Event {
		case journal.Baseline:
			vector, failing = e.Vector, e.Failing
		case journal.Resumed:
			if len(all) > 0 {
				c := all[len(all)-1].check
				all, vector, failing = nil, c.Vector, c.Failing
			}
		case journal.Ended:
			a, _ := r.journal.Of(e.N, journal.Agent)
			c, _ := r.journal.Of(e.N, journal.Check)
			all = append(all, finished{e.N, a, c})
		}
	}
	return all, vector, failing
}

// reasonToStop says why no further iteration is to begin, if there is a reason:
// first that it is done, then what a person wants, the budget, and sense.
func (r *Run) reasonToStop() (Status, string) {
	for _, ask := range []func() (Status, string){r.done, r.asked, r.spent, r.claimed, r.tampered, r.stuck, r.drifted} {
		if status, reason := ask(); status != "" {
			return status, reason
		}
	}
	return "", ""
}

// done looks at the last verdicts.
func (r *Run) done() (Status, string) {
	e, ok := r.journal.Last(journal.Ended)
	if !ok {
		if b, _ := r.journal.Last(journal.Baseline); allGood(b.Marks) && len(r.Goal.Review) == 0 {
			return Done, "every check held before any work; nothing was changed"
		}
		return "", ""
	}
	a, _ := r.journal.Of(e.N, journal.Agent)
	c, _ := r.journal.Of(e.N, journal.Check)
	if allGood(c.Marks) && len(a.Touched) == 0 {
		return Done, fmt.Sprintf("all %d items hold after iteration %d", len(c.Marks), e.N)
	}
	if waiting := r.unanswered(c.Marks); waiting != "" && r.Ask == nil {
		return Approve, fmt.Sprintf("a person has to answer %s (hint: lode run approve %s %s)", waiting, r.Name, waiting)
	}
	return "", ""
}

// unanswered returns the check that waits for a person, when everything else
// holds.
func (r *Run) unanswered(all []journal.Mark) (id string) {
	people := make(map[string]bool)
	for _, c := range r.Goal.Checks {
		people[c.ID] = c.Approve != ""
	}
	for _, m := range all {
		switch {
		case good(m.Status):
		case people[m.ID] && m.Status == string(verify.Unclear):
			id = m.ID
		case people[m.ID] && m.Status == string(verify.NotRun) && id != "":
		default:
			return ""
		}
	}
	return id
}

// asked looks whether a person wants the run to stop.
func (r *Run) asked() (Status, string) {
	switch r.request() {
	case "pause":
		return PausedNow, "a person paused it"
	case "stop":
		return StoppedNow, "a person stopped it"
	}
	return "", ""
}

func (r *Run) spent() (Status, string) {
	l := r.limits()
	_, tokens, cost := r.journal.Spent()
	switch n := r.iteration() - 1; {
	case l.iterations > 0 && n >= l.iterations:
		return Budget, fmt.Sprintf("%s of the budget are used up", plural(n, "iteration"))
	case l.wall > 0 && r.spentTime() >= l.wall:
		return Budget, fmt.Sprintf("the %s of the budget are over", l.wall)
	case l.tokens > 0 && tokens >= l.tokens:
		return Budget, fmt.Sprintf("%d of %d tokens are used up", tokens, l.tokens)
	case l.cost > 0 && cost >= l.cost:
		return Budget, fmt.Sprintf("$%.2f of $%.2f are used up", cost, l.cost)
	}
	if why := r.Purse.empty(); why != "" {
		return Budget, why
	}
	return "", ""
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// How often an agent must say the same before it is believed. What it says
// decides only that it is not gone on with.
const (
	blockedTimes    = 3
	impossibleTimes = 2
)

// claimed looks at what the last agents said.
func (r *Run) claimed() (Status, string) {
	all, _, _ := r.finished()
	if len(all) == 0 {
		return "", ""
	}
	last := all[len(all)-1].agent
	times := 0
	for i := len(all) - 1; i >= 0 && all[i].agent.Claim == last.Claim && (last.Claim == "impossible" || sameWords(all[i].agent.Reason, last.Reason)); i-- {
		times++
	}
	switch {
	case last.Claim == "blocked" && times >= blockedTimes:
		return Blocked, fmt.Sprintf("the agent said %d times that it cannot go on: %s", times, last.Reason)
	case last.Claim == "impossible" && times >= impossibleTimes:
		return Impossible, fmt.Sprintf("%d agents said that the goal cannot be reached: %s", times, last.Reason)
	case last.Claim == "wait":
		left := 24 * time.Hour
		if wall := r.limits().wall; wall > 0 {
			left = wall - r.spentTime()
		}
		if wait := last.Until.Sub(r.Now()); wait > left {
			return Waiting, fmt.Sprintf("it waits until %s, longer than the budget lasts: %s (hint: lode run resume %s then)", last.Until.Format(time.RFC3339), last.Reason, r.Name)
		}
	}
	return "", ""
}

var noWord = lazyregexp.New(`[^\p{L}]+`)

// sameWords reports whether two reasons are the same, but for numbers, signs
// and a few words.
func sameWords(a, b string) bool {
	x, y := strings.Fields(noWord.ReplaceAllString(strings.ToLower(a), " ")), strings.Fields(noWord.ReplaceAllString(strings.ToLower(b), " "))
	common := 0
	for _, w := range x {
		if slices.Contains(y, w) {
			common++
		}
	}
	return 3*common >= 2*max(len(x), len(y))
}

const tamperedTimes = 3

func (r *Run) tampered() (Status, string) {
	all, _, _ := r.finished()
	times := 0
	for i := len(all) - 1; i >= 0 && len(all[i].agent.Touched) > 0; i-- {
		times++
	}
	if times >= tamperedTimes {
		return Tampered, fmt.Sprintf("the agent changed protected files %d times in a row: %s", times, strings.Join(all[len(all)-1].agent.Touched, ", "))
	}
	return "", ""
}

// When there is no progress. Before each end comes one brief that says to
// change the approach.
const (
	unchangedNote, unchangedStop = 2, 3 // iterations that left files, verdicts and reasons as they were
	identicalNote, identicalStop = 3, 6 // iterations that worked, and got the same verdict for the same reasons
	driftNote, driftStop         = 2, 5 // iterations outside of the scope, or with something broken that held before
)

// stalled counts the last iterations that changed nothing, those with the same
// verdict, and how often two states followed each other in turn.
func (r *Run) stalled() (unchanged, identical, turns int) {
	all, vector, failing := r.finished()
	vectors, failings := []string{vector}, []string{failing}
	for _, f := range all {
		vectors, failings = append(vectors, f.check.Vector), append(failings, f.check.Failing)
	}
	count := func(of []string) (n int) {
		for i := len(of) - 1; i > 0 && of[i] == of[i-1]; i-- {
			n++
		}
		return n
	}
	for i := len(vectors) - 1; i > 1 && vectors[i] == vectors[i-2] && vectors[i] != vectors[i-1]; i-- {
		turns++
	}
	return count(vectors), count(failings), turns
}

func (r *Run) stuck() (Status, string) {
	unchanged, identical, turns := r.stalled()
	switch {
	case unchanged >= unchangedStop:
		return NoProgress, fmt.Sprintf("%d iterations in a row changed nothing%s", unchanged, r.lastOdd())
	case turns >= 4:
		return NoProgress, "it goes back and forth between two states"
	case identical >= identicalStop:
		return NoProgress, fmt.Sprintf("%d iterations in a row got the same verdict for the same reasons", identical)
	}
	return "", ""
}

// lastOdd tells what was remarkable about the last agent, which may be why
// nothing changes.
func (r *Run) lastOdd() string {
	all, _, _ := r.finished()
	how := strings.TrimPrefix(r.how(all[len(all)-1].agent), "; it changed nothing")
	return strings.Replace(how, "; ", ": the last time, ", 1)
}

// lapses counts the last iterations that worked outside of the scope, and those
// since items that held before are broken.
func (r *Run) lapses() (outside, broken int, what []string) {
	all, _, _ := r.finished()
	for i := len(all) - 1; i >= 0 && len(all[i].check.Outside) > 0; i-- {
		outside++
	}
	if len(all) == 0 {
		return
	}
	held := make(map[string]int) // the last iteration, from 1, in which an item held
	for i, f := range all {
		for _, m := range f.check.Marks {
			if good(m.Status) {
				held[m.ID] = i + 1
			}
		}
	}
	for _, m := range all[len(all)-1].check.Marks {
		if at := held[m.ID]; at > 0 && m.Status == string(verify.Red) {
			what = append(what, m.ID)
			broken = max(broken, len(all)-at)
		}
	}
	return outside, broken, what
}

func (r *Run) drifted() (Status, string) {
	outside, broken, what := r.lapses()
	switch {
	case outside >= driftStop:
		return Drift, fmt.Sprintf("%d iterations in a row worked outside of the scope", outside)
	case broken >= driftStop+1:
		return Drift, fmt.Sprintf("what held before is broken for %d iterations: %s", broken, strings.Join(what, ", "))
	}
	return "", ""
}

// notes are what the next brief says beside, when it does not go well.
func (r *Run) notes() (notes []string) {
	unchanged, identical, turns := r.stalled()
	if unchanged == unchangedNote || identical == identicalNote || turns == 2 {
		notes = append(notes, "Change your approach. What was tried until now led to the same result again and again. Name three other causes that the result could have, and look for evidence of each before you edit.")
	}
	outside, broken, what := r.lapses()
	if outside >= driftNote {
		notes = append(notes, "You work outside of the scope of the contract. Undo that first.")
	}
	if broken >= driftNote {
		notes = append(notes, "These held before and are broken since: "+strings.Join(what, ", ")+". Repair them before anything else.")
	}
	all, _, _ := r.finished()
	if len(all) == 0 {
		return notes
	}
	switch last := all[len(all)-1].agent; {
	case len(last.Touched) > 0:
		notes = append(notes, "The last agent changed files that the verdict rests on; that was undone: "+strings.Join(last.Touched, ", ")+". Change the work, not what judges it.")
	case last.Claim == "done":
		notes = append(notes, "The last agent said that it was done. The checks say otherwise.")
	case last.Claim == "impossible":
		notes = append(notes, "The last agent said that the goal cannot be reached: "+last.Reason+" Look whether that is so.")
	case last.Asked:
		notes = append(notes, "The last agent asked a question. Nobody answers: decide by the contract, or say that you are blocked, and by what.")
	}
	return notes
}
