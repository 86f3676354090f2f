package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// plant is a made-up secret: its kind, the text that it stands in, and the part
// that may appear nowhere.
type plant struct{ kind, never, text string }

func plants(t *testing.T) []plant {
	text := readFile(t, filepath.Join("..", "..", "session", "redact", "testdata", "secrets.txt"))
	all := []plant{{"email", "jo.doe.4711", "jo.doe.4711@mail.example.org"}}
	for line := range strings.Lines(strings.ReplaceAll(text, "¦", "")) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 3 {
			all = append(all, plant{f[0], f[1], strings.ReplaceAll(f[2], "⏎", "\n")})
		}
	}
	return all
}

// Secrets that stand in transcripts wherever text can stand do not come out of
// any command, and are not in the state folder: not in sessions, index,
// catalog, patterns, proposals, ledger, vault or pages.
func TestPlantedSecretsStayOut(t *testing.T) {
	home, state := filepath.Join(t.TempDir(), "home"), filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(home, os.DirFS(filepath.Join("..", "..", "testdata", "sample"))); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, "lode.yaml")
	file, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, "redact: {emails: true}\n")
	file.Close()
	all := plants(t)
	for n, p := range all {
		plantSession(t, home, n, p)
	}
	c := canary{t: t, plants: all, base: []string{"--home", home, "--config", config, "--state", state, "--now", "2026-05-01"}}

	c.lode("nightly", "--since", "all")
	var listed struct {
		Proposals []struct{ ID, Rule string }
	}
	if err := json.Unmarshal([]byte(c.lode("review", "list", "--json")), &listed); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, p := range listed.Proposals {
		c.lode("review", "show", p.ID)
		if strings.Contains(p.Rule, "shopctl") {
			c.lode("review", "accept", p.ID)
			accepted++
		}
	}
	if accepted == 0 {
		t.Errorf("no proposal comes of the planted sessions: %+v", listed)
	}
	notes, err := filepath.Glob(filepath.Join(state, "vault", "learnings", "*.md"))
	if err != nil || len(notes) != accepted || !strings.Contains(readFile(t, notes[0]), "secret:") {
		t.Errorf("notes %v, error %v, want one with evidence that held a secret", notes, err)
	}
	c.lode("nightly", "--since", "all", "--json")
	for _, args := range []string{
		"status --secrets", "status --secrets --json", "report", "vault list", "vault list --json", "vault check", "review effect", "review effect --json", "brief --project shop", "brief --project shop --json",
		"mine --since all", "mine --since all --json", "mine --digest --json --since all", "backtest --json", "events", "events --json",
		"search lorem", "search lorem --json", "search shopctl --json --failed", "review list --all", "review list --all --json",
	} {
		c.lode(strings.Fields(args)...)
	}
	for n := range all {
		c.lode("show", "claude/"+plantedID(n), "--whole")
		c.lode("show", "claude/"+plantedID(n), "--json")
	}
	if out := c.lode("search", "lorem", "--json"); strings.Contains(out, `"total": 0`) {
		t.Error("the planted sessions are not found")
	}
	for _, p := range all {
		if out := c.lode("search", p.never, "--json"); !strings.Contains(out, `"hits": []`) {
			t.Errorf("%s: its secret is found: %s", p.kind, out)
		}
	}
	agent := connect(t, home, c.base...)
	ask := func(tool string, args map[string]any) {
		answer := call(t, agent, tool, args)
		if strings.HasPrefix(answer, "refused: ") || strings.HasPrefix(answer, "error: ") {
			t.Errorf("mcp %s %v: %s", tool, args, answer)
		}
		c.look("mcp "+tool, answer)
	}
	ask("search", map[string]any{"query": "lorem"})
	ask("brief", map[string]any{"project": "shop"})
	ask("patterns", map[string]any{"project": "shop"})
	for n := range all {
		ask("show", map[string]any{"ref": "claude/" + plantedID(n)})
	}
	c.grep(state)
	c.grep(filepath.Join(home, "work"))
	counts := c.lode("status", "--secrets", "--json")
	for _, p := range all {
		if !strings.Contains(counts, `"`+p.kind+`": `) {
			t.Errorf("status --secrets does not count %s", p.kind)
		}
	}
}

func plantedID(n int) string { return fmt.Sprintf("%08d-1111-4222-8333-444444444444", n) }

