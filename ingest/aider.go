package ingest

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"lode/session"
	"lode/session/lazyregexp"
)

// aider reads the chat histories of Aider, one file of many runs:
//
//	# aider chat started at 2026-04-01 10:00:00     local time
//	#### words of the person, each line so          also /commands
//	> what aider itself prints, ends in two spaces
//	all else is what the model says, with its edits
//
// Aider appends, so a run is told by its start and the folder of the file. A
// log of model calls (--llm-history-file) is read where it lies under another
// name than its own: beside a chat history it repeats what stands there.
var aider = Format{
	Name:    "aider",
	Doc:     "Aider chat histories, .aider.chat.history.md",
	Version: 1,
	Seen:    "0.86; the edit, lint and test reports of older ones",
	Skips:   "what aider prints about itself",
	Checked: "chat histories of three projects; edits and shell runs after aider's own source",
	Sniff:   sniffAider,
	Parse:   parseAider,
}

const (
	aiderStart = "# aider chat started at "
	aiderCall  = "TO LLM "
	aiderReply = "LLM RESPONSE "
)

func sniffAider(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \r\n")
	return bytes.HasPrefix(head, []byte(aiderStart+"2")) || bytes.HasPrefix(head, []byte(aiderCall+"2"))
}

// aiderEdit is an edit that the model wrote and aider has not yet made.
type aiderEdit struct{ call, file string }

// aiderRun is a command of which the output, if anything, comes next.
type aiderRun struct {
	call   session.Event
	part   int // of the result
	output []string
	isTest bool
}

// aiderParser goes through the lines of a history.
type aiderParser struct {
	d       *Draft
	s       *session.Session // the current run
	runs    map[string]int   // by id
	started time.Time
	talking bool // the first prompt was read
	auto    bool // nobody is asked: --yes
	testCmd string
	spaced  bool // lines with a sign end in two spaces, as far as was seen
	empty   bool // the line before is

	asked, said, own aiderLines // what is being read: a prompt, a reply, aider's own words

	last    string // words, with the command before that asked for them
	subject string // of a question
	edits   []aiderEdit
	run     *aiderRun
	lint    aiderLines
	stopped bool // an interrupt was noted
	reply   int  // first event of the last reply
	noted   string
	seen    map[string]int
}

// aiderLines are lines from one on.
type aiderLines struct {
	at    int
	lines []string
}

func (l *aiderLines) add(n int, line string) {
	if len(l.lines) == 0 {
		l.at = n
	}
	l.lines = append(l.lines, line)
}

func (l *aiderLines) take() aiderLines {
	all := *l
	*l = aiderLines{}
	return all
}

func parseAider(in *Input, d *Draft) error {
	p := &aiderParser{d: d, runs: make(map[string]int), seen: make(map[string]int)}
	log := aiderLog{p: p}
	r := bufio.NewReaderSize(in, 256<<10)
	for n := 1; ; n++ {
		text, whole, err := nextLine(r, nil)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if text == nil {
			break
		}
		if !whole {
			d.Partial = true // a last line without its end is not finished yet
			break
		}
		line := strings.TrimPrefix(strings.TrimRight(string(text), "\r\n"), "\ufeff")
		if p.s == nil && strings.HasPrefix(line, aiderCall) {
			log.on = true
		}
		if log.on {
			log.line(n, line)
		} else {
			p.line(n, line)
		}
	}
	log.end(true)
	p.end(true)
	return nil
}

// line reads a line of a chat history.
func (p *aiderParser) line(n int, line string) {
	start, isStart := strings.CutPrefix(line, aiderStart)
	switch {
	case isStart && !parseTime(strings.Replace(strings.TrimSpace(start), " ", "T", 1)).IsZero():
		p.end(false)
		p.begin(strings.TrimSpace(start))
	case p.s == nil:
	case len(p.own.lines) > 0: // goes on in lines without a sign, up to two spaces
		p.own.add(n, line)
		if strings.HasSuffix(line, "  ") {
			p.told(p.own.take())
		}
	case p.signed(line, ">"):
		p.flushAsked()
		p.flushSaid(false)
		p.own.add(n, strings.TrimPrefix(line[1:], " "))
		if spaced := strings.HasSuffix(line, "  "); spaced || !p.spaced {
			p.spaced = p.spaced || spaced
			p.told(p.own.take())
		}
	case p.signed(line, "####"):
		p.flushSaid(false)
		p.asked.add(n, strings.TrimSpace(strings.TrimPrefix(line, "####")))
	default:
		p.flushAsked()
		if p.talking && (len(p.said.lines) > 0 || strings.TrimSpace(line) != "") {
			p.said.add(n, line)
		}
	}
	p.empty = line == ""
}

