package ingest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/tidwall/gjson"

	"lode/session"
)

// Every format inherits this suite with a folder testdata/<name> of cases in
// txtar: a comment that says what the case holds, the agent's files, and
// "events", what lode makes of them. A file named .jsonl has a record a line, a
// file named .json is one document, a file named .md is text, of which each
// line is read, .zst is compressed here, and .db is the SQL that makes a
// database. main.txtar is an ordinary session, with the word lorem wherever free
// text can stand.

var update = flag.Bool("update", false, "rewrite the golden events in testdata")

// example is a case of a format.
type example struct {
	name    string
	file    string
	format  *Format
	archive *txtar.Archive
	files   []file
	golden  string
}

// file is a transcript of a case.
type file struct {
	path string
	data []byte
	sql  []byte // of a database, what makes it
}

func (f *file) lines() bool { return strings.HasSuffix(f.path, ".jsonl") }
func (f *file) prose() bool { return strings.HasSuffix(f.path, ".md") }

// text is what the case says of a file, and of makes the file when it says
// something else.
func (f *file) text() []byte {
	if f.sql != nil {
		return f.sql
	}
	return f.data
}

func (f *file) of(t testing.TB, text []byte) []byte {
	if f.sql != nil {
		return databaseOf(t, string(text))
	}
	return text
}

// kin are agents whose databases are the same: only their places differ.
var kin = map[string]string{"kilo": "opencode", "opencode": "kilo"}

// examples returns the examples of all formats; a format without main.txtar fails.
func examples(t testing.TB) (all []example) {
	t.Helper()
	for i := range Formats {
		dir := filepath.Join("testdata", Formats[i].Name)
		if _, err := os.Stat(filepath.Join(dir, "main.txtar")); err != nil {
			t.Fatal("a format needs a folder of cases: ", err)
		}
		all = append(all, examplesIn(t, &Formats[i], dir)...)
	}
	return all
}

func examplesIn(t testing.TB, f *Format, dir string) (all []example) {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*.txtar"))
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c := example{name: f.Name + "/" + strings.TrimSuffix(filepath.Base(name), ".txtar"), file: name, format: f, archive: archive}
		for _, f := range archive.Files {
			switch data := f.Data; {
			case f.Name == "events":
				c.golden = string(data)
			case strings.HasSuffix(f.Name, ".zst"):
				c.files = append(c.files, file{path: f.Name, data: zipped(data)})
			case strings.HasSuffix(f.Name, ".db"):
				c.files = append(c.files, file{f.Name, databaseOf(t, string(data)), data})
			default:
				c.files = append(c.files, file{path: f.Name, data: data})
			}
		}
		all = append(all, c)
	}
	return all
}

// mains returns the ordinary session of each format.
func mains(t testing.TB) []example {
	return slices.DeleteFunc(examples(t), func(c example) bool { return !strings.HasSuffix(c.name, "/main") })
}

func zipped(data []byte) []byte {
	z, _ := zstd.NewWriter(nil)
	defer z.Close()
	return z.EncodeAll(data, nil)
}

// read parses a transcript as Run does, databases apart without the disk.
func read(f *Format, path string, data []byte) (*Draft, []*session.Session, error) {
	d := newDraft(path, f)
	switch {
	case isSQLite(data) && f.ReadDB != nil:
		err := readDB(f, data, d)
		return d, d.finish(), err
	case f.Parse == nil:
		return d, nil, errors.New("not a database")
	}
	err := f.Parse(&Input{Path: path, Reader: bytes.NewReader(data)}, d)
	return d, d.finish(), err
}

func readDB(f *Format, data []byte, d *Draft) error {
	dir, err := os.MkdirTemp("", "lode-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "x.db")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		return err
	}
	db, err := tryDatabase(context.Background(), name, dir)
	if err != nil {
		return err
	}
	defer db.close()
	return errors.Join(f.ReadDB(db, d), d.partial())
}

// said is what an event says, without its place and what later records may add.
func said(e *session.Event) string {
	return fmt.Sprintf("%s %s %s %s %s %q %q", e.Kind, e.Author, e.Act, e.Tool, e.Dir, e.Command, e.Text)
}

