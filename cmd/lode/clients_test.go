package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"lode/ingest"
	"lode/ingest/modelserver"
	"lode/ingest/modelserver/clients"
	"lode/miner"
	"lode/session"
)

// The story that every client is led through: the model tells the steps, a
// person the two prompts, the second in a session that is resumed.
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
	prompts   = []string{"Make the tests pass, then set the port to 9090.", "No, that is wrong: use port 7070 instead."}
	workplace = map[string]string{
		"test.sh":          "[ -n \"$SHOP_ENV\" ] || { echo 'error: SHOP_ENV is not set'; exit 3; }\necho 'ok: 12 tests passed'\n",
		"src/settings.txt": "name = shop\nport = 8080\n",
		"AGENTS.md":        "- Ask before you push.\n",
		"CLAUDE.md":        "- Ask before you push.\n",
		"GEMINI.md":        "- Ask before you push.\n",
	}
)

// storyTold is what lode should read of it in every transcript: the tokens that
// ten answers cost, the rules of instruction files, and then who, what is
// done to what, what came of it, and the words of people (with what they meant)
// and models and the last line of a command's output.
const storyTold = `session of 1000 tokens in, 100 out, under ["- Ask before you push."]
user program | Make the tests pass, then set the port to 9090.
call shell sh test.sh
result failed exit 3 | error: SHOP_ENV is not set
call shell sh test.sh
result failed exit 3 | error: SHOP_ENV is not set
call shell SHOP_ENV=dev sh test.sh
result ok | ok: 12 tests passed
call read src/config.txt
result failed
call read src/settings.txt
result ok
call edit src/settings.txt
result ok
agent | The tests pass with SHOP_ENV=dev, and the port is 9090.
user program | No, that is wrong: use port 7070 instead.
call read src/settings.txt
result ok
call edit src/settings.txt
result ok
agent | The port is 7070 now.
`

// difference is where a client's transcript tells something else, and why.
type difference struct{ clients, tells, means, why string }

const (
	byCat  = "reads files in the shell"
	anyone = "does not record that the prompts came from a program"
	quoted = "puts quotes around a prompt from the command line"
)

var differences = []difference{
	{"codex", "call shell cat src/config.txt\nresult failed exit 1 | cat: src/config.txt: No such file or directory", "call read src/config.txt\nresult failed", byCat},
	{"codex", "call shell cat src/settings.txt\nresult ok | port = 8080", "call read src/settings.txt\nresult ok", byCat},
	{"codex", "call shell cat src/settings.txt\nresult ok | port = 9090", "call read src/settings.txt\nresult ok", byCat},
	{"claude@2.0.60 gemini pi qwen", "user human new-task |", "user program |", anyone},
	{"claude@2.0.60 gemini pi qwen", "user human correction |", "user program |", anyone},
	{"claude@1.0.115", "user human new-task |", "user program |", anyone}, // and no correction: its session is new
	{"claude@1.0.115", "result failed |", "result failed exit 3 |", "did not tell exit codes then"},
	{"claude@1.0.115", "session of 700 tokens in, 70 out", "session of 1000 tokens in, 100 out", "goes on in a new session"},
	{"claude@1.0.115", "session of 300 tokens in, 30 out, under []\nuser program | No,", "user program | No,", "goes on in a new session"},
	{"opencode", `| "` + prompts[0] + `"`, "| " + prompts[0], quoted},
	{"opencode", `| "` + prompts[1] + `"`, "| " + prompts[1], quoted},
	{"claude@1.0.115 claude@2.0.60 claude@2.1.197 gemini@0.33.2 opencode pi qwen", "100 out, under []", `100 out, under ["- Ask before you push."]`,
		"does not record the instructions in force"},
}

