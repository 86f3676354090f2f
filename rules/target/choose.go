package target

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Need is what a rule is about, which decides where it belongs.
type Need struct {
	Home, Root string
	Agents     []string // of the evidence
	Folder     string   // all evidence is about files below it; "" for the whole project
	Inside     bool     // the sessions ran in that folder, too
	Personal   string   // why the rule is one person's or one machine's; "" when it is the project's
	Everywhere bool     // it holds in all projects of this person
}

// Choice is the file that a rule goes to, and why.
type Choice struct {
	Target *Target
	File   string // relative to the root; below the home folder it begins with ~/
	New    bool   // it is not there yet
	Frame  string // what it begins with when it is made
	Why    string
	// Importers are files that should import File, so that all agents of the
	// evidence load it.
	Importers []string
	Unread    []string // agents of the evidence that will not load it by themselves
}

// Choose picks the file for a rule: one that the agents of the evidence load
// where the evidence comes from, nearest to what it is about; one that is there
// before one that would have to be made; one that all of them load before one
// for each.
func Choose(n Need) Choice {
	c := n.choose()
	if text := n.frameOf(c); c.New {
		c.Frame = text
	}
	return c
}

func (n *Need) choose() Choice {
	if n.Everywhere || n.Personal != "" {
		if c, ok := n.personal(); ok {
			return c
		}
	}
	if n.Folder != "" && n.Root != "" {
		if c, ok := n.local(); ok {
			return c
		}
	}
	return n.shared()
}

// frameOf is what a new file begins with.
func (n *Need) frameOf(c Choice) string {
	if c.Target == nil || c.Target.Frame == nil {
		return ""
	}
	return c.Target.Frame(n.Folder)
}

// known lists the agents of the evidence that are known to load something.
func (n *Need) known() []string {
	return slices.DeleteFunc(slices.Clone(n.Agents), func(agent string) bool { return !InForce(agent, Place{}).Known })
}

// place is where the rule is to be in force.
func (n *Need) place() Place {
	p := Place{Home: n.Home, Root: n.Root}
	if n.Folder != "" {
		p.Opened = []string{path.Join(n.Folder, "x")}
		if n.Inside {
			p.Dir = n.Folder
		}
	}
	return p
}

// loads lists those of the agents that load a file in a place.
func loads(agents []string, p Place, file string) []string {
	var who []string
	for _, agent := range agents {
		if c := InForce(agent, p); c.Find(file) != nil && c.Find(file).Lost == 0 {
			who = append(who, agent)
		}
	}
	return who
}

// with is the place as if a file stood there.
func (p Place) with(file, text string) Place {
	p.Instead = maps.Clone(p.Instead)
	if p.Instead == nil {
		p.Instead = make(map[string]string)
	}
	p.Instead[file] = text
	return p
}

// personal finds the file of the person: in the checkout where the agent has
// one there, else the one for all projects.
func (n *Need) personal() (Choice, bool) {
	for _, t := range Table {
		if t.Reach != Personal || !slices.ContainsFunc(n.Agents, func(a string) bool { return slices.Contains(t.Agents, a) }) {
			continue
		}
		file := t.File("")
		inHome := strings.HasPrefix(file, "~/")
		if n.Everywhere && !inHome || inHome && n.Home == "" || !inHome && n.Root == "" {
			continue
		}
		c := Choice{Target: t, File: file, New: !n.there(file)}
		for _, agent := range n.known() {
			if !slices.Contains(t.Agents, agent) {
				c.Unread = append(c.Unread, agent)
			}
		}
		c.Why = n.Personal
		if n.Everywhere {
			c.Why = "it recurs in several projects, so it goes to the person's own file, once"
		} else {
			c.Why += ", so it is kept out of what the project shares"
		}
		c.Why += unread(c.Unread)
		return c, true
	}
	return Choice{}, false
}

// unread says who does not load a file.
func unread(agents []string) string {
	if len(agents) == 0 {
		return ""
	}
	return "; " + list(agents) + " " + verb(agents, "does", "do") + " not read it"
}

