package index

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"lode/index/query"
)

// verdict is what the text of a document says about a part of a query. Fields
// are not told by it.
type verdict int

const (
	no verdict = iota
	maybe
	yes
)

// judge holds what a query needs to judge texts: it is made once a search.
type judge struct {
	exprs map[string]*regexp.Regexp
}

func newJudge(n query.Node) *judge {
	j := &judge{exprs: make(map[string]*regexp.Regexp)}
	query.Walk(n, func(n query.Node, _ bool) {
		if re, ok := n.(query.Regexp); ok {
			j.exprs[re.Expr] = regexp.MustCompile(re.Expr) // the parser has tried it
		}
	})
	return j
}

// truth judges queries by a text.
type truth struct {
	*judge
	text string
	row  []string
	ways map[string]bool // words, and parts of identifiers
}

func (j *judge) read(text string) *truth { return &truth{judge: j, text: text} }

// cut cuts the text into words, once.
func (t *truth) cut() {
	if t.ways != nil {
		return
	}
	t.ways = make(map[string]bool)
	stream := (codeAnalyzer{}).Analyze([]byte(t.text))
	for _, tok := range stream {
		t.ways[strings.TrimPrefix(string(tok.Term), string(rune(partMark)))] = true
	}
	for tok, flag := range rowOf(stream) {
		if !flag {
			t.row = append(t.row, string(tok.Term))
		}
	}
}

// of judges a query.
func (t *truth) of(n query.Node) verdict {
	switch n := n.(type) {
	case query.And:
		v := yes
		for _, part := range n {
			v = min(v, t.of(part))
		}
		return v
	case query.Or:
		v := no
		for _, part := range n {
			v = max(v, t.of(part))
		}
		return v
	case query.Not:
		return yes - t.of(n.Node)
	case query.Text:
		return t.has(n)
	case query.Literal:
		return told(strings.Contains(t.text, n.Text))
	case query.Regexp:
		return told(t.exprs[n.Expr].MatchString(t.text))
	case query.Field:
		if n.Name == "file" {
			return told(slices.ContainsFunc(n.Values, func(v query.Text) bool { return v.Prefix || hasPath(t.text, v.Text) }))
		}
	}
	return maybe
}

func told(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

// has judges a word or phrase.
func (t *truth) has(n query.Text) verdict {
	w := cut(n.Text)
	if len(w.row) == 0 {
		return maybe
	}
	if len(w.row) > 1 && !mayStand(t.text, w.row) {
		return no
	}
	t.cut()
	for _, f := range w.flags {
		if !t.ways[f] {
			return no
		}
	}
	if len(w.row) > 1 || n.Prefix || isDense(w.row[0]) {
		return told(rowIn(t.row, w.row, n.Prefix || isDense(w.row[len(w.row)-1])))
	}
	return told(t.word(w.row[0], n.Quoted))
}

func (t *truth) word(word string, quoted bool) bool {
	if t.ways[word] {
		return true
	}
	return !quoted && slices.ContainsFunc(forms(word), func(f string) bool { return t.ways[f] })
}

// rowIn reports whether words stand in a row, the last one perhaps as the
// beginning of a word.
func rowIn(have, row []string, prefix bool) bool {
	last := len(row) - 1
	for i := 0; i+len(row) <= len(have); i++ {
		if slices.Equal(have[i:i+last], row[:last]) && (have[i+last] == row[last] || prefix && strings.HasPrefix(have[i+last], row[last])) {
			return true
		}
	}
	return false
}

// mayStand reports whether words may stand in a row in a text. It spares most
// texts from being cut: where it is not sure, it says yes.
func mayStand(text string, row []string) bool {
	for i := 0; i < len(text); i++ {
		if b := text[i]; b >= utf8.RuneSelf {
			if b != 0xe2 || i+2 >= len(text) || text[i+1] >= 0xb0 {
				return true // a letter, perhaps: U+2000 to U+2BFF are none
			}
			i += 2
		}
	}
	low := string(asciiLower([]byte(text)))
	for from := 0; ; from++ {
		at := strings.Index(low[from:], row[0])
		if at < 0 {
			return false
		}
		from += at
		if follow(low[from+len(row[0]):], row[1:]) {
			return true
		}
	}
}

// follow reports whether a text goes on with words, each after what is no word.
func follow(text string, row []string) bool {
	for _, word := range row {
		between := 0
		for between < len(text) && !asciiLetter(text[between]) {
			between++
		}
		text = text[between:]
		run := 0
		for run < len(text) && (asciiLetter(text[run]) || text[run] == '.') {
			run++
		}
		if run > maxWord {
			return true // is passed over
		}
		if strings.HasPrefix(text, "v") && !strings.HasPrefix(text, word) {
			text = text[1:] // of a version
		}
		if between == 0 || !strings.HasPrefix(text, word) {
			return false
		}
		text = text[len(word):]
	}
	return true
}

// share returns how much of what words tell stands in the text.
func (t *truth) share(words []query.Node, told map[string]float64) float64 {
	t.cut()
	there, all := 0.0, 0.0
	for _, n := range words {
		word, _ := plain(n)
		all += told[word]
		if t.word(word, false) {
			there += told[word]
		}
	}
	return there / all
}

// hasPath reports whether a path stands in a text, whole or its end.
func hasPath(text, path string) bool {
	low, path := strings.ToLower(text), strings.ToLower(path)
	for from := 0; ; {
		i := strings.Index(low[from:], path)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(path)
		if (start == 0 || !pathByte(low[start-1]) || low[start-1] == '/' || path[0] == '/') && (end == len(low) || !pathByte(low[end]) || path[len(path)-1] == '/') {
			return true
		}
		from = start + 1
	}
}

func pathByte(b byte) bool { return b >= 0x80 || asciiLetter(b) || b == '-' || b == '/' }
