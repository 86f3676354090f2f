package reviewui

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"lode/rules"
)

// wideFrom is the width from which the list and a proposal stand side by side:
// each then has the width that text is read well in.
const wideFrom = 120

// Model is the interface.
type Model struct {
	desk          Desk
	width, height int

	all     []*rules.Proposal
	filter  string
	decided bool // what was decided before is shown, too
	here    map[string]bool

	at      int  // the chosen proposal, among those shown
	reading bool // the keys go to the proposal, not the list
	help    bool // the keys are explained
	top     int  // the first line of the proposal on the screen
	mark    int  // the chosen piece of evidence
	open    map[string]string
	asks    *question
	busy    bool   // a decision is being carried out
	say     string // what came of the last key
	bad     bool   // it went wrong
}

// question is a line that is typed.
type question struct {
	ask, text string
	answer    func(*Model, string) tea.Cmd
	live      bool // each letter counts at once
}

// New loads the proposals. The error names documents that cannot be read; the
// model shows the others.
func New(d Desk) (*Model, error) {
	m := &Model{desk: d, width: 80, height: 24, mark: -1, here: make(map[string]bool), open: make(map[string]string)}
	err := m.reload()
	if err != nil {
		m.fail(err)
	}
	return m, err
}

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd { return nil }

func (m *Model) reload() error {
	list, err := m.desk.List()
	chosen := m.chosen()
	m.all = list
	first := make(map[string]int) // projects in the order in which they come first
	for i, p := range m.all {
		if _, ok := first[p.Project]; !ok {
			first[p.Project] = i
		}
	}
	slices.SortStableFunc(m.all, func(a, b *rules.Proposal) int { return first[a.Project] - first[b.Project] })
	if chosen != nil {
		m.choose(chosen.ID)
	}
	m.clamp()
	return err
}

// shown returns the proposals of the list: the open ones and rules that do not
// do what they should, those decided on since the start, which can be undone, and
// all when that is wanted.
func (m *Model) shown() []*rules.Proposal {
	var out []*rules.Proposal
	for _, p := range m.all {
		if (m.decided || p.NeedsHand() || m.here[p.ID]) && m.matches(p) {
			out = append(out, p)
		}
	}
	return out
}

