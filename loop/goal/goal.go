// Package goal holds the contract of a run: what the end state is, which checks
// tell that it is reached, what may not be touched, and what it may cost.
//
// A contract is a Markdown file with front matter; the body is prose for the
// agent that does the work. Parse and Print are inverse. Lint says what is weak
// in a contract without running anything.
package goal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"lode/rules"
	"lode/session/lazyregexp"
)

// Goal is a contract. It is stored as it was written; keys may be added.
type Goal struct {
	Goal        string       `yaml:"goal"`                // the end state, in a sentence
	Agent       string       `yaml:"agent"`               // who works: a name of loop.Agents, or a command line
	Planner     string       `yaml:"planner,omitempty"`   // who sharpens the contract
	Evaluator   string       `yaml:"evaluator,omitempty"` // who answers the review
	Vision      string       `yaml:"vision,omitempty"`    // a command that describes the picture named in LODE_IMAGE
	Budget      Budget       `yaml:"budget"`
	Pilot       []string     `yaml:"pilot,omitempty"` // ids of the checks that must pass before the others are run
	Checks      []Check      `yaml:"checks,omitempty"`
	Steps       []Step       `yaml:"steps,omitempty"`
	Review      []Criterion  `yaml:"review,omitempty"`
	Constraints []Constraint `yaml:"constraints,omitempty"`
	Protect     []string     `yaml:"protect,omitempty"`   // globs; "!glob" takes out of the protection
	Artifacts   []string     `yaml:"artifacts,omitempty"` // globs of what is kept of each iteration
	Learnings   Learnings    `yaml:"learnings,omitempty"`
	Body        string       `yaml:"-"`
}

// Budget says when a run ends at the latest. What is absent has no limit; there
// must be one on iterations or time.
type Budget struct {
	Iterations *int      `yaml:"iterations,omitempty"`
	Wall       *Duration `yaml:"wall,omitempty"`      // of the whole run, without what it slept or was away
	Iteration  *Duration `yaml:"iteration,omitempty"` // of the agent in one iteration
	Tokens     *int      `yaml:"tokens,omitempty"`    // all that agents report: in and out, of all roles
	Cost       *float64  `yaml:"cost,omitempty"`      // USD, where agents report it
	Idle       *Duration `yaml:"idle,omitempty"`      // without a sign of life from the agent
}

// Check is one verifier. Which of its keys is set says of what kind it is; see
// the table loop.Verifiers.
type Check struct {
	ID      string    `yaml:"id"`
	Run     string    `yaml:"run,omitempty"`     // a command line, run with sh in the worktree
	Timeout *Duration `yaml:"timeout,omitempty"` // 10m when absent
	Expect  *Expect   `yaml:"expect,omitempty"`
	Metric  string    `yaml:"metric,omitempty"` // a regular expression with one group: the number; the last match counts
	Unit    string    `yaml:"unit,omitempty"`
	Want    string    `yaml:"want,omitempty"`    // "< 20", ">= 0.9", "<= 0.8 * baseline"
	Heldout bool      `yaml:"heldout,omitempty"` // the agent that works does not see it
	Uses    []string  `yaml:"uses,omitempty"`    // globs of the files it rests on: protected, and hidden when held out

	Files   []string `yaml:"files,omitempty"` // globs, each of which must match a file that is not empty
	Fresh   bool     `yaml:"fresh,omitempty"` // and was changed by the run
	Scope   []string `yaml:"scope,omitempty"` // globs: nothing else may be changed
	Lines   int      `yaml:"lines,omitempty"` // how many changed lines at most
	Clean   bool     `yaml:"clean,omitempty"` // no unfinished merge and no conflict marks
	HTTP    string   `yaml:"http,omitempty"`  // an address that must answer 200, or as expect says
	Start   string   `yaml:"start,omitempty"` // a server to run meanwhile
	Shot    string   `yaml:"screenshot,omitempty"`
	Against string   `yaml:"reference,omitempty"` // the picture to compare with
	Size    string   `yaml:"size,omitempty"`      // 1280x800
	Measure string   `yaml:"measure,omitempty"`   // pixels (the default) or perceptual
	Within  *float64 `yaml:"distance,omitempty"`  // 0 to 1; 0.01 when absent
	Approve string   `yaml:"approve,omitempty"`   // what a person is asked
}

