package effect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

var day0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at returns the time of the n-th tenth of an hour.
func at(n int) time.Time { return day0.Add(time.Duration(n) * 6 * time.Minute) }

// draw makes n sessions with a failure rate, one after the other from a place on.
func draw(lot *rand.Rand, from, n int, rate float64) []Unit {
	out := make([]Unit, n)
	for i := range out {
		out[i] = Unit{Session: fmt.Sprint("s", from+i), Start: at(from + i), End: at(from + i), Failed: lot.Float64() < rate}
	}
	return out
}

// naive is what looking at a two-sided z-test every night would say: a change, at least once.
func naive(before, since []Unit, every int) bool {
	var b, s Rate
	for i := range before {
		b.add(&before[i])
	}
	for i := range since {
		s.add(&since[i])
		if (i+1)%every == 0 && math.Abs(z(b, s)) > 1.96 {
			return true
		}
	}
	return false
}

func z(b, s Rate) float64 {
	all := sum(b, s).Share()
	sd := math.Sqrt(all * (1 - all) * (1/float64(b.Opportunities) + 1/float64(s.Opportunities)))
	if sd == 0 {
		return 0
	}
	return (b.Share() - s.Share()) / sd
}

// power runs a scenario and returns how often the gate was passed, the median
// of the sessions since that it took, and how often a nightly z-test cries.
func power(runs, n0, n1, per int, was, is float64) (share float64, median int, cries float64) {
	lot := rand.New(rand.NewPCG(1, 1))
	var took []int
	zs := 0
	for range runs {
		before, since := draw(lot, 0, n0, was), draw(lot, n0, n1, is)
		p := newProcess(fewerFailures)
		for _, b := range blocks(before, since, per) {
			if p.add(&b); p.max >= Gate {
				took = append(took, b.until)
				break
			}
		}
		if naive(before, since, 2) {
			zs++
		}
	}
	if slices.Sort(took); len(took) > 0 {
		median = took[len(took)/2]
	}
	return float64(len(took)) / float64(runs), median, float64(zs) / float64(runs)
}

// The power of the test, and its false alarms where nothing changed, beside
// those of a z-test that is looked at every night. The expectations are those of
// reference tables made with other code, within the noise of 4,000 runs.
func TestPower(t *testing.T) {
	for _, c := range []struct {
		was, is     float64
		n0, n1, per int
		want        float64
	}{
		{.30, .30, 60, 120, 2, .013},
		{.10, .10, 60, 120, 2, .010},
		{.02, .02, 200, 400, 2, .012},
		{.30, .15, 60, 120, 2, .29},
		{.30, .15, 120, 240, 2, .60},
		{.30, .10, 100, 100, 1, .72},
		{.30, .05, 60, 120, 2, .92},
		{.50, .10, 40, 80, 2, .95},
		{.10, .02, 120, 300, 2, .65},
	} {
		got, median, cries := power(4000, c.n0, c.n1, c.per, c.was, c.is)
		t.Logf("%.2f -> %.2f  %d/%d: E >= 20 in %.1f %% (want %.1f), median %d sessions since; nightly z-test %.1f %%", c.was, c.is, c.n0, c.n1, 100*got, 100*c.want, median, 100*cries)
		if math.Abs(got-c.want) > 0.03 || c.was == c.is && got > 0.05 {
			t.Errorf("%.2f -> %.2f, %d/%d: the gate is passed in %.3f, want %.3f", c.was, c.is, c.n0, c.n1, got, c.want)
		}
	}
}

// Patterns that are picked because they were frequent become rarer by
// themselves. A baseline from another time does not show it, and neither does
// one that is shrunk towards what patterns usually do.
func TestRegressionToTheMean(t *testing.T) {
	lot := rand.New(rand.NewPCG(2, 2))
	const exposure = 20
	type picked struct{ found, earlier, later int }
	byLeast := map[int][]picked{2: nil, 3: nil, 5: nil}
	var all []Rate
	poisson := func(mean float64) int { return int(distuv.Poisson{Lambda: mean, Src: lot}.Rand()) }
	for range 100000 {
		rate := math.Exp(lot.NormFloat64()) // median 1, sigma 1, a window
		p := picked{poisson(rate), poisson(rate), poisson(rate)}
		all = append(all, Rate{p.found, exposure})
		for least := range byLeast {
			if p.found >= least {
				byLeast[least] = append(byLeast[least], p)
			}
		}
	}
	prior := Fit(all)
	for _, least := range []int{2, 3, 5} {
		var found, earlier, later, expected float64
		for _, p := range byLeast[least] {
			found, earlier, later = found+float64(p.found), earlier+float64(p.earlier), later+float64(p.later)
			expected += prior.expect(Rate{}, Rate{p.found, exposure}, exposure)
		}
		naive, disjoint, shrunk := later/found-1, later/earlier-1, later/expected-1
		t.Logf("picked for %d hits or more: naive %+.0f %%, disjoint baseline %+.1f %%, shrunk %+.1f %%", least, 100*naive, 100*disjoint, 100*shrunk)
		if naive > -0.15 || math.Abs(disjoint) > 0.02 || math.Abs(shrunk) > 0.10 {
			t.Errorf("picked for %d: naive %+.3f, disjoint %+.3f, shrunk %+.3f; want about -0.2, 0, 0", least, naive, disjoint, shrunk)
		}
	}
}

