package agent

import "lode/session"

// Gemini is the Gemini command line. It runs what it wants to run.
var Gemini = Agent{
	Name: "gemini", Program: "gemini",
	Doc:  "Gemini CLI, which approves its own tools (yolo)",
	Args: []string{"--approval-mode", "yolo", "-o", "stream-json"},
	Resume: func(id string) []string {
		return []string{"--approval-mode", "yolo", "-o", "stream-json", "--resume", id}
	},
	Read:    readGemini,
	Records: ".gemini/tmp",
}

// readGemini reads a line of stream-json. Words come in pieces.
func readGemini(line []byte, s *Said) {
	var r struct {
		Type    string `json:"type"`
		Session string `json:"session_id"`
		Role    string `json:"role"`
		Content string `json:"content"`
		Delta   bool   `json:"delta"`
		Status  string `json:"status"`
		Error   struct {
			Message string `json:"message"`
		} `json:"error"`
		Stats struct {
			Input  int `json:"input_tokens"`
			Output int `json:"output_tokens"`
			Cached int `json:"cached"`
		} `json:"stats"`
	}
	if !unmarshal(line, &r) {
		return
	}
	switch {
	case r.Type == "init":
		s.Session = r.Session
	case r.Type == "message" && r.Role == "assistant" && r.Delta:
		s.Text += r.Content
	case r.Type == "message" && r.Role == "assistant":
		s.Text = r.Content
	case r.Type == "tool_use": // what was said before it were not the last words
		s.Text = ""
	case r.Type == "result":
		s.Usage = session.Usage{Input: r.Stats.Input - r.Stats.Cached, CacheRead: r.Stats.Cached, Output: r.Stats.Output}
		if r.Status != "" && r.Status != "success" {
			s.failed("%s", r.Error.Message)
		}
	}
}
