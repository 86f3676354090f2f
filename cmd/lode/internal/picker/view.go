package picker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"lode/session"
)

// The looks: the sixteen colours that every terminal has. What a colour says is
// said without it, too.
var (
	bold   = lipgloss.NewStyle().Bold(true)
	dim    = lipgloss.NewStyle().Faint(true)
	title  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("6"))
	marked = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("3"))
	choice = lipgloss.NewStyle().Reverse(true)
	bad    = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
)

// View implements tea.Model.
func (m *Model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	v.WindowTitle = "lode search"
	return v
}

// bodyHeight is how many lines there are between the head and the foot.
func (m *Model) bodyHeight() int { return max(3, m.height-3) }

func (m *Model) wide() bool { return m.width >= wideFrom }

// listWidth is that of the list; the preview has the rest where they stand side
// by side.
func (m *Model) listWidth() int {
	if m.wide() {
		return m.width * 9 / 20
	}
	return m.width
}

// perHit is the lines that a hit takes.
const perHit = 2

// listHeight is the lines of the list. Below it stands the preview, where it
// does not stand beside it.
func (m *Model) listHeight() int {
	if m.wide() {
		return m.bodyHeight()
	}
	return max(perHit, (m.bodyHeight()-1)/2/perHit*perHit)
}

func (m *Model) perPage() int { return max(1, m.listHeight()/perHit) }

func (m *Model) screen() string {
	var body []string
	switch {
	case m.help:
		body = helpLines
	case m.open:
		body = m.lines[min(m.top, len(m.lines)):]
	case m.wide():
		list, preview := fill(m.list(), m.bodyHeight()), fill(m.previewLines(m.width-m.listWidth()-3, m.bodyHeight()), m.bodyHeight())
		for i := range list {
			body = append(body, pad(list[i], m.listWidth())+dim.Render(" │ ")+preview[i])
		}
	default:
		body = append(fill(m.list(), m.listHeight()), dim.Render(strings.Repeat("─", m.width)))
		body = append(body, m.previewLines(m.width, m.bodyHeight()-len(body))...)
	}
	lines := append([]string{m.head()}, fill(body, m.bodyHeight())...)
	lines = append(lines, m.said(), m.keys())
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return strings.Join(lines, "\n")
}

func fill(lines []string, height int) []string {
	out := make([]string, max(0, height))
	copy(out, lines)
	return out
}

func pad(text string, width int) string {
	text = ansi.Truncate(text, width, "…")
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}

// head is the field, or what is open.
func (m *Model) head() string {
	if h := m.chosen(); m.open && h != nil {
		return title.Render("lode show") + "  " + h.Ref
	}
	label := title.Render("lode search") + "  "
	text := string(m.field.text)
	if !m.typing {
		return label + text
	}
	after, under := "", " "
	if m.field.at < len(m.field.text) {
		under, after = string(m.field.text[m.field.at]), string(m.field.text[m.field.at+1:])
	}
	before := string(m.field.text[:m.field.at])
	room := m.width - ansi.StringWidth(label) - 2
	if over := ansi.StringWidth(before) - room; over > 0 { // what is being typed is in sight
		before = "…" + ansi.TruncateLeft(before, over+1, "")
	}
	return label + before + choice.Render(under) + after
}

// said counts what was found, or says what is wrong.
func (m *Model) said() string {
	switch {
	case m.open:
		left := ""
		if m.page.Left > 0 {
			left = fmt.Sprintf("; %s of the session beyond", count(m.page.Left, "event"))
		}
		if len(m.lines) > m.bodyHeight() {
			return dim.Render(fmt.Sprintf("line %d of %d%s", m.top+1, len(m.lines), left))
		}
		return dim.Render(strings.TrimPrefix(left, "; "))
	case m.wrong != "":
		return bad.Render(m.wrong)
	case !m.loaded:
		return dim.Render("opening the index …")
	case m.shown == "" && len(m.found.Hits) > 0:
		return dim.Render("the newest sessions; type to search in all")
	}
	text := fmt.Sprintf("%s in %s", cmp.Or(m.found.Total, "0 hits"), count(len(m.found.Hits), "session"))
	if m.at > 0 {
		text = fmt.Sprintf("%d of %s; %s", m.at+1, count(len(m.found.Hits), "session"), m.found.Total)
	}
	if len(m.found.Hits) > 0 { // else they stand in place of the list
		text = strings.Join(append([]string{text}, m.found.Notes...), "; ")
	}
	return dim.Render(text)
}

