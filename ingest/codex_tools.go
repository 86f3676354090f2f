package ingest

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// codexActs maps the names of tools to what they do. Names not listed do
// something else.
var codexActs = map[string]session.Act{
	"shell": session.Shell, "shell_command": session.Shell, "exec_command": session.Shell, "exec": session.Shell,
	"local_shell": session.Shell, "container.exec": session.Shell, "write_stdin": session.Shell, "wait": session.Shell,
	"apply_patch": session.Edit, "read_file": session.Read, "view_image": session.Read, "list_dir": session.List,
	"grep_files": session.Search, "web_search": session.Fetch, "update_plan": session.Plan, "request_user_input": session.Ask,
	"spawn_agent": session.Task, "send_input": session.Task, "wait_agent": session.Task, "close_agent": session.Task,
}

// call reads a tool call. A poll of a running command is joined to the call
// that started it.
func (p *codexParser) call(it gjson.Result) {
	e := p.event(session.Call, session.ByAgent)
	e.CallID, e.Tool = firstOf(it, "call_id", "id"), it.Get("name").Str
	if it.Get("type").Str == "local_shell_call" {
		e.Tool = "local_shell"
	}
	e.Act = codexActs[e.Tool]
	if e.Act == "" {
		e.Act = session.OtherAct
	}
	if e.CallID != "" {
		e.Key = key("call", e.CallID)
	}
	p.input(&e, it)
	if poll := p.args[e.CallID]; poll != "" {
		e.Of = p.shell[poll]
	}
	p.d.add(p.s, e)
}

// input takes the command or path out of a call's arguments.
func (p *codexParser) input(e *session.Event, it gjson.Result) {
	args := jsonText(it.Get("arguments"))
	if v := it.Get("action"); v.Exists() {
		args = v
	}
	switch {
	case e.Tool == "write_stdin":
		p.args[e.CallID] = "session " + args.Get("session_id").String()
		e.Text = args.Get("chars").String()
	case e.Tool == "wait":
		p.args[e.CallID] = "cell " + args.Get("cell_id").String()
	case e.Tool == "exec":
		script := it.Get("input").String()
		e.Command, e.Text = innerCommands(script), script
	case it.Get("input").Exists(): // apply_patch and other custom tools
		e.Text = it.Get("input").String()
		e.Command = strings.Join(patchFiles(e.Text), " ")
	case e.Act == session.Shell:
		e.Command = shellText(args)
		if dir := firstOf(args, "workdir", "working_directory"); dir != "" && dir != p.cwd {
			e.Dir = dir
		}
		if files := patchFiles(e.Command); len(files) > 0 && strings.HasPrefix(e.Command, "apply_patch") {
			// The client makes the edit itself, whatever tool it is asked by.
			e.Act, e.Command, e.Text = session.Edit, strings.Join(files, " "), e.Command
		}
	case args.IsObject():
		for _, name := range []string{"path", "file_path", "pattern", "query", "input"} {
			if v := args.Get(name); v.Type == gjson.String {
				e.Command = v.Str
				e.Text = inputText(args, name)
				if files := patchFiles(e.Command); len(files) > 0 {
					e.Command, e.Text = strings.Join(files, " "), v.Str
				}
				return
			}
		}
		e.Text = inputText(args, "")
	default:
		e.Text = args.String()
	}
}

