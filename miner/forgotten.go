package miner

import (
	"cmp"
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

const forgottenKind = "forgotten-check"

// forgotten finds work that was handed over without the project's check.
var forgotten = Detector{
	Name: forgottenKind,
	Doc:  "a commit of edits that were not checked and turned out red, or a person who has to report a red check; not a check that is red while work goes on",
	Find: findForgotten,
}

func findForgotten(v *View, emit func(Signal)) {
	w := watch{v: v, emit: emit, unchecked: map[command.Role]bool{}, handed: map[command.Role]bool{}}
	next := 0
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case v.changes(e):
			w.unchecked[command.Lint], w.unchecked[command.Test] = true, true
			clear(w.handed) // what is red from here on may come from this
		case e.Kind == session.Result:
			if e.Action() == session.Shell {
				w.ran(next, e)
			}
			next++
		case e.Kind == session.User && e.Author == session.Human:
			w.told(e)
		}
	}
}

// watch follows what was checked since it was edited.
type watch struct {
	v         *View
	emit      func(Signal)
	unchecked map[command.Role]bool // edited since the last check of a role
	handed    map[command.Role]bool // and committed like that
}

// ran takes note of a check or a commit.
func (w *watch) ran(k int, e *session.Event) {
	line := w.v.Line(e)
	for i := range line.Programs {
		p := &line.Programs[i]
		switch {
		case (p.Role == command.Lint || p.Role == command.Test) && !formats.MatchString(general(p)):
			if w.handed[p.Role] && e.Outcome == session.Failed && e.Class != MissingTool && e.Class != UsageError {
				s := forgottenSignal(e, p.Role, general(p))
				s.Cost = w.v.costOf(k)
				w.emit(s)
			}
			w.handed[p.Role], w.unchecked[p.Role] = false, false
		case p.Name == "git" && (p.Sub == "commit" || p.Sub == "push") && e.Outcome == session.OK:
			for _, role := range []command.Role{command.Lint, command.Test} {
				w.handed[role] = w.handed[role] || w.unchecked[role]
			}
		}
	}
}

var (
	redCheck  = lazyregexp.New(`(?i)\b(?:(lint\w*|go ?fmt|formatt\w+|type ?checks?)|(tests?))\b[^.\n?]{0,40}?\b(?:fail\w*|red|broken|breaks?|broke|errors?)\b`)
	fixCheck  = lazyregexp.New(`(?i)\b(?:failing|broken|red|fix(?: the)?) lint\w*\b`)
	namedHere = lazyregexp.New("[`\"']([a-z][\\w./-]*(?: [\\w:./=-]+){1,5})[`\"']")
)

// maxReport is the length in bytes of a turn that does nothing but report a
// red check; longer ones describe other things.
const maxReport = 300

// told reads a person's report of a red check. A command that is named in it is
// the one to run, whatever else the project has.
func (w *watch) told(e *session.Event) {
	text, _, _ := strings.Cut(strings.TrimSpace(e.Text), "\n\n")
	if len(text) > maxReport {
		return
	}
	red := redCheck.FindStringSubmatch(text)
	if red == nil && !fixCheck.MatchString(text) {
		return
	}
	role := command.Lint
	if red != nil && red[1] == "" {
		role = command.Test
	}
	if m := namedHere.FindStringSubmatch(text); m != nil {
		line := command.Parse(m[1])
		if p := line.First(command.Lint, command.Test); p != nil {
			w.emit(forgottenSignal(e, p.Role, general(p)))
			return
		}
	}
	if role == command.Test && !w.handed[role] && len(w.v.Results) > 0 && e.N > w.v.Events[w.v.Results[0]].N {
		return // tests are red while work on them goes on
	}
	w.emit(forgottenSignal(e, role, ""))
}

// forgottenSignal keys a signal by the role alone where no command is named:
// which check a project has shows only over all its sessions.
func forgottenSignal(e *session.Event, role command.Role, check string) Signal {
	key := string(role)
	if e.Kind == session.User && check != "" {
		key = check
	}
	return Signal{Kind: forgottenKind, Key: "forgotten\x00" + key, Event: e, Class: string(role) + "-forgotten", Role: string(role), Subject: check, Cost: Cost{Calls: 1}}
}

// usualChecks counts in how many root sessions of a project a check was run.
type usualChecks map[string]map[string]bool // project, population, role and command -> roots

func (u usualChecks) add(v *View, project, population, root string) {
	for _, at := range v.Results {
		e := &v.Events[at]
		if e.Action() != session.Shell || e.Class == MissingTool || e.Class == UsageError {
			continue
		}
		line := v.Line(e)
		for i := range line.Programs {
			p := &line.Programs[i]
			if p.Role != command.Lint && p.Role != command.Test || formats.MatchString(general(p)) {
				continue
			}
			if check := general(p); !strings.Contains(check, "<path>") {
				k := project + "\x00" + population + "\x00" + string(p.Role) + "\x00" + check
				if u[k] == nil {
					u[k] = make(map[string]bool)
				}
				u[k][root] = true
			}
		}
	}
}

// of returns the checks of a role that a project has, by the number of sessions
// that run them, most first.
func (u usualChecks) of(project, population, role string) []string {
	prefix := project + "\x00" + population + "\x00" + role + "\x00"
	var checks []string
	for _, k := range sortedKeys(u) {
		if check, ok := strings.CutPrefix(k, prefix); ok {
			checks = append(checks, check)
		}
	}
	slices.SortStableFunc(checks, func(a, b string) int { return cmp.Compare(len(u[prefix+b]), len(u[prefix+a])) })
	return checks
}

// nameChecks gives forgotten checks that nobody named in quotes the check that
// the person wrote of, or else the project's usual one.
func (m *mining) nameChecks() {
	for _, k := range sortedKeys(m.groups) {
		g := m.groups[k]
		role, ok := strings.CutPrefix(g.key, "forgotten\x00")
		if !ok || role != string(command.Lint) && role != string(command.Test) {
			continue
		}
		delete(m.groups, k)
		checks := m.usual.of(g.project, g.population, role)
		if len(checks) == 0 {
			continue
		}
		for _, o := range g.seen {
			o.signal.Subject = checks[0]
			for _, check := range checks {
				if strings.Contains(o.evidence.Quote, check) && len(check) > len(o.signal.Subject) {
					o.signal.Subject = check
				}
			}
			key := "forgotten\x00" + o.signal.Subject
			to := groupKey(g.project, g.population, g.kind, key)
			if m.groups[to] == nil {
				m.groups[to] = &group{project: g.project, population: g.population, kind: g.kind, key: key}
			}
			m.groups[to].seen = append(m.groups[to].seen, o)
		}
	}
}
