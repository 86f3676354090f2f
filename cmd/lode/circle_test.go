package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lode/ingest/modelserver"
	"lode/ingest/modelserver/clients"
)

// The story of the circle: a command fails, twice, until the right one is found.
var failing = []modelserver.Step{
	{Shell: "sh lint.sh --fast src"},
	{Shell: "sh lint.sh --fast src"},
	{Shell: "sh lint.sh --quick src"},
	{Say: "The linter is content."},
}

var lintShop = map[string]string{
	"lint.sh":   "case \"$1\" in --fast) echo \"Error: unknown flag: $1\" >&2; exit 2;; esac\necho '0 issues.'\n",
	"src/a.txt": "a\n",
	"AGENTS.md": "# Shop\n\n- Ask before you push.\n",
	"CLAUDE.md": "# Shop\n\n- Ask before you push.\n",
	"GEMINI.md": "# Shop\n\n- Ask before you push.\n",
}

// around are the clients that are led around.
var around = []string{"claude@2.1.328", "claude@2.1.197", "codex@0.169.0", "gemini@0.61.0"}

// circle is a client, its folders, and lode as a program of its own.
type circle struct {
	*testing.T
	home   *clients.Home
	lode   string
	state  string
	server *modelserver.Server
	asked  int // scripts so far
}

// TestCircle leads real agents around: they fail, a night proposes a rule, it is
// accepted, and the same agent's model is told it, once; or it is told by the
// brief that lode install has it load. Taking all back leaves the folders as they
// were. The agents are those of TestClients.
func TestCircle(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the programs of agents")
	}
	for _, c := range clients.All() {
		if !slices.Contains(around, c.String()) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			program := programOf(t, &c)
			if err := clients.Offline(); err != nil {
				t.Logf("only its settings keep it from the network: %v", err)
			}
			o := newCircle(t, &c, program)
			for range 3 {
				o.ask(failing)
			}
			o.run("nightly", "--since", "all", "--quiet")
			id, rule := o.proposal()
			o.bySessionStart(id, rule)
			o.byRule(id, rule)
		})
	}
}

func newCircle(t *testing.T, c *clients.Client, program string) *circle {
	t.Helper()
	o := &circle{T: t, lode: filepath.Join(t.TempDir(), "lode"), state: filepath.Join(t.TempDir(), "state")}
	if out, err := exec.Command("go", "build", "-o", o.lode, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o.home = &clients.Home{Client: c, Program: program, Dir: t.ArtifactDir(), Work: filepath.Join(t.TempDir(), "shop")}
	for name, text := range lintShop {
		put(t, filepath.Join(o.home.Work, filepath.FromSlash(name)), text)
	}
	if out, err := exec.Command("git", "init", "-q", o.home.Work).CombinedOutput(); err != nil { // lode knows a checkout by it
		t.Skipf("no git: %v %s", err, out)
	}
	put(t, filepath.Join(filepath.Dir(o.lode), "lode.yaml"), "support: {occurrences: 3, sessions: 2, days: 1}\n")
	return o
}

// ask runs the client in a new session through a script, and returns what its
// model was asked.
func (o *circle) ask(steps []modelserver.Step) []modelserver.Request {
	o.Helper()
	o.serve(steps)
	defer o.server.Close()
	if out, err := o.home.Ask(o.Context(), "Lint the sources.", false); err != nil {
		o.Fatalf("%v\n%s", err, out)
	}
	return o.server.Requests()
}

// serve starts a server for a script, and points the client to it.
func (o *circle) serve(steps []modelserver.Step) {
	o.Helper()
	o.asked++
	var err error
	if o.server, err = modelserver.Start(modelserver.Script{Dir: o.home.Work, Name: fmt.Sprint(o.asked, "x"), Steps: steps}); err != nil {
		o.Fatal(err)
	}
	o.home.URL = o.server.URL
	if err := o.home.Prepare(); err != nil {
		o.Fatal(err)
	}
}

// run runs lode on the client's home folder.
func (o *circle) run(args ...string) string {
	o.Helper()
	args = append([]string{"--home", o.home.Dir, "--state", o.state, "--config", filepath.Join(filepath.Dir(o.lode), "lode.yaml")}, args...)
	cmd := exec.Command(o.lode, args...)
	cmd.Dir = o.home.Work
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		o.Fatalf("lode %s: %v\n%s%s", strings.Join(args, " "), err, out, problem.String())
	}
	return string(out)
}

// proposal returns the one proposal about the flag.
func (o *circle) proposal() (id, rule string) {
	o.Helper()
	var list struct {
		Proposals []struct{ ID, Rule string }
	}
	text := o.run("review", "list", "--json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		o.Fatal(err)
	}
	for _, p := range list.Proposals {
		if strings.Contains(p.Rule, "--fast") {
			return p.ID, p.Rule
		}
	}
	o.Fatalf("no proposal is about the flag:\n%s\n%s", text, o.run("mine", "--json", "--since", "all"))
	return "", ""
}

