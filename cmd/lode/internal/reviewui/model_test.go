package reviewui

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"lode/miner"
	"lode/rules"
)

// rig is a model on a real book, whose keys are pressed by name.
type rig struct {
	*testing.T
	m       *Model
	book    *rules.Book
	root    string
	editing string // what the editor makes of a page
}

var monday = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// newRig proposes three rules for two projects; the second has no checkout.
func newRig(t *testing.T, width, height int) *rig {
	t.Helper()
	r := &rig{T: t, root: t.TempDir()}
	write(t, filepath.Join(r.root, "AGENTS.md"), "# Shop\n\n## Tests\n\n- Fast.\n")
	var err error
	if r.book, err = rules.OpenBook(t.TempDir(), monday, "dev"); err != nil {
		t.Fatal(err)
	}
	var patterns []miner.Pattern
	for i, project := range []string{"acme/shop", "acme/atlas", "acme/shop"} {
		tool := fmt.Sprint("tool", i)
		patterns = append(patterns, miner.Pattern{ID: fmt.Sprint("p-", i), Kind: "failing-command", Class: "command-not-found", Role: "test", Project: project,
			Title: tool + " is only available as uv run " + tool, Agents: []string{"codex"}, Subject: tool, Entity: tool,
			Fix: &miner.Fix{Command: "uv run " + tool, InsteadOf: tool, Sessions: 3}, Sessions: 4, Occurrences: 5, Recommended: true,
			Evidence: []miner.Evidence{{Ref: "codex/s#1", Quote: "not found: " + tool}, {Ref: "codex/s#2", Quote: "not found again"}}})
	}
	rootOf := func(project string) string {
		if project == "acme/shop" {
			return r.root
		}
		return ""
	}
	if made, err := r.book.Propose(patterns, rootOf, 5, func(rules.Evidence) bool { return true }); err != nil || len(made.New) != 3 {
		t.Fatalf("Propose = %+v, %v", made, err)
	}
	if r.m, err = New(r.desk()); err != nil {
		t.Fatal(err)
	}
	r.m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return r
}

func (r *rig) desk() Desk {
	return Desk{
		List:   r.book.List,
		Accept: func(id, root string) (*rules.Proposal, error) { return r.book.Accept(id, root, "") },
		Reject: r.book.Reject,
		Snooze: func(id string, days int) (*rules.Proposal, error) {
			return r.book.Snooze(id, "", monday.AddDate(0, 0, days))
		},
		Undo: func(id string) (*rules.Proposal, error) { return r.book.Undo(id, "") },
		Edit: func(id string) (*exec.Cmd, func(error) (*rules.Proposal, error), error) {
			return exec.Command("true"), func(err error) (*rules.Proposal, error) {
				if err != nil {
					return nil, err
				}
				return r.book.Edit(id, []string{r.editing}, "")
			}, nil
		},
		Evidence: func(ref string) (string, error) {
			if strings.HasSuffix(ref, "#2") {
				return "", errors.New("there is no such session")
			}
			return "what stood around\t" + ref + "\x1b[2J", nil
		},
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) file() string {
	r.Helper()
	text, err := os.ReadFile(filepath.Join(r.root, "AGENTS.md"))
	if err != nil {
		r.Fatal(err)
	}
	return string(text)
}

var special = map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "backspace": tea.KeyBackspace,
	"pgdown": tea.KeyPgDown, "space": tea.KeySpace}

// press presses keys by name, words letter by letter, and lets what they start
// come to its end.
func (r *rig) press(keys ...string) *rig {
	r.Helper()
	for _, k := range keys {
		if code, ok := special[k]; ok {
			r.send(tea.KeyPressMsg{Code: code})
			continue
		}
		for _, letter := range k {
			r.send(tea.KeyPressMsg{Code: letter, Text: string(letter)})
		}
	}
	return r
}

