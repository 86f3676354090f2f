package ingest

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

var (
	aiderModel    = lazyregexp.New(`^(?:Main model|Model|Models): (\S+) with `)
	aiderVersion  = lazyregexp.New(`^Aider v(\S+)`)
	aiderProgram  = lazyregexp.New(`^\S*aider\S*(?:\s|$)`)
	aiderMessage  = lazyregexp.New(`\s(?:--message|--msg|-m|--message-file|-f)[ =]`)
	aiderTestCmd  = lazyregexp.New(`--test-cmd[ =](.*?)(?: --\w|$)`)
	aiderTokens   = lazyregexp.New(`^Tokens: ([\d.,]+[kM]?) sent(?:, ([\d.,]+[kM]?) cache write)?(?:, ([\d.,]+[kM]?) cache hit)?, ([\d.,]+[kM]?) received\.(?: Cost: \$[\d.]+ (?:message|send|request), \$([\d.]+) session\.)?`)
	aiderFailed   = lazyregexp.New(`^# \d+ SEARCH/REPLACE blocks? failed to match`)
	aiderNoMatch  = lazyregexp.New(`^## \w+: This SEARCH block failed to exactly match lines in (.*?)\s*$`)
	aiderOthers   = lazyregexp.New(`^# The other \d+ SEARCH/REPLACE blocks? (?:was|were) applied`)
	aiderQuestion = lazyregexp.New(`^(.*\?) \(Y\)es/\(N\)o.*\]: *(\w?)\w*$`)
	aiderAPIError = lazyregexp.New(`^(?:litellm|openai|anthropic)\.[\w.]*(?:Error|Exception|Timeout)`)
	aiderAdded    = lazyregexp.New(`^Added \d+ lines? of output to the chat`)
)

const (
	aiderMalformed = "The LLM did not conform to the edit format."
	aiderLint      = "# Fix any errors below, if possible."
	aiderRunning   = "## Running: "
)

// told reads a message of aider's own.
func (p *aiderParser) told(l aiderLines) {
	for i, line := range l.lines {
		l.lines[i] = strings.TrimRight(line, " ")
	}
	text := strings.TrimSpace(strings.Join(l.lines, "\n"))
	question := aiderQuestion.FindStringSubmatch(text)
	if len(p.lint.lines) > 0 || text == aiderLint {
		if question == nil {
			p.lint.add(l.at, l.lines[0])
			return
		}
		p.flushLint()
	}
	if text == "" {
		return
	}
	switch {
	case !p.talking:
		p.banner(text)
	case question != nil:
		p.answered(l.at, question[1], strings.ToLower(question[2]))
	case p.edited(l, text):
	case strings.HasPrefix(text, "Running "):
		p.flushRun()
		p.run = &aiderRun{call: p.call(l.at, 0, session.ByAgent, session.Shell, "run", strings.TrimPrefix(text, "Running "), ""), part: 1}
	case strings.HasPrefix(text, "^C"):
		p.flushRun()
		if !p.stopped {
			p.note(l.at, session.Interrupt, session.Injected, text)
		}
		p.stopped = true
	case aiderAPIError.MatchString(text):
		if text != p.noted { // tried again and again
			p.note(l.at, session.APIError, session.ByProgram, text)
		}
		p.noted = text
	case aiderTokens.MatchString(text):
		p.flushRun()
		p.tokens(aiderTokens.FindStringSubmatch(text))
	case aiderAdded.MatchString(text):
		if p.run != nil && p.run.isTest { // is said of tests that fail
			p.finishRun(session.FlagError)
		} else {
			p.flushRun()
		}
	case p.run != nil:
		p.run.output = append(p.run.output, l.lines...)
	}
	p.subject = text
	if question != nil {
		p.subject = ""
	}
}

// banner reads what aider prints before the first prompt.
func (p *aiderParser) banner(text string) {
	if m := aiderModel.FindStringSubmatch(text); m != nil {
		p.s.Model = m[1]
	} else if m := aiderVersion.FindStringSubmatch(text); m != nil {
		p.s.Version = m[1]
	} else if aiderProgram.MatchString(text) {
		if aiderMessage.MatchString(text) {
			p.s.Population = session.Headless
		}
		p.auto = strings.Contains(text, " --yes")
		if m := aiderTestCmd.FindStringSubmatch(text); m != nil {
			p.testCmd = m[1]
		}
	}
}

func (p *aiderParser) note(n int, act session.Act, author session.Author, text string) {
	e := p.event(n, 0, session.Note, author, text)
	e.Act = act
	p.d.add(p.s, e)
}

// tokens counts what a reply used: "1.2k" and the like.
func (p *aiderParser) tokens(m []string) {
	count := func(s string) int {
		scale := 1.0
		if rest, ok := strings.CutSuffix(s, "k"); ok {
			s, scale = rest, 1e3
		} else if rest, ok := strings.CutSuffix(s, "M"); ok {
			s, scale = rest, 1e6
		}
		n, _ := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
		return int(min(n*scale, 1e12))
	}
	u := &p.s.Usage
	u.Input += count(m[1])
	u.CacheWrite += count(m[2])
	u.CacheRead += count(m[3])
	u.Output += count(m[4])
	if cost, err := strconv.ParseFloat(m[5], 64); err == nil {
		u.Cost = cost
	}
	if p.reply < len(p.s.Events) && p.s.Events[p.reply].Author == session.ByAgent {
		p.s.Events[p.reply].Tokens = count(m[4])
	}
}

