package ingest

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// user reads a record in the user role: words of the person, tool results,
// and what the client puts there in the person's name.
func (p *claudeParser) user(at place, r *claudeRecord) {
	s := p.session(r)
	if s == nil {
		return
	}
	eachBlock(r.message.Get("content"), func(n int, kind string, b gjson.Result) {
		switch kind {
		case "tool_result":
			p.result(s, at, r, n, b)
		case "text":
			p.words(s, at, r, n, textOf(b))
		case "image", "document":
		default:
			p.d.unknown("user block " + kind)
		}
	})
}

// words adds a text in the user role under its real author.
func (p *claudeParser) words(s *session.Session, at place, r *claudeRecord, n int, text string) {
	e := r.event(at, n, session.User, "")
	if strings.HasPrefix(text, "[Request interrupted by user") {
		e.Kind, e.Author, e.Act, e.Text = session.Note, session.Injected, session.Interrupt, text
		p.d.add(s, e)
		return
	}
	e.Author, e.Text = claudeAuthor(r, text)
	if e.Text == "" {
		return
	}
	p.said[strings.TrimSpace(e.Text)] = true
	p.d.add(s, e)
}

// injectedMarks begin texts that the client wrote in the user role.
var injectedMarks = []string{
	"<system-reminder>", "<local-command-caveat>", "Caveat: The messages below", "<local-command-stdout>", "<local-command-stderr>",
	"<bash-stdout>", "<bash-stderr>", "<task-notification>", "<agent-notification>", "<user-prompt-submit-hook>",
	"<user-memory-input>", "<background-task-", "This session is being continued from a previous conversation",
	"Stop hook feedback:", "Operation stopped by hook:", "Base directory for this skill:", "[Image", "[SUGGESTION MODE:",
	"Implement the following plan:\n\n",
}

// programMarks begin texts of other agents.
var programMarks = []string{"<teammate-message", "Another Claude session sent a message"}

// envelopes may precede a person's words in the same text.
var envelopes = []string{"system-reminder", "ide_opened_file", "ide_selection", "ide_diagnostics", "local-command-caveat"}

// claudeAuthor tells who wrote a text in the user role, and returns what of it
// that author wrote.
func claudeAuthor(r *claudeRecord, text string) (session.Author, string) {
	trimmed := strings.TrimSpace(text)
	rest := stripEnvelopes(trimmed, envelopes)
	if rest == "" {
		return session.Injected, trimmed
	}
	if r.meta || r.summary || r.promptSource == "system" || r.origin == "task-notification" {
		return session.Injected, trimmed
	}
	for _, m := range programMarks {
		if strings.HasPrefix(rest, m) {
			return session.ByProgram, trimmed
		}
	}
	if cmd, ok := tagged(rest, "bash-input"); ok {
		return session.Human, "! " + cmd
	}
	if name, ok := tagged(rest, "command-name"); ok {
		if args, _ := tagged(rest, "command-args"); args != "" {
			return session.Human, strings.TrimSpace(name) + " " + args
		}
		return session.Injected, strings.TrimSpace(name)
	}
	for _, m := range injectedMarks {
		if strings.HasPrefix(rest, m) {
			return session.Injected, trimmed
		}
	}
	switch {
	case r.origin == "peer":
		return session.ByProgram, rest
	case r.sidechain, r.agent != "", r.promptSource == "sdk", strings.HasPrefix(r.entrypoint, "sdk"):
		return session.ByProgram, rest
	}
	return session.Human, rest
}

// stripEnvelopes removes leading <tag>…</tag> blocks of the given names.
func stripEnvelopes(text string, tags []string) string {
again:
	for _, tag := range tags {
		if !strings.HasPrefix(text, "<"+tag) {
			continue
		}
		if end := strings.Index(text, "</"+tag+">"); end >= 0 {
			text = strings.TrimSpace(text[end+len(tag)+3:])
			goto again
		}
	}
	return text
}

// tagged returns what stands between <tag> and </tag>, when text has that tag
// near its start.
func tagged(text, tag string) (string, bool) {
	start := strings.Index(text, "<"+tag+">")
	if start < 0 || !strings.HasPrefix(text, "<") {
		return "", false
	}
	start += len(tag) + 2
	end := strings.Index(text[start:], "</"+tag+">")
	if end < 0 {
		return "", false
	}
	return strings.TrimSpace(text[start : start+end]), true
}

