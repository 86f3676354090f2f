package modelserver

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// The names that agents give to their tools.
var (
	shellTools = []string{"Bash", "bash", "exec_command", "shell_command", "shell", "run_shell_command"}
	readTools  = []string{"Read", "read", "read_file"}
	editTools  = []string{"Edit", "edit", "replace"}
	patchTools = []string{"apply_patch"}
)

// find returns the first of the tools with one of the names.
func find(tools []tool, names []string) *tool {
	for i := range tools {
		if slices.Contains(names, tools[i].name) {
			return &tools[i]
		}
	}
	return nil
}

// reply turns a step into words or a call of a tool on offer. Agents without a
// tool for reading or editing do it in the shell.
func (s Script) reply(step Step, tools []tool) reply {
	switch {
	case step.Say != "":
		return reply{text: step.Say}
	case step.Read != "":
		if t := find(tools, readTools); t != nil {
			return t.with(map[string]any{"path": filepath.Join(s.Dir, step.Read)})
		}
		return shell(tools, "cat "+step.Read)
	case step.Edit != nil:
		return s.edit(step.Edit, tools)
	case step.Call != nil:
		return reply{call: step.Call.find(tools), args: step.Call.Args}
	}
	return shell(tools, step.Shell)
}

// find returns the tool as the agent names it. Newer agents do not list the
// tools of servers, but let the model look for them; they take calls without
// that.
func (c *Call) find(tools []tool) *tool {
	name := c.Server + "__" + c.Tool
	if t := find(tools, []string{"mcp__" + name, name, "mcp_" + c.Server + "_" + c.Tool, c.Server + "_" + c.Tool}); t != nil {
		return t
	}
	for i := range tools {
		if tools[i].name == c.Tool && strings.Trim(tools[i].namespace, "_") == "mcp__"+c.Server {
			return &tools[i]
		}
	}
	if slices.ContainsFunc(tools, func(t tool) bool { return t.finder }) {
		return &tool{name: c.Tool, namespace: "mcp__" + c.Server}
	}
	return &tool{name: "mcp__" + name}
}

func shell(tools []tool, command string) reply {
	t := find(tools, shellTools)
	if t.param("command").Get("type").Str == "array" {
		return t.with(map[string]any{"command": []string{"bash", "-lc", command}})
	}
	return t.with(map[string]any{"command": command, "description": "Runs a command"})
}

func (s Script) edit(e *Edit, tools []tool) reply {
	if t := find(tools, editTools); t != nil {
		return t.with(map[string]any{"path": filepath.Join(s.Dir, e.Path), "old": e.Old, "new": e.New,
			"description": "Changes a line", "edits": []map[string]string{{"oldText": e.Old, "newText": e.New}}})
	}
	patch := "*** Begin Patch\n*** Update File: " + e.Path + "\n@@\n-" + e.Old + "\n+" + e.New + "\n*** End Patch\n"
	if t := find(tools, patchTools); t != nil {
		return reply{call: t, args: map[string]any{"input": patch}, input: patch}
	}
	return shell(tools, "apply_patch <<'EOF'\n"+patch+"EOF")
}

// paramNames are the names that agents give to the parameters of their tools.
var paramNames = map[string][]string{
	"path":        {"file_path", "filePath", "absolute_path", "path"},
	"command":     {"command", "cmd"},
	"old":         {"old_string", "oldString", "old_str"},
	"new":         {"new_string", "newString", "new_str"},
	"edits":       {"edits"},
	"description": {"description", "instruction"},
}

// param returns what the tool says of a parameter, by our name for it.
func (t *tool) param(name string) gjson.Result {
	for _, n := range paramNames[name] {
		if p := t.params.Get(n); p.Exists() {
			return p
		}
	}
	return gjson.Result{}
}

// with is a call with those of the values that the tool has parameters for.
func (t *tool) with(values map[string]any) reply {
	args := make(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, n := range paramNames[name] {
			if t.params.Get(n).Exists() {
				args[n] = values[name]
				break
			}
		}
	}
	return reply{call: t, args: args}
}
