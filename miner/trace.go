package miner

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

// Trace is what a session did, as far as a Watch asks: which signals it has,
// what ran, what was opened, what people said. It is a function of the session,
// and small enough to be kept where the session itself would have to be read
// again every night. Its lists are sorted and hold nothing twice.
type Trace struct {
	Session    string             `json:"session"` // agent/id
	Digest     string             `json:"digest"`  // of the stored session it was made from
	Agent      string             `json:"agent"`
	Model      string             `json:"model,omitempty"`
	Population session.Population `json:"population"`
	Cwd        string             `json:"cwd,omitempty"`
	Start      time.Time          `json:"start,omitzero"`
	End        time.Time          `json:"end,omitzero"`
	Signals    []string           `json:"signals,omitempty"` // kind and key
	Ran        []string           `json:"ran,omitempty"`     // programs in general form and by name, tools
	Roles      []string           `json:"roles,omitempty"`   // of programs that ran
	Opened     []string           `json:"opened,omitempty"`  // paths of the project, opened or looked for
	Said       []string           `json:"said,omitempty"`    // words of each human turn after work
	Given      []Given            `json:"given,omitempty"`   // instruction texts that the transcript records
	Briefed    []string           `json:"briefed,omitempty"` // ids of learnings in what no person wrote
	Edited     bool               `json:"edited,omitempty"`
	Handed     bool               `json:"handed,omitempty"` // edits were committed, or a person looked at them
	Spoken     bool               `json:"spoken,omitempty"` // a person spoke after work
}

// Given is an instruction text that an agent was given.
type Given struct {
	Path  string   `json:"path"`
	Lines []string `json:"lines"` // marks of its rule lines, see LineMark
}

// TraceVersion is raised when the same session gives another trace.
const TraceVersion = AnnotateVersion*100 + 3

// NewTrace makes the trace of an annotated session.
func NewTrace(s *session.Session, digest string) Trace {
	v := newView(s)
	t := Trace{Session: s.Name(), Digest: digest, Agent: s.Agent, Model: s.Model, Population: s.Population, Cwd: s.Cwd, Start: s.Start, End: s.End}
	for _, d := range Detectors {
		d.Find(v, func(sig Signal) { t.Signals = append(t.Signals, sig.Kind+"\x00"+sig.Key) })
	}
	for _, in := range s.Instructions {
		g := Given{Path: in.Path}
		for _, line := range in.Lines {
			g.Lines = append(g.Lines, LineMark(line))
		}
		t.Given = append(t.Given, g)
	}
	for _, at := range v.Results {
		t.ran(v, &v.Events[at])
	}
	worked := false
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case e.Kind == session.Call:
			worked, t.Edited = true, t.Edited || v.changes(e)
		case e.Kind == session.User && e.Author == session.Human && worked:
			t.Spoken, t.Handed = true, t.Handed || t.Edited
			if len(e.Text) <= maxSpoken {
				t.Said = append(t.Said, strings.Join(contentOf(e.Text), " "))
			}
		case e.Author == session.Injected, e.Author == session.ByProgram: // as a loop's prompt
			t.Briefed = append(t.Briefed, learningIDs.FindAllString(e.Text, -1)...)
		}
	}
	t.tidy()
	return t
}

// LineMark is a short hash of a line of an instruction file, the same whatever
// list or indent it stands in.
func LineMark(line string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(strings.TrimLeft(line, " \t-*+>0123456789.)")), " ")))
	return hex.EncodeToString(sum[:4])
}

// learningIDs matches the ids that a brief gives with its learnings.
var learningIDs = lazyregexp.New(`\bl-[0-9a-f]{8}\b`)

