package ingest

import (
	"bufio"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// copilotChat reads the chat of Visual Studio Code: one document a session with
// its requests, or a log of the changes to that document. A request holds what
// the person wrote and the parts of the response; calls stand among the parts
// as the screen shows them, and with their arguments and results, as the model
// has them, in the metadata of the result. References count requests: the log
// is written anew when it grows long.
var copilotChat = Format{
	Name:       "copilot-chat",
	Doc:        "GitHub Copilot Chat in Visual Studio Code, in the editor's workspaceStorage",
	Version:    2,
	Seen:       "documents, and logs of changes",
	Skips:      "what is no word, call, result or edit",
	Checked:    "Visual Studio Code's source",
	Unverified: true,
	Places:     inEditors("workspaceStorage/*/chatSessions/*.{json,jsonl}", "globalStorage/emptyWindowChatSessions/*.{json,jsonl}"),
	Beside:     []string{chatWorkspace},
	Sniff:      sniffCopilotChat,
	Parse:      parseCopilotChat,
}

// chatWorkspace is the file that names the folder of a workspaceStorage.
const chatWorkspace = "../workspace.json"

func sniffCopilotChat(head []byte) bool {
	doc := firstObject(head)
	if isChatLog(doc) {
		doc = doc.Get("v")
	}
	if !strings.HasPrefix(doc.Get("requests").Raw, "[") {
		return false
	}
	for _, name := range []string{"responderUsername", "initialLocation", "sessionId", "requests.0.requestId"} {
		if doc.Get(name).Exists() {
			return true
		}
	}
	return false
}

// isChatLog recognises the first change of a log: the whole document.
func isChatLog(first gjson.Result) bool {
	kind := first.Get("kind")
	return kind.Type == gjson.Number && kind.Int() == 0 && strings.HasPrefix(first.Get("v").Raw, "{")
}

func parseCopilotChat(in *Input, d *Draft) error {
	r := bufio.NewReaderSize(in, sniffLen)
	head, _ := r.Peek(sniffLen)
	in = &Input{Path: in.Path, File: in.File, Reader: r}
	if isChatLog(gjson.ParseBytes(head)) {
		log := chatLog{d: d}
		if err := eachRecord(in, d, log.apply); err != nil {
			return err
		}
		readChat(in, d, gjson.ParseBytes(log.document()))
		return nil
	}
	doc, err := wholeDocument(in, d)
	if err == nil && doc.Exists() {
		readChat(in, d, doc)
		d.Records += len(doc.Get("requests").Array())
	}
	return err
}

// readChat reads a session's document.
func readChat(in *Input, d *Draft, doc gjson.Result) {
	id := doc.Get("sessionId").String()
	if id == "" {
		id = strings.TrimSuffix(strings.TrimSuffix(path.Base(in.Path), ".jsonl"), ".json")
	}
	p := &chatParser{d: d, main: id}
	s := p.session("")
	s.Title = doc.Get("customTitle").String()
	workspace := gjson.ParseBytes(in.beside(chatWorkspace))
	s.Cwd = uriPath(workspace.Get("folder").String())
	if file := uriPath(workspace.Get("workspace").String()); file != "" && s.Cwd == "" {
		s.Cwd = path.Dir(file)
	}
	n := 0
	doc.Get("requests").ForEach(func(_, req gjson.Result) bool {
		switch {
		case req.IsObject():
			p.request(n, req)
		case req.Type != gjson.Null: // one that was taken back
			d.bad(n, "not an object: "+d.excerpt([]byte(req.Raw)))
		}
		n++
		return true
	})
}

// uriPath returns the path of a file's address, or nothing.
func uriPath(uri string) string {
	for _, scheme := range []string{"file://", "vscode-remote://"} {
		rest, ok := strings.CutPrefix(uri, scheme)
		if !ok {
			continue
		}
		rest = rest[max(0, strings.IndexByte(rest, '/')):] // without the host
		if plain, err := url.PathUnescape(rest); err == nil {
			return plain
		}
		return rest
	}
	return ""
}

type chatParser struct {
	d    *Draft
	main string
	n    int // request
	req  gjson.Result
	made map[string]chatCall // calls as the model has them, by id
	todo []string            // ids of those that no part of the response shows
}

// chatCall is a call as the model has it.
type chatCall struct {
	name      string
	arguments gjson.Result
	result    gjson.Result
	time      float64
}

// session returns the session of a subagent, "" for the main one.
func (p *chatParser) session(subagent string) *session.Session {
	id := p.main
	if subagent != "" {
		id += "." + subagent
	}
	s := p.d.session(id)
	s.Sources[0].Unit = "index"
	if s.Population = session.ByUser; subagent != "" {
		s.Population, s.Parent, s.Cwd = session.Subagent, p.main, p.session("").Cwd
	}
	return s
}

// event starts an event of the request.
func (p *chatParser) event(part int, kind session.Kind, author session.Author) session.Event {
	id := p.req.Get("requestId").String()
	if id == "" {
		id = p.main + "#" + strconv.Itoa(p.n)
	}
	return session.Event{N: p.n, Part: part, Kind: kind, Author: author, Time: unixTime(p.req.Get("timestamp").Float() / 1000),
		Key: key("copilot-chat", id, strconv.Itoa(part))}
}

// Parts of a request: what the person wrote, what became of it, then a few
// for each part of the response, and for each call that none of those shows.
const (
	chatAsked = iota
	chatEnded
	chatResponse = 10
	chatHidden   = 500_000
	chatStep     = 4
)

// request reads what the person wrote, the response, and how it ended.
func (p *chatParser) request(n int, req gjson.Result) {
	p.n, p.req = n, req
	s := p.session("")
	if model := req.Get("modelId").String(); model != "" {
		s.Model = model
	}
	p.calls(req.Get("result.metadata"))
	if e := p.event(chatAsked, session.User, session.Human); req.Get("message.text").String() != "" {
		e.Line, e.Text = p.d.line(req.Get("message.text")), req.Get("message.text").String()
		if req.Get("confirmation").Exists() || req.Get("isSystemInitiated").Bool() {
			e.Author = session.Injected
		}
		p.d.add(s, e)
	}
	p.response(req.Get("response"))
	part := chatHidden
	for _, id := range p.todo {
		p.call(s, part, id, gjson.Result{})
		part += chatStep
	}
	e := p.event(chatEnded, session.Note, session.Injected)
	failure := req.Get("result.errorDetails")
	switch {
	case req.Get("isCanceled").Bool(), failure.Get("code").Str == "canceled":
		e.Act, e.Text = session.Interrupt, "cancelled by the user"
	case failure.Get("message").String() != "":
		e.Line, e.Act, e.Text = p.d.line(failure.Get("message")), session.APIError, failure.Get("message").String()
	default:
		return
	}
	p.d.add(s, e)
}

// calls reads the calls as the model has them, and the use of tokens.
func (p *chatParser) calls(meta gjson.Result) {
	p.made, p.todo = map[string]chatCall{}, nil
	results := meta.Get("toolCallResults").Map()
	meta.Get("toolCallRounds").ForEach(func(_, round gjson.Result) bool {
		round.Get("toolCalls").ForEach(func(_, c gjson.Result) bool {
			id := c.Get("id").String()
			if _, twice := p.made[id]; id != "" && !twice {
				p.made[id] = chatCall{c.Get("name").String(), c.Get("arguments"), results[id], round.Get("timestamp").Float()}
				p.todo = append(p.todo, id)
			}
			return true
		})
		return true
	})
	u := &p.session("").Usage
	u.Input += int(meta.Get("promptTokens").Int())
	u.Output += int(meta.Get("outputTokens").Int())
}
