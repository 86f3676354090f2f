package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/gofrs/flock"

	"lode/session"
)

// Reader searches one generation. It must be closed. It may be used by several
// goroutines.
type Reader struct {
	Info   Info
	lock   *flock.Flock
	shards []*openedShard
	mu     sync.Mutex
	dicts  map[string][]string // values of keyword fields
}

type openedShard struct {
	bleve.Index
	reader index.IndexReader
}

// Open opens the generation in use.
func Open(dir string) (*Reader, error) {
	for tries := 0; ; tries++ {
		gen, err := current(dir)
		if err != nil {
			return nil, err
		}
		r, err := openGeneration(gen)
		if err == nil {
			return r, nil
		}
		if now, cerr := current(dir); tries > 3 || cerr != nil || now == gen {
			return nil, fmt.Errorf("opening the index: %w (hint: lode nightly rebuilds it; the sessions are safe)", err)
		} // replaced while it was being opened
	}
}

func openGeneration(gen string) (*Reader, error) {
	lock, err := use(gen)
	if err != nil {
		return nil, err
	}
	r := &Reader{lock: lock, dicts: make(map[string][]string)}
	if r.Info, err = readInfo(gen); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.Info.Schema != SchemaVersion {
		return nil, errors.Join(fmt.Errorf("it has schema %d, this program knows %d", r.Info.Schema, SchemaVersion), r.Close())
	}
	entries, err := os.ReadDir(gen)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() })
	if err := r.openShards(gen, entries); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	docs := uint64(0)
	for _, sh := range r.shards {
		n, err := sh.DocCount()
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		docs += n
	}
	if len(r.shards) > 0 && int(docs) != r.Info.Docs {
		return nil, errors.Join(fmt.Errorf("it has %d documents, not %d: a part of it is lost", docs, r.Info.Docs), r.Close())
	}
	return r, nil
}

// openShards opens the shards, all at once: that takes longer than a search.
func (r *Reader) openShards(gen string, entries []fs.DirEntry) error {
	opened, errs := make([]*openedShard, len(entries)), make([]error, len(entries))
	var all sync.WaitGroup
	for i, e := range entries {
		all.Go(func() {
			path := filepath.Join(gen, e.Name())
			ix, err := openShard(path)
			if err != nil {
				errs[i] = fmt.Errorf("shard %s: %w", e.Name(), err)
				return
			}
			opened[i] = &openedShard{Index: ix}
			opened[i].reader, errs[i] = readerOf(ix)
		})
	}
	all.Wait()
	for _, sh := range opened {
		if sh != nil {
			r.shards = append(r.shards, sh)
		}
	}
	return errors.Join(errs...)
}

func readerOf(ix bleve.Index) (index.IndexReader, error) {
	advanced, err := ix.Advanced()
	if err != nil {
		return nil, err
	}
	return advanced.Reader()
}

// openShard opens a shard for reading. Over some damaged files bleve panics.
func openShard(path string) (ix bleve.Index, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	return bleve.OpenUsing(path, map[string]any{"read_only": true, "bolt_timeout": boltTimeout})
}

// Close gives the generation free.
func (r *Reader) Close() error {
	var errs []error
	for _, sh := range r.shards {
		if sh.reader != nil {
			errs = append(errs, sh.reader.Close())
		}
		errs = append(errs, sh.Index.Close())
	}
	return errors.Join(append(errs, r.lock.Unlock())...)
}

// Events returns how many events the index has.
func (r *Reader) Events() int { return r.Info.Docs - r.Info.Sessions }

// count returns how many documents have a term.
func (r *Reader) count(field, term string) (uint64, error) {
	var n uint64
	for _, sh := range r.shards {
		terms, err := sh.reader.TermFieldReader(context.Background(), []byte(term), field, false, false, false)
		if err != nil {
			return 0, err
		}
		n += terms.Count()
		terms.Close()
	}
	return n, nil
}

// values lists the terms of a field that has few, sorted.
func (r *Reader) values(field string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.dicts[field]; ok {
		return known, nil
	}
	parts, err := r.parts()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, p := range parts {
		if err := p.terms(field, "", nil, func(term string, _ uint64) { all = append(all, term) }); err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	r.dicts[field] = all
	return all, nil
}

// frequent lists terms by how often they are, at most so many.
func frequent(counts map[string]uint64, most int) []string {
	all := make([]string, 0, len(counts))
	for t := range counts {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b string) int {
		if counts[a] != counts[b] {
			if counts[a] > counts[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return all[:min(len(all), most)]
}

// Values lists the values of a field of queries that the index has, for
// completion: agents, tools, branches. Fields that are not kept as values have
// none.
func (r *Reader) Values(field string) ([]string, error) {
	if name, ok := keywords[field]; ok {
		return r.values(name)
	}
	of, ok := placed[field]
	if !ok {
		return nil, nil
	}
	places, err := r.Places()
	var all []string
	for i := range places {
		if v := of(&places[i].Header); v != "" {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), err
}

// Sessions lists the names of all sessions that have events, sorted.
func (r *Reader) Sessions() ([]string, error) { return r.values(fieldSession) }

// Places lists where sessions belong: of each header is set what Place takes.
func (r *Reader) Places() ([]session.Info, error) {
	values, err := r.values(fieldPlace)
	infos := make([]session.Info, len(values))
	for i, v := range values {
		infos[i].Header = parsePlace(v)
	}
	return infos, err
}

// Header returns what the index keeps of a session: its title, place, branch,
// model, population and sources. ok is false when it does not have the session.
func (r *Reader) Header(name string) (h session.Header, ok bool, err error) {
	defer caught(&err)
	for _, sh := range r.shards {
		d, err := sh.Document(name)
		if err != nil {
			return h, false, err
		}
		if d == nil {
			continue
		}
		d.VisitFields(func(f index.Field) {
			if f.Name() == fieldMeta {
				err = json.Unmarshal(f.Value(), &h)
			}
		})
		return h, err == nil, err
	}
	return h, false, nil
}

// Exists reports whether there is an index.
func Exists(dir string) bool {
	_, err := os.Stat(currentFile(dir))
	return !errors.Is(err, fs.ErrNotExist)
}
