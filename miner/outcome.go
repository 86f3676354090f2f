package miner

import (
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

// evidence is what an outcome is judged on.
type evidence struct {
	flag    session.Flag
	exit    *int
	output  string
	act     session.Act
	tool    string
	command string
	made    map[string]bool               // files the agent wrote before, by base name; may be nil
	around  func() (before, after string) // the agent's words; may be nil
	line    *command.Line                 // parsed on demand
}

func (r *evidence) parsed() *command.Line {
	if r.line == nil {
		l := command.Parse(r.command)
		r.line = &l
	}
	return r.line
}

// judgement is an outcome with what it rests on.
type judgement struct {
	outcome   session.Outcome
	basis     session.Basis
	class     string
	entity    string
	signature string
}

func because(o session.Outcome, b session.Basis) judgement { return judgement{outcome: o, basis: b} }

// judge decides what became of a call. What the transcript flags as refused,
// interrupted or cancelled is no failure; an exit code is weighed with the
// program that gave it; where a pipe or a later command hides the code, the
// output of the programs before is read.
func judge(r *evidence) judgement {
	switch r.flag {
	case session.FlagRejected:
		return because(session.Rejected, session.BasisFlag)
	case session.FlagDenied:
		return because(session.Denied, session.BasisFlag)
	case session.FlagInterrupted:
		return because(session.Interrupted, session.BasisFlag)
	case session.FlagCollateral:
		return because(session.Collateral, session.BasisFlag)
	case session.FlagBenign:
		return because(session.Expected, session.BasisFlag)
	}
	if r.act == session.Shell {
		return judgeShell(r)
	}
	failed := r.flag == session.FlagError || r.exit != nil && *r.exit != 0
	switch {
	case failed:
		return failure(scan(r.output), r, session.BasisFlag)
	case r.flag == session.FlagRunning:
		return because(session.Unknown, session.BasisFlag)
	case r.flag == "" && r.exit == nil && r.act == session.Edit && strings.Contains(firstWords(r.output), "failed"):
		return failure(scan(r.output), r, session.BasisText)
	}
	return because(session.OK, session.BasisFlag)
}

func firstWords(s string) string { return s[:min(len(s), 60)] }

// failure makes the judgement of a failed call out of the clues in its output.
func failure(clues []clue, r *evidence, basis session.Basis) judgement {
	v := judgement{outcome: session.Failed, basis: basis, class: OtherFailure}
	c, ok := best(clues)
	if r.exit != nil && (*r.exit == 124 || *r.exit == 137) && c.weight <= weak {
		v.class = Timeout // ended from outside, whatever it was about to say
	}
	if !ok || v.class == Timeout {
		v.signature = firstTellingLine(r.output)
		return v
	}
	v.class, v.entity, v.signature = c.class, c.entity, strings.TrimSpace(c.line)
	if (v.class == NoSuchFile || v.class == NotAFile) && v.entity == "" {
		v.entity = pathIn(r)
	}
	if r.act == session.Shell {
		v.class = refine(v.class, r.parsed())
		if v.class == MissingTool && inBackticks(r.command, v.entity) {
			v.class, v.entity = ShellSyntax, Backticks
		}
	}
	return v
}

// Backticks is the entity of commands in which the shell ran what was meant as
// text.
const Backticks = "`"

// inBackticks reports whether a word begins what a line has in backticks within
// double quotes.
func inBackticks(line, word string) bool {
	i := strings.Index(line, "`"+word)
	return i > 0 && strings.Count(line[:i], `"`)%2 == 1
}

// refine corrects a class by the program that printed the line: a finding of a
// test runner that is told by a mere word is a test failure, and so on.
func refine(class string, line *command.Line) string {
	if class != OtherFailure && class != Exception {
		return class
	}
	for i := len(line.Programs) - 1; i >= 0; i-- {
		switch line.Programs[i].Role {
		case command.Test:
			return TestFailure
		case command.Lint:
			return LintFinding
		case command.Build:
			if class == OtherFailure {
				return CompileError
			}
		}
	}
	return class
}

// pathIn returns the path that a call was given: of a tool its subject.
func pathIn(r *evidence) string {
	switch r.act {
	case session.Shell:
		return ""
	}
	return r.command
}

// firstTellingLine returns the first line that says something.
func firstTellingLine(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if len(line) > 2 && !genericLine.MatchString(line) && strings.ContainsFunc(line, isLetter) {
			return cut(line)
		}
	}
	return ""
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f }

