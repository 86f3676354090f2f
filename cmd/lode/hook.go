package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// newHookCommand is what agents call at the start of a session; see
// internal/install.
func newHookCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "hook session-start", Short: "Answer the hook of an agent (lode install sets it up)",
		Long: `hook session-start reads what Claude Code or Gemini CLI tells a hook at the start
of a session, as JSON on standard input, and answers with the brief of the
project that the session works in. Nothing learned, no output. It never fails:
an agent starts also when lode is out of order, which standard error then tells.
Agents that lode itself runs have the brief in their prompt, and get no other.`,
		Example:   `  echo '{"cwd":"/home/dev/shop"}' | lode hook session-start`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"session-start"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := runHook(cmd.Context(), g); err != nil {
				fmt.Fprintln(g.stderr, "lode:", err)
			}
			return nil
		},
	}
}

// maxHookInput is more than agents tell a hook.
const maxHookInput = 1 << 20

func runHook(ctx context.Context, g *globals) error {
	for _, name := range []string{"LODE_RUN", "LODE_PROMPT"} {
		if g.getenv(name) != "" {
			return nil // an agent that lode itself started: its prompt has what it should know
		}
	}
	text, err := io.ReadAll(io.LimitReader(g.stdin, maxHookInput))
	if err != nil {
		return err
	}
	var told struct {
		Cwd        string `json:"cwd"`
		Event      string `json:"hook_event_name"`
		Session    string `json:"session_id"`
		Transcript string `json:"transcript_path"`
	}
	if len(strings.TrimSpace(string(text))) > 0 {
		if err := json.Unmarshal(text, &told); err != nil {
			return fmt.Errorf("what the agent tells the hook: %w", err)
		}
	}
	if told.Event == "" {
		told.Event = "SessionStart"
	}
	if told.Cwd != "" {
		if err := os.Chdir(told.Cwd); err != nil {
			return err
		}
	}
	brief, problem := g.capture(ctx, slices.Concat([]string{"brief"}, readerOf(told.Session, told.Transcript))...)
	if brief == "" {
		return problem
	}
	answer := map[string]any{"hookSpecificOutput": map[string]any{"hookEventName": told.Event, "additionalContext": brief}}
	return errors.Join(json.NewEncoder(g.stdout).Encode(answer), problem)
}

// readerOf tells a brief who it is for, where that can be seen: by the folder
// that the agent keeps its transcripts in.
func readerOf(session, transcript string) []string {
	for _, agent := range []string{"claude", "gemini"} {
		if session != "" && slices.Contains(strings.FieldsFunc(transcript, func(r rune) bool { return r == '/' || r == '\\' }), "."+agent) {
			return []string{"--agent=" + agent, "--to=" + agent + "/" + session}
		}
	}
	return nil
}

// capture runs another command with the same global flags, and returns what it
// prints.
func (g *globals) capture(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	inner := &globals{environment: g.environment}
	inner.stdout = &out
	root := newRootCommand(inner)
	for name, value := range map[string]string{"state": g.state, "home": g.home, "config": g.config, "now": g.now} {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(g.stderr)
	err := root.ExecuteContext(ctx)
	return out.String(), err
}