// saying lists what sessions say, in order.
func saying(sessions []*session.Session) (all []string) {
	for _, s := range sessions {
		for i := range s.Events {
			all = append(all, said(&s.Events[i]))
		}
	}
	return all
}

// byRef returns what stands at each reference, which must be unique and resolve.
func byRef(t testing.TB, sessions []*session.Session) map[string]*session.Event {
	t.Helper()
	refs := make(map[string]*session.Event)
	for _, s := range sessions {
		for i := range s.Events {
			e, ref := &s.Events[i], s.Ref(&s.Events[i])
			if refs[ref.String()] != nil {
				t.Fatalf("%s names two events:\n%s\n%s", ref, said(refs[ref.String()]), said(e))
			}
			refs[ref.String()] = e
			if back, err := session.ParseRef(ref.String()); err != nil || back != ref {
				t.Fatalf("ParseRef(%q) = %v, %v, want %v", ref, back, err, ref)
			}
			if found, ok := s.Find(ref); !ok || found != e {
				t.Fatalf("Find(%s) = %v, want %s", ref, found, said(e))
			}
		}
	}
	return refs
}

// Each case's files, read by Run from a home, give the events that it says.
func TestGolden(t *testing.T) {
	for _, c := range examples(t) {
		t.Run(c.name, c.golds)
	}
}

func (c *example) golds(t *testing.T) {
	w := newWorld(t)
	for _, f := range c.files {
		w.put(t, f.path, f.data)
	}
	w.run(t)
	got := w.show(t)
	if *update {
		c.archive.Files = slices.DeleteFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == "events" })
		c.archive.Files = append(c.archive.Files, txtar.File{Name: "events", Data: []byte(got)})
		if err := os.WriteFile(c.file, txtar.Format(c.archive), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != c.golden {
		t.Errorf("-update rewrites it:\n%s", diff.Diff(c.file, []byte(c.golden), "got", []byte(got)))
	}
}

// A file is recognised by its content alone, by one format only, and reads the
// same under another name.
func TestRecognised(t *testing.T) {
	for _, c := range examples(t) {
		for _, f := range c.files {
			for i := range Formats {
				name := Formats[i].Name
				want := c.format.Name == name || f.sql != nil && kin[c.format.Name] == name
				if got := knows(t, &Formats[i], f.data); got != want {
					t.Errorf("%s: %s knows %s: %v, want %v", c.name, name, f.path, got, want)
				}
			}
			_, want, _ := read(c.format, f.path, f.data)
			_, got, err := read(c.format, "notes.txt", f.data)
			if diff := cmp.Diff(saying(want), saying(got)); diff != "" || err != nil || len(want) == 0 {
				t.Errorf("%s: %s under another name: %v\n%s", c.name, f.path, err, diff)
			}
		}
	}
}

