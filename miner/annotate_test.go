package miner

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lode/session"
)

// Every result of testdata/outcomes is judged as the line below it says.
func TestOutcomes(t *testing.T) {
	tales(t, "outcomes", func(t *testing.T, d *tale) {
		d.retell(t, func(_ *session.Session, e *session.Event) []string {
			if e.Kind != session.Result {
				return nil
			}
			return []string{words("=", e.Outcome, e.Basis, e.Class, e.Entity)}
		})
	})
}

// Every text in the user role of testdata/turns does what the line below it says.
func TestIntents(t *testing.T) {
	tales(t, "turns", func(t *testing.T, d *tale) {
		d.retell(t, func(_ *session.Session, e *session.Event) []string {
			switch {
			case e.Kind != session.User:
				return nil
			case e.Intent == "":
				return []string{"= no turn"}
			}
			return []string{words("=", e.Intent)}
		})
	})
}

// A result that stands alone is classified as the line below it says.
func TestClassify(t *testing.T) {
	d := readTale(t, "testdata/classify.txt")
	d.retell(t, func(_ *session.Session, e *session.Event) []string {
		tool, command := e.Subject()
		c := Classify(tool, command, e.Text, e.Exit)
		out := words("=", c.Outcome, c.Basis, c.Class, c.Entity)
		if c.Signature != "" {
			out += ": " + c.Signature
		}
		return []string{out}
	})
}

// The words before a call are about it also where its result comes after others.
func TestParallelCalls(t *testing.T) {
	exit, output := 1, "FAILED tests/test_vat.py - NameError\n1 failed in 0.1s"
	s := &session.Session{Events: []session.Event{
		{Kind: session.Call, Act: session.Write, CallID: "w", Command: "tests/test_vat.py"},
		{Kind: session.Agent, Text: "Both should fail until the rates are there."},
		{Kind: session.Call, Act: session.Shell, CallID: "a", Command: "pytest tests/test_vat.py"},
		{Kind: session.Call, Act: session.Shell, CallID: "b", Command: "pytest -q tests/test_vat.py"},
		{Kind: session.Result, CallID: "a", Exit: &exit, Text: output},
		{Kind: session.Result, CallID: "b", Exit: &exit, Text: output},
	}}
	Annotate(s)
	for _, e := range s.Events[4:] {
		if e.Outcome != session.Expected {
			t.Errorf("outcome of call %s = %s, want %s", e.CallID, e.Outcome, session.Expected)
		}
	}
}

// A line of output counts against a command whose exit is hidden only where a
// program of the command is known to print it: testdata/vouched.txt tells which
// classes of failures count.
func TestVouched(t *testing.T) {
	exit, said := 0, []string{
		"bash: line 1: tool: command not found", "No module named 'x'", "bash: syntax error near unexpected token", "cat: x: No such file or directory",
		"x: Permission denied", "unknown flag: --x", "CONFLICT (content): x", "fatal: no repository", "ECONNREFUSED", "Not Found (HTTP 404)", "it timed out",
		"--- FAIL: TestX", "x.go:1:2: undefined: y", "Found 2 errors.", "npm error x", "panic: x", "ValueError: x", "the error was fatal",
	}
	eachLine(t, "testdata/vouched.txt", func(command string) string {
		var counted []any
		for _, line := range said {
			if c := Classify("", strings.ReplaceAll(command, `\n`, "\n"), line, &exit); c.Outcome == session.Failed {
				counted = append(counted, clueOf(line).class)
			}
		}
		return words(counted...)
	})
}

// words joins values by blanks, without the empty ones.
func words(values ...any) string { return strings.Join(strings.Fields(fmt.Sprintln(values...)), " ") }

var flags = []session.Flag{"", session.FlagOK, session.FlagError, session.FlagBenign, session.FlagRejected, session.FlagDenied, session.FlagInterrupted, session.FlagCollateral, session.FlagRunning}

// Whatever a transcript holds, every result has an outcome that rests on
// something, every failure and only failures a class and a fingerprint; what is
// kept of a text is a part of it and bounded; and it can be mined.
func FuzzAnnotate(f *testing.F) {
	f.Add("go test ./... | tail -5", "--- FAIL: TestX (0.00s)\nFAIL", 0, byte(0))
	f.Add("cat x", "cat: x: No such file or directory", 1, byte(2))
	f.Add("src/\xff", "File does not exist", -1, byte(1+2*16))
	f.Add("pytest <<'E'\n", "Traceback (most recent call last):\n  x\nValueError: é", 124, byte(8))
	f.Add("no, don't", "error: "+strings.Repeat("é", longLine), 1, byte(0)) // cut within a letter
	f.Fuzz(func(t *testing.T, command, output string, exit int, kind byte) {
		command, output = session.Clean(command), session.Clean(output)
		act := []session.Act{session.Shell, session.Read, session.Edit, session.Search}[kind>>4&3]
		result := session.Event{N: 3, Kind: session.Result, CallID: "c", Text: output, Flag: flags[int(kind&15)%len(flags)]}
		if exit >= 0 {
			result.Exit = &exit
		}
		s := &session.Session{Header: session.Header{Agent: "claude", ID: "f", Cwd: "/home/dev/work/shop", Sources: []session.Source{{Path: "f.jsonl"}}}, Events: []session.Event{
			{N: 1, Kind: session.User, Author: session.Human, Text: command},
			{N: 2, Kind: session.Call, Act: act, CallID: "c", Command: command}, result,
			{N: 4, Kind: session.User, Author: session.Human, Text: output}}}
		Annotate(s)
		e := &s.Events[2]
		failed := e.Outcome == session.Failed
		switch {
		case e.Outcome == "" || e.Basis == "", failed != (e.Fingerprint != ""), failed != (e.Class != ""):
			t.Errorf("outcome %q, basis %q, class %q, fingerprint %q", e.Outcome, e.Basis, e.Class, e.Fingerprint)
		case !strings.Contains(output, e.Signature) || len(e.Signature) > longLine || !utf8.ValidString(e.Signature):
			t.Errorf("signature %q of %q", e.Signature, output)
		case !strings.Contains(e.Signature, e.Entity) && e.Entity != command:
			t.Errorf("entity %q of %q", e.Entity, e.Signature)
		case s.Events[0].Intent == "" || s.Events[3].Intent == "":
			t.Error("a person's turn without intent")
		}
		for _, p := range mine(t, []*session.Session{s}, time.Time{}).Patterns {
			if _, err := json.Marshal(p); err != nil || p.Recommended || p.Title == "" || len(p.Title) > 1000 || len(p.Evidence) != 1 {
				t.Errorf("pattern %+v, %v", p, err)
			}
		}
	})
}
