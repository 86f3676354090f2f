package picker

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// wideFrom is the width from which the list and the preview stand side by side.
const wideFrom = 120

// Model is the picker.
type Model struct {
	desk          Desk
	width, height int

	pause time.Duration // without a key before something close is looked for

	field  field
	typing bool // the keys go to the field
	help   bool // the keys are explained

	found   Found
	shown   string // the query that found it
	asked   string // the query that is being searched for
	busy    bool
	loaded  bool   // there was an answer
	closeTo string // the query that something close was looked for last
	wrong   string // what is wrong with the query

	at int // the chosen hit

	page    Page // surroundings of a hit
	pageOf  string
	pageErr error
	wants   string // the ref that is being read
	reading bool

	open   bool // the page has the whole screen
	top    int  // its first line there
	lines  []string
	resume string
}

// New returns a picker with an empty query.
func New(d Desk) *Model {
	return &Model{desk: d, width: 80, height: 24, typing: true, pause: 200 * time.Millisecond}
}

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd { return m.search() }

// answer is what a search came back with.
type answer struct {
	query string
	found Found
	err   error
}

// search asks for what is in the field, unless a search is under way: its end
// asks again.
func (m *Model) search() tea.Cmd {
	query := strings.TrimSpace(string(m.field.text))
	if m.busy || m.loaded && query == m.asked {
		return nil
	}
	m.busy, m.asked = true, query
	return func() tea.Msg {
		found, err := m.desk.Search(context.Background(), query)
		return answer{query, found, err}
	}
}

// paused says that nothing was typed since a query found nothing, perhaps.
type paused struct{ query string }

// closely looks for what is close to a query.
func (m *Model) closely(query string) tea.Cmd {
	if m.busy || query == m.closeTo || query != m.shown || query != strings.TrimSpace(string(m.field.text)) {
		return nil
	}
	m.busy, m.closeTo = true, query
	return func() tea.Msg {
		found, err := m.desk.Close(context.Background(), query)
		return answer{query, found, err}
	}
}

// read is a page that was loaded.
type read struct {
	ref  string
	page Page
	err  error
}

// preview asks for the surroundings of the chosen hit, in the same way.
func (m *Model) preview() tea.Cmd {
	h := m.chosen()
	if h == nil || m.reading || h.Ref == m.pageOf {
		return nil
	}
	m.reading, m.wants = true, h.Ref
	ref := h.Ref
	return func() tea.Msg {
		page, err := m.desk.Read(ref)
		return read{ref, page, err}
	}
}

func (m *Model) chosen() *Hit {
	if m.at < len(m.found.Hits) {
		return &m.found.Hits[m.at]
	}
	return nil
}

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		if m.open {
			m.layOut()
		}
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.typing && !m.open {
			m.field.insert(msg.Content)
			return m, m.search()
		}
	case answer:
		m.take(msg)
		wait := tea.Cmd(nil)
		if msg.err == nil && len(msg.found.Hits) == 0 && msg.query != "" {
			wait = tea.Tick(m.pause, func(time.Time) tea.Msg { return paused{msg.query} })
		}
		return m, tea.Batch(m.search(), m.preview(), wait)
	case paused:
		return m, m.closely(msg.query)
	case read:
		m.reading, m.pageOf, m.page, m.pageErr = false, msg.ref, msg.page, msg.err
		if m.open && m.chosen() != nil && m.chosen().Ref == msg.ref {
			m.layOut()
		}
		return m, m.preview()
	}
	return m, nil
}

// take takes in what was found. A query that cannot be read, as one is for a
// while when a quote is being typed, leaves the answer before it.
func (m *Model) take(a answer) {
	m.busy, m.loaded, m.wrong = false, true, ""
	if a.err != nil {
		m.wrong = strings.Join(strings.Fields(a.err.Error()), " ")
		return
	}
	m.found, m.shown, m.at = a.found, a.query, 0
}

// press carries out a key.
func (m *Model) press(k tea.KeyPressMsg) tea.Cmd {
	key := k.String()
	switch {
	case key == "ctrl+c":
		return tea.Quit
	case m.help:
		m.help = false
		return nil
	case m.open:
		return m.turn(key)
	}
	switch key {
	case "down", "ctrl+n", "ctrl+j":
		return m.move(1)
	case "up", "ctrl+p":
		return m.move(-1)
	case "pgdown":
		return m.move(m.perPage())
	case "pgup":
		return m.move(-m.perPage())
	case "enter":
		return m.openPage()
	case "tab":
		m.typing = !m.typing
		return nil
	}
	if m.typing {
		return m.typed(k)
	}
	return m.chose(key)
}

// typed carries out a key for the field.
func (m *Model) typed(k tea.KeyPressMsg) tea.Cmd {
	switch {
	case k.String() == "esc" && len(m.field.text) == 0:
		return tea.Quit
	case k.String() == "esc":
		m.typing = false
	case k.String() == "?" && len(m.field.text) == 0:
		m.help = true
	case m.field.press(k):
		return m.search()
	}
	return nil
}

// chose carries out a key for the list.
func (m *Model) chose(key string) tea.Cmd {
	switch key {
	case "j":
		return m.move(1)
	case "k":
		return m.move(-1)
	case "g", "home":
		return m.move(-len(m.found.Hits))
	case "G", "end":
		return m.move(len(m.found.Hits))
	case "l", "right":
		return m.openPage()
	case "r":
		return m.goOn()
	case "/", "i":
		m.typing = true
	case "?":
		m.help = true
	case "q":
		return tea.Quit
	case "esc": // a second one
		m.typing = true
		m.field.set("")
		return m.search()
	}
	return nil
}

func (m *Model) move(by int) tea.Cmd {
	m.at = max(0, min(m.at+by, len(m.found.Hits)-1))
	return m.preview()
}

// openPage gives the chosen place the whole screen.
func (m *Model) openPage() tea.Cmd {
	if m.chosen() == nil {
		return nil
	}
	m.open = true
	m.layOut()
	return m.preview()
}

// turn carries out a key for the open page.
func (m *Model) turn(key string) tea.Cmd {
	step := max(1, m.bodyHeight()-2)
	switch key {
	case "q", "esc", "left", "h":
		m.open = false
	case "down", "j":
		m.scroll(1)
	case "up", "k":
		m.scroll(-1)
	case "pgdown", "space", "ctrl+f", "ctrl+d":
		m.scroll(step)
	case "pgup", "ctrl+b", "ctrl+u":
		m.scroll(-step)
	case "home", "g":
		m.scroll(-len(m.lines))
	case "end", "G":
		m.scroll(len(m.lines))
	case "n":
		return m.next(1)
	case "p":
		return m.next(-1)
	case "/":
		m.open, m.typing = false, true
	case "r":
		return m.goOn()
	case "?":
		m.help = true
	}
	return nil
}

func (m *Model) next(by int) tea.Cmd {
	cmd := m.move(by)
	m.layOut()
	return cmd
}

func (m *Model) scroll(by int) {
	m.top = max(0, min(m.top+by, len(m.lines)-m.bodyHeight()))
}

// goOn leaves with the command that resumes the chosen session.
func (m *Model) goOn() tea.Cmd {
	if h := m.chosen(); h == nil || h.Ref != m.pageOf || m.page.Resume == "" {
		return nil
	}
	m.resume = m.page.Resume
	return tea.Quit
}
