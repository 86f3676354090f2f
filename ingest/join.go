package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sort"
	"time"

	"lode/session"
)

// join finds sessions that belong together: forks that repeat their parent's
// history, and sessions that stand in several sources, as files that go on in
// another, copies, exports. Sessions that share an event or a source file are a
// family; every family of which something was read now is read again as a
// whole and merged, so that the result does not depend on the order in which
// its sources appeared.
func (r *runner) join(ctx context.Context) error {
	for _, f := range r.families() {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, r.save())
		}
		if err := r.joinFamily(f); err != nil {
			return errors.Join(err, r.save())
		}
	}
	for _, s := range r.cat.Sources {
		s.Unjoined = false
	}
	r.dropOrphans()
	r.dropRenderings()
	return nil
}

// family is a set of sessions that are merged together, and the sources that
// hold them. The sessions of a database are only in one family when they share
// events: a family is held in memory.
type family struct {
	sessions map[string]bool
	paths    []string
}

// families returns the families that need merging, by their first session.
func (r *runner) families() []family {
	u := union{parent: make(map[string]string)}
	seen := make(map[string]bool)
	linked := make(map[string]bool) // sessions with something to merge
	byKey := make(map[uint64]string)
	for _, path := range sortedKeys(r.cat.Sources) {
		names := r.namesIn(path)
		for _, name := range names {
			if u.add(name); r.cat.Sources[path].Parts == nil {
				u.join(name, names[0])
			}
			if seen[name] || r.shared(name, path) {
				linked[name] = true
			}
			seen[name] = true
			for _, k := range r.cat.keys[path][name] {
				if other, ok := byKey[k]; !ok {
					byKey[k] = name
				} else if other != name {
					u.join(other, name)
					linked[name] = true
				}
			}
		}
	}
	return r.unmerged(&u, linked)
}

// namesIn returns the sessions of which a source holds events, its own and
// those that others had first.
func (r *runner) namesIn(path string) []string {
	names := slices.Concat(r.cat.Sources[path].Sessions, sortedKeys(r.cat.keys[path]))
	slices.Sort(names)
	return slices.Compact(names)
}

// unmerged gathers the families that have something to merge, and of which
// something was read now or by a run that ended before it could merge.
func (r *runner) unmerged(u *union, linked map[string]bool) []family {
	needed, news := make(map[string]bool), make(map[string]bool)
	members := make(map[string]*family)
	for _, path := range sortedKeys(r.cat.Sources) {
		for _, name := range r.namesIn(path) {
			root := u.find(name)
			needed[root] = needed[root] || linked[name]
			news[root] = news[root] || r.unfinished[path] || r.changed[held{path, name}]
			if members[root] == nil {
				members[root] = &family{sessions: make(map[string]bool)}
			}
			f := members[root]
			if f.sessions[name] = true; len(f.paths) == 0 || f.paths[len(f.paths)-1] != path {
				f.paths = append(f.paths, path)
			}
		}
	}
	var out []family
	for _, root := range sortedKeys(members) {
		if needed[root] && news[root] {
			out = append(out, *members[root])
		}
	}
	return out
}

// union is a union-find over the names of sessions; each set has its smallest
// name as root.
type union struct{ parent map[string]string }

func (u *union) add(name string) {
	if _, ok := u.parent[name]; !ok {
		u.parent[name] = name
	}
}

func (u *union) find(name string) string {
	for u.parent[name] != name {
		name = u.parent[name]
	}
	return name
}

func (u *union) join(a, b string) {
	ra, rb := u.find(a), u.find(b)
	if ra > rb {
		ra, rb = rb, ra
	}
	u.parent[rb] = ra
}

// joinFamily reads the sessions of a family again and stores what their sources
// hold together. Events of sources that are gone, or can no longer be read, are
// taken from the store.
func (r *runner) joinFamily(f family) error {
	var parts []*session.Session
	for _, path := range f.paths {
		held, err := r.partsIn(path, f)
		if err != nil {
			return err
		}
		parts = append(parts, held...)
	}
	merged := merge(parts)
	infos, err := r.write(merged)
	r.keep(infos, err)
	if err != nil {
		return err
	}
	names := make(map[string]bool)
	heldBy := make(map[string][]string)
	for _, s := range merged {
		names[s.Name()] = true
		for _, src := range s.Sources {
			heldBy[src.Path] = append(heldBy[src.Path], s.Name())
		}
	}
	for _, name := range sortedKeys(f.sessions) {
		if _, ok := r.cat.Sessions[name]; ok && !names[name] {
			r.remove(name)
		}
	}
	for _, path := range f.paths {
		src := r.cat.Sources[path]
		if src.Head {
			continue
		}
		src.Sessions = slices.DeleteFunc(src.Sessions, func(name string) bool { return f.sessions[name] })
		src.Sessions = append(src.Sessions, heldBy[path]...)
		slices.Sort(src.Sessions)
		src.Sessions = slices.Compact(src.Sessions)
	}
	r.dirty = true
	return nil
}

