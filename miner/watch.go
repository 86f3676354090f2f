package miner

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"lode/miner/command"
)

// Watch tells of a session whether a pattern could have come up in it, and
// whether it did: the detector of a rule, as data. It is derived from the
// signals of the pattern and asks nothing but a Trace.
type Watch struct {
	Kind  string   `json:"kind"`            // of the signals that are failures
	Keys  []string `json:"keys,omitempty"`  // of these signals
	Class string   `json:"class,omitempty"` // GuessedNames, whose keys never recur
	Terms []string `json:"terms,omitempty"` // words of a correction, where only people show the failure
	When  When     `json:"when"`            // what makes a session an opportunity
	Use   []string `json:"use,omitempty"`   // what runs or is opened by who follows the rule
}

// When is a trigger. Of Programs, Roles and Paths one must fit, if there are
// any; what is true besides must be so too. A failure is always an opportunity.
type When struct {
	Programs []string `json:"programs,omitempty"` // in general form, or by name
	Roles    []string `json:"roles,omitempty"`
	Paths    []string `json:"paths,omitempty"` // a path that ends in / stands for what is below it
	Edited   bool     `json:"edited,omitempty"`
	Handed   bool     `json:"handed,omitempty"`
	Spoken   bool     `json:"spoken,omitempty"`
	Shell    bool     `json:"shell,omitempty"`  // any command ran
	Opened   bool     `json:"opened,omitempty"` // any file was opened
}

// Sight is what a watch saw in a session.
type Sight struct {
	Opportunity bool
	Failed      bool
	Followed    bool // an opportunity without failure, in which what the rule says was done, where it says so
}

// See looks at the trace of a root session.
func (w *Watch) See(t *Trace) Sight {
	var s Sight
	s.Failed = w.failed(t)
	s.Opportunity = s.Failed || w.When.fits(t)
	s.Followed = s.Opportunity && !s.Failed && (len(w.Use) == 0 || common(w.Use, t.Ran) || common(w.Use, t.Opened))
	return s
}

func (w *Watch) failed(t *Trace) bool {
	if len(w.Terms) > 0 {
		return slices.ContainsFunc(t.Said, func(words string) bool { return w.speaks(strings.Fields(words)) })
	}
	return slices.ContainsFunc(t.Signals, func(s string) bool {
		kind, key, _ := strings.Cut(s, "\x00")
		switch {
		case kind != w.Kind:
			return false
		case w.Class == GuessedNames:
			return strings.HasPrefix(key, "path\x00") && path.Ext(key) != ""
		}
		_, ok := slices.BinarySearch(w.Keys, key)
		return ok
	})
}

// termShare is how many of a correction's terms a turn must have to be the same
// correction.
const termShare = 0.6

func (w *Watch) speaks(words []string) bool {
	n := 0
	for _, t := range w.Terms {
		if slices.Contains(words, t) {
			n++
		}
	}
	return n >= 2 && float64(n) >= termShare*float64(len(w.Terms))
}

func (w *When) fits(t *Trace) bool {
	if w.Edited && !t.Edited || w.Handed && !t.Handed || w.Spoken && !t.Spoken || w.Shell && len(t.Roles) == 0 || w.Opened && len(t.Opened) == 0 {
		return false
	}
	if len(w.Programs)+len(w.Roles)+len(w.Paths) == 0 {
		return true
	}
	return common(w.Programs, t.Ran) || common(w.Roles, t.Roles) || slices.ContainsFunc(w.Paths, func(p string) bool { return touches(t.Opened, p) })
}

// touches reports whether one of the sorted paths is p, or below it when p ends in /.
func touches(opened []string, p string) bool {
	i, found := slices.BinarySearch(opened, p)
	return found || strings.HasSuffix(p, "/") && i < len(opened) && strings.HasPrefix(opened[i], p)
}

// common reports whether one of the words stands in the sorted list.
func common(words, sorted []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		_, ok := slices.BinarySearch(sorted, w)
		return ok
	})
}

