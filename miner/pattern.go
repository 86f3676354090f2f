package miner

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lode/miner/command"
	"lode/session"
)

// Pattern is a signal that recurs in a project. It is the machine view of
// mining, and a line of patterns.jsonl.
type Pattern struct {
	ID          string        `json:"id"`
	Kind        string        `json:"kind"`
	Title       string        `json:"title"`
	Template    string        `json:"template"`
	Rule        string        `json:"rule"`         // the wording of a rule, set by the caller, or by the analyst
	By          string        `json:"by,omitempty"` // the analyst that found it
	Project     string        `json:"project"`
	Population  string        `json:"population,omitempty"` // "benchmark" for patterns of benchmark runs
	Scope       string        `json:"scope"`                // project, global, or path: and a folder
	Agents      []string      `json:"agents"`
	Sessions    int           `json:"sessions"`     // root sessions
	SessionsAll int           `json:"sessions_all"` // subagents' included
	SessionList []SessionSeen `json:"session_list"`
	Occurrences int           `json:"occurrences"`
	Told        int           `json:"told,omitempty"`    // of them, by a person
	Retries     int           `json:"retries,omitempty"` // of them, repeats of the same call with nothing changed
	Days        int           `json:"days"`
	First       time.Time     `json:"first,omitzero"`
	Last        time.Time     `json:"last,omitzero"`
	Times       []time.Time   `json:"times,omitempty"` // of the occurrences, one a session
	Trend       string        `json:"trend,omitempty"` // rising, steady or falling, by the project's sessions
	Cost        Cost          `json:"cost"`
	Score       float64       `json:"score"`
	Crowd       float64       `json:"crowd,omitempty"` // factor of the score where many findings of a project come before, else 0
	Fix         *Fix          `json:"fix,omitempty"`
	Joined      []string      `json:"joined,omitempty"` // ids of patterns that were found to be the same
	Evidence    []Evidence    `json:"evidence"`
	Counter     Counter       `json:"counter"`
	Met         int           `json:"met"` // root sessions in which it occurred, or its command, or what works instead, ran well
	Recommended bool          `json:"recommended"`
	WhyNot      string        `json:"why_not,omitempty"`
	Watch       *Watch        `json:"watch,omitempty"` // how later sessions tell whether it came again

	// For the wording of rules.
	Class   string   `json:"class,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Entity  string   `json:"entity,omitempty"`
	Forms   []string `json:"forms,omitempty"` // entities of a pattern that gathers several, the most frequent first
	Role    string   `json:"role,omitempty"`
	Folder  string   `json:"folder,omitempty"` // below which all occurrences were, where that is no large part of the project
}

// SessionSeen is a session in which a pattern occurred.
type SessionSeen struct {
	Session string `json:"session"` // agent/id
	Root    string `json:"root"`
	Path    string `json:"path"`
}

// Evidence is one occurrence that opens: its reference, its place, and what
// stands there.
type Evidence struct {
	Ref    string           `json:"ref"`
	Source session.Location `json:"source"`
	Quote  string           `json:"quote"`
	Hash   string           `json:"hash"` // of the event's text, checked when the reference is resolved
}

// Counter is what speaks against a pattern: sessions in which the same thing
// worked.
type Counter struct {
	Sessions int      `json:"sessions"`
	Refs     []string `json:"refs,omitempty"`
}

const (
	maxEvidence = 10
	maxQuote    = 160
)

// TextHash is the hash that evidence keeps of an event's text.
func TextHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// occurrence is a signal as it is kept until all sessions are seen: without
// the session itself.
type occurrence struct {
	signal   Signal
	agent    string
	session  string
	root     string
	path     string
	time     time.Time
	n, part  int
	told     bool // by a person
	folder   string
	evidence Evidence
	fixRef   string
}

// group gathers the occurrences of one pattern.
type group struct {
	project, population, kind, key string
	seen                           []occurrence
	template                       string   // of groups that were joined
	joined                         []string // their ids
	title, rule, by                string   // of an analyst's finding
}

// first is when the group was seen first; undated occurrences come first.
func (g *group) first() time.Time {
	first := g.seen[0].time
	for i := range g.seen {
		if t := g.seen[i].time; t.Before(first) {
			first = t
		}
	}
	return first
}

// build makes the pattern of a group.
func (g *group) build(support Support, successes *successes) Pattern {
	slices.SortFunc(g.seen, func(a, b occurrence) int {
		return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.session, b.session), cmp.Compare(a.n, b.n), cmp.Compare(a.part, b.part))
	})
	typical := g.typical()
	p := Pattern{
		ID: patternID(g.project, g.population, g.key), Kind: g.kind, Project: g.project, Population: g.population, Scope: ProjectScope,
		Occurrences: len(g.seen), Template: typical.Template, Class: typical.Class, Subject: typical.Subject, Entity: typical.Entity, Role: typical.Role,
	}
	if typical.Class == Userland {
		p.Forms = g.forms()
	}
	p.Joined = g.joined
	if g.template != "" {
		p.Template = g.template
	}
	g.count(&p)
	p.Evidence = g.evidence()
	p.Fix = g.fix(p.Sessions)
	p.Counter = successes.against(&p, g.roots())
	p.Met = successes.met(&p, g.roots())
	p.Title = title(&p)
	if g.by != "" {
		p.Title, p.Rule, p.By = g.title, g.rule, g.by
	}
	p.WhyNot = whyNot(&p, support, typical.Barred, g.population != "")
	p.Recommended = p.WhyNot == ""
	p.Watch = g.watch(&p)
	return p
}

func patternID(project, population, key string) string {
	sum := sha256.Sum256([]byte(fingerprintVersion + "\x00" + project + "\x00" + population + "\x00" + key))
	return "p-" + hex.EncodeToString(sum[:5])
}

// keepID gives a pattern the id under which somebody has seen it, where that is
// the id of one that was joined into it.
func (p *Pattern) keepID(known map[string]bool) {
	if known[p.ID] {
		return
	}
	for i, id := range p.Joined {
		if known[id] {
			p.Joined = slices.Clone(p.Joined)
			p.ID, p.Joined[i] = id, p.ID
			return
		}
	}
}

// typical returns the signal whose subject is the most frequent; of equals the
// first in order of the alphabet.
func (g *group) typical() Signal {
	counts := make(map[string]int)
	for i := range g.seen {
		if s := &g.seen[i].signal; s.Role != string(command.Network) && s.Subject != "" { // a log is no check
			counts[s.Subject]++
		}
	}
	best := &g.seen[0]
	for i := range g.seen {
		a, b := g.seen[i].signal.Subject, best.signal.Subject
		if counts[a] > counts[b] || counts[a] == counts[b] && a < b {
			best = &g.seen[i]
		}
	}
	s := best.signal
	for i := range g.seen { // the wording needs the entity wherever one occurrence has it
		if s.Entity == "" && g.seen[i].signal.Subject == s.Subject {
			s.Entity = g.seen[i].signal.Entity
		}
	}
	return s
}

// forms lists the entities of a group, the most frequent first.
func (g *group) forms() []string {
	counts := make(map[string]int)
	for i := range g.seen {
		if entity := g.seen[i].signal.Entity; entity != "" {
			counts[entity]++
		}
	}
	forms := sortedKeys(counts)
	slices.SortStableFunc(forms, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	return forms
}

func (g *group) count(p *Pattern) {
	agents, sessions, roots, days := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range g.seen {
		o := &g.seen[i]
		agents[o.agent], roots[o.root] = true, true
		if !sessions[o.session] {
			sessions[o.session] = true
			p.SessionList = append(p.SessionList, SessionSeen{o.session, o.root, o.path})
			if !o.time.IsZero() {
				p.Times = append(p.Times, o.time)
			}
		}
		if !o.time.IsZero() {
			days[o.time.Format(time.DateOnly)] = true
			if p.First.IsZero() {
				p.First = o.time
			}
			p.Last = o.time
		}
		p.Cost.add(o.signal.Cost)
		if o.told {
			p.Told++
		}
	}
	p.Agents = sortedKeys(agents)
	p.Sessions, p.SessionsAll, p.Days = len(roots), len(sessions), len(days)
	slices.SortFunc(p.SessionList, func(a, b SessionSeen) int { return cmp.Compare(a.Session, b.Session) })
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (g *group) roots() map[string]bool {
	roots := make(map[string]bool)
	for i := range g.seen {
		roots[g.seen[i].root] = true
	}
	return roots
}

// evidence chooses occurrences of different root sessions, spread over time:
// the newest first, because those still matter.
func (g *group) evidence() []Evidence {
	var out []Evidence
	used := make(map[string]bool)
	for pass := 0; pass < 2 && len(out) < maxEvidence; pass++ {
		for i := len(g.seen) - 1; i >= 0 && len(out) < maxEvidence; i-- {
			o := &g.seen[i]
			if pass == 0 && used[o.root] || pass == 1 && used[o.evidence.Ref] {
				continue
			}
			used[o.root], used[o.evidence.Ref] = true, true
			out = append(out, o.evidence)
		}
	}
	return out
}

// fixShare is the least share of a pattern's sessions in which a fix must have
// worked to be called its fix.
const fixShare = 0.15

// fix returns what worked in the most sessions.
func (g *group) fix(sessions int) *Fix {
	type tally struct {
		fix   Fix
		roots map[string]bool
	}
	tallies := make(map[string]*tally)
	for i := range g.seen {
		f := g.seen[i].signal.Fix
		if f == nil {
			continue
		}
		t := tallies[f.Command]
		if t == nil {
			t = &tally{fix: *f, roots: make(map[string]bool)}
			tallies[f.Command] = t
		}
		t.fix.Example, t.fix.Ref = f.Example, g.seen[i].fixRef // the newest
		t.roots[g.seen[i].root] = true
	}
	var best *tally
	for _, command := range sortedKeys(tallies) {
		if t := tallies[command]; best == nil || len(t.roots) > len(best.roots) {
			best = t
		}
	}
	if best == nil || float64(len(best.roots)) < fixShare*float64(sessions) {
		return nil
	}
	best.fix.Sessions = len(best.roots)
	return &best.fix
}

// classTitles are those of classes that need nothing of the pattern to be told.
var classTitles = map[string]string{
	GuessedNames:     "files are opened under guessed names",
	SkippedTest:      "red tests are skipped instead of repaired",
	DroppedAssertion: "assertions of red tests are taken out",
	SilencedFinding:  "findings of checks are silenced without a reason",
	ExcusedCheck:     "checks are set up so that they may fail",
	DoneButNot:       "work is called done that does not work",
	OutOfScope:       "files are edited that a person excluded",
	Unchecked:        "long stretches of edits go unchecked",
	ReplacingSearch:  "`rg` is called with grep's `-r`, which replaces what it prints",
	Userland:         "options and tools of GNU are used where the system has BSD's",
}

func title(p *Pattern) string {
	quoted := "`" + p.Subject + "`"
	switch {
	case classTitles[p.Class] != "":
		return classTitles[p.Class]
	case p.Class == WrongFolder:
		return "`cd " + p.Subject + "` is repeated where the shell is already"
	case p.Kind == wrongPathKind && p.Class == NotAFile:
		return p.Subject + " is a folder, not a file"
	case p.Kind == wrongPathKind:
		return "there is no " + p.Subject
	case p.Kind == findingKind && p.Entity == Unformatted && p.Subject != "":
		return quoted + " finds unformatted files"
	case p.Kind == findingKind && p.Entity == Unformatted:
		return "files are left unformatted"
	case p.Kind == findingKind && p.Subject != "":
		return quoted + " keeps finding `" + p.Entity + "`"
	case p.Kind == findingKind:
		return "`" + p.Entity + "` keeps being found"
	case p.Kind == refusedKind:
		return quoted + " is refused"
	case p.Kind == shortcutKind && p.Class == "stash":
		return "`git stash` is used to see what a check says without the changes"
	case p.Class == DoneWhileRed:
		return "work is called done while " + quoted + " is red"
	case p.Kind == revertKind:
		return "changes to " + p.Subject + " are made and taken back"
	case p.Kind == contextLossKind && p.Class == "read-again":
		return "files are read again after a compaction"
	case p.Kind == contextLossKind:
		return "calls that failed before a compaction fail again after it"
	case p.Kind == shortcutKind:
		return "hooks are passed by with " + quoted
	case p.Kind == requestKind:
		return topicTitle(p.Class)
	case p.Kind == environmentKind:
		return quoted + " " + causeTitle(p.Class)
	case p.Kind == forgottenKind:
		return quoted + " is forgotten before work is handed over"
	case p.Kind == "retry-loop":
		return quoted + " is called again and again after the same failure"
	case (p.Class == MissingTool || p.Class == MissingModule) && p.Entity != "" && p.Fix != nil && strings.Contains(p.Fix.Command, "install"):
		return p.Entity + " is not installed"
	case (p.Class == MissingTool || p.Class == MissingModule) && p.Entity != "" && p.Fix != nil && strings.Contains(p.Fix.Command, p.Entity):
		return p.Entity + " is only available as `" + p.Fix.Command + "`"
	case (p.Class == MissingTool || p.Class == MissingModule) && p.Entity != "":
		return p.Entity + " is not available"
	case p.Class == MissingTool || p.Class == MissingModule:
		return quoted + ": something it needs is not available"
	case p.Class == UsageError && p.Entity != "" && strings.HasSuffix(bare(p.Subject), " "+p.Entity):
		return "there is no `" + bare(p.Subject) + "`"
	case p.Class == UsageError && p.Entity != "":
		return "`" + bare(p.Subject) + "` does not take `" + p.Entity + "`"
	case unquotedGlob(p):
		return "unquoted globs: the shell aborts with \"no matches found\""
	case p.Class == ShellSyntax && p.Entity == Backticks:
		return "backticks in double quotes: the shell runs what is meant as text"
	case p.Class == ShellSyntax:
		return quoted + " is refused by the shell"
	case p.Class == EditMismatch, p.Class == EditBeforeRead, p.Class == LimitExceeded:
		return "agent habit: " + p.Class
	}
	return quoted + " fails: " + session.Quote(p.Template, 80)
}

// unquotedGlob reports whether a pattern is that of zsh refusing a pattern that
// matches nothing. Its remedy needs no example: quotes.
func unquotedGlob(p *Pattern) bool {
	return p.Class == ShellSyntax && strings.Contains(p.Template, "no matches found")
}

// whyNot says why a pattern is not recommended, or "" when it is.
func whyNot(p *Pattern, support Support, barred string, benchmark bool) string {
	enoughDays := p.Days >= support.Days || benchmark || p.Days == 0
	least := support.Sessions + 1 // where nothing is known that worked instead
	if p.Kind == environmentKind || p.Entity == Backticks {
		least = support.Sessions
	}
	remedy := p.Fix != nil && p.Fix.Sessions >= support.Sessions
	plain := p.Sessions >= least && selfEvident(p)
	switch {
	case barred != "":
		return barred
	case p.Sessions < support.Sessions:
		return fmt.Sprintf("in %s, %d are needed", times(p.Sessions, "session"), support.Sessions)
	case p.Occurrences < support.Occurrences:
		return fmt.Sprintf("%s, %d are needed", times(p.Occurrences, "time"), support.Occurrences)
	case !enoughDays:
		return fmt.Sprintf("on %s, %d are needed", times(p.Days, "day"), support.Days)
	case p.Counter.Sessions >= p.Sessions:
		return fmt.Sprintf("the same worked in %s and failed in %d", times(p.Counter.Sessions, "session"), p.Sessions)
	case !remedy && !plain:
		return "nothing was found that works instead"
	}
	return ""
}

// times is a number with its noun.
func times(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// selfEvident reports whether lode can word a pattern without an example of
// what worked instead.
func selfEvident(p *Pattern) bool {
	switch p.Kind {
	case findingKind, forgottenKind, environmentKind, requestKind, analystKind, refusedKind, shortcutKind, misreadKind, prematureKind:
		return true
	case wrongPathKind:
		return p.Entity != ""
	}
	return unquotedGlob(p) || p.Entity == Backticks || p.Entity != "" && (p.Class == MissingTool || p.Class == UsageError)
}

// rank orders patterns: what they cost, how widely they recur, how sure the
// remedy is, how much speaks against them.
func rank(p *Pattern) float64 {
	f := factors(p)
	return math.Round(100*f.spread*f.cost*f.sure*f.doubt*f.trend) / 100
}

// uncrowd lets the findings of a project that come after many others of its
// count less: who has read several knows that the check is to be heeded, and
// other things are to be seen too; what a person had to tell stays. The patterns
// are sorted by score.
func uncrowd(patterns []Pattern) {
	seen := make(map[string]int)
	for i := range patterns {
		p := &patterns[i]
		if p.Kind != findingKind || !p.Recommended || p.Told > 0 {
			continue
		}
		k := p.Project + "\x00" + p.Population
		if seen[k]++; seen[k] > manyFindings {
			p.Crowd = math.Round(100*math.Pow(0.8, float64(seen[k]-manyFindings))) / 100
			p.Score = math.Round(100*p.Score*p.Crowd) / 100
		}
	}
}

const manyFindings = 6

// ranking is what a score is the product of.
type ranking struct {
	spread float64 // root sessions
	cost   float64 // 1 + log2 of the calls it cost a session, at most 4
	sure   float64 // how sure the remedy is, 0 to 1
	doubt  float64 // share of the sessions that do not speak against it
	trend  float64 // less than 1 where it goes by itself
}

func factors(p *Pattern) ranking {
	each := float64(p.Cost.Calls+p.Retries) / float64(max(p.Sessions, 1))
	f := ranking{spread: float64(p.Sessions), cost: math.Min(1+math.Log2(each), 4), sure: 0.3, trend: 1}
	if p.Trend == Falling {
		f.trend = 0.8
	}
	switch {
	case p.Fix != nil:
		f.sure = 0.5 + 0.5*float64(p.Fix.Sessions)/float64(p.Sessions)
	case p.Kind == requestKind, p.Kind == analystKind, p.Kind == prematureKind:
		f.sure = 0.6
	case p.Kind == findingKind && p.Told > 0:
		f.sure = 0.8 // it cost a person's time
	case p.Class == GuessedNames: // costs a call each, and is the agent's habit more than the project's
	case p.Kind == findingKind, p.Kind == wrongPathKind, p.Kind == environmentKind, p.Kind == refusedKind, p.Kind == shortcutKind:
		f.sure = 0.5 // the check, the folder, the system itself says it
	case p.Kind == forgottenKind, p.Kind == misreadKind, unquotedGlob(p):
		f.sure = 0.8 // the check is there, and so are quotes
	}
	f.doubt = float64(p.Sessions) / float64(p.Sessions+p.Counter.Sessions)
	return f
}

// successes remembers in which root sessions a command or a path worked.
type successes struct {
	roots map[string]map[string]string // project, population and subject -> root -> reference
}

func (s *successes) add(project, population, subject, root, ref string) {
	if subject == "" {
		return
	}
	if s.roots == nil {
		s.roots = make(map[string]map[string]string)
	}
	k := project + "\x00" + population + "\x00" + subject
	if s.roots[k] == nil {
		s.roots[k] = make(map[string]string)
	}
	if old, ok := s.roots[k][root]; !ok || ref < old {
		s.roots[k][root] = ref
	}
}

// against lists the root sessions in which a pattern's subject worked and the
// pattern did not occur.
func (s *successes) against(p *Pattern, failed map[string]bool) Counter {
	var c Counter
	subject := bare(p.Subject)
	switch p.Kind {
	case findingKind, forgottenKind, environmentKind, requestKind, analystKind, shortcutKind, misreadKind, prematureKind:
		return c // that it went well at another time, or elsewhere, says nothing
	}
	switch p.Class {
	case NotAFile, WrongFolder, GuessedNames, UsageError, ShellSyntax, LintFinding, APIFailure:
		return c // that the program works when called otherwise, or the folder is listed, says nothing
	case MissingTool, MissingModule:
		if otherWay := p.Fix != nil && strings.Contains(p.Fix.Command, p.Entity); !otherWay && p.Entity != "" {
			subject = toolKey(p.Entity)
		}
	}
	worked := s.roots[p.Project+"\x00"+p.Population+"\x00"+subject]
	for _, root := range sortedKeys(worked) {
		if failed[root] {
			continue
		}
		c.Sessions++
		if len(c.Refs) < 3 {
			c.Refs = append(c.Refs, worked[root])
		}
	}
	return c
}

// met counts the root sessions in which a rule about a pattern applies: those in
// which it occurred, and those in which its subject, or what works instead, did
// well without it.
func (s *successes) met(p *Pattern, failed map[string]bool) int {
	all := make(map[string]bool, len(failed))
	for root := range failed {
		all[root] = true
	}
	subjects := []string{bare(p.Subject)}
	if p.Fix != nil {
		subjects = append(subjects, bare(p.Fix.Command))
	}
	for _, subject := range subjects {
		for root := range s.roots[p.Project+"\x00"+p.Population+"\x00"+subject] {
			all[root] = true
		}
	}
	return len(all)
}

// toolKey is a tool as a subject, however it is called.
func toolKey(name string) string { return "tool " + name }

// bare is a subject without its placeholder.
func bare(subject string) string { return strings.TrimSuffix(subject, " <path>") }
