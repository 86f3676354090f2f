package loop

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"lode/loop/journal"
	"lode/loop/tree"
	"lode/loop/verify"
	"lode/session"
)

// brief is the prompt of an iteration. It is all that a fresh session knows:
// the contract word for word, where it stands, what fails and how, what the last
// iteration changed, what past sessions taught.
func (r *Run) brief(ctx context.Context, n int, from string) (string, error) {
	var b strings.Builder
	begin, _ := r.journal.Of(n, journal.Begin)
	fmt.Fprintf(&b, "%s\n\n", session.LoopMark)
	fmt.Fprintf(&b, "You work alone towards a goal, in iteration %s. Nobody can answer questions. You have no memory of what came before:\n", r.ofLimit(n))
	fmt.Fprintf(&b, "it stands below, and in %s/state.md. Your folder is %s, a git worktree of its own; work there and nowhere else.\n", tree.Private, r.tree.Dir)
	b.WriteString("What lies in it when you end is taken over; you need not commit.\n\n")
	b.WriteString("The checks of the contract decide whether the goal is reached, not what you say. They are run when you have ended.\n")
	r.briefProtected(&b)
	fence := fenceFor(string(r.shown))
	fmt.Fprintf(&b, "\n# The contract, word for word\n\n%smarkdown\n%s\n%s\n", fence, strings.TrimRight(string(r.shown), "\n"), fence)
	fmt.Fprintf(&b, "\n# Where it stands\n\n%s", r.standingText(n-1))
	r.briefFailing(&b, n-1)
	if err := r.briefChanges(ctx, &b, n-1, from); err != nil {
		return "", err
	}
	text, err := r.learnedText(begin)
	if err != nil {
		return "", err
	}
	if text != "" {
		fmt.Fprintf(&b, "\n# What past sessions taught\n\n%s", text)
	}
	r.briefSaid(&b, n)
	if begin.Note != "" {
		fmt.Fprintf(&b, "\n# Change\n\n%s\n", begin.Note)
	}
	fmt.Fprintf(&b, closing, tree.Private)
	return b.String(), nil
}

const closing = `
# Before you end

Write %s/state.md anew, in at most 60 lines and three sections, for whoever comes after you and knows nothing else:
Done, Next, Tried and failed. If you cannot go on, say so in its first line, in one of these forms:

    status: blocked: what keeps you from going on
    status: impossible: why the goal cannot be reached
    status: wait until 2026-05-01T10:00:00Z: what for
`

func (r *Run) ofLimit(n int) string {
	if most := r.limits().iterations; most > 0 {
		return fmt.Sprintf("%d of at most %d", n, most)
	}
	return fmt.Sprint(n)
}

func (r *Run) briefProtected(b *strings.Builder) {
	var files []string
	for f := range r.start.Protect {
		if !slices.Contains(r.start.Hidden, f) {
			files = append(files, f)
		}
	}
	slices.Sort(files)
	if len(files) == 0 {
		return
	}
	more := ""
	if len(files) > 20 {
		files, more = files[:20], fmt.Sprintf(" and %d more", len(files)-20)
	}
	fmt.Fprintf(b, "They rest on files that are protected. A change of one is undone, and the iteration does not count: %s%s.\n", strings.Join(files, ", "), more)
}

// fenceFor is a Markdown fence that a text does not hold.
func fenceFor(text string) string {
	fence := "~~~"
	for strings.Contains(text, fence) {
		fence += "~"
	}
	return fence
}

// briefFailing tells what does not pass, and the relevant part of the outputs.
func (r *Run) briefFailing(b *strings.Builder, n int) {
	var hidden int
	var bad []verify.Verdict
	for _, v := range r.verdictsOf(n) {
		switch {
		case good(string(v.Status)):
		case v.Heldout:
			hidden++
		default:
			bad = append(bad, v)
		}
	}
	if len(bad)+hidden == 0 {
		return
	}
	b.WriteString("\n# What does not hold yet\n")
	for _, v := range bad {
		fmt.Fprintf(b, "\n## %s: %s\n", v.Check, v.Status)
		fmt.Fprintf(b, "\n%s\n", v.Says)
		if v.Quote != "" {
			fmt.Fprintf(b, "\nIn %s: “%s”\n", v.File, v.Quote)
		}
		if v.Part != "" && v.Kind != Reviewed {
			fence := fenceFor(v.Part)
			fmt.Fprintf(b, "\nOf its output:\n\n%s\n%s\n%s\n", fence, v.Part, fence)
		}
	}
	if hidden > 0 {
		fmt.Fprintf(b, "\n## Checks that you are not shown: %d\n\nThey look at the same goal from another side. Work for the goal, not for the checks.\n", hidden)
	}
}

