package agent

// Qwen is Qwen Code. It runs what it wants to run, and tells it as Claude Code
// does.
var Qwen = Agent{
	Name: "qwen", Program: "qwen",
	Doc:  "Qwen Code, which approves its own tools (yolo)",
	Args: []string{"--approval-mode", "yolo", "-o", "stream-json"},
	Resume: func(id string) []string {
		return []string{"--approval-mode", "yolo", "-o", "stream-json", "--resume", id}
	},
	Read:    readClaude,
	Records: ".qwen/projects",
}
