package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// desk is where the calls of tools come in.
type desk struct {
	lib  Library
	safe func(string) string
}

// What an answer may cost, in tokens: when the agent does not say, and at most.
const (
	searchBudget   = 1500
	showBudget     = 2500
	patternsBudget = 1500
	minBudget      = 100
	maxBudget      = 20000
)

const (
	defaultHits = 5
	maxHits     = 20
	around      = 3
	maxAround   = 50
)

type searchArgs struct {
	Error   string `json:"error,omitempty" jsonschema:"a failing output or stack trace as it stands: the same failure is found, whatever its numbers, paths and names, and what fixed it when that is known"`
	Query   string `json:"query,omitempty" jsonschema:"words, all of which must be there; \"a phrase\"; a OR b; -word for what must not be there; pref*; file:config.py, cmd:pytest; lit:\"f(x, 1)\" for exactly these characters in whole texts"`
	Project string `json:"project,omitempty" jsonschema:"only this project: owner/name or its last part, or 'here' for that of the working folder; all projects when left out"`
	Agent   string `json:"agent,omitempty" jsonschema:"only sessions of this agent: claude, codex, gemini, ..."`
	Kind    string `json:"kind,omitempty" jsonschema:"only events of this kind: user, agent, call or result"`
	Tool    string `json:"tool,omitempty" jsonschema:"only calls and results of this tool"`
	Failed  bool   `json:"failed,omitempty" jsonschema:"only what failed"`
	Since   string `json:"since,omitempty" jsonschema:"not older than this: 30d, 12h, 2026-05-01"`
	Limit   int    `json:"limit,omitempty" jsonschema:"sessions to return, 5 when left out, at most 20"`
	Budget  int    `json:"budget,omitempty" jsonschema:"tokens that the answer may take, 1500 when left out"`
}

type showArgs struct {
	Ref    string `json:"ref" jsonschema:"what search returned: agent/session#n; without #n the session from its beginning"`
	Around *int   `json:"around,omitempty" jsonschema:"events to show before and after, 3 when left out"`
	Tools  string `json:"tools,omitempty" jsonschema:"'none' leaves out tool calls and results, 'only' everything else"`
	Budget int    `json:"budget,omitempty" jsonschema:"tokens that the answer may take, 2500 when left out; long texts are cut in their middle"`
}

type briefArgs struct {
	Project string `json:"project,omitempty" jsonschema:"owner/name or its last part; that of the working folder when left out"`
	Budget  int    `json:"budget,omitempty" jsonschema:"tokens that the answer may take"`
}

type patternsArgs struct {
	Project string `json:"project,omitempty" jsonschema:"owner/name or its last part, or 'all'; that of the working folder when left out"`
	Budget  int    `json:"budget,omitempty" jsonschema:"tokens that the answer may take, 1500 when left out"`
}

// addTools lists the tools. They read, and nothing else.
func (d desk) addTools(s *mcp.Server) {
	add(s, d, "search", "Search past sessions",
		"Find where something came up in past sessions of any coding agent: an error, a command, a file, an identifier, a decision. Returns the best place of each session with its ref.", d.search)
	add(s, d, "show", "Read a place in a past session",
		"Read a ref that search, patterns or a learning names, with what came before and after it.", d.show)
	add(s, d, "brief", "What was learned about this project",
		"The rules that a person accepted for a project, drawn from its past sessions.", d.brief)
	add(s, d, "patterns", "What keeps going wrong",
		"What recurs in a project's sessions: commands that fail for the same reason, wrong paths, what people correct again and again, and what worked instead.", d.patterns)
}

// add makes a tool of a function that returns a text. What goes wrong is told
// to the agent as the tool's answer, so that it can do better.
func add[In any](s *mcp.Server, d desk, name, title, doc string, f func(context.Context, Asker, In) (string, error)) {
	closed := false
	tool := &mcp.Tool{Name: name, Title: title, Description: doc,
		Annotations: &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed}}
	mcp.AddTool(s, tool, func(ctx context.Context, req *mcp.CallToolRequest, args In) (*mcp.CallToolResult, any, error) {
		text, err := f(ctx, asker(req), args)
		if err != nil {
			return nil, nil, errors.New(d.safe(err.Error()))
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: d.safe(text)}}}, nil, nil
	})
}

// asker reads who asks from a call. Newer clients tell their name with each
// call, older ones at the start.
func asker(req *mcp.CallToolRequest) Asker {
	a := Asker{Meta: req.Params.GetMeta()}
	if init := req.Session.InitializeParams(); init != nil && init.ClientInfo != nil {
		a.Client = init.ClientInfo.Name
	}
	if info, ok := a.Meta["io.modelcontextprotocol/clientInfo"].(map[string]any); ok {
		if name, ok := info["name"].(string); ok {
			a.Client = name
		}
	}
	return a
}

func (d desk) search(ctx context.Context, who Asker, a searchArgs) (string, error) {
	if strings.TrimSpace(a.Query+a.Error) == "" {
		return "", errors.New("nothing to search for: give query or error")
	}
	found, err := d.lib.Search(ctx, Query{Error: a.Error, Text: a.Query, Project: a.Project, Agent: a.Agent, Kind: a.Kind, Tool: a.Tool, Failed: a.Failed,
		Since: a.Since, Limit: within(a.Limit, defaultHits, 1, maxHits), Asker: who})
	if err != nil {
		return "", err
	}
	return found.print(budget(a.Budget, searchBudget)), nil
}

func (d desk) show(ctx context.Context, _ Asker, a showArgs) (string, error) {
	p := Place{Ref: a.Ref, Around: around, Tools: a.Tools}
	if a.Around != nil {
		p.Around = min(max(*a.Around, 0), maxAround)
	}
	if a.Tools != "" && a.Tools != "none" && a.Tools != "only" {
		return "", fmt.Errorf("tools: there is no %q (want none or only)", a.Tools)
	}
	shown, err := d.lib.Show(ctx, p)
	if err != nil {
		return "", err
	}
	return shown.print(budget(a.Budget, showBudget)), nil
}

func (d desk) brief(ctx context.Context, _ Asker, a briefArgs) (string, error) {
	b, err := d.lib.Brief(ctx, a.Project, within(a.Budget, 0, minBudget, maxBudget))
	if err != nil {
		return "", err
	}
	return b.print(), nil
}

func (d desk) patterns(ctx context.Context, _ Asker, a patternsArgs) (string, error) {
	p, err := d.lib.Patterns(ctx, a.Project)
	if err != nil {
		return "", err
	}
	return p.print(budget(a.Budget, patternsBudget)), nil
}

func budget(asked, usual int) int { return within(asked, usual, minBudget, maxBudget) }

// within is what was asked for, as far as it may be had.
func within(asked, usual, least, most int) int {
	if asked <= 0 {
		return usual
	}
	return min(max(asked, least), most)
}
