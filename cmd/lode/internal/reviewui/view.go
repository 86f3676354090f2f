package reviewui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"lode/rules"
	"lode/session"
)

// The looks: the sixteen colours that every terminal has, in the person's own
// shades. What a colour says is said without it, too.
var (
	plain  = lipgloss.NewStyle()
	bold   = lipgloss.NewStyle().Bold(true)
	dim    = lipgloss.NewStyle().Faint(true)
	title  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("6"))
	choice = lipgloss.NewStyle().Reverse(true)
	good   = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	wrong  = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
)

// line is a line of a proposal as it is shown.
type line struct {
	text string
	mark int // n of the n-th piece of evidence, where that begins
}

// View implements tea.Model.
func (m *Model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	v.WindowTitle = "lode review"
	return v
}

// bodyHeight is how many lines there are between the head and the foot.
func (m *Model) bodyHeight() int { return max(3, m.height-3) }

func (m *Model) listWidth() int {
	if m.wide() {
		return min(64, m.width*2/5)
	}
	return m.width
}

func (m *Model) detailWidth() int {
	if m.wide() {
		return m.width - m.listWidth() - 3
	}
	return m.width
}

func (m *Model) screen() string {
	var body []string
	switch {
	case m.help:
		body = m.helpLines()
	case m.wide():
		list, detail := m.fill(m.list(m.listWidth())), m.fill(m.window())
		for i := range list {
			body = append(body, pad(list[i], m.listWidth())+dim.Render(" │ ")+detail[i])
		}
	case m.reading:
		body = m.window()
	default:
		body = m.list(m.width)
	}
	lines := append([]string{m.head()}, m.fill(body)...)
	lines = append(lines, m.said(), m.keys())
	for i := range lines {
		lines[i] = cut(lines[i], m.width)
	}
	return strings.Join(lines, "\n")
}

// fill brings the lines of the body to its height.
func (m *Model) fill(lines []string) []string {
	out := make([]string, m.bodyHeight())
	copy(out, lines)
	return out
}

// head counts the proposals.
func (m *Model) head() string {
	open, decided := 0, 0
	for _, p := range m.all {
		if p.Status == rules.Open {
			open++
		} else {
			decided++
		}
	}
	text := title.Render("lode review") + fmt.Sprintf("  %d open, %d decided", open, decided)
	if m.filter != "" {
		text += "  filter: " + clean(m.filter)
	}
	if p := m.chosen(); p != nil && m.reading && !m.wide() {
		text = title.Render("lode review") + fmt.Sprintf("  %s  %d of %d", p.ID, m.at+1, len(m.shown()))
	}
	return text
}

// said is the line above the keys: a question, or what came of the last key.
func (m *Model) said() string {
	switch {
	case m.asks != nil:
		text := m.asks.ask + clean(m.asks.text)
		if over := lipgloss.Width(text) + 1 - m.width; over > 0 { // its end is what is being typed
			text = string([]rune(text)[min(over, len([]rune(text))):])
		}
		return bold.Render(text) + choice.Render(" ")
	case m.bad:
		return wrong.Render(clean(m.say))
	}
	return good.Render(clean(m.say))
}

// keys names the keys that are of use now.
func (m *Model) keys() string {
	var keys []string
	p := m.chosen()
	switch {
	case m.asks != nil && m.asks.live:
		keys = []string{"enter keep", "esc clear"}
	case m.asks != nil:
		keys = []string{"enter do it", "esc leave it"}
	case m.help:
		keys = []string{"any key goes back"}
	case p == nil:
		keys = []string{"v decided, too", "/ filter", "? help", "q quit"}
	default:
		keys = m.decisions(p)
		switch {
		case m.reading && m.wide():
			keys = append(keys, "tab enter evidence", "esc list")
		case m.reading:
			keys = append(keys, "tab enter evidence", "n next", "? help", "q back")
			return m.keyLine(keys)
		default:
			keys = append(keys, "enter open", "/ filter")
		}
		keys = append(keys, "? help", "q quit")
	}
	return m.keyLine(keys)
}

// decisions names the keys for what can be decided on a proposal.
func (m *Model) decisions(p *rules.Proposal) []string {
	switch p.Status {
	case rules.Open, rules.Snoozed:
		return []string{"a accept", "e edit", "r reject", "s snooze"}
	case rules.Accepted:
		return []string{"u undo"}
	}
	return nil
}

