package miner

import (
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
)

const revertKind = "self-revert"

// revert finds changes that the agent makes and takes back by itself.
var revert = Detector{
	Name: revertKind,
	Doc:  "an edit that is undone by the opposite edit, or by git, with nobody asking for it; not the end of a probe that git stash or a person began",
	Find: findReverts,
}

func findReverts(v *View, emit func(Signal)) {
	var mine []change // edits since the person spoke last
	next := 0
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case e.Kind == session.User && e.Author == session.Human:
			mine = nil
		case e.Kind == session.Result:
			k := next
			next++
			switch a := e.Action(); {
			case e.Outcome != session.OK || e.CallEvent == nil:
			case a == session.Edit || a == session.Write:
				for _, c := range changesOf(e.CallEvent) {
					if at := slices.IndexFunc(mine, c.undoes); at >= 0 {
						emit(revertSignal(v, k, c.path))
						mine = slices.Delete(mine, at, at+1)
						continue
					}
					mine = append(mine, c)
				}
			case a == session.Shell:
				for _, file := range thrownAway(v.Line(e)) {
					gone := func(c change) bool { return file == "." || c.path == file || strings.HasSuffix(c.path, "/"+file) }
					if at := slices.IndexFunc(mine, gone); at >= 0 {
						emit(revertSignal(v, k, mine[at].path))
						mine = slices.DeleteFunc(mine, gone)
					}
				}
			}
		}
	}
}

// minRevert is how many bytes an edit must change for its opposite to be no accident.
const minRevert = 20

// undoes reports whether a change is the opposite of an earlier one.
func (c *change) undoes(before change) bool {
	trim := func(s string) string { return strings.TrimRight(s, "\n") } // the last text of an input has none
	return c.path == before.path && trim(c.removed) == trim(before.added) && trim(c.added) == trim(before.removed) && len(c.removed)+len(c.added) >= minRevert && trim(c.removed) != trim(c.added)
}

// thrownAway lists the files whose changes a line throws away; "." for all.
func thrownAway(line *command.Line) []string {
	var files []string
	for i := range line.Programs {
		p := &line.Programs[i]
		if p.Name != "git" {
			continue
		}
		switch {
		case p.Sub == "reset" && p.HasArg("--hard"):
			files = append(files, ".")
		case p.Sub == "restore" && !p.HasArg("--staged"), p.Sub == "checkout" && p.HasArg("--"):
			for _, a := range p.Args {
				if a != p.Sub && a != "" && !strings.HasPrefix(a, "-") && a != "HEAD" {
					files = append(files, a)
				}
			}
		}
	}
	return files
}

func revertSignal(v *View, k int, file string) Signal {
	s := Signal{Kind: revertKind, Key: revertKind + "\x00" + relative(file, v.Cwd), Class: revertKind, Subject: relative(file, v.Cwd), Cost: v.costOf(k)}
	s.Barred = "what was tried and taken back tells of the change under way"
	s.Event, s.Line = asked(&v.Events[v.Results[k]])
	return s
}
