package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lode/cmd/lode/internal/branch"
	"lode/miner"
	"lode/rules"
	"lode/rules/effect"
	"lode/rules/target"
	"lode/session"
)

func newReviewEffectCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "effect [ID]", Short: "Say whether accepted rules helped",
		Long: `effect compares the sessions in which a rule's matter came up before it was
accepted with those since: in how many did it fail? The time in which the pattern
was found is not part of "before": a pattern is found when it is frequent by
chance, and becomes rarer by itself.

  before 9/31 opportunities · since 2/44 · E 14 · placebo -8 % · loaded in 41/44 ...

"Fewer since" needs E >= 20, a test that may be looked at every night and is
wrong for at most one rule in twenty. Most rules of one person stay below it for
weeks. "placebo" is how patterns without a rule changed over the same dates.
More since, not loaded, not followed, relapsed and idle ask for a decision.`,
		Example: "  lode review effect\n  lode review effect r-1a2b3c4d --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReviewEffect(cmd.Context(), g, strings.Join(args, ""))
		},
	}
}

func newReviewRetireCommand(g *globals) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "retire ID", Short: "Take a rule out for good",
		Long: `retire takes the line of an accepted rule out of its file, as undo does, and its
learning out of what is handed out. It is not proposed again.`,
		Example: `  lode review retire r-1a2b3c4d --reason "more since"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return decide(g, args[0], "retired", false, func(b *rules.Book) (*rules.Proposal, error) { return b.Retire(args[0], reason) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the ledger")
	return cmd
}

func newReviewMoveCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "move ID FILE", Short: "Put a rule into another file of its checkout",
		Long: `move takes the line of an accepted rule out of its file and puts it into another
