package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// What the Gemini CLI and Qwen Code, which began as its copy, have in common:
// contents made of parts, the names of tools, and what the shell tool reports.

// geminiActs maps the names of tools to what they do.
var geminiActs = map[string]session.Act{
	"run_shell_command": session.Shell, "read_file": session.Read, "read_many_files": session.Read,
	"replace": session.Edit, "edit": session.Edit, "write_file": session.Write, "notebook_edit": session.Edit,
	"list_directory": session.List, "glob": session.List, "grep_search": session.Search, "search_file_content": session.Search,
	"web_fetch": session.Fetch, "google_web_search": session.Fetch, "web_search": session.Fetch,
	"write_todos": session.Plan, "todo_write": session.Plan, "enter_plan_mode": session.Plan, "update_topic": session.Plan,
	"ask_user": session.Ask, "ask_user_question": session.Ask, "exit_plan_mode": session.Ask,
	"invoke_agent": session.Task, "delegate_to_agent": session.Task, "codebase_investigator": session.Task,
	"task": session.Task, "agent": session.Task, "send_message": session.Task,
}

// partsText joins the texts of a content: a string, a part or a list of parts.
// Thoughts are not among them.
func partsText(content gjson.Result) string {
	switch {
	case content.Type == gjson.String:
		return content.Str
	case content.IsObject():
		if content.Get("thought").Bool() {
			return ""
		}
		return content.Get("text").String()
	}
	var b strings.Builder
	content.ForEach(func(_, part gjson.Result) bool {
		if part.Type == gjson.String || part.IsObject() {
			b.WriteString(partsText(part))
		}
		return true
	})
	return b.String()
}

// eachResponse calls f with the results of calls in a content.
func eachResponse(content gjson.Result, f func(id string, response gjson.Result)) {
	if !content.IsArray() {
		return
	}
	content.ForEach(func(_, part gjson.Result) bool {
		if r := part.Get("functionResponse"); r.IsObject() {
			f(r.Get("id").String(), r.Get("response"))
		}
		return true
	})
}

// responseOf returns the part of a response that is what the call gave back.
func responseOf(response gjson.Result) gjson.Result {
	if err := response.Get("error"); err.Exists() {
		return err
	}
	return response.Get("output")
}

// responseText returns what a call gave back to the model, without what hooks
// added and the tags that mark it as data, and whether it is an error.
func responseText(response gjson.Result) (text string, flag session.Flag) {
	out, flag := responseOf(response), session.FlagOK
	if response.Get("error").Exists() {
		flag = session.FlagError
	}
	if text = out.String(); !out.Exists() {
		text = response.String()
	}
	if at := strings.LastIndex(text, "<hook_context>"); at >= 0 && strings.HasSuffix(strings.TrimSpace(text), "</hook_context>") {
		text = strings.TrimRight(text[:at], "\n ")
	}
	text = withoutReminders(text)
	if body, ok := strings.CutPrefix(text, "<untrusted_context>\n"); ok {
		text = strings.TrimSuffix(body, "\n</untrusted_context>")
	}
	return text, flag
}

// deniedLine is how the clients say that policy, permission rules, a hook or
// the lack of somebody to ask kept a call from being made.
var deniedLine = lazyregexp.New(`(?i)denied by (?:policy|permission|host policy|hook)|execution blocked|blocked by (?:hook|plan mode|permission|the permission|host policy|configuration|auto mode|prompt hook|function hook)|not supported in non-interactive|cannot execute in non-interactive`)

// geminiFlag tells what became of a call from its status and what is said of
// it: a cancelled one was refused before, or stopped while it ran.
func geminiFlag(status, text string) session.Flag {
	line := firstLine(text)
	switch status {
	case "":
		return ""
	case "success":
		return session.FlagOK
	case "error":
		if !strings.HasPrefix(line, "Command: ") && deniedLine.MatchString(line) {
			return session.FlagDenied
		}
		return session.FlagError
	case "cancelled":
		if strings.Contains(line, "User denied") || strings.Contains(line, "User did not allow") {
			return session.FlagRejected
		}
		return session.FlagInterrupted
	}
	return session.FlagRunning
}

// shellLabels are the lines that the shell tool adds below an output.
var shellLabels = lazyregexp.New(`^(Exit Code|Signal|Background PIDs|Process Group PGID|Error): (.*)$`)