// knows reports whether a format recognises a file.
func knows(t *testing.T, f *Format, data []byte) bool {
	head := data[:min(len(data), sniffLen)]
	if !isSQLite(head) {
		return f.Sniff != nil && f.Sniff(head)
	}
	name := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := tryDatabase(t.Context(), name, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	return f.Holds != nil && f.Holds(db.schema)
}

// A file cut at any byte says nothing that the whole does not say at the same
// reference, says all that stands in its whole records, and owns up to the cut.
// So references stay as a file grows. The last event of a text may go on.
func TestCutAnywhere(t *testing.T) {
	for _, c := range examples(t) {
		for _, f := range c.files {
			_, whole, _ := read(c.format, f.path, f.data)
			want := byRef(t, whole)
			main, step := strings.HasSuffix(c.name, "/main"), 1
			switch {
			case f.sql != nil:
				step = 1021
			case !main:
				step = 37
			}
			for n := 1; n < len(f.data); n += step {
				d, sessions, err := read(c.format, f.path, f.data[:n])
				got := byRef(t, sessions)
				for ref, e := range got {
					if want[ref] == nil || said(want[ref]) != said(e) && !(f.prose() && isLast(e, got) && begins(e, want[ref])) {
						t.Fatalf("%s: %s cut at %d invents %s: %s", c.name, f.path, n, ref, said(e))
					}
				}
				for ref, e := range want {
					if main && f.lines() && got[ref] == nil && e.N <= bytes.Count(f.data[:n], []byte("\n")) {
						t.Fatalf("%s: %s cut at %d lacks %s: %s", c.name, f.path, n, ref, said(e))
					}
				}
				last := f.data[:n]
				if f.lines() || f.prose() {
					last = bytes.TrimSpace(f.data[bytes.LastIndexByte(f.data[:n], '\n')+1 : n])
				}
				whole := f.sql == nil && gjson.ValidBytes(last)
				if owned := d.Partial || d.BadRecords() > 0 || err != nil; len(last) > 0 && owned == whole && !f.prose() || len(last) > 0 && f.prose() && !owned {
					t.Fatalf("%s: %s cut at %d, behind %q: partial %v, bad %v, error %v", c.name, f.path, n, last, d.Partial, d.Report.Bad, err)
				}
			}
		}
	}
}

// isLast reports whether no event stands further below.
func isLast(e *session.Event, all map[string]*session.Event) bool {
	for _, other := range all {
		if other.N > e.N {
			return false
		}
	}
	return true
}

// begins reports whether an event is the beginning of another.
func begins(e, whole *session.Event) bool {
	part := *whole
	part.Command, part.Text = e.Command, e.Text
	if e.Dir == "" {
		part.Dir = ""
	}
	return said(&part) == said(e) && strings.HasPrefix(whole.Command, e.Command) && strings.HasPrefix(whole.Text, e.Text)
}

// insert returns an edit that puts a line before the third.
func insert(line string) func([]string) []string {
	return func(lines []string) []string { return slices.Insert(lines, 2, line+"\n") }
}

// damages are what happens to files with a record a line, and what the report
// says of it. Whatever happens, every other record is read.
var damages = []struct {
	name string
	do   func(lines []string) []string
	want string
}{
	{"a line that is not JSON", insert(`{"type": oops`), "3"},
	{"a line of NUL bytes", insert("\x00\x00\x00"), "3"},
	{"a line that is no record", insert(`["user"]`), "3"},
	{"a line with broken UTF-8 outside of strings", insert("{\xff}"), "3"},
	{"an unknown record", insert(`{"type":"brand-new","payload":{"text":"x"}}`), "brand-new"},
	{"two unknown records on a line", insert(`{"type":"brand-new","payload":{}}{"type":"brand-newer","payload":{}}`), "brand-new brand-newer"},
	{"a record before one that is not JSON", insert(`{"type":"brand-new","payload":{}}{"type`), "3 brand-new"},
	{"an empty line", insert(""), ""},
	{"two records on a line", func(l []string) []string { l[2] = strings.TrimSpace(l[2]); return l }, ""},
	{"a half-written last line", func(l []string) []string { return append(l, `{"type":"user","mess`) }, "partial"},
	{"a last line that is neither JSON nor ended", func(l []string) []string { return append(l, `{"type": oops}`) }, "last"},
	{"a last line that lacks its end", func(l []string) []string { l[len(l)-1] = strings.TrimSpace(l[len(l)-1]); return l }, ""},
	{"line ends of Windows", func(l []string) []string {
		for i := range l {
			l[i] = strings.TrimSpace(l[i]) + "\r\n"
		}
		return l
	}, ""},
}

// A damaged record is reported with its line, an unknown one with its name,
// and everything around it is still read.
func TestDamage(t *testing.T) {
	for _, c := range mains(t) {
		f := c.files[0]
		if !f.lines() {
			continue // a document is whole or not: TestCutAnywhere
		}
		_, want, _ := read(c.format, f.path, f.data)
		for _, damage := range damages {
			t.Run(c.format.Name+"/"+damage.name, func(t *testing.T) {
				lines := damage.do(slices.Collect(strings.Lines(string(f.data))))
				d, got, err := read(c.format, f.path, []byte(strings.Join(lines, "")))
				byRef(t, got)
				if diff := cmp.Diff(saying(want), saying(got)); diff != "" || err != nil {
					t.Errorf("error %v; what is said (-want +got):\n%s", err, diff)
				}
				var report []string
				for _, b := range d.Report.Bad {
					report = append(report, strings.Replace(fmt.Sprint(b.Line), fmt.Sprint(len(lines)), "last", 1))
				}
				report = append(report, slices.Sorted(maps.Keys(d.Unknown))...)
				if d.Partial {
					report = append(report, "partial")
				}
				if got := strings.Join(report, " "); got != damage.want {
					t.Errorf("reported %q, want %q", got, damage.want)
				}
			})
		}
	}
}

// plain turns the JSON escapes of dirty texts into what they stand for.
var plain = strings.NewReplacer(`\u0000`, "\x00", `\u001b`, "\x1b", `\u202e`, "\u202e", `\ud800`, "\xff", `\n`, "\n")

// Whatever stands in a text comes out clean: no control characters or invisible
// ones, nothing but UTF-8, however long it is.
func TestDirtyText(t *testing.T) {
	for _, c := range mains(t) {
		f := c.files[0]
		for _, dirty := range []struct{ name, text, want string }{
			{"NUL", `lo\u0000rem`, "lorem"},
			{"terminal escape", `\u001b[31mlorem\u001b[0m`, "lorem"},
			{"bidirectional override", `\u202elorem`, "lorem"},
			{"broken UTF-8", "lo\xffrem", "lo\ufffdrem"},
			{"lone surrogate", `lo\ud800rem`, "lo\ufffdrem"},
		} {
			if f.prose() {
				dirty.text = plain.Replace(dirty.text)
			}
			_, want, _ := read(c.format, f.path, f.of(t, bytes.ReplaceAll(f.text(), []byte("lorem"), []byte(dirty.want))))
			_, got, err := read(c.format, f.path, f.of(t, bytes.ReplaceAll(f.text(), []byte("lorem"), []byte(dirty.text))))
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(session.Event{}, "Key")); diff != "" || err != nil {
				t.Errorf("%s: %s: %v (-want +got):\n%s", c.name, dirty.name, err, diff)
			}
		}
		const long = 24 << 20
		last := bytes.LastIndex(f.text(), []byte("lorem"))
		d, got, err := read(c.format, f.path, f.of(t, slices.Concat(f.text()[:last], bytes.Repeat([]byte("lorem "), long/6), f.text()[last:])))
		longest := 0
		for i := range got[0].Events {
			longest = max(longest, len(got[0].Events[i].Text), len(got[0].Events[i].Command))
		}
		if longest < long || d.BadRecords() > 0 || err != nil {
			t.Errorf("%s: longest text of a line with %d bytes = %d, %d bad records, error %v", c.name, long, longest, d.BadRecords(), err)
		}
	}
}

