package reports

import (
	"strings"

	"lode/rules"
)

// diffLine is a line of a diff as a page shows it.
type diffLine struct {
	Kind   string // "add", "del", "same", "hunk", "file"
	Sign   string
	Pieces []rules.Piece
}

// diffLines cuts a unified diff into lines. Where a line replaces another, the
// words that differ are marked.
func diffLines(diff string) []diffLine {
	var out []diffLine
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
		case line[0] == '-' && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "+"):
			old, new := rules.Words(line[1:], lines[i+1][1:])
			out = append(out, diffLine{"del", "-", old}, diffLine{"add", "+", new})
			i++
		case line[0] == '-':
			out = append(out, whole("del", "-", line[1:]))
		case line[0] == '+':
			out = append(out, whole("add", "+", line[1:]))
		default:
			out = append(out, whole("same", " ", line[1:]))
		}
	}
	return out
}

func whole(kind, sign, text string) diffLine {
	return diffLine{kind, sign, []rules.Piece{{Text: text}}}
}
