package index

import (
	"cmp"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
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

// wordFinder finds the documents that have one of some terms. It scores them by
// BM25F: occurrences are weighted by field and term, added up, and count less
// the more there are (Robertson, Zaragoza and Taylor, Simple BM25 extension to
// multiple weighted fields, 2004). bleve's own scores know one field at a time.
type wordFinder struct {
	idf     float64     // over all shards, so that their scores compare; 0 for a filter
	sources [][]*source // by part
	count   uint64      // documents that have a term, for each of the terms
}

// source is the documents of a part that have a term.
type source struct {
	*variant
	list segment.PostingsList // nil where it is not known how often they have it: once
	docs *roaring.Bitmap
}

// lookUp finds the documents of each term.
func lookUp(parts []*part, variants []variant) (*wordFinder, error) {
	w := &wordFinder{sources: make([][]*source, len(parts))}
	for _, p := range parts {
		for i := range variants {
			v := &variants[i]
			s, err := p.list(v.field, v.term)
			if err != nil {
				return nil, err
			}
			if s == nil {
				continue
			}
			s.variant = v
			w.sources[p.n] = append(w.sources[p.n], s)
			w.count += s.docs.GetCardinality()
		}
	}
	return w, nil
}

func (w *wordFinder) in(p *part) matched {
	sources := w.sources[p.n]
	m := matched{docs: union(sources)}
	if w.idf == 0 {
		return m
	}
	m.scores = func(of *roaring.Bitmap) scorer {
		var walks []*walk
		for _, s := range sources {
			if s.docs.Intersects(of) {
				walks = append(walks, &walk{source: s, docs: roaring.And(s.docs, of).Iterator()})
			}
		}
		return func(doc uint32) float64 {
			occurrences := 0.0
			for _, w := range walks {
				occurrences += w.at(p, doc)
			}
			return w.idf * occurrences * (bm25K + 1) / (bm25K + occurrences)
		}
	}
	return m
}

func union(sources []*source) *roaring.Bitmap {
	if len(sources) == 1 {
		return sources[0].docs
	}
	sets := make([]*roaring.Bitmap, len(sources))
	for i, s := range sources {
		sets[i] = s.docs
	}
	return roaring.FastOr(sets...)
}

// walk goes through the documents of a source that are scored.
type walk struct {
	*source
	docs roaring.IntPeekable
	all  segment.PostingsIterator // with frequencies
}

// at returns how much a document has of the source.
func (w *walk) at(p *part, doc uint32) float64 {
	w.docs.AdvanceIfNeeded(doc)
	if !w.docs.HasNext() || w.docs.PeekNext() != doc {
		return 0
	}
	if w.list == nil {
		return w.weight
	}
	if w.all == nil {
		w.all = w.list.Iterator(true, true, false, nil)
	}
	w.docs.Next()
	next, err := w.all.Advance(uint64(doc))
	if err != nil || next == nil {
		p.err = cmp.Or(p.err, err)
		return 0
	}
	return w.weight * float64(next.Frequency()) / shortness(next.Norm(), w.length)
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
