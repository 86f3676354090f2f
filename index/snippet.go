package index

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"lode/index/query"
)

// Snippet is a piece of a text around what was looked for, on one line. Marks
// are the places of the words found, as pairs of byte offsets.
type Snippet struct {
	Text  string
	Marks [][2]int
}

// Marked returns the snippet with open and shut around what was found.
func (s Snippet) Marked(open, shut string) string {
	var b strings.Builder
	last := 0
	for _, m := range s.Marks {
		b.WriteString(s.Text[last:m[0]])
		b.WriteString(open)
		b.WriteString(s.Text[m[0]:m[1]])
		b.WriteString(shut)
		last = m[1]
	}
	b.WriteString(s.Text[last:])
	return b.String()
}

const snippetLen = 180 // bytes

// marker finds in texts what a query looks for.
type marker struct {
	words    map[string]bool
	prefixes []string
	literals []string
	exprs    []*regexp.Regexp
}

func newMarker(n query.Node) *marker {
	m := &marker{words: make(map[string]bool)}
	query.Walk(n, func(n query.Node, negated bool) {
		if negated {
			return
		}
		switch n := n.(type) {
		case query.Text:
			m.text(n)
		case query.Field:
			if n.Name == "cmd" || n.Name == "file" {
				for _, v := range n.Values {
					m.text(v)
				}
			}
		case query.Literal:
			m.literals = append(m.literals, n.Text)
		case query.Regexp:
			m.exprs = append(m.exprs, regexp.MustCompile(n.Expr)) // the parser has tried it
		}
	})
	return m
}

func (m *marker) text(n query.Text) {
	row := cut(n.Text).row
	if len(row) > 0 && (n.Prefix || isDense(row[len(row)-1])) {
		m.prefixes = append(m.prefixes, row[len(row)-1])
		row = row[:len(row)-1]
	}
	for _, w := range row {
		m.words[w] = true
	}
	if len(row) == 1 && !n.Quoted && !n.Prefix {
		for _, f := range forms(row[0]) {
			m.words[f] = true
		}
	}
}

// find lists what a text has of the query, in order, without overlaps.
func (m *marker) find(text string) []found {
	var at []found
	for _, l := range m.literals {
		for from := 0; ; {
			i := strings.Index(text[from:], l)
			if i < 0 {
				break
			}
			at = append(at, found{from + i, from + i + len(l), l})
			from += i + len(l)
		}
	}
	for _, re := range m.exprs {
		for _, i := range re.FindAllStringIndex(text, maxMarks) {
			if i[1] > i[0] {
				at = append(at, found{i[0], i[1], re.String()})
			}
		}
	}
	if len(m.words) > 0 || len(m.prefixes) > 0 {
		for _, tok := range (codeAnalyzer{}).Analyze([]byte(text)) {
			w := strings.TrimPrefix(string(tok.Term), string(rune(partMark)))
			begins := slices.IndexFunc(m.prefixes, func(p string) bool { return strings.HasPrefix(w, p) })
			switch {
			case begins >= 0 && isDense(m.prefixes[begins]): // found in a pair
				at = append(at, found{tok.Start, tok.Start + len(m.prefixes[begins]), w})
			case begins >= 0, m.words[w]:
				at = append(at, found{tok.Start, tok.End, w})
			}
		}
	}
	slices.SortStableFunc(at, func(a, b found) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	return merged(at)
}

// merged makes one of those that overlap.
func merged(at []found) []found {
	var out []found
	for _, f := range at {
		if n := len(out); n > 0 && f.start < out[n-1].end {
			out[n-1].end = max(out[n-1].end, f.end)
			continue
		}
		out = append(out, f)
	}
	return out
}

type found struct {
	start, end int
	word       string
}

// maxMarks bounds the matches of an expression in one text.
const maxMarks = 100

// snippet cuts the piece of a text that has the most different words of a query.
func (m *marker) snippet(text string) Snippet {
	at := m.find(text)
	start := bestWindow(at)
	start, end := widen(text, start)
	s := Snippet{}
	if start > 0 {
		s.Text = "…"
	}
	s.Text, s.Marks = oneLine(text, start, end, at, s.Text)
	if end < len(text) {
		s.Text += "…"
	}
	return s
}

// bestWindow returns where the window with the most different words begins.
func bestWindow(at []found) int {
	best, most := 0, 0
	for i := range at {
		different := make(map[string]bool)
		for j := i; j < len(at) && at[j].end-at[i].start <= snippetLen; j++ {
			different[at[j].word] = true
		}
		if len(different) > most {
			best, most = at[i].start, len(different)
		}
	}
	return best
}

// widen places the window so that some words before the first one show, and
// its ends do not cut words or characters.
func widen(text string, start int) (int, int) {
	start = max(0, start-snippetLen/4)
	if start > 0 {
		if i := strings.IndexAny(text[start:min(len(text), start+30)], " \n"); i >= 0 {
			start += i + 1
		}
	}
	end := min(len(text), start+snippetLen)
	if end < len(text) {
		if i := strings.LastIndexAny(text[start:end], " \n"); i > snippetLen/2 {
			end = start + i
		}
	}
	for start > 0 && start < len(text) && !utf8.RuneStart(text[start]) {
		start--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return start, end
}

// oneLine copies a window with white space reduced, and moves the marks along.
func oneLine(text string, start, end int, at []found, head string) (string, [][2]int) {
	var b strings.Builder
	b.WriteString(head)
	var marks [][2]int
	next, blank := 0, true
	for i := start; i < end; i++ {
		for next < len(at) && at[next].end <= i {
			next++
		}
		if next < len(at) && at[next].start == i && at[next].end <= end {
			from := b.Len()
			b.WriteString(text[i:at[next].end])
			marks = append(marks, [2]int{from, b.Len()})
			i, blank = at[next].end-1, false
			continue
		}
		if c := text[i]; c == ' ' || c == '\n' || c == '\t' {
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		}
		b.WriteByte(text[i])
		blank = false
	}
	return strings.TrimRight(b.String(), " "), marks
}