func (m *Model) keyLine(keys []string) string {
	for i, k := range keys {
		key, what, _ := strings.Cut(k, " ")
		keys[i] = bold.Render(key) + " " + dim.Render(what)
		if key == "tab" {
			keys[i] = bold.Render("tab enter") + " " + dim.Render("evidence")
		}
	}
	return strings.Join(keys, "  ")
}

// list shows the proposals by project, the chosen one on the screen, and below
// them, where there is room, what it says.
func (m *Model) list(width int) []string {
	var lines []string
	at, project := 0, ""
	shown := m.shown()
	for i, p := range shown {
		if p.Project != project || i == 0 {
			if i > 0 {
				lines = append(lines, "")
			}
			lines = append(lines, bold.Render(clean(p.Project)))
			project = p.Project
		}
		if i == m.at {
			at = len(lines)
		}
		lines = append(lines, m.item(p, i == m.at, width))
	}
	if len(shown) == 0 {
		return m.nothing(width)
	}
	var below []string
	if p := shown[m.at]; !m.wide() {
		below = append([]string{dim.Render(strings.Repeat("─", width))}, strings.Split(wrapTo(clean(p.Rule), width), "\n")...)
		below = append(below, strings.Split(dim.Render(wrapTo(clean(p.Why), width)), "\n")...)
		below = below[:min(len(below), max(0, m.bodyHeight()/2))]
	}
	room := m.bodyHeight() - len(below)
	from := max(0, min(at-room/2, len(lines)-room))
	lines = lines[from:min(len(lines), from+room)]
	for len(lines) < room && len(below) > 0 {
		lines = append(lines, "")
	}
	return append(lines, below...)
}

func (m *Model) nothing(width int) []string {
	text := "Nothing is open. lode nightly makes proposals; v shows what was decided."
	switch {
	case m.filter != "":
		text = "Nothing fits the filter. esc clears it."
	case len(m.all) == 0:
		text = "There are no proposals yet. lode nightly makes them."
	}
	return append([]string{""}, strings.Split(wrapTo(text, width), "\n")...)
}

// item is a proposal in the list.
func (m *Model) item(p *rules.Proposal, chosen bool, width int) string {
	sign := " "
	if chosen {
		sign = ">"
	}
	right := plural(p.Backtest.Failed, "session")
	if p.Status != rules.Open {
		right = string(p.Status)
	}
	room := width - lipgloss.Width(right) - 4
	text := pad(sign+" "+clip(clean(p.Title), room-1), room+2) + right
	switch {
	case chosen:
		return choice.Render(pad(text, width))
	case p.Status != rules.Open:
		return dim.Render(text)
	}
	return text
}

// window is the part of the proposal that is on the screen.
func (m *Model) window() []string {
	if m.chosen() == nil {
		return nil
	}
	lines := m.detail(m.detailWidth())
	m.top = max(0, min(m.top, len(lines)-m.bodyHeight()))
	var out []string
	for _, l := range lines[m.top:min(len(lines), m.top+m.bodyHeight())] {
		out = append(out, l.text)
	}
	if rest := len(lines) - m.top - len(out); rest > 0 && len(out) > 1 {
		out[len(out)-1] = dim.Render(fmt.Sprintf("… %s below", plural(rest+1, "more line")))
	}
	return out
}

// detail is the whole of the chosen proposal.
func (m *Model) detail(width int) []line {
	p := m.chosen()
	d := &page{width: width}
	d.say(bold, clean(p.Title))
	d.say(dim, clean(fmt.Sprintf("%s · %s · %s", p.ID, p.Project, p.Status)))
	d.gap()
	for _, l := range rules.Marked(p.Diff) {
		d.diff(l)
	}
	if p.Diff == "" {
		d.say(dim, "it changes nothing")
	}
	d.gap()
	d.say(plain, clean(p.Why))
	for _, l := range p.Weighing() {
		d.say(plain, clean(l))
	}
	if p.Covered != "" {
		d.say(wrong, "The file says it already: "+clean(p.Covered))
	}
	d.gap()
	d.say(bold, "Evidence")
	for i, e := range p.Evidence {
		d.evidence(m, i, e)
	}
	for _, r := range p.Counter.Refs {
		d.say(plain, "  but: "+clean(r))
	}
	return d.lines
}

// page gathers lines of a width.
type page struct {
	width int
	lines []line
}

func (d *page) gap() { d.lines = append(d.lines, line{}) }

