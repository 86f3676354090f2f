package session

import (
	"strings"
	"unicode/utf8"
)

// Clean makes foreign text fit to store and show: valid UTF-8 without NUL,
// terminal escapes, control characters, and the invisible characters that can
// hide or reorder text (bidirectional controls, zero-width spaces, tags).
// Line breaks become "\n". Text that is clean already is returned as it is.
func Clean(s string) string {
	i := dirtyAt(s)
	if i < 0 {
		return s
	}
	b := make([]byte, i, len(s))
	copy(b, s)
	for i < len(s) {
		c := s[i]
		switch {
		case c == '\x1b':
			i += escapeLen(s[i:])
			continue
		case c == '\r':
			if i+1 >= len(s) || s[i+1] != '\n' {
				b = append(b, '\n')
			}
		case c < ' ' && c != '\n' && c != '\t', c == 0x7f:
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, "�"...)
			} else if !hidden(r) {
				b = append(b, s[i:i+size]...)
			}
			i += size
			continue
		}
		i++
	}
	return string(b)
}

// dirtyAt returns where the first byte stands that Clean would change, or -1.
func dirtyAt(s string) int {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if (c < ' ' && c != '\n' && c != '\t') || c == 0x7f {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && size == 1) || hidden(r) {
			return i
		}
		i += size
	}
	return -1
}

// hidden reports whether a character shows nothing but changes how its
// neighbours read, or carries text that only a machine sees: C1 controls, and
// what Unicode calls default ignorable. Of these, the joiners U+200C and U+200D
// and the emoji selectors U+FE0E and U+FE0F stay: scripts and emoji need them.
func hidden(r rune) bool {
	switch {
	case r < 0x80:
		return false
	case r < 0xa0, r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160,
		r == 0x17b4, r == 0x17b5, r >= 0x180b && r <= 0x180f,
		r == 0x200b, r == 0x200e, r == 0x200f,
		r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
		r == 0x3164, r >= 0xfe00 && r <= 0xfe0d, r == 0xfeff, r == 0xffa0, r >= 0xfff0 && r <= 0xfffb,
		r >= 0x1bca0 && r <= 0x1bca3, r >= 0x1d173 && r <= 0x1d17a, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

// escapeLen returns the length of the terminal escape sequence that s starts with.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 1
	}
	switch s[1] {
	case '[': // CSI: parameters, then a final byte
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x3f {
				return i
			}
		}
		return len(s)
	case ']', 'P', '^', '_': // OSC, DCS, PM, APC: text up to BEL or ST
		if end := strings.IndexAny(s[2:], "\a\x1b\n"); end >= 0 {
			end += 2
			switch {
			case s[end] == '\a':
				return end + 1
			case s[end] == '\x1b' && end+1 < len(s) && s[end+1] == '\\':
				return end + 2
			}
			return end
		}
		return len(s)
	}
	i := 1 // others: intermediates as in ESC ( B, then a final byte
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f {
		i++
	}
	if i < len(s) && s[i] >= 0x30 && s[i] <= 0x7e {
		i++
	}
	return i
}
