package query

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Error says what of a query cannot be read, and where.
type Error struct {
	Query string
	At    int // offset in bytes
	Msg   string
	Hint  string
}

// Error tells the place as the number of a character, from 1.
func (e *Error) Error() string {
	text := fmt.Sprintf("query, character %d: %s", utf8.RuneCountInString(e.Query[:e.At])+1, e.Msg)
	if e.Hint != "" {
		text += " (hint: " + e.Hint + ")"
	}
	return text
}

// Limits keep a query from costing more than it can be worth.
const (
	maxDepth = 40
	maxNodes = 256
)

// Parse reads a query. The error is an *Error.
func Parse(text string) (Node, error) {
	p := parser{text: text}
	n, err := p.or()
	if err == nil && p.at < len(p.text) {
		err = p.fail(p.at, "nothing is open that this ) closes", `to look for the sign, quote it with its word: "f(x)"`)
	}
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, p.fail(0, "there is nothing to search for", `lode search pytest`)
	}
	return n, nil
}

type parser struct {
	text  string
	at    int
	depth int
	nodes int
}

func (p *parser) fail(at int, msg, hint string) error { return &Error{p.text, at, msg, hint} }

func (p *parser) blank() {
	for p.at < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += size
	}
}

// or reads alternatives: and {"OR" and}. It returns nil where none begins.
func (p *parser) or() (Node, error) {
	var all Or
	for {
		start := p.at
		n, err := p.and()
		if err != nil {
			return nil, err
		}
		if n == nil && len(all) > 0 {
			return nil, p.fail(start, "nothing stands behind OR", `to look for the word, quote it: "OR"`)
		}
		if n == nil {
			if at := p.at; p.operator("OR") {
				return nil, p.fail(at, "nothing stands before OR", `to look for the word, quote it: "OR"`)
			}
			return nil, nil
		}
		if more, ok := n.(Or); ok {
			all = append(all, more...)
		} else {
			all = append(all, n)
		}
		if !p.operator("OR") {
			break
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

// and reads what must all be there: not {["AND"] not}.
func (p *parser) and() (Node, error) {
	var all And
	for {
		p.blank()
		start := p.at
		explicit := p.operator("AND")
		if explicit && len(all) == 0 {
			return nil, p.fail(start, "nothing stands before AND", `to look for the word, quote it: "AND"`)
		}
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		if n == nil && explicit {
			return nil, p.fail(start, "nothing stands behind AND", `to look for the word, quote it: "AND"`)
		}
		if n == nil {
			break
		}
		if more, ok := n.(And); ok {
			all = append(all, more...)
		} else {
			all = append(all, n)
		}
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return all[0], nil
	}
	return all, nil
}

// not reads an operand with its negations.
func (p *parser) not() (Node, error) {
	p.blank()
	start := p.at
	if p.operator("NOT") || p.minus() {
		if p.depth++; p.depth > maxDepth {
			return nil, p.fail(start, "the query is nested too deeply", "")
		}
		defer func() { p.depth-- }()
		n, err := p.not()
		if err == nil && n == nil {
			err = p.fail(start, "nothing stands behind NOT", `to look for the word, quote it: "NOT"`)
		}
		if err != nil {
			return nil, err
		}
		return Not{n}, nil
	}
	return p.operand()
}

// minus takes a - that leaves out what follows; --flag is a word.
func (p *parser) minus() bool {
	rest := p.text[p.at:]
	if len(rest) < 2 || rest[0] != '-' || rest[1] == '-' || rest[1] == ')' {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(rest[1:]); unicode.IsSpace(r) {
		return false
	}
	p.at++
	return true
}

// operator takes a word in capitals that stands for itself.
func (p *parser) operator(op string) bool {
	p.blank()
	rest, ok := strings.CutPrefix(p.text[p.at:], op)
	if !ok {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(r) && r != '(' && r != ')' && r != '"' {
		return false
	}
	p.at += len(op)
	return true
}

func (p *parser) isOperator() bool {
	was := p.at
	defer func() { p.at = was }()
	return p.operator("OR") || p.operator("AND")
}

// operand reads a group, a phrase, a field, a regular expression or a word; nil
// where there is none.
func (p *parser) operand() (Node, error) {
	p.blank()
	if p.at == len(p.text) || p.text[p.at] == ')' || p.isOperator() {
		return nil, nil
	}
	if p.nodes++; p.nodes > maxNodes {
		return nil, p.fail(p.at, fmt.Sprintf("the query has more than %d parts", maxNodes), "lode search --error - takes long texts")
	}
	switch p.text[p.at] {
	case '(':
		return p.group()
	case '"':
		s, err := p.quoted()
		return Text{Text: s, Quoted: true}, err
	case '/':
		if n, err := p.regexp(); n != nil || err != nil {
			return n, err
		}
	}
	if n, err := p.field(); n != nil || err != nil {
		return n, err
	}
	return p.word()
}

func (p *parser) group() (Node, error) {
	open := p.at
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(open, "the query is nested too deeply", "")
	}
	defer func() { p.depth-- }()
	p.at++
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.at == len(p.text) {
		return nil, p.fail(open, "this ( is not closed", `to look for the sign, quote it with its word: "f(x)"`)
	}
	p.at++
	if n == nil {
		return nil, p.fail(open, "nothing stands between ( and )", `to look for the signs, quote them with their word: "f()"`)
	}
	return n, nil
}

// quoted reads a text in quotes, in which \" is a quote and \\ a backslash.
func (p *parser) quoted() (string, error) {
	open := p.at
	var b strings.Builder
	for i := open + 1; i < len(p.text); i++ {
		c := p.text[i]
		if c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\') {
			i++
			b.WriteByte(p.text[i])
			continue
		}
		if c != '"' {
			b.WriteByte(c)
			continue
		}
		p.at = i + 1
		if b.Len() == 0 {
			return "", p.fail(open, "nothing stands between the quotes", "")
		}
		if rest := p.text[p.at:]; rest != "" && rest[0] != ')' && rest[0] != ',' {
			if r, _ := utf8.DecodeRuneInString(rest); !unicode.IsSpace(r) {
				return "", p.fail(p.at, fmt.Sprintf("%q follows a closing quote", r), `put a space between, or write \" for a quote within quotes`)
			}
		}
		return b.String(), nil
	}
	return "", p.fail(open, fmt.Sprintf("the quote before %q is not closed", head(p.text[open+1:])), "")
}

// head is the beginning of a text, for a message.
func head(s string) string {
	if r := []rune(s); len(r) > 20 {
		return string(r[:20]) + "…"
	}
	return s
}

// regexp reads /an expression/. What begins with a slash and does not end with
// one before a space is a path: nil.
func (p *parser) regexp() (Node, error) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\\' && i+1 < len(p.text):
			if p.text[i+1] != '/' {
				b.WriteByte(c)
			}
			i++
			b.WriteByte(p.text[i])
		case c == '/':
			r, _ := utf8.DecodeRuneInString(p.text[i+1:])
			if i+1 < len(p.text) && r != ')' && !unicode.IsSpace(r) || b.Len() == 0 {
				return nil, nil
			}
			if _, err := regexp.Compile(b.String()); err != nil {
				return nil, p.fail(p.at, strings.TrimPrefix(err.Error(), "error parsing regexp: "), "a path goes into quotes")
			}
			p.at = i + 1
			return Regexp{b.String()}, nil
		default:
			b.WriteByte(c)
		}
	}
	return nil, nil
}

