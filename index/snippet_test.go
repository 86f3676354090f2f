package index

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"lode/index/query"
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
		n, err := query.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := newMarker(n).snippet(c.text).Marked("[", "]"); got != c.want {
			t.Errorf("snippet(%q, %q) = %q, want %q", c.text, c.query, got, c.want)
		}
	}
}

// Whatever the text, a snippet is a short valid line, its marks are in order and
// around words of the query, and without them and the dots it stands in the text.
func FuzzSnippet(f *testing.F) {
	f.Add("the cart\r\nis\u00a0slow 🙂", "cart slow")
	f.Add(strings.Repeat("界", 100)+" cart", "cart 界")
	f.Add("界界", "界")
	f.Add("İ cart Ⱥ cart", "cart")
	f.Add(strings.Repeat("界", 100)+" cart "+strings.Repeat("界", 100), "cart")
	f.Fuzz(func(t *testing.T, text, words string) {
		q := query.Text{Text: words, Quoted: true}
		if !utf8.ValidString(text) {
			return
		}
		s := newMarker(q).snippet(text)
		if !utf8.ValidString(s.Text) || strings.ContainsAny(s.Text, "\n\t") || len(s.Text) > snippetLen+20 {
			t.Errorf("snippet(%q, %q) = %q, want a short line", text, words, s.Text)
		}
		last := 0
		for _, m := range s.Marks {
			if m[0] < last || m[1] <= m[0] || m[1] > len(s.Text) {
				t.Fatalf("snippet(%q, %q) has the marks %v", text, words, s.Marks)
			}
			if word := cut(s.Text[m[0]:m[1]]).row; len(word) == 0 || !slices.Contains(cut(words).row, word[0]) {
				t.Errorf("snippet(%q, %q) marks %q", text, words, s.Text[m[0]:m[1]])
			}
			last = m[1]
		}
		plain := strings.TrimSuffix(strings.TrimPrefix(s.Text, "…"), "…")
		blank := strings.NewReplacer("\n", " ", "\t", " ")
		if squeeze := func(s string) string {
			return strings.Join(strings.FieldsFunc(blank.Replace(s), func(r rune) bool { return r == ' ' }), " ")
		}; !strings.Contains(squeeze(text), squeeze(plain)) {
			t.Errorf("snippet(%q, %q) = %q, which is not in the text", text, words, s.Text)
		}
	})
}
