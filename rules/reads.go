package rules

import (
	"strings"

	"lode/miner"
	"lode/rules/target"
)

// Reads reports whether an agent that works in a place loads a line from its
// instruction files as they are; known is false where it is not known what the
// agent loads.
func Reads(agent string, p target.Place, line string) (reads, known bool) {
	c := target.InForce(agent, p)
	return c.Holds(line), c.Known
}

// InFiles reports whether a line stands in an instruction file of a checkout
// that any agent loads when it works at its top.
func InFiles(root, line string) bool {
	for _, l := range target.Loaders {
		if reads, _ := Reads(l.Agents[0], target.Place{Root: root}, line); reads {
			return true
		}
	}
	return false
}

// otherFile returns the instruction file of a checkout, other than one, in which
// a line stands.
func otherFile(root, but, line string) string {
	for _, l := range target.Loaders {
		c := target.InForce(l.Agents[0], target.Place{Root: root})
		for i := range c.Files {
			if f := &c.Files[i]; f.Path != but && !strings.HasPrefix(f.Path, "~/") && stands(f.Text, line) {
				return f.Path
			}
		}
	}
	return ""
}

// stands reports whether a text has a line, in whatever list.
func stands(text, rule string) bool {
	mark := miner.LineMark(rule)
	for line := range strings.Lines(text) {
		if miner.LineMark(line) == mark {
			return true
		}
	}
	return false
}
