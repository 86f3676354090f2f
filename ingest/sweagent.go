package ingest

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// sweAgent reads SWE-agent's trajectories: one JSON document a run, with
// "trajectory", "history" and "info". A step of the trajectory is what the
// model thought, the one command that it gave, and what came back. The history
// repeats that in the words of the templates, behind demonstrations; it is read
// for the task, and where there is no trajectory. Version 0 keeps the state
// before a step, as a JSON string; version 1 the state after it, as an object,
// and a list of attempts where a run was retried. There are no times, and no
// exit codes but those in a marker that the client left in some outputs.
// Nobody but the template speaks in the user role.
var sweAgent = Format{
	Name:    "swe-agent",
	Doc:     "SWE-agent trajectories, *.traj",
	Version: 2,
	Seen:    "0 and 1, function calling, histories alone",
	Skips:   "demonstrations, the history that repeats the trajectory",
	Checked: "25 trajectories",
	Sniff:   sniffSWE,
	Parse:   parseSWE,
}

func sniffSWE(head []byte) bool {
	doc := firstObject(head)
	for _, step := range []string{"trajectory.0", "attempts.0.trajectory.0"} {
		if s := doc.Get(step); s.Get("action").Exists() && (s.Get("observation").Exists() || s.Get("response").Exists()) {
			return true
		}
	}
	return doc.Get("history.0.role").Exists() && doc.Get("history.0.agent").Exists()
}

func parseSWE(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	attempts := doc.Get("attempts").Array()
	if len(attempts) == 0 { // where there are some, the document repeats the best
		attempts = []gjson.Result{doc}
	}
	for _, run := range attempts {
		readSWERun(d, run)
	}
	return nil
}

func readSWERun(d *Draft, run gjson.Result) {
	p := &sweParser{d: d, s: d.session(sweIdentity(d.path, run))}
	p.head(run)
	steps := run.Get("trajectory")
	p.history(run.Get("history"), !steps.Get("0").Exists())
	n := 0
	steps.ForEach(func(_, step gjson.Result) bool {
		if step.IsObject() {
			d.Records++
			p.step(n, step)
		} else {
			d.bad(n, "not an object: "+d.excerpt([]byte(step.Raw)))
		}
		n++
		return true
	})
}

// sweInstance returns what was to be solved, which names the file.
func sweInstance(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".json"), ".traj")
}

// sweIdentity names a run: its instance and what no other run has. That is the
// first time taken for a step; where none was taken, all of the run once it has
// ended, and until then its path.
func sweIdentity(file string, run gjson.Result) string {
	steps, took := run.Get("trajectory"), ""
	steps.ForEach(func(_, step gjson.Result) bool {
		if t := step.Get("execution_time"); t.Float() > 0 {
			took = t.Raw
		}
		return took == ""
	})
	if took == "" && (!steps.Get("0").Exists() || run.Get("info.exit_status").Str != "") {
		took = steps.Raw + run.Get("history").Raw
	}
	if took == "" {
		took = file
	}
	return sweInstance(file) + "-" + key(took)[:8]
}

type sweParser struct {
	d    *Draft
	s    *session.Session
	dir  string // working folder
	file string // open in the model's editor
	open string // call that waits for its result
}

func (p *sweParser) head(run gjson.Result) {
	s, info := p.s, run.Get("info")
	s.Sources[0].Unit = "index"
	s.Population, s.Instance = session.Benchmark, sweInstance(p.d.path)
	s.Title = s.Instance
	s.Version = info.Get("swe_agent_version").String()
	s.Model = jsonText(run.Get("replay_config")).Get("agent.model.name").String()
	use := info.Get("model_stats")
	s.Usage = session.Usage{Input: int(use.Get("tokens_sent").Int()), Output: int(use.Get("tokens_received").Int()),
		Cost: use.Get("instance_cost").Float()}
}

// sweState returns the state of a step: an object, or a string that holds one.
func sweState(step gjson.Result) gjson.Result { return jsonText(step.Get("state")) }

// event starts an event of the n-th step or message.
func (p *sweParser) event(n, part int, kind session.Kind, author session.Author) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Key: key(p.s.ID, strconv.Itoa(n), strconv.Itoa(part))}
}

// Parts of a step, and of a message of a history that is read alone.
const (
	sweTask = iota // of the first step only
	sweThinking
	sweThought
	sweCall
	sweResult
)

