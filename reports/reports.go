// Package reports makes the pages on which a person sees what lode found and
// where to step in: an overview, a page for each pattern and proposal, and the
// sessions that they cite, with an anchor for every reference.
//
// The site is static and self-contained: each page carries its style, no page
// needs a script or the network, and everything that comes from transcripts is
// escaped. It lies in <state>/site and can be deleted; nothing reads it. The same
// pages can be served, see Live and the sub-package serve; then any session has
// one, and a person can decide on them.
package reports

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lode/loop"
	"lode/miner"
	"lode/rules"
	"lode/session"
)

// Input is what the site is made from.
type Input struct {
	Now       time.Time
	Window    string // in words, as "the last 30 days"
	Mined     *miner.Saved
	Proposals []*rules.Proposal
	Effects   []rules.Measured // of the rules in force
	Ledger    []rules.Entry
	Coverage  Coverage
	Recent    []session.Info  // newest first; some of them get a page
	Runs      []loop.Standing // oldest first
	Load      func(name string) (*session.Session, error)
	Project   func(*session.Header) string
	Resume    func(*session.Header) string // the command that takes a session up again
	Health    *Health                      // how the state is, where pages are served
}

// Coverage says what was read and what was not.
type Coverage struct {
	Agents  []CoverageRow
	Notes   []string // reasons for files that were not read, records that were passed over
	Pending int
}

// CoverageRow is the coverage of one agent.
type CoverageRow struct {
	Agent                            string
	Found, Read, Skipped, Gone       int
	Sessions, Subagents, Events, Bad int
	From, To                         string
}

//go:embed pages
var pages embed.FS

// Write makes the site in a folder, in place of the one that was there. A
// reader sees the old or the new one.
func Write(dir string, in Input) error {
	s := &site{in: in, linked: make(map[string]bool), cited: make(map[string]map[string]bool)}
	if err := s.parse(); err != nil {
		return err
	}
	s.dir = dir + ".new"
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return errors.Join(fmt.Errorf("writing the report: %w", err), os.RemoveAll(s.dir))
	}
	return swap(s.dir, dir)
}

// swap puts the new site in the place of the old one.
func swap(made, dir string) error {
	old := dir + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(made, dir); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// Exists reports whether the site is there.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.html"))
	return err == nil
}

// How much goes into the site.
const (
	maxListed = 60 // patterns that are not recommended
	maxRecent = 12 // sessions with a page because they are new
)

type site struct {
	in     Input
	live   *Live // nil where pages are files
	dir    string
	tmpl   *template.Template
	mu     sync.Mutex
	linked map[string]bool            // sessions that have a page
	cited  map[string]map[string]bool // session -> places cited in it
}

func (s *site) parse() (err error) {
	s.tmpl, err = template.New("").Funcs(template.FuncMap{
		"style":  func() template.CSS { return template.CSS(Style()) }, // ours, embedded
		"live":   func() *Live { return s.live },
		"health": func() *Health { return s.in.Health },
		"ago":    func(t time.Time) string { return ago(s.in.Now, t) },
		"late":   func(t time.Time) bool { return s.in.Now.Sub(t) > late },
		"day":    day,
		"moment": moment,
		"count":  count,
		"number": func(v *float64) string { return fmt.Sprintf("%.4g", *v) },
		"ref":    s.link,
		"diff":   rules.Marked,
		"join":   strings.Join,
		"spark":  spark,
		"prose":  prose,
		"bare":   s.bare,
		"scope":  scope,
		"run":    RunFile,
		"slug":   func(s loop.Status) string { return strings.ReplaceAll(string(s), " ", "-") },
		"pct":    func(n, of int) string { return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(max(of, 1))) },
		"now":    func() string { return moment(s.in.Now) },
	}).ParseFS(pages, "pages/*.html")
	return err
}

// bare is a text without its hint, where the page itself has what that names.
func (s *site) bare(text string) string {
	if s.live != nil {
		text, _, _ = strings.Cut(text, " (hint: ")
	}
	return text
}

