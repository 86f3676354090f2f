package target

import (
	"fmt"
	"path"
	"strings"

	"lode/rules/front"
)

// geminiMD is GEMINI.md.
var geminiMD = &Target{
	Name: "GEMINI.md", Doc: "read by Gemini CLI, with what it imports; under another name where context.fileName in its settings says so", Reach: Project,
	Globs: []string{"**/GEMINI.md"}, Agents: []string{"gemini"}, File: at("GEMINI.md"),
}

// geminiUser is what Gemini reads in every project.
var geminiUser = &Target{
	Name: "~/.gemini/GEMINI.md", Doc: "read by Gemini CLI in every project of this person", Reach: Personal,
	Globs: []string{"~/.gemini/GEMINI.md"}, Agents: []string{"gemini"}, File: only("~/.gemini/GEMINI.md"),
}

// qwenMD is QWEN.md.
var qwenMD = &Target{
	Name: "QWEN.md", Doc: "read by Qwen Code, beside AGENTS.md, with what it imports", Reach: Project,
	Globs: []string{"**/QWEN.md"}, Agents: []string{"qwen"}, File: at("QWEN.md"),
}

// qwenUser is what Qwen Code reads in every project.
var qwenUser = &Target{
	Name: "~/.qwen/QWEN.md", Doc: "read by Qwen Code in every project of this person", Reach: Personal,
	Globs: []string{"~/.qwen/QWEN.md"}, Agents: []string{"qwen"}, File: only("~/.qwen/QWEN.md"),
}

// copilotReview is how much of a file Copilot's code review reads.
var copilotReview = Limit{Bytes: 4000, Whose: "Copilot's code review reads only"}

// copilotMD is the file for all of a repository.
var copilotMD = &Target{
	Name: ".github/copilot-instructions.md", Doc: "read by Copilot in all its forms", Reach: Project, Limit: copilotReview,
	Globs: []string{"**/.github/copilot-instructions.md"}, Agents: []string{"copilot", "copilot-chat"}, File: only(".github/copilot-instructions.md"),
}

// copilotScoped are files for the paths that applyTo names.
var copilotScoped = &Target{
	Name: ".github/instructions/*.instructions.md", Doc: "read by Copilot for files that applyTo in the front matter matches", Reach: ByPath, Limit: copilotReview,
	Globs: []string{"**/.github/instructions/**/*.instructions.md"}, Agents: []string{"copilot", "copilot-chat"},
	File:  func(folder string) string { return ".github/instructions/" + slug(folder) + ".instructions.md" },
	Frame: func(folder string) string { return fmt.Sprintf("---\napplyTo: %q\n---\n\n", path.Join(folder, "**")) },
}

// copilotUser is what Copilot's command line reads in every project.
var copilotUser = &Target{
	Name: "~/.copilot/copilot-instructions.md", Doc: "read by Copilot's command line in every project of this person", Reach: Personal,
	Globs: []string{"~/.copilot/copilot-instructions.md"}, Agents: []string{"copilot"}, File: only("~/.copilot/copilot-instructions.md"),
}

// cursorRules are files whose front matter says when they apply. Cursor passes
// over values of the wrong type without a word, so they are written strictly:
// a boolean without quotes, globs as plain text divided by commas.
var cursorRules = &Target{
	Name: ".cursor/rules/*.mdc", Doc: "read by Cursor always, or for files that globs in the front matter matches", Reach: ByPath,
	Limit: Limit{Lines: 500, Whose: "Cursor advises"},
	Globs: []string{"**/.cursor/rules/**/*.mdc"}, Agents: []string{"cursor"},
	File: func(folder string) string { return ".cursor/rules/" + slug(folder) + ".mdc" },
	Frame: func(folder string) string {
		if folder == "" {
			return "---\ndescription:\nglobs:\nalwaysApply: true\n---\n\n"
		}
		return "---\ndescription:\nglobs: " + folder + "/**\nalwaysApply: false\n---\n\n"
	},
}

// conventions is Aider's file. Aider reads it only where read: in
// .aider.conf.yml or the command line names it.
var conventions = &Target{
	Name: "CONVENTIONS.md", Doc: "read by Aider where read: in .aider.conf.yml names it", Reach: Project,
	Globs: []string{"**/CONVENTIONS.md"}, File: at("CONVENTIONS.md"),
}

// skill is a procedure that agents load when its description fits: of about a
// hundred tokens always, of the rest when asked for. A single line never goes
// there.
var skill = &Target{
	Name: "SKILL.md", Doc: "a procedure of several steps, which Claude Code, Codex and others load when its description fits the task", Reach: Procedure,
	Limit: Limit{Lines: 500, Whose: "the format's description advises"},
	Globs: []string{"**/skills/*/SKILL.md"}, File: func(folder string) string { return ".claude/skills/" + strings.ToLower(slug(folder)) + "/SKILL.md" },
}