// Step is a part of the way: done when its checks pass.
type Step struct {
	Say    string   `yaml:"say"`
	Checks []string `yaml:"checks"`
}

// Criterion is something that an evaluator judges.
type Criterion struct {
	ID  string `yaml:"id"`
	Ask string `yaml:"ask"`
}

// Constraint is something that must stay true; with a command, it is a check.
type Constraint struct {
	Say string `yaml:"say"`
	Run string `yaml:"run,omitempty"`
}

// Learnings says which learnings of past sessions an iteration is given.
type Learnings struct {
	Off     bool     `yaml:"off,omitempty"`
	Tokens  int      `yaml:"tokens,omitempty"`  // 2000 when absent
	Without []string `yaml:"without,omitempty"` // ids that are left out
	Holdout float64  `yaml:"holdout,omitempty"` // share that is withheld, to see what they do
	Seed    int      `yaml:"seed,omitempty"`    // chooses what is withheld
}

// Duration is a time.Duration, written as 90s, 10m, 2h.
type Duration time.Duration

// Of returns the duration, or another where there is none.
func (d *Duration) Of(absent time.Duration) time.Duration {
	if d == nil {
		return absent
	}
	return time.Duration(*d)
}

// UnmarshalYAML reads 90s, 10m or 2h.
func (d *Duration) UnmarshalYAML(read func(any) error) error {
	var s string
	if err := read(&s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is no duration (hint: 90s, 10m, 2h)", s)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes the duration.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// String writes the duration without what is zero at its end: 10m, not 10m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Expect is what a command must end with: an exit code, a pattern in its
// output (a regular expression), or both. It is written as the one or the
// other, or as {exit, output}. For http the code is the status.
type Expect struct {
	Exit   int
	Output string
}

// UnmarshalYAML reads a code, a pattern, or both.
func (e *Expect) UnmarshalYAML(read func(any) error) error {
	var v any
	if err := read(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		e.Output = v
		return nil
	case map[string]any:
		for key, x := range v {
			text, isText := x.(string)
			code, isCode := number(x)
			switch {
			case key == "exit" && isCode:
				e.Exit = code
			case key == "output" && isText:
				e.Output = text
			default:
				return fmt.Errorf("expect: %s: %v (hint: an exit code, a pattern, or {exit: 1, output: pattern})", key, x)
			}
		}
		return nil
	}
	if code, ok := number(v); ok {
		e.Exit = code
		return nil
	}
	return errors.New("expect is an exit code, a pattern, or {exit: 1, output: pattern}")
}

func number(v any) (int, bool) {
	n, err := strconv.Atoi(fmt.Sprint(v))
	_, text := v.(string)
	return n, err == nil && !text
}

// MarshalYAML writes the shortest form.
func (e Expect) MarshalYAML() (any, error) {
	switch {
	case e.Output == "":
		return e.Exit, nil
	case e.Exit == 0:
		return e.Output, nil
	}
	return yaml.MapSlice{{Key: "exit", Value: e.Exit}, {Key: "output", Value: e.Output}}, nil
}

// Want is the target of a metric.
type Want struct {
	Op       string // < <= > >= ==
	Value    float64
	Baseline bool // Value is a factor of what was measured at the start
}

var wantForm = lazyregexp.New(`^(<=|>=|==|<|>)\s*(?:(-?[0-9.]+(?:[eE][-+]?[0-9]+)?)(\s*\*\s*baseline)?|(baseline))$`)

// ParseWant reads the target of a metric.
func ParseWant(s string) (Want, error) {
	m := wantForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Want{}, fmt.Errorf(`want %q is no target (hint: "< 20", ">= 0.9", "<= 0.8 * baseline")`, s)
	}
	w := Want{Op: m[1], Value: 1, Baseline: m[3]+m[4] != ""}
	if m[2] != "" {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return Want{}, fmt.Errorf("want %q: %w", s, err)
		}
		w.Value = v
	}
	return w, nil
}