// edited reads what aider says of the edits of the last reply.
func (p *aiderParser) edited(l aiderLines, text string) bool {
	file, applied := strings.CutPrefix(text, "Applied edit to ")
	switch {
	case applied:
		p.applied(l.at, file)
	case aiderFailed.MatchString(text):
		p.noMatch(l)
	case text == aiderMalformed:
	case p.subject == aiderMalformed && strings.HasPrefix(text, "https://"):
		p.subject = aiderMalformed
		return true
	case p.subject == aiderMalformed:
		if len(p.edits) == 0 {
			p.edits = append(p.edits, aiderEdit{p.call(l.at, 0, session.ByAgent, session.Edit, "edit", "", "").CallID, ""})
		}
		for i, e := range p.edits {
			p.result(l.at, 1+i, e.call, session.FlagError, aiderMalformed+"\n"+text)
		}
		p.edits = nil
	default:
		return false
	}
	return true
}

// applied adds the results of the edits of a file. Only blocks were seen as
// edits in the reply; a whole file or a patch is one that aider tells of.
func (p *aiderParser) applied(n int, file string) {
	part := 0
	p.edits = slices.DeleteFunc(p.edits, func(e aiderEdit) bool {
		if e.file != file && path.Base(e.file) != path.Base(file) {
			return false
		}
		p.result(n, part, e.call, session.FlagOK, "Applied edit to "+file)
		part++
		return true
	})
	if part == 0 {
		e := p.call(n, 0, session.ByAgent, session.Write, "edit", file, "")
		p.result(n, 1, e.CallID, session.FlagOK, "Applied edit to "+file)
	}
}

// noMatch adds the results of the edits whose lines are not in the file, which
// aider tells of one after the other; the others were made.
func (p *aiderParser) noMatch(l aiderLines) {
	for i, line := range l.lines {
		if aiderOthers.MatchString(line) {
			for k, e := range p.edits {
				p.result(l.at+i, k, e.call, session.FlagOK, line)
			}
			p.edits = nil
		}
		m := aiderNoMatch.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		end := i + 1
		for end < len(l.lines) && !aiderNoMatch.MatchString(l.lines[end]) && !aiderOthers.MatchString(l.lines[end]) {
			end++
		}
		text, done := strings.TrimSpace(strings.Join(l.lines[i:end], "\n")), false
		p.edits = slices.DeleteFunc(p.edits, func(e aiderEdit) bool {
			if done || e.file != m[1] {
				return false
			}
			p.result(l.at+i, 1, e.call, session.FlagError, text)
			done = true
			return true
		})
		if !done {
			p.result(l.at+i, 1, p.call(l.at+i, 0, session.ByAgent, session.Edit, "edit", m[1], "").CallID, session.FlagError, text)
		}
	}
}

// answered reads a question with its answer. What was refused did not happen.
func (p *aiderParser) answered(n int, question, answer string) {
	refused := session.FlagRejected
	if p.auto {
		refused = session.FlagDenied
	}
	switch no := answer == "n" || answer == "s" || answer == "d"; {
	case strings.HasPrefix(question, "Attempt to fix test errors"):
		p.flushRun()
		e := p.call(n, 0, session.ByProgram, session.Shell, "test", p.testCmd, "")
		p.result(n, 1, e.CallID, session.FlagError, "")
	case strings.HasPrefix(question, "Run shell command") && no:
		p.result(n, 1, p.call(n, 0, session.ByAgent, session.Shell, "run", p.subject, "").CallID, refused, "")
	case strings.HasPrefix(question, "Create new file") && no:
		p.refuse(n, session.Write, refused)
	case strings.HasPrefix(question, "Allow edits to file") && no:
		p.refuse(n, session.Edit, refused)
	default:
		p.flushRun()
	}
}

// refuse adds the results of edits that were not allowed.
func (p *aiderParser) refuse(n int, act session.Act, flag session.Flag) {
	part := 0
	p.edits = slices.DeleteFunc(p.edits, func(e aiderEdit) bool {
		if e.file != p.subject {
			return false
		}
		p.result(n, part, e.call, flag, "")
		part++
		return true
	})
	if part == 0 {
		p.result(n, 1, p.call(n, 0, session.ByAgent, act, "edit", p.subject, "").CallID, flag, "")
	}
}

// flushRun adds the result of a command. Most versions keep the output out of
// the history, and none says how the command ended.
func (p *aiderParser) flushRun() { p.finishRun("") }

func (p *aiderParser) finishRun(flag session.Flag) {
	if p.run == nil {
		return
	}
	p.result(p.run.call.N, p.run.part, p.run.call.CallID, flag, strings.TrimSpace(strings.Join(p.run.output, "\n")))
	p.run = nil
}

// flushLint adds the linters that found something, with what they found.
func (p *aiderParser) flushLint() {
	l := p.lint.take()
	for i := 0; i < len(l.lines); {
		end, at, command := i+1, i, ""
		for end < len(l.lines) && strings.TrimSpace(l.lines[end]) != aiderLint {
			if c, ok := strings.CutPrefix(strings.TrimSpace(l.lines[end]), aiderRunning); ok && command == "" {
				at, command = end, c
			}
			end++
		}
		e := p.call(l.at+i, 0, session.ByProgram, session.Shell, "lint", command, "")
		p.result(l.at+i, 1, e.CallID, session.FlagError, strings.TrimSpace(strings.Join(l.lines[at+1:end], "\n")))
		i = end
	}
}
