package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lode/cmd/lode/internal/mcp"
	"lode/cmd/lode/internal/picker"
	"lode/index"
	"lode/session"
)

// pick searches with every letter that is typed, and prints the command with
// which the person wants to go on with a session.
func (w *world) pick(ctx context.Context, o *searchOptions) error {
	d := w.pickerDesk(o)
	defer d.open.close()
	resume, err := picker.Run(ctx, d.desk(), "", w.stdin, w.stdout)
	if err == nil && resume != "" {
		fmt.Fprintln(w.stdout, resume)
	}
	return err
}

// pickerDesk answers the picker.
type pickerDesk struct {
	mu   sync.Mutex // one search at a time; reading goes beside it
	open openDesk
	opts searchOptions

	last *session.Session // that was read: the next place is often in it, too
}

func (w *world) pickerDesk(o *searchOptions) *pickerDesk {
	opts := *o
	opts.limit = max(opts.limit, pickerHits)
	fixed := w.clock
	now := func() time.Time { return time.Now().UTC() }
	if w.now != "" {
		now = func() time.Time { return fixed }
	}
	return &pickerDesk{open: openDesk{w: w, now: now}, opts: opts}
}

const (
	pickerHits   = 25  // sessions to choose from
	pickerAround = 150 // events to each side of an open place
)

func (p *pickerDesk) desk() picker.Desk {
	return picker.Desk{Search: p.search, Close: p.close, Read: p.read, Now: p.open.w.clock}
}

// search answers each key: exactly, taking the last word for the beginning of
// one where nothing is found.
func (p *pickerDesk) search(ctx context.Context, query string) (picker.Found, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := p.open.get()
	if err != nil {
		return picker.Found{}, err
	}
	if query == "" {
		return p.newest(d)
	}
	exact := p.opts
	exact.exact = true
	view, err := d.answer(ctx, query, &exact, &mcp.Asker{})
	if err == nil && view.Total == 0 && len(query)-strings.LastIndexByte(query, ' ') > minPrefix {
		if longer, err := d.answer(ctx, query+"*", &exact, &mcp.Asker{}); err == nil {
			view = longer
		}
	}
	if err != nil {
		return picker.Found{}, err
	}
	return p.found(view), nil
}

// minPrefix is the letters of a word that is looked for by its beginning: fewer
// begin too many.
const minPrefix = 3

// close answers when the typing pauses and nothing was found.
func (p *pickerDesk) close(ctx context.Context, query string) (picker.Found, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := p.open.get()
	if err != nil {
		return picker.Found{}, err
	}
	view, err := d.answer(ctx, query, &p.opts, &mcp.Asker{})
	if err != nil {
		return picker.Found{}, err
	}
	found := p.found(view)
	if n := p.open.changed(); n > 0 {
		found.Notes = append(found.Notes, fmt.Sprintf("%s changed since the index was built", count(n, "file")))
	}
	return found, nil
}

func (p *pickerDesk) found(view *searchView) picker.Found {
	found := picker.Found{Total: index.CountHits(view.Total, view.Open), Notes: view.Notes}
	for i := range view.Hits {
		h := &view.Hits[i]
		found.Hits = append(found.Hits, picker.Hit{Ref: h.Ref, Project: h.Project, Agent: h.Agent, Title: h.Title, What: h.what(), Time: h.Time,
			Snippet: h.Snippet, Marks: h.marked.Marks, More: h.More})
	}
	return found
}

// newest lists the sessions that pass the filters, the newest first.
func (p *pickerDesk) newest(d *desk) (picker.Found, error) {
	since, until, err := p.opts.span(d.w.clock)
	if err != nil {
		return picker.Found{}, err
	}
	infos := slices.DeleteFunc(d.selected(&p.opts.filters, since, until), func(info session.Info) bool { return info.Parent != "" || info.Count == 0 })
	slices.SortStableFunc(infos, func(a, b session.Info) int { return b.End.Compare(a.End) })
	found := picker.Found{Total: index.CountHits(len(infos), false)}
	for i := range infos[:min(len(infos), p.opts.limit)] {
		info := &infos[i]
		found.Hits = append(found.Hits, picker.Hit{Ref: info.Name(), Project: d.projects.Of(&info.Header).Name, Agent: info.Agent, Title: info.Title,
			What: info.Agent, Time: info.End, Snippet: fmt.Sprintf("%s, %s", info.Agent, count(info.Count, "event"))})
	}
	return found, nil
}

func (p *pickerDesk) read(text string) (picker.Page, error) {
	p.mu.Lock()
	d := p.open.current // what it has loaded stays as it is
	p.mu.Unlock()
	if d == nil {
		return picker.Page{}, errors.New("the index is not open")
	}
	ref, err := session.ParseRef(text)
	if err != nil {
		return picker.Page{}, err
	}
	info, err := d.find(ref)
	if err != nil {
		return picker.Page{}, err
	}
	s := p.last
	if s == nil || s.Name() != info.Name() {
		if s, err = d.load(info); err != nil {
			return picker.Page{}, err
		}
		p.last = s
	}
	from, to, at, err := window(s, ref, pickerAround)
	if err != nil {
		return picker.Page{}, err
	}
	to = min(to, from+2*pickerAround+1)
	page := picker.Page{Title: s.Title, Left: len(s.Events) - (to - from), Resume: d.resume(&s.Header)}
	about := []string{s.Name(), d.projects.Of(&s.Header).Name, s.Model, s.Branch, s.Cwd}
	page.About = strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), " · ")
	for i := from; i < to; i++ {
		e := &s.Events[i]
		page.Events = append(page.Events, picker.Event{Head: eventHead(s, e), Text: eventText(e), At: i == at})
	}
	return page, nil
}
