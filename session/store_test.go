package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full is a session in which every stored field is set.
func full() *Session {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	code := 1
	return &Session{
		Header: Header{
			V: StoreVersion, Agent: "claude", ID: "3f2a/agent-7", Parent: "3f2a", Population: Subagent,
			Title: "Make <check> & friends pass", Model: "model-1", Version: "2.1.0", Branch: "fix/vat", Origin: "claude/cart",
			Cwd: "/home/dev/shop", Remote: "github.com/acme/shop", Checkout: "/home/dev/shop", Instance: "acme__shop-7",
			Forked: at.Add(time.Second), Start: at, End: at.Add(90 * time.Second),
			Usage:        Usage{Input: 10, Output: 20, CacheRead: 30, CacheWrite: 40, Cost: 0.05},
			Sources:      []Source{{Path: ".claude/projects/shop/3f2a.jsonl", Unit: "line"}, {Path: "copy.json", Unit: "index"}},
			Instructions: []Instruction{{Path: "AGENTS.md", Hash: "aa11", Lines: []string{"Run make check.", "Ask first."}}},
			Redaction:    1, Secrets: map[string]int{"password": 2, "jwt": 1}, Parser: 3,
		},
		Events: []Event{
			{N: 4, Kind: Call, CallID: "c1", Tool: "Bash", Command: "make check", Dir: "/home/dev/shop/api", Tokens: 12},
			{N: 5, Part: 1, Src: 1, Line: 27, Kind: Result, Author: ByTool, Act: Shell, Time: at.Add(1500 * time.Millisecond), CallID: "c2", Of: "c1",
				Text: "line one\nline two\t\"quoted\" \u2028 世界", Flag: FlagError, Exit: &code, Key: "k5", Copies: []Place{{Src: 1, N: 8}}},
		},
	}
}

// unset lists the stored fields that are zero in every one of some values.
func unset(values ...any) (names []string) {
	typ := reflect.TypeOf(values[0])
	for i := range typ.NumField() {
		zero := typ.Field(i).Tag.Get("json") != "-"
		for _, v := range values {
			zero = zero && reflect.ValueOf(v).Field(i).IsZero()
		}
		if zero {
			names = append(names, typ.Name()+"."+typ.Field(i).Name)
		}
	}
	return names
}

// The stored form is the one in testdata, for all fields; what Annotate sets
// is not in it. The digest is that of the lines.
func TestStoredForm(t *testing.T) {
	st, s := NewStore(t.TempDir()), full()
	if names := unset(s.Header); names != nil {
		t.Errorf("full() leaves %v unset, the golden file does not show them", names)
	}
	if names := unset(s.Events[0], s.Events[1]); names != nil {
		t.Errorf("full() leaves %v unset, the golden file does not show them", names)
	}
	e := &s.Events[1]
	e.Intent, e.Outcome, e.Basis, e.Class, e.Entity, e.Signature, e.Fingerprint = Other, Failed, BasisExit, "class", "entity", "signature", "print"
	s.Link()
	s.V = 0 // Write sets it
	info := write(t, st, s)
	z, _ := zstd.NewReader(nil)
	lines, err := z.DecodeAll(stored(t, st, s), nil)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "stored.jsonl")
	if *update {
		if err := os.WriteFile(golden, lines, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(lines)); diff != "" {
		t.Errorf("stored form differs from %s (-want +got):\n%s", golden, diff)
	}
	if sum := sha256.Sum256(lines); info.Digest != hex.EncodeToString(sum[:8]) {
		t.Errorf("digest = %s, want the beginning of %x", info.Digest, sum)
	}
	if diff := cmp.Diff(&Info{Header: full().Header, Count: 2, Digest: info.Digest}, &info); diff != "" {
		t.Errorf("Write says (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(full(), read(t, st, s)); diff != "" {
		t.Errorf("Read gives (-want +got):\n%s", diff)
	}
}

// sessions draws sessions with any clean text in any field.
func sessions() *rapid.Generator[Session] {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "\x00\x1f\x7f", "<b>&amp;", `"\"`, "a\nb\r\n", "\u2028\u2029", "👩‍👩‍👧", "�", "\U0010ffff", strings.Repeat("long ", 20_000),
	}))
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "undated") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
	})
	return rapid.MakeCustom[Session](rapid.MakeConfig{
		Types:  map[reflect.Type]*rapid.Generator[any]{reflect.TypeFor[time.Time](): moment.AsAny()},
		Kinds:  map[reflect.Kind]*rapid.Generator[any]{reflect.String: text.AsAny()},
		Fields: map[reflect.Type]map[string]*rapid.Generator[any]{reflect.TypeFor[Event](): {"CallEvent": rapid.Just[any]((*Event)(nil))}},
	})
}