// signed reports whether the sign that a line begins with is aider's. Models
// write such signs too, in headings and quotations, but seldom with two spaces
// at the end: aider leaves these out within a message of several lines only.
func (p *aiderParser) signed(line, sign string) bool {
	rest, ok := strings.CutPrefix(line, sign)
	switch {
	case !ok || rest != "" && rest[0] != ' ':
		return false
	case !p.spaced:
		return true
	case strings.HasSuffix(line, "  "):
		return len(p.said.lines) == 0 || p.empty
	}
	return !p.talking || len(p.said.lines) == 0 && !p.empty
}

// begin begins a run.
func (p *aiderParser) begin(start string) {
	folder := path.Dir(p.d.path)
	id := strings.NewReplacer(" ", "_", ":", "-").Replace(start)
	if base := path.Base(folder); base != "." && base != "/" {
		id = base + "-" + id
	}
	if p.runs[id]++; p.runs[id] > 1 {
		id += "-" + strconv.Itoa(p.runs[id])
	}
	*p = aiderParser{d: p.d, runs: p.runs, seen: make(map[string]int), spaced: p.spaced}
	p.started = parseTime(strings.Replace(start, " ", "T", 1))
	p.s = p.d.session(id)
	p.s.Cwd = homeFolder(p.d.path, "/"+path.Base(p.d.path))
	p.d.Records++
}

// end ends a run; cut says that the file ends here.
func (p *aiderParser) end(cut bool) {
	if cut && len(p.own.lines) > 0 {
		p.d.Partial = true
	}
	p.own = aiderLines{}
	p.flushAsked()
	p.flushSaid(cut)
	p.flushRun()
	p.flushLint()
}

// event starts an event. Aider notes the time of a run's start only, which its
// first event bears.
func (p *aiderParser) event(n, part int, kind session.Kind, author session.Author, text string) session.Event {
	e := session.Event{N: n, Part: part, Kind: kind, Author: author, Text: text}
	if len(p.s.Events) == 0 {
		e.Time = p.started
	}
	k := key("aider", p.started.String(), strconv.Itoa(p.runs[p.s.ID]), string(kind), openingWords(text))
	p.seen[k]++
	e.Key = key(k, strconv.Itoa(p.seen[k]))
	return e
}

// call adds a tool call.
func (p *aiderParser) call(n, part int, author session.Author, act session.Act, tool, command, text string) session.Event {
	e := p.event(n, part, session.Call, author, tool+"\n"+command+"\n"+text)
	e.Act, e.Tool, e.Command, e.Text, e.CallID = act, tool, command, text, e.Key
	p.d.add(p.s, e)
	return e
}

// result adds the result of a call.
func (p *aiderParser) result(n, part int, call string, flag session.Flag, text string) {
	e := p.event(n, part, session.Result, session.ByTool, text)
	e.CallID, e.Flag, e.Key = call, flag, key(call, "result")
	p.d.add(p.s, e)
}

// flushAsked adds a prompt.
func (p *aiderParser) flushAsked() {
	l := p.asked.take()
	text := strings.TrimSpace(strings.Join(l.lines, "\n"))
	if text == "" || text == "<blank>" {
		return
	}
	p.flushRun()
	p.flushLint()
	p.edits, p.stopped, p.noted, p.talking = nil, false, "", true
	p.d.Records++
	if _, rest, _ := strings.Cut(p.last, " "); strings.HasPrefix(p.last, "/") && strings.TrimSpace(rest) == text {
		return // "/ask words" is noted a second time without the command
	}
	p.last = text
	p.d.add(p.s, p.event(l.at, 0, session.User, session.Human, text))
	command, isTest := "", false
	if first, rest, _ := strings.Cut(text, " "); strings.HasPrefix(text, "!") {
		command = strings.TrimSpace(text[1:])
	} else if first == "/run" || first == "/git" || first == "/test" {
		command, isTest = strings.TrimSpace(rest), first == "/test"
		if first == "/git" {
			command = "git " + command
		}
		if isTest && command == "" {
			command = p.testCmd
		}
	}
	if command != "" {
		p.run = &aiderRun{call: p.call(l.at, 1, session.Human, session.Shell, "run", command, ""), part: 2, isTest: isTest}
	}
}

