package miner

import (
	"cmp"
	"slices"
	"time"

	"lode/session"
)

// Digest is what people said instead of what the agent did: corrections,
// rejections and standing instructions, under a budget of tokens, for a person
// or an analyst to read.
type Digest struct {
	Tokens int    `json:"tokens"`
	Turns  []Turn `json:"turns"`
}

// Turn is something a person said, and what it was about.
type Turn struct {
	Ref    string           `json:"ref"`
	Source session.Location `json:"source"`
	Intent session.Intent   `json:"intent"`
	Text   string           `json:"text"`
	About  string           `json:"about"` // the call, or the words of the agent, that came before
	time   time.Time
	weight int
}

// What a turn may take of the budget, in characters.
const (
	maxTurn  = 400
	maxAbout = 120
)

// weights order the intents by how much a rule can be made of them.
var weights = map[session.Intent]int{session.StandingRule: 4, session.RejectionReason: 3, session.Correction: 3, session.Question: 1, session.NewTask: 1}

// AddTurns adds the turns of a session that correct or instruct.
func (d *Digest) AddTurns(s *session.Session) {
	for i := range s.Events {
		e := &s.Events[i]
		if e.Kind != session.User || e.Author != session.Human || weights[e.Intent] < 3 {
			continue
		}
		d.Turns = append(d.Turns, Turn{Ref: s.Ref(e).String(), Source: s.Locate(e), Intent: e.Intent, Text: session.Quote(e.Text, maxTurn),
			About: about(s, i), time: e.Time, weight: weights[e.Intent]})
	}
}

// about tells what came before a turn.
func about(s *session.Session, i int) string {
	for j := i - 1; j >= 0; j-- {
		e := &s.Events[j]
		switch {
		case e.Kind == session.User && e.Author == session.Human:
			return ""
		case e.Kind == session.Call:
			return session.Quote(e.Tool+" "+e.Command, maxAbout)
		case e.Kind == session.Agent && e.Act == "":
			return session.Quote(e.Text, maxAbout)
		}
	}
	return ""
}

// Trim keeps the turns that matter most within a budget, and puts them in order.
func (d *Digest) Trim(budget int) {
	slices.SortFunc(d.Turns, func(a, b Turn) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), b.time.Compare(a.time), cmp.Compare(a.Ref, b.Ref))
	})
	d.Tokens = 0
	for n, t := range d.Turns {
		cost := (len(t.Text)+len(t.About)+len(t.Ref))/4 + 4
		if d.Tokens+cost > budget {
			d.Turns = d.Turns[:n]
			break
		}
		d.Tokens += cost
	}
	slices.SortFunc(d.Turns, func(a, b Turn) int { return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.Ref, b.Ref)) })
}
