package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
)

// View is a session as detectors see it: its events, with the calls and
// results by number and their command lines parsed once.
type View struct {
	*session.Session
	Results []int // positions of results in Events, in order
	lines   map[*session.Event]*command.Line
	stopped map[*session.Event]stopped
}

func newView(s *session.Session) *View {
	v := &View{Session: s, lines: make(map[*session.Event]*command.Line), stopped: make(map[*session.Event]stopped)}
	for i := range s.Events {
		if s.Events[i].Kind == session.Result {
			v.Results = append(v.Results, i)
		}
	}
	return v
}

// Line returns the parsed command line of a shell result.
func (v *View) Line(e *session.Event) *command.Line {
	_, text := e.Subject()
	of := e
	if e.CallEvent != nil {
		of = e.CallEvent
	}
	l := v.lines[of]
	if l == nil {
		parsed := command.Parse(text)
		l = &parsed
		v.lines[of] = l
	}
	return l
}

// costBetween adds up what was spent on the results from the i-th to the j-th,
// j not included.
func (v *View) costBetween(i, j int) Cost {
	var c Cost
	for k := i; k < j && k < len(v.Results); k++ {
		c.add(v.costOf(k))
	}
	if j < len(v.Results) {
		from, to := v.Events[v.Results[i]].Time, v.Events[v.Results[j]].Time
		if !from.IsZero() && !to.IsZero() && to.After(from) {
			c.Seconds = int(min(to.Sub(from).Seconds(), maxGap))
		}
	}
	return c
}

// share divides what signals of one key cost together: of failures with the
// same cure each bears the cost until the next, so that no call counts twice.
func (v *View) share(signals []Signal) {
	next := make(map[string]int) // by key
	for i := len(signals) - 1; i >= 0; i-- {
		s := &signals[i]
		if at, ok := next[s.Key]; ok && at < s.until {
			s.Cost = v.costBetween(s.at, at)
		}
		next[s.Key] = s.at
	}
}

// maxGap bounds the time that one failure can have cost: behind longer gaps
// the person was away.
const maxGap = 1800

// costOf is the cost of one call and its result.
func (v *View) costOf(k int) Cost {
	e := &v.Events[v.Results[k]]
	bytes := len(e.Text)
	if c := e.CallEvent; c != nil {
		bytes += len(c.Command) + len(c.Text)
	}
	return Cost{Calls: 1, Tokens: bytes / 4}
}

// edited reports whether files were changed between the i-th and the j-th result.
func (v *View) edited(i, j int) bool {
	for k := v.Results[i] + 1; k < v.Results[j]; k++ {
		if v.changes(&v.Events[k]) {
			return true
		}
	}
	return false
}

// changes reports whether an event is a call that changes files.
func (v *View) changes(e *session.Event) bool {
	if e.Kind != session.Call {
		return false
	}
	return e.Act == session.Edit || e.Act == session.Write ||
		e.Act == session.Shell && (strings.Contains(e.Command, "sed -i") || strings.Contains(e.Command, "> ") || strings.Contains(e.Command, "apply_patch"))
}

// asked reports whether a person spoke between the i-th and the j-th result.
func (v *View) asked(i, j int) bool {
	for k := v.Results[i] + 1; k < v.Results[j]; k++ {
		if e := &v.Events[k]; e.Kind == session.User && e.Author == session.Human {
			return true
		}
	}
	return false
}
