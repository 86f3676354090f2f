package rules

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	renameio "github.com/google/renameio/v2/maybe"

	"lode/session"
	"lode/session/lazyregexp"
)

// Vault holds learnings: one Markdown note each, with flat front matter, so
// that people can keep it in Obsidian or in a repository. What is active lies in
// learnings/, what is not any more in retired/; index.md, which is made from the
// notes, links to all of them.
type Vault struct {
	dir   string
	files fs.FileMode // of notes
}

// OpenVault returns the vault of a folder that is a person's own, as one in a
// repository. Nothing is made until a note is written.
func OpenVault(dir string) *Vault { return &Vault{dir: dir, files: 0o644} }

// Learning is one note of the vault.
type Learning struct {
	ID         string   `yaml:"id" json:"id"`
	Title      string   `yaml:"title" json:"title"`
	Project    string   `yaml:"project" json:"project"`
	Scope      string   `yaml:"scope" json:"scope"`   // project, or global
	Status     string   `yaml:"status" json:"status"` // active, retired, merged or superseded
	Tags       []string `yaml:"tags" json:"tags"`
	Paths      []string `yaml:"paths,omitempty" json:"paths,omitempty"` // globs on the project's files that it is about; none for all
	Created    string   `yaml:"created" json:"created"`
	Pattern    string   `yaml:"pattern" json:"pattern"`
	Proposal   string   `yaml:"proposal" json:"proposal"`
	Target     string   `yaml:"target" json:"target"`
	Sessions   int      `yaml:"sessions" json:"sessions"` // of the evidence; the order in briefs
	Evidence   []string `yaml:"evidence" json:"evidence"` // references
	ReplacedBy string   `yaml:"replaced_by,omitempty" json:"replaced_by,omitempty"`
	Rule       string   `yaml:"rule" json:"rule"`
	Body       string   `yaml:"-" json:"-"`
}

// The states of learnings.
const (
	active     = "active"
	retired    = "retired"
	Merged     = "merged"     // into the one that replaces it
	Superseded = "superseded" // by the one that replaces it
)

// Scopes of learnings.
const (
	projectScope = "project"
	GlobalScope  = "global"
)

// learningID names the learning of a proposal.
func learningID(proposal string) string { return "l" + strings.TrimPrefix(proposal, "r") }

func (v *Vault) file(id string, gone bool) string {
	dir := "learnings"
	if gone {
		dir = "retired"
	}
	return filepath.Join(v.dir, dir, id+".md")
}

// Add writes the learning of an accepted proposal. A change that only makes a
// rule known or kept teaches nothing new.
func (v *Vault) Add(d *Proposal, now time.Time) error {
	if d.Change == Import || d.Change == Escalate {
		return nil
	}
	l := &Learning{ID: learningID(d.ID), Title: d.Title, Project: d.Project, Scope: cmp.Or(d.Scope, projectScope), Status: active,
		Tags: []string{"lode", tag(d.Fit.Kind)}, Created: now.Format(time.DateOnly), Pattern: d.Pattern, Proposal: d.ID,
		Target: d.Target, Sessions: d.Backtest.Failed, Rule: d.Rule}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n## Evidence\n\n", d.Rule, d.Why)
	for _, e := range d.Evidence {
		l.Evidence = append(l.Evidence, e.Ref)
		fmt.Fprintf(&b, "- `%s` %s\n", e.Ref, escapeMarkdown(e.Quote))
	}
	l.Body = b.String()
	return errors.Join(v.put(l), v.index())
}

// put writes an active note.
func (v *Vault) put(l *Learning) error {
	doc, err := printLearning(l)
	if err != nil {
		return err
	}
	return v.write(v.file(l.ID, false), doc)
}

// tag writes a kind as Obsidian takes tags.
func tag(kind string) string {
	if kind == "" {
		return "learning"
	}
	return kind
}

