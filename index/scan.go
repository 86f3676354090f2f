package index

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp/syntax"
	"slices"
	"strings"

	"lode/index/query"
	"lode/session"
)

// scans reports whether a query looks into whole texts.
func scans(n query.Node) bool {
	found := false
	query.Walk(n, func(n query.Node, _ bool) {
		switch n.(type) {
		case query.Literal, query.Regexp:
			found = true
		}
	})
	return found
}

// scan answers a query with literals or regular expressions from the session
// store, which has every text whole. Words and fields beside them are looked up
// in the index first, so that only the sessions that have them are read; of
// these, only those whose stored lines have what the query cannot do without
// are decoded.
func (r *Reader) scan(ctx context.Context, q *Query, found compiled) (Answer, error) {
	if q.Store == nil {
		return Answer{}, errors.New("literals and regular expressions need the session store")
	}
	if mixed(q.Node) {
		return Answer{}, fmt.Errorf("%w: a literal or expression cannot be an alternative to a field (hint: put the field outside the parentheses)", ErrQuery)
	}
	s := scanner{q: q, judge: newJudge(q.Node), needs: needed(q.Node)}
	names, err := r.Sessions()
	if err != nil {
		return Answer{}, err
	}
	if found.find != nil || found.filter != nil {
		if s.only, err = r.documents(ctx, found); err != nil {
			return Answer{}, err
		}
	}
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return s.only != nil && s.only[n] == nil || slices.Contains(q.Without, n)
	})
	hits, err := s.all(ctx, names)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Tier: Exact, Total: len(hits)}
	if s.unread > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("%s could not be read (hint: lode status)", plural(s.unread, "stored session")))
	}
	return a, choose(&a, q, hits)
}

// mixed reports whether fields stand beside literals under OR: the index knows
// fields, the store literals, and neither both.
func mixed(n query.Node) bool {
	bad := false
	query.Walk(n, func(n query.Node, _ bool) {
		if or, ok := n.(query.Or); ok && scans(or) {
			query.Walk(or, func(n query.Node, _ bool) {
				switch n.(type) {
				case query.Field, query.Time:
					bad = true
				}
			})
		}
	})
	return bad
}

// documents lists all documents that the index finds, by session.
func (r *Reader) documents(ctx context.Context, found compiled) (map[string]map[session.Ref]bool, error) {
	m, err := r.match(ctx, found)
	if err != nil {
		return nil, err
	}
	by := make(map[string]map[session.Ref]bool)
	for i, p := range found.parts {
		for it := m.in[i].docs.Iterator(); it.HasNext(); {
			ref, err := p.ref(it.Next())
			if err != nil {
				return nil, err
			}
			name := ref.Agent + "/" + ref.Session
			if by[name] == nil {
				by[name] = make(map[session.Ref]bool)
			}
			by[name][ref] = true
		}
	}
	return by, nil
}

// scanner looks through stored sessions.
type scanner struct {
	q      *Query
	judge  *judge
	needs  [][]byte                        // what a session's lines must have, as they are stored
	only   map[string]map[session.Ref]bool // documents that may be found; nil for all
	unread int
}

// all looks through sessions, as many at once as there are processors.
func (s *scanner) all(ctx context.Context, names []string) ([]Hit, error) {
	found, errs := make([][]Hit, len(names)), make([]error, len(names))
	err := inParallel(ctx, len(names), func(i int) error {
		found[i], errs[i] = s.one(names[i])
		return nil
	})
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for i := range found {
		switch {
		case errors.Is(errs[i], fs.ErrNotExist), errors.Is(errs[i], session.ErrDamaged):
			s.unread++
		case errs[i] != nil:
			return nil, errs[i]
		}
		hits = append(hits, found[i]...)
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		if a.Score != b.Score {
			if a.Score > b.Score {
				return -1
			}
			return 1
		}
		return b.Time.Compare(a.Time)
	})
	return hits, nil
}

// one looks through a session.
func (s *scanner) one(name string) ([]Hit, error) {
	agent, id, _ := strings.Cut(name, "/")
	text, err := s.q.Store.Text(agent, id)
	if err != nil {
		return nil, err
	}
	for _, need := range s.needs {
		if !bytes.Contains(text, need) {
			return nil, nil
		}
	}
	stored, err := s.q.Store.Read(agent, id)
	if err != nil {
		return nil, err
	}
	stored.Link()
	return s.session(stored), nil
}

// session judges the events of a session, a call together with its results.
func (s *scanner) session(in *session.Session) []Hit {
	var hits []Hit
	only := s.only[in.Name()]
	results := make(map[*session.Event][]*session.Event)
	for i := range in.Events {
		if e := &in.Events[i]; e.Kind == session.Result && e.CallEvent != nil {
			results[e.CallEvent] = append(results[e.CallEvent], e)
		}
	}
	for i := range in.Events {
		e := &in.Events[i]
		if e.Kind == session.Result && e.CallEvent != nil {
			continue // with its call
		}
		group := append([]*session.Event{e}, results[e]...)
		if s.only != nil && !slices.ContainsFunc(group, func(e *session.Event) bool { return only[in.Ref(e)] }) {
			continue
		}
		var whole strings.Builder
		for _, e := range group {
			whole.WriteString(e.Command + "\n" + e.Text + "\n")
		}
		if s.judge.read(whole.String()).of(s.q.Node) != no {
			hits = append(hits, s.hit(in, group))
		}
	}
	return hits
}

// hit makes a hit of the event of a group that has most of what was looked for.
func (s *scanner) hit(in *session.Session, group []*session.Event) Hit {
	m := newMarker(s.q.Node)
	best, most := group[0], -1
	for _, e := range group {
		if n := len(m.find(e.Command + "\n" + e.Text)); n > most {
			best, most = e, n
		}
	}
	h := Hit{Ref: in.Ref(best), Session: in.Name(), Time: best.Time, Kind: best.Kind, Src: best.Src, Line: best.Line, Score: scanScore(best), text: strings.TrimSpace(best.Command + "\n" + best.Text)}
	h.Tool, _ = best.Subject()
	if h.Time.IsZero() {
		h.Time = in.Start
	}
	return h
}

// scanScore ranks who wrote a text, as the weights of fields do.
func scanScore(e *session.Event) float64 {
	switch {
	case e.Kind == session.User && e.Author == session.Human:
		return 3
	case e.Kind == session.Call:
		return 2
	case e.Kind == session.Agent:
		return 1.5
	case e.Kind == session.Result && e.Flag != session.FlagOK && e.Exit != nil && *e.Exit != 0:
		return 2.5
	case e.Author == session.Injected:
		return 0.5
	}
	return 1
}

// needed lists what every text that a query finds must have, as stored lines
// have it: as JSON.
func needed(n query.Node) [][]byte {
	var all [][]byte
	for _, part := range conjuncts(n) {
		text := ""
		switch part := part.(type) {
		case query.Literal:
			text = part.Text
		case query.Regexp:
			text = longestLiteral(part.Expr)
		}
		if text == "" {
			continue
		}
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if enc.Encode(text) == nil {
			all = append(all, bytes.TrimSuffix(line.Bytes()[1:], []byte("\"\n")))
		}
	}
	return all
}

// longestLiteral returns the longest text that every match of an expression
// has, or "".
func longestLiteral(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return ""
	}
	return literalIn(re.Simplify())
}

func literalIn(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalIn(re.Sub[0])
	case syntax.OpConcat:
		longest := ""
		for _, sub := range re.Sub {
			if l := literalIn(sub); len(l) > len(longest) {
				longest = l
			}
		}
		return longest
	}
	return ""
}
