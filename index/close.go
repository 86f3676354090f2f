package index

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"lode/index/query"
)

const (
	maxNear   = 4    // words that stand in for a misspelt one
	mostWords = 0.75 // of many words, how many must be there to be close
	mostSaid  = 0.7  // and how much of what they tell (their idf) together
)

// close answers a query to which nothing is an exact answer. A word that stands
// nowhere is taken for those near it: misspelt, written in two or in one. Where
// that does not help, most words of four or more have to do. It pads nothing:
// a word without a neighbour is missing.
func (r *Reader) close(ctx context.Context, q *Query, exact *compiler) (Answer, error) {
	for _, doubtful := range [][]string{exact.lacked, exact.rare} {
		respelt := *q
		var notes []string
		var err error
		if respelt.Node, notes, err = r.respell(q.Node, doubtful, exact.lacked); err != nil {
			return Answer{}, err
		}
		if len(notes) == 0 {
			continue
		}
		c := &compiler{r: r, q: &respelt}
		found, err := c.compile(respelt.Node)
		if err != nil {
			return Answer{}, err
		}
		a, err := r.run(ctx, &respelt, found)
		if err != nil || a.Total > 0 {
			a.Tier, a.Notes = Close, append(notes, c.notes...)
			return a, err
		}
	}
	return r.most(ctx, q)
}

// respell replaces doubtful words that stand nowhere by what is near them, and
// puts it beside others.
func (r *Reader) respell(n query.Node, doubtful, lacked []string) (query.Node, []string, error) {
	var out query.And
	var notes []string
	parts := conjuncts(n)
	for i := 0; i < len(parts); i++ {
		word, ok := plain(parts[i])
		if !ok {
			out = append(out, parts[i])
			continue
		}
		joined, err := r.joined(parts[i:])
		if err != nil {
			return nil, nil, err
		}
		if joined != "" {
			out = append(out, query.Or{query.And{parts[i], parts[i+1]}, query.Text{Text: joined}})
			notes = append(notes, fmt.Sprintf("%s is looked for too", joined))
			i++
			continue
		}
		var others query.Node
		if slices.Contains(doubtful, word) {
			if others, err = r.instead(word); err != nil {
				return nil, nil, err
			}
		}
		switch {
		case others == nil:
			out = append(out, parts[i])
		case slices.Contains(lacked, word):
			out = append(out, others)
			notes = append(notes, fmt.Sprintf("%s stands nowhere; taken for %s", word, query.Print(others)))
		default:
			out = append(out, query.Or{parts[i], others})
			notes = append(notes, fmt.Sprintf("%s is rare; taken for %s, too", word, query.Print(others)))
		}
	}
	return out, notes, nil
}

// instead returns what may have been meant by a word that stands nowhere: two
// words, or those spelt nearly so; nil when there is nothing.
func (r *Reader) instead(word string) (query.Node, error) {
	if sides, ok, err := r.split(word); err != nil || ok {
		return query.And{query.Text{Text: sides[0]}, query.Text{Text: sides[1]}}, err
	}
	near, err := r.near(word)
	if err != nil || len(near) == 0 {
		return nil, err
	}
	var any query.Or
	for _, other := range near[:min(maxNear, len(near))] {
		any = append(any, query.Text{Text: other})
	}
	if len(any) == 1 {
		return any[0], nil
	}
	return any, nil
}

// joined returns the one word that two neighbours are parts of, if there is
// one: worktree for work tree, read_file for read file.
func (r *Reader) joined(parts []query.Node) (string, error) {
	if len(parts) < 2 {
		return "", nil
	}
	a, okA := plain(parts[0])
	b, okB := plain(parts[1])
	if !okA || !okB {
		return "", nil
	}
	for _, word := range []string{a + b, a + "_" + b} {
		if n, err := r.known(word); err != nil || n > 0 {
			return word, err
		}
	}
	return "", nil
}

// plain returns the word of a node that is nothing but one.
func plain(n query.Node) (string, bool) {
	t, ok := n.(query.Text)
	if !ok || t.Quoted || t.Prefix {
		return "", false
	}
	w := cut(t.Text)
	if len(w.row) != 1 || len(w.flags) > 0 {
		return "", false
	}
	return w.row[0], true
}

// split cuts a word where both sides are words: worktree for work tree. Of
// several places, the one whose rarer side is most frequent.
func (r *Reader) split(word string) (sides [2]string, ok bool, err error) {
	best := uint64(0)
	for i := 3; i <= len(word)-3; i++ {
		if !utf8.RuneStart(word[i]) || word[i-1] == '_' || word[i] == '_' {
			continue
		}
		a, err := r.known(word[:i])
		if err != nil {
			return sides, false, err
		}
		if a <= best {
			continue
		}
		b, err := r.known(word[i:])
		if err != nil {
			return sides, false, err
		}
		if least := min(a, b); least > best && least >= minSide {
			best, sides, ok = least, [2]string{word[:i], word[i:]}, true
		}
	}
	return sides, ok, nil
}

