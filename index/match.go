package index

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"lode/session"
)

// Queries are answered from the sets of documents that bleve's segments keep for
// each term, by set operations, which cost little even for the most frequent
// words; frequencies, which cost much, are read of the documents only that are
// ranked (rank.go).

var errOther = errors.New("the index has postings of another kind")

// part is a segment of a shard, as one search reads it.
type part struct {
	n     int // among the parts of the search
	seg   *scorch.SegmentSnapshot
	dicts map[string]segment.TermDictionary // not for several goroutines
	err   error                             // the first that scoring met
}

// parts lists the segments of all shards.
func (r *Reader) parts() ([]*part, error) {
	var all []*part
	for _, sh := range r.shards {
		snapshot, ok := sh.reader.(*scorch.IndexSnapshot)
		if !ok {
			return nil, fmt.Errorf("shard %s is of another kind: %T", sh.Name(), sh.reader)
		}
		for _, seg := range snapshot.Segments() {
			all = append(all, &part{n: len(all), seg: seg, dicts: make(map[string]segment.TermDictionary)})
		}
	}
	return all, nil
}

// dict returns the terms of a field.
func (p *part) dict(field string) (segment.TermDictionary, error) {
	if dict, ok := p.dicts[field]; ok {
		return dict, nil
	}
	dict, err := p.seg.Segment().Dictionary(field)
	if err == nil {
		p.dicts[field] = dict
	}
	return dict, err
}

// terms yields the terms of a field that begin so and that an automaton accepts,
// and in how many documents each is. A nil automaton accepts all.
func (p *part) terms(field, prefix string, a segment.Automaton, yield func(term string, docs uint64)) error {
	dict, err := p.dict(field)
	if err != nil {
		return err
	}
	var from, to []byte
	if prefix != "" {
		from, to = []byte(prefix), []byte(prefix)
		to[len(to)-1]++ // no UTF-8 ends in 0xff
	}
	for it := dict.AutomatonIterator(a, from, to); ; {
		entry, err := it.Next()
		if err != nil || entry == nil {
			return err
		}
		yield(entry.Term, entry.Count)
	}
}

// list returns the documents that have a term, and nil when there are none.
func (p *part) list(field, term string) (*source, error) {
	dict, err := p.dict(field)
	if err != nil {
		return nil, err
	}
	list, err := dict.PostingsList([]byte(term), p.seg.Deleted(), nil)
	if err != nil || list.Count() == 0 {
		return nil, err
	}
	it, ok := list.Iterator(false, false, false, nil).(segment.OptimizablePostingsIterator)
	if !ok {
		return nil, errOther
	}
	s := &source{list: list, docs: it.ActualBitmap()}
	if doc, single := it.DocNum1Hit(); single {
		s.docs = roaring.BitmapOf(uint32(doc))
	}
	return s, nil
}

// union returns the documents that have one of some terms.
func (p *part) union(field string, terms []string) (*roaring.Bitmap, error) {
	dict, err := p.dict(field)
	if err != nil {
		return nil, err
	}
	all := roaring.New()
	var list segment.PostingsList
	var walk segment.PostingsIterator
	for _, term := range terms {
		if list, err = dict.PostingsList([]byte(term), p.seg.Deleted(), list); err != nil {
			return nil, err
		}
		walk = list.Iterator(false, false, false, walk)
		docs, ok := walk.(segment.OptimizablePostingsIterator)
		if !ok {
			return nil, errOther
		}
		if doc, single := docs.DocNum1Hit(); single {
			all.Add(uint32(doc))
		} else if set := docs.ActualBitmap(); set != nil {
			all.Or(set)
		}
	}
	return all, nil
}

// ref returns what a document is called.
func (p *part) ref(doc uint32) (session.Ref, error) {
	id, err := p.seg.DocID(uint64(doc))
	if err != nil {
		return session.Ref{}, fmt.Errorf("searching: %w", err)
	}
	return session.ParseRef(string(id))
}

// finder is a compiled part of a query.
type finder interface {
	// in finds the documents of a part of the index.
	in(p *part) matched
}

// matched is what a finder found in one part of the index.
type matched struct {
	docs *roaring.Bitmap // never written, for it may be bleve's own
	// scores makes a function that scores some of them, which are asked for in
	// ascending order; nil where all rank the same.
	scores func(of *roaring.Bitmap) scorer
}

type scorer func(doc uint32) float64

// all finds what each of some finders finds; their scores add up.
type all []finder

func (f all) in(p *part) matched {
	each := inEach(f, p)
	sets := make([]*roaring.Bitmap, len(each))
	for i, m := range each {
		sets[i] = m.docs
	}
	return matched{roaring.FastAnd(sets...), func(of *roaring.Bitmap) scorer { return total(each, of) }}
}

// atLeast finds what at least so many of some finders find; the scores of those
// that do add up.
type atLeast struct {
	n  int
	of []finder
}

func (f atLeast) in(p *part) matched {
	each := inEach(f.of, p)
	found := make([]*roaring.Bitmap, f.n) // by how many finders, at least one
	for i := range found {
		found[i] = roaring.New()
	}
	for _, m := range each {
		for i := f.n - 1; i > 0; i-- {
			found[i].Or(roaring.And(found[i-1], m.docs))
		}
		found[0].Or(m.docs)
	}
	return matched{found[f.n-1], func(of *roaring.Bitmap) scorer { return total(each, of) }}
}

func allOf(f []finder) finder {
	if len(f) == 1 {
		return f[0]
	}
	return all(f)
}

func anyOf(f []finder) finder {
	if len(f) == 1 {
		return f[0]
	}
	return atLeast{1, f}
}

// but finds what one finder finds and another does not.
type but struct{ this, not finder }

func (f but) in(p *part) matched {
	m := f.this.in(p)
	m.docs = roaring.AndNot(m.docs, f.not.in(p).docs)
	return m
}

func inEach(of []finder, p *part) []matched {
	each := make([]matched, len(of))
	for i, f := range of {
		each[i] = f.in(p)
	}
	return each
}

// total adds up what those score that have a document.
func total(each []matched, of *roaring.Bitmap) scorer {
	var scorers []scorer
	var sets []*roaring.Bitmap
	for _, m := range each {
		if m.scores != nil {
			scorers, sets = append(scorers, m.scores(of)), append(sets, m.docs)
		}
	}
	return func(doc uint32) float64 {
		sum := 0.0
		for i, score := range scorers {
			if sets[i].Contains(doc) {
				sum += score(doc)
			}
		}
		return sum
	}
}

// caught turns what bleve does over damaged segments, which is to panic, into an
// error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the index is damaged: %v (hint: remove the folder index of the state, and lode nightly makes it anew)", p)
	}
}

// inParallel calls a function for 0 to n-1, as many at once as there are processors.
func inParallel(ctx context.Context, n int, f func(int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				func() {
					defer caught(&errs[i])
					errs[i] = f(i)
				}()
			}
		})
	}
	workers.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}
