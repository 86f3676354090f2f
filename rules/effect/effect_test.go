package effect

import (
	"math"
	"slices"
	"testing"
	"time"
)

// seen makes sessions by their signs: F failed, . did not; each on a day of its own.
func seen(from time.Time, signs string, mark func(*Unit)) []Unit {
	var out []Unit
	for i, s := range signs {
		u := Unit{Session: from.AddDate(0, 0, i).Format(time.DateOnly), Start: from.AddDate(0, 0, i).Add(time.Hour), Failed: s == 'F', Stratum: "codex"}
		u.End = u.Start.Add(time.Hour)
		if mark != nil {
			mark(&u)
		}
		out = append(out, u)
	}
	return out
}

func loaded(l Loaded) func(*Unit) { return func(u *Unit) { u.Loaded = l } }

var (
	accepted = day0.AddDate(0, 0, 60)
	found    = Span{day0.AddDate(0, 0, 30), accepted}
)

// A question with a baseline of 30 days, 30 days of discovery, and what came since.
func question(baseline, discovery string, since []Unit) Question {
	units := slices.Concat(seen(day0, baseline, nil), seen(found.From, discovery, nil), since)
	return Question{Measurable: true, Found: found, Since: accepted, Now: accepted.AddDate(0, 0, 40), Units: units}
}

const (
	half = "F.F.F.F.F.F.F.F.F.F.F.F.F.F.F."
	all  = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
	none = ".............................."
)

// What can be said of a rule.
func TestState(t *testing.T) {
	for _, c := range []struct {
		name  string
		q     Question
		state State
	}{
		{"no detector", Question{Since: accepted, Now: accepted}, Unmeasurable},
		{"the first days", question(half, half, seen(accepted, ".........", nil)), Waiting},
		{"as often as before", question(half, half, seen(accepted, half, nil)), NoEvidence},
		{"never again", question(half, half, seen(accepted, none+none, nil)), Fewer},
		{"never again, but there is only the discovery to compare with", question("", half, seen(accepted, none+none, nil)), NoEvidence},
		{"always now", question(half[:10]+none[:20], half, seen(accepted, all+all, nil)), More},
		{"loaded and not followed", question(half, half, seen(accepted, "F.F.F........", loaded(Yes))), NotFollowed},
		{"not loaded", question(half, half, seen(accepted, "F.F.F........", loaded(No))), NotLoaded},
		{"as much evidence, all of it loaded", question(half, half, seen(accepted, none[:25], loaded(Yes))), Fewer},
		{"not loaded does not count as evidence", question(half, half, append(seen(accepted, none[:13], loaded(Yes)), seen(accepted, none[:12], loaded(No))...)), NoEvidence},
		{"nobody came by", Question{Measurable: true, Since: accepted, Now: accepted.AddDate(0, 0, 60)}, Idle},
		{"not yet idle", Question{Measurable: true, Since: accepted, Now: accepted.AddDate(0, 0, 59)}, Waiting},
		{"it comes back", question(half, half, seen(accepted, none+none+all, nil)), Relapsed},
	} {
		if got := Judge(c.q); got.State != c.state {
			t.Errorf("%s: %s, want %s: %+v", c.name, got.State, c.state, got)
		}
	}
}

// Sessions of the discovery, those that span the acceptance, those far back and
// undated ones are in neither count.
func TestCounts(t *testing.T) {
	q := question("FF.", "FFF", seen(accepted, "F..", loaded(Yes)))
	span := Unit{Session: "span", Start: accepted.Add(-time.Hour), End: accepted.Add(time.Hour), Failed: true}
	old := Unit{Session: "old", Start: found.From.Add(-baselineSpan - time.Hour), End: found.From.Add(-baselineSpan), Failed: true}
	q.Units = append(q.Units, span, old, Unit{Session: "undated", Failed: true})
	c := Judge(q)
	if c.Before != (Rate{2, 3}) || c.Found != (Rate{3, 3}) || c.Since != (Rate{1, 3}) || c.Dropped != 1 || c.Loaded != 3 || c.Violated != 1 {
		t.Errorf("Judge = %+v, want before 2/3, found 3/3, since 1/3 with 1 dropped, loaded in 3, violated 1", c)
	}
}