// life is a pattern from its first session to the last night: sessions come,
// from the first night on, each looks at the 30 days before it, and the first in
// which the pattern has three failures makes a rule of it. helps is what of the
// failures is left from then on. ok says whether the pattern was found.
func life(lot *rand.Rand, perDay, rate, helps float64, first, nights int) (q Question, ok bool) {
	failed := func() bool {
		if ok {
			return lot.Float64() < rate*helps
		}
		return lot.Float64() < rate
	}
	for d := range nights {
		now := day0.AddDate(0, 0, d)
		if !ok && d >= first {
			n := 0
			for i := range q.Units {
				if u := &q.Units[i]; u.Failed && !u.Start.Before(now.AddDate(0, 0, -30)) {
					n++
				}
			}
			if n >= 3 {
				q.Found, q.Since, ok = Span{now.AddDate(0, 0, -30), now}, now, true
			}
		}
		for i := range int(perDay) + chance(lot, perDay-math.Floor(perDay)) {
			t := now.Add(time.Duration(i+1) * time.Minute)
			q.Units = append(q.Units, Unit{Session: fmt.Sprint(d, "-", i), Start: t, End: t, Failed: failed()})
		}
	}
	q.Now, q.Measurable = day0.AddDate(0, 0, nights), true
	return q, ok
}

func chance(lot *rand.Rand, p float64) int {
	if lot.Float64() < p {
		return 1
	}
	return 0
}

// A year of nights: patterns of all rates come and go, each is made a rule the
// night it is found, and no rule has an effect. What is said is wrong for at
// most one rule in twenty, either way, whatever night one looks; and patterns
// that were picked because they were frequent are not called fewer. The first
// night comes after a month, or after three, when there is a history.
func TestFalseAlarms(t *testing.T) {
	for _, first := range []int{30, 90} {
		lot := rand.New(rand.NewPCG(3, 3))
		var rules, fewer, more, cries int
		var found, since Rate
		for range 1500 {
			rate := math.Min(0.02*math.Exp(lot.NormFloat64()), 0.9)
			q, ok := life(lot, 0.3+3*lot.Float64(), rate, 1, first, 365)
			if !ok {
				continue
			}
			rules++
			c := Judge(q)
			found, since = sum(found, c.Found), sum(since, c.Since)
			if c.E >= Gate { // the highest of all nights
				fewer++
			}
			if c.EMore >= Gate {
				more++
			}
			in := slices.DeleteFunc(slices.Clone(q.Units), func(u Unit) bool { return !q.Found.meets(&u) })
			after := slices.DeleteFunc(slices.Clone(q.Units), func(u Unit) bool { return u.Start.Before(q.Since) })
			if naive(in, after, 2) {
				cries++
			}
		}
		share := func(n int) float64 { return float64(n) / float64(rules) }
		t.Logf("first night on day %d: %d rules without effect; rate %+.0f %% against the time of discovery; fewer since in %.1f %%, more since in %.1f %%, nightly z-test against the discovery %.1f %%",
			first, rules, 100*(since.Share()/found.Share()-1), 100*share(fewer), 100*share(more), 100*share(cries))
		if rules < 500 || share(fewer) > 0.05 || share(more) > 0.05 {
			t.Errorf("of %d rules without effect %d are called fewer and %d more, want at most 5 %% each", rules, fewer, more)
		}
	}
}

// The same with rules that leave a tenth of the failures, and a history from
// before the first night: most are seen to work.
func TestRulesThatWork(t *testing.T) {
	lot := rand.New(rand.NewPCG(4, 4))
	var rules, fewer, more int
	for range 150 {
		q, ok := life(lot, 2, 0.2+0.2*lot.Float64(), 0.1, 90, 240)
		if !ok {
			continue
		}
		rules++
		c := Judge(q)
		if c.E >= Gate {
			fewer++
		}
		if c.EMore >= Gate {
			more++
		}
	}
	t.Logf("%d rules that leave a tenth of the failures: fewer since in %d, more since in %d", rules, fewer, more)
	if rules < 140 || fewer < rules*8/10 || more > 0 {
		t.Errorf("of %d rules that work %d are seen to, %d are called harmful", rules, fewer, more)
	}
}

// A relapse is heard, and rules that stay good are left alone.
func TestRelapse(t *testing.T) {
	lot := rand.New(rand.NewPCG(5, 5))
	const runs = 300
	var proven, good, bad int
	for range runs {
		before, since := draw(lot, 0, 60, .4), draw(lot, 100, 120, .05)
		var c Card
		proof := c.test(before, since)
		if proof < 0 {
			continue
		}
		proven++
		if relapse(before, append(slices.Clone(since), draw(lot, 300, 80, .05)...), proof) {
			good++
		}
		if relapse(before, append(slices.Clone(since), draw(lot, 300, 40, .4)...), proof) {
			bad++
		}
	}
	t.Logf("%d proven rules: an alarm in %d that stayed good, in %d that came back", proven, good, bad)
	if proven < 200 || good*20 > proven || bad*10 < proven*8 {
		t.Errorf("of %d proven rules %d that stayed good give an alarm, %d that came back; want at most one in twenty, at least eight in ten", proven, good, bad)
	}
}

// Of many rules without effect, few are ever called proven together.
func TestDiscoveries(t *testing.T) {
	for _, c := range []struct {
		es   []float64
		want int
	}{
		{nil, 0},
		{[]float64{19}, 0},
		{[]float64{20}, 1},
		{[]float64{20, 1}, 0},
		{[]float64{40, 1}, 1},
		{[]float64{20, 20}, 2},
		{[]float64{1, 61, 1}, 1},
		{[]float64{30, 1, 30}, 2},
	} {
		if got := Discoveries(c.es); got != c.want {
			t.Errorf("Discoveries(%v) = %d, want %d", c.es, got, c.want)
		}
	}
}
