// Package miner finds what recurs in sessions.
package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
)

// AnnotateVersion is raised when outcomes, intents or fingerprints change;
// indexes built from older annotations are then rebuilt.
const AnnotateVersion = 8

// Annotate sets what can be worked out from a session alone: the outcome of
// every result with its basis, the class, entity, signature and fingerprint of
// failures, and the intent of human turns.
func Annotate(s *session.Session) {
	s.Link()
	a := annotator{s: s, made: make(map[string]bool)}
	for i := range s.Events {
		switch e := &s.Events[i]; e.Kind {
		case session.Call:
			a.call(e)
		case session.Result:
			a.result(i)
		case session.User:
			if e.Author == session.Human {
				e.Intent = intentOf(s, i)
			}
		}
	}
}

type annotator struct {
	s    *session.Session
	made map[string]bool // base names of files that the agent wrote in this session
}

// call remembers the files that a call creates.
func (a *annotator) call(e *session.Event) {
	switch e.Act {
	case session.Write:
		a.made[lastPart(e.Command)] = true
	case session.Shell:
		if strings.Contains(e.Command, ">") || strings.Contains(e.Command, "tee ") {
			for _, f := range command.Parse(e.Command).Written {
				a.made[lastPart(f)] = true
			}
		}
	case session.Edit:
		for line := range strings.Lines(e.Text) {
			if f, ok := strings.CutPrefix(line, "*** Add File: "); ok {
				a.made[lastPart(strings.TrimSpace(f))] = true
			}
		}
	}
}

func lastPart(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

// result judges a result.
func (a *annotator) result(i int) {
	e := &a.s.Events[i]
	r := evidence{flag: e.Flag, exit: e.Exit, output: e.Text, act: e.Action(), made: a.made}
	if e.Author == session.Injected {
		r.output = "" // lode tells of failures of others
	}
	r.tool, r.command = e.Subject()
	r.around = func() (string, string) { return a.around(i) }
	v := judge(&r)
	e.Outcome, e.Basis = v.outcome, v.basis
	if v.outcome != session.Failed {
		return
	}
	e.Class, e.Entity, e.Signature = v.class, v.entity, v.signature
	e.Fingerprint = fingerprint(&r, &v, a.s.Cwd)
}

const aroundLen = 1500 // of the words before and after a call; more is about other things

// around returns what the agent said before a result's call and after the result.
func (a *annotator) around(i int) (before, after string) {
	events := a.s.Events
	at := i
	if c := events[i].CallEvent; c != nil {
		for at > 0 && &events[at] != c {
			at--
		}
	}
	for j := at - 1; j >= 0 && len(before) < aroundLen; j-- {
		if k := events[j].Kind; k == session.Result || k == session.User {
			break
		} else if k == session.Agent {
			before = events[j].Text + "\n" + before
		}
	}
	for j := i + 1; j < len(events) && len(after) < aroundLen; j++ {
		if k := events[j].Kind; k == session.Call || k == session.User {
			break
		} else if k == session.Agent {
			after += events[j].Text + "\n"
		}
	}
	if len(before) > aroundLen {
		before = before[len(before)-aroundLen:]
	}
	return before, after[:min(len(after), aroundLen)]
}
