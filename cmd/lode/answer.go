package main

import (
	"context"
	"errors"
	"strings"

	"lode/cmd/lode/internal/mcp"
	"lode/index"
	"lode/index/query"
	"lode/session"
)

// answer searches the generation that is open, for somebody.
func (d *desk) answer(ctx context.Context, text string, o *searchOptions, who *mcp.Asker) (*searchView, error) {
	q, err := d.query(text, o)
	if err != nil {
		return nil, err
	}
	return d.look(ctx, q, text, o, who)
}

// look runs a query, for somebody. text is the query as it was given.
func (d *desk) look(ctx context.Context, q index.Query, text string, o *searchOptions, who *mcp.Asker) (*searchView, error) {
	var asks asking
	if !strings.Contains(text, "session:") && d.w.asked(who) {
		if err := d.whole(); err != nil {
			return nil, err
		}
		asks = d.asking(who)
	}
	q.Without = asks.names
	view := &searchView{V: 1, Mark: session.EchoMark, Query: text, Read: query.Print(q.Node), Hits: []hitView{}, Notes: []string{}}
	found, err := d.index.Search(ctx, q)
	if errors.Is(err, index.ErrQuery) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	view.Tier, view.Total, view.Open, view.Notes = found.Tier, found.Total, found.Open, append(view.Notes, found.Notes...)
	view.Age = int64(max(0, d.w.clock.Sub(d.index.Info.Built).Seconds()))
	if err := d.show(view, found.Hits); err != nil {
		return nil, err
	}
	if o.context > 0 {
		if err := d.addContext(view, o.context); err != nil {
			return nil, err
		}
	}
	if view.More = found.More; found.Total > 0 && len(view.Hits) == 0 {
		view.Notes = append(view.Notes, "there are no more sessions (hint: a smaller --page)")
	}
	if found.Total == 0 && !o.exact {
		why, err := d.index.Why(ctx, q)
		if err != nil {
			return nil, err
		}
		view.Notes = append(append(view.Notes, why...), "long outputs are indexed by their beginning, end and error lines (hint: lit:\"text\" looks into the whole)")
	}
	if note := asks.note(); note != "" {
		view.Notes = append(view.Notes, note)
	}
	return view, nil
}

// query reads a query; the flags are filters of it.
func (d *desk) query(text string, o *searchOptions) (index.Query, error) {
	q := index.Query{Now: d.w.clock, Exact: o.exact, Limit: o.limit, Skip: o.limit * (max(1, o.page) - 1), Places: d.places, Store: d.w.store()}
	if _, _, err := o.span(d.w.clock); err != nil {
		return q, err
	}
	parts := o.nodes()
	if strings.TrimSpace(text) != "" || len(parts) == 0 {
		n, err := query.Parse(text)
		if err != nil {
			return q, usageError{err}
		}
		parts = append([]query.Node{n}, parts...)
	}
	q.Node = query.Join(parts...)
	return q, nil
}

// nodes are the flags as parts of a query.
func (o *filters) nodes() []query.Node {
	var all []query.Node
	for _, f := range []struct {
		name   string
		values []string
	}{{"agent", o.agents}, {"project", o.projects}, {"kind", o.kinds}, {"tool", o.tools}} {
		if len(f.values) > 0 {
			n := query.Field{Name: f.name}
			for _, v := range f.values {
				n.Values = append(n.Values, query.Text{Text: v})
			}
			all = append(all, n)
		}
	}
	if o.failed {
		all = append(all, query.Field{Name: "failed", Values: []query.Text{{Text: "yes"}}})
	}
	for _, t := range []query.Time{{Name: "since", Text: o.since}, {Name: "until", Text: o.until}} {
		if t.Text != "" {
			all = append(all, t)
		}
	}
	return all
}

// places lists where the sessions of a project belong.
func (d *desk) places(project string, prefix bool) ([]string, error) {
	infos, err := d.index.Places()
	var places []string
	for i := range infos {
		name := d.naming.Of(&infos[i].Header).Name
		if session.SameProject(name, project) || prefix && strings.HasPrefix(strings.ToLower(name), strings.ToLower(project)) {
			places = append(places, index.Place(&infos[i].Header))
		}
	}
	return places, err
}

// show adds hits to a view, with what the index knows of their sessions.
func (d *desk) show(view *searchView, hits []index.Hit) error {
	for _, h := range hits {
		in, ok, err := d.index.Header(h.Session)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		view.Hits = append(view.Hits, hitView{
			Ref: h.Ref.String(), Session: h.Session, Title: in.Title, Project: d.naming.Of(&in).Name, Agent: in.Agent,
			Time: h.Time, Kind: h.Kind, Tool: h.Tool, Outcome: h.Outcome, Snippet: h.Snippet.Text, Score: h.Score, More: h.More,
			Source: in.Locate(&session.Event{N: h.Ref.N, Line: h.Line, Src: min(h.Src, len(in.Sources)-1)}), marked: h.Snippet,
		})
	}
	return nil
}
