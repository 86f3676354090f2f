package ingest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/session"
)

// Catalog is the record of what was read: sources, sessions, and which belong
// together. On disk it is <state>/catalog.jsonl, one object a line with the
// name "source" or "session", sorted; a name that a reader does not know is an
// error, so new ones need a new state version. Beside it lies catalog.keys,
// the event keys of each session in each source, which only a run that finds
// changes reads; it is packed, and was not in older states.
type Catalog struct {
	Sources  map[string]*Source      // by path
	Sessions map[string]session.Info // by name
	keys     map[string]sessionKeys  // by path; nil until loaded
	dir      string
}

// sessionKeys are the keys of the events of each session, by its name.
type sessionKeys map[string][]uint64

// Source is what the catalog knows of a file.
type Source struct {
	Path     string   `json:"path"`
	Agent    string   `json:"agent,omitempty"`
	Size     int64    `json:"size"`
	MTime    int64    `json:"mtime"`
	Sum      string   `json:"sum,omitempty"` // hash of its head and tail
	Parser   int      `json:"parser,omitempty"`
	Sessions []string `json:"sessions,omitempty"` // names of those it holds events of
	Report
	Skipped  string          `json:"skipped,omitempty"`  // why it was not read
	Gone     bool            `json:"gone,omitempty"`     // no longer there; its sessions are kept
	Unjoined bool            `json:"unjoined,omitempty"` // read by a run that ended before joining sources
	Beside   string          `json:"beside,omitempty"`   // state of the files beside it that its parser reads
	Head     bool            `json:"head,omitempty"`     // tells of sessions whose events stand in other sources, which may not be there yet
	Parts    map[string]Part `json:"parts,omitempty"`    // of a database: its sessions, by name
}

// Part is what the catalog knows of a session within a database. One whose
// mark is the same is not read again.
type Part struct {
	Mark string `json:"mark,omitempty"`
	Report
	Gone bool `json:"gone,omitempty"` // no longer there, or it can no longer be read; the stored session is kept
}

type row struct {
	Source  *Source       `json:"source,omitempty"`
	Session *session.Info `json:"session,omitempty"`
}

func catalogFile(dir string) string { return filepath.Join(dir, "catalog.jsonl") }
func keysFile(dir string) string    { return filepath.Join(dir, "catalog.keys") }

// LoadCatalog reads the catalog of a state folder; there being none is an
// empty catalog. It is an error when it cannot be read: the catalog says what
// of the store is valid.
func LoadCatalog(dir string) (*Catalog, error) {
	c := &Catalog{Sources: make(map[string]*Source), Sessions: make(map[string]session.Info), dir: dir}
	err := eachRow(catalogFile(dir), func(r row) error {
		switch {
		case r.Source != nil:
			c.Sources[r.Source.Path] = r.Source
		case r.Session != nil:
			c.Sessions[r.Session.Name()] = *r.Session
		default:
			return errors.New("neither a source nor a session")
		}
		return nil
	})
	return c, err
}

func eachRow[T any](file string, f func(T) error) error {
	in, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	rows, err := unpacked(in)
	if err != nil {
		return err
	}
	defer rows.Close()
	r := bufio.NewReaderSize(rows, 256<<10)
	for line := 1; ; line++ {
		text, _, err := nextLine(r, nil)
		if err != nil || text == nil {
			return err
		}
		var v T
		if err = json.Unmarshal(text, &v); err == nil {
			err = f(v)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w (hint: delete the file to read everything again)", file, line, err)
		}
	}
}

// Infos lists the sessions by name.
func (c *Catalog) Infos() []session.Info {
	infos := make([]session.Info, 0, len(c.Sessions))
	for _, name := range sortedKeys(c.Sessions) {
		infos = append(infos, c.Sessions[name])
	}
	return infos
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// save writes the catalog, and the keys when they were loaded.
func (c *Catalog) save() error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if c.keys != nil {
		if err := writeRows(keysFile(c.dir), pack, func(put func(any) error) error {
			for _, path := range sortedKeys(c.keys) {
				for _, name := range sortedKeys(c.keys[path]) {
					if err := put(keyRow{path, name, packKeys(c.keys[path][name])}); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return writeRows(catalogFile(c.dir), nil, func(put func(any) error) error {
		for _, path := range sortedKeys(c.Sources) {
			if err := put(row{Source: c.Sources[path]}); err != nil {
				return err
			}
		}
		for _, name := range sortedKeys(c.Sessions) {
			info := c.Sessions[name]
			if err := put(row{Session: &info}); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeRows writes a file of JSON Lines beside the old one and renames it. With
// pack, the file is packed.
func writeRows(file string, pack func([]byte) ([]byte, error), rows func(put func(any) error) error) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := rows(enc.Encode); err != nil {
		return err
	}
	text := out.Bytes()
	if pack != nil {
		var err error
		if text, err = pack(text); err != nil {
			return err
		}
	}
	return renameio.WriteFile(file, text, 0o600)
}

// keyRow holds the keys of a session in a source, five bytes each: enough to
// find those that share events. Whether events are the same is decided by
// their whole keys.
type keyRow struct {
	Path    string `json:"path"`
	Session string `json:"session"`
	Keys    string `json:"keys"`
}

const keyBytes = 5

func packKeys(keys []uint64) string {
	buf := make([]byte, 0, keyBytes*len(keys))
	for _, k := range keys {
		buf = append(buf, binary.BigEndian.AppendUint64(nil, k)[8-keyBytes:]...)
	}
	return base64.RawStdEncoding.EncodeToString(buf)
}

func unpackKeys(text string) ([]uint64, error) {
	buf, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(buf)%keyBytes != 0 {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	keys := make([]uint64, 0, len(buf)/keyBytes)
	for ; len(buf) > 0; buf = buf[keyBytes:] {
		var wide [8]byte
		copy(wide[8-keyBytes:], buf)
		keys = append(keys, binary.BigEndian.Uint64(wide[:]))
	}
	return keys, nil
}

// loadKeys reads the keys file. One that is missing or damaged makes no harm:
// ok says whether every source's keys are there.
func (c *Catalog) loadKeys() (ok bool) {
	c.keys = make(map[string]sessionKeys)
	err := eachRow(keysFile(c.dir), func(r keyRow) error {
		keys, err := unpackKeys(r.Keys)
		if c.keys[r.Path] == nil {
			c.keys[r.Path] = make(sessionKeys)
		}
		c.keys[r.Path][r.Session] = keys
		if r.Session == "" {
			err = errors.New("no session") // from before keys were kept by session
		}
		return err
	})
	if err != nil {
		c.keys = make(map[string]sessionKeys)
	}
	for path, s := range c.Sources {
		if _, have := c.keys[path]; !have && len(s.Sessions) > 0 && !s.Gone {
			return false
		}
	}
	return true
}

// eventKeys returns the keys of a session's events, shortened for the keys file.
func eventKeys(s *session.Session) []uint64 {
	var keys []uint64
	for i := range s.Events {
		k, err := hex.DecodeString(s.Events[i].Key)
		if err == nil && len(k) == 8 {
			keys = append(keys, binary.BigEndian.Uint64(k)&(1<<(8*keyBytes)-1))
		}
	}
	return keys
}
