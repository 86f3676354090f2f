package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"lode/ingest"
	"lode/session"
)

func terminalScreen(out *bytes.Buffer, env map[string]string) *screen {
	return &screen{out: out, getenv: func(name string) string { return env[name] }, terminal: true, color: true, links: true, width: 40, height: 10}
}

// Lines keep to the width of the terminal, whatever stands in them.
func TestScreenWidth(t *testing.T) {
	var out bytes.Buffer
	s := terminalScreen(&out, nil)
	s.para("    ", s.style(found, "one")+" long words and 日本語のテキスト again, with/a/path/that/is/far/too/long/for/a/line.go at its end")
	s.line(s.style(dim, strings.Repeat("wide ", 30)))
	s.para("  ", "")
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > 40 {
			t.Errorf("%d cells: %q", n, line)
		}
	}
	if text := ansi.Strip(out.String()); !strings.Contains(text, "    one long words") || !strings.Contains(text, "…\n") || !strings.HasSuffix(text, "\n\n") {
		t.Errorf("%q", text)
	}
}

// A pipe gets no colours, links, breaks or pager.
func TestScreenPipe(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, getenv: func(string) string { return "false" }}
	long := strings.Repeat("word ", 100) + "end"
	s.para("", s.link("/home/dev/a b.jsonl", s.style(bold, long)))
	s.line(long)
	s.WriteString(strings.Repeat("\n", 100))
	if err := s.flush(); err != nil || out.String() != long+"\n"+long+"\n"+strings.Repeat("\n", 100) {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestScreenLink(t *testing.T) {
	s := terminalScreen(nil, nil)
	if got := s.link("/home/dev/a b#1.jsonl", "it"); !strings.Contains(got, "/home/dev/a%20b%231.jsonl") || ansi.Strip(got) != "it" {
		t.Errorf("%q", got)
	}
}

// A pager is asked only for what is longer than the terminal, and only where
// there is one.
func TestScreenPager(t *testing.T) {
	for _, c := range []struct {
		pager string
		lines int
		want  string
	}{
		{"sort -r", 12, "9\n8\n"},
		{"sort -r", 9, "0\n1\n"},
		{"cat", 12, "0\n1\n"},
		{"there-is-no-such-pager", 12, "0\n1\n"},
	} {
		var out bytes.Buffer
		s := terminalScreen(&out, map[string]string{"PAGER": c.pager})
		for i := range c.lines {
			fmt.Fprintln(s, i)
		}
		if err := s.flush(); err != nil || !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%s, %d lines: %v, %q", c.pager, c.lines, err, out.String())
		}
	}
}

// Every agent that can be resumed is one whose sessions are read; an id is never
// an option or another command.
func TestResume(t *testing.T) {
	for agent := range resumes {
		if !slices.ContainsFunc(ingest.Formats, func(f ingest.Format) bool { return f.Name == agent }) {
			t.Errorf("there is no agent %s", agent)
		}
	}
	for _, c := range []struct {
		h    session.Header
		want string
	}{
		{session.Header{Agent: "claude", ID: "c1", Cwd: "/home/dev/my shop"}, "cd '/home/dev/my shop' && claude --resume c1"},
		{session.Header{Agent: "codex", ID: "c1/a1", Parent: "c1"}, "codex resume c1"},
		{session.Header{Agent: "qwen", ID: "q; rm -rf x"}, "qwen --resume 'q; rm -rf x'"},
		{session.Header{Agent: "gemini", ID: "--yolo"}, ""},
		{session.Header{Agent: "mini-swe-agent", ID: "m"}, ""},
		{session.Header{Agent: "claude", ID: "b", Population: session.Benchmark}, ""},
	} {
		if got := resume(&c.h); got != c.want {
			t.Errorf("%s/%s: %q, want %q", c.h.Agent, c.h.ID, got, c.want)
		}
	}
}