// scope says how far a pattern reaches.
func scope(s string) string {
	if s == miner.GlobalScope {
		return "in several projects"
	}
	if folder, ok := strings.CutPrefix(s, miner.PathScope); ok {
		return "only below " + folder
	}
	return ""
}

// build writes all pages. The sessions come first, so that the others know
// which references have a page to go to.
func (s *site) build() error {
	s.collect()
	names := make([]string, 0, len(s.cited))
	for name := range s.cited {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := s.sessionPages(names); err != nil {
		return err
	}
	patterns := s.listed()
	for i := range patterns {
		if err := s.page(patterns[i].ID+".html", "pattern.html", s.patternView(&patterns[i])); err != nil {
			return err
		}
	}
	for _, d := range s.in.Proposals {
		if err := s.page(d.ID+".html", "proposal.html", s.proposalView(d)); err != nil {
			return err
		}
	}
	runs, err := s.runs()
	if err != nil {
		return err
	}
	for i := range runs {
		if err := s.page(RunFile(runs[i].Run), "run.html", &runs[i]); err != nil {
			return err
		}
	}
	return s.page("index.html", "overview.html", s.overview(patterns, runs))
}

// sessionPages writes the pages of sessions on all processors: each is loaded
// from the store.
func (s *site) sessionPages(names []string) error {
	errs := make([]error, len(names))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(names) {
					return
				}
				errs[i] = s.sessionPage(names[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// listed returns the patterns that get a page: those that are recommended and
// the first of the others.
func (s *site) listed() []miner.Pattern {
	var out []miner.Pattern
	others := 0
	for _, p := range s.in.Mined.Patterns {
		if !p.Recommended && others == maxListed {
			continue
		}
		if !p.Recommended {
			if p.Sessions < 2 && p.Occurrences < 3 {
				continue
			}
			others++
		}
		out = append(out, p)
	}
	return out
}

// collect notes which places are cited by what people decide on, and which
// sessions are new.
func (s *site) collect() {
	cite := func(text string) {
		if r, err := session.ParseRef(text); err == nil {
			name := r.Agent + "/" + r.Session
			if s.cited[name] == nil {
				s.cited[name] = make(map[string]bool)
			}
			s.cited[name][r.Anchor()] = true
		}
	}
	for _, p := range s.in.Mined.Patterns {
		if !p.Recommended {
			continue
		}
		for _, e := range p.Evidence {
			cite(e.Ref)
		}
		if p.Fix != nil {
			cite(p.Fix.Ref)
		}
		for _, r := range p.Counter.Refs {
			cite(r)
		}
	}
	for _, d := range s.in.Proposals {
		for _, e := range d.Evidence {
			cite(e.Ref)
		}
	}
	for i := range s.in.Recent[:min(maxRecent, len(s.in.Recent))] {
		name := s.in.Recent[i].Name()
		if s.cited[name] == nil {
			s.cited[name] = make(map[string]bool)
		}
	}
}

func (s *site) page(name, tmpl string, data any) error {
	file := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.tmpl.ExecuteTemplate(f, tmpl, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.Close()
}

// reference is a reference as pages show it: a link where the session has a page.
type reference struct{ Text, URL string }

func (s *site) link(text string) reference {
	r, err := session.ParseRef(text)
	if err != nil || !s.hasPage(r.Agent+"/"+r.Session) {
		return reference{Text: text}
	}
	file := sessionFile(r.Agent + "/" + r.Session)
	if s.live != nil && r.N >= 0 {
		file += "?at=" + r.Anchor()
	}
	return reference{text, file + "#" + r.Anchor()}
}

// hasPage reports whether a session has a page.
func (s *site) hasPage(name string) bool { return s.live != nil || s.linked[name] }

// sessionFile names the page of a session.
func sessionFile(name string) string {
	var b strings.Builder
	b.WriteString("s-")
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String() + ".html"
}

// prose writes a text of ours with its `code` as code. Everything is escaped.
func prose(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			b.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
		} else {
			b.WriteString(template.HTMLEscapeString(part))
		}
	}
	return template.HTML(b.String())
}

func day(t time.Time) string {
	if t.IsZero() {
		return "undated"
	}
	return t.Format("2006-01-02")
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// overviewView is what the first page shows.
type overviewView struct {
	Window   string
	Open     []*rules.Proposal
	Decided  []*rules.Proposal
	Effects  []rules.Measured
	Patterns []miner.Pattern
	Others   []miner.Pattern
	Sessions int
	Results  int
	Failed   int
	Wasted   miner.Cost
	Agents   []agentOutcomes
	Coverage Coverage
	Recent   []recentSession
	Runs     []runView
	Waiting  int             // runs that need a person
	Working  int             // runs that somebody works on
	Hand     int             // rules in force that do not do what they should
	Fresh    map[string]bool // proposals of the last night
}

// agentOutcomes is how the calls of an agent ended, in parts of a bar.
type agentOutcomes struct {
	Agent string
	Total int
	Parts []outcomePart
}

type outcomePart struct {
	Name          string
	N             int
	From, Percent float64
}

type recentSession struct {
	Title, URL, Project, Agent, Day string
}

func (s *site) overview(patterns []miner.Pattern, runs []runView) overviewView {
	v := overviewView{Window: s.in.Window, Effects: s.in.Effects, Coverage: s.in.Coverage, Sessions: s.in.Mined.Mined, Runs: runs, Fresh: s.fresh()}
	for i := range runs {
		if runs[i].Needs != "" {
			v.Waiting++
		}
		if runs[i].Status == loop.Running {
			v.Working++
		}
	}
	for i := range v.Effects {
		if v.Effects[i].Card.State.NeedsHand() {
			v.Hand++
		}
	}
	for _, d := range s.in.Proposals {
		if d.Status == rules.Open {
			v.Open = append(v.Open, d)
		} else {
			v.Decided = append(v.Decided, d)
		}
	}
	for _, p := range patterns {
		if p.Recommended {
			v.Patterns = append(v.Patterns, p)
			if p.Told < p.Occurrences { // what was only told cost no calls
				v.Wasted.Calls += p.Cost.Calls
				v.Wasted.Tokens += p.Cost.Tokens
			}
		} else {
			v.Others = append(v.Others, p)
		}
	}
	v.Agents = agentBars(s.in.Mined.Outcomes)
	for _, a := range v.Agents {
		v.Results += a.Total
	}
	for _, byOutcome := range s.in.Mined.Outcomes {
		v.Failed += byOutcome[string(session.Failed)]
	}
	for i := range s.in.Recent[:min(maxRecent, len(s.in.Recent))] {
		info := &s.in.Recent[i]
		if s.hasPage(info.Name()) {
			v.Recent = append(v.Recent, recentSession{info.Title, sessionFile(info.Name()), s.in.Project(&info.Header), info.Agent, day(info.Start)})
		}
	}
	return v
}

// shownOutcomes is the order of the parts of an outcome bar.
var shownOutcomes = []session.Outcome{session.OK, session.Failed, session.Expected, session.Rejected, session.Denied, session.Interrupted, session.Collateral, session.Unknown}

func agentBars(outcomes map[string]map[string]int) []agentOutcomes {
	var out []agentOutcomes
	for agent, byOutcome := range outcomes {
		a := agentOutcomes{Agent: agent}
		for _, n := range byOutcome {
			a.Total += n
		}
		from := 0.0
		for _, o := range shownOutcomes {
			if n := byOutcome[string(o)]; n > 0 {
				percent := 100 * float64(n) / float64(a.Total)
				a.Parts = append(a.Parts, outcomePart{string(o), n, from, percent})
				from += percent
			}
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b agentOutcomes) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Agent, b.Agent))
	})
	return out
}

// patternView is what the page of a pattern shows.
type patternView struct {
	*miner.Pattern
	Proposal *rules.Proposal
}

func (s *site) patternView(p *miner.Pattern) patternView {
	v := patternView{Pattern: p}
	for _, d := range s.in.Proposals {
		if d.Pattern == p.ID {
			v.Proposal = d
		}
	}
	return v
}
