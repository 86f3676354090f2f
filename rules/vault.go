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
// that people can keep it in Obsidian or in a repository.
type Vault struct {
	dir string
}

// Learning is one note of the vault.
type Learning struct {
	ID       string   `yaml:"id" json:"id"`
	Title    string   `yaml:"title" json:"title"`
	Project  string   `yaml:"project" json:"project"`
	Scope    string   `yaml:"scope" json:"scope"`
	Status   string   `yaml:"status" json:"status"` // active or retired
	Tags     []string `yaml:"tags" json:"tags"`
	Created  string   `yaml:"created" json:"created"`
	Pattern  string   `yaml:"pattern" json:"pattern"`
	Proposal string   `yaml:"proposal" json:"proposal"`
	Target   string   `yaml:"target" json:"target"`
	Sessions int      `yaml:"sessions" json:"sessions"` // of the evidence; the order in briefs
	Rule     string   `yaml:"rule" json:"rule"`
	Body     string   `yaml:"-" json:"-"`
}

// learningID names the learning of a proposal.
func learningID(proposal string) string { return "l" + strings.TrimPrefix(proposal, "r") }

func (v *Vault) file(id string, retired bool) string {
	dir := "learnings"
	if retired {
		dir = "retired"
	}
	return filepath.Join(v.dir, dir, id+".md")
}

// Add writes the learning of an accepted proposal.
func (v *Vault) Add(d *Proposal, now time.Time) error {
	l := &Learning{ID: learningID(d.ID), Title: d.Title, Project: d.Project, Scope: cmp.Or(d.Scope, "project"), Status: "active",
		Tags: []string{"lode", tag(d.Fit.Kind)}, Created: now.Format(time.DateOnly), Pattern: d.Pattern, Proposal: d.ID,
		Target: d.Target, Sessions: d.Backtest.Failed, Rule: d.Rule}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n## Evidence\n\n", d.Rule, d.Why)
	for _, e := range d.Evidence {
		fmt.Fprintf(&b, "- `%s` %s\n", e.Ref, escapeMarkdown(e.Quote))
	}
	l.Body = b.String()
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
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(file, doc, 0o600)
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
	id := learningID(d.ID)
	doc, err := os.ReadFile(v.file(id, false))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if at := statusLine.FindIndex(doc); at != nil {
		doc = slices.Concat(doc[:at[0]], []byte("status: retired"), doc[at[1]:])
	}
	doc = fmt.Appendf(doc, "\nRetired on %s.\n", now.Format(time.DateOnly))
	if err := v.write(v.file(id, true), doc); err != nil {
		return err
	}
	return os.Remove(v.file(id, false))
}

// List returns the active learnings, those with the most evidence first. Notes
// that cannot be read are named in the error, beside the others.
func (v *Vault) List() ([]*Learning, error) {
	dir := filepath.Join(v.dir, "learnings")
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
		} else if l.Status != "retired" {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b *Learning) int { return b.Sessions - a.Sessions })
	return out, errors.Join(errs...)
}

// Brief writes what holds for a project, as many learnings as a budget of
// tokens takes, and returns which. No learning gives no text.
func Brief(learnings []*Learning, project func(name string) bool, budget int) (string, []string) {
	const heading = session.EchoMark + " learned in this project:\n"
	var b strings.Builder
	var ids []string
	left := budget - Tokens(heading)
	for _, l := range learnings {
		line := fmt.Sprintf("- %s (%s)\n", l.Rule, l.ID)
		if l.Scope != "global" && !project(l.Project) || Tokens(line) > left {
			continue
		}
		left -= Tokens(line)
		b.WriteString(line)
		ids = append(ids, l.ID)
	}
	if len(ids) == 0 {
		return "", nil
	}
	return heading + b.String(), ids
}
