package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lode/miner"
	"lode/rules/ground"
	"lode/rules/target"
	"lode/session/redact"
)

// place chooses the file for a proposal's rule and makes the change.
func (d *Proposal) place() error {
	f := &d.Fit
	need := target.Need{Home: f.Home, Root: f.Checkout, Agents: f.Agents, Folder: f.Folder, Everywhere: d.Scope == Everywhere}
	if !need.Everywhere && !f.Shared {
		need.Personal = ofMachine(f.pattern(), d.Rule)
	}
	c := target.Choose(need)
	d.goTo(c.File)
	d.WhyThere, d.Importers = c.Why, c.Importers
	if c.Target != nil {
		d.Budget.Limit = limitOf(c.Target, f.Agents)
	}
	return d.rebase()
}

// goTo sets the target: what begins with ~/ is below the home folder.
func (d *Proposal) goTo(file string) {
	d.Root, d.Target = d.Fit.Checkout, file
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		d.Root, d.Target = d.Fit.Home, rest
	}
}

// file is the target as package target writes it.
func (d *Proposal) file() string {
	if d.Root != d.Fit.Checkout && d.Root == d.Fit.Home {
		return "~/" + d.Target
	}
	return d.Target
}

// limitOf is how many tokens an agent of the evidence loads at most of the
// chain that a target is part of; 0 when none says.
func limitOf(t *target.Target, agents []string) int {
	if slices.Contains(t.Agents, "codex") && (slices.Contains(agents, "codex") || len(agents) == 0 || t.Name == "AGENTS.md") {
		return target.CodexBytes / target.BytesPerToken
	}
	return t.Limit.Bytes / target.BytesPerToken
}

// rebase makes the change anew, against the files as they are now. The target
// stays, unless a line of another file in force stands against the rule: then
// that line is what is changed.
func (d *Proposal) rebase() error {
	switch d.Change {
	case Import:
		return d.rebaseImport()
	case Escalate:
		return d.rebaseEscalation()
	}
	p, rule := d.Fit.pattern(), d.Rule
	if d.Fit.Words != "" {
		rule = d.Fit.Words
	}
	d.Change, d.Against, d.Covered, d.Fit.Words, d.Rule = "", "", "", "", rule
	d.Grounded = groundOf(d.Fit.Checkout, rule, p)
	chains := d.chains(nil)
	if a, ok := d.lineAgainst(chains, rule, p); ok {
		return d.amend(a, rule)
	}
	text, created, err := d.text()
	if err != nil {
		return err
	}
	d.Covered = redact.Text(d.covering(chains, text, rule, p), nil)
	base := text
	if created {
		base = d.frame()
	}
	after := Place(base, rule, p)
	if _, err := Unified(d.Target, text, after, created); errors.Is(err, ErrSecret) {
		after = placeAtEnd(base, rule) // away from the lines that cannot be shown
	}
	d.weigh(text, after)
	if room, line := d.makeRoom(text, after); line != "" {
		after = room
		d.weigh(text, after)
		d.Budget.Evicts = line
	}
	return d.changeTo(text, after, created)
}

// text is the target as it is now, and whether it is still to be made.
func (d *Proposal) text() (text string, created bool, err error) {
	text, err = readTarget(d.Root, d.Target)
	if errors.Is(err, fs.ErrNotExist) {
		return "", true, nil
	}
	return text, false, err
}

// frame is what the target begins with when it is made.
func (d *Proposal) frame() string {
	if t := target.Of(d.file()); t != nil && t.Frame != nil {
		return t.Frame(d.Fit.Folder)
	}
	return ""
}

// changeTo makes the diff.
func (d *Proposal) changeTo(text, after string, created bool) (err error) {
	d.Base = absent
	if !created {
		d.Base = hashOf(text)
	}
	d.Budget.Before, d.Budget.After = Tokens(text), Tokens(after)
	d.Diff, err = Unified(d.Target, text, after, created)
	return err
}

// amend changes the line that stands against the rule.
func (d *Proposal) amend(a against, rule string) error {
	d.goTo(a.file)
	text, created, err := d.text()
	if err != nil || created {
		return err
	}
	after := a.in(text)
	d.Change, d.Against, d.Fit.Words = a.change, strings.TrimSpace(a.line.raw), rule
	d.WhyThere = fmt.Sprintf("line %d of it stands against this: %s", a.line.at+1, a.why)
	if s := statements(a.after); len(s) == 1 {
		d.Rule = s[0].plain
	}
	d.weigh(text, after)
	return d.changeTo(text, after, false)
}

