package ingest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lode/session"
)

// tb is what testing and rapid have in common.
type tb interface {
	Helper()
	Fatal(...any)
}

// world is a home with transcripts, which all lie in a root, and a state folder.
type world struct {
	home, state string
	store       *session.Store
}

func newWorld(t *testing.T) *world { return worldIn(t.TempDir()) }

func worldIn(dir string) *world {
	state := filepath.Join(dir, "state")
	return &world{home: filepath.Join(dir, "home"), state: state, store: session.NewStore(filepath.Join(state, "sessions"))}
}

// put writes a transcript; all are of the same moment.
func (w *world) put(t tb, path string, data []byte) {
	t.Helper()
	name := filepath.Join(w.home, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func (w *world) remove(path string) { os.Remove(filepath.Join(w.home, filepath.FromSlash(path))) }

func (w *world) options() Options {
	return Options{Where: Where{Home: w.home, Roots: []string{"."}}, State: w.state, Store: w.store}
}

func (w *world) run(t tb) Result {
	t.Helper()
	res, err := Run(context.Background(), w.options())
	if err != nil {
		t.Fatal("Run: ", err)
	}
	return res
}

// interrupted runs until the first file has been read.
func (w *world) interrupted(t tb) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o := w.options()
	o.Progress = func(int64, int64) { cancel() }
	if _, err := Run(ctx, o); err == nil && ctx.Err() != nil {
		t.Fatal("a cancelled run gives no error")
	}
	cancel()
}

// stored returns the files of the state, sessions as plain text.
func (w *world) stored(t tb) map[string]string {
	t.Helper()
	z, _ := zstd.NewReader(nil)
	defer z.Close()
	files := make(map[string]string)
	err := filepath.WalkDir(w.state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".zst") {
			data, err = z.DecodeAll(data, nil)
		}
		name, _ := filepath.Rel(w.state, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (w *world) catalog(t tb) *Catalog {
	t.Helper()
	cat, err := LoadCatalog(w.state)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// sessions reads back what is stored, by name.
func (w *world) sessions(t tb) (all []*session.Session) {
	t.Helper()
	for _, info := range w.catalog(t).Infos() {
		s, err := w.store.Read(info.Agent, info.ID)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// show prints the sessions with their events, and what was not read.
func (w *world) show(t tb) string {
	t.Helper()
	var b strings.Builder
	for _, s := range w.sessions(t) {
		showSession(&b, s)
	}
	cat := w.catalog(t)
	for _, path := range sortedKeys(cat.Sources) {
		s := cat.Sources[path]
		fmt.Fprintf(&b, "%s: %d records", path, s.Records)
		for _, name := range sortedKeys(s.Unknown) {
			fmt.Fprintf(&b, ", unknown %q %d", name, s.Unknown[name])
		}
		for _, mark := range []struct {
			on   bool
			text string
		}{{s.Partial, "partial"}, {s.Gone, "gone"}, {s.Skipped != "", s.Skipped}} {
			if mark.on {
				b.WriteString(", " + mark.text)
			}
		}
		b.WriteByte('\n')
		for _, bad := range s.Report.Bad {
			b.WriteString(badPlace(path, bad) + "\n")
		}
	}
	return b.String()
}

// showSession prints a session's header as name=value where there is one, its
// instruction files, and an event a line.
func showSession(b *strings.Builder, s *session.Session) {
	s.Link()
	words := []string{s.Name(), string(s.Population)}
	for _, f := range []struct {
		name  string
		value any
		none  bool
	}{
		{"parent", s.Parent, s.Parent == ""}, {"title", fmt.Sprintf("%q", s.Title), s.Title == ""}, {"model", s.Model, s.Model == ""},
		{"version", s.Version, s.Version == ""}, {"branch", s.Branch, s.Branch == ""}, {"cwd", s.Cwd, s.Cwd == ""},
		{"remote", s.Remote, s.Remote == ""}, {"instance", s.Instance, s.Instance == ""},
		{"from", s.Start.Format(time.RFC3339), s.Start.IsZero()}, {"to", s.End.Format(time.RFC3339), s.End.IsZero()},
		{"use", fmt.Sprintf("%+v", s.Usage), s.Usage == session.Usage{}}, {"unit", s.Sources[0].Unit, s.Sources[0].Unit == ""},
	} {
		if !f.none {
			words = append(words, fmt.Sprint(f.name, "=", f.value))
		}
	}
	fmt.Fprintln(b, strings.Join(words, " "))
	for _, in := range s.Instructions {
		fmt.Fprintf(b, "  rules of %s: %q\n", in.Path, in.Lines)
	}
	for i := range s.Events {
		fmt.Fprintln(b, "  "+showEvent(s, &s.Events[i]))
	}
}

// showEvent prints: place, line of the text, time, kind, author, act, tool, command, folder, flag,
// exit code, the call of a result (-> none counts as unpaired), tokens, copies, text.
func showEvent(s *session.Session, e *session.Event) string {
	words := []string{stand(s, e)}
	if e.Line > 0 {
		words = append(words, fmt.Sprint("line=", e.Line))
	}
	if !e.Time.IsZero() {
		words = append(words, e.Time.Format("15:04:05"))
	}
	words = append(words, string(e.Kind), string(e.Author), string(e.Act), e.Tool)
	if e.Command != "" {
		words = append(words, "`"+session.Quote(e.Command, 70)+"`")
	}
	if e.Dir != "" {
		words = append(words, "in "+e.Dir)
	}
	words = append(words, string(e.Flag))
	if e.Exit != nil {
		words = append(words, fmt.Sprint("exit=", *e.Exit))
	}
	if e.Kind == session.Result && e.CallEvent == nil {
		words = append(words, "-> none")
	} else if e.Kind == session.Result {
		words = append(words, "-> "+stand(s, e.CallEvent))
	}
	if e.Kind == session.Call && e.Of != "" {
		words = append(words, "of "+e.Of)
	}
	if e.Tokens > 0 {
		words = append(words, fmt.Sprint("tokens=", e.Tokens))
	}
	for _, c := range e.Copies {
		words = append(words, fmt.Sprintf("= %s:%d", s.Sources[c.Src].Path, c.N))
	}
	if e.Text != "" {
		words = append(words, "| "+session.Quote(e.Text, 90))
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// stand prints where an event stands: its reference within the session, or the
// file and line when the file is not the session's first.
func stand(s *session.Session, e *session.Event) string {
	if e.Src > 0 {
		return fmt.Sprintf("%s:%d", s.Sources[e.Src].Path, e.N)
	}
	_, at, _ := strings.Cut(s.Ref(e).String(), "#")
	return "#" + at
}
