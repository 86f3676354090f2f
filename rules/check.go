package rules

import (
	"fmt"
	"strings"

	"lode/miner"
	"lode/rules/ground"
	"lode/session/lazyregexp"
)

// Problem is something that is not right any more with a learning.
type Problem struct {
	ID      string `json:"id"`
	Project string `json:"project,omitempty"`
	What    string `json:"what"`
	Hint    string `json:"hint,omitempty"`
	Stale   bool   `json:"stale"` // the tree says otherwise than the learning
}

// Checked is the outcome of checking a vault.
type Checked struct {
	Notes    int       `json:"notes"`
	Grounded int       `json:"grounded"` // that were compared with a checkout
	Problems []Problem `json:"problems"`
}

// Check compares the active learnings with the world: what their rules name is
// in the checkout now (rootOf gives it, "" where none is known), their evidence
// opens (opens), no other says the same, and what takes their place is there.
func (v *Vault) Check(rootOf func(project string) string, opens func(ref string) bool) (Checked, error) {
	list, err := v.List()
	c := Checked{Notes: len(list), Problems: []Problem{}}
	for i, l := range list {
		add := func(stale bool, hint, format string, args ...any) {
			c.Problems = append(c.Problems, Problem{l.ID, l.Project, fmt.Sprintf(format, args...), hint, stale})
		}
		if l.Rule == "" {
			add(false, "write rule: into its front matter", "it has no rule: no brief hands it out")
		}
		if root := rootOf(l.Project); root != "" && l.Scope != GlobalScope {
			c.Grounded++
			for _, what := range Stale(root, l.Rule) {
				add(true, fmt.Sprintf("lode vault retire %s, or edit the note", l.ID), "%s", what)
			}
		}
		if len(l.Evidence) > 0 && opens != nil && !anyOpens(l.Evidence, opens) {
			add(false, "lode search finds what is still there", "none of its evidence opens any more")
		}
		for _, other := range list[:i] {
			if l.home() == other.home() && (miner.LineMark(l.Rule) == miner.LineMark(other.Rule) || alike(l.Rule, other.Rule) && alike(other.Rule, l.Rule)) {
				add(false, fmt.Sprintf("lode vault retire %s --into %s", l.ID, other.ID), "it says the same as %s", other.ID)
			}
		}
	}
	gone, err2 := v.History()
	for _, l := range gone {
		if l.ReplacedBy == "" {
			continue
		}
		if _, err := v.Find(l.ReplacedBy); err != nil {
			c.Problems = append(c.Problems, Problem{l.ID, l.Project, "what takes its place is not there: " + l.ReplacedBy, "", false})
		}
	}
	if err == nil {
		err = err2
	}
	return c, err
}

func anyOpens(refs []string, opens func(string) bool) bool {
	for _, r := range refs {
		if opens(r) {
			return true
		}
	}
	return false
}

// What a rule says is not there, and what it says is not to be used: the latter
// may be there or not.
var (
	saysMissing = lazyregexp.New("(?i)\\bthere is no `([^`]+)`")
	saysAgainst = lazyregexp.New("(?i)\\b(?:not with|instead of|never|do not|don't|without)\\b[^.;:`]*`([^`]+)`")
)

// Stale lists what of a rule a checkout contradicts: what it names and is not
// there, and what it says is not there and is. Without a checkout there is
// nothing to say.
func Stale(root, rule string) []string {
	var out []string
	against := make(map[string]bool)
	for _, m := range saysAgainst.FindAllStringSubmatch(rule, -1) {
		against[m[1]] = true
	}
	for _, m := range saysMissing.FindAllStringSubmatch(rule, -1) {
		against[m[1]] = true
		for _, c := range ground.Code(root, m[1]) {
			if c.There {
				out = append(out, fmt.Sprintf("it says that there is no `%s`, but there is", c.Term))
			}
		}
	}
	said := rule
	for term := range against {
		said = strings.ReplaceAll(said, "`"+term+"`", "")
	}
	for _, c := range ground.Check(root, said) {
		switch {
		case c.There:
		case c.Kind == ground.Task && c.In != "":
			out = append(out, fmt.Sprintf("`%s` is not in %s", c.Term, c.In))
		default:
			out = append(out, fmt.Sprintf("there is no `%s` in the checkout", c.Term))
		}
	}
	return out
}