func (n *Need) there(file string) bool {
	w := walk{Place: Place{Home: n.Home, Root: n.Root}}
	_, ok := w.read(file)
	return ok
}

// local finds a file for one folder: one in force there that is not in force
// elsewhere, the nearest first; else one that would be.
func (n *Need) local() (Choice, bool) {
	agents, here := n.known(), n.place()
	if len(agents) == 0 {
		return Choice{}, false
	}
	everywhere := Place{Home: n.Home, Root: n.Root}
	var best string
	for _, f := range InForce(agents[0], here).Files {
		t := Of(f.Path)
		if t == nil || t.Reach == Personal || !inProject(f.Path) || len(loads(agents, here, f.Path)) < len(agents) || len(loads(agents, everywhere, f.Path)) > 0 {
			continue
		}
		if best == "" || strings.Count(f.Path, "/") >= strings.Count(best, "/") {
			best = f.Path
		}
	}
	if best != "" {
		return Choice{Target: Of(best), File: best, Why: "all of the evidence is about " + n.Folder + ", and this file is in force there only"}, true
	}
	var made []*Target
	for _, reach := range []Reach{ByPath, Project} {
		for _, t := range Table {
			if t.Reach == reach {
				made = append(made, t)
			}
		}
	}
	for _, t := range made {
		file := t.File(n.Folder)
		text := "x"
		if t.Frame != nil {
			text = t.Frame(n.Folder) + text
		}
		if n.there(file) || len(loads(agents, here.with(file, text), file)) < len(agents) || len(loads(agents, everywhere.with(file, text), file)) > 0 {
			continue
		}
		return Choice{Target: t, File: file, New: true, Why: "all of the evidence is about " + n.Folder + ": there " + list(agents) + " " + verb(agents, "loads", "load") + " it, and nowhere else"}, true
	}
	return Choice{}, false
}

// candidate is a file of the project and who loads it.
type candidate struct {
	file     string
	readers  []string // of the evidence
	all      int      // agents that load it, of those that are known
	imported string   // by which file
	linked   bool
	kind     int // its place in Table
}

// shared finds the file for the whole project.
func (n *Need) shared() Choice {
	p := Place{Home: n.Home, Root: n.Root}
	agents := n.known()
	there := n.candidates(p, agents)
	if len(there) > 0 && len(there[0].readers) == len(agents) {
		return n.existing(there[0], len(there))
	}
	if len(agents) > 1 || len(agents) == 0 && len(there) == 0 {
		return n.commonFile(p, agents, there)
	}
	return n.ownFile(p, agents, there)
}

// candidates lists the instruction files of the project, the best first: what
// most agents of the evidence load, then what most agents load at all.
func (n *Need) candidates(p Place, agents []string) []candidate {
	found := make(map[string]*candidate)
	for _, l := range Loaders {
		for _, f := range InForce(l.Agents[0], p).Files {
			t := Of(f.Path)
			if !inProject(f.Path) || t != nil && t.Reach != Project {
				continue
			}
			c := found[f.Path]
			if c == nil {
				c = &candidate{file: f.Path, kind: len(Table)}
				if t != nil {
					c.kind = slices.Index(Table, t)
				}
				found[f.Path] = c
			}
			c.all += len(l.Agents)
			if by, ok := strings.CutPrefix(f.Why, "imported by "); ok {
				c.imported = by
			}
			if by, ok := strings.CutPrefix(f.Why, "linked from "); ok {
				c.imported, c.linked = by, true
			}
			if f.Lost > 0 {
				continue // what is added would be cut away
			}
			for _, agent := range l.Agents {
				if slices.Contains(agents, agent) {
					c.readers = append(c.readers, agent)
				}
			}
		}
	}
	list := make([]candidate, 0, len(found))
	for _, c := range found {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b candidate) int {
		if len(agents) == 0 && a.kind != b.kind { // nobody knows who reads it
			return cmp.Compare(a.kind, b.kind)
		}
		return cmp.Or(cmp.Compare(len(b.readers), len(a.readers)), cmp.Compare(b.all, a.all), cmp.Compare(a.kind, b.kind),
			cmp.Compare(len(a.file), len(b.file)), cmp.Compare(a.file, b.file))
	})
	return list
}

