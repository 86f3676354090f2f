package install

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tailscale/hujson"
)

// settings are texts as people and programs write them.
var settings = []string{
	"", "{}", "{}\n", "{\n}\n",
	`{"model":"opus"}`,
	"{\n  \"model\": \"opus\"\n}\n",
	"{\n\t\"model\": \"opus\",\n\t\"hooks\": {\n\t\t\"Stop\": []\n\t}\n}",
	"{\n    // mine\n    \"hooks\": {\n        \"SessionStart\": [\n            {\"hooks\": [{\"type\": \"command\", \"command\": \"date\"}]},\n        ],\n    },\n}\n",
	"{\r\n  \"hooks\": {},\r\n  \"mcpServers\": { \"other\": { \"command\": \"x\" } }\r\n}\r\n",
	"{\n  \"a\": 12345678901234567890, \"b\": 1.0e3, \"c\": \"\\u00e9\"\n}\n",
}

func testEnv(home string) *Env {
	return &Env{Home: home, Command: []string{"/opt/my tools/lode", "--state", "/home/dev/state"}}
}

// A setting that is put in stands there once, whatever was there stays to the
// byte around it, and taking it out gives a text that says what it said before.
func TestSetting(t *testing.T) {
	e := testEnv("/home/dev")
	for name, s := range map[string]setting{
		"hook": hook(e, map[string]any{"matcher": "startup"}, nil),
		"mcp":  {path: []string{"mcpServers", "lode"}, value: server(e)},
	} {
		for _, before := range settings {
			after, err := s.put(before)
			if err != nil {
				t.Errorf("%s into %q: %v", name, before, err)
				continue
			}
			var doc any
			if err := json.Unmarshal(standard(t, after), &doc); err != nil {
				t.Errorf("%s into %q: %v:\n%s", name, before, err, after)
			}
			if strings.Count(after, "/opt/my tools/lode") != 1 {
				t.Errorf("%s into %q:\n%s", name, before, after)
			}
			if strings.Contains(before, "\r\n") && strings.Contains(strings.ReplaceAll(after, "\r\n", ""), "\n") {
				t.Errorf("%s into %q: line breaks are mixed: %q", name, before, after)
			}
			for line := range strings.Lines(before) { // what was there
				if bare := strings.TrimRight(line, ",}\r\n "); len(bare) > 4 && !strings.Contains(after, bare) {
					t.Errorf("%s into %q: %q is gone:\n%s", name, before, bare, after)
				}
			}
			if again, err := s.put(after); err != nil || again != after {
				t.Errorf("%s into %q, twice: %v:\n%s", name, before, err, again)
			}
			less, err := s.take(after)
			if err != nil || same(t, less) != same(t, emptied(before)) {
				t.Errorf("%s out of %q: %v: %q", name, before, err, less)
			}
		}
	}
}

// emptied is what taking leaves of a text with empty places for what is put in.
func emptied(text string) string {
	if strings.TrimSpace(text) == "" {
		return "{}"
	}
	return strings.ReplaceAll(text, "\"hooks\": {},\r\n ", "")
}

