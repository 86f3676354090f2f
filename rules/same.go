package rules

import (
	"strings"

	"lode/miner"
	"lode/session/lazyregexp"
)

// A line of an instruction file that says something: not code, no heading.
type statement struct {
	at    int    // 0-based line
	raw   string // with its line break
	lead  string // what stands before the words: blanks and a bullet, "" for prose
	plain string // the words
}

// bulletOf is how items of a list begin.
var bulletOf = lazyregexp.New(`^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?`)

// statements lists what a text says, line by line: items and prose, outside
// front matter, fences, comments and tables.
func statements(text string) []statement {
	var list []statement
	fence, comment, matter := "", false, false
	for i, raw := range splitLines(text) {
		line := strings.TrimSpace(strings.TrimPrefix(raw, "\ufeff"))
		switch {
		case line == "---" && (i == 0 || matter):
			matter = !matter
			continue
		case matter:
			continue
		case fence != "":
			if strings.HasPrefix(line, fence) && strings.Trim(line, fence[:1]) == "" {
				fence = ""
			}
			continue
		case comment || strings.HasPrefix(line, "<!--"):
			comment = !strings.Contains(line, "-->")
			continue
		}
		if m := fenceLine.FindStringSubmatch(line); m != nil {
			fence = m[1]
			continue
		}
		if line == "" || headingLine.MatchString(line) || line[0] == '|' {
			continue
		}
		body := strings.TrimRight(raw, "\r\n")
		lead := bulletOf.FindString(body)
		list = append(list, statement{i, raw, lead, strings.TrimSpace(strings.TrimPrefix(body, lead))})
	}
	return list
}

// Covered returns the line of a text that says already what a rule would: it
// has the same words or most of them, or names both the command to use and the
// one to avoid, or the check that is to be run before something. A line that
// says the opposite does not cover it.
func Covered(text, rule string, p *miner.Pattern) string {
	for _, s := range statements(text) {
		switch {
		case strings.EqualFold(s.plain, rule):
		case names(s.plain, rightTerm(p)) && negated(s.plain, rightTerm(p)):
			continue
		case alike(s.plain, rule) && opposed(s.plain, rule):
			continue
		case alike(s.plain, rule), tells(s.plain, p):
		default:
			continue
		}
		return strings.TrimSpace(s.raw)
	}
	return ""
}

// tells reports whether a line speaks of what a pattern's rule is about: of the
// check that is forgotten, of the finding, of both commands.
func tells(plain string, p *miner.Pattern) bool {
	switch {
	case p.Kind == "forgotten-check" && names(plain, p.Subject):
		return before.MatchString(plain)
	case p.Kind == "finding":
		return names(plain, p.Entity)
	case p.Fix == nil:
		wrong, command := wrongTerm(p), bareCommand(p.Subject)
		return negated(plain, wrong) || wrong != "" && strings.HasPrefix(p.Entity, "-") && names(plain, command) && negated(plain, p.Entity)
	case !names(plain, rightTerm(p)):
		return false
	}
	avoid := p.Entity
	if avoid == "" {
		avoid = bareCommand(p.Fix.InsteadOf)
	}
	return names(plain, avoid)
}

// bareCommand is a command without the placeholder for what it is given.
func bareCommand(s string) string { return strings.TrimSuffix(s, " <path>") }

// rightTerm is the command or path that a pattern's rule says to use, "" when
// there is none.
func rightTerm(p *miner.Pattern) string {
	if p.Fix == nil {
		return ""
	}
	return bareCommand(p.Fix.Command)
}

var before = lazyregexp.New(`(?i)\b(?:before|prior to|until)\b|\b(?:always|every|each)\b.*\b(?:commit|push|change)`)

// alike reports whether a line has most of the words that a rule consists of.
func alike(line, rule string) bool {
	want := content(rule)
	return len(want) >= 3 && common(content(line), want) >= 3 && 3*common(content(line), want) >= 2*len(want)
}

// sameRule reports whether two rules say the same: the same words but for case
// and punctuation, or most of the words of both with the same sense.
func sameRule(a, b string) bool {
	x, y := content(a), content(b)
	n := common(x, y)
	switch {
	case normalised(a) == normalised(b):
		return true
	case n < 3 || 4*n < 3*max(len(x), len(y)):
		return false
	}
	return !opposed(a, b) && equalCode(a, b)
}

// equalCode reports whether two texts name the same commands and paths.
func equalCode(a, b string) bool {
	x, y := literals(a), literals(b)
	for _, t := range x {
		if !strings.Contains(b, t) {
			return false
		}
	}
	return len(x) == len(y)
}

// literals lists the code spans of a text: the terms that must not be changed.
func literals(text string) []string {
	var terms []string
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 && part != "" {
			terms = append(terms, "`"+part+"`")
		}
	}
	return terms
}

// normalised is a text without case, punctuation at its ends and double blanks.
func normalised(text string) string {
	return strings.Trim(strings.Join(strings.Fields(strings.ToLower(text)), " "), " .!;:")
}

func common(x, y map[string]bool) int {
	n := 0
	for w := range y {
		if x[w] {
			n++
		}
	}
	return n
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
func names(line, term string) bool { return find(line, term) >= 0 }

// find returns where a line has a term, not as a part of a longer word, or -1.
func find(line, term string) int {
	if term == "" {
		return -1
	}
	for from := 0; ; {
		i := strings.Index(line[from:], term)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(term)
		more := end+1 < len(line) && (line[end] == ':' || line[end] == '.') && wordByte(line[end+1])
		if (i == 0 || !wordByte(line[i-1])) && (end == len(line) || !wordByte(line[end]) && !more) {
			return i
		}
		from = i + 1
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '/'
}
