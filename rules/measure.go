package rules

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/miner"
	"lode/rules/effect"
	"lode/rules/target"
	"lode/session"
	"lode/session/lazyregexp"
)

// Measured is what is known of the effect of a rule in force: a line of
// <state>/effect.jsonl, which is derived and can be deleted.
type Measured struct {
	ID      string      `json:"id"` // of the proposal
	Project string      `json:"project"`
	Title   string      `json:"title"`
	Rule    string      `json:"rule"`
	Target  string      `json:"target"`
	Since   time.Time   `json:"since"`
	Card    effect.Card `json:"card"`
	Line    string      `json:"line"`             // the card in a line
	Notes   []string    `json:"notes,omitempty"`  // what is to be known beside it
	Advice  []Advice    `json:"advice,omitempty"` // what can be done, where a person should look
}

// Advice is something to do about a rule that does not do what it should.
type Advice struct {
	Do      string `json:"do"` // retire, move, escalate, keep
	Why     string `json:"why"`
	Command string `json:"command,omitempty"`
}

// Sessions is what rules are measured on.
type Sessions struct {
	Traces  []miner.Trace // of root sessions, see miner.RootTraces
	Project func(*miner.Trace) string
	// InForce says whether an agent, working where a session did, loads a line
	// from the files as they are. It may be nil.
	InForce func(t *miner.Trace, root, line string) effect.Loaded
	Briefs  []Handed // what was handed out
	// Patterns of the last night and since when it looked: what rates patterns
	// usually have. They may be empty.
	Patterns []miner.Pattern
	Since    time.Time
}

// Measure judges every rule in force. The result is in the order in which the
// rules were proposed. Rules without a detector are in it, too.
func (b *Book) Measure(d *Detectors, in Sessions) []Measured {
	list, _ := b.List() // what cannot be read is told elsewhere
	m := measuring{book: b, in: in, detectors: d, by: make(map[string][]*miner.Trace), treated: make(map[string]bool)}
	for i := range in.Traces {
		t := &in.Traces[i]
		k := m.in.Project(t) + "\x00" + populationOf(t)
		m.by[k] = append(m.by[k], t)
	}
	for _, e := range b.Ledger.Entries {
		if e.Event == EvAccepted {
			m.treated[e.Proposal] = true
		}
	}
	var out []Measured
	for _, p := range list {
		if p.Status.InForce() && p.Change != Import && p.Change != Escalate {
			out = append(out, m.measure(p))
		}
	}
	return out
}

type measuring struct {
	book      *Book
	in        Sessions
	detectors *Detectors
	by        map[string][]*miner.Trace // by project and population
	treated   map[string]bool           // that a rule was ever made for
}

// populationOf keeps benchmark runs apart, as patterns do.
func populationOf(t *miner.Trace) string {
	if t.Population == session.Benchmark {
		return string(session.Benchmark)
	}
	return ""
}

func (m *measuring) measure(p *Proposal) Measured {
	accepted, _ := m.book.Ledger.Last(p.ID, EvAccepted)
	if e, ok := m.book.Ledger.Last(p.ID, EvAdopted); ok && e.Seq > accepted.Seq {
		accepted.Target = e.Target
	}
	out := Measured{ID: p.ID, Project: p.Project, Title: p.Title, Rule: m.book.ruleOf(p), Target: cmp.Or(accepted.Target, p.Target), Since: accepted.Time}
	var unloaded []string // agents that were not given it
	q := effect.Question{Since: accepted.Time, Now: m.book.Now}
	detectors := m.watching(p)
	for _, det := range detectors {
		found := det.found()
		if q.Measurable {
			found = effect.Span{From: earlier(found.From, q.Found.From), To: later(found.To, q.Found.To)}
		}
		q.Measurable, q.Found = true, found
		q.Units = append(q.Units, m.units(det, func(t *miner.Trace, u *effect.Unit) {
			if len(detectors) > 1 {
				u.Stratum += " on " + det.Project
			}
			if m.exposure(&out, accepted, t, u); u.Loaded == effect.No && !slices.Contains(unloaded, t.Agent) {
				unloaded = append(unloaded, t.Agent)
			}
		})...)
		if len(q.Controls) == 0 {
			q.Controls, q.Prior = m.controls(det), m.prior(det)
		}
	}
	out.Card = effect.Judge(q)
	out.Line, out.Notes, out.Advice = out.Card.Line(), out.Card.Notes(), adviceFor(p, out.Card, betterFile(accepted.Root, out.Target, unloaded))
	return out
}

