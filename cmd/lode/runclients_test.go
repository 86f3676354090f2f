package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lode/ingest/modelserver"
	"lode/ingest/modelserver/clients"
)

// What the model does in a run of three iterations: it claims to be done, it
// changes the test, it does the work.
var scenes = []modelserver.Scene{
	{Words: "in iteration 1 of at most", Steps: []modelserver.Step{{Shell: "cat cart.sh"}, {Say: "All tests pass. The goal is reached."}}},
	{Words: "in iteration 2 of at most", Steps: []modelserver.Step{{Shell: "echo 'exit 0' >test.sh"}, {Say: "The test passes now."}}},
	{Words: "in iteration 3 of at most", Steps: []modelserver.Step{{Shell: "echo total=7 >cart.sh"}, {Say: "The total is right now."}}},
}

const (
	clientGoal = `---
goal: test.sh passes
agent: AGENT
budget: {iterations: 5, wall: 5m, iteration: 2m}
checks:
- {id: tests, run: sh test.sh}
---
Repair cart.sh.
`
	learnedRule = "Run sh test.sh from the top of the checkout, never from below."
	learnedNote = `---
id: l-00000001
title: where tests run
project: shop
scope: global
status: active
tags: [lode]
created: 2026-04-01
pattern: p-00000001
proposal: r-00000001
target: AGENTS.md
sessions: 5
rule: ` + learnedRule + `
---

# where tests run

`
)

// The real programs of Claude Code and Codex are driven through a run: what they
// say decides nothing, what they change of the test is undone, and what past
// sessions taught stands in each request once. Their sessions are of the
// population loop, and an evaluator's are lode's own.
func TestClientsInLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the programs of agents")
	}
	newest := make(map[string]bool)
	for _, c := range clients.All() {
		if newest[c.Name] { // the newest comes first
			continue
		}
		newest[c.Name] = true
		t.Run(c.String(), func(t *testing.T) {
			program := programOf(t, &c)
			w := newWorkshop(t, map[string]string{"cart.sh": "total=3\n", "test.sh": ". ./cart.sh; [ $total = 7 ] || { echo FAIL; exit 1; }\n",
				"goal.md": strings.Replace(clientGoal, "AGENT", inLoop[c.Name], 1)})
			put(t, filepath.Join(w.dir, "state", "version"), "1\n")
			put(t, filepath.Join(w.dir, "state", "vault", "learnings", "l-00000001.md"), learnedNote)
			server, err := modelserver.Start(modelserver.Script{Dir: filepath.Join(w.dir, "state", "trees", "test-sh-passes"), Scenes: scenes})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			h := &clients.Home{Client: &c, Program: program, Dir: filepath.Join(w.dir, "home"), Work: filepath.Join(w.dir, "shop"), URL: server.URL}
			if err := h.Prepare(); err != nil {
				t.Fatal(err)
			}
			cmd := w.lode("run", "goal.md", "--yes", "--backoff", "100ms")
			cmd.Env = append(h.Environment(), "GIT_CONFIG_NOSYSTEM=1", "PATH="+filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "done: all 1 items hold after iteration 3") {
				log, _ := os.ReadFile(filepath.Join(w.dir, "state", "runs", "test-sh-passes", "logs", "01.agent.txt"))
				t.Fatalf("%v\n%s\n%s", err, out, log)
			}
			note, _ := os.ReadFile(filepath.Join(w.dir, "state", "runs", "test-sh-passes", "02.md"))
			for _, want := range []string{"it changed protected files, which was undone: test.sh", "Learnings loaded: l-00000001", "Sessions: " + c.Name + "/"} {
				if !strings.Contains(string(note), want) {
					t.Errorf("02.md does not hold %q:\n%s", want, note)
				}
			}
			asked := 0
			for _, r := range server.Requests() {
				if !bytes.Contains(r.Body, []byte("of at most")) { // looks whether somebody is there, asks for a title
					continue
				}
				asked++
				if n := bytes.Count(r.Body, []byte(learnedRule)); n != 1 {
					t.Errorf("%s holds the learning %d times", r.Path, n)
				}
			}
			if asked < 6 {
				t.Errorf("%d requests", asked)
			}
			show := string(must(t, w.lode("run", "show", "test-sh-passes", "--json")))
			if strings.Contains(show, `"tokens": 0`) {
				t.Errorf("no tokens are counted: %s", show)
			}
			must(t, w.lode("ingest", "--quiet"))
			events := string(must(t, w.lode("events", "--json")))
			if !strings.Contains(events, `"population":"loop"`) || strings.Contains(events, `"population":"headless"`) || strings.Contains(events, `"population":"user"`) {
				t.Errorf("the sessions are not the loop's:\n%.2000s", events)
			}
		})
	}
	for _, name := range []string{"claude", "codex"} {
		if !newest[name] {
			t.Errorf("%s is no longer among the clients: %v", name, slices.Sorted(maps.Keys(newest)))
		}
	}
}

// inLoop is how a contract names each program in the tests, which run as root
// or in a container of their own.
var inLoop = map[string]string{
	"claude": "claude", "codex": "codex", "gemini": "gemini -m gemini-2.5-pro", "opencode": "opencode",
	"pi": "pi --provider scripted --model story-1", "qwen": "qwen --auth-type openai",
}

// must runs a command and returns what it prints.
func must(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, out)
	}
	return out
}
