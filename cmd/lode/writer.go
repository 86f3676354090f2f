package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/rules"
	"lode/session"
)

// wording is what a writer answered about a rule. It is kept as
// <state>/writer/<hash of command and prompt>.json, so that it is asked once.
type wording struct {
	V      int       `json:"v"`
	Writer string    `json:"writer"` // the command line
	Time   time.Time `json:"time"`
	Rule   string    `json:"rule"`              // of the template
	Words  string    `json:"words,omitempty"`   // what stands in its place
	Not    string    `json:"refused,omitempty"` // why the answer was not taken
}

// writer returns what words rules anew, or nil where none is configured. It is
// asked at most as often a night as the analyst; what it was not asked, or
// answered wrongly, keeps the template. What goes wrong is told in the view.
func (l *library) writer(ctx context.Context, view *nightlyView) func(*rules.Proposal) (string, string) {
	command := l.w.cfg.Writer
	if command == "" {
		return nil
	}
	left, failed := l.w.cfg.Asks, false
	return func(d *rules.Proposal) (string, string) {
		prompt := rules.WriterPrompt(d)
		sum := sha256.Sum256([]byte(command + "\x00" + prompt))
		file := filepath.Join(l.w.stateDir, "writer", hex.EncodeToString(sum[:12])+".json")
		answer, known := readWording(file)
		if !known {
			if left == 0 || failed || ctx.Err() != nil {
				return "", ""
			}
			left--
			var err error
			if answer, err = l.askWriter(ctx, command, prompt, d.Rule, file); err != nil {
				failed = true
				view.Attention, view.News = append(view.Attention, fmt.Sprintf("the writer: %v (hint: lode help config)", err)), true
				return "", ""
			}
		}
		if answer.Words == "" {
			return "", ""
		}
		return answer.Words, command
	}
}

func readWording(file string) (wording, bool) {
	var a wording
	text, err := os.ReadFile(file)
	return a, err == nil && json.Unmarshal(text, &a) == nil && a.V == 1
}

// askWriter asks about one rule and keeps the answer, a wrong one too.
func (l *library) askWriter(ctx context.Context, command, prompt, rule, file string) (wording, error) {
	text, err := l.w.ask(ctx, command, prompt)
	if err != nil {
		return wording{}, err
	}
	a := wording{V: 1, Writer: command, Time: l.w.clock, Rule: rule}
	if a.Words, err = rules.Reworded(rule, text); err != nil {
		a.Not = fmt.Sprintf("%v: %s", err, session.Quote(session.Clean(text), 200))
	}
	doc, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return a, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return a, err
	}
	return a, renameio.WriteFile(file, append(doc, '\n'), 0o600)
}
