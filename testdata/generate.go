//go:build ignore

// Command generate writes the sample home from the stories in
// testdata/sample/stories: each as the agent that it names would have written
// it. Run it as "go run testdata/generate.go [FOLDER]"; a test compares what it
// writes with what is committed.
//
// The keys of a story: session (agent, project, start, then name=value), title,
// oddity, human, think, say, reminder and hook (texts that the client injects),
// read, list, run, write, edit, task (calls), and below a call exit, fail (it
// fails without an exit code), refuse (the person refuses it, with this
// reason), fork (a resumed copy of the session begins here). Every step takes
// twenty seconds.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	to := "testdata/sample"
	if len(os.Args) > 1 {
		to = os.Args[1]
	}
	files, err := filepath.Glob("testdata/sample/stories/*.txt")
	if err != nil || len(files) == 0 {
		log.Fatal("no stories: run this from the top of the repository ", err)
	}
	for _, f := range files {
		s, err := readStory(f)
		if err != nil {
			log.Fatal(f, ": ", err)
		}
		for path, text := range s.write() {
			path = filepath.Join(to, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				log.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// step is a thing that happens in a story.
type step struct {
	key, text string
	output    []string
	exit      int
	failed    string // text of a failure without exit code
	refused   string // reason of the person
}

type story struct {
	name, agent, project, title, oddity string
	start, forked                       time.Time
	options                             map[string]string
	steps, fork                         []step
}

// The secrets are made up, and put together here so that no scanner takes them
// for real ones in this file.
var secrets = strings.NewReplacer("{{password}}", "correct-horse-7", "{{token}}", "gh"+"p_"+"0123456789abcdefghijABCDEFGHIJ012345")

func readStory(file string) (*story, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &story{name: strings.TrimSuffix(filepath.Base(file), ".txt"), options: map[string]string{}}
	steps := &s.steps
	in := bufio.NewScanner(strings.NewReader(secrets.Replace(string(text))))
	for in.Scan() {
		line := in.Text()
		if out, ok := strings.CutPrefix(line, "> "); ok || line == ">" {
			last := &(*steps)[len(*steps)-1]
			last.output = append(last.output, out)
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, fmt.Errorf("not a key: %q", line)
		}
		value = strings.ReplaceAll(value, `\n`, "\n")
		switch key {
		case "session":
			words := strings.Fields(value)
			s.agent, s.project = words[0], words[1]
			if s.start, err = time.Parse(time.RFC3339, words[2]); err != nil {
				return nil, err
			}
			for _, o := range words[3:] {
				k, v, _ := strings.Cut(o, "=")
				s.options[k] = v
			}
		case "title":
			s.title = value
		case "oddity":
			s.oddity = value
		case "fork":
			if s.forked, err = time.Parse(time.RFC3339, value); err != nil {
				return nil, err
			}
			steps = &s.fork
		case "exit":
			fmt.Sscan(value, &(*steps)[len(*steps)-1].exit)
		case "fail":
			(*steps)[len(*steps)-1].failed = value
		case "refuse":
			(*steps)[len(*steps)-1].refused = value
		default:
			*steps = append(*steps, step{key: key, text: value})
		}
	}
	return s, in.Err()
}

func (s *story) write() map[string][]byte {
	switch s.agent {
	case "claude":
		return s.claude()
	case "codex":
		return s.codex()
	}
	return s.mini()
}

// uuid makes an id that is the same in every run.
func uuid(parts ...any) string {
	h := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, parts...)))
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// uuid7 makes a time-ordered id.
func uuid7(t time.Time, parts ...any) string {
	h := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, parts...)))
	ms := fmt.Sprintf("%012x", t.UnixMilli())
	return ms[:8] + "-" + ms[8:12] + "-7" + h[:3] + "-a" + h[4:7] + "-" + h[8:20]
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

type object = map[string]any

func line(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		log.Fatal(err)
	}
}

// claudeWriter writes records as Claude Code 2.1 does: one a content block,
// chained by uuid.
type claudeWriter struct {
	b             bytes.Buffer
	s             *story
	session, prev string
	n             int
	now           time.Time
}

