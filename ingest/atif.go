package ingest

import (
	"path"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
	"lode/session/lazyregexp"
)

// atif reads the Agent Trajectory Interchange Format, versions 1.0 to 1.7, as
// Harbor and others write it: one document a run, whose steps hold a message,
// calls and what came back. Runs are started by programs. A run that goes on in
// another file shares its id; steps that were copied there are passed over, and
// trajectories of subagents within the document are sessions of their own.
// There is no field for failure, so each producer has its own.
var atif = Format{
	Name:       "atif",
	Doc:        "ATIF trajectories, trajectory.json of Harbor and Terminal-Bench",
	Version:    2,
	Seen:       "1.0 to 1.7",
	Skips:      "filler that Harbor writes for results",
	Checked:    "the specification, and outputs quoted in public",
	Unverified: true,
	Sniff:      sniffATIF,
	Parse:      parseATIF,
}

func sniffATIF(head []byte) bool {
	return strings.HasPrefix(firstObject(head).Get("schema_version").Str, "ATIF-v1.")
}

func parseATIF(in *Input, d *Draft) error {
	doc, err := wholeDocument(in, d)
	if err != nil || !doc.Exists() {
		return err
	}
	id := firstOf(doc, "session_id", "trajectory_id")
	if id == "" {
		id = strings.TrimSuffix(path.Base(in.Path), ".json") + "-" + key(in.Path)[:8]
	}
	readATIF(d, doc, id, "")
	return nil
}

type atifParser struct {
	d       *Draft
	s       *session.Session
	started bool // a user or the model has spoken: what the system says is not its prompt
}

// readATIF reads a trajectory, and those of its subagents.
func readATIF(d *Draft, doc gjson.Result, id, parent string) {
	p := &atifParser{d: d, s: d.session(id)}
	p.head(doc, parent)
	eachItem(doc.Get("steps"), d, func(n int, step gjson.Result) {
		if !step.Get("is_copied_context").Bool() {
			p.step(n, step)
		}
	})
	part := 0
	doc.Get("subagent_trajectories").ForEach(func(_, sub gjson.Result) bool {
		part++
		name := firstOf(sub, "trajectory_id", "session_id")
		if name == "" || name == id {
			name = strconv.Itoa(part)
		}
		if d.has(id + "." + name) {
			name += "-" + strconv.Itoa(part)
		}
		readATIF(d, sub, id+"."+name, id)
		return true
	})
}

func (p *atifParser) head(doc gjson.Result, parent string) {
	s, agent := p.s, doc.Get("agent")
	s.Sources[0].Unit = "index"
	s.Population, s.Parent = session.Headless, parent
	if parent != "" {
		s.Population = session.Subagent
	} else if task := atifTask(p.d.path); task != "" {
		s.Population, s.Instance, s.Title = session.Benchmark, task, task
	}
	s.Model, s.Version = agent.Get("model_name").String(), agent.Get("version").String()
	s.Cwd, s.Branch = firstOf(agent, "extra.cwds.0", "extra.cwd"), agent.Get("extra.git_branches.0").String()
	use := doc.Get("final_metrics")
	cached := int(use.Get("total_cached_tokens").Int())
	s.Usage = session.Usage{Input: max(0, int(use.Get("total_prompt_tokens").Int())-cached), CacheRead: cached,
		Output: int(use.Get("total_completion_tokens").Int()), Cost: use.Get("total_cost_usd").Float()}
}

// atifTask returns the task that Harbor ran, of the path of a trial:
// <task>__<trial>/agent/trajectory.json.
func atifTask(file string) string {
	dir, name := path.Split(file)
	trial := path.Base(path.Dir(path.Clean(dir)))
	task, _, ok := cutLast(trial, "__")
	if !ok || path.Base(dir) != "agent" || !strings.HasPrefix(name, "trajectory") {
		return ""
	}
	return task
}

// cutLast cuts a text around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// event starts an event of the n-th step. The step itself is what its copies
// share.
func (p *atifParser) event(n, part int, kind session.Kind, author session.Author, step gjson.Result) session.Event {
	return session.Event{N: n, Part: part, Kind: kind, Author: author, Time: parseTime(step.Get("timestamp").String()),
		Line: p.d.line(step.Get("message")), Key: key(p.s.ID, step.Raw, strconv.Itoa(part))}
}

// Parts of a step: what was said, then the calls, then what they returned.
const (
	atifThought = iota
	atifMessage
	atifCall
	atifResult = 500
)

func (p *atifParser) step(n int, step gjson.Result) {
	text := contentText(step.Get("message"))
	switch source := step.Get("source").Str; source {
	case "user":
		p.started = true
		if e := p.event(n, atifMessage, session.User, session.ByProgram, step); text != "" {
			e.Text = text
			p.d.add(p.s, e)
		}
	case "system":
		if e := p.event(n, atifMessage, session.Note, session.Injected, step); p.started && text != "" {
			e.Act, e.Text = session.OtherAct, text
			p.d.add(p.s, e)
		}
	case "agent":
		p.started = true
		p.reply(n, step, text)
	default:
		p.d.unknown("source " + source)
		return
	}
	p.results(n, step)
}

