package main

import (
	"path/filepath"
	"strings"

	"lode/session"
)

// resumes are the commands that take a session up again in its agent, by its
// id, where the agent has such a command: as the programs' own help says, or
// their documentation (of copilot, droid and goose).
var resumes = map[string]string{
	"claude":   "claude --resume ",
	"codex":    "codex resume ",
	"copilot":  "copilot --resume ",
	"droid":    "droid --resume ",
	"gemini":   "gemini --resume ",
	"goose":    "goose session --resume --session-id ",
	"opencode": "opencode --session ",
	"pi":       "pi --session ",
	"qwen":     "qwen --resume ",
}

// resume returns the command that takes a session up again in its agent, in its
// folder, or "" where that cannot be done. Of a subagent's, it is that of the
// session that started it.
func resume(h *session.Header) string {
	cmd, id := resumes[h.Agent], h.ID
	if h.Parent != "" {
		id = h.Parent
	}
	if cmd == "" || h.Population == session.Benchmark || strings.HasPrefix(id, "-") { // an id, not an option
		return ""
	}
	cmd += shellQuote(id)
	if h.Cwd == "" {
		return cmd
	}
	return "cd " + shellQuote(filepath.FromSlash(h.Cwd)) + " && " + cmd
}

// resume is resume, of the root of a subagent however deep.
func (l *library) resume(h *session.Header) string {
	if root, ok := l.cat.Sessions[l.roots[h.Name()]]; ok {
		h = &root.Header
	}
	return resume(h)
}

func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
