package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"lode/loop"
	"lode/loop/goal"
	"lode/loop/verify"
	"lode/rules"
	"lode/session"
)

const goalHelp = `A goal is a Markdown file with front matter, the contract of a run. The body is
prose for the agent:

  ---
  goal: go test ./... passes, and the benchmark takes a fifth less
  agent: claude
  budget: {iterations: 8, wall: 1h}
  checks:
  - {id: tests, run: go test ./...}
  - {id: speed, run: go run ./bench, metric: 'ns: ([0-9]+)', unit: ns, want: '<= 0.8 * baseline'}
  protect: ['**/*_test.go', 'bench/**']
  ---
  Start with the parser.

The keys:

  goal:        the end state in a sentence: what is true when it is reached
  agent:       who works, with options if need be (claude --model opus):
%s
               or any command line: it gets the prompt on its standard input
               and in the file named in LODE_PROMPT, works in its working
               folder, hands over in the file named in LODE_STATE, and may
               write what it used to the file named in LODE_USAGE, as
               {"input": 900, "output": 80, "cost": 0.02}
  budget:      {iterations: 10, wall: 2h, iteration: 20m, tokens: 2000000,
               cost: 20, idle: 5m}; one of iterations and wall is needed
  checks:      what tells that it is reached, a list; each has an id, and
%s
               with timeout and expect (an exit code, a pattern in the output,
               or both: {exit: 1, output: pattern}) where they fit; heldout
               hides a check from the agent, uses names the files it rests on
  pilot:       ids of cheap checks that must hold before the others are run
  steps:       [{say: the parser reads lists, checks: [lists]}], the way
  review:      [{id: sources, ask: Does every claim name a source?}], judged by
  evaluator:   an agent, when every check holds; it must quote its proof
  vision:      a command that says what the picture named in LODE_IMAGE shows
  constraints: [{say: no new dependencies, run: git diff --exit-code $LODE_BASE -- go.mod}]
  protect:     patterns of files that the agent may not change ("!a.py" takes
               one out); what checks run directly is protected anyway
  artifacts:   patterns of files to keep of each iteration
  learnings:   {tokens: 2000, without: [ids], holdout: 0.2, seed: 1, off: true}
  planner:     an agent that sharpens the contract: lode goal plan
`

func newGoalCommand(g *globals) *cobra.Command {
	var agents, kinds []string
	for _, a := range loop.Agents {
		agents = append(agents, fmt.Sprintf("               %s: %s; transcripts in ~/%s", a.Name, a.Doc, a.Records))
	}
	for _, k := range loop.Verifiers {
		kinds = append(kinds, fmt.Sprintf("               %s: %s", k.Name, k.Doc))
	}
	cmd := &cobra.Command{
		Use:     "goal",
		Short:   "Write and check the contract of a run",
		Long:    fmt.Sprintf(goalHelp, strings.Join(agents, "\n"), strings.Join(kinds, "\n")),
		Example: "  lode goal new fix-tests.md\n  lode goal check fix-tests.md",
	}
	cmd.AddCommand(newGoalNewCommand(g), newGoalCheckCommand(g), newGoalPlanCommand(g))
	return cmd
}

type goalOptions struct {
	goal, agent, evaluator, planner, body  string
	checks, review, constraints, protected []string
	iterations                             int
	wall, iteration                        time.Duration
	force                                  bool
}

func (o *goalOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.goal, "goal", "", "what is true at the end, in a sentence")
	f.StringVar(&o.agent, "agent", "claude", "who works: a name or a command line")
	f.StringArrayVar(&o.checks, "check", nil, "a command that passes when it is reached, as id=command; several are several checks")
	f.StringArrayVar(&o.review, "review", nil, "something for the evaluator to judge, as id=question")
	f.StringVar(&o.evaluator, "evaluator", "", "who judges the review")
	f.StringVar(&o.planner, "planner", "", "who sharpens the contract: lode goal plan")
	f.StringArrayVar(&o.constraints, "constraint", nil, "what must stay true, as words, or as words=command")
	f.StringArrayVar(&o.protected, "protect", nil, "a pattern of files that the agent may not change (default what the checks suggest)")
	f.IntVar(&o.iterations, "iterations", 10, "how many iterations at most")
	f.DurationVar(&o.wall, "wall", 2*time.Hour, "how long at most")
	f.DurationVar(&o.iteration, "iteration", 30*time.Minute, "how long the agent may take in an iteration")
	f.StringVar(&o.body, "notes", "", "what the agent should know beside")
	f.BoolVar(&o.force, "force", false, "overwrite the file")
}

func newGoalNewCommand(g *globals) *cobra.Command {
	var o goalOptions
	cmd := &cobra.Command{
		Use:   "new FILE",
		Short: "Write a goal, from flags or by asking",
		Long:  "new writes a contract. At a terminal it asks for what the flags do not say.",
		Example: `  lode goal new fix-tests.md
  lode goal new fix-tests.md --goal "go test ./... passes" --check "tests=go test ./..." --agent codex`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runGoalNew(cmd, g, o, args[0]) },
	}
	o.AddFlags(cmd)
	return cmd
}

