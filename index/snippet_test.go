package index

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A snippet is one line around the most different words of the query, cut at
// words, with nothing changed but white space.
func TestSnippet(t *testing.T) {
	far := strings.Repeat("nothing here ", 30)
	for _, c := range []struct{ text, query, want string }{
		{"a cart", "cart", "a [cart]"},
		{"a cart", "wheel", "a cart"},
		{"", "cart", ""},
		{"two\n\n  lines\tof cart\n", "cart", "two lines of [cart]"},
		{"&amp; <b>cart</b> \\n [x] \"q\"", "cart", "&amp; <b>[cart]</b> \\n [x] \"q\""},
		{"readCart, read_cart: Cart.", "cart", "read[Cart], read_[cart]: [Cart]."},
		{"readCart read", "readcart read", "[readCart] [read]"},
		{far + "the cart " + far, "cart", "…nothing here nothing here nothing here the [cart] " + strings.TrimSpace(strings.Repeat("nothing here ", 10)) + "…"},
		{"cart " + far + "the cart is slow", "cart slow", "…nothing here nothing here nothing here the [cart] is [slow]"},
	} {
		terms, err := parseTerms(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := snippet(c.text, terms).Marked("[", "]"); got != c.want {
			t.Errorf("snippet(%q, %q) = %q, want %q", c.text, c.query, got, c.want)
		}
	}
}

// Whatever the text, a snippet is a short valid line, its marks are in order and
// around words of the query, and without them and the dots it stands in the text.
func FuzzSnippet(f *testing.F) {
	f.Add("the cart\r\nis\u00a0slow 🙂", "cart slow")
	f.Add(strings.Repeat("界", 100)+" cart", "cart 界")
	f.Add("İ cart Ⱥ cart", "cart")
	f.Add(strings.Repeat("界", 100)+" cart "+strings.Repeat("界", 100), "cart")
	f.Fuzz(func(t *testing.T, text, query string) {
		terms, err := parseTerms(query)
		if err != nil || !utf8.ValidString(text) {
			return
		}
		s := snippet(text, terms)
		if !utf8.ValidString(s.Text) || strings.ContainsAny(s.Text, "\n\t") || len(s.Text) > snippetLen+20 {
			t.Errorf("snippet(%q, %q) = %q, want a short line", text, query, s.Text)
		}
		last := 0
		for _, m := range s.Marks {
			if m[0] < last || m[1] <= m[0] || m[1] > len(s.Text) {
				t.Fatalf("snippet(%q, %q) has the marks %v", text, query, s.Marks)
			}
			if word := words(s.Text[m[0]:m[1]]); len(word) != 1 || !strings.Contains(strings.Join(words(query), " "), word[0]) {
				t.Errorf("snippet(%q, %q) marks %q", text, query, s.Text[m[0]:m[1]])
			}
			last = m[1]
		}
		plain := strings.TrimSuffix(strings.TrimPrefix(s.Text, "…"), "…")
		blank := strings.NewReplacer("\n", " ", "\t", " ")
		if squeeze := func(s string) string {
			return strings.Join(strings.FieldsFunc(blank.Replace(s), func(r rune) bool { return r == ' ' }), " ")
		}; !strings.Contains(squeeze(text), squeeze(plain)) {
			t.Errorf("snippet(%q, %q) = %q, which is not in the text", text, query, s.Text)
		}
	})
}

// A word and its parts are cut where a reader sees them.
func TestAnalyze(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"parseCartItem", "parsecartitem/parse/cart/item"},
		{"read_cart__item_", "read_cart__item_/read/cart/item"},
		{"HTTPServer2Go", "httpserver2go/http/server2/go"},
		{"__init__", "__init__/init"},
		{"aB iOS x", "ab ios/os x"},
		{"a.b/c-d:e", "a b c d e"},
		{"Größe naïveTest", "größe naïvetest/naïve/test"},
		{"İx needle Ⱥy", "ix needle ⱥy"},
		{"购物车 42", "购物车 42"},
		{strings.Repeat("x", maxWord) + " " + strings.Repeat("y", maxWord+1) + " z", strings.Repeat("x", maxWord) + " z"},
		{"\xff bad \xc3 end", "bad end"},
		{"", ""},
	} {
		var b strings.Builder
		last := 0
		for _, tok := range (codeAnalyzer{}).Analyze([]byte(c.text)) {
			switch {
			case tok.Position == last:
				b.WriteByte('/')
			case last > 0:
				b.WriteByte(' ')
			}
			last = tok.Position
			b.Write(tok.Term)
		}
		if got := b.String(); got != c.want {
			t.Errorf("Analyze(%q) = %s, want %s", c.text, got, c.want)
		}
	}
}

// A token is where its word stands, whatever stands around it.
func TestAnalyzeOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z_İȺß\x{10400} .]{0,40}`)).Draw(t, "text")
		for _, tok := range (codeAnalyzer{}).Analyze([]byte(text)) {
			if word := text[tok.Start:tok.End]; strings.ToLower(word) != string(tok.Term) {
				t.Fatalf("Analyze(%q) has %q where %q stands", text, tok.Term, word)
			}
		}
	})
}

// Queries are cut into words, phrases and exclusions, or refused with what is
// wrong.
func TestParseTerms(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"cart Item", "[[cart] [item]] []"},
		{`"the cart" is`, "[[the cart] [is]] []"},
		{`a"b c"d`, "[[a] [b c] [d]] []"},
		{"go-git x/y", "[[go git] [x y]] []"},
		{`cart -slow -"the wheel" -go-git`, "[[cart]] [[slow] [the wheel] [go git]]"},
		{"--flag - -- cart", "[[flag] [cart]] []"},
		{"cart -", "[[cart]] []"},
		{"cart \"\" !", "[[cart]] []"},
		{"", "has no word"},
		{"-cart", "has no word"},
		{`cart "open`, "not closed"},
		{`cart -"`, "not closed"},
		{strings.Repeat("a ", maxTerms), "[[a]"},
		{strings.Repeat("a ", maxTerms+1), "more than 64 words"},
	} {
		terms, err := parseTerms(c.query)
		got := fmt.Sprint(terms.must, terms.not)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("parseTerms(%q) = %s, want %s", c.query, got, c.want)
		}
	}
}

// No query text breaks the parser, and all its words are of the query.
func FuzzParseTerms(f *testing.F) {
	for _, q := range []string{`cart -"a b" c`, `-"`, "- x", "-\tx", "\u00a0", `""`, "--"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		terms, err := parseTerms(query)
		if err == nil && (len(terms.must) == 0 || len(terms.must)+len(terms.not) > maxTerms) {
			t.Errorf("parseTerms(%q) = %v", query, terms)
		}
	})
}
