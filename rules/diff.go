package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// contextLines is how many unchanged lines a hunk shows around a change.
const contextLines = 3

// maxDiffBytes bounds the files that are compared: instruction files are small,
// and the line engine has a limit on distinct lines.
const maxDiffBytes = 1 << 20

// Unified returns the unified diff that turns one text into another, for the
// file at path, as git apply takes it. created says that the file is new. Lines
// that hold secrets are not shown; where that cannot be, the error is ErrSecret.
func Unified(path, from, to string, created bool) (string, error) {
	if len(from) > maxDiffBytes || len(to) > maxDiffBytes {
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxDiffBytes)
	}
	if from == to {
		return "", nil
	}
	var b strings.Builder
	if created {
		b.WriteString("--- /dev/null\n")
	} else {
		b.WriteString("--- a/" + path + "\n")
	}
	b.WriteString("+++ b/" + path + "\n")
	edits, hidden, hiddenAfter := lineEdits(from, to), secretLines(from), secretLines(to)
	parts := hunks(edits, hidden)
	if hidden != nil || hiddenAfter != nil {
		if err := showable(path, edits, parts, hidden, hiddenAfter); err != nil {
			return "", err
		}
	}
	for _, h := range parts {
		h.print(&b)
	}
	return b.String(), nil
}

// edit is one line of a comparison.
type edit struct {
	op   byte // ' ', '-' or '+'
	line string
}

func lineEdits(from, to string) []edit {
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // the same answer on every machine
	a, b, lines := dmp.DiffLinesToChars(from, to)
	var edits []edit
	for _, d := range dmp.DiffCharsToLines(dmp.DiffMain(a, b, false), lines) {
		op := byte(' ')
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			op = '-'
		case diffmatchpatch.DiffInsert:
			op = '+'
		}
		for line := range strings.Lines(d.Text) {
			edits = append(edits, edit{op, line})
		}
	}
	return edits
}

// hunk is a run of edits with their context.
type hunk struct {
	fromLine, toLine   int // 1-based first lines
	fromCount, toCount int
	edits              []edit
}

// hunks divides edits. Unchanged lines that are hidden, by their number in the
// old text from 0, stand in none.
func hunks(edits []edit, hidden map[int]bool) []hunk {
	var out []hunk
	from, to := 1, 1
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			from, to, i = from+1, to+1, i+1
			continue
		}
		start := max(0, i-contextLines)
		if n := len(out); n > 0 { // do not take lines that the last hunk shows
			shown := out[n-1].fromLine + out[n-1].fromCount
			start = max(start, i-(from-shown))
		}
		for j := i - 1; j >= start; j-- {
			if hidden[from-1-(i-j)] {
				start = j + 1
			}
		}
		h := hunk{fromLine: from - (i - start), toLine: to - (i - start)}
		end := hunkEnd(edits, i, from-1, hidden)
		h.edits = edits[start:end]
		for _, e := range h.edits {
			if e.op != '+' {
				h.fromCount++
			}
			if e.op != '-' {
				h.toCount++
			}
		}
		from, to = h.fromLine+h.fromCount, h.toLine+h.toCount
		out, i = append(out, h), end
	}
	return out
}

// hunkEnd returns where the hunk that begins with the change at i, at line from
// of the old text, ends: after the context behind the last change that is not
// far from the one before, or where a hidden line comes.
func hunkEnd(edits []edit, i, from int, hidden map[int]bool) int {
	last, j := i, i
	for ; j < len(edits) && j-last <= 2*contextLines; j++ {
		if edits[j].op == ' ' && hidden[from] {
			break
		}
		if edits[j].op != ' ' {
			last = j
		}
		if edits[j].op != '+' {
			from++
		}
	}
	return min(j, last+1+contextLines)
}