// withoutReminders removes <system-reminder> blocks, which the client puts
// into tool results too.
func withoutReminders(text string) string {
	const open, shut = "<system-reminder>", "</system-reminder>"
	for {
		start := strings.Index(text, open)
		if start < 0 {
			return text
		}
		end := strings.Index(text[start:], shut)
		if end < 0 {
			return strings.TrimRight(text[:start], "\n ")
		}
		text = strings.TrimRight(text[:start], "\n ") + text[start+end+len(shut):]
	}
}

// result reads a tool result.
func (p *claudeParser) result(s *session.Session, at place, r *claudeRecord, n int, b gjson.Result) {
	e := r.event(at, n, session.Result, session.ByTool)
	e.CallID = b.Get("tool_use_id").Str
	e.Text = withoutReminders(blockText(b.Get("content")))
	e.Flag = session.FlagOK // an absent is_error means success
	if b.Get("is_error").Bool() {
		e.Flag = claudeErrorFlag(r.denial, e.Text)
	}
	modified := p.details(&e, r.result)
	reason := ""
	if e.Flag == session.FlagRejected {
		e.Text, reason = rejection(e.Text)
		if r.result.IsObject() && reason == "" {
			reason = r.result.Get("userFeedback").String()
		}
	}
	if call := callOf(s, e.CallID); call != nil {
		e.Of = call.Of
	}
	p.d.add(s, e)
	if reason != "" {
		why := r.event(at, partReason+2*n, session.User, session.Human)
		why.Act, why.CallID, why.Text = session.Refusal, e.CallID, reason
		p.said[reason] = true
		p.d.add(s, why)
	}
	if modified {
		note := r.event(at, partReason+2*n+1, session.Note, session.Human)
		note.Act, note.CallID, note.Text = session.UserChanged, e.CallID, r.result.Get("filePath").String()
		p.d.add(s, note)
	}
}

func callOf(s *session.Session, id string) *session.Event {
	for i := len(s.Events) - 1; i >= 0 && i > len(s.Events)-200; i-- { // results follow closely
		if e := &s.Events[i]; e.Kind == session.Call && e.CallID == id {
			return e
		}
	}
	return nil
}

// claudeErrorFlag tells a failed tool from a refusal, an interrupt and a
// cancelled sibling, which all carry is_error.
func claudeErrorFlag(denial, text string) session.Flag {
	switch denial {
	case "":
	case "user-rejected":
		return session.FlagRejected
	default:
		return session.FlagDenied
	}
	body := strings.TrimPrefix(text, "<tool_use_error>")
	switch {
	case strings.HasPrefix(body, "The user doesn't want to"), strings.HasPrefix(body, "User rejected"):
		return session.FlagRejected
	case strings.HasPrefix(body, "Sibling tool call errored"), strings.HasPrefix(body, "Cancelled: parallel tool call"):
		return session.FlagCollateral
	case strings.Contains(text, "[Request interrupted by user"):
		return session.FlagInterrupted
	case strings.HasPrefix(body, "Permission to use "), strings.HasPrefix(body, "Permission for this "),
		strings.HasPrefix(body, "Claude requested permissions to "), strings.HasPrefix(body, "This command requires approval"),
		strings.HasPrefix(body, "Blocked: "), strings.HasPrefix(body, "No tools needed for suggestion"),
		strings.Contains(firstLine(body), "was blocked. For security"), strings.HasPrefix(body, "PreToolUse:"):
		return session.FlagDenied
	}
	return session.FlagError
}

// rejection splits the text of a rejected call into the client's words and the
// reason that the person gave.
func rejection(text string) (told, reason string) {
	for _, mark := range []string{"the user said:\n", "the user said: ", "reason for the rejection: "} {
		i := strings.Index(text, mark)
		if i < 0 {
			continue
		}
		reason = text[i+len(mark):]
		if note := strings.Index(reason, "\n\nNote: The user's next message may contain"); note >= 0 {
			reason = reason[:note]
		}
		return text[:i+len(mark)], strings.TrimSpace(reason)
	}
	return text, ""
}

