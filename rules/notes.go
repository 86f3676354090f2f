package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lode/session"
)

// ErrNoLearning says that there is no learning of an id.
var ErrNoLearning = errors.New("no such learning")

// Find returns a learning, active or not. The id may be cut to what is unique.
func (v *Vault) Find(id string) (*Learning, error) {
	var found []*Learning
	for _, folder := range []string{"learnings", "retired"} {
		list, err := v.notes(folder)
		if err != nil && len(list) == 0 {
			return nil, err
		}
		for _, l := range list {
			if l.ID == id {
				return l, nil
			}
			if id != "" && (strings.HasPrefix(l.ID, id) || strings.HasPrefix(l.ID, "l-"+id)) {
				found = append(found, l)
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %q", ErrNoLearning, id)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%w: %q means %s or %s", ErrNoLearning, id, found[0].ID, found[1].ID)
}

// Text returns the note of a learning as it stands in its file, and the file.
func (v *Vault) Text(l *Learning) (text, file string, err error) {
	for _, gone := range []bool{false, true} {
		file = v.file(l.ID, gone)
		doc, err := os.ReadFile(file)
		if !errors.Is(err, fs.ErrNotExist) {
			return string(doc), file, err
		}
	}
	return "", "", fmt.Errorf("%w: %q", ErrNoLearning, l.ID)
}

// ErrNoLine says that a text is not fit to be a learning's rule.
var ErrNoLine = errors.New("the rule must be one visible line of at most 60 words")

// Note writes the learning of a person, and returns it. It needs a rule; the
// title is the rule's beginning where there is none. The same rule for the same
// project is the same learning. supersedes names one that it takes the place of.
func (v *Vault) Note(l Learning, supersedes string, now time.Time) (*Learning, error) {
	l.Rule = strings.TrimSpace(l.Rule)
	if l.Rule == "" || strings.ContainsAny(l.Rule, "\n\r") || session.Clean(l.Rule) != l.Rule || len(strings.Fields(l.Rule)) > 60 {
		return nil, ErrNoLine
	}
	sum := sha256.Sum256([]byte(l.Project + "\x00" + l.Scope + "\x00" + l.Rule))
	l.ID = "l-" + hex.EncodeToString(sum[:4])
	l.Scope, l.Status, l.Created = cmp.Or(l.Scope, projectScope), active, now.Format(time.DateOnly)
	l.Title = cmp.Or(strings.Join(strings.Fields(session.Clean(l.Title)), " "), session.Quote(l.Rule, 60))
	l.Tags = slices.Compact(append([]string{"lode"}, l.Tags...))
	l.Body = l.Rule + "\n"
	if _, err := os.Stat(v.file(l.ID, false)); err == nil {
		return nil, fmt.Errorf("%s says that already", l.ID)
	}
	if supersedes != "" {
		old, err := v.Find(supersedes)
		if err != nil {
			return nil, err
		}
		if old.ID == l.ID {
			return nil, fmt.Errorf("%s would take its own place", l.ID)
		}
		l.Body += fmt.Sprintf("\nTakes the place of [[%s]]: %s\n", old.ID, old.Rule)
		l.Evidence, l.Sessions = cmpSlice(l.Evidence, old.Evidence), cmp.Or(l.Sessions, old.Sessions)
		if err := v.put(&l); err != nil {
			return nil, err
		}
		return &l, v.end(old.ID, Superseded, l.ID, fmt.Sprintf("Superseded on %s by [[%s]].", now.Format(time.DateOnly), l.ID))
	}
	return &l, errors.Join(v.put(&l), v.index())
}

func cmpSlice(a, b []string) []string {
	if len(a) > 0 {
		return a
	}
	return b
}

// End retires a learning, for a reason. With into it is merged into that one,
// which gets its evidence; both notes tell of it. A learning that is not active
// is an error.
func (v *Vault) End(id, into, reason string, now time.Time) (*Learning, error) {
	l, err := v.Find(id)
	if err != nil {
		return nil, err
	}
	if l.Status != active && l.Status != "" {
		return l, fmt.Errorf("%s is %s", l.ID, l.Status)
	}
	day, because := now.Format(time.DateOnly), ""
	if reason = strings.Join(strings.Fields(session.Clean(reason)), " "); reason != "" {
		because = " Reason: " + reason
	}
	if into == "" {
		l.Status = retired
		return l, v.end(l.ID, retired, "", "Retired on "+day+"."+because)
	}
	to, err := v.Find(into)
	if err != nil {
		return nil, err
	}
	if to.ID == l.ID || to.Status != active && to.Status != "" {
		return l, fmt.Errorf("%s cannot be merged into %s, which is %s", l.ID, to.ID, cmp.Or(to.Status, active))
	}
	to.Evidence = union(to.Evidence, l.Evidence)
	to.Sessions = max(to.Sessions, l.Sessions)
	to.Body += fmt.Sprintf("\nMerged on %s: [[%s]] %s\n", day, l.ID, l.Rule)
	if err := v.put(to); err != nil {
		return l, err
	}
	l.Status, l.ReplacedBy = Merged, to.ID
	return l, v.end(l.ID, Merged, to.ID, fmt.Sprintf("Merged on %s into [[%s]].%s", day, to.ID, because))
}

// index makes the note that links to all others. A vault without notes has none.
func (v *Vault) index() error {
	now, _ := v.List() // what cannot be read is told when the vault is listed
	gone, _ := v.History()
	file := filepath.Join(v.dir, "index.md")
	if len(now)+len(gone) == 0 {
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	var b strings.Builder
	b.WriteString("---\ntags:\n  - lode\n---\n\n# Learnings\n\nMade from the notes: what is written here is lost.\n")
	slices.SortStableFunc(now, func(x, y *Learning) int { return cmp.Or(cmp.Compare(x.home(), y.home()), cmp.Compare(x.ID, y.ID)) })
	for i, l := range now {
		if i == 0 || l.home() != now[i-1].home() {
			fmt.Fprintf(&b, "\n## %s\n\n", l.home())
		}
		fmt.Fprintf(&b, "- [[learnings/%s|%s]]: %s\n", l.ID, alias(l.Title), l.Rule)
	}
	if len(gone) > 0 {
		b.WriteString("\n## Not any more\n\n")
	}
	for _, l := range gone {
		fmt.Fprintf(&b, "- [[retired/%s|%s]]: %s", l.ID, alias(l.Title), l.Status)
		if l.ReplacedBy != "" {
			fmt.Fprintf(&b, ", see [[%s]]", alias(l.ReplacedBy))
		}
		b.WriteByte('\n')
	}
	return v.write(file, []byte(b.String()))
}

// home is where a learning holds, as a heading.
func (l *Learning) home() string {
	if l.Scope == GlobalScope {
		return "Everywhere"
	}
	return cmp.Or(l.Project, "No project")
}

// alias makes a text fit to stand in a link.
func alias(s string) string { return strings.NewReplacer("[", "(", "]", ")", "|", "/").Replace(s) }