// briefChanges tells what the last iteration changed, and what is changed in
// all.
func (r *Run) briefChanges(ctx context.Context, b *strings.Builder, n int, now string) error {
	if n == 0 {
		return nil
	}
	before := r.base
	if e, ok := r.journal.Of(n-1, journal.Ended); ok {
		before = e.Tree
	}
	last, err := r.tree.Diff(ctx, before, now)
	if err != nil {
		return err
	}
	all, err := r.tree.Diff(ctx, r.base, now)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\n# What was changed\n\nIn the last iteration: %s\n", stat(last))
	if before != r.base {
		fmt.Fprintf(b, "Since the start (commit %s): %s\n", r.start.Base[:min(12, len(r.start.Base))], stat(all))
	}
	if best, ok := r.better(n); ok {
		fmt.Fprintf(b, "Iteration %d was better than this; `git diff %sbest` shows what was changed since.\n", best, r.tree.Refs)
	}
	return nil
}

// better returns the best iteration, when the last one fell behind it.
func (r *Run) better(n int) (int, bool) {
	c, ok := r.journal.Of(n, journal.Check)
	if !ok || countGood(c.Marks) >= r.bestSoFar() {
		return 0, false
	}
	for i := len(r.journal.Entries) - 1; i >= 0; i-- {
		if e := &r.journal.Entries[i]; e.Event == journal.Ended && e.Best {
			return e.N, true
		}
	}
	return 0, false
}

// statFiles is how many files a diff stat names.
const statFiles = 30

