package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"lode/ingest/modelserver"
	"lode/ingest/modelserver/clients"
	"lode/session"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// connect starts lode mcp as a process, the way agents do.
func connect(t testing.TB, dir string, args ...string) *mcp.ClientSession {
	t.Helper()
	cmd := exec.Command("lode", append(args, "mcp")...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// call returns the text that a tool answers, or its error.
func call(t testing.TB, s *mcp.ClientSession, tool string, args map[string]any) string {
	t.Helper()
	res, err := s.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return "refused: " + err.Error() + "\n"
	}
	text := res.Content[0].(*mcp.TextContent).Text
	if len(res.Content) != 1 || res.StructuredContent != nil {
		t.Errorf("%s answers with more than a text", tool)
	}
	if res.IsError {
		text = "error: " + text + "\n"
	}
	return text
}

func sampleArgs(t testing.TB, state string) []string {
	t.Helper()
	home, err := filepath.Abs(filepath.Join("..", "..", "testdata", "sample"))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--home", home, "--config", filepath.Join(home, "lode.yaml"), "--state", state, "--now", "2026-05-01"}
}

// The tools answer as testdata/mcp.golden says.
func TestMCP(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if out, err := night(state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := tree(state, nil)
	s := connect(t, filepath.Join("..", "..", "testdata", "sample", "work", "shop"), sampleArgs(t, state)...)
	var got strings.Builder
	fmt.Fprintf(&got, "# instructions\n%s\n\n# tools\n", s.InitializeResult().Instructions)
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if !tool.Annotations.ReadOnlyHint || *tool.Annotations.OpenWorldHint {
			t.Errorf("%s does not say that it only reads", tool.Name)
		}
		fmt.Fprintf(&got, "%s: %s\n", tool.Name, tool.Description)
	}
	for _, c := range []struct {
		tool string
		args map[string]any
	}{
		{"search", map[string]any{"query": "constant-time comparison"}},
		{"search", map[string]any{"query": "pytest", "project": "atlas", "kind": "call", "limit": 2}},
		{"search", map[string]any{"query": "fast", "failed": true, "agent": "codex", "since": "2026-04-01"}},
		{"search", map[string]any{"query": "settings", "budget": 100}},
		{"search", map[string]any{"query": "settings", "project": "here", "limit": 1}},
		{"search", map[string]any{"error": "$ pytest tests/test_new.py\nbash: line 7: pytest: command not found\n", "limit": 1}},
		{"search", map[string]any{"error": " "}},
		{"search", map[string]any{"query": "xyzzyplugh"}},
		{"search", map[string]any{"query": `"open`}},
		{"search", map[string]any{"query": "fast", "kind": "thing"}},
		{"search", map[string]any{"words": "fast"}},
		{"show", map[string]any{"ref": "codex/019d8b05#24", "around": 1}},
		{"show", map[string]any{"ref": "claude/8a63a0c9", "budget": 150}},
		{"show", map[string]any{"ref": "codex/019d8b05#24", "tools": "none"}},
		{"show", map[string]any{"ref": "claude/ffff#1"}},
		{"brief", nil},
		{"patterns", map[string]any{"budget": 300}},
		{"patterns", map[string]any{"project": "nowhere"}},
	} {
		fmt.Fprintf(&got, "\n# %s %v\n%s", c.tool, c.args, call(t, s, c.tool, c.args))
	}
	golden := filepath.Join("testdata", "mcp.golden")
	if *update {
		put(t, golden, got.String())
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", golden, diff)
	}
	for name, text := range tree(state, nil) {
		if before[name] != text {
			t.Errorf("%s was changed: the server may only read", name)
		}
	}
}

// A server that goes on running sees what other runs add, also when there was
// nothing at its start, and ends when the agent does.
func TestMCPFollows(t *testing.T) {
	home, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	args := []string{"--home", home, "--state", state, "--now", "2026-05-01"}
	s := connect(t, home, args...)
	if got := call(t, s, "search", map[string]any{"query": "zanzibar"}); !strings.Contains(got, "there is no index yet (hint: lode nightly") {
		t.Errorf("without an index: %s", got)
	}
	for n, word := range []string{"zanzibar", "montevideo"} {
		record := fmt.Sprintf(`{"type":"user","uuid":"u%d","sessionId":"s%d","timestamp":"2026-04-2%dT10:00:00Z","cwd":"/home/dev/shop","version":"2.1.0","message":{"role":"user","content":"ship it to %s"}}`, n, n, n, word)
		put(t, filepath.Join(home, ".claude", "projects", "-home-dev-shop", fmt.Sprintf("s%d.jsonl", n)), record+"\n")
		if out, err := exec.Command("lode", append(args, "ingest")...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := call(t, s, "search", map[string]any{"query": word}); !strings.Contains(got, fmt.Sprintf("claude/s%d#1", n)) {
			t.Errorf("after reading %s: %s", word, got)
		}
	}
	if generations, _ := filepath.Glob(filepath.Join(state, "index", "0*")); len(generations) > 2 {
		t.Errorf("the server holds on to old generations: %v", generations)
	}
	if err := s.Close(); err != nil {
		t.Errorf("the server does not end well: %v", err)
	}
}

// TestClientsSearch has the real programs of agents call the search tool. What
// they hand to the model names the planted session; and when their own session
// has been read as well, they do not find what they asked themselves.
func TestClientsSearch(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the programs of agents")
	}
	lode, err := exec.LookPath("lode")
	if err != nil {
		t.Fatal(err)
	}
	planted := filepath.Join(t.TempDir(), "state")
	if out, err := night(planted).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	search := modelserver.Step{Call: &modelserver.Call{Server: "lode", Tool: "search", Args: map[string]any{"query": "constant-time comparison"}}}
	for _, c := range clients.All() {
		if c.Server == nil {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			program := programOf(t, &c)
			if err := clients.Offline(); err != nil {
				t.Logf("only its settings keep it from the network: %v", err)
			}
			state := filepath.Join(t.TempDir(), "state")
			if err := os.CopyFS(state, os.DirFS(planted)); err != nil {
				t.Fatal(err)
			}
			h := &clients.Home{Client: &c, Program: program, Dir: t.ArtifactDir(), Work: filepath.Join(t.TempDir(), "shop"),
				Server: slices.Concat([]string{lode}, sampleArgs(t, state), []string{"mcp"})}
			put(t, filepath.Join(h.Work, "README"), "A shop.\n")
			server, err := modelserver.Start(modelserver.Script{Dir: h.Work, Steps: []modelserver.Step{
				{Shell: "sh -c 'sleep 2'"}, // servers start beside the first request
				search, {Say: "It was found."}, search, {Say: "It was found again."},
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			h.URL = server.URL
			if err := h.Prepare(); err != nil {
				t.Fatal(err)
			}
			if out, err := h.Ask(t.Context(), "Did we do a constant-time comparison of signatures?", false); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, err := exec.Command("lode", "--home", h.Dir, "--state", state, "ingest").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if out, err := h.Ask(t.Context(), "Look again.", true); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			told := told(server.Requests())
			if strings.Count(told, "codex/019d8b05-b3e0-7aae-a908-857a82ed7c99#29") < 2 {
				t.Errorf("the model was not told of the session twice:\n%s", told)
			}
			if c.String() == "gemini@0.33.2" {
				return // its sessions do not tell their folder: nothing says which of them asks
			}
			if strings.Contains(told, "2 hits") || !strings.Contains(told, "left out: "+c.Name+"/") {
				t.Errorf("the session that asks is not left out:\n%s", told)
			}
		})
	}
}

// told returns what the model was told last, from the first answer of lode on.
func told(requests []modelserver.Request) string {
	for _, r := range slices.Backward(requests) {
		if i := bytes.Index(r.Body, []byte(session.EchoMark)); i >= 0 && bytes.Count(r.Body, []byte(session.EchoMark)) > 1 {
			return string(r.Body[i:])
		}
	}
	return ""
}

// BenchmarkMCP measures a search as the agent sees it, from call to answer, in
// a state of its own or the one in LODE_CORPUS_STATE.
func BenchmarkMCP(b *testing.B) {
	state := os.Getenv("LODE_CORPUS_STATE")
	if state == "" {
		state = filepath.Join(b.TempDir(), "state")
		if out, err := night(state).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	s := connect(b, b.TempDir(), "--home", b.TempDir(), "--state", state)
	for _, query := range []string{"test", "pytest settings", `"command not found"`, "migrate -rollback", "nowhere pytest"} {
		b.Run(strings.ReplaceAll(query, " ", "_"), func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				answer := call(b, s, "search", map[string]any{"query": query})
				took = append(took, time.Since(start))
				if strings.HasPrefix(answer, "error:") {
					b.Fatal(answer)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