func (s *story) claude() map[string][]byte {
	dir := ".claude/projects/-home-dev-work-" + s.project + "/"
	w := &claudeWriter{s: s, session: uuid(s.name), now: s.start}
	line(&w.b, object{"type": "file-history-snapshot", "messageId": uuid(s.name, "snap"), "snapshot": object{"trackedFileBackups": object{}}, "isSnapshotUpdate": false})
	files := map[string][]byte{}
	for _, st := range s.steps {
		w.step(st, files, dir)
	}
	text := w.b.Bytes()
	switch s.oddity {
	case "two-values": // a record appended behind one that was written without its line break
		text = append(bytes.TrimSuffix(text, []byte("\n")), []byte(`{"type":"summary","summary":"`+s.title+`","leafUuid":"`+w.prev+`"}`+"\n")...)
	case "half-line": // a session that is being written
		text = append(text, []byte(`{"parentUuid":"`+w.prev+`","isSidechain":false,"type":"assist`)...)
	default:
		line(&w.b, object{"type": "summary", "summary": s.title, "leafUuid": w.prev})
		text = w.b.Bytes()
	}
	files[dir+w.session+".jsonl"] = text
	if len(s.fork) > 0 {
		files[dir+uuid(s.name, "fork")+".jsonl"] = w.forked()
	}
	return files
}

// forked writes the session that was resumed under another id: the same
// records, then its own.
func (w *claudeWriter) forked() []byte {
	id := uuid(w.s.name, "fork")
	f := &claudeWriter{s: w.s, session: id, now: w.s.forked, prev: w.prev, n: 1000}
	for l := range strings.Lines(w.b.String()) {
		if strings.Contains(l, `"uuid":`) {
			f.b.WriteString(strings.ReplaceAll(l, w.session, id))
		}
	}
	for _, st := range w.s.fork {
		f.step(st, nil, "")
	}
	return f.b.Bytes()
}

func (w *claudeWriter) record(kind string, fields object) string {
	w.n++
	w.now = w.now.Add(20 * time.Second)
	id := uuid(w.s.name, w.n)
	rec := object{"parentUuid": nil, "isSidechain": false, "userType": "external", "cwd": "/home/dev/work/" + w.s.project, "sessionId": w.session,
		"version": "2.1.29", "gitBranch": w.s.options["branch"], "type": kind, "uuid": id, "timestamp": stamp(w.now)}
	if w.prev != "" {
		rec["parentUuid"] = w.prev
	}
	for k, v := range fields {
		rec[k] = v
	}
	line(&w.b, rec)
	w.prev = id
	return id
}

func (w *claudeWriter) says(block object) {
	w.record("assistant", object{"message": object{"model": "claude-sonnet-4-5", "id": "msg_" + uuid(w.s.name, w.n, "m")[:12], "type": "message", "role": "assistant",
		"content": []any{block}, "stop_reason": nil, "usage": object{"input_tokens": 8, "output_tokens": 90, "cache_read_input_tokens": 20000, "cache_creation_input_tokens": 400}}})
}

func (w *claudeWriter) step(st step, files map[string][]byte, dir string) {
	user := func(content any, more object) {
		f := object{"message": object{"role": "user", "content": content}}
		for k, v := range more {
			f[k] = v
		}
		w.record("user", f)
	}
	switch st.key {
	case "human":
		user(st.text, nil)
		return
	case "reminder":
		user([]any{object{"type": "text", "text": "<system-reminder>\n" + st.text + "\n</system-reminder>"}}, object{"isMeta": true})
		return
	case "hook":
		user("Stop hook feedback:\n"+st.text, object{"isMeta": true})
		return
	case "say":
		w.says(object{"type": "text", "text": st.text})
		return
	case "think":
		w.says(object{"type": "thinking", "thinking": st.text, "signature": "c2lnbmF0dXJl"})
		return
	}
	name, input := claudeCall(st, w.s.project)
	call := "toolu_" + uuid(w.s.name, w.n, "call")[:18]
	w.says(object{"type": "tool_use", "id": call, "name": name, "input": input})
	w.result(st, name, call, files, dir)
}

