package target

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lay writes files below a new root and home: names that begin with ~/ go there,
// "name -> other" is a link.
func lay(t testing.TB, files map[string]string) Place {
	t.Helper()
	p := Place{Home: t.TempDir(), Root: t.TempDir()}
	for name, text := range files {
		if link, to, ok := strings.Cut(name, " -> "); ok {
			file := filepath.Join(p.Root, link)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(to, file); err != nil {
				t.Skip("no links on this system")
			}
			continue
		}
		write(t, p.on(name), text)
	}
	return p
}

// Each file of testdata/inforce is a project with what is asked about it, lines
// of "agent folder opened", and what is in force there.
func TestInForce(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "inforce", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		laid, asks, want := make(map[string]string), "", -1
		for i, f := range a.Files {
			switch f.Name {
			case "ask":
				asks = string(f.Data)
			case "want":
				want = i
			default:
				laid[f.Name] = string(f.Data)
			}
		}
		p := lay(t, laid)
		var b strings.Builder
		for line := range strings.Lines(asks) {
			f := strings.Fields(line)
			p.Dir, p.Opened = strings.TrimPrefix(f[1], "."), f[2:]
			c := InForce(f[0], p)
			fmt.Fprintf(&b, "%s:\n", strings.TrimSpace(line))
			if !c.Known {
				b.WriteString("  nothing is known\n")
			}
			for _, in := range c.Files {
				fmt.Fprintf(&b, "  %s (%s)", in.Path, in.Why)
				if in.Lost > 0 {
					fmt.Fprintf(&b, ", %d bytes of it, %d are cut", len(in.Text), in.Lost)
				}
				b.WriteByte('\n')
			}
		}
		if *update {
			a.Files[want].Data = []byte(b.String())
			write(t, file, string(txtar.Format(a)))
		}
		if diff := cmp.Diff(string(a.Files[want].Data), b.String()); diff != "" {
			t.Errorf("%s (-want +got; -update rewrites it):\n%s", file, diff)
		}
	}
}

// Codex cuts the chain at 32 KiB, what is nearest first; a file that is only in
// part in force holds only the lines of that part.
func TestCut(t *testing.T) {
	long := strings.Repeat("- long\n", 5000) + "- last\n"
	p := lay(t, map[string]string{"~/.codex/AGENTS.md": long, "AGENTS.md": long, "web/AGENTS.md": "- near\n"})
	p.Dir = "web"
	c := InForce("codex", p)
	if got := len(c.Files); got != 3 {
		t.Fatalf("codex loads %d files, want 3", got)
	}
	root, near := c.Find("AGENTS.md"), c.Find("web/AGENTS.md")
	if root.Lost != len(long)-CodexBytes || near.Lost != len("- near\n") || !c.Holds("long") || c.Holds("near") {
		t.Errorf("lost of the root %d, of the near file %d; holds %v, %v", root.Lost, near.Lost, c.Holds("long"), c.Holds("near"))
	}
	if !c.Holds("* last") {
		t.Error("the person's own file counts against the project's")
	}
	if want := (len(long)+3)/4 + CodexBytes/4; c.Tokens() != want {
		t.Errorf("tokens = %d, want %d", c.Tokens(), want)
	}
}

// Every kind of file says what it is. Where it is put, with what it begins
// with, the agents that it names load it; for a folder only there, if it is by
// path; and its name is one that it knows.
func TestTable(t *testing.T) {
	for _, target := range Table {
		if target.Name == "" || target.Doc == "" || target.Reach == "" || len(target.Globs) == 0 {
			t.Errorf("%+v does not say what it is", target)
		}
		for _, folder := range []string{"", "web/app"} {
			file, text := target.File(folder), "- Rule.\n"
			if got := Of(file); got != target {
				t.Errorf("%s: %s is not known as its own", target.Name, file)
			}
			if target.Frame != nil {
				text = target.Frame(folder) + text
			}
			for _, agent := range target.Agents {
				p := lay(t, map[string]string{file: text, "web/app/main.go": ""})
				p.Dir, p.Opened = folder, []string{path.Join(folder, "main.go")}
				c := InForce(agent, p)
				if !c.Holds("Rule.") {
					t.Errorf("%s: %s does not load %s for %q: %+v", target.Name, agent, file, folder, c.Files)
				}
				p.Dir, p.Opened = "", []string{"docs/x.md"}
				if c := InForce(agent, p); target.Reach == ByPath && folder != "" && c.Holds("Rule.") {
					t.Errorf("%s: %s loads %s for a file elsewhere", target.Name, agent, file)
				}
			}
		}
	}
}

func TestImports(t *testing.T) {
	got := Imports("@AGENTS.md and (see @docs/x.md), mail@example.com, @someone, `@code.md`\n- @./y.md.\n```\n@fenced.md\n```\n@~/mine.md\n")
	if diff := cmp.Diff([]string{"AGENTS.md", "docs/x.md", "y.md", "~/mine.md"}, got); diff != "" {
		t.Errorf("Imports (-want +got):\n%s", diff)
	}
}