// Target is the number to reach, given the baseline.
func (w Want) Target(baseline float64) float64 {
	if w.Baseline {
		return w.Value * baseline
	}
	return w.Value
}

// Met reports whether a value is as wanted.
func (w Want) Met(value, baseline float64) bool {
	t := w.Target(baseline)
	switch w.Op {
	case "<":
		return value < t
	case "<=":
		return value <= t
	case ">":
		return value > t
	case ">=":
		return value >= t
	}
	return value == t
}

const mark = "---\n"

// Load reads a contract from a file. What is wrong with it is told with file
// and line.
func Load(file string) (*Goal, []byte, error) {
	doc, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	g, err := Parse(doc)
	var at *LineError
	switch {
	case errors.As(err, &at):
		return nil, doc, fmt.Errorf("%s:%d: %w", file, at.Line, err)
	case err != nil:
		return nil, doc, fmt.Errorf("%s: %w", file, err)
	}
	return g, doc, nil
}

// LineError is a fault of a contract at one of its lines, counted from 1.
type LineError struct {
	Line int
	Says string
}

func (e *LineError) Error() string { return e.Says }

// Parse reads a contract.
func Parse(doc []byte) (*Goal, error) {
	front, body, err := cut(doc)
	if err != nil {
		return nil, err
	}
	var g Goal
	if err := rules.ReadYAML(front, &g, yaml.Strict()); err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, &LineError{at.GetToken().Position.Line + 1, strings.TrimSpace(at.GetMessage()) + " (hint: lode goal --help lists the keys)"}
		}
		return nil, &LineError{2, err.Error()}
	}
	g.Body = string(body)
	return &g, nil
}

// cut parts the front matter of a contract from its body.
func cut(doc []byte) (front, body []byte, err error) {
	doc = bytes.ReplaceAll(bytes.TrimPrefix(doc, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	rest, ok := bytes.CutPrefix(doc, []byte(mark))
	if !ok {
		return nil, nil, &LineError{1, "a goal begins with a line of --- and its front matter (hint: lode goal new writes one)"}
	}
	front, body, ok = bytes.Cut(append([]byte("\n"), rest...), []byte("\n"+mark))
	if !ok {
		if front, ok = bytes.CutSuffix(append([]byte("\n"), rest...), []byte("\n---")); !ok {
			return nil, nil, &LineError{1 + bytes.Count(doc, []byte("\n")), "the front matter does not end with a line of ---"}
		}
		body = nil
	}
	return append(bytes.TrimPrefix(front, []byte("\n")), '\n'), body, nil
}

// Print writes a contract; Parse reads it back.
func Print(g *Goal) ([]byte, error) {
	front, err := rules.FrontMatter(g)
	if err != nil {
		return nil, err
	}
	return append(front, g.Body...), nil
}

// Hash names the bytes of a contract or a check.
func Hash(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:12])
}

// All returns every check of a contract: its own, and those of its
// constraints, which are named constraint-1 and so on.
func (g *Goal) All() []Check {
	all := append([]Check(nil), g.Checks...)
	for i, c := range g.Constraints {
		if c.Run != "" {
			all = append(all, Check{ID: fmt.Sprintf("constraint-%d", i+1), Run: c.Run})
		}
	}
	return all
}

// Shown is the contract that the agent that works is shown: word for word, but
// without checks that are held out.
func (g *Goal) Shown(doc []byte) ([]byte, error) {
	shown, hidden := *g, make(map[string]bool)
	shown.Checks = nil
	for _, c := range g.Checks {
		if hidden[c.ID] = c.Heldout; !c.Heldout {
			shown.Checks = append(shown.Checks, c)
		}
	}
	if len(shown.Checks) == len(g.Checks) {
		return doc, nil
	}
	without := func(ids []string) (left []string) {
		for _, id := range ids {
			if !hidden[id] {
				left = append(left, id)
			}
		}
		return left
	}
	shown.Pilot, shown.Steps = without(g.Pilot), nil
	for _, s := range g.Steps {
		if s.Checks = without(s.Checks); len(s.Checks) > 0 {
			shown.Steps = append(shown.Steps, s)
		}
	}
	return Print(&shown)
}
