package ingest

import (
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// subjects are the parameters that say what a call is about, the most telling
// first: its command, its file, what it looks for and where.
var subjects = []string{
	"command", "file_path", "absolute_path", "pattern", "url", "query", "path", "dir_path", "skill", "description",
}

// takeSubject sets what a call does, by the name of its tool, and takes the
// command or path out of its input; the rest becomes text.
func takeSubject(e *session.Event, acts map[string]session.Act, input gjson.Result) {
	if e.Act = acts[e.Tool]; e.Act == "" {
		e.Act = session.OtherAct
	}
	subject := ""
	for _, name := range subjects {
		if v := input.Get(name); v.Type == gjson.String {
			subject, e.Command = name, v.Str
			break
		}
	}
	var b strings.Builder
	input.ForEach(func(k, v gjson.Result) bool {
		if k.Str != subject {
			writeInput(&b, k.String(), v, 0)
		}
		return true
	})
	if e.Text = b.String(); !input.IsObject() {
		e.Text = input.String()
	}
}

const maxDepth = 8 // of lists in lists; what lies deeper is kept as it is written

// writeInput writes a parameter as a line, or as many where it is a list.
func writeInput(b *strings.Builder, name string, v gjson.Result, depth int) {
	if (v.IsObject() || v.IsArray()) && depth < maxDepth {
		v.ForEach(func(k, child gjson.Result) bool {
			if k.Exists() {
				writeInput(b, k.String(), child, depth+1)
			} else {
				writeInput(b, name, child, depth+1)
			}
			return true
		})
		return
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	text := v.String()
	b.WriteString(name + ":")
	if strings.Contains(text, "\n") {
		b.WriteByte('\n')
	} else {
		b.WriteByte(' ')
	}
	b.WriteString(text)
}
