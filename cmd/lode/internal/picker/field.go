package picker

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
)

// field is a line of text that is typed.
type field struct {
	text []rune
	at   int // the cursor stands before this character
}

func (f *field) set(text string) { f.text, f.at = []rune(text), len([]rune(text)) }

func (f *field) insert(text string) {
	add := []rune(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, text))
	f.text = append(f.text[:f.at:f.at], append(add, f.text[f.at:]...)...)
	f.at += len(add)
}

// cut removes the characters from one place to another.
func (f *field) cut(from, to int) {
	f.text = append(f.text[:from:from], f.text[to:]...)
	f.at = from
}

// word is where the word before the cursor begins.
func (f *field) word() int {
	i := f.at
	for i > 0 && f.text[i-1] == ' ' {
		i--
	}
	for i > 0 && f.text[i-1] != ' ' {
		i--
	}
	return i
}

// press carries out a key that edits; it reports whether it is one.
func (f *field) press(k tea.KeyPressMsg) bool {
	switch k.String() {
	case "left", "ctrl+b":
		f.at = max(0, f.at-1)
	case "right", "ctrl+f":
		f.at = min(len(f.text), f.at+1)
	case "home", "ctrl+a":
		f.at = 0
	case "end", "ctrl+e":
		f.at = len(f.text)
	case "backspace", "ctrl+h":
		f.cut(max(0, f.at-1), f.at)
	case "delete", "ctrl+d":
		f.cut(f.at, min(len(f.text), f.at+1))
	case "ctrl+w", "alt+backspace":
		f.cut(f.word(), f.at)
	case "ctrl+u":
		f.cut(0, f.at)
	case "ctrl+k":
		f.cut(f.at, len(f.text))
	default:
		if k.Text == "" {
			return false
		}
		f.insert(k.Text)
	}
	return true
}
