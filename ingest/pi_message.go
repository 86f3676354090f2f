package ingest

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// event starts an event of the current record.
func (p *piParser) event(kind session.Kind, author session.Author) session.Event {
	return session.Event{N: p.at.line, Part: p.at.part(p.block), Kind: kind, Author: author, Time: p.time}
}

// keyed gives an event the identity that its copies in forked files share. Ids
// of entries are not among it: linear files get new ones when they are opened.
// Nor is the text of calls and results, which may be shortened later.
func (p *piParser) keyed(e session.Event) session.Event {
	if p.stamp == "" {
		return e
	}
	what := e.CallID
	if e.Kind != session.Call && e.Kind != session.Result {
		what = e.Text
	}
	e.Key = key(p.stamp, string(e.Kind), string(e.Act), strconv.Itoa(p.block), what)
	return e
}

// add keeps an event that says something, and steps to the next block.
func (p *piParser) add(e session.Event) {
	defer func() { p.block++ }()
	if e.Text == "" && (e.Kind == session.User || e.Kind == session.Agent) {
		return
	}
	p.tree.say(p.d.add(p.s, p.keyed(e)))
}

func (p *piParser) note(act session.Act, text string) {
	e := p.event(session.Note, session.Injected)
	e.Act, e.Text = act, text
	p.add(e)
}

func (p *piParser) message(m gjson.Result) {
	if p.time.IsZero() {
		p.time = unixTime(m.Get("timestamp").Float() / 1000)
	}
	switch role := m.Get("role").Str; role {
	case "user":
		p.user(m)
	case "assistant":
		p.assistant(m)
	case "toolResult":
		p.result(m)
	case "bashExecution":
		p.ran("! "+m.Get("command").String(), m)
	case "pythonExecution":
		p.ran("$ "+m.Get("code").String(), m)
	case "custom", "hookMessage":
		p.custom(m)
	case "developer":
		p.texts(m.Get("content"), session.Injected)
	case "compactionSummary":
		p.note(session.Compacted, m.Get("summary").String())
	case "branchSummary", "fileMention": // copies of an entry and of files
	default:
		p.d.unknown("role " + role)
	}
}

// texts adds the text blocks of a content; a bare string is one.
func (p *piParser) texts(content gjson.Result, author session.Author) {
	eachBlock(content, func(_ int, kind string, b gjson.Result) {
		switch kind {
		case "text":
			e := p.event(session.User, author)
			if e.Text = textOf(b); author == session.Human {
				e.Author, e.Text = piAuthor(e.Text)
			}
			p.add(e)
		case "image":
			p.block++
		default:
			p.d.unknown("user block " + kind)
		}
	})
}

// user reads a text in the user role. A parent agent and the client speak in
// it too; Oh My Pi says so.
func (p *piParser) user(m gjson.Result) {
	author := session.Human
	switch {
	case m.Get("synthetic").Bool():
		author = session.Injected
	case m.Get("attribution").Str == "agent", p.s.Population == session.Subagent:
		author = session.ByProgram
	}
	p.texts(m.Get("content"), author)
}

// piEnvelopes may precede a person's words in the same text: a skill that was
// called, files that were named.
var piEnvelopes = []string{"skill", "file"}

// piInjected begin texts that the client wrote in the user role.
var piInjected = []string{"<system-reminder>", "<system-interrupt", "<system-notice>", "<system-directive>", "<irc>"}

// piAuthor tells who wrote a text in the user role, and returns what of it
// that author wrote.
func piAuthor(text string) (session.Author, string) {
	trimmed := strings.TrimSpace(text)
	rest := stripEnvelopes(trimmed, piEnvelopes)
	if rest == "" {
		return session.Injected, trimmed
	}
	for _, mark := range piInjected {
		if strings.HasPrefix(rest, mark) {
			return session.Injected, trimmed
		}
	}
	return session.Human, rest
}

// custom reads a text that an extension or the client put into the
// conversation. In a shared session, it may be that of another person; a skill
// that the person called comes with what was asked of it.
func (p *piParser) custom(m gjson.Result) {
	author, kind := session.Injected, m.Get("customType").Str
	byUser := m.Get("attribution").Str == "user"
	if kind == "collab-prompt" && byUser {
		author = session.Human
	}
	p.texts(m.Get("content"), author)
	if args := m.Get("details.args").String(); kind == "skill-prompt" && byUser && args != "" {
		e := p.event(session.User, session.Human)
		e.Text = "/skill:" + m.Get("details.name").String() + " " + args
		p.add(e)
	}
}

// ran reads a command that the person ran, with its output. It is no call: no
// agent chose it.
func (p *piParser) ran(command string, m gjson.Result) {
	e := p.event(session.User, session.Human)
	e.Text = command
	p.add(e)
	e = p.event(session.User, session.Injected)
	e.Text = m.Get("output").String()
	p.add(e)
}

// assistant reads a reply, and how it ended.
func (p *piParser) assistant(m gjson.Result) {
	if model := m.Get("model").Str; model != "" {
		p.s.Model = model
	}
	first := len(p.s.Events)
	eachBlock(m.Get("content"), p.reply)
	p.tokens(first, m.Get("usage"))
	why := m.Get("errorMessage").String()
	switch m.Get("stopReason").Str {
	case "error":
		p.note(session.APIError, why)
	case "aborted":
		if m.Get("stopDetails.type").Str == "stream_interrupted_after_content" || strings.HasPrefix(why, "TTSR ") {
			p.note(session.OtherAct, why) // a rule of the person's stopped the reply
			return
		}
		p.note(session.Interrupt, why)
	}
}

