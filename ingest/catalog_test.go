package ingest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lode/session"
)

// anything makes values of the catalog's types, with times as they are stored.
var anything = rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
	reflect.TypeFor[time.Time](): rapid.Map(rapid.Int64Range(0, 4e12), func(ms int64) any { return time.UnixMilli(ms).UTC() }),
}}

// What save writes, LoadCatalog reads back, and writing that gives the same bytes.
func TestCatalogRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		c := &Catalog{Sources: map[string]*Source{}, Sessions: map[string]session.Info{}, dir: dir}
		for _, s := range rapid.SliceOfN(rapid.MakeCustom[Source](anything), 0, 3).Draw(rt, "sources") {
			c.Sources[s.Path] = &s
		}
		for _, info := range rapid.SliceOfN(rapid.MakeCustom[session.Info](anything), 0, 3).Draw(rt, "sessions") {
			c.Sessions[info.Name()] = info
		}
		if err := c.save(); err != nil {
			rt.Fatal(err)
		}
		first, _ := os.ReadFile(catalogFile(dir))
		back, err := LoadCatalog(dir)
		if diff := cmp.Diff(c, back, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Catalog{})); err != nil || diff != "" {
			rt.Fatalf("LoadCatalog: %v (-saved +loaded):\n%s", err, diff)
		}
		if err := back.save(); err != nil {
			rt.Fatal(err)
		}
		if again, _ := os.ReadFile(catalogFile(dir)); string(again) != string(first) {
			rt.Fatalf("saved again:\n%s\nfirst:\n%s", again, first)
		}
	})
}

// Keys are kept by their last five bytes, in order.
func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOf(rapid.Uint64Range(0, 1<<40-1)).Draw(rt, "keys")
		if got, err := unpackKeys(packKeys(keys)); err != nil || !slices.Equal(got, keys) {
			rt.Fatalf("unpackKeys(packKeys(%x)) = %x, %v", keys, got, err)
		}
	})
}

// A damaged catalog is refused with the place of the damage and what to do; no
// catalog is an empty one.
func TestDamagedCatalog(t *testing.T) {
	const good = `{"source":{"path":"a.jsonl","size":1,"mtime":2}}` + "\n"
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{good, ""},
		{good + good[:20], "catalog.jsonl:2: unexpected end of JSON input"},
		{good + "\x00\x00\n", "catalog.jsonl:2: invalid character"},
		{good + "\n" + good, "catalog.jsonl:2: unexpected end of JSON input"},
		{`{"novelty":{}}` + "\n" + good, "catalog.jsonl:1: neither a source nor a session"},
		{`{"source":{"path":7}}` + "\n", "catalog.jsonl:1: json: cannot unmarshal"},
	} {
		dir := t.TempDir()
		if c.text != "" {
			if err := os.WriteFile(catalogFile(dir), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := LoadCatalog(dir)
		if got := errorText(err); !strings.Contains(got, c.want) || (got == "") != (c.want == "") || got != "" && !strings.Contains(got, "(hint: delete the file") {
			t.Errorf("LoadCatalog(%q) = %q, want %q and a hint", c.text, got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Older states have keys that are not packed: they are read, and only what is
// new besides.
func TestUnpackedKeys(t *testing.T) {
	c, w := named(t, "claude/forks"), newWorld(t)
	for _, f := range c.files[:2] {
		w.put(t, f.path, f.data)
	}
	w.run(t)
	file := filepath.Join(w.state, "catalog.keys")
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := unpacked(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || !bytes.HasPrefix(text, []byte(`{"path":`)) {
		t.Fatalf("keys are %.40q, %v", text, err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	w.put(t, c.files[2].path, c.files[2].data)
	cat, err := LoadCatalog(w.state)
	if err != nil || !cat.loadKeys() {
		t.Errorf("keys that are not packed are not read: %v", err)
	}
	w.run(t)
	whole := newWorld(t)
	for _, f := range c.files {
		whole.put(t, f.path, f.data)
	}
	whole.run(t)
	if diff := cmp.Diff(whole.stored(t), w.stored(t)); diff != "" {
		t.Errorf("with keys that are not packed (-want +got):\n%s", diff)
	}
}

// The keys are only a help: without them, or with damaged ones, everything is
// read again and comes out the same.
func TestDamagedKeys(t *testing.T) {
	c := named(t, "claude/forks")
	whole := newWorld(t)
	for _, f := range c.files {
		whole.put(t, f.path, f.data)
	}
	whole.run(t)
	for name, damage := range map[string]func(file string) error{
		"missing": os.Remove,
		"cut":     func(file string) error { return os.Truncate(file, 50) },
		"garbage": func(file string) error {
			return os.WriteFile(file, []byte(`{"path":"first.jsonl","keys":"???"}`), 0o600)
		},
		"empty": func(file string) error { return os.Truncate(file, 0) },
	} {
		w := newWorld(t)
		for _, f := range c.files[:2] {
			w.put(t, f.path, f.data)
		}
		w.run(t)
		if err := damage(filepath.Join(w.state, "catalog.keys")); err != nil {
			t.Fatal(err)
		}
		w.put(t, c.files[2].path, c.files[2].data)
		w.run(t)
		if diff := cmp.Diff(whole.stored(t), w.stored(t)); diff != "" {
			t.Errorf("keys %s (-want +got):\n%s", name, diff)
		}
	}
}
