package miner

import (
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

// change is what an edit does to one file.
type change struct{ path, removed, added string }

var (
	oldText   = lazyregexp.New(`^old_?(?:[sS]tr(?:ing)?|[tT]ext|[cC]ontent)?:`)
	newText   = lazyregexp.New(`^(?:new_?(?:[sS]tr(?:ing)?|[tT]ext|[cC]ontent)?|content):`)
	patchFile = lazyregexp.New(`^\*\*\* (?:Update|Add|Delete) File: (.+)$`)
)

// changesOf reads the input of an edit as the formats store it: old and new
// text under the names of the tool's parameters, a patch, or blocks to search
// and replace. What a tool writes in another form gives nothing.
func changesOf(e *session.Event) []change {
	var all []change
	c := change{path: e.Command}
	end := func() {
		if c.removed != "" || c.added != "" {
			all = append(all, c)
		}
	}
	text := e.Text
	patch := strings.Contains(text, "*** Begin Patch") || patchFile.MatchString(text) || strings.Contains(text, "\n@@")
	var into *string
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		switch file := patchFile.FindStringSubmatch(bare); {
		case file != nil:
			end()
			c = change{path: file[1]}
		case patch && strings.HasPrefix(line, "-"):
			c.removed += line[1:]
		case patch && strings.HasPrefix(line, "+"):
			c.added += line[1:]
		case patch:
		case strings.HasPrefix(line, "<<<<<<< "):
			into = &c.removed
		case into == &c.removed && bare == "=======":
			into = &c.added
		case strings.HasPrefix(line, ">>>>>>> "):
			into = nil
		case oldText.MatchString(bare):
			into = &c.removed
			*into += strings.TrimPrefix(line[strings.IndexByte(line, ':')+1:], " ")
		case newText.MatchString(bare):
			into = &c.added
			*into += strings.TrimPrefix(line[strings.IndexByte(line, ':')+1:], " ")
		case into != nil:
			*into += line
		}
	}
	end()
	return all
}