// watch derives the detector of a rule from what its pattern is made of. It is
// nil where no machine can see the pattern again.
func (g *group) watch(p *Pattern) *Watch {
	w := &Watch{Kind: p.Kind}
	var subjects []string
	for i := range g.seen {
		s := &g.seen[i].signal
		w.Keys = append(w.Keys, s.Key)
		subjects = append(subjects, bare(s.Subject))
	}
	w.Keys = few(w.Keys, maxWatched)
	subjects = few(subjects, maxWatched)
	fix := ""
	if p.Fix != nil {
		fix = bare(p.Fix.Command)
		w.Use = nonempty(fix)
	}
	switch p.Kind {
	case wrongPathKind:
		w.path(p, fix)
	case findingKind:
		w.When = When{Programs: subjects, Roles: []string{string(command.Lint)}, Edited: true}
		w.Use = nil // the formatter is not the only way
	case forgottenKind:
		w.When, w.Use = When{Edited: true, Handed: true}, subjects
	case environmentKind:
		w.When.Programs = subjects
	case misreadKind:
		w.When.Programs = []string{"rg"}
	case requestKind:
		w.When.Spoken = true
	case prematureKind:
		if w.When = (When{Edited: true, Spoken: true}); p.Class == DoneWhileRed {
			w.When = When{Edited: true, Roles: []string{string(command.Build), string(command.Lint), string(command.Test)}}
		}
	case driftKind:
		w.When = When{Edited: true, Spoken: p.Class == OutOfScope}
	case contextLossKind, revertKind:
		return nil // habits of agents, which no rule is made for
	case analystKind:
		if w.Keys, w.Terms = nil, g.terms(); len(w.Terms) < 2 {
			return nil
		}
		w.When.Spoken = true
	case refusedKind:
		w.When = When{Programs: subjects, Roles: nonempty(p.Role)}
	case shortcutKind:
		if w.When.Programs = []string{"git commit", "git push"}; p.Class == "stash" {
			w.When = When{Roles: []string{string(command.Build), string(command.Lint), string(command.Test)}}
		}
	default:
		w.command(p, subjects, fix)
	}
	if w.When.empty() {
		return nil
	}
	return w
}

// empty reports whether there is no trigger but the failure itself: then every
// opportunity fails, and nothing can be measured.
func (w *When) empty() bool {
	return len(w.Programs)+len(w.Roles)+len(w.Paths) == 0 && !w.Edited && !w.Handed && !w.Spoken && !w.Shell && !w.Opened
}

// maxWatched bounds what a watch lists of a kind: beyond, they are variants.
const maxWatched = 100

func (w *Watch) path(p *Pattern, right string) {
	switch {
	case p.Class == GuessedNames:
		w.Keys, w.Class, w.When.Opened = nil, GuessedNames, true
	case p.Class == WrongFolder:
		w.When.Programs = []string{"cd"}
	case right != "":
		w.When.Paths = nonempty(p.Entity, right)
	case path.Dir(p.Entity) != ".":
		w.When.Paths = nonempty(p.Entity, path.Dir(p.Entity)+"/")
	default:
		w.When.Opened = true
	}
}

// command is the trigger of failing commands. Where a tool is missing, whatever
// does the same job is an opportunity to take the wrong one.
func (w *Watch) command(p *Pattern, subjects []string, fix string) {
	w.When.Programs = append(subjects, nonempty(fix)...)
	if p.Fix != nil {
		w.When.Programs = append(w.When.Programs, nonempty(bare(p.Fix.InsteadOf))...)
	}
	missing := p.Class == MissingTool || p.Class == MissingModule
	switch {
	case missing && purposeful(command.Role(p.Role)) && p.Role != string(command.Script):
		w.When.Roles = nonempty(p.Role)
		w.When.Programs = append(w.When.Programs, nonempty(p.Entity)...)
	case missing:
		w.When.Programs = append(w.When.Programs, nonempty(p.Entity)...)
	case unquotedGlob(p):
		w.When, w.Use = When{Shell: true}, nil
	}
	if p.Class == UsageError && p.Fix != nil && bare(p.Fix.Command) != "" {
		w.Use = nil // what differs is a flag, which a trace does not have
	}
	slices.Sort(w.When.Programs)
	if w.When.Programs = slices.Compact(w.When.Programs); len(w.When.Programs) == 0 {
		w.When.Programs = nil // as it is read back
	}
}

// terms are the words that at least half of the turns of a pattern have, the
// most frequent first.
func (g *group) terms() []string {
	counts := make(map[string]int)
	for i := range g.seen {
		for _, word := range contentOf(g.seen[i].signal.Line) {
			counts[word]++
		}
	}
	var terms []string
	for _, word := range sortedKeys(counts) {
		if counts[word] >= 2 && 2*counts[word] >= len(g.seen) {
			terms = append(terms, word)
		}
	}
	slices.SortStableFunc(terms, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	return terms[:min(len(terms), maxTerms)]
}

const maxTerms = 6

func nonempty(words ...string) []string {
	if words = slices.DeleteFunc(words, func(w string) bool { return w == "" }); len(words) == 0 {
		return nil
	}
	return words
}

// few returns the most frequent n of the words, sorted.
func few(words []string, n int) []string {
	counts := make(map[string]int)
	for _, w := range words {
		if w != "" {
			counts[w]++
		}
	}
	out := sortedKeys(counts)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	out = out[:min(len(out), n)]
	if slices.Sort(out); len(out) == 0 {
		return nil
	}
	return out
}
