package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

const driftKind = "goal-drift"

// drift finds work that leaves what was asked for, or goes on long without
// asking any check.
var drift = Detector{
	Name: driftKind,
	Doc:  "an edit of what a person said is not to be touched, and long stretches of edits without any check; not what a later turn allows",
	Find: findDrift,
}

// The classes of drift.
const (
	OutOfScope = "out-of-scope"
	Unchecked  = "unchecked"
)

// longStretch is how many edits in a row without a check are too many.
const longStretch = 25

// prose are files that no check looks at.
var prose = lazyregexp.New(`(?i)\.(?:md|mdx|txt|rst|adoc)$`)

var (
	onlyHere = lazyregexp.New("(?i)\\b(?:only|just) (?:touch|change|edit|modify|work (?:on|in)|make changes (?:to|in)) (?:the )?(?:files? )?(?:in |under )?[`\"']?([\\w@~.-]*[/.][\\w@./-]+)")
	notThere = lazyregexp.New("(?i)\\b(?:don'?t|do not|never|without) (?:touch|chang|edit|modify)(?:e|ing)? (?:anything (?:in|under) )?(?:the )?(?:files? )?(?:in |under )?[`\"']?([\\w@~.-]*[/.][\\w@./-]+)")
)

func findDrift(v *View, emit func(Signal)) {
	var only, not string // paths that a person named
	edits, next := 0, 0
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case e.Kind == session.User && e.Author == session.Human && len(e.Text) <= maxSpoken:
			only, not = "", ""
			for _, s := range sentences(e.Text) {
				if m := onlyHere.FindStringSubmatch(s); m != nil {
					only = strings.TrimRight(m[1], ".")
				}
				if m := notThere.FindStringSubmatch(s); m != nil {
					not = strings.TrimRight(m[1], ".")
				}
			}
		case e.Kind == session.Result:
			k := next
			next++
			switch a := e.Action(); {
			case a == session.Shell:
				if v.Line(e).Has(command.Test, command.Lint, command.Build) {
					edits = 0
				}
			case (a == session.Edit || a == session.Write) && e.Outcome == session.OK:
				_, file := e.Subject()
				if file = relative(file, v.Cwd); only != "" && !within(file, only) || not != "" && within(file, not) {
					s := Signal{Kind: driftKind, Key: OutOfScope, Class: OutOfScope, Cost: v.costOf(k), Barred: "a mark to look at, no rule by itself"}
					s.Event, s.Line = asked(e)
					emit(s)
				}
				if prose.MatchString(file) {
					continue
				}
				if edits++; edits == longStretch {
					s := Signal{Kind: driftKind, Key: Unchecked, Class: Unchecked, Cost: Cost{Calls: 1}, Barred: "a mark to look at, no rule by itself"}
					s.Event, s.Line = asked(e)
					emit(s)
				}
			}
		}
	}
}

// within reports whether a file is the named one, or below the named folder.
func within(file, named string) bool {
	named = strings.TrimSuffix(strings.TrimPrefix(named, "./"), "/")
	return file == named || strings.HasPrefix(file, named+"/") || strings.HasSuffix(file, "/"+named) || strings.Contains(file, "/"+named+"/")
}