// atifFiller is what Harbor says for the model when that said nothing.
var atifFiller = lazyregexp.New(`^(?:Executed \S+ \S+|\(tool use\))$`)

func (p *atifParser) reply(n int, step gjson.Result, text string) {
	if model := step.Get("model_name").Str; model != "" && p.s.Model == "" {
		p.s.Model = model
	}
	first := len(p.s.Events)
	if e := p.event(n, atifThought, session.Agent, session.ByAgent, step); step.Get("reasoning_content").Str != "" {
		e.Line, e.Act, e.Text = p.d.line(step.Get("reasoning_content")), session.Thinking, step.Get("reasoning_content").Str
		p.d.add(p.s, e)
	}
	calls := step.Get("tool_calls")
	if e := p.event(n, atifMessage, session.Agent, session.ByAgent, step); text != "" && !(calls.Get("0").Exists() && atifFiller.MatchString(text)) {
		e.Text = text
		p.d.add(p.s, e)
	}
	part := atifCall
	calls.ForEach(func(_, c gjson.Result) bool {
		e := p.event(n, part, session.Call, session.ByAgent, step)
		e.CallID, e.Tool = c.Get("tool_call_id").String(), c.Get("function_name").String()
		commonInput(&e, jsonText(c.Get("arguments")))
		e.Line = p.d.inputLine(e.Command, c.Get("arguments"))
		p.d.add(p.s, e)
		part++
		return true
	})
	if tokens := int(step.Get("metrics.completion_tokens").Int()); len(p.s.Events) > first {
		p.s.Events[first].Tokens = tokens
	}
}

// results reads what came back. One that names no call is that of the last:
// some agents show a terminal once for all that was typed.
func (p *atifParser) results(n int, step gjson.Result) {
	part := atifResult
	results := step.Get("observation.results").Array()
	for _, res := range results {
		e := p.event(n, part, session.Result, session.ByTool, step)
		part++
		if e.CallID = res.Get("source_call_id").String(); e.CallID == "" {
			calls := step.Get("tool_calls").Array()
			if len(calls) > 0 {
				e.CallID = calls[len(calls)-1].Get("tool_call_id").String()
			}
		}
		e.Line, e.Text = p.d.line(res.Get("content"), res.Get("subagent_trajectory_ref")), contentText(res.Get("content"))
		if e.Text == "" {
			if ref := res.Get("subagent_trajectory_ref"); ref.Exists() {
				e.Text = "subagent trajectory " + firstOf(ref, "0.trajectory_path", "0.session_id", "trajectory_path", "session_id")
			}
		}
		atifText(&e)
		atifStatus(&e, res)
		if len(results) == 1 && e.Flag == "" {
			atifStatus(&e, step)
		}
		p.d.add(p.s, e)
	}
}

// atifRepeats is where Harbor's texts of Claude Code begin to repeat themselves.
var atifRepeats = lazyregexp.New(`\n\n\[(?:stdout|stderr|metadata|exit_code|exitCode|interrupted|is_image)\][ \n]`)

// atifText takes a result out of what Harbor puts around it.
func atifText(e *session.Event) {
	if text, failed := strings.CutSuffix(strings.TrimRight(e.Text, "\n"), "[error] tool reported failure"); failed {
		e.Text, e.Flag = strings.TrimRight(text, "\n"), session.FlagError
	}
	if m := atifRepeats.FindStringIndex(e.Text); m != nil {
		e.Text = e.Text[:m[0]]
	}
	if code, ok := strings.CutPrefix(firstLine(e.Text), "Exit code "); ok && e.Flag == session.FlagError {
		if n, err := strconv.Atoi(code); err == nil {
			e.Exit = exitCode(n)
		}
	}
}

// atifStatus reads what producers say of a result in extra fields.
func atifStatus(e *session.Event, v gjson.Result) {
	extra := v.Get("extra")
	for _, name := range []string{"exit_code", "return_code", "returncode"} {
		if code := extra.Get(name); code.Type == gjson.Number && e.Exit == nil {
			e.Exit = exitCode(int(code.Int()))
		}
	}
	status := strings.ToLower(extra.Get("status").String())
	failed := extra.Get("is_error")
	if !failed.Exists() {
		failed = extra.Get("tool_result_is_error")
	}
	switch {
	case failed.Bool(), status == "error", status == "failed", status == "failure":
		e.Flag = session.FlagError
	case e.Flag == "" && (failed.Exists() || status == "success" || status == "ok"):
		e.Flag = session.FlagOK
	}
}
