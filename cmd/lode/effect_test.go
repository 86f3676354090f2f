package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lode/miner"
	"lode/rules/effect"
)

// shop is a made-up home in which an agent works on one project, a session at
// a time.
type shop struct {
	t                  *testing.T
	home, root, config string
	n                  int
}

func newShop(t *testing.T) *shop {
	dir := t.TempDir()
	s := &shop{t: t, home: filepath.Join(dir, "home"), root: filepath.Join(dir, "shop"), config: filepath.Join(dir, "lode.yaml")}
	s.write(filepath.Join(s.root, "CLAUDE.md"), "# Shop\n\n- Be kind.\n")
	s.write(s.config, fmt.Sprintf("projects:\n  - {name: shop, match: [%q], root: %q}\n", s.root, s.root))
	return s
}

func (s *shop) write(file, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// session writes a session of Claude Code in which tests are run, with a tool
// that is missing first where it goes wrong.
func (s *shop) session(at time.Time, model string, wrong bool) {
	s.n++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", s.n)
	var b strings.Builder
	line := func(kind string, message any, more string) {
		at = at.Add(10 * time.Second)
		text, err := json.Marshal(message)
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&b, `{"type":%q,"sessionId":%q,"uuid":"%s-%d","timestamp":%q,"cwd":%q,"version":"2.1.0","message":%s%s}`+"\n", kind, id, id, b.Len(), at.UTC().Format(time.RFC3339), s.root, text, more)
	}
	run := func(command, output string, failed bool) {
		call := fmt.Sprintf("toolu_%d_%d", s.n, b.Len())
		line("assistant", map[string]any{"role": "assistant", "model": model, "id": call, "content": []any{map[string]any{"type": "tool_use", "id": call, "name": "Bash", "input": map[string]any{"command": command}}}}, "")
		line("user", map[string]any{"role": "user", "content": []any{map[string]any{"type": "tool_result", "tool_use_id": call, "content": output, "is_error": failed}}}, "")
	}
	line("user", map[string]any{"role": "user", "content": "Fix the cart"}, "")
	if wrong {
		run("pytest tests/test_cart.py", "Exit code 127\n/bin/bash: line 1: pytest: command not found", true)
	}
	run("uv run pytest tests/test_cart.py", "4 passed", false)
	s.write(filepath.Join(s.home, ".claude", "projects", "shop", id+".jsonl"), b.String())
}

// days writes two sessions a day from a day on; every some-th goes wrong, none
// where some is 0.
func (s *shop) days(from string, n int, model string, some int) {
	day, err := time.Parse(time.DateOnly, from)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range 2 * n {
		s.session(day.Add(time.Duration(i)*12*time.Hour), model, some > 0 && i%some == 0)
	}
}

func (s *shop) lode(state, now string, args ...string) string {
	s.t.Helper()
	var out strings.Builder
	args = append([]string{"--home", s.home, "--state", state, "--config", s.config, "--now", now}, args...)
	if code := runIn(s.t, &out, args...); code != 0 {
		s.t.Fatalf("lode %s: exit code %d: %s", strings.Join(args, " "), code, out.String())
	}
	return out.String()
}

// accept makes two months of sessions, has the pattern of the second found, and
// accepts the rule.
func (s *shop) accept(state string) (id string) {
	s.days("2026-01-01", 59, "claude-sonnet-4-5-20250929", 2)
	out := s.lode(state, "2026-03-01", "nightly")
	at := strings.Index(out, "r-")
	if at < 0 {
		s.t.Fatalf("nightly proposes nothing: %s", out)
	}
	id = out[at : at+10]
	s.lode(state, "2026-03-01T12:00:00Z", "review", "accept", id)
	return id
}

// What later nights say of an accepted rule: first nothing, then that it is
// fewer since, once; and what a person would be told who asks.
func TestEffect(t *testing.T) {
	s, state := newShop(t), filepath.Join(t.TempDir(), "state")
	id := s.accept(state)
	s.days("2026-03-02", 3, "claude-sonnet-4-5-20250929", 4)
	if out := s.lode(state, "2026-03-05", "nightly"); out != "" {
		t.Errorf("the night after says %q", out)
	}
	out := s.lode(state, "2026-03-05", "review", "effect")
	if !strings.Contains(out, id+"  waiting") || !strings.Contains(out, "before 29/58 opportunities · since 2/6 · E 1.0 · no placebo · loaded in 6/6 · violated while loaded 2") {
		t.Errorf("effect after three days = %s", out)
	}
	s.days("2026-03-05", 30, "claude-sonnet-4-5-20250929", 0)
	out = s.lode(state, "2026-04-10", "nightly")
	if !strings.Contains(out, id+"  fewer since") || !strings.Contains(out, "since 2/66") {
		t.Errorf("the night on which it is proven says %q", out)
	}
	if out := s.lode(state, "2026-04-11", "nightly"); out != "" {
		t.Errorf("the night after that says %q", out)
	}
	page, err := os.ReadFile(filepath.Join(state, "site", "index.html"))
	if err != nil || !strings.Contains(string(page), "fewer since") {
		t.Errorf("the page does not say it: %v", err)
	}
	if out := s.lode(state, "2026-04-11", "review", "show", id); !strings.Contains(out, "In force since 2026-03-01: fewer since.\n") {
		t.Errorf("show = %s", out)
	}
	if page, err := os.ReadFile(filepath.Join(state, "site", id+".html")); err != nil || !strings.Contains(string(page), "Did it help?") {
		t.Errorf("the rule's page does not say whether it helped: %v", err)
	}
	var view effectView
	if err := json.Unmarshal([]byte(s.lode(state, "2026-04-11", "--json", "review", "effect", id)), &view); err != nil || len(view.Rules) != 1 || view.Confirmed != 1 || view.Rules[0].Card.Since.Opportunities != 66 {
		t.Errorf("effect --json = %+v, %v", view, err)
	}
	if out := s.lode(state, "2026-06-20", "nightly"); !strings.Contains(out, id+"  idle") || !strings.Contains(out, "lode review retire "+id) {
		t.Errorf("after two months without a session it says %q", out)
	}
	if out := s.lode(state, "2026-06-20", "review", "list"); !strings.Contains(out, id+"  idle") {
		t.Errorf("the list does not show the idle rule: %q", out)
	}
	s.lode(state, "2026-06-20", "review", "retire", id, "--reason", "idle")
	if text, err := os.ReadFile(filepath.Join(s.root, "CLAUDE.md")); err != nil || string(text) != "# Shop\n\n- Be kind.\n" {
		t.Errorf("retired, CLAUDE.md says %q, %v", text, err)
	}
	if out := s.lode(state, "2026-06-20", "review", "effect"); !strings.Contains(out, "no rule is in force") {
		t.Errorf("retired, effect says %q", out)
	}
}

