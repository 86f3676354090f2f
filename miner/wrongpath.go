package miner

import (
	"path"
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

const wrongPathKind = "wrong-path"

// wrongPath finds paths that agents keep looking for and that are not there,
// with the one they found instead.
var wrongPath = Detector{
	Name: wrongPathKind,
	Doc:  "a file or folder looked for in the wrong place, and the right place; not files the agent made itself, nor scratch folders",
	Find: findWrongPaths,
}

func findWrongPaths(v *View, emit func(Signal)) {
	var found []Signal
	for k := range v.Results {
		e := &v.Events[v.Results[k]]
		for _, miss := range misses(v, e) {
			s := Signal{Kind: wrongPathKind, Key: pathKey(miss.path), Event: e, Class: miss.class, Subject: miss.path, Entity: miss.path,
				Template: Mask(miss.line), Line: miss.line, Cost: v.costOf(k), at: k}
			switch miss.class {
			case emptySearch:
				s.Key += "/*" // never one of its own
			case WrongFolder:
				s.Key = WrongFolder // whichever it is
				found = append(found, s)
				continue
			}
			if right, ok, at := rightPath(v, k, miss.path); right != "" {
				s.Fix = &Fix{Command: right, InsteadOf: miss.path, event: ok}
				s.Cost, s.until = v.costBetween(k, at), at
			}
			found = append(found, s)
		}
	}
	v.share(found)
	for _, s := range found {
		emit(s)
	}
}

// miss is a path that was looked for in vain.
type miss struct {
	path, class, line string
}

// misses lists the paths that a call looked for in vain: the one that it failed
// for, and those that programs of a line complain of whose exit code does not
// show it.
func misses(v *View, e *session.Event) []miss {
	if folder := entered(v, e); folder != "" {
		return []miss{{folder, WrongFolder, e.Signature}}
	}
	if wrong := wrongPathOf(v, e); wrong != "" {
		return []miss{{wrong, e.Class, e.Signature}}
	}
	if folder := emptyGlob(v, e); folder != "" {
		return []miss{{folder, emptySearch, strings.TrimSpace(firstLine(e.Text))}}
	}
	if e.Action() != session.Shell || e.Outcome == session.Denied || !strings.Contains(e.Text, "o such file or directory") && !strings.Contains(e.Text, "s a directory") {
		return nil
	}
	var found []miss
	line := v.Line(e)
	for text := range strings.Lines(ends(e.Text)) {
		m := complaint.FindStringSubmatch(strings.TrimRight(text, "\r\n"))
		if m == nil || !calls(line, m[1]) {
			continue
		}
		class := NoSuchFile
		if m[3] != "" {
			class = NotAFile
		}
		_, asked := e.Subject()
		p := projectPath(v, strings.Trim(m[2], "'‘’"), asked)
		if p != "" && !slices.ContainsFunc(found, func(f miss) bool { return f.path == p }) {
			found = append(found, miss{p, class, strings.TrimSpace(text)})
		}
	}
	return found
}

// entered returns the folder that a call could not enter because an earlier
// one of the session had done so already: agents' shells keep their folder.
func entered(v *View, e *session.Event) string {
	if e.Action() != session.Shell || e.Outcome != session.Failed || e.Class != NoSuchFile {
		return ""
	}
	m := notEntered.FindStringSubmatch(e.Signature)
	if m == nil {
		return ""
	}
	folder := strings.Trim(m[1]+m[2], "'\"/")
	if folder == "" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "~") || strings.HasPrefix(m[1]+m[2], "/") {
		return ""
	}
	if strings.HasSuffix(v.Cwd, "/"+folder) {
		return folder // the session began in it
	}
	for i := range v.Events {
		before := &v.Events[i]
		if before.N >= e.N {
			return ""
		}
		if before.Kind == session.Result && before.Action() == session.Shell && before.Outcome != session.Denied && enters(v.Line(before), folder) {
			return folder
		}
	}
	return ""
}

var notEntered = lazyregexp.New(`\bcd:(?:\d+: | )(?:no such file or directory: (\S+)|([^:]+): No such file or directory)`)

// enters reports whether a line changes into a folder of that name.
func enters(line *command.Line, folder string) bool {
	for i := range line.Programs {
		if p := &line.Programs[i]; p.Name == "cd" && len(p.Args) > 0 && (p.Args[0] == folder || strings.HasSuffix(strings.TrimSuffix(p.Args[0], "/"), "/"+folder)) {
			return true
		}
	}
	return false
}

// emptySearch is the class of looks into a folder that found nothing. They count
// only where the folder is known to be missing, see foldFolders.
const emptySearch = "empty-search"

// emptyGlob returns the folder of a search for file names that found none.
func emptyGlob(v *View, e *session.Event) string {
	if a := e.Action(); a != session.List && a != session.Search || e.Outcome != session.OK || len(e.Text) > 200 || !nothing.MatchString(e.Text) {
		return ""
	}
	_, asked := e.Subject()
	star := strings.IndexAny(asked, "*?{")
	if star < 0 || strings.ContainsAny(asked, " |\\") {
		return ""
	}
	folder := path.Dir(asked[:star] + "x")
	if folder == "." {
		return ""
	}
	return projectPath(v, folder, asked)
}

