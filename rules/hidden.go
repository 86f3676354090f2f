package rules

import (
	"errors"
	"fmt"

	"lode/session/redact"
)

// ErrSecret says that a change cannot be shown, nor stored, because a line that
// it touches holds a secret.
var ErrSecret = errors.New("holds a secret")

// secretLines tells which lines of a text, from 0, hold a secret or a part of
// one. A diff leaves them out: it shows fewer lines around a change instead, so
// that nothing of them gets into a proposal or the ledger.
func secretLines(text string) map[int]bool {
	clean := redact.Text(text, nil)
	if clean == text {
		return nil
	}
	hidden := make(map[int]bool)
	at := 0
	for _, e := range lineEdits(text, clean) {
		if e.op == '-' {
			hidden[at] = true
		}
		if e.op != '+' {
			at++
		}
	}
	return hidden
}

// showable checks that hunks can be shown and applied without the lines that
// hold secrets: git takes a hunk without lines behind the change for one at the
// end of the file.
func showable(path string, all []edit, parts []hunk, hidden, hiddenAfter map[int]bool) error {
	old := 0
	for _, e := range all {
		if e.op != '+' {
			old++
		}
	}
	for _, h := range parts {
		from, to := h.fromLine-1, h.toLine-1
		if h.fromCount == 0 && from == 1 { // git would put it before the line
			return fmt.Errorf("%s: its only line %w", path, ErrSecret)
		}
		for _, e := range h.edits {
			if e.op == '-' && hidden[from] || e.op == '+' && hiddenAfter[to] {
				return fmt.Errorf("%s: line %d, which would change, %w", path, from+1, ErrSecret)
			}
			if e.op != '+' {
				from++
			}
			if e.op != '-' {
				to++
			}
		}
		if last := h.edits[len(h.edits)-1]; last.op != ' ' && from < old {
			return fmt.Errorf("%s: line %d, behind the change, %w", path, from+1, ErrSecret)
		}
	}
	return nil
}

// reversed is the diff that takes a diff back.
func reversed(diff string) string {
	out := make([]byte, 0, len(diff))
	inHunks := false
	for _, line := range splitLines(diff) {
		if from, to, ok := hunkSpans(line); ok {
			inHunks = true
			out = append(out, "@@ -"+to+" +"+from+" @@\n"...)
			continue
		}
		if inHunks && (line[0] == '+' || line[0] == '-') {
			out = append(out, '+'+'-'-line[0])
			line = line[1:]
		}
		out = append(out, line...)
	}
	return string(out)
}
