package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"lode/session"
	"lode/session/redact"
)

// Options say what a run reads and where it keeps it.
type Options struct {
	Where
	State string         // the state folder
	Store *session.Store // where sessions go
	// Redact says what is replaced in all that is kept.
	Redact redact.Rules
	// Checkout looks up the working tree that a folder belongs to, and the
	// name of its remote; nil means not to look at the disk.
	Checkout func(dir string) (root, remote string)
	// Progress is told how many bytes of how many have been read; may be nil.
	Progress func(done, total int64)
}

// Result says what a run did.
type Result struct {
	Looked  []Looked `json:"-"`
	Found   int      `json:"found"`   // files in the places and roots
	Read    int      `json:"read"`    // files that were read now
	Skipped int      `json:"skipped"` // files that are no transcripts or not read, now and before
	Gone    int      `json:"gone"`    // files known before that are no longer there
	Changed []string `json:"changed"` // names of sessions that are new or differ
	Removed []string `json:"removed"` // names of sessions that turned out to be copies of others
}

// Any reports whether the store changed.
func (r *Result) Any() bool { return len(r.Changed)+len(r.Removed) > 0 }

// checkpointBytes is how much is read between two writes of the catalog, so
// that a run that is killed need not be repeated from its start.
const checkpointBytes = 256 << 20

// Run reads what changed since the last run. The caller holds the state's lock.
func Run(ctx context.Context, o Options) (Result, error) {
	cat, err := LoadCatalog(o.State)
	if err != nil {
		return Result{}, err
	}
	r := &runner{Options: o, cat: cat, changed: make(map[held]bool), unfinished: make(map[string]bool), before: make(map[string]string)}
	r.copies = &copies{ctx: ctx, root: o.State}
	defer r.copies.close()
	for name, info := range cat.Sessions {
		r.before[name] = info.Digest
	}
	for path, s := range cat.Sources {
		r.unfinished[path] = s.Unjoined
	}
	found, looked := Discover(o.Where)
	r.res.Looked, r.res.Found = looked, len(found)
	work := r.pick(found)
	if len(work) == 0 && !r.dirty && !r.unjoined() && !r.outdated() {
		return r.finish(), nil
	}
	if len(work) > 0 || r.unjoined() {
		if !cat.loadKeys() {
			work = r.allOf(found)
		}
		if err := r.read(ctx, work); err != nil {
			return r.res, errors.Join(err, r.save())
		}
		if err := r.join(ctx); err != nil {
			return r.res, err
		}
	}
	if err := r.redactKept(); err != nil {
		return r.res, errors.Join(err, r.save())
	}
	return r.finish(), r.save()
}

// outdated reports whether a session is stored by other redaction rules.
func (r *runner) outdated() bool {
	for _, info := range r.cat.Sessions {
		if info.Redaction != r.Redact.Version() {
			return true
		}
	}
	return false
}

// redactKept applies new redaction rules to stored sessions whose sources are
// gone, and can therefore not be read again.
func (r *runner) redactKept() error {
	if !r.outdated() {
		return nil
	}
	for _, s := range r.cat.Sources {
		if s.Gone {
			s.Report.forgetExcerpts()
		}
		for _, p := range s.Parts {
			if s.Gone || p.Gone {
				p.Report.forgetExcerpts()
			}
		}
	}
	for name, info := range r.cat.Sessions {
		if info.Redaction == r.Redact.Version() || !r.Store.Has(info.Agent, info.ID) {
			continue
		}
		s, err := r.Store.Read(info.Agent, info.ID)
		if err != nil {
			return err
		}
		d := newDraft("", formatNamed(info.Agent))
		d.redact = r.Redact
		for i := range s.Events {
			e := &s.Events[i]
			e.Text, e.Command, e.Dir = d.safe(s, e.Text), d.safe(s, e.Command), d.safe(s, e.Dir)
		}
		for _, in := range s.Instructions {
			for i := range in.Lines {
				in.Lines[i] = d.safe(s, in.Lines[i])
			}
		}
		d.safeHeader(s)
		s.Title = wholeWords(s.Title)
		s.Redaction = r.Redact.Version()
		if r.cat.Sessions[name], err = r.store(s); err != nil {
			return err
		}
		r.dirty = true
	}
	return nil
}

