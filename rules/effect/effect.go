// Package effect says whether a rule helped, as far as sessions can tell.
//
// What is compared are root sessions with an opportunity: those in which what
// the rule is about came up. A naive comparison of before and after flatters,
// because a pattern is picked when it was frequent by chance: picked for three
// hits, it falls by a fifth with no rule at all. So the time in which a pattern
// was found is never part of its baseline; the words "fewer since" need a
// sequential test that may be looked at every night (evalue.go); and patterns
// without a rule are watched over the same dates (placebo.go).
//
// Everything here is a pure function of its arguments. Nothing is stored.
package effect

import (
	"cmp"
	"slices"
	"time"
)

// Loaded says whether a rule was among what an agent was given.
type Loaded int

// Whether a rule was loaded. Unknown is neither proven nor ruled out.
const (
	Unknown Loaded = iota
	Yes
	No
)

// Unit is a root session with an opportunity: the rule's trigger occurred.
type Unit struct {
	Session    string
	Start, End time.Time
	Stratum    string // agent, model and project: only like is compared with like
	Failed     bool   // what the rule is to prevent happened, however often
	Loaded     Loaded
	HeldOut    bool // the learning was held out of its brief by lot
	Shown      bool // the learning was in its brief
}

// Span is a stretch of time. A zero From means from the beginning.
type Span struct{ From, To time.Time }

// meets reports whether a unit has a part in the span.
func (s Span) meets(u *Unit) bool {
	return !u.End.Before(s.From) && !u.Start.After(s.To)
}

// Question is what is known of a rule when it is judged.
type Question struct {
	Measurable bool      // the rule has a detector
	Found      Span      // the time in which its pattern was found
	Since      time.Time // when it came into force
	Now        time.Time
	Units      []Unit // sessions with an opportunity, in any order
	Controls   []Control
	Prior      Gamma // of the rates of all patterns, see Fit; zero when there are too few
}

// Control is a pattern that no rule was made for.
type Control struct {
	Found Span
	Units []Unit
}

// State is what can be said of a rule.
type State string

// The states of rules, from the one that says least.
const (
	Unmeasurable State = "unmeasurable" // it has no detector
	Waiting      State = "waiting"      // fewer than MinExposure opportunities since
	NoEvidence   State = "no evidence"
	Fewer        State = "fewer since"
	More         State = "more since"
	Relapsed     State = "relapsed" // was fewer since, and is coming back
	NotFollowed  State = "not followed"
	NotLoaded    State = "not loaded"
	Idle         State = "idle"
)

// NeedsHand reports whether a person should look: retire, move or escalate.
func (s State) NeedsHand() bool {
	switch s {
	case More, Relapsed, NotFollowed, NotLoaded, Idle:
		return true
	}
	return false
}

// The numbers of the verdict.
const (
	MinExposure  = 10                  // opportunities since, below which nothing is said
	Gate         = 20                  // E-value that a claim needs: 1 in 20, at whatever time one looks
	minViolated  = 3                   // violations while loaded that make a rule "not followed"
	minUnloaded  = 3                   // sessions without the rule that make it "not loaded"
	baselineSpan = 60 * 24 * time.Hour // before the discovery, how far the baseline reaches
	idleAfter    = 60 * 24 * time.Hour // without an opportunity
)

// Rate is how many of the opportunities failed.
type Rate struct {
	Failed        int `json:"failed"`
	Opportunities int `json:"opportunities"`
}

func (r *Rate) add(u *Unit) {
	r.Opportunities++
	if u.Failed {
		r.Failed++
	}
}

// Share is the rate as a number; 0 without opportunities.
func (r Rate) Share() float64 { return float64(r.Failed) / float64(max(r.Opportunities, 1)) }

// Card is what is said of a rule.
type Card struct {
	State    State     `json:"state"`
	Before   Rate      `json:"before"`             // the baseline, without the time of discovery
	Found    Rate      `json:"found"`              // the time of discovery, which flatters
	Since    Rate      `json:"since"`              // all opportunities since
	E        float64   `json:"e"`                  // for fewer; the highest so far
	EMore    float64   `json:"e_more"`             // for more
	Expected float64   `json:"expected"`           // failures since, if nothing had changed: shrunk towards what patterns usually do
	Ratio    *Interval `json:"ratio,omitempty"`    // of the rates since and before, in strata that both have; none where nothing failed before
	Placebo  *Placebo  `json:"placebo,omitempty"`  // patterns without a rule, over the same dates
	Loaded   int       `json:"loaded"`             // sessions since that are known to have had the rule
	Unloaded int       `json:"unloaded"`           // and that are known not to
	Violated int       `json:"violated"`           // failures while it was loaded
	Causal   *Causal   `json:"causal,omitempty"`   // by lot, where briefs were held out
	Breaks   []string  `json:"breaks,omitempty"`   // strata since that have no baseline, as after a change of model
	Dropped  int       `json:"dropped,omitempty"`  // sessions that span the acceptance
	LastSeen time.Time `json:"last_seen,omitzero"` // the newest opportunity
}