func judgeShell(r *evidence) judgement {
	exit, known := 0, false
	switch {
	case r.exit != nil:
		exit, known = *r.exit, true
	case r.flag == session.FlagError:
		exit, known = 1, true // its code was not kept
	case r.flag == session.FlagOK:
		known = true
	}
	switch {
	case r.flag == session.FlagRunning, !known:
		return judgeHidden(r)
	case exit == 0:
		return judgeZero(r)
	}
	return judgeNonZero(r, exit)
}

// judgeHidden judges a command whose exit is not told: it is running still, or
// the agent does not record it. Only a tool's own verdict counts.
func judgeHidden(r *evidence) judgement {
	line := r.parsed()
	if sandboxed(r.output) {
		return because(session.Denied, session.BasisText)
	}
	clues := verdicts(scanVerdicts(r.output), line)
	if len(clues) == 0 {
		clues = onlyComplaints(r, line)
	}
	switch {
	case len(clues) > 0 && anticipated(r, line) && !brokenSetup(clues):
		return because(session.Expected, session.BasisContext)
	case len(clues) > 0:
		return failure(clues, r, session.BasisText)
	}
	if r.flag == session.FlagRunning || r.output == "" || !onlyShows(line) {
		return because(session.Unknown, session.BasisText)
	}
	return because(session.OK, session.BasisText)
}

// judgeZero judges a command that exited with 0. A failure within it shows
// only where its own code was hidden: before a pipe, a semicolon or "||".
func judgeZero(r *evidence) judgement {
	ok := because(session.OK, session.BasisExit)
	if r.exit == nil {
		ok.basis = session.BasisFlag
	}
	line := r.parsed()
	if onlyShows(line) && len(line.Programs) < 2 || !hides(line) {
		return ok
	}
	if sandboxed(r.output) {
		return because(session.Denied, session.BasisText)
	}
	clues := verdicts(scanVerdicts(r.output), line)
	if len(clues) == 0 {
		clues = printedExit(r, line)
	}
	if len(clues) == 0 {
		clues = onlyComplaints(r, line)
	}
	if len(clues) == 0 {
		return ok
	}
	if anticipated(r, line) {
		return because(session.Expected, session.BasisContext)
	}
	return failure(clues, r, session.BasisText)
}

// onlyComplaints returns the clues in an output that holds nothing else: every
// line is a program of the line saying that it could not, or the whole is a
// short message that begins with "error".
func onlyComplaints(r *evidence, line *command.Line) []clue {
	if len(r.output) > 600 || line.Only(command.List, command.Predicate, command.Print, command.Shell) {
		return nil
	}
	var clues []clue
	lines := 0
	for text := range strings.Lines(r.output) {
		text = strings.TrimSpace(text)
		if text == "" || heading.MatchString(text) {
			continue
		}
		lines++
		if c := clueOf(text); c.weight >= telling && (complains(c, line) || lines == 1 && errorFirst.MatchString(text) && line.Has(command.Other, command.Network, command.Package) && !line.Has(command.Script)) {
			clues = append(clues, c)
		} else if len(clues) == 0 || !hint.MatchString(text) {
			return nil
		}
	}
	for i := range line.Programs {
		if line.Programs[i].Excused || line.Programs[i].Silent {
			return nil // the agent was prepared
		}
	}
	return clues
}

var (
	heading    = lazyregexp.New(`^(?:===|---|###)|^Shell cwd was reset to `)
	errorFirst = lazyregexp.New(`^(?:error|Error|fatal|FATAL)\b[: ]`)
	hint       = lazyregexp.New(`(?i)^(?:hint|try|did you mean|usage|see)\b`)
)

// printedExit returns a clue where a line itself printed the exit code of a
// program, and that was another than 0.
func printedExit(r *evidence, line *command.Line) []clue {
	at := strings.LastIndex(r.command, "$?")
	if at < 0 {
		return nil
	}
	m := exitPrinted.FindStringSubmatch(strings.TrimSpace(r.output))
	if m == nil {
		return nil
	}
	var of *command.Program
	for i := range line.Programs {
		p := &line.Programs[i]
		if end := strings.Index(r.command, p.Raw); end < 0 || end > at || p.Role == command.Print || p.Role == command.Shell {
			continue
		}
		of = p
	}
	if of == nil || of.Role == command.Search || of.Role == command.Predicate || of.Role == command.View || of.Role == command.List {
		return nil
	}
	if c, ok := best(scan(r.output)); ok {
		return []clue{c}
	}
	return []clue{{class: OtherFailure, line: m[0], weight: telling}}
}

