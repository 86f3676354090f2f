package miner

import (
	"cmp"
	"slices"
	"time"

	"lode/session"
)

// Digest is what people said instead of what the agent did: corrections,
// rejections, standing instructions and what they asked for besides, under a budget of tokens, for a person
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
	rank   int // among the turns of its session with that weight
}

// What a turn may take of the budget, in characters.
const (
	maxTurn  = 300
	maxAbout = 80
)

// weights order turns by how much a rule can be made of them.
var weights = map[session.Intent]int{session.StandingRule: 5, session.RejectionReason: 4, session.Correction: 4}

const (
	aboutTopic = 3 // it speaks of what people tell agents everywhere
	asksMore   = 2 // it asks or tells something after work
	saysMore   = 1
)

// AddTurns adds the turns of a session in which a person reacts to work.
func (d *Digest) AddTurns(s *session.Session) {
	worked := false
	rank := make(map[int]int) // by weight: so that no session takes all of the room
	for i := range s.Events {
		e := &s.Events[i]
		worked = worked || e.Kind == session.Call
		if e.Kind != session.User || e.Author != session.Human {
			continue
		}
		weight, text := weigh(e, worked)
		if weight == 0 {
			continue
		}
		rank[weight]++
		d.Turns = append(d.Turns, Turn{Ref: s.Ref(e).String(), Source: s.Locate(e), Intent: e.Intent, Text: session.Quote(text, maxTurn),
			About: about(s, i), time: e.Time, weight: weight, rank: rank[weight]})
	}
}

// weigh tells how much a turn matters and what of it. Of a long turn only the
// sentence that matters is shown.
func weigh(e *session.Event, worked bool) (int, string) {
	weight, text := weights[e.Intent], e.Text
	if !worked {
		return weight, text // the task; it matters when it lays down a rule
	}
	for _, sentence := range sentences(e.Text) {
		switch {
		case weight < aboutTopic && topicOf(sentence) != nil:
			weight, text = aboutTopic, sentence
		case weight < asksMore && wish.MatchString(sentence):
			weight, text = asksMore, sentence
		}
	}
	if len(e.Text) <= maxTurn {
		text = e.Text
	}
	if weight == 0 && len(e.Text) <= maxTurn && e.Intent != session.Answer && e.Intent != session.Praise {
		weight = saysMore
	}
	return weight, text
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
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.rank, b.rank), b.time.Compare(a.time), cmp.Compare(a.Ref, b.Ref))
	})
	d.Tokens = 0
	said := make(map[string]bool)
	var kept []Turn
	for _, t := range d.Turns {
		cost := (len(t.Text)+len(t.About)+len(t.Ref))/4 + 4
		if said[t.Text] && t.weight < aboutTopic || d.Tokens+cost > budget {
			continue
		}
		said[t.Text] = true
		d.Tokens += cost
		kept = append(kept, t)
	}
	d.Turns = kept
	slices.SortFunc(d.Turns, func(a, b Turn) int { return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.Ref, b.Ref)) })
}
