package picker

import (
	"slices"
	"strings"
)

// words are what was found in a hit's snippet, in lower case.
func (h *Hit) words() []string {
	var words []string
	for _, m := range h.Marks {
		if m[0] <= m[1] && m[1] <= len(h.Snippet) {
			if w := strings.ToLower(h.Snippet[m[0]:m[1]]); len(w) > 1 && !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
	}
	return words
}

// bestLine returns the first of the lines that have the most different words,
// or -1 where none has any.
func bestLine(lines, words []string) int {
	best, most := -1, 0
	for i, line := range lines {
		line, n := strings.ToLower(line), 0
		for _, w := range words {
			if strings.Contains(line, w) {
				n++
			}
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// light makes the words in a line stand out.
func light(line string, words []string) string {
	low := strings.ToLower(line)
	if len(words) == 0 || len(low) != len(line) { // some letters change their length
		return line
	}
	var marks [][2]int
	for _, w := range words {
		for at := 0; ; {
			i := strings.Index(low[at:], w)
			if i < 0 {
				break
			}
			marks = append(marks, [2]int{at + i, at + i + len(w)})
			at += i + len(w)
		}
	}
	slices.SortFunc(marks, func(a, b [2]int) int { return a[0] - b[0] })
	return highlight(line, marks)
}

// matched is how many events after the one that was found are looked at for the
// words: the result of a call is one of them.
const matched = 3
