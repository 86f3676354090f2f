package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"lode/rules/target"
)

// importOf makes the proposal that one instruction file imports the one that a
// rule goes to, so that agents of the evidence which read only the former load
// it, too. It is nil when the file does so already.
func (n *night) importOf(d *Proposal, file string) (*Proposal, error) {
	if d.Root == "" || d.Change != "" {
		return nil, nil
	}
	sum := sha256.Sum256([]byte("import\x00" + d.Project + "\x00" + file + "\x00" + d.Target))
	i := &Proposal{
		ID: "r-" + hex.EncodeToString(sum[:4]), Pattern: d.Pattern, Title: fmt.Sprintf("%s does not import %s", file, d.Target), Project: d.Project,
		Root: d.Root, Target: file, Change: Import, Rule: "@" + relativeTo(file, d.Target), WhyThere: "what reads it does not read " + d.Target,
		Why:      fmt.Sprintf("The same comes from %s: rules in %s reach all of them once %s imports it. %s", strings.Join(d.Fit.Agents, ", "), d.Target, file, d.Why),
		Evidence: d.Evidence, Counter: d.Counter, Backtest: d.Backtest,
		Fit: Fit{Kind: "import", Agents: d.Fit.Agents, Checkout: d.Fit.Checkout, Home: d.Fit.Home},
	}
	i.Worth = n.Worth
	if err := i.rebase(); err != nil || i.Diff == "" {
		return nil, err
	}
	return i, nil
}

// relativeTo writes a file of the checkout as another one imports it.
func relativeTo(from, to string) string {
	return strings.Repeat("../", strings.Count(path.Clean(from), "/")) + to
}

// rebaseImport adds the line that imports, at the end of the file; nothing where
// it is there.
func (d *Proposal) rebaseImport() error {
	text, created, err := d.text()
	if err != nil {
		return err
	}
	after := text
	for _, imported := range target.Imports(text) {
		if "@"+imported == d.Rule {
			d.Covered = d.Rule
			return d.changeTo(text, after, created)
		}
	}
	eol := "\n"
	if strings.Contains(text, "\r\n") {
		eol = "\r\n"
	}
	if text != "" {
		after = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r") + eol + eol
	}
	after += d.Rule + eol
	d.weigh(text, after)
	return d.changeTo(text, after, created)
}