func (r *rig) send(msg tea.Msg) {
	_, cmd := r.m.Update(msg)
	for cmd != nil {
		msg := cmd()
		if _, quits := msg.(tea.QuitMsg); quits {
			return
		}
		_, cmd = r.m.Update(msg)
	}
}

func (r *rig) screen() string { return ansi.Strip(r.m.View().Content) }

func (r *rig) sees(want ...string) {
	r.Helper()
	for _, w := range want {
		if s := r.screen(); !strings.Contains(s, w) {
			r.Errorf("%q is not on the screen:\n%s", w, s)
		}
	}
}

func (r *rig) seesNot(words ...string) {
	r.Helper()
	for _, w := range words {
		if s := r.screen(); strings.Contains(s, w) {
			r.Errorf("%q is on the screen:\n%s", w, s)
		}
	}
}

// A new user at 80x24 sees what is proposed and which keys there are; opens the
// first, reads its diff and its evidence, accepts it and takes it back.
func TestStory(t *testing.T) {
	r := newRig(t, 80, 24)
	before := r.file()
	r.sees("lode review  3 open, 0 decided", "acme/shop", "> tool0 is only", "4 sessions", "Run tests with `uv run tool0`", "a accept", "q quit")
	r.seesNot("## Tests")
	r.press("a").sees("+ - Run tests with `uv run tool0`", "- Fast.", "a again accepts it", "1 of 3")
	if r.file() != before {
		t.Fatal("one key changed a file whose diff was not seen")
	}
	r.press("tab", "enter").sees("> - 1  codex/s#1", "│ what stood around    codex/s#1")
	r.press("enter").seesNot("what stood around")
	r.press("2").sees("there is no such session")
	r.press("a").sees("accepted (u undoes it): "+r.root, "u undo")
	if !strings.Contains(r.file(), "uv run tool0") {
		t.Errorf("accepted: %q", r.file())
	}
	r.press("q").sees("2 open, 1 decided", "accepted")
	r.press("u").sees("undone")
	if r.file() != before {
		t.Errorf("undone: %q", r.file())
	}
}

// Side by side, the diff is seen from the start, and one key decides.
func TestWide(t *testing.T) {
	r := newRig(t, 200, 50)
	r.sees("> tool0", "│", "+ - Run tests with `uv run tool0`", "Evidence")
	r.press("j").sees("> tool2", "+ - Run tests with `uv run tool2`")
	r.press("a").sees("accepted (u undoes it): ")
	if !strings.Contains(r.file(), "uv run tool2") {
		t.Errorf("accepted: %q", r.file())
	}
}

func TestRejectAndSnooze(t *testing.T) {
	r := newRig(t, 80, 24)
	r.press("r").sees("reject, because (may be empty): ")
	r.press("esc").sees("3 open")
	r.press("r", "not herx", "backspace", "e", "enter").sees("rejected", "2 open, 1 decided")
	e := r.book.Ledger.Entries
	if last := e[len(e)-1]; last.Event != rules.EvRejected || last.Reason != "not here" {
		t.Errorf("the ledger ends with %+v", last)
	}
	r.press("n", "s", "backspace", "x", "enter").sees(`"x" is not a number of days`)
	r.press("s", "backspace", "14", "enter").sees("put off for 14 days")
	if r.press("u"); !r.m.bad {
		t.Error("what is put off was undone")
	}
	r.sees("nothing to undo")
}

// Where no checkout is known, its folder is asked for.
func TestNoCheckout(t *testing.T) {
	r := newRig(t, 200, 50)
	r.press("G", "a").sees("no checkout of acme/atlas is known here; its folder: ")
	dir := t.TempDir()
	r.m.Update(tea.PasteMsg{Content: dir + "\n"})
	r.press("enter").sees("accepted (u undoes it): " + dir)
	if _, err := os.Stat(filepath.Join(dir, "AGENTS.md")); err != nil {
		t.Error(err)
	}
}