// field reads field:value; nil where no field is named.
func (p *parser) field() (Node, error) {
	start := p.at
	name, rest, ok := strings.Cut(p.text[start:], ":")
	if !ok || name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz") != "" || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, ":") {
		return nil, nil
	}
	f := fieldNamed(strings.ToLower(name))
	if f == nil {
		if near := nearField(strings.ToLower(name)); near != "" && name == strings.ToLower(name) && !p.endsAt(rest) {
			return nil, p.fail(start, "there is no field "+name, "did you mean "+near+`:? to look for the words, quote them`)
		}
		return nil, nil
	}
	p.at += len(name) + 1
	if p.endsAt(rest) {
		return nil, p.fail(start, f.Name+": has no value", `to look for the word, quote it: "`+name+`:"`)
	}
	switch f.Name {
	case "lit":
		return p.literal()
	case "since", "until", "on":
		return p.time(f)
	}
	n := Field{Name: f.Name}
	for {
		at := p.at
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if hint, ok := f.check(v.Text); !ok {
			return nil, p.fail(at, fmt.Sprintf("%s: there is no %q", f.Name, v.Text), hint)
		}
		n.Values = append(n.Values, v)
		if p.at == len(p.text) || p.text[p.at] != ',' {
			return n, nil
		}
		p.at++
	}
}

