package session

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// eventReader reads stored events. All of them are read every time that all
// sessions are mined, so what Write writes is read here, five times as fast as
// by encoding/json; a line of any other form is left to that.
type eventReader struct {
	line []byte
	at   int
	text []byte            // of a string with escapes
	seen map[string]string // values that many events share
}

func (r *eventReader) read(line []byte, e *Event) error {
	r.line, r.at = line, 0
	if utf8.Valid(line) && r.event(e) {
		return nil
	}
	*e = Event{}
	return json.Unmarshal(line, e)
}

// event reads an event. It reports whether the line is one as it is written,
// without spaces, unknown names and null.
func (r *eventReader) event(e *Event) bool {
	if !r.next('{') {
		return false
	}
	for {
		name, ok := r.literal()
		if !ok || !r.next(':') || !r.value(name, e) {
			return false
		}
		if r.next('}') {
			return r.at == len(r.line)
		}
		if !r.next(',') {
			return false
		}
	}
}

func (r *eventReader) value(name []byte, e *Event) bool {
	switch string(name) {
	case "n":
		return r.int(&e.N)
	case "part":
		return r.int(&e.Part)
	case "src":
		return r.int(&e.Src)
	case "line":
		return r.int(&e.Line)
	case "kind":
		return r.shared((*string)(&e.Kind))
	case "author":
		return r.shared((*string)(&e.Author))
	case "act":
		return r.shared((*string)(&e.Act))
	case "time":
		from := r.at
		_, ok := r.literal()
		return ok && e.Time.UnmarshalJSON(r.line[from:r.at]) == nil
	case "call":
		return r.string(&e.CallID)
	case "of":
		return r.string(&e.Of)
	case "tool":
		return r.shared(&e.Tool)
	case "cmd":
		return r.string(&e.Command)
	case "dir":
		return r.shared(&e.Dir)
	case "text":
		return r.string(&e.Text)
	case "flag":
		return r.shared((*string)(&e.Flag))
	case "exit":
		e.Exit = new(int)
		return r.int(e.Exit)
	case "tok":
		return r.int(&e.Tokens)
	case "key":
		return r.string(&e.Key)
	case "copies":
		return r.places(&e.Copies)
	}
	return false
}

func (r *eventReader) places(all *[]Place) bool {
	if !r.next('[') {
		return false
	}
	*all = (*all)[:0]
	for {
		var p Place
		if !r.expect(`{"src":`) || !r.int(&p.Src) || !r.expect(`,"n":`) || !r.int(&p.N) || !r.next('}') {
			return false
		}
		*all = append(*all, p)
		if r.next(']') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

func (r *eventReader) next(c byte) bool {
	if r.at < len(r.line) && r.line[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *eventReader) expect(text string) bool {
	if bytes.HasPrefix(r.line[r.at:], []byte(text)) {
		r.at += len(text)
		return true
	}
	return false
}

// int reads a number of up to 18 digits.
func (r *eventReader) int(to *int) bool {
	minus := r.next('-')
	from, n := r.at, 0
	for r.at < len(r.line) && r.line[r.at] >= '0' && r.line[r.at] <= '9' {
		n = 10*n + int(r.line[r.at]-'0')
		r.at++
	}
	if digits := r.at - from; digits == 0 || digits > 18 || digits > 1 && r.line[from] == '0' {
		return false
	}
	if minus {
		n = -n
	}
	*to = n
	return true
}

// literal reads a string without escapes.
func (r *eventReader) literal() ([]byte, bool) {
	text, escaped, ok := r.quoted()
	return text, ok && !escaped
}

// quoted reads a string as it stands between its quotes.
func (r *eventReader) quoted() (text []byte, escaped, ok bool) {
	if !r.next('"') {
		return nil, false, false
	}
	for i, c := range r.line[r.at:] {
		switch {
		case c == '"':
			text = r.line[r.at : r.at+i]
			r.at += i + 1
			return text, false, true
		case c == '\\':
			return r.escaped()
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// escaped reads a string in which there are escapes, from behind its first quote.
func (r *eventReader) escaped() (text []byte, escaped, ok bool) {
	from, text := r.at, r.text[:0]
	for i := r.at; i < len(r.line); i++ {
		c := r.line[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		text = append(text, r.line[from:i]...)
		if c == '"' {
			r.at, r.text = i+1, text
			return text, true, true
		}
		if i++; c != '\\' || i == len(r.line) {
			return nil, false, false
		}
		switch r.line[i] {
		case 'n':
			text = append(text, '\n')
		case 't':
			text = append(text, '\t')
		case '"', '\\', '/':
			text = append(text, r.line[i])
		default: // in few texts
			return nil, false, false
		}
		from = i + 1
	}
	return nil, false, false
}

func (r *eventReader) string(to *string) bool {
	text, _, ok := r.quoted()
	*to = string(text)
	return ok
}

// shared reads a string that is the same in many events.
func (r *eventReader) shared(to *string) bool {
	text, _, ok := r.quoted()
	if !ok {
		return false
	}
	s, known := r.seen[string(text)]
	if !known {
		s = string(text)
		r.seen[s] = s
	}
	*to = s
	return true
}
