package effect

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The alarm for a relapse is a Bernoulli CUSUM over the opportunities since a
// rule was proven, risk-adjusted by stratum (Steiner et al. 2000, Biostatistics
// 1:441): it adds how much likelier the old rate makes each session than the new
// one does, and never falls below zero. Its limit is set by simulation, so that
// it sounds within relapseRun opportunities in one of twenty rules that stay good.
// How good they are is known from few sessions only: the simulation draws it.
const (
	relapseRun   = 200
	relapseRuns  = 1000
	relapseRates = 50 // different ones that are drawn
)

// adjusted are the rates of a stratum: while the rule worked, and before it.
type adjusted struct {
	good, bad float64
	drawn     []float64 // what the good rate may be, as quantiles of its posterior
}

// relapse reports whether the failures come back after the rule was proven by
// the first at of the sessions.
func relapse(before, since []Unit, at int) bool {
	rates := ratesOf(before, since[:at])
	strata := make([]adjusted, 0, len(since))
	for i := at; i < len(since); i++ {
		strata = append(strata, rates(since[i].Stratum))
	}
	if len(strata) == 0 {
		return false
	}
	limit := relapseLimit(strata)
	var w float64
	for i, a := range strata {
		if w = a.step(w, since[at+i].Failed); w > limit {
			return true
		}
	}
	return false
}

// step is the sum after one more session.
func (a adjusted) step(w float64, failed bool) float64 {
	if failed {
		return math.Max(0, w+math.Log(a.bad/a.good))
	}
	return math.Max(0, w+math.Log((1-a.bad)/(1-a.good)))
}

// ratesOf returns the rates to look for by stratum: a stratum's own where it has
// enough sessions, else those of all.
func ratesOf(before, since []Unit) func(stratum string) adjusted {
	type pair struct{ before, since Rate }
	var all pair
	by := make(map[string]*pair)
	for i := range before {
		all.before.add(&before[i])
		get(by, before[i].Stratum).before.add(&before[i])
	}
	for i := range since {
		all.since.add(&since[i])
		get(by, since[i].Stratum).since.add(&since[i])
	}
	known := make(map[*pair]adjusted)
	return func(stratum string) adjusted {
		p := by[stratum]
		if p == nil || p.before.Opportunities < MinExposure || p.since.Opportunities < MinExposure {
			p = &all
		}
		if a, ok := known[p]; ok {
			return a
		}
		a := adjusted{good: smooth(p.since), bad: smooth(p.before), drawn: quantiles(p.since, relapseRates)}
		a.bad = math.Max(a.bad, math.Min(2*a.good, 0.99)) // what is looked for is worse at any rate
		known[p] = a
		return a
	}
}

func get[V any](m map[string]*V, k string) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

// smooth keeps a rate away from 0 and 1.
func smooth(r Rate) float64 { return (float64(r.Failed) + 0.5) / (float64(r.Opportunities) + 1) }

// relapseLimit simulates rules that stay good, over sessions of the same strata,
// and returns what 19 of 20 never pass.
func relapseLimit(strata []adjusted) float64 {
	lot := rand.New(rand.NewPCG(20, 5)) // the same for everybody: equal input, equal verdict
	top := make([]float64, relapseRuns)
	for run := range top {
		var w float64
		for i := range relapseRun {
			a := strata[i%len(strata)]
			w = a.step(w, lot.Float64() < a.drawn[run%relapseRates])
			top[run] = math.Max(top[run], w)
		}
	}
	slices.Sort(top)
	return top[relapseRuns*19/20]
}
