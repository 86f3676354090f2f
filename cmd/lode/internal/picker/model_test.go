package picker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden screens")

var monday = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// shop is a desk with twelve sessions that speak of carts. "refund" finds none
// of them, and a quote that is not closed is an error.
func shop() Desk {
	return Desk{
		Now: monday,
		Search: func(_ context.Context, query string) (Found, error) {
			if strings.Count(query, `"`)%2 == 1 {
				return Found{}, errors.New("the quote is not closed")
			}
			var f Found
			for i := range 12 {
				h := Hit{Ref: fmt.Sprintf("codex/s%d#%d", i, 10+i), Project: "acme/shop", Agent: "codex", Title: fmt.Sprintf("The cart of step %d", i), What: "Bash failed",
					Time: monday.AddDate(0, 0, -i), Snippet: "FAIL: cart is slow", Marks: [][2]int{{6, 10}}, More: i % 3}
				if query == "" || strings.Contains("cart "+h.Title, query) {
					f.Hits = append(f.Hits, h)
				}
			}
			f.Total = fmt.Sprintf("%d hits", 2*len(f.Hits))
			return f, nil
		},
		Close: func(_ context.Context, query string) (Found, error) {
			if query == "crat" {
				return Found{Hits: []Hit{{Ref: "codex/s0#10", Project: "acme/shop", Title: "The cart of step 0", What: "user", Snippet: "the cart"}}, Total: "1 hit", Notes: []string{"cart in place of crat"}}, nil
			}
			return Found{Notes: []string{"the word stands nowhere"}}, nil
		},
		Read: func(ref string) (Page, error) {
			if ref == "codex/s3#13" {
				return Page{}, errors.New("the session is damaged (hint: lode nightly)")
			}
			return Page{Title: "The cart of " + ref, About: ref + " · acme/shop", Left: 7, Resume: "cd /home/dev/shop && codex resume s", Events: []Event{
				{Head: "#9 call Bash", Text: "go test ./cart\nand so on"},
				{Head: "#10 result Bash failed", Text: "FAIL: cart is slow\n\x1b[2J" + strings.Repeat("a line of output\n", 40), At: true},
				{Head: "#11 agent", Text: "I look at the cart."},
			}}, nil
		},
	}
}

// rig runs a model: keys go in, and what they ask for is done at once.
type rig struct {
	testing.TB
	m    *Model
	done bool
}

func newRig(t testing.TB, d Desk, width, height int) *rig {
	r := &rig{TB: t, m: New(d)}
	r.m.pause = 0
	r.send(tea.WindowSizeMsg{Width: width, Height: height})
	r.run(r.m.Init())
	return r
}

func (r *rig) send(msg tea.Msg) {
	_, cmd := r.m.Update(msg)
	r.run(cmd)
}

func (r *rig) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			r.run(c)
		}
	case tea.QuitMsg:
		r.done = true
	default:
		r.send(msg)
	}
}

var keys = map[string]tea.KeyPressMsg{
	"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "down": {Code: tea.KeyDown}, "up": {Code: tea.KeyUp}, "tab": {Code: tea.KeyTab},
	"pgdown": {Code: tea.KeyPgDown}, "pgup": {Code: tea.KeyPgUp}, "backspace": {Code: tea.KeyBackspace}, "left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight},
	"home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "delete": {Code: tea.KeyDelete}, "space": {Code: tea.KeySpace, Text: " "},
	"ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "ctrl+w": {Code: 'w', Mod: tea.ModCtrl}, "ctrl+n": {Code: 'n', Mod: tea.ModCtrl},
}

// press presses keys by name; what is no name is typed.
func (r *rig) press(names ...string) {
	for _, n := range names {
		if k, ok := keys[n]; ok {
			r.send(k)
			continue
		}
		for _, c := range n {
			r.send(tea.KeyPressMsg{Code: c, Text: string(c)})
		}
	}
}

func (r *rig) screen() string { return ansi.Strip(r.m.View().Content) }

