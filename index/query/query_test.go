package query

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// testdata/queries.txt has queries, each with how it is read, fully written, or
// with the error, below.
func TestParse(t *testing.T) {
	const file = "testdata/queries.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(text)) {
		q, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "? ")
		switch {
		case ok:
			got.WriteString(line + "  " + read(q) + "\n")
		case !strings.HasPrefix(line, "  "):
			got.WriteString(line)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got.String()); diff != "" {
		t.Errorf("(-want +got; -update rewrites it):\n%s", diff)
	}
}

func read(q string) string {
	n, err := Parse(q)
	if err != nil {
		return "! " + err.Error()
	}
	return Print(n)
}

// What is printed is read back as the same tree, whatever its words are.
func TestPrintParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := node(t, 3)
		text := Print(want)
		got, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q) = %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}

// node draws a tree in normal form.
func node(t *rapid.T, depth int) Node {
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	if depth == 0 {
		kind = min(kind, 5)
	}
	anything := rapid.OneOf(rapid.StringN(1, 12, -1), rapid.StringMatching(`[-a-z"\\(): ,*/]{1,8}`))
	switch kind {
	case 0:
		return Text{Text: rapid.StringMatching(`[a-z0-9_.-]*[a-z]`).Filter(func(s string) bool { return bare(Text{Text: s}) }).Draw(t, "word")}
	case 1:
		return Text{Text: anything.Draw(t, "phrase"), Quoted: true}
	case 2:
		return Text{Text: rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "stem"), Prefix: true}
	case 3:
		return Literal{anything.Draw(t, "literal")}
	case 4:
		return Regexp{rapid.StringMatching(`[a-z./]{1,5}(\\\.|\[/x\]|/)?`).Draw(t, "expression")}
	case 5:
		return Field{rapid.SampledFrom([]string{"agent", "file", "cmd", "branch"}).Draw(t, "field"),
			rapid.SliceOfN(rapid.Map(anything, func(s string) Text { return Text{Text: s, Quoted: true} }), 1, 3).Draw(t, "values")}
	case 6:
		return Not{node(t, depth-1)}
	}
	var all []Node
	for range rapid.IntRange(2, 4).Draw(t, "parts") {
		n := node(t, depth-1)
		_, and := n.(And)
		_, or := n.(Or)
		if kind == 7 && !and || kind == 8 && !or {
			all = append(all, n)
		}
	}
	switch {
	case len(all) < 2:
		return Text{Text: "one"}
	case kind == 7:
		return And(all)
	}
	return Or(all)
}

// Any text is read without a crash; what is read is printed so that it is read
// the same, and an error names a place in the text.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/queries.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f.Add(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "? "))
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.At < 0 || e.At > len(text) {
				t.Fatalf("Parse(%q) = %v, which names no place in it", text, err)
			}
			return
		}
		printed := Print(n)
		again, err := Parse(printed)
		if err != nil || !cmp.Equal(n, again) {
			t.Errorf("Parse(%q) = %#v, printed %q, read as %#v, %v", text, n, printed, again, err)
		}
		if utf8.ValidString(text) != utf8.ValidString(printed) {
			t.Errorf("Parse(%q) was printed %q", text, printed)
		}
	})
}

// Spans of time, at noon of a Friday.
func TestSpan(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ filter, want string }{
		{"since:30d", "2026-04-01 12:00:00.000 .. "},
		{"since:12h", "2026-05-01 00:00:00.000 .. "},
		{"since:4w", "2026-04-03 12:00:00.000 .. "},
		{"since:all", " .. "},
		{"since:2026-03", "2026-03-01 00:00:00.000 .. "},
		{"until:2026-04-30", " .. 2026-04-30 23:59:59.999"},
		{"until:2026-02", " .. 2026-02-28 23:59:59.999"},
		{"until:2026-04-30T10:00:00Z", " .. 2026-04-30 10:00:00.000"},
		{"on:2026-04-30", "2026-04-30 00:00:00.000 .. 2026-04-30 23:59:59.999"},
		{"on:2025", "2025-01-01 00:00:00.000 .. 2025-12-31 23:59:59.999"},
		{"on:today", "2026-05-01 00:00:00.000 .. 2026-05-01 23:59:59.999"},
		{"on:yesterday", "2026-04-30 00:00:00.000 .. 2026-04-30 23:59:59.999"},
	} {
		n, err := Parse(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		since, until, err := n.(Time).Span(now)
		if got := fmt.Sprint(moment(since), " .. ", moment(until)); got != c.want || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.filter, got, err, c.want)
		}
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04:05.000")
}

// A letter more, less, other or swapped is one step.
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"cart", "cart", 0}, {"cart", "carts", 1}, {"cart", "crat", 1}, {"cart", "cat", 1}, {"cart", "cast", 1},
		{"größe", "grösse", 2}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if got, back := Distance(c.a, c.b), Distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("Distance(%q, %q) = %d, back %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