// The secrets are made up, and written in pieces where a scanner would fire.
var secrets = []struct{ text, never string }{
	{"gh" + "p_0123456789abcdefghijABCDEFGHIJ012345", "01234567"},
	{"postgres://app:hunter2x@db.example/shop", "hunter2x"},
	{"-----BEGIN " + `PRIVATE KEY-----\nMIIEow7x\n-----END PRIVATE KEY-----`, "MIIEow7x"},
}

// No secret in a transcript, be it in a text, a command, a title, a folder or a
// line that cannot be read, is stored or reported.
func TestSecretsStayOut(t *testing.T) {
	for _, c := range mains(t) {
		for _, secret := range secrets {
			w := newWorld(t)
			f := c.files[0]
			text := bytes.ReplaceAll(f.text(), []byte("lorem"), []byte(secret.text))
			if f.lines() {
				text = slices.Concat(text, []byte(secret.text+"\n"), []byte("they said it was "+secret.text+"\n"))
			}
			w.put(t, f.path, f.of(t, text))
			res := w.run(t)
			for name, stored := range w.stored(t) {
				if strings.Contains(stored, secret.never) {
					t.Errorf("%s: %s holds %q", c.name, name, secret.never)
				}
			}
			printed := fmt.Sprintf("%+v %+v", res, w.catalog(t).Cover(nil))
			if strings.Contains(printed, secret.never) || !strings.Contains(printed, "Secrets:map[") {
				t.Errorf("%s: the report holds %q, or counts none: %s", c.name, secret.never, printed)
			}
		}
	}
}
