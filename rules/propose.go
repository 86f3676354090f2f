package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lode/miner"
	"lode/rules/target"
)

// Proposed is what Propose did.
type Proposed struct {
	New       []*Proposal // in order of rank
	Waiting   int         // recommended, but more than one night's share
	Covered   []string    // patterns that the instruction files, or other proposals, speak of already
	Stale     []string    // patterns whose rules no longer fit the checkout
	Refused   []error     // files that no rule can be proposed for, because of secrets in them
	Withdrawn []string    // ids of proposals whose evidence no longer opens, or that no longer fit
}

// night is one run of Propose.
type night struct {
	*Book
	rootOf     func(project string) string
	perProject int
	made       map[string]int // proposals of this night, by project
	standing   []*Proposal    // open and accepted, which nothing new may repeat
	res        Proposed
}

// Propose makes proposals for the recommended patterns that have none and were
// not decided on before, at most perProject for each project. Proposals that
// are open are renewed when their evidence or target has changed, unless a
// person edited them. opens says whether a piece of evidence is still there.
func (b *Book) Propose(patterns []miner.Pattern, rootOf func(project string) string, perProject int, opens func(Evidence) bool) (Proposed, error) {
	n := &night{Book: b, rootOf: rootOf, perProject: perProject, made: make(map[string]int)}
	list, _ := b.List() // what cannot be read is told elsewhere
	for _, d := range list {
		if d.Status == Open || d.Status == Snoozed || d.Status.InForce() {
			n.standing = append(n.standing, d)
		}
	}
	for _, one := range n.bundles(patterns) {
		if err := n.consider(one); err != nil {
			return n.res, err
		}
	}
	return n.res, b.withdraw(&n.res, opens)
}

