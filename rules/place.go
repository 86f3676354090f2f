package rules

import (
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
	if at, bullet, ok := sectionFor(lines, p); ok {
		line := bullet + rule + eol
		if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
			line = eol + strings.TrimSuffix(line, eol) // the list ends the file, which has no last line break
		}
		return strings.Join(lines[:at], "") + line + strings.Join(lines[at:], "")
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
	bulletLine  = lazyregexp.New(`^([-*+] )\S`)
	fenceLine   = lazyregexp.New("^\\s*(```+|~~~+)")
	proseLine   = lazyregexp.New(`^\pL`)
)

// sectionFor finds the line behind the first top-level list of the section that
// fits best, and what an item of that list begins with.
func sectionFor(lines []string, p *miner.Pattern) (at int, bullet string, ok bool) {
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
				if loose {
					return at, raw[len(line):] + m[1], true
				}
				return at, m[1], true
			}
		}
	}
	return 0, "", false
}

// listEnd returns the line behind the list that begins at line i: items with
// the same bullet, what is indented below them, and lines of prose that go on
// without an indent. loose says that its items have blank lines between them.
func listEnd(lines []string, i int, bullet string) (end int, loose bool) {
	end = i + 1
	for j := end; j < len(lines); j++ {
		line := lines[j]
		item := strings.HasPrefix(line, bullet)
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

// Covered returns the line of a text that says already what a rule would: it
// has the same words or most of them, or names both the command to use and the
// one to avoid, or the check that is to be run before something.
func Covered(text, rule string, p *miner.Pattern) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		plain := strings.TrimLeft(line, "-*+0123456789.) ")
		if strings.EqualFold(plain, rule) || alike(plain, rule) {
			return line
		}
		if p.Kind == "forgotten-check" && names(plain, p.Subject) && before.MatchString(plain) || p.Kind == "finding" && names(plain, p.Entity) {
			return line
		}
		if p.Fix == nil || !names(plain, strings.TrimSuffix(p.Fix.Command, " <path>")) {
			continue
		}
		avoid := p.Entity
		if avoid == "" {
			avoid = strings.TrimSuffix(p.Fix.InsteadOf, " <path>")
		}
		if names(plain, avoid) {
			return line
		}
	}
	return ""
}

var before = lazyregexp.New(`(?i)\b(?:before|prior to|until)\b|\b(?:always|every|each)\b.*\b(?:commit|push|change)`)

// alike reports whether a line has most of the words that a rule consists of.
func alike(line, rule string) bool {
	want, have := content(rule), content(line)
	if len(want) < 3 {
		return false
	}
	common := 0
	for w := range want {
		if have[w] {
			common++
		}
	}
	return common >= 3 && 3*common >= 2*len(want)
}

// content returns the words of a text that carry its meaning, without endings.
func content(text string) map[string]bool {
	words := make(map[string]bool)
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '/' || r == '.' || r == '_')
	}) {
		w = strings.Trim(w, ".-")
		if len(w) < 3 || fillers[w] {
			continue
		}
		for _, ending := range []string{"ing", "ed", "es", "s"} {
			if base, ok := strings.CutSuffix(w, ending); ok && len(base) > 3 {
				w = base
				break
			}
		}
		w = strings.TrimSuffix(w, "e") // change, changed
		words[w] = true
	}
	return words
}

// fillers are words that any rule can have.
var fillers = map[string]bool{"the": true, "and": true, "not": true, "for": true, "with": true, "that": true, "this": true, "are": true, "use": true, "run": true, "here": true,
	"instead": true, "which": true, "when": true, "from": true, "any": true, "all": true, "you": true, "your": true, "must": true, "should": true, "always": true, "never": true,
	"without": true, "being": true, "before": true, "after": true, "one": true, "its": true, "has": true, "have": true, "been": true, "was": true, "were": true, "into": true}

// names reports whether a line has a term, not as a part of a longer word.
func names(line, term string) bool {
	if term == "" {
		return false
	}
	for from := 0; ; {
		i := strings.Index(line[from:], term)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(term)
		if (i == 0 || !wordByte(line[i-1])) && (end == len(line) || !wordByte(line[end]) && !(line[end] == ':' && end+1 < len(line) && wordByte(line[end+1]))) {
			return true
		}
		from = i + 1
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '/'
}
