package query

import (
	"slices"
	"strings"
)

// A FieldDoc describes a field that a query can name: for help, completion and
// messages.
type FieldDoc struct {
	Name   string
	Doc    string
	Values []string // all there are; nil where the transcripts decide
}

// Fields are the fields of a query, as field:value.
var Fields = []FieldDoc{
	{"agent", "the agent: claude, codex, gemini", nil},
	{"project", "the project: its whole name or its last part", nil},
	{"session", "the session: agent/id, or the beginning of its id", nil},
	{"branch", "the git branch that the session began on", nil},
	{"model", "the model: claude-opus*", nil},
	{"population", "who started the session", []string{"user", "headless", "benchmark", "loop", "own", "subagent"}},
	{"kind", "what an event is", []string{"user", "agent", "call", "result", "note"}},
	{"author", "who wrote the text", []string{"human", "agent", "tool", "program", "injected"}},
	{"tool", "the tool that was called", nil},
	{"outcome", "what became of a call", []string{"ok", "failed", "expected", "rejected", "denied", "interrupted", "collateral", "unknown"}},
	{"failed", "outcome:failed, or not", []string{"yes", "no"}},
	{"class", "the class of a failure: command-not-found, test-failure", nil},
	{"fingerprint", "the same failure anywhere, as events and mine print it", nil},
	{"file", "a path, or the end of one, that a call names", nil},
	{"cmd", "words of a command", nil},
	{"since", "not older than this: 30d, 12h, 4w, 2026-05-01, 2026-05, today, yesterday", nil},
	{"until", "not younger than this; a day or month is included", nil},
	{"on", "on this day, or in this month", nil},
	{"lit", "exactly these characters, in whole texts", nil},
}

func fieldNamed(name string) *FieldDoc {
	if i := slices.IndexFunc(Fields, func(f FieldDoc) bool { return f.Name == name }); i >= 0 {
		return &Fields[i]
	}
	return nil
}

// nearField returns the field that a name was probably meant to be, or "".
func nearField(name string) string {
	for _, f := range Fields {
		if len(name) >= 4 && len(f.Name) >= 4 && Distance(name, f.Name) <= 1 {
			return f.Name
		}
	}
	return ""
}

// Distance is how many letters have to be added, left out, changed or swapped
// with their neighbour to make one word of another (optimal string alignment).
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	var rows [3][]int
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
	}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		rows = [3][]int{last, row, before}
	}
	return rows[1][len(y)]
}

// check looks whether a field takes a value.
func (f *FieldDoc) check(v string) (hint string, ok bool) {
	if f.Values == nil || slices.Contains(f.Values, v) {
		return "", true
	}
	return "want " + strings.Join(f.Values, ", "), false
}
