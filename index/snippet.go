package index

import (
	"strings"
	"unicode/utf8"
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

// snippet cuts the piece of a text that has the most different words of a query.
func snippet(text string, t terms) Snippet {
	wanted := make(map[string]bool)
	for _, phrase := range t.must {
		for _, w := range phrase {
			wanted[w] = true
		}
	}
	var at []found
	for _, tok := range (codeAnalyzer{}).Analyze([]byte(text)) {
		if w := string(tok.Term); wanted[w] {
			at = append(at, found{tok.Start, tok.End, w})
		}
	}
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

type found struct {
	start, end int
	word       string
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
