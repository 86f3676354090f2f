package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lode/ingest"
	"lode/session"
)

type showOptions struct {
	around      int
	whole       bool
	raw         bool
	tools       string
	limit, page int
}

func (o *showOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.around, "around", 3, "events to show before and after")
	f.BoolVar(&o.whole, "whole", false, "show texts whole instead of their beginning")
	f.BoolVar(&o.raw, "raw", false, "print the lines of the agent's own file instead, with secrets replaced")
	f.StringVar(&o.tools, "tools", "", "what tools were told and returned: full (uncut), only (nothing else), none")
	f.Lookup("tools").NoOptDefVal = "full"
	f.IntVar(&o.limit, "limit", 200, "events to a page, where a whole session is shown")
	f.IntVar(&o.page, "page", 1, "which page of the session")
}

func newShowCommand(g *globals) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show REF",
		Short: "Read the place that a reference names",
		Long: `show prints an event with what came before and after it. A reference is what
search, mine and the report print: agent/session#n. Without #n, the whole
session is listed. The beginning of a session's id is enough. What subagents did
is folded into a line each. It ends with the command that resumes the session in
its agent.

At a terminal, what is longer than the screen goes through $PAGER, else less.`,
		Example: `  lode show claude/3f2a9c1e-77b0-4c2e-9d57-0a4c8e0b1f11#118
  lode show codex/019a2b --tools=none      # what was said, without the work
  lode show claude/3f2a9c1e#118 --raw | jq .`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.raw && !cmd.Flags().Changed("around") {
				o.around = 0
			}
			return runShow(cmd.Context(), g, o, args[0])
		},
	}
	o.AddFlags(cmd)
	return cmd
}

// check refuses what cannot be meant.
func (o *showOptions) check() error {
	switch o.tools {
	case "", "full", "only", "none":
	default:
		return usagef("--tools: there is no %q (want full, only or none)", o.tools)
	}
	if o.around < 0 || o.limit < 1 || o.page < 1 {
		return usagef("--around, --limit and --page count from 0, 1 and 1")
	}
	return nil
}

// showView is the machine view of a place.
type showView struct {
	V         int         `json:"v"`
	Mark      string      `json:"mark"` // tells an echo of this in a transcript
	Session   string      `json:"session"`
	Title     string      `json:"title"`
	Project   string      `json:"project"`
	Parent    string      `json:"parent,omitempty"`
	Total     int         `json:"total"` // events of the session
	Events    []eventView `json:"events"`
	Raw       []string    `json:"raw,omitempty"` // lines of the agent's own file, where they are asked for
	Subagents []string    `json:"subagents,omitempty"`
	Resume    string      `json:"resume"`
}

func runShow(_ context.Context, g *globals, o showOptions, text string) error {
	if err := o.check(); err != nil {
		return err
	}
	w, err := g.world()
	if err != nil {
		return err
	}
	ref, err := session.ParseRef(text)
	if err != nil {
		return usageError{err}
	}
	lib, err := w.library()
	if err != nil {
		return err
	}
	p, err := lib.place(ref, &o)
	if err != nil {
		return err
	}
	var raw []string
	if o.raw {
		if raw, err = lib.raw(p); err != nil {
			return err
		}
	}
	out := w.screen()
	switch {
	case g.json:
		return printJSON(w.stdout, lib.showView(p, raw))
	case o.raw:
		for _, line := range raw {
			fmt.Fprintln(out, line)
		}
	default:
		lib.printPlace(out, p, &o)
	}
	return out.flush()
}

// place is a part of a session that is shown.
type place struct {
	*session.Session
	shown  []*session.Event
	at     *session.Event // the one that was asked for, or nil
	within string         // which part it is, where it is not all
	folded map[*session.Event][]session.Info
}

// place finds what a reference names, and what is to be shown around it.
func (l *library) place(ref session.Ref, o *showOptions) (*place, error) {
	info, err := l.find(ref)
	if err != nil {
		return nil, err
	}
	s, err := l.load(info)
	if err != nil {
		return nil, err
	}
	p := &place{Session: s}
	from, to, at, err := window(s, ref, o.around)
	if err != nil {
		return nil, err
	}
	if at >= 0 {
		p.at = &s.Events[at]
	}
	for i := from; i < to; i++ {
		e := &s.Events[i]
		tool := e.Kind == session.Call || e.Kind == session.Result
		if e == p.at || !(o.tools == "none" && tool) && !(o.tools == "only" && !tool) {
			p.shown = append(p.shown, e)
		}
	}
	if p.at == nil {
		pages := max(1, (len(p.shown)+o.limit-1)/o.limit)
		if o.page > pages {
			return nil, usagef("--page: there are %d (hint: --limit says how many events a page has)", pages)
		}
		if pages > 1 {
			p.within = fmt.Sprintf("page %d of %d (hint: --page)", o.page, pages)
		}
		p.shown = p.shown[(o.page-1)*o.limit : min(o.page*o.limit, len(p.shown))]
	} else if len(p.shown) < len(s.Events) {
		p.within = fmt.Sprintf("%d of %d events shown (hint: --around 10 for more, --whole for uncut texts)", len(p.shown), len(s.Events))
	}
	p.fold(l.subagents(s))
	return p, nil
}

