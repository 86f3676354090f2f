package session

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// StoreVersion is the version of the stored form. A field may be added to
// Header and Event without raising it; a changed meaning raises it, and older
// sessions are then read again from their sources.
const StoreVersion = 1

// Store keeps sessions as compressed JSON Lines, one file a session: the
// header, then the events. It may be read by many while one process writes.
type Store struct {
	dir string
}

// NewStore returns the store in a folder, which Write creates.
func NewStore(dir string) *Store { return &Store{dir: dir} }

// ErrDamaged marks a stored session that cannot be read back whole.
var ErrDamaged = errors.New("stored session is damaged")

// DamagedError says which session is damaged, and how; it is an ErrDamaged.
type DamagedError struct {
	Agent, ID string
	Err       error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v: %s/%s: %v", ErrDamaged, e.Agent, e.ID, e.Err)
}

func (e *DamagedError) Unwrap() []error { return []error{ErrDamaged, e.Err} }

func (st *Store) path(agent, id string) string {
	return filepath.Join(st.dir, fileName(agent), fileName(id)+".jsonl.zst")
}

// maxName keeps file names, with their endings, below the 255 bytes that
// systems allow.
const maxName = 200

// fileName escapes what is not safe in a file name on every system. Of a name
// that is too long the rest becomes a hash, behind a sign that no escape has.
func fileName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	name := b.String()
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(s))
		name = name[:maxName-34] + "%-" + hex.EncodeToString(sum[:16])
	}
	return name
}

// Write stores a session, replacing what was there under its name, and
// returns it as the catalog lists it. A reader sees the old or the new one.
func (st *Store) Write(s *Session) (Info, error) {
	s.V = StoreVersion
	path := st.path(s.Agent, s.ID)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Info{}, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return Info{}, err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	sum, err := encode(f, s)
	if err == nil {
		err = f.Close()
	} else {
		f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return Info{}, fmt.Errorf("storing session %s: %w", s.Name(), err)
	}
	return Info{Header: s.Header, Count: len(s.Events), Digest: sum}, nil
}

// Read loads a session. The error wraps fs.ErrNotExist when there is none, and
// ErrDamaged when the file is cut or changed.
func (st *Store) Read(agent, id string) (*Session, error) {
	f, err := os.Open(st.path(agent, id))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := decode(f)
	if err != nil {
		return nil, &DamagedError{agent, id, err}
	}
	return s, nil
}

// SetAside renames a session's file, so that the store no longer has the
// session but what is left of it is not lost.
func (st *Store) SetAside(agent, id string) error {
	path := st.path(agent, id)
	return os.Rename(path, path+".damaged")
}

// Remove deletes a session; one that is not there is no error.
func (st *Store) Remove(agent, id string) error {
	err := os.Remove(st.path(agent, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Has reports whether the session's file is there.
func (st *Store) Has(agent, id string) bool {
	_, err := os.Stat(st.path(agent, id))
	return err == nil
}

var (
	writers = sync.Pool{New: func() any {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
		if err != nil {
			panic(err) // the options are constants
		}
		return w
	}}
	readers = sync.Pool{New: func() any {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err)
		}
		return r
	}}
	buffers = sync.Pool{New: func() any { return &buffer{in: bufio.NewReaderSize(nil, 64<<10)} }}
)

// buffer is what reading a session needs room for.
type buffer struct {
	in         *bufio.Reader
	line, text []byte
}

// encode writes the stored form and returns its digest: the first 16 hex
// digits of the SHA-256 of the uncompressed lines.
func encode(w io.Writer, s *Session) (string, error) {
	z := writers.Get().(*zstd.Encoder)
	defer writers.Put(z)
	z.Reset(w)
	sum := sha256.New()
	buf := bufio.NewWriterSize(io.MultiWriter(sum, z), 64<<10)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(&s.Header)
	for i := range s.Events {
		if err == nil {
			err = enc.Encode(&s.Events[i])
		}
	}
	if err == nil {
		err = buf.Flush()
	}
	if cerr := z.Close(); err == nil {
		err = cerr
	}
	return digest(sum), err
}

func digest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:8]) }

func decode(r io.Reader) (*Session, error) {
	z := readers.Get().(*zstd.Decoder)
	defer readers.Put(z)
	if err := z.Reset(r); err != nil {
		return nil, err
	}
	b := buffers.Get().(*buffer)
	defer buffers.Put(b)
	in := b.in
	in.Reset(z)
	s := &Session{}
	line, err := readLine(in, b.line[:0])
	if err != nil {
		return nil, fmt.Errorf("no header: %w", err)
	}
	if err := json.Unmarshal(line, &s.Header); err != nil {
		return nil, err
	}
	events := eventReader{text: b.text, seen: make(map[string]string)}
	defer func() { b.line, b.text = line, events.text }()
	for n := 2; ; n++ {
		line, err = readLine(in, line[:0])
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		if len(s.Events) == cap(s.Events) {
			s.Events = slices.Grow(s.Events, max(64, len(s.Events)))
		}
		s.Events = append(s.Events, Event{})
		if err := events.read(line, &s.Events[len(s.Events)-1]); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// readLine reads a line of any length into buf. A line without its end is an
// error: the file was cut.
func readLine(in *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := in.ReadSlice('\n')
		buf = append(buf, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(buf, []byte("\n")), nil
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(buf) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// Text returns the stored form of a session uncompressed: its header and its
// events, a line of JSON each. It is for looking whether a text stands in it at
// all; Read makes a session of it.
func (st *Store) Text(agent, id string) ([]byte, error) {
	packed, err := os.ReadFile(st.path(agent, id))
	if err != nil {
		return nil, err
	}
	z := readers.Get().(*zstd.Decoder)
	defer readers.Put(z)
	if err := z.Reset(nil); err != nil {
		return nil, err
	}
	text, err := z.DecodeAll(packed, nil)
	if err != nil {
		return nil, &DamagedError{agent, id, err}
	}
	return text, nil
}
