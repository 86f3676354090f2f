package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lode/ingest"
	"lode/ingest/modelserver"
	"lode/ingest/modelserver/clients"
	"lode/miner"
	"lode/session"
)

// The story that every client is led through. The model tells the steps, the
// person the two prompts.
var (
	story = []modelserver.Step{
		{Shell: "sh test.sh"},
		{Shell: "sh test.sh"},
		{Shell: "SHOP_ENV=dev sh test.sh"},
		{Read: "src/config.txt"},
		{Read: "src/settings.txt"},
		{Edit: &modelserver.Edit{Path: "src/settings.txt", Old: "port = 8080", New: "port = 9090"}},
		{Say: "The tests pass with SHOP_ENV=dev, and the port is 9090."},
		{Read: "src/settings.txt"},
		{Edit: &modelserver.Edit{Path: "src/settings.txt", Old: "port = 9090", New: "port = 7070"}},
		{Say: "The port is 7070 now."},
	}
	prompts = []string{"Make the tests pass, then set the port to 9090.", "No, that is wrong: use port 7070 instead."}

	workplace = map[string]string{
		"test.sh":          "[ -n \"$SHOP_ENV\" ] || { echo 'error: SHOP_ENV is not set'; exit 3; }\necho 'ok: 12 tests passed'\n",
		"src/settings.txt": "name = shop\nport = 8080\n",
	}
)

// TestClients runs the real programs of agents against a scripted model, and
// compares what lode reads of their transcripts with one story. Clients that
// are not installed are skipped; LODE_CLIENTS names those that must be there
// (codex, claude@2.0.60, all), and installs them.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the programs of agents")
	}
	for _, c := range clients.All() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			program := programOf(t, &c)
			if err := clients.Offline(); err != nil {
				t.Logf("only its settings keep %s from the network: %v", c.Name, err)
			}
			got := tell(t, play(t, &c, program))
			t.Logf("\n%s", got)
		})
	}
}

// programOf returns the client's program, and installs it where it must be there.
func programOf(t *testing.T, c *clients.Client) string {
	t.Helper()
	program, err := c.Find()
	wanted := slices.ContainsFunc(strings.Split(os.Getenv("LODE_CLIENTS"), ","), func(w string) bool {
		return w == "all" || w == c.Name || w == c.String()
	})
	if errors.Is(err, fs.ErrNotExist) && wanted {
		if err := c.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
		program, err = c.Find()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.Skipf("%s is not installed; LODE_CLIENTS=%s installs it from npm", c, c)
	case err != nil:
		t.Fatal(err)
	}
	return program
}

// play leads a client through the story, and returns its home folder.
func play(t *testing.T, c *clients.Client, program string) string {
	t.Helper()
	dir := t.TempDir()
	h := &clients.Home{Client: c, Program: program, Dir: filepath.Join(dir, "home"), Work: filepath.Join(dir, "shop")}
	for name, text := range workplace {
		put(t, filepath.Join(h.Work, name), text)
	}
	server, err := modelserver.Start(modelserver.Script{Dir: h.Work, Steps: story})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	h.URL = server.URL
	if err := h.Prepare(); err != nil {
		t.Fatal(err)
	}
	for i, prompt := range prompts {
		if out, err := h.Ask(t.Context(), prompt, i > 0); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if dump := os.Getenv("DUMP"); dump != "" {
		os.MkdirAll(dump, 0o755)
		os.CopyFS(filepath.Join(dump, c.String()), os.DirFS(h.Dir))
		for i, r := range server.Requests() {
			put(t, filepath.Join(dump, c.String(), "requests", fmt.Sprint(i, ".", r.Status, strings.ReplaceAll(r.Path, "/", "_"))), string(r.Body))
		}
	}
	if text, err := os.ReadFile(filepath.Join(h.Work, "src/settings.txt")); err != nil || string(text) != "name = shop\nport = 7070\n" {
		t.Errorf("the client did not edit: %q, %v", text, err)
	}
	return h.Dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tell reads the transcripts below a home folder, and prints their events.
func tell(t *testing.T, home string) string {
	t.Helper()
	state := t.TempDir()
	store := session.NewStore(filepath.Join(state, "sessions"))
	if _, err := ingest.Run(context.Background(), ingest.Options{Where: ingest.Where{Home: home}, State: state, Store: store}); err != nil {
		t.Fatal(err)
	}
	cat, err := ingest.LoadCatalog(state)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, info := range cat.Infos() {
		s, err := store.Read(info.Agent, info.ID)
		if err != nil {
			t.Fatal(err)
		}
		s.Link()
		miner.Annotate(s)
		h := s.Header
		fmt.Fprintf(&b, "== %s %s %s model=%s version=%s cwd=%s %+v %s\n", h.Agent, h.ID, h.Population, h.Model, h.Version, h.Cwd, h.Usage, h.Title)
		for i := range s.Events {
			e := &s.Events[i]
			exit := ""
			if e.Exit != nil {
				exit = fmt.Sprint("exit=", *e.Exit)
			}
			fmt.Fprintf(&b, "%s %s %s %s %s %s | %s | %s %s %s %s | %s\n", s.Ref(e).String()[max(0, len(s.Ref(e).String())-6):], e.Kind, e.Author, e.Act, e.Tool, e.Intent, e.Command, e.Flag, e.Outcome, exit, e.Class, session.Quote(e.Text, 200))
		}
	}
	for path, s := range cat.Sources {
		fmt.Fprintf(&b, "%s: %d records %v unknown %v bad %v partial %v %s\n", path, s.Records, s.Sessions, s.Unknown, s.Report.Bad, s.Partial, s.Skipped)
	}
	return b.String()
}
