package miner

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"lode/session/lazyregexp"
)

// Clusterer groups lines that say the same of different things. Lines are
// masked as they come; what the masks cannot know to be a name, such as a user
// or a table, shows only when all lines are there: Clusters looks at the
// templates together. It depends on the set of lines and how often each came,
// never on their order.
//
// The method is that of Brain (Yu et al., "Brain: log parsing with
// bidirectional parallel tree", IEEE TSC 2023): templates with equally many
// words are split by the longest set of words that are equally frequent, which
// is what a message's fixed words are; of the others, a column with many
// different words is a variable, one with few tells different messages apart.
// Here masks count as one and the same variable, and a column with a mask in
// it is one.
type Clusterer struct {
	numbers map[string]int
	masked  []string
	lines   []int // how often each template came
}

// Cluster is a group of lines.
type Cluster struct {
	Name     string // the same for the same template
	Template string
}

// Add takes up a line and returns the number of its masked form.
func (c *Clusterer) Add(line string) int {
	if c.numbers == nil {
		c.numbers = make(map[string]int)
	}
	masked := Mask(line)
	n, ok := c.numbers[masked]
	if !ok {
		n = len(c.masked)
		c.numbers[masked] = n
		c.masked = append(c.masked, masked)
		c.lines = append(c.lines, 0)
	}
	c.lines[n]++
	return n
}

// Clusters returns the cluster of each masked form, by number.
func (c *Clusterer) Clusters() []Cluster {
	byLength := make(map[int][]*form)
	for n, masked := range c.masked {
		f := &form{n: n, lines: c.lines[n]}
		f.words, f.glued = split(masked)
		byLength[len(f.words)] = append(byLength[len(f.words)], f)
	}
	clusters := make([]Cluster, len(c.masked))
	for _, forms := range byLength {
		for _, group := range alike(forms) {
			cluster := group.cluster()
			for _, f := range group {
				clusters[f.n] = cluster
			}
		}
	}
	return clusters
}

// form is a masked line in its words.
type form struct {
	n     int
	lines int
	words []string
	glued []bool // whether a word stands right after the one before
	often []int  // in how many lines of the same length the word stands at its place
}

// forms are masked lines with equally many words.
type forms []*form

// variable stands for what differs between lines of a cluster.
const variable = "<*>"

var (
	anyMask  = lazyregexp.New(`<(?:n|id|hex|path|str|url)>`)
	address  = lazyregexp.New(`(?:(?:[0-9a-fA-F]{1,4}|<\*>)?:){2,}(?:[0-9a-fA-F]{1,4}|<\*>)`)
	withUnit = lazyregexp.New(`<\*> ?(?:[KMGT]?i?B|bytes?|[mun]?s|secs?\.?|seconds?|minutes?|hours?|%)(?:$|[^A-Za-z])`)
	run      = lazyregexp.New(`<\*>(?:[-:./@#]?<\*>)+`)
)

// split cuts a masked line into words: at spaces, and after what separates a
// name from its value. All masks become one, together with units behind them.
func split(masked string) (words []string, glued []bool) {
	s := anyMask.ReplaceAllString(masked, variable)
	s = replaceWhole(address, s)
	s = withUnit.ReplaceAllStringFunc(s, func(m string) string {
		if last := m[len(m)-1]; last != '%' && !isAlnum(last) && last != '.' {
			return variable + string(last)
		}
		return variable
	})
	s = run.ReplaceAllString(s, variable)
	for word := range strings.SplitSeq(s, " ") {
		first := true
		for word != "" || first {
			end := len(word)
			if i := strings.IndexAny(word, "=:,()[]"); i >= 0 {
				end = i + 1
			}
			words, glued = append(words, word[:end]), append(glued, !first)
			word, first = word[end:], false
		}
	}
	return words, glued
}

// replaceWhole replaces what is no part of a longer word.
func replaceWhole(re *lazyregexp.Regexp, s string) string {
	var b strings.Builder
	end := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		if m[0] > 0 && isWordByte(s[m[0]-1]) || m[1] < len(s) && (isWordByte(s[m[1]]) || s[m[1]] == ':') {
			continue
		}
		b.WriteString(s[end:m[0]])
		b.WriteString(variable)
		end = m[1]
	}
	b.WriteString(s[end:])
	return b.String()
}

// alike splits masked lines of one length into clusters.
func alike(all forms) []forms {
	type place struct {
		column int
		word   string
	}
	often := make(map[place]int)
	for _, f := range all {
		for i, w := range f.words {
			often[place{i, w}] += f.lines
		}
	}
	roots := make(map[string]forms)
	for _, f := range all {
		f.often = make([]int, len(f.words))
		for i, w := range f.words {
			f.often[i] = often[place{i, w}]
		}
		r := f.root()
		roots[r] = append(roots[r], f)
	}
	var groups []forms
	for _, r := range sortedKeys(roots) {
		groups = append(groups, roots[r].branches()...)
	}
	return groups
}

// common is the frequency that most words of a form share; of several the
// highest.
func (f *form) common() int {
	times := make(map[int]int)
	best := 0
	for _, n := range f.often {
		times[n]++
	}
	for n, k := range times {
		if best == 0 || k > times[best] || k == times[best] && n > best {
			best = n
		}
	}
	return best
}

// root spells the words of a form's common frequency with their columns.
func (f *form) root() string {
	var b strings.Builder
	common := f.common()
	for i, w := range f.words {
		if f.often[i] == common {
			b.WriteString(w)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// minNames is from how many different words on a column is a variable.
const minNames = 5

// branches splits forms of one root by the columns that tell messages apart:
// the rarer words than the root's, where they are few.
func (g forms) branches() []forms {
	common := g[0].common()
	var columns []int
	for i := range g[0].words {
		rarer := slices.ContainsFunc(g, func(f *form) bool { return f.often[i] < common })
		if n, _ := g.column(i); n > 1 && rarer {
			columns = append(columns, i)
		}
	}
	slices.SortStableFunc(columns, func(a, b int) int {
		n, _ := g.column(a)
		m, _ := g.column(b)
		return cmp.Compare(n, m)
	})
	groups := []forms{g}
	for _, i := range columns {
		var split []forms
		for _, group := range groups {
			n, masked := group.column(i)
			if n == 1 || n >= minNames || masked {
				split = append(split, group)
				continue
			}
			byWord := make(map[string]forms)
			for _, f := range group {
				byWord[f.words[i]] = append(byWord[f.words[i]], f)
			}
			for _, w := range sortedKeys(byWord) {
				split = append(split, byWord[w])
			}
		}
		groups = split
	}
	return groups
}

// column returns how many different words a column has, and whether one of
// them is a variable.
func (g forms) column(i int) (n int, masked bool) {
	words := make(map[string]bool)
	for _, f := range g {
		words[f.words[i]] = true
		masked = masked || strings.Contains(f.words[i], variable)
	}
	return len(words), masked
}

// cluster names a group by its template: the words that all its forms have.
func (g forms) cluster() Cluster {
	first := slices.MinFunc(g, func(a, b *form) int { return slices.Compare(a.words, b.words) })
	var b strings.Builder
	for i, w := range first.words {
		if i > 0 && !first.glued[i] {
			b.WriteByte(' ')
		}
		if n, _ := g.column(i); n > 1 {
			w = variable
		}
		b.WriteString(w)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return Cluster{Name: "c-" + hex.EncodeToString(sum[:5]), Template: b.String()}
}
