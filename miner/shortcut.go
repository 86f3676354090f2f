package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

const shortcutKind = "shortcut"

// shortcut finds ways around a check, or around the user's own work.
var shortcut = Detector{
	Name: shortcutKind,
	Doc:  "hooks that are passed by, work that is stashed to see what a check says without it, and, after a red check, tests that are skipped or lose assertions, findings that are silenced, checks that may fail",
	Find: findShortcuts,
}

func findShortcuts(v *View, emit func(Signal)) {
	var red command.Role // of the last check, if it failed
	next := 0
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case e.Kind == session.Result:
			if e.Action() == session.Shell && e.Outcome != session.Denied && e.Outcome != session.Rejected {
				red = verdictOf(v, e, red)
				passedBy(v, next, emit)
			}
			if (e.Action() == session.Edit || e.Action() == session.Write) && e.Outcome == session.OK && e.CallEvent != nil {
				for _, c := range changesOf(e.CallEvent) {
					if name, line := c.weakens(red); name != "" {
						s := shortcutSignal(v, next, name, "")
						s.Line = line
						emit(s)
						break
					}
				}
			}
			next++
		case e.Kind == session.User && e.Author == session.Human:
			red = "" // what follows was asked for
		}
	}
}

// verdictOf returns the role of the check that is red after a result: the
// result's own, or the one before where it is no check.
func verdictOf(v *View, e *session.Event, before command.Role) command.Role {
	p := checks(v, e)
	switch {
	case p == nil, e.Class == MissingTool, e.Class == UsageError, v.stoppedBy(e).by != nil:
		return before
	case e.Outcome == session.Failed:
		return p.Role
	}
	return ""
}

// passedBy finds shortcuts in a command line.
func passedBy(v *View, k int, emit func(Signal)) {
	line := v.Line(&v.Events[v.Results[k]])
	stashed := false
	for i := range line.Programs {
		p := &line.Programs[i]
		switch {
		case p.Name == "git" && (p.Sub == "commit" || p.Sub == "push") && p.HasArg("--no-verify"):
			emit(shortcutSignal(v, k, "no-verify", "git "+p.Sub+" --no-verify"))
		case p.Name == "git" && p.Sub == "stash":
			stashed = !p.HasArg("pop") && !p.HasArg("apply") && !p.HasArg("list") && !p.HasArg("show") && !p.HasArg("drop")
		case stashed && (p.Role == command.Lint || p.Role == command.Test || p.Role == command.Build):
			emit(shortcutSignal(v, k, "stash", "git stash"))
			stashed = false
		}
	}
}

func shortcutSignal(v *View, k int, name, subject string) Signal {
	e := &v.Events[v.Results[k]]
	s := Signal{Kind: shortcutKind, Key: shortcutKind + "\x00" + name, Class: name, Subject: subject, Cost: v.costOf(k)}
	s.Event, s.Line = asked(e)
	return s
}

// The classes of edits that make a check green without what it asks for. A
// finding that is silenced with a reason beside it is a decision, no shortcut.
const (
	SkippedTest      = "skipped-test"
	DroppedAssertion = "dropped-assertion"
	SilencedFinding  = "silenced-finding"
	ExcusedCheck     = "excused-check"
)

var (
	testFile  = lazyregexp.New(`(?i)(?:^|/)(?:tests?|spec|__tests__)/|_test\.\w+$|(?:^|/)test_[^/]*$|[._-](?:test|spec)\.\w+$|Tests?\.(?:java|kt|cs|swift|php)$`)
	skips     = lazyregexp.New(`\bt\.Skip(?:f|Now)?\(|@pytest\.mark\.(?:skip|xfail)|\bpytest\.skip\(|@(?:unittest\.)?skip\b|\bself\.skipTest\(|\b(?:it|test|describe)\.skip\(|\bx(?:it|describe|test)\(|#\[ignore|@(?:Disabled|Ignore)\b|\bXCTSkip\b|\bmarkTestSkipped\(`)
	asserts   = lazyregexp.New(`\bassert\w*[!(. ]|\bexpect\(|\brequire\.\w+\(|\bt\.(?:Error|Fatal)f?\(|\bshould\b|\bverify\(`)
	silences  = lazyregexp.New(`(?://\s*nolint(?::[\w,]+)?|#\s*noqa(?::[\w, ]+)?|eslint-disable(?:-\w+)*(?: [\w@/,. -]*\w)?|@ts-(?:ignore|nocheck)|#\s*type:\s*ignore(?:\[[\w, -]+\])?|#\s*pylint:\s*disable=[\w, -]+|#!?\[allow\([\w:, ]+\)\]|@SuppressWarnings\([^)]*\)|rubocop:disable [\w/, ]+|#\s*shellcheck disable=\w+)\s*(?:\*/\s*\}?)?$`)
	mayFail   = lazyregexp.New(`\|\|\s*(?:true|:)\s*$|\bcontinue-on-error:\s*true|--no-verify\b|--passWithNoTests\b`)
	checkFile = lazyregexp.New(`(?i)(?:^|/)(?:\.github/workflows/|\.gitlab-ci|Makefile|justfile|Taskfile|package\.json|mise\.toml|tox\.ini|\.pre-commit|\.husky/)`)
)

// weakens says which shortcut a change takes while a check is red, and the line
// that shows it.
func (c *change) weakens(red command.Role) (name, line string) {
	switch {
	case red == "":
		return "", ""
	case red == command.Test && testFile.MatchString(c.path) && moreOf(skips, c) != "":
		return SkippedTest, moreOf(skips, c)
	case red == command.Test && testFile.MatchString(c.path) && c.lost() != "":
		return DroppedAssertion, c.lost()
	case red == command.Lint && moreOf(silences, c) != "":
		return SilencedFinding, moreOf(silences, c)
	case checkFile.MatchString(c.path) && moreOf(mayFail, c) != "":
		return ExcusedCheck, moreOf(mayFail, c)
	}
	return "", ""
}

// lost returns an assertion that a change takes away, if it does nothing else.
func (c *change) lost() string {
	kept := make(map[string]bool)
	for line := range strings.Lines(c.added) {
		kept[strings.TrimSpace(line)] = true
	}
	gone := ""
	for line := range strings.Lines(c.removed) {
		switch line = strings.TrimSpace(line); {
		case kept[line], frame.MatchString(line):
		case asserts.MatchString(line):
			gone = line
		default:
			return ""
		}
	}
	if count(asserts, c.added) >= count(asserts, c.removed) {
		return ""
	}
	return gone
}

// frame matches the lines that stand around assertions.
var frame = lazyregexp.New(`^(?:[{}()\[\];,]*|(?:if|for|else) .*|//.*|#.*)$`)

// moreOf returns a line that matches among what was added, if there are more of
// them than among what was removed.
func moreOf(re *lazyregexp.Regexp, c *change) string {
	if count(re, c.added) <= count(re, c.removed) {
		return ""
	}
	return firstMatch(re, c.added)
}

// count counts the lines that match.
func count(re *lazyregexp.Regexp, text string) int {
	n := 0
	for line := range strings.Lines(text) {
		if re.MatchString(strings.TrimRight(line, "\r\n")) {
			n++
		}
	}
	return n
}

func firstMatch(re *lazyregexp.Regexp, text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); re.MatchString(line) {
			return line
		}
	}
	return ""
}
