package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/gofrs/flock"

	"lode/session"
)

// Query is a search.
type Query struct {
	Text   string   // words, all of which must be there; "phrases"; -word for what must not be there
	Agents []string // any of them, as all lists here
	Places []string // of sessions, see Place; nil for all, empty for none
	Kinds  []string
	Tools  []string
	Failed bool
	Since  time.Time
	Until  time.Time
	Limit  int // sessions to return

	Without []string // names of sessions to leave out
}

// Answer is what a search found.
type Answer struct {
	Tier  string // "exact": all words; "close": as many as possible
	Total int    // documents
	Hits  []Hit  // the best of each session, then its others, in order of rank
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
	More    int  // further hits in the same session
	has     bool // its text has the phrases of the query
}

// Reader searches one generation. It must be closed.
type Reader struct {
	Info   Info
	lock   *flock.Flock
	shards []bleve.Index
	alias  bleve.IndexAlias
}

// Open opens the generation in use.
func Open(dir string) (*Reader, error) {
	for tries := 0; ; tries++ {
		gen, err := current(dir)
		if err != nil {
			return nil, err
		}
		r, err := openGeneration(gen)
		if err == nil {
			return r, nil
		}
		if now, cerr := current(dir); tries > 3 || cerr != nil || now == gen {
			return nil, fmt.Errorf("opening the index: %w (hint: lode nightly rebuilds it; the sessions are safe)", err)
		} // replaced while it was being opened
	}
}

func openGeneration(gen string) (*Reader, error) {
	lock, err := use(gen)
	if err != nil {
		return nil, err
	}
	r := &Reader{lock: lock, alias: bleve.NewIndexAlias()}
	if r.Info, err = readInfo(gen); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.Info.Schema != SchemaVersion {
		return nil, errors.Join(fmt.Errorf("it has schema %d, this program knows %d", r.Info.Schema, SchemaVersion), r.Close())
	}
	entries, err := os.ReadDir(gen)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		ix, err := openShard(filepath.Join(gen, e.Name()))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("shard %s: %w", e.Name(), err), r.Close())
		}
		r.shards = append(r.shards, ix)
		r.alias.Add(ix)
	}
	if n, err := r.alias.DocCount(); len(r.shards) > 0 && (err != nil || int(n) != r.Info.Docs) {
		return nil, errors.Join(fmt.Errorf("it has %d documents, not %d: a part of it is lost", n, r.Info.Docs), err, r.Close())
	}
	return r, nil
}

// openShard opens a shard for reading. Over some damaged files bleve panics.
func openShard(path string) (ix bleve.Index, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	return bleve.OpenUsing(path, map[string]any{"read_only": true, "bolt_timeout": boltTimeout})
}

// Close gives the generation free.
func (r *Reader) Close() error {
	var errs []error
	for _, ix := range r.shards {
		errs = append(errs, ix.Close())
	}
	return errors.Join(append(errs, r.lock.Unlock())...)
}

const (
	maxTerms      = 64  // of one query
	perSession    = 20  // hits looked at for each session wanted
	maxCandidates = 400 // hits looked at in all
)

// Search finds the documents that have all the words; when none has, those
// that have as many as possible, and says so.
func (r *Reader) Search(ctx context.Context, q Query) (Answer, error) {
	terms, err := parseTerms(q.Text)
	if err != nil {
		return Answer{}, err
	}
	if q.Places != nil && len(q.Places) == 0 || len(r.shards) == 0 {
		return Answer{Tier: "exact"}, nil
	}
	answer, err := r.run(ctx, q, terms, false)
	if err != nil || answer.Total > 0 || len(terms.must) < 2 {
		return answer, err
	}
	if close, err := r.run(ctx, q, terms, true); err != nil || close.Total > 0 {
		return close, err
	}
	return answer, nil
}