one, named relative to the checkout, where it fits: for a rule that stands where
the agents that need it do not look. Both steps are in the ledger, and undo takes
the line out of the new file.`,
		Example: "  lode review move r-1a2b3c4d CLAUDE.md",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return decide(g, args[0], "moved to "+args[1], false, func(b *rules.Book) (*rules.Proposal, error) { return b.Move(args[0], filepath.ToSlash(args[1])) })
		},
	}
}

// effectView is the machine view of effects.
type effectView struct {
	V         int              `json:"v"`
	Rules     []rules.Measured `json:"rules"`
	Confirmed int              `json:"confirmed"` // of those called fewer since, how many stand when all rules are judged together
}

func runReviewEffect(ctx context.Context, g *globals, id string) error {
	w, b, err := g.book()
	if err != nil {
		return err
	}
	lib, err := w.library()
	if err != nil {
		return err
	}
	saved, err := miner.Load(w.stateDir)
	if err != nil && !errors.Is(err, miner.ErrNoReport) {
		return err
	}
	all, err := lib.measure(ctx, b, saved, false)
	if err != nil {
		return err
	}
	view := newEffectView(all)
	if id != "" {
		d, err := b.Get(id)
		if err != nil {
			return proposalError(err)
		}
		view.Rules = only(all, d.ID)
		if len(view.Rules) == 0 {
			return usagef("%s is %s: only rules in force have an effect (hint: lode review effect)", d.ID, d.Status)
		}
	}
	if g.json {
		return printJSON(w.stdout, view)
	}
	w.printEffects(&view)
	return nil
}

func newEffectView(all []rules.Measured) effectView {
	v := effectView{V: 1, Rules: all}
	if all == nil {
		v.Rules = []rules.Measured{}
	}
	var es []float64
	for i := range all {
		if all[i].Card.State != effect.Unmeasurable {
			es = append(es, all[i].Card.E)
		}
	}
	v.Confirmed = effect.Discoveries(es)
	return v
}

func only(all []rules.Measured, id string) []rules.Measured {
	for i := range all {
		if all[i].ID == id {
			return all[i : i+1]
		}
	}
	return nil
}

func (w *world) printEffects(v *effectView) {
	fewer := 0
	for i := range v.Rules {
		m := &v.Rules[i]
		w.printEffect(m)
		if m.Card.State == effect.Fewer {
			fewer++
		}
	}
	switch {
	case len(v.Rules) == 0:
		fmt.Fprintln(w.stdout, "no rule is in force (hint: lode review accept)")
	case fewer > v.Confirmed:
		fmt.Fprintf(w.stdout, "of %s called fewer since, %d stand when all %d are judged together\n", count(fewer, "rule"), v.Confirmed, len(v.Rules))
	}
}

func (w *world) printEffect(m *rules.Measured) {
	fmt.Fprintf(w.stdout, "%s  %s  [%s, %s]\n    %s\n", m.ID, m.Card.State, m.Project, m.Since.Format(time.DateOnly), m.Rule)
	if m.Card.State != effect.Unmeasurable {
		fmt.Fprintf(w.stdout, "    %s\n", m.Line)
	}
	for _, n := range m.Notes {
		fmt.Fprintf(w.stdout, "    %s\n", n)
	}
	for _, a := range m.Advice {
		fmt.Fprintf(w.stdout, "    %s: %s%s\n", a.Do, a.Why, hint(a.Command))
	}
}

func hint(command string) string {
	if command == "" {
		return ""
	}
	return " (hint: " + command + ")"
}

// measure judges the rules in force. Traces that are not kept yet are made, and
// with keep they are kept; that needs the lock.
func (l *library) measure(ctx context.Context, b *rules.Book, saved *miner.Saved, keep bool) ([]rules.Measured, error) {
	projects := inForce(b)
	if len(projects) == 0 {
		return nil, nil
	}
	detectors, err := rules.OpenDetectors(l.w.stateDir)
	if err != nil {
		return nil, err
	}
	traces, err := l.traces(ctx, projects, keep)
	if err != nil {
		return nil, err
	}
	briefs, err := rules.LoadBriefs(l.w.stateDir)
	if err != nil {
		return nil, err
	}
	in := rules.Sessions{Traces: traces, Project: l.projectOf, InForce: l.loads(ctx), Briefs: briefs}
	if saved != nil {
		in.Patterns, in.Since = saved.Patterns, saved.Since
	}
	return b.Measure(detectors, in), nil
}

// needHand returns the rules in force that last night's measuring found to
// need a hand.
func needHand(b *rules.Book) []rules.Measured {
	return slices.DeleteFunc(slices.Clone(b.Measured), func(m rules.Measured) bool {
		return !m.Card.State.NeedsHand() || !b.Ledger.StatusOf(m.ID, b.Now).InForce()
	})
}

// inForce returns the projects that have a rule in force.
func inForce(b *rules.Book) map[string]bool {
	list, _ := b.List() // what cannot be read is told elsewhere
	projects := make(map[string]bool)
	for _, d := range list {
		if d.Status.InForce() {
			projects[d.Project] = true
		}
	}
	return projects
}

func (l *library) projectOf(t *miner.Trace) string {
	info := l.cat.Sessions[t.Session]
	return l.projects.Of(&info.Header).Name
}

// traces returns what the sessions of some projects did, by root sessions.
func (l *library) traces(ctx context.Context, projects map[string]bool, keep bool) ([]miner.Trace, error) {
	kept, err := miner.LoadTraces(l.w.stateDir)
	if err != nil {
		return nil, err
	}
	var out []miner.Trace
	var missing []session.Info
	for i := range l.infos {
		info := &l.infos[i]
		if info.Population == session.Own || !projects[l.projects.Of(&info.Header).Name] {
			continue
		}
		if t, ok := kept.Get(info.Name(), info.Digest); ok {
			out = append(out, t)
		} else {
			missing = append(missing, *info)
		}
	}
	at := 0
	err = l.each(ctx, missing, func(s *session.Session) error {
		t := miner.NewTrace(s, missing[at].Digest)
		at++
		kept.Put(t)
		out = append(out, t)
		return nil
	})
	if err == nil && keep {
		err = kept.Save()
	}
	return miner.RootTraces(out, func(name string) string { return l.roots[name] }), err
}

// loads says whether an agent was given a line in the folder where a session
// worked: by the files of that checkout as they are and, where it is another one
// than the rule was written into, by when the line came into its commits.
func (l *library) loads(ctx context.Context) func(t *miner.Trace, root, line string) effect.Loaded {
	came := make(map[string]time.Time) // by checkout and line; zero for never, or not known
	return func(t *miner.Trace, root, line string) effect.Loaded {
		at := root
		rel, ok := below(at, t.Cwd)
		if !ok {
			if at = worktree(t.Cwd); at == "" {
				return effect.Unknown // it is not on this machine, or not any more
			}
			rel, _ = below(at, t.Cwd)
		}
		reads, known := rules.Reads(t.Agent, target.Place{Home: l.w.homeDir, Root: at, Dir: rel, Opened: t.Opened}, line)
		switch {
		case !known:
			return effect.Unknown
		case !reads:
			return effect.No
		case ok:
			return effect.Yes
		}
		k := at + "\x00" + line
		since, seen := came[k]
		if !seen {
			since = l.w.came(ctx, at, line)
			came[k] = since
		}
		if since.IsZero() || since.After(t.Start) {
			return effect.Unknown
		}
		return effect.Yes
	}
}

// came returns when a line came into the commits of a checkout, or zero.
func (w *world) came(ctx context.Context, root, line string) time.Time {
	r, err := branch.Open(ctx, root, w.clock)
	if err != nil {
		return time.Time{}
	}
	at, _, _ := r.Came(ctx, line) // zero when it cannot be told
	return at
}

// worktree is the working tree that a folder is in, main or not; "" when there
// is none, or the folder is gone.
func worktree(dir string) string {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || !filepath.IsAbs(dir) {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// below writes a folder relative to a checkout, as paths in one are written.
func below(root, dir string) (rel string, ok bool) {
	rel, err := filepath.Rel(root, dir)
	if root == "" || dir == "" || err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	if rel == "." {
		return "", true
	}
	return filepath.ToSlash(rel), true
}

// nightlyEffect measures the rules, keeps what was found, and tells what has
// changed.
func (l *library) nightlyEffect(ctx context.Context, b *rules.Book, saved *miner.Saved, view *nightlyView) ([]rules.Measured, error) {
	detectors, err := rules.OpenDetectors(l.w.stateDir)
	if err != nil {
		return nil, err
	}
	detectors.Learn(saved.Patterns, saved.Since, l.w.clock, b.Ledger)
	if err := detectors.Save(); err != nil {
		return nil, err
	}
	before, err := rules.LoadMeasured(l.w.stateDir)
	if err != nil {
		return nil, err
	}
	now, err := l.measure(ctx, b, saved, true)
	if err != nil {
		return nil, err
	}
	b.Measured, view.Effects = now, rules.Changed(before, now)
	view.News = view.News || len(view.Effects) > 0
	if len(now) == 0 {
		err := os.Remove(filepath.Join(l.w.stateDir, "effect.jsonl"))
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	return now, rules.SaveMeasured(l.w.stateDir, now)
}

// gone says of a line that a file of a checkout does not have whether a person
// deleted it, and not merely checked out another branch.
func (w *world) gone(ctx context.Context) func(root, target, line string) bool {
	return func(root, target, line string) bool {
		r, err := branch.Open(ctx, root, w.clock)
		if err != nil {
			return true // no repository: what is not there was deleted
		}
		dropped, err := r.Dropped(ctx, target, line)
		return err == nil && dropped
	}
}