func (v *Vault) write(file string, doc []byte) error {
	mode := cmp.Or(v.files, 0o600)
	if err := os.MkdirAll(filepath.Dir(file), 0o700|mode&0o055|mode>>2&0o011); err != nil {
		return err
	}
	return renameio.WriteFile(file, doc, mode)
}

func printLearning(l *Learning) ([]byte, error) {
	front, err := printFront(l, yaml.IndentSequence(true))
	return fmt.Appendf(front, "\n# %s\n\n%s", l.Title, l.Body), err
}

func parseLearning(doc []byte) (*Learning, error) {
	l := &Learning{}
	body, err := parseFront(doc, l)
	if err != nil {
		return nil, err
	}
	l.Body = strings.TrimPrefix(string(body), "\n# "+l.Title+"\n\n")
	return l, nil
}

// read reads the note of a file. People and other programs may have written it:
// its name says which learning it is, and its rule is a visible line.
func (v *Vault) read(file string) (*Learning, error) {
	doc, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	l, err := parseLearning([]byte(session.Clean(string(doc))))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	l.tame(strings.TrimSuffix(filepath.Base(file), ".md"))
	return l, nil
}

func (l *Learning) tame(id string) {
	l.ID = id
	for _, s := range []*string{&l.Title, &l.Project, &l.Rule} {
		*s = strings.Join(strings.FieldsFunc(session.Clean(*s), func(r rune) bool { return r == '\n' }), " ")
	}
}

var statusLine = lazyregexp.New(`(?m)^status:.*$`)

// Retire moves the learning of a proposal out of what is loaded. Its note
// stays, with all that people wrote into it.
func (v *Vault) Retire(d *Proposal, now time.Time) error {
	return v.end(learningID(d.ID), retired, "", "Retired on "+now.Format(time.DateOnly)+".")
}

// end moves a note to the retired ones, with a word of farewell. One that is
// not active is left as it is.
func (v *Vault) end(id, status, by, words string) error {
	doc, err := os.ReadFile(v.file(id, false))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	line := "status: " + status
	if by != "" {
		line += "\nreplaced_by: " + by
	}
	if at := statusLine.FindIndex(doc); at != nil {
		doc = slices.Concat(doc[:at[0]], []byte(line), doc[at[1]:])
	}
	doc = fmt.Appendf(doc, "\n%s\n", words)
	if err := v.write(v.file(id, true), doc); err != nil {
		return err
	}
	return errors.Join(os.Remove(v.file(id, false)), v.index())
}

// adopt gives the learning of a proposal the words that a person gave the rule.
func (v *Vault) adopt(d *Proposal, now time.Time) error {
	l, err := v.read(v.file(learningID(d.ID), false))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.Target = d.Target; l.Rule == d.Rule {
		l.Body += fmt.Sprintf("\nMoved to %s by a person, as seen on %s.\n", d.Target, now.Format(time.DateOnly))
	} else {
		l.Body += fmt.Sprintf("\nEdited by a person, as seen on %s. Before: %s\n", now.Format(time.DateOnly), l.Rule)
	}
	l.Rule = d.Rule
	return errors.Join(v.put(l), v.index())
}

// List returns the active learnings, those with the most evidence first. Notes
// that cannot be read are named in the error, beside the others.
func (v *Vault) List() ([]*Learning, error) {
	out, err := v.notes("learnings")
	out = slices.DeleteFunc(out, func(l *Learning) bool { return l.Status != active && l.Status != "" })
	slices.SortStableFunc(out, func(a, b *Learning) int { return b.Sessions - a.Sessions })
	return out, err
}

// History returns the learnings that are not active any more, by their ids.
func (v *Vault) History() ([]*Learning, error) { return v.notes("retired") }

// notes reads the notes of a folder of the vault, in order of their ids.
func (v *Vault) notes(folder string) ([]*Learning, error) {
	dir := filepath.Join(v.dir, folder)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []*Learning
	var errs []error
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".md" {
			continue
		}
		l, err := v.read(filepath.Join(dir, e.Name()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, l)
	}
	return out, errors.Join(errs...)
}
