package agent

import (
	"strings"
	"testing"
	"time"

	"lode/session"
)

// What each program prints at the end of a session, and what is read of it.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		agent string
		out   string
		want  Said
	}{
		{"claude", `{"type":"system","subtype":"init","session_id":"s-1"}
{"type":"assistant","message":{"content":[{"type":"text","text":"Looking."}]},"session_id":"s-1"}
{"type":"result","subtype":"success","is_error":false,"result":"Done.","session_id":"s-1","total_cost_usd":0.12,"usage":{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":3}}`,
			Said{Text: "Done.", Session: "s-1", Usage: session.Usage{Input: 10, Output: 5, CacheRead: 7, CacheWrite: 3, Cost: 0.12}}},
		{"claude", `{"type":"result","subtype":"success","is_error":true,"result":"API Error: 529 overloaded","session_id":"s-1"}`,
			Said{Text: "API Error: 529 overloaded", Session: "s-1", Failed: "API Error: 529 overloaded"}},
		{"codex", `{"type":"thread.started","thread_id":"t-1"}
{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"Done."}}
{"type":"turn.completed","usage":{"input_tokens":100,"cached_input_tokens":40,"output_tokens":9}}`,
			Said{Text: "Done.", Session: "t-1", Usage: session.Usage{Input: 60, CacheRead: 40, Output: 9}}},
		{"codex", `{"type":"error","message":"Reconnecting... 1/5"}
{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429 Too Many Requests"}}`,
			Said{Failed: "exceeded retry limit, last status: 429 Too Many Requests"}},
		{"gemini", `{"type":"init","session_id":"g-1","model":"m"}
{"type":"message","role":"assistant","content":"I look.","delta":true}
{"type":"tool_use","tool_name":"read_file"}
{"type":"message","role":"assistant","content":"All ","delta":true}
{"type":"message","role":"assistant","content":"done.","delta":true}
{"type":"result","status":"success","stats":{"total_tokens":110,"input_tokens":100,"output_tokens":10,"cached":20}}`,
			Said{Text: "All done.", Session: "g-1", Usage: session.Usage{Input: 80, CacheRead: 20, Output: 10}}},
		{"opencode", `{"type":"step_start","sessionID":"o-1","part":{}}
{"type":"step_finish","sessionID":"o-1","part":{"cost":0.5,"tokens":{"input":10,"output":2,"reasoning":1,"cache":{"read":4,"write":0}}}}
{"type":"text","sessionID":"o-1","part":{"text":"Done."}}
{"type":"step_finish","sessionID":"o-1","part":{"cost":0.25,"tokens":{"input":1,"output":1,"reasoning":0,"cache":{"read":0,"write":0}}}}`,
			Said{Text: "Done.", Session: "o-1", Usage: session.Usage{Input: 11, Output: 4, CacheRead: 4, Cost: 0.75}}},
		{"pi", `{"type":"session","id":"p-1","version":3}
{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"Done."}],"stopReason":"stop","usage":{"input":3,"output":2,"cacheRead":1,"cacheWrite":0,"cost":{"total":0.01}}}}
{"type":"message_end","message":{"role":"user","content":[{"type":"text","text":"x"}]}}`,
			Said{Text: "Done.", Session: "p-1", Usage: session.Usage{Input: 3, Output: 2, CacheRead: 1, Cost: 0.01}}},
		{"qwen", `{"type":"result","is_error":false,"result":"Done.","session_id":"q-1","usage":{"input_tokens":10,"output_tokens":5}}`,
			Said{Text: "Done.", Session: "q-1", Usage: session.Usage{Input: 10, Output: 5}}},
	} {
		var said Said
		listen := Parse(c.agent).Listen(&said)
		for line := range strings.Lines(c.out + "\nno JSON\n{half\n") {
			listen([]byte(line))
		}
		if said != c.want {
			t.Errorf("%s: read %+v\nwant %+v", c.agent, said, c.want)
		}
	}
}

// Every program says what it is, starts, and goes on with a session.
func TestAgents(t *testing.T) {
	for _, a := range Agents {
		c := Parse(a.Name + " --model m")
		if a.Doc == "" || a.Program == "" || a.Read == nil || a.Records == "" || c.Agent == nil {
			t.Errorf("%s: %+v", a.Name, a)
		}
		args := strings.Join(c.Args(""), " ")
		if !strings.HasPrefix(args, a.Program+" ") || !strings.HasSuffix(args, " --model m") {
			t.Errorf("%s starts as %s", a.Name, args)
		}
		if on := strings.Join(c.Args("id-7"), " "); !strings.Contains(on, "id-7") || !strings.HasSuffix(on, " --model m") {
			t.Errorf("%s goes on as %s", a.Name, on)
		}
	}
	for _, line := range []string{"claude -p | tee log", "./claude", "sh agent.sh", "claude 'x'"} {
		if c := Parse(line); c.Agent != nil || c.Line != line || c.Args("") != nil {
			t.Errorf("%q is read as %+v", line, c)
		}
	}
}

func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		exit     int
		out      string
		is       bool
		wait     time.Duration
		hopeless bool
	}{
		{1, "working\nError: 429 Too Many Requests, retry after 20s\n", true, 20 * time.Second, false},
		{1, "rate limit reached, try again in 1.5 minutes", true, 90 * time.Second, false},
		{1, "API Error: 529 overloaded", true, 0, false},
		{1, "connect ECONNREFUSED 127.0.0.1:9", true, 0, false},
		{1, "You've hit your usage limit. Resets in 2 hours", true, 2 * time.Hour, false},
		{1, "Invalid API key · Please run /login", true, 0, true},
		{1, "Credit balance is too low", true, 0, true},
		{0, "I made the client retry after 429 answers.", false, 0, false},
		{1, "FAIL: 3 tests failed", false, 0, false},
		{2, "", false, 0, false},
	} {
		got, is := TroubleOf(c.exit, Said{}, c.out)
		if is != c.is || got.Wait != c.wait || got.Hopeless != c.hopeless {
			t.Errorf("%d %q: %v %+v", c.exit, c.out, is, got)
		}
	}
}

// What a program reports as failed is the service's doing only when it says so.
func TestReported(t *testing.T) {
	for text, want := range map[string]bool{"API Error: 529 overloaded": true, "Reached maximum number of turns (30)": false, "stream disconnected before completion": true} {
		if _, is := TroubleOf(0, Said{Failed: text}, ""); is != want {
			t.Errorf("%q: %v", text, is)
		}
	}
}

func TestClaims(t *testing.T) {
	for _, c := range []struct{ text, word, why string }{
		{"status: blocked: no password", "blocked", "no password"},
		{"# State\n\n**Status: impossible** - it contradicts itself", "impossible", "it contradicts itself"},
		{"Status: done\nstatus: blocked, the disk is full", "blocked", "the disk is full"},
		{"- status: done", "done", ""},
		{"status: wait until 2026-05-01T10:00:00Z: the build", "wait", "the build"},
		{"status: wait until tomorrow: the build", "blocked", "the build"},
		{"The HTTP status: blocked is shown", "", ""},
		{"status: fine", "", ""},
		{"statusline done", "", ""},
	} {
		got, _ := ClaimIn(c.text)
		if got.Word != c.word || got.Why != c.why {
			t.Errorf("%q: %+v", c.text, got)
		}
	}
}
