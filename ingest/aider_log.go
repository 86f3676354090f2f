package ingest

import (
	"path"
	"strings"

	"lode/session"
)

// aiderLog reads Aider's log of model calls. Each call repeats the whole
// conversation; what is new is the last message of the user, and the reply:
//
//	TO LLM 2026-04-01T10:00:00
//	-------
//	SYSTEM words, each line so
//	-------
//	USER words
//	LLM RESPONSE 2026-04-01T10:00:09
//	ASSISTANT words
type aiderLog struct {
	p       *aiderParser
	on      bool   // the file is such a log
	aside   bool   // the call is aider's own, as for the message of a commit
	reply   bool   // the reply is being read
	when    string // of the call or reply that is being read
	user    aiderLines
	replied string // the last reply
	tried   string // the last prompt, until it gets its reply
}

const (
	// aiderAside begins the instructions of calls that aider makes for itself.
	aiderAside = "SYSTEM You are an expert software engineer that generates"
	// aiderRules begins what aider puts behind the person's words.
	aiderRules = "\n# *SEARCH/REPLACE block* Rules:"
)

// aiderWrote begins messages in the user's name that aider wrote.
var aiderWrote = []string{"I added these files to the chat", "I ran this command", "# ", "No filename provided", "I switched to a new code base"}

// line reads a line. A log that lies beside a chat history, under the name that
// it has there, is passed over.
func (g *aiderLog) line(n int, line string) {
	p := g.p
	call, isCall := strings.CutPrefix(line, aiderCall)
	reply, isReply := strings.CutPrefix(line, aiderReply)
	words, isUser := strings.CutPrefix(line, "USER")
	said, isSaid := strings.CutPrefix(line, "ASSISTANT")
	switch {
	case strings.Contains(path.Base(p.d.path), "llm.history"):
	case isCall:
		g.end(false)
		if p.s == nil {
			p.begin(strings.Replace(call, "T", " ", 1))
			p.talking = true
		}
		p.d.Records++
		g.aside, g.reply, g.when, g.user = false, false, call, aiderLines{}
	case isReply:
		g.asked()
		g.reply, g.when, g.tried = true, reply, ""
	case strings.HasPrefix(line, aiderAside):
		g.aside = true
	case isUser:
		if g.user.at+len(g.user.lines) != n {
			g.user = aiderLines{} // a later message
		}
		g.user.add(n, strings.TrimPrefix(words, " "))
	case isSaid && g.reply && !g.aside:
		p.said.add(n, strings.TrimPrefix(said, " "))
	}
}

// asked adds the last message of a call, unless the call is a second try.
func (g *aiderLog) asked() {
	p, l := g.p, g.user.take()
	text, _, _ := strings.Cut(strings.Join(l.lines, "\n"), aiderRules)
	text = strings.TrimSpace(text)
	if g.aside || text == "" || text == g.tried {
		return
	}
	g.tried = text
	e := p.event(l.at, 0, session.User, session.Human, text)
	for _, mark := range aiderWrote {
		if strings.HasPrefix(text, mark) {
			e.Author = session.Injected
		}
	}
	if strings.HasPrefix(g.replied, firstLine(text)) { // an architect's plan, for the editor
		e.Author = session.ByProgram
	}
	e.Time = parseTime(g.when)
	p.d.add(p.s, e)
}

// end ends a call with its reply.
func (g *aiderLog) end(cut bool) {
	if !g.on || g.p.s == nil || len(g.p.said.lines) == 0 {
		return
	}
	g.replied = strings.TrimSpace(strings.Join(g.p.said.lines, "\n"))
	first := len(g.p.s.Events)
	g.p.flushSaid(cut)
	if first < len(g.p.s.Events) {
		g.p.s.Events[first].Time = parseTime(g.when)
	}
}