// The same sessions, but another model since: nothing can be compared.
func TestEffectOfAnotherModel(t *testing.T) {
	s, state := newShop(t), filepath.Join(t.TempDir(), "state")
	id := s.accept(state)
	s.days("2026-03-02", 30, "claude-sonnet-5-20260301", 0)
	s.lode(state, "2026-04-10", "nightly")
	if out := s.lode(state, "2026-04-10", "review", "effect"); !strings.Contains(out, id+"  no evidence") || !strings.Contains(out, "not compared, for lack of a baseline: claude with claude-sonnet-5") {
		t.Errorf("effect = %s", out)
	}
}

// A rule in a file that the agent is not given is said to be not loaded.
func TestEffectNotLoaded(t *testing.T) {
	s, state := newShop(t), filepath.Join(t.TempDir(), "state")
	id := s.accept(state)
	text, err := os.ReadFile(filepath.Join(s.root, "CLAUDE.md"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(s.root, "docs", "rules.md"), string(text))
	s.write(filepath.Join(s.root, "CLAUDE.md"), "# Shop\n")
	s.days("2026-03-02", 3, "claude-sonnet-4-5-20250929", 0)
	s.lode(state, "2026-03-05", "ingest")
	if out := s.lode(state, "2026-03-05", "review", "effect"); !strings.Contains(out, id+"  not loaded") || !strings.Contains(out, "move: ") {
		t.Errorf("effect = %s", out)
	}
	s.write(filepath.Join(s.root, "CLAUDE.md"), string(text))
	s.lode(state, "2026-03-05", "review", "move", id, "AGENTS.md")
	moved, err := os.ReadFile(filepath.Join(s.root, "AGENTS.md"))
	if err != nil || strings.Count(string(moved), "uv run pytest") != 1 {
		t.Errorf("moved, AGENTS.md says %q, %v", moved, err)
	}
	if left, err := os.ReadFile(filepath.Join(s.root, "CLAUDE.md")); err != nil || strings.Contains(string(left), "uv run pytest") {
		t.Errorf("moved, CLAUDE.md says %q, %v", left, err)
	}
}

// In another working tree of the project the rule is loaded from the commit on
// that brought it there.
func TestLoads(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	s := newShop(t)
	other := filepath.Join(t.TempDir(), "other")
	git := func(dir, date string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_COMMITTER_DATE="+date, "GIT_AUTHOR_DATE="+date)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	git(s.root, "", "init", "-q", "-b", "main")
	git(s.root, "", "add", ".")
	git(s.root, "2026-03-05T00:00:00Z", "commit", "-qm", "first")
	git(s.root, "", "worktree", "add", "-q", other)
	s.write(filepath.Join(s.root, "CLAUDE.md"), "# Shop\n\n- Be kind.\n- Not committed.\n")
	w, err := (&globals{environment: environment{getenv: os.Getenv}, state: t.TempDir(), home: s.home, config: s.config}).world()
	if err != nil {
		t.Fatal(err)
	}
	loads := (&library{w: w}).loads(context.Background())
	for _, c := range []struct {
		agent, cwd, line, start string
		want                    effect.Loaded
	}{
		{"claude", s.root, "Be kind.", "2026-01-01", effect.Yes},
		{"claude", s.root, "Not committed.", "2026-01-01", effect.Yes},
		{"claude", s.root, "Never.", "2026-01-01", effect.No},
		{"claude", other, "Be kind.", "2026-03-06", effect.Yes},
		{"claude", other, "Be kind.", "2026-03-04", effect.Unknown},
		{"claude", other, "Not committed.", "2026-03-06", effect.No},
		{"gemini", s.root, "Be kind.", "2026-03-06", effect.No},
		{"somebody", s.root, "Be kind.", "2026-03-06", effect.Unknown},
		{"claude", filepath.Join(other, "gone"), "Be kind.", "2026-03-06", effect.Unknown},
		{"claude", "", "Be kind.", "2026-03-06", effect.Unknown},
	} {
		start, err := time.Parse(time.DateOnly, c.start)
		if err != nil {
			t.Fatal(err)
		}
		if got := loads(&miner.Trace{Agent: c.agent, Cwd: c.cwd, Start: start}, s.root, c.line); got != c.want {
			t.Errorf("loads(%s in %s, %q, %s) = %v, want %v", c.agent, filepath.Base(c.cwd), c.line, c.start, got, c.want)
		}
	}
}
