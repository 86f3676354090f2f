package agent

// OpenCode is the OpenCode command line; what it may do, its configuration
// says.
var OpenCode = Agent{
	Name: "opencode", Program: "opencode",
	Doc:     "OpenCode, with the permissions of its configuration",
	Args:    []string{"run", "--format", "json"},
	Resume:  func(id string) []string { return []string{"run", "--format", "json", "--session", id} },
	Read:    readOpenCode,
	Records: ".local/share/opencode/opencode.db",
}

// readOpenCode reads an event of opencode run --format json. Each step of the
// model tells what it used.
func readOpenCode(line []byte, s *Said) {
	var r struct {
		Type    string `json:"type"`
		Session string `json:"sessionID"`
		Part    struct {
			Text   string  `json:"text"`
			Cost   float64 `json:"cost"`
			Tokens struct {
				Input     int `json:"input"`
				Output    int `json:"output"`
				Reasoning int `json:"reasoning"`
				Cache     struct {
					Read  int `json:"read"`
					Write int `json:"write"`
				} `json:"cache"`
			} `json:"tokens"`
		} `json:"part"`
		Error struct {
			Name string `json:"name"`
			Data struct {
				Message string `json:"message"`
			} `json:"data"`
		} `json:"error"`
	}
	if !unmarshal(line, &r) {
		return
	}
	if r.Session != "" {
		s.Session = r.Session
	}
	switch r.Type {
	case "text":
		s.Text = r.Part.Text
	case "step_finish":
		t := r.Part.Tokens
		s.Usage.Input += t.Input
		s.Usage.Output += t.Output + t.Reasoning
		s.Usage.CacheRead += t.Cache.Read
		s.Usage.CacheWrite += t.Cache.Write
		s.Usage.Cost += r.Part.Cost
	case "error":
		s.failed("%s %s", r.Error.Name, r.Error.Data.Message)
	}
}