func stat(changes []tree.Change) string {
	if len(changes) == 0 {
		return "nothing."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n", plural(len(changes), "file"))
	for i, c := range changes {
		if i == statFiles {
			fmt.Fprintf(&b, "- and %d more\n", len(changes)-i)
			break
		}
		fmt.Fprintf(&b, "- %s %s", map[string]string{"A": "added", "D": "deleted", "M": "changed", "T": "changed"}[c.Status], session.Clean(c.Path))
		if c.Plus >= 0 {
			fmt.Fprintf(&b, " (+%d −%d)", c.Plus, c.Less)
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

// briefSaid tells what a person said since the last iteration began.
func (r *Run) briefSaid(b *strings.Builder, n int) {
	var said []string
	for i := range r.journal.Entries {
		e := &r.journal.Entries[i]
		if e.Event == journal.Said {
			said = append(said, e.Text)
		}
	}
	if len(said) == 0 {
		return
	}
	b.WriteString("\n# From the person who started this\n\n")
	for _, s := range said {
		fmt.Fprintf(b, "- %s\n", s)
	}
}

// learnTokens is what learnings may take of a brief.
const learnTokens = 2000

// learn asks what past sessions taught, and keeps the answer for the brief of an
// iteration.
func (r *Run) learn(ctx context.Context, n int) (Learned, error) {
	l := r.Goal.Learnings
	if r.Learn == nil || l.Off {
		return Learned{}, nil
	}
	need := Need{Run: r.Name, Repo: r.start.Repo, Dir: r.tree.Dir, Goal: r.Goal.Goal, Tokens: cmp.Or(l.Tokens, learnTokens), Without: l.Without,
		HoldOut: l.Holdout, Seed: fmt.Sprintf("%d %s", l.Seed, r.Name)}
	if r.agent.Agent != nil {
		need.Agent = r.agent.Agent.Name
	}
	learned, err := r.Learn(ctx, need)
	if err != nil {
		return learned, err
	}
	return learned, os.WriteFile(r.file(stepName(n)+".learned.md"), []byte(verify.Safe(learned.Text)), 0o600)
}

// learnedText is the text of the learnings that the journal promised.
func (r *Run) learnedText(begin *journal.Entry) (string, error) {
	if len(begin.Learned) == 0 {
		return "", nil
	}
	text, err := os.ReadFile(r.file(stepName(begin.N) + ".learned.md"))
	return string(text), err
}

// standingText is where it stands after an iteration: what lode knows, and what
// the agent handed over.
func (r *Run) standingText(n int) string {
	var b strings.Builder
	entry, ok := r.journal.Of(n, journal.Check)
	if n == 0 {
		entry, ok = r.journal.Last(journal.Baseline)
	}
	if !ok {
		return "Nothing is known yet.\n"
	}
	b.WriteString("By the checks:\n\n")
	hidden := r.hiddenIDs()
	for _, m := range entry.Marks {
		if !hidden[m.ID] {
			fmt.Fprintf(&b, "- [%s] %s%s\n", map[bool]string{true: "x", false: " "}[good(m.Status)], m.ID, map[bool]string{true: "", false: ": " + m.Status}[good(m.Status)])
		}
	}
	r.steps(&b, entry.Marks)
	r.history(&b, n)
	if text, err := os.ReadFile(r.file(stepName(n) + ".state.md")); err == nil && strings.TrimSpace(string(text)) != "" {
		fmt.Fprintf(&b, "\nThe last agent handed over (its words, which nobody has checked):\n\n%s\n", indent(claims.ReplaceAllString(string(text), "")))
	}
	return b.String()
}

func indent(text string) string {
	return "> " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n> ")
}

func (r *Run) hiddenIDs() map[string]bool {
	hidden := make(map[string]bool)
	for _, c := range r.Goal.Checks {
		hidden[c.ID] = c.Heldout
	}
	return hidden
}

// steps shows the sub-goals as a checklist, and which comes next.
func (r *Run) steps(b *strings.Builder, all []journal.Mark) {
	status, next := make(map[string]string), false
	for _, m := range all {
		status[m.ID] = m.Status
	}
	hidden := r.hiddenIDs()
	for i, s := range r.Goal.Steps {
		if i == 0 {
			b.WriteString("\nThe steps:\n\n")
		}
		ids := slices.DeleteFunc(slices.Clone(s.Checks), func(id string) bool { return hidden[id] })
		switch done := !slices.ContainsFunc(s.Checks, func(id string) bool { return !good(status[id]) }); {
		case done:
			fmt.Fprintf(b, "- [x] %s\n", s.Say)
		case !next:
			next = true
			fmt.Fprintf(b, "- [ ] %s (next: %s)\n", s.Say, strings.Join(ids, ", "))
		default:
			fmt.Fprintf(b, "- [ ] %s\n", s.Say)
		}
	}
}

// historyLines is how many past iterations are told.
const historyLines = 8

// history tells in a line each what the last iterations tried and what came of
// it.
func (r *Run) history(b *strings.Builder, n int) {
	for i := max(1, n-historyLines+1); i <= n; i++ {
		if i == max(1, n-historyLines+1) {
			b.WriteString("\nWhat was tried:\n\n")
		}
		a, _ := r.journal.Of(i, journal.Agent)
		c, ok := r.journal.Of(i, journal.Check)
		if a == nil || !ok {
			continue
		}
		fmt.Fprintf(b, "- iteration %d: %s%s\n", i, r.visibleTally(c.Marks), r.how(a))
	}
}

func (r *Run) visibleTally(all []journal.Mark) string {
	hidden := r.hiddenIDs()
	seen := slices.DeleteFunc(slices.Clone(all), func(m journal.Mark) bool { return hidden[m.ID] })
	return tally(seen) + redOnes(seen)
}

// how tells what was remarkable about an agent's work.
func (r *Run) how(a *journal.Entry) string {
	var b strings.Builder
	before := r.base
	if e, ok := r.journal.Of(a.N-1, journal.Ended); ok {
		before = e.Tree
	}
	if a.Tree == before {
		b.WriteString("; it changed nothing")
	}
	switch {
	case a.Why != "":
		fmt.Fprintf(&b, "; the agent %s and was ended", a.Why)
	case a.Exit != 0:
		fmt.Fprintf(&b, "; the agent ended with exit code %d", a.Exit)
	case a.Silent:
		b.WriteString("; the agent printed nothing")
	}
	if len(a.Touched) > 0 {
		fmt.Fprintf(&b, "; it changed protected files, which was undone: %s", strings.Join(a.Touched, ", "))
	}
	switch {
	case a.Asked:
		fmt.Fprintf(&b, "; it asked a question that nobody can answer (decide by the contract): %s", a.Reason)
	case a.Claim == "done":
		b.WriteString("; it said that it was done")
	case a.Claim != "":
		fmt.Fprintf(&b, "; it said: %s: %s", a.Claim, a.Reason)
	}
	return b.String()
}
