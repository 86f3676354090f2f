package target

import "path"

// agentsMD is AGENTS.md, which most agents read, in the root and in folders.
var agentsMD = &Target{
	Name:   "AGENTS.md",
	Doc:    "read by Codex, OpenCode, Cursor, pi, Copilot and most others; by Claude Code where the project has no CLAUDE.md, or where that imports it",
	Reach:  Project,
	Globs:  []string{"**/AGENTS.md"},
	Agents: []string{"codex", "opencode", "cursor", "pi", "omp", "copilot", "qwen", "amp", "crush", "goose", "droid", "kilo", "zed", "roo", "cline", "openhands", "claude"},
	File:   at("AGENTS.md"),
}

// codexOverride is AGENTS.override.md, which Codex reads instead of the
// AGENTS.md of the same folder: it is never made, but a rule for Codex belongs
// into one that is there.
var codexOverride = &Target{
	Name:   "AGENTS.override.md",
	Doc:    "read by Codex in place of the AGENTS.md of its folder",
	Reach:  Project,
	Globs:  []string{"**/AGENTS.override.md"},
	Agents: []string{"codex"},
	File:   at("AGENTS.override.md"),
}

// codexUser is what Codex reads in every project.
var codexUser = &Target{
	Name: "~/.codex/AGENTS.md", Doc: "read by Codex in every project of this person", Reach: Personal,
	Globs: []string{"~/.codex/AGENTS.md", "~/.codex/AGENTS.override.md"}, Agents: []string{"codex"}, File: only("~/.codex/AGENTS.md"),
}

// CodexBytes is how much of the project's chain Codex loads: the default of
// project_doc_max_bytes. What is nearest to the working folder is lost first.
const CodexBytes = 32 << 10

// loadCodex: the user's AGENTS.override.md, else AGENTS.md; then in each folder
// from the root to the working folder one of both. Files below the working
// folder never come in, and there are no imports. Seen in requests of 0.169.
func loadCodex(w *walk) {
	if !w.add("~/.codex/AGENTS.override.md", ofUser) {
		w.add("~/.codex/AGENTS.md", ofUser)
	}
	left := CodexBytes
	for _, dir := range w.folders() {
		file := path.Join(dir, "AGENTS.override.md")
		if text, ok := w.read(file); !ok || text == "" {
			file = path.Join(dir, "AGENTS.md")
		}
		if !w.add(file, ofProject) {
			continue
		}
		f := &w.files[len(w.files)-1]
		f.cutTo(left)
		left -= len(f.Text)
	}
}

// loadNearby is the way of agents that read AGENTS.md in the folders from the
// root to the working folder and in those of the files they open. It is known
// from descriptions only.
func loadNearby(w *walk) {
	for _, dir := range append(w.folders(), w.below()...) {
		w.add(path.Join(dir, "AGENTS.md"), ofProject)
	}
}

// loadOpenCode: the user's file; then the files of the first name that any
// folder up to the root has; then what the project's configuration lists; and
// with a file that is read the AGENTS.md of its folder. There are no imports.
// Seen in requests of 1.18.
func loadOpenCode(w *walk) {
	if !w.add("~/.config/opencode/AGENTS.md", ofUser) {
		w.add("~/.claude/CLAUDE.md", ofUser)
	}
	for _, name := range []string{"AGENTS.md", "CLAUDE.md", "CONTEXT.md"} {
		found := false
		for _, dir := range w.folders() {
			found = w.add(path.Join(dir, name), ofProject) || found
		}
		if found {
			break
		}
	}
	var config struct{ Instructions []string }
	w.json("opencode.json", &config)
	for _, glob := range config.Instructions {
		for _, file := range w.glob(glob) {
			w.add(file, "listed in opencode.json")
		}
	}
	for _, dir := range w.below() {
		w.add(path.Join(dir, "AGENTS.md"), below(dir))
	}
}

// loadPi: the user's file, then in each folder AGENTS.md, else CLAUDE.md. There
// are no imports. Seen in requests of pi 0.73; omp is a fork of it.
func loadPi(home string) func(w *walk) {
	return func(w *walk) {
		w.add(home+"/AGENTS.md", ofUser)
		for _, dir := range w.folders() {
			if !w.add(path.Join(dir, "AGENTS.md"), ofProject) {
				w.add(path.Join(dir, "CLAUDE.md"), ofProject)
			}
		}
	}
}
