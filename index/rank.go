package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// maxRanked is how many documents are ranked at first, about. Of more that match, it is
// those whose words stand in the field that weighs most, and among these the
// latest: an answer must not take the longer the more sessions there are.
const maxRanked = 2000

// matches is what a compiled query finds, by part.
type matches struct {
	c     compiled
	in    []matched
	total int
}

// match finds all documents, in no order.
func (r *Reader) match(ctx context.Context, c compiled) (*matches, error) {
	f := c.find
	if f == nil {
		var err error
		if f, err = r.everything(c.parts); err != nil {
			return nil, err
		}
	}
	if c.filter != nil {
		f = all{f, c.filter}
	}
	if c.without != nil {
		f = but{f, c.without}
	}
	m := &matches{c: c, in: make([]matched, len(c.parts))}
	err := inParallel(ctx, len(c.parts), func(i int) error {
		m.in[i] = f.in(c.parts[i])
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	m.total = size(m.sets())
	return m, nil
}

// sets are the documents by part.
func (m *matches) sets() []*roaring.Bitmap {
	sets := make([]*roaring.Bitmap, len(m.in))
	for i := range m.in {
		sets[i] = m.in[i].docs
	}
	return sets
}

func size(sets []*roaring.Bitmap) int {
	n := uint64(0)
	for _, docs := range sets {
		n += docs.GetCardinality()
	}
	return int(n)
}

// ranking is documents by rank; what they are called is read when it is asked for.
type ranking struct {
	docs []ranked
	hits []Hit // of the first
	note string
}

type ranked struct {
	p     *part
	doc   uint32
	score float64
}

// rank orders the documents that match, of many only so many, about. What only
// filters says nothing about rank: there the latest come first.
func rank(ctx context.Context, m *matches, most int) (*ranking, error) {
	sets := m.sets()
	if m.c.find == nil {
		days, err := latest(ctx, m.c.parts, sets, most)
		var k ranking
		for _, d := range days {
			for it := d.docs.Iterator(); it.HasNext(); {
				k.docs = append(k.docs, ranked{d.p, it.Next(), d.day})
			}
		}
		return &k, err
	}
	var k ranking
	if m.total > most {
		var err error
		if sets, err = m.weightiest(ctx, most); err != nil {
			return nil, err
		}
		k.note = fmt.Sprintf("of %s, the weightiest and latest %d were ranked (hint: another word narrows them)", plural(m.total, "hit"), size(sets))
	}
	by := make([][]ranked, len(sets))
	err := inParallel(ctx, len(sets), func(i int) error {
		p := m.c.parts[i]
		score := total(m.in[i:i+1], sets[i])
		for it := sets[i].Iterator(); it.HasNext(); {
			doc := it.Next()
			by[i] = append(by[i], ranked{p, doc, score(doc)})
		}
		return p.err
	})
	k.docs = slices.Concat(by...)
	slices.SortFunc(k.docs, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	return &k, err
}

// first returns the best hits, at most so many.
func (k *ranking) first(n int) ([]Hit, error) {
	n = min(n, len(k.docs))
	for len(k.hits) < n {
		from, to := len(k.hits), n
		for to < len(k.docs) && k.docs[to].score == k.docs[to-1].score {
			to++ // equals are ordered by name, so that an update of the index does not change it
		}
		for _, d := range k.docs[from:to] {
			ref, err := d.p.ref(d.doc)
			if err != nil {
				return nil, err
			}
			k.hits = append(k.hits, Hit{Ref: ref, Session: ref.Agent + "/" + ref.Session, Score: d.score, at: d})
		}
		slices.SortStableFunc(k.hits[from:], func(a, b Hit) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ref.String(), b.Ref.String()))
		})
	}
	return k.hits[:n], nil
}

// weightiest chooses of too many documents those that are ranked.
func (m *matches) weightiest(ctx context.Context, most int) ([]*roaring.Bitmap, error) {
	chosen := make([]*roaring.Bitmap, len(m.in))
	for i := range chosen {
		chosen[i] = roaring.New()
	}
	left := most
	for _, f := range textFields {
		more := make([]*roaring.Bitmap, len(m.in))
		for _, p := range m.c.parts {
			more[p.n] = roaring.New()
			for _, w := range m.c.words {
				for _, s := range w.sources[p.n] {
					if s.field == f.name {
						more[p.n].Or(s.docs)
					}
				}
			}
			more[p.n].And(m.in[p.n].docs)
			more[p.n].AndNot(chosen[p.n])
		}
		if size(more) > left {
			days, err := latest(ctx, m.c.parts, more, left)
			for _, d := range days {
				chosen[d.p.n].Or(d.docs)
			}
			return chosen, err
		}
		for i := range chosen {
			chosen[i].Or(more[i])
		}
		left -= size(more)
	}
	return chosen, nil
}

// dayOf is documents of a part on one day.
type dayOf struct {
	p    *part
	day  float64 // since 1970; 0 when undated
	docs *roaring.Bitmap
}

// latest returns those of some documents that are of the latest days, the latest
// first, at least so many and at most about so many.
func latest(ctx context.Context, parts []*part, sets []*roaring.Bitmap, least int) ([]dayOf, error) {
	by := make([][]dayOf, len(parts))
	err := inParallel(ctx, len(parts), func(i int) error {
		p := parts[i]
		if sets[i].IsEmpty() {
			return nil
		}
		var days []string
		if err := p.terms(fieldDay, "", nil, func(day string, _ uint64) { days = append(days, day) }); err != nil {
			return err
		}
		for _, day := range days {
			s, err := p.list(fieldDay, day)
			if err != nil {
				return err
			}
			if s != nil && s.docs.Intersects(sets[i]) {
				d := dayOf{p: p, docs: roaring.And(s.docs, sets[i])}
				if t, err := time.Parse(dayForm, day); err == nil {
					d.day = float64(t.Unix() / 86400)
				}
				by[i] = append(by[i], d)
			}
		}
		return nil
	})
	days := slices.Concat(by...)
	slices.SortStableFunc(days, func(a, b dayOf) int { return cmp.Compare(b.day, a.day) })
	n := 0
	for i, d := range days {
		if n >= least {
			return days[:i], err
		}
		have := int(d.docs.GetCardinality())
		if over := n + have - least; over > least/4 { // one day has more than there is room for
			last, _ := d.docs.Select(uint32(over))
			d.docs.RemoveRange(0, uint64(last))
			have = int(d.docs.GetCardinality())
		}
		n += have
	}
	return days, err
}

// fill reads what is stored of a hit's document.
func (h *Hit) fill() error {
	if h.text != "" {
		return nil
	}
	var bad error
	err := h.at.p.seg.VisitDocument(uint64(h.at.doc), func(field string, _ byte, value []byte, _ []uint64) bool {
		switch field {
		case fieldText:
			h.text = string(value)
		case fieldMeta:
			var m meta
			if m, bad = parseMeta(string(value)); bad == nil {
				h.Time, h.Kind, h.Tool, h.Outcome, h.Src, h.Line = m.Time, m.Kind, m.Tool, m.Outcome, m.Src, m.Line
			}
		}
		return true
	})
	if err = cmp.Or(err, bad); err != nil {
		return fmt.Errorf("reading %s: %w", h.Ref, err)
	}
	return nil
}