// matches reports whether a proposal has all words of the filter.
func (m *Model) matches(p *rules.Proposal) bool {
	text := strings.ToLower(strings.Join([]string{p.ID, p.Project, p.Title, p.Rule, p.Target, string(p.Status)}, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(m.filter)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (m *Model) chosen() *rules.Proposal {
	if list := m.shown(); m.at < len(list) {
		return list[m.at]
	}
	return nil
}

func (m *Model) choose(id string) {
	if i := slices.IndexFunc(m.shown(), func(p *rules.Proposal) bool { return p.ID == id }); i >= 0 {
		m.at = i
	}
}

func (m *Model) clamp() {
	m.at = max(0, min(m.at, len(m.shown())-1))
	if m.chosen() == nil {
		m.reading = false
	}
}

func (m *Model) wide() bool { return m.width >= wideFrom }

// told is what came of a decision.
type told struct {
	p     *rules.Proposal
	done  string
	err   error
	again tea.Cmd // what to do about the error
}

// opened is evidence that was read.
type opened struct {
	ref, text string
	err       error
}

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.asks != nil {
			m.typed(strings.Join(strings.Fields(msg.Content), " "))
		}
	case opened:
		m.open[msg.ref] = msg.text
		if msg.err != nil {
			m.open[msg.ref] = msg.err.Error()
		}
	case told:
		return m, m.hear(msg)
	}
	return m, nil
}

// hear takes in what came of a decision.
func (m *Model) hear(t told) tea.Cmd {
	m.busy = false
	if t.p != nil {
		m.here[t.p.ID] = true
	}
	if err := m.reload(); err != nil && t.err == nil {
		t.err = err
	}
	switch {
	case t.err == nil:
		m.say, m.bad = t.done, false
	case errors.Is(t.err, rules.ErrMoved):
		m.reading, m.top = true, 0
		m.say, m.bad = fmt.Sprintf("%s has changed since: this is the proposal made anew; nothing was applied", t.p.Target), true
	default:
		m.fail(t.err)
	}
	return t.again
}

func (m *Model) fail(err error) { m.say, m.bad = strings.Join(strings.Fields(err.Error()), " "), true }

// decide carries out a decision on the chosen proposal. In what it says when it
// is done, FILE is the proposal's.
func (m *Model) decide(done string, f func(id string) (*rules.Proposal, error)) tea.Cmd {
	id := m.chosen().ID
	m.busy = true
	return func() tea.Msg {
		p, err := f(id)
		t := told{p: p, err: err}
		if err == nil {
			t.done = fmt.Sprintf("%s %s", p.ID, strings.ReplaceAll(done, "FILE", p.File()))
		}
		return t
	}
}

// press carries out a key.
func (m *Model) press(k tea.KeyPressMsg) tea.Cmd {
	key := k.String()
	if key == "ctrl+c" {
		return tea.Quit
	}
	if m.asks != nil {
		return m.answer(k)
	}
	m.say, m.bad = "", false
	if m.help {
		m.help = false
		return nil
	}
	if m.move(key) {
		return nil
	}
	switch key {
	case "q":
		if m.reading && !m.wide() {
			m.reading = false
			return nil
		}
		return tea.Quit
	case "esc", "left", "h":
		m.back()
	case "?":
		m.help = true
	case "/":
		m.reading = false
		m.asks = &question{ask: "filter: ", text: m.filter, live: true, answer: func(m *Model, text string) tea.Cmd { m.narrow(text); return nil }}
	case "v":
		m.decided = !m.decided
		m.clamp()
	default:
		if m.chosen() != nil {
			return m.act(key)
		}
	}
	return nil
}

func (m *Model) back() {
	switch {
	case m.reading:
		m.reading = false
	case m.filter != "":
		m.narrow("")
	}
}

func (m *Model) narrow(filter string) {
	chosen := m.chosen()
	m.filter, m.at = filter, 0
	if chosen != nil {
		m.choose(chosen.ID)
	}
	m.clamp()
	m.fresh()
}

// move carries out keys that move; it reports whether the key is one.
func (m *Model) move(key string) bool {
	by, page := 0, max(1, m.bodyHeight()-2)
	switch key {
	case "down", "j", "n":
		by = 1
	case "up", "k", "p":
		by = -1
	case "pgdown", "space", "ctrl+f", "ctrl+d":
		by = page
	case "pgup", "ctrl+b", "ctrl+u":
		by = -page
	case "home", "g":
		by = -1 << 20
	case "end", "G":
		by = 1 << 20
	default:
		return false
	}
	if m.reading && key != "n" && key != "p" {
		m.top = max(0, min(m.top+by, len(m.detail(m.detailWidth()))-m.bodyHeight()))
		return true
	}
	was := m.at
	m.at += by
	m.clamp()
	if m.at != was {
		m.fresh()
	}
	return true
}

// fresh forgets what was looked at in the proposal before.
func (m *Model) fresh() { m.top, m.mark = 0, -1 }

// act carries out a key that is about the chosen proposal.
func (m *Model) act(key string) tea.Cmd {
	p := m.chosen()
	if m.busy && strings.Contains("aersu", key) {
		return nil // one after the other
	}
	switch key {
	case "enter", "right", "l":
		if !m.reading {
			m.reading = true
			return nil
		}
		if key == "enter" {
			return m.toggle(max(0, m.mark))
		}
	case "tab":
		m.walk(1)
	case "shift+tab":
		m.walk(-1)
	case "1", "2", "3", "4", "5", "6", "7", "8", "9":
		n, _ := strconv.Atoi(key)
		m.reading = true
		return m.toggle(n - 1)
	case "a":
		return m.accept(p)
	case "e":
		return m.edit(p)
	case "r":
		m.asks = &question{ask: "reject, because (may be empty): ", answer: func(m *Model, reason string) tea.Cmd {
			return m.decide("rejected: it comes back only when its evidence has doubled", func(id string) (*rules.Proposal, error) { return m.desk.Reject(id, reason) })
		}}
	case "s":
		m.asks = &question{ask: "put off, for how many days: ", text: "7", answer: snooze}
	case "u":
		return m.decide("undone: FILE", func(id string) (*rules.Proposal, error) { return m.desk.Undo(id) })
	}
	return nil
}

func snooze(m *Model, text string) tea.Cmd {
	days, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || days < 1 {
		m.say, m.bad = fmt.Sprintf("%q is not a number of days", text), true
		return nil
	}
	return m.decide(fmt.Sprintf("put off for %s", plural(days, "day")), func(id string) (*rules.Proposal, error) { return m.desk.Snooze(id, days) })
}

// accept accepts a proposal whose diff is on the screen.
func (m *Model) accept(p *rules.Proposal) tea.Cmd {
	if !m.reading && !m.wide() {
		m.reading, m.top = true, 0
		m.say = "this is what it changes: a again accepts it"
		return nil
	}
	if p.Root != "" || p.Status == rules.Accepted {
		return m.apply("")
	}
	m.asks = &question{ask: fmt.Sprintf("no checkout of %s is known here; its folder: ", p.Project), answer: func(m *Model, root string) tea.Cmd {
		if root == "" {
			return nil
		}
		return m.apply(root)
	}}
	return nil
}

func (m *Model) apply(root string) tea.Cmd {
	return m.decide("accepted (u undoes it): FILE", func(id string) (*rules.Proposal, error) { return m.desk.Accept(id, root) })
}

// edit opens the proposal in an editor, in place of the interface.
func (m *Model) edit(p *rules.Proposal) tea.Cmd {
	cmd, keep, err := m.desk.Edit(p.ID)
	if err != nil {
		m.fail(err)
		return nil
	}
	m.busy = true
	return runEditor(cmd, func(err error) tea.Msg {
		p, err := keep(err)
		if err != nil {
			return told{p: p, err: err}
		}
		return told{p: p, done: p.ID + " now says: " + p.Rule}
	})
}

// runEditor hands the terminal over; a test has none.
var runEditor = func(cmd *exec.Cmd, f tea.ExecCallback) tea.Cmd { return tea.ExecProcess(cmd, f) }

// walk chooses the next piece of evidence, and brings it onto the screen.
func (m *Model) walk(by int) {
	n := len(m.chosen().Evidence)
	if n == 0 {
		return
	}
	m.reading = true
	m.mark = (max(m.mark, -by) + by + n) % n
	m.showMark()
}

// toggle opens a piece of evidence in place, or closes it.
func (m *Model) toggle(n int) tea.Cmd {
	p := m.chosen()
	if n >= len(p.Evidence) {
		return nil
	}
	m.mark = n
	ref := p.Evidence[n].Ref
	if _, ok := m.open[ref]; ok {
		delete(m.open, ref)
		m.showMark()
		return nil
	}
	m.open[ref] = "reading …"
	m.showMark()
	return func() tea.Msg {
		text, err := m.desk.Evidence(ref)
		return opened{ref, text, err}
	}
}

// showMark scrolls to the chosen piece of evidence.
func (m *Model) showMark() {
	lines := m.detail(m.detailWidth())
	at := slices.IndexFunc(lines, func(l line) bool { return l.mark == m.mark+1 })
	if at >= 0 && (at < m.top || at > m.top+m.bodyHeight()/2) {
		m.top = max(0, min(at-1, len(lines)-1))
	}
}

// answer takes a key into the question.
func (m *Model) answer(k tea.KeyPressMsg) tea.Cmd {
	q := m.asks
	switch k.String() {
	case "esc":
		m.asks = nil
		if q.live {
			m.narrow("")
		}
	case "enter":
		m.asks = nil
		return q.answer(m, strings.TrimSpace(q.text))
	case "backspace":
		if r := []rune(q.text); len(r) > 0 {
			q.text = ""
			m.typed(string(r[:len(r)-1]))
		}
	case "ctrl+u":
		q.text = ""
		m.typed("")
	default:
		m.typed(k.Key().Text)
	}
	return nil
}

func (m *Model) typed(text string) {
	m.asks.text += text
	if m.asks.live {
		m.narrow(m.asks.text)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
