package goal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"lode/session/lazyregexp"
)

// Finding is something that is wrong or weak in a contract.
type Finding struct {
	Line  int    `json:"line"`  // 1-based
	Grave bool   `json:"grave"` // the contract cannot be run as it stands
	Kind  string `json:"kind"`
	Says  string `json:"says"`
	Hint  string `json:"hint,omitempty"`
}

// The kinds of findings.
const (
	Incomplete    = "incomplete"
	Malformed     = "malformed"
	Vague         = "vague"
	NoVerifier    = "no-verifier"
	CannotFail    = "cannot-fail"
	PassesAlready = "passes-already"
	NoBudget      = "no-budget"
	Unchecked     = "unchecked"
	Contradiction = "contradiction"
	Unprotected   = "unprotected"
)

// Linter gathers findings, and knows the lines of a contract.
type Linter struct {
	goal  *Goal
	front []byte
	found []Finding
}

// Lint says what is wrong or weak in a contract, in the order of its lines.
// kinds tells how a check's keys fit together: it returns what is wrong.
func Lint(g *Goal, doc []byte, kinds func(*Check) []string) []Finding {
	l := &Linter{goal: g}
	l.front, _, _ = cut(doc)
	l.purpose()
	l.budget()
	l.checks(kinds)
	l.references()
	l.constraints()
	l.globs()
	slices.SortStableFunc(l.found, func(a, b Finding) int { return a.Line - b.Line })
	return l.found
}

// Line is the line of a contract at which a YAML path stands, such as
// $.checks[1]; 1 when there is none.
func Line(doc []byte, path string) int {
	front, _, err := cut(doc)
	if err != nil {
		return 1
	}
	return lineOf(front, path)
}

func lineOf(front []byte, path string) (line int) {
	line = 1
	defer func() { recover() }() // the parser of paths panics on some documents that it has read
	file, err := parser.ParseBytes(front, 0)
	if err != nil {
		return line
	}
	p, err := yaml.PathString(path)
	if err != nil {
		return line
	}
	if node, err := p.FilterFile(file); err == nil && node != nil && node.GetToken() != nil {
		line = node.GetToken().Position.Line + 1
	}
	return line
}

func (l *Linter) add(path string, grave bool, kind, says, hint string) {
	l.found = append(l.found, Finding{lineOf(l.front, path), grave, kind, says, hint})
}

// vague are words that sound like an end and have none.
var vague = lazyregexp.New(`(?i)\b(better|improve|improved|nicer|cleaner|clean up|good|properly|robust|optimi[sz]e|faster|as (?:fast|good|well|much) as possible|etc|and so on|refactor|production.ready|work(?:s)? well|user.friendly|modern|high.quality)\b`)

func (l *Linter) purpose() {
	g := l.goal
	switch {
	case strings.TrimSpace(g.Goal) == "":
		l.add("$", true, Incomplete, "there is no goal", "goal: one sentence that says what is true at the end")
	case vague.MatchString(g.Goal) && !regexp.MustCompile(`[0-9]`).MatchString(g.Goal):
		l.add("$.goal", false, Vague, fmt.Sprintf("%q has no end that can be seen", vague.FindString(g.Goal)), "say what is true at the end: a number, a file, a command that passes")
	}
	if strings.TrimSpace(g.Agent) == "" {
		l.add("$", true, Incomplete, "there is no agent", "agent: claude, or a command line that reads the prompt on standard input")
	}
	if len(g.Review) > 0 && g.Evaluator == "" {
		l.add("$.review", true, Incomplete, "there is a review and nobody to answer it", "evaluator: claude, or a command line")
	}
	for i, c := range g.Review {
		path := fmt.Sprintf("$.review[%d]", i)
		if c.ID == "" || strings.TrimSpace(c.Ask) == "" {
			l.add(path, true, Incomplete, "a criterion of the review needs an id and what to ask", "- {id: sources, ask: Does every claim name its source?}")
		} else if len(strings.Fields(c.Ask)) < 4 || vague.MatchString(c.Ask) && len(strings.Fields(c.Ask)) < 8 {
			l.add(path+".ask", false, Vague, fmt.Sprintf("%q can be answered either way", c.Ask), "ask for something that can be pointed at in a file")
		}
	}
}

func (l *Linter) budget() {
	b := l.goal.Budget
	if b.Iterations == nil && b.Wall == nil {
		l.add("$.budget", true, NoBudget, "nothing bounds the run", "budget: {iterations: 10, wall: 2h}")
	}
	zero := func(key string, is bool) {
		if is {
			l.add("$.budget."+key, true, NoBudget, key+" is zero or less: nothing could be done", "leave it out, or give it a value")
		}
	}
	zero("iterations", b.Iterations != nil && *b.Iterations <= 0)
	zero("tokens", b.Tokens != nil && *b.Tokens <= 0)
	zero("cost", b.Cost != nil && *b.Cost <= 0)
	for key, d := range map[string]*Duration{"wall": b.Wall, "iteration": b.Iteration, "idle": b.Idle} {
		zero(key, d != nil && *d <= 0)
	}
	if b.Wall != nil && b.Iteration != nil && *b.Iteration > *b.Wall {
		l.add("$.budget.iteration", false, Contradiction, "an iteration may take longer than the whole run", "")
	}
	if b.Iteration == nil && b.Wall == nil && b.Iterations != nil && *b.Iterations > 0 {
		l.add("$.budget", false, NoBudget, "nothing bounds the time of an iteration; it ends after 1h", "budget: {iteration: 20m}")
	}
	if b.Iteration != nil && b.Idle != nil && *b.Idle > *b.Iteration {
		l.add("$.budget.idle", false, Contradiction, "idle is longer than an iteration may take: it never counts", "")
	}
}

