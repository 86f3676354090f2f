package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"lode/loop/agent"
	"lode/loop/goal"
	"lode/loop/tree"
	"lode/loop/verify"
)

// Check says what is wrong or weak in a contract. With try it also runs the
// checks that are commands: on the last commit, in a worktree that is thrown
// away, and in an empty folder.
func Check(ctx context.Context, g *goal.Goal, doc []byte, file string, try bool) ([]goal.Finding, error) {
	found := goal.Lint(g, doc, verify.Lint)
	for key, who := range map[string]string{"agent": g.Agent, "planner": g.Planner, "evaluator": g.Evaluator} {
		if who == "" {
			continue
		}
		if err := Program(agent.Parse(who)); err != nil {
			found = append(found, goal.Finding{Line: goal.Line(doc, "$."+key), Grave: key != "planner", Kind: goal.Incomplete, Says: err.Error()})
		}
	}
	if try && !goal.Grave(found) {
		tried, err := tryChecks(ctx, g, doc, file)
		if err != nil {
			return found, err
		}
		found = append(found, tried...)
	}
	slices.SortStableFunc(found, func(a, b goal.Finding) int { return a.Line - b.Line })
	return found, nil
}

// tryChecks runs the checks where no work has been done, and where there is
// nothing to judge.
func tryChecks(ctx context.Context, g *goal.Goal, doc []byte, file string) (found []goal.Finding, err error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	top, base, err := checkout(ctx, abs, "HEAD")
	if err != nil {
		return []goal.Finding{{Line: 1, Kind: goal.Incomplete, Says: err.Error()}}, nil
	}
	temp, err := os.MkdirTemp("", "lode-check-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	t := &tree.Tree{Repo: top, Dir: filepath.Join(temp, "tree")}
	if err := t.Detach(ctx, base); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Forget(context.WithoutCancel(ctx))) }()
	now, err := t.TreeOf(ctx, base)
	if err != nil {
		return nil, err
	}
	empty := filepath.Join(temp, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		return nil, err
	}
	return tryAll(ctx, g, doc, trial(t.Dir, now, temp, base), trial(empty, now, temp, base))
}

// tryAll runs the checks here and in an empty folder.
func tryAll(ctx context.Context, g *goal.Goal, doc []byte, here, nowhere *verify.Place) (found []goal.Finding, err error) {
	passed, all := 0, g.All()
	for i := range all {
		c := &all[i]
		if c.Approve != "" {
			continue
		}
		path := fmt.Sprintf("$.checks[%d]", i)
		if i >= len(g.Checks) {
			path = "$.constraints"
		}
		v := verify.Judge(ctx, here, c)
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
		line := goal.Line(doc, path)
		if v.Status == verify.Unclear || v.Exit != nil && *v.Exit == 127 {
			found = append(found, goal.Finding{Line: line, Kind: goal.NoVerifier, Says: c.ID + ": " + v.Says})
		}
		if v.Status != verify.Green {
			continue
		}
		if i < len(g.Checks) {
			passed++
		}
		if c.Run != "" && verify.Judge(ctx, nowhere, c).Status == verify.Green {
			found = append(found, goal.Finding{Line: line, Kind: goal.CannotFail, Says: c.ID + ": it passes in an empty folder too", Hint: "let it look at the work"})
		}
	}
	if passed > 0 && passed == len(g.Checks) {
		found = append(found, goal.Finding{Line: goal.Line(doc, "$.checks"), Kind: goal.PassesAlready, Says: "every check passes already, before any work", Hint: "add the check that fails until the goal is reached"})
	}
	return found, nil
}

// trial is a place to try a check in.
func trial(dir, now, temp, base string) *verify.Place {
	return &verify.Place{Run: "check", Dir: dir, Base: now, Now: now, Pristine: dir, Artifacts: filepath.Join(temp, "artifacts"),
		Log:      func(string, string) (string, error) { return "", nil },
		Baseline: func(string) *float64 { return nil },
		Answer:   func(string, string) (bool, bool) { return false, false },
		Tag:      "LODE_RUN=" + filepath.Base(temp), Env: []string{"LODE_BASE=" + base}}
}

// Verify runs the checks of a contract on the working folder as it is, for
// loops of other makers. There is no baseline, and nothing is protected.
func Verify(ctx context.Context, g *goal.Goal, doc []byte, file string) ([]verify.Verdict, error) {
	for _, f := range goal.Lint(g, doc, verify.Lint) {
		if f.Grave && (f.Kind == goal.Malformed || f.Kind == goal.NoVerifier || f.Kind == goal.Contradiction) {
			return nil, fmt.Errorf("%s:%d: %s", file, f.Line, f.Says)
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "lode-check-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	base := ""
	var changes []tree.Change
	if top, err := tree.Top(ctx, dir); err == nil {
		dir = top
		if base, err = tree.Commit(ctx, top, "HEAD"); err == nil {
			if changes, err = tree.Since(ctx, top, base); err != nil {
				return nil, err
			}
		}
	}
	p := trial(dir, base, temp, base)
	p.Changes = changes
	var all []verify.Verdict
	for _, c := range g.All() {
		v := verify.Judge(ctx, p, &c)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v.Tree, v.Log = "", ""
		all = append(all, v)
	}
	return all, nil
}