// What is written is read back, whatever it says; the same session always
// gives the same bytes and digest, a different one another digest.
func TestStoreRoundTrip(t *testing.T) {
	st := NewStore(t.TempDir())
	kept := cmp.Options{cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(Event{}, "Use", "Intent", "Outcome", "Basis", "Class", "Entity", "Signature", "Fingerprint", "CallEvent")}
	rapid.Check(t, func(t *rapid.T) {
		s := sessions().Draw(t, "session")
		first, file := write(t, st, &s), stored(t, st, &s)
		got := read(t, st, &s)
		if diff := cmp.Diff(&s, got, kept); diff != "" {
			t.Fatalf("Read gives (-want +got):\n%s", diff)
		}
		again := write(t, st, got)
		if !bytes.Equal(file, stored(t, st, got)) || again.Digest != first.Digest {
			t.Errorf("written again: digest %s, then %s, or other bytes", first.Digest, again.Digest)
		}
		got.Events = append(got.Events, Event{Kind: Note})
		if more := write(t, st, got); more.Digest == first.Digest {
			t.Errorf("an event more has the same digest, %s", more.Digest)
		}
	})
}

// Lines of any length are read whole, also those that just fill the buffer.
func TestStoreLongLines(t *testing.T) {
	st, s := NewStore(t.TempDir()), &Session{Header: Header{V: StoreVersion, Agent: "codex", ID: "long"}}
	for n := 64<<10 - 60; n < 64<<10+10; n++ {
		s.Events = append(s.Events, Event{N: n, Kind: User, Text: strings.Repeat("x", n)})
	}
	s.Events = append(s.Events, Event{Kind: Result, Text: strings.Repeat("eight 世界\n", 500_000)})
	write(t, st, s)
	if got := read(t, st, s); !cmp.Equal(s, got) {
		t.Error("Read gives another session than was written")
	}
}

// A file that is cut anywhere is damaged; one in which a bit is flipped is
// damaged, or still says the very same: the compressed form has a few bits
// that mean nothing.
func TestReadDamagedFile(t *testing.T) {
	st, s := NewStore(t.TempDir()), full()
	write(t, st, s)
	whole := stored(t, st, s)
	check := func(what string, at int, file []byte, want *Session) {
		put(t, st, s, file)
		got, err := st.Read(s.Agent, s.ID)
		if damaged := new(DamagedError); errors.Is(err, ErrDamaged) && errors.As(err, &damaged) && damaged.ID == s.ID && got == nil {
			return
		}
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("Read of a file %s at %d = %v, %v, want ErrDamaged", what, at, got, err)
		}
	}
	for at := range whole {
		check("cut", at, whole[:at], nil)
		for bit := range 8 {
			file := bytes.Clone(whole)
			file[at] ^= 1 << bit
			check("flipped", at, file, s)
		}
	}
	check("going on", len(whole), append(bytes.Clone(whole), 'x'), nil)
}

// Lines that are no session, or not all of one, are damage and no session.
func TestReadDamagedLines(t *testing.T) {
	const header = `{"v":1,"agent":"claude","id":"x","population":"user"}`
	st, s := NewStore(t.TempDir()), &Session{Header: Header{Agent: "claude", ID: "x"}}
	write(t, st, s)
	z, _ := zstd.NewWriter(nil)
	for _, c := range []struct{ lines, want string }{
		{"", "no header: EOF"},
		{"\n", "unexpected end of JSON input"},
		{"hello\n", "invalid character 'h'"},
		{header, "no header: unexpected EOF"},
		{header + "\n{\"n\":1}\n{\"n\":2}", "unexpected EOF"},
		{header + "\n{\"n\":1}\n{\"n\":\n", "line 3: unexpected end of JSON input"},
		{header + "\n{\"n\":\"1\"}\n", "line 2: json: cannot unmarshal string"},
	} {
		put(t, st, s, z.EncodeAll([]byte(c.lines), nil))
		got, err := st.Read("claude", "x")
		if want := "stored session is damaged: claude/x: " + c.want; !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Read of %q = %v, %v, want %q", c.lines, got, err, want)
		}
	}
}

// A session that is not there is told apart from a damaged one; one that is
// set aside or removed is not there, and what was set aside is kept.
func TestStoreWithout(t *testing.T) {
	st, s := NewStore(filepath.Join(t.TempDir(), "sessions")), full()
	missing := func(after string) {
		t.Helper()
		if _, err := st.Read(s.Agent, s.ID); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) || st.Has(s.Agent, s.ID) {
			t.Errorf("%s: Read = %v, Has = %v, want no such session", after, err, st.Has(s.Agent, s.ID))
		}
		if err := st.Remove(s.Agent, s.ID); err != nil {
			t.Errorf("%s: Remove = %v, want no error", after, err)
		}
	}
	missing("never written")
	write(t, st, s)
	if err := st.Remove(s.Agent, s.ID); err != nil {
		t.Error(err)
	}
	missing("removed")
	put(t, st, s, []byte("half a file"))
	if err := st.SetAside(s.Agent, s.ID); err != nil {
		t.Error(err)
	}
	missing("set aside")
	if left, err := os.ReadFile(st.path(s.Agent, s.ID) + ".damaged"); string(left) != "half a file" {
		t.Errorf("set aside: %q, %v, want what was there", left, err)
	}
}