// where is the place that the rule is to be in force in.
func (d *Proposal) where() target.Place {
	p := target.Place{Home: d.Fit.Home, Root: d.Fit.Checkout}
	if d.Fit.Folder != "" {
		p.Opened = []string{path.Join(d.Fit.Folder, "x")}
	}
	return p
}

// chains are what the agents of the evidence load, with other texts in place of
// some files.
func (d *Proposal) chains(instead map[string]string) []target.Chain {
	var chains []target.Chain
	p := d.where()
	p.Instead = instead
	for _, agent := range d.Fit.Agents {
		if c := target.InForce(agent, p); c.Known {
			chains = append(chains, c)
		}
	}
	return chains
}

// lineAgainst finds a line in force that stands against a rule: first in the
// target, then in the order of the chains. Only files of the checkout and the
// person's own are looked at; what is imported from elsewhere is not touched.
func (d *Proposal) lineAgainst(chains []target.Chain, rule string, p *miner.Pattern) (against, bool) {
	files := []string{d.file()}
	for _, c := range chains {
		for _, f := range c.Files {
			if !target.Outside(f.Path) && !slices.Contains(files, f.Path) {
				files = append(files, f.Path)
			}
		}
	}
	there := *d
	for _, file := range files {
		there.goTo(file)
		text, _, err := there.text()
		if err != nil || there.Root == "" {
			continue
		}
		if a, ok := standsAgainst(text, rule, p); ok && !d.stillTrue(p) && there.canAmend(a, text) {
			a.file = file
			return a, true
		}
	}
	return against{}, false
}

// canAmend reports whether a line can be changed: neither it nor the one behind
// it holds a secret, which the diff would show.
func (d *Proposal) canAmend(a against, text string) bool {
	_, err := Unified(d.Target, text, a.in(text), false)
	return err == nil
}

// stillTrue reports whether the checkout has what the evidence did not find.
func (d *Proposal) stillTrue(p *miner.Pattern) bool {
	return p.Kind == "wrong-path" && exists(d.Fit.Checkout, p.Subject)
}

func exists(root, file string) bool {
	if root == "" || !filepath.IsLocal(filepath.FromSlash(file)) {
		return false
	}
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
	return err == nil
}

// listBeside lists files of a folder of the checkout, in order.
func (d *Proposal) listBeside(dir, suffix string) []string {
	var files []string
	entries, _ := os.ReadDir(filepath.Join(d.Fit.Checkout, filepath.FromSlash(dir)))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			files = append(files, path.Join(dir, e.Name()))
		}
	}
	return files
}

// covering returns a line that says already what the rule would, for every
// agent of the evidence: in the target, or in each one's chain.
func (d *Proposal) covering(chains []target.Chain, text, rule string, p *miner.Pattern) string {
	if line := Covered(text, rule, p); line != "" {
		return line
	}
	said := ""
	for _, c := range chains {
		line := ""
		for _, f := range c.Files {
			if line = Covered(f.Text, rule, p); line != "" {
				break
			}
		}
		if line == "" {
			return ""
		}
		said = line
	}
	return said
}

// groundOf checks what a rule names against the checkout. What the rule says is
// not there is no claim.
func groundOf(checkout, rule string, p *miner.Pattern) []ground.Claim {
	var claims []ground.Claim
	for _, c := range ground.Check(checkout, rule) {
		wrong := p.Kind == "wrong-path" && c.Term == p.Subject || p.Fix != nil && strings.HasPrefix(bareCommand(p.Fix.InsteadOf), c.Term) && !strings.HasPrefix(rightTerm(p), c.Term)
		if !wrong {
			claims = append(claims, c)
		}
	}
	return claims
}

// Stale says why a proposal no longer fits the checkout: it names what is not
// there, or calls missing what is there now. It is "" when nothing speaks
// against it, or no checkout is known.
func (d *Proposal) Stale() string {
	if d.stillTrue(d.Fit.pattern()) && d.Fit.Class != miner.NotAFile && d.Fit.Class != miner.GuessedNames && d.Fit.Class != miner.WrongFolder {
		return d.Fit.Subject + " is there now"
	}
	for _, c := range d.Grounded {
		if !c.There {
			return c.Term + " is not in the checkout"
		}
	}
	return ""
}
