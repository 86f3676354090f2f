package index

import (
	"bytes"
	"iter"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	index "github.com/blevesearch/bleve_index_api"
)

// codeAnalyzer cuts text into words of letters, digits and underscores, in
// lower case and without accents. At the place of a word further terms may
// stand, so that it is found in other ways too:
//
//   - the parts of an identifier, marked as such: readFile and read_file give
//     read and file, which count for less than the words
//   - a flag with its dashes: --no-verify, in front of its words
//
// A version or decimal number is one word, without its v: v1.2.3. Text of
// scripts without spaces gives its pairs of characters, each a word.
type codeAnalyzer struct{}

const (
	maxWord  = 80   // bytes of a token: longer runs are encoded data
	partMark = 0x01 // begins terms that are parts of a word
)

// Analyze implements analysis.Analyzer.
func (codeAnalyzer) Analyze(text []byte) analysis.TokenStream {
	c := cutter{text: text, low: asciiLower(text), stream: make(analysis.TokenStream, 0, len(text)/6)}
	c.cut()
	return c.stream
}

func (c *cutter) cut() {
	text := c.text
	for i := 0; i < len(text); {
		switch kind, size := charAt(text, i); kind {
		case dense:
			i = c.dense(i)
		case letter:
			i = c.spaced(i)
		default:
			if text[i] == '-' {
				c.flag(i)
			}
			i += size
		}
	}
}

// char is what a character is to the analyzer.
type char int

const (
	between char = iota // words
	letter
	dense // of a script that puts no spaces between words
)

func charAt(text []byte, i int) (char, int) {
	if b := text[i]; b < utf8.RuneSelf {
		return asciiChars[b], 1
	}
	r, size := utf8.DecodeRune(text[i:])
	switch {
	case r >= 0x2000 && r < 0x2c00: // punctuation, arrows, boxes: often in outputs
		return between, size
	case r < 0x1100: // no dense script
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
		return dense, size
	}
	switch {
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.Mn, r):
		return letter, size
	}
	return between, size
}

var asciiChars = func() (table [utf8.RuneSelf]char) {
	for c := range table {
		if isLower(byte(c)) || isUpper(byte(c)) || c == '_' {
			table[c] = letter
		}
	}
	return table
}()

// cutter makes tokens, or counts terms. They point into one lowered copy of the
// text and come from blocks, because there are millions of them.
type cutter struct {
	text, low []byte
	marked    []byte // room for terms that do not stand in the text
	pos       int

	stream analysis.TokenStream
	block  []analysis.Token

	freqs  index.TokenFrequencies // nil where tokens are made
	free   []index.TokenFreq
	length int // how many terms were counted
}

const (
	tokenBlock  = 256
	markedBlock = 4 << 10
)

// add adds a term at the position of the last word.
func (c *cutter) add(term []byte, start, end int) {
	if c.freqs != nil {
		c.count(term)
		return
	}
	if len(c.block) == 0 {
		c.block = make([]analysis.Token, tokenBlock)
	}
	t := &c.block[0]
	c.block = c.block[1:]
	t.Term, t.Start, t.End, t.Position, t.Type = term, start, end, c.pos, analysis.AlphaNumeric
	c.stream = append(c.stream, t)
}

// spaced adds the word that begins at start and returns where it ends.
func (c *cutter) spaced(start int) int {
	end, plain := start, true
	for end < len(c.text) {
		kind, size := charAt(c.text, end)
		if kind != letter {
			break
		}
		plain = plain && size == 1
		end += size
	}
	if !plain {
		if end-start <= maxWord {
			c.pos++
			if term := fold(c.text[start:end]); len(term) > 0 {
				c.add(term, start, end)
			}
		}
		return end
	}
	if from, to, ok := version(c.text, start, end); ok {
		if to-from <= maxWord {
			c.pos++
			c.add(c.low[from:to:to], start, to)
		}
		return to
	}
	if end-start <= maxWord {
		c.pos++
		c.add(c.low[start:end:end], start, end)
		c.parts(start, end)
	}
	return end
}

// version extends a word of digits over the groups that points join to it:
// 1.2.3, v1.22, 0.25s. It returns where the number begins and ends.
func version(text []byte, start, end int) (from, to int, ok bool) {
	from, to = start, end
	if (text[from] == 'v' || text[from] == 'V') && end-start > 1 {
		from++
	}
	for _, b := range text[from:end] {
		if b < '0' || b > '9' {
			return 0, 0, false
		}
	}
	for to+1 < len(text) && text[to] == '.' && text[to+1] >= '0' && text[to+1] <= '9' {
		for to++; to < len(text) && asciiLetter(text[to]); to++ {
		}
	}
	return from, to, to > end
}