func (h *hunk) print(b *strings.Builder) {
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(h.fromLine, h.fromCount), span(h.toLine, h.toCount))
	for _, e := range h.edits {
		b.WriteByte(e.op)
		b.WriteString(e.line)
		if !strings.HasSuffix(e.line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span writes the place of a hunk: an empty one is placed behind the line before.
func span(line, count int) string {
	switch count {
	case 0:
		return strconv.Itoa(line-1) + ",0"
	case 1:
		return strconv.Itoa(line)
	}
	return strconv.Itoa(line) + "," + strconv.Itoa(count)
}

// errPatch says that a diff does not fit a text.
var errPatch = errors.New("the diff does not fit the file")

// Apply applies a unified diff to a text. Every line that it speaks of must
// stand exactly where it says. How many lines a hunk adds is not taken from its
// header, which nobody who edits a diff counts anew.
func Apply(diff, text string) (string, error) {
	var out strings.Builder
	lines := splitLines(text)
	next := 0 // the first line not yet written
	inHunks := false
	rest := diff
	for rest != "" {
		line, tail := cutLine(rest)
		rest = tail
		if !strings.HasPrefix(line, "@@ -") {
			named := !inHunks && (strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ "))
			if !named && strings.IndexByte("+- ", line[0]) >= 0 {
				return "", fmt.Errorf("%w: %q stands outside a hunk", errPatch, strings.TrimSpace(line))
			}
			continue
		}
		inHunks = true
		start, count, err := hunkHeader(line)
		if err != nil {
			return "", err
		}
		if start < next || start > len(lines) {
			return "", fmt.Errorf("%w: line %d is not there", errPatch, start+1)
		}
		out.WriteString(strings.Join(lines[next:start], ""))
		next = start
		for end := start + count; next < end || strings.HasPrefix(rest, "+"); {
			if rest == "" {
				return "", fmt.Errorf("%w: a hunk is cut short", errPatch)
			}
			line, rest = cutLine(rest)
			op, body := line[0], line[1:]
			if line == "\n" { // editors strip the blank that marks an empty line
				op, body = ' ', "\n"
			}
			if strings.HasPrefix(rest, "\\") { // no newline at the end of this line
				_, rest = cutLine(rest)
				body = strings.TrimSuffix(body, "\n")
			}
			if op != ' ' && op != '-' && op != '+' {
				return "", fmt.Errorf("%w: a hunk holds %q", errPatch, strings.TrimSpace(line))
			}
			if op != '+' {
				if next >= len(lines) || lines[next] != body {
					return "", fmt.Errorf("%w: line %d differs", errPatch, next+1)
				}
				next++
			}
			if op != '-' {
				out.WriteString(body)
			}
		}
	}
	out.WriteString(strings.Join(lines[next:], ""))
	return out.String(), nil
}

// hunkHeader reads "@@ -l,c +l,c @@" and returns the 0-based first line and the
// count of lines of the old text.
func hunkHeader(line string) (start, count int, err error) {
	fields := strings.Fields(line)
	at, n, counted := strings.Cut(strings.TrimPrefix(fields[1], "-"), ",")
	count = 1
	if start, err = strconv.Atoi(at); err == nil && counted {
		count, err = strconv.Atoi(n)
	}
	if count > 0 {
		start--
	}
	if err != nil || start < 0 || count < 0 || len(fields) < 4 {
		return 0, 0, fmt.Errorf("%w: %q is no hunk header", errPatch, strings.TrimSpace(line))
	}
	return start, count, nil
}

// hunkSpans returns the places that a hunk header names.
func hunkSpans(line string) (from, to string, ok bool) {
	rest, ok := strings.CutPrefix(line, "@@ -")
	if !ok {
		return "", "", false
	}
	fields := strings.Fields(rest)
	if len(fields) < 2 || !strings.HasPrefix(fields[1], "+") {
		return "", "", false
	}
	return fields[0], fields[1][1:], true
}

func splitLines(s string) []string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, line)
	}
	return lines
}

func cutLine(s string) (line, rest string) {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i+1], s[i+1:]
	}
	return s, ""
}

// Piece is a part of a line, and whether it differs from the other side.
type Piece struct {
	Text    string
	Changed bool
}

// Words compares two lines word by word, for showing what changed within them.
func Words(from, to string) (old, new []Piece) {
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0
	a, b, words := dmp.DiffLinesToChars(wordLines(from), wordLines(to))
	for _, d := range dmp.DiffCharsToLines(dmp.DiffMain(a, b, false), words) {
		text := strings.ReplaceAll(d.Text, "\n", "")
		switch d.Type {
		case diffmatchpatch.DiffEqual:
			old, new = append(old, Piece{Text: text}), append(new, Piece{Text: text})
		case diffmatchpatch.DiffDelete:
			old = append(old, Piece{text, true})
		case diffmatchpatch.DiffInsert:
			new = append(new, Piece{text, true})
		}
	}
	return old, new
}

// wordLines puts every word, with the blanks behind it, on a line of its own.
func wordLines(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' {
			continue
		}
		b.WriteByte(s[i])
		if s[i] == ' ' && (i+1 == len(s) || s[i+1] != ' ') {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
