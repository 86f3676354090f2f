package install

import (
	"os"
	"strings"
)

// Parts lists what lode can be wired into.
var Parts = []Part{claude, codex, gemini, opencode, qwen, pi, claudeMCP, codexMCP, geminiMCP, opencodeMCP, qwenMCP, cron, systemd, launchd}

// inside reports whether there is a folder or file below the home folder.
func inside(path string) func(*Env) bool {
	return func(e *Env) bool { return there(e.home(path)) }
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// HookArgs are the arguments with which a hook at the start of a session calls
// lode.
var HookArgs = []string{"hook", "session-start"}

// hook is the setting of a hook at the start of sessions. Claude Code and Gemini
// CLI have it in the same form, and take what the command prints as JSON.
func hook(e *Env, more, entry map[string]any) setting {
	command := map[string]any{"type": "command", "command": e.line(HookArgs...)}
	for k, v := range entry {
		command[k] = v
	}
	value := map[string]any{"hooks": []any{command}}
	for k, v := range more {
		value[k] = v
	}
	return setting{path: []string{"hooks", "SessionStart"}, list: true, value: value, mine: func(element string) bool {
		return strings.Contains(element, " "+strings.Join(HookArgs, " ")) && strings.Contains(element, "lode")
	}}
}

// claude: text that a SessionStart hook prints reaches the model in the second
// message. A resumed session has it already.
var claude = Part{
	Name: "claude", Doc: "Claude Code loads the brief of a project when a session starts, by a hook",
	Found: func(e *Env) bool { return there(claudeDir(e)) },
	Steps: func(e *Env) []Step {
		return []Step{hook(e, map[string]any{"matcher": "startup|clear|compact"}, nil).step(claudeDir(e) + "/settings.json")}
	},
	Notes: func(*Env) []string {
		return []string{"claude: a hook, because Claude Code does not load imports (@path) from outside the project until you approve them in it, and says nothing about it"}
	},
}

func claudeDir(e *Env) string { return e.env("CLAUDE_CONFIG_DIR", e.home(".claude")) }

var gemini = Part{
	Name: "gemini", Doc: "Gemini CLI loads the brief of a project when a session starts, by a hook",
	Found: inside(".gemini"),
	Steps: func(e *Env) []Step {
		return []Step{hook(e, nil, map[string]any{"name": "lode"}).step(e.home(".gemini/settings.json"))}
	},
}

// askLine has agents without hooks that could be relied on ask for the brief.
func askLine(e *Env) string {
	return "- Before you begin to work in a project, run `" + e.line("brief") + "` and follow what it prints: it was learned there.\n"
}

func asks(name, program string, found func(*Env) bool, file func(*Env) string) Part {
	return Part{
		Name: name, Doc: program + " is told to ask for the brief of a project, by a line in its own instructions", Found: found,
		Steps: func(e *Env) []Step {
			return []Step{appended(file(e), askLine(e), func(text string) bool { return strings.Contains(text, e.line("brief")+"`") })}
		},
	}
}

var codex = func() Part {
	p := asks("codex", "Codex", func(e *Env) bool { return there(codexDir(e)) }, func(e *Env) string { return codexDir(e) + "/AGENTS.md" })
	p.Notes = func(e *Env) []string {
		notes := []string{"codex: a line in AGENTS.md, because Codex skips hooks until you have trusted them in it, and says nothing about it"}
		if there(codexDir(e) + "/AGENTS.override.md") {
			notes = append(notes, "codex: it will not be read, because "+codexDir(e)+"/AGENTS.override.md is in its place (hint: put the line there)")
		}
		return notes
	}
	return p
}()

func codexDir(e *Env) string { return e.env("CODEX_HOME", e.home(".codex")) }

var (
	opencode = asks("opencode", "OpenCode", inside(".config/opencode"), func(e *Env) string { return e.home(".config/opencode/AGENTS.md") })
	qwen     = asks("qwen", "Qwen Code", inside(".qwen"), func(e *Env) string { return e.home(".qwen/QWEN.md") })
	pi       = asks("pi", "pi", inside(".pi/agent"), func(e *Env) string { return e.home(".pi/agent/AGENTS.md") })
)

// server is how lode is started as an MCP server.
func server(e *Env) map[string]any {
	return map[string]any{"command": e.Command[0], "args": append(append([]string{}, e.Command[1:]...), "mcp")}
}

func mcp(name, program string, found func(*Env) bool, file func(*Env) string, path []string, value func(*Env) any) Part {
	return Part{
		Name: name, Doc: program + " can search past sessions, by MCP", Found: found,
		Steps: func(e *Env) []Step { return []Step{setting{path: path, value: value(e)}.step(file(e))} },
	}
}

var (
	claudeMCP = mcp("claude-mcp", "Claude Code", claude.Found, func(e *Env) string { return e.env("CLAUDE_CONFIG_DIR", e.Home) + "/.claude.json" },
		[]string{"mcpServers", "lode"}, func(e *Env) any { s := server(e); s["type"] = "stdio"; return s })
	geminiMCP   = mcp("gemini-mcp", "Gemini CLI", gemini.Found, func(e *Env) string { return e.home(".gemini/settings.json") }, []string{"mcpServers", "lode"}, func(e *Env) any { return server(e) })
	qwenMCP     = mcp("qwen-mcp", "Qwen Code", qwen.Found, func(e *Env) string { return e.home(".qwen/settings.json") }, []string{"mcpServers", "lode"}, func(e *Env) any { return server(e) })
	opencodeMCP = mcp("opencode-mcp", "OpenCode", opencode.Found, openCodeConfig, []string{"mcp", "lode"}, func(e *Env) any {
		return map[string]any{"type": "local", "command": append(append([]string{}, e.Command...), "mcp"), "enabled": true}
	})
)

// openCodeConfig is the file that OpenCode is configured in: with comments, or
// without.
func openCodeConfig(e *Env) string {
	if file := e.home(".config/opencode/opencode.jsonc"); there(file) {
		return file
	}
	return e.home(".config/opencode/opencode.json")
}

// codexMCP: a table of TOML can stand behind whatever is there.
var codexMCP = Part{
	Name: "codex-mcp", Doc: "Codex can search past sessions, by MCP", Found: codex.Found,
	Steps: func(e *Env) []Step {
		var b strings.Builder
		b.WriteString("[mcp_servers.lode]\ncommand = " + toml(e.Command[0]) + "\nargs = [")
		for _, a := range e.Command[1:] {
			b.WriteString(toml(a) + ", ")
		}
		b.WriteString("\"mcp\"]\n")
		return []Step{appended(codexDir(e)+"/config.toml", b.String(), func(text string) bool { return strings.Contains(text, "[mcp_servers.lode]") })}
	},
}

// toml writes a basic string.
func toml(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
