package main

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// screen gathers what a command shows, for a terminal or for a pipe: colours,
// links, the width of lines and a pager are for terminals only.
type screen struct {
	bytes.Buffer
	out      io.Writer
	getenv   func(string) string
	terminal bool
	color    bool
	links    bool
	width    int // of a line, in cells; 0 for no limit
	height   int
}

// screen returns an empty screen for the standard output.
func (w *world) screen() *screen {
	s := &screen{out: w.stdout, getenv: w.getenv}
	f, ok := w.stdout.(*os.File)
	if !ok || !isTerminal(f) {
		return s
	}
	s.terminal = true
	dumb := w.getenv("TERM") == "dumb"
	s.color = w.getenv("NO_COLOR") == "" && !dumb
	s.links = !dumb && w.getenv("TERM") != "linux"
	s.width, s.height = 80, 24
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		s.width, s.height = width, height
	}
	return s
}

// Styles of text.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	found = "\x1b[1;33m"
	plain = "\x1b[0m"
)

// style returns the text in a style, where there are colours.
func (s *screen) style(style, text string) string {
	if !s.color || text == "" {
		return text
	}
	return style + text + plain
}

// link returns the text as a link to a file on this machine (OSC 8), where the
// terminal may know links.
func (s *screen) link(file, text string) string {
	if !s.links || file == "" {
		return text
	}
	host, _ := os.Hostname()
	u := url.URL{Scheme: "file", Host: host, Path: filepath.ToSlash(file)}
	return ansi.SetHyperlink(u.String()) + text + ansi.ResetHyperlink()
}

// line writes a line that is cut at the width.
func (s *screen) line(text string) {
	if s.width > 0 {
		text = ansi.Truncate(text, s.width, "…")
	}
	s.WriteString(text + "\n")
}

// para writes a text whose lines are wrapped at the width, behind an indent.
func (s *screen) para(indent, text string) {
	if s.width > 0 {
		text = strings.ReplaceAll(text, "\t", "    ") // their width is anybody's
		text = ansi.Wrap(text, max(s.width-ansi.StringWidth(indent), 20), "")
	}
	for line := range strings.SplitSeq(text, "\n") {
		s.WriteString(strings.TrimRight(indent+line, " ") + "\n")
	}
}

// flush shows what was gathered: through a pager where it is longer than the
// terminal is high.
func (s *screen) flush() error {
	if s.terminal && bytes.Count(s.Bytes(), []byte("\n")) >= s.height {
		if pager := s.pager(); pager != nil {
			return pager.Run()
		}
	}
	_, err := s.out.Write(s.Bytes())
	return err
}

// pager is the user's, else less; nil where there is none or it is unwanted.
func (s *screen) pager() *exec.Cmd {
	words := strings.Fields(s.getenv("PAGER"))
	if len(words) == 0 {
		words = []string{"less"}
	}
	program, err := exec.LookPath(words[0])
	if err != nil || words[0] == "cat" {
		return nil
	}
	cmd := exec.Command(program, words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &s.Buffer, s.out, os.Stderr
	cmd.Env = os.Environ()
	if s.getenv("LESS") == "" {
		cmd.Env = append(cmd.Env, "LESS=FRX")
	}
	return cmd
}
