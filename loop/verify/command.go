package verify

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lode/loop/goal"
	"lode/loop/proc"
	"lode/session/lazyregexp"
)

// Command is a command line that must end as expected.
var Command = Kind{
	Name: "run",
	Doc:  "a command line that must exit with 0, or as expect says",
	Is:   func(c *goal.Check) bool { return c.Run != "" && c.Metric == "" },
	Lint: func(c *goal.Check) []string {
		if c.Want != "" || c.Unit != "" {
			return []string{"want and unit are for a metric (hint: metric: a pattern with one group, the number)"}
		}
		return nil
	},
	Uses: scripts,
	Pure: true,
	Run: func(ctx context.Context, p *Place, c *goal.Check) Verdict {
		v, _ := p.command(ctx, c)
		return v
	},
}

// floodBytes is how much a check may print before it is ended.
const floodBytes = 256 << 20

// command runs the command of a check, and returns its output too.
func (p *Place) command(ctx context.Context, c *goal.Check) (Verdict, string) {
	want := expected(c)
	limit := c.Timeout.Of(Timeout)
	ended, err := proc.Run(ctx, proc.Command{Line: c.Run, Dir: p.Dir, Env: p.Env, Tag: p.Tag, Time: limit, Flood: floodBytes})
	v := Verdict{Exit: &ended.Exit, Part: Relevant(ended.Out)}
	if err == nil {
		v.Log, err = p.Log(c.ID, ended.Out)
	}
	if err != nil {
		v.Status, v.Says = Unclear, "it could not be run: "+err.Error()
		return v, ""
	}
	switch {
	case ended.Why == proc.Stopped:
		v.Status, v.Says = Unclear, "it was stopped"
	case ended.Why == proc.TimedOut:
		v.Status, v.Says = Red, fmt.Sprintf("it took longer than %s and was ended", goal.Duration(limit))
	case ended.Why == proc.Flooded:
		v.Status, v.Says = Red, fmt.Sprintf("it printed more than %d MB and was ended", floodBytes>>20)
	case ended.Exit == 127 && want.Exit != 127:
		v.Status, v.Says = Red, "exit code 127: a program of it is not installed here"
	case ended.Exit != want.Exit:
		v.Status, v.Says = Red, fmt.Sprintf("exit code %d, not %d", ended.Exit, want.Exit)
	case want.Output != "" && !regexp.MustCompile(want.Output).MatchString(ended.Out):
		v.Status, v.Says = Red, fmt.Sprintf("its output holds no %q", want.Output)
	default:
		v.Status, v.Says = Green, fmt.Sprintf("exit code %d", ended.Exit)
	}
	return v, ended.Out
}

// shells run the file that comes first behind them.
var shells = map[string]bool{"sh": true, "bash": true, "zsh": true, "dash": true, "ksh": true, "source": true, ".": true}

// checkWord is a file whose name says that it judges others.
var checkWord = lazyregexp.New(`(?i)(^|[._-])(tests?|specs?|check|bench|benchmark|verify|eval|golden|expected|judge|score|oracle|e2e)([._-]|$)`)

// scripts returns the files of the repository that a command line rests on: those
// that it runs, and those whose names say that they judge. What a test runner
// finds by itself is not known here: protect names it.
func scripts(c *goal.Check, files []string) []string {
	known := make(map[string]bool, len(files))
	for _, f := range files {
		known[f] = true
	}
	var out []string
	first, shell := true, false
	for _, word := range words(c.Run) {
		if word == "" { // a new command
			first, shell = true, false
			continue
		}
		name := path.Clean(strings.TrimPrefix(word, "./"))
		isFlag := strings.HasPrefix(word, "-")
		if known[name] && (first || shell || checkWord.MatchString(path.Base(name))) {
			out = append(out, name)
		}
		shell = (first && shells[word]) || shell && isFlag
		if !isFlag && !strings.Contains(word, "=") {
			first = false
		}
	}
	return out
}

// words parts a command line at blanks, with an empty word where a new command
// begins. It knows as much of the shell as finding names of files takes.
func words(line string) (out []string) {
	for _, part := range regexp.MustCompile(`&&|\|\||[;|&\n()]`).Split(line, -1) {
		out = append(out, "")
		for _, w := range strings.Fields(part) {
			out = append(out, strings.Trim(w, `"'<>`))
		}
	}
	return out
}

// Metric is a number in the output of a command.
var Metric = Kind{
	Name: "metric",
	Doc:  "a number in the output of a command, against a target or the baseline",
	Is:   func(c *goal.Check) bool { return c.Metric != "" },
	Lint: func(c *goal.Check) (says []string) {
		if c.Run == "" {
			says = append(says, "a metric needs the command that prints it (run)")
		}
		if form, err := regexp.Compile(c.Metric); err != nil {
			says = append(says, "metric: "+err.Error())
		} else if form.NumSubexp() != 1 {
			says = append(says, "metric is a pattern with one group, the number: 'total: ([0-9.]+)'")
		}
		if _, err := goal.ParseWant(c.Want); err != nil {
			says = append(says, err.Error())
		}
		return says
	},
	Uses: scripts,
	Run:  runMetric,
}

func runMetric(ctx context.Context, p *Place, c *goal.Check) Verdict {
	v, out := p.command(ctx, c)
	v.Unit, v.Baseline = c.Unit, p.Baseline(c.ID)
	value, err := Number(c.Metric, out)
	if err == nil {
		v.Value = &value
	}
	if v.Status != Green {
		return v
	}
	want, werr := goal.ParseWant(c.Want)
	switch {
	case werr != nil:
		v.Status, v.Says = Unclear, werr.Error()
	case err != nil:
		v.Status, v.Says = Red, err.Error()
	case want.Baseline && v.Baseline == nil:
		v.Status, v.Says = Red, fmt.Sprintf("the baseline is %s", amount(value, c.Unit))
	default:
		var base float64
		if v.Baseline != nil {
			base = *v.Baseline
		}
		target := want.Target(base)
		v.Target = &target
		v.Status, v.Says = Red, fmt.Sprintf("%s, wanted %s %s", amount(value, c.Unit), want.Op, amount(target, c.Unit))
		if want.Met(value, base) {
			v.Status = Green
		}
	}
	return v
}

func amount(v float64, unit string) string {
	return strings.TrimSpace(strconv.FormatFloat(v, 'g', 6, 64) + " " + unit)
}

// Number finds the last number that a pattern names in an output.
func Number(pattern, out string) (float64, error) {
	form, err := regexp.Compile(pattern)
	if err != nil {
		return 0, err
	}
	all := form.FindAllStringSubmatch(out, -1)
	if len(all) == 0 || len(all[0]) < 2 {
		return 0, fmt.Errorf("its output holds no number by the pattern %q", pattern)
	}
	text := strings.NewReplacer(",", "", "_", "").Replace(all[len(all)-1][1])
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v != v {
		return 0, errors.New(strconv.Quote(text) + " is no number")
	}
	return v, nil
}

// poll asks until the answer is yes, the time is over or the run is stopped.
func poll(ctx context.Context, limit time.Duration, ready func() bool) bool {
	for began := time.Now(); time.Since(began) < limit && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if ready() {
			return true
		}
	}
	return false
}
