package agent

// Pi is the pi command line. It asks for nothing.
var Pi = Agent{
	Name: "pi", Program: "pi",
	Doc:     "pi, which asks for no permissions",
	Args:    []string{"--mode", "json", "-p"},
	Resume:  func(id string) []string { return []string{"--mode", "json", "--session", id, "-p"} },
	Read:    readPi,
	Records: ".pi/agent/sessions",
}

// readPi reads an event of pi --mode json: a message is told when it ends.
func readPi(line []byte, s *Said) {
	var r struct {
		Type    string `json:"type"`
		ID      string `json:"id"`
		Message struct {
			Role    string `json:"role"`
			Stop    string `json:"stopReason"`
			Says    string `json:"errorMessage"`
			Content []struct {
				Type string `json:"type"`
				Text string `json:"text"`
			} `json:"content"`
			Usage struct {
				Input      int `json:"input"`
				Output     int `json:"output"`
				CacheRead  int `json:"cacheRead"`
				CacheWrite int `json:"cacheWrite"`
				Cost       struct {
					Total float64 `json:"total"`
				} `json:"cost"`
			} `json:"usage"`
		} `json:"message"`
	}
	if !unmarshal(line, &r) {
		return
	}
	if r.Type == "session" {
		s.Session = r.ID
	}
	if m := r.Message; r.Type == "message_end" && m.Role == "assistant" {
		s.Text = ""
		for _, c := range m.Content {
			s.Text += c.Text
		}
		s.Usage.Input += m.Usage.Input
		s.Usage.Output += m.Usage.Output
		s.Usage.CacheRead += m.Usage.CacheRead
		s.Usage.CacheWrite += m.Usage.CacheWrite
		s.Usage.Cost += m.Usage.Cost.Total
		if s.Failed = ""; m.Stop == "error" {
			s.failed("%s", m.Says)
		}
	}
}
