// Package settings adds entries to JSON settings files of people, and changes
// nothing else of their text: not the order, the indents or the line breaks.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ErrShape says that a file does not have the shape that an entry needs, or is
// no plain JSON.
var ErrShape = errors.New("it cannot be added to")

// Append returns a JSON document with a value behind the others of the list at a
// path of keys. What is missing on the way is made; an empty text is a new
// document. A list that has the value stays as it is.
func Append(text string, path []string, value any) (string, error) {
	if strings.TrimSpace(text) == "" {
		text = "{}\n"
	}
	if !json.Valid([]byte(text)) {
		return "", fmt.Errorf("%w: it is no plain JSON", ErrShape)
	}
	at, err := locate(text, path)
	if err != nil {
		return "", err
	}
	if at.depth == len(path) {
		if at.has(text, value) {
			return text, nil
		}
		return at.insert(text, "", value)
	}
	rest := path[at.depth:]
	var nested any = []any{value}
	for i := len(rest) - 1; i > 0; i-- {
		nested = map[string]any{rest[i]: nested}
	}
	return at.insert(text, rest[0], nested)
}

// place is the innermost of the containers on a path that is there.
type place struct {
	open, close int // of its brackets
	depth       int // how many keys of the path lead to it
	empty       bool
}

func locate(text string, path []string) (place, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	for depth := 0; ; depth++ {
		tok, err := dec.Token()
		if err != nil {
			return place{}, err
		}
		want := json.Delim('{')
		if depth == len(path) {
			want = '['
		}
		if tok != want {
			return place{}, fmt.Errorf("%w: %s is no %s", ErrShape, strings.Join(path[:depth], "."), map[json.Delim]string{'{': "object", '[': "list"}[want])
		}
		p := place{open: int(dec.InputOffset()) - 1, depth: depth, empty: !dec.More()}
		found := false
		for dec.More() && !found {
			if depth < len(path) {
				key, err := dec.Token()
				if err != nil {
					return place{}, err
				}
				if found = key == path[depth]; found {
					break
				}
			}
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return place{}, err
			}
		}
		if !found {
			if _, err := dec.Token(); err != nil {
				return place{}, err
			}
			p.close = int(dec.InputOffset()) - 1
			return p, nil
		}
	}
}

// has reports whether the list holds a value.
func (p *place) has(text string, value any) bool {
	var list []any
	raw, err := json.Marshal(value)
	var want any
	if err != nil || json.Unmarshal(raw, &want) != nil || json.Unmarshal([]byte(text[p.open:p.close+1]), &list) != nil {
		return false
	}
	for _, v := range list {
		if reflect.DeepEqual(v, want) {
			return true
		}
	}
	return false
}

// insert writes a value, with a key if it has one, before the closing bracket.
func (p *place) insert(text, key string, value any) (string, error) {
	eol := "\n"
	if strings.Contains(text, "\r\n") {
		eol = "\r\n"
	}
	unit, lead := indentOf(text), lineLead(text, p.close)
	if oneLine := !strings.Contains(text[p.open:p.close], "\n"); oneLine {
		lead = lineLead(text, p.open)
		if !p.empty && key == "" { // a list on one line stays on one
			raw, err := encode(value, "", "")
			return text[:p.close] + ", " + raw + text[p.close:], err
		}
	}
	raw, err := encode(value, lead+unit, unit)
	if err != nil {
		return "", err
	}
	if key != "" {
		name, _ := encode(key, "", "")
		raw = name + ": " + raw
	}
	head := strings.TrimRight(text[:p.close], " \t\r\n")
	if !p.empty {
		head += ","
	}
	out := head + eol + lead + unit + strings.ReplaceAll(raw, "\n", eol) + eol + lead + text[p.close:]
	if !json.Valid([]byte(out)) {
		return "", fmt.Errorf("%w: it is no plain JSON", ErrShape)
	}
	return out, nil
}

func encode(v any, prefix, indent string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent != "" {
		enc.SetIndent(prefix, indent)
	}
	err := enc.Encode(v)
	return strings.TrimRight(b.String(), "\n"), err
}

// indentOf is how a document indents: as its first indented line does.
func indentOf(text string) string {
	for line := range strings.Lines(text) {
		if lead := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; lead != "" && strings.TrimSpace(line) != "" {
			return lead
		}
	}
	return "  "
}

// lineLead is the indent of the line that a place of a text is in.
func lineLead(text string, at int) string {
	line := text[strings.LastIndexByte(text[:at], '\n')+1:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}
