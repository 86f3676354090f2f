package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each case is a home, where to look in it, and what is found: the catalog's
// path, and the agent whose place it lies in. "a -> b" is a link; "/" begins a
// path in a folder beside the home.
var discoveries = []struct {
	name        string
	tree        []string
	env         map[string]string
	roots, want []string
}{
	{
		name: "agents' places, and nothing else in a home",
		tree: []string{".claude/projects/p/s.jsonl", ".claude/projects/p/s/subagents/agent-1.jsonl", ".claude/projects/p/notes.md", ".claude/history.jsonl",
			".codex/sessions/2026/04/01/r.jsonl.zst", ".codex/archived_sessions/r.jsonl", ".codex/archived_sessions/deeper/r.jsonl",
			".config/mini-swe-agent/x.traj.json", ".gemini/tmp/p/chats/c.json", "s.jsonl"},
		want: []string{".claude/projects/p/s.jsonl claude", ".claude/projects/p/s/subagents/agent-1.jsonl claude", ".codex/archived_sessions/r.jsonl codex",
			".codex/sessions/2026/04/01/r.jsonl.zst codex", ".config/mini-swe-agent/x.traj.json mini-swe-agent", ".gemini/tmp/p/chats/c.json gemini"},
	},
	{
		name: "a session that is many files is one, also in a root; what belongs to none is told apart",
		tree: []string{".local/share/opencode/opencode.db", ".local/share/opencode/opencode-dev.db", ".local/share/opencode/log/a.log",
			".local/share/opencode/storage/session/p/ses_1.json", ".local/share/opencode/storage/message/ses_1/msg_1.json",
			".local/share/opencode/storage/part/msg_1/prt_1.json", ".local/share/opencode/storage/part/msg_2/prt_2.json",
			".local/share/opencode/project/q/storage/session/info/ses_3.json", ".local/share/opencode/project/q/storage/session/message/ses_3/msg_3.json",
			".local/share/opencode/project/q/storage/session/part/ses_3/msg_3/prt_3.json", ".local/share/kilo/kilo.db"},
		roots: []string{".local/share/opencode"},
		want: []string{".local/share/kilo/kilo.db kilo", ".local/share/opencode/log/a.log", ".local/share/opencode/opencode-dev.db opencode", ".local/share/opencode/opencode.db opencode",
			".local/share/opencode/project/q/storage/session/info/ses_3.json opencode",
			".local/share/opencode/storage/part/msg_2/prt_2.json", ".local/share/opencode/storage/session/p/ses_1.json opencode"},
	},
	{
		name: "a variable moves an agent's folder to one place or several",
		tree: []string{".claude/projects/p/old.jsonl", "/a/projects/p/s.jsonl", "b/projects/p/s.jsonl", ".codex/sessions/r.jsonl"},
		env:  map[string]string{"CLAUDE_CONFIG_DIR": "/a,b"},
		want: []string{".codex/sessions/r.jsonl codex", "/a/projects/p/s.jsonl claude", "b/projects/p/s.jsonl claude"},
	},
	{
		name:  "every file of a root, but not of a repository's innards",
		tree:  []string{"work/a.json", "work/deep/er/b.txt", "work/.git/c.json", "work/x/node_modules/d.json", "/out/e.json"},
		roots: []string{"work", "/out"},
		want:  []string{"/out/e.json", "work/a.json", "work/deep/er/b.txt"},
	},
	{
		name:  "a root named like a repository's innards, and a file as root",
		tree:  []string{"node_modules/a.json", "b.json"},
		roots: []string{"node_modules", "b.json"},
		want:  []string{"b.json", "node_modules/a.json"},
	},
	{
		name:  "roots that overlap give a file once, under its agent",
		tree:  []string{".codex/sessions/r.jsonl", "work/a.json"},
		roots: []string{".", "work", "./work/", "work/a.json", ".codex"},
		want:  []string{".codex/sessions/r.jsonl codex", "work/a.json"},
	},
	{
		name:  "links that go round end",
		tree:  []string{".claude/projects/p/s.jsonl", ".claude/projects/p/up -> ..", "work/a.json", "work/self -> .", "work/x -> y", "work/y -> x"},
		roots: []string{"work"},
		want:  []string{".claude/projects/p/s.jsonl claude", "work/a.json", "work/x: too many levels of symbolic links", "work/y: too many levels of symbolic links"},
	},
	{
		name:  "a root or an agent's folder that is a link is followed; files come once",
		tree:  []string{"/disk/claude/p/s.jsonl", ".claude/projects -> /disk/claude", "/disk/work/a.json", "work -> /disk/work", "/disk/work/same.json -> a.json"},
		roots: []string{"work", "/disk"},
		want:  []string{".claude/projects/p/s.jsonl claude", "work/a.json"},
	},
	{
		name:  "names that would spoil a terminal are cleaned",
		tree:  []string{"work/a\x1b[31m\u202eb\xff.json"},
		roots: []string{"work"},
		want:  []string{"work/ab\ufffd.json"},
	},
}

// Discover looks in the known places, in roots, and nowhere else.
func TestDiscover(t *testing.T) {
	for _, c := range discoveries {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			place := func(path string) string {
				if strings.HasPrefix(path, "/") {
					return filepath.Join(dir, "beside", path)
				}
				return filepath.Join(dir, "home", path)
			}
			for _, path := range c.tree {
				name, to, link := strings.Cut(path, " -> ")
				if err := os.MkdirAll(filepath.Dir(place(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				err := error(nil)
				switch {
				case link && strings.HasPrefix(to, "/"):
					err = os.Symlink(place(to), place(name))
				case link:
					err = os.Symlink(to, place(name))
				default:
					err = os.WriteFile(place(name), []byte("x"), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			w := Where{Home: place("."), Env: func(name string) string {
				var dirs []string
				for dir := range strings.SplitSeq(c.env[name], ",") {
					if dir != "" {
						dirs = append(dirs, place(dir))
					}
				}
				return strings.Join(dirs, ",")
			}}
			for _, root := range c.roots {
				if strings.HasPrefix(root, "/") {
					root = place(root)
				}
				w.Roots = append(w.Roots, root)
			}
			found, _ := Discover(w)
			var got []string
			for _, f := range found {
				line := strings.TrimPrefix(f.Path, filepath.ToSlash(filepath.Join(dir, "beside")))
				if f.Agent != "" {
					line += " " + f.Agent
				}
				if f.Err != nil {
					line += ": " + reason(f.Err)
				}
				got = append(got, line)
			}
			if got, want := strings.Join(got, "\n"), strings.Join(c.want, "\n"); got != want {
				t.Errorf("Discover found\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Places that were looked at are told, with why they could not be read: zero
// files are never silent.
func TestDiscoverTellsWhereItLooked(t *testing.T) {
	home := t.TempDir()
	_, looked := Discover(Where{Home: home, Roots: []string{"nowhere"}})
	told := make(map[string]string)
	for _, l := range looked {
		told[l.Place] += l.Agent + l.Err
	}
	for place, want := range map[string]string{".claude/projects": "claude", ".codex/sessions": "codex", "nowhere": "no such file or directory"} {
		if got, ok := told[place]; !ok && want != "" || !strings.HasPrefix(got, want) {
			t.Errorf("looked at %s: %q, want %q", place, got, want)
		}
	}
}
