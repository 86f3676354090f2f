package reports

import (
	"errors"
	"io/fs"
	"strings"

	"lode/session"
)

// What a session's page shows: everything of a short session; of a long one
// the surroundings of the places that are cited.
const (
	maxEvents   = 250
	aroundCited = 8
	maxText     = 6000 // bytes of one event
	foldLines   = 14   // a longer text is folded
)

// sessionView is what the page of a session shows.
type sessionView struct {
	Header  *session.Header
	Project string
	Resume  string
	Items   []item
	Total   int
}

// item is an event of a session's page, or a gap.
type item struct {
	Gap     int // events left out
	From    int // the event from which a page that is served shows them
	Anchor  string
	Ref     string
	Kind    session.Kind
	Label   string // who or what: "human", "Bash"
	Time    string
	Outcome session.Outcome
	Class   string
	Basis   session.Basis
	Intent  session.Intent
	Cited   bool
	Command string
	Text    string
	Folded  bool
	Cut     int // bytes left out of the text
}

// sessionPage writes the page of a session, and notes that it has one. A
// session that is gone from the store has none.
func (s *site) sessionPage(name string) error {
	sess, err := s.in.Load(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.linked[name] = true
	s.mu.Unlock()
	return s.page(sessionFile(name), "session.html", s.sessionView(sess, shown(sess, s.cited[name]), s.cited[name]))
}

func (s *site) sessionView(sess *session.Session, show []bool, cited map[string]bool) sessionView {
	return sessionView{Header: &sess.Header, Project: s.in.Project(&sess.Header), Resume: s.in.Resume(&sess.Header), Total: len(sess.Events), Items: items(sess, show, cited)}
}

func items(sess *session.Session, show []bool, cited map[string]bool) []item {
	var items []item
	gap := 0
	for i := range sess.Events {
		if !show[i] {
			gap++
			continue
		}
		if gap > 0 {
			items = append(items, item{Gap: gap, From: max(0, i-maxEvents)})
			gap = 0
		}
		items = append(items, itemOf(sess, &sess.Events[i], cited))
	}
	if gap > 0 {
		items = append(items, item{Gap: gap, From: len(sess.Events) - gap})
	}
	return items
}

// shown decides which events a page shows.
func shown(sess *session.Session, cited map[string]bool) []bool {
	show := make([]bool, len(sess.Events))
	for i := range sess.Events {
		if len(sess.Events) <= maxEvents || len(cited) == 0 && i < maxEvents {
			show[i] = true
		}
		if !cited[sess.Ref(&sess.Events[i]).Anchor()] {
			continue
		}
		for j := max(0, i-aroundCited); j <= min(len(show)-1, i+aroundCited); j++ {
			show[j] = true
		}
	}
	return show
}

func itemOf(sess *session.Session, e *session.Event, cited map[string]bool) item {
	ref := sess.Ref(e)
	it := item{Anchor: ref.Anchor(), Ref: ref.String(), Kind: e.Kind, Time: moment(e.Time), Outcome: e.Outcome, Class: e.Class, Basis: e.Basis,
		Intent: e.Intent, Cited: cited[ref.Anchor()]}
	it.Label = string(e.Author)
	if e.Act == session.Thinking || e.Kind == session.Note {
		it.Label = string(e.Act)
	}
	if tool, _ := e.Subject(); tool != "" {
		it.Label = tool
	}
	if e.Kind == session.Call {
		it.Command = e.Command
	}
	it.Text = strings.TrimRight(e.Text, "\n")
	if len(it.Text) > maxText {
		it.Cut = len(it.Text) - maxText
		it.Text = strings.ToValidUTF8(it.Text[:maxText], "")
	}
	it.Folded = strings.Count(it.Text, "\n") > foldLines && !it.Cited || e.Author == session.Injected
	return it
}