// shellText returns the command line of a shell call: a string, or an argument
// list that mostly is ["bash","-lc",line].
func shellText(args gjson.Result) string {
	v := args.Get("cmd")
	if !v.Exists() {
		v = args.Get("command")
	}
	if v.Type == gjson.String {
		return v.Str
	}
	var words []string
	v.ForEach(func(_, w gjson.Result) bool {
		words = append(words, w.String())
		return true
	})
	if len(words) == 3 && (words[1] == "-lc" || words[1] == "-c") {
		return words[2]
	}
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n'\"$`\\|&;<>()*?#~") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// patchFiles lists the files that an apply_patch text names.
func patchFiles(patch string) []string {
	if !strings.Contains(patch, "*** Begin Patch") {
		return nil
	}
	var files []string
	for line := range strings.Lines(patch) {
		for _, mark := range []string{"*** Update File: ", "*** Add File: ", "*** Delete File: "} {
			if f, ok := strings.CutPrefix(line, mark); ok {
				files = append(files, strings.TrimSpace(f))
			}
		}
	}
	return files
}

var innerCommand = lazyregexp.New("(?s)\\b(?:cmd|command)\\s*:\\s*(\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`(?:[^`\\\\]|\\\\.)*`)")

// innerCommands finds the commands in the JavaScript of code mode, where they
// are string literals of exec_command calls.
func innerCommands(script string) string {
	var commands []string
	for _, m := range innerCommand.FindAllStringSubmatch(script, -1) {
		commands = append(commands, unquoteJS(m[1]))
	}
	return strings.Join(commands, "\n")
}

// unquoteJS reads a JavaScript string literal.
func unquoteJS(lit string) string {
	body := lit[1 : len(lit)-1]
	if lit[0] != '"' {
		body = strings.ReplaceAll(strings.ReplaceAll(body, `\`+lit[:1], lit[:1]), `"`, `\"`)
		body = strings.ReplaceAll(body, "\n", `\n`)
	}
	if s, err := strconv.Unquote(`"` + body + `"`); err == nil {
		return s
	}
	return lit[1 : len(lit)-1]
}

// result reads what a call returned.
func (p *codexParser) result(it gjson.Result) {
	e := p.event(session.Result, session.ByTool)
	e.CallID = it.Get("call_id").Str
	if e.CallID != "" {
		k := "result\x00" + e.CallID
		p.count[k]++
		e.Key = key(k, strconv.Itoa(p.count[k]))
	}
	e.Of = p.shell[p.args[e.CallID]]
	p.output(&e, it.Get("output"))
	p.d.add(p.s, e)
}

// output reads the text of a result in the shapes of all generations: a JSON
// string with metadata, a header before "Output:", blocks of code mode, or
// plain text.
func (p *codexParser) output(e *session.Event, out gjson.Result) {
	if out.IsArray() {
		p.blocks(e, out)
		return
	}
	if out.IsObject() {
		out = firstResult(out, "content", "output")
	}
	text := out.String()
	if strings.HasPrefix(text, `{"output":`) {
		if v := jsonText(out); v.IsObject() && v.Get("metadata").Exists() {
			e.Text = v.Get("output").String()
			if code := v.Get("metadata.exit_code"); code.Exists() {
				e.Exit = exitCode(int(code.Int()))
			}
			return
		}
	}
	p.header(e, text)
}

func firstResult(v gjson.Result, names ...string) gjson.Result {
	for _, n := range names {
		if r := v.Get(n); r.Exists() {
			return r
		}
	}
	return v
}

// blocks reads the output of code mode: a status, then what the script
// printed. "Script completed" says nothing of the commands within.
func (p *codexParser) blocks(e *session.Event, out gjson.Result) {
	var parts []string
	out.ForEach(func(_, b gjson.Result) bool {
		parts = append(parts, b.Get("text").String())
		return true
	})
	if len(parts) == 0 {
		return
	}
	status := firstLine(parts[0])
	switch {
	case strings.HasPrefix(status, "Script running with cell ID "):
		e.Flag = session.FlagRunning
		p.started("cell "+strings.TrimSpace(strings.TrimPrefix(status, "Script running with cell ID ")), e)
	case strings.HasPrefix(status, "Script failed"):
		e.Flag = session.FlagError
	case strings.HasPrefix(status, "Script terminated"):
		e.Flag = session.FlagInterrupted
	case strings.HasPrefix(status, "Script completed"):
	default:
		p.header(e, strings.Join(parts, "\n"))
		return
	}
	e.Text = strings.TrimSpace(strings.Join(parts[1:], "\n"))
	if m := printedExit.FindStringSubmatch(e.Text); m != nil {
		n, _ := strconv.Atoi(m[1])
		e.Exit = exitCode(n)
	}
}

var printedExit = lazyregexp.New(`"exit_code":\s*(-?\d+)`)

// started remembers which call a running process or cell belongs to.
func (p *codexParser) started(id string, e *session.Event) {
	if p.shell[id] == "" {
		p.shell[id] = e.CallID
	}
}

// header reads the lines that the client puts before "Output:". The output
// itself may hold the same words, so nothing after it is looked at.
func (p *codexParser) header(e *session.Event, text string) {
	head, body, found := strings.Cut(text, "\nOutput:\n")
	if !found {
		if head, found = strings.CutSuffix(text, "\nOutput:"); !found {
			p.plain(e, text)
			return
		}
		body = ""
	}
	e.Text = body
	for line := range strings.Lines(head) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"Process exited with code ", "Exit code: "} {
			if code, ok := strings.CutPrefix(line, mark); ok {
				if n, err := strconv.Atoi(code); err == nil {
					e.Exit = exitCode(n)
				}
			}
		}
		if id, ok := strings.CutPrefix(line, "Process running with session ID "); ok {
			e.Flag = session.FlagRunning
			p.started("session "+id, e)
		}
	}
}

// plain reads a result without a header. Some failures are told only so.
func (p *codexParser) plain(e *session.Event, text string) {
	e.Text = text
	line := firstLine(text)
	switch {
	case strings.Contains(line, "rejected by user"):
		e.Flag = session.FlagRejected
	case strings.HasPrefix(line, "aborted by user"), strings.HasPrefix(line, "aborted"):
		e.Flag = session.FlagInterrupted
	case strings.Contains(line, "rejected due to unacceptable risk"), strings.Contains(line, "rejected by sandbox policy"),
		strings.HasPrefix(line, "approval denied"):
		e.Flag = session.FlagDenied
	case strings.HasPrefix(line, "apply_patch verification failed"), strings.HasPrefix(line, "exec_command failed"),
		strings.HasPrefix(line, "failed in sandbox"), strings.HasPrefix(line, "failed to parse function arguments"),
		strings.HasPrefix(line, "write_stdin failed"), strings.HasPrefix(line, "collab spawn failed"),
		strings.HasPrefix(line, "unsupported call"), strings.HasPrefix(line, "execution error"):
		e.Flag = session.FlagError
	}
}
