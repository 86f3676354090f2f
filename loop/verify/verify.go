// Package verify holds the kinds of verifiers, and what they say.
//
// A verdict is green, red or unclear, with a reason that opens: an exit code, a
// line of output, a number, a file. Unclear is not done. The fingerprint of a
// red verdict is equal when it is red for the same reason, whatever times,
// addresses and temporary folders stand in the output.
package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"lode/loop/goal"
	"lode/loop/tree"
	"lode/session"
	"lode/session/lazyregexp"
	"lode/session/redact"
)

// Status is what a verdict comes to.
type Status string

// The statuses.
const (
	Green   Status = "green"
	Red     Status = "red"
	Unclear Status = "unclear" // not done, and nobody knows
	NotRun  Status = "not run" // the pilot comes first
)

// Verdict is what a verifier said. It is stored, a line each, in
// verdicts.jsonl; fields may be added.
type Verdict struct {
	Iteration int      `json:"iteration"` // 0 before any work
	Check     string   `json:"check"`
	Kind      string   `json:"kind"`
	Status    Status   `json:"status"`
	Says      string   `json:"says"`              // in a sentence, why
	Command   string   `json:"command,omitempty"` // that was run
	Exit      *int     `json:"exit,omitempty"`
	Value     *float64 `json:"value,omitempty"`
	Baseline  *float64 `json:"baseline,omitempty"`
	Target    *float64 `json:"target,omitempty"`
	Unit      string   `json:"unit,omitempty"`
	Print     string   `json:"fingerprint,omitempty"` // of a red one
	Part      string   `json:"part,omitempty"`        // the relevant part of the output, redacted
	Log       string   `json:"log,omitempty"`         // the whole output, in the run's folder
	Tree      string   `json:"tree"`
	Cached    bool     `json:"cached,omitempty"`  // said before, of the same files
	Flaky     bool     `json:"flaky,omitempty"`   // says now this, now that, of the same files
	Heldout   bool     `json:"heldout,omitempty"` // the agent that works is not told why
	Seconds   float64  `json:"seconds,omitempty"`
	File      string   `json:"file,omitempty"`  // where an evaluator says the proof stands
	Quote     string   `json:"quote,omitempty"` // and its words
}

// Place is where and against what a verifier looks.
type Place struct {
	Run       string // the name of the run
	Dir       string // the worktree
	Base, Now string // trees: at the start, and to be judged
	Changes   []tree.Change
	Pristine  string                                              // folder with the protected files as they were at the start
	Artifacts string                                              // folder for what a verifier leaves behind
	Log       func(check, output string) (file string, err error) // keeps an output
	Baseline  func(check string) *float64
	Answer    func(check, question string) (yes, answered bool) // of a person
	Tag       string
	Env       []string
}

// Kind is a kind of verifier.
type Kind struct {
	Name, Doc string
	Is        func(*goal.Check) bool
	Lint      func(*goal.Check) []string                                 // what does not fit together
	Uses      func(c *goal.Check, files []string) []string               // files of the repository that it rests on
	Pure      bool                                                       // says the same of the same files
	Run       func(ctx context.Context, p *Place, c *goal.Check) Verdict // sets Status and Says, and what more it knows
}

// Kinds lists the kinds of verifiers. The agent's review is above them: it
// judges what no program can, and only when all of these are green.
var Kinds = []Kind{Command, Metric, Files, Scope, Clean, HTTP, Screenshot, Approval}

// KindOf returns the kind of a check.
func KindOf(c *goal.Check) (Kind, bool) {
	for _, k := range Kinds {
		if k.Is(c) {
			return k, true
		}
	}
	return Kind{}, false
}

// Lint says what does not fit together in the keys of a check.
func Lint(c *goal.Check) []string {
	var is []Kind
	var names, all []string
	for _, k := range Kinds {
		all = append(all, k.Name)
		if k.Is(c) {
			is, names = append(is, k), append(names, k.Name)
		}
	}
	switch len(is) {
	case 0:
		return []string{"it checks nothing (hint: a check is one of " + strings.Join(all, ", ") + "; see lode goal --help)"}
	case 1:
		var says []string
		if is[0].Lint != nil {
			says = is[0].Lint(c)
		}
		if (c.Expect != nil || c.Timeout != nil) && c.Run == "" && c.HTTP == "" && c.Shot == "" {
			says = append(says, "expect and timeout are for run, http and screenshot")
		}
		if _, err := regexp.Compile(expected(c).Output); err != nil {
			says = append(says, "expect: "+err.Error())
		}
		return says
	}
	return []string{"it is " + strings.Join(names, " and ") + " at once (hint: make it several checks)"}
}

