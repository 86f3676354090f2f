package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lode/index/query"
	"lode/session"
)

// Query is what to search for.
type Query struct {
	Node  query.Node
	Now   time.Time // for since:30d
	Limit int       // sessions to return; at least 1
	Skip  int       // sessions to pass over: those of earlier pages
	// Places lists the places (see Place) of the projects that a name means;
	// nil where no query names projects.
	Places  func(project string, prefix bool) ([]string, error)
	Without []string // names of sessions to leave out
	Exact   bool     // nothing close where nothing is found
	// Accept, when set, has the last word on each document, by its stored text.
	Accept func(text string) bool
	// Store has the sessions whole, for literals and regular expressions.
	Store *session.Store
}

// Tiers of an answer.
const (
	Exact = "exact" // the query as it stands
	Close = "close" // near it: words spelt otherwise, or most of many words
)

// Answer is what a search found.
type Answer struct {
	Tier  string
	Total int      // documents
	Open  bool     // there may be more than Total: not all texts were read
	Hits  []Hit    // the best of each session, in order of rank
	More  bool     // there are more sessions behind the last one
	Notes []string // what was passed over, or taken otherwise than it stands
}

// Hit is a document that was found.
type Hit struct {
	Ref     session.Ref
	Session string // agent/id
	Time    time.Time
	Kind    session.Kind
	Tool    string
	Outcome session.Outcome
	Src     int // position of the event's source in the session's sources
	Line    int // of its text, see session.Event
	Score   float64
	Snippet Snippet
	More    int // further hits in the same session
	text    string
	at      ranked
}

// ErrQuery says that a query cannot be searched for as it stands.
var ErrQuery = errors.New("this cannot be searched for")

const (
	maxCandidates = 400 // hits that are grouped by session, at first
	verifyBatch   = 48  // hits whose texts are read at once, to see whether words stand in a row
	mostVerified  = 4 * maxRanked
	tie           = 1.02 // scores that differ by less are the same; the later session comes first
)

// Search answers a query: exactly, and where that finds nothing, closely. Words
// may be the only thing that is close; fields and phrases never are.
func (r *Reader) Search(ctx context.Context, q Query) (answer Answer, err error) {
	defer caught(&err)
	if q.Limit = max(q.Limit, 1); len(r.shards) == 0 {
		return Answer{Tier: Exact}, nil
	}
	c := &compiler{r: r, q: &q}
	found, err := c.compile(q.Node)
	if err != nil {
		return Answer{}, err
	}
	if found.find == nil && found.filter == nil && !scans(q.Node) {
		return Answer{}, fmt.Errorf("%w: %s has no word", ErrQuery, query.Print(q.Node))
	}
	if onlyNot(q.Node) {
		return Answer{}, fmt.Errorf("%w: %s only says what must not be there (hint: a word that begins with a dash goes into quotes: \"-race\")", ErrQuery, query.Print(q.Node))
	}
	if scans(q.Node) {
		a, err := r.scan(ctx, &q, found)
		a.Notes = append(c.notes, a.Notes...)
		return a, err
	}
	a, err := r.run(ctx, &q, found)
	a.Notes = append(c.notes, a.Notes...)
	if err != nil || a.Total > 0 || q.Exact || q.Accept != nil {
		return a, err
	}
	close, err := r.close(ctx, &q, c)
	if err != nil || close.Total == 0 {
		return a, err
	}
	return close, nil
}

// onlyNot reports whether every part of a query is negated.
func onlyNot(n query.Node) bool {
	return !slices.ContainsFunc(conjuncts(n), func(part query.Node) bool { _, not := part.(query.Not); return !not })
}

// run finds what was compiled, ranks and groups it.
func (r *Reader) run(ctx context.Context, q *Query, found compiled) (Answer, error) {
	m, err := r.match(ctx, found)
	if err != nil {
		return Answer{}, err
	}
	if later(q.Node) || q.Accept != nil {
		return verified(ctx, q, m)
	}
	a := Answer{Tier: Exact, Total: m.total}
	for most := maxRanked; ; most *= 4 {
		k, err := rank(ctx, m, most)
		if err != nil {
			return a, err
		}
		hits, err := k.first(maxCandidates)
		for err == nil && len(group(hits)) < q.Skip+q.Limit && len(hits) < len(k.docs) {
			hits, err = k.first(2 * len(hits))
		}
		if err != nil {
			return a, err
		}
		if len(group(hits)) < q.Skip+q.Limit && most < m.total {
			continue
		}
		if k.note != "" {
			a.Notes = append(a.Notes, k.note)
		}
		return a, choose(&a, q, hits)
	}
}

