package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"lode/cmd/lode/internal/mcp"
	"lode/index"
	"lode/session"
)

func newMCPCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "mcp",
		Short: "Serve past sessions to agents, over MCP",
		Long: `mcp is a server of the Model Context Protocol on standard input and output. An
agent that is set up with it can search past sessions, show places in them, and
ask what was learned in a project (brief) and what keeps going wrong in it
(patterns). It only reads, answers within a budget of tokens, and sees what
other runs add. It ends when the agent closes its end.`,
		Example: `  claude mcp add lode -s user -- lode mcp
  codex mcp add lode -- lode mcp`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runMCP(cmd.Context(), g) },
	}
}

func runMCP(ctx context.Context, g *globals) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if err := w.checkState(); err != nil {
		return err
	}
	now := func() time.Time { return time.Now().UTC() }
	if g.now != "" {
		fixed := w.clock
		now = func() time.Time { return fixed }
	}
	shelf := &shelf{desk: openDesk{w: w, now: now}}
	defer shelf.desk.close()
	safe := func(text string) string { return w.redactRules().Text(text, func(string) {}) }
	err = mcp.Serve(ctx, shelf, safe, version(), io.NopCloser(w.stdin), writeCloser{w.stdout})
	if ctx.Err() != nil { // it was told to stop
		return nil
	}
	return err
}

// version is that of the program, as it was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

type writeCloser struct{ io.Writer }

func (writeCloser) Close() error { return nil }

// shelf answers the tools of the MCP server, one call at a time.
type shelf struct {
	mu   sync.Mutex
	desk openDesk
}

func (s *shelf) Search(ctx context.Context, q mcp.Query) (*mcp.Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.desk.get()
	if err != nil {
		return nil, err
	}
	projects, err := s.projects(q.Project)
	if err != nil {
		return nil, err
	}
	o := searchOptions{filters: filters{projects: projects, agents: list(q.Agent), kinds: list(q.Kind), tools: list(q.Tool), failed: q.Failed, since: q.Since}, limit: q.Limit}
	var view *searchView
	if q.Error != "" {
		view, err = d.searchFailure(ctx, session.Clean(q.Error), q.Text, &o, &q.Asker)
	} else {
		view, err = d.answer(ctx, q.Text, &o, &q.Asker)
	}
	if err != nil {
		return nil, err
	}
	found := &mcp.Found{Total: index.CountHits(view.Total, view.Open), Notes: view.Notes}
	if q.Error != "" {
		found.Notes = append([]string{view.Read}, found.Notes...)
	}
	for _, f := range view.Fixes {
		found.Fixes = append(found.Fixes, fmt.Sprintf("%s (in %s, pattern %s)", f.Command, count(f.Sessions, "session"), f.Pattern))
	}
	for i := range view.Hits {
		h := &view.Hits[i]
		found.Hits = append(found.Hits, mcp.Hit{Ref: h.Ref, Title: h.Title, Project: h.Project, Time: h.Time, What: h.what(), Snippet: h.Snippet, More: h.More})
	}
	note := "index built " + age(time.Duration(view.Age)*time.Second) + " ago"
	if n := s.desk.changed(); n > 0 {
		note += fmt.Sprintf("; %s changed since and not in it", count(n, "file"))
	}
	found.Notes = append(found.Notes, note)
	return found, nil
}

func list(one string) []string {
	if one == "" {
		return nil
	}
	return strings.Split(one, ",")
}

// projects turns the argument of a tool into a filter: a name, "here" for that
// of the working folder, "all" or nothing for none.
func (s *shelf) projects(name string) ([]string, error) {
	switch name {
	case "", "all":
		return nil, nil
	case "here":
		here, err := s.desk.projectHere()
		return []string{here}, err
	}
	d := s.desk.current
	if !slices.ContainsFunc(d.infos, func(info session.Info) bool { return d.inProjects(&info.Header, []string{name}) }) {
		return nil, fmt.Errorf("no session belongs to a project %q (hint: leave the project out to look in all)", name)
	}
	return []string{name}, nil
}

func (s *shelf) Show(_ context.Context, p mcp.Place) (*mcp.Shown, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.desk.get()
	if err != nil {
		return nil, err
	}
	ref, err := session.ParseRef(p.Ref)
	if err != nil {
		return nil, err
	}
	part, err := d.place(ref, &showOptions{around: p.Around, tools: p.Tools, limit: 200, page: 1})
	if err != nil {
		return nil, err
	}
	shown := &mcp.Shown{Session: part.Name(), Title: part.Title, Project: d.projects.Of(&part.Header).Name, Total: len(part.Events), Resume: d.resume(&part.Header)}
	for _, e := range part.shown {
		text := eventText(e)
		for _, sub := range part.folded[e] {
			text += fmt.Sprintf("\nsubagent, %s: %s", count(sub.Count, "event"), sub.Name())
		}
		shown.Events = append(shown.Events, mcp.Event{Head: eventHead(part.Session, e), Text: text, At: e == part.at})
	}
	return shown, nil
}

func (s *shelf) Brief(ctx context.Context, project string, budget int) (*mcp.Brief, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if project == "here" {
		project = ""
	}
	brief, _, project, damaged := s.desk.w.brief(ctx, briefOptions{project: project, budget: budget}, dir)
	if brief.Text == "" && damaged != nil {
		return nil, damaged
	}
	return &mcp.Brief{Project: project, Text: brief.Text}, nil
}

func (s *shelf) Patterns(_ context.Context, project string) (*mcp.Patterns, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.desk.get(); err != nil {
		return nil, err
	}
	if project == "" {
		project = "here"
	}
	names, err := s.projects(project)
	if err != nil {
		return nil, err
	}
	saved, err := s.desk.saved()
	if err != nil {
		return nil, err
	}
	found := &mcp.Patterns{Project: strings.Join(names, ", ")}
	for i := range saved.Patterns {
		p := &saved.Patterns[i]
		switch {
		case len(names) > 0 && !session.SameProject(p.Project, names[0]):
		case !p.Recommended:
			found.More++
		default:
			one := mcp.Pattern{ID: p.ID, Title: p.Title, Project: p.Project, Rule: p.Rule, Sessions: p.Sessions, Times: p.Occurrences}
			if p.Fix != nil {
				one.Fix = p.Fix.Command
			}
			if len(p.Evidence) > 0 {
				one.Ref, one.Quote = p.Evidence[0].Ref, p.Evidence[0].Quote
			}
			found.Patterns = append(found.Patterns, one)
		}
	}
	return found, nil
}
