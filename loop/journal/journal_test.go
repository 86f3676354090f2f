package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What was appended is read back; half a line at the end is cut off, half a
// line elsewhere is not swallowed.
func TestJournal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := Open(file)
	if err != nil || len(j.Entries) != 0 {
		t.Fatal(j, err)
	}
	value := 3.5
	for _, e := range []Entry{
		{Event: Start, Goal: "g"},
		{Event: Agent, N: 1, Tree: "t", Took: 2, Until: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)},
		{Event: Check, N: 1, Marks: []Mark{{ID: "a", Status: "red", Value: &value}}},
	} {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	whole, _ := os.ReadFile(file)
	for cut := len(whole) - 1; cut > strings.LastIndexByte(string(whole[:len(whole)-1]), '\n'); cut-- {
		os.WriteFile(file, whole[:cut], 0o600)
		again, err := Open(file)
		if err != nil || len(again.Entries) != 2 {
			t.Fatalf("cut at %d: %v, %+v", cut, err, again)
		}
		if err := again.Mend(); err != nil {
			t.Fatal(err)
		}
		if err := again.Append(j.Entries[2]); err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(file); string(text) != string(whole) {
			t.Fatalf("cut at %d, mended to\n%s\nwant\n%s", cut, text, whole)
		}
	}
	again, err := Open(file)
	if err != nil || len(again.Entries) != 3 || *again.Entries[2].Marks[0].Value != value || again.Entries[1].Seq != 2 {
		t.Fatalf("%v, %+v", err, again)
	}
	if seconds, _, _ := again.Spent(); seconds != 2 {
		t.Errorf("%g seconds were spent", seconds)
	}
	os.WriteFile(file, []byte(strings.Replace(string(whole), `"event":"agent"`, `"event:`, 1)), 0o600)
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "journal.jsonl:2: ") {
		t.Error(err)
	}
}
