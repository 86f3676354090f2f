package ingest

import (
	"bytes"
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// miniSWEAgent reads trajectories of mini-swe-agent: one JSON document a run.
// In version 1 a command is the fenced block of a reply and its result a user
// message that starts with <returncode>; version 1.1 has tool calls, and
// results in the tool role with an extra object. Nobody but the template
// speaks in the user role.
var miniSWEAgent = Format{
	Name:    "mini-swe-agent",
	Doc:     "mini-swe-agent trajectories, *.traj.json",
	Version: 2,
	Seen:    "1.15, trajectory formats 1 and 1.1, bare lists",
	Skips:   "the template of the system prompt",
	Checked: "414 trajectories",
	Env:     "MSWEA_GLOBAL_CONFIG_DIR",
	Home:    ".config/mini-swe-agent",
	Places:  []string{".config/mini-swe-agent/*.traj.json"},
	Sniff:   sniffMini,
	Parse:   parseMini,
}

func sniffMini(head []byte) bool {
	head = bytes.TrimSpace(head)
	if len(head) == 0 {
		return false
	}
	if head[0] == '[' { // a bare list of messages
		return bytes.Contains(head, []byte(`"role"`)) && bytes.Contains(head, []byte(`"content"`)) &&
			(bytes.Contains(head, []byte("<returncode>")) || bytes.Contains(head, []byte("MINI_SWE_AGENT")) ||
				bytes.Contains(head, []byte("ONE bash code block")))
	}
	doc := gjson.ParseBytes(head) // may be cut: what stands before the cut is found
	return doc.Get("info.mini_version").Exists() || strings.HasPrefix(doc.Get("trajectory_format").Str, "mini-swe-agent") ||
		doc.Get("info").IsObject() && bytes.Contains(head, []byte("minisweagent.")) || miniInfo.Match(head)
}

// miniInfo matches a document that begins with what the run submitted: the
// patch may fill all of the head. SWE-agent, which has the same names, puts
// them last.
var miniInfo = lazyregexp.New(`^\{\s*"info"\s*:\s*\{\s*"(?:exit_status|submission)"`)

func parseMini(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	messages := doc.Get("messages")
	if doc.IsArray() {
		messages = doc
	}
	p := &miniParser{d: d}
	p.s = d.session(p.identity(doc, messages))
	p.head(doc)
	eachItem(messages, d, p.message)
	return nil
}

type miniParser struct {
	d      *Draft
	s      *session.Session
	calls  int
	open   string // call that waits for its result
	tasked bool
}

// identity names the run: its instance and the id of its first reply, which no
// other run has. Runs that record no reply ids are told apart by their path.
func (p *miniParser) identity(doc, messages gjson.Result) string {
	instance := doc.Get("instance_id").Str
	if instance == "" {
		instance = strings.TrimSuffix(strings.TrimSuffix(path.Base(p.d.path), ".json"), ".traj")
	}
	reply := ""
	messages.ForEach(func(_, m gjson.Result) bool {
		if m.Get("role").Str == "assistant" {
			reply = m.Get("extra.response.id").Str
			return false
		}
		return true
	})
	if reply == "" {
		reply = p.d.path
	}
	return instance + "-" + key(reply)[:8]
}

func (p *miniParser) head(doc gjson.Result) {
	s, info := p.s, doc.Get("info")
	s.Sources[0].Unit = "index"
	s.Population = session.Headless
	if id := doc.Get("instance_id").Str; id != "" {
		s.Population, s.Instance = session.Benchmark, id
	}
	s.Model = info.Get("config.model.model_name").Str
	s.Version = info.Get("mini_version").Str
	s.Cwd = info.Get("config.environment.cwd").Str
	s.Usage.Cost = info.Get("model_stats.instance_cost").Float()
	s.Title = s.Instance
}

// event starts an event of the n-th message. Copies of a run share its id, so
// the place identifies the event.
func (p *miniParser) event(n, part int, kind session.Kind, author session.Author, m gjson.Result) session.Event {
	e := session.Event{N: n, Part: part, Line: p.d.line(m.Get("content")), Kind: kind, Author: author, Key: key(p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
	if t := m.Get("extra.timestamp").Float(); t > 0 {
		e.Time = unixTime(t)
	} else {
		e.Time = unixTime(m.Get("extra.response.created").Float())
	}
	return e
}

func (p *miniParser) message(n int, m gjson.Result) {
	role, text := m.Get("role").Str, contentText(m.Get("content"))
	switch role {
	case "system": // the template
	case "assistant":
		p.reply(n, m, text)
	case "tool":
		p.toolResult(n, m, text)
	case "user":
		p.user(n, m, text)
	case "exit":
		e := p.event(n, 0, session.Note, session.Injected, m)
		e.Act, e.Text = session.OtherAct, text
		p.d.add(p.s, e)
	default:
		p.d.unknown("role " + role)
	}
}

var fencedCommand = lazyregexp.New("(?s)```(?:bash|sh|mswea_bash_command)[ \t]*\n(.*?)\n?```")

// reply reads what the model said and the command it gave: a tool call, or the
// one fenced block.
func (p *miniParser) reply(n int, m gjson.Result, text string) {
	use := m.Get("extra.response.usage")
	u := &p.s.Usage
	cached := int(use.Get("prompt_tokens_details.cached_tokens").Int())
	u.Input += int(use.Get("prompt_tokens").Int()) - cached
	u.CacheRead += cached
	u.Output += int(use.Get("completion_tokens").Int())
	said := p.event(n, 0, session.Agent, session.ByAgent, m)
	said.Text, said.Tokens = text, int(use.Get("completion_tokens").Int())

	var commands []gjson.Result
	if actions := m.Get("extra.actions"); actions.IsArray() {
		commands = actions.Array()
	}
	if len(commands) == 0 {
		blocks := fencedCommand.FindAllStringSubmatchIndex(text, -1)
		if len(blocks) == 1 {
			said.Text = strings.TrimSpace(text[:blocks[0][0]] + text[blocks[0][1]:])
			p.addSaid(said)
			p.command(n, 1, m, gjson.Result{}, strings.TrimSpace(text[blocks[0][2]:blocks[0][3]]))
			return
		}
	}
	p.addSaid(said)
	for i, c := range commands {
		p.command(n, 1+i, m, c, firstOf(c, "command", "action"))
	}
}

func (p *miniParser) addSaid(e session.Event) {
	if e.Text != "" {
		p.d.add(p.s, e)
	}
}

// command adds a command; action is what the client made of it, where it did.
func (p *miniParser) command(n, part int, m, action gjson.Result, command string) {
	id := action.Get("tool_call_id").Str
	if id == "" {
		id = "step-" + strconv.Itoa(n)
	}
	e := p.event(n, part, session.Call, session.ByAgent, m)
	e.Line = cmp.Or(p.d.inputLine(command, action), e.Line)
	e.Act, e.Tool, e.Command, e.CallID = session.Shell, "bash", command, id
	p.open = id
	p.d.add(p.s, e)
}

var miniHeader = lazyregexp.New(`(?s)^\s*<returncode>(-?\d+)</returncode>\s*`)

// user reads a message in the user role: the task, a result, or the template's
// complaint about a reply it could not use.
func (p *miniParser) user(n int, m gjson.Result, text string) {
	head := miniHeader.FindStringSubmatch(text)
	timedOut := strings.HasPrefix(text, "The last command <command>") && strings.Contains(text, "timed out")
	if head == nil && !timedOut {
		if text == "" {
			return
		}
		author := session.Injected
		if !p.tasked {
			author, p.tasked = session.ByProgram, true
		}
		e := p.event(n, 0, session.User, author, m)
		e.Text = text
		p.d.add(p.s, e)
		return
	}
	e := p.event(n, 0, session.Result, session.ByTool, m)
	e.CallID = p.open
	e.Text = text
	if head != nil {
		code, _ := strconv.Atoi(head[1])
		e.Exit = exitCode(code)
		e.Text = outputOf(text[len(head[0]):])
	} else {
		e.Flag, e.Exit = session.FlagError, exitCode(124)
		if _, out, ok := strings.Cut(text, "<output>"); ok {
			e.Text = "command timed out\n" + outputOf("<output>"+out)
		}
	}
	p.d.add(p.s, e)
}

// outputOf takes the output out of its tags. Long outputs have a warning, a
// head and a tail instead.
func outputOf(text string) string {
	text = strings.TrimSpace(text)
	if body, ok := strings.CutPrefix(text, "<output>"); ok {
		if end := strings.LastIndex(body, "</output>"); end >= 0 {
			body = body[:end]
		}
		return strings.Trim(body, "\n")
	}
	return text
}

// toolResult reads a message in the tool role.
func (p *miniParser) toolResult(n int, m gjson.Result, text string) {
	e := p.event(n, 0, session.Result, session.ByTool, m)
	e.CallID = m.Get("tool_call_id").Str
	extra := m.Get("extra")
	e.Text = text
	if raw := extra.Get("raw_output"); raw.Exists() {
		e.Line, e.Text = p.d.line(raw), raw.String()
	} else if head := miniHeader.FindString(text); head != "" {
		e.Text = outputOf(text[len(head):])
	}
	if code := extra.Get("returncode"); code.Type == gjson.Number {
		e.Exit = exitCode(int(code.Int()))
	} else if head := miniHeader.FindStringSubmatch(text); head != nil {
		c, _ := strconv.Atoi(head[1])
		e.Exit = exitCode(c)
	}
	if why := extra.Get("exception_info"); why.String() != "" {
		if e.Flag = session.FlagError; e.Text == "" {
			e.Line = p.d.line(why)
		}
		e.Text = strings.TrimSpace(e.Text + "\n" + why.String())
	}
	p.d.add(p.s, e)
}
