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

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	bquery "github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"

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
	Total int      // documents; of rows of words that stand in long texts, those looked at
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
	Score   float64
	Snippet Snippet
	More    int // further hits in the same session
	text    string
	shard   string
}

// ErrQuery says that a query cannot be searched for as it stands.
var ErrQuery = errors.New("this cannot be searched for")

const (
	maxCandidates = 400 // hits that are grouped by session, at first
	perSession    = 20  // hits looked at for each session of this page and those before
	mostHits      = 10_000
	maxVerified   = 400  // hits whose text is looked at, at first
	mostVerified  = 5000 // and at most, about
	tie           = 1.02 // scores that differ by less are the same; the later session comes first
)

// Search answers a query: exactly, and where that finds nothing, closely. Words
// may be the only thing that is close; fields and phrases never are.
func (r *Reader) Search(ctx context.Context, q Query) (Answer, error) {
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
	if later(q.Node) || q.Accept != nil {
		return r.verified(ctx, q, found)
	}
	res, err := r.find(ctx, found, min(max(maxCandidates, perSession*(q.Skip+q.Limit)), mostHits))
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Tier: Exact, Total: int(res.Total)}
	return a, r.choose(&a, q, toHits(res.Hits))
}

// verified finds what was compiled as far as the text of a document tells that
// it has it. It looks at more of them while too few have.
func (r *Reader) verified(ctx context.Context, q *Query, found compiled) (Answer, error) {
	a, j := Answer{Tier: Exact}, newJudge(q.Node)
	var kept []Hit
	for looked, size := 0, maxVerified; ; size *= 4 {
		res, err := r.find(ctx, found, size)
		if err != nil {
			return a, err
		}
		hits := toHits(res.Hits)
		for i := looked; i < len(hits); i++ {
			if err := r.fill(&hits[i]); err != nil {
				return a, err
			}
			if j.read(hits[i].text).of(q.Node) != no && (q.Accept == nil || q.Accept(hits[i].text)) {
				kept = append(kept, hits[i])
			}
		}
		looked = len(hits)
		a.Total = int(res.Total) - looked + len(kept)
		if looked >= int(res.Total) || len(res.Hits) < size || len(group(kept)) >= q.Skip+q.Limit || size > mostVerified {
			break
		}
	}
	if len(kept) == 0 {
		a.Total = 0
	}
	return a, r.choose(&a, q, kept)
}

// find runs what was compiled and returns the best documents.
func (r *Reader) find(ctx context.Context, found compiled, size int) (*bleve.SearchResult, error) {
	what := found.find
	if what == nil {
		var err error
		if what, err = r.everything(); err != nil {
			return nil, err
		}
	}
	if found.filter != nil || found.without != nil {
		b := bquery.NewBooleanQuery([]bquery.Query{what}, nil, nil)
		if found.filter != nil {
			b.AddFilter(found.filter)
		}
		if found.without != nil {
			b.AddMustNot(found.without)
		}
		what = b
	}
	req := bleve.NewSearchRequestOptions(what, size, 0, false)
	res, err := r.alias.SearchInContext(ctx, req)
	if err == nil && len(res.Hits) == size && !settle(res) {
		req.SortBy([]string{"-_score", "_id"}) // a third slower, so only where nothing else will do
		res, err = r.alias.SearchInContext(ctx, req)
	}
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	slices.SortStableFunc(res.Hits, func(a, b *search.DocumentMatch) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return res, nil
}

// settle drops the worst hits of a cut result, all with the same score: which of
// these were found is chance, and would change with each update of the index.
// It reports false when nothing would be left.
func settle(res *bleve.SearchResult) bool {
	last := res.Hits[len(res.Hits)-1].Score
	keep := slices.IndexFunc(res.Hits, func(d *search.DocumentMatch) bool { return d.Score == last })
	if keep > 0 {
		res.Hits = res.Hits[:keep]
	}
	return keep > 0
}

func toHits(found search.DocumentMatchCollection) []Hit {
	hits := make([]Hit, 0, len(found))
	for _, d := range found {
		ref, err := session.ParseRef(d.ID)
		if err != nil || ref.N < 0 {
			continue // a session's own document
		}
		hits = append(hits, Hit{Ref: ref, Session: ref.Agent + "/" + ref.Session, Score: d.Score, shard: d.Index})
	}
	return hits
}

// choose makes the page of an answer: the best hit of each session, ordered by
// score, and where scores tie by time.
func (r *Reader) choose(a *Answer, q *Query, hits []Hit) error {
	best := group(hits)
	first, last := min(q.Skip, len(best)), min(q.Skip+q.Limit, len(best))
	window := best[:min(len(best), 2*last)]
	for i := range window {
		if err := r.fill(&window[i]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(window, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(level(b.Score), level(a.Score)), b.Time.Compare(a.Time))
	})
	a.More = last < len(best) || len(best) > first && len(hits) < min(a.Total, mostHits)
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

// fill reads what is stored of a hit's document.
func (r *Reader) fill(h *Hit) error {
	if h.text != "" {
		return nil
	}
	sh := r.byName[h.shard]
	if sh == nil {
		return fmt.Errorf("reading %s: no shard %q", h.Ref, h.shard)
	}
	d, err := sh.Document(h.Ref.String())
	if err != nil || d == nil {
		return fmt.Errorf("reading %s: %w", h.Ref, errors.Join(err, errors.New("its document is lost")))
	}
	d.VisitFields(func(f index.Field) {
		switch f.Name() {
		case fieldText:
			h.text = string(f.Value())
		case fieldMeta:
			var m meta
			if m, err = parseMeta(string(f.Value())); err == nil {
				h.Time, h.Kind, h.Tool, h.Outcome, h.Src = m.Time, m.Kind, m.Tool, m.Outcome, m.Src
			}
		}
	})
	return err
}

// Why says why a query found nothing: which filters took hits away, what stands
// nowhere and what is near it.
func (r *Reader) Why(ctx context.Context, q Query) ([]string, error) {
	var notes []string
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
		if n > 0 {
			notes = append(notes, fmt.Sprintf("without %s there would be %s", query.Print(part), plural(n, "hit")))
		}
	}
	if len(notes) == 0 && len(bare) < len(parts) && len(bare) > 0 {
		n, err := r.total(ctx, q, bare)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			notes = append(notes, fmt.Sprintf("without the filters there would be %s", plural(n, "hit")))
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
func (r *Reader) total(ctx context.Context, q Query, parts []query.Node) (int, error) {
	if len(parts) == 0 || scans(query.And(parts)) {
		return 0, nil
	}
	q.Node, q.Limit = query.And(parts), 1
	c := &compiler{r: r, q: &q}
	found, err := c.compile(q.Node)
	if err != nil || found.find == nil && found.filter == nil {
		return 0, nil
	}
	a, err := r.run(ctx, &q, found)
	return a.Total, err
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
