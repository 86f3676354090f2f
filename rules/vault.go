package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/renameio/v2"
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
	l := &Learning{ID: learningID(d.ID), Title: d.Title, Project: d.Project, Scope: "project", Status: "active",
		Tags: []string{"lode", tag(d.Fit.Kind)}, Created: now.Format(time.DateOnly), Pattern: d.Pattern, Proposal: d.ID,
		Target: d.Target, Sessions: d.Backtest.Failed, Rule: d.Rule}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n## Evidence\n\n", d.Rule, d.Why)
	for _, e := range d.Evidence {
		fmt.Fprintf(&b, "- `%s` %s\n", e.Ref, escapeMarkdown(e.Quote))
	}
	l.Body = b.String()
	return v.write(l)
}

// tag writes a kind as Obsidian takes tags.
func tag(kind string) string {
	if kind == "" {
		return "learning"
	}
	return kind
}

func (v *Vault) write(l *Learning) error {
	doc, err := printLearning(l)
	if err != nil {
		return err
	}
	file := v.file(l.ID, l.Status == "retired")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(file, doc, 0o600)
}

func printLearning(l *Learning) ([]byte, error) {
	front, err := yaml.MarshalWithOptions(l, yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "---\n%s---\n\n# %s\n\n%s", front, l.Title, l.Body), nil
}

func parseLearning(doc []byte) (*Learning, error) {
	rest, ok := bytes.CutPrefix(doc, []byte(frontMark))
	front, body, found := bytes.Cut(rest, []byte("\n"+frontMark))
	if !ok || !found {
		return nil, errors.New("no front matter between --- lines")
	}
	l := &Learning{}
	if err := yaml.Unmarshal(append(front, '\n'), l); err != nil {
		return nil, fmt.Errorf("front matter: %s", yaml.FormatError(err, false, false))
	}
	_, l.Body, _ = strings.Cut(string(body), "\n# "+l.Title+"\n\n")
	return l, nil
}

// Retire moves the learning of a proposal out of what is loaded. Its history
// stays.
func (v *Vault) Retire(d *Proposal, now time.Time) error {
	id := learningID(d.ID)
	doc, err := os.ReadFile(v.file(id, false))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l, err := parseLearning(doc)
	if err != nil {
		return fmt.Errorf("%s: %w", v.file(id, false), err)
	}
	l.Status = "retired"
	l.Body += "\nRetired on " + now.Format(time.DateOnly) + ".\n"
	if err := v.write(l); err != nil {
		return err
	}
	return os.Remove(v.file(id, false))
}

// List returns the active learnings, those with the most evidence first. Notes
// that cannot be read are named in the error, beside the others.
func (v *Vault) List() ([]*Learning, error) {
	files, err := filepath.Glob(filepath.Join(v.dir, "learnings", "*.md"))
	if err != nil {
		return nil, err
	}
	var out []*Learning
	var errs []error
	for _, f := range files {
		doc, err := os.ReadFile(f)
		if err == nil {
			var l *Learning
			if l, err = parseLearning(doc); err == nil {
				if l.Status != "retired" {
					out = append(out, l)
				}
				continue
			}
		}
		errs = append(errs, fmt.Errorf("%s: %w", f, err))
	}
	slices.SortStableFunc(out, func(a, b *Learning) int { return b.Sessions - a.Sessions })
	return out, errors.Join(errs...)
}

// Brief writes what holds for a project, as many learnings as a budget of
// tokens takes, and returns which. No learning gives no text.
func Brief(learnings []*Learning, project func(name string) bool, budget int) (string, []string) {
	const heading = "Learned from past sessions in this project:\n"
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