// consider makes or renews the proposal of a bundle, and those that it needs
// beside it.
func (n *night) consider(one bundle) error {
	d, err := n.draft(one)
	if errors.Is(err, ErrSecret) {
		n.res.Refused = append(n.res.Refused, fmt.Errorf("%s: %w", one.lead.Project, err))
	}
	if err != nil {
		return nil // no wording is fit; mine says so
	}
	if err := n.settle(d, one.lead); err != nil {
		return err
	}
	if d.Covered != "" {
		return n.escalate(d, one.lead)
	}
	for _, file := range d.Importers {
		beside, err := n.importOf(d, file)
		if err != nil {
			return err
		}
		if beside != nil {
			if err := n.settle(beside, one.lead); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle proposes a draft, renews the proposal that there is, or notes why
// there will be none.
func (n *night) settle(d *Proposal, p *miner.Pattern) error {
	status := n.Ledger.StatusOf(d.ID, n.Now)
	isNew := status == "" || n.reopened(d.ID)
	stale := d.Stale()
	switch {
	case isNew && n.turnedDown(d, p.Sessions):
	case isNew && stale != "":
		n.res.Stale = append(n.res.Stale, p.ID)
	case isNew && (d.Covered != "" || n.repeats(d)):
		n.res.Covered = append(n.res.Covered, p.ID)
	case isNew && n.made[p.Project] >= n.perProject:
		n.res.Waiting++
	case isNew:
		n.made[p.Project]++
		if err := n.propose(d, p.Sessions); err != nil {
			return err
		}
		n.res.New = append(n.res.New, d)
		n.standing = append(n.standing, d)
	case stale != "" && status == Open && !n.edited(d):
		n.res.Withdrawn = append(n.res.Withdrawn, d.ID)
		return n.Ledger.Append(n.entry(EvWithdrawn, d, func(e *Entry) { e.Who, e.Reason = "lode", stale }))
	case status == Open:
		return n.renew(d)
	}
	return nil
}

// repeats reports whether another proposal that stands says the same to the
// same readers: with the same words, most of the words, or the same detector.
func (n *night) repeats(d *Proposal) bool {
	return slices.ContainsFunc(n.standing, func(o *Proposal) bool {
		if o.ID == d.ID || d.Project != o.Project && d.Scope != Everywhere && o.Scope != Everywhere && (d.Root == "" || d.Root != o.Root || d.Target != o.Target) {
			return false
		}
		return o.Diff != "" && o.Diff == d.Diff && o.Root == d.Root || sameRule(o.Rule, d.Rule) || o.Change == d.Change && sameDetector(&o.Fit, &d.Fit)
	})
}

// sameDetector reports whether the same would be watched for.
func sameDetector(a, b *Fit) bool {
	return a.Subject != "" && a.Kind == b.Kind && a.Class == b.Class && a.Subject == b.Subject && a.Entity == b.Entity && a.Use == b.Use
}

// bundle is a pattern with those of other projects that say the same of a
// person or of agents.
type bundle struct {
	lead   *miner.Pattern
	others []*miner.Pattern
}

// growth is how much more evidence than at the time of a rejection makes lode
// ask again.
const growth = 2

// wanted reports whether a pattern may be proposed, or is proposed already.
func (b *Book) wanted(p *miner.Pattern) bool {
	id := proposalID(p.ID)
	switch b.Ledger.StatusOf(id, b.Now) {
	case Accepted, Adopted, Retired, Snoozed:
		return false
	case Rejected, Undone, Withdrawn:
		e, _ := b.Ledger.Last(id, EvRejected, EvUndone, EvWithdrawn)
		return p.Sessions >= growth*max(e.Sessions, 1)
	}
	return true
}

// turnedDown reports whether the same words were decided against for another
// pattern of the project, and the evidence has not clearly grown since.
func (b *Book) turnedDown(d *Proposal, sessions int) bool {
	for i := range b.Ledger.Entries {
		e := &b.Ledger.Entries[i]
		if e.Proposal == d.ID || e.Project != d.Project || e.Rule == "" || miner.LineMark(e.Rule) != miner.LineMark(d.Rule) {
			continue
		}
		switch e.Event {
		case EvRetired:
			return true
		case EvRejected, EvUndone:
			if against := b.Ledger.StatusOf(e.Proposal, b.Now); (against == Rejected || against == Undone) && sessions < growth*max(e.Sessions, 1) {
				return true
			}
		}
	}
	return false
}

func (b *Book) reopened(id string) bool {
	switch b.Ledger.StatusOf(id, b.Now) {
	case Rejected, Undone, Withdrawn:
		return true
	}
	return false
}

// bundles lists what is to be proposed, in order of rank. What is about the
// person or the agent, not about a project, and recurs in several projects is
// one: led by the pattern that has a proposal already, else by the first.
func (n *night) bundles(patterns []miner.Pattern) []bundle {
	same := make(map[string][]*miner.Pattern) // by wording
	var list []*miner.Pattern
	for i := range patterns {
		p := &patterns[i]
		if !p.Recommended || !n.wanted(p) {
			continue
		}
		list = append(list, p)
		if words := Word(p); words != "" && p.Population == "" && p.OfPerson() {
			same[words] = append(same[words], p)
		}
	}
	var out []bundle
	for _, p := range list {
		one := bundle{lead: p}
		if members := same[Word(p)]; slices.Contains(members, p) && n.anywhere(members) {
			one = n.led(members)
			if members[0] != p {
				continue
			}
		}
		out = append(out, one)
	}
	return out
}

// anywhere reports whether patterns come from several projects, and their
// agents have a file that is read in all of them.
func (n *night) anywhere(members []*miner.Pattern) bool {
	if len(members) < 2 {
		return false
	}
	c := target.Choose(target.Need{Home: n.Home, Agents: agentsOf(members), Everywhere: true})
	return strings.HasPrefix(c.File, "~/")
}

func (n *night) led(members []*miner.Pattern) bundle {
	lead := 0
	for i, p := range members {
		if n.Ledger.StatusOf(proposalID(p.ID), n.Now) == Open {
			lead = i
			break
		}
	}
	return bundle{members[lead], slices.Concat(members[:lead], members[lead+1:])}
}

func agentsOf(members []*miner.Pattern) []string {
	var all []string
	for _, p := range members {
		all = append(all, p.Agents...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// draft makes the proposal of a bundle.
func (n *night) draft(one bundle) (*Proposal, error) {
	p := one.lead
	if len(one.others) > 0 {
		p = joined(one)
	}
	d, err := drafted(p, n.rootOf(p.Project), n.Home)
	if err != nil {
		return nil, err
	}
	d.Worth = n.Worth
	if len(one.others) > 0 {
		d.Scope = Everywhere
		names := []string{one.lead.Project}
		for _, o := range one.others {
			d.Patterns = append(d.Patterns, o.ID)
			if !slices.Contains(names, o.Project) {
				names = append(names, o.Project)
			}
		}
		d.Why += fmt.Sprintf(" It recurs in %d projects: %s.", len(names), strings.Join(names, ", "))
	}
	n.reworded(d)
	return d, d.place()
}

// joined is the pattern of a bundle as a whole. Evidence of each project comes
// in turn.
func joined(one bundle) *miner.Pattern {
	p := *one.lead
	all := append([]*miner.Pattern{one.lead}, one.others...)
	p.Agents, p.Evidence, p.Counter.Refs, p.Folder = agentsOf(all), nil, slices.Clone(p.Counter.Refs), ""
	for _, o := range one.others {
		p.Sessions += o.Sessions
		p.Met += o.Met
		p.Occurrences += o.Occurrences
		p.Told += o.Told
		p.Days = max(p.Days, o.Days)
		p.Cost.Calls += o.Cost.Calls
		p.Cost.Tokens += o.Cost.Tokens
		p.Counter.Sessions += o.Counter.Sessions
		p.Counter.Refs = append(p.Counter.Refs, o.Counter.Refs...)
	}
	for i := 0; len(p.Evidence) < maxEvidence; i++ {
		before := len(p.Evidence)
		for _, o := range all {
			if i < len(o.Evidence) && len(p.Evidence) < maxEvidence {
				p.Evidence = append(p.Evidence, o.Evidence[i])
			}
		}
		if len(p.Evidence) == before {
			break
		}
	}
	return &p
}

// maxEvidence is how many occurrences a proposal shows.
const maxEvidence = 10
