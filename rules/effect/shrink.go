package effect

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Gamma is the distribution of the rates of patterns: shape A, rate B. Its zero
// value means that it is not known.
type Gamma struct{ A, B float64 }

// minPatterns is how many patterns a fit needs.
const minPatterns = 5

// Fit estimates how rates are spread over all patterns, including those that
// were never frequent enough to be proposed, by the method of moments: counts
// are Poisson with a mean of exposure times rate (Hauer 1997; Persaud and Lyon
// 2007, Accid. Anal. Prev. 39:546).
func Fit(seen []Rate) Gamma {
	var rates, weights []float64
	for _, r := range seen {
		if r.Opportunities > 0 {
			rates = append(rates, r.Share())
			weights = append(weights, float64(r.Opportunities))
		}
	}
	if len(rates) < minPatterns {
		return Gamma{}
	}
	mean := stat.Mean(rates, weights)
	var spread, noise, all float64 // spread of the rates, less what chance alone gives
	for i, r := range rates {
		spread += weights[i] * (r - mean) * (r - mean)
		noise += mean
		all += weights[i]
	}
	variance := (spread - noise) / all
	if mean <= 0 || variance <= 0 {
		return Gamma{}
	}
	return Gamma{A: mean * mean / variance, B: mean / variance}
}

// expect returns how many failures n opportunities would have brought without a
// change: after what was seen before, shrunk towards what patterns usually do.
// Without a prior it is the baseline that speaks, else nothing does.
func (g Gamma) expect(before, found Rate, n int) float64 {
	x, m := float64(before.Failed+found.Failed), float64(before.Opportunities+found.Opportunities)
	switch {
	case g.B > 0:
		return round(float64(n) * (g.A + x) / (g.B + m))
	case before.Opportunities > 0:
		return round(float64(n) * before.Share())
	}
	return 0
}

// Interval is a median with its 90 % interval.
type Interval struct {
	Low  float64 `json:"low"`
	Mid  float64 `json:"mid"`
	High float64 `json:"high"`
}

// ratio describes the rate since, relative to the rate before: Beta posteriors
// with Jeffreys' prior, on a grid of their quantiles. It describes and proves
// nothing.
func ratio(before, since Rate) *Interval {
	if before.Failed == 0 || since.Opportunities == 0 {
		return nil
	}
	const steps = 100
	was, is := quantiles(before, steps), quantiles(since, steps)
	all := make([]float64, 0, steps*steps)
	for _, a := range is {
		for _, b := range was {
			all = append(all, a/b)
		}
	}
	slices.Sort(all)
	at := func(p float64) float64 { return round(stat.Quantile(p, stat.Empirical, all, nil)) }
	return &Interval{at(0.05), at(0.5), at(0.95)}
}

func quantiles(r Rate, steps int) []float64 {
	d := distuv.Beta{Alpha: float64(r.Failed) + 0.5, Beta: float64(r.Opportunities-r.Failed) + 0.5}
	out := make([]float64, steps)
	for i := range out {
		out[i] = math.Max(d.Quantile((float64(i)+0.5)/float64(steps)), 1e-9)
	}
	return out
}

// round keeps two digits behind the point: more would be noise.
func round(x float64) float64 { return math.Round(100*x) / 100 }