func claudeCall(st step, project string) (string, object) {
	path := "/home/dev/work/" + project + "/" + st.text
	switch st.key {
	case "read":
		return "Read", object{"file_path": path}
	case "list":
		return "Glob", object{"pattern": st.text}
	case "write":
		return "Write", object{"file_path": path, "content": "# written for this\n"}
	case "edit":
		return "Edit", object{"file_path": path, "old_string": "before", "new_string": "after", "replace_all": false}
	case "task":
		return "Task", object{"description": "Review", "prompt": st.text, "subagent_type": "general-purpose"}
	}
	return "Bash", object{"command": st.text, "description": "Run a command"}
}

func (w *claudeWriter) result(st step, name, call string, files map[string][]byte, dir string) {
	out := strings.Join(st.output, "\n")
	block := object{"tool_use_id": call, "type": "tool_result", "content": out}
	var extra any = object{"stdout": out, "stderr": "", "interrupted": false, "isImage": false}
	switch {
	case st.refused != "":
		block["content"] = "The user doesn't want to proceed with this tool use. The tool use was rejected. To tell you how to proceed, the user said:\n" + st.refused
		block["is_error"], extra = true, "User rejected tool use"
	case st.failed != "":
		block["content"], block["is_error"], extra = "<tool_use_error>"+st.failed+"</tool_use_error>", true, "Error: "+st.failed
	case st.exit != 0 && !(st.exit == 1 && out == ""):
		block["content"] = fmt.Sprintf("Exit code %d\n%s", st.exit, out)
		block["is_error"], extra = true, "Error: "+block["content"].(string)
	case st.exit == 1:
		extra = object{"stdout": "", "stderr": "", "interrupted": false, "isImage": false, "returnCodeInterpretation": "No matches found"}
		block["is_error"] = false
	case name == "Edit" || name == "Write":
		block["content"] = "The file has been updated successfully."
		extra = object{"filePath": st.text, "oldString": "before", "newString": "after", "originalFile": "before\n", "userModified": false}
	case name == "Read":
		extra = object{"type": "text", "file": object{"filePath": st.text, "content": out}}
	case name == "Task":
		files[dir+w.session+"/subagents/agent-a1b2c3d.jsonl"] = w.subagent(st)
	}
	w.record("user", object{"message": object{"role": "user", "content": []any{block}}, "toolUseResult": extra})
}

// subagent writes the file of a subagent.
func (w *claudeWriter) subagent(st step) []byte {
	a := &claudeWriter{s: &story{name: w.s.name + "agent", project: w.s.project, options: w.s.options}, session: w.session, now: w.now}
	side := object{"isSidechain": true, "agentId": "a1b2c3d"}
	with := func(kind string, message object) {
		f := object{"message": message}
		for k, v := range side {
			f[k] = v
		}
		a.record(kind, f)
	}
	with("user", object{"role": "user", "content": st.text})
	with("assistant", object{"model": "claude-haiku-4-5", "id": "msg_agent", "type": "message", "role": "assistant", "content": []any{object{"type": "text", "text": strings.Join(st.output, "\n")}}})
	return a.b.Bytes()
}

