package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// A place of a record in a JSON Lines source: its 1-based line, and which
// value of that line it is. Agents crash between a record and its line break,
// so real files hold lines with two values.
type place struct {
	line, value int
}

// part returns the part number of the block-th event of a record.
func (p place) part(block int) int { return p.value*partsPerValue + block }

const (
	partsPerValue = 1000 // content blocks of one record stay below
	partReason    = 500  // the user's words on the n-th block, a result, at 500+2n and 501+2n
)

// eachRecord calls f with every JSON object of a JSON Lines source. Lines may
// be of any length and hold several values. What is not JSON is reported to
// the draft, except for a last line without its end: that one is only not
// finished yet. The record is valid until f returns.
func eachRecord(r io.Reader, d *Draft, f func(p place, rec gjson.Result)) error {
	in := bufio.NewReaderSize(r, 256<<10)
	var buf []byte
	for line := 1; ; line++ {
		text, whole, err := nextLine(in, buf[:0])
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if text == nil {
			return nil
		}
		buf = text
		readLine(bytes.TrimSpace(text), line, whole, d, f)
	}
}

// nextLine reads a line. whole says that its end was there; a nil text that
// the source has ended.
func nextLine(in *bufio.Reader, buf []byte) (text []byte, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		buf = append(buf, part...)
		switch err {
		case nil:
			return buf, true, nil
		case bufio.ErrBufferFull:
		case io.EOF:
			if len(buf) == 0 {
				return nil, false, nil
			}
			return buf, false, nil
		default:
			return nil, false, err
		}
	}
}

func readLine(text []byte, line int, whole bool, d *Draft, f func(place, gjson.Result)) {
	if len(text) == 0 {
		return
	}
	if gjson.ValidBytes(text) {
		record(gjson.ParseBytes(text), place{line: line}, d, f)
		return
	}
	for value := 0; len(text) > 0; value++ {
		end := valueEnd(text)
		if end < 0 || !gjson.ValidBytes(text[:end]) {
			if !whole && end < 0 {
				d.Partial = true
				return
			}
			d.bad(line, "not JSON: "+d.excerpt(text))
			return
		}
		record(gjson.ParseBytes(text[:end]), place{line, value}, d, f)
		text = bytes.TrimSpace(text[end:])
	}
}

func record(rec gjson.Result, p place, d *Draft, f func(place, gjson.Result)) {
	if !rec.IsObject() {
		d.bad(p.line, "not an object: "+d.excerpt([]byte(rec.Raw)))
		return
	}
	d.Records++
	f(p, rec)
}

// valueEnd returns the length of the object that text starts with, or -1 when
// it does not start with one or the object does not end.
func valueEnd(text []byte) int {
	if len(text) == 0 || text[0] != '{' {
		return -1
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// excerpt shows the beginning of a record in an error without showing its
// contents at length. More is looked at than shown: a secret that is cut off
// would not be recognised.
func (d *Draft) excerpt(text []byte) string {
	const look, show = 1 << 10, 40
	safe := d.redact.Text(session.Clean(string(text[:min(len(text), look)])), nil)
	return strings.ToValidUTF8(safe[:min(len(safe), show)], "") // printed with %q
}
