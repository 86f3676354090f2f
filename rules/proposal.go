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
	"lode/rules/ground"
)

// Proposal is a change of one instruction file with its reasons. It is stored
// as a Markdown document whose front matter holds what programs read, and whose
// diff a person may edit.
type Proposal struct {
	ID       string         `yaml:"id" json:"id"`
	Pattern  string         `yaml:"pattern" json:"pattern"`
	Patterns []string       `yaml:"patterns,omitempty" json:"patterns,omitempty"` // others that say the same, in other projects
	Title    string         `yaml:"title" json:"title"`
	Project  string         `yaml:"project" json:"project"`
	Scope    string         `yaml:"scope,omitempty" json:"scope,omitempty"` // Everywhere for what goes to the person's own file; "" is the project
	Change   ChangeKind     `yaml:"change,omitempty" json:"change,omitempty"`
	Root     string         `yaml:"root,omitempty" json:"root,omitempty"` // the folder that the diff is for, a checkout or the person's home; "" when none is known
	Target   string         `yaml:"target" json:"target"`                 // the file, relative to the root
	WhyThere string         `yaml:"why_there" json:"why_there"`
	Base     string         `yaml:"base" json:"base"` // hash of the file that the diff is against; "absent" when it is new
	Rule     string         `yaml:"rule" json:"rule"`
	Writer   string         `yaml:"writer,omitempty" json:"writer,omitempty"` // the program that worded it; "" for lode's own templates
	Why      string         `yaml:"why" json:"why"`
	Evidence []Evidence     `yaml:"evidence" json:"evidence"`
	Counter  Counter        `yaml:"counter" json:"counter"`
	Budget   Budget         `yaml:"budget" json:"budget"`
	Backtest Backtest       `yaml:"backtest" json:"backtest"`
	Covered  string         `yaml:"covered,omitempty" json:"covered,omitempty"`   // a line in force that says it already
	Against  string         `yaml:"against,omitempty" json:"against,omitempty"`   // the line that this corrects, removes or replaces
	Grounded []ground.Claim `yaml:"grounded,omitempty" json:"grounded,omitempty"` // what the rule names, and whether the checkout has it
	Fit      Fit            `yaml:"fit" json:"-"`                                 // for placing the rule again
	Diff     string         `yaml:"-" json:"diff"`
	Status   Status         `yaml:"-" json:"status"`           // from the ledger
	Effect   *Measured      `yaml:"-" json:"effect,omitempty"` // of a rule in force, as it was measured last; from Book.Measured

	// Importers are files that do not include the target, whose readers the rule
	// would not reach; each gets a proposal of its own.
	Importers []string `yaml:"importers,omitempty" json:"importers,omitempty"`

	// Worth tells what a line of an instruction file was measured to be worth,
	// from -1, it does harm, to 1, and whether it was measured at all. It is set
	// by the book, see Book.Worth.
	Worth func(line string) (worth float64, measured bool) `yaml:"-" json:"-"`
}

// ChangeKind says what a proposal does to its file.
type ChangeKind = string

// The kinds of changes. Adding a line is the empty kind.
const (
	Correct  ChangeKind = "correct"  // a line that names something wrong
	Remove   ChangeKind = "remove"   // a line that is about nothing else
	Resolve  ChangeKind = "resolve"  // a line that says the opposite becomes the rule
	Import   ChangeKind = "import"   // one instruction file into another
	Escalate ChangeKind = "escalate" // a line that is not followed gets something that cannot be passed over
)

// Everywhere is the scope of what holds in all projects of a person.
const Everywhere = "global"

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
	Before  int    `yaml:"before" json:"before"`
	After   int    `yaml:"after" json:"after"`
	Limit   int    `yaml:"limit" json:"limit"`
	InForce []Load `yaml:"in_force,omitempty" json:"in_force,omitempty"` // what agents of the evidence load there, all files together
	Evicts  string `yaml:"evicts,omitempty" json:"evicts,omitempty"`     // the line that makes room for the rule
}

// Load is what an agent loads in a place, in tokens, before and after a change.
type Load struct {
	Agent  string   `yaml:"agent" json:"agent"`
	Before int      `yaml:"before" json:"before"`
	After  int      `yaml:"after" json:"after"`
	Files  []string `yaml:"files,omitempty" json:"files,omitempty"` // in order
	Over   string   `yaml:"over,omitempty" json:"over,omitempty"`   // what is too much, and by whose word
}