// details reads what the client keeps of a result beside its text: an object
// on success, a string on error. It reports whether the person changed an edit
// before it was made.
func (p *claudeParser) details(e *session.Event, res gjson.Result) (modified bool) {
	if line, ok := strings.CutPrefix(firstLine(e.Text), "Exit code "); ok && e.Flag != session.FlagOK {
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			e.Exit = exitCode(n)
		}
	}
	if !res.IsObject() {
		return false
	}
	status := ""
	res.ForEach(func(k, v gjson.Result) bool { // one pass: the object may hold whole files
		switch k.Str {
		case "interrupted":
			if v.Bool() && e.Flag != session.FlagRejected {
				e.Flag = session.FlagInterrupted
			}
		case "returnCodeInterpretation":
			if v.Str != "" && e.Flag == session.FlagOK {
				e.Flag = session.FlagBenign
			}
		case "backgroundTaskId":
			if id := v.String(); id != "" {
				p.background[id] = e.CallID
				status = "running"
			}
		case "exitCode":
			if v.Type == gjson.Number {
				e.Exit = exitCode(int(v.Int()))
			}
		case "status":
			status = v.Str
		case "task":
			if code := v.Get("exitCode"); code.Type == gjson.Number {
				e.Exit = exitCode(int(code.Int()))
			}
			status = v.Get("status").Str
		case "isAsync":
			if v.Bool() {
				status = "running"
			}
		case "userModified":
			modified = v.Bool() && e.Flag != session.FlagRejected
		}
		return true
	})
	switch status {
	case "running":
		e.Flag = session.FlagRunning
	case "killed":
		e.Flag = session.FlagInterrupted
	}
	return modified
}

// systemSkipped are the system records that say nothing about the work.
var systemSkipped = map[string]bool{
	"microcompact_boundary": true, "turn_duration": true, "away_summary": true, "informational": true,
	"scheduled_task_fire": true, "bridge_status": true, "init": true, "memory_saved": true, "status": true, "thinking": true,
}

func (p *claudeParser) system(at place, r *claudeRecord) {
	s := p.session(r)
	if s == nil {
		return
	}
	e := r.event(at, 0, session.Note, session.Injected)
	switch r.subtype {
	case "compact_boundary":
		e.Act, e.Text = session.Compacted, r.content
	case "api_error":
		e.Act, e.Text = session.APIError, firstOf(r.rec, "error.message", "error.error.error.message", "cause.code", "error.status", "content")
	case "stop_hook_summary":
		if len(r.rec.Get("hookErrors").Array()) == 0 {
			return
		}
		e.Act, e.Text = session.HookError, r.rec.Get("hookErrors.0").String()
	case "local_command":
		p.words(s, at, r, 0, r.content)
		return
	default:
		if !systemSkipped[r.subtype] {
			p.d.unknown("system " + r.subtype)
		}
		return
	}
	p.d.add(s, e)
}

// attachmentSkipped are the attachments that repeat files, listings and state.
var attachmentSkipped = map[string]bool{
	"task_reminder": true, "todo_reminder": true, "todo": true, "edited_text_file": true, "diagnostics": true, "hook_success": true,
	"hook_system_message": true, "deferred_tools_delta": true, "mcp_instructions_delta": true, "skill_listing": true,
	"command_permissions": true, "date_change": true, "agent_listing_delta": true, "auto_mode": true, "auto_mode_exit": true,
	"opened_file_in_ide": true, "selected_lines_in_ide": true, "directory": true, "ultra_effort_enter": true, "hook_cancelled": true,
	"file": true, "goal_status": true, "plan_mode": true, "plan_mode_exit": true, "plan_mode_reentry": true, "structured_output": true,
	"total_tokens_reminder": true, "compact_file_reference": true, "read_truncation_notice": true, "environment": true, "model": true,
	"session_context": true, "date": true, "prompt_snapshot": true, "remote_session_change": true, "invoked_skills": true,
	"already_read_file": true, "pdf_reference": true, "plan_file_reference": true, "output_style": true, "critical_system_reminder": true,
	"hook_stopped_continuation": true, "async_hook_response": true, "silent_turn_reminder": true, "task_status": true, "dynamic_skill": true, "mcp_resource": true,
}