// forgetExcerpts leaves of the errors of a source that is gone what was wrong,
// without the record: a secret that an excerpt cuts off is not recognised.
func (r *Report) forgetExcerpts() {
	for i := range r.Bad {
		r.Bad[i].Err, _, _ = strings.Cut(r.Bad[i].Err, ": ")
	}
}

// wholeWords takes the last word off a title that was cut in it, unless it is
// too short for the beginning of a secret.
func wholeWords(title string) string {
	cut, ok := strings.CutSuffix(title, "…")
	if last := strings.LastIndexByte(cut, ' ') + 1; ok && len(cut)-last >= 12 {
		return strings.TrimSpace(cut[:last]) + "…"
	}
	return title
}

// held is a session in a source.
type held struct{ path, session string }

type runner struct {
	Options
	cat     *Catalog
	copies  *copies
	res     Result
	dirty   bool          // the catalog differs from the one on disk
	changed map[held]bool // what was read now
	// unfinished are the paths of sources that an earlier run read and did not
	// come to join.
	unfinished map[string]bool
	files      map[string]string
	before     map[string]string // digests of the sessions at the start

	mu       sync.Mutex
	done     int64
	total    int64
	unsaved  int64
	firstErr error
}

func (r *runner) save() error {
	err := r.cat.save()
	if err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	r.dirty = false
	return nil
}

// pick compares the files found with the catalog, marks what is gone, and
// returns what must be read.
func (r *runner) pick(found []Candidate) []Candidate {
	r.files = make(map[string]string, len(found))
	var work []Candidate
	for _, c := range found {
		r.files[c.Path] = c.File
		r.absorb(c.Beside)
		old := r.cat.Sources[c.Path]
		switch {
		case c.Err != nil:
			r.skip(c, reason(c.Err))
		case old != nil && !old.Gone && r.same(old, &c):
		default: // one that came back is read again: its family was joined without it
			work = append(work, c)
		}
	}
	for path, s := range r.cat.Sources {
		if r.files[path] == "" && !s.Gone && r.vanished(path) {
			s.Gone, r.dirty = true, true
			if len(s.Sessions) == 0 {
				delete(r.cat.Sources, path)
			}
		}
	}
	for name, info := range r.cat.Sessions {
		if !r.Store.Has(info.Agent, info.ID) && !slices.ContainsFunc(info.Sources, r.there) {
			delete(r.cat.Sessions, name) // neither stored nor to be read again
			r.dirty = true
		}
	}
	return work
}

// absorb forgets files that were passed over on their own before the one that
// they belong to was there.
func (r *runner) absorb(beside []string) {
	for _, path := range beside {
		if s := r.cat.Sources[path]; s != nil && len(s.Sessions) == 0 {
			delete(r.cat.Sources, path)
			r.dirty = true
		}
	}
}

func (r *runner) there(s session.Source) bool {
	src := r.cat.Sources[s.Path]
	return src != nil && !src.Gone
}

// vanished reports whether a source is no longer there, rather than in a
// folder that could not be listed or is not among the roots of this run.
func (r *runner) vanished(path string) bool {
	file := filepath.FromSlash(path)
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.Home, file)
	}
	_, err := os.Lstat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// same reports whether a source need not be read again: neither it nor the
// rules for reading it have changed, and what came of it is still stored.
func (r *runner) same(old *Source, c *Candidate) bool {
	if old.Skipped != "" && old.Parser != formatsVersion() {
		return false
	}
	if f := formatFor(old); f != nil && len(old.Sessions) > 0 {
		if old.Parser != f.Version || old.Beside != f.besideState(c.File) {
			return false
		}
		if slices.ContainsFunc(old.Sessions, func(name string) bool {
			_, known := r.cat.Sessions[name]
			return !r.current(name) && (known || !old.Head)
		}) {
			return false
		}
	}
	if old.Size == c.Size && old.MTime == c.MTime {
		return true
	}
	if old.Size != c.Size || old.Sum == "" {
		return false
	}
	sum, err := headTailSum(c.File, c.Size)
	if err != nil || sum != old.Sum {
		return false
	}
	old.MTime, r.dirty = c.MTime, true // only touched
	return true
}

