package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lode/miner"
	"lode/rules/settings"
	"lode/rules/target"
)

// Escalation is a way to make sure of a rule that agents load and do not follow:
// not louder words, but something that cannot be passed over.
type Escalation struct {
	Name string
	Doc  string
	// Make returns the change for a pattern in a checkout: the file, what it adds
	// in words, and its text afterwards. ok says whether this way is one for the
	// pattern at all.
	Make func(e *escalating) (done escalated, ok bool)
}

// Escalations lists the ways; the first that fits is proposed, as a change of
// its own.
var Escalations = []Escalation{scopedRule, denied, asked, formatHook, checkHook, checkInCI}

// escalating is what a way is chosen for.
type escalating struct {
	p    *miner.Pattern
	rule string
	fit  *Fit
	read func(file string) string // of the checkout; "" when it is not there
	list func(dir, suffix string) []string
}

type escalated struct{ file, says, after string }

// minViolated is in how many sessions that loaded a line the opposite must have
// been done before it is escalated.
const minViolated = 3

// violated lists the root sessions in which a line was loaded and its pattern
// occurred all the same.
func (b *Book) violated(p *miner.Pattern, line string) []string {
	if b.Loaded == nil {
		return nil
	}
	var roots []string
	want := said(line)
	for _, s := range p.SessionList {
		for _, in := range b.Loaded(s.Session) {
			if slices.ContainsFunc(in.Lines, func(l string) bool { return said(l) == want }) && !slices.Contains(roots, s.Root) {
				roots = append(roots, s.Root)
			}
		}
	}
	return roots
}

// said is a line without its bullet, normalised.
func said(line string) string {
	return normalised(strings.TrimPrefix(line, bulletOf.FindString(line)))
}

// Escalated drafts what makes sure of a rule that stands in a line already, and
// was not followed in some sessions; nil when there is no way. It is a proposal
// with an id of its own.
func (b *Book) Escalated(p *miner.Pattern, root, line string, sessions int) (*Proposal, error) {
	d, err := drafted(p, root, b.Home)
	if err != nil || root == "" {
		return nil, err
	}
	sum := sha256.Sum256([]byte("escalate\x00" + p.ID))
	d.ID, d.Root, d.Worth, d.Change, d.Covered = "r-"+hex.EncodeToString(sum[:4]), root, b.Worth, Escalate, ""
	d.Fit.Words, d.Fit.Line = d.Rule, strings.TrimSpace(line)
	d.Why = fmt.Sprintf("%s stands in the instructions already, and was loaded in %s that did it all the same. %s", code(plainCode(line)), plural(sessions, "session"), d.Why)
	d.Title = "not followed: " + d.Title
	if err := d.rebase(); err != nil || d.Diff == "" {
		return nil, err
	}
	return d, nil
}

// plainCode is a line as it can be shown in a code span.
func plainCode(line string) string {
	line = strings.ReplaceAll(said(line), "`", "'")
	if len(line) > maxCode-2 {
		return "the rule"
	}
	return line
}

// rebaseEscalation makes the change anew.
func (d *Proposal) rebaseEscalation() error {
	e := &escalating{p: d.Fit.pattern(), rule: d.Fit.Words, fit: &d.Fit, read: d.readBeside, list: d.listBeside}
	d.Diff = ""
	for _, way := range Escalations {
		done, ok := way.Make(e)
		if !ok {
			continue
		}
		d.Root, d.Target, d.Rule = d.Fit.Checkout, done.file, done.says
		d.WhyThere = "a line alone is not followed; " + way.Doc
		text, created, err := d.text()
		if err != nil || done.after == text {
			return err
		}
		d.Budget = Budget{}
		return d.changeTo(text, done.after, created)
	}
	return nil
}

func (d *Proposal) readBeside(file string) string {
	text, _ := readTarget(d.Fit.Checkout, file)
	return text
}

// usesClaude reports whether Claude Code is among the agents of the evidence:
// its settings can forbid, ask and check.
func (e *escalating) usesClaude() bool { return slices.Contains(e.fit.Agents, "claude") }