// A rule goes to a file that the agents of the evidence load.
func TestChoose(t *testing.T) {
	for _, c := range []struct{ files, agents, need, want string }{ // files are name, name=text or name->link; want is file: part of why
		{"", "claude", "", "+AGENTS.md: no instruction file yet"},
		{"", "claude codex", "", "+AGENTS.md: no instruction file yet"},
		{"", "", "", "+AGENTS.md: no instruction file yet"},
		{"", "gemini", "", "+GEMINI.md: gemini reads"},
		{"", "aider", "", "+CONVENTIONS.md: read: in .aider.conf.yml"},
		{"", "mini-swe-agent", "", "+AGENTS.md: no instruction file yet"},
		{"AGENTS.md", "claude", "", "AGENTS.md: has it"},
		{"AGENTS.md", "mini-swe-agent", "", "AGENTS.md: has it"},
		{"CLAUDE.md", "specstory", "", "CLAUDE.md: has it"},
		{".claude/CLAUDE.md GEMINI.md", "specstory", "", ".claude/CLAUDE.md: has it"},
		{"CLAUDE.md", "claude", "", "CLAUDE.md: has it"},
		{"CLAUDE.md", "codex", "", "+AGENTS.md: codex does not read CLAUDE.md"},
		{"CLAUDE.md", "claude codex", "", "+AGENTS.md<CLAUDE.md: once here, and imported by CLAUDE.md"},
		{"AGENTS.md CLAUDE.md", "claude codex", "", "AGENTS.md<CLAUDE.md: imported by CLAUDE.md"},
		{"AGENTS.md", "codex gemini", "", "AGENTS.md<GEMINI.md: imported by GEMINI.md"},
		{"AGENTS.md", "codex aider", "", "AGENTS.md: aider does not read it"},
		{".claude/CLAUDE.md", "claude", "", ".claude/CLAUDE.md: has it"},
		{"CLAUDE.md .claude/CLAUDE.md", "claude", "", "CLAUDE.md: claude reads"},
		{"AGENTS.md CLAUDE.md", "claude", "", "CLAUDE.md: claude reads"},
		{"AGENTS.md CLAUDE.md", "codex pi", "", "AGENTS.md: codex and pi read"},
		{"AGENTS.md CLAUDE.md=@AGENTS.md", "claude", "", "AGENTS.md: CLAUDE.md imports it"},
		{"AGENTS.md CLAUDE.md=@AGENTS.md", "claude codex", "", "AGENTS.md: CLAUDE.md imports it"},
		{"AGENTS.md=@CLAUDE.md CLAUDE.md", "codex", "", "AGENTS.md: codex reads"}, // codex has no imports
		{"AGENTS.md CLAUDE.md=@docs/AGENTS.md", "claude", "", "CLAUDE.md: claude reads"},
		{"AGENTS.md CLAUDE.md=Ask_`@AGENTS.md`", "claude", "", "CLAUDE.md: claude reads"},
		{"AGENTS.md .claude/CLAUDE.md=@../AGENTS.md", "claude", "", "AGENTS.md: .claude/CLAUDE.md imports it"},
		{"AGENTS.md CLAUDE.md->AGENTS.md", "claude", "", "AGENTS.md: CLAUDE.md is a link to it"},
		{"CLAUDE.md AGENTS.md->./CLAUDE.md", "codex", "", "CLAUDE.md: AGENTS.md is a link to it"},
		{"AGENTS.md->gone.md", "codex", "", "+AGENTS.md: no instruction file yet"},
		{"AGENTS.md .gemini/settings.json={\"context\":{\"fileName\":\"AGENTS.md\"}}", "gemini", "", "AGENTS.md: has it"},
		{"CONVENTIONS.md .aider.conf.yml=read:_CONVENTIONS.md", "aider", "", "CONVENTIONS.md: has it"},

		{"AGENTS.md", "claude", "web", "+.claude/rules/web.md: about web"},
		{"AGENTS.md", "cursor", "web", "+.cursor/rules/web.mdc: about web"},
		{"AGENTS.md", "copilot-chat", "web/app", "+.github/instructions/web-app.instructions.md: about web/app"},
		{"AGENTS.md web/AGENTS.md", "cursor", "web/app", "web/AGENTS.md: in force there only"},
		{"CLAUDE.md web/CLAUDE.md web/app/CLAUDE.md", "claude", "web/app", "web/app/CLAUDE.md: in force there only"},
		{"CLAUDE.md .claude/rules/a.md=---\npaths:_[\"web/**\"]\n---\n", "claude", "web/app", ".claude/rules/a.md: in force there only"},
		{"AGENTS.md", "codex", "web", "AGENTS.md: has it"}, // it reads nothing below where it starts
		{"AGENTS.md", "codex", "web/", "+web/AGENTS.md: about web"},
		{"AGENTS.md CLAUDE.md=@AGENTS.md", "claude codex", "web", "AGENTS.md: CLAUDE.md imports it"},

		{"AGENTS.md", "claude", "me", "+CLAUDE.local.md: kept out of what the project shares"},
		{"AGENTS.md", "codex", "me", "+~/.codex/AGENTS.md: kept out"},
		{"AGENTS.md", "claude codex", "me", "+CLAUDE.local.md: codex does not read it"},
		{"AGENTS.md", "mini-swe-agent", "me", "AGENTS.md: has it"},
		{"AGENTS.md ~/.claude/CLAUDE.md", "claude", "all", "~/.claude/CLAUDE.md: once"},
	} {
		files := make(map[string]string)
		for f := range strings.FieldsSeq(strings.ReplaceAll(c.files, "\n", "⏎")) {
			name, text, _ := strings.Cut(f, "=")
			if from, to, ok := strings.Cut(f, "->"); ok {
				name, text = from+" -> "+to, ""
			}
			files[name] = strings.NewReplacer("_", " ", "⏎", "\n").Replace(text)
		}
		p := lay(t, files)
		need := Need{Home: p.Home, Root: p.Root, Agents: strings.Fields(c.agents)}
		switch c.need {
		case "me":
			need.Personal = "it is about this machine"
		case "all":
			need.Everywhere = true
		default:
			need.Folder, need.Inside = strings.TrimSuffix(c.need, "/"), strings.HasSuffix(c.need, "/")
		}
		got := Choose(need)
		file, why, _ := strings.Cut(c.want, ": ")
		text := got.File
		if got.New {
			text = "+" + text
		}
		if len(got.Importers) > 0 {
			text += "<" + strings.Join(got.Importers, "<")
		}
		if text != file || !strings.Contains(got.Why, why) {
			t.Errorf("Choose(%s; %s; %s) = %s: %s, want %s", c.files, c.agents, c.need, text, got.Why, c.want)
		}
		if got.Target == nil || got.Why == "" {
			t.Errorf("Choose(%s; %s; %s) = %+v", c.files, c.agents, c.need, got)
		}
	}
	full := lay(t, map[string]string{"AGENTS.md": strings.Repeat("- long\n", 5000)})
	if got := Choose(Need{Home: full.Home, Root: full.Root, Agents: []string{"codex"}}); got.File != "AGENTS.md" || got.New || !strings.Contains(got.Why, "does not load all of it") {
		t.Errorf("Choose where the file is full = %+v", got)
	}
	if got := Choose(Need{Agents: []string{"claude"}}); got.File != "AGENTS.md" || !got.New {
		t.Errorf("Choose without a root = %+v, want a new AGENTS.md", got)
	}
}

