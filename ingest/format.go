// Package ingest finds the transcripts that coding agents leave behind and
// turns them into sessions.
//
// A Format knows one agent: where its files lie, how to recognise one by its
// content, and how to read it. Discover looks in the known places and in the
// folders it is given; Run reads what changed since the last time, joins the
// files of one session, and keeps the catalog: which sources there are, which
// sessions came of them, and everything that was not read and why. The
// catalog is <state>/catalog.jsonl; the sessions go to the store of package
// session.
package ingest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lode/session"
	"lode/session/redact"
)

// Format is an agent's transcript format, in all its generations.
type Format struct {
	Name    string // the agent
	Doc     string // one sentence for listings
	Version int    // of the parser; raising it makes every source be read again

	// For the page of formats: which versions of the agent were seen, what of
	// their records is left out on purpose, and what the parser was checked
	// against.
	Seen, Skips, Checked string

	// Unverified says that the parser was written from descriptions of the
	// format alone, and has not read a real transcript yet.
	Unverified bool

	// Variants are further agents that keep the same format. Where a file
	// lies tells which agent's it is.
	Variants []Variant

	// Env names the variable that moves the agent's folder away from Home, and
	// Home the folder it stands for, relative to the user's home folder.
	Env, Home string

	// Places are globs of transcripts, relative to the user's home folder.
	Places []string

	// Beside names files, relative to a transcript's folder, that its parser
	// reads too. When they change, the transcript is read again.
	Beside []string

	// Sniff reports whether a file that starts with head is in this format. It
	// must not accept a file of another format.
	Sniff func(head []byte) bool

	// Parse reads a whole source into the draft. Bad records are reported to
	// the draft and passed over; an error means that the source could not be
	// read to its end.
	Parse func(in *Input, d *Draft) error

	// Within lists the files that a source consists of besides itself, where
	// an agent writes a session into many. They are read with it, not alone.
	Within func(file string) []string

	// Holds reports whether a SQLite database is the agent's, and ReadDB reads
	// one, each of its sessions by way of Draft.part. Agents without databases
	// have neither, and those with nothing else have no Sniff and no Parse.
	Holds  func(s schema) bool
	ReadDB func(db *database, d *Draft) error
}

// Variant is an agent that keeps the format of another.
type Variant struct {
	Name string
	Mark string // a part of the paths of its files
}

// agentOf returns the agent that a file is of.
func (f *Format) agentOf(path string) string {
	for _, v := range f.Variants {
		if strings.Contains(path, v.Mark) {
			return v.Name
		}
	}
	return f.Name
}

// Formats lists the agents whose transcripts are read.
// The Markdown formats come first: they are known by their first lines, and can
// hold anything below.
var Formats = []Format{specStory, aider, amp, atif, claude, cline, codex, continueDev, copilot, copilotChat, crush, cursor, droid, gemini, goose, kiro, miniSWEAgent, omp,
	opencode, kiloCLI, openhands, pi, qwen, sessionJSON, sweAgent, zed}

// FormatOf returns the format that recognises a file by its first bytes.
func FormatOf(head []byte) *Format {
	for i := range Formats {
		if f := &Formats[i]; f.Sniff != nil && f.Sniff(head) {
			return f
		}
	}
	return nil
}

// formatNamed returns the format of an agent; one of its own comes before one
// that it shares.
func formatNamed(name string) *Format {
	for i := range Formats {
		if Formats[i].Name == name {
			return &Formats[i]
		}
	}
	for i := range Formats {
		if slices.ContainsFunc(Formats[i].Variants, func(v Variant) bool { return v.Name == name }) {
			return &Formats[i]
		}
	}
	return nil
}

// formatFor returns the format that a source of the catalog was read in.
func formatFor(s *Source) *Format {
	for i := range Formats {
		if f := &Formats[i]; len(f.Variants) > 0 && f.agentOf(s.Path) == s.Agent && s.Agent != f.Name {
			return f
		}
	}
	return formatNamed(s.Agent)
}

// formatsVersion changes with every new format or parser: what was skipped
// before may be read now.
func formatsVersion() int {
	v := 0
	for i := range Formats {
		v += 1000 + Formats[i].Version
	}
	return v
}

// Input is a source as a parser sees it.
type Input struct {
	Path string // as in the catalog: relative to the home folder, with slashes
	File string // where it lies, for those with files beside them; may be empty
	Size int64  // about; 0 where it is not known
	io.Reader
}