func (t *Trace) ran(v *View, e *session.Event) {
	t.Opened = append(t.Opened, opened(v, e)...)
	if e.Action() != session.Shell {
		tool, _ := e.Subject()
		t.Ran = append(t.Ran, tool)
		for _, m := range misses(v, e) {
			t.Opened = append(t.Opened, m.path)
		}
		return
	}
	line := v.Line(e)
	for i := range line.Programs {
		p := &line.Programs[i]
		if p.Role == command.Print {
			continue
		}
		t.Ran = append(t.Ran, bare(general(p)), p.Name)
		if p.Name == "python" && p.HasArg("-m") {
			t.Ran = append(t.Ran, p.Sub)
		}
		t.Roles = append(t.Roles, string(p.Role))
		if p.Name == "git" && (p.Sub == "commit" || p.Sub == "push") && t.edits(v, e) {
			t.Handed = true
		}
	}
	if strings.Contains(e.Text, "o such file or directory") || strings.Contains(e.Text, "s a directory") {
		for _, m := range misses(v, e) {
			t.Opened = append(t.Opened, m.path)
		}
	}
}

// edits reports whether files were changed before an event.
func (t *Trace) edits(v *View, e *session.Event) bool {
	for i := range v.Events {
		if &v.Events[i] == e {
			return false
		}
		if v.changes(&v.Events[i]) {
			return true
		}
	}
	return false
}

func (t *Trace) tidy() {
	for _, list := range []*[]string{&t.Signals, &t.Ran, &t.Roles, &t.Opened, &t.Said, &t.Briefed} {
		slices.Sort(*list)
		if *list = slices.DeleteFunc(slices.Compact(*list), func(s string) bool { return s == "" }); len(*list) == 0 {
			*list = nil // as it is read back
		}
	}
}

// join adds what a session below the root one did.
func (t *Trace) join(sub *Trace) {
	t.Signals, t.Ran, t.Roles = append(t.Signals, sub.Signals...), append(t.Ran, sub.Ran...), append(t.Roles, sub.Roles...)
	t.Opened, t.Briefed = append(t.Opened, sub.Opened...), append(t.Briefed, sub.Briefed...)
	t.Edited, t.Handed = t.Edited || sub.Edited, t.Handed || sub.Handed
	if !sub.Start.IsZero() && (t.Start.IsZero() || sub.Start.Before(t.Start)) {
		t.Start = sub.Start
	}
	if sub.End.After(t.End) {
		t.End = sub.End
	}
	t.tidy()
}

// RootTraces joins the traces of sessions with those of the root sessions that
// they belong to, and returns them by time, undated ones first. root names the
// root session of a session.
func RootTraces(traces []Trace, root func(name string) string) []Trace {
	at := make(map[string]int)
	var out []Trace
	for i := range traces {
		if t := traces[i]; root(t.Session) == t.Session {
			at[t.Session] = len(out)
			t.Signals, t.Ran, t.Roles, t.Opened, t.Briefed = slices.Clone(t.Signals), slices.Clone(t.Ran), slices.Clone(t.Roles), slices.Clone(t.Opened), slices.Clone(t.Briefed)
			out = append(out, t)
		}
	}
	for i := range traces {
		if r := root(traces[i].Session); r != traces[i].Session {
			if k, ok := at[r]; ok {
				out[k].join(&traces[i])
			}
		}
	}
	slices.SortFunc(out, func(a, b Trace) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Session, b.Session)) })
	return out
}

// contentOf returns the words of a text that carry its meaning, each once.
func contentOf(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '.' && r != '/'
	})
	for i, w := range words {
		words[i] = strings.Trim(w, "-_./")
	}
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(w string) bool { return len(w) < 3 || len(w) > 40 || filler[w] })
}

// filler are words that say nothing of what is talked about.
var filler = func() map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(`the and for you that this with not but are was has have had can could would should will shall just also
		all any its it's let lets don't dont did does doesn't what why how when where which who there here then than from into onto about
		please now again still some more most other too very really only make made use used using need needs want like get got put see
		one two i'm we're you're i'd i'll we'll they them their your our out own same such been being were way thing things yes yeah okay`) {
		m[w] = true
	}
	return m
}()