func (m *Model) keys() string {
	var keys []string
	switch {
	case m.help:
		keys = []string{"any key", "goes back"}
	case m.open:
		keys = []string{"↑↓", "scroll", "n p", "next, previous", "r", "resume", "?", "help", "q", "back"}
		if m.page.Resume == "" {
			keys = append(keys[:4], keys[6:]...)
		}
	case m.typing:
		keys = []string{"↑↓", "choose", "enter", "open", "esc", "to the list"}
		if len(m.field.text) == 0 {
			keys = []string{"↑↓", "choose", "enter", "open", "?", "help", "esc", "quit"}
		}
	default:
		keys = []string{"j k", "choose", "enter", "open", "/", "type", "r", "resume", "?", "help", "q", "quit"}
	}
	for i := 0; i+1 < len(keys); i += 2 {
		keys[i/2] = bold.Render(keys[i]) + " " + dim.Render(keys[i+1])
	}
	return strings.Join(keys[:len(keys)/2], "  ")
}

var helpLines = []string{
	"",
	"Type to search in what people and agents said, in commands, paths, outputs and",
	"errors of all past sessions. All words must be there.",
	"",
	`  "a phrase"     in this order            -word      not this word`,
	"  migrat*        words that begin so      a OR b     one of them",
	"  failed:yes     what failed              kind:user  what people said",
	"  project:shop   one project              agent:codex",
	"  since:7d       not older                lode help search tells more",
	"",
	"  ↑ ↓, ctrl+p ctrl+n     choose               j k in the list",
	"  enter                  open; q goes back    /   back to typing",
	"  pgup pgdn              a page               n p the next hit, the one before",
	"  tab                    typing or list       r   leave, with the command that",
	"  ctrl+c                 quit                     resumes the session",
}

// list shows the part of the hits with the chosen one.
func (m *Model) list() []string {
	width, n := m.listWidth(), m.perPage()
	if len(m.found.Hits) == 0 {
		return m.nothing(width)
	}
	from := m.at / n * n
	var lines []string
	for i := from; i < min(len(m.found.Hits), from+n); i++ {
		lines = append(lines, m.item(&m.found.Hits[i], i == m.at, width)...)
	}
	return lines
}

func (m *Model) nothing(width int) []string {
	text := strings.Join(append([]string{"Nothing is found."}, m.found.Notes...), "\n")
	switch {
	case !m.loaded:
		return nil
	case m.wrong != "":
		text = m.wrong
	case m.shown == "":
		text = "There are no sessions yet. lode nightly reads them."
	}
	return strings.Split(ansi.Wrap("\n"+text, width, ""), "\n")
}

// item is a hit in the list: where it is, and what was found.
func (m *Model) item(h *Hit, chosen bool, width int) []string {
	sign := "  "
	if chosen {
		sign = "> "
	}
	more := ""
	if h.More > 0 {
		more = fmt.Sprintf(" +%d", h.More)
	}
	where := ansi.Truncate(sign+strings.Join([]string{when(h.Time, m.desk.Now), last(h.Project), h.What, h.Title}, " · "), width-len(more), "…") + more
	snippet := oneLine(h.Snippet)
	if len(h.Marks) > 0 && snippet == h.Snippet {
		snippet = highlight(snippet, h.Marks)
	}
	if snippet == "" {
		snippet = dim.Render(h.Agent)
	}
	if chosen {
		return []string{choice.Render(pad(where, width)), "    " + snippet}
	}
	return []string{bold.Render(where), "    " + snippet}
}

// when writes a time as one looks for it: the hour of today, the day of a year.
func when(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "undated   "
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return "today " + t.Format("15:04")
	}
	return t.Format("2006-01-02")
}

// last is the last part of a project's name.
func last(project string) string { return project[strings.LastIndexByte(project, '/')+1:] }

// oneLine makes a text fit for a line.
func oneLine(text string) string { return strings.Join(strings.Fields(session.Clean(text)), " ") }

func highlight(text string, marks [][2]int) string {
	var b strings.Builder
	at := 0
	for _, m := range marks {
		if m[0] < at || m[1] > len(text) {
			continue
		}
		b.WriteString(text[at:m[0]] + marked.Render(text[m[0]:m[1]]))
		at = m[1]
	}
	return b.String() + text[at:]
}

