package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/index/scorch/mergeplan"
	"github.com/blevesearch/bleve/v2/search/query"
	renameio "github.com/google/renameio/v2/maybe"
	bolt "go.etcd.io/bbolt/errors"

	"lode/session"
)

// Writer makes the next generation. Nothing of it is seen before Publish.
type Writer struct {
	dir       string
	base      string          // the generation in use, or ""
	damaged   map[string]bool // shards of it that cannot be read
	next      string
	annotate  int
	sessions  map[string]entry // in the generation being made
	shards    map[string]*shard
	changed   bool
	published bool
	docs      int
}

// entry is what a generation knows of a session it holds.
type entry struct {
	Digest string `json:"d"`
	Shard  string `json:"s"`
	Docs   int    `json:"n"`
}

// shard is one bleve index being written. A batch is filled while others are
// written: building a segment keeps one processor busy.
type shard struct {
	ix      bleve.Index
	batch   *bleve.Batch
	bytes   int
	writing chan error // a value for each batch that was written
	under   int        // batches under way
	dir     string
	anew    bool // it is not a clone of one in use
}

// maxWriting is how many batches of a shard are written at once.
const maxWriting = 2

// Batches are bounded by what bleve holds in memory for one.
const (
	batchBytes = 2 << 20
	batchDocs  = 4000
)