var nothing = lazyregexp.New(`(?i)^\s*(?:$|no (?:files|matches|results)\b)`)

// complaint is how the usual programs speak of a path.
var complaint = lazyregexp.New(`^(?:/\S+/)?([a-z][\w-]*): (?:cannot (?:access|open|stat|read) )?(['‘]?[\w./@+-]+['’]?)(?: for reading)?: (?:No such file or directory(?: \(os error 2\))?|(Is a directory))`)

func pathKey(wrong string) string { return "path\x00" + wrong }

// wrongPathOf returns the path that a failed call looked for, relative to the
// project, when it is one that others may look for too.
func wrongPathOf(v *View, e *session.Event) string {
	if e.Outcome != session.Failed || e.Class != NoSuchFile && e.Class != NotAFile {
		return ""
	}
	p := e.Entity
	_, asked := e.Subject()
	switch {
	case e.Action() == session.Read || e.Action() == session.Edit || e.Action() == session.Write:
		p = asked
	case e.CallEvent != nil && e.Action() != session.Shell:
		asked += "\n" + e.CallEvent.Text
	}
	return projectPath(v, p, asked)
}

// projectPath writes a path that was asked for relative to the project, or
// returns "" when it is not one that others may look for too.
func projectPath(v *View, p, asked string) string {
	if rel := relative(p, v.Cwd); p == "" || !strings.Contains(asked, p) && !strings.Contains(asked, rel) {
		return "" // only the output names it
	}
	p = relative(p, v.Cwd)
	switch {
	case p == "" || len(p) > 160 || strings.ContainsAny(p, "*?$\n{}<>"):
		return ""
	case strings.HasPrefix(p, "/"), strings.HasPrefix(p, "~"), strings.HasPrefix(p, ".."), strings.Contains(p, ":"):
		return "" // outside the project
	case madeHere(v, p), !strings.ContainsAny(p, "/."):
		return ""
	}
	return strings.TrimSuffix(p, "/")
}

// madeHere reports whether the agent wrote, or removed, such a file in the session.
func madeHere(v *View, p string) bool {
	base := path.Base(p)
	for i := range v.Events {
		e := &v.Events[i]
		if e.Kind != session.Call {
			continue
		}
		switch e.Act {
		case session.Write:
			if path.Base(e.Command) == base {
				return true
			}
		case session.Shell:
			if strings.Contains(e.Command, base) && (strings.Contains(e.Command, "rm ") || strings.Contains(e.Command, "mv ") || writes(v.Line(e), base)) {
				return true
			}
		}
	}
	return false
}

// writes reports whether a line redirects its output into a file of that name.
func writes(line *command.Line, base string) bool {
	return slices.ContainsFunc(line.Written, func(file string) bool { return path.Base(file) == base })
}

// rightPath looks for the file that was opened instead soon after: one of the
// same name elsewhere, or of nearly the same name in the same folder.
func rightPath(v *View, k int, wrong string) (string, *session.Event, int) {
	for j := k + 1; j < len(v.Results) && j <= k+cureWithin; j++ {
		e := &v.Events[v.Results[j]]
		if e.Outcome != session.OK {
			continue
		}
		for _, p := range opened(v, e) {
			if p != wrong && akin(p, wrong) {
				return p, e, j
			}
		}
	}
	return "", nil, 0
}

// opened lists the project's paths that a call looked into.
func opened(v *View, e *session.Event) []string {
	var found []string
	add := func(p string) {
		p = strings.TrimSuffix(relative(p, v.Cwd), "/")
		if p != "" && !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "-") && strings.ContainsAny(p, "/.") && !strings.ContainsAny(p, "*?$ ,") && p != "." {
			found = append(found, p)
		}
	}
	switch e.Action() {
	case session.Read, session.Edit:
		_, p := e.Subject()
		add(p)
	case session.Shell:
		line := v.Line(e)
		for i := range line.Programs {
			p := &line.Programs[i]
			if p.Role == command.View || p.Role == command.List || p.Role == command.Search || p.Role == command.Test || p.Role == command.Script {
				for _, a := range operands(p) {
					add(a)
				}
			}
		}
	}
	return found
}

// akin reports whether one path can be what was meant by the other.
func akin(a, b string) bool {
	if strings.HasPrefix(a, b+"/") {
		return true // it is a folder
	}
	x, y := path.Base(a), path.Base(b)
	if strings.EqualFold(x, y) {
		return true
	}
	xs, ys := stem(x), stem(y)
	if path.Dir(a) == path.Dir(b) && (strings.EqualFold(xs, ys) || strings.Contains(xs, ys) && len(ys) > 3 || strings.Contains(ys, xs) && len(xs) > 3) {
		return true
	}
	return path.Ext(x) == path.Ext(y) && len(ys) > 4 && distance(xs, ys) <= 2
}

func stem(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// distance is the edit distance of two short strings (Levenshtein).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			next := row[j]
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j]+1, row[j-1]+1, prev+cost)
			prev = next
		}
	}
	return row[len(b)]
}
