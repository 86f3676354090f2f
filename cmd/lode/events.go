package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lode/ingest"
	"lode/miner"
	"lode/session"
)

// filters choose sessions and events; several commands share them.
type filters struct {
	agents, projects, kinds, tools []string
	failed                         bool
	since, until                   string
}

func (o *filters) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.agents, "agent", nil, "only sessions of this agent: claude, codex, …")
	f.StringSliceVar(&o.projects, "project", nil, "only sessions of this project (its whole name or its last part)")
	f.StringSliceVar(&o.kinds, "kind", nil, "only events of this kind: user, agent, call, result, note")
	f.StringSliceVar(&o.tools, "tool", nil, "only calls and results of this tool")
	f.BoolVar(&o.failed, "failed", false, "only results that failed")
	f.StringVar(&o.since, "since", "", "not older than this: 30d, 12h, 2026-05-01, all")
	f.StringVar(&o.until, "until", "", "not younger than this: 2026-05-31 (that day included)")
}

// span reads the two ends of the time filter.
func (o *filters) span(now time.Time) (since, until time.Time, err error) {
	if o.since != "" {
		if since, err = parseSince(o.since, now); err != nil {
			return since, until, usagef("--since: %w", err)
		}
	}
	if o.until != "" {
		if until, err = parseMoment(o.until); err != nil {
			return since, until, usagef("--until: %w", err)
		}
		if len(o.until) == len("2006-01-02") {
			until = until.AddDate(0, 0, 1).Add(-time.Millisecond)
		}
	}
	for _, k := range o.kinds {
		switch session.Kind(k) {
		case session.User, session.Agent, session.Call, session.Result, session.Note:
		default:
			return since, until, usagef("--kind: there is no kind %q (want user, agent, call, result or note)", k)
		}
	}
	return since, until, nil
}

// takes reports whether an event passes the filters that concern events.
func (o *filters) takes(e *session.Event) bool {
	if o.failed && e.Outcome != session.Failed {
		return false
	}
	if len(o.kinds) > 0 && !oneOf(string(e.Kind), o.kinds) {
		return false
	}
	tool, _ := e.Subject()
	return len(o.tools) == 0 || oneOf(tool, o.tools)
}

func newEventsCommand(g *globals) *cobra.Command {
	var o filters
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List normalised events, for scripts",
		Long: `events prints what lode read and made of it, an event a line: who wrote it,
which tool and command it concerns, and for results the outcome, what it rests
on, and the class and fingerprint of a failure. With --json, JSON Lines.`,
		Example: "  lode events --json --project shop --failed\n  lode events --since 7d --kind user",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runEvents(cmd.Context(), g, o) },
	}
	o.AddFlags(cmd)
	return cmd
}

