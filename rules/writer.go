package rules

import (
	"fmt"
	"strings"

	"lode/session"
)

// WriterPrompt is what a writer is asked: to word a rule better. It is told the
// rule of the template and what people said, never what a tool printed, and must
// keep every command and path.
func WriterPrompt(d *Proposal) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s
A rule for coding agents, one line of an instruction file, was made from a template:

%s

Word it better: one imperative sentence of at most %d words that says when it applies and what to do. Keep each of these
exactly as it is, with its backticks: %s.
Add no command, path or address. Answer with the line alone.
`, session.OwnMark, d.Rule, maxWords, strings.Join(literals(d.Rule), ", "))
	return b.String()
}

// Reworded checks a writer's answer to a prompt about a rule: it must be one
// plain line of at most 30 words with the same commands and paths and no other,
// and the same sense. The error says what is wrong; then the template stands.
func Reworded(rule, answer string) (string, error) {
	line := strings.TrimSpace(answer)
	for _, bullet := range []string{"- ", "* "} {
		line = strings.TrimPrefix(line, bullet)
	}
	switch {
	case line == "" || strings.ContainsAny(line, "\n\r\t"):
		return "", fmt.Errorf("it is not one line")
	case len(strings.Fields(line)) > maxWords:
		return "", fmt.Errorf("it has %d words, at most %d are allowed", len(strings.Fields(line)), maxWords)
	case session.Clean(line) != line || strings.Count(line, "`")%2 == 1 || strings.Contains(line, "://"):
		return "", fmt.Errorf("it is no plain line")
	case strings.ContainsAny(withoutCode(line), "<>|#@") || strings.HasPrefix(line, "[") || line[0] == '`' && rule[0] != '`':
		return "", fmt.Errorf("it holds markup")
	case opposed(line, rule):
		return "", fmt.Errorf("it says the opposite")
	}
	for _, term := range literals(rule) {
		if !strings.Contains(line, term) {
			return "", fmt.Errorf("%s is missing", term)
		}
	}
	for _, term := range literals(line) {
		if !strings.Contains(rule, term) {
			return "", fmt.Errorf("%s was not in the rule", term)
		}
	}
	return line, nil
}

// withoutCode is a text without its code spans.
func withoutCode(text string) string {
	for _, span := range literals(text) {
		text = strings.Replace(text, span, "", 1)
	}
	return text
}

// reworded lets the book's writer word a rule, where there is one.
func (n *night) reworded(d *Proposal) {
	if n.Reword == nil {
		return
	}
	if rule, writer := n.Reword(d); writer != "" {
		d.Rule, d.Writer = rule, writer
		d.Why += fmt.Sprintf(" Worded by the writer %s.", code(writer))
	}
}