// partsIn returns what a source holds of a family's sessions.
func (r *runner) partsIn(path string, f family) ([]*session.Session, error) {
	s, file := r.cat.Sources[path], r.files[path]
	if s.Gone || file == "" || s.Skipped != "" && s.Records == 0 {
		return r.stored(s, func(name string) bool { return f.sessions[name] })
	}
	c := Candidate{Path: path, File: file, Size: s.Size, MTime: s.MTime, Agent: s.Agent}
	d, err := parse(c, r.copies, func(d *Draft) {
		d.asks = func(id, _ string) bool { return f.sessions[d.format.Name+"/"+id] }
	})
	switch {
	case r.copies.ctx.Err() != nil:
		return nil, r.copies.ctx.Err()
	case isDatabaseError(err): // another program has it now
		c.MTime = 0
		r.skip(c, why(c, err))
		return r.stored(s, func(name string) bool { return f.sessions[name] })
	case d == nil:
		return nil, fmt.Errorf("reading %s again: %w", path, errors.Join(err, errors.New("it changed meanwhile")))
	}
	gone, err := r.stored(s, func(name string) bool { return f.sessions[name] && s.Parts[name].Gone })
	return append(gone, d.finish()...), err
}

// stored returns the parts of sessions that a source gave before it went away.
func (r *runner) stored(src *Source, which func(name string) bool) ([]*session.Session, error) {
	var out []*session.Session
	for _, name := range src.Sessions {
		info, ok := r.cat.Sessions[name]
		if !ok || !which(name) {
			continue
		}
		s, err := r.Store.Read(info.Agent, info.ID)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(s.Sources, func(x session.Source) bool { return x.Path == src.Path })
		if at < 0 {
			continue // the run that read the source ended before it was joined
		}
		part := &session.Session{Header: s.Header}
		part.Sources = []session.Source{s.Sources[at]}
		for _, e := range s.Events {
			if e.Src == at {
				e.Src, e.Part, e.Copies = 0, e.Part%partsPerSource, nil
				part.Events = append(part.Events, e)
			}
		}
		out = append(out, part)
	}
	return out, nil
}

func (r *runner) remove(name string) {
	info := r.cat.Sessions[name]
	r.fail(r.Store.Remove(info.Agent, info.ID))
	delete(r.cat.Sessions, name)
	r.dirty = true
}

// dropOrphans removes sessions that no source holds any more.
func (r *runner) dropOrphans() {
	held := make(map[string]bool)
	for _, s := range r.cat.Sources {
		for _, name := range s.Sessions {
			held[name] = true
		}
	}
	for name := range r.cat.Sessions {
		if !held[name] {
			r.remove(name)
		}
	}
}

// rendered is the reason for files that another tool made of a session.
const rendered = "renders sessions that are read from the agent's own files"

// dropRenderings removes the sessions that other tools made of an agent's own
// where these are known too: otherwise everything in them would count twice.
func (r *runner) dropRenderings() {
	dropped := make(map[string]bool)
	for name, info := range r.cat.Sessions {
		if _, ok := r.cat.Sessions[info.Origin]; ok && info.Origin != name {
			dropped[name] = true
			r.remove(name)
		}
	}
	if len(dropped) == 0 {
		return
	}
	for _, s := range r.cat.Sources {
		before := len(s.Sessions)
		s.Sessions = slices.DeleteFunc(s.Sessions, func(name string) bool { return dropped[name] })
		if before > 0 && len(s.Sessions) == 0 {
			s.Skipped, s.Parser, s.Report = rendered, formatsVersion(), Report{}
		}
	}
}

// merge joins the parts of sessions that the sources of a family hold: each
// event is kept once, by the session that had it first, and knows its other
// places. Parts come with one source each.
func merge(parts []*session.Session) []*session.Session {
	byName := make(map[string][]*session.Session)
	for _, p := range parts {
		byName[p.Name()] = append(byName[p.Name()], p)
	}
	var all []*session.Session
	for _, name := range sortedKeys(byName) {
		all = append(all, mergeParts(byName[name]))
	}
	orderByOrigin(all)
	owner := make(map[string]*session.Event)
	ownerSession := make(map[string]*session.Session)
	for _, s := range all {
		kept := s.Events[:0]
		if toldByEvent(s) {
			s.Usage = session.Usage{} // what copies used counts where they come from
		}
		for _, e := range s.Events {
			if first := owner[e.Key]; e.Key != "" && first != nil {
				addCopies(ownerSession[e.Key], first, s, &e)
				continue
			}
			addUse(&s.Usage, e.Use)
			kept = append(kept, e)
		}
		s.Events = kept
		for i := range s.Events {
			if k := s.Events[i].Key; k != "" {
				owner[k], ownerSession[k] = &s.Events[i], s
			}
		}
	}
	out := slices.DeleteFunc(all, func(s *session.Session) bool { return len(s.Events) == 0 })
	for _, s := range out {
		s.Start, s.End = time.Time{}, time.Time{}
		s.Span()
	}
	return out
}

// toldByEvent reports whether the use of a session is that of its events. Those
// that come from the store tell their output alone.
func toldByEvent(s *session.Session) bool {
	told := false
	for i := range s.Events {
		if e := &s.Events[i]; e.Use != nil {
			told = true
		} else if e.Tokens > 0 {
			return false
		}
	}
	return told
}

