package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"lode/miner"
)

// Proposal is a change of one instruction file with its reasons. It is stored
// as a Markdown document whose front matter holds what programs read, and whose
// diff a person may edit.
type Proposal struct {
	ID       string     `yaml:"id" json:"id"`
	Pattern  string     `yaml:"pattern" json:"pattern"`
	Title    string     `yaml:"title" json:"title"`
	Project  string     `yaml:"project" json:"project"`
	Root     string     `yaml:"root,omitempty" json:"root,omitempty"` // the checkout that the diff is for; "" when none is known
	Target   string     `yaml:"target" json:"target"`                 // the file, relative to the root
	WhyThere string     `yaml:"why_there" json:"why_there"`
	Base     string     `yaml:"base" json:"base"` // hash of the file that the diff is against; "absent" when it is new
	Rule     string     `yaml:"rule" json:"rule"`
	Why      string     `yaml:"why" json:"why"`
	Evidence []Evidence `yaml:"evidence" json:"evidence"`
	Counter  Counter    `yaml:"counter" json:"counter"`
	Budget   Budget     `yaml:"budget" json:"budget"`
	Backtest Backtest   `yaml:"backtest" json:"backtest"`
	Covered  string     `yaml:"covered,omitempty" json:"covered,omitempty"` // a line of the file that says it already
	Fit      Fit        `yaml:"fit" json:"-"`                               // for placing the rule again
	Diff     string     `yaml:"-" json:"diff"`
	Status   Status     `yaml:"-" json:"status"` // from the ledger
}

// Evidence is an occurrence as a proposal shows it.
type Evidence struct {
	Ref   string `yaml:"ref" json:"ref"`
	Hash  string `yaml:"hash" json:"hash"`
	Quote string `yaml:"quote" json:"quote"`
}

// Counter is what speaks against a proposal.
type Counter struct {
	Sessions int      `yaml:"sessions" json:"sessions"`
	Refs     []string `yaml:"refs,omitempty" json:"refs,omitempty"`
}

// Budget is what the file costs its readers, in tokens; Limit is 0 where they
// name none.
type Budget struct {
	Before int `yaml:"before" json:"before"`
	After  int `yaml:"after" json:"after"`
	Limit  int `yaml:"limit" json:"limit"`
}

// Backtest is what the rule would have met in the sessions looked at: sessions
// in which it applies, those in which the failure came, and those that did the
// opposite and were fine.
type Backtest struct {
	Sessions int `yaml:"sessions" json:"sessions"`
	Failed   int `yaml:"failed" json:"failed"`
	Fine     int `yaml:"fine" json:"fine"`
}

// Fit is what of a pattern decides where in a file its rule belongs.
type Fit struct {
	Kind   string   `yaml:"kind"`
	Role   string   `yaml:"role,omitempty"`
	Avoid  string   `yaml:"avoid,omitempty"`
	Use    string   `yaml:"use,omitempty"`
	Agents []string `yaml:"agents,omitempty"`
}

func (f *Fit) pattern() *miner.Pattern {
	p := &miner.Pattern{Kind: f.Kind, Role: f.Role, Entity: f.Avoid}
	if f.Use != "" {
		p.Fix = &miner.Fix{Command: f.Use, InsteadOf: f.Avoid}
	}
	return p
}

// Status is where a proposal stands.
type Status string

// The states of proposals.
const (
	Open      Status = "proposed"
	Accepted  Status = "accepted"
	Rejected  Status = "rejected"
	Snoozed   Status = "snoozed"
	Undone    Status = "undone"
	Withdrawn Status = "withdrawn"
)

// absent is the base of a file that is not there.
const absent = "absent"

// proposalID names the proposal of a pattern.
func proposalID(pattern string) string {
	sum := sha256.Sum256([]byte(pattern))
	return "r-" + hex.EncodeToString(sum[:4])
}

// Draft makes the proposal for a pattern, against the files of a checkout as
// they are now. root may be "": then the diff is that of a new file.
func Draft(p *miner.Pattern, root string) (*Proposal, error) {
	choice := Choose(root, p.Agents)
	d := &Proposal{
		ID: proposalID(p.ID), Pattern: p.ID, Title: p.Title, Project: p.Project, Root: root, Target: choice.File, WhyThere: choice.Why,
		Rule: Word(p), Why: reasons(p), Counter: Counter(p.Counter),
		Backtest: Backtest{Sessions: p.Sessions + p.Counter.Sessions, Failed: p.Sessions, Fine: p.Counter.Sessions},
		Fit:      Fit{Kind: p.Kind, Role: p.Role, Avoid: p.Entity, Agents: p.Agents},
	}
	if p.Fix != nil {
		d.Fit.Use = p.Fix.Command
		if d.Fit.Avoid == "" {
			d.Fit.Avoid = p.Fix.InsteadOf
		}
	}
	for _, e := range p.Evidence {
		d.Evidence = append(d.Evidence, Evidence{e.Ref, e.Hash, e.Quote})
	}
	d.Budget.Limit = choice.Target.Limit
	if d.Rule == "" {
		return nil, fmt.Errorf("pattern %s has no wording", p.ID)
	}
	return d, d.rebase()
}