var exitPrinted = lazyregexp.New(`(?im)^\W*(?:\w+ )?(?:exit(?:[ _-]?(?:code|status))?|rc|ret|status)\W{0,3}([1-9]\d{0,2})\W*$`)

// onlyShows reports whether a line does nothing but look: what it prints is
// then not its own.
func onlyShows(line *command.Line) bool {
	return line.Only(command.View, command.Search, command.List, command.Print, command.Shell, command.Predicate)
}

// calls reports whether a line calls a tool, as a program or to wrap one.
func calls(line *command.Line, tool string) bool {
	return slices.ContainsFunc(line.Programs, func(p command.Program) bool {
		return p.Path == tool || p.Name == lastPart(tool) || slices.ContainsFunc(p.Via, func(v string) bool { return strings.HasPrefix(v, tool) })
	})
}

// hides reports whether the line's exit code says nothing of one of its
// programs.
func hides(line *command.Line) bool {
	for i := range line.Programs {
		if p := &line.Programs[i]; !p.Decides && p.Role != command.Print {
			return true
		}
	}
	return false
}

// verdicts keeps the clues that speak of the line's own programs. Where files
// are shown in the same line, or results of searches, only what a program of
// the line would print itself counts.
func verdicts(clues []clue, line *command.Line) []clue {
	var own []clue
	for _, c := range clues {
		if vouched(c, line) {
			own = append(own, c)
		}
	}
	return own
}

// vouched reports whether a program of the line is known to print such a clue.
func vouched(c clue, line *command.Line) bool {
	if c.weight == certain && c.class != EditMismatch && c.class != EditBeforeRead {
		switch c.class {
		case MissingTool:
			return shellSaid.MatchString(c.line) && (!onlyShows(line) || calls(line, c.entity))
		case ShellSyntax:
			return shellSaid.MatchString(c.line) && !line.Only(command.List, command.Predicate, command.Shell, command.Print)
		case NoSuchFile: // the shell could not redirect
			return shellRedirects.MatchString(c.line)
		case MissingModule:
			return line.Has(command.Script, command.Test, command.Build, command.Lint, command.Other)
		}
	}
	if c.class == Exception && line.Has(command.Script) && !line.Has(command.View, command.Search) && uncaught.MatchString(c.line) {
		return true
	}
	if c.weight < verdict {
		return false
	}
	for i := range line.Programs {
		p := &line.Programs[i]
		if p.Excused && p.Role != command.Test && p.Role != command.Build && p.Role != command.Lint {
			continue
		}
		switch p.Role {
		case command.Test:
			if c.class == TestFailure || c.class == CompileError || c.class == Exception || c.class == OtherFailure || c.class == UsageError {
				return true
			}
		case command.Build:
			if c.class == CompileError || c.class == OtherFailure || c.class == UsageError {
				return true
			}
		case command.Lint:
			if c.class == LintFinding || c.class == CompileError || c.class == OtherFailure || c.class == UsageError {
				return true
			}
		case command.VCS:
			if c.class == VCSError || c.class == MergeConflict || c.class == UsageError {
				return true
			}
		case command.Network:
			if c.class == NetworkError || c.class == APIFailure || c.class == UsageError {
				return true
			}
		case command.Package:
			if c.class == OtherFailure || c.class == NetworkError || c.class == UsageError {
				return true
			}
		case command.Script, command.Other:
			if c.class == UsageError || c.class == CompileError && p.Inline {
				return true
			}
		}
	}
	return false
}

var (
	shellSaid      = lazyregexp.New(`^(?:/\S+/)?(?:\(eval\)|zsh|bash|sh|dash|/bin/\w+|\S+\.sh)[: ].*(?:not found|no matches found|syntax error|parse error|unexpected EOF)|^fish: Unknown command|^[\w-]+: command not found|: line \d+: |COMMAND MALFORMED`)
	shellRedirects = lazyregexp.New(`^(?:\(eval\):\d+|zsh:\d+|(?:/\S+/)?(?:ba|z|da)?sh: line \d+): (?:no such|[^\s:]+: No such)`)
	uncaught       = lazyregexp.New(`^((?:[A-Za-z_]\w*\.)*\w+Error)(?::|$)`)
	sandbox        = lazyregexp.New(`(?m)^(?:[\w./-]+: )*[Oo]peration not permitted(?:: \w+)?$|sandbox(?:-exec)?: .*deny|^failed in sandbox`)
)

