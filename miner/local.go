package miner

import (
	"path"
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

// whereabouts counts in which folders of a project agents open files: by
// project and population, then by folder, "" for all of it.
type whereabouts map[string]map[string]int

func (w whereabouts) add(project, population, file string) {
	if path.IsAbs(file) || strings.HasPrefix(file, "..") {
		return
	}
	k := project + "\x00" + population
	if w[k] == nil {
		w[k] = make(map[string]int)
	}
	w[k][""]++
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		w[k][dir]++
	}
}

// largePart is the share of what is opened in a project from which on a folder
// is no special place in it: what happens there happens everywhere.
const largePart = 0.5

// local returns the folder below which all occurrences of a group were, "" when
// one is elsewhere or unknown, or the folder is a large part of the project.
func (w whereabouts) local(g *group) string {
	common := g.seen[0].folder
	for i := range g.seen {
		for common != "" && common != g.seen[i].folder && !strings.HasPrefix(g.seen[i].folder, common+"/") {
			common = parent(common)
		}
	}
	all := w[g.project+"\x00"+g.population]
	if common == "" || float64(all[common]) > largePart*float64(all[""]) {
		return ""
	}
	return common
}

func parent(dir string) string {
	if dir = path.Dir(dir); dir == "." {
		return ""
	}
	return dir
}

// foundAt is how checks name the file that a finding is in.
var foundAt = lazyregexp.New(`^\s*(?:\./)?([\w@+.-]+(?:/[\w@+.-]+)+):\d+`)

// folderOf returns the folder of the project that a signal is about, "" when it
// does not tell: that of the file which a check complains of, or the one that a
// command was called in.
func folderOf(s *session.Session, sig *Signal) string {
	e := sig.Event
	var dir string
	switch {
	case sig.Kind == findingKind:
		m := foundAt.FindStringSubmatch(sig.Line)
		if m == nil {
			return ""
		}
		dir = path.Dir(relative(m[1], s.Cwd))
	case sig.Kind == "failing-command" && e.Kind == session.Result && e.CallEvent != nil && e.CallEvent.Dir != "":
		dir = relative(e.CallEvent.Dir, s.Cwd)
	}
	if dir == "." || path.IsAbs(dir) || strings.HasPrefix(dir, "..") || strings.ContainsAny(dir, " *?[]{}\"'\\") {
		return ""
	}
	return strings.Trim(dir, "/")
}
