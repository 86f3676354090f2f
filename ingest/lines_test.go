package ingest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"lode/session"
	"lode/session/lazyregexp"
)

// layouts are the ways in which a document may be laid out.
var layouts = []struct {
	name string
	of   func(b *bytes.Buffer, data []byte) error
}{
	{"on one line", func(b *bytes.Buffer, data []byte) error {
		defer b.WriteByte('\n')
		return json.Compact(b, data)
	}},
	{"indented", func(b *bytes.Buffer, data []byte) error { return json.Indent(b, data, "", "  ") }},
	{"with line ends of Windows, behind an empty line", func(b *bytes.Buffer, data []byte) error {
		var lines bytes.Buffer
		err := json.Indent(&lines, data, "", "\t")
		b.WriteString("\r\n")
		b.Write(bytes.ReplaceAll(lines.Bytes(), []byte("\n"), []byte("\r\n")))
		return err
	}},
}

// In a document of several lines, the line of an event is the one that holds
// the beginning of what it says. A document on one line has none.
func TestLinesOfDocuments(t *testing.T) {
	for _, c := range examples(t) {
		for _, f := range c.files {
			if !json.Valid(f.data) {
				continue
			}
			for _, layout := range layouts {
				t.Run(c.name+" "+layout.name, func(t *testing.T) {
					var b bytes.Buffer
					if err := layout.of(&b, f.data); err != nil {
						t.Fatal(err)
					}
					_, sessions, err := read(c.format, f.path, b.Bytes())
					if err != nil {
						t.Fatal(err)
					}
					lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
					for _, s := range sessions {
						for i := range s.Events {
							checkLine(t, lines, &s.Events[i])
						}
					}
				})
			}
		}
	}
}

// In a text, the line of what a person or an agent says is the one on which it
// begins, wherever the heading of the turn stands. Words in the output of a call
// stand with the call.
func TestLinesOfTexts(t *testing.T) {
	for _, c := range examples(t) {
		for _, f := range c.files {
			if !f.prose() {
				continue
			}
			_, sessions, err := read(c.format, f.path, f.data)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(f.data), "\n")
			for _, s := range sessions {
				for i := range s.Events {
					e := &s.Events[i]
					if (e.Kind != session.User && e.Kind != session.Agent) || e.CallID != "" {
						continue
					}
					first := strings.TrimPrefix(strings.Fields(e.Text)[0], "/") // a command stands in tags
					if at := *s.Locate(e).Line; at > len(lines) || !strings.Contains(lines[at-1], first) {
						t.Errorf("%s: line %d, %q, does not begin %s", c.name, at, lines[at-1], said(e))
					}
				}
			}
		}
	}
}

func checkLine(t *testing.T, lines []string, e *session.Event) {
	t.Helper()
	switch {
	case len(lines) == 1 && e.Line != 0:
		t.Errorf("line %d of a single one: %s", e.Line, said(e))
	case len(lines) == 1, e.Kind == session.Note, strings.TrimSpace(e.Command+e.Text) == "": // some notes are in lode's words
	case e.Line < 1 || e.Line > len(lines):
		t.Errorf("line %d of %d: %s", e.Line, len(lines), said(e))
	case !shows(lines[e.Line-1], e):
		t.Errorf("line %d, %q, does not begin %s", e.Line, lines[e.Line-1], said(e))
	}
}

var (
	quoted     = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	opensInput = lazyregexp.New(`^\s*"\w+": [\[{]\s*$`)
)

// shows reports whether a line of a document holds the first word of what an
// event says. Of a call that may be its command, its input or its tool; or the
// line opens a list of its input.
func shows(line string, e *session.Event) bool {
	says := []string{e.Text}
	if e.Kind == session.Call {
		if says = append(says, e.Command, e.Tool); opensInput.MatchString(line) {
			return true
		}
	}
	for _, text := range says {
		if words := strings.Fields(strings.TrimPrefix(text, "! ")); len(words) > 0 && strings.Contains(line, quoted.Replace(strings.TrimSuffix(words[0], ":"))) {
			return true
		}
	}
	return false
}