func (r *rig) want(what ...string) {
	r.Helper()
	for _, w := range what {
		if !strings.Contains(r.screen(), w) {
			r.Errorf("no %q on the screen:\n%s", w, r.screen())
		}
	}
}

// The screens are those of testdata.
func TestScreens(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		keys          []string
	}{
		{"start", 80, 24, nil},
		{"typed", 80, 24, []string{"cart of step 1", "down"}},
		{"open", 80, 24, []string{"cart", "enter"}},
		{"list", 80, 24, []string{"cart", "esc", "j", "j", "j"}},
		{"nothing", 80, 24, []string{"refund"}},
		{"help", 80, 24, []string{"?"}},
		{"wide", 140, 20, []string{"cart"}},
		{"small", 30, 8, []string{"cart"}},
	} {
		r := newRig(t, shop(), c.width, c.height)
		r.press(c.keys...)
		golden := filepath.Join("testdata", c.name+".txt")
		var got strings.Builder
		for line := range strings.Lines(r.screen()) {
			got.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != got.String() {
			t.Errorf("%s: %v; the screen is\n%s\nwant\n%s", c.name, err, got.String(), want)
		}
	}
}

// A person searches, looks, opens, goes to the next, comes back and changes the
// query.
func TestStory(t *testing.T) {
	r := newRig(t, shop(), 80, 24)
	r.want("the newest sessions; type to search in all", "> today 12:00 · shop")
	r.press("step 1")
	r.want("lode search  step 1", "6 hits in 3 sessions")
	r.press("down", "enter")
	r.want("lode show  codex/s10#20", "> #10 result Bash failed", "7 events of the session beyond")
	r.press("n")
	r.want("lode show  codex/s11#21")
	r.press("G")
	r.want("resume: cd /home/dev/shop && codex resume s")
	r.press("q")
	r.want("lode search  step 1", "3 of 3 sessions; 6 hits")
	r.press("backspace")
	r.want("lode search  step ", "24 hits in 12 sessions")
	r.press(`"`)
	r.want("the quote is not closed", "The cart of step 0") // what was found before stays
	r.press("backspace", "ctrl+u", "refund")
	r.want("Nothing is found.", "the word stands nowhere", "0 hits in 0 sessions")
	r.press("enter", "esc", "esc")
	r.want("the newest sessions")
	r.press("esc")
	if !r.done {
		t.Error("esc in an empty field does not leave")
	}
}

// In the list, letters are keys; in the field they are letters.
func TestKeys(t *testing.T) {
	r := newRig(t, shop(), 80, 24)
	r.press("q?jk/r")
	r.want("lode search  q?jk/r")
	if r.done {
		t.Fatal("a letter left the picker")
	}
	r.press("ctrl+u", "cart", "left", "left", "x", "home", "y", "delete", "end", "z")
	r.want("lode search  yaxrtz")
	r.press("ctrl+w", "cart", "esc", "j", "G", "k", "g", "j")
	r.want("> 2026-05-03 ")
	r.press("/", " of")
	r.want("lode search  cart of")
	r.press("tab", "?")
	r.want("Type to search in what people and agents said")
	r.press("q", "q") // the first one leaves the help
	if !r.done {
		t.Error("q does not leave")
	}
}

// A match far down in what a call returned is in sight, in the preview and on
// the open page, and stands out there.
func TestMatchInSight(t *testing.T) {
	d := shop()
	d.Read = func(ref string) (Page, error) {
		return Page{Events: []Event{{Head: "#1 call Bash", Text: "make\n" + strings.Repeat("a cart\n", 9), At: true},
			{Head: "#2 result Bash failed", Text: strings.Repeat("a line\n", 50) + "FAIL: the Cart is slow\nnext" + strings.Repeat("\na line", 50)}}}, nil
	}
	search := d.Search
	d.Search = func(ctx context.Context, q string) (Found, error) {
		f, err := search(ctx, q)
		for i := range f.Hits {
			f.Hits[i].Marks = [][2]int{{0, 4}, {6, 10}}
		}
		return f, err
	}
	r := newRig(t, d, 130, 40)
	r.press("cart")
	r.want("… 48 lines above", "FAIL: the Cart is slow")
	r.press("enter")
	r.want("FAIL: the Cart is slow")
	if content := r.m.View().Content; !strings.Contains(content, marked.Render("FAIL")+": the "+marked.Render("Cart")+" is slow") {
		t.Errorf("what was found does not stand out:\n%q", content)
	}
}