// current reports whether a session is stored by the rules of today.
func (r *runner) current(name string) bool {
	info, ok := r.cat.Sessions[name]
	return ok && info.Redaction == r.Redact.Version() && info.V == session.StoreVersion && r.Store.Has(info.Agent, info.ID)
}

const sumLen = 4 << 10

// headTailSum hashes the first and the last 4 KB of a file.
func headTailSum(file string, size int64) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(h, f, min(size, sumLen)); err != nil {
		return "", err
	}
	if size > sumLen {
		if _, err := f.Seek(max(sumLen, size-sumLen), io.SeekStart); err != nil {
			return "", err
		}
		if _, err := io.CopyN(h, f, size-max(sumLen, size-sumLen)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// skip records that a file is not read, and why. A source that was read
// before keeps its sessions.
func (r *runner) skip(c Candidate, why string) {
	old := r.cat.Sources[c.Path]
	s := &Source{Path: c.Path, Agent: c.Agent, Size: c.Size, MTime: c.MTime, Parser: formatsVersion(), Skipped: why}
	if old != nil && len(old.Sessions) > 0 {
		s.Sessions, s.Agent, s.Parts = old.Sessions, old.Agent, old.Parts
	}
	if old != nil && old.Skipped == why && old.Parser == s.Parser && old.Size == c.Size && old.MTime == c.MTime {
		return
	}
	r.cat.Sources[c.Path], r.dirty = s, true
}

func (r *runner) allOf(found []Candidate) []Candidate {
	return slices.DeleteFunc(slices.Clone(found), func(c Candidate) bool { return c.Err != nil })
}

func (r *runner) unjoined() bool {
	for _, s := range r.cat.Sources {
		if s.Unjoined {
			return true
		}
	}
	return false
}

// read reads sources in parallel and stores each session as far as its one
// source tells it; join puts right what stands in several sources.
func (r *runner) read(ctx context.Context, work []Candidate) error {
	for _, c := range work {
		r.total += c.Size
	}
	// The largest first: a big file that starts last would leave one worker alone.
	slices.SortFunc(work, func(a, b Candidate) int {
		if a.Size != b.Size {
			return int(min(max(b.Size-a.Size, -1), 1))
		}
		return compare(a.Path, b.Path)
	})
	next := make(chan Candidate)
	var wg sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for c := range next {
				r.one(c)
			}
		})
	}
feed:
	for _, c := range work {
		select {
		case <-ctx.Done():
			break feed
		case next <- c:
		}
		if r.failed() != nil {
			break
		}
	}
	close(next)
	wg.Wait()
	return errors.Join(ctx.Err(), r.failed())
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r *runner) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.firstErr
}