const claudeSettings = ".claude/settings.json"

// set is an entry of Claude Code's settings.
func (e *escalating) set(says string, value any, path ...string) (escalated, bool) {
	after, err := settings.Append(e.read(claudeSettings), path, value)
	return escalated{claudeSettings, says, after}, err == nil
}

var scopedRule = Escalation{
	Name: "path-scoped rule",
	Doc:  "this is loaded with the files that it is about",
	Make: func(e *escalating) (escalated, bool) {
		if e.fit.Folder == "" || !e.usesClaude() {
			return escalated{}, false
		}
		t := target.Of(".claude/rules/x.md")
		file := t.File(e.fit.Folder)
		text := e.read(file)
		if text == "" {
			text = t.Frame(e.fit.Folder)
		}
		if Covered(text, e.rule, e.p) != "" {
			return escalated{}, false // there it stands already
		}
		return escalated{file, e.rule, Place(text, e.rule, e.p)}, true
	},
}

// barred are the commands that a rule is against, as prefixes.
func barred(p *miner.Pattern) []string {
	switch {
	case p.Kind == "request":
		return map[string][]string{"amend": {"git commit --amend"}, "user-work": {"git stash", "git reset --hard"}}[p.Class]
	case p.Kind == "shortcut" && p.Class == "stash":
		return []string{"git stash"}
	case p.Kind == "shortcut" && strings.Contains(p.Subject, "--no-verify"):
		return []string{bareCommand(p.Subject)}
	}
	if w := wrongTerm(p); w != "" && p.Kind != "wrong-path" && (p.Fix != nil || strings.Contains(w, " -")) {
		return []string{w}
	}
	return nil
}

var denied = Escalation{
	Name: "permission denied",
	Doc:  "Claude Code refuses what permissions.deny names",
	Make: func(e *escalating) (escalated, bool) {
		return e.permission("deny", barred(e.p), "Claude Code is not to run %s at all.")
	},
}

var asked = Escalation{
	Name: "permission asked",
	Doc:  "Claude Code asks before it runs what permissions.ask names",
	Make: func(e *escalating) (escalated, bool) {
		var commands []string
		switch {
		case e.p.Kind == "refused":
			commands = []string{bareCommand(e.p.Subject)}
		case e.p.Kind == "request" && e.p.Class == "unasked-commit":
			commands = []string{"git commit", "git push"}
		}
		return e.permission("ask", commands, "Claude Code is to ask before it runs %s.")
	},
}

// permission adds commands to a list of Claude Code's permissions.
func (e *escalating) permission(list string, commands []string, says string) (escalated, bool) {
	if len(commands) == 0 || !e.usesClaude() {
		return escalated{}, false
	}
	text := e.read(claudeSettings)
	var quoted []string
	for _, c := range commands {
		if code(c) == "" || strings.ContainsAny(c, "()<>*:…\"") {
			return escalated{}, false
		}
		var err error
		if text, err = settings.Append(text, []string{"permissions", list}, "Bash("+c+":*)"); err != nil {
			return escalated{}, false
		}
		quoted = append(quoted, code(c))
	}
	return escalated{claudeSettings, fmt.Sprintf(says, strings.Join(quoted, " and ")), text}, true
}

// hook is an entry of Claude Code's hooks that runs a shell command.
func hook(matcher, command string) map[string]any {
	return map[string]any{"matcher": matcher, "hooks": []any{map[string]any{"type": "command", "command": command}}}
}

// runnable is a command that can stand in a hook or a workflow: plain, and with
// all of the project in place of what it was given. "" when it is none.
func runnable(command string) string {
	command = strings.ReplaceAll(command, "<path>", ".")
	if code(command) == "" || strings.ContainsAny(command, "<>|&;$\"'\\…#") {
		return ""
	}
	return command
}