var (
	aiderSearch  = lazyregexp.New(`^<{5,9} (?:SEARCH|ORIGINAL|HEAD)\s*$`)
	aiderDivide  = lazyregexp.New(`^={5,9}\s*$`)
	aiderReplace = lazyregexp.New(`^>{5,9} (?:REPLACE|UPDATED)\s*$`)
)

const aiderThought, aiderThoughtEnd = "<thinking-content-", "</thinking-content-"

// flushSaid adds a reply: words, thoughts, and an edit for every block that
// says what to search and what to put there instead.
func (p *aiderParser) flushSaid(cut bool) {
	l := p.said.take()
	if len(l.lines) == 0 {
		return
	}
	p.flushRun()
	p.flushLint()
	p.edits, p.stopped, p.noted, p.subject = nil, false, "", ""
	p.reply = len(p.s.Events)
	file := ""
	from := 0
	for i := 0; i < len(l.lines); i++ {
		switch line := l.lines[i]; {
		case strings.HasPrefix(line, aiderThought):
			p.words(l, from, i, "")
			end := i + 1
			for end < len(l.lines) && !strings.HasPrefix(l.lines[end], aiderThoughtEnd) {
				end++
			}
			p.words(l, i+1, end, session.Thinking)
			i, from = end, end+1
		case aiderSearch.MatchString(line):
			end, isNew := aiderBlock(l.lines, i)
			if end < 0 {
				if cut { // not finished yet
					p.d.Partial = true
					p.words(l, from, i, "")
					return
				}
				continue
			}
			p.words(l, from, i, "")
			if name := aiderFile(l.lines[max(from, i-3):i]); name != "" {
				file = name
			}
			act := session.Edit
			if isNew {
				act = session.Write
			}
			e := p.call(l.at+i, 0, session.ByAgent, act, "edit", file, strings.Join(l.lines[i:end+1], "\n"))
			p.edits = append(p.edits, aiderEdit{e.CallID, file})
			if i = end; i+1 < len(l.lines) && strings.HasPrefix(l.lines[i+1], "```") {
				i++
			}
			from = i + 1
		}
	}
	p.words(l, from, len(l.lines), "")
}

// words adds some of the lines of a reply.
func (p *aiderParser) words(l aiderLines, from, to int, act session.Act) {
	for from < to && strings.TrimSpace(l.lines[from]) == "" {
		from++
	}
	if from >= to {
		return
	}
	text := strings.TrimSpace(strings.Join(l.lines[from:to], "\n"))
	if strings.HasPrefix(text, aiderThoughtEnd) && !strings.Contains(text, "\n") {
		return // a second end
	}
	e := p.event(l.at+from, 0, session.Agent, session.ByAgent, text)
	e.Act = act
	p.d.add(p.s, e)
}

// aiderBlock returns the line that ends a search and replace block, or -1, and
// whether it searches for nothing, as for a new file.
func aiderBlock(lines []string, i int) (end int, isNew bool) {
	divided := 0
	for end = i + 1; end < len(lines); end++ {
		switch {
		case aiderDivide.MatchString(lines[end]) && divided == 0:
			divided = end
		case aiderReplace.MatchString(lines[end]) && divided > 0:
			return end, strings.TrimSpace(strings.Join(lines[i+1:divided], "")) == ""
		case aiderSearch.MatchString(lines[end]):
			return -1, false
		}
	}
	return -1, false
}

// aiderFile finds the file that a block is for in the lines above it: the last
// one that is no fence, without the signs that models put around.
func aiderFile(above []string) string {
	for i := len(above) - 1; i >= 0; i-- {
		line := strings.TrimSpace(above[i])
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "<source>") {
			continue
		}
		return strings.ReplaceAll(strings.Trim(strings.TrimSuffix(strings.TrimLeft(line, "# "), ":"), "`* "), `\_`, "_")
	}
	return ""
}
