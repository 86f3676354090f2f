package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
)

// failingCommand finds shell commands that fail in a way that can recur: what
// they need is missing, they are called wrongly, a check finds the same thing.
var failingCommand = Detector{
	Name: "failing-command",
	Doc:  "a command that fails for the same reason; not reproductions, nor searches without a match",
	Find: findFailing,
}

func findFailing(v *View, emit func(Signal)) {
	var found []Signal
	for k := range v.Results {
		e := &v.Events[v.Results[k]]
		if e.Outcome != session.Failed || e.Fingerprint == "" {
			continue
		}
		if wrongPathOf(v, e) != "" {
			continue // the other detector's
		}
		if v.stoppedBy(e).by != nil || entered(v, e) != "" {
			continue
		}
		if p := checks(v, e); p != nil && p.Role == command.Lint && e.Class != MissingTool && e.Class != UsageError && len(foundIn(e.Text)) > 0 {
			continue // each finding for itself, see there
		}
		found = append(found, failingSignal(v, k))
	}
	v.share(found)
	for _, s := range found {
		emit(s)
	}
}

func failingSignal(v *View, k int) Signal {
	e := &v.Events[v.Results[k]]
	s := Signal{Kind: "failing-command", Key: e.Fingerprint, Event: e, Class: e.Class, Template: Mask(e.Signature), Cost: v.costOf(k), at: k}
	if e.Action() != session.Shell {
		s.Subject, _ = e.Subject()
		s.Barred = barred(e, nil)
		if fix, at := byShell(v, k); fix != nil && s.Barred == "" {
			s.Fix, s.Cost, s.until = fix, v.costBetween(k, at), at
		}
		return s
	}
	p := culprit(v.Line(e), e)
	if p != nil {
		s.Subject, s.Role = general(p), string(p.Role)
		switch s.Entity = ownWord(e.Entity, p); {
		case e.Entity == Backticks:
			s.Entity = Backticks
		case e.Class == MissingTool && s.Entity == "" && strings.HasPrefix(e.Entity, p.Path):
			s.Entity = p.Path // an alias that leads nowhere
		}
	}
	s.Barred = barred(e, p)
	if fix, at := cure(v, k, p); fix != nil {
		s.Fix, s.Cost, s.until = fix, v.costBetween(k, at), at
	}
	return s
}

// culprit is the program of a line that a failure speaks of: the one that is
// missing, that plays the role the class belongs to, else the main one.
func culprit(line *command.Line, e *session.Event) *command.Program {
	for i := range line.Programs {
		p := &line.Programs[i]
		if e.Entity != "" && (p.Path == e.Entity || p.Name == e.Entity || p.Sub == e.Entity) {
			return p
		}
	}
	if p := speaker(line, e.Signature); p != nil && e.Class == UsageError {
		return p
	}
	var want []command.Role
	switch e.Class {
	case TestFailure:
		want = []command.Role{command.Test}
	case LintFinding:
		want = []command.Role{command.Lint}
	case CompileError:
		want = []command.Role{command.Build, command.Test, command.Lint, command.Script}
	case VCSError, MergeConflict:
		want = []command.Role{command.VCS}
	case NetworkError, APIFailure:
		want = []command.Role{command.Network}
	}
	if p := line.First(want...); p != nil {
		return p
	}
	for i := range line.Programs {
		if p := &line.Programs[i]; e.Entity != "" && p.HasArg(e.Entity) {
			return p
		}
	}
	return line.Main()
}

// speaker is the program of a line that begins a message with its name.
func speaker(line *command.Line, message string) *command.Program {
	for i := range line.Programs {
		if p := &line.Programs[i]; strings.HasPrefix(message, p.Name+": ") {
			return p
		}
	}
	return nil
}

// ownWord returns the entity when it stands in the agent's own command: what
// only a tool's output says must not get into the wording of a rule.
func ownWord(entity string, p *command.Program) string {
	if entity == "" || len(entity) > 80 {
		return ""
	}
	if p.Name == entity || p.Path == entity || p.Sub == entity {
		return entity
	}
	for _, a := range p.Args {
		if a == entity || strings.HasPrefix(a, entity+"=") || strings.TrimLeft(a, "-") == strings.TrimLeft(entity, "-") {
			return strings.TrimSuffix(a, "="+strings.TrimPrefix(a, entity+"="))
		}
	}
	return ""
}

// barred says why a failure can never become a rule.
func barred(e *session.Event, p *command.Program) string {
	switch e.Class {
	case Exception:
		return "an exception of a program tells of that program, not of how to work here"
	case TestFailure:
		return "a red test tells of the change under way"
	case CompileError:
		return "a compiler's complaint tells of the change under way"
	case EditMismatch, EditBeforeRead, LimitExceeded:
		return "a habit of the agent's own tools"
	case MergeConflict:
		return "a conflict tells of the branches at that time"
	case Timeout, PermissionError, NetworkError, APIFailure, VCSError, OtherFailure, LintFinding:
		return ""
	}
	if p != nil && p.Role == command.Script && shows(p.Sub) {
		return "a script that was written to fail"
	}
	return ""
}

// retryLoop finds commands that are called again, and again, after the same
// failure with nothing changed in between.
var retryLoop = Detector{
	Name: "retry-loop",
	Doc:  "the same call after the same failure, three times or more with no edit between; not a re-run after an edit, not a batch over files",
	Find: findRetries,
}

const minRepeats = 3 // calls; two in a row are often a second look

func findRetries(v *View, emit func(Signal)) {
	for k := 0; k < len(v.Results); k++ {
		n, cost := repeats(v, k)
		if n < minRepeats {
			continue
		}
		s := failingSignal(v, k)
		if wrong := wrongPathOf(v, s.Event); wrong != "" {
			s.Key = pathKey(wrong)
		}
		s.Kind, s.Key, s.Cost = "retry-loop", "retry\x00"+s.Key, cost
		emit(s)
		k += n - 1
	}
}

// repeats counts how often the k-th call is repeated, itself included, and
// what that cost.
func repeats(v *View, k int) (int, Cost) {
	first := &v.Events[v.Results[k]]
	if first.Outcome != session.Failed || first.Fingerprint == "" {
		return 0, Cost{}
	}
	n, last := 1, k
	cost := v.costOf(k)
	for j := k + 1; j < len(v.Results) && j <= last+3; j++ {
		e := &v.Events[v.Results[j]]
		if v.edited(last, j) || v.asked(last, j) {
			break
		}
		if e.Outcome == session.Failed && e.Fingerprint == first.Fingerprint && sameCall(first, e) {
			n++
			last = j
			cost.add(v.costOf(j))
		}
	}
	return n, cost
}

// sameCall reports whether two calls ask for the same: equal but for white
// space, or for flags of the same program. Other operands make it a batch.
func sameCall(a, b *session.Event) bool {
	_, x := a.Subject()
	_, y := b.Subject()
	if strings.Join(strings.Fields(x), " ") == strings.Join(strings.Fields(y), " ") {
		return true
	}
	if a.Action() != session.Shell || b.Action() != session.Shell {
		return false
	}
	p, q := command.Parse(x), command.Parse(y)
	m, n := p.Main(), q.Main()
	return m != nil && n != nil && m.Name == n.Name && m.Sub == n.Sub && len(m.Args) > 0 &&
		strings.Join(operands(m), " ") == strings.Join(operands(n), " ")
}

// operands are the words of a program that are no flags.
func operands(p *command.Program) []string {
	var out []string
	for _, a := range p.Args {
		if a != "" && !strings.HasPrefix(a, "-") {
			out = append(out, a)
		}
	}
	return out
}