// verified keeps of a ranking what the text of a document tells to have the
// query, until there is enough for the page.
func verified(ctx context.Context, q *Query, m *matches) (Answer, error) {
	a, j := Answer{Tier: Exact}, newJudge(q.Node)
	k, err := rank(ctx, m, mostVerified)
	if err != nil {
		return a, err
	}
	var kept []Hit
	looked := 0
	for looked < len(k.docs) && len(group(kept)) < 2*(q.Skip+q.Limit) {
		hits, err := k.first(looked + verifyBatch)
		if err != nil {
			return a, err
		}
		batch := hits[looked:]
		looked = len(hits)
		has := make([]bool, len(batch))
		err = inParallel(ctx, len(batch), func(i int) error {
			err := batch[i].fill()
			text := batch[i].text
			has[i] = err == nil && j.read(text).of(q.Node) != no && (q.Accept == nil || q.Accept(text))
			return err
		})
		if err != nil {
			return a, err
		}
		for i := range batch {
			if has[i] {
				kept = append(kept, batch[i])
			}
		}
	}
	a.Total, a.Open = len(kept), looked < m.total
	return a, choose(&a, q, kept)
}

// choose makes the page of an answer: the best hit of each session, ordered by
// score, and where scores tie by time.
func choose(a *Answer, q *Query, hits []Hit) error {
	best := group(hits)
	first, last := min(q.Skip, len(best)), min(q.Skip+q.Limit, len(best))
	window := best[:min(len(best), 2*last)]
	for i := range window {
		if err := window[i].fill(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(window, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(level(b.Score), level(a.Score)), b.Time.Compare(a.Time))
	})
	a.More = last < len(best) || len(best) > first && (a.Open || len(hits) < a.Total)
	a.Hits = best[first:last]
	m := newMarker(q.Node)
	for i := range a.Hits {
		a.Hits[i].Snippet = m.snippet(a.Hits[i].text)
		a.Hits[i].text = ""
	}
	return nil
}

// level is equal for scores that tie.
func level(score float64) float64 {
	if score <= 0 {
		return 0
	}
	return math.Floor(math.Log(score) / math.Log(tie))
}

// group keeps the best hit of each session and counts the others.
func group(hits []Hit) []Hit {
	var best []Hit
	at := make(map[string]int)
	for _, h := range hits {
		if i, seen := at[h.Session]; seen {
			best[i].More++
			continue
		}
		at[h.Session] = len(best)
		best = append(best, h)
	}
	return best
}

// Why says why a query found nothing: which filters took hits away, what stands
// nowhere and what is near it.
func (r *Reader) Why(ctx context.Context, q Query) (notes []string, err error) {
	defer caught(&err)
	parts := conjuncts(q.Node)
	var bare []query.Node
	for i, part := range parts {
		if !filters(part) {
			bare = append(bare, part)
			continue
		}
		n, err := r.total(ctx, q, slices.Delete(slices.Clone(parts), i, i+1))
		if err != nil {
			return nil, err
		}
		if n.Total > 0 {
			notes = append(notes, fmt.Sprintf("without %s there would be %s", query.Print(part), n.hits()))
		}
	}
	if len(notes) == 0 && len(bare) < len(parts) && len(bare) > 0 {
		n, err := r.total(ctx, q, bare)
		if err != nil {
			return nil, err
		}
		if n.Total > 0 {
			notes = append(notes, fmt.Sprintf("without the filters there would be %s", n.hits()))
		}
	}
	if len(notes) > 0 {
		return notes, nil
	}
	if scans(q.Node) {
		return append(notes, fmt.Sprintf("nothing like it stands in the whole texts of %s", plural(r.Info.Sessions, "session"))), nil
	}
	lacking, err := r.lacking(&q)
	if err != nil {
		return nil, err
	}
	if len(lacking) == 0 && len(bare) > 0 {
		lacking = append(lacking, "each of the words is there, but no event has them together (hint: fewer words, or OR between them)")
	}
	return append(notes, lacking...), nil
}

// total counts what a query of some parts finds, exactly.
func (r *Reader) total(ctx context.Context, q Query, parts []query.Node) (Answer, error) {
	if len(parts) == 0 || scans(query.And(parts)) {
		return Answer{}, nil
	}
	q.Node, q.Limit = query.And(parts), 1
	c := &compiler{r: r, q: &q}
	found, err := c.compile(q.Node)
	if err != nil || found.find == nil && found.filter == nil {
		return Answer{}, nil
	}
	return r.run(ctx, &q, found)
}

func (a *Answer) hits() string { return CountHits(a.Total, a.Open) }

// CountHits says how many hits there are, of which there may be more when it is open.
func CountHits(n int, open bool) string {
	if open {
		return "at least " + plural(n, "hit")
	}
	return plural(n, "hit")
}

// lacking says which words stand nowhere, and which are near them.
func (r *Reader) lacking(q *Query) ([]string, error) {
	c := &compiler{r: r, q: q}
	if _, err := c.compile(q.Node); err != nil {
		return nil, err
	}
	var notes []string
	for _, word := range c.lacked {
		near, err := r.near(word)
		if err != nil {
			return nil, err
		}
		note := fmt.Sprintf("%s stands nowhere in %s of %s", word, plural(r.Events(), "indexed event"), plural(r.Info.Sessions, "session"))
		if len(near) > 0 {
			note += "; near it are " + strings.Join(near[:min(3, len(near))], ", ")
		}
		notes = append(notes, note)
	}
	return notes, nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
