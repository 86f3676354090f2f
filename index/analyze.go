package index

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

// codeAnalyzer cuts text into words of letters, digits and underscores, in
// lower case. An identifier of several parts gives itself and its parts, all
// at one position: manual_commit and readFile are found whole and by "commit"
// or "file".
type codeAnalyzer struct{}

// maxWord bounds a token: longer runs are encoded data.
const maxWord = 80

// Analyze implements analysis.Analyzer.
func (codeAnalyzer) Analyze(text []byte) analysis.TokenStream {
	c := cutter{text: text, low: lowered(text), stream: make(analysis.TokenStream, 0, len(text)/6)}
	pos := 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		if !wordRune(r) {
			i += size
			continue
		}
		start := i
		for i < len(text) {
			r, size = rune(text[i]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRune(text[i:])
			}
			if !wordRune(r) {
				break
			}
			i += size
		}
		if i-start > maxWord {
			continue
		}
		pos++
		c.word(start, i, pos)
	}
	return c.stream
}

// cutter makes tokens. They point into one lowered copy of the text and come
// from blocks, because there are millions of them.
type cutter struct {
	text, low []byte
	stream    analysis.TokenStream
	block     []analysis.Token
}

// lowered returns the text in lower case, or nil when that moves a character:
// some take more bytes in lower case, some fewer.
func lowered(text []byte) []byte {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if utf8.RuneLen(unicode.ToLower(r)) != size {
			return nil
		}
		i += size
	}
	return bytes.ToLower(text)
}

const tokenBlock = 256

func (c *cutter) add(start, end, pos int) {
	if len(c.block) == 0 {
		c.block = make([]analysis.Token, tokenBlock)
	}
	t := &c.block[0]
	c.block = c.block[1:]
	term := c.low
	if term == nil {
		t.Term = bytes.ToLower(c.text[start:end])
	} else {
		t.Term = term[start:end:end]
	}
	t.Start, t.End, t.Position, t.Type = start, end, pos, analysis.AlphaNumeric
	c.stream = append(c.stream, t)
}

// word adds a word and, when it is an identifier of several parts, its parts.
func (c *cutter) word(start, end, pos int) {
	c.add(start, end, pos)
	word, from := c.text[start:end], 0
	for i := 1; i <= len(word); i++ {
		if i < len(word) && !boundary(word, i) {
			continue
		}
		a, b := from, i
		for a < b && word[a] == '_' {
			a++
		}
		for a < b && word[b-1] == '_' {
			b--
		}
		if b-a >= 2 && b-a < len(word) {
			c.add(start+a, start+b, pos)
		}
		from = i
	}
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// boundary reports whether a part of an identifier begins at i: after an
// underscore, at a capital behind a small letter, and at the last capital of a
// run of them before a small letter (HTTPServer).
func boundary(w []byte, i int) bool {
	a, b := w[i-1], w[i]
	switch {
	case a == '_':
		return b != '_'
	case isLower(a) && isUpper(b):
		return true
	}
	return isUpper(a) && isUpper(b) && i+1 < len(w) && isLower(w[i+1])
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// words cuts a query into whole words, as documents are, without parts.
func words(text string) []string {
	var out []string
	last := 0
	for _, t := range (codeAnalyzer{}).Analyze([]byte(text)) {
		if t.Position != last {
			out = append(out, string(t.Term))
			last = t.Position
		}
	}
	return out
}

// keywordAnalyzer takes a value as one term.
type keywordAnalyzer struct{}

// Analyze implements analysis.Analyzer.
func (keywordAnalyzer) Analyze(text []byte) analysis.TokenStream {
	return analysis.TokenStream{&analysis.Token{Term: text, End: len(text), Position: 1, Type: analysis.AlphaNumeric}}
}
