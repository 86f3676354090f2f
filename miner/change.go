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
	path := e.Command
	var removed, added strings.Builder
	end := func() {
		if removed.Len() > 0 || added.Len() > 0 {
			all = append(all, change{path, removed.String(), added.String()})
		}
		removed.Reset()
		added.Reset()
	}
	text := e.Text
	patch := strings.Contains(text, "*** Begin Patch") || patchFile.MatchString(text) || strings.Contains(text, "\n@@")
	var into *strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		switch file := patchFile.FindStringSubmatch(bare); {
		case file != nil:
			end()
			path = file[1]
		case patch && strings.HasPrefix(line, "-"):
			removed.WriteString(line[1:])
		case patch && strings.HasPrefix(line, "+"):
			added.WriteString(line[1:])
		case patch:
		case strings.HasPrefix(line, "<<<<<<< "):
			into = &removed
		case into == &removed && bare == "=======":
			into = &added
		case strings.HasPrefix(line, ">>>>>>> "):
			into = nil
		case oldText.MatchString(bare):
			into = &removed
			into.WriteString(strings.TrimPrefix(line[strings.IndexByte(line, ':')+1:], " "))
		case newText.MatchString(bare):
			into = &added
			into.WriteString(strings.TrimPrefix(line[strings.IndexByte(line, ':')+1:], " "))
		case into != nil:
			into.WriteString(line)
		}
	}
	end()
	return all
}