// What is chosen is what the agents of the evidence will load, or it is said
// who does not.
func TestChosenIsLoaded(t *testing.T) {
	for _, files := range [][]string{{}, {"AGENTS.md"}, {"CLAUDE.md"}, {"GEMINI.md"}, {"AGENTS.md", "CLAUDE.md"}, {"web/AGENTS.md"}, {".github/copilot-instructions.md"}, {"CONVENTIONS.md"}, {"AGENTS.override.md", "AGENTS.md"}} {
		for _, agents := range [][]string{{"claude"}, {"codex"}, {"gemini"}, {"cursor"}, {"claude", "codex"}, {"codex", "gemini", "qwen"}, {"copilot", "aider"}, {"pi"}, {"opencode", "claude"}} {
			for _, folder := range []string{"", "web"} {
				laid := make(map[string]string)
				for _, f := range files {
					laid[f] = "# T\n"
				}
				p := lay(t, laid)
				c := Choose(Need{Home: p.Home, Root: p.Root, Agents: agents, Folder: folder})
				p.Opened = []string{"web/x"}
				p = p.with(c.File, c.Frame+"- Rule.\n")
				for _, importer := range c.Importers {
					p = p.with(importer, "@"+c.File+"\n")
				}
				for _, agent := range agents {
					if in := InForce(agent, p); !in.Holds("Rule.") && !slices.Contains(c.Unread, agent) {
						t.Errorf("%v; %v; %q: %s does not load %s: %s", files, agents, folder, agent, c.File, c.Why)
					}
				}
			}
		}
	}
}

// Whatever stands in a rule file, it is loaded or not, and nothing breaks.
func FuzzFront(f *testing.F) {
	f.Add("---\ndescription: x\nglobs: **/*.ts, 'a'\nalwaysApply: true\n---\n- a\n")
	f.Add("---\npaths: [\"a/**\", b]\n---\n@x.md `@y.md`\n```\n@z.md\n```")
	f.Add("---\napplyTo: \"**/*.ts,**\"\n---\n")
	f.Add("---\npaths: !!x {a: [}\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := Place{Root: "/nowhere", Opened: []string{"a/b.ts"}, Instead: map[string]string{
			".cursor/rules/x.mdc": text, ".claude/rules/x.md": text, ".github/instructions/x.instructions.md": text, "CLAUDE.md": text, ".aider.conf.yml": text, "opencode.json": text}}
		for _, agent := range []string{"cursor", "claude", "copilot", "aider", "opencode", "gemini"} {
			if c := InForce(agent, p); len(c.Files) > 100 {
				t.Errorf("%s loads %d files", agent, len(c.Files))
			}
		}
	})
}
