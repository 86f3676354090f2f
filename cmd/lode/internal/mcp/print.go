package mcp

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"lode/rules"
	"lode/session"
)

// page is an answer that is being written, under a budget of tokens.
type page struct {
	strings.Builder
	left int
}

// newPage begins an answer with where it comes from.
func newPage(budget int, head string) *page {
	p := &page{left: budget}
	p.put(session.EchoMark + " " + head + "\n")
	return p
}

// put writes a text that must be there.
func (p *page) put(text string) {
	p.WriteString(text)
	p.left -= rules.Tokens(text)
}

// fits writes a text if there is room for it, with room for reserve after it.
func (p *page) fits(text string, reserve int) bool {
	if rules.Tokens(text)+reserve > p.left {
		return false
	}
	p.put(text)
	return true
}

// quote puts "| " in front of every line.
func quote(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(strings.TrimRight("| "+line, " ") + "\n")
	}
	return b.String()
}

// trailer is what the last lines of an answer may take.
const trailer = 40

func (f *Found) print(budget int) string {
	head := "nothing found"
	if len(f.Hits) > 0 {
		head = f.Total + "; the best place of each session, quotes after |"
	}
	p := newPage(budget, head)
	for _, fix := range f.Fixes {
		p.put(quote("what worked: " + session.Quote(fix, 300)))
	}
	shown := 0
	for _, h := range f.Hits {
		if shown > 0 && !p.fits(h.print(), trailer) {
			break
		} else if shown == 0 {
			p.put(h.print()) // an answer without its first hit would be none
		}
		shown++
	}
	if cut := len(f.Hits) - shown; cut > 0 {
		p.put(fmt.Sprintf("%s more left out: over the budget\n", count(cut, "session")))
	}
	for _, n := range f.Notes {
		p.fits(n+"\n", 0)
	}
	return p.String()
}

func (h *Hit) print() string {
	when := "undated"
	if !h.Time.IsZero() {
		when = h.Time.Format("2006-01-02 15:04")
	}
	line := strings.Join([]string{h.Ref, h.Project, when, h.What}, " · ")
	if h.More > 0 {
		line += fmt.Sprintf(" · %d more there", h.More)
	}
	return line + "\n" + quote(session.Quote(h.Title, 70)+"\n"+session.Quote(h.Snippet, 400))
}

func (s *Shown) print(budget int) string {
	p := newPage(budget, fmt.Sprintf("%s · %s · of %s, quotes after |", s.Session, s.Project, count(s.Total, "event")))
	p.put(quote(session.Quote(s.Title, 100)))
	last := ""
	if s.Resume != "" {
		last = "resume: " + s.Resume + "\n"
	}
	events, main, each := s.share((p.left - rules.Tokens(last) - trailer) * bytesPerToken)
	for i := range events {
		size := each
		if events[i].At {
			size = main
		}
		p.put(events[i].print(size))
	}
	if left := len(s.Events) - len(events); left > 0 {
		p.put(fmt.Sprintf("%s left out: over the budget\n", count(left, "event")))
	}
	p.put(last)
	return p.String()
}

// share divides room, in bytes, among the events: half of it is for the one
// that was asked for, as far as it needs that, and the others have equal parts.
// Where these would be too small to tell anything, those far off are left out.
func (s *Shown) share(room int) (events []Event, main, each int) {
	at := slices.IndexFunc(s.Events, func(e Event) bool { return e.At })
	one := min(at, 0) + 1 // or none, where the session is shown from its beginning
	if at = max(0, at); one > 0 {
		main = min(len(quote(s.Events[at].Text)), max(room/2, minText))
		room -= main + headRoom
	}
	fit := max(0, room) / (minText + headRoom)
	from, to := at, min(at+1, len(s.Events))
	for others := 0; others < fit && to-from < len(s.Events); others++ {
		if from == 0 || to < len(s.Events) && to-1-at <= at-from {
			to++
		} else {
			from--
		}
	}
	events = s.Events[from:to]
	return events, main, max(minText, room/max(1, len(events)-one)-headRoom)
}

const (
	bytesPerToken = 4
	minText       = 120 // bytes of an event's text: less would tell nothing
	headRoom      = 80  // for the line above it
	leftOut       = 40  // for the line in the middle of a cut text
)

func (e *Event) print(size int) string {
	mark := "  "
	if e.At {
		mark = "> "
	}
	head := mark + e.Head + "\n"
	if size <= 0 || strings.TrimSpace(e.Text) == "" {
		return head
	}
	text := quote(e.Text)
	for cut := size; len(text) > size && cut > leftOut; cut = cut * 4 / 5 { // what stands before each line counts, too
		text = quote(middleOut(e.Text, cut-leftOut))
	}
	return head + text
}

// middleOut cuts a text in its middle: what failed stands at the end of an
// output, and what was done at its beginning.
func middleOut(text string, size int) string {
	if len(text) <= size {
		return text
	}
	head, tail := size*3/5, size*2/5
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	from := len(text) - tail
	for from < len(text) && !utf8.RuneStart(text[from]) {
		from++
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", strings.TrimRight(text[:head], "\n"), from-head, strings.TrimLeft(text[from:], "\n"))
}

func (b *Brief) print() string {
	if b.Text == "" {
		return fmt.Sprintf("%s nothing was learned about %s yet\n", session.EchoMark, b.Project)
	}
	return b.Text // which bears the mark
}

func (ps *Patterns) print(budget int) string {
	where := ""
	if ps.Project != "" {
		where = " in " + ps.Project
	}
	head := fmt.Sprintf("%s that recur%s, quotes after |", count(len(ps.Patterns), "pattern"), where)
	if len(ps.Patterns) == 0 {
		head = "nothing is known to recur" + where
	}
	p := newPage(budget, head)
	shown := 0
	for i := range ps.Patterns {
		if shown > 0 && !p.fits(ps.Patterns[i].print(), trailer) {
			break
		} else if shown == 0 {
			p.put(ps.Patterns[i].print())
		}
		shown++
	}
	if cut := len(ps.Patterns) - shown; cut > 0 {
		p.put(fmt.Sprintf("%s more left out: over the budget\n", count(cut, "pattern")))
	}
	if ps.More > 0 {
		p.fits(fmt.Sprintf("%s more are not worth a rule\n", count(ps.More, "pattern")), 0)
	}
	return p.String()
}

func (p *Pattern) print() string {
	text := fmt.Sprintf("%s · %s · %s, %s · see %s\n", p.ID, p.Project, count(p.Sessions, "session"), count(p.Times, "time"), p.Ref)
	text += quote(session.Quote(p.Title, 200))
	if p.Quote != "" {
		text += quote(session.Quote(p.Quote, 200))
	}
	if p.Fix != "" {
		text += quote("what worked: " + session.Quote(p.Fix, 200))
	}
	if p.Rule != "" {
		text += quote("proposed rule: " + session.Quote(p.Rule, 300))
	}
	return text
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