// watching are the detectors of a rule: of its pattern, and of those in other
// projects that it is for as well.
func (m *measuring) watching(p *Proposal) []*Detector {
	var out []*Detector
	for _, id := range append([]string{p.Pattern}, p.Patterns...) {
		if d, ok := m.detectors.Get(proposalID(id)); ok && d.Watch != nil {
			out = append(out, d)
		}
	}
	return out
}

// units are the sessions in which a detector sees an opportunity.
func (m *measuring) units(d *Detector, more func(*miner.Trace, *effect.Unit)) []effect.Unit {
	var units []effect.Unit
	for _, t := range m.by[d.Project+"\x00"+d.Population] {
		s := d.Watch.See(t)
		if !s.Opportunity {
			continue
		}
		u := effect.Unit{Session: t.Session, Start: t.Start, End: t.End, Stratum: stratum(t), Failed: s.Failed}
		if more != nil {
			more(t, &u)
		}
		units = append(units, u)
	}
	return units
}

// stratum names what is alike: the agent and its model. The project is added
// where a rule is for several.
func stratum(t *miner.Trace) string {
	if f := family(t.Model); f != "" {
		return t.Agent + " with " + f
	}
	return t.Agent
}

var modelTail = lazyregexp.New(`(?:[-@]20\d{2}-?\d{2}-?\d{2}|-latest|-preview|\[\w+\]|:\w+)+$`)

// family is a model's name without its maker, its date and its variant: another
// version is another family, since rates change with it.
func family(model string) string {
	if model == "" {
		return ""
	}
	return modelTail.ReplaceAllString(path.Base(strings.ToLower(model)), "")
}

// exposure says whether a session had the rule: by its own record of what it
// was given, by the log of briefs, else by the file that the rule stands in.
func (m *measuring) exposure(of *Measured, accepted Entry, t *miner.Trace, u *effect.Unit) {
	id := learningID(of.ID)
	u.Shown = slices.Contains(t.Briefed, id)
	for i := range m.in.Briefs {
		if h := &m.in.Briefs[i]; h.reached(t) {
			u.Shown = u.Shown || slices.Contains(h.Given, id)
			u.HeldOut = u.HeldOut || slices.Contains(h.Held, id)
		}
	}
	switch {
	case u.Shown:
		u.Loaded, u.HeldOut = effect.Yes, false
	case u.HeldOut:
		u.Loaded = effect.No
	case of.Rule == "": // it took a line out
	default:
		u.Loaded = given(t, of.Target, of.Rule)
		if u.Loaded == effect.Unknown && m.in.InForce != nil {
			u.Loaded = m.in.InForce(t, accepted.Root, of.Rule)
		}
	}
}

// given tells from a transcript's own record whether it had a line: what the
// record of the same file does not hold was not loaded.
func given(t *miner.Trace, target, line string) effect.Loaded {
	mark, recorded := miner.LineMark(line), false
	for _, g := range t.Given {
		if slices.Contains(g.Lines, mark) {
			return effect.Yes
		}
		recorded = recorded || path.Base(filepath.ToSlash(g.Path)) == path.Base(target)
	}
	if recorded {
		return effect.No
	}
	return effect.Unknown
}

// minControls is how many untreated patterns of the own project make a placebo
// line; with fewer, those of all projects at hand do.
const minControls = 3

// controls are patterns that were recommended as well, and got no rule.
func (m *measuring) controls(of *Detector) []effect.Control {
	var own, all []effect.Control
	for _, d := range m.detectors.All() {
		if d.Watch == nil || m.treated[d.ID] || d.Population != of.Population {
			continue
		}
		c := effect.Control{Found: d.found(), Units: m.units(d, nil)}
		if all = append(all, c); d.Project == of.Project {
			own = append(own, c)
		}
	}
	if len(own) >= minControls {
		return own
	}
	return all
}

