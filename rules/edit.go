package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lode/session"
)

// ErrEdit says that what a person made of a proposal cannot be a change.
var ErrEdit = errors.New("that cannot be applied")

// Added returns the lines that a proposal's diff adds, one text for each run of
// them.
func (d *Proposal) Added() []string {
	var runs []string
	in := false
	for line := range strings.Lines(hunksOf(d.Diff)) {
		switch line[0] {
		case '+':
			if !in {
				runs = append(runs, "")
			}
			in = true
			runs[len(runs)-1] += line[1:]
		default:
			in = false
		}
	}
	return runs
}

// hunksOf cuts the file names off a diff.
func hunksOf(diff string) string {
	if at := strings.Index(diff, "@@ -"); at >= 0 {
		return diff[at:]
	}
	return ""
}

// TryEdit puts other texts in place of the runs of lines that an open
// proposal's diff adds, and checks that the diff can still be applied; nothing
// is written. Errors that are ErrEdit are the person's.
func (b *Book) TryEdit(id string, added []string) (*Proposal, error) {
	d, err := b.Undecided(id)
	if err != nil {
		return d, err
	}
	text, err := readTarget(d.Root, d.Target)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return d, err
	}
	if d.baseOf(text, missing) != d.Base {
		return d, errors.Join(b.again(d), fmt.Errorf("%s: %w", filepath.Join(d.Root, d.Target), ErrMoved))
	}
	if err := checkAdded(d, added); err != nil {
		return d, err
	}
	after, err := Apply(withAdded(d.Diff, added), text)
	switch {
	case err != nil:
		return d, fmt.Errorf("%w: %w", ErrEdit, err)
	case after == text:
		return d, fmt.Errorf("%w: it changes nothing (hint: reject it instead)", ErrEdit)
	case strings.HasSuffix(d.Target, ".json") && !json.Valid([]byte(after)):
		return d, fmt.Errorf("%w: %s would no longer be JSON", ErrEdit, d.Target)
	}
	d.weigh(text, after)
	if err := d.changeTo(text, after, missing); err != nil {
		return d, err
	}
	if rule := addedRule(d.Diff); rule != "" {
		d.Rule = rule
	}
	return d, nil
}

// Edit is TryEdit, and keeps the result: from then on it is the person's, and
// no night changes its words.
func (b *Book) Edit(id string, added []string, reason string) (*Proposal, error) {
	d, err := b.TryEdit(id, added)
	if errors.Is(err, ErrMoved) {
		return d, errors.Join(b.rewrite(d, "the target had changed"), err)
	}
	if err != nil {
		return d, err
	}
	doc, err := b.write(d)
	if err != nil {
		return d, err
	}
	return d, b.Ledger.Append(b.entry(EvEdited, d, func(e *Entry) { e.Doc, e.Reason = doc, reason }))
}

// edited reports whether a person edited a proposal: by a command, or in its
// document. A document that says what it would be written as now is lode's.
func (b *Book) edited(d *Proposal) bool {
	last, ok := b.Ledger.Last(d.ID, EvProposed, EvEdited)
	doc, err := os.ReadFile(b.file(d.ID))
	if !ok || err != nil || last.Event == EvEdited {
		return ok && err == nil
	}
	fresh, err := Print(d)
	return err != nil || string(doc) != string(fresh) && hashOf(string(doc)) != last.Doc
}

// checkAdded refuses what does not belong into a file that agents read.
func checkAdded(d *Proposal, added []string) error {
	if was := d.Added(); len(was) != len(added) {
		return fmt.Errorf("%w: the diff adds lines in %d places, the edit has %d", ErrEdit, len(was), len(added))
	}
	for _, text := range added {
		if plain := strings.ReplaceAll(text, "\r\n", "\n"); session.Clean(plain) != plain {
			return fmt.Errorf("%w: it holds characters that cannot be seen", ErrEdit)
		}
	}
	if strings.TrimSpace(strings.Join(added, "")) == "" && !strings.Contains(hunksOf(d.Diff), "\n-") {
		return fmt.Errorf("%w: nothing is left of it (hint: reject it instead)", ErrEdit)
	}
	return nil
}

// withAdded puts texts in place of the runs of added lines of a diff. A run
// keeps its line breaks: CRLF, and none at the end of a text.
func withAdded(diff string, added []string) string {
	names := strings.TrimSuffix(diff, hunksOf(diff))
	var b strings.Builder
	b.WriteString(names)
	lines := splitLines(hunksOf(diff))
	for i := 0; i < len(lines); {
		if lines[i][0] != '+' {
			b.WriteString(lines[i])
			i++
			continue
		}
		first := lines[i]
		for i < len(lines) && lines[i][0] == '+' {
			i++
		}
		eol := "\n"
		if strings.HasSuffix(first, "\r\n") {
			eol = "\r\n"
		}
		for _, line := range splitLines(added[0]) {
			b.WriteString("+" + strings.TrimRight(line, "\r\n") + eol)
		}
		added = added[1:]
	}
	return b.String()
}