// subagents returns the sessions that a session started, by time.
func (l *library) subagents(s *session.Session) []session.Info {
	var out []session.Info
	for _, info := range l.infos {
		if info.Agent == s.Agent && info.Parent == s.ID {
			out = append(out, info)
		}
	}
	slices.SortStableFunc(out, func(a, b session.Info) int { return a.Start.Compare(b.Start) })
	return out
}

// fold puts each subagent under the call that started it: the last one before
// its first event. Those that began elsewhere stand at the end of what is shown,
// if all of the session is.
func (p *place) fold(subagents []session.Info) {
	p.folded = make(map[*session.Event][]session.Info)
	shown := make(map[*session.Event]bool)
	for _, e := range p.shown {
		shown[e] = true
	}
	for _, sub := range subagents {
		var call *session.Event
		for i := range p.Events {
			if e := &p.Events[i]; e.Kind == session.Call && e.Act == session.Task && !sub.Start.IsZero() && !e.Time.After(sub.Start) {
				call = e
			}
		}
		if shown[call] || call == nil && p.within == "" {
			p.folded[call] = append(p.folded[call], sub)
		}
	}
}

// raw returns the lines of the agent's own file that the shown events come from.
func (l *library) raw(p *place) ([]string, error) {
	var lines []string
	seen := make(map[string]bool)
	for _, e := range p.shown {
		loc := p.Locate(e)
		file := l.w.sourceFile(loc.Path)
		if loc.Index != nil {
			return nil, fmt.Errorf("%s is no file of lines: %s cannot be cut out of it (hint: leave --raw out, or open the file)", file, p.Ref(e))
		}
		if seen[placeText(loc)] {
			continue
		}
		seen[placeText(loc)] = true
		line, err := ingest.RawLine(file, *loc.Line, l.w.redactRules())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s is gone; lode still has the session (hint: leave --raw out)", file)
		case err != nil:
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// sourceFile is where a source of the catalog lies.
func (w *world) sourceFile(path string) string {
	if path = filepath.FromSlash(path); filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(w.homeDir, path)
}

func (l *library) showView(p *place, raw []string) showView {
	v := showView{V: 1, Mark: session.EchoMark, Session: p.Name(), Title: p.Title, Project: l.projects.Of(&p.Header).Name, Total: len(p.Events),
		Events: []eventView{}, Raw: raw, Resume: l.resume(&p.Header)}
	if p.Parent != "" {
		v.Parent = p.Agent + "/" + p.Parent
	}
	for _, e := range p.shown {
		v.Events = append(v.Events, l.view(p.Session, e))
	}
	for _, sub := range l.subagents(p.Session) {
		v.Subagents = append(v.Subagents, sub.Name())
	}
	return v
}

// find returns the session that a reference names, its id given whole or by
// its beginning. A beginning shared with nothing but the session's own
// subagents names the session.
func (l *library) find(ref session.Ref) (*session.Info, error) {
	if info, ok := l.cat.Sessions[ref.Agent+"/"+ref.Session]; ok {
		return &info, nil
	}
	var found []session.Info
	for _, info := range l.infos {
		if info.Agent == ref.Agent && strings.HasPrefix(info.ID, ref.Session) {
			found = append(found, info)
		}
	}
	if root := slices.IndexFunc(found, func(a session.Info) bool {
		return !slices.ContainsFunc(found, func(b session.Info) bool { return !strings.HasPrefix(b.ID, a.ID) })
	}); root >= 0 {
		return &found[root], nil
	}
	if len(found) > 0 {
		return nil, usagef("%s/%s names %d sessions, %s and others (hint: give more of the id)", ref.Agent, ref.Session, len(found), found[0].Name())
	}
	return nil, fmt.Errorf("there is no session %s/%s (hint: lode status shows what was read)", ref.Agent, ref.Session)
}

// window returns which events to show: all of a session, or those around one.
func window(s *session.Session, ref session.Ref, around int) (from, to, at int, err error) {
	if ref.N < 0 {
		return 0, len(s.Events), -1, nil
	}
	for i := range s.Events {
		if s.Events[i].N == ref.N && s.Events[i].Part == ref.Part {
			return max(0, i-around), min(len(s.Events), i+around+1), i, nil
		}
	}
	return 0, 0, 0, fmt.Errorf("session %s has no event %s (hint: lode show %s lists them)", s.Name(), ref, s.Name())
}

const shownLines = 12 // of a text, unless it is wanted whole

func (l *library) printPlace(out *screen, p *place, o *showOptions) {
	l.w.markEcho(out)
	out.para("", out.style(bold, p.Title))
	about := []string{p.Name(), l.projects.Of(&p.Header).Name}
	for _, field := range []string{p.Model, p.Branch, p.Cwd} {
		if field != "" {
			about = append(about, field)
		}
	}
	out.para("", strings.Join(about, " · "))
	if p.Parent != "" {
		out.para("", "a subagent of "+p.Agent+"/"+p.Parent)
	}
	if len(p.Sources) > 0 {
		loc := session.Location{Path: p.Sources[0].Path}
		if first := cmp.Or(p.at, firstOf(p.shown)); first != nil {
			loc = p.Locate(first)
		}
		out.line("in " + out.link(l.w.sourceFile(loc.Path), placeText(loc)))
	}
	for _, e := range p.shown {
		mark := "  "
		if e == p.at {
			mark = "> "
		}
		out.WriteString("\n")
		out.line(mark + out.style(bold, eventHead(p.Session, e)))
		tool := e.Kind == session.Call || e.Kind == session.Result
		out.text(eventText(e), o.whole || e == p.at || tool && o.tools == "full")
		l.printFolded(out, p.folded[e])
	}
	if others := p.folded[nil]; len(others) > 0 {
		out.WriteString("\n")
		l.printFolded(out, others)
	}
	if p.within != "" {
		out.para("", "\n"+p.within)
	}
	if cmd := l.resume(&p.Header); cmd != "" {
		fmt.Fprintf(out, "\nresume: %s\n", cmd) // not wrapped: it is there to be copied
	}
}

func firstOf(events []*session.Event) *session.Event {
	if len(events) == 0 {
		return nil
	}
	return events[0]
}

func placeText(loc session.Location) string {
	if loc.Line == nil {
		return loc.Path
	}
	return fmt.Sprintf("%s:%d", loc.Path, *loc.Line)
}

// printFolded prints a line for each subagent.
func (l *library) printFolded(out *screen, subagents []session.Info) {
	for _, sub := range subagents {
		out.line(fmt.Sprintf("    ▸ subagent, %s: %s", count(sub.Count, "event"), session.Quote(sub.Title, 60)))
		out.line("      " + out.style(dim, "lode show "+sub.Name()))
	}
}

func eventHead(s *session.Session, e *session.Event) string {
	ref := s.Ref(e).String()
	_, place, _ := strings.Cut(ref, "#")
	parts := []string{"#" + place, string(e.Kind)}
	if e.Kind == session.User || e.Kind == session.Note {
		parts = append(parts, string(e.Author), string(e.Act))
	}
	tool, _ := e.Subject()
	if e.Kind == session.Call || e.Kind == session.Result {
		parts = append(parts, tool)
	}
	if e.Outcome != "" {
		parts = append(parts, string(e.Outcome)+" ("+string(e.Basis)+")", e.Class)
	}
	if e.Intent != "" {
		parts = append(parts, string(e.Intent))
	}
	if !e.Time.IsZero() {
		parts = append(parts, e.Time.Format("2006-01-02 15:04:05"))
	}
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// eventText is what an event says; of a call, also what it was asked to do.
func eventText(e *session.Event) string {
	if e.Kind == session.Call && e.Command != "" {
		return strings.TrimSpace(e.Command + "\n" + e.Text)
	}
	return e.Text
}

// text prints what an event says, or its first lines.
func (s *screen) text(text string, whole bool) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	cut := 0
	if !whole && len(lines) > shownLines {
		cut = len(lines) - shownLines
		lines = lines[:shownLines]
	}
	for _, line := range lines {
		s.para("    ", line)
	}
	if cut > 0 {
		s.line(fmt.Sprintf("    … %s more", count(cut, "line")))
	}
}