// plantSession writes a session of Claude Code with a secret in every place
// where text can stand. What fails in it fails in each, so that patterns and
// proposals come of it.
func plantSession(t *testing.T, home string, n int, p plant) {
	at := time.Date(2026, 4, 10+n%15, 9, 0, 0, 0, time.UTC)
	id, cwd := plantedID(n), "/home/dev/work/shop"
	if n%3 == 0 {
		cwd += "/" + p.text
	}
	var lines bytes.Buffer
	parent, count := "", 0
	add := func(kind string, message any, more map[string]any) {
		count++
		at = at.Add(20 * time.Second)
		uuid := fmt.Sprintf("%08d-%04d-4222-8333-444444444444", n, count)
		rec := map[string]any{"type": kind, "sessionId": id, "uuid": uuid, "parentUuid": nil, "cwd": cwd, "gitBranch": "fix/" + p.text,
			"timestamp": at.Format("2006-01-02T15:04:05.000Z"), "version": "2.1.29", "userType": "external", "message": message}
		if parent != "" {
			rec["parentUuid"] = parent
		}
		for k, v := range more {
			rec[k] = v
		}
		parent = uuid
		line, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
	}
	human := func(text string) { add("user", map[string]any{"role": "user", "content": text}, nil) }
	agent := func(block map[string]any) {
		add("assistant", map[string]any{"role": "assistant", "model": "m", "id": fmt.Sprint("msg_", count), "content": []any{block}}, nil)
	}
	call := func(tool string, input map[string]any, output string, failed bool) {
		use := fmt.Sprintf("toolu_%d_%d", n, count)
		agent(map[string]any{"type": "tool_use", "id": use, "name": tool, "input": input})
		add("user", map[string]any{"role": "user", "content": []any{map[string]any{"type": "tool_result", "tool_use_id": use, "content": output, "is_error": failed}}},
			map[string]any{"toolUseResult": output})
	}
	human("lorem " + p.text + " ipsum")
	agent(map[string]any{"type": "thinking", "thinking": "lorem " + p.text, "signature": "c2ln"})
	agent(map[string]any{"type": "text", "text": "lorem `" + p.text + "` it is"})
	call("Bash", map[string]any{"command": "shopctl push --fast && echo " + p.text, "description": p.text}, "Error: unknown flag: --fast ("+p.text+")", true)
	human("no, always use shopctl push --quick instead, never --fast: " + p.text)
	call("Bash", map[string]any{"command": "shopctl push --quick && echo " + p.text}, "pushed\n"+p.text, false)
	call("Read", map[string]any{"file_path": "/home/dev/work/shop/" + p.text}, "<tool_use_error>File does not exist: "+p.text+"</tool_use_error>", true)
	call("Write", map[string]any{"file_path": "/home/dev/work/shop/.env", "content": "A=1\n" + p.text + "\nB=2\n"}, "written: "+p.text, false)
	call("Edit", map[string]any{"file_path": "/home/dev/work/shop/a.py", "old_string": p.text, "new_string": "x\n" + p.text + "\n"}, "     1\t"+p.text, false)
	call("Grep", map[string]any{"pattern": p.text, "path": "/" + p.text}, p.text, false)
	call("mcp__shop__ask", map[string]any{"deep": map[string]any{"list": []string{p.text}}}, `{"answer": `+fmt.Sprintf("%q", p.text)+`}`, false)
	for _, rec := range []map[string]any{
		{"type": "summary", "summary": "lorem " + p.text, "leafUuid": parent},
		{"type": "custom-title", "customTitle": p.text + " and so on", "sessionId": id},
	} {
		line, _ := json.Marshal(rec)
		lines.Write(append(line, '\n'))
	}
	fmt.Fprintf(&lines, "%s\n{\"type\":\"user\" %q}\n", strings.ReplaceAll(p.text, "\n", `\n`), p.text)
	name := filepath.Join(home, ".claude", "projects", "-home-dev-work-shop", id+".jsonl")
	if err := os.WriteFile(name, lines.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// canary runs commands and looks for the secrets in all that comes out.
type canary struct {
	t      *testing.T
	plants []plant
	base   []string
}

func (c *canary) lode(args ...string) string {
	c.t.Helper()
	var out strings.Builder
	if code := runIn(c.t, &out, append(c.base[:len(c.base):len(c.base)], args...)...); code != 0 {
		c.t.Fatalf("lode %s: exit code %d: %s", strings.Join(args, " "), code, out.String())
	}
	if args[0] != "search" || len(args) < 2 || strings.HasPrefix(args[1], "lorem") || strings.HasPrefix(args[1], "shopctl") { // others say again what was asked
		c.look("lode "+strings.Join(args, " "), out.String())
	}
	return out.String()
}

// grep looks at all bytes of a folder, at those of sessions as they are when read.
func (c *canary) grep(dir string) {
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".zst") {
			var z *zstd.Decoder
			if z, err = zstd.NewReader(nil); err == nil {
				text, err = z.DecodeAll(text, nil)
				z.Close()
			}
		}
		seen++
		c.look(path, string(text))
		c.look(path, path)
		return err
	})
	if err != nil || seen == 0 {
		c.t.Errorf("%s: %d files, %v", dir, seen, err)
	}
}

func (c *canary) look(where, text string) {
	c.t.Helper()
	for _, p := range c.plants {
		if at := strings.Index(text, p.never); at >= 0 {
			c.t.Errorf("%s: the secret of a %s: …%s…", where, p.kind, text[max(0, at-120):min(len(text), at+40)])
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