var formatHook = Escalation{
	Name: "format hook",
	Doc:  "Claude Code runs the formatter after each edit",
	Make: func(e *escalating) (escalated, bool) {
		use := runnable(e.fit.Use)
		if e.p.Kind != "finding" || e.p.Entity != miner.Unformatted || use == "" || !e.usesClaude() {
			return escalated{}, false
		}
		return e.set(fmt.Sprintf("Claude Code is to run %s after each edit, by a hook.", code(use)), hook("Edit|Write|MultiEdit", use), "hooks", "PostToolUse")
	},
}

// check is the command that a forgotten check or a finding is about.
func (e *escalating) check() string {
	if e.p.Kind != "forgotten-check" && e.p.Kind != "finding" {
		return ""
	}
	return runnable(bareCommand(e.p.Subject))
}

var checkHook = Escalation{
	Name: "check hook",
	Doc:  "Claude Code runs the check before each commit, and sees what it finds",
	Make: func(e *escalating) (escalated, bool) {
		check := e.check()
		if check == "" || !e.usesClaude() {
			return escalated{}, false
		}
		// Exit code 2 stops the call, and the hook's standard error is what the agent reads.
		run := fmt.Sprintf("if grep -q 'git commit'; then %s >&2 || exit 2; fi", check)
		return e.set(fmt.Sprintf("Claude Code is to run %s before each commit, by a hook.", code(check)), hook("Bash", run), "hooks", "PreToolUse")
	},
}

var checkInCI = Escalation{
	Name: "check in CI",
	Doc:  "the workflow runs the check, so that nothing passes without it",
	Make: func(e *escalating) (escalated, bool) {
		check := e.check()
		if check == "" {
			return escalated{}, false
		}
		const dir = ".github/workflows"
		files := append(e.list(dir, ".yml"), e.list(dir, ".yaml")...)
		for _, file := range files {
			if names(e.read(file), check) {
				return escalated{}, false
			}
		}
		for _, file := range files {
			if after, ok := withStep(e.read(file), check); ok {
				return escalated{file, fmt.Sprintf("The workflow is to run %s.", code(check)), after}, true
			}
		}
		return escalated{}, false
	},
}

// withStep adds a step behind the last one of the first job that runs something.
// Only block style is understood, as nearly all workflows have it.
func withStep(text, command string) (string, bool) {
	if !strings.Contains(text, "pull_request") && !strings.Contains(text, "push") {
		return "", false
	}
	lines := splitLines(text)
	for i := range lines {
		if strings.TrimSpace(lines[i]) != "steps:" {
			continue
		}
		end, lead, runs := stepsEnd(lines, i+1)
		if !runs {
			continue
		}
		eol := lineBreak(lines[i])
		step := lead + "- run: " + command + eol
		if !hasBreak(lines[end-1]) {
			step = eol + strings.TrimSuffix(step, eol)
		}
		return strings.Join(lines[:end], "") + step + strings.Join(lines[end:], ""), true
	}
	return "", false
}

// stepsEnd returns the line behind the steps that begin at line i, their indent,
// and whether one of them runs a command.
func stepsEnd(lines []string, i int) (end int, lead string, runs bool) {
	end = i
	for ; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], "\r\n")
		body := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(body)]
		switch {
		case body == "":
			continue
		case lead == "" && strings.HasPrefix(body, "- ") && indent != "":
			lead = indent
		case lead == "" || len(indent) < len(lead) || len(indent) == len(lead) && !strings.HasPrefix(body, "- "):
			return end, lead, runs
		}
		runs = runs || strings.HasPrefix(strings.TrimPrefix(body, "- "), "run:")
		end = i + 1
	}
	return end, lead, runs
}

// escalate proposes what makes sure of a rule that stands already and is not
// followed.
func (n *night) escalate(d *Proposal, p *miner.Pattern) error {
	sessions := n.violated(p, d.Covered)
	if len(sessions) < minViolated {
		return nil
	}
	e, err := n.Escalated(p, n.rootOf(p.Project), d.Covered, len(sessions))
	if errors.Is(err, ErrSecret) || e == nil && err == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return n.settle(e, p)
}
