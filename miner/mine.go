package miner

import (
	"cmp"
	"slices"
	"time"

	"lode/miner/command"
	"lode/session"
)

// Mine gathers the signals of all sessions into patterns, ranked: those that
// are recommended first, then by score.
func Mine(in Input) (Report, error) {
	m := mining{in: in, groups: make(map[string]*group), where: make(whereabouts), usual: make(usualChecks), outcomes: make(map[string]map[string]int), starts: make(map[string][]time.Time)}
	m.cited, m.told = make(map[string]bool), make(map[string]citation)
	for _, a := range in.Answers {
		for _, f := range a.Findings {
			for _, ref := range f.Refs {
				m.cited[ref] = true
			}
		}
	}
	for s, err := range in.Sessions {
		if err != nil {
			return Report{}, err
		}
		m.session(s)
	}
	return m.report(), nil
}

type mining struct {
	in        Input
	groups    map[string]*group
	successes successes
	where     whereabouts
	usual     usualChecks
	mined     int
	left      int
	starts    map[string][]time.Time // of root sessions, by project and population
	outcomes  map[string]map[string]int
	cited     map[string]bool     // references in answers of analysts
	told      map[string]citation // of them, what was met
}

func (m *mining) session(s *session.Session) {
	if s.Population == session.Own {
		m.left++
		return
	}
	m.mined++
	v := newView(s)
	project, population := m.in.Project(&s.Header), ""
	if s.Population == session.Benchmark {
		population = string(session.Benchmark)
	}
	root := m.in.Root(&s.Header)
	if !s.Start.IsZero() && root == s.Name() {
		m.starts[project+"\x00"+population] = append(m.starts[project+"\x00"+population], s.Start)
	}
	m.tally(v)
	for _, d := range Detectors {
		d.Find(v, func(sig Signal) {
			if !m.old(sig.Event) {
				m.add(s, project, population, root, sig)
			}
		})
	}
	m.cite(v, project, root)
	m.worked(v, project, population, root)
	m.usual.add(v, project, population, root)
}

// old reports whether an event is from before the time that is looked at.
func (m *mining) old(e *session.Event) bool {
	return !m.in.Since.IsZero() && !e.Time.IsZero() && e.Time.Before(m.in.Since)
}

// tally counts outcomes, for the overview.
func (m *mining) tally(v *View) {
	byOutcome := m.outcomes[v.Agent]
	if byOutcome == nil {
		byOutcome = make(map[string]int)
		m.outcomes[v.Agent] = byOutcome
	}
	for _, at := range v.Results {
		byOutcome[string(v.Events[at].Outcome)]++
	}
}

func groupKey(project, population, kind, key string) string {
	return project + "\x00" + population + "\x00" + kind + "\x00" + key
}

func (m *mining) add(s *session.Session, project, population, root string, sig Signal) {
	k := groupKey(project, population, sig.Kind, sig.Key)
	g := m.groups[k]
	if g == nil {
		g = &group{project: project, population: population, kind: sig.Kind, key: sig.Key}
		m.groups[k] = g
	}
	g.seen = append(g.seen, m.occurrenceOf(s, root, sig))
}

// occurrenceOf keeps of a signal what is needed when its session is gone.
func (m *mining) occurrenceOf(s *session.Session, root string, sig Signal) occurrence {
	e := sig.Event
	o := occurrence{signal: sig, agent: s.Agent, session: s.Name(), root: root, path: s.Sources[e.Src].Path, time: e.Time, n: e.N, part: e.Part}
	quote := cmp.Or(sig.Line, e.Signature, e.Text)
	o.evidence = Evidence{Ref: s.Ref(e).String(), Source: s.Locate(e), Quote: session.Quote(quote, maxQuote), Hash: TextHash(e.Text)}
	if sig.Fix != nil {
		fix := *sig.Fix
		o.fixRef = s.Ref(fix.event).String()
		fix.event = nil
		o.signal.Fix = &fix
	}
	o.told = e.Author == session.Human
	o.folder = folderOf(s, &sig)
	o.signal.Event = nil // the session must not stay in memory
	return o
}

// worked notes which commands and paths succeeded in a session.
func (m *mining) worked(v *View, project, population, root string) {
	for _, at := range v.Results {
		e := &v.Events[at]
		if e.Outcome != session.OK || m.old(e) {
			continue
		}
		ref := v.Ref(e).String()
		if e.Action() == session.Shell {
			line := v.Line(e)
			for i := range line.Programs {
				p := &line.Programs[i]
				if p.Role != command.Shell && p.Role != command.Print && (p.Decides || !p.Piped) {
					m.successes.add(project, population, bare(general(p)), root, ref)
					m.successes.add(project, population, toolKey(p.Name), root, ref)
					if p.Name == "python" && p.HasArg("-m") {
						m.successes.add(project, population, toolKey(p.Sub), root, ref)
					}
				}
			}
		}
		for _, path := range opened(v, e) {
			m.successes.add(project, population, path, root, ref)
			m.where.add(project, population, path)
		}
	}
}

func (m *mining) report() Report {
	r := Report{Mined: m.mined, Left: m.left, Outcomes: m.outcomes}
	retries := m.foldRetries()
	m.answered()
	m.foldFolders()
	m.gatherGuesses()
	m.nameChecks()
	m.merge()
	for _, starts := range m.starts {
		slices.SortFunc(starts, time.Time.Compare)
	}
	keys := make(map[string]string) // by pattern
	for _, k := range sortedKeys(m.groups) {
		g := m.groups[k]
		p := g.build(m.in.Support, &m.successes)
		p.keepID(m.in.Known)
		p.Retries = retries[k]
		if folder := m.where.local(g); folder != "" {
			p.Folder, p.Scope = folder, PathScope+folder
		}
		p.Trend = trend(p.Times, since(m.starts[g.project+"\x00"+g.population], p.First))
		p.Score = rank(&p)
		keys[p.ID] = g.key
		r.Patterns = append(r.Patterns, p)
	}
	m.global(r.Patterns, keys)
	slices.SortFunc(r.Patterns, byRank)
	uncrowd(r.Patterns)
	slices.SortFunc(r.Patterns, byRank)
	return r
}

// since returns the times from one on; they are sorted.
func since(times []time.Time, from time.Time) []time.Time {
	at, _ := slices.BinarySearchFunc(times, from, time.Time.Compare)
	return times[max(at-1, 0):] // the session began before what was seen in it
}

func byRank(a, b Pattern) int {
	if a.Recommended != b.Recommended {
		if a.Recommended {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.ID, b.ID))
}

// foldRetries joins retry loops with the pattern of the failure that was
// retried: one problem is one pattern. It returns how many calls were repeats.
func (m *mining) foldRetries() map[string]int {
	retries := make(map[string]int)
	for k, g := range m.groups {
		if g.kind != "retry-loop" {
			continue
		}
		for _, kind := range []string{"failing-command", "wrong-path"} {
			of := groupKey(g.project, g.population, kind, g.key[len("retry\x00"):])
			if m.groups[of] == nil {
				continue
			}
			for i := range g.seen {
				retries[of] += g.seen[i].signal.Cost.Calls - 1
			}
			delete(m.groups, k)
		}
	}
	return retries
}
