package agent

import "lode/session"

// Codex is the Codex command line. It may write in the worktree only, which is
// its own sandbox's doing.
var Codex = Agent{
	Name: "codex", Program: "codex",
	Doc:  "Codex CLI, in its sandbox workspace-write",
	Args: []string{"exec", "--json", "--skip-git-repo-check", "-s", "workspace-write"},
	Resume: func(id string) []string {
		return []string{"exec", "--json", "--skip-git-repo-check", "-s", "workspace-write", "resume", id, "-"}
	},
	Read:    readCodex,
	Records: ".codex/sessions",
}

// readCodex reads an event of codex exec --json. Input tokens include those
// that were cached.
func readCodex(line []byte, s *Said) {
	var r struct {
		Type   string `json:"type"`
		Thread string `json:"thread_id"`
		Item   struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"item"`
		Usage struct {
			Input  int `json:"input_tokens"`
			Cached int `json:"cached_input_tokens"`
			Output int `json:"output_tokens"`
		} `json:"usage"`
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if !unmarshal(line, &r) {
		return
	}
	switch {
	case r.Type == "thread.started":
		s.Session = r.Thread
	case r.Type == "item.completed" && r.Item.Type == "agent_message":
		s.Text = r.Item.Text
	case r.Type == "turn.completed":
		s.Failed = ""
		u := session.Usage{Input: r.Usage.Input - r.Usage.Cached, CacheRead: r.Usage.Cached, Output: r.Usage.Output}
		s.Usage.Input, s.Usage.CacheRead, s.Usage.Output = s.Usage.Input+u.Input, s.Usage.CacheRead+u.CacheRead, s.Usage.Output+u.Output
	case r.Type == "turn.failed":
		s.failed("%s", r.Error.Message)
	}
}