func standard(t *testing.T, text string) []byte {
	t.Helper()
	out, err := hujson.Standardize([]byte(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return out
}

func same(t *testing.T, text string) string {
	t.Helper()
	if strings.Contains(text, `"hooks": {`) && !strings.Contains(text, "Stop") && !strings.Contains(text, "date") {
		text = strings.Replace(text, `"hooks": {},`, "", 1)
	}
	return plainText(string(standard(t, text)))
}

// What cannot hold a setting is refused.
func TestSettingRefused(t *testing.T) {
	e := testEnv("/home/dev")
	for _, text := range []string{"{", "[]", `"x"`, `{"hooks": 3}`, `{"hooks": {"SessionStart": "x"}}`} {
		if after, err := hook(e, nil, nil).put(text); err == nil {
			t.Errorf("%q became %q", text, after)
		}
	}
}

// A new version of lode, elsewhere, takes the place of the old one.
func TestSettingMoved(t *testing.T) {
	old, now := testEnv("/home/dev"), testEnv("/home/dev")
	now.Command[0] = "/usr/bin/lode"
	text, err := hook(old, nil, nil).put(settings[7])
	if err != nil {
		t.Fatal(err)
	}
	text, err = hook(now, nil, nil).put(text)
	if err != nil || strings.Contains(text, "my tools") || strings.Count(text, "/usr/bin/lode") != 1 || !strings.Contains(text, "date") {
		t.Errorf("%v:\n%s", err, text)
	}
}

// newHome is a home folder in which all agents are used, with the texts that
// are drawn for their files.
func newHome(t *testing.T, draw func(file string, from []string) string) *Env {
	t.Helper()
	e := testEnv(t.TempDir())
	texts := []string{"# Mine\n", "no end", "", "a\r\nb\r\n", "- one\n\n"}
	files := map[string][]string{
		".claude/settings.json": settings, ".claude.json": settings, ".gemini/settings.json": settings, ".qwen/settings.json": settings,
		".config/opencode/opencode.json": settings, ".codex/AGENTS.md": texts, ".codex/config.toml": {"model = \"x\"\n", "[a]\nb = 1", ""}, ".qwen/QWEN.md": texts,
		".pi/agent/AGENTS.md": texts, ".config/opencode/AGENTS.md": texts,
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		from, path := files[file], e.home(file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text := draw(file, from); text != "absent" {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return e
}

// tree is all that is below a folder: files with mode and text, and folders.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if !d.IsDir() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(b)
		}
		all[strings.TrimPrefix(path, dir)] = fmt.Sprint(info.Mode(), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var everyAgent = []string{"claude", "codex", "gemini", "opencode", "qwen", "pi", "claude-mcp", "codex-mcp", "gemini-mcp", "opencode-mcp", "qwen-mcp", "systemd", "launchd"}

func installAll(t *testing.T, e *Env, r *Record, names ...string) []Change {
	t.Helper()
	parts, err := Select(e, names)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := Plan(e, parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(e, changes); err != nil {
		t.Fatal(err)
	}
	return changes
}

func uninstall(t *testing.T, e *Env, r *Record, names ...string) []string {
	t.Helper()
	changes, notes, err := r.Removal(e, names)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(changes); err != nil {
		t.Fatal(err)
	}
	return notes
}

// Whatever the files were, uninstalling gives the same tree back: bytes, modes,
// and the folders. In between it can be installed twice, and in parts.
func TestUninstallGivesAllBack(t *testing.T) {
	for round := range 1 + len(settings) {
		n := round
		e := newHome(t, func(_ string, from []string) string {
			n++ // each file gets another text, and in another round again another
			if i := n % (1 + len(from)); i < len(from) {
				return from[i]
			}
			return "absent"
		})
		before, state := tree(t, e.Home), t.TempDir()
		load := func() *Record {
			r, err := Load(state)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		installAll(t, e, load(), everyAgent[round%len(everyAgent)], everyAgent[5*round%len(everyAgent)])
		installAll(t, e, load(), everyAgent...)
		if again := installAll(t, e, load(), everyAgent...); len(again) != 0 {
			t.Errorf("round %d: installed again, %d files change: %+v", round, len(again), again[0])
		}
		for _, p := range everyAgent {
			if !load().Has(p) {
				t.Errorf("round %d: %s is not installed", round, p)
			}
		}
		if notes := uninstall(t, e, load()); len(notes) > 0 {
			t.Errorf("round %d: notes: %v", round, notes)
		}
		if diff := cmp.Diff(before, tree(t, e.Home)); diff != "" {
			t.Errorf("round %d: uninstalled (-before +after):\n%s", round, diff)
		}
		if left := tree(t, state); len(left) != 1 {
			t.Errorf("round %d: the state has %v", round, slices.Collect(maps.Keys(left)))
		}
	}
}

// In files that were changed since, only what lode put in goes.
func TestUninstallAfterChanges(t *testing.T) {
	e := newHome(t, func(file string, from []string) string { return from[len(from)-1] })
	r, err := Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{".claude/settings.json", ".claude.json"} {
		if err := os.WriteFile(e.home(file), []byte("{\n  \"model\": \"opus\"\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	installAll(t, e, r, "claude", "claude-mcp", "codex", "codex-mcp")
	for file, change := range map[string]func(string) string{
		".claude/settings.json": func(s string) string { return strings.Replace(s, `"opus"`, `"haiku"`, 1) },
		".claude.json": func(s string) string { // as a program writes it anew
			var v map[string]any
			if err := json.Unmarshal([]byte(s), &v); err != nil {
				t.Fatal(err)
			}
			v["starts"] = 3
			out, _ := json.Marshal(v)
			return string(out)
		},
		".codex/AGENTS.md":   func(s string) string { return "First.\n" + s + "Last.\n" },
		".codex/config.toml": func(s string) string { return s + "\n[more]\nx = 1\n" },
	} {
		text, err := os.ReadFile(e.home(file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(e.home(file), []byte(change(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if notes := uninstall(t, e, r); len(notes) > 0 {
		t.Errorf("notes: %v", notes)
	}
	for file, want := range map[string]string{
		".claude/settings.json": "{\n  \"model\": \"haiku\"\n}\n",
		".claude.json":          `{"model":"opus","starts":3}`,
		".codex/AGENTS.md":      "First.\n- one\n\nLast.\n",
		".codex/config.toml":    "\n[more]\nx = 1\n",
	} {
		if text, err := os.ReadFile(e.home(file)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v, want %q", file, text, err, want)
		}
	}
}

// What a person took out, or what a crash kept from being put in, is forgotten.
func TestUninstallGone(t *testing.T) {
	e := newHome(t, func(string, []string) string { return "" })
	r, err := Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	installAll(t, e, r, "codex", "pi", "claude", "codex-mcp")
	for file, text := range map[string]string{".codex/AGENTS.md": "", ".pi/agent/AGENTS.md": "- Mine.\n", ".claude/settings.json": "{}"} {
		if err := os.WriteFile(e.home(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(e.home(".codex/config.toml")); err != nil {
		t.Fatal(err)
	}
	before := tree(t, e.Home)
	if notes := uninstall(t, e, r); len(notes) > 0 || len(r.Files) > 0 {
		t.Errorf("notes %v, the record has %+v", notes, r.Files)
	}
	if diff := cmp.Diff(before, tree(t, e.Home)); diff != "" {
		t.Errorf("files were changed (-before +after):\n%s", diff)
	}
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A line that stands there twice is told, not guessed at; the rest is taken out.
func TestUninstallUnclear(t *testing.T) {
	e := newHome(t, func(string, []string) string { return "absent" })
	r, err := Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	installAll(t, e, r, "codex", "pi")
	was := mustRead(t, e.home(".codex/AGENTS.md"))
	if err := os.WriteFile(e.home(".codex/AGENTS.md"), []byte(was+"- Twice.\n"+was), 0o600); err != nil {
		t.Fatal(err)
	}
	notes := uninstall(t, e, r)
	if len(notes) != 1 || !strings.Contains(notes[0], "AGENTS.md") || !r.Has("codex") || r.Has("pi") {
		t.Errorf("notes %v, the record has %+v", notes, r.Files)
	}
}

// What changed between the plan and its application is left alone.
func TestMeanwhile(t *testing.T) {
	e := newHome(t, func(string, []string) string { return "absent" })
	r, err := Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Select(e, []string{"codex"})
	if err != nil {
		t.Fatal(err)
	}
	changes, err := Plan(e, parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(e.home(".codex/AGENTS.md"), []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(e, changes); !strings.Contains(fmt.Sprint(err), "has changed meanwhile") || len(r.Files) != 0 {
		t.Errorf("Apply = %v, the record has %+v", err, r.Files)
	}
}

// Settings hold secrets, and can be large: nothing of them is kept but what lode
// put in, and the diff shows what changes.
func TestNothingElseIsKept(t *testing.T) {
	e := newHome(t, func(string, []string) string { return "{\n  \"env\": {\n    \"API_KEY\": \"sk-secret\"\n  }\n}\n" })
	large := "{\n" + strings.Repeat("  \"history of a project\": \"sk-secret\",\n", 40000) + "  \"key\": \"sk-secret\"\n}"
	if err := os.WriteFile(e.home(".claude.json"), []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	before, state := tree(t, e.Home), t.TempDir()
	r, err := Load(state)
	if err != nil {
		t.Fatal(err)
	}
	changes := installAll(t, e, r, "claude", "claude-mcp", "gemini", "gemini-mcp", "codex-mcp")
	for _, c := range changes {
		if !strings.Contains(c.Diff, "+") || len(c.Diff) > 4000 {
			t.Errorf("%s: a diff of %d bytes", c.File, len(c.Diff))
		}
	}
	if kept := mustRead(t, filepath.Join(state, "installed.json")); strings.Contains(kept, "secret") {
		t.Errorf("kept is\n%s", kept)
	}
	uninstall(t, e, r)
	if diff := cmp.Diff(before, tree(t, e.Home)); diff != "" {
		t.Errorf("uninstalled (-before +after):\n%s", diff)
	}
}

// What a person changed between two installations stays, and goes with neither.
func TestInstallAfterChanges(t *testing.T) {
	e := newHome(t, func(string, []string) string { return "absent" })
	r, err := Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	installAll(t, e, r, "gemini")
	file := e.home(".gemini/settings.json")
	if err := os.WriteFile(file, []byte(strings.Replace(mustRead(t, file), "{\n", "{\n  \"theme\": \"dark\",\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	installAll(t, e, r, "gemini-mcp")
	if notes := uninstall(t, e, r); len(notes) > 0 || plainText(mustRead(t, file)) != `{"theme":"dark"}` {
		t.Errorf("notes %v, left is %q", notes, mustRead(t, file))
	}
}
