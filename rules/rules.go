// Package rules turns patterns into changes that a person decides on.
//
// A Target is an instruction file that agents load. A Proposal is a change of
// one such file, a unified diff with its reasons; Draft makes one. The Book
// keeps proposals (<state>/proposals/<id>.md, documents that a person may
// edit), the Ledger of what was proposed and decided (<state>/ledger.jsonl,
// append-only and chained by hashes), and the Vault of learnings
// (<state>/vault/learnings/*.md). Nothing is changed without a decision, and
// every change can be undone exactly.
package rules

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Target is a kind of instruction file.
type Target struct {
	Name   string   // the file, relative to the project's root
	Doc    string   // who reads it
	Agents []string // that load it by themselves
	Limit  int      // tokens that its readers load at most; 0 when they name none
	Places []string // where else the same file may lie
	// Imports returns the files that a text of this kind includes.
	Imports func(text string) []string
}

// Targets lists the instruction files that rules are proposed for.
var Targets = []Target{agentsMD, claudeMD}

// agentsMD is AGENTS.md. Codex loads 32 KiB of the chain from the repository's
// root to the working folder; that is about 8,000 tokens.
var agentsMD = Target{
	Name:    "AGENTS.md",
	Doc:     "read by Codex, OpenCode, Cursor and most others; by Claude Code where there is no CLAUDE.md, or where that imports it",
	Agents:  []string{"codex", "opencode", "cursor", "pi", "omp", "copilot", "mini-swe-agent"},
	Limit:   32 << 10 / bytesPerToken,
	Imports: atImports,
}

// claudeMD is CLAUDE.md.
var claudeMD = Target{
	Name:    "CLAUDE.md",
	Doc:     "read by Claude Code",
	Agents:  []string{"claude"},
	Places:  []string{".claude/CLAUDE.md"},
	Imports: atImports,
}

// atImports finds lines that are nothing but @path, which Claude Code replaces
// by the file, and mentions of @path within a line.
func atImports(text string) []string {
	var found []string
	for word := range strings.FieldsSeq(text) {
		if p, ok := strings.CutPrefix(word, "@"); ok && strings.Contains(p, ".") {
			found = append(found, filepath.ToSlash(filepath.Clean(strings.TrimRight(p, ".,;:)"))))
		}
	}
	return found
}

// bytesPerToken is the usual estimate for English text and code.
const bytesPerToken = 4

// Tokens estimates how many tokens a text takes.
func Tokens(text string) int { return (len(text) + bytesPerToken - 1) / bytesPerToken }

// Choice is the target chosen for a proposal, and why.
type Choice struct {
	Target Target
	File   string // relative to the root
	Why    string
}

// Choose picks the file that a rule for a project's root belongs to: the one
// that exists; of both, the one that the other imports, else the one that the
// agents of the evidence read; and AGENTS.md when there is none.
func Choose(root string, agents []string) Choice {
	var there []Choice
	for _, t := range Targets {
		for _, file := range append([]string{t.Name}, t.Places...) {
			if root != "" && isFile(filepath.Join(root, filepath.FromSlash(file))) {
				there = append(there, Choice{Target: t, File: file, Why: "the project has it"})
				break
			}
		}
	}
	switch len(there) {
	case 0:
		return Choice{Target: agentsMD, File: agentsMD.Name, Why: "the project has no instruction file yet; most agents read this one"}
	case 1:
		return there[0]
	}
	for i, c := range there {
		for j, other := range there {
			if i != j && imports(root, other, c.File) {
				c.Why = other.File + " imports it, so that all agents read it"
				return c
			}
		}
	}
	for _, c := range there {
		if !slices.ContainsFunc(agents, func(a string) bool { return !slices.Contains(c.Target.Agents, a) }) {
			c.Why = "it is what " + strings.Join(agents, " and ") + " reads"
			return c
		}
	}
	there[0].Why = "most agents read it"
	return there[0]
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// imports reports whether one instruction file includes another, or is a link
// to it.
func imports(root string, c Choice, file string) bool {
	from, to := filepath.Join(root, filepath.FromSlash(c.File)), filepath.Join(root, filepath.FromSlash(file))
	if link, err := os.Readlink(from); err == nil {
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(from), link)
		}
		return filepath.Clean(link) == filepath.Clean(to)
	}
	text, err := os.ReadFile(from)
	return err == nil && slices.ContainsFunc(c.Target.Imports(string(text)), func(p string) bool {
		return path.Join(path.Dir(c.File), p) == file // as the file itself sees it
	})
}
