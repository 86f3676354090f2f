package clients

import "slices"

// All lists the clients. Of some there are several generations, which write
// different transcripts; the newest comes first.
func All() []Client {
	return slices.Concat(
		versions(codex, "0.169.0", "0.131.0", "0.98.0", "0.47.0"),
		versions(claude, "2.1.328", "2.1.197", "2.0.60", "1.0.115"),
		versions(gemini, "0.61.0", "0.33.2"),
		versions(opencode, "1.18.33"),
		versions(pi, "0.73.1"),
		versions(qwen, "0.15.10"),
	)
}

func versions(c Client, all ...string) (clients []Client) {
	for _, v := range all {
		c.Version = v
		clients = append(clients, c)
	}
	return clients
}

// noWayOut is a proxy that nobody listens at, for clients that look for news
// whatever their settings say. Others would ask it for the model server, too.
var noWayOut = []string{"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1"}

const codexConfig = `model = "gpt-5.5"
model_provider = "scripted"
check_for_update_on_startup = false
[model_providers.scripted]
name = "scripted"
base_url = "$URL/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
[analytics]
enabled = false
[otel]
exporter = "none"
`

// The model name is one that Codex knows: of others it hides its own tool for
// edits.
var codex = Client{
	Name: "codex", Package: "@openai/codex", Program: "codex",
	Env:   slices.Concat([]string{"CODEX_HOME=$HOME/.codex", "OPENAI_API_KEY=test"}, noWayOut),
	Files: map[string]string{".codex/config.toml": codexConfig},
	Server: map[string]string{".codex/config.toml": codexConfig + `[mcp_servers.lode]
command = $PROGRAM
args = $ARGS
default_tools_approval_mode = "approve"
`},
	Start:  []string{"exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access"},
	Resume: []string{"exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", "resume", "--last"},
	Stdin:  true, // 0.47 takes the last session only so
}

var claude = Client{
	Name: "claude", Package: "@anthropic-ai/claude-code", Program: "claude", Setup: "install.cjs",
	Env: []string{"ANTHROPIC_BASE_URL=$URL", "ANTHROPIC_API_KEY=test", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1",
		"DISABLE_AUTOUPDATER=1", "DISABLE_ERROR_REPORTING=1"},
	Server: map[string]string{".claude.json": `{"mcpServers":{"lode":{"command":$PROGRAM,"args":$ARGS}}}` + "\n"},
	Start:  []string{"--allowedTools=Bash,Read,Edit,mcp__lode", "--output-format", "stream-json", "--verbose", "-p"},
	Resume: []string{"--allowedTools=Bash,Read,Edit,mcp__lode", "--output-format", "stream-json", "--verbose", "-c", "-p"},
}

var gemini = Client{
	Name: "gemini", Package: "@google/gemini-cli", Program: "gemini",
	Env: []string{"GEMINI_API_KEY=test", "GOOGLE_GEMINI_BASE_URL=$URL", "GEMINI_TELEMETRY_ENABLED=false", "NO_BROWSER=1",
		"GEMINI_CLI_TRUST_WORKSPACE=true"},
	Files: map[string]string{".gemini/settings.json": `{"security":{"auth":{"selectedType":"gemini-api-key"}},
"privacy":{"usageStatisticsEnabled":false},"general":{"disableAutoUpdate":true}}
`},
	Server: map[string]string{".gemini/settings.json": `{"security":{"auth":{"selectedType":"gemini-api-key"}},
"privacy":{"usageStatisticsEnabled":false},"general":{"disableAutoUpdate":true},"mcpServers":{"lode":{"command":$PROGRAM,"args":$ARGS}}}
`},
	Start:  []string{"-m", "gemini-2.5-pro", "--approval-mode", "yolo", "-o", "stream-json", "-p"},
	Resume: []string{"-m", "gemini-2.5-pro", "--approval-mode", "yolo", "-o", "stream-json", "--resume", "latest", "-p"},
}

// npm_config_registry, which all clients get, keeps OpenCode from waiting for
// the registry of its plugins.
var opencode = Client{
	Name: "opencode", Package: "opencode-ai", Program: "opencode", Setup: "postinstall.mjs",
	Env: slices.Concat([]string{"OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1",
		"OPENCODE_DISABLE_DEFAULT_PLUGINS=1"}, noWayOut),
	Files: map[string]string{".config/opencode/opencode.json": `{"provider":{"scripted":{"npm":"@ai-sdk/openai-compatible","name":"scripted",
"options":{"baseURL":"$URL/v1","apiKey":"test"},"models":{"story-1":{"name":"story-1"}}}},
"model":"scripted/story-1","small_model":"scripted/story-1","permission":{"*":"allow"},"share":"disabled","autoupdate":false}
`},
	Server: map[string]string{".config/opencode/opencode.json": `{"provider":{"scripted":{"npm":"@ai-sdk/openai-compatible","name":"scripted",
"options":{"baseURL":"$URL/v1","apiKey":"test"},"models":{"story-1":{"name":"story-1"}}}},
"model":"scripted/story-1","small_model":"scripted/story-1","permission":{"*":"allow"},"share":"disabled","autoupdate":false,
"mcp":{"lode":{"type":"local","command":$COMMAND,"enabled":true}}}
`},
	Start:  []string{"run", "--format", "json"},
	Resume: []string{"run", "--format", "json", "-c"},
}

var pi = Client{
	Name: "pi", Package: "@mariozechner/pi-coding-agent", Program: "pi",
	Env: []string{"PI_OFFLINE=1", "PI_SKIP_VERSION_CHECK=1", "PI_TELEMETRY=0"},
	Files: map[string]string{".pi/agent/models.json": `{"providers":{"scripted":{"baseUrl":"$URL/v1","api":"openai-completions","apiKey":"test",
"models":[{"id":"story-1"}]}}}
`},
	Start:  []string{"--provider", "scripted", "--model", "story-1", "--mode", "json", "-p"},
	Resume: []string{"--provider", "scripted", "--model", "story-1", "--mode", "json", "-c", "-p"},
}

var qwen = Client{
	Name: "qwen", Package: "@qwen-code/qwen-code", Program: "qwen",
	Env:   []string{"OPENAI_API_KEY=test", "OPENAI_BASE_URL=$URL/v1", "OPENAI_MODEL=story-1"},
	Files: map[string]string{".qwen/settings.json": `{"privacy":{"usageStatisticsEnabled":false},"general":{"disableAutoUpdate":true}}` + "\n"},
	Server: map[string]string{".qwen/settings.json": `{"privacy":{"usageStatisticsEnabled":false},"general":{"disableAutoUpdate":true},
"mcpServers":{"lode":{"command":$PROGRAM,"args":$ARGS}}}
`},
	Start:  []string{"--auth-type", "openai", "--approval-mode", "yolo", "-o", "stream-json", "-p"},
	Resume: []string{"--auth-type", "openai", "--approval-mode", "yolo", "-o", "stream-json", "--continue", "-p"},
}