func asciiLetter(b byte) bool { return b < utf8.RuneSelf && asciiChars[b] == letter }

// parts adds the parts of an identifier.
func (c *cutter) parts(start, end int) {
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
			c.add(c.mark(c.low[start+a:start+b]), start+a, start+b)
		}
		from = i
	}
}

// mark returns the term of a part.
func (c *cutter) mark(part []byte) []byte {
	if cap(c.marked)-len(c.marked) < len(part)+1 {
		c.marked = make([]byte, 0, min(markedBlock, len(c.text))+len(part)+1)
	}
	n := len(c.marked)
	c.marked = append(append(c.marked, partMark), part...)
	return c.marked[n:len(c.marked):len(c.marked)]
}

// flag adds the flag whose dashes begin at i, if one does: --name anywhere, -n
// behind a space, for a line may begin with a dash for other reasons. It stands
// where its first word will.
func (c *cutter) flag(i int) {
	if i > 0 && (c.text[i-1] == '-' || asciiLetter(c.text[i-1])) {
		return
	}
	end := i + 1
	if end < len(c.text) && c.text[end] == '-' {
		end++
	} else if i == 0 || c.text[i-1] != ' ' && c.text[i-1] != '`' {
		if i > 0 || len(c.text) > maxWord {
			return
		}
	}
	if end >= len(c.text) || !asciiLetter(c.text[end]) || c.text[end] == '_' {
		return
	}
	for end < len(c.text) && (asciiLetter(c.text[end]) || c.text[end] == '-' && end+1 < len(c.text) && asciiLetter(c.text[end+1])) {
		end++
	}
	if end-i <= maxWord {
		c.pos++
		c.add(c.low[i:end:end], i, end)
		c.pos--
	}
}

// dense adds the pairs of characters of a run that has no spaces, and its last
// character, so that each is found. It returns where the run ends.
func (c *cutter) dense(start int) int {
	last, end := start, start
	for end < len(c.text) {
		kind, size := charAt(c.text, end)
		if kind != dense {
			break
		}
		if end > start {
			c.pos++
			c.add(c.text[last:end+size:end+size], last, end+size)
		}
		last = end
		end += size
	}
	c.pos++
	c.add(c.text[last:end:end], last, end)
	return end
}

// isDense reports whether a word is a single character of such a script.
func isDense(word string) bool {
	kind, size := charAt([]byte(word), 0)
	return kind == dense && size == len(word)
}

// asciiLower copies a text with its ASCII letters in lower case, so that
// nothing moves.
func asciiLower(text []byte) []byte {
	low := make([]byte, len(text))
	for i, b := range text {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		low[i] = b
	}
	return low
}

var accents = asciifolding.New()

// fold returns a word in lower case, without accents; é may be one character
// or two.
func fold(word []byte) []byte {
	word = bytes.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, accents.Filter(word))
	return bytes.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1 // of a letter that comes apart in lower case
		}
		return r
	}, bytes.ToLower(word))
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

// cutWords is a text as a query has it: its words in a row, and the flags that
// it names whole.
type cutWords struct {
	row   []string
	flags []string
}

func cut(text string) cutWords {
	var w cutWords
	for t, flag := range rowOf((codeAnalyzer{}).Analyze([]byte(text))) {
		if flag {
			w.flags = append(w.flags, string(t.Term))
		} else {
			w.row = append(w.row, string(t.Term))
		}
	}
	return w
}

// rowOf yields the words of a text as they stand in a row, and its flags. The
// last character of a dense run, which the pair before it has already, is there
// only to be found.
func rowOf(stream analysis.TokenStream) iter.Seq2[*analysis.Token, bool] {
	return func(yield func(*analysis.Token, bool) bool) {
		var last *analysis.Token
		for _, t := range stream {
			flag := t.Term[0] == '-'
			if !flag && last != nil && (t.Position == last.Position || t.End == last.End) {
				continue
			}
			if !flag {
				last = t
			}
			if !yield(t, flag) {
				return
			}
		}
	}
}

// Searchable reports whether a text has a word that is looked for.
func Searchable(text string) bool { return len(cut(text).row) > 0 }