// loadGemini: the user's file, then the project's from the root to the working
// folder, and those of folders whose files are read, each with its imports.
// Seen in requests of 0.61.
func loadGemini(w *walk) {
	names := []string{"GEMINI.md"}
	for _, file := range []string{"~/.gemini/settings.json", ".gemini/settings.json"} {
		var settings struct {
			Context struct{ FileName globList }
		}
		if w.json(file, &settings); len(settings.Context.FileName) > 0 {
			names = settings.Context.FileName
		}
	}
	w.named("~/.gemini", names, true)
}

// loadQwen: QWEN.md and AGENTS.md of the user and of each folder, with their
// imports. Seen in requests of 0.15.
func loadQwen(w *walk) { w.named("~/.qwen", []string{"QWEN.md", "AGENTS.md"}, false) }

// named adds the files of some names, of the user and of each folder.
func (w *walk) named(home string, names []string, deeper bool) {
	for _, name := range names {
		w.withImports(path.Join(home, name), ofUser, claudeHops)
	}
	dirs := w.folders()
	if deeper {
		dirs = append(dirs, w.below()...)
	}
	for _, dir := range dirs {
		for _, name := range names {
			w.withImports(path.Join(dir, name), ofProject, claudeHops)
		}
	}
}

// loadCopilot: the user's file; then in the root, the working folder, those
// between and those of opened files copilot-instructions.md, AGENTS.md,
// CLAUDE.md and GEMINI.md, and the scoped files whose applyTo matches. From
// its documentation.
func loadCopilot(w *walk) {
	w.add("~/.copilot/copilot-instructions.md", ofUser)
	for _, dir := range append(w.folders(), w.below()...) {
		for _, name := range []string{".github/copilot-instructions.md", "AGENTS.md", "CLAUDE.md", "GEMINI.md"} {
			w.add(path.Join(dir, name), ofProject)
		}
		w.copilotScoped(dir)
	}
}

// loadCopilotChat is what Copilot in an editor reads: the file of the
// repository, the scoped ones, and AGENTS.md in the root. From its documentation.
func loadCopilotChat(w *walk) {
	w.add(".github/copilot-instructions.md", ofProject)
	w.add("AGENTS.md", ofProject)
	w.copilotScoped("")
}

func (w *walk) copilotScoped(dir string) {
	for _, file := range w.glob(path.Join(dir, ".github/instructions/**/*.instructions.md")) {
		text, _ := w.read(file)
		var front struct {
			ApplyTo globList `yaml:"applyTo"`
		}
		if err := frontMatter(text, &front); err == nil && w.opened(front.ApplyTo) {
			w.add(file, "for "+strings.Join(front.ApplyTo, ", "))
		}
	}
}

// loadCursor: .cursorrules, rules that always apply, those whose globs match an
// opened file, and AGENTS.md of the root and of the folders of opened files.
// From its documentation.
func loadCursor(w *walk) {
	w.add(".cursorrules", ofProject)
	for _, file := range w.glob(".cursor/rules/**/*.mdc") {
		text, _ := w.read(file)
		switch always, globs := cursorFront(text); {
		case always:
			w.add(file, ofProject)
		case w.opened(globs):
			w.add(file, "for "+strings.Join(globs, ", "))
		}
	}
	loadNearby(w)
}

// cursorFront reads the front matter of a Cursor rule. Cursor's own is hardly
// YAML: globs begin with a star and have no quotes. What is in quotes is a text,
// and "true" no boolean.
func cursorFront(text string) (always bool, globs []string) {
	matter, _, err := front.Cut([]byte(strings.ReplaceAll(text, "\r\n", "\n")))
	if err != nil {
		return false, nil
	}
	var listed struct{ Globs globList }
	if readYAML(matter, &listed) == nil {
		globs = listed.Globs
	}
	for line := range strings.Lines(string(matter)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); key {
		case "alwaysApply":
			always = value == "true"
		case "globs":
			for glob := range strings.SplitSeq(value, ",") {
				if glob = strings.TrimSpace(glob); glob != "" && listed.Globs == nil {
					globs = append(globs, strings.Trim(glob, `"'`))
				}
			}
		}
	}
	return always, globs
}

// loadAider: what read: in its configuration names.
func loadAider(w *walk) {
	for _, file := range []string{"~/.aider.conf.yml", ".aider.conf.yml"} {
		var config struct{ Read globList }
		if text, ok := w.read(file); ok && readYAML([]byte(text), &config) == nil {
			for _, f := range config.Read {
				w.add(path.Clean(f), "named in "+file)
			}
		}
	}
}
