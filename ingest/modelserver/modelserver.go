// Package modelserver plays the part of the model for the real programs of
// coding agents, in tests only.
//
// A Script is the story that the model tells: commands, reads, edits and closing
// words, whatever agent asks. The server speaks the four protocols that agents
// use (Anthropic Messages, OpenAI Responses and Chat Completions, Gemini), and
// turns each step into a call of a tool that the request itself offers. It
// keeps no place in the script: a request's own history says which step comes
// next, so that side requests, retries and resumed sessions need no care.
// Package modelserver/clients runs the programs.
package modelserver

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"
)

// Step is what the model does in one request: a tool call, or words that close
// a turn. One of Shell, Read, Edit, Call and Say is set.
type Step struct {
	Shell string // a command line
	Read  string // a path, relative to the script's folder
	Edit  *Edit
	Call  *Call
	Say   string
}

// Call calls a tool of an MCP server that the agent is set up with.
type Call struct {
	Server, Tool string
	Args         map[string]any
}

// Edit replaces a line of a file by another.
type Edit struct{ Path, Old, New string }

// Script is what the model does, one step a request, and where.
type Script struct {
	Dir   string // the working folder of the agent
	Name  string // part of the ids of calls, for scripts that are told more than once: no two calls of a model have one
	Steps []Step
	// Scenes are the steps of sessions that are told apart by words in their
	// requests; others take Steps.
	Scenes []Scene
}

// Scene is what the model does in sessions whose requests hold some words.
type Scene struct {
	Words string
	Steps []Step
}

// steps are those of the session that a request belongs to, with what tells
// its calls from those of other sessions.
func (s Script) steps(body []byte) ([]Step, string) {
	for i, scene := range s.Scenes {
		if bytes.Contains(body, []byte(scene.Words)) {
			return scene.Steps, fmt.Sprintf("%s%c", s.Name, 'a'+i)
		}
	}
	return s.Steps, s.Name
}

// Server answers the requests of one agent.
type Server struct {
	URL    string // http://127.0.0.1:port
	script Script
	http   *httptest.Server

	mu       sync.Mutex
	requests []Request
}

// Request is one that the server was asked.
type Request struct {
	Method, Path string
	Body         []byte
	Status       int // of the answer
}

// Start serves a script on a free port of the loopback interface.
func Start(script Script) (*Server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serving a scripted model: %w", err)
	}
	s := &Server{script: script, URL: "http://" + listener.Addr().String()}
	s.http = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s}}
	s.http.Start()
	return s, nil
}

// Close stops the server.
func (s *Server) Close() { s.http.CloseClientConnections(); s.http.Close() }

// Requests returns what was asked so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// protocols are the ways in which agents talk to a model.
var protocols = []protocol{
	{"/messages", readAnthropic, writeAnthropic},
	{"/responses", readResponses, writeResponses},
	{"/chat/completions", readChat, writeChat},
	{":streamGenerateContent", readGemini, writeGemini},
	{":generateContent", readGemini, writeGemini},
}

// protocol knows the requests of one API by the end of their path.
type protocol struct {
	path  string
	read  func(body gjson.Result) asked
	write func(w *stream, r reply)
}

// asked is what matters of a request.
type asked struct {
	tools []tool
	calls int      // tool calls in its history
	said  []string // texts of the model in its history
}

// tool is one that the request offers.
type tool struct {
	name, namespace string
	custom          bool // takes text in place of named parameters
	finder          bool // finds the tools of servers, which are called by namespace
	params          gjson.Result
}

// reply is what the model says: words, or a call.
type reply struct {
	text  string
	call  *tool
	args  map[string]any
	input string // of a custom tool
	id    string // of the call
}

// ServeHTTP answers a request in its protocol; what is no request to a model
// is not found.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	status := http.StatusNotFound
	for _, p := range protocols {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, p.path) {
			status = http.StatusOK
			doc := gjson.ParseBytes(body)
			out := &stream{w: w, events: doc.Get("stream").Bool() || p.path == ":streamGenerateContent", model: doc.Get("model").Str}
			p.write(out, s.next(p.read(doc), body))
			break
		}
	}
	switch {
	case status == http.StatusOK:
	case r.Method == http.MethodHead: // Claude Code looks whether anybody is there
		status = http.StatusOK
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		status = http.StatusOK
		io.WriteString(w, `{"input_tokens":100}`)
	case strings.HasSuffix(r.URL.Path, ":countTokens"):
		status = http.StatusOK
		io.WriteString(w, `{"totalTokens":100}`)
	default:
		http.Error(w, `{"error":{"message":"not found"}}`, status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, body, status})
}

// next returns what the script says to a request.
func (s *Server) next(a asked, body []byte) reply {
	steps, name := s.script.steps(body)
	if find(a.tools, shellTools) == nil {
		return reply{text: "Settings"} // asked for a title or a summary
	}
	at := a.calls
	for _, text := range a.said {
		if slices.ContainsFunc(steps, func(step Step) bool { return step.Say != "" && step.Say == text }) {
			at++
		}
	}
	if at >= len(steps) {
		return reply{text: "The script has ended."}
	}
	r := s.script.reply(steps[at], a.tools)
	r.id = fmt.Sprintf("call_%s%04d", name, at+1)
	return r
}
