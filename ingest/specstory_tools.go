package ingest

import (
	"cmp"
	"html"
	"slices"
	"strconv"
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

// toolUse is a tool call as an export shows it. Each of SpecStory's providers
// has its own look, made of the same pieces: a summary, named values, words,
// fenced input, and an output that runs to the end.
type toolUse struct {
	line       int
	kind, name string // the export's type of the tool, and the tool
	whole      bool   // its end was there
	act        session.Act
	summary    string
	fields     []specField
	words      []string
	script     string // a fenced command
	body       []string
	output     string
	answered   bool
	failed     bool
}

// specField is a named value of a call's input.
type specField struct{ name, value string }

var (
	specFence   = lazyregexp.New("^(Input(?: \\(truncated\\))?: )?(`{3,})([\\w+.-]*)\\s*$")
	specLabel   = lazyregexp.New(`^- (\w+):$|^\*\*([A-Z][\w ()]*):\*\*$|^(Parameters|Additional data):$`)
	specOutput  = lazyregexp.New(`^(?:\*\*)?(Result|Output|Error|Answer|Output \(error\)):(?:\*\*)?(?: (.*))?$`)
	specStatus  = lazyregexp.New(`\s*\nStatus: \*\*(\w+)\*\*\s*$`)
	specBullet  = lazyregexp.New("^- (\\w+): `(.*)$")
	specNamed   = lazyregexp.New("^([A-Z][\\w ]{2,20}): `?(.*?)`?$")
	specPairs   = lazyregexp.New("(path|pattern|include) `([^`]*)`")
	specPatched = lazyregexp.New("^\\*\\*(Add|Update|Modify|Delete): `(.*)`\\*\\*$")
	specChanged = lazyregexp.New(`^(?:The file|File created successfully at:) (.+?)(?: has been .*|\.? \(file state .*)?$`)
)

// specActs maps the names of tools that neither Claude Code nor Codex have.
// For others the export's type of the tool stands.
var specActs = map[string]session.Act{
	"LS": session.List, "list_directory": session.List, "list_dir": session.List, "glob": session.List, "glob_file_search": session.List,
	"file_search": session.List, "Write": session.Write, "write": session.Write, "write_file": session.Write, "create_file": session.Write,
	"Create": session.Write, "TaskOutput": session.OtherAct, "BashOutput": session.OtherAct, "KillShell": session.OtherAct,
	"web_search": session.Fetch, "google_web_search": session.Fetch, "ask_question": session.Ask,
	"run_terminal_cmd": session.Shell, "edit_file": session.Edit, "search_replace": session.Edit, "delete_file": session.Edit,
	"grep": session.Search, "grep_search": session.Search, "codebase_search": session.Search,
}

var specKinds = map[string]session.Act{
	"shell": session.Shell, "read": session.Read, "write": session.Edit, "search": session.Search, "grep": session.Search, "task": session.Plan,
}

// specAct tells what a tool does.
func specAct(name, kind string) session.Act {
	for _, acts := range []map[string]session.Act{specActs, claudeActs, codexActs} {
		if act := acts[name]; act != "" {
			return act
		}
	}
	if act := specKinds[kind]; act != "" {
		return act
	}
	return session.OtherAct
}

var shellLanguages = map[string]bool{"bash": true, "sh": true, "shell": true, "zsh": true, "powershell": true, "cmd": true, "bat": true}

// read takes the lines between the tags of a call apart.
func (u *toolUse) read(lines []string) {
	u.act = specAct(u.name, u.kind)
	lines = u.head(lines)
	for i := 0; i < len(lines) && !u.answered; i++ {
		line := lines[i]
		m := specFence.FindStringSubmatch(line)
		out := specOutput.FindStringSubmatch(line)
		switch {
		case m != nil && u.isInput(m[1] != "", m[3], lines[:i]):
			end := fenceEnd(lines, i, m[2])
			u.input(m[3], strings.Join(lines[i+1:end], "\n"), lines[:i])
			i = end
		case m != nil:
			u.answer(lines[i:])
		case out != nil:
			u.failed = strings.Contains(out[1], "rror")
			u.answer(append([]string{out[2]}, lines[i+1:]...))
		case line != "" && u.summary != "" && (u.act == session.Search || u.act == session.List):
			u.answer(lines[i:]) // found lines come as a table, or bare
		default:
			i += u.unfenced(line, lines[i+1:])
		}
	}
}

// head reads the summary, and returns the lines behind it without the tags of
// what can be unfolded.
func (u *toolUse) head(lines []string) []string {
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	text = strings.TrimSpace(strings.TrimPrefix(text, "<details>"))
	if rest, ok := strings.CutPrefix(text, "<summary>"); ok {
		u.summary, text, _ = strings.Cut(rest, "</summary>")
		u.summary = strings.TrimSpace(strings.TrimPrefix(u.summary, "Tool use:"))
		if _, behind, ok := strings.Cut(strings.TrimPrefix(u.summary, "**"), "**"); ok && strings.HasPrefix(u.summary, "**") {
			u.summary = behind
		}
		u.summary = strings.TrimPrefix(strings.TrimSpace(u.summary), "• ")
		u.summarized(html.UnescapeString(u.summary))
	}
	lines = strings.Split(text, "\n")
	for len(lines) > 0 && (lines[len(lines)-1] == "" || strings.TrimSpace(lines[len(lines)-1]) == "</details>") {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// summarized takes the values out of a summary: `value`, pattern `value`, or
// the extension's "Read file: value • more".
func (u *toolUse) summarized(text string) {
	if text == "" {
		return
	}
	if first, _, found := strings.Cut(text, "`"); found && strings.TrimSpace(first) == "" {
		value, _, _ := strings.Cut(strings.TrimSpace(text)[1:], "` in `")
		u.fields = append(u.fields, specField{"summary", strings.TrimSuffix(value, "`")})
		return
	}
	if pairs := specPairs.FindAllStringSubmatch(text, -1); pairs != nil {
		u.pairs(pairs)
		return
	}
	if label, value, found := strings.Cut(text, ": "); found && !strings.ContainsAny(label, `"•`) {
		if u.act != session.Shell {
			value, _, _ = strings.Cut(value, " • ")
		}
		u.fields = append(u.fields, specField{"summary", value})
		return
	}
	if _, rest, found := strings.Cut(text, `"`); found {
		value, _, _ := strings.Cut(rest, `"`)
		u.fields = append(u.fields, specField{"summary", value})
		return
	}
	u.words = append(u.words, text)
}

func (u *toolUse) pairs(pairs [][]string) {
	for _, m := range pairs {
		u.fields = append(u.fields, specField{m[1], m[2]})
	}
}

// isInput reports whether a fence holds input: what was run or written, or a
// value that has a name. All others hold the output.
func (u *toolUse) isInput(marked bool, language string, before []string) bool {
	last := len(before) - 1
	for last >= 0 && before[last] == "" {
		last--
	}
	switch {
	case marked, last >= 0 && specLabel.MatchString(before[last]):
		return true
	case u.act == session.Shell:
		return shellLanguages[language] && u.script == ""
	case u.act == session.Write:
		return len(u.body) == 0 && language != "text"
	case u.act == session.Edit:
		return language == "diff" || len(u.body) == 0 && language == "json"
	}
	return language == "json" && len(u.body) == 0
}

// fenceEnd returns the line that closes a fence: one with as many backticks.
func fenceEnd(lines []string, i int, ticks string) int {
	for i++; i < len(lines); i++ {
		if rest := strings.TrimPrefix(lines[i], ticks); rest != lines[i] && strings.Trim(rest, "` ") == "" {
			return i
		}
	}
	return len(lines)
}

// input takes up fenced input.
func (u *toolUse) input(language, text string, before []string) {
	text = strings.ReplaceAll(html.UnescapeString(strings.ReplaceAll(text, "&#96;", "`")), "\\`\\`\\`", "```")
	for i := len(before) - 1; i >= 0; i-- {
		if m := specLabel.FindStringSubmatch(before[i]); m != nil {
			u.fields = append(u.fields, specField{strings.ToLower(m[1] + m[2] + m[3]), text})
			return
		} else if before[i] != "" {
			break
		}
	}
	if u.act == session.Shell && u.script == "" {
		u.script = text
		return
	}
	u.body = append(u.body, text)
}

// answer takes the output out of the rest of the lines.
func (u *toolUse) answer(lines []string) {
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	u.answered = true
	text := strings.Join(lines, "\n")
	if m := specStatus.FindStringSubmatch(text[max(0, len(text)-100):]); m != nil {
		u.failed = u.failed || m[1] != "completed"
		text = strings.TrimSuffix(text, m[0])
	}
	if first, rest, _ := strings.Cut(text, "\n"); specFence.MatchString(first) {
		text = rest
		if end := strings.LastIndex("\n"+text, "\n```"); end >= 0 && strings.Trim(text[end:], "`\n ") == "" {
			text = text[:max(0, end-1)]
		}
	}
	u.output = strings.TrimRight(strings.ReplaceAll(text, "&#96;", "`"), "\n\t ")
}

// unfenced reads a line of input that is not fenced. It returns how many more
// lines belong to it.
func (u *toolUse) unfenced(line string, more []string) int {
	if m := specBullet.FindStringSubmatch(line); m != nil {
		n := 0
		for last := m[2]; !strings.HasSuffix(last, "`") && n < len(more); n++ { // commands of several lines
			last = more[n]
		}
		value := strings.Join(append([]string{m[2]}, more[:n]...), "\n")
		u.fields = append(u.fields, specField{strings.ToLower(m[1]), strings.TrimSuffix(value, "`")})
		return n
	}
	text := strings.TrimSpace(line)
	if pairs := specPairs.FindAllStringSubmatch(line, -1); pairs != nil && strings.HasPrefix(line, " p") {
		if _, pattern, ok := strings.Cut(text, "pattern `"); ok && strings.Count(pattern, "`") > 1 { // backticks of its own
			pairs = append(specPairs.FindAllStringSubmatch(strings.TrimSuffix(text, "pattern `"+pattern), -1), []string{"", "pattern", strings.TrimSuffix(pattern, "`")})
		}
		u.pairs(pairs)
	} else if strings.HasPrefix(text, "`") && strings.Count(text, "`") > 1 {
		end := strings.LastIndex(text, "`")
		u.fields = append(u.fields, specField{"value", text[1:end]})
		u.say(text[end+1:])
	} else if m := specPatched.FindStringSubmatch(line); m != nil {
		u.fields = append(u.fields, specField{"patched", m[2]})
		u.body = append(u.body, "*** "+m[1]+" File: "+m[2])
	} else if m := specNamed.FindStringSubmatch(line); m != nil && u.act != session.Ask {
		u.fields = append(u.fields, specField{strings.ToLower(m[1]), m[2]})
	} else if !specLabel.MatchString(line) {
		u.say(strings.TrimRight(line, " "))
	}
	return 0
}

func (u *toolUse) say(words string) {
	if strings.TrimSpace(words) != "" || len(u.words) > 0 {
		u.words = append(u.words, words)
	}
}

// take returns the first of the named values, and removes it.
func (u *toolUse) take(names ...string) string {
	for _, name := range names {
		if i := slices.IndexFunc(u.fields, func(f specField) bool { return f.name == name }); i >= 0 {
			value := u.fields[i].value
			u.fields = slices.Delete(u.fields, i, i+1)
			return value
		}
	}
	return ""
}

// specSubjects names, by act, the values that tell what a call is about.
var specSubjects = map[session.Act][]string{
	session.Shell:  {"command", "value", "summary"},
	session.Search: {"pattern", "patterns", "query", "summary", "value", "path"},
	session.List:   {"pattern", "patterns", "glob", "summary", "value", "path"},
	session.Fetch:  {"url", "query", "value", "summary"},
	session.Ask:    {},
}

var specSubject = []string{"file_path", "filepath", "path", "value", "read file", "edit file", "summary", "skill", "query", "description"}

// call makes the call's event.
func (u *toolUse) call(e *session.Event) {
	e.Act, e.Tool = u.act, u.name
	e.Command = u.script
	if u.name == "exec" && u.script != "" { // Codex' code mode: JavaScript, the end of which may be left out
		e.Command = cmp.Or(innerCommands(u.script), innerCommands(strings.TrimSuffix(u.script, "\n...")+`"`))
		u.body = append(u.body, u.script)
	} else if e.Command == "" {
		names, ok := specSubjects[u.act]
		if !ok {
			names = specSubject
		}
		e.Command = u.take(names...)
	}
	if u.act == session.Shell {
		u.take("summary") // the command again, in one line
		e.Dir = u.take("directory", "workdir", "cwd")
		if words, ok := strings.CutPrefix(e.Command, "[bash -lc "); ok { // a list, as Go prints it
			e.Command = strings.TrimSuffix(words, "]")
		}
	}
	var files []string
	for path := u.take("patched"); path != ""; path = u.take("patched") {
		files = append(files, path)
	}
	if e.Command == "" && len(files) > 0 {
		e.Command = strings.Join(files, " ")
	}
	if m := specChanged.FindStringSubmatch(firstLine(u.output)); e.Command == "" && m != nil && (u.act == session.Edit || u.act == session.Write) {
		e.Command = m[1] // the export leaves the path of an edit out
	}
	words := strings.TrimSpace(strings.Join(u.words, "\n"))
	if u.act == session.Shell && words != "" {
		words = "description: " + words
	}
	if _, ok := specSubjects[u.act]; e.Command == "" && !ok && u.act != session.Plan {
		e.Command, words, _ = strings.Cut(words, "\n")
	}
	text := []string{words}
	for _, f := range u.fields {
		text = append(text, f.name+": "+f.value)
	}
	e.Text = strings.TrimSpace(strings.Join(append(text, u.body...), "\n"))
}

// empty reports whether nothing stands between the tags.
func (u *toolUse) empty() bool {
	return u.summary == "" && len(u.fields)+len(u.words)+len(u.body) == 0 && u.script == "" && !u.answered
}

// use adds a tool call with its result.
func (p *specParser) use(u *toolUse) {
	if u.empty() && p.last == u.name {
		return // the exports of Cursor have an empty copy behind every call
	}
	p.last = u.name
	var e session.Event
	u.call(&e)
	call := p.event(u.line, session.Call, session.ByAgent, u.name, e.Command+"\n"+e.Text)
	call.Act, call.Command, call.Dir, call.Text = e.Act, e.Command, e.Dir, e.Text
	call.CallID = call.Key
	p.add(call)
	p.skill = u.name == "Skill"
	result := session.Event{N: u.line, Part: 1, Kind: session.Result, Author: session.ByTool, Time: call.Time, CallID: call.CallID, Key: key(call.Key, "result")}
	switch {
	case u.whole && u.answered:
		p.result(&result, u)
	case u.whole && p.agent == "claude" && !p.bare:
		result.Flag = session.FlagOK
		p.silent[p.session()] = &result
	}
}

// result adds a result, and the words of the person in it.
func (p *specParser) result(e *session.Event, u *toolUse) {
	e.Text = withoutReminders(u.output)
	reason := ""
	switch {
	case p.agent == "claude":
		claudeShown(e, u.act)
		if p.bare && e.Flag == session.FlagOK {
			e.Flag = "" // Claude Code did not write exit codes then
		}
		if e.Flag == session.FlagRejected {
			e.Text, reason = rejection(e.Text)
		}
	case p.agent == "codex":
		p.codex.header(e, e.Text)
	default:
		otherShown(e)
	}
	if u.failed && e.Flag == "" {
		e.Flag = session.FlagError
	}
	s := p.session()
	p.d.add(s, *e)
	why := session.Event{N: e.N, Part: 2, Kind: session.User, Author: session.Human, Act: session.Refusal, Time: e.Time, CallID: e.CallID, Key: key(e.Key, "why"), Text: reason}
	if strings.HasPrefix(reason, "The user wants to clarify these questions") {
		why.Author = session.Injected
	}
	if u.name == "AskUserQuestion" && e.Flag == session.FlagOK {
		why.Act, why.Text = "", u.ownWords()
	}
	if why.Text != "" {
		p.d.add(s, why)
	}
}

var (
	exitShown  = lazyregexp.New(`^Exit code (-?\d+)(?:\n|$)`)
	errorShown = lazyregexp.New(`^(?:<tool_use_error>|File content \(|File does not exist|EISDIR|ENOENT|EACCES|Error: |File has been unexpectedly modified|Request failed with status|InputValidationError|MCP error)`)
)

// claudeShown sets the flag of a result of Claude Code. The export drops the
// client's error flag, but what the client writes of errors stays.
func claudeShown(e *session.Event, act session.Act) {
	if m := exitShown.FindStringSubmatch(e.Text); m != nil {
		n, _ := strconv.Atoi(m[1])
		e.Exit, e.Flag = exitCode(n), claudeErrorFlag("", e.Text)
		return
	}
	first := firstLine(e.Text)
	refused := claudeErrorFlag("", first) != session.FlagError
	switch {
	case refused, strings.HasPrefix(first, "<tool_use_error>"), act != session.Shell && errorShown.MatchString(first):
		e.Flag = claudeErrorFlag("", e.Text)
	case strings.HasPrefix(first, "Command running in background with ID"), strings.HasPrefix(first, "Async agent launched"):
		e.Flag = session.FlagRunning
	default:
		e.Flag = session.FlagOK
	}
}

var otherExit = lazyregexp.New(`(?m)^(?:Exit Code:|The command failed with exit code:?) (-?\d+)`)

// otherShown reads what Gemini CLI and Antigravity write around an output.
func otherShown(e *session.Event) {
	if m := otherExit.FindStringSubmatch(e.Text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			e.Exit = exitCode(n)
		}
	}
	const fine = "The command completed successfully."
	if strings.HasPrefix(e.Text, fine) {
		e.Exit = exitCode(0)
	}
	if e.Exit != nil {
		if head, body, found := strings.Cut(e.Text, "Output:\n"); found && !strings.Contains(head, "\n\n") {
			e.Text = strings.TrimSpace(body)
		}
	}
}

// ownWords returns the answer to a dialog when the person did not just take
// one of the options.
func (u *toolUse) ownWords() string {
	answer := u.output
	for _, behind := range []string{`" selected preview:`, `". Read the answers`} {
		answer, _, _ = strings.Cut(answer, behind)
	}
	rest := answer
	for _, word := range u.words {
		if label, found := strings.CutPrefix(word, "- **"); found {
			label, _, _ = strings.Cut(label, "**")
			rest = strings.Replace(rest, label, "", 1)
		}
	}
	if len(strings.Fields(strings.Trim(rest, ", "))) < 2 {
		return ""
	}
	return answer
}
