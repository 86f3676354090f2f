package session

import (
	"fmt"
	"strconv"
	"strings"
)

// Ref points at one event: agent/session#n or agent/session#n.part. It is a
// document's id in the index, the text of a link, an HTML anchor and the
// argument of show. A Ref without a place (N < 0) means the whole session.
type Ref struct {
	Agent   string
	Session string
	N       int
	Part    int
}

// String prints the reference so that ParseRef reads it back.
func (r Ref) String() string {
	b := make([]byte, 0, len(r.Agent)+len(r.Session)+12)
	b = append(b, r.Agent...)
	b = append(b, '/')
	b = append(b, r.Session...)
	if r.N < 0 {
		return string(b)
	}
	b = append(b, '#')
	b = strconv.AppendInt(b, int64(r.N), 10)
	if r.Part != 0 {
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(r.Part), 10)
	}
	return string(b)
}

// Anchor returns the place within the session, as an HTML anchor.
func (r Ref) Anchor() string {
	if r.N < 0 {
		return "e"
	}
	_, place, _ := cutLast(r.String(), "#") // an id may have a # too
	return "e" + place
}

// ParseRef reads what Ref.String prints. The place may be missing.
func ParseRef(text string) (Ref, error) {
	agent, rest, ok := strings.Cut(text, "/")
	if !ok || agent == "" || rest == "" {
		return Ref{}, fmt.Errorf("%q is not a reference (want agent/session#n)", text)
	}
	id, place, has := cutLast(rest, "#")
	r := Ref{Agent: agent, Session: id, N: -1}
	if id == "" {
		return Ref{}, fmt.Errorf("%q names no session (want agent/session#n)", text)
	}
	if !has {
		return r, nil
	}
	n, part, hasPart := strings.Cut(place, ".")
	var err error
	if r.N, err = parseCount(n); err == nil && hasPart {
		if r.Part, err = parseCount(part); r.Part == 0 {
			err = strconv.ErrSyntax // printed without a part
		}
	}
	if err != nil {
		return Ref{}, fmt.Errorf("%q has no number after # (want agent/session#n or #n.part)", text)
	}
	return r, nil
}

// parseCount reads digits only: no sign, no leading zeros, so that a printed
// reference is the only way to write it.
func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && strconv.Itoa(n) != s || n < 0 {
		return 0, strconv.ErrSyntax
	}
	return n, err
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
