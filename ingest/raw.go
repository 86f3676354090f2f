package ingest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lode/session"
	"lode/session/redact"
)

// ErrNoLine says that a source has no line of that number.
var ErrNoLine = errors.New("the source has no such line any more")

// RawLine returns a line of a source, counted from 1, as it stands in the file
// except for what may never be shown: secrets, and characters that a terminal
// would obey. The error wraps fs.ErrNotExist when the source is gone.
func RawLine(file string, line int, rules redact.Rules) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	in, err := unpacked(f)
	if err != nil {
		return "", err
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 256<<10)
	var text []byte
	for n := 1; ; n++ {
		part, err := r.ReadSlice('\n')
		if n == line {
			text = append(text, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			n-- // the line goes on
		case err != nil && err != io.EOF:
			return "", err
		case n == line && len(text) > 0:
			return safeLine(strings.TrimSuffix(string(text), "\n"), rules), nil
		case err == io.EOF:
			return "", fmt.Errorf("%s:%d: %w", file, line, ErrNoLine)
		}
	}
}

// safeLine replaces what may not be shown: within each string of JSON, where
// escapes would hide it, and in the line as a whole.
func safeLine(text string, rules redact.Rules) string {
	safe := func(s string) string { return rules.Text(session.Clean(s), nil) }
	text = session.Clean(text)
	var b strings.Builder
	for {
		start := strings.IndexByte(text, '"')
		if start < 0 {
			break
		}
		end := start + 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(text) {
			break // not the end of a string: not JSON, or cut off
		}
		literal, said := text[start:end+1], ""
		if json.Unmarshal([]byte(literal), &said) == nil {
			if clean := safe(said); clean != said {
				literal = quoteJSON(clean)
			}
		}
		b.WriteString(text[:start] + literal)
		text = text[end+1:]
	}
	return rules.Text(b.String()+text, nil)
}

func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // it is a string
	}
	return strings.TrimSuffix(b.String(), "\n")
}
