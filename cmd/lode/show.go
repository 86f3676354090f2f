package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lode/session"
)

type showOptions struct {
	around int
	whole  bool
}

func (o *showOptions) AddFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.around, "around", 3, "events to show before and after")
	cmd.Flags().BoolVar(&o.whole, "whole", false, "show texts whole instead of their beginning")
}

func newShowCommand(g *globals) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show REF",
		Short: "Read the place that a reference names",
		Long: `show prints an event with what came before and after it. A reference is what
search, mine and the report print: agent/session#n. Without #n, the whole
session is listed. The beginning of a session's id is enough.
It ends with the command that resumes the session in its agent.`,
		Example: "  lode show claude/3f2a9c1e-77b0-4c2e-9d57-0a4c8e0b1f11#118\n  lode show codex/019a2b --json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runShow(cmd.Context(), g, o, args[0]) },
	}
	o.AddFlags(cmd)
	return cmd
}

func runShow(_ context.Context, g *globals, o showOptions, text string) error {
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
	info, err := lib.find(ref)
	if err != nil {
		return err
	}
	s, err := lib.load(info)
	if err != nil {
		return err
	}
	from, to, at, err := window(s, ref, o.around)
	if err != nil {
		return err
	}
	if g.json {
		events := []eventView{}
		for i := from; i < to; i++ {
			events = append(events, lib.view(s, &s.Events[i]))
		}
		return printJSON(w.stdout, struct {
			V      int         `json:"v"`
			Mark   string      `json:"mark"`
			Events []eventView `json:"events"`
			Resume string      `json:"resume"`
		}{1, session.EchoMark, events, resume(&s.Header)})
	}
	lib.printSession(s, from, to, at, o.whole)
	return nil
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

func (l *library) printSession(s *session.Session, from, to, at int, whole bool) {
	out := l.w.stdout
	bold, plain := "", ""
	if f, ok := out.(*os.File); ok && isTerminal(f) && l.w.getenv("NO_COLOR") == "" {
		bold, plain = "\x1b[1m", "\x1b[0m"
	}
	l.w.markEcho()
	fmt.Fprintf(out, "%s%s%s\n%s · %s", bold, s.Title, plain, s.Name(), l.projects.Of(&s.Header).Name)
	for _, field := range []string{s.Model, s.Branch, s.Cwd} {
		if field != "" {
			fmt.Fprintf(out, " · %s", field)
		}
	}
	fmt.Fprintln(out)
	for i := from; i < to; i++ {
		e := &s.Events[i]
		mark := " "
		if i == at {
			mark = ">"
		}
		fmt.Fprintf(out, "\n%s %s%s%s\n", mark, bold, eventHead(s, e), plain)
		printText(out, eventText(e), whole || i == at)
	}
	if from > 0 || to < len(s.Events) {
		fmt.Fprintf(out, "\n%d of %d events shown (hint: --around %d for more, --whole for uncut texts)\n", to-from, len(s.Events), 10)
	}
	if cmd := resume(&s.Header); cmd != "" {
		fmt.Fprintf(out, "\nresume: %s\n", cmd)
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

func printText(out interface{ Write([]byte) (int, error) }, text string, whole bool) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	cut := 0
	if !whole && len(lines) > shownLines {
		cut = len(lines) - shownLines
		lines = lines[:shownLines]
	}
	for _, line := range lines {
		fmt.Fprintf(out, "    %s\n", line)
	}
	if cut > 0 {
		fmt.Fprintf(out, "    … %s more\n", count(cut, "line"))
	}
}

// resume returns the command that takes a session up again in its agent, or ""
// where that cannot be done.
func resume(h *session.Header) string {
	id := h.ID
	if h.Parent != "" {
		id = h.Parent
	}
	var cmd string
	switch h.Agent {
	case "claude":
		cmd = "claude --resume " + id
	case "codex":
		cmd = "codex resume " + id
	default:
		return ""
	}
	if h.Cwd == "" {
		return cmd
	}
	return "cd " + shellQuote(filepath.FromSlash(h.Cwd)) + " && " + cmd
}

func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