// TestClients runs the real programs of agents against a scripted model, and
// compares what lode reads in their transcripts with the one story. Those that
// are not installed are skipped; LODE_CLIENTS names those that must be there (as
// "codex,claude@2.0.60", or "all"), and has them installed.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the programs of agents")
	}
	for _, c := range clients.All() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			program := programOf(t, &c)
			if err := clients.Offline(); err != nil {
				t.Logf("only its settings keep it from the network: %v", err)
			}
			home, work := play(t, &c, program)
			told := strings.ReplaceAll(tell(t, &c, home), work+"/", "")
			for _, d := range differences {
				if who := strings.Fields(d.clients); !slices.Contains(who, c.Name) && !slices.Contains(who, c.String()) {
					continue
				}
				if !strings.Contains(told, d.tells) {
					t.Errorf("no longer %s (%q is not told)", d.why, d.tells)
				}
				told = strings.ReplaceAll(told, d.tells, d.means)
			}
			if told != storyTold {
				t.Errorf("%s", diff.Diff("story", []byte(storyTold), "told", []byte(told)))
			}
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
		t.Skipf("%s is not installed; LODE_CLIENTS=%s has the test install it from npm", c, c)
	case err != nil:
		t.Fatal(err)
	}
	return program
}

// play leads a client through the story. It returns its home folder (kept with
// go test -artifacts) and the folder it worked in.
func play(t *testing.T, c *clients.Client, program string) (home, work string) {
	t.Helper()
	h := &clients.Home{Client: c, Program: program, Dir: t.ArtifactDir(), Work: filepath.Join(t.TempDir(), "shop")}
	for name, text := range workplace {
		put(t, filepath.Join(h.Work, filepath.FromSlash(name)), text)
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
	settings, err := os.ReadFile(filepath.Join(h.Work, "src", "settings.txt"))
	if err != nil || string(settings) != "name = shop\nport = 7070\n" {
		t.Errorf("the client left src/settings.txt as %q, %v", settings, err)
	}
	return h.Dir, h.Work
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tell reads the transcripts below a home folder, and tells their story.
// Subagents are left out: some clients warm up one that does nothing.
func tell(t *testing.T, c *clients.Client, home string) string {
	t.Helper()
	state := t.TempDir()
	store := session.NewStore(filepath.Join(state, "sessions"))
	if _, err := ingest.Run(t.Context(), ingest.Options{Where: ingest.Where{Home: home}, State: state, Store: store}); err != nil {
		t.Fatal(err)
	}
	cat, err := ingest.LoadCatalog(state)
	if err != nil {
		t.Fatal(err)
	}
	for path, s := range cat.Sources {
		if len(s.Unknown) > 0 || s.BadRecords() > 0 || s.Partial || s.Agent != c.Name && len(s.Sessions) > 0 {
			t.Errorf("%s, of %s: unknown %v, bad %v, partial %v", path, s.Agent, s.Unknown, s.Report.Bad, s.Partial)
		}
	}
	infos := slices.DeleteFunc(cat.Infos(), func(info session.Info) bool { return info.Parent != "" })
	slices.SortFunc(infos, func(a, b session.Info) int { return a.Start.Compare(b.Start) })
	var b strings.Builder
	for _, info := range infos {
		if info.Model == "" || info.Version != "" && info.Version != c.Version {
			t.Errorf("%s: version %q, model %q", info.Name(), info.Version, info.Model)
		}
		s, err := store.Read(info.Agent, info.ID)
		if err != nil {
			t.Fatal(err)
		}
		s.Link()
		miner.Annotate(s)
		var rules []string
		for _, in := range s.Instructions {
			rules = append(rules, in.Lines...)
		}
		fmt.Fprintf(&b, "session of %d tokens in, %d out, under %q\n", s.Usage.Input, s.Usage.Output, rules)
		for i := range s.Events {
			tellEvent(&b, &s.Events[i])
		}
	}
	return b.String()
}

// tellEvent tells an event in a line, or not at all: what clients inject differs.
func tellEvent(b *strings.Builder, e *session.Event) {
	words := []string{string(e.Kind)}
	switch e.Kind {
	case session.User:
		words = append(words, string(e.Author))
		if e.Intent != "" {
			words = append(words, string(e.Intent))
		}
		words = append(words, "|", e.Text)
	case session.Call:
		words = append(words, string(e.Act), e.Command)
	case session.Result:
		words = append(words, string(e.Outcome))
		if e.Exit != nil && *e.Exit != 0 { // some tell it only of failures
			words = append(words, fmt.Sprint("exit ", *e.Exit))
		}
		if text := strings.TrimSpace(e.Text); e.Action() == session.Shell {
			words = append(words, "|", text[strings.LastIndexByte(text, '\n')+1:])
		}
	default:
		words = append(words, "|", e.Text)
	}
	if e.Author != session.Injected {
		fmt.Fprintln(b, strings.Join(words, " "))
	}
}
