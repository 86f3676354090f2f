package loop

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lode/loop/agent"
	"lode/loop/goal"
	"lode/loop/verify"
	"lode/session"
	"lode/session/lazyregexp"
)

const planTask = `Below is the contract of a goal that an agent will work on for hours, without anybody to ask, and what a linter found in it.
Make it sharper: an end state that can be seen, checks that fail now and pass only when it is reached, a bound on what it may cost, constraints
with a check each, steps that can be verified one by one, files that judge the work protected. Weaken nothing that it says. Look at the files in
your folder; change none.

Say first, in a few lines, what was weak. Then give the whole contract, front matter and body, in one fence of ~~~~markdown … ~~~~, and nothing after it.

`

// Plan asks the planner of a contract for a sharper one. It returns what the
// planner says, and the contract, which a person has yet to look at.
func Plan(ctx context.Context, g *goal.Goal, doc []byte, dir string) (says string, sharper []byte, err error) {
	if g.Planner == "" {
		return "", nil, errors.New("the contract names no planner (hint: planner: claude, or a command line)")
	}
	if verify.Safe(string(doc)) != string(doc) {
		return "", nil, errors.New("the contract holds a secret, or characters that cannot be seen, and is not sent to the planner (hint: let the environment hold it)")
	}
	who := agent.Parse(g.Planner)
	if err := Program(who); err != nil {
		return "", nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s# The contract\n\n~~~~markdown\n%s\n~~~~\n\n# What the linter found\n\n", session.OwnMark, planTask, strings.TrimRight(string(doc), "\n"))
	for _, f := range goal.Lint(g, doc, verify.Lint) {
		fmt.Fprintf(&b, "- line %d: %s\n", f.Line, f.Says)
	}
	text, _, ended, err := askAgent(ctx, who, b.String(), dir, "LODE_RUN=plan-"+short(dir), reviewTime)
	if err != nil {
		return "", nil, err
	}
	if ended.Why != "" || ended.Exit != 0 {
		return "", nil, fmt.Errorf("the planner %s failed: exit code %d %s: %s", who.Name(), ended.Exit, ended.Why, lastLine(ended.Out, nil))
	}
	says, sharper, err = readPlan(text)
	if err != nil {
		return "", nil, err
	}
	after, err := goal.Parse(sharper)
	if err != nil {
		return says, nil, fmt.Errorf("the planner's contract cannot be read: %w", err)
	}
	if weak := weaker(g, after); weak != "" {
		return says, nil, fmt.Errorf("the planner's contract is weaker: %s", weak)
	}
	return says, sharper, nil
}

var planFence = lazyregexp.New("(?ms)^(~~~+|```+)[a-z]*\n(---\n.*?)^(~~~+|```+)[ \t]*$")

// readPlan finds the contract in what a planner says.
func readPlan(text string) (says string, doc []byte, err error) {
	all := planFence.FindAllStringSubmatchIndex(text, -1)
	if len(all) == 0 {
		return "", nil, errors.New("the planner's answer holds no contract in a fence")
	}
	m := all[len(all)-1]
	return strings.TrimSpace(verify.Safe(text[:m[0]])), []byte(verify.Safe(text[m[4]:m[5]])), nil
}

// weaker says what a contract has lost: a check or a protection that a planner
// must not take away, or an agent that it must not choose.
func weaker(before, after *goal.Goal) string {
	has := make(map[string]goal.Check)
	for _, c := range after.All() {
		has[c.ID] = c
	}
	for _, c := range before.Checks {
		now, ok := has[c.ID]
		if !ok {
			return "it lacks the check " + c.ID
		}
		if now.Run != c.Run || now.Heldout != c.Heldout {
			return "it changes what the check " + c.ID + " runs"
		}
	}
	kept := make(map[string]bool)
	for _, p := range after.Protect {
		kept[p] = true
	}
	for _, p := range before.Protect {
		if !kept[p] {
			return "it no longer protects " + p
		}
	}
	switch {
	case after.Agent != before.Agent, after.Evaluator != before.Evaluator, after.Planner != before.Planner:
		return "it names other agents"
	case len(after.Constraints) < len(before.Constraints):
		return "it lacks a constraint"
	}
	return ""
}