func expected(c *goal.Check) goal.Expect {
	if c.Expect == nil {
		return goal.Expect{}
	}
	return *c.Expect
}

// Timeout is how long a check may take, unless it says so itself.
const Timeout = 10 * time.Minute

// Judge runs a check and completes its verdict.
func Judge(ctx context.Context, p *Place, c *goal.Check) Verdict {
	k, ok := KindOf(c)
	if !ok {
		return Verdict{Check: c.ID, Status: Unclear, Says: "it checks nothing", Tree: p.Now}
	}
	began := time.Now()
	v := k.Run(ctx, p, c)
	v.Check, v.Kind, v.Tree, v.Heldout, v.Seconds = c.ID, k.Name, p.Now, c.Heldout, time.Since(began).Seconds()
	v.Says, v.Command = session.Quote(Safe(v.Says), 300), Safe(c.Run)
	if v.Status != Green && v.Print == "" {
		v.Print = Fingerprint(c.ID, v.Says, v.Part)
	}
	if v.Status == Green {
		v.Print, v.Part = "", ""
	}
	return v
}

// Safe is text without secrets and without characters that could not be seen.
func Safe(text string) string {
	return redact.Text(session.Clean(text), func(string) {})
}

// telling are the lines of an output that tell what is wrong.
var telling = lazyregexp.New(`(?i)fail|error|panic|assert|expected|exception|traceback|undefined|cannot|not ok|no such|denied|✗|✘|×|mismatch|want\b|unresolved|refused`)

// partBytes is how much of an output is kept as its relevant part: about 1,000
// tokens.
const partBytes = 4000

// Relevant is the part of an output that tells what is wrong: the lines that
// say so with their surroundings, and the end.
func Relevant(out string) string {
	out = strings.TrimRight(Safe(out), "\n ")
	if len(out) <= partBytes {
		return out
	}
	lines := strings.Split(out, "\n")
	keep := make([]bool, len(lines))
	left := partBytes
	take := func(i int) {
		if i >= 0 && i < len(lines) && !keep[i] && left > len(lines[i]) {
			keep[i], left = true, left-len(lines[i])-1
		}
	}
	for i := len(lines) - 1; i >= 0 && i > len(lines)-16; i-- {
		take(i)
	}
	for i := range lines {
		if telling.MatchString(lines[i]) {
			for k := i - 1; k <= i+2; k++ {
				take(k)
			}
		}
	}
	var b strings.Builder
	for i, cut := 0, false; i < len(lines); i++ {
		switch {
		case keep[i]:
			b.WriteString(lines[i] + "\n")
			cut = false
		case !cut:
			b.WriteString("[…]\n")
			cut = true
		}
	}
	if strings.Trim(b.String(), "[…]\n") == "" { // one endless line
		return "[…]" + strings.ToValidUTF8(out[len(out)-partBytes/2:], "")
	}
	return strings.TrimRight(b.String(), "\n")
}

// varying is what differs between two runs that fail for the same reason.
var varying = []struct {
	form *lazyregexp.Regexp
	mask string
}{
	{lazyregexp.New(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?`), "<time>"},
	{lazyregexp.New(`\b\d\d:\d\d:\d\d(\.\d+)?\b`), "<time>"},
	{lazyregexp.New(`\b\d+(\.\d+)?\s?(ns|µs|us|ms|s|sec|seconds|m\d+s|min)\b`), "<took>"},
	{lazyregexp.New(`\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{12,}\b`), "<hex>"},
	{lazyregexp.New(`[^\s"':]*/(tmp|T|temp)/[^\s"':]*`), "<temp>"},
	{lazyregexp.New(`\b(pid|PID|port|seed|goroutine)([ =:#]+)\d+`), "$1$2<n>"},
	{lazyregexp.New(`\b(localhost|127\.0\.0\.1|\[::1\]):\d+`), "$1:<n>"},
}

// Fingerprint names the reason of a red verdict. The order of lines does not
// count, as tests may run in any.
func Fingerprint(check, says, out string) string {
	lines := strings.Split(out, "\n")
	telled := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !telling.MatchString(l) })
	if len(telled) == 0 {
		telled = lines[max(0, len(lines)-20):]
	}
	for i, l := range append(telled, says) {
		for _, v := range varying {
			l = v.form.ReplaceAllString(l, v.mask)
		}
		if i < len(telled) {
			telled[i] = strings.TrimSpace(l)
		} else {
			says = l
		}
	}
	slices.Sort(telled)
	sum := sha256.Sum256([]byte(check + "\x00" + says + "\x00" + strings.Join(slices.Compact(telled), "\n")))
	return hex.EncodeToString(sum[:8])
}