// Backtest is what the rule would have met in the sessions looked at: sessions
// in which it applies, those in which the failure came, and those that did the
// opposite and were fine.
type Backtest struct {
	Sessions int `yaml:"sessions" json:"sessions"`
	Failed   int `yaml:"failed" json:"failed"`
	Fine     int `yaml:"fine" json:"fine"`
}

// Fit is what of a pattern decides what its rule changes and where, so that a
// proposal can be made anew without the pattern.
type Fit struct {
	Kind     string   `yaml:"kind"`
	Class    string   `yaml:"class,omitempty"`
	Role     string   `yaml:"role,omitempty"`
	Subject  string   `yaml:"subject,omitempty"`
	Entity   string   `yaml:"entity,omitempty"`
	Avoid    string   `yaml:"avoid,omitempty"` // what the fix took the place of
	Use      string   `yaml:"use,omitempty"`
	Agents   []string `yaml:"agents,omitempty"`
	Folder   string   `yaml:"folder,omitempty"`   // all evidence is about files below it
	Checkout string   `yaml:"checkout,omitempty"` // of the project
	Home     string   `yaml:"home,omitempty"`     // of the person
	Shared   bool     `yaml:"shared,omitempty"`   // a person named the checkout: it goes there
	Line     string   `yaml:"line,omitempty"`     // the line in force that is not followed
	Words    string   `yaml:"words,omitempty"`    // the rule as the template or the writer has it, where the change is another line
}

// fitOf keeps of a pattern what its rule depends on.
func fitOf(p *miner.Pattern, checkout, home string) Fit {
	f := Fit{Kind: p.Kind, Class: p.Class, Role: p.Role, Subject: p.Subject, Entity: p.Entity, Agents: p.Agents, Folder: p.Folder, Checkout: checkout, Home: home}
	if p.Fix != nil {
		f.Use, f.Avoid = p.Fix.Command, p.Fix.InsteadOf
	}
	return f
}

func (f *Fit) pattern() *miner.Pattern {
	p := &miner.Pattern{Kind: f.Kind, Class: f.Class, Role: f.Role, Subject: f.Subject, Entity: f.Entity, Agents: f.Agents, Folder: f.Folder}
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
	Adopted   Status = "adopted" // accepted, and edited by a person since
	Retired   Status = "retired" // accepted, and deleted by a person since
)

// InForce reports whether the rule is one that agents are to follow.
func (s Status) InForce() bool { return s == Accepted || s == Adopted }

// NeedsHand reports whether a person should look at a proposal: it is to be
// decided on, or it is a rule in force that does not do what it should.
func (d *Proposal) NeedsHand() bool {
	return d.Status == Open || d.Effect != nil && d.Effect.Card.State.NeedsHand()
}

// absent is the base of a file that is not there.
const absent = "absent"

// proposalID names the proposal of a pattern.
func proposalID(pattern string) string {
	sum := sha256.Sum256([]byte(pattern))
	return "r-" + hex.EncodeToString(sum[:4])
}

// Draft makes the proposal for a pattern, against the files of a checkout as
// they are now. root may be "": then the diff is that of a new file. home is the
// person's home folder, for the instruction files there; "" leaves them out.
func Draft(p *miner.Pattern, root, home string) (*Proposal, error) {
	d, err := drafted(p, root, home)
	if err != nil {
		return nil, err
	}
	return d, d.place()
}

// drafted is a proposal without its change.
func drafted(p *miner.Pattern, root, home string) (*Proposal, error) {
	d := &Proposal{
		ID: proposalID(p.ID), Pattern: p.ID, Title: p.Title, Project: p.Project, Rule: Word(p), Why: reasons(p), Counter: Counter(p.Counter),
		Backtest: Backtest{Sessions: max(p.Met, p.Sessions+p.Counter.Sessions), Failed: p.Sessions, Fine: p.Counter.Sessions}, Fit: fitOf(p, root, home),
	}
	for _, e := range p.Evidence {
		d.Evidence = append(d.Evidence, Evidence{e.Ref, e.Hash, e.Quote})
	}
	if d.Rule == "" {
		return nil, fmt.Errorf("pattern %s has no wording", p.ID)
	}
	return d, nil
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
	for _, fact := range d.Facts() {
		fmt.Fprintf(b, "- %s\n", escapeMarkdown(fact))
	}
	b.WriteString("\n## Evidence\n\n")
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
		switch m := bulletLine.FindStringSubmatch(text); {
		case line[0] == '-':
			removed[text] = true
		case line[0] == '+' && m != nil && !removed[text]: // a line that only gets its line break is both
			items = append(items, text[len(m[1]):])
		}
	}
	return strings.Join(items, " ")
}
