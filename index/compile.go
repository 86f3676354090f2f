package index

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	bleve "github.com/blevesearch/bleve/v2/search/query"

	"lode/index/query"
	"lode/session"
)

// Weights of the ways in which a word is found, against the word itself.
const (
	partWeight  = 0.4 // as part of an identifier
	formWeight  = 0.6 // in another form: tests for test
	minPrefix   = 2   // letters before a *
	maxTerms    = 64  // words of a query
	maxExpanded = 200 // words that a prefix stands for
	fewDocs     = 3   // a word in so few documents may be misspelt in them
)

// compiler turns a query into bleve's.
type compiler struct {
	r      *Reader
	q      *Query
	notes  []string
	words  int
	lacked []string // words that stand nowhere
	rare   []string // and those that may be somebody's typing error, too
}

// compiled is a query ready to run.
type compiled struct {
	find    bleve.Query // nil: everything that passes the filter
	filter  bleve.Query // nil: all
	without bleve.Query // nil: nothing
}

// compile separates what ranks from what only filters: the fields and times
// that everything found must have.
func (c *compiler) compile(n query.Node) (compiled, error) {
	var out compiled
	var find, filter []query.Node
	for _, part := range conjuncts(n) {
		if filters(part) {
			filter = append(filter, part)
		} else {
			find = append(find, part)
		}
	}
	if len(c.q.Without) > 0 {
		left := &wordQuery{}
		for _, name := range c.q.Without {
			left.variants = append(left.variants, variant{field: fieldSession, term: name})
		}
		out.without = left
	}
	var err error
	if len(filter) > 0 {
		if out.filter, err = c.node(query.And(filter)); err != nil {
			return out, err
		}
	}
	if len(find) > 0 {
		if out.find, err = c.node(query.And(find)); err != nil {
			return out, err
		}
	}
	if c.words > maxTerms {
		return out, fmt.Errorf("%w: more than %d words (hint: lode search --error - takes long texts)", ErrQuery, maxTerms)
	}
	return out, nil
}

// conjuncts are the parts that must all be there.
func conjuncts(n query.Node) []query.Node {
	if all, ok := n.(query.And); ok {
		return all
	}
	return []query.Node{n}
}

// filters reports whether a node says nothing about the text.
func filters(n query.Node) bool {
	text := false
	query.Walk(n, func(n query.Node, _ bool) {
		switch n := n.(type) {
		case query.Text, query.Literal, query.Regexp:
			text = true
		case query.Field:
			text = text || n.Name == "cmd" || n.Name == "file"
		}
	})
	return !text
}

// node compiles a part; nil is a part that lets everything pass: a word without
// letters, a literal, which is looked for later.
func (c *compiler) node(n query.Node) (bleve.Query, error) {
	switch n := n.(type) {
	case query.And:
		return c.and(n)
	case query.Or:
		return c.or(n)
	case query.Not:
		return c.and(query.And{n})
	case query.Text:
		return c.text(n, textFields)
	case query.Field:
		return c.field(n)
	case query.Time:
		return c.time(n)
	}
	return nil, nil // a literal or an expression
}

func (c *compiler) and(n query.And) (bleve.Query, error) {
	var must, not []bleve.Query
	for _, part := range n {
		negated, isNot := part.(query.Not)
		if isNot {
			part = negated.Node
		}
		if isNot && later(part) {
			continue // what has it is told by its text
		}
		q, err := c.node(part)
		if err != nil {
			return nil, err
		}
		switch {
		case q == nil:
		case isNot:
			not = append(not, q)
		default:
			must = append(must, q)
		}
	}
	if len(not) > 0 && len(must) == 0 {
		all, err := c.r.everything()
		if err != nil {
			return nil, err
		}
		must = append(must, all)
	}
	switch {
	case len(must) == 0:
		return nil, nil
	case len(must) == 1 && len(not) == 0:
		return must[0], nil
	case len(not) == 0:
		return bleve.NewConjunctionQuery(must), nil
	}
	return bleve.NewBooleanQuery([]bleve.Query{bleve.NewConjunctionQuery(must)}, nil, not), nil
}

