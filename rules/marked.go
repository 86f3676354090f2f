package rules

import "strings"

// Line is a line of a diff as it is shown to people.
type Line struct {
	Kind   string // "add", "del", "same", "hunk", "file"
	Sign   string // "+", "-", " ", and "" of what is no line of the file
	Pieces []Piece
}

// Marked cuts a unified diff into lines. Where a line replaces one that is much
// like it, the words that differ are marked.
func Marked(diff string) []Line {
	var out []Line
	lines := strings.Split(strings.TrimRight(diff, "\n"), "\n")
	inHunks := false
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		inHunks = inHunks || strings.HasPrefix(line, "@@ ")
		switch {
		case line == "":
			continue
		case !inHunks && (strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ")):
			out = append(out, whole("file", "", line))
		case line[0] == '@', line[0] == '\\':
			out = append(out, whole("hunk", "", line))
		case line[0] == '-', line[0] == '+':
			n := run(lines[i:], "-")
			m := run(lines[i+n:], "+")
			out = append(out, compared(lines[i:i+n], lines[i+n:i+n+m])...)
			i += n + m - 1
		default:
			out = append(out, whole("same", " ", line[1:]))
		}
	}
	return out
}

// run counts the lines at the beginning that have a sign.
func run(lines []string, sign string) int {
	n := 0
	for n < len(lines) && strings.HasPrefix(lines[n], sign) {
		n++
	}
	return n
}

// compared are lines that were removed and those that came for them, each
// compared with the one in its place.
func compared(removed, added []string) []Line {
	var del, add []Line
	for _, l := range removed {
		del = append(del, whole("del", "-", l[1:]))
	}
	for _, l := range added {
		add = append(add, whole("add", "+", l[1:]))
	}
	for i := range min(len(del), len(add)) {
		old, new := Words(removed[i][1:], added[i][1:])
		same := 0
		for _, p := range old {
			if !p.Changed {
				same += len(p.Text)
			}
		}
		if 2*same >= len(removed[i])-1 { // else most would be marked
			del[i].Pieces, add[i].Pieces = old, new
		}
	}
	return append(del, add...)
}

func whole(kind, sign, text string) Line {
	return Line{kind, sign, []Piece{{Text: text}}}
}