func (d *page) say(style lipgloss.Style, text string) {
	for l := range strings.SplitSeq(wrapTo(text, d.width), "\n") {
		d.lines = append(d.lines, line{text: style.Render(l)})
	}
}

// diff shows a line of a diff; words that differ stand out.
func (d *page) diff(l rules.Line) {
	style := plain
	switch l.Kind {
	case "add":
		style = good
	case "del":
		style = wrong
	case "file", "hunk":
		style = dim
	}
	var b strings.Builder
	for _, piece := range l.Pieces {
		s := style
		if piece.Changed {
			s = s.Bold(true).Underline(true)
		}
		b.WriteString(s.Render(clean(piece.Text)))
	}
	for i, part := range strings.Split(wrapTo(b.String(), d.width-2), "\n") {
		sign := l.Sign
		if i > 0 {
			sign = " "
		}
		if l.Sign != "" {
			sign = style.Render(sign) + " "
		}
		d.lines = append(d.lines, line{text: sign + part})
	}
}

// evidence shows a piece of evidence, and what stands around it if it is open.
func (d *page) evidence(m *Model, i int, e rules.Evidence) {
	sign, style := "  ", dim
	text, isOpen := m.open[e.Ref]
	if m.reading && i == m.mark {
		sign, style = "> ", choice
	}
	fold := "+ "
	if isOpen {
		fold = "- "
	}
	head := sign + fold + fmt.Sprintf("%d  ", i+1)
	d.lines = append(d.lines, line{style.Render(clip(head+clean(e.Ref), d.width)), i + 1})
	quote := &page{width: d.width - 7}
	quote.say(plain, clean(e.Quote))
	for _, l := range quote.lines {
		d.lines = append(d.lines, line{text: "       " + l.text})
	}
	if !isOpen {
		return
	}
	for l := range strings.SplitSeq(strings.TrimRight(clean(text), "\n"), "\n") {
		words := strings.TrimLeft(l, " ")
		blank := strings.Repeat(" ", min(len(l)-len(words), 12)) // what is wrapped keeps its indent
		inner := &page{width: d.width - 7 - len(blank)}
		inner.say(plain, words)
		for _, part := range inner.lines {
			d.lines = append(d.lines, line{text: "     " + dim.Render("│ ") + blank + part.text})
		}
	}
	d.gap()
}

func (m *Model) helpLines() []string {
	rows := [][2]string{
		{"↑ ↓  j k", "move; in a proposal, scroll"},
		{"pgup pgdn  space", "a page"},
		{"n  p", "the next proposal, the one before"},
		{"g  G", "first, last"},
		{"enter  →", "open the proposal; in it, open or close the evidence"},
		{"tab  1…9", "the next piece of evidence; open or close the n-th"},
		{"esc  ←", "back to the list"},
		{"a", "accept: the file is changed, u undoes it"},
		{"e", "edit the words in $EDITOR, before they are accepted"},
		{"r", "reject, with a reason: back only when the evidence doubles"},
		{"s", "snooze: put it off for some days"},
		{"u", "undo what was accepted: the file gets its old bytes back"},
		{"/", "filter the list: words of the title, rule, project, state"},
		{"v", "show what was decided, too"},
		{"?", "this help"},
		{"q", "quit"},
	}
	out := []string{"", bold.Render("Keys"), ""}
	for _, r := range rows {
		out = append(out, "  "+bold.Render(pad(r[0], 18))+r[1])
	}
	return out
}

// clean makes a text fit for a line of a terminal.
func clean(text string) string { return strings.ReplaceAll(session.Clean(text), "\t", "    ") }

// wrapTo breaks a text, styled or not, into lines between words: not at hyphens,
// which flags and names are full of. Words longer than a line are cut.
func wrapTo(text string, width int) string {
	const hyphen = "\ue02d" // for private use, and as wide
	text = strings.ReplaceAll(text, "-", hyphen)
	return strings.ReplaceAll(lipgloss.Wrap(text, max(1, width), ""), hyphen, "-")
}

// cut takes off what is behind the end of a line, styled or not.
func cut(text string, width int) string { return plain.MaxWidth(max(1, width)).Render(text) }

// clip shortens a text and says so.
func clip(text string, width int) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if lipgloss.Width(text) <= width {
		return text
	}
	return cut(text, width-1) + "…"
}

// pad fills a text up with blanks.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-lipgloss.Width(text)))
}
