package rules

import "strings"

// Line is a line of a diff as it is shown to people.
type Line struct {
	Kind   string // "add", "del", "same", "hunk", "file"
	Sign   string // "+", "-", " ", and "" of what is no line of the file
	Pieces []Piece
}

// Marked cuts a unified diff into lines. Where lines replace as many others, the
// words that differ are marked.
func Marked(diff string) []Line {
	var out []Line
	lines := strings.Split(strings.TrimRight(diff, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			out = append(out, whole("file", "", line))
		case line[0] == '@', line[0] == '\\':
			out = append(out, whole("hunk", "", line))
		case line[0] == '-':
			n := replaced(lines[i:])
			if n == 0 {
				out = append(out, whole("del", "-", line[1:]))
				continue
			}
			var added []Line
			for k := range n {
				old, new := Words(lines[i+k][1:], lines[i+n+k][1:])
				out = append(out, Line{"del", "-", old})
				added = append(added, Line{"add", "+", new})
			}
			out = append(out, added...)
			i += 2*n - 1
		case line[0] == '+':
			out = append(out, whole("add", "+", line[1:]))
		default:
			out = append(out, whole("same", " ", line[1:]))
		}
	}
	return out
}

// replaced returns how many lines a run of removed lines has, if as many added
// ones come behind it, and else 0.
func replaced(lines []string) int {
	n, m := 0, 0
	for n < len(lines) && strings.HasPrefix(lines[n], "-") {
		n++
	}
	for n+m < len(lines) && strings.HasPrefix(lines[n+m], "+") {
		m++
	}
	if n != m {
		return 0
	}
	return n
}

func whole(kind, sign, text string) Line {
	return Line{kind, sign, []Piece{{Text: text}}}
}