// minSide is in how many documents each side of a split word must be: rarer
// ones are chance.
const minSide = 3

// known counts the documents that have a word in any way.
func (r *Reader) known(word string) (uint64, error) {
	var docs uint64
	for _, f := range textFields {
		for _, term := range []string{word, string(rune(partMark)) + word} {
			n, err := r.count(f.name, term)
			if err != nil {
				return 0, err
			}
			docs += n
		}
	}
	return docs, nil
}

// near lists the words that a word may have been meant to be, the nearest
// first, among them the more frequent.
func (r *Reader) near(word string) ([]string, error) {
	most := 0
	switch n := utf8.RuneCountInString(word); {
	case n >= 8:
		most = 2
	case n >= 4:
		most = 1
	}
	if most == 0 || strings.Trim(word, "0123456789.") == "" {
		return nil, nil
	}
	counts, err := r.alike(word, most)
	if err != nil {
		return nil, err
	}
	delete(counts, word)
	far := make(map[string]int)
	for t := range counts {
		if far[t] = query.Distance(word, t); far[t] > most || t[0] == partMark {
			delete(counts, t)
		}
	}
	all := frequent(counts, len(counts))
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(far[a], far[b]) })
	if len(all) > 0 && far[all[0]] == 1 {
		all = slices.DeleteFunc(all, func(t string) bool { return far[t] > 1 })
	}
	return all, nil
}

// alike counts the documents of each term that begins like a word and is at most
// so many edits from it, by its letters as bytes.
func (r *Reader) alike(word string, edits int) (map[string]uint64, error) {
	parts, err := r.parts()
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	_, dfa, err := r.shards[0].reader.(*scorch.IndexSnapshot).FieldDictFuzzyAutomaton("", word, edits, "")
	if err != nil {
		return nil, err
	}
	automaton, ok := dfa.(segment.Automaton)
	if !ok {
		return nil, fmt.Errorf("the index has an automaton of another kind: %T", dfa)
	}
	_, first := utf8.DecodeRuneInString(word)
	counts := make([]map[string]uint64, len(parts))
	err = inParallel(context.Background(), len(parts), func(i int) error {
		counts[i] = make(map[string]uint64)
		for _, f := range textFields {
			err := parts[i].terms(f.name, word[:first], automaton, func(term string, docs uint64) { counts[i][term] += docs })
			if err != nil {
				return err
			}
		}
		return nil
	})
	return sum(counts), err
}

func sum(counts []map[string]uint64) map[string]uint64 {
	all := make(map[string]uint64)
	for _, c := range counts {
		for term, n := range c {
			all[term] += n
		}
	}
	return all
}

// most finds the documents that have most of the words, of four or more, and
// whose words tell most of what all of them tell.
func (r *Reader) most(ctx context.Context, q *Query) (Answer, error) {
	var words, rest []query.Node
	for _, part := range conjuncts(q.Node) {
		if _, ok := plain(part); ok {
			words = append(words, part)
		} else {
			rest = append(rest, part)
		}
	}
	if len(words) < 4 {
		return Answer{}, nil
	}
	c := &compiler{r: r, q: q}
	found, err := c.compile(query.And(rest))
	if err != nil {
		return Answer{}, err
	}
	var some []finder
	told := make(map[string]float64)
	for _, w := range words {
		one, err := c.node(w)
		if err != nil {
			return Answer{}, err
		}
		some = append(some, one)
		word, _ := plain(w)
		told[word] = one.(*wordFinder).idf
	}
	found.words = c.ranked
	most := atLeast{int(math.Ceil(mostWords * float64(len(words)))), some}
	if found.find != nil {
		found.find = all{found.find, most}
	} else {
		found.find = most
	}
	m, err := r.match(ctx, found)
	if err != nil {
		return Answer{}, err
	}
	k, err := rank(ctx, m, maxRanked)
	if err != nil {
		return Answer{}, err
	}
	hits, err := k.first(maxCandidates)
	if err != nil {
		return Answer{}, err
	}
	kept, j := hits[:0], newJudge(q.Node)
	for i := range hits {
		if err := hits[i].fill(); err != nil {
			return Answer{}, err
		}
		if t := j.read(hits[i].text); t.of(query.And(rest)) != no && t.share(words, told) >= mostSaid {
			kept = append(kept, hits[i])
		}
	}
	a := Answer{Tier: Close, Total: len(kept), Notes: append(c.notes, fmt.Sprintf("no event has all of the %d words; these have most", len(words)))}
	return a, choose(&a, q, kept)
}