// prior is how the rates of the project's patterns are spread, frequent or not,
// in the time that was mined last.
func (m *measuring) prior(of *Detector) effect.Gamma {
	var rates []effect.Rate
	for i := range m.in.Patterns {
		p := &m.in.Patterns[i]
		if p.Watch == nil || p.Project != of.Project || p.Population != of.Population {
			continue
		}
		var r effect.Rate
		for _, t := range m.by[p.Project+"\x00"+p.Population] {
			if t.End.Before(m.in.Since) {
				continue
			}
			if s := p.Watch.See(t); s.Opportunity {
				r.Opportunities++
				if s.Failed {
					r.Failed++
				}
			}
		}
		rates = append(rates, r)
	}
	return effect.Fit(rates)
}

// betterFile is the file that agents load who were not given a rule in its own,
// or "" where there is none.
func betterFile(root, file string, agents []string) string {
	if root == "" || len(agents) == 0 {
		return ""
	}
	if c := target.Choose(target.Need{Root: root, Agents: agents}); c.File != file && target.Of(c.File) != nil {
		return c.File
	}
	return ""
}

// adviceFor says what can be done about a rule, by its state. better is a file
// that the agents load who need it.
func adviceFor(p *Proposal, c effect.Card, better string) []Advice {
	retire := func(why, reason string) Advice {
		a := Advice{Do: "retire", Why: why}
		if p.Status != Adopted { // then the line is a person's own: only they take it out
			a.Command = fmt.Sprintf("lode review retire %s --reason %q", p.ID, reason)
		}
		return a
	}
	switch c.State {
	case effect.More:
		return []Advice{retire("what it is to prevent has become more frequent since", "more since")}
	case effect.Idle:
		return []Advice{retire("nothing it speaks of came up for two months", "idle")}
	case effect.NotLoaded:
		a := Advice{Do: "move", Why: "the sessions that needed it were not given the file that it stands in"}
		if better != "" && p.Status != Adopted {
			a.Command = fmt.Sprintf("lode review move %s %s", p.ID, better)
		}
		return []Advice{a}
	case effect.NotFollowed:
		return []Advice{{Do: "escalate", Why: "it was loaded and not followed; louder words do not help: make it a hook, a permission or a check in CI"},
			retire("or take it out, since it does not work", "not followed")}
	case effect.Relapsed:
		return []Advice{{Do: "escalate", Why: "it helped, and what it prevents is coming back; look at the newest sessions"}}
	}
	return nil
}

// Worth tells what lines of instruction files were measured to be worth, from
// -1, it does harm, to 1: for Book.Worth.
func Worth(all []Measured) func(line string) (worth float64, measured bool) {
	by := make(map[string]float64)
	for i := range all {
		mark := miner.LineMark(all[i].Rule)
		switch all[i].Card.State {
		case effect.Fewer:
			by[mark] = 1
		case effect.NotFollowed, effect.NotLoaded, effect.Idle:
			by[mark] = -0.5
		case effect.More:
			by[mark] = -1
		}
	}
	return func(line string) (float64, bool) {
		worth, measured := by[miner.LineMark(line)]
		return worth, measured
	}
}

func measuredFile(state string) string { return filepath.Join(state, "effect.jsonl") }

// SaveMeasured keeps what was measured, for the next night to compare with.
func SaveMeasured(state string, all []Measured) error {
	text, err := lines(all)
	if err == nil {
		err = renameio.WriteFile(measuredFile(state), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing effects: %w", err)
	}
	return nil
}

// LoadMeasured returns what was measured last; nothing is no error. What cannot
// be read counts as not there.
func LoadMeasured(state string) ([]Measured, error) {
	f, err := os.Open(measuredFile(state))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Measured
	dec := json.NewDecoder(f)
	for {
		var m Measured
		switch err := dec.Decode(&m); {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, nil
		}
		all = append(all, m)
	}
}

// Changed returns those of the measured rules of which something else can be
// said than before. That there is not enough data is nothing to tell.
func Changed(before, now []Measured) []Measured {
	was := make(map[string]effect.State)
	for _, m := range before {
		was[m.ID] = m.Card.State
	}
	return slices.DeleteFunc(slices.Clone(now), func(m Measured) bool {
		return was[m.ID] == m.Card.State || !m.Card.State.Telling() && !was[m.ID].Telling()
	})
}
