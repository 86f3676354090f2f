package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lode/miner"
	"lode/session"
)

const workflow = `on: [pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: test
        run: |
          go test ./...
  other:
    steps: []
`

// A rule that stands already, and is not followed by those who loaded it, gets
// what cannot be passed over: by what it is about, and in what file.
func TestEscalates(t *testing.T) {
	ask := func(class string) miner.Pattern { return miner.Pattern{Kind: "request", Class: class} }
	for _, c := range []struct {
		name         string
		p            miner.Pattern
		agents, line string
		files        string // name=text
		target, want string // want is added; "" for no proposal
	}{
		{"a flag", miner.Pattern{Kind: "failing-command", Class: miner.UsageError, Subject: "lint run", Entity: "--fast", Fix: fix("lint run --fast-only", "lint run --fast")},
			"claude", "- Use `lint run --fast-only`, never `lint run --fast`.", "", claudeSettings, `"Bash(lint run --fast:*)"`},
		{"beside other settings", miner.Pattern{Kind: "shortcut", Class: "no-verify", Subject: "git commit --no-verify"},
			"claude", "- Do not pass by hooks with `git commit --no-verify`: fix what they find.", claudeSettings + `={"permissions": {"deny": ["Read(.env)"]}}`, claudeSettings, `"Read(.env)", "Bash(git commit --no-verify:*)"`},
		{"a wish", ask("amend"), "claude", "- Do not amend commits: make a new one.", "", claudeSettings, `"Bash(git commit --amend:*)"`},
		{"what is to be asked", ask("unasked-commit"), "claude", "- Do not commit or push unless asked to.", "", claudeSettings, `"Bash(git push:*)"`},
		{"a check", miner.Pattern{Kind: "forgotten-check", Subject: "task lint"}, "claude codex", "- Run `task lint` before each commit.", "", claudeSettings, `if grep -q 'git commit'; then task lint >&2 || exit 2; fi`},
		{"a formatter", miner.Pattern{Kind: "finding", Subject: "task lint", Entity: miner.Unformatted, Fix: fix("gofmt -w <path>", "")}, "claude", "- Mind the formatting: `task lint` has it.", "", claudeSettings, `"command": "gofmt -w ."`},
		{"a check of another agent", miner.Pattern{Kind: "forgotten-check", Subject: "task lint"}, "codex", "- Run `task lint` before each commit.", ".github/workflows/ci.yml=" + workflow, ".github/workflows/ci.yml", "      - run: task lint\n"},
		{"a check that CI has", miner.Pattern{Kind: "forgotten-check", Subject: "go test"}, "codex", "- Run `go test` before each commit.", ".github/workflows/ci.yml=" + workflow, "", ""},
		{"one folder", miner.Pattern{Kind: "finding", Subject: "task lint", Entity: "errcheck", Folder: "web"}, "claude", "- Heed errcheck.", "", ".claude/rules/web.md", "- Handle every returned error"},
		{"settings with comments", ask("amend"), "claude", "- Do not amend commits: make a new one.", claudeSettings + "=// mine\n{}", "", ""},
		{"a wish that nothing can enforce", ask("simple"), "claude", "- " + requestAdvice["simple"], "", "", ""},
		{"a command that cannot stand there", miner.Pattern{Kind: "forgotten-check", Subject: "task lint; rm x"}, "claude", "- Run `task lint; rm x` before each commit.", "", "", ""},
		{"nobody to enforce it", ask("amend"), "codex", "- Do not amend commits: make a new one.", "", "", ""},
	} {
		files := map[string]string{"AGENTS.md": "# A\n\n" + c.line + "\n", "Taskfile.yml": "tasks: {lint: {}}"}
		if name, text, ok := strings.Cut(c.files, "="); ok {
			files[name] = text
		}
		d := newDesk(t, absent, 0).with(files)
		p := c.p
		p.ID, p.Project, p.Recommended, p.Sessions, p.Occurrences, p.Agents = "p-x", "acme/shop", true, 4, 4, strings.Fields(c.agents)
		p.Evidence = []miner.Evidence{{Ref: "claude/s1#1", Hash: "00", Quote: "x"}}
		for n := range 4 {
			p.SessionList = append(p.SessionList, miner.SessionSeen{Session: fmt.Sprint("claude/s", n), Root: fmt.Sprint("claude/s", n)})
		}
		loaded := 2
		d.Loaded = func(name string) []session.Instruction {
			if name >= fmt.Sprint("claude/s", loaded) {
				return nil
			}
			return []session.Instruction{{Path: "AGENTS.md", Lines: []string{"* " + strings.TrimPrefix(c.line, "- ")}}}
		}
		if made := d.propose(p); len(made.New) != 0 || len(made.Covered) != 1 {
			t.Errorf("%s: loaded in two sessions: proposed %v, covered %v", c.name, namesOf(made.New), made.Covered)
		}
		loaded = 3
		made := d.propose(p)
		if c.want == "" {
			if len(made.New) != 0 {
				t.Errorf("%s: proposed %s", c.name, made.New[0].Diff)
			}
			continue
		}
		if len(made.New) != 1 {
			t.Errorf("%s: proposed %d", c.name, len(made.New))
			continue
		}
		e := made.New[0]
		if e.Change != Escalate || e.Target != c.target || !strings.Contains(e.Why, "loaded in 3 sessions") {
			t.Errorf("%s: %s of %s, %s", c.name, e.Change, e.Target, e.Why)
		}
		before := d.holds(c.target)
		q, err := d.Accept(e.ID, "", "")
		d.must(q, err)
		after := d.holds(c.target)
		if !strings.Contains(after, c.want) || strings.HasSuffix(c.target, ".json") && !json.Valid([]byte(after)) {
			t.Errorf("%s: %s is now %s, want %q in it", c.name, c.target, after, c.want)
		}
		if made := d.propose(p); len(made.New) != 0 {
			t.Errorf("%s: proposed again: %s", c.name, made.New[0].Diff)
		}
		q, err = d.Undo(e.ID, "")
		d.must(q, err)
		if d.holds(c.target) != before {
			t.Errorf("%s: undone, %s is %q, want %q", c.name, c.target, d.holds(c.target), before)
		}
	}
}

// A step is added where the others of a job that runs something end.
func TestWithStep(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{workflow, strings.Replace(workflow, "  other:", "      - run: x\n  other:", 1)},
		{"on: push\njobs:\n  a:\n    steps:\n    - uses: b\n    - run: c", "on: push\njobs:\n  a:\n    steps:\n    - uses: b\n    - run: c\n    - run: x"},
		{"on: push\r\njobs:\r\n  a:\r\n    steps:\r\n      - run: c\r\n\r\n    env: {}\r\n", "on: push\r\njobs:\r\n  a:\r\n    steps:\r\n      - run: c\r\n      - run: x\r\n\r\n    env: {}\r\n"},
		{"on: push\njobs:\n  a:\n    steps:\n      - uses: b\n", ""},
		{"on: schedule\njobs:\n  a:\n    steps:\n      - run: b\n", ""},
		{"", ""},
	} {
		if got, ok := withStep(c.text, "x"); got != c.want || ok != (c.want != "") {
			t.Errorf("withStep(%q) = %q, %v, want %q", c.text, got, ok, c.want)
		}
	}
}