// NewWriter prepares the next generation of the index in a folder. annotate is
// the version of the annotations that sessions come with. The caller holds the
// state's lock.
func NewWriter(dir string, annotate int) (*Writer, error) {
	w := &Writer{dir: dir, annotate: annotate, sessions: make(map[string]entry), shards: make(map[string]*shard)}
	base, err := current(dir)
	if errors.Is(err, ErrNone) {
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := readInfo(base)
	if err != nil || info.Schema != SchemaVersion || info.Annotate != annotate {
		return w, nil // damaged or of another time: built anew
	}
	if err := readSessions(base, w.sessions); err != nil {
		w.sessions = make(map[string]entry)
		return w, nil
	}
	w.base, w.docs = base, info.Docs
	return w, w.checkShards()
}

// checkShards forgets the sessions of shards that cannot be read whole, so that
// they are indexed again. A shard that is locked may be in order: an error.
func (w *Writer) checkShards() error {
	docs := make(map[string]int)
	for _, e := range w.sessions {
		docs[e.Shard] += e.Docs
	}
	w.damaged = make(map[string]bool)
	for name, want := range docs {
		got, err := countShard(filepath.Join(w.base, name))
		if errors.Is(err, bolt.ErrTimeout) {
			return fmt.Errorf("index shard %s: %w", name, err)
		}
		if err != nil || got != want {
			w.damaged[name], w.changed = true, true
		}
	}
	for name, e := range w.sessions {
		if w.damaged[e.Shard] {
			delete(w.sessions, name)
			w.docs -= e.Docs
		}
	}
	return nil
}

// countShard returns how many documents a shard has. bleve opens one whose
// newest segments are lost, with what it had before.
func countShard(path string) (int, error) {
	ix, err := openShard(path)
	if err != nil {
		return 0, err
	}
	defer ix.Close()
	n, err := ix.DocCount()
	return int(n), err
}

func readSessions(generation string, into map[string]entry) error {
	text, err := os.ReadFile(filepath.Join(generation, "sessions.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &into)
}

// Stale returns the sessions that the index does not hold as they are, and
// removes those that are no longer listed.
func (w *Writer) Stale(infos []session.Info) ([]session.Info, error) {
	listed := make(map[string]bool, len(infos))
	var stale []session.Info
	for _, info := range infos {
		listed[info.Name()] = true
		if e, ok := w.sessions[info.Name()]; !ok || e.Digest != info.Digest {
			stale = append(stale, info)
		}
	}
	for _, name := range sortedNames(w.sessions) {
		if !listed[name] {
			if err := w.remove(name, nil); err != nil {
				return nil, err
			}
		}
	}
	return stale, nil
}

func sortedNames(m map[string]entry) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// shardOf is the shard that a session belongs to.
func shardOf(h *session.Header) string {
	if h.Start.IsZero() {
		return undated
	}
	return h.Start.Format("2006")
}

// Put indexes a session, in place of what was indexed of it before.
func (w *Writer) Put(s *session.Session, digest string) error {
	name := shardOf(&s.Header)
	docs, ids := documents(s), make(map[string]bool)
	for _, d := range docs {
		ids[d.ID()] = true
	}
	var stay map[string]bool
	if w.sessions[s.Name()].Shard == name {
		stay = ids
	}
	if err := w.remove(s.Name(), stay); err != nil {
		return err
	}
	sh, err := w.shard(name)
	if err != nil {
		return err
	}
	for _, d := range docs {
		if err := sh.add(d); err != nil {
			return err
		}
	}
	w.sessions[s.Name()] = entry{digest, name, len(ids)}
	w.docs += len(ids)
	w.changed = true
	return nil
}

func (sh *shard) add(d *document.Document) error {
	if err := sh.batch.IndexAdvanced(d); err != nil {
		return err
	}
	for _, f := range d.Fields {
		sh.bytes += len(f.Value())
	}
	if sh.bytes < batchBytes && sh.batch.Size() < batchDocs {
		return nil
	}
	return sh.flush()
}

// flush hands the batch over to be written.
func (sh *shard) flush() error {
	if err := sh.wait(maxWriting - 1); err != nil || sh.batch.Size() == 0 {
		return err
	}
	full := sh.batch
	sh.batch, sh.bytes = sh.ix.NewBatch(), 0
	sh.under++
	go func() { sh.writing <- sh.ix.Batch(full) }()
	return nil
}

// wait returns when no more than some batches are under way.
func (sh *shard) wait(most int) error {
	var err error
	for sh.under > most {
		err = errors.Join(err, <-sh.writing)
		sh.under--
	}
	return err
}

// remove takes a session out of the index, but for documents that are about to
// be written again: batches may overtake each other, so that no document may be
// deleted in one and written in another.
func (w *Writer) remove(name string, stay map[string]bool) error {
	e, ok := w.sessions[name]
	if !ok {
		return nil
	}
	sh, err := w.shard(e.Shard)
	if err != nil {
		return err
	}
	q := query.NewTermQuery(name)
	q.SetField(fieldSession)
	req := bleve.NewSearchRequestOptions(q, e.Docs+1, 0, false)
	req.Score = "none"
	found, err := sh.ix.Search(req)
	if err != nil {
		return err
	}
	for _, hit := range found.Hits {
		if !stay[hit.ID] {
			sh.batch.Delete(hit.ID)
		}
	}
	delete(w.sessions, name)
	w.docs -= e.Docs
	w.changed = true
	return nil
}

// shard opens a shard of the next generation for writing.
func (w *Writer) shard(name string) (*shard, error) {
	if sh := w.shards[name]; sh != nil {
		return sh, nil
	}
	if err := w.begin(); err != nil {
		return nil, err
	}
	path := filepath.Join(w.next, name)
	ix, anew, err := w.newShard(path, name)
	if err != nil {
		return nil, err
	}
	sh := &shard{ix: ix, batch: ix.NewBatch(), writing: make(chan error, maxWriting), dir: path, anew: anew}
	w.shards[name] = sh
	return sh, nil
}

// begin makes the folder of the next generation.
func (w *Writer) begin() error {
	if w.next != "" {
		return nil
	}
	next, err := nextGeneration(w.dir)
	w.next = next
	return err
}

// newShard opens a shard for writing: a clone of the one in use, or an empty one.
func (w *Writer) newShard(path, name string) (ix bleve.Index, anew bool, err error) {
	if w.base != "" && !w.damaged[name] {
		err := cloneShard(filepath.Join(w.base, name), path, true)
		if err == nil {
			ix, err = bleve.OpenUsing(path, map[string]any{"bolt_timeout": boltTimeout})
			return ix, false, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, false, err
		}
	}
	ix, err = bleve.NewUsing(path, bleve.NewIndexMapping(), scorch.Name, scorch.Name, map[string]any{"bolt_timeout": boltTimeout})
	return ix, true, err
}

// boltTimeout bounds the wait for a lock that nobody should hold.
const boltTimeout = "2s"

// cloneShard makes a shard of another generation: its segments are linked. For
// a shard that will be written, the small files are copied.
func cloneShard(from, to string, written bool) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		if !written || filepath.Ext(path) == ".zap" {
			if os.Link(path, target) == nil {
				return nil
			} // no links on this file system: copied
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
}

// Publish makes the generation current. It reports whether there was anything
// to publish.
func (w *Writer) Publish(now time.Time) (bool, error) {
	if !w.changed && w.base != "" {
		sweep(w.dir, w.base) // of runs that were killed
		return false, nil
	}
	if err := w.begin(); err != nil {
		return false, err
	}
	if err := w.finish(now); err != nil {
		w.Abandon()
		return false, err
	}
	if err := renameio.WriteFile(currentFile(w.dir), []byte(filepath.Base(w.next)+"\n"), 0o600); err != nil {
		return false, err
	}
	w.published = true
	sweep(w.dir, w.next)
	return true, nil
}

func (w *Writer) finish(now time.Time) error {
	closed := make(chan error, len(w.shards))
	for _, sh := range w.shards {
		go func() { closed <- sh.close() }()
	}
	var err error
	for range w.shards {
		err = errors.Join(err, <-closed)
	}
	clear(w.shards)
	if err != nil {
		return fmt.Errorf("indexing: %w", err)
	}
	if err := w.linkOthers(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.next, "lock"), nil, 0o600); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(w.next, "sessions.json"), w.sessions); err != nil {
		return err
	}
	info := Info{Schema: SchemaVersion, Annotate: w.annotate, Built: now, Sessions: len(w.sessions), Docs: w.docs}
	return writeJSON(filepath.Join(w.next, "info.json"), info)
}

// close writes what is left of a shard.
func (sh *shard) close() error {
	err := errors.Join(sh.flush(), sh.wait(0))
	if err == nil && sh.anew {
		err = sh.merge()
	}
	return errors.Join(err, sh.ix.Close())
}

// What bleve leaves in a shard built anew are some large segments and up to ten
// of single batches. Merged, these take a quarter less room and time to search.
// A night that only adds to a shard leaves that to bleve.
var leftover = mergeplan.MergePlanOptions{
	MaxSegmentSize: 20_000, FloorSegmentSize: 20_000, // documents: what bleve has merged has more than half of it
	MaxSegmentsPerTier: 1, TierGrowth: 10, SegmentsPerMergeTask: 20, ReclaimDeletesWeight: 2,
}

// maxSettling bounds the wait for bleve to write down what it merged, and to
// remove what that replaces. A shard closed before is in order, but larger.
const maxSettling = 5 * time.Second

func (sh *shard) merge() error {
	ix, err := sh.ix.Advanced()
	if err != nil {
		return err
	}
	sc := ix.(*scorch.Scorch)
	if err := sc.ForceMerge(context.Background(), &leftover); err != nil {
		return err
	}
	for end := time.Now().Add(maxSettling); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(sh.dir, "store", "*.zap"))
		if err != nil {
			return err
		}
		if state := sc.StatsMap(); state["index_bgthreads_active"] == false && uint64(len(files)) == state["TotFileSegmentsAtRoot"] {
			break
		}
	}
	return nil
}

// linkOthers takes over the shards that did not change.
func (w *Writer) linkOthers() error {
	if w.base == "" {
		return nil
	}
	entries, err := os.ReadDir(w.base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		to := filepath.Join(w.next, e.Name())
		if _, err := os.Stat(to); !e.IsDir() || err == nil || w.damaged[e.Name()] {
			continue
		}
		if err := cloneShard(filepath.Join(w.base, e.Name()), to, false); err != nil {
			return err
		}
	}
	return nil
}

// Abandon gives the generation up.
func (w *Writer) Abandon() {
	for _, sh := range w.shards {
		sh.wait(0)
		sh.ix.Close()
	}
	w.shards = nil
	if w.next != "" && !w.published {
		os.RemoveAll(w.next)
	}
}
