// Package agent knows the programs of coding agents: how each is started
// without a person, how a session is gone on with, and what it says of itself
// on its standard output.
//
// Every program gets its prompt on standard input, and nothing of it in a file
// of the user's: instructions for an iteration stand in the prompt alone. Each
// runs in the run's worktree. Options that the table does not give can be added
// to the name in a contract: "claude --model opus".
package agent

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lode/session"
	"lode/session/lazyregexp"
	"lode/session/redact"
)

// Agent is a program of a coding agent.
type Agent struct {
	Name, Doc string
	Program   string
	Args      []string                 // of a new session; the prompt comes on standard input
	Resume    func(id string) []string // of one that goes on; nil when there is no way
	Read      func(line []byte, s *Said)
	Records   string // where its transcripts lie below the home folder, for people
}

// Agents lists the programs.
var Agents = []Agent{Claude, Codex, Gemini, OpenCode, Pi, Qwen}

// Said is what a program said on its output.
type Said struct {
	Text    string        // its last words
	Session string        // the id of its session
	Usage   session.Usage // what it reports of tokens and cost
	Failed  string        // why the service behind it did not answer, in its words
}

// Tokens are all tokens of a usage.
func Tokens(u session.Usage) int { return u.Input + u.Output + u.CacheRead + u.CacheWrite }

// Command is how a contract's agent is started: a program of the table, with
// options, or a command line.
type Command struct {
	Agent *Agent // nil for a command line
	Extra []string
	Line  string
}

// Parse reads what a contract says of an agent. The first word decides: a
// program of the table is started as the table says; anything else is a command
// line for sh.
func Parse(text string) Command {
	words := strings.Fields(text)
	if len(words) > 0 && !strings.ContainsAny(text, "|&;<>$`'\"()\n") {
		if i := slices.IndexFunc(Agents, func(a Agent) bool { return a.Name == words[0] }); i >= 0 {
			return Command{Agent: &Agents[i], Extra: words[1:]}
		}
	}
	return Command{Line: text}
}

// Name is how people speak of the agent.
func (c Command) Name() string {
	if c.Agent != nil {
		return c.Agent.Name
	}
	return session.Quote(c.Line, 60)
}

// Args is the program with its arguments, of a new session or of one that goes
// on with another; for a command line, nil.
func (c Command) Args(resume string) []string {
	if c.Agent == nil {
		return nil
	}
	args := c.Agent.Args
	if resume != "" && c.Agent.Resume != nil {
		args = c.Agent.Resume(resume)
	}
	return slices.Concat([]string{c.Agent.Program}, args, c.Extra)
}

// Listen returns what reads each line that the program prints.
func (c Command) Listen(s *Said) func(line []byte) {
	if c.Agent == nil {
		return nil
	}
	return func(line []byte) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) {
			c.Agent.Read(line, s)
		}
	}
}

// refused are words with which services say that they cannot answer now, or
// not at all. They count only when the program itself failed.
var refused = lazyregexp.New(`(?i)rate.?limit|too many requests|\b429\b|\b(500|502|503|504|529)\b|overloaded|quota|usage limit|api error|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTFOUND|connection (refused|reset|error)|service unavailable|internal server error|stream disconnected|temporarily unavailable`)

// hopeless are those that waiting does not help.
var hopeless = lazyregexp.New(`(?i)invalid.{0,20}api.?key|authentication|unauthori[sz]ed|\b40[13]\b|not logged in|please (run /)?log ?in|credit balance|billing|model.{0,20}not (found|exist)|unknown model`)

// Trouble is a service that did not answer.
type Trouble struct {
	Says     string
	Wait     time.Duration // how long it says to wait; 0 when it does not say
	Hopeless bool          // waiting does not help
}

// after is how services say how long to wait.
var after = lazyregexp.New(`(?i)(?:retry|try again|wait|reset)[^0-9\n]{0,30}?(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|sec|seconds?|m|min|minutes?|h|hours?)?\b`)

// TroubleOf tells whether a program failed because the service behind it did,
// by its exit code and the end of its output.
func TroubleOf(exit int, said Said, out string) (Trouble, bool) {
	text := said.Failed
	if !refused.MatchString(text) && !hopeless.MatchString(text) { // the work failed, not the service
		text = ""
	}
	if text == "" && exit != 0 {
		end := out[max(0, len(out)-4000):]
		for line := range strings.Lines(end) {
			if refused.MatchString(line) || hopeless.MatchString(line) {
				text = strings.TrimSpace(line)
			}
		}
	}
	if text == "" {
		return Trouble{}, false
	}
	t := Trouble{Says: session.Quote(redact.Text(session.Clean(text), func(string) {}), 200), Hopeless: hopeless.MatchString(text) && !regexp.MustCompile(`(?i)rate.?limit|\b429\b`).MatchString(text)}
	if m := after.FindStringSubmatch(text); m != nil {
		n, _ := strconv.ParseFloat(m[1], 64)
		unit := time.Second
		switch {
		case strings.HasPrefix(strings.ToLower(m[2]), "ms"), strings.HasPrefix(strings.ToLower(m[2]), "milli"):
			unit = time.Millisecond
		case strings.HasPrefix(strings.ToLower(m[2]), "m"):
			unit = time.Minute
		case strings.HasPrefix(strings.ToLower(m[2]), "h"):
			unit = time.Hour
		}
		if n <= 1e6 {
			t.Wait = time.Duration(n * float64(unit))
		}
	}
	return t, true
}

// Claim is what an agent says of the whole goal. It is a hint, and decides
// nothing but whether to go on.
type Claim struct {
	Word  string // done, blocked, impossible or wait
	Why   string
	Until time.Time // of wait
}

var claimForm = lazyregexp.New(`(?im)^[ \t>*_#-]*status:?[ \t*_]*:?[ \t]*(done|blocked|impossible|wait)\b[ \t*_]*(?:until[ \t]+(\S+))?[ \t:.,—–-]*(.*)$`)

// ClaimIn finds the last claim in a text: a line "status: blocked: why".
func ClaimIn(text string) (Claim, bool) {
	all := claimForm.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return Claim{}, false
	}
	m := all[len(all)-1]
	c := Claim{Word: strings.ToLower(m[1]), Why: session.Quote(session.Clean(m[3]), 200)}
	if c.Word == "wait" {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02"} {
			if t, err := time.Parse(layout, strings.TrimRight(m[2], ":,;")); err == nil {
				c.Until = t.UTC()
				return c, true
			}
		}
		return Claim{Word: "blocked", Why: cmp.Or(c.Why, "it waits, and does not say until when")}, true
	}
	return c, true
}

// unmarshal reads a line; what is no JSON is left out.
func unmarshal(line []byte, v any) bool { return json.Unmarshal(line, v) == nil }

func (s *Said) failed(format string, args ...any) { s.Failed = fmt.Sprintf(format, args...) }