// What is close is looked for when the typing pauses, once.
func TestClose(t *testing.T) {
	r := newRig(t, shop(), 80, 24)
	r.press("crat")
	r.want("The cart of step 0", "1 hit in 1 session; cart in place of crat")
	r.press("x")
	r.want("Nothing is found.", "the word stands nowhere", "0 hits in 0 sessions")
	m := New(shop())
	m.field.set("crat")
	m.loaded, m.asked, m.shown = true, "crat", "crat"
	m.field.insert("e") // typed on since
	if _, cmd := m.Update(paused{"crat"}); cmd != nil {
		t.Error("something close to an old query is looked for")
	}
}

// The command that resumes a session is what the picker leaves with.
func TestResume(t *testing.T) {
	r := newRig(t, shop(), 80, 24)
	r.press("cart", "enter", "r")
	if !r.done || r.m.resume != "cd /home/dev/shop && codex resume s" {
		t.Errorf("left %v, with %q", r.done, r.m.resume)
	}
}

// What cannot be read is said in its place.
func TestUnreadable(t *testing.T) {
	r := newRig(t, shop(), 80, 24)
	r.press("cart", "down", "down", "down")
	r.want("the session is damaged (hint: lode nightly)")
	r.press("enter")
	r.want("lode show  codex/s3#13", "the session is damaged")
	broken := shop()
	broken.Search = func(context.Context, string) (Found, error) {
		return Found{}, errors.New("there is no index yet (hint: lode nightly, or lode ingest, reads the transcripts and builds it)")
	}
	r = newRig(t, broken, 80, 24)
	r.want("there is no index yet", "builds it)")
}

// Answers that come late do not undo what was typed since; only what is wanted
// last is searched for.
func TestSlow(t *testing.T) {
	d, asked := shop(), []string{}
	search := d.Search
	d.Search = func(ctx context.Context, q string) (Found, error) { asked = append(asked, q); return search(ctx, q) }
	r := &rig{TB: t, m: New(d)}
	waiting := r.m.Init() // the first search is under way
	for _, c := range "step 1" {
		if _, cmd := r.m.Update(tea.KeyPressMsg{Code: c, Text: string(c)}); cmd != nil {
			t.Fatal("a second search was started beside the first")
		}
	}
	r.run(waiting)
	r.want("lode search  step 1", "6 hits in 3 sessions")
	if got := strings.Join(asked, "|"); got != "|step 1" {
		t.Errorf("searched for %q", got)
	}
}

// Whatever is pressed and however small the terminal is: no panic, every line
// within the width and as many as there are, and no controls from transcripts.
func TestAnyKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"q", "x", "cart", `"`, "/", "?", "r", "n", "p", "j", "k", "g", "G", "é", "日本"}
		for n := range keys {
			names = append(names, n)
		}
		width, height := rapid.IntRange(1, 150).Draw(t, "width"), rapid.IntRange(1, 50).Draw(t, "height")
		r := newRig(&testing.T{}, shop(), width, height)
		for _, n := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 30).Draw(t, "keys") {
			r.press(n)
			content := r.m.View().Content
			lines := strings.Split(content, "\n")
			if len(lines) > max(height, 6) {
				t.Fatalf("%d lines of %d", len(lines), height)
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w > width {
					t.Fatalf("%d cells of %d: %q", w, width, l)
				}
			}
			if strings.Contains(content, "\x1b[2J") {
				t.Fatal("a control of a transcript reaches the terminal")
			}
		}
	})
}
