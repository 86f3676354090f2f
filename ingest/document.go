package ingest

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

// wholeDocument reads a source that is one JSON value. A document is whole or
// not there: one that was cut, or is being written, is reported to the draft
// and does not exist.
func wholeDocument(in io.Reader, d *Draft) (gjson.Result, error) {
	text, err := wholeText(in)
	if err != nil {
		return gjson.Result{}, err
	}
	if !gjson.Valid(text) {
		d.Partial = true
		d.bad(0, "not a whole JSON document")
		return gjson.Result{}, nil
	}
	return d.document(text), nil
}

// wholeText reads a source to its end, into one piece of memory where its size
// is known.
func wholeText(in io.Reader) (string, error) {
	var b strings.Builder
	if source, ok := in.(*Input); ok {
		b.Grow(int(source.Size))
	}
	_, err := io.Copy(&b, in)
	return b.String(), err
}

// document parses the text of a source. From then on line finds what stands in it.
func (d *Draft) document(text string) gjson.Result {
	if strings.Contains(strings.TrimSpace(text), "\n") {
		d.lines = &lines{text: text}
	}
	return gjson.Parse(text)
}

// lines are those of a document that has several.
type lines struct {
	text   string
	breaks []int // offsets of the line breaks; found when they are first needed
}

// of returns the 1-based line of an offset.
func (l *lines) of(offset int) int {
	if l.breaks == nil {
		for i := range len(l.text) {
			if l.text[i] == '\n' {
				l.breaks = append(l.breaks, i)
			}
		}
	}
	n, _ := slices.BinarySearch(l.breaks, offset)
	return n + 1
}

// begin returns the line on which a value begins; 0 when it does not stand in
// the document: it is missing, null, or was parsed out of a string.
func (l *lines) begin(v gjson.Result) int {
	if !v.Exists() || v.Raw == "null" || v.Index >= len(l.text) || !strings.HasPrefix(l.text[v.Index:], v.Raw) {
		return 0
	}
	return l.of(v.Index)
}

// line returns the line on which the first of some contents begins that stands
// in the source's document. It is 0 where that has one line only, or there is
// none.
func (d *Draft) line(contents ...gjson.Result) int {
	if d.lines == nil {
		return 0
	}
	for _, content := range contents {
		if n := d.lines.begin(textIn(content, textLevels)); n > 0 {
			return n
		}
	}
	return 0
}

const textLevels = 16 // editors keep a tool's output as a tree of lists in lists

// textIn returns the text that a content begins with: the first of its blocks
// that has one, as deep as some levels below. Anything else is returned as it is.
func textIn(content gjson.Result, levels int) gjson.Result {
	found := content
	look := func(v gjson.Result) bool {
		if v = textIn(v, levels-1); v.Str != "" {
			found = v
		}
		return found.Str != ""
	}
	switch {
	case levels == 0:
	case content.IsArray():
		content.ForEach(func(_, block gjson.Result) bool { return !look(block) })
	case content.IsObject():
		for _, name := range []string{"text", "Text", "content", "value", "data", "Json", "stdout", "stderr", "node", "children"} {
			if look(content.Get(name)) {
				break
			}
		}
	}
	return found
}

// inputLine returns the line on which the input of a call begins: with the
// command that was taken out of it, or else with its first parameter.
func (d *Draft) inputLine(command string, input gjson.Result) int {
	if d.lines == nil {
		return 0
	}
	first := gjson.Result{}
	if input.IsObject() {
		input.ForEach(func(_, v gjson.Result) bool {
			isCommand := command != "" && v.Type == gjson.String && strings.TrimSpace(v.Str) == strings.TrimSpace(command)
			if isCommand || !first.Exists() {
				first = v
			}
			return !isCommand
		})
	}
	return cmp.Or(d.lines.begin(first), d.lines.begin(input))
}

// firstObject returns the object that a source begins with. Of a source's first
// bytes it may be cut: what stands before the cut is found in it. Where
// something else stands, it does not exist. It may not outlive the bytes: nearly
// every format looks at them, and a copy for each costs more than the look.
func firstObject(head []byte) gjson.Result {
	head = bytes.TrimSpace(head)
	if len(head) == 0 || head[0] != '{' {
		return gjson.Result{}
	}
	return gjson.Parse(unsafe.String(unsafe.SliceData(head), len(head)))
}

// eachItem gives f every item of a document's list and its place in it, and
// counts it as a record.
func eachItem(list gjson.Result, d *Draft, f func(n int, item gjson.Result)) {
	n := 0
	list.ForEach(func(_, item gjson.Result) bool {
		d.Records++
		f(n, item)
		n++
		return true
	})
}
