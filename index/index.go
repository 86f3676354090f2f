// Package index is the full text over sessions.
//
// A document is an event that people look for: words of a person or of the
// agent, and a call together with what it returned. Its id is the event's
// reference. What is indexed of long texts is their beginning, their end and
// the lines that tell of errors; the session store has the whole, and literals
// and regular expressions look there. Each session has a document of its own,
// named like it, with what a hit shows of its session, so that a search reads
// nothing but the index.
//
// A query (package query) is compiled (compile.go) to operations on the sets of
// documents that bleve keeps for each term (match.go). Of what they find, the
// weightiest is ranked, by a scoring of our own (rank.go, bm25.go); rows of words
// are read in the stored text (truth.go). What has no exact answer gets a close
// one, or none, and then Why says why (close.go).
//
// On disk an index is a generation, <state>/index/<generation>/, with a bleve
// index for each shard (the year in which a session began, or "undated"), and
// index/current names the generation that is in use. A published generation is
// never written: Update links the immutable segments of the shards that change
// into a new one, writes there, and then moves current. Readers hold a shared
// lock on their generation and are never disturbed; a generation that nobody
// uses is removed. All of it can be deleted and is then rebuilt from the store.
package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	renameio "github.com/google/renameio/v2/maybe"
)

// SchemaVersion is raised when what is indexed, or how, changes. An index of
// another schema is rebuilt.
const SchemaVersion = 6

// Info describes a generation.
type Info struct {
	Schema   int       `json:"schema"`
	Annotate int       `json:"annotate"` // version of the outcomes that documents carry
	Built    time.Time `json:"built"`
	Sessions int       `json:"sessions"`
	Docs     int       `json:"docs"` // one for each event, and one for each session
}

// ErrNone says that there is no index yet.
var ErrNone = errors.New("there is no index yet")

func currentFile(dir string) string { return filepath.Join(dir, "current") }

// current returns the folder of the generation in use.
func current(dir string) (string, error) {
	name, err := os.ReadFile(currentFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNone
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(strings.TrimSpace(string(name)))), nil
}

// Generation names the generation in use, or returns ErrNone.
func Generation(dir string) (string, error) {
	gen, err := current(dir)
	return filepath.Base(gen), err
}

func readInfo(generation string) (Info, error) {
	var info Info
	text, err := os.ReadFile(filepath.Join(generation, "info.json"))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, fmt.Errorf("%s: %w", filepath.Join(generation, "info.json"), err)
	}
	return info, nil
}

func writeJSON(file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return renameio.WriteFile(file, append(text, '\n'), 0o600)
}

// nextGeneration names a generation that is not there yet.
func nextGeneration(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	last := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > last {
			last = n
		}
	}
	name := filepath.Join(dir, fmt.Sprintf("%06d", last+1))
	return name, os.MkdirAll(name, 0o700)
}

// use takes a shared lock on a generation, so that it is not removed.
func use(generation string) (*flock.Flock, error) {
	l := flock.New(filepath.Join(generation, "lock"), flock.SetPermissions(0o600))
	ok, err := l.TryRLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("the index generation is being removed")
	}
	return l, nil
}

// sweep removes the generations that are neither current nor used by anybody,
// and names of generations that were not written to their end.
func sweep(dir, keep string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), "."+filepath.Base(currentFile(dir))) {
			os.Remove(name)
		}
		if _, err := strconv.Atoi(e.Name()); err != nil || name == keep {
			continue
		}
		l := flock.New(filepath.Join(name, "lock"), flock.SetPermissions(0o600))
		if ok, err := l.TryLock(); err != nil || !ok {
			continue
		}
		os.RemoveAll(name) // what cannot be removed now is removed next time
		l.Unlock()
	}
}