// codex writes a rollout as Codex 0.118 does.
func (s *story) codex() map[string][]byte {
	var b bytes.Buffer
	now, id := s.start, uuid7(s.start, s.name)
	put := func(kind string, payload object) {
		now = now.Add(20 * time.Second)
		line(&b, object{"timestamp": stamp(now), "type": kind, "payload": payload})
	}
	item := func(kind string, fields object) {
		fields["type"] = kind
		put("response_item", fields)
	}
	cwd := "/home/dev/work/" + s.project
	put("session_meta", object{"id": id, "timestamp": stamp(s.start), "cwd": cwd, "originator": "codex-tui", "cli_version": "0.118.0", "source": "cli",
		"git": object{"branch": s.options["branch"], "repository_url": "git@git.example:acme/" + s.project + ".git"}, "base_instructions": object{"text": "You are a coding agent."}})
	text := func(kind, t string) []any { return []any{object{"type": kind, "text": t}} }
	item("message", object{"role": "user", "content": text("input_text", "<environment_context>\n  <cwd>"+cwd+"</cwd>\n  <shell>zsh</shell>\n</environment_context>")})
	for n, st := range s.steps {
		switch st.key {
		case "human":
			turn := uuid7(now, s.name, n)
			put("event_msg", object{"type": "task_started", "turn_id": turn})
			put("turn_context", object{"turn_id": turn, "cwd": cwd, "model": "gpt-5.4", "approval_policy": "on-request"})
			item("message", object{"role": "user", "content": text("input_text", st.text)})
			put("event_msg", object{"type": "user_message", "message": st.text})
		case "say":
			put("event_msg", object{"type": "agent_message", "message": st.text})
			item("message", object{"role": "assistant", "content": text("output_text", st.text)})
		case "run":
			call := "call_" + uuid(s.name, n)[:20]
			args, _ := json.Marshal(object{"cmd": st.text, "workdir": cwd})
			item("function_call", object{"name": "exec_command", "arguments": string(args), "call_id": call})
			item("function_call_output", object{"call_id": call, "output": fmt.Sprintf("Chunk ID: %s\nWall time: 0.1000 seconds\nProcess exited with code %d\nOriginal token count: %d\nOutput:\n%s\n",
				uuid(call)[:6], st.exit, len(st.output)*9, strings.Join(st.output, "\n"))})
		case "edit":
			call := "call_" + uuid(s.name, n)[:20]
			item("custom_tool_call", object{"status": "completed", "call_id": call, "name": "apply_patch", "input": "*** Begin Patch\n*** Update File: " + st.text + "\n@@\n-before\n+after\n*** End Patch"})
			item("custom_tool_call_output", object{"call_id": call, "output": `{"output":"Success. Updated the following files:\nM ` + st.text + `\n","metadata":{"exit_code":0,"duration_seconds":0.0}}`})
		}
		put("event_msg", object{"type": "token_count", "info": object{"total_token_usage": object{"total_tokens": 1000 * (n + 1)},
			"last_token_usage": object{"input_tokens": 900, "cached_input_tokens": 800, "output_tokens": 100, "total_tokens": 1000}}, "rate_limits": nil})
	}
	put("event_msg", object{"type": "task_complete"})
	name := fmt.Sprintf(".codex/sessions/%s/rollout-%s-%s.jsonl", s.start.Format("2006/01/02"), s.start.Format("2006-01-02T15-04-05"), id)
	return map[string][]byte{name: b.Bytes()}
}

// mini writes a trajectory of mini-swe-agent 1.
func (s *story) mini() map[string][]byte {
	instance := s.options["instance"]
	messages := []any{object{"role": "system", "content": "You are a helpful assistant. Your response must contain exactly ONE bash code block."}}
	said := ""
	now := s.start
	for n, st := range s.steps {
		switch st.key {
		case "human":
			messages = append(messages, object{"role": "user", "content": "<pr_description>\n" + st.text + "\n</pr_description>"})
		case "say":
			said = st.text
		case "run":
			now = now.Add(20 * time.Second)
			messages = append(messages, object{"role": "assistant", "content": "THOUGHT: " + said + "\n\n```bash\n" + st.text + "\n```",
				"extra": object{"response": object{"id": "gen-" + uuid(s.name, n)[:13], "created": now.Unix(), "model": "example/model", "usage": object{"prompt_tokens": 1200, "completion_tokens": 80}}}})
			messages = append(messages, object{"role": "user", "content": fmt.Sprintf("<returncode>%d</returncode>\n<output>\n%s\n</output>", st.exit, strings.Join(st.output, "\n"))})
			said = ""
		}
	}
	doc := object{"info": object{"exit_status": "Submitted", "submission": "diff --git a/atlas/render.py b/atlas/render.py\n", "mini_version": "1.15.0",
		"model_stats": object{"instance_cost": 0.04, "api_calls": 5},
		"config":      object{"model": object{"model_name": "example/model"}, "environment": object{"cwd": "/testbed"}}},
		"messages": messages, "trajectory_format": "mini-swe-agent-1", "instance_id": instance}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(doc); err != nil {
		log.Fatal(err)
	}
	return map[string][]byte{"trajectories/" + instance + "/" + instance + ".traj.json": b.Bytes()}
}
