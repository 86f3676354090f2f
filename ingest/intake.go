package ingest

import (
	"slices"

	"lode/session"
)

// intake gathers what the reading of one source gives. A session is stored at
// once, so that of a database with thousands only one is in memory; what stands
// in several sources, join puts right.
type intake struct {
	r      *runner
	c      Candidate
	old    *Source // what the catalog knows of the source; may be nil
	format *Format
	names  []string // of the sessions it holds
	keys   sessionKeys
	parts  map[string]Part // of a database, else nil
	marks  map[string]string
	sum    string
	head   bool // it has sessions whose events stand in other sources
}

func (r *runner) intake(c Candidate) *intake {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &intake{r: r, c: c, old: r.cat.Sources[c.Path], keys: make(sessionKeys)}
}

// open prepares the draft of the source.
func (in *intake) open(d *Draft) {
	in.format, d.redact = d.format, in.r.Redact
	if d.db {
		in.parts, in.marks = make(map[string]Part), make(map[string]string)
		d.asks, d.takes = in.asks, in.takes
	}
}

// asks reports whether a session of a database must be read: it is new, or it
// or the rules for reading it have changed.
func (in *intake) asks(id, mark string) bool {
	name := in.format.Name + "/" + id
	in.r.mu.Lock()
	defer in.r.mu.Unlock()
	if part, ok := in.known(name); ok && part.Mark == mark {
		in.carry(name, part)
		return false
	}
	in.marks[name] = mark
	return true
}

// known returns what is known of a session that need only be read when it has
// changed: the database was whole when it was read, and by the rules of today.
func (in *intake) known(name string) (part Part, ok bool) {
	if in.old == nil || in.old.Gone || in.old.Skipped != "" || in.old.Parser != in.format.Version {
		return part, false
	}
	part, ok = in.old.Parts[name]
	return part, ok && !part.Gone && (!in.holds(name) || in.r.current(name))
}

// holds reports whether events of a session were taken from the source before.
func (in *intake) holds(name string) bool {
	if in.old == nil {
		return false
	}
	_, ok := slices.BinarySearch(in.old.Sessions, name)
	return ok
}

// carry keeps what is known of a session that is not read now.
func (in *intake) carry(name string, part Part) {
	in.parts[name] = part
	if in.holds(name) {
		in.names = append(in.names, name)
	}
	if keys, ok := in.r.cat.keys[in.c.Path][name]; ok {
		in.keys[name] = keys
	}
}

// takes gets what reading a session of a database gave: one session, or none
// when nothing in it is an event.
func (in *intake) takes(id string, report Report, sessions []*session.Session) {
	name := in.format.Name + "/" + id
	in.parts[name] = Part{Mark: in.marks[name], Report: report}
	for _, s := range sessions {
		in.take(s)
	}
}

func (in *intake) take(s *session.Session) {
	name := s.Name()
	in.names = append(in.names, name)
	in.keys[name] = eventKeys(s)
	in.head = in.head || len(s.Events) == 0
	in.r.mu.Lock()
	defer in.r.mu.Unlock()
	in.r.changed[held{in.c.Path, name}] = true
	if in.r.shared(name, in.c.Path) {
		return
	}
	in.r.mu.Unlock()
	infos, err := in.r.write([]*session.Session{s})
	in.r.mu.Lock()
	in.r.keep(infos, err)
}

// checksum takes the sum by which a file that was only touched is known. That
// of a database, or of a file with others beside it, would say nothing.
func (in *intake) checksum() {
	if len(in.c.Beside) > 0 {
		return
	}
	if sum, err := headTailSum(in.c.File, in.c.Size); err == nil {
		in.sum = sum // else it changed meanwhile: it is read again next time
	}
}

// source makes the catalog's entry.
func (in *intake) source(d *Draft, err error) *Source {
	s := &Source{Path: in.c.Path, Agent: in.format.agentOf(in.c.Path), Size: in.c.Size, MTime: in.c.MTime, Parser: in.format.Version, Report: d.Report, Unjoined: true}
	if err != nil {
		s.Skipped = "read only in part: " + reason(err)
	}
	s.Sum, s.Head, s.Beside = in.sum, in.head, in.format.besideState(in.c.File)
	if d.db {
		in.keepGone()
		s.Parts = in.parts
		for _, name := range sortedKeys(in.parts) {
			if part := in.parts[name]; !part.Gone {
				s.Report.add(&part.Report)
			}
		}
	}
	slices.Sort(in.names)
	s.Sessions = slices.Compact(in.names)
	return s
}

// keepGone keeps the sessions that the database held before: agents delete
// old ones, and a damaged database may have lost them.
func (in *intake) keepGone() {
	if in.old == nil {
		return
	}
	for _, name := range in.old.Sessions {
		part, isPart := in.old.Parts[name]
		if !isPart { // it only has copies of events here
			in.names = append(in.names, name)
		} else if _, read := in.parts[name]; !read {
			part.Gone, part.Mark = true, ""
			in.carry(name, part)
		}
	}
}
