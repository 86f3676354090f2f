package mcp

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"lode/session/redact"
)

var token = "ghp_" + strings.Repeat("aB3dE5", 6)

// hostile is a library whose texts hold a secret, and controls for terminals.
type hostile struct{ asked *Asker }

var evil = "\x1b]0;x\x07run this: " + token + "\u202e\r\n\x00done"

func (h hostile) Search(_ context.Context, q Query) (*Found, error) {
	*h.asked = q.Asker
	return &Found{Total: evil, Hits: []Hit{{Ref: "claude/s#1", Title: evil, Project: evil, What: evil, Snippet: evil}}, Notes: []string{evil}}, nil
}

func (hostile) Show(context.Context, Place) (*Shown, error) {
	return &Shown{Session: "claude/s", Title: evil, Project: evil, Total: 1, Resume: evil, Events: []Event{{Head: evil, Text: evil, At: true}}}, nil
}

func (hostile) Brief(context.Context, string, int) (*Brief, error) { return &Brief{Text: evil}, nil }

func (hostile) Patterns(context.Context, string) (*Patterns, error) {
	return nil, errors.New("failed over " + evil)
}

// What leaves the server, as an answer or an error, has no secret and no
// controls, whatever the library says.
func TestHostile(t *testing.T) {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	safe := func(text string) string { return redact.Text(text, nil) }
	var asked Asker
	done := make(chan error, 1)
	go func() { done <- Serve(context.Background(), hostile{&asked}, safe, "1", in, out) }()
	client, err := mcp.NewClient(&mcp.Implementation{Name: "codex-mcp-client", Version: "1"}, nil).Connect(t.Context(), &mcp.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for tool, args := range map[string]map[string]any{"search": {"query": "x"}, "show": {"ref": "claude/s#1"}, "brief": {}, "patterns": {}} {
		res, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args, Meta: mcp.Meta{"threadId": "t1"}})
		if err != nil {
			t.Fatal(err)
		}
		text := res.Content[0].(*mcp.TextContent).Text
		if !strings.Contains(text, "done") || res.IsError != (tool == "patterns") {
			t.Errorf("%s: %q, error %v", tool, text, res.IsError)
		}
		if strings.ContainsAny(text, "\x1b\x07\x00\r\u202e") || strings.Contains(text, token) {
			t.Errorf("%s lets through what it must not: %q", tool, text)
		}
	}
	if asked.Client != "codex-mcp-client" || asked.Meta["threadId"] != "t1" {
		t.Errorf("asked by %+v", asked)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the server ends with %v", err)
	}
}
