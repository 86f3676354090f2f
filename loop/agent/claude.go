package agent

import "lode/session"

// Claude is Claude Code. It may edit files and run commands without asking;
// what else it may do, options and the user's own settings say.
var Claude = Agent{
	Name: "claude", Program: "claude",
	Doc:     "Claude Code, with its file tools and the shell allowed",
	Args:    claudeArgs(),
	Resume:  func(id string) []string { return claudeArgs("--resume", id) },
	Read:    readClaude,
	Records: ".claude/projects",
}

func claudeArgs(more ...string) []string {
	return append([]string{"-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits",
		"--allowedTools=Bash,Read,Edit,MultiEdit,Write,Glob,Grep,NotebookEdit,TodoWrite,Task"}, more...)
}

// claudeUsage is how Claude Code, and Qwen Code after it, count tokens.
type claudeUsage struct {
	Input      int `json:"input_tokens"`
	Output     int `json:"output_tokens"`
	CacheRead  int `json:"cache_read_input_tokens"`
	CacheWrite int `json:"cache_creation_input_tokens"`
}

// readClaude reads a line of stream-json; the last is of type result.
func readClaude(line []byte, s *Said) {
	var r struct {
		Type    string      `json:"type"`
		Session string      `json:"session_id"`
		IsError bool        `json:"is_error"`
		Result  string      `json:"result"`
		Cost    float64     `json:"total_cost_usd"`
		Usage   claudeUsage `json:"usage"`
	}
	if !unmarshal(line, &r) {
		return
	}
	if r.Session != "" {
		s.Session = r.Session
	}
	if r.Type != "result" {
		return
	}
	s.Text = r.Result
	s.Usage = session.Usage{Input: r.Usage.Input, Output: r.Usage.Output, CacheRead: r.Usage.CacheRead, CacheWrite: r.Usage.CacheWrite, Cost: r.Cost}
	if r.IsError {
		s.failed("%s", r.Result)
	}
}
