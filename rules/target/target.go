// Package target knows the instruction files of coding agents: which kinds
// there are (Table), what an agent really loads of them in a folder (InForce),
// and which one a new rule belongs to (Choose).
//
// It reads checkouts and home folders, and writes nothing. What agents load was
// read from their documentation and, for those that the comments of the loaders
// name, seen in the requests that real clients sent.
package target

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Reach says which sessions a kind of instruction file is for.
type Reach string

// The reaches of instruction files.
const (
	Project   Reach = "project"   // all sessions in a project or folder
	ByPath    Reach = "by path"   // those that touch files which its front matter names
	Personal  Reach = "personal"  // one person's, or one machine's
	Procedure Reach = "procedure" // those that ask for it: several steps, not a line
)

// Target is a kind of instruction file.
type Target struct {
	Name   string   // as AGENTS.md or .claude/rules/*.md
	Doc    string   // who reads it, and when
	Reach  Reach    // which sessions it is for
	Globs  []string // files of this kind, relative to a checkout; of the home folder where they begin with ~/
	Agents []string // that load it by themselves, when the file is where File puts it
	Limit  Limit    // what one file may take
	// File names the file for what is said about a folder, "" for the whole
	// project.
	File func(folder string) string
	// Frame is what a new file about a folder begins with; nil for nothing.
	Frame func(folder string) string
}

// Limit is what an instruction file should not have more of. Zero is no limit.
type Limit struct {
	Bytes int
	Lines int
	Whose string // who says so
}

// Table lists the kinds of instruction files. Of several that fit equally well
// the first is chosen.
var Table = []*Target{
	agentsMD, claudeMD, claudeRules, claudeLocal, claudeUser, codexOverride, codexUser, geminiMD, geminiUser, qwenMD, qwenUser,
	copilotMD, copilotScoped, copilotUser, cursorRules, conventions, skill,
}

// Of returns the kind of a file: of a path relative to a checkout, or of one
// below the home folder that begins with ~/. It is nil where no kind has it.
func Of(file string) *Target {
	home := strings.HasPrefix(file, "~/")
	for _, t := range Table {
		if slices.ContainsFunc(t.Globs, func(glob string) bool {
			return home == strings.HasPrefix(glob, "~/") && doublestar.MatchUnvalidated(glob, file)
		}) {
			return t
		}
	}
	return nil
}

// BytesPerToken is the usual estimate for English text and code.
const BytesPerToken = 4

// Tokens estimates how many tokens a text takes.
func Tokens(text string) int { return (len(text) + BytesPerToken - 1) / BytesPerToken }

// at puts a file of one name into every folder.
func at(name string) func(string) string {
	return func(folder string) string { return path.Join(folder, name) }
}

// only has one file for all folders.
func only(name string) func(string) string { return func(string) string { return name } }

// slug is a folder's path as a file name without an ending.
func slug(folder string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, strings.Trim(folder, "/"))
	if name = strings.Trim(name, "-"); name == "" {
		return "learned"
	}
	return name
}