// sandboxed reports whether an output is nothing but the sandbox saying no.
func sandboxed(output string) bool {
	return len(output) < 300 && sandbox.MatchString(output)
}

// judgeNonZero judges a command that exited with another code than 0.
func judgeNonZero(r *evidence, exit int) judgement {
	line := r.parsed()
	clues := scan(r.output)
	basis := session.BasisExit
	if r.exit == nil {
		basis = session.BasisFlag
	}
	if sandboxed(r.output) {
		return because(session.Denied, session.BasisText)
	}
	if strings.Contains(r.output, "[Request interrupted by user") || exit == 130 {
		return because(session.Interrupted, session.BasisExit)
	}
	p := line.Deciding()
	if p != nil && !brokenOff(clues, line) && answers(p, line, exit, r.output) {
		return because(session.Expected, session.BasisContext)
	}
	if anticipated(r, line) && !brokenSetup(clues) {
		return because(session.Expected, session.BasisContext)
	}
	return failure(clues, r, basis)
}

// brokenOff reports whether the shell, or a program of the line other than the
// one that decides, said that it failed: then a silent search at the line's
// end is not what the exit code tells of.
func brokenOff(clues []clue, line *command.Line) bool {
	for _, c := range clues {
		if c.weight == certain && (c.class == MissingTool || c.class == ShellSyntax) && shellSaid.MatchString(c.line) {
			return true
		}
		if c.class == NoSuchFile && noFolder.MatchString(c.line) {
			return true
		}
	}
	return len(verdicts(clues, line)) > 0 && line.Has(command.Test, command.Build, command.Lint, command.VCS, command.Script)
}

// noFolder is cd saying that it could not go there; zsh counts its lines.
var noFolder = lazyregexp.New(`\bcd:(?:\d+:)? `)

// answers reports whether a non-zero exit of the deciding program is an
// answer: nothing found, a difference, a probe that says no.
func answers(p *command.Program, line *command.Line, exit int, output string) bool {
	switch p.Role {
	case command.Search:
		if exit == 1 && p.Name != "find" {
			return true
		}
		return exit <= 2 && hasFindings(output) // some paths could not be searched
	case command.Predicate:
		if exit == 1 {
			return true
		}
		return p.Name == "git" && exit == 128 && p.Sub != "config" || p.Name == "diff" && exit < 2
	case command.View:
		return p.Name == "git" && exit == 1 && strings.TrimSpace(output) == "" || exit == 141
	case command.List:
		return p.Silent || exit <= 2 && hasFindings(output)
	case command.Shell:
		return p.Name == "false"
	case command.Lint:
		return (p.HasArg("-d") || p.HasArg("-l") || p.HasArg("--diff")) && p.Name == "gofmt" && exit == 1 && !strings.Contains(output, "expected")
	case command.Network:
		return p.Name == "gh" && p.Sub == "pr checks" && exit == 8 // pending
	}
	return exit == 141 // the reader had enough: a pipe closed early
}

// hasFindings reports whether an output holds more than complaints.
func hasFindings(output string) bool {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "Exit code ") || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if c := clueOf(line); c.weight < telling {
			return true
		}
	}
	return false
}

// brokenSetup reports whether an output shows that a script could not do its
// work at all, rather than what it was written to show.
func brokenSetup(clues []clue) bool {
	c, ok := best(clues)
	if !ok {
		return false
	}
	switch c.class {
	case MissingTool, MissingModule, ShellSyntax, UsageError, NoSuchFile:
		return true
	case CompileError:
		return strings.Contains(c.line, "SyntaxError") || strings.Contains(c.line, "IndentationError")
	case Exception:
		return setupError.MatchString(c.line)
	}
	return setupError.MatchString(c.line)
}

var setupError = lazyregexp.New(`^NameError|isn't reentrant|ImportError|ImproperlyConfigured|AppRegistryNotReady|no such table|not declare an explicit app_label|doesn't declare an explicit app_label|UnicodeEncodeError|FileNotFoundError|ConnectionRefused|ModuleNotFoundError`)