// byRule accepts the proposal, and has the client's model told by its
// instruction file.
func (o *circle) byRule(id, rule string) {
	o.Helper()
	before := tree(o.home.Work, []string{".git"})
	o.run("review", "accept", id)
	o.told("accepted", rule, o.ask(failing[2:]))
	o.run("review", "undo", id)
	if diff := cmp.Diff(before, tree(o.home.Work, []string{".git"})); diff != "" {
		o.Errorf("undone, the project differs (-before +after):\n%s", diff)
	}
	o.untold("undone", rule, o.ask(failing[2:]))
}

// bySessionStart keeps the rule out of the project, and has the client load it
// as a brief.
func (o *circle) bySessionStart(id, rule string) {
	o.Helper()
	accepted := o.state
	o.state = filepath.Join(o.TempDir(), "state") // what is accepted here stays open there
	if err := os.CopyFS(o.state, os.DirFS(accepted)); err != nil {
		o.Fatal(err)
	}
	defer func() { o.state = accepted }()
	work := tree(o.home.Work, []string{".git"})
	o.run("review", "accept", id, "--as-patch", filepath.Join(o.TempDir(), "rule.patch"))

	before := tree(o.home.Dir, nil)
	o.run("install", "--yes")
	if cmp.Equal(before, tree(o.home.Dir, nil)) {
		o.Error("install changed nothing")
	}
	o.run("uninstall", "--yes")
	if diff := cmp.Diff(before, tree(o.home.Dir, nil)); diff != "" {
		o.Errorf("uninstalled, the home folder differs (-before +after):\n%s", diff)
	}

	steps := failing[2:]
	if o.home.Client.Name == "codex" { // it is told to ask for the brief, and does
		steps = slices.Concat([]modelserver.Step{{Shell: o.lode + " --state " + o.state + " brief"}}, steps)
	}
	o.serve(steps)
	defer o.server.Close()
	settings := o.installed()
	o.run("install", "--yes")
	if out, err := o.home.Ask(o.Context(), "Lint the sources.", false); err != nil {
		o.Fatalf("%v\n%s", err, out)
	}
	o.told("briefed", rule, o.server.Requests())
	o.offered(o.server.Requests())
	o.run("uninstall", "--yes")
	if diff := cmp.Diff(settings, o.installed()); diff != "" {
		o.Errorf("uninstalled, the settings differ (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(work, tree(o.home.Work, []string{".git"})); diff != "" {
		o.Errorf("the project differs (-before +after):\n%s", diff)
	}
}

// installed is the text of the files that install changes; of those that agents
// write themselves, what they say where lode puts something in.
func (o *circle) installed() map[string]string {
	files := make(map[string]string)
	for _, name := range []string{".claude/settings.json", ".codex/AGENTS.md", ".codex/config.toml", ".gemini/settings.json", ".claude.json"} {
		text, err := os.ReadFile(filepath.Join(o.home.Dir, filepath.FromSlash(name)))
		if err != nil {
			continue
		}
		files[name] = string(text)
		if name == ".claude.json" || name == ".gemini/settings.json" {
			var doc map[string]any
			if err := json.Unmarshal(text, &doc); err != nil {
				o.Fatal(err)
			}
			files[name] = fmt.Sprint(doc["mcpServers"], doc["hooks"])
		}
	}
	return files
}

// told checks that the model was told a rule, and in no request more than once.
func (o *circle) told(when, rule string, requests []modelserver.Request) {
	o.Helper()
	most := 0
	for _, r := range requests {
		n := occurrences(r.Body, rule)
		if n > 1 {
			o.Errorf("%s: a request tells the rule %d times:\n%s", when, n, r.Body)
		}
		most = max(most, n)
	}
	if most == 0 {
		o.Errorf("%s: the model was not told %q in %d requests", when, rule, len(requests))
	}
}

func (o *circle) untold(when, rule string, requests []modelserver.Request) {
	o.Helper()
	for _, r := range requests {
		if occurrences(r.Body, rule) > 0 {
			o.Errorf("%s: the model is still told %q", when, rule)
		}
	}
}

// offered checks that the model can search past sessions.
func (o *circle) offered(requests []modelserver.Request) {
	o.Helper()
	if !slices.ContainsFunc(requests, func(r modelserver.Request) bool {
		return strings.Contains(string(r.Body), "mcp__lode") || strings.Contains(string(r.Body), "mcp_lode")
	}) {
		o.Error("the model is offered no tools of lode")
	}
}

// occurrences counts a text in the strings of a JSON document.
func occurrences(doc []byte, text string) int {
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return 0
	}
	n := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			n += strings.Count(v, text)
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	return n
}
