package lazyregexp

import (
	"bytes"
	"regexp/syntax"
	"strings"
)

// needles are texts of which at least one stands in whatever an expression
// matches. Looking for them first spares most runs of the expression, which
// takes 20 to 100 times as long: most texts have none of them.
type needles struct {
	texts []string // none: nothing is known, the expression must be tried
	fold  bool     // in lower case, and looked for so
}

const (
	maxNeedles = 64
	minNeedle  = 3       // bytes; shorter ones stand in most texts
	maxFolded  = 1 << 10 // bytes of a text that is put into lower case to look
)

// needlesOf works the needles of an expression out of its form. One that is
// bound to the beginning of the text fails fast by itself.
func needlesOf(expr string) needles {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil || bound(re) {
		return needles{}
	}
	n := required(re)
	for _, text := range n.texts {
		if len(text) < minNeedle {
			return needles{}
		}
	}
	return n
}

func bound(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return bound(re.Sub[0])
	}
	return false
}

// required returns the needles of a part of an expression.
func required(re *syntax.Regexp) needles {
	switch re.Op {
	case syntax.OpLiteral:
		fold := re.Flags&syntax.FoldCase != 0
		text := string(re.Rune)
		if fold {
			text = strings.ToLower(text)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return fold && r >= 0x80 || r == '\uFFFD' }) {
			return needles{} // U+FFFD also matches bytes that are no character
		}
		return needles{[]string{text}, fold}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best needles
		for _, sub := range re.Sub {
			if n := required(sub); n.shortest() > best.shortest() {
				best = n
			}
		}
		return best
	case syntax.OpAlternate:
		var all needles
		for _, sub := range re.Sub {
			n := required(sub)
			if len(n.texts) == 0 || len(all.texts)+len(n.texts) > maxNeedles {
				return needles{}
			}
			all.texts, all.fold = append(all.texts, n.texts...), all.fold || n.fold
		}
		if all.fold {
			for i, text := range all.texts {
				all.texts[i] = strings.ToLower(text)
			}
		}
		return all
	}
	return needles{}
}

// shortest returns the length of the shortest needle.
func (n needles) shortest() int {
	length := 0
	for i, text := range n.texts {
		if i == 0 || len(text) < length {
			length = len(text)
		}
	}
	return length
}

// missing reports whether a text has none of the needles. What is not worth
// looking for is not missing.
func (n needles) missing(s string) bool {
	if len(n.texts) == 0 {
		return false
	}
	if n.fold {
		return len(s) <= maxFolded && n.missingFolded(s)
	}
	for _, text := range n.texts {
		if strings.Contains(s, text) {
			return false
		}
	}
	return true
}

func (n needles) missingFolded(s string) bool {
	var room [maxFolded]byte
	low := room[:len(s)]
	for i := range len(s) {
		c := s[i]
		if c >= 0x80 {
			return false // letters outside ASCII that fold into it: ſ, K
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	for _, text := range n.texts {
		if bytes.Contains(low, []byte(text)) {
			return false
		}
	}
	return true
}
