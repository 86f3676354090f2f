package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
)

const refusedKind = "refused"

// refused finds commands that a person or a policy says no to, session after
// session.
var refused = Detector{
	Name: refusedKind,
	Doc:  "a command that is refused again and again; not edits, which are looked at one by one, nor what is mostly allowed",
	Find: findRefused,
}

func findRefused(v *View, emit func(Signal)) {
	for k := range v.Results {
		e := &v.Events[v.Results[k]]
		if e.Action() != session.Shell || e.Outcome != session.Rejected && e.Outcome != session.Denied {
			continue
		}
		p := weightiest(v.Line(e))
		if p == nil {
			continue
		}
		subject := strings.TrimSuffix(general(p), " <path>")
		if strings.Contains(p.Path, "/") { // the project's own: however it is called
			subject = lastPart(p.Path)
		}
		s := Signal{Kind: refusedKind, Key: refusedKind + "\x00" + subject, Class: string(e.Outcome), Subject: subject, Role: string(p.Role), Cost: v.costOf(k)}
		s.Event, s.Line = asked(e)
		emit(s)
	}
}

// asked returns the call of a result, and what it asked for.
func asked(e *session.Event) (*session.Event, string) {
	_, text := e.Subject()
	if e.CallEvent != nil {
		return e.CallEvent, text
	}
	return e, text
}

// weightiest is the program of a line that a person would say no to: what
// changes something or runs something, rather than what looks.
func weightiest(line *command.Line) *command.Program {
	return line.First(command.VCS, command.Network, command.Package, command.Script, command.Other, command.Test, command.Build, command.Lint)
}

const shortcutKind = "shortcut"

// shortcut finds ways around a check, or around the user's own work.
var shortcut = Detector{
	Name: shortcutKind,
	Doc:  "hooks that are passed by, and work that is stashed to see what a check says without it",
	Find: findShortcuts,
}

func findShortcuts(v *View, emit func(Signal)) {
	for k := range v.Results {
		e := &v.Events[v.Results[k]]
		if e.Action() != session.Shell || e.Outcome == session.Denied || e.Outcome == session.Rejected {
			continue
		}
		line := v.Line(e)
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
}

func shortcutSignal(v *View, k int, name, subject string) Signal {
	e := &v.Events[v.Results[k]]
	s := Signal{Kind: shortcutKind, Key: shortcutKind + "\x00" + name, Class: name, Subject: subject, Cost: v.costOf(k)}
	s.Event, s.Line = asked(e)
	return s
}