func (r *Reader) run(ctx context.Context, q Query, t terms, some bool) (Answer, error) {
	limit := max(q.Limit, 1)
	size := min(limit*perSession, maxCandidates)
	req := bleve.NewSearchRequestOptions(q.build(t, some), size, 0, false)
	res, err := r.alias.SearchInContext(ctx, req)
	if err == nil && len(res.Hits) == size && !settle(res) {
		req.SortBy([]string{"-_score", "_id"}) // a third slower, so only where nothing else will do
		res, err = r.alias.SearchInContext(ctx, req)
	}
	if err != nil {
		return Answer{}, fmt.Errorf("searching: %w", err)
	}
	slices.SortStableFunc(res.Hits, func(a, b *search.DocumentMatch) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	a := Answer{Tier: "exact", Total: int(res.Total)}
	if some {
		a.Tier = "close"
	}
	if t.phrases() && !some {
		return a, r.verified(&a, res.Hits, limit, t)
	}
	a.Hits = group(res.Hits, limit)
	for i := range a.Hits {
		if err := r.fill(&a.Hits[i], t); err != nil {
			return a, err
		}
	}
	return a, nil
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

// verified keeps the hits whose text has the phrases. Fields without positions
// were searched for their words only.
func (r *Reader) verified(a *Answer, found search.DocumentMatchCollection, limit int, t terms) error {
	at := make(map[string]int)
	dropped := 0
	for _, d := range found {
		h := group(search.DocumentMatchCollection{d}, 1)
		if len(h) == 0 {
			continue
		}
		hit := h[0]
		if err := r.fill(&hit, t); err != nil {
			return err
		}
		if !hit.has {
			dropped++
			continue
		}
		if i, seen := at[hit.Session]; seen {
			a.Hits[i].More++
		} else if len(a.Hits) < limit {
			at[hit.Session] = len(a.Hits)
			a.Hits = append(a.Hits, hit)
		}
	}
	a.Total -= dropped
	return nil
}

// group keeps the best hit of each session and counts the others.
func group(found search.DocumentMatchCollection, limit int) []Hit {
	var hits []Hit
	at := make(map[string]int)
	for _, d := range found {
		ref, err := session.ParseRef(d.ID)
		if err != nil {
			continue // not one of ours
		}
		name := ref.Agent + "/" + ref.Session
		if i, seen := at[name]; seen {
			hits[i].More++
			continue
		}
		if len(hits) < limit {
			at[name] = len(hits)
			hits = append(hits, Hit{Ref: ref, Session: name, Score: d.Score})
		}
	}
	return hits
}

// fill reads what is stored of a hit's document.
func (r *Reader) fill(h *Hit, t terms) error {
	for _, ix := range r.shards {
		d, err := ix.Document(h.Ref.String())
		if err != nil {
			return fmt.Errorf("reading %s: %w", h.Ref, err)
		}
		if d == nil {
			continue
		}
		d.VisitFields(func(f index.Field) {
			switch f.Name() {
			case fieldText:
				h.Snippet = snippet(string(f.Value()), t)
				h.has = t.in(string(f.Value()))
			case fieldMeta:
				var m meta
				if err = json.Unmarshal(f.Value(), &m); err == nil {
					h.Time, h.Kind, h.Tool, h.Outcome, h.Src = m.Time, m.Kind, m.Tool, m.Outcome, m.Src
				}
			}
		})
		return err
	}
	return nil
}

// build makes bleve's query.
func (q *Query) build(t terms, some bool) query.Query {
	var must []query.Query
	for _, phrase := range t.must {
		must = append(must, anywhere(phrase))
	}
	var words query.Query
	switch {
	case len(must) == 0:
		words = query.NewMatchAllQuery()
	case some:
		words = query.NewDisjunctionQuery(must)
	default:
		words = query.NewConjunctionQuery(must)
	}
	b := query.NewBooleanQuery([]query.Query{words}, nil, nil)
	for _, phrase := range t.not {
		b.AddMustNot(anywhere(phrase))
	}
	if len(q.Without) > 0 {
		b.AddMustNot(anyOf(fieldSession, q.Without))
	}
	if filters := q.filters(); len(filters) > 0 {
		b.AddFilter(query.NewConjunctionQuery(filters))
	}
	return b
}

// anywhere looks for a word or phrase in all text fields. In those without
// positions a phrase is its words; verified looks whether they stand in a row.
func anywhere(phrase []string) query.Query {
	var fields []query.Query
	for _, f := range textFields {
		var one query.Query
		switch {
		case len(phrase) == 1:
			t := query.NewTermQuery(phrase[0])
			t.SetField(f.name)
			t.SetBoost(f.boost)
			one = t
		case !f.positions:
			var all []query.Query
			for _, w := range phrase {
				t := query.NewTermQuery(w)
				t.SetField(f.name)
				all = append(all, t)
			}
			c := query.NewConjunctionQuery(all)
			c.SetBoost(f.boost)
			one = c
		default:
			p := query.NewPhraseQuery(phrase, f.name)
			p.SetBoost(f.boost)
			one = p
		}
		fields = append(fields, one)
	}
	return query.NewDisjunctionQuery(fields)
}

func (q *Query) filters() []query.Query {
	var out []query.Query
	for _, f := range []struct {
		field  string
		values []string
	}{{fieldAgent, q.Agents}, {fieldPlace, q.Places}, {fieldKind, q.Kinds}, {fieldTool, q.Tools}} {
		if len(f.values) > 0 {
			out = append(out, anyOf(f.field, f.values))
		}
	}
	if q.Failed {
		out = append(out, anyOf(fieldOutcome, []string{string(session.Failed)}))
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		out = append(out, query.NewDisjunctionQuery([]query.Query{days(q.Since, q.Until), anyOf(fieldDay, []string{undated})}))
	}
	return out
}

func anyOf(field string, values []string) query.Query {
	var any []query.Query
	for _, v := range values {
		t := query.NewTermQuery(v)
		t.SetField(field)
		any = append(any, t)
	}
	return query.NewDisjunctionQuery(any)
}

// days is a filter by date; whole days are enough for looking.
func days(since, until time.Time) query.Query {
	from, to := "00000000", "99999999"
	if !since.IsZero() {
		from = since.Format("20060102")
	}
	if !until.IsZero() {
		to = until.Format("20060102")
	}
	yes := true
	r := query.NewTermRangeInclusiveQuery(from, to, &yes, &yes)
	r.SetField(fieldDay)
	return r
}

// terms are the words of a query; each may be a phrase of several.
type terms struct {
	must [][]string
	not  [][]string
}

// phrases reports whether words must stand in a row.
func (t *terms) phrases() bool {
	for _, p := range t.must {
		if len(p) > 1 {
			return true
		}
	}
	return false
}

// in reports whether a text has all the phrases.
func (t *terms) in(text string) bool {
	if !t.phrases() {
		return true
	}
	have := words(text)
	for _, p := range t.must {
		if len(p) > 1 && !inRow(have, p) {
			return false
		}
	}
	return true
}

func inRow(have, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(have); i++ {
		if slices.Equal(have[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}

// ErrQuery says that a query cannot be searched for as it stands.
var ErrQuery = errors.New("nothing to search for")

// parseTerms cuts a query into words, "phrases" and -exclusions.
func parseTerms(text string) (terms, error) {
	var t terms
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		not := false
		if rest[0] == '-' && len(rest) > 1 && rest[1] != '-' && rest[1] != ' ' {
			not, rest = true, rest[1:]
		}
		var part string
		quoted := rest[0] == '"'
		if quoted {
			var closed bool
			if part, rest, closed = strings.Cut(rest[1:], `"`); !closed {
				return t, fmt.Errorf("the quote before %q is not closed", part)
			}
		} else if i := strings.IndexAny(rest, " \t\n\""); i >= 0 {
			part, rest = rest[:i], rest[i:]
		} else {
			part, rest = rest, ""
		}
		w := words(part)
		if len(w) == 0 {
			continue
		}
		if not {
			t.not = append(t.not, w)
		} else {
			t.must = append(t.must, w) // go-git and "go git" alike: their words in a row
		}
	}
	if len(t.must)+len(t.not) > maxTerms {
		return t, fmt.Errorf("more than %d words", maxTerms)
	}
	if len(t.must) == 0 {
		return t, fmt.Errorf("%w: %q has no word", ErrQuery, text)
	}
	return t, nil
}

// Exists reports whether there is an index.
func Exists(dir string) bool {
	_, err := os.Stat(currentFile(dir))
	return !errors.Is(err, fs.ErrNotExist)
}
