package rules

import (
	"strings"

	"lode/miner"
	"lode/session/lazyregexp"
)

// negative is what makes a clause say what not to do, or only on a condition.
var negative = lazyregexp.New(`(?i)\b(?:not|never|no|avoid|without|instead of|rather than|stop|forbid\w*|refrain|only|unless|nothing|none|old|legacy|deprecated|removed|wrong|longer)\b|n['’]t\b`)

// denial is what says of a thing named before it that it is not to be used.
var denial = lazyregexp.New("^[`'\"]?\\s+(?:(?:is|are|was|were|does|do|will|has|have|can)(?:n['’]t| not\\b| (?:\\w+ )?(?:not|gone|missing|removed|deprecated|wrong|broken|forbidden|unavailable)\\b)|can['’]t\\b|won['’]t\\b|cannot\\b|fails?\\b|breaks?\\b)")

// clauseEnd divides what is said in a line.
var clauseEnd = lazyregexp.New(`[.;!?:] |, (?:use|but|instead|not|never)\b| [-–—] |\binstead,|\bbut\b`)

// negated reports whether a line speaks of a term as of something not to be
// used or not there. In doubt it does.
func negated(line, term string) bool {
	at := find(line, term)
	if at < 0 {
		return false
	}
	head := line[:at]
	if ends := clauseEnd.FindAllStringIndex(head, -1); ends != nil {
		last := ends[len(ends)-1]
		head = head[last[0]:]
	}
	return negative.MatchString(head) || denial.MatchString(line[at+len(term):])
}

// prohibition is what makes a clause say what not to do, whatever happens.
var prohibition = lazyregexp.New(`(?i)\b(?:not|never|avoid|stop|refrain|forbidden)\b|n['’]t\b`)

// condition is what makes it depend: "only when asked" is not the opposite of
// "not unless asked".
var condition = lazyregexp.New(`(?i)\b(?:only|unless|if|when|until|except|asked|after|before)\b`)

// opposed reports whether one text forbids and the other demands.
func opposed(a, b string) bool { return forbids(a) != forbids(b) }

// forbids reports whether the first clause of a text says what not to do.
func forbids(text string) bool {
	head := text
	if end := clauseEnd.FindStringIndex(text); end != nil {
		head = text[:end[0]]
	}
	return prohibition.MatchString(head)
}

// against is a line that stands against a rule, and what is to become of it.
type against struct {
	file   string
	line   statement
	change ChangeKind
	after  string // the line afterwards, with its line break; "" when it goes
	why    string
}

// in is a text with the line changed.
func (a *against) in(text string) string {
	lines := splitLines(text)
	lines[a.line.at] = a.after
	return strings.Join(lines, "")
}

// standsAgainst looks in a text for a line that evidence shows to be wrong, or
// that says the opposite of a rule.
func standsAgainst(text, rule string, p *miner.Pattern) (against, bool) {
	wrong, right := wrongTerm(p), rightTerm(p)
	for _, s := range statements(text) {
		switch {
		case wrong != "" && claims(s.plain, wrong, right, p):
			return corrected(s, wrong, right, rule), true
		case right != "" && s.lead != "" && negated(s.plain, right) && !names(strings.ReplaceAll(s.plain, right, ""), wrong):
			return against{line: s, change: Resolve, after: s.withWords(rule), why: "it forbids what worked"}, true
		case wrong == "" && s.lead != "" && contrary(s.plain, rule):
			return against{line: s, change: Resolve, after: s.withWords(rule), why: "it says the opposite"}, true
		}
	}
	return against{}, false
}

// wrongTerm is what the evidence of a pattern shows to be wrong wherever it is
// recommended: a path that is not there, a command or flag that fails and has
// something that works instead.
func wrongTerm(p *miner.Pattern) string {
	switch {
	case p.Kind == "wrong-path" && p.Class != miner.NotAFile && p.Class != miner.GuessedNames && p.Class != miner.WrongFolder:
		return p.Subject
	case p.Kind != "failing-command" && p.Kind != "retry-loop" || p.Class == miner.ShellSyntax:
		return ""
	case p.Fix != nil:
		return bareCommand(p.Fix.InsteadOf)
	case p.Class == miner.UsageError && strings.HasPrefix(p.Entity, "-"):
		return bareCommand(p.Subject) + " " + p.Entity
	}
	return ""
}

// claims reports whether a line recommends something wrong: it names it, does
// not speak against it, and does not name what is right. Commands count in code
// only: make and check are words, too.
func claims(plain, wrong, right string, p *miner.Pattern) bool {
	if right != "" && names(plain, right) || negated(plain, wrong) {
		return false
	}
	if p.Kind == "wrong-path" {
		return names(plain, wrong)
	}
	_, ok := spanOf(plain, wrong)
	return ok
}

// spanOf returns the code span of a line that is a command, or begins with it.
func spanOf(line, command string) (string, bool) {
	for _, span := range literals(line) {
		code := strings.Trim(span, "`")
		if code == command || strings.HasPrefix(code, command+" ") {
			return span, true
		}
	}
	return "", false
}

// corrected is what becomes of a wrong line: what is right takes the place of
// what is wrong; without anything that is right an item goes, or becomes the rule.
func corrected(s statement, wrong, right, rule string) against {
	a := against{line: s, change: Correct, why: "it names `" + wrong + "`, which the evidence shows to be wrong"}
	span, isCode := spanOf(s.plain, wrong)
	switch {
	case right != "" && isCode:
		code := strings.Trim(span, "`")
		a.after = strings.Replace(s.raw, span, "`"+right+strings.TrimPrefix(code, wrong)+"`", 1)
	case right != "":
		at := find(s.raw, wrong)
		a.after = s.raw[:at] + right + s.raw[at+len(wrong):]
	case s.lead != "" && len(strings.Fields(s.plain)) <= fewWords && len(literals(s.plain)) <= 1:
		a.change = Remove
	default:
		a.after = s.withWords(rule)
	}
	return a
}

// fewWords is how many words a line may have to be about one thing only.
const fewWords = 15

// contrary reports whether a line says the opposite of a rule: it speaks of
// what the rule begins with and of half of the rest, without a condition, and
// what one forbids the other demands.
func contrary(line, rule string) bool {
	x, y := content(line), content(rule)
	n := common(x, y)
	return n >= 2 && 2*n >= min(len(x), len(y)) && x[firstWord(rule, y)] && opposed(line, rule) && !condition.MatchString(line)
}

// firstWord is the first of a text's words that carry its meaning.
func firstWord(text string, words map[string]bool) string {
	for field := range strings.FieldsSeq(text) {
		for w := range content(field) {
			if words[w] {
				return w
			}
		}
	}
	return ""
}

// withWords is the statement's line with other words.
func (s *statement) withWords(words string) string {
	body := strings.TrimRight(s.raw, "\r\n")
	return body[:strings.LastIndex(body, s.plain)] + words + s.raw[len(body):]
}
