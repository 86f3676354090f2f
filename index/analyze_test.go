package index

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Words, and behind a / what else stands at their place: parts of identifiers
// with a · before them, flags whole.
func TestAnalyze(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"parseCartItem", "parsecartitem/·parse/·cart/·item"},
		{"read_cart__item_", "read_cart__item_/·read/·cart/·item"},
		{"HTTPServer2Go", "httpserver2go/·http/·server2/·go"},
		{"__init__", "__init__/·init"},
		{"aB iOS x", "ab ios/·os x"},
		{"a.b/c-d:e", "a b c d e"},

		{"Größe naïveTest", "grosse naivetest"},
		{"cafe\u0301 CAFÉ Ångström ﬁne Łódź", "cafe cafe angstrom fine lodz"},
		{"İx needle Ⱥy", "ix needle ay"},
		{"\u0301 x", "x"},

		{"购物车 42", "购物 物车 车 42"},
		{"车x车", "车 x 车"},
		{"テスト です", "テス スト ト です す"},

		{"v1.2.3 1.22 0.25s 10.0.0.1:80", "1.2.3 1.22 0.25s 10.0.0.1 80"},
		{"V2 go1.22 1. .5 1.x", "v2 go1 22 1 5 1 x"},
		{"v1.2.3-rc1.", "1.2.3 rc1"},

		{"git commit --no-verify -m x", "git commit --no-verify/no verify -m/m x"},
		{"a-b --x=1 `-q`", "a b --x/x 1 -q/q"},
		{"-race", "-race/race"},
		{"line\n-removed\n--- a/x\n- item", "line removed a x item"},
		{"x--y", "x y"},

		{strings.Repeat("x", maxWord) + " " + strings.Repeat("y", maxWord+1) + " z", strings.Repeat("x", maxWord) + " z"},
		{"\xff bad \xc3 end", "bad end"},
		{"", ""},
	} {
		if got := analyzed(c.text); got != c.want {
			t.Errorf("Analyze(%q) = %s, want %s", c.text, got, c.want)
		}
	}
}

func analyzed(text string) string {
	var b strings.Builder
	last := 0
	for _, tok := range (codeAnalyzer{}).Analyze([]byte(text)) {
		term := strings.Replace(string(tok.Term), string(rune(partMark)), "·", 1)
		switch {
		case tok.Position == last:
			b.WriteByte('/')
		case last > 0:
			b.WriteByte(' ')
		}
		last = tok.Position
		b.WriteString(term)
	}
	return b.String()
}

// A token is where its word stands, in order, whatever stands around it.
func TestAnalyzeOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z_İȺß车év0-9\x{10400} .-]{0,40}`)).Draw(t, "text")
		checkTokens(t, text)
	})
}

// Any bytes are cut into terms that are found again by themselves.
func FuzzAnalyze(f *testing.F) {
	for _, text := range []string{"--no-verify v1.2.3", "购物车x", "e\u0301\u0301", "\xff\xfe-", "a__B--c -d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkTokens(t, text) })
}

func checkTokens(t rapid.TB, text string) {
	pos, start := 0, 0
	for _, tok := range (codeAnalyzer{}).Analyze([]byte(text)) {
		if tok.Position < pos || tok.Start < start && tok.Position > pos || tok.End <= tok.Start || tok.End > len(text) || len(tok.Term) == 0 {
			t.Fatalf("Analyze(%q) has %q at %d-%d, position %d behind %d", text, tok.Term, tok.Start, tok.End, tok.Position, pos)
		}
		pos, start = tok.Position, tok.Start
		word := text[tok.Start:tok.End]
		term := strings.TrimPrefix(string(tok.Term), string(rune(partMark)))
		switch again := cut(word); {
		case term[0] == '-':
			if len(again.flags) != 1 || again.flags[0] != term {
				t.Fatalf("Analyze(%q): the flag %q is cut into %q by itself", text, word, again)
			}
		case len(again.row) == 0 || again.row[0] != term:
			t.Fatalf("Analyze(%q) has %q where %q stands, which is cut into %q by itself", text, term, word, again.row)
		}
		if utf8.ValidString(text) != utf8.Valid(tok.Term) && utf8.ValidString(text) {
			t.Fatalf("Analyze(%q) has the term %q", text, tok.Term)
		}
	}
}
