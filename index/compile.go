package index

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lode/index/query"
	"lode/session"
)

// Weights of the ways in which a word is found, against the word itself.
const (
	partWeight  = 0.4 // as part of an identifier
	formWeight  = 0.6 // in another form: tests for test
	minPrefix   = 2   // letters before a *
	maxTerms    = 64  // words of a query
	maxExpanded = 10  // words, in each field, that a prefix stands for in ranking
	fewDocs     = 3   // a word in so few documents may be misspelt in them
)

// compiler turns a query into finders.
type compiler struct {
	r      *Reader
	q      *Query
	parts  []*part
	ranked []*wordFinder // what the words of the query stand for
	notes  []string
	words  int
	lacked []string // words that stand nowhere
	rare   []string // and those that may be somebody's typing error, too
}

// compiled is a query ready to run.
type compiled struct {
	parts   []*part
	find    finder        // nil: everything that passes the filter
	filter  finder        // nil: all
	without finder        // nil: nothing
	words   []*wordFinder // in find
}

// compile separates what ranks from what only filters: the fields and times
// that everything found must have.
func (c *compiler) compile(n query.Node) (compiled, error) {
	var out compiled
	var err error
	if c.parts, err = c.r.parts(); err != nil {
		return out, err
	}
	out.parts = c.parts
	var find, filter []query.Node
	for _, part := range conjuncts(n) {
		if filters(part) {
			filter = append(filter, part)
		} else {
			find = append(find, part)
		}
	}
	if len(c.q.Without) > 0 {
		if out.without, err = c.either(fieldSession, c.q.Without...); err != nil {
			return out, err
		}
	}
	if len(filter) > 0 {
		if out.filter, err = c.node(query.And(filter)); err != nil {
			return out, err
		}
	}
	if len(find) > 0 {
		if out.find, err = c.node(query.And(find)); err != nil {
			return out, err
		}
		out.words = c.ranked
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
func (c *compiler) node(n query.Node) (finder, error) {
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

func (c *compiler) and(n query.And) (finder, error) {
	var must, not []finder
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
		everything, err := c.r.everything(c.parts)
		if err != nil {
			return nil, err
		}
		must = append(must, everything)
	}
	if len(must) == 0 {
		return nil, nil
	}
	found := allOf(must)
	if len(not) > 0 {
		found = but{found, anyOf(not)}
	}
	return found, nil
}

func (c *compiler) or(n query.Or) (finder, error) {
	var parts []finder
	for _, part := range n {
		f, err := c.node(part)
		if err != nil || f == nil {
			return nil, err
		}
		parts = append(parts, f)
	}
	return anyOf(parts), nil
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
func (c *compiler) text(n query.Text, in []textField) (finder, error) {
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
	var words []finder
	for i, word := range w.row {
		var q finder
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
		words = append(words, q)
	}
	for _, f := range w.flags {
		q, err := c.exact(f, in)
		if err != nil {
			return nil, err
		}
		words = append(words, q)
	}
	return allOf(words), nil // its text tells whether they stand in a row
}

// exact wants a word as it is.
func (c *compiler) exact(word string, in []textField) (finder, error) {
	var vs []variant
	for _, f := range in {
		vs = append(vs, variant{f.name, word, f.boost, f.length})
	}
	return c.weigh(word, vs)
}

// word wants a word, or what stands for it.
func (c *compiler) word(word string, in []textField) (finder, error) {
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

// weigh finds the variants that there are.
func (c *compiler) weigh(word string, vs []variant) (finder, error) {
	w, err := lookUp(c.parts, vs)
	if err != nil {
		return nil, err
	}
	return c.weighed(word, w), nil
}

// weighed weights what stands for a word by how rare it is.
func (c *compiler) weighed(word string, w *wordFinder) finder {
	if w.count == 0 && !slices.Contains(c.lacked, word) {
		c.lacked = append(c.lacked, word)
	}
	if w.count <= fewDocs {
		c.rare = append(c.rare, word)
	}
	w.idf = inverse(w.count, uint64(c.r.Info.Docs))
	c.ranked = append(c.ranked, w)
	return w
}

// either finds the documents that have one of some values in a field.
func (c *compiler) either(field string, values ...string) (finder, error) {
	vs := make([]variant, len(values))
	for i, v := range values {
		vs[i] = variant{field: field, term: v}
	}
	return lookUp(c.parts, vs)
}

// prefix wants a word that begins so. The most frequent of these words rank as
// words do; of all others it counts that they are there.
func (c *compiler) prefix(stem string, in []textField) (finder, error) {
	every := make([][]*source, len(c.parts)) // by part, a source for each field
	counts := make([][]map[string]uint64, len(in))
	for i := range in {
		counts[i] = make([]map[string]uint64, len(c.parts))
	}
	err := inParallel(context.Background(), len(c.parts), func(n int) error {
		p := c.parts[n]
		for i, f := range in {
			var terms []string
			many := make(map[string]uint64)
			err := p.terms(f.name, stem, nil, func(term string, docs uint64) {
				terms = append(terms, term)
				if docs > 1 || len(term) == len(stem) {
					many[term] = docs
				}
			})
			if err != nil {
				return err
			}
			counts[i][n] = many
			if len(terms) == 0 {
				continue
			}
			docs, err := p.union(f.name, terms)
			if err != nil {
				return err
			}
			every[n] = append(every[n], &source{variant: &variant{f.name, stem, f.boost, f.length}, docs: docs})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var vs []variant
	for i, f := range in {
		for _, term := range frequent(sum(counts[i]), maxExpanded) {
			vs = append(vs, variant{f.name, term, f.boost, f.length})
		}
	}
	w, err := lookUp(c.parts, vs)
	if err != nil {
		return nil, err
	}
	w.count = 0
	for n := range every {
		for _, s := range every[n] {
			w.count += s.docs.GetCardinality()
		}
		w.sources[n] = append(w.sources[n], every[n]...)
	}
	return c.weighed(stem+"*", w), nil
}

// field compiles field:value.
func (c *compiler) field(n query.Field) (finder, error) {
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
func (c *compiler) placed(of func(*session.Header) string, values []query.Text) (finder, error) {
	places, err := c.r.Places()
	if err != nil {
		return nil, err
	}
	var wanted []string
	for i := range places {
		if h := &places[i].Header; slices.ContainsFunc(values, func(v query.Text) bool { return sameValue(of(h), v) }) {
			wanted = append(wanted, Place(h))
		}
	}
	return c.either(fieldPlace, wanted...)
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
func (c *compiler) keyword(field string, values []query.Text) (finder, error) {
	known, err := c.r.values(field)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, v := range values {
		if _, found := slices.BinarySearch(known, v.Text); found && !v.Prefix {
			wanted = append(wanted, v.Text)
			continue
		}
		for _, k := range known {
			if sameValue(k, v) {
				wanted = append(wanted, k)
			}
		}
	}
	return c.either(field, wanted...)
}

// inCommands wants words in commands: file:path those that end a path.
func (c *compiler) inCommands(n query.Field) (finder, error) {
	in := textFields[slices.IndexFunc(textFields, func(f textField) bool { return f.name == command }):][:1]
	var words []finder
	for _, v := range n.Values {
		v.Quoted = !v.Prefix && n.Name == "file"
		q, err := c.text(v, in)
		if err != nil {
			return nil, err
		}
		if q == nil {
			return nil, fmt.Errorf("%w: %s:%s has no word", ErrQuery, n.Name, v.Text)
		}
		words = append(words, q)
	}
	return anyOf(words), nil
}

func (c *compiler) projects(n query.Field) (finder, error) {
	if c.q.Places == nil {
		return nil, fmt.Errorf("%w: projects are not known here", ErrQuery)
	}
	var wanted []string
	for _, v := range n.Values {
		places, err := c.q.Places(v.Text, v.Prefix)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, places...)
	}
	return c.either(fieldPlace, wanted...)
}

// sessions wants sessions by name, agent/id, or by the beginning of either.
func (c *compiler) sessions(n query.Field) (finder, error) {
	names, err := c.r.values(fieldSession)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, v := range n.Values {
		want := v.Text
		if ref, err := session.ParseRef(want); err == nil && ref.N >= 0 {
			want = ref.Agent + "/" + ref.Session
		}
		for _, name := range names {
			_, id, _ := strings.Cut(name, "/")
			if strings.HasPrefix(name, want) || strings.HasPrefix(id, want) {
				wanted = append(wanted, name)
			}
		}
	}
	return c.either(fieldSession, wanted...)
}

// authors are stored for words of the user's side; the agent's are what it
// says, a tool's what is called.
func (c *compiler) authors(n query.Field) (finder, error) {
	var vs []variant
	for _, v := range n.Values {
		switch session.Author(v.Text) {
		case session.ByAgent:
			vs = append(vs, variant{field: fieldKind, term: string(session.Agent)})
		case session.ByTool:
			vs = append(vs, variant{field: fieldKind, term: string(session.Result)})
		default:
			vs = append(vs, variant{field: fieldAuthor, term: v.Text})
		}
	}
	return lookUp(c.parts, vs)
}

func (c *compiler) failed(n query.Field) (finder, error) {
	failed, err := c.either(fieldOutcome, string(session.Failed))
	if err != nil {
		return nil, err
	}
	results, err := c.either(fieldKind, string(session.Result))
	yes := slices.ContainsFunc(n.Values, func(v query.Text) bool { return v.Text == "yes" })
	no := slices.ContainsFunc(n.Values, func(v query.Text) bool { return v.Text == "no" })
	switch {
	case yes && no:
		return results, err
	case yes:
		return failed, err
	}
	return but{results, failed}, err
}

// time wants days; undated events pass.
func (c *compiler) time(n query.Time) (finder, error) {
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
	days, err := c.r.values(fieldDay)
	if err != nil {
		return nil, err
	}
	days = slices.DeleteFunc(slices.Clone(days), func(d string) bool { return d != undated && (d < from || d > to) })
	return c.either(fieldDay, days...)
}

const dayForm = "20060102"

// everything finds all events.
func (r *Reader) everything(parts []*part) (finder, error) {
	kinds, err := r.values(fieldKind)
	if err != nil {
		return nil, err
	}
	var vs []variant
	for _, k := range kinds {
		vs = append(vs, variant{field: fieldKind, term: k})
	}
	return lookUp(parts, vs)
}