// idForm is what ids look like: they name files.
var idForm = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)

func (l *Linter) checks(kinds func(*Check) []string) {
	g := l.goal
	if len(g.Checks) == 0 && len(g.Review) == 0 {
		l.add("$", true, NoVerifier, "nothing tells when the goal is reached", "checks: [{id: tests, run: make check}]")
	} else if len(g.Checks) == 0 {
		l.add("$.review", false, NoVerifier, "only an agent's judgement tells when the goal is reached", "a check on what can be seen, such as {id: report, files: [report.md]}")
	}
	if len(g.Checks) > 0 && !slices.ContainsFunc(g.Checks, func(c Check) bool { return !c.Heldout }) {
		l.add("$.checks", false, NoVerifier, "every check is held out: the agent never learns what is missing", "")
	}
	seen := make(map[string]bool)
	for i := range g.Checks {
		c, path := &g.Checks[i], fmt.Sprintf("$.checks[%d]", i)
		if !idForm.MatchString(c.ID) || strings.HasPrefix(c.ID, "constraint-") {
			l.add(path, true, Malformed, fmt.Sprintf("%q is no id", c.ID), "letters, digits, dots and dashes; constraint-… is taken")
		}
		if seen[c.ID] {
			l.add(path, true, Contradiction, "there are two checks "+c.ID, "give each an id of its own")
		}
		seen[c.ID] = true
		for _, says := range kinds(c) {
			l.add(path, true, Malformed, c.ID+": "+says, "")
		}
		if c.Run != "" {
			l.command(path+".run", c.ID, c.Run, c)
		}
		if c.Timeout != nil && *c.Timeout <= 0 {
			l.add(path+".timeout", true, NoBudget, c.ID+": a timeout of zero or less", "leave it out, or give it a value")
		}
	}
	for i, c := range g.Review {
		if seen[c.ID] {
			l.add(fmt.Sprintf("$.review[%d]", i), true, Contradiction, "there are two items "+c.ID, "give each an id of its own")
		}
		seen[c.ID] = true
	}
}

// alwaysGood are the ways in which a command line ends well whatever happens.
var alwaysGood = lazyregexp.New(`(\|\||;|&&?)\s*(true|:|exit 0|echo\b[^|;&]*)\s*$|^\s*(true|:|exit 0|echo\b[^|;&]*)\s*$|;\s*(exit 0|true)\s*$`)

// lastOfPipe is a pipe whose last command cannot fail.
var lastOfPipe = lazyregexp.New(`[^|]\|\s*(tee|cat|head|tail|sort|wc|less|tr|cut|sed|awk)\b[^|]*$`)

func (l *Linter) command(path, id, run string, c *Check) {
	judged := c != nil && (c.Expect != nil || c.Metric != "")
	switch {
	case alwaysGood.MatchString(run) && !judged && !strings.Contains(run, "&& echo"):
		l.add(path, false, CannotFail, fmt.Sprintf("%s: %q passes whatever happens", id, alwaysGood.FindString(run)), "let the exit code of the check decide, or say what to expect")
	case lastOfPipe.MatchString(run) && !judged && !strings.Contains(run, "pipefail"):
		l.add(path, false, CannotFail, id+": the exit code is that of the last command of the pipe, which does not fail", "leave the pipe out: lode keeps the end of long output itself")
	}
	for _, t := range runners {
		if t.command.MatchString(run) && len(l.goal.Protect) == 0 && (c == nil || len(c.Uses) == 0) {
			l.add(path, false, Unprotected, id+": the agent may change what it runs", "protect: ["+strings.Join(t.protect, ", ")+"]")
			break
		}
	}
}

// runner is a program that finds its tests itself, and where they are.
type runner struct {
	command *lazyregexp.Regexp
	protect []string
}

var runners = []runner{
	{lazyregexp.New(`\bgo test\b`), []string{`"**/*_test.go"`}},
	{lazyregexp.New(`\bpytest\b`), []string{`"**/test_*.py"`, `"**/*_test.py"`, `"**/conftest.py"`}},
	{lazyregexp.New(`\bcargo (test|nextest)\b`), []string{`"**/tests/**"`}},
	{lazyregexp.New(`\b(npm|pnpm|yarn|bun)( run)? test\b|\b(jest|vitest)\b`), []string{"package.json", `"**/*.{test,spec}.*"`}},
	{lazyregexp.New(`\bmake\b`), []string{"Makefile"}},
	{lazyregexp.New(`\bjust\b`), []string{"justfile"}},
}

