package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"lode/session"
)

// addInstruction keeps an instruction file that was in force in a session: its
// path, a hash of its text, and its rule lines. The same text is kept once.
func addInstruction(d *Draft, s *session.Session, path, text string) {
	path, text = d.safe(s, path), d.safe(s, text)
	sum := sha256.Sum256([]byte(text))
	in := session.Instruction{Path: d.safe(s, path), Hash: hex.EncodeToString(sum[:8]), Lines: ruleLines(text)}
	for _, known := range s.Instructions {
		if known.Path == in.Path && known.Hash == in.Hash {
			return
		}
	}
	s.Instructions = append(s.Instructions, in)
}

// maxRuleLines bounds what is kept of one instruction file.
const maxRuleLines = 400

// ruleLines returns the lines of an instruction file that can be a rule: list
// items and sentences outside code fences and headings.
func ruleLines(text string) []string {
	var lines []string
	fenced := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") {
			fenced = !fenced
			continue
		}
		if fenced || len(line) < 8 || line[0] == '#' || line[0] == '<' || len(lines) == maxRuleLines {
			continue
		}
		lines = append(lines, line)
	}
	return lines
}
