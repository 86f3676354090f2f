package modelserver

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

var script = Script{Dir: "/home/dev/shop", Steps: []Step{
	{Shell: "make"},
	{Read: "a.txt"},
	{Edit: &Edit{Path: "a.txt", Old: "x", New: "y"}},
	{Say: "Done."},
	{Call: &Call{Server: "lode", Tool: "search", Args: map[string]any{"query": "x"}}},
}}

// Each protocol gets the step that the request's history says, as a call of a
// tool that it offers. What is asked without a shell is a title.
func TestProtocols(t *testing.T) {
	for _, c := range []struct{ name, path, body, want string }{
		{"anthropic call", "/v1/messages?beta=true",
			`{"stream":true,"tools":[{"name":"Bash","input_schema":{"properties":{"command":{"type":"string"}}}}],"messages":[{"role":"user","content":"Go."}]}`,
			`"partial_json":"{\"command\":\"make\"}"`},
		{"anthropic read", "/v1/messages",
			`{"tools":[{"name":"Bash"},{"name":"Read","input_schema":{"properties":{"file_path":{}}}}],"messages":[{"role":"user","content":"Go."},
			{"role":"assistant","content":[{"type":"text","text":"Done"},{"type":"tool_use"}]}]}`,
			`"input":{"file_path":"/home/dev/shop/a.txt"}`},
		{"anthropic title", "/v1/messages", `{"messages":[{"role":"user","content":"Name it."}]}`, `"text":"Settings"`},
		{"anthropic after words", "/v1/messages",
			`{"tools":[{"name":"Bash"}],"messages":[{"role":"assistant","content":[{"type":"tool_use"},{"type":"tool_use"},{"type":"tool_use"},{"type":"tool_use"}]},{"role":"assistant","content":"Done."}]}`,
			`The script has ended.`},
		{"responses call", "/v1/responses",
			`{"stream":true,"tools":[{"type":"function","name":"shell","parameters":{"properties":{"command":{"type":"array"}}}}],"input":[]}`,
			`"arguments":"{\"command\":[\"bash\",\"-lc\",\"make\"]}"`},
		{"anthropic server", "/v1/messages", `{"tools":[{"name":"Bash"}],"messages":[{"role":"assistant","content":[{"type":"text","text":"Done."},{"type":"tool_use"},{"type":"tool_use"},{"type":"tool_use"}]}]}`,
			`{"id":"toolu_call_0005","input":{"query":"x"},"name":"mcp__lode__search"`},
		{"responses server", "/v1/responses",
			`{"tools":[{"name":"shell"},{"type":"namespace","name":"mcp__lode__","tools":[{"name":"search"}]}],"input":[{"type":"function_call"},{"type":"function_call"},{"type":"function_call"},{"type":"function_call"}]}`,
			`"name":"search","namespace":"mcp__lode__"`},
		{"responses found server", "/v1/responses",
			`{"tools":[{"name":"shell"},{"type":"tool_search"}],"input":[{"type":"function_call"},{"type":"function_call"},{"type":"function_call"},{"type":"function_call"}]}`,
			`"name":"search","namespace":"mcp__lode"`},
		{"chat server", "/v1/chat/completions",
			`{"tools":[{"function":{"name":"bash"}},{"function":{"name":"lode_search"}}],"messages":[{"role":"assistant","tool_calls":[{},{},{},{}]}]}`,
			`"function":{"arguments":"{\"query\":\"x\"}","name":"lode_search"}`},
		{"responses patch", "/v1/responses",
			`{"tools":[{"name":"exec_command","parameters":{"properties":{"cmd":{}}}},{"type":"custom","name":"apply_patch"}],"input":[{"type":"function_call"},{"type":"custom_tool_call"}]}`,
			`"input":"*** Begin Patch\n*** Update File: a.txt\n@@\n-x\n+y\n*** End Patch\n"`},
		{"chat edit", "/v1/chat/completions",
			`{"stream":true,"tools":[{"function":{"name":"bash"}},{"function":{"name":"edit","parameters":{"properties":{"path":{},"edits":{}}}}}],
			"messages":[{"role":"assistant","tool_calls":[{},{}]}]}`,
			`[{\"newText\":\"y\",\"oldText\":\"x\"}]`},
		{"chat words", "/v1/chat/completions",
			`{"tools":[{"function":{"name":"bash"}}],"messages":[{"role":"assistant","tool_calls":[{},{},{}]}]}`,
			`"message":{"content":"Done.","role":"assistant"}`},
		{"gemini call", "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
			`{"tools":[{"functionDeclarations":[{"name":"run_shell_command","parametersJsonSchema":{"properties":{"command":{},"description":{}}}}]}],"contents":[]}`,
			`"args":{"command":"make","description":"Runs a command"}`},
		{"gemini words", "/v1beta/models/gemini-2.5-pro:generateContent",
			`{"tools":[{"functionDeclarations":[{"name":"run_shell_command"}]}],"contents":[{"role":"model","parts":[{"functionCall":{}},{"functionCall":{}},{"functionCall":{}}]}]}`,
			`"parts":[{"text":"Done."}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Start(script)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			resp, err := http.Post(s.URL+c.path, "application/json", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			if err != nil || !strings.Contains(string(answer), c.want) {
				t.Errorf("answered, %v:\n%s\nwant in it %s", err, answer, c.want)
			}
			asked := s.Requests()
			if len(asked) != 1 || string(asked[0].Body) != c.body || asked[0].Status != http.StatusOK {
				t.Errorf("remembers %+v", asked)
			}
		})
	}
}

// What is no model's is not found, so that nothing waits for it.
func TestNotFound(t *testing.T) {
	s, err := Start(script)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	resp, err := http.Get(s.URL + "/some-package")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("answered %s", resp.Status)
	}
}
