package miner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	renameio "github.com/google/renameio/v2/maybe"
)

// Traces keeps the traces of sessions in <state>/traces.jsonl, so that what is
// measured every night costs only the sessions that are new. The file is derived
// and can be deleted. It is not for use by several goroutines.
type Traces struct {
	file    string
	traces  map[string]Trace
	changed bool
}

// tracesHead is the first line of the file.
type tracesHead struct {
	V int `json:"v"`
}

// LoadTraces reads the traces of a state folder. What another version wrote, or
// what cannot be read, counts as not there: it is made again.
func LoadTraces(state string) (*Traces, error) {
	t := &Traces{file: filepath.Join(state, "traces.jsonl"), traces: make(map[string]Trace)}
	f, err := os.Open(t.file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReader(f))
	var head tracesHead
	if dec.Decode(&head) != nil || head.V != TraceVersion {
		return t, nil
	}
	for {
		var tr Trace
		switch err := dec.Decode(&tr); {
		case err == io.EOF:
			return t, nil
		case err != nil:
			return t, nil // cut: the rest is made again
		}
		t.traces[tr.Session] = tr
	}
}

// Get returns the trace of a session, if it is that of its stored bytes.
func (t *Traces) Get(session, digest string) (Trace, bool) {
	tr, ok := t.traces[session]
	return tr, ok && tr.Digest == digest
}

// Put keeps a trace.
func (t *Traces) Put(tr Trace) {
	t.traces[tr.Session] = tr
	t.changed = true
}

// Save writes what was put, beside the old file, and renames it.
func (t *Traces) Save() error {
	if !t.changed {
		return nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(tracesHead{TraceVersion})
	for _, name := range sortedKeys(t.traces) {
		if err == nil {
			err = enc.Encode(t.traces[name])
		}
	}
	if err == nil {
		err = renameio.WriteFile(t.file, out.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing traces: %w", err)
	}
	t.changed = false
	return nil
}