// one reads a source and stores what it holds. Only an error in writing stops
// the run; a source that cannot be read is recorded so.
func (r *runner) one(c Candidate) {
	in := r.intake(c)
	d, err := parse(c, r.copies, in.open)
	if err != nil && r.copies.ctx.Err() != nil {
		return // the run was stopped within a database
	}
	if d != nil && !d.db {
		for _, s := range d.finish() {
			in.take(s)
		}
		in.checksum()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += c.Size
	if r.Progress != nil {
		r.Progress(r.done, r.total)
	}
	if d == nil {
		if isDatabaseError(err) {
			c.MTime = 0 // the next run tries again, changed or not
		}
		r.skip(c, why(c, err))
		return
	}
	if len(in.names) == 0 && err == nil && in.old != nil && len(in.old.Sessions) > 0 {
		r.skip(c, "holds no session any more; the one read before is kept")
		return
	}
	s := in.source(d, err)
	r.cat.Sources[c.Path], r.cat.keys[c.Path] = s, in.keys
	r.res.Read++
	r.dirty = true
	if r.unsaved += c.Size; r.unsaved > checkpointBytes && r.firstErr == nil {
		r.unsaved = 0
		r.fail(r.save())
	}
}

// why says in words why a candidate is not read.
func why(c Candidate, err error) string {
	switch {
	case err != nil:
		return reason(err)
	case c.Size == 0:
		return "empty"
	case c.Agent != "" && formatNamed(c.Agent) == nil:
		return c.Agent + ": " + notRead
	}
	return "no transcript of an agent that lode reads"
}

// shared reports whether a session is known from another source: then only
// join can tell what it holds.
func (r *runner) shared(name, path string) bool {
	return slices.ContainsFunc(r.cat.Sessions[name].Sources, func(src session.Source) bool { return src.Path != path })
}

func (r *runner) keep(infos []session.Info, err error) {
	for _, info := range infos {
		r.cat.Sessions[info.Name()] = info
	}
	r.fail(err)
}

func (r *runner) fail(err error) {
	if r.firstErr == nil {
		r.firstErr = err
	}
}

// write stores sessions; one without events waits for the source that has them.
func (r *runner) write(sessions []*session.Session) ([]session.Info, error) {
	infos := make([]session.Info, 0, len(sessions))
	for _, s := range sessions {
		if len(s.Events) == 0 {
			continue
		}
		if r.Checkout != nil && s.Cwd != "" {
			if rest, ok := strings.CutPrefix(s.Cwd, "~/"); ok { // known by where the transcript lies
				s.Cwd = filepath.Join(r.Home, rest)
			}
			root, remote := r.Checkout(s.Cwd)
			s.Checkout = root
			if s.Remote == "" {
				s.Remote = remote
			}
		}
		info, err := r.store(s)
		if err != nil {
			return infos, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// store writes a session and returns it as the catalog lists it.
func (r *runner) store(s *session.Session) (session.Info, error) {
	info, err := r.Store.Write(s)
	info.Instructions = slices.Clone(info.Instructions)
	for i := range info.Instructions {
		info.Instructions[i].Lines = nil // the store has them
	}
	return info, err
}

// parse reads a source; open is given the draft before. A nil draft means that
// the source is not a transcript, or, with an error, that it could not be opened.
func parse(c Candidate, dbs *copies, open func(*Draft)) (*Draft, error) {
	start, err := head(c.File)
	if err != nil {
		return nil, err
	}
	if isSQLite(start) {
		return parseDB(c, dbs, open)
	}
	f := FormatOf(start)
	if f == nil {
		return nil, nil
	}
	in, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := newDraft(c.Path, f)
	open(d)
	return d, f.Parse(&Input{Path: c.Path, File: c.File, Size: c.Size, Reader: in}, d)
}

func parseDB(c Candidate, dbs *copies, open func(*Draft)) (*Draft, error) {
	if s, ok := glance(dbs.ctx, c.File); ok && formatOfDB(s, c.Agent) == nil {
		return nil, nil
	}
	db, err := dbs.database(c.File)
	if err != nil {
		return nil, databaseError{err}
	}
	f := formatOfDB(db.schema, c.Agent)
	if f == nil {
		dbs.forget(c.File)
		return nil, nil
	}
	d := newDraft(c.Path, f)
	d.db = true
	open(d)
	err = f.ReadDB(db, d)
	return d, errors.Join(err, d.partial())
}

// finish works out what changed.
func (r *runner) finish() Result {
	for name, info := range r.cat.Sessions {
		if r.before[name] != info.Digest {
			r.res.Changed = append(r.res.Changed, name)
		}
	}
	for name := range r.before {
		if _, ok := r.cat.Sessions[name]; !ok {
			r.res.Removed = append(r.res.Removed, name)
		}
	}
	slices.Sort(r.res.Changed)
	slices.Sort(r.res.Removed)
	for _, s := range r.cat.Sources {
		if s.Skipped != "" {
			r.res.Skipped++
		}
		if s.Gone {
			r.res.Gone++
		}
	}
	return r.res
}