// besideState tells the files beside a transcript from what they were before.
func (f *Format) besideState(file string) string {
	var b strings.Builder
	for _, name := range f.Beside {
		if info, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(name))); err == nil {
			fmt.Fprintf(&b, "%s %d %d;", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// maxBeside bounds the files that are read beside a source.
const maxBeside = 64 << 20

// beside returns the content of a file in the source's folder, which tells more
// of what the source holds; nothing when there is none.
func (in *Input) beside(name string) []byte {
	if in.File == "" {
		return nil
	}
	file := filepath.Join(filepath.Dir(in.File), filepath.FromSlash(name))
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > maxBeside {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return text
}

// Draft collects what a parser finds in one source: sessions, or the parts of
// sessions that this source holds, and the report on its records.
type Draft struct {
	Report
	path     string
	format   *Format
	db       bool   // the source is a database
	lines    *lines // of the source, when it is a document of several
	redact   redact.Rules
	sessions map[string]*session.Session
	order    []string
	heads    map[*session.Session]bool // those whose events stand in other sources

	// Of databases: asks says whether a session is to be read, and takes gets
	// it when it has been. Without them all are read, and kept.
	asks  func(id, mark string) bool
	takes func(id string, report Report, sessions []*session.Session)
	lost  int   // sessions that could not be read
	why   error // the first of them
}

// Report says how reading a source went.
type Report struct {
	Records int            `json:"records,omitempty"`
	Unknown map[string]int `json:"unknown,omitempty"` // record types that no parser knows, passed over
	Bad     []BadRecord    `json:"bad,omitempty"`     // the first ones; BadMore counts the others
	BadMore int            `json:"bad_more,omitempty"`
	Partial bool           `json:"partial,omitempty"` // the last record is only half there, as in a session that goes on
}

// BadRecord is a record that could not be read.
type BadRecord struct {
	Line int    `json:"line"` // 1-based line or 0-based index
	Err  string `json:"err"`
}

const maxBadRecords = 20

// BadRecords returns how many records could not be read.
func (r *Report) BadRecords() int { return len(r.Bad) + r.BadMore }

// add adds up the reports on the sessions of a database.
func (r *Report) add(part *Report) {
	r.Records += part.Records
	r.Unknown = addCounts(r.Unknown, part.Unknown)
	for _, b := range part.Bad {
		if len(r.Bad) < maxBadRecords {
			r.Bad = append(r.Bad, b)
		} else {
			r.BadMore++
		}
	}
	r.BadMore += part.BadMore
	r.Partial = r.Partial || part.Partial
}

func newDraft(path string, f *Format) *Draft {
	return &Draft{path: path, format: f, sessions: make(map[string]*session.Session)}
}

// bad reports a record that cannot be read.
func (d *Draft) bad(line int, err string) {
	if len(d.Report.Bad) >= maxBadRecords {
		d.BadMore++
		return
	}
	d.Report.Bad = append(d.Report.Bad, BadRecord{Line: line, Err: err})
}

// unknown counts a record of a type that the parser does not know.
func (d *Draft) unknown(kind string) {
	if d.Unknown == nil {
		d.Unknown = make(map[string]int)
	}
	if len(kind) > 60 || kind == "" {
		kind = "(no type)"
	}
	d.Unknown[session.Clean(kind)]++
}

// session returns the session of an id, started on first use.
func (d *Draft) session(id string) *session.Session {
	id = name(id)
	s := d.sessions[id]
	if s == nil {
		s = &session.Session{Header: session.Header{Agent: d.format.agentOf(d.path), ID: id, Parser: d.format.Version, Redaction: d.redact.Version()}}
		s.Sources = []session.Source{{Path: d.path}}
		d.sessions[id] = s
		d.order = append(d.order, id)
	}
	return s
}

// headOf returns the session of an id of which this source only has what the
// header says; its events stand in other sources.
func (d *Draft) headOf(id string) *session.Session {
	s := d.session(id)
	if d.heads == nil {
		d.heads = make(map[*session.Session]bool)
	}
	d.heads[s] = true
	return s
}

// has reports whether there is a session of an id already.
func (d *Draft) has(id string) bool { return d.sessions[name(id)] != nil }

// part reads a session of a database, if it is to be read. The mark is what
// tells, without reading it, whether it has changed. The session is handed over
// when it was read to its end, so that there is only one in memory; one that
// was not is reported and left out.
func (d *Draft) part(id, mark string, read func() error) {
	if id = name(id); d.asks != nil && !d.asks(id, mark) {
		return
	}
	err := read()
	if err != nil {
		if d.lost++; d.why == nil {
			d.why = err
		}
		delete(d.sessions, id)
		d.order = slices.DeleteFunc(d.order, func(o string) bool { return o == id })
	}
	if d.takes == nil {
		return
	}
	sessions, report := d.finish(), d.Report
	clear(d.sessions)
	d.order, d.Report = nil, Report{}
	if err == nil {
		d.takes(id, report, sessions)
	}
}

// partial says which part of a database could not be read.
func (d *Draft) partial() error {
	if d.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d of its sessions: %w", d.lost, d.why)
}

// name makes an id fit for references: one clean word.
func name(id string) string {
	word := strings.Join(strings.Fields(session.Clean(id)), "-")
	if word == "" {
		return key(id)
	}
	return word
}

// add appends an event to a session. Everything it says is cleaned and
// redacted here, so that no parser can forget it.
func (d *Draft) add(s *session.Session, e session.Event) *session.Event {
	e.Text = d.safe(s, e.Text)
	e.Command = d.safe(s, e.Command)
	e.Dir = d.safe(s, e.Dir)
	e.Tool, e.CallID, e.Of = session.Clean(e.Tool), session.Clean(e.CallID), session.Clean(e.Of)
	s.Events = append(s.Events, e)
	return &s.Events[len(s.Events)-1]
}

// safe makes a text fit to keep: clean and without secrets.
func (d *Draft) safe(s *session.Session, text string) string {
	if text == "" {
		return ""
	}
	return d.redact.Text(session.Clean(text), func(kind string) {
		if s.Secrets == nil {
			s.Secrets = make(map[string]int)
		}
		s.Secrets[kind]++
	})
}

// safeHeader makes what a session's header says fit to keep.
func (d *Draft) safeHeader(s *session.Session) {
	for _, field := range []*string{&s.Title, &s.Model, &s.Version, &s.Branch, &s.Cwd, &s.Remote} {
		*field = d.safe(s, *field)
	}
}

// finish returns the sessions that have events, here or in other sources, with
// their headers cleaned and completed.
func (d *Draft) finish() []*session.Session {
	out := make([]*session.Session, 0, len(d.order))
	for _, id := range d.order {
		s := d.sessions[id]
		if len(s.Events) == 0 && !d.heads[s] {
			continue
		}
		if s.Title == "" {
			s.Title = firstWords(s)
		}
		d.safeHeader(s)
		if math.IsInf(s.Usage.Cost, 0) { // 1e999: JSON could not store it
			s.Usage.Cost = 0
		}
		s.Title = session.Quote(s.Title, 120)
		if s.Instance = session.Clean(s.Instance); s.Parent != "" {
			s.Parent = name(s.Parent)
		}
		switch {
		case begunWith(s, session.OwnMark):
			s.Population = session.Own
		case s.Parent == "" && begunWith(s, session.LoopMark):
			s.Population = session.Loop
		}
		if s.Population == "" {
			s.Population = session.ByUser
		}
		markEchoes(s)
		s.Span()
		out = append(out, s)
	}
	return out
}

// lodeSays reports whether a prompt begins with one of lode's marks; some agents
// put quotes around it.
func lodeSays(e *session.Event, mark string) bool {
	return strings.HasPrefix(strings.TrimLeft(e.Text, "\" \n"), mark)
}

// begunWith reports whether a session was begun by lode with one of its marks:
// before it may stand what the agent's program injects.
func begunWith(s *session.Session, mark string) bool {
	for i := range s.Events {
		e := &s.Events[i]
		if e.Kind == session.User && lodeSays(e, mark) {
			return true
		}
		if e.Kind == session.Agent || e.Kind == session.User && e.Author != session.Injected {
			return false
		}
	}
	return false
}

// firstWords returns what the session was asked first, for want of a title.
func firstWords(s *session.Session) string {
	for i := range s.Events {
		if e := &s.Events[i]; e.Kind == session.User && e.Author != session.Injected {
			return e.Text
		}
	}
	return ""
}

// key makes the identity of an event out of what all its copies share.
func key(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		io.WriteString(h, p)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Sum64()))
}

// parseTime reads an ISO time; one without a zone is taken as UTC. What cannot
// be read, and what no agent can have written, gives the zero time.
func parseTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		if t, err = time.Parse("2006-01-02T15:04:05.999999999", s); err != nil {
			return time.Time{}
		}
	}
	return sane(t)
}

// sane drops times from wrong clocks: before the first coding agents, or
// further ahead than a person's century.
func sane(t time.Time) time.Time {
	if t.Year() < 2015 || t.Year() > 2100 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// unixTime reads seconds since 1970.
func unixTime(sec float64) time.Time {
	if sec <= 0 {
		return time.Time{}
	}
	return sane(time.UnixMilli(int64(sec * 1000)))
}

// unixTimeOf reads seconds or milliseconds since 1970. Which of them tells the
// size: as seconds, the smallest is of the year 5138.
func unixTimeOf(n int64) time.Time {
	if n > 1e11 {
		return unixTime(float64(n) / 1000)
	}
	return unixTime(float64(n))
}

var smallInts = func() (t [256]int) {
	for i := range t {
		t[i] = i
	}
	return t
}()

// exitCode returns a pointer to an exit code without an allocation for the usual ones.
func exitCode(n int) *int {
	if n >= 0 && n < len(smallInts) {
		return &smallInts[n]
	}
	return &n
}

// firstLine returns the text up to its first line break.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// sniffLen is how much of a file its format is recognised by. The first line
// of a rollout alone can pass 16 KB.
const sniffLen = 64 << 10