func (p *piParser) reply(_ int, kind string, b gjson.Result) {
	e := p.event(session.Agent, session.ByAgent)
	switch kind {
	case "text":
		e.Text = textOf(b)
	case "thinking":
		e.Act, e.Text = session.Thinking, b.Get("thinking").String()
	case "toolCall":
		e.Kind, e.CallID, e.Tool = session.Call, b.Get("id").String(), b.Get("name").Str
		p.input(&e, jsonText(b.Get("arguments")))
	case "redactedThinking", "image":
	default:
		p.d.unknown("assistant block " + kind)
	}
	p.add(e)
}

// tokens adds up what a reply used, and what it cost.
func (p *piParser) tokens(first int, use gjson.Result) {
	u := &p.s.Usage
	out := int(use.Get("output").Int())
	u.Input += int(use.Get("input").Int())
	u.Output += out
	u.CacheRead += int(use.Get("cacheRead").Int())
	u.CacheWrite += int(use.Get("cacheWrite").Int())
	u.Cost += use.Get("cost.total").Float()
	if first < len(p.s.Events) {
		p.s.Events[first].Tokens = out
	}
}

// piActs maps the names of tools to what they do.
var piActs = map[string]session.Act{
	"bash": session.Shell, "ssh": session.Shell, "read": session.Read, "edit": session.Edit, "ast_edit": session.Edit,
	"apply_patch": session.Edit, "write": session.Write, "grep": session.Search, "ast_grep": session.Search,
	"find": session.List, "glob": session.List, "ls": session.List, "fetch": session.Fetch, "web_search": session.Fetch,
	"task": session.Task, "subagent": session.Task, "ask": session.Ask, "todo": session.Plan, "todo_write": session.Plan,
}

// input takes the command or path out of a call's arguments. Oh My Pi's edits
// name their files in a patch, and its writes to xd:// call further tools.
func (p *piParser) input(e *session.Event, args gjson.Result) {
	takeSubject(e, piActs, args)
	switch e.Act {
	case session.Shell:
		if dir := args.Get("cwd").String(); dir != p.s.Cwd {
			e.Dir = dir
		}
	case session.Edit:
		if patch := args.Get("input").String(); e.Command == "" {
			e.Command = strings.Join(editedFiles(patch), " ")
		}
	case session.Write:
		if strings.HasPrefix(e.Command, "xd://") {
			e.Act = session.OtherAct
		}
	}
}

var anchor = lazyregexp.New(`(?m)^\[([^\]\n#]+)#\w+\]\s*$`)

// editedFiles lists the files that a patch names, or an edit with anchors,
// where each file stands as [path#hash] before its changes.
func editedFiles(patch string) []string {
	if files := patchFiles(patch); files != nil {
		return files
	}
	var files []string
	for _, m := range anchor.FindAllStringSubmatch(patch, -1) {
		files = append(files, m[1])
	}
	return files
}

// result reads what a call returned.
func (p *piParser) result(m gjson.Result) {
	e := p.event(session.Result, session.ByTool)
	e.CallID = m.Get("toolCallId").String()
	e.Text = contentText(m.Get("content"))
	e.Flag = session.FlagOK
	details := m.Get("details")
	if piActs[m.Get("toolName").Str] == session.Shell {
		shellStatus(&e)
		if code := details.Get("exitCode"); code.Type == gjson.Number {
			e.Exit = exitCode(int(code.Int()))
		}
	}
	if m.Get("isError").Bool() {
		e.Flag = piErrorFlag(details, e.Text)
	}
	p.add(e)
}

// piStatus is what the client says below an output.
var piStatus = lazyregexp.New(`(?:\s*\nWall time: [\d.]+ seconds)?(?:(?:^|\s*\n)Command exited with code (-?\d+))?(?:\n+\[Some lines truncated to \d+ chars\])?\s*$`)

// shellStatus takes the status below the output of a command from its text.
func shellStatus(e *session.Event) {
	const longest = 300
	start := max(0, len(e.Text)-longest)
	m := piStatus.FindStringSubmatchIndex(e.Text[start:])
	if m[2] >= 0 {
		if n, err := strconv.Atoi(e.Text[start+m[2] : start+m[3]]); err == nil {
			e.Exit = exitCode(n)
		}
	}
	if e.Text = e.Text[:start+m[0]]; e.Text == "(no output)" {
		e.Text = ""
	}
}

// piErrorFlag tells a failed tool from a refusal, an interrupt, and a call
// that was never made, which all are errors to the client.
func piErrorFlag(details gjson.Result, text string) session.Flag {
	switch details.Get("source").Str {
	case "interrupt_skipped", "assistant_stop_aborted":
		return session.FlagInterrupted
	case "assistant_stop_error", "assistant_stop_skipped":
		return session.FlagCollateral
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	switch {
	case strings.HasPrefix(text, "Tool call denied by user"), strings.HasPrefix(text, "Tool call rejected by user"):
		return session.FlagRejected
	case strings.HasPrefix(text, "Tool execution was blocked"), strings.HasPrefix(text, "Blocked: "):
		return session.FlagDenied
	case last == "Command aborted", last == "[Command aborted]", text == "Operation aborted", strings.HasPrefix(text, "[Command cancelled]"),
		strings.HasPrefix(text, "Tool execution was aborted"), strings.HasPrefix(text, "Tool was not executed because the run was aborted"):
		return session.FlagInterrupted
	}
	return session.FlagError
}
