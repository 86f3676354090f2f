package rules

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// again makes a proposal anew against its target as it is now. What a person
// made of its diff is carried over, where its lines still have their place.
func (b *Book) again(d *Proposal) error {
	if !b.edited(d) || d.oneLine() {
		return d.rebase() // a line finds its place anew, with the person's words
	}
	text, err := readTarget(d.Root, d.Target)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	if after, ok := carry(d.Diff, text); ok {
		return d.changeTo(text, after, missing)
	}
	return d.rebase()
}

// onto makes a proposal's diff anew for another text of its target.
func (d *Proposal) onto(text string) error {
	after, ok := text, true
	if d.oneLine() {
		after = Place(text, d.Rule, d.Fit.pattern())
	} else {
		after, ok = carry(d.Diff, text)
	}
	if !ok {
		return errPatch
	}
	return d.changeTo(text, after, false)
}

// oneLine reports whether a proposal adds a rule of one line, maybe below a
// heading, and changes nothing else but the line break of the line before.
func (d *Proposal) oneLine() bool {
	if d.Change != "" {
		return false
	}
	var added, removed []string
	for _, e := range slices.Concat(hunkEdits(d.Diff)...) {
		switch e.op {
		case '+':
			added = append(added, e.line)
		case '-':
			removed = append(removed, e.line)
		}
	}
	for _, line := range removed {
		i := slices.IndexFunc(added, func(l string) bool { return sameLine(l, line) })
		if i < 0 {
			return false
		}
		added = slices.Delete(added, i, i+1)
	}
	rules := 0
	for _, line := range added {
		switch line = strings.TrimSpace(line); {
		case line == "" || headingLine.MatchString(line):
		case bulletLine.MatchString(line):
			rules++
		default:
			return false
		}
	}
	return rules == 1
}

// carry applies a diff to a text in which other lines may have changed: lines
// that it replaces must stand there once, together; lines that it only adds go
// behind the one before them, or before the one behind, which must stand there
// once. It reports false where a change finds no place.
func carry(diff, text string) (string, bool) {
	lines := splitLines(text)
	for _, edits := range hunkEdits(diff) {
		for i := 0; i < len(edits); {
			if edits[i].op == ' ' {
				i++
				continue
			}
			g := groupAt(edits, i)
			i = g.end
			at, ok := g.place(lines)
			if !ok {
				return "", false
			}
			if len(g.removed) == 0 && at == len(lines) && at > 0 && !hasBreak(lines[at-1]) {
				return "", false // it would go on in the last line
			}
			lines = slices.Replace(lines, at, at+len(g.removed), g.added...)
		}
	}
	after := strings.Join(lines, "")
	return after, after != text
}

// place returns where the lines that the group replaces stand, or where its new
// ones belong.
func (g *group) place(lines []string) (at int, ok bool) {
	once := func(run []string) (int, bool) {
		at, n := (&group{added: run}).stands(lines)
		return at, n == 1
	}
	switch {
	case len(g.removed) > 0:
		return once(g.removed)
	case len(lines) == 0:
		return 0, true
	case g.before != nil:
		if at, ok := once([]string{*g.before}); ok {
			return at + 1, true
		}
	}
	if g.after != nil {
		return once([]string{*g.after})
	}
	return 0, false
}

// hunkEdits reads the hunks of a diff.
func hunkEdits(diff string) [][]edit {
	var out [][]edit
	for line := range strings.Lines(hunksOf(diff)) {
		switch {
		case strings.HasPrefix(line, "@@ -"):
			out = append(out, nil)
		case line[0] == '\\':
			if last := out[len(out)-1]; len(last) > 0 {
				last[len(last)-1].line = strings.TrimSuffix(last[len(last)-1].line, "\n")
			}
		case line == "\n": // editors strip the blank that marks an empty line
			out[len(out)-1] = append(out[len(out)-1], edit{' ', line})
		default:
			out[len(out)-1] = append(out[len(out)-1], edit{line[0], line[1:]})
		}
	}
	return out
}
