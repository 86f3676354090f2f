package session

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Each case is a foreign text and what is kept of it.
var dirty = []struct{ name, in, want string }{
	{"plain", "a\tb\n", "a\tb\n"},
	{"scripts and emoji", "Grüße, 世界 👩‍👩‍👧 ❤️ می‌خواهم", "Grüße, 世界 👩‍👩‍👧 ❤️ می‌خواهم"},
	{"line breaks", "a\r\nb\rc\r\r\nd\r", "a\nb\nc\n\nd\n"},
	{"control characters", "a\x00b\a\b\v\fc\x7fd\u0085e\u009bf", "abcdef"},

	{"colours", "\x1b[1;31mFAIL\x1b[0m ok\x1b[m", "FAIL ok"},
	{"cursor and screen", "\x1b[?25l\x1b[2K\x1b[38:2::255:0:0mx\x1b7\x1b8\x1b=\x1bM", "x"},
	{"character set", "\x1b(B\x1b[mok\x1b)0\x1b%G", "ok"}, // as tput sgr0 prints
	{"window title", "\x1b]0;build\a$ ls", "$ ls"},
	{"link", "see \x1b]8;;https://example.com\x1b\\docs\x1b]8;;\x1b\\.", "see docs."},
	{"device strings", "\x1bPq#0\x1b\\a\x1b_x\x1b\\b\x1b^y\x1b\\c", "abc"},
	{"string without an end", "\x1b]0;build\nnext \x1b]0;x\x1b[1mbold \x1b]8;;", "\nnext bold "},
	{"sequence without an end", "a\x1b[31\nb\x1b[é\x1b[3\x1b[1mc", "a\nbéc"},
	{"lone escapes", "a\x1b\nb\x1bé\x1b\x1b[1mc\x1b\r\nd", "a\nbéc\nd"},
	{"cut after the escape", "a\x1b", "a"},
	{"cut after the bracket", "a\x1b[", "a"},
	{"cut in the parameters", "a\x1b[12;", "a"},
	{"cut in the character set", "a\x1b(", "a"},

	{"broken bytes", "a\xffb\xe2\x82", "a�b��"},
	{"surrogate and overlong", "\xed\xa0\x80 \xc0\xaf", "��� ��"},
	{"bytes that an escape parts", "\xc3\x1b[m\xa9\xc3\u200b\xa9", "����"},
	{"replacement character", "a�b", "a�b"},

	{"reordering", "if a\u202e\u2066 // x\u2069\u2066 b\u061c\u200f", "if a // x b"},
	{"hidden in a word", "pa\u200bss\u00adwo\u2060rd\ufeff\u180e\u3164", "password"},
	{"text in tags", "x\U000e0069\U000e0067\U000e007f", "x"},
	{"text in variation selectors", "x\ufe00\ufe0d\U000e0100\U000e01ef", "x"},
}

// Clean keeps the words of a text and drops what hides among them.
func TestClean(t *testing.T) {
	for _, c := range dirty {
		if got := Clean(c.in); got != c.want {
			t.Errorf("%s: Clean(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// Beyond ASCII, Clean drops the controls and what Unicode says is to be
// ignored where it cannot be shown, and nothing else.
func TestCleanKnowsUnicode(t *testing.T) {
	const stays = "\u200c\u200d\ufe0e\ufe0f" // joiners and emoji selectors
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		ignorable := unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r) && // Arabic number signs, which show
			(r < 0x13430 || r > 0x1343f) // hieroglyphs side by side
		want := !strings.ContainsRune(stays, r) && (ignorable || unicode.Is(unicode.Cc, r))
		if got := Clean("a"+string(r)+"b") == "ab"; got != want {
			t.Errorf("Clean drops %U: %v, want %v", r, got, want)
		}
	}
}

// Cleaning twice is cleaning once, and gives text that any printer may have.
func FuzzClean(f *testing.F) {
	for _, c := range dirty {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Clean(s)
		if twice := Clean(once); twice != once {
			t.Errorf("Clean(%q) = %q, and again %q", s, once, twice)
		}
		control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
		if !utf8.ValidString(once) || strings.ContainsFunc(once, control) {
			t.Errorf("Clean(%q) = %q, want valid text without controls", s, once)
		}
	})
}