// inProject reports whether a path is below the root.
func inProject(file string) bool { return !strings.HasPrefix(file, "~/") && !Outside(file) }

// existing chooses a file that is there.
func (n *Need) existing(c candidate, of int) Choice {
	choice := Choice{Target: Of(c.file), File: c.file}
	if choice.Target == nil {
		choice.Target = agentsMD // some text that others include
	}
	agents := n.known()
	switch {
	case c.linked:
		choice.Why = c.imported + " is a link to it, so that all agents read it"
	case c.imported != "":
		choice.Why = c.imported + " imports it, so that all agents read it"
	case of == 1 || len(agents) == 0:
		choice.Why = "the project has it"
	default:
		choice.Why = "it is what " + list(agents) + " " + verb(agents, "reads", "read")
	}
	return choice
}

// commonFile is AGENTS.md, once for all agents; those that do not load it import
// it into the file that they load.
func (n *Need) commonFile(p Place, agents []string, there []candidate) Choice {
	c := Choice{Target: agentsMD, File: agentsMD.Name, New: !n.there(agentsMD.Name), Why: n.none()}
	with := p
	if c.New {
		with = p.with(c.File, "x")
	}
	readers := loads(agents, with, c.File)
	for _, agent := range agents {
		if slices.Contains(readers, agent) {
			continue
		}
		if importer := n.importer(agent, p); importer != "" {
			c.Importers = append(c.Importers, importer)
		} else {
			c.Unread = append(c.Unread, agent)
		}
	}
	if len(there) > 0 || len(c.Importers) > 0 {
		c.Why = "the evidence comes from " + list(agents) + ": once here"
		if len(c.Importers) > 0 {
			c.Why += ", and imported by " + list(c.Importers)
		}
	}
	c.Why += unread(c.Unread)
	return c
}

// none says why a file is to be made.
func (n *Need) none() string {
	if n.Root == "" {
		return "no checkout of the project is known here; most agents read this one"
	}
	return "the project has no instruction file yet; most agents read this one"
}

// importer names the file in which an agent can import another: its own, when
// the agent expands imports.
func (n *Need) importer(agent string, p Place) string {
	if !slices.Contains([]string{"claude", "gemini", "qwen"}, agent) {
		return ""
	}
	for _, f := range InForce(agent, p).Files {
		if t := Of(f.Path); inProject(f.Path) && t != nil && t.Reach == Project && t != agentsMD {
			return f.Path
		}
	}
	for _, t := range Table {
		if t.Reach == Project && t != agentsMD && slices.Contains(t.Agents, agent) {
			return t.Name
		}
	}
	return ""
}

// ownFile is the file for one agent that loads none of those that are there.
func (n *Need) ownFile(p Place, agents []string, there []candidate) Choice {
	if len(agents) == 0 {
		return n.existing(there[0], len(there))
	}
	for _, t := range Table {
		file := t.File("")
		if t.Reach == Project && len(loads(agents, p.with(file, "x"), file)) > 0 {
			c := Choice{Target: t, File: file, New: !n.there(file), Why: n.none()}
			if t != agentsMD {
				c.Why = "it is what " + agents[0] + " reads"
			}
			switch full := slices.ContainsFunc(there, func(o candidate) bool { return o.file == file }); {
			case full:
				c.Why = "it is what " + agents[0] + " reads, though it does not load all of it"
			case len(there) > 0:
				c.Why = fmt.Sprintf("%s does not read %s", agents[0], there[0].file)
			}
			return c
		}
	}
	c := Choice{Target: conventions, File: conventions.Name, New: !n.there(conventions.Name), Unread: agents, Why: "most projects keep what Aider is told there; name it under read: in .aider.conf.yml"}
	if agents[0] != "aider" {
		c = Choice{Target: agentsMD, File: agentsMD.Name, New: !n.there(agentsMD.Name), Why: "most agents read it"}
	}
	return c
}

// list joins names as a sentence does.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func verb(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}
