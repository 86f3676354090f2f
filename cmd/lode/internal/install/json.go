package install

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// Settings are JSON that people write by hand, some with comments: hujson changes
// a part of a text and leaves the rest of its bytes as they are.

// setting puts a value at a path of names into a JSON file, and takes it out.
// With list, the path is that of an array, and the value an element of it.
type setting struct {
	path  []string
	value any
	list  bool
	mine  func(element string) bool // which elements of the array are lode's
}

func (s setting) step(file string) Step { return Step{File: file, Put: s.put, Take: s.take} }

// put returns the text with the value in place of what lode put in before.
func (s setting) put(text string) (string, error) {
	want, err := json.Marshal(s.value)
	if err != nil {
		return "", err
	}
	if has, err := s.has(text, string(want)); has || err != nil {
		return text, err
	}
	if text, err = s.take(text); err != nil {
		return "", err
	}
	if strings.TrimSpace(text) == "" {
		text = "{}\n"
	}
	doc, err := hujson.Parse([]byte(text))
	if err != nil {
		return "", err
	}
	style := styleOf(&doc)
	at, depth := &doc, 0
	names := s.path
	if !s.list {
		names = names[:len(names)-1]
	}
	for i, name := range names {
		empty := any(map[string]any{})
		if s.list && i == len(names)-1 {
			empty = []any{}
		}
		obj, ok := at.Value.(*hujson.Object)
		if !ok {
			return "", fmt.Errorf("%s is not an object", strings.Join(names[:i], "."))
		}
		if member(obj, name) < 0 {
			if err := style.add(at, name, empty, depth); err != nil {
				return "", err
			}
		}
		at, depth = &obj.Members[member(obj, name)].Value, depth+1
	}
	name := ""
	if !s.list {
		name = s.path[len(s.path)-1]
	}
	if err := style.add(at, name, s.value, depth); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(names, "."), err)
	}
	return string(doc.Pack()), nil
}

// has reports whether the value stands in the text already.
func (s setting) has(text, want string) (bool, error) {
	if strings.TrimSpace(text) == "" {
		return false, nil
	}
	doc, err := hujson.Parse([]byte(text))
	if err != nil {
		return false, err
	}
	at := doc.Find(pointer(s.path))
	if at == nil {
		return false, nil
	}
	if !s.list {
		return plain(at) == plainText(want), nil
	}
	list, ok := at.Value.(*hujson.Array)
	return ok && slices.ContainsFunc(list.Elements, func(e hujson.Value) bool { return plain(&e) == plainText(want) }), nil
}

// take returns the text without what lode put in, and without what is empty then.
func (s setting) take(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return text, nil
	}
	doc, err := hujson.Parse([]byte(text))
	if err != nil {
		return "", err
	}
	at := doc.Find(pointer(s.path))
	if at == nil {
		return text, nil
	}
	path := s.path
	if s.list {
		list, ok := at.Value.(*hujson.Array)
		if !ok {
			return text, nil
		}
		n := len(list.Elements)
		list.Elements = slices.DeleteFunc(list.Elements, func(e hujson.Value) bool { return s.mine(plain(&e)) })
		if len(list.Elements) == n || len(list.Elements) > 0 {
			return string(doc.Pack()), nil
		}
	}
	for ; len(path) > 0; path = path[:len(path)-1] {
		parent := doc.Find(pointer(path[:len(path)-1]))
		obj := parent.Value.(*hujson.Object)
		i := member(obj, path[len(path)-1])
		obj.Members = slices.Delete(obj.Members, i, i+1)
		if len(obj.Members) > 0 {
			break
		}
		obj.AfterExtra = nil
	}
	return string(doc.Pack()), nil
}

// pointer writes a path as RFC 6901 has it.
func pointer(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

// plain is a value without blanks and comments, its names sorted.
func plain(v *hujson.Value) string {
	c := v.Clone()
	c.Standardize()
	return plainText(string(c.Pack()))
}

func plainText(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func member(obj *hujson.Object, name string) int {
	return slices.IndexFunc(obj.Members, func(m hujson.ObjectMember) bool {
		lit, ok := m.Name.Value.(hujson.Literal)
		return ok && lit.String() == name
	})
}

// style is how a document is laid out.
type style struct {
	indent string // of one level
	eol    string // "" when all stands on one line
}

func styleOf(doc *hujson.Value) style {
	st := style{"  ", "\n"}
	obj, ok := doc.Value.(*hujson.Object)
	if !ok || len(obj.Members) == 0 {
		return st
	}
	blank := string(obj.Members[0].Name.BeforeExtra)
	i := strings.LastIndexByte(blank, '\n')
	if i < 0 {
		return style{}
	}
	if strings.Contains(blank, "\r\n") {
		st.eol = "\r\n"
	}
	if in := blank[i+1:]; strings.Trim(in, " \t") == "" && in != "" {
		st.indent = in
	}
	return st
}

// add puts a value behind the others of an object (with a name) or an array, at
// a depth of the document.
func (st style) add(to *hujson.Value, name string, value any, depth int) error {
	text, err := json.Marshal(value)
	before, behind := hujson.Extra(nil), hujson.Extra(nil)
	if st.eol != "" {
		text, err = json.MarshalIndent(value, strings.Repeat(st.indent, depth+1), st.indent)
		text = []byte(strings.ReplaceAll(string(text), "\n", st.eol))
		before = hujson.Extra(st.eol + strings.Repeat(st.indent, depth+1))
		behind = hujson.Extra(st.eol + strings.Repeat(st.indent, depth))
	}
	if err != nil {
		return err
	}
	v, err := hujson.Parse(text)
	if err != nil {
		return err
	}
	switch c := to.Value.(type) {
	case *hujson.Object:
		if name == "" {
			return fmt.Errorf("it is not an array")
		}
		if len(c.Members) == 0 {
			c.AfterExtra = behind
		}
		if st.eol != "" {
			v.BeforeExtra = hujson.Extra(" ")
		}
		c.Members = append(c.Members, hujson.ObjectMember{Name: hujson.Value{BeforeExtra: before, Value: hujson.String(name)}, Value: v})
	case *hujson.Array:
		if len(c.Elements) == 0 {
			c.AfterExtra = behind
		}
		v.BeforeExtra = before
		c.Elements = append(c.Elements, v)
	default:
		return fmt.Errorf("it is neither an object nor an array")
	}
	return nil
}