func runEvents(ctx context.Context, g *globals, o filters) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	lib, err := w.library()
	if err != nil {
		return err
	}
	since, until, err := o.span(w.clock)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w.stdout, 64<<10)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return lib.each(ctx, lib.selected(&o, since, until), func(s *session.Session) error {
		for i := range s.Events {
			e := &s.Events[i]
			if !o.takes(e) || !within(e.Time, since, until) {
				continue
			}
			if err := lib.printEvent(out, enc, g.json, s, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// within reports whether a moment lies in a span; undated ones do.
func within(t, since, until time.Time) bool {
	return t.IsZero() || (since.IsZero() || !t.Before(since)) && (until.IsZero() || !t.After(until))
}

// eventView is the machine view of an event, as in the design.
type eventView struct {
	Ref         string             `json:"ref"`
	Agent       string             `json:"agent"`
	Session     string             `json:"session"`
	Root        string             `json:"root"`
	Parent      string             `json:"parent,omitempty"`
	Population  session.Population `json:"population"`
	Project     string             `json:"project"`
	Time        time.Time          `json:"time,omitzero"`
	Kind        session.Kind       `json:"kind"`
	Author      session.Author     `json:"author,omitempty"`
	Intent      session.Intent     `json:"intent,omitempty"`
	Tool        string             `json:"tool,omitempty"`
	Command     string             `json:"command,omitempty"`
	Text        string             `json:"text,omitempty"`
	Outcome     session.Outcome    `json:"outcome,omitempty"`
	Exit        *int               `json:"exit,omitempty"`
	Basis       session.Basis      `json:"basis,omitempty"`
	Class       string             `json:"class,omitempty"`
	Entity      string             `json:"entity,omitempty"`
	Fingerprint string             `json:"fingerprint,omitempty"`
	Source      session.Location   `json:"source"`
}

func (l *library) view(s *session.Session, e *session.Event) eventView {
	tool, command := e.Subject()
	_, root, _ := cutName(l.roots[s.Name()])
	return eventView{
		Ref: s.Ref(e).String(), Agent: s.Agent, Session: s.ID, Root: root, Parent: s.Parent, Population: s.Population,
		Project: l.projects.Of(&s.Header).Name, Time: e.Time, Kind: e.Kind, Author: e.Author, Intent: e.Intent,
		Tool: tool, Command: command, Text: e.Text, Outcome: e.Outcome, Exit: e.Exit, Basis: e.Basis,
		Class: e.Class, Entity: e.Entity, Fingerprint: e.Fingerprint, Source: s.Locate(e),
	}
}

func (l *library) printEvent(out io.Writer, enc *json.Encoder, asJSON bool, s *session.Session, e *session.Event) error {
	if asJSON {
		return enc.Encode(l.view(s, e))
	}
	when := "-"
	if !e.Time.IsZero() {
		when = e.Time.Format("2006-01-02T15:04:05")
	}
	what := string(e.Author)
	tool, command := e.Subject()
	if e.Kind == session.Call || e.Kind == session.Result {
		what = tool
	}
	if e.Outcome != "" {
		what += " " + string(e.Outcome)
		if e.Class != "" {
			what += " (" + e.Class + ")"
		}
	}
	text := e.Text
	if command != "" {
		text = command
	}
	_, err := fmt.Fprintf(out, "%s  %s  %s %s  %s\n", when, s.Ref(e), e.Kind, what, session.Quote(text, 100))
	return err
}

func oneOf(s string, list []string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// library is the read side of the state: the catalog, the projects, the store.
type library struct {
	w        *world
	cat      *ingest.Catalog
	infos    []session.Info
	projects *session.Projects
	roots    map[string]string
	store    *session.Store
}

// library opens the state for reading; it takes no lock.
func (w *world) library() (*library, error) {
	if err := w.checkState(); err != nil {
		return nil, err
	}
	cat, err := ingest.LoadCatalog(w.stateDir)
	if err != nil {
		return nil, err
	}
	l := &library{w: w, cat: cat, infos: cat.Infos(), store: w.store()}
	l.projects = session.NewProjects(w.cfg.Projects, w.homeDir, l.infos)
	l.roots = session.RootSessions(l.infos)
	return l, nil
}

// selected returns the sessions that pass the filters that concern sessions,
// by time.
func (l *library) selected(o *filters, since, until time.Time) []session.Info {
	var out []session.Info
	for _, info := range l.infos {
		if len(o.agents) > 0 && !oneOf(info.Agent, o.agents) || !info.InWindow(since) ||
			!until.IsZero() && info.Start.After(until) || !l.inProjects(&info.Header, o.projects) {
			continue
		}
		out = append(out, info)
	}
	session.SortInfos(out)
	return out
}

func (l *library) inProjects(h *session.Header, names []string) bool {
	if len(names) == 0 {
		return true
	}
	project := l.projects.Of(h).Name
	for _, n := range names {
		if session.SameProject(project, n) {
			return true
		}
	}
	return false
}

// load reads a session and annotates it.
func (l *library) load(info *session.Info) (*session.Session, error) {
	s, err := l.store.Read(info.Agent, info.ID)
	if err != nil {
		return nil, err
	}
	miner.Annotate(s)
	return s, nil
}

// each calls f with the sessions in order.
func (l *library) each(ctx context.Context, infos []session.Info, f func(*session.Session) error) error {
	for s, err := range loadAhead(ctx, infos, l.load) {
		if err != nil {
			return err
		}
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

func cutName(name string) (agent, id string, ok bool) {
	r, err := session.ParseRef(name)
	return r.Agent, r.Session, err == nil
}