// A file that changed meanwhile is shown with the proposal made anew, and is
// changed only by another key.
func TestMoved(t *testing.T) {
	r := newRig(t, 200, 50)
	write(t, filepath.Join(r.root, "AGENTS.md"), "# Mine\n")
	r.press("a").sees("AGENTS.md has changed since", "nothing was applied", "# Mine")
	if r.file() != "# Mine\n" {
		t.Fatalf("the file is %q", r.file())
	}
	r.press("a").sees("accepted (u undoes it): ")
}

func TestEditor(t *testing.T) {
	defer func(f func(*exec.Cmd, tea.ExecCallback) tea.Cmd) { runEditor = f }(runEditor)
	var failed error
	runEditor = func(_ *exec.Cmd, f tea.ExecCallback) tea.Cmd { return func() tea.Msg { return f(failed) } }
	r := newRig(t, 80, 24)
	r.editing = "- Only `uv run tool0`.\n"
	r.press("e").sees("now says: Only `uv run tool0`.")
	r.editing = ""
	r.press("e").sees("nothing is left of it")
	failed = errors.New("exit status 1")
	r.press("e").sees("exit status 1")
	r.press("enter").sees("+ - Only `uv run tool0`.")
}

// A second decision waits until the first is carried out.
func TestBusy(t *testing.T) {
	r := newRig(t, 200, 50)
	_, first := r.m.Update(tea.KeyPressMsg{Code: 'a', Text: "a"})
	if _, second := r.m.Update(tea.KeyPressMsg{Code: 'a', Text: "a"}); second != nil {
		t.Error("two decisions at once")
	}
	r.m.Update(first())
	r.sees("accepted (u undoes it)")
	r.press("u").sees("undone")
}

func TestFilterAndDecided(t *testing.T) {
	r := newRig(t, 80, 24)
	r.press("/", "atlas").sees("tool1", "filter: atlas")
	r.seesNot("tool0", "tool2")
	r.press("enter", "esc").sees("tool0", "tool2")
	r.press("/", "nothing like it").sees("Nothing fits the filter. esc clears it.")
	r.press("esc").sees("3 open")
	if _, err := r.book.Reject(r.m.all[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	m, err := New(r.desk())
	if err != nil {
		t.Fatal(err)
	}
	r.m = m
	r.seesNot("tool0")
	r.press("v").sees("tool0", "rejected")
	r.press("?").sees("Keys", "back only when the evidence doubles", "any key goes back")
	r.press("x").sees("tool0")
}

// No screen is wider or higher than the terminal, whatever is shown in it.
func TestFits(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {200, 50}, {120, 30}, {40, 10}, {20, 5}} {
		r := newRig(t, size[0], size[1])
		for _, keys := range [][]string{{}, {"down"}, {"enter"}, {"1"}, {"pgdown"}, {"G"}, {"?"}, {"x"}, {"r"}, {"a very long reason that does not fit into the line of a small terminal at all"}, {"esc"}, {"q"}} {
			r.press(keys...)
			lines := strings.Split(r.screen(), "\n")
			if want := max(size[1], 6); len(lines) > want {
				t.Errorf("%v after %q: %d lines", size, keys, len(lines))
			}
			if i := slices.IndexFunc(lines, func(l string) bool { return ansi.StringWidth(l) > size[0] }); i >= 0 {
				t.Errorf("%v after %q: line %d is wider: %q", size, keys, i, lines[i])
			}
			if strings.ContainsAny(r.screen(), "\x1b\t") {
				t.Errorf("%v after %q: control characters are shown", size, keys)
			}
		}
	}
}

// Nothing to show is said.
func TestEmpty(t *testing.T) {
	m, err := New(Desk{List: func() ([]*rules.Proposal, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, m: m}
	r.sees("There are no proposals yet. lode nightly makes them.")
	r.press("a", "e", "r", "u", "enter", "tab", "1", "j", "G")
	r.sees("There are no proposals yet")
}