// rebase makes the diff anew, against the target as it is now.
func (d *Proposal) rebase() error {
	text, err := readTarget(d.Root, d.Target)
	created := errors.Is(err, fs.ErrNotExist)
	if err != nil && !created {
		return err
	}
	p := d.Fit.pattern()
	d.Covered = Covered(text, d.Rule, p)
	after := Place(text, d.Rule, p)
	d.Base = absent
	if !created {
		d.Base = hashOf(text)
	}
	d.Budget.Before, d.Budget.After = Tokens(text), Tokens(after)
	d.Diff, err = Unified(d.Target, text, after, created)
	return err
}

// readTarget reads the file that a proposal changes. Without a root there is none.
func readTarget(root, target string) (string, error) {
	if root == "" {
		return "", fs.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(target)))
	return string(text), err
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// reasons says in a sentence or two why a rule is proposed.
func reasons(p *miner.Pattern) string {
	var b strings.Builder
	seen, told := "Seen", p.Told > 0 && p.Told == p.Occurrences
	if told {
		seen = "Told by a person"
	}
	fmt.Fprintf(&b, "%s %s in %s", seen, times(p.Occurrences), plural(p.Sessions, "session"))
	if p.Days > 0 {
		fmt.Fprintf(&b, " on %s", plural(p.Days, "day"))
	}
	fmt.Fprintf(&b, " of %s", strings.Join(p.Agents, ", "))
	switch {
	case told:
		b.WriteByte('.')
	case p.Told > 0:
		fmt.Fprintf(&b, ", %d of them told by a person; it cost %s and about %d tokens.", p.Told, plural(p.Cost.Calls, "call"), p.Cost.Tokens)
	default:
		fmt.Fprintf(&b, "; it cost %s and about %d tokens.", plural(p.Cost.Calls, "call"), p.Cost.Tokens)
	}
	if p.By != "" {
		fmt.Fprintf(&b, " Found and worded by the analyst %s.", code(p.By))
	}
	if p.Fix != nil {
		fmt.Fprintf(&b, " %s worked instead in %d of them.", code(p.Fix.Command), p.Fix.Sessions)
	}
	return b.String()
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

const (
	diffOpen = "```diff\n"
	diffShut = "```\n"
)

// Print writes the document of a proposal. Parse reads it back.
func Print(d *Proposal) ([]byte, error) {
	front, err := printFront(d, yaml.IndentSequence(false))
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(front)
	fmt.Fprintf(b, "\n# %s\n\n> %s\n\n%s\n\n", d.Title, d.Rule, d.Why)
	fmt.Fprintf(b, "Goes to %s: %s.\n\n## Evidence\n\n", d.Target, d.WhyThere)
	for _, e := range d.Evidence {
		fmt.Fprintf(b, "- `%s` %s\n", e.Ref, escapeMarkdown(e.Quote))
	}
	fmt.Fprintf(b, "\n## Counter-evidence\n\nThe same worked in %s.\n", plural(d.Counter.Sessions, "session"))
	for _, r := range d.Counter.Refs {
		fmt.Fprintf(b, "- `%s`\n", r)
	}
	b.WriteString("\n## Change\n\nThe diff may be edited; what stands here is what is applied.\n\n")
	b.WriteString(diffOpen)
	b.WriteString(fenced(d.Diff))
	b.WriteString(diffShut)
	return b.Bytes(), nil
}

// A diff line never begins with a backtick, so the fence cannot be closed from
// within.
func fenced(diff string) string { return diff }

// escapeMarkdown keeps a quote from being markup.
func escapeMarkdown(s string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;", "#", "\\#", "|", "\\|").Replace(s)
}

// Parse reads the document of a proposal.
func Parse(doc []byte) (*Proposal, error) {
	d := &Proposal{}
	body, err := parseFront(doc, d)
	if err != nil {
		return nil, err
	}
	open := bytes.LastIndex(body, []byte("\n"+diffOpen)) // the last: what a text before it holds is not applied
	if open < 0 {
		return nil, errors.New("no diff: a ```diff fence is missing")
	}
	diff := body[open+len("\n"+diffOpen):]
	end := bytes.Index(append([]byte("\n"), diff...), []byte("\n"+diffShut))
	if end < 0 {
		return nil, errors.New("the diff's fence is not closed")
	}
	d.Diff = string(diff[:end])
	return d, nil
}

// addedRule returns the words of the list items that a diff adds: what a rule
// says after a person edited the diff.
func addedRule(diff string) string {
	var items []string
	removed := make(map[string]bool)
	for line := range strings.Lines(diff) {
		text := strings.TrimRight(line[1:], "\r\n")
		switch m := bulletLine.FindString(text); {
		case line[0] == '-':
			removed[text] = true
		case line[0] == '+' && m != "" && !removed[text]: // a line that only gets its line break is both
			items = append(items, text[2:])
		}
	}
	return strings.Join(items, " ")
}
