package rules

import (
	"strconv"
	"strings"

	"lode/miner"
	"lode/miner/command"
	"lode/session/lazyregexp"
)

// newSection is the heading of rules that fit no section of the file.
const newSection = "## Learned from past sessions"

// Place returns the text with the rule added where it fits: at the end of the
// list of the section it belongs to, in that list's style, else in a section of
// its own at the end of the file. Nothing else of the text changes.
func Place(text, rule string, p *miner.Pattern) string {
	eol := "\n"
	if strings.Contains(text, "\r\n") {
		eol = "\r\n"
	}
	lines := splitLines(text)
	if from, at, bullet, ok := sectionFor(lines, p); ok {
		line := bullet + ended(rule, lines[from:at]) + eol
		if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
			line = eol + strings.TrimSuffix(line, eol) // the list ends the file, which has no last line break
		}
		return strings.Join(lines[:at], "") + line + strings.Join(lines[at:], "")
	}
	return placeAtEnd(text, rule)
}

// placeAtEnd returns the text with a section of its own for the rule at the end.
func placeAtEnd(text, rule string) string {
	eol, lines := "\n", splitLines(text)
	if strings.Contains(text, "\r\n") {
		eol = "\r\n"
	}
	var b strings.Builder
	b.WriteString(text)
	if text != "" {
		if !strings.HasSuffix(text, "\n") {
			b.WriteString(eol)
		}
		if !strings.HasSuffix(strings.TrimRight(text, " \t"), "\n"+eol) && strings.TrimSpace(lines[len(lines)-1]) != "" {
			b.WriteString(eol)
		}
	}
	b.WriteString(newSection + eol + eol + "- " + rule + eol)
	return b.String()
}

// fitting names the headings of sections that rules of a kind belong to, the
// best first. The section that lode made before fits all.
func fitting(p *miner.Pattern) []*lazyregexp.Regexp {
	own := lazyregexp.New(`(?i)^learned from past sessions$`)
	notes := lazyregexp.New(`(?i)\b(?:gotchas?|pitfalls?|lessons|troubleshooting|common (?:mistakes|issues|problems))\b`)
	switch {
	case p.Kind == "wrong-path":
		return []*lazyregexp.Regexp{own, lazyregexp.New(`(?i)\b(?:layout|structure|where|directories|folders|file organi[sz]ation)\b`), notes}
	case command.Role(p.Role) == command.Test:
		return []*lazyregexp.Regexp{own, lazyregexp.New(`(?i)\b(?:tests?|testing)\b`), notes}
	case command.Role(p.Role) == command.Lint, command.Role(p.Role) == command.Build:
		return []*lazyregexp.Regexp{own, lazyregexp.New(`(?i)\b(?:lint\w*|build\w*|checks?|commands?|development)\b`), notes}
	}
	return []*lazyregexp.Regexp{own, lazyregexp.New(`(?i)\b(?:commands?|tools?|shell|environment)\b`), notes}
}

var (
	headingLine = lazyregexp.New(`^#{1,6}\s+(.+?)\s*#*\s*$`)
	bulletLine  = lazyregexp.New(`^([-*+] |\d{1,3}[.)] )\S`)
	fenceLine   = lazyregexp.New("^\\s*(```+|~~~+)")
	proseLine   = lazyregexp.New(`^\pL`)
)

// ended is a rule with a full stop at its end, or without one where no item of a
// list has it.
func ended(rule string, list []string) string {
	items := 0
	for _, line := range list {
		line = strings.TrimSpace(line)
		if !bulletLine.MatchString(line) {
			continue
		}
		if items++; strings.HasSuffix(line, ".") {
			return rule
		}
	}
	if items < 2 || strings.Contains(rule, ". ") {
		return rule
	}
	return strings.TrimSuffix(rule, ".")
}

// sectionFor finds the first top-level list of the section that fits best: its
// first line, the line behind it, and what a further item begins with.
func sectionFor(lines []string, p *miner.Pattern) (from, at int, bullet string, ok bool) {
	for _, heading := range fitting(p) {
		in, fence := false, ""
		for i, raw := range lines {
			line := strings.TrimRight(raw, "\r\n")
			if m := fenceLine.FindStringSubmatch(line); m != nil && fence == "" {
				fence = m[1]
				continue
			}
			if fence != "" {
				if shut := strings.TrimSpace(line); strings.HasPrefix(shut, fence) && strings.Trim(shut, fence[:1]) == "" {
					fence = ""
				}
				continue
			}
			if m := headingLine.FindStringSubmatch(line); m != nil {
				in = heading.MatchString(m[1])
			} else if m := bulletLine.FindStringSubmatch(line); m != nil && in {
				at, loose := listEnd(lines, i, m[1])
				bullet := nextBullet(lines[i:at], m[1])
				if loose {
					bullet = raw[len(line):] + bullet
				}
				return i, at, bullet, true
			}
		}
	}
	return 0, 0, "", false
}

// nextBullet is what the item behind a list begins with: the bullet of the
// others, or the next number where they are counted.
func nextBullet(list []string, bullet string) string {
	delim := strings.TrimLeft(bullet, "0123456789")
	last, counted := 0, false
	for _, line := range list {
		if !itemOf(line, bullet) || delim == bullet {
			continue
		}
		n, _ := strconv.Atoi(line[:strings.Index(line, delim)])
		counted = counted || n != last && last > 0
		last = n
	}
	if last == 0 || !counted && len(list) > 1 { // all are the same: Markdown counts them
		return bullet
	}
	return strconv.Itoa(last+1) + delim
}

// itemOf reports whether a line is a top-level item of a list whose items begin
// with a bullet, or with numbers like it.
func itemOf(line, bullet string) bool {
	delim := strings.TrimLeft(bullet, "0123456789")
	rest := strings.TrimLeft(line, "0123456789")
	return strings.HasPrefix(rest, delim) && (delim == bullet) == (rest == line)
}

// listEnd returns the line behind the list that begins at line i: items with
// the same bullet, what is indented below them, and lines of prose that go on
// without an indent. loose says that its items have blank lines between them.
func listEnd(lines []string, i int, bullet string) (end int, loose bool) {
	end = i + 1
	for j := end; j < len(lines); j++ {
		line := lines[j]
		item := itemOf(line, bullet)
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case item, line[0] == ' ', line[0] == '\t', end == j && proseLine.MatchString(line):
			loose = loose || item && end < j
			end = j + 1
		default:
			return end, loose
		}
	}
	return end, loose
}