// Whatever a session is called, its file stays in its agent's folder.
func TestStoreFiles(t *testing.T) {
	for _, c := range []struct{ agent, id, want string }{
		{"claude", "3f2a-01_b.2", "claude/3f2a-01_b.2.jsonl.zst"},
		{"claude", "3f2a/agent-7", "claude/3f2a%2fagent-7.jsonl.zst"},
		{"..", "../../x", "%2e./%2e.%2f..%2fx.jsonl.zst"},
		{"/", "/x", "%2f/%2fx.jsonl.zst"},
		{"pi", ".", "pi/%2e.jsonl.zst"},
		{"pi", "", "pi/.jsonl.zst"},
		{"pi", `C:\x`, "pi/C%3a%5cx.jsonl.zst"},
		{"pi", "a\x00b\n", "pi/a%00b%0a.jsonl.zst"},
		{"pi", "a%2fb", "pi/a%252fb.jsonl.zst"},
		{"pi", "é *?", "pi/%c3%a9%20%2a%3f.jsonl.zst"},
	} {
		top := t.TempDir()
		st := NewStore(filepath.Join(top, "state", "sessions"))
		write(t, st, &Session{Header: Header{Agent: c.agent, ID: c.id}})
		if got := files(t, top); !cmp.Equal(got, []string{"state/sessions/" + c.want}) {
			t.Errorf("Write of %q/%q makes %q, want %q", c.agent, c.id, got, c.want)
		}
	}
}

// File names of different sessions differ, fit every file system and have
// no character with a meaning, however long and odd the ids are.
func TestFileNames(t *testing.T) {
	odd := rapid.Custom(func(t *rapid.T) string {
		s := rapid.SampledFrom([]string{"", "..", strings.Repeat("x", maxName-1), strings.Repeat("/", maxName)}).Draw(t, "start")
		return s + rapid.String().Draw(t, "rest")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := odd.Draw(t, "a"), odd.Draw(t, "b")
		name := fileName(a)
		if name == fileName(b) && a != b {
			t.Errorf("fileName(%q) = fileName(%q) = %q", a, b, name)
		}
		if len(name) > maxName || strings.HasPrefix(name, ".") || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.%") != "" {
			t.Errorf("fileName(%q) = %q (%d bytes)", a, name, len(name))
		}
	})
	long := strings.Repeat("very/", 1000)
	write(t, NewStore(t.TempDir()), &Session{Header: Header{Agent: long, ID: long}})
}

// Sessions are for their owner only.
func TestStoreIsPrivate(t *testing.T) {
	top := t.TempDir()
	st, s := NewStore(filepath.Join(top, "sessions")), full()
	write(t, st, s)
	for path, want := range map[string]fs.FileMode{st.dir: 0o700, filepath.Dir(st.path(s.Agent, s.ID)): 0o700, st.path(s.Agent, s.ID): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

// A session that cannot be written leaves what was there, and nothing else.
func TestFailedWrite(t *testing.T) {
	st := NewStore(t.TempDir())
	write(t, st, full())
	for _, spoil := range []func(*Session){ // JSON has no such year and no such number
		func(s *Session) { s.Events[0].Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		func(s *Session) { s.Usage.Cost = math.NaN() },
		func(s *Session) { s.ID, s.Usage.Cost = "new", math.Inf(1) },
	} {
		bad := full()
		spoil(bad)
		if _, err := st.Write(bad); err == nil || !strings.HasPrefix(err.Error(), "storing session "+bad.Name()+": ") {
			t.Errorf("Write = %v, want an error that names the session", err)
		}
	}
	if got := files(t, st.dir); !cmp.Equal(got, []string{"claude/3f2a%2fagent-7.jsonl.zst"}) {
		t.Errorf("files = %q", got)
	}
	if diff := cmp.Diff(full(), read(t, st, full())); diff != "" {
		t.Errorf("Read gives (-want +got):\n%s", diff)
	}
}

// A reader sees the old or the new session, never half of one.
func TestReadWhileWriting(t *testing.T) {
	st, old, changed := NewStore(t.TempDir()), full(), full()
	changed.Events[1].Text = strings.Repeat("more and more ", 10_000)
	write(t, st, old)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 50 {
				if got, err := st.Read(old.Agent, old.ID); err != nil || !cmp.Equal(got, full()) && len(got.Events[1].Text) != 140_000 {
					t.Errorf("Read = %v, %v, want one of the two", got, err)
				}
			}
		})
	}
	for range 25 {
		write(t, st, changed)
		write(t, st, old)
	}
	all.Wait()
}

func write(t rapid.TB, st *Store, s *Session) Info {
	t.Helper()
	info, err := st.Write(s)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func read(t rapid.TB, st *Store, s *Session) *Session {
	t.Helper()
	got, err := st.Read(s.Agent, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// stored returns the bytes of a session's file, put replaces them.
func stored(t rapid.TB, st *Store, s *Session) []byte {
	t.Helper()
	file, err := os.ReadFile(st.path(s.Agent, s.ID))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func put(t rapid.TB, st *Store, s *Session, file []byte) {
	t.Helper()
	if err := os.WriteFile(st.path(s.Agent, s.ID), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// files lists the files below a folder.
func files(t testing.TB, top string) (found []string) {
	err := fs.WalkDir(os.DirFS(top), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