// Between the proposal and its acceptance there is no rule and no picking:
// such sessions belong to the baseline.
func TestBaselineBeforeAcceptance(t *testing.T) {
	q := Question{Measurable: true, Found: Span{To: day0.AddDate(0, 0, 30)}, Since: accepted, Now: accepted}
	q.Units = append(seen(day0, all, nil), seen(day0.AddDate(0, 0, 31), "F....", nil)...)
	if c := Judge(q); c.Before != (Rate{1, 5}) || c.Found != (Rate{30, 30}) {
		t.Errorf("Judge = before %v, found %v, want 1/5 and 30/30", c.Before, c.Found)
	}
}

// Only like is compared with like: after a change of model there is no evidence,
// and it is said why.
func TestBreak(t *testing.T) {
	q := question(half, half, seen(accepted, none+none, func(u *Unit) { u.Stratum = "codex, a newer model" }))
	c := Judge(q)
	if c.E != 1 || c.State != NoEvidence || len(c.Breaks) != 1 || c.Breaks[0] != "codex, a newer model" {
		t.Errorf("Judge = %+v, want no evidence and the break", c)
	}
}

// The order in which sessions are handed in does not matter.
func TestOrder(t *testing.T) {
	q := question(half, half, seen(accepted, ".F..F"+none, nil))
	want := Judge(q)
	slices.Reverse(q.Units)
	if got := Judge(q); got.E != want.E || got.State != want.State {
		t.Errorf("Judge of the reverse = %+v, want %+v", got, want)
	}
}

// The placebo line: patterns without a rule, each compared with itself, without
// the time in which it was found.
func TestPlacebo(t *testing.T) {
	q := question(half, half, seen(accepted, none, nil))
	falls := append(seen(day0, all, nil), seen(accepted, half, nil)...)
	stays := append(seen(day0, half, nil), seen(accepted, half, nil)...)
	picked := append(seen(day0, all, nil), seen(accepted, none, nil)...)
	q.Controls = []Control{{Units: falls}, {Units: stays}}
	q.Controls[0].Found, q.Controls[1].Found = found, found
	p := Judge(q).Placebo
	if p == nil || p.Patterns != 2 || math.Abs(p.Change+0.33) > 0.01 {
		t.Errorf("placebo = %+v, want -0.33 of 2 patterns", p)
	}
	q.Controls = append(q.Controls, Control{Found: Span{To: accepted}, Units: picked})
	if again := Judge(q).Placebo; *again != *p {
		t.Errorf("placebo with a pattern whose baseline is its discovery = %+v, want %+v", again, p)
	}
}

// By lot there is no need of a baseline.
func TestCausal(t *testing.T) {
	held := seen(accepted, all, func(u *Unit) { u.HeldOut = true })
	shown := seen(accepted, none+none, func(u *Unit) { u.Shown = true })
	c := Judge(question("", "", append(held, shown...)))
	if c.Causal == nil || c.Causal.E < Gate || c.Causal.Held != (Rate{30, 30}) || c.Causal.Shown != (Rate{0, 60}) {
		t.Errorf("causal = %+v, want proof from 30/30 held out and 0/60 shown", c.Causal)
	}
}

// The interval of the ratio holds the truth about as often as it says.
func TestRatio(t *testing.T) {
	for _, c := range []struct {
		before, since  Rate
		low, mid, high float64
	}{
		{Rate{9, 31}, Rate{2, 44}, 0.03, 0.17, 0.5},
		{Rate{50, 100}, Rate{50, 100}, 0.79, 1, 1.26},
	} {
		got := ratio(c.before, c.since)
		if math.Abs(got.Low-c.low) > 0.03 || math.Abs(got.Mid-c.mid) > 0.03 || math.Abs(got.High-c.high) > 0.05 {
			t.Errorf("ratio(%v, %v) = %+v, want about %v %v %v", c.before, c.since, *got, c.low, c.mid, c.high)
		}
	}
	if ratio(Rate{}, Rate{1, 2}) != nil {
		t.Error("a ratio to nothing")
	}
}