// Causal compares sessions whose brief had the learning with those from which
// it was held out by lot.
type Causal struct {
	Held  Rate    `json:"held"`
	Shown Rate    `json:"shown"`
	E     float64 `json:"e"` // for fewer among the shown
}

// Judge answers a question.
func Judge(q Question) Card {
	var c Card
	var before, since []Unit
	for _, u := range ordered(q.Units) {
		switch {
		case u.Start.Before(q.Since) && u.End.After(q.Since):
			c.Dropped++
		case !u.Start.Before(q.Since):
			since = append(since, u)
			c.Since.add(&u)
			c.count(&u)
		case q.Found.meets(&u):
			c.Found.add(&u)
		case inBaseline(&u, q.Found):
			before = append(before, u)
			c.Before.add(&u)
		}
	}
	given := slices.DeleteFunc(slices.Clone(since), func(u Unit) bool { return u.Loaded == No || u.HeldOut })
	at := c.test(before, given)
	c.Expected = q.Prior.expect(c.Before, c.Found, c.Since.Opportunities)
	c.Ratio = ratio(shared(before, given))
	c.Placebo = placebo(q)
	c.Causal = causal(since)
	c.Breaks = breaks(before, given)
	relapsed := at >= 0 && relapse(before, given, at)
	c.State = c.state(q, relapsed)
	return c
}

// ordered sorts units by time; undated ones tell nothing.
func ordered(units []Unit) []Unit {
	out := slices.DeleteFunc(slices.Clone(units), func(u Unit) bool { return u.Start.IsZero() })
	slices.SortFunc(out, func(a, b Unit) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Session, b.Session)) })
	return out
}

// inBaseline reports whether a unit from outside the discovery is near enough to it.
func inBaseline(u *Unit, found Span) bool {
	return u.Start.After(found.To) || !u.Start.Before(found.From.Add(-baselineSpan))
}

func (c *Card) count(u *Unit) {
	switch {
	case u.Loaded == Yes:
		c.Loaded++
		if u.Failed {
			c.Violated++
		}
	case u.Loaded == No:
		c.Unloaded++
	}
	c.LastSeen = u.Start
}

// test runs the sequential test both ways, and returns after how many of the
// given sessions it showed fewer, or -1.
func (c *Card) test(before, given []Unit) int {
	b := blocks(before, given, afterPerBefore)
	fewer, more := newProcess(fewerFailures), newProcess(moreFailures)
	at := -1
	for i := range b {
		fewer.add(&b[i])
		more.add(&b[i])
		if fewer.max >= Gate && at < 0 {
			at = b[i].until
		}
	}
	c.E, c.EMore = fewer.max, more.max
	return at
}

func (c *Card) state(q Question, relapsed bool) State {
	last := c.LastSeen
	if last.Before(q.Since) {
		last = q.Since
	}
	switch {
	case !q.Measurable:
		return Unmeasurable
	case c.Unloaded >= minUnloaded && c.Unloaded > c.Loaded:
		return NotLoaded
	case q.Now.Sub(last) >= idleAfter:
		return Idle
	case relapsed:
		return Relapsed
	case c.E >= Gate:
		return Fewer
	case c.EMore >= Gate:
		return More
	case c.Violated >= minViolated:
		return NotFollowed
	case c.Since.Opportunities < MinExposure:
		return Waiting
	}
	return NoEvidence
}

// causal compares what the lot made alike: no baseline, no trend.
func causal(since []Unit) *Causal {
	var c Causal
	var held, shown []Unit
	for i := range since {
		switch u := &since[i]; {
		case u.HeldOut:
			held = append(held, *u)
			c.Held.add(u)
		case u.Shown:
			shown = append(shown, *u)
			c.Shown.add(u)
		}
	}
	if len(held) == 0 {
		return nil
	}
	p := newProcess(fewerFailures)
	for _, b := range blocks(held, shown, afterPerBefore) {
		p.add(&b)
	}
	c.E = p.max
	return &c
}

// shared counts the sessions of strata that both sides have: only they compare.
func shared(before, since []Unit) (b, s Rate) {
	was, is := make(map[string]bool), make(map[string]bool)
	for i := range before {
		was[before[i].Stratum] = true
	}
	for i := range since {
		if is[since[i].Stratum] = true; was[since[i].Stratum] {
			s.add(&since[i])
		}
	}
	for i := range before {
		if is[before[i].Stratum] {
			b.add(&before[i])
		}
	}
	return b, s
}

// breaks lists the strata since that the baseline does not have.
func breaks(before, since []Unit) []string {
	var out []string
	for _, u := range since {
		known := slices.ContainsFunc(before, func(b Unit) bool { return b.Stratum == u.Stratum })
		if !known && len(before) > 0 && !slices.Contains(out, u.Stratum) {
			out = append(out, u.Stratum)
		}
	}
	return out
}
