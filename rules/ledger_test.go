package rules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var monday = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// ledgerOf writes a ledger of some entries and returns its file.
func ledgerOf(t testing.TB, entries ...Entry) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	l := open(t, file)
	for _, e := range entries {
		appendTo(t, l, e)
	}
	return file
}

func open(t testing.TB, file string) *Ledger {
	t.Helper()
	l, err := OpenLedger(file)
	if err != nil {
		t.Fatalf("OpenLedger = %v", err)
	}
	return l
}

func appendTo(t testing.TB, l *Ledger, e Entry) {
	t.Helper()
	if err := l.Append(e); err != nil {
		t.Fatalf("Append(%v) = %v", e, err)
	}
}

// life are entries of one proposal's life.
func life() []Entry {
	before := "IyBU"
	return []Entry{
		{Time: monday, Event: EvProposed, Proposal: "r-1", Pattern: "p-1", Rule: "Use `a`.", Sessions: 3},
		{Time: monday.Add(time.Hour), Event: EvAccepted, Proposal: "r-1", Who: "dev", Reason: "seen <it> & \u2028 myself", Before: &before},
		{Time: monday.Add(2 * time.Hour), Event: EvSnoozed, Proposal: "r-2", Until: monday.AddDate(0, 0, 7)},
		{Time: monday.Add(3 * time.Hour), Event: EvUndone, Proposal: "r-1", Root: "/home/dev/shop"},
	}
}

// What is read is what was appended, whatever the texts hold.
func TestLedgerReadsBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	l := open(t, file)
	for _, e := range life() {
		appendTo(t, l, e)
	}
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"caf\xe9", "\xff\n\x00", "</script>\u2028"}))
		appendTo(t, l, Entry{Time: monday, Event: EvRejected, Proposal: text.Draw(r, "id"), Reason: text.Draw(r, "reason")})
	})
	if diff := cmp.Diff(l.Entries, open(t, file).Entries); diff != "" {
		t.Errorf("read back (-appended +read):\n%s", diff)
	}
}

// A line that was changed, taken out, put elsewhere or doubled shows. Of the
// newest lines only a part of one can go unseen: it looks like a crash.
func TestLedgerShowsChanges(t *testing.T) {
	file := ledgerOf(t, life()...)
	whole, _ := read(t, file)
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	with := func(i int, line string) string {
		changed := append([]string(nil), lines...)
		changed[i] = line
		return strings.Join(changed, "")
	}
	forged := open(t, file).Entries[1]
	forged.Reason = "forged"
	forged.Hash = forged.digest()
	for _, c := range []struct{ name, text string }{
		{"a line with a hash of its own", with(1, string(forged.line()))},
		{"another reason", strings.Replace(whole, "myself", "nobody", 1)},
		{"the same in other bytes", strings.Replace(whole, `\u003cit`, "<it", 1)},
		{"a field that the program does not know", with(1, strings.Replace(lines[1], "{", `{"x":1,`, 1))},
		{"no hash", with(0, strings.Replace(lines[0], `"hash"`, `"h"`, 1))},
		{"the first line taken out", with(0, "")},
		{"a line taken out", with(1, "")},
		{"two lines swapped", lines[0] + lines[2] + lines[1] + lines[3]},
		{"a line doubled", with(1, lines[1]+lines[1])},
		{"an empty line", with(1, lines[1]+"\n")},
		{"a line cut in the middle of the file", with(1, lines[1][:40]+"\n")},
	} {
		if c.text == whole {
			t.Fatalf("%s: nothing was changed", c.name)
		}
		write(t, file, c.text)
		if _, err := OpenLedger(file); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: OpenLedger = %v, want %v", c.name, err, ErrTampered)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		changed := []byte(whole)
		i := rapid.IntRange(0, len(whole)-2).Draw(r, "at") // without the last line's end
		changed[i] ^= rapid.ByteRange(1, 255).Draw(r, "bits")
		write(t, file, string(changed))
		if _, err := OpenLedger(file); !errors.Is(err, ErrTampered) {
			r.Fatalf("byte %d changed from %q to %q: OpenLedger = %v, want %v", i, whole[i], changed[i], err, ErrTampered)
		}
	})
}

// Wherever a crash cuts the ledger, all whole lines before are read, and the
// next append takes the place of the half line.
func TestLedgerAfterCrash(t *testing.T) {
	file := ledgerOf(t, life()...)
	whole, _ := read(t, file)
	for cut := range whole {
		write(t, file, whole[:cut])
		l := open(t, file)
		if got, want := len(l.Entries), strings.Count(whole[:cut], "\n"); got != want {
			t.Fatalf("cut at byte %d: %d entries, want %d", cut, got, want)
		}
		if cut%50 == 0 { // an append waits for the disk
			appendTo(t, l, Entry{Time: monday, Event: EvRejected, Proposal: "r-3"})
			if diff := cmp.Diff(l.Entries, open(t, file).Entries); diff != "" {
				t.Fatalf("cut at byte %d, read after an append (-appended +read):\n%s", cut, diff)
			}
		}
	}
}

// Of two writers at once the second is refused: no line of the first is lost.
func TestLedgerSecondWriter(t *testing.T) {
	file := ledgerOf(t, life()...)
	first, second := open(t, file), open(t, file)
	appendTo(t, first, Entry{Time: monday, Event: EvRejected, Proposal: "r-3"})
	if err := second.Append(Entry{Time: monday, Event: EvRejected, Proposal: "r-4"}); err == nil {
		t.Error("Append by a second writer = nil, want an error")
	}
	if diff := cmp.Diff(first.Entries, open(t, file).Entries); diff != "" {
		t.Errorf("read after two writers (-the first's +read):\n%s", diff)
	}
}

// A ledger that shrank or went away while it was open is not begun anew.
func TestLedgerGone(t *testing.T) {
	file := ledgerOf(t, life()...)
	l := open(t, file)
	if err := os.Truncate(file, 10); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Entry{Event: EvRejected}); err == nil {
		t.Error("Append to a ledger that shrank = nil, want an error")
	}
	if text, _ := read(t, file); len(text) != 10 {
		t.Errorf("a refused append left %q", text)
	}
}

// Where a proposal stands follows from its newest decision; a snooze ends.
func TestStatusOf(t *testing.T) {
	for _, c := range []struct {
		events string
		want   Status
	}{
		{"", ""},
		{"proposed", Open},
		{"proposed accepted", Accepted},
		{"proposed accepted applied", Accepted},
		{"proposed accepted applied undone", Undone},
		{"proposed accepted applied undone proposed", Open},
		{"proposed rejected", Rejected},
		{"proposed snoozed", Snoozed},
		{"proposed snoozed proposed", Open},
		{"proposed withdrawn", Withdrawn},
		{"proposed edited", Open},
	} {
		l := open(t, filepath.Join(t.TempDir(), "ledger.jsonl"))
		for ev := range strings.FieldsSeq(c.events) {
			appendTo(t, l, Entry{Time: monday, Event: Event(ev), Proposal: "r-1", Until: monday.AddDate(0, 0, 1)})
		}
		if got := l.StatusOf("r-1", monday); got != c.want {
			t.Errorf("StatusOf after %q = %q, want %q", c.events, got, c.want)
		}
		if got := l.StatusOf("r-1", monday.AddDate(0, 0, 2)); c.want == Snoozed && got != Open {
			t.Errorf("StatusOf after %q, two days later = %q, want %q", c.events, got, Open)
		}
	}
}