func (c *compiler) or(n query.Or) (bleve.Query, error) {
	var any []bleve.Query
	for _, part := range n {
		q, err := c.node(part)
		if err != nil {
			return nil, err
		}
		if q == nil {
			return nil, nil
		}
		any = append(any, q)
	}
	return bleve.NewDisjunctionQuery(any), nil
}

// later reports whether only the text of a document tells if it has a node:
// rows of words are looked for as words where there are no positions.
func later(n query.Node) bool {
	found := false
	query.Walk(n, func(n query.Node, _ bool) {
		switch n := n.(type) {
		case query.Literal, query.Regexp:
			found = true
		case query.Text:
			found = found || len(cut(n.Text).row) > 1
		case query.Field:
			found = found || n.Name == "file"
		}
	})
	return found
}

// text compiles a word or phrase that may stand in some of the text fields.
func (c *compiler) text(n query.Text, in []textField) (bleve.Query, error) {
	w := cut(n.Text)
	if len(w.row) == 0 {
		c.notes = append(c.notes, fmt.Sprintf("%q has no word and was left out (hint: lit:%q looks for the signs)", n.Text, n.Text))
		return nil, nil
	}
	if c.words += len(w.row); c.words > maxTerms {
		return nil, nil // compile says so
	}
	last := len(w.row) - 1
	if n.Prefix && !isDense(w.row[last]) && len([]rune(w.row[last])) < minPrefix {
		return nil, fmt.Errorf("%w: %s* begins too many words (hint: give at least %d letters)", ErrQuery, w.row[last], minPrefix)
	}
	var all []bleve.Query
	for i, word := range w.row {
		var q bleve.Query
		var err error
		switch {
		case n.Prefix && i == last, len(w.row) == 1 && isDense(word): // of dense scripts the index has pairs
			q, err = c.prefix(word, in)
		case len(w.row) == 1 && !n.Quoted:
			q, err = c.word(word, in)
		default:
			q, err = c.exact(word, in)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	for _, f := range w.flags {
		q, err := c.exact(f, in)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return bleve.NewConjunctionQuery(all), nil // its text tells whether they stand in a row
}

// exact wants a word as it is.
func (c *compiler) exact(word string, in []textField) (bleve.Query, error) {
	var vs []variant
	for _, f := range in {
		vs = append(vs, variant{f.name, word, f.boost, f.length})
	}
	return c.weigh(word, vs)
}

// word wants a word, or what stands for it.
func (c *compiler) word(word string, in []textField) (bleve.Query, error) {
	return c.weigh(word, ways(word, in))
}

// ways are the terms by which a word is found: itself, as part of identifiers,
// and in prose, in its other forms. A version stands for those below it.
func ways(word string, in []textField) []variant {
	var vs []variant
	for _, f := range in {
		vs = append(vs, variant{f.name, word, f.boost, f.length})
		if len(word) >= 2 && !strings.Contains(word, "_") {
			vs = append(vs, variant{f.name, string(rune(partMark)) + word, partWeight * f.boost, f.length})
		}
		if f.prose {
			for _, form := range forms(word) {
				vs = append(vs, variant{f.name, form, formWeight * f.boost, f.length})
			}
		}
	}
	return vs
}

// weigh makes a query of the variants that there are, weighted by how rare they
// are together.
func (c *compiler) weigh(word string, vs []variant) (bleve.Query, error) {
	var docs uint64
	kept := vs[:0]
	for _, v := range vs {
		n, err := c.r.count(v.field, v.term)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			kept = append(kept, v)
			docs += n
		}
	}
	if docs == 0 && !slices.Contains(c.lacked, word) {
		c.lacked = append(c.lacked, word)
	}
	if docs <= fewDocs {
		c.rare = append(c.rare, word)
	}
	return &wordQuery{variants: kept, idf: inverse(docs, uint64(c.r.Info.Docs))}, nil
}

// prefix wants a word that begins so.
func (c *compiler) prefix(stem string, in []textField) (bleve.Query, error) {
	var vs []variant
	for _, f := range in {
		terms, err := c.r.terms(f.name, stem, maxExpanded)
		if err != nil {
			return nil, err
		}
		if len(terms) == maxExpanded {
			note := fmt.Sprintf("%s* begins more than %d words; only the most frequent were looked for", stem, maxExpanded)
			if !slices.Contains(c.notes, note) {
				c.notes = append(c.notes, note)
			}
		}
		for _, t := range terms {
			vs = append(vs, variant{f.name, t, f.boost, f.length})
		}
	}
	return c.weigh(stem+"*", vs)
}

// field compiles field:value.
func (c *compiler) field(n query.Field) (bleve.Query, error) {
	switch n.Name {
	case "cmd", "file":
		return c.inCommands(n)
	case "project":
		return c.projects(n)
	case "session":
		return c.sessions(n)
	case "author":
		return c.authors(n)
	case "failed":
		return c.failed(n)
	}
	if of, ok := placed[n.Name]; ok {
		return c.placed(of, n.Values)
	}
	return c.keyword(keywords[n.Name], n.Values)
}

// placed names what of a place a field of queries means.
var placed = map[string]func(*session.Header) string{
	"branch":     func(h *session.Header) string { return h.Branch },
	"model":      func(h *session.Header) string { return h.Model },
	"population": func(h *session.Header) string { return string(h.Population) },
}

// placed wants the places that have one of some values.
func (c *compiler) placed(of func(*session.Header) string, values []query.Text) (bleve.Query, error) {
	q := &wordQuery{}
	places, err := c.r.Places()
	for i := range places {
		if h := &places[i].Header; slices.ContainsFunc(values, func(v query.Text) bool { return sameValue(of(h), v) }) {
			q.variants = append(q.variants, variant{field: fieldPlace, term: Place(h)})
		}
	}
	return q, err
}

// sameValue compares a value with a wanted one, in any case.
func sameValue(have string, want query.Text) bool {
	if want.Prefix && len(have) > len(want.Text) {
		have = have[:len(want.Text)]
	}
	return strings.EqualFold(have, want.Text)
}

// keywords names the field of the index for a field of queries.
var keywords = map[string]string{
	"agent": fieldAgent, "kind": fieldKind, "tool": fieldTool, "outcome": fieldOutcome, "class": fieldClass, "fingerprint": fieldFingerprint,
}

// keyword wants one of some values. What is not found as it is written is
// found in another case.
func (c *compiler) keyword(field string, values []query.Text) (bleve.Query, error) {
	var vs []variant
	for _, v := range values {
		if !v.Prefix {
			if n, err := c.r.count(field, v.Text); err != nil {
				return nil, err
			} else if n > 0 {
				vs = append(vs, variant{field: field, term: v.Text})
				continue
			}
		}
		known, err := c.r.values(field)
		if err != nil {
			return nil, err
		}
		for _, k := range known {
			if sameValue(k, v) {
				vs = append(vs, variant{field: field, term: k})
			}
		}
	}
	return &wordQuery{variants: vs}, nil
}

// inCommands wants words in commands: file:path those that end a path.
func (c *compiler) inCommands(n query.Field) (bleve.Query, error) {
	in := textFields[slices.IndexFunc(textFields, func(f textField) bool { return f.name == command }):][:1]
	var any []bleve.Query
	for _, v := range n.Values {
		v.Quoted = !v.Prefix && n.Name == "file"
		q, err := c.text(v, in)
		if err != nil {
			return nil, err
		}
		if q == nil {
			return nil, fmt.Errorf("%w: %s:%s has no word", ErrQuery, n.Name, v.Text)
		}
		any = append(any, q)
	}
	return bleve.NewDisjunctionQuery(any), nil
}

func (c *compiler) projects(n query.Field) (bleve.Query, error) {
	q := &wordQuery{}
	if c.q.Places == nil {
		return nil, fmt.Errorf("%w: projects are not known here", ErrQuery)
	}
	for _, v := range n.Values {
		places, err := c.q.Places(v.Text, v.Prefix)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			q.variants = append(q.variants, variant{field: fieldPlace, term: p})
		}
	}
	return q, nil
}

// sessions wants sessions by name, agent/id, or by the beginning of either.
func (c *compiler) sessions(n query.Field) (bleve.Query, error) {
	q := &wordQuery{}
	names, err := c.r.values(fieldSession)
	if err != nil {
		return nil, err
	}
	for _, v := range n.Values {
		want := v.Text
		if ref, err := session.ParseRef(want); err == nil && ref.N >= 0 {
			want = ref.Agent + "/" + ref.Session
		}
		for _, name := range names {
			_, id, _ := strings.Cut(name, "/")
			if strings.HasPrefix(name, want) || strings.HasPrefix(id, want) {
				q.variants = append(q.variants, variant{field: fieldSession, term: name})
			}
		}
	}
	return q, nil
}

// authors are stored for words of the user's side; the agent's are what it
// says, a tool's what is called.
func (c *compiler) authors(n query.Field) (bleve.Query, error) {
	q := &wordQuery{}
	for _, v := range n.Values {
		switch session.Author(v.Text) {
		case session.ByAgent:
			q.variants = append(q.variants, variant{field: fieldKind, term: string(session.Agent)})
		case session.ByTool:
			q.variants = append(q.variants, variant{field: fieldKind, term: string(session.Result)})
		default:
			q.variants = append(q.variants, variant{field: fieldAuthor, term: v.Text})
		}
	}
	return q, nil
}

func (c *compiler) failed(n query.Field) (bleve.Query, error) {
	failed := &wordQuery{variants: []variant{{field: fieldOutcome, term: string(session.Failed)}}}
	yes := slices.ContainsFunc(n.Values, func(v query.Text) bool { return v.Text == "yes" })
	no := slices.ContainsFunc(n.Values, func(v query.Text) bool { return v.Text == "no" })
	results := &wordQuery{variants: []variant{{field: fieldKind, term: string(session.Result)}}}
	switch {
	case yes && no:
		return results, nil
	case yes:
		return failed, nil
	}
	return bleve.NewBooleanQuery([]bleve.Query{results}, nil, []bleve.Query{failed}), nil
}

// time wants days; undated events pass.
func (c *compiler) time(n query.Time) (bleve.Query, error) {
	since, until, err := n.Span(c.q.Now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuery, err)
	}
	from, to := "00000000", "99999999"
	if !since.IsZero() {
		from = since.UTC().Format(dayForm)
	}
	if !until.IsZero() {
		to = until.UTC().Format(dayForm)
	}
	yes := true
	days := bleve.NewTermRangeInclusiveQuery(from, to, &yes, &yes)
	days.SetField(fieldDay)
	return bleve.NewDisjunctionQuery([]bleve.Query{days, &wordQuery{variants: []variant{{field: fieldDay, term: undated}}}}), nil
}

const dayForm = "20060102"

// everything finds all events, those of later days first.
func (r *Reader) everything() (bleve.Query, error) {
	days, err := r.values(fieldDay)
	if err != nil {
		return nil, err
	}
	q := &wordQuery{idf: 1}
	for _, d := range days {
		v := variant{field: fieldDay, term: d, length: 1}
		if t, err := time.Parse(dayForm, d); err == nil {
			v.weight = math.Max(1, float64(t.Unix()/86400)) / 1e5 // days since 1970: a later day weighs more
		}
		q.variants = append(q.variants, v)
	}
	return q, nil
}
