package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lode/cmd/lode/internal/mcp"
	"lode/session"
)

// asker is an agent that tells the programs it starts, or the MCP servers it
// calls, that it is at work, and perhaps in which session.
type asker struct {
	agent   string
	session string // variable with the session's id
	sign    string // variable that is set wherever the agent is at work
	client  string // how its name as an MCP client begins
	meta    string // what holds the session's id in its calls of MCP tools
}

// askers are the agents that tell. Of those that only tell that they are at
// work, the session is guessed. All as seen in the versions of
// TestClientsSearch.
var askers = []asker{
	{"claude", "CLAUDE_CODE_SESSION_ID", "CLAUDECODE", "claude-code", ""},      // the id since 2.1; servers get a wrong one where a session is resumed
	{"codex", "CODEX_THREAD_ID", "", "codex-mcp-client", "threadId"},           // since 0.98, and 0.131 in calls
	{"gemini", "GEMINI_SESSION_ID", "GEMINI_CLI", "gemini-cli-mcp-client", ""}, // the id for hooks only
	{"qwen", "", "QWEN_CODE", "qwen-cli-mcp-client", ""},
	{"opencode", "", "OPENCODE", "opencode", ""},
}

// atWork is how old the last event of a session may be that is taken for the one
// that asks.
const atWork = 15 * time.Minute

// asking is what asks: sessions with all that belong to them. What they say of
// the question is no answer to it. There can be several, as one agent starts
// another.
type asking struct {
	names   []string
	roots   []string
	guessed bool // one of the roots
}

// asked reports whether an agent may be asking, so that it is worth to find out
// which session.
func (w *world) asked(who *mcp.Asker) bool {
	return slices.ContainsFunc(askers, func(a asker) bool {
		return a.client != "" && strings.HasPrefix(who.Client, a.client) || a.session != "" && w.getenv(a.session) != "" || a.sign != "" && w.getenv(a.sign) != ""
	})
}

// asking finds out who asks.
func (l *library) asking(who *mcp.Asker) asking {
	var a asking
	for _, agent := range askers {
		id := ""
		if agent.session != "" {
			id = l.w.getenv(agent.session)
		}
		calls := agent.client != "" && strings.HasPrefix(who.Client, agent.client)
		if told, ok := who.Meta[agent.meta].(string); ok && calls {
			id = told
		}
		root, known := l.roots[agent.agent+"/"+id]
		if !known && (calls || id != "" || agent.sign != "" && l.w.getenv(agent.sign) != "") {
			root = l.newestHere(agent.agent)
			a.guessed = a.guessed || root != ""
		}
		if root != "" {
			a.roots = append(a.roots, root)
		}
	}
	for i := 0; i < len(l.infos) && len(a.roots) > 0; i++ {
		if name := l.infos[i].Name(); slices.Contains(a.roots, l.roots[name]) {
			a.names = append(a.names, name)
		}
	}
	return a
}

// note says what was left out because it asks.
func (a *asking) note() string {
	switch {
	case len(a.roots) == 0:
		return ""
	case a.guessed:
		return fmt.Sprintf("left out: %s, which seems to ask (hint: session:%s finds it)", strings.Join(a.roots, ", "), a.roots[0])
	}
	return fmt.Sprintf("left out: %s, which asks", strings.Join(a.roots, ", "))
}

// newestHere returns the root session of an agent that is at work in the
// working folder, or "".
func (l *library) newestHere(agent string) string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	newest := session.Info{}
	for _, info := range l.infos {
		if info.Agent == agent && filepath.FromSlash(info.Cwd) == dir && info.End.After(newest.End) {
			newest = info
		}
	}
	if newest.End.IsZero() || l.w.clock.Sub(newest.End) > atWork {
		return ""
	}
	return l.roots[newest.Name()]
}