// Suggest returns the globs that protect what a command runs, ready for YAML.
func Suggest(run string) []string {
	for _, t := range runners {
		if t.command.MatchString(run) {
			var globs []string
			for _, g := range t.protect {
				globs = append(globs, strings.Trim(g, `"`))
			}
			return globs
		}
	}
	return nil
}

func (l *Linter) references() {
	known := make(map[string]bool)
	for _, c := range l.goal.All() {
		known[c.ID] = true
	}
	for i, id := range l.goal.Pilot {
		if !known[id] {
			l.add(fmt.Sprintf("$.pilot[%d]", i), true, Malformed, "the pilot names "+id+", which is no check", "")
		}
	}
	for i, s := range l.goal.Steps {
		path := fmt.Sprintf("$.steps[%d]", i)
		if strings.TrimSpace(s.Say) == "" || len(s.Checks) == 0 {
			l.add(path, true, Incomplete, "a step needs words and the checks that tell when it is done", "- {say: The parser reads lists, checks: [lists]}")
		}
		for _, id := range s.Checks {
			if !known[id] {
				l.add(path, true, Malformed, "a step names "+id+", which is no check", "")
			}
		}
	}
}

func (l *Linter) constraints() {
	for i, c := range l.goal.Constraints {
		path := fmt.Sprintf("$.constraints[%d]", i)
		switch {
		case strings.TrimSpace(c.Say) == "":
			l.add(path, true, Incomplete, "a constraint without words", "- {say: No new dependencies, run: git diff --exit-code BASE -- go.mod}")
		case c.Run == "":
			l.add(path, false, Unchecked, fmt.Sprintf("nothing checks %q", c.Say), "run: a command that fails when it is broken")
		default:
			l.command(path+".run", fmt.Sprintf("constraint-%d", i+1), c.Run, nil)
		}
	}
}

func (l *Linter) globs() {
	g := l.goal
	look := func(path string, globs []string) {
		for i, glob := range globs {
			if !doublestar.ValidatePattern(strings.TrimPrefix(glob, "!")) || glob == "" {
				l.add(fmt.Sprintf("%s[%d]", path, i), true, Malformed, fmt.Sprintf("%q is no pattern of paths", glob), "src/**, *.md, docs/{a,b}.txt")
			}
		}
	}
	look("$.protect", g.Protect)
	look("$.artifacts", g.Artifacts)
	for i, c := range g.Checks {
		path := fmt.Sprintf("$.checks[%d].", i)
		look(path+"uses", c.Uses)
		look(path+"files", c.Files)
		look(path+"scope", c.Scope)
		for _, f := range c.Files {
			if c.Fresh && slices.Contains(g.Protect, f) {
				l.add(path+"files", true, Contradiction, fmt.Sprintf("%s must be changed, and is protected", f), "take it out of protect or of files")
			}
		}
		for _, s := range c.Scope {
			if slices.Contains(g.Protect, s) && len(c.Scope) == 1 {
				l.add(path+"scope", true, Contradiction, fmt.Sprintf("only %s may be changed, and it is protected", s), "")
			}
		}
	}
	if slices.Contains(g.Protect, "**") && !slices.ContainsFunc(g.Protect, func(p string) bool { return strings.HasPrefix(p, "!") }) {
		l.add("$.protect", true, Contradiction, "everything is protected: nothing can be done", "")
	}
	l.metrics()
}

// metrics looks for targets of one command that cannot hold together.
func (l *Linter) metrics() {
	type bound struct {
		want Want
		id   string
	}
	of := make(map[string][]bound)
	for i, c := range l.goal.Checks {
		if c.Metric == "" {
			continue
		}
		want, err := ParseWant(c.Want)
		if err != nil {
			continue // told by its kind
		}
		key := c.Run + "\x00" + c.Metric
		for _, b := range of[key] {
			if b.want.Baseline == want.Baseline && apart(b.want, want) {
				l.add(fmt.Sprintf("$.checks[%d].want", i), true, Contradiction, fmt.Sprintf("%s and %s cannot both be met", b.id, c.ID), "")
			}
		}
		of[key] = append(of[key], bound{want, c.ID})
	}
}

// apart reports whether no number meets both targets.
func apart(a, b Want) bool {
	low := func(w Want) bool { return w.Op[0] == '>' }
	if a.Op == "==" && b.Op == "==" {
		return a.Value != b.Value
	}
	if a.Op == "==" {
		return !b.Met(a.Target(1), 1)
	}
	if b.Op == "==" {
		return !a.Met(b.Target(1), 1)
	}
	if low(a) == low(b) {
		return false
	}
	if low(b) {
		a, b = b, a
	}
	return a.Value > b.Value || a.Value == b.Value && (len(a.Op) == 1 || len(b.Op) == 1)
}

// Grave reports whether a finding keeps the contract from being run.
func Grave(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Grave })
}
