package install

import "strings"

// appended is a step that puts a block of lines behind a text that does not have
// it. has, when it is not nil, finds what a person wrote in its place.
func appended(file, block string, has func(text string) bool) Step {
	return Step{File: file, Put: func(text string) (string, error) {
		eol := "\n"
		if strings.Contains(text, "\r\n") {
			eol = "\r\n"
		}
		block := strings.ReplaceAll(block, "\n", eol)
		if strings.Contains(text, block) || has != nil && has(text) {
			return text, nil
		}
		switch {
		case text == "":
			return block, nil
		case !strings.HasSuffix(text, "\n"):
			text += eol
		}
		if !strings.HasSuffix(text, eol+eol) && file != crontab {
			text += eol
		}
		return text + block, nil
	}}
}