func (p *claudeParser) attached(at place, r *claudeRecord) {
	s := p.session(r)
	if s == nil {
		return
	}
	a := r.attachment
	switch kind := a.Get("type").Str; kind {
	case "queued_command":
		p.words(s, at, r, 0, promptText(a.Get("prompt")))
	case "hook_blocking_error", "hook_non_blocking_error", "hook_error_during_execution":
		e := r.event(at, 0, session.Note, session.Injected)
		e.Act, e.Text = session.HookError, firstOf(a, "blockingError.blockingError", "stderr", "error", "content")
		p.d.add(s, e)
	case "hook_additional_context":
		e := r.event(at, 0, session.User, session.Injected)
		e.Text = joined(a.Get("content"))
		p.d.add(s, e)
	case "nested_memory", "instructions", "relevant_memories":
		p.instructions(s, a)
	default:
		if !attachmentSkipped[kind] {
			p.d.unknown("attachment " + kind)
		}
	}
}

func promptText(prompt gjson.Result) string {
	if prompt.IsArray() {
		return blockText(prompt)
	}
	return prompt.String()
}

func joined(v gjson.Result) string {
	if !v.IsArray() {
		return v.String()
	}
	var parts []string
	v.ForEach(func(_, e gjson.Result) bool {
		parts = append(parts, e.String())
		return true
	})
	return strings.Join(parts, "\n")
}

// instructions keeps which instruction files were in force. They stand as
// objects with a path and a content, at one of several depths.
func (p *claudeParser) instructions(s *session.Session, v gjson.Result) {
	path, content := v.Get("path").Str, v.Get("content")
	if content.IsObject() {
		if path == "" {
			path = content.Get("path").Str
		}
		content = content.Get("content")
	}
	if path != "" && content.Type == gjson.String {
		addInstruction(p.d, s, path, content.Str)
		return
	}
	v.ForEach(func(_, child gjson.Result) bool {
		if child.IsObject() || child.IsArray() {
			p.instructions(s, child)
		}
		return true
	})
}

// queue follows messages that were typed while the agent worked: taken out of
// the queue they reached the model, popped they went back to the input line.
func (p *claudeParser) queue(at place, r *claudeRecord) {
	switch r.operation {
	case "enqueue":
		p.queued = append(p.queued, queuedText{at: at, session: r.session, time: parseTime(r.time), text: strings.TrimSpace(r.content)})
	case "remove", "dequeue":
		for i := range p.queued {
			if q := &p.queued[i]; !q.taken && !q.returned {
				q.taken, q.after = true, 0
				return
			}
		}
	case "popAll":
		for i := range p.queued {
			if !p.queued[i].taken {
				p.queued[i].returned = true
			}
		}
	}
}

// flushQueue adds the queued messages that have no record of their own. Two
// records of the conversation must have followed: until then the message's own
// record may still come.
func (p *claudeParser) flushQueue() {
	for _, q := range p.queued {
		if !q.taken || q.after < 2 || q.text == "" || strings.HasPrefix(q.text, "/") || p.repeats(q.text) {
			continue
		}
		r := &claudeRecord{session: q.session}
		s := p.session(r)
		if s == nil {
			continue
		}
		e := session.Event{N: q.at.line, Part: q.at.part(0), Kind: session.User, Time: q.time, Key: key("queued", q.text, q.time.String())}
		e.Author, e.Text = claudeAuthor(r, q.text)
		p.insert(s, e)
	}
}

// repeats reports whether a queued text was recorded elsewhere, alone or
// together with others.
func (p *claudeParser) repeats(text string) bool {
	if p.said[text] {
		return true
	}
	for said := range p.said {
		if len(said) > len(text) && strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// insert adds an event at its place in the file's order.
func (p *claudeParser) insert(s *session.Session, e session.Event) {
	p.d.add(s, e)
	i := len(s.Events) - 1
	added := s.Events[i]
	for ; i > 0 && s.Events[i-1].N > added.N; i-- {
		s.Events[i] = s.Events[i-1]
	}
	s.Events[i] = added
}
