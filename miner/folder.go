package miner

import (
	"path"
	"strings"
)

// foldFolders joins wrong paths in one folder that is not there itself: agents
// guess at different files in it, and it is the folder that they must know of.
// A folder counts as missing when it was itself looked for in vain, and far
// fewer sessions opened something in it than looked there in vain.
func (m *mining) foldFolders() {
	missed := make(map[string]*missedFolder) // by project, population and folder
	for _, k := range sortedKeys(m.groups) {
		g := m.groups[k]
		if g.kind != wrongPathKind || g.seen[0].signal.Class == NotAFile || g.seen[0].signal.Class == WrongFolder || g.fixedIn() >= m.in.Support.Sessions {
			continue
		}
		for p := g.seen[0].signal.Entity; p != "."; p = path.Dir(p) {
			if p == g.seen[0].signal.Entity && path.Ext(p) != "" {
				continue // a file, not a folder
			}
			key := g.project + "\x00" + g.population + "\x00" + p
			if missed[key] == nil {
				missed[key] = &missedFolder{path: p, roots: make(map[string]bool)}
			}
			f := missed[key]
			f.itself = f.itself || g.seen[0].signal.Class == NoSuchFile && p == g.seen[0].signal.Entity
			f.groups = append(f.groups, k)
			for i := range g.seen {
				f.roots[g.seen[i].root] = true
			}
		}
	}
	opened := m.successes.folders()
	for _, key := range sortedKeys(missed) { // a folder comes before what is in it
		f := missed[key]
		if len(f.groups) < 2 || len(f.roots) < m.in.Support.Sessions || !f.itself || len(opened[key])*2 > len(f.roots) {
			continue
		}
		m.foldInto(f)
	}
	for k, g := range m.groups {
		if g.kind == wrongPathKind && g.seen[0].signal.Class == emptySearch {
			delete(m.groups, k)
		}
	}
}

// gatherGuesses makes one pattern of the files that were looked for in vain
// under ever other names: none recurs, but guessing does.
func (m *mining) gatherGuesses() {
	guesses := make(map[string]*group) // by project and population
	for _, k := range sortedKeys(m.groups) {
		g := m.groups[k]
		s := &g.seen[0].signal
		if g.kind != wrongPathKind || s.Class != NoSuchFile || path.Ext(s.Entity) == "" || len(g.roots()) >= m.in.Support.Sessions {
			continue
		}
		of := g.project + "\x00" + g.population
		if guesses[of] == nil {
			guesses[of] = &group{project: g.project, population: g.population, kind: wrongPathKind, key: GuessedNames}
		}
		for _, o := range g.seen {
			o.signal.Class, o.signal.Fix = GuessedNames, nil
			guesses[of].seen = append(guesses[of].seen, o)
		}
	}
	for _, g := range guesses {
		if len(g.roots()) >= minGuesses {
			m.groups[groupKey(g.project, g.population, g.kind, g.key)] = g
		}
	}
}

// minGuesses is in how many root sessions names must have been guessed before
// it is called a habit.
const minGuesses = 5

// fixedIn counts the root sessions in which something worked instead.
func (g *group) fixedIn() int {
	roots := make(map[string]bool)
	for i := range g.seen {
		if g.seen[i].signal.Fix != nil {
			roots[g.seen[i].root] = true
		}
	}
	return len(roots)
}

// missedFolder is a folder in which paths were looked for in vain.
type missedFolder struct {
	path   string
	groups []string
	itself bool            // the folder itself was looked for in vain, not only what may be in it
	roots  map[string]bool // sessions
}

// foldInto makes one group of those of a folder that are there still.
func (m *mining) foldInto(f *missedFolder) {
	var members []*group
	for _, k := range f.groups {
		if g := m.groups[k]; g != nil {
			members = append(members, g)
			delete(m.groups, k)
		}
	}
	if len(members) == 0 {
		return
	}
	joined := &group{project: members[0].project, population: members[0].population, kind: members[0].kind, key: pathKey(f.path)}
	for _, g := range members {
		if g.key != joined.key {
			joined.joined = append(joined.joined, patternID(g.project, g.population, g.key))
		}
		for _, o := range g.seen {
			o.signal.Subject, o.signal.Entity, o.signal.Class = f.path, f.path, NoSuchFile
			if o.signal.Fix != nil && g.key != joined.key { // the right path of one file
				o.signal.Fix = nil
			}
			joined.seen = append(joined.seen, o)
		}
	}
	m.groups[groupKey(joined.project, joined.population, joined.kind, joined.key)] = joined
}

// folders returns the root sessions that opened something in a folder, or the
// folder itself.
func (s *successes) folders() map[string]map[string]bool {
	all := make(map[string]map[string]bool)
	for k, roots := range s.roots {
		prefix, p := k[:strings.LastIndexByte(k, 0)+1], k[strings.LastIndexByte(k, 0)+1:]
		if strings.ContainsAny(p, " ") {
			continue // a command
		}
		for ; p != "." && p != "/"; p = path.Dir(p) {
			if all[prefix+p] == nil {
				all[prefix+p] = make(map[string]bool)
			}
			for root := range roots {
				all[prefix+p][root] = true
			}
		}
	}
	return all
}