// history reads the messages to the model: all of them, or only the task.
func (p *sweParser) history(messages gjson.Result, all bool) {
	n, tasked := 0, false
	messages.ForEach(func(_, m gjson.Result) bool {
		if !m.Get("is_demo").Bool() && (all || !tasked) {
			task := !tasked && m.Get("role").Str == "user"
			p.message(n, m, all, task)
			tasked = tasked || task
		}
		n++
		return true
	})
	if all {
		p.d.Records += n
	}
}

// message reads a message of the history, where task says that it is the first
// of a user.
func (p *sweParser) message(n int, m gjson.Result, all, task bool) {
	role, text := m.Get("role").Str, contentText(m.Get("content"))
	if shown := swePrompt.FindStringSubmatch(text); shown != nil {
		text, p.file = text[:len(text)-len(shown[0])], shown[1]
		p.in(shown[2])
	}
	switch {
	case task:
		if !all {
			n = 0
		}
		e := p.event(n, sweTask, session.User, session.ByProgram)
		e.Line, e.Text = p.d.line(m.Get("content")), text
		p.d.add(p.s, e)
	case role == "system" || !all:
	case role == "assistant":
		p.model(n, m)
	case role == "tool" || role == "user":
		call := m.Get("tool_call_ids.0").String()
		if call == "" {
			call = p.open
		}
		p.result(n, p.d.line(m.Get("content")), call, strings.TrimPrefix(text, "OBSERVATION:\n"))
	default:
		p.d.unknown("role " + role)
	}
}

// swePrompt is what the templates put behind the output of a command.
var swePrompt = lazyregexp.New(`\s*\(Open file: ([^\n]*)\)\s*\(Current directory: ([^\n]*)\)(?:\s*\(Interactive session: [^\n]*\))?\s*bash-\$\s*$`)

// step reads a step of the trajectory.
func (p *sweParser) step(n int, step gjson.Result) {
	state, observed := sweState(step), step.Get("observation").String()
	before := step.Get("state").Type == gjson.String
	if before || p.dir == "" {
		p.in(state.Get("working_dir").String())
	}
	if note := sweEnding(step, observed); note != "" {
		e := p.event(n, sweThought, session.Note, session.Injected)
		e.Line, e.Act, e.Text = p.d.line(step.Get("thought")), session.OtherAct, note
		p.d.add(p.s, e)
		return
	}
	p.file = state.Get("open_file").String()
	p.model(n, step)
	ran := observed != "" || before || step.Get("execution_time").Float() > 0 || state.Get("working_dir").Exists()
	if p.open != "" && ran { // else it was refused: blocked, or not even a command
		p.result(n, p.d.line(step.Get("observation")), p.open, observed)
	}
	p.in(state.Get("working_dir").String())
}

// in takes up the working folder; the first is the session's.
func (p *sweParser) in(dir string) {
	if dir == "" {
		return
	}
	if p.dir = dir; p.s.Cwd == "" {
		p.s.Cwd = dir
	}
}

// sweEnding returns what the client says when it ends a run: it stands in
// place of the model's reply.
func sweEnding(step gjson.Result, observed string) string {
	action, thought := strings.TrimSpace(step.Get("action").String()), step.Get("thought").String()
	if strings.HasPrefix(thought, "Exit") && (action == "" || strings.HasPrefix(action, "exit_")) {
		return strings.TrimSpace(thought + "\n" + observed)
	}
	return ""
}

// model reads what the model thought and the command that it gave.
func (p *sweParser) model(n int, m gjson.Result) {
	action := strings.TrimSpace(m.Get("action").String())
	thought, from := strings.TrimSpace(m.Get("thought").String()), m.Get("thought")
	if thought == "" && action == "" {
		from = firstResult(m, "response", "content")
		thought = strings.TrimSpace(firstOf(m, "response", "content"))
	}
	for _, said := range []struct {
		part int
		act  session.Act
		text string
		from gjson.Result
	}{{sweThinking, session.Thinking, m.Get("reasoning_content").String(), m.Get("reasoning_content")}, {sweThought, "", thought, from}} {
		if said.text != "" {
			e := p.event(n, said.part, session.Agent, session.ByAgent)
			e.Line, e.Act, e.Text = p.d.line(said.from), said.act, said.text
			p.d.add(p.s, e)
		}
	}
	p.open = ""
	if action == "" {
		return
	}
	if p.open = m.Get("tool_calls.0.id").String(); p.open == "" {
		p.open = "step-" + strconv.Itoa(n)
	}
	e := p.event(n, sweCall, session.Call, session.ByAgent)
	e.Line, e.CallID = p.d.line(m.Get("action")), p.open
	if p.dir != p.s.Cwd {
		e.Dir = p.dir
	}
	sweInput(&e, action, p.file)
	p.d.add(p.s, e)
}