// addUse adds to a session's use that of an event, if its parser told it.
func addUse(to, u *session.Usage) {
	if u != nil {
		to.Input, to.Output = to.Input+u.Input, to.Output+u.Output
		to.CacheRead, to.CacheWrite = to.CacheRead+u.CacheRead, to.CacheWrite+u.CacheWrite
	}
}

// orderByOrigin sorts sessions so that the one that had an event first comes
// before those that copied it: by start, then those that are known to have
// begun as a copy, then by when they first say something of their own, then by
// name.
func orderByOrigin(all []*session.Session) {
	count := make(map[string]int)
	for _, s := range all {
		for i := range s.Events {
			count[s.Events[i].Key]++
		}
	}
	own := make(map[*session.Session]time.Time)
	for _, s := range all {
		for i := range s.Events {
			if e := &s.Events[i]; e.Key != "" && count[e.Key] == 1 {
				own[s] = e.Time
				break
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		if !a.Start.Equal(b.Start) {
			return !a.Start.IsZero() && (b.Start.IsZero() || a.Start.Before(b.Start))
		}
		if !a.Forked.Equal(b.Forked) {
			return a.Forked.IsZero() || !b.Forked.IsZero() && a.Forked.Before(b.Forked)
		}
		if !own[a].Equal(own[b]) {
			return own[a].Before(own[b])
		}
		return a.Name() < b.Name()
	})
}

// addCopies notes on an event where another session has it too.
func addCopies(s *session.Session, e *session.Event, other *session.Session, copied *session.Event) {
	places := append([]session.Place{{Src: copied.Src, N: copied.N}}, copied.Copies...)
	for _, p := range places {
		e.Copies = append(e.Copies, session.Place{Src: addSource(s, other.Sources[p.Src]), N: p.N})
	}
}

func addSource(s *session.Session, src session.Source) int {
	for i, have := range s.Sources {
		if have.Path == src.Path {
			return i
		}
	}
	s.Sources = append(s.Sources, src)
	return len(s.Sources) - 1
}

// partsPerSource is above every part number that a parser gives, so that the
// events of a session's second file cannot meet those of its first.
const partsPerSource = 1_000_000

// mergeParts joins the parts of one session. The primary source is the one
// with the most events, then the smallest path.
func mergeParts(parts []*session.Session) *session.Session {
	slices.SortFunc(parts, func(a, b *session.Session) int {
		if len(a.Events) != len(b.Events) {
			return len(b.Events) - len(a.Events)
		}
		return compare(a.Sources[0].Path, b.Sources[0].Path)
	})
	s := parts[0]
	at := make(map[string]int)
	for i := range s.Events {
		at[s.Events[i].Key] = i
	}
	for _, p := range parts[1:] {
		src := addSource(s, p.Sources[0])
		var extra []session.Event
		for _, e := range p.Events {
			if i, ok := at[e.Key]; ok && e.Key != "" {
				s.Events[i].Copies = append(s.Events[i].Copies, session.Place{Src: src, N: e.N})
				continue
			}
			e.Src = src
			if p.Sources[0].Unit != session.EventUnit {
				e.Part += partsPerSource * sourceNumber(p.Sources[0].Path)
			}
			extra = append(extra, e)
		}
		s.Events = interleave(s.Events, extra)
		clear(at)
		for i := range s.Events {
			at[s.Events[i].Key] = i
		}
		mergeHeaders(&s.Header, &p.Header)
	}
	return s
}

// sourceNumber tells the sources of a session apart, whatever others there are.
func sourceNumber(path string) int {
	h := fnv.New32a()
	h.Write([]byte(path))
	return 1 + int(h.Sum32()%999)
}

// interleave merges two runs of events by time; events without one stay behind
// their predecessor.
func interleave(a, b []session.Event) []session.Event {
	out := make([]session.Event, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if b[0].Time.Before(a[0].Time) && !b[0].Time.IsZero() {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	return append(append(out, a...), b...)
}

// mergeHeaders fills in what the primary part does not know. Use is not added
// up: parts repeat it.
func mergeHeaders(to, from *session.Header) {
	for _, f := range []struct{ to, from *string }{
		{&to.Parent, &from.Parent}, {&to.Title, &from.Title}, {&to.Model, &from.Model}, {&to.Branch, &from.Branch},
		{&to.Cwd, &from.Cwd}, {&to.Remote, &from.Remote}, {&to.Instance, &from.Instance}, {&to.Version, &from.Version},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if from.Usage.Output > to.Usage.Output {
		to.Usage = from.Usage
	}
	for _, in := range from.Instructions {
		if !slices.ContainsFunc(to.Instructions, func(x session.Instruction) bool { return x.Path == in.Path && x.Hash == in.Hash }) {
			to.Instructions = append(to.Instructions, in)
		}
	}
	for kind, n := range from.Secrets {
		if to.Secrets == nil {
			to.Secrets = make(map[string]int)
		}
		to.Secrets[kind] = max(to.Secrets[kind], n)
	}
}
