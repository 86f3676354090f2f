package effect

import "slices"

// The test is the block-wise one of Turner, Ly and Grünwald (Generic E-variables
// for exact sequential k-sample tests, arXiv 2106.02693): a block has one
// session of the baseline and two since, of the same stratum. Two rates are
// estimated from the blocks before it, never from itself; its factor is how much
// likelier they make it than their weighted mean does. Whatever the true rate of
// the stratum is, as long as it is the same before and since, the factor is at
// most 1 on average; so their product passes 20 with a chance of at most 1 in
// 20, however often one looks (Ville). See simulation_test.go for the power.

// afterPerBefore is how many sessions since a block has for each of the baseline.
const afterPerBefore = 2

// prior is the pseudo-count of the estimates (Turner et al., section 4: 0.18 is
// close to the best in regret).
const prior = 0.18

// block is what is compared at once.
type block struct {
	before, since Rate
	until         int // how many of the sessions since have passed with it
}

// blocks pairs sessions of the baseline with later ones of the same stratum, in
// the order in which the later ones came. The newest of the baseline are taken
// first: they are the most alike.
func blocks(before, since []Unit, per int) []block {
	waiting := make(map[string][]Unit)
	for i := range before {
		waiting[before[i].Stratum] = append(waiting[before[i].Stratum], before[i])
	}
	part := make(map[string]*block)
	var out []block
	for i := range since {
		s := since[i].Stratum
		if len(waiting[s]) == 0 {
			continue
		}
		if part[s] == nil {
			part[s] = &block{}
		}
		part[s].since.add(&since[i])
		if part[s].since.Opportunities < per {
			continue
		}
		last := len(waiting[s]) - 1
		part[s].before.add(&waiting[s][last])
		waiting[s] = waiting[s][:last]
		part[s].until = i + 1
		out = append(out, *part[s])
		part[s] = nil
	}
	return out
}

// side is what a process looks for.
type side int

const (
	fewerFailures side = iota
	moreFailures
)

// process multiplies the factors of blocks.
type process struct {
	side          side
	before, since Rate // of the blocks so far
	e, max        float64
}

func newProcess(s side) *process { return &process{side: s, e: 1, max: 1} }

func (p *process) add(b *block) {
	was, is := estimate(p.before), estimate(p.since)
	if p.side == fewerFailures && is < was || p.side == moreFailures && is > was {
		n, m := float64(b.before.Opportunities), float64(b.since.Opportunities)
		mean := (n*was + m*is) / (n + m)
		p.e *= likelihood(b.before, was) * likelihood(b.since, is) / (likelihood(b.before, mean) * likelihood(b.since, mean))
		p.max = max(p.max, p.e)
	}
	p.before.Failed += b.before.Failed
	p.before.Opportunities += b.before.Opportunities
	p.since.Failed += b.since.Failed
	p.since.Opportunities += b.since.Opportunities
}

func estimate(r Rate) float64 {
	return (float64(r.Failed) + prior) / (float64(r.Opportunities) + 2*prior)
}

// likelihood of what was seen in a given order, for a rate.
func likelihood(r Rate, rate float64) float64 {
	l := 1.0
	for range r.Failed {
		l *= rate
	}
	for range r.Opportunities - r.Failed {
		l *= 1 - rate
	}
	return l
}

// Discoveries returns how many of the rules with these E-values can be called
// proven together, so that at most one in twenty of them is wrong on average,
// whatever they have to do with each other (e-BH: Wang and Ramdas, arXiv
// 2009.02824). n is the number of rules that were judged.
func Discoveries(es []float64) int {
	sorted := append([]float64(nil), es...)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	n := len(sorted)
	for k := n; k > 0; k-- {
		if sorted[k-1] >= Gate*float64(n)/float64(k) {
			return k
		}
	}
	return 0
}