var (
	sweExit   = lazyregexp.New(`///PROCESS-DONE:(\d+):PROCESS-DONE///\s*$`)
	sweBroken = lazyregexp.New(`(?:^|\n)(?:EXECUTION TIMED OUT(?: BECAUSE [^\n]*(?:\n[^\n]*)?)?|EXECUTION FAILED OR COMMAND MALFORMED|(?:COMMAND FAILED TO EXECUTE|BROKEN PIPE ERROR)\. RESTARTING PROCESS\.)\s*$` +
		`|(?s)^The command '.*' was cancelled because it took more than`)
)

// result reads what a command returned, and what the client says of it.
func (p *sweParser) result(n, line int, call, text string) {
	e := p.event(n, sweResult, session.Result, session.ByTool)
	e.Line, e.CallID = line, call
	if m := sweExit.FindStringSubmatchIndex(text); m != nil {
		if code, err := strconv.Atoi(text[m[2]:m[3]]); err == nil {
			e.Exit = exitCode(code)
		}
		text = text[:m[0]]
	}
	e.Text = text
	command := callOf(p.s, e.CallID)
	if sweBroken.MatchString(text) || command != nil && command.Act != session.Shell && sweRefusal.MatchString(text) {
		e.Flag = session.FlagError
	}
	p.d.add(p.s, e)
}

// sweActs are the commands that SWE-agent adds to the shell. The others, as
// those that connect to a server or decompile a program, are programs.
var sweActs = map[string]session.Act{
	"open": session.Read, "goto": session.Read, "scroll_up": session.Read, "scroll_down": session.Read, "filemap": session.Read,
	"view_image": session.Read, "search_file": session.Search, "search_dir": session.Search, "find_file": session.List,
	"create": session.Write, "edit": session.Edit, "insert": session.Edit, "append": session.Edit, "undo_edit": session.Edit,
	"str_replace_editor": session.Edit, "set_cursors": session.OtherAct, "submit": session.OtherAct,
}

// sweRefusal matches what those commands print when they do nothing.
var sweRefusal = lazyregexp.New(`^\s*(?:Your proposed edit has introduced new syntax error|Your edit was not applied|No file open|Usage: |(?i:error): ` +
	`|(?:File|Directory) .{1,300} (?:not found|does not exist)|goto allows only one|Your search and replace strings are the same` +
	`|Search text must not be empty|No replacement was performed|The path .{1,300} (?:does not exist|is not an absolute path|is a directory)` +
	`|Invalid .view_range|Invalid .insert_line|File already exists at|Parameter .{1,40} is required|No edit history found|Wrong flag!)`)

// sweInput takes the command line out of an action, or what one of the
// client's own commands is about: a path, a pattern, for edits the open file.
func sweInput(e *session.Event, action, file string) {
	words := shellWords(action)
	act, own := sweActs[words[0]]
	if !own || act != session.Edit && act != session.Write && slices.ContainsFunc(words, isOperator) {
		e.Act, e.Tool, e.Command = session.Shell, "bash", action
		return
	}
	e.Act, e.Tool = act, words[0]
	arguments := strings.TrimSpace(strings.TrimPrefix(action, e.Tool))
	if e.Tool == "str_replace_editor" && len(words) > 1 {
		words = words[1:]
		switch words[0] {
		case "view":
			e.Act = session.Read
		case "create":
			e.Act = session.Write
		}
	}
	switch {
	case sweOnOpenFile[e.Tool] && file != "" && file != "n/a":
		e.Command, e.Text = file, arguments
	case act == session.OtherAct:
		e.Command = action
	case sweOnOpenFile[e.Tool] || len(words) < 2:
		e.Command, e.Text = firstLine(action), arguments
	default:
		e.Command = words[1]
		if arguments != e.Command {
			e.Text = arguments
		}
	}
}

// sweOnOpenFile are the commands that work on the open file.
var sweOnOpenFile = map[string]bool{"edit": true, "insert": true, "append": true, "goto": true, "scroll_up": true, "scroll_down": true}

func isOperator(word string) bool { return word == "&&" || word == "||" || word == "|" || word == ";" }

// shellWords splits a command line as a shell does, without expanding
// anything. There is at least one word, be it empty.
func shellWords(line string) []string {
	words, word, quote, open := []string(nil), strings.Builder{}, rune(0), false
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, open = true, true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if open || len(words) == 0 {
		words = append(words, word.String())
	}
	return words
}
