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

// join finds sources that belong together: files of one session, forks that
// repeat their parent's history, and copies. Sources that share a session or
// an event are a family; every family with a source that was read now is read
// again as a whole and merged, so that the result does not depend on the order
// in which its files appeared.
func (r *runner) join(ctx context.Context) error {
	for _, family := range r.families() {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, r.save())
		}
		if err := r.joinFamily(family); err != nil {
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

// families returns the families that need merging, each sorted by path.
func (r *runner) families() [][]string {
	u := union{parent: make(map[string]string)}
	bySession := make(map[string]string)
	byKey := make(map[uint64]string)
	for _, path := range sortedKeys(r.cat.Sources) {
		s := r.cat.Sources[path]
		for _, name := range s.Sessions {
			if other, ok := bySession[name]; ok {
				u.join(other, path)
			} else {
				bySession[name] = path
			}
		}
		for _, k := range r.cat.keys[path] {
			if other, ok := byKey[k]; !ok {
				byKey[k] = path
			} else if other != path {
				u.join(other, path)
			}
		}
	}
	groups := make(map[string][]string)
	for path := range u.parent {
		groups[u.find(path)] = append(groups[u.find(path)], path)
	}
	var out [][]string
	for _, g := range groups {
		slices.Sort(g)
		if slices.ContainsFunc(g, func(p string) bool { return r.changed[p] || r.cat.Sources[p].Unjoined }) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b []string) int { return compare(a[0], b[0]) })
	return out
}

// union is a union-find over paths; only paths that were joined are in it.
type union struct{ parent map[string]string }

func (u *union) find(p string) string {
	for u.parent[p] != "" && u.parent[p] != p {
		p = u.parent[p]
	}
	return p
}

func (u *union) join(a, b string) {
	ra, rb := u.find(a), u.find(b)
	if ra > rb {
		ra, rb = rb, ra
	}
	u.parent[ra], u.parent[rb] = ra, ra
	if u.parent[a] == "" {
		u.parent[a] = ra
	}
	if u.parent[b] == "" {
		u.parent[b] = ra
	}
}

// joinFamily reads the sources of a family again and stores what they hold
// together. Events of sources that are gone, or can no longer be read, are
// taken from the store.
func (r *runner) joinFamily(family []string) error {
	var parts []*session.Session
	stale := make(map[string]bool)
	for _, path := range family {
		s := r.cat.Sources[path]
		for _, name := range s.Sessions {
			stale[name] = true
		}
		file := r.files[path]
		if s.Gone || file == "" || s.Skipped != "" && s.Records == 0 {
			kept, err := r.stored(s)
			if err != nil {
				return err
			}
			parts = append(parts, kept...)
			continue
		}
		d, _, _, err := parse(Candidate{Path: path, File: file, Size: s.Size, MTime: s.MTime})
		if d == nil {
			return fmt.Errorf("reading %s again: %w", path, errors.Join(err, errors.New("it changed meanwhile")))
		}
		parts = append(parts, d.finish()...)
	}
	merged := merge(parts)
	infos, err := r.write(merged)
	r.keep(infos, err)
	if err != nil {
		return err
	}
	held := make(map[string][]string)
	for _, s := range merged {
		delete(stale, s.Name())
		for _, src := range s.Sources {
			held[src.Path] = append(held[src.Path], s.Name())
		}
	}
	for name := range stale {
		if _, ok := r.cat.Sessions[name]; ok {
			r.remove(name)
		}
	}
	for _, path := range family {
		src := r.cat.Sources[path]
		if !src.Head {
			slices.Sort(held[path])
			src.Sessions = slices.Compact(held[path])
		}
		src.Unjoined = false
	}
	r.dirty = true
	return nil
}

// stored returns the parts of sessions that a source gave before it went away.
func (r *runner) stored(src *Source) ([]*session.Session, error) {
	var out []*session.Session
	for _, name := range src.Sessions {
		info, ok := r.cat.Sessions[name]
		if !ok {
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
		for _, e := range s.Events {
			if first := owner[e.Key]; e.Key != "" && first != nil {
				addCopies(ownerSession[e.Key], first, s, &e)
				continue
			}
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

// orderByOrigin sorts sessions so that the one that had an event first comes
// before those that copied it: by start, then by when they first say something
// of their own, then by name.
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
