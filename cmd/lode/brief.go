package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"lode/index"
	"lode/index/query"
	"lode/rules"
	"lode/rules/effect"
	"lode/rules/target"
	"lode/session"
)

type briefOptions struct {
	project, goal, agent, to, seed string
	paths                          []string
	without                        []string // ids to leave out
	budget                         int
	holdOut                        float64
}

func (o *briefOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.project, "project", "", "the project (default that of the working folder)")
	f.StringVar(&o.goal, "goal", "", "what is to be done, in words: what was learned in past sessions alike comes first")
	f.IntVar(&o.budget, "budget", 0, "tokens it may take (default from the configuration: 2000)")
	f.StringVar(&o.agent, "agent", "", "who reads it, as claude: what its own instruction files say is left out (default: what any of them says)")
	f.StringVar(&o.to, "to", "", "the session or run that it is for, as claude/ID, for the log")
	f.Float64Var(&o.holdOut, "holdout", 0, "chance, as 0.2, with which each learning is held out by lot, to measure what it does")
	f.StringVar(&o.seed, "seed", "", "decides the lot (default: who it is for, or the time)")
}

func newBriefCommand(g *globals) *cobra.Command {
	var o briefOptions
	cmd := &cobra.Command{
		Use:   "brief [PATH...]",
		Short: "Print what an agent should know in a project",
		Long: `brief prints the learnings that hold for a project, the files that are worked on
and a goal, under a budget of tokens: the most relevant first, and of equally
relevant ones those that are known to help. What an instruction file of the
project says anyway is not repeated. A loop runner loads it beside its own
prompt: $(lode brief). Nothing to say, no output.

What was handed out to whom is logged in briefs.jsonl of the state, so that
lode review effect knows who had a learning. With --holdout some are left out by
lot, and logged: then the comparison tells what the learning does.`,
		Example: `  lode brief
  lode brief --goal "speed up the cart" internal/cart/cart.go
  lode brief --project shop --budget 500 --holdout 0.2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			return runBrief(cmd.Context(), g, o)
		},
	}
	o.AddFlags(cmd)
	return cmd
}

// briefView is the machine view of a brief.
type briefView struct {
	V         int      `json:"v"`
	Project   string   `json:"project"`
	Tokens    int      `json:"tokens"`
	Learnings []string `json:"learnings"`          // ids of what is in the text
	InForce   []string `json:"in_force,omitempty"` // what the agent is given anyway
	Held      []string `json:"held,omitempty"`     // what the lot held out
	Left      []string `json:"left,omitempty"`     // what the budget had no room for
	Stale     []string `json:"stale,omitempty"`    // what the checkout contradicts, see vault check
	Text      string   `json:"text"`
}

func runBrief(ctx context.Context, g *globals, o briefOptions) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if o.holdOut < 0 || o.holdOut > 1 {
		return usagef("--holdout is %v, it must be from 0 to 1 (hint: --holdout 0.2)", o.holdOut)
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	brief, stale, project, damaged := w.brief(ctx, o, dir)
	damaged = errors.Join(damaged, w.logBrief(&o, dir, project, &brief))
	if project == "" {
		return damaged
	}
	if g.json {
		ids := brief.Given
		if ids == nil {
			ids = []string{}
		}
		return errors.Join(printJSON(w.stdout, briefView{1, project, brief.Tokens, ids, brief.InForce, brief.Held, brief.Left, stale, brief.Text}), damaged)
	}
	fmt.Fprint(w.stdout, brief.Text)
	return damaged
}

// logBrief notes what was handed out. Nothing handed out is nothing to note.
func (w *world) logBrief(o *briefOptions, dir, project string, b *rules.Brief) error {
	if len(b.Given)+len(b.Held) == 0 {
		return nil
	}
	h := rules.Handed{Time: w.clock, Project: project, To: o.to, Dir: dir, Given: b.Given, Held: b.Held, Tokens: b.Tokens}
	if o.holdOut > 0 {
		h.HoldOut, h.Seed = o.holdOut, o.lot(w.clock)
	}
	if err := os.MkdirAll(w.stateDir, 0o700); err != nil {
		return stateError(w.stateDir, err)
	}
	return errors.Join(w.stamp(), rules.LogBrief(w.stateDir, h))
}

// lot is what decides what is held out.
func (o *briefOptions) lot(now time.Time) string {
	switch {
	case o.seed != "":
		return o.seed
	case o.to != "":
		return o.to
	}
	return now.Format(time.RFC3339Nano)
}

// brief makes a brief for a working folder, and lists the learnings that were
// left out because the checkout contradicts them. Notes of the vault that cannot
// be read are named in the error, beside the brief; where the project is ""
// there is none.
func (w *world) brief(ctx context.Context, o briefOptions, dir string) (b rules.Brief, stale []string, project string, err error) {
	book, err := w.book()
	if err != nil {
		return b, nil, "", err
	}
	lib, err := w.library()
	if err != nil {
		return b, nil, "", err
	}
	if o.project == "" {
		o.project = lib.projectAt(dir)
	}
	if o.budget == 0 {
		o.budget = w.cfg.Brief
	}
	measured, err := rules.LoadMeasured(w.stateDir)
	if err != nil {
		return b, nil, "", err
	}
	root := lib.rootOf(o.project, dir)
	b, err = book.Vault.Brief(rules.BriefQuery{
		Project: func(name string) bool { return session.SameProject(name, o.project) },
		Paths:   pathsIn(root, dir, o.paths), Goal: o.goal, Budget: o.budget,
		InForce: func(l *rules.Learning) bool { return inFiles(o.agent, root, l.Rule) },
		Near:    func(goal string) map[string]float64 { return lib.near(ctx, goal) },
		Value: func(l *rules.Learning) float64 {
			if slices.Contains(o.without, l.ID) {
				return 0
			}
			if l.Scope != rules.GlobalScope && len(rules.Stale(root, l.Rule)) > 0 {
				stale = append(stale, l.ID)
				return 0
			}
			return worth(measured, l)
		},
		HoldOut: o.holdOut, Seed: o.lot(w.clock),
	})
	return b, stale, o.project, err
}

// worth is what a learning was measured to be worth.
func worth(measured []rules.Measured, l *rules.Learning) float64 {
	for i := range measured {
		if measured[i].ID != l.Proposal {
			continue
		}
		switch measured[i].Card.State {
		case effect.Fewer:
			return 2
		case effect.NotFollowed, effect.Relapsed:
			return 0.5
		case effect.More:
			return 0
		}
	}
	return 1
}

// inFiles reports whether an agent, or any when none is named, is given a rule
// by the instruction files of a checkout.
func inFiles(agent, root, rule string) bool {
	if root == "" {
		return false
	}
	if agent == "" {
		return rules.InFiles(root, rule)
	}
	reads, _ := rules.Reads(agent, target.Place{Root: root}, rule)
	return reads
}

// pathsIn writes paths relative to a checkout; those outside it are left out.
func pathsIn(root, dir string, paths []string) []string {
	var out []string
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		if rel, err := filepath.Rel(root, p); err == nil && root != "" && filepath.IsLocal(rel) {
			out = append(out, path.Clean(filepath.ToSlash(rel)))
		}
	}
	return out
}

// maxGoalWords bounds what of a long goal is searched for.
const maxGoalWords = 24

// near returns the sessions that a goal reminds of: those that a search for its
// words finds, the best with 1. Without an index there are none.
func (l *library) near(ctx context.Context, goal string) map[string]float64 {
	r, err := index.Open(l.w.indexDir())
	if err != nil {
		return nil
	}
	defer r.Close()
	var words query.Or // of the goal: none of them is an operator
	for _, word := range strings.FieldsFunc(goal, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(words) < maxGoalWords {
			words = append(words, query.Text{Text: word})
		}
	}
	q := index.Query{Node: words, Now: l.w.clock, Limit: 50}
	if len(words) == 0 {
		return nil
	}
	if len(words) == 1 {
		q.Node = words[0]
	}
	res, err := r.Search(ctx, q)
	if err != nil || len(res.Hits) == 0 {
		return nil
	}
	near := make(map[string]float64)
	for _, h := range res.Hits {
		name := l.roots[h.Session]
		if name == "" {
			name = h.Session
		}
		near[h.Session] = max(near[h.Session], h.Score/res.Hits[0].Score)
		near[name] = max(near[name], near[h.Session])
	}
	return near
}

// rootOf is the checkout of a project that a folder is in, or else the one that
// is known.
func (l *library) rootOf(project, dir string) string {
	if session.SameProject(l.projectAt(dir), project) {
		if root := worktree(dir); root != "" {
			return root
		}
	}
	roots := l.projects.Roots()
	for name, root := range roots {
		if name == project {
			return root
		}
	}
	for name, root := range roots {
		if session.SameProject(name, project) {
			return root
		}
	}
	return ""
}

// projectHere returns the project of the working folder.
func (w *world) projectHere() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	lib, err := w.library()
	if err != nil {
		return "", err
	}
	return lib.projectAt(dir), nil
}

// projectAt returns the project of a folder.
func (l *library) projectAt(dir string) string {
	best, roots := "", l.projects.Roots()
	for name, root := range roots { // the innermost checkout that holds the folder
		if rel, err := filepath.Rel(root, dir); err == nil && filepath.IsLocal(rel) && (best == "" || len(root) > len(roots[best])) {
			best = name
		}
	}
	if best != "" {
		return best
	}
	h := session.Header{Cwd: dir}
	if root, remote := checkout(dir); root != "" {
		h.Cwd, h.Remote = root, remote
	}
	return l.projects.Of(&h).Name
}