func runGoalNew(cmd *cobra.Command, g *globals, o goalOptions, file string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil && !o.force {
		return usagef("%s is there already (hint: --force overwrites it)", file)
	}
	if in, ok := w.stdin.(*os.File); ok && isTerminal(in) && o.goal == "" {
		interview(w.stderr, in, cmd, &o)
	}
	contract, err := o.contract()
	if err != nil {
		return err
	}
	doc, err := goal.Print(contract)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(file, doc, 0o644); err != nil {
		return err
	}
	found := goal.Lint(contract, doc, verify.Lint)
	if w.json {
		return printJSON(w.stdout, goalView{1, file, orEmpty(found), nil})
	}
	fmt.Fprintf(w.stdout, "wrote %s (hint: read it, then lode goal check %[1]s and lode run %[1]s)\n", file)
	printFindings(w.stdout, file, found)
	return nil
}

// interview asks for what the flags do not say. An empty answer takes what
// stands in brackets.
func interview(out io.Writer, in io.Reader, cmd *cobra.Command, o *goalOptions) {
	lines := bufio.NewScanner(in)
	ask := func(flag, question string, value *string) {
		if cmd.Flags().Changed(flag) {
			return
		}
		fmt.Fprintf(out, "%s", question)
		if *value != "" {
			fmt.Fprintf(out, " [%s]", *value)
		}
		fmt.Fprint(out, "\n> ")
		if lines.Scan() && strings.TrimSpace(lines.Text()) != "" {
			*value = strings.TrimSpace(lines.Text())
		}
	}
	several := func(flag, question string, values *[]string) {
		for !cmd.Flags().Changed(flag) {
			var v string
			if ask(flag, question, &v); v == "" {
				return
			}
			*values = append(*values, v)
			question = "another? (nothing: no)"
		}
	}
	ask("goal", "What is true when it is reached? One sentence, with what can be seen", &o.goal)
	several("check", "Which command fails now, and passes then? As id=command", &o.checks)
	ask("agent", "Who works? A name ("+agentNames()+") or a command line", &o.agent)
	several("constraint", "What must stay true? As words=command, or words alone (nothing: no more)", &o.constraints)
	several("protect", "Which files may the agent not change? A pattern (nothing: what the checks suggest)", &o.protected)
	several("review", "What can only be judged by looking? As id=question (nothing: no more)", &o.review)
	if len(o.review) > 0 {
		ask("evaluator", "Who judges it?", &o.evaluator)
	}
	ask("notes", "What else should the agent know?", &o.body)
}