// shellReport takes the output out of the report of the shell tool, in which
// "Command:" and "Directory:" may stand before it and its exit code after it.
// Versions that print the code only when it is not 0 leave Exit unset.
func shellReport(e *session.Event) {
	switch text := e.Text; {
	case strings.HasPrefix(text, "Command was cancelled by user"):
		e.Flag = session.FlagInterrupted
		return
	case strings.HasPrefix(text, "Command was automatically cancelled"), strings.HasPrefix(text, "Command timed out"):
		e.Flag = session.FlagError
		return
	case strings.HasPrefix(text, "Command moved to background"), strings.HasPrefix(text, "Command is running in background"):
		e.Flag = session.FlagRunning
		return
	}
	body, ok := reportBody(e.Text)
	if !ok {
		return
	}
	for {
		at := strings.LastIndexByte(body, '\n')
		m := shellLabels.FindStringSubmatch(body[at+1:])
		if m == nil || m[1] == "Error" && m[2] != "(none)" {
			break
		}
		if n, err := strconv.Atoi(m[2]); err == nil && m[1] == "Exit Code" {
			e.Exit = exitCode(n)
		}
		body = body[:max(at, 0)]
	}
	if out, err, both := strings.Cut(body, "\nStderr: "); both {
		body = strings.TrimSpace(strings.TrimPrefix(out, "(empty)") + "\n" + strings.TrimPrefix(err, "(empty)"))
	}
	e.Text = strings.TrimPrefix(body, "(empty)")
}

// reportBody returns a report from its output on.
func reportBody(text string) (body string, ok bool) {
	if strings.HasPrefix(text, "Command: ") {
		_, after, found := strings.Cut(text, "\nDirectory: ")
		if !found {
			return "", false
		}
		_, text, _ = strings.Cut(after, "\n")
	}
	if body, ok = strings.CutPrefix(text, "Output: "); !ok {
		body, ok = strings.CutPrefix(text, "Stdout: ")
	}
	return body, ok
}

var slashCommand = lazyregexp.New(`^[/?][\w:-]*(\s|$)`)

// slashAuthor tells words from a bare command of the client.
func slashAuthor(text string) session.Author {
	if at := slashCommand.FindStringIndex(text); at != nil && strings.TrimSpace(text[at[1]:]) == "" {
		return session.Injected
	}
	return session.Human
}

// hashed finds a folder of which only the SHA-256 of its path is known, among
// the paths that a session speaks of.
type hashed struct {
	hash, dir string
	told      string
	tried     map[string]bool
}

var absolutePath = lazyregexp.New(`(?:[A-Za-z]:)?[/\\][^\s'"<>|:*?` + "`" + `]+`)

// maxTried bounds how many paths are hashed.
const maxTried = 5000

// look tries the absolute paths in a text, and the folders that they lie in.
func (h *hashed) look(text string) {
	if h.dir != "" || h.hash == "" {
		return
	}
	paths := absolutePath.FindAllString(text[:min(len(text), 10_000)], 20)
	if line := strings.TrimSpace(firstLine(text)); len(line) < 500 {
		paths = append(paths, line) // as a whole: names may hold spaces
	}
	for _, p := range paths {
		for len(p) > 1 && h.dir == "" {
			h.try(p)
			p = p[:max(strings.LastIndexAny(p, `/\`), 0)]
		}
	}
}

func (h *hashed) try(dir string) {
	if h.tried[dir] || len(h.tried) > maxTried {
		return
	}
	if h.tried == nil {
		h.tried = make(map[string]bool)
	}
	h.tried[dir] = true
	if sum := sha256.Sum256([]byte(dir)); hex.EncodeToString(sum[:]) == h.hash {
		h.dir = dir
	}
}

// workspace is where the client tells the model in which folders it works.
var workspace = lazyregexp.New(`(?m)(?:\*\*Workspace Directories:\*\*\n\s+- |working in the (?:following )?director(?:y: |ies:\n\s+- ))(.+)$`)

// context looks for the folder in the client's opening words, which are
// believed where no hash tells better.
func (h *hashed) context(text string) {
	if !strings.HasPrefix(text, "<session_context>") && !strings.HasPrefix(text, "This is the Gemini CLI.") {
		return
	}
	if m := workspace.FindStringSubmatch(text[:min(len(text), 10_000)]); m != nil {
		h.told = strings.TrimSpace(m[1])
		h.look(h.told)
	}
}

// folder returns the folder, or "" when nothing told it.
func (h *hashed) folder() string {
	if h.dir == "" {
		return h.told
	}
	return h.dir
}

// loaded is an instruction file in the client's opening words (0.61).
var loaded = lazyregexp.New(`(?s)--- Context from: ([^\n]+) ---\n(.*?)\n--- End of Context from: `)

// rules keeps the instruction files that the client's opening words repeat.
func (p *geminiParser) rules(text string) {
	if !strings.HasPrefix(text, "<session_context>") {
		return
	}
	for _, m := range loaded.FindAllStringSubmatch(text, -1) {
		addInstruction(p.d, p.s, m[1], m[2])
	}
}
