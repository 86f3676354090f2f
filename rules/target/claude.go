package target

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// claudeMD is CLAUDE.md.
var claudeMD = &Target{
	Name:   "CLAUDE.md",
	Doc:    "read by Claude Code, with what it imports; in folders below the working folder when a file there is read",
	Reach:  Project,
	Globs:  []string{"**/CLAUDE.md", "**/.claude/CLAUDE.md"},
	Agents: []string{"claude"},
	Limit:  Limit{Lines: 200, Whose: "Claude Code advises"},
	File:   at("CLAUDE.md"),
}

// claudeRules are files whose front matter names the paths that they are for.
var claudeRules = &Target{
	Name:   ".claude/rules/*.md",
	Doc:    "read by Claude Code when it works on files that paths: in the front matter matches, or always when it has none",
	Reach:  ByPath,
	Globs:  []string{"**/.claude/rules/**/*.md"},
	Agents: []string{"claude"},
	Limit:  Limit{Lines: 200, Whose: "Claude Code advises"},
	File:   func(folder string) string { return ".claude/rules/" + slug(folder) + ".md" },
	Frame: func(folder string) string {
		if folder == "" {
			return ""
		}
		return fmt.Sprintf("---\npaths:\n  - %q\n---\n\n", folder+"/**")
	},
}

// claudeLocal is a person's own file in a checkout, which is not committed.
var claudeLocal = &Target{
	Name:   "CLAUDE.local.md",
	Doc:    "read by Claude Code after CLAUDE.md; one person's, kept out of git",
	Reach:  Personal,
	Globs:  []string{"**/CLAUDE.local.md"},
	Agents: []string{"claude"},
	Limit:  Limit{Lines: 200, Whose: "Claude Code advises"},
	File:   at("CLAUDE.local.md"),
}

// claudeUser is what Claude Code reads in every project.
var claudeUser = &Target{
	Name: "~/.claude/CLAUDE.md", Doc: "read by Claude Code in every project of this person", Reach: Personal,
	Globs: []string{"~/.claude/CLAUDE.md", "~/.claude/rules/**/*.md"}, Agents: []string{"claude"},
	Limit: Limit{Lines: 200, Whose: "Claude Code advises"}, File: only("~/.claude/CLAUDE.md"),
}

// claudeHops is how deep Claude Code follows imports.
const claudeHops = 5

// loadClaude: the user's CLAUDE.md and rules; then in each folder from the top
// of the file system to the working folder CLAUDE.md, .claude/CLAUDE.md, rules
// without paths and CLAUDE.local.md, each followed by its imports, which must
// be in the project; without any of these, AGENTS.md (since 2.1.277). With files
// that are read come the CLAUDE.md of their folders and the rules whose paths
// match. Seen in requests of 2.1.197 and 2.1.328.
func loadClaude(w *walk) {
	w.withImports("~/.claude/CLAUDE.md", ofUser, claudeHops)
	for _, file := range w.glob("~/.claude/rules/**/*.md") {
		w.claudeRule(file, "", ofUser)
	}
	own := false
	for _, dir := range append(w.above(), w.folders()...) {
		for _, name := range []string{"CLAUDE.md", ".claude/CLAUDE.md"} {
			own = w.withImports(path.Join(dir, name), ofProject, claudeHops) || own
		}
		for _, file := range w.glob(path.Join(dir, ".claude/rules/**/*.md")) {
			w.claudeRule(file, dir, ofProject)
		}
		own = w.withImports(path.Join(dir, "CLAUDE.local.md"), ofUser, claudeHops) || own
	}
	if !own {
		for _, dir := range w.folders() {
			w.withImports(path.Join(dir, "AGENTS.md"), ofProject, claudeHops)
		}
	}
	for _, dir := range w.below() {
		for _, name := range []string{"CLAUDE.md", ".claude/CLAUDE.md"} {
			w.withImports(path.Join(dir, name), below(dir), claudeHops)
		}
		for _, file := range w.glob(path.Join(dir, ".claude/rules/**/*.md")) {
			w.claudeRule(file, dir, ofProject)
		}
	}
}

// claudeRule adds a rule file when it names no paths, or one that was opened.
// Its globs are relative to the folder that holds .claude.
func (w *walk) claudeRule(file, dir, always string) {
	text, _ := w.read(file)
	var front struct{ Paths globList }
	if err := frontMatter(text, &front); err != nil || len(front.Paths) == 0 {
		w.withImports(file, always, claudeHops)
		return
	}
	for i, glob := range front.Paths {
		front.Paths[i] = path.Join(dir, glob)
	}
	if w.opened(front.Paths) {
		w.withImports(file, "for "+strings.Join(front.Paths, ", "), claudeHops)
	}
}

// withImports adds a file and what it imports with @path. Files of the project
// can import only what is in the project: Claude Code leaves out the rest until
// it is approved.
func (w *walk) withImports(file, why string, hops int) bool {
	if !w.add(file, why) {
		return false
	}
	if hops == 0 {
		return true
	}
	f := w.files[len(w.files)-1]
	for _, imported := range Imports(f.Text) {
		at := imported
		if !strings.HasPrefix(at, "~/") && !Outside(at) {
			at = path.Join(path.Dir(f.Path), at)
		}
		inside := !strings.HasPrefix(at, "~/") && !strings.HasPrefix(at, "../") && !Outside(at)
		if inside || strings.HasPrefix(f.Path, "~/") {
			w.withImports(at, "imported by "+f.Path, hops-1)
		}
	}
	return true
}

// Imports returns the files that a text includes with @path, which Claude Code,
// Gemini and Qwen replace by the file: outside code, anywhere in a line.
func Imports(text string) []string {
	var found []string
	fence := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if mark := fenceOf(line); mark != "" && (fence == "" || strings.HasPrefix(mark, fence)) {
			if fence == "" {
				fence = mark
			} else {
				fence = ""
			}
			continue
		}
		if fence != "" {
			continue
		}
		for i, part := range strings.Split(line, "`") {
			if i%2 == 1 {
				continue // a code span
			}
			for word := range strings.FieldsSeq(part) {
				p, ok := strings.CutPrefix(strings.TrimLeft(word, "("), "@")
				p = strings.TrimRight(p, ".,;:)")
				if ok && strings.ContainsAny(p, "./") && !slices.Contains(found, path.Clean(p)) {
					found = append(found, path.Clean(p))
				}
			}
		}
	}
	return found
}

// fenceOf returns the characters that open or close a block of code, or "".
func fenceOf(line string) string {
	for _, c := range []string{"`", "~"} {
		if mark := line[:len(line)-len(strings.TrimLeft(line, c))]; len(mark) >= 3 {
			return mark
		}
	}
	return ""
}
