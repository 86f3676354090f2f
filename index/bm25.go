package index

import (
	"bytes"
	"context"
	"math"

	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	bleve "github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
)

// BM25's constants, as usual: how fast more occurrences stop to count, and how
// much a long field makes them count less.
const (
	bm25K = 1.2
	bm25B = 0.6
)

// variant is a term that stands for a word of a query, in one field.
type variant struct {
	field, term string
	weight      float64
	length      float64 // of the field, on average, in words
}

// wordQuery finds the documents that have one of some terms. It scores them by
// BM25F: occurrences are weighted by field and term, added up, and count less
// the more there are (Robertson, Zaragoza and Taylor, Simple BM25 extension to
// multiple weighted fields, 2004). bleve's own scores know one field at a time.
type wordQuery struct {
	variants []variant
	idf      float64 // over all shards, so that their scores compare
}

// Searcher implements bleve's query.Query.
func (q *wordQuery) Searcher(ctx context.Context, r index.IndexReader, _ mapping.IndexMapping, _ search.SearcherOptions) (search.Searcher, error) {
	s := &wordSearcher{idf: q.idf}
	for i := range q.variants {
		v := &q.variants[i]
		terms, err := r.TermFieldReader(ctx, []byte(v.term), v.field, true, true, false)
		if err != nil {
			s.Close()
			return nil, err
		}
		if terms.Count() == 0 {
			terms.Close()
			continue
		}
		s.sources = append(s.sources, &source{variant: v, terms: terms})
		s.count += terms.Count()
	}
	return s, nil
}

var _ bleve.Query = (*wordQuery)(nil)

// source is the documents that have a term.
type source struct {
	*variant
	terms index.TermFieldReader
	doc   *index.TermFieldDoc // the one to be taken next; nil at the end
	room  index.TermFieldDoc
}

// wordSearcher walks through the union of its sources.
type wordSearcher struct {
	idf     float64
	sources []*source
	count   uint64
	begun   bool
}

// Next implements search.Searcher.
func (s *wordSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	if !s.begun {
		s.begun = true
		for _, src := range s.sources {
			if err := src.next(); err != nil {
				return nil, err
			}
		}
	}
	return s.take(ctx)
}

// Advance implements search.Searcher: to the document, or the next behind it.
func (s *wordSearcher) Advance(ctx *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	for _, src := range s.sources {
		if s.begun && (src.doc == nil || bytes.Compare(src.doc.ID, id) >= 0) {
			continue
		}
		var err error
		if src.doc, err = src.terms.Advance(id, src.room.Reset()); err != nil {
			return nil, err
		}
	}
	s.begun = true
	return s.take(ctx)
}

func (src *source) next() (err error) {
	src.doc, err = src.terms.Next(src.room.Reset())
	return err
}

// take returns the first document that a source has next, and moves on.
func (s *wordSearcher) take(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	var first index.IndexInternalID
	for _, src := range s.sources {
		if src.doc != nil && (first == nil || bytes.Compare(src.doc.ID, first) < 0) {
			first = src.doc.ID
		}
	}
	if first == nil {
		return nil, nil
	}
	m := ctx.DocumentMatchPool.Get()
	m.IndexInternalID = append(m.IndexInternalID[:0], first...)
	occurrences := 0.0
	for _, src := range s.sources {
		if src.doc == nil || !bytes.Equal(src.doc.ID, m.IndexInternalID) {
			continue
		}
		occurrences += src.weight * float64(src.doc.Freq) / shortness(src.doc.Norm, src.length)
		if err := src.next(); err != nil {
			return nil, err
		}
	}
	m.Score = s.idf * occurrences * (bm25K + 1) / (bm25K + occurrences)
	return m, nil
}

// shortness is what occurrences in a field are divided by: 1 where it is of
// average length. norm is bleve's: 1 / sqrt of the number of terms.
func shortness(norm, average float64) float64 {
	if norm == 0 {
		return 1
	}
	return 1 - bm25B + bm25B/(norm*norm)/average
}

// inverse is BM25's measure of how rare a word is.
func inverse(docs, all uint64) float64 {
	n, d := float64(all), float64(min(docs, all))
	return math.Log(1 + (n-d+0.5)/(d+0.5))
}

// Close implements search.Searcher.
func (s *wordSearcher) Close() error {
	var err error
	for _, src := range s.sources {
		if cerr := src.terms.Close(); err == nil {
			err = cerr
		}
	}
	return err
}

// The rest of search.Searcher. Scores are final: they are not normalised.

func (s *wordSearcher) Weight() float64            { return 0 }
func (s *wordSearcher) SetQueryNorm(float64)       {}
func (s *wordSearcher) Count() uint64              { return s.count }
func (s *wordSearcher) Min() int                   { return 0 }
func (s *wordSearcher) Size() int                  { return 0 }
func (s *wordSearcher) DocumentMatchPoolSize() int { return 1 }