// previewLines shows the chosen place with what came around it, itself first in
// sight.
func (m *Model) previewLines(width, height int) []string {
	h := m.chosen()
	switch {
	case h == nil || height <= 0:
		return nil
	case h.Ref != m.pageOf:
		return []string{dim.Render("reading …")}
	case m.pageErr != nil:
		return strings.Split(bad.Render(ansi.Wrap(m.pageErr.Error(), width, "")), "\n")
	}
	at, words := m.page.at(), h.words()
	best := m.page.best(at, words)
	var lines []string
	if at > 0 && height > 6 { // what came just before
		lines = append(lines, head(&m.page.Events[at-1], false), tail(m.page.Events[at-1].Text, width))
	}
	for i := at; i < len(m.page.Events) && len(lines) < height; i++ {
		lines = append(lines, head(&m.page.Events[i], i == at && m.shown != ""))
		text := body(m.page.Events[i].Text, width)
		if i < best && len(text) > 2 { // the place is in a later one
			text = append(text[:2:2], dim.Render("    …"))
		}
		if skip := bestLine(text, words) - 2; skip > 2 && i < at+matched { // the place in a long text
			text = append([]string{dim.Render(fmt.Sprintf("    … %s above", count(skip, "line")))}, text[skip:]...)
		}
		for _, l := range text[:min(len(text), height)] {
			lines = append(lines, light(l, words))
		}
	}
	return lines[:min(len(lines), height)]
}

// best is the event, from the one that was asked for on, that has the most of
// the words: the result of a call rather than the call, perhaps.
func (p *Page) best(at int, words []string) int {
	var texts []string
	for i := at; i < min(len(p.Events), at+matched); i++ {
		texts = append(texts, p.Events[i].Text)
	}
	return at + max(0, bestLine(texts, words))
}

// at is the place in the page of the event that was asked for, or 0.
func (p *Page) at() int {
	return max(0, slices.IndexFunc(p.Events, func(e Event) bool { return e.At }))
}

func head(e *Event, here bool) string {
	if here {
		return title.Render("> " + session.Clean(e.Head))
	}
	return dim.Render("  " + session.Clean(e.Head))
}

// tail is the last line of a text that says something.
func tail(text string, width int) string {
	lines := strings.Split(strings.TrimSpace(session.Clean(text)), "\n")
	return "    " + ansi.Truncate(strings.TrimSpace(lines[len(lines)-1]), max(1, width-4), "…")
}

// body wraps a text.
func body(text string, width int) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimRight(session.Clean(text), "\n"), "\n") {
		line = ansi.Wrap(strings.ReplaceAll(line, "\t", "    "), max(10, width-4), "")
		for l := range strings.SplitSeq(line, "\n") {
			out = append(out, "    "+l)
		}
	}
	return out
}

// layOut wraps the page for the whole screen, and scrolls to its place.
func (m *Model) layOut() {
	h := m.chosen()
	m.lines, m.top = nil, 0
	switch {
	case h == nil:
		m.open = false
		return
	case h.Ref != m.pageOf:
		m.lines = []string{dim.Render("reading …")}
		return
	case m.pageErr != nil:
		m.lines = strings.Split(bad.Render(ansi.Wrap(m.pageErr.Error(), m.width, "")), "\n")
		return
	}
	m.lines = append(m.lines, bold.Render(oneLine(m.page.Title)), dim.Render(oneLine(m.page.About)))
	at, top, until := m.page.at(), 0, 0
	for i := range m.page.Events {
		e := &m.page.Events[i]
		m.lines = append(m.lines, "", head(e, e.At))
		if e.At {
			top = len(m.lines) - 1
		}
		m.lines = append(m.lines, body(e.Text, m.width)...)
		if i < at+matched {
			until = len(m.lines)
		}
	}
	words := h.words()
	if best := bestLine(m.lines[top:until], words); m.shown != "" && best > m.bodyHeight()-4 { // else it is in sight
		top += best - 2
	}
	for i, l := range m.lines {
		if strings.HasPrefix(l, "    ") { // a text, not what stands above it
			m.lines[i] = light(l, words)
		}
	}
	if m.page.Resume != "" {
		m.lines = append(m.lines, "", "resume: "+m.page.Resume)
	}
	m.scroll(max(0, top-2))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