// endsAt reports whether no value follows.
func (p *parser) endsAt(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || r == ')' || unicode.IsSpace(r)
}

// value reads one value of a field: in quotes, or up to a comma or space.
func (p *parser) value() (Text, error) {
	if p.at < len(p.text) && p.text[p.at] == '"' {
		s, err := p.quoted()
		return Text{Text: s, Quoted: true}, err
	}
	start := p.at
	v := Text{Text: p.run(",")}
	if v.Text == "" {
		return v, p.fail(start, "a value is missing", "")
	}
	if stem, ok := strings.CutSuffix(v.Text, "*"); ok && stem != "" {
		v = Text{Text: stem, Prefix: true}
	}
	if strings.Contains(v.Text, "*") {
		return v, p.fail(start, "a * stands only behind the beginning of a value", "to look for the sign, quote the value")
	}
	return v, nil
}

func (p *parser) literal() (Node, error) {
	if p.text[p.at] == '"' {
		s, err := p.quoted()
		return Literal{s}, err
	}
	return Literal{p.run("")}, nil
}

func (p *parser) time(f *FieldDoc) (Node, error) {
	start := p.at
	n := Time{f.Name, p.run("")}
	if _, _, err := moments(n.Text, time.Unix(0, 0).UTC()); err != nil {
		return nil, p.fail(start, f.Name+": "+err.Error(), "")
	}
	if _, ok := back(n.Text, time.Unix(0, 0)); (ok || n.Text == "all") && n.Name == "on" {
		return nil, p.fail(start, "on: wants a day or a month, not a span", "since:"+n.Text)
	}
	return n, nil
}

// word reads a bare word.
func (p *parser) word() (Node, error) {
	start := p.at
	w := p.run("")
	stem, star := strings.CutSuffix(w, "*")
	switch {
	case !strings.Contains(w, "*") || !searchable(w):
		return Text{Text: w}, nil
	case star && !strings.Contains(stem, "*") && searchable(lastRune(stem)):
		return Text{Text: stem, Prefix: true}, nil
	}
	return nil, p.fail(start, "a * stands only behind the beginning of a word", `"in quotes" for the sign, /any.*thing/ for a pattern`)
}

func lastRune(s string) string {
	_, size := utf8.DecodeLastRuneInString(s)
	return s[len(s)-size:]
}

// searchable reports whether a text has a letter or a digit.
func searchable(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// run takes what stands up to a space, a ) that closes a group outside, or one
// of some more signs.
func (p *parser) run(more string) string {
	start, open := p.at, 0
	for p.at < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.at:])
		if r == '(' {
			open++
		}
		if r == ')' {
			open--
		}
		if unicode.IsSpace(r) || open < 0 || strings.ContainsRune(more, r) {
			break
		}
		p.at += size
	}
	return p.text[start:p.at]
}

// Position returns where a query could not be read, in bytes; -1 when an error
// does not tell.
func Position(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.At
	}
	return -1
}