func agentNames() string {
	var names []string
	for _, a := range loop.Agents {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// contract makes the contract that the flags describe.
func (o *goalOptions) contract() (*goal.Goal, error) {
	if strings.TrimSpace(o.goal) == "" {
		return nil, usagef("there is no goal (hint: --goal says in a sentence what is true at the end)")
	}
	wall, iteration := goal.Duration(o.wall), goal.Duration(o.iteration)
	c := &goal.Goal{Goal: o.goal, Agent: o.agent, Evaluator: o.evaluator, Planner: o.planner, Protect: o.protected,
		Budget: goal.Budget{Iterations: &o.iterations, Wall: &wall, Iteration: &iteration}}
	if o.body != "" {
		c.Body = "\n" + o.body + "\n"
	}
	suggested := make(map[string]bool)
	for i, text := range o.checks {
		id, run := named(text, fmt.Sprintf("check-%d", i+1))
		c.Checks = append(c.Checks, goal.Check{ID: id, Run: run})
		for _, p := range goal.Suggest(run) {
			if len(o.protected) == 0 && !suggested[p] {
				suggested[p] = true
				c.Protect = append(c.Protect, p)
			}
		}
	}
	for i, text := range o.review {
		id, ask := named(text, fmt.Sprintf("criterion-%d", i+1))
		c.Review = append(c.Review, goal.Criterion{ID: id, Ask: ask})
	}
	if len(c.Review) > 0 && c.Evaluator == "" {
		c.Evaluator = cmp.Or(o.evaluator, "claude")
	}
	for _, text := range o.constraints {
		say, run, _ := strings.Cut(text, "=")
		c.Constraints = append(c.Constraints, goal.Constraint{Say: strings.TrimSpace(say), Run: strings.TrimSpace(run)})
	}
	return c, nil
}

// named parts id=text; without an id, another is taken.
func named(text, otherwise string) (id, rest string) {
	before, after, ok := strings.Cut(text, "=")
	if ok && before != "" && !strings.ContainsAny(before, " \t/\"'$|;&") {
		return before, strings.TrimSpace(after)
	}
	return otherwise, strings.TrimSpace(text)
}

// goalView is the machine view of a checked contract.
type goalView struct {
	V        int              `json:"v"`
	File     string           `json:"file"`
	Findings []goal.Finding   `json:"findings"`
	Verdicts []verify.Verdict `json:"verdicts,omitempty"` // with --here
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func printFindings(out io.Writer, file string, found []goal.Finding) {
	for _, f := range found {
		grave := ""
		if f.Grave {
			grave = ", cannot be run"
		}
		fmt.Fprintf(out, "%s:%d: %s%s: %s", file, f.Line, f.Kind, grave, session.Clean(f.Says))
		if f.Hint != "" {
			fmt.Fprintf(out, " (hint: %s)", f.Hint)
		}
		fmt.Fprintln(out)
	}
}

func newGoalCheckCommand(g *globals) *cobra.Command {
	var static, here, exit bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is weak in a goal, or whether it is reached here",
		Long: `check says what is wrong or weak in a contract: an end that nobody can see, nothing
that verifies it, a check that passes already or cannot fail, no budget, a
constraint that nothing checks, contradictions. It runs the checks twice: on the
last commit, in a worktree that is thrown away, and in an empty folder; --static
leaves that out.

With --here it runs the checks on the working folder as it is, and says whether
they hold: for other loops, hooks and CI. Exit code 3 then says that they do not.`,
		Example: `  lode goal check fix-tests.md
  lode goal check --static --exit-code fix-tests.md
  until lode goal check --here fix-tests.md; do claude -p "$(cat fix-tests.md; lode brief)"; done`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if here {
				return runGoalHere(cmd.Context(), g, args[0])
			}
			return runGoalCheck(cmd.Context(), g, args[0], !static, exit)
		},
	}
	cmd.Flags().BoolVar(&static, "static", false, "read the contract only; run nothing")
	cmd.Flags().BoolVar(&here, "here", false, "run the checks on the working folder: do they hold?")
	cmd.Flags().BoolVar(&exit, "exit-code", false, "exit with 3 when something is found")
	return cmd
}

func runGoalCheck(ctx context.Context, g *globals, file string, try, exit bool) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	contract, doc, err := goal.Load(file)
	if err != nil {
		return err
	}
	found, err := loop.Check(ctx, contract, doc, file, try)
	if err != nil {
		return err
	}
	if w.json {
		err = printJSON(w.stdout, goalView{1, file, orEmpty(found), nil})
	} else {
		printFindings(w.stdout, file, found)
		if len(found) == 0 {
			w.note("%s: nothing is weak in it", file)
		}
	}
	if err == nil && exit && len(found) > 0 {
		return errFound
	}
	return err
}

func runGoalHere(ctx context.Context, g *globals, file string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	contract, doc, err := goal.Load(file)
	if err != nil {
		return err
	}
	verdicts, err := loop.Verify(ctx, contract, doc, file)
	if err != nil {
		return err
	}
	holds := true
	for _, v := range verdicts {
		holds = holds && v.Status == verify.Green
	}
	if w.json {
		err = printJSON(w.stdout, goalView{1, file, []goal.Finding{}, orEmpty(verdicts)})
	} else {
		for _, v := range verdicts {
			fmt.Fprintf(w.stdout, "%s: %s: %s\n", v.Check, v.Status, v.Says)
			if v.Part != "" && !v.Heldout {
				fmt.Fprintf(w.stdout, "%s\n", v.Part)
			}
		}
	}
	if err == nil && !holds {
		return errFound
	}
	return err
}

func newGoalPlanCommand(g *globals) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Have the planner sharpen a goal",
		Long: `plan shows the contract, and what is weak in it, to the planner that it names, and
prints what the planner would change as a diff. Nothing is written until you
say yes. A planner cannot take away a check, a protection or a constraint.`,
		Example: "  lode goal plan fix-tests.md\n  lode goal plan fix-tests.md --yes",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runGoalPlan(cmd.Context(), g, args[0], yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "write what the planner proposes without asking")
	return cmd
}

func runGoalPlan(ctx context.Context, g *globals, file string, yes bool) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	contract, doc, err := goal.Load(file)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	says, sharper, err := loop.Plan(ctx, contract, doc, dir)
	if says != "" {
		w.note("%s", says)
	}
	if err != nil {
		return err
	}
	diff, err := rules.Unified(filepath.Base(file), string(doc), string(sharper), false)
	if err != nil {
		return err
	}
	if diff == "" {
		w.note("the planner would change nothing")
		return nil
	}
	fmt.Fprint(w.stdout, diff)
	in, ok := w.stdin.(*os.File)
	if !yes && (!ok || !isTerminal(in) || !w.confirm("write this to "+file+"?")) {
		w.note("%s is as it was (hint: --yes writes it)", file)
		return nil
	}
	now, err := os.ReadFile(file)
	if err != nil || string(now) != string(doc) {
		return errors.Join(err, fmt.Errorf("%s was changed meanwhile; nothing was written", file))
	}
	return renameio.WriteFile(file, sharper, 0o644)
}
