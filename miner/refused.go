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
