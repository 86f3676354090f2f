package main

import (
	"fmt"
	"strings"
	"time"

	"lode/index"
	"lode/session"
)

// markEcho marks what follows, for the day when it comes back in the transcript
// of an agent that ran this. A person at a terminal does not need it.
func (w *world) markEcho(out *screen) {
	if !out.terminal {
		fmt.Fprintln(out, session.EchoMark)
	}
}

// printHits prints what was found, grouped by session, and how to see the next
// page.
func (w *world) printHits(out *screen, view *searchView, next int) {
	w.markEcho(out)
	if view.explained {
		fmt.Fprintf(out, "read as: %s\n", view.Read)
	}
	printFixes(out, view)
	for i := range view.Hits {
		h := &view.Hits[i]
		if i > 0 && out.terminal {
			out.WriteString("\n")
		}
		when := "undated"
		if !h.Time.IsZero() {
			when = h.Time.Format("2006-01-02 15:04")
		}
		out.line(out.style(dim, strings.Join([]string{h.Project, when, h.what(), session.Quote(h.Title, 60)}, " · ")))
		w.printContext(out, h.Before)
		open, shut := "", ""
		if out.color {
			open, shut = found, plain
		}
		out.para("    ", h.marked.Marked(open, shut))
		w.printContext(out, h.After)
		last := "    " + out.link(w.sourceFile(h.Source.Path), "lode show "+h.Ref)
		if h.More > 0 {
			last += fmt.Sprintf("  +%d more here", h.More)
		}
		out.WriteString(out.style(dim, last) + "\n") // not cut: it is there to be copied
	}
	if view.More {
		out.para("", fmt.Sprintf("there are more sessions (hint: --page %d)", next))
	}
	out.para("", fmt.Sprintf("%s in %s shown; index built %s ago", index.CountHits(view.Total, view.Open), count(len(view.Hits), "session"), age(time.Duration(view.Age)*time.Second)))
	for _, n := range view.Notes {
		out.para("", n)
	}
}

func (w *world) printContext(out *screen, events []contextView) {
	for _, e := range events {
		out.line(out.style(dim, "    "+e.Head+"  "+e.Text))
	}
}

// contextView is an event before or after a hit, on a line.
type contextView struct {
	Ref  string `json:"ref"`
	Head string `json:"head"` // place, kind, tool, outcome, time
	Text string `json:"text"` // its beginning
}

// addContext adds the events around each hit. A call and its result count as one
// hit: what comes after it comes after both.
func (d *desk) addContext(view *searchView, n int) error {
	if err := d.whole(); err != nil {
		return err
	}
	for i := range view.Hits {
		h := &view.Hits[i]
		ref, err := session.ParseRef(h.Ref)
		if err != nil {
			return err
		}
		info, err := d.find(ref)
		if err != nil {
			return err
		}
		s, err := d.load(info)
		if err != nil {
			return err
		}
		from, to, at, err := window(s, ref, n+1)
		if err != nil {
			continue // changed since the index was built
		}
		for j := max(from, at-n); j < at; j++ {
			h.Before = append(h.Before, contextOf(s, &s.Events[j]))
		}
		for j := at + 1; j < to && len(h.After) < n; j++ {
			if s.Events[j].CallEvent != &s.Events[at] {
				h.After = append(h.After, contextOf(s, &s.Events[j]))
			}
		}
	}
	return nil
}

func contextOf(s *session.Session, e *session.Event) contextView {
	return contextView{Ref: s.Ref(e).String(), Head: eventHead(s, e), Text: session.Quote(eventText(e), 100)}
}
