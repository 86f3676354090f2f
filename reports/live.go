package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"lode/miner"
	"lode/rules"
	"lode/session"
)

// Live is what a page that is served has beyond the same page of the site.
type Live struct {
	Token   string // goes with every form
	Version string // of the state that the page shows
	Bad     bool   // what Notice tells went wrong
	Notice  string // what came of the last form
	At      string // the anchor that a page of a session is opened at
	From    int    // the event that it begins with, where it has no At
	Found   Found
}

// Health is how the state is.
type Health struct {
	Night        time.Time // of the last nightly; zero before the first
	New, Changed int       // proposals and sessions of that night
	Built        time.Time // of the index; zero where there is none
	Unread       int       // changed files; less than 0 while that is not known
	Notes        []string  // what needs a hand
}

// late is after how long a night was left out.
const late = 36 * time.Hour

// Found is what a search found.
type Found struct {
	Query string
	Total string // in words
	Hits  []Hit
	Next  int // the page with more; 0 when there is none
	Notes []string
}

// Hit is a place that a search found.
type Hit struct {
	Ref, Title, Project, What string
	Time                      time.Time
	Snippet                   string
	Marks                     [][2]int // what was looked for, in the snippet
	More                      int      // further hits in the same session
}

// Marked is the snippet with marks. Everything is escaped.
func (h Hit) Marked() template.HTML {
	var b strings.Builder
	last := 0
	for _, m := range h.Marks {
		b.WriteString(template.HTMLEscapeString(h.Snippet[last:m[0]]) + "<mark>" + template.HTMLEscapeString(h.Snippet[m[0]:m[1]]) + "</mark>")
		last = m[1]
	}
	return template.HTML(b.String() + template.HTMLEscapeString(h.Snippet[last:]))
}

// Style is the style of the pages.
func Style() []byte {
	style, err := pages.ReadFile("pages/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return style
}

// ErrNoPage says that there is no page of a name.
var ErrNoPage = errors.New("there is no such page")

// Serve writes a page: one of the site by the name of its file, or that of any
// session.
func (l *Live) Serve(w io.Writer, in Input, file string) error {
	s := &site{in: in, live: l, cited: make(map[string]map[string]bool)}
	if err := s.parse(); err != nil {
		return err
	}
	tmpl, data, err := s.find(file)
	if err != nil {
		return err
	}
	return s.tmpl.ExecuteTemplate(w, tmpl, data)
}

// find returns the template of a page, and what it shows. A name is only ever
// looked up among those that there are.
func (s *site) find(file string) (tmpl string, data any, err error) {
	switch {
	case file == "index.html":
		runs, err := s.runs()
		return "overview.html", s.overview(s.listed(), runs), err
	case file == "search.html":
		return "search.html", s.live.Found, nil
	case file == "message.html":
		return "message.html", nil, nil
	case strings.HasPrefix(file, "s-"):
		data, err := s.liveSession(file)
		return "session.html", data, err
	}
	for _, d := range s.in.Proposals {
		if file == d.ID+".html" {
			return "proposal.html", s.proposalView(d), nil
		}
	}
	for i := range s.in.Mined.Patterns {
		if p := &s.in.Mined.Patterns[i]; file == p.ID+".html" {
			return "pattern.html", s.patternView(p), nil
		}
	}
	for i := range s.in.Runs {
		if r := &s.in.Runs[i]; file == RunFile(r.Run) {
			v, err := viewOf(r)
			return "run.html", &v, err
		}
	}
	return "", nil, ErrNoPage
}

// liveSession is a part of a session: around the place that is asked for, or
// from some event on.
func (s *site) liveSession(file string) (sessionView, error) {
	name := sessionName(file)
	if sessionFile(name) != file {
		return sessionView{}, ErrNoPage
	}
	sess, err := s.in.Load(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoPage
	}
	if err != nil {
		return sessionView{}, err
	}
	s.collect()
	cited := maps.Clone(s.cited[name])
	from := max(0, min(s.live.From, len(sess.Events)-1))
	if at := slices.IndexFunc(sess.Events, func(e session.Event) bool { return sess.Ref(&e).Anchor() == s.live.At }); at >= 0 {
		if cited == nil {
			cited = make(map[string]bool)
		}
		cited[s.live.At] = true
		from = max(0, min(at-maxEvents/2, len(sess.Events)-maxEvents))
	}
	show := make([]bool, len(sess.Events))
	for i := from; i < min(from+maxEvents, len(show)); i++ {
		show[i] = true
	}
	return s.sessionView(sess, show, cited), nil
}

// sessionName is the reverse of sessionFile.
func sessionName(file string) string {
	file = strings.TrimSuffix(strings.TrimPrefix(file, "s-"), ".html")
	var b strings.Builder
	for i := 0; i < len(file); i++ {
		if file[i] == '_' && i+2 < len(file) {
			if c, err := hex.DecodeString(file[i+1 : i+3]); err == nil {
				b.Write(c)
				i += 2
				continue
			}
		}
		b.WriteByte(file[i])
	}
	return b.String()
}

// proposalView is what the page of a proposal shows.
type proposalView struct {
	*rules.Proposal
	History    []rules.Entry
	HasPattern bool   // its pattern has a page
	Prev, Next string // others that wait for a decision
}

// Undecided reports whether it can be decided on.
func (v proposalView) Undecided() bool { return v.Status == rules.Open || v.Status == rules.Snoozed }

// Seen tells the change that a person saw from one that was made since.
func Seen(d *rules.Proposal) string {
	sum := sha256.Sum256([]byte(d.Root + "\n" + d.Target + "\n" + d.Diff))
	return hex.EncodeToString(sum[:8])
}

// Seen is Seen of the proposal.
func (v proposalView) Seen() string { return Seen(v.Proposal) }

func (s *site) proposalView(d *rules.Proposal) proposalView {
	v := proposalView{Proposal: d}
	for _, e := range s.in.Ledger {
		if e.Proposal == d.ID && e.Event != rules.EvApplied {
			e.Who, e.Reason = fit(e.Who), fit(e.Reason)
			v.History = append(v.History, e)
		}
	}
	before := true
	for _, o := range s.in.Proposals {
		switch {
		case o.ID == d.ID:
			before = false
		case o.Status != rules.Open:
		case before:
			v.Prev = o.ID
		case v.Next == "":
			v.Next = o.ID
		}
	}
	v.HasPattern = slices.ContainsFunc(s.in.Mined.Patterns, func(p miner.Pattern) bool { return p.ID == d.Pattern })
	return v
}

// fresh are the proposals that the last night made.
func (s *site) fresh() map[string]bool {
	out := make(map[string]bool)
	if s.in.Health == nil {
		return out
	}
	first := make(map[string]time.Time)
	for _, e := range s.in.Ledger {
		if _, ok := first[e.Proposal]; !ok {
			first[e.Proposal] = e.Time
			out[e.Proposal] = e.Time.Equal(s.in.Health.Night)
		}
	}
	return out
}

// ago writes how long ago something was, in its largest unit.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d.Minutes()), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour") + " ago"
	}
	return count(int(d.Hours()/24), "day") + " ago"
}
