package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lode/session"
)

// shop are sessions of two shards.
func shop() []*session.Session {
	return []*session.Session{
		story("claude/a", "2025-12-31 /home/dev/shop\nuser: the cart of last year\nshell: make cart\n> cart made\n"),
		story("claude/b", "2026-05-01 /home/dev/shop\nuser: the cart is slow\nshell: go test ./cart\n! FAIL: cart timed out\n"),
		story("codex/c", "2026-05-02 /home/dev/shop\nuser: the search is slow\nagent: An index helps.\n"),
	}
}

// queries are what two indexes are compared by.
var queries = []string{"cart", "slow", "cart slow", `"is slow"`, "cart -slow", "go test", "item", "cart nowhere", "cart | failed", "slow | kind=user", "cart | since=2026-01-01", "slow | limit=1"}

func answers(t testing.TB, dir string) string {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	defer r.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "%d sessions, %d documents\n", r.Info.Sessions, r.Info.Docs)
	for _, q := range queries {
		b.WriteString("? " + q + "\n" + ask(t, r, q))
	}
	return b.String()
}

func fresh(t testing.TB, sessions ...*session.Session) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "index")
	put(t, dir, sessions...)
	return answers(t, dir)
}

// tree is the files below a folder with their texts, without the locks.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			text, rerr := os.ReadFile(path)
			files[path], err = string(text), rerr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// generations lists what the folder of an index holds.
func generations(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// A reader goes on answering from its generation while others come and go; what
// is opened afterwards has the new one. A generation that nobody uses is removed.
func TestGenerations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	s := shop()
	put(t, dir, s...)
	old, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := ask(t, old, "cart")
	put(t, dir, s[1:]...)
	put(t, dir, s[2:]...)
	if got := generations(t, dir); got != "000001 000003 current" {
		t.Errorf("with a reader of the first: %s, want 000001 000003 current", got)
	}
	if got := ask(t, old, "cart"); got != before {
		t.Errorf("the old reader answers %q, want %q", got, before)
	}
	if got := ask(t, openReader(t, dir), "cart"); !strings.HasPrefix(got, "exact 0\n") {
		t.Errorf("a new reader answers %q, want nothing", got)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	put(t, dir, s...)
	if got := generations(t, dir); got != "000003 000004 current" {
		t.Errorf("with a reader of the third: %s, want 000003 000004 current", got)
	}
}

// The same sessions change no file; another one leaves the shards of the other
// years as they are.
func TestUpdateTouchesWhatChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	s := shop()
	put(t, dir, s...)
	before := tree(t, dir)
	if published := put(t, dir, s...); published || !maps.Equal(before, tree(t, dir)) {
		t.Errorf("the same sessions: published %v, changed:\n%s", published, cmp.Diff(before, tree(t, dir)))
	}
	put(t, dir, s[0], s[1])
	for name, text := range tree(t, dir) {
		if old, ok := before[strings.Replace(name, "000002", "000001", 1)]; strings.Contains(name, "2025") && (!ok || old != text) {
			t.Errorf("%s was written, though its sessions are the same", name)
		}
	}
}

// What was begun and given up leaves nothing, and nothing of it is seen.
func TestAbandon(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	s := shop()
	put(t, dir, s[:2]...)
	before := tree(t, dir)
	w, err := NewWriter(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put(s[2], "d"); err != nil {
		t.Fatal(err)
	}
	w.Abandon()
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("Abandon left (-before +after):\n%s", diff)
	}
}

// Whatever of an index is damaged, gone, or of another version, it is refused or
// answers as before, and the next update makes it anew: the answers are those of
// an index built at once.
func TestDamage(t *testing.T) {
	t.Parallel() // it waits for the disk
	gen := func(names ...string) string { return filepath.Join(append([]string{"000001"}, names...)...) }
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.RemoveAll(filepath.Join(dir, name)) }
	}
	garble := func(name, text string) func(string) error {
		return func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, name))
			if err == nil && len(files) == 0 {
				err = fs.ErrNotExist
			}
			for _, f := range files {
				if err == nil {
					err = os.WriteFile(f, []byte(text), 0o600)
				}
			}
			return err
		}
	}
	whole := filepath.Join(t.TempDir(), "index")
	put(t, whole, shop()...)
	want := []string{answers(t, whole), fresh(t, shop()[1:]...)}
	for _, c := range []struct {
		name   string
		damage func(dir string) error
	}{
		{"no index", remove("")},
		{"no current", remove("current")},
		{"current empty", garble("current", "")},
		{"current names nothing", garble("current", "../..\n")},
		{"current names another", garble("current", "000009\n")},
		{"no generation", remove(gen())},
		{"no info", remove(gen("info.json"))},
		{"info cut", garble(gen("info.json"), `{"sch`)},
		{"another schema", garble(gen("info.json"), `{"schema":0,"annotate":1,"sessions":3,"docs":7}`)},
		{"other annotations", garble(gen("info.json"), fmt.Sprintf(`{"schema":%d,"annotate":0}`, SchemaVersion))},
		{"no sessions", remove(gen("sessions.json"))},
		{"sessions cut", garble(gen("sessions.json"), `{"claude/a":{"d`)},
		{"no shard", remove(gen("2025"))},
		{"shard without its store", remove(gen("2026", "store"))},
		{"shard's head garbled", garble(gen("2025", "index_meta.json"), "{")},
		{"shard's root empty", garble(gen("2025", "store", "root.bolt"), "")},
		{"shard's root garbled", garble(gen("2025", "store", "root.bolt"), strings.Repeat("garbage ", 8192))},
		{"segments gone", func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, gen("2026", "store", "*.zap")))
			for _, f := range files {
				os.Remove(f)
			}
			return err
		}},
		{"segments empty", garble(gen("2026", "store", "*.zap"), "")},
		{"segments cut", garble(gen("2026", "store", "*.zap"), "\x01\x02\x03")},
		{"segments garbled", garble(gen("2026", "store", "*.zap"), strings.Repeat("garbage ", 512))},
	} {
		for less := range want { // with all sessions still there, and with one of them gone
			dir := filepath.Join(t.TempDir(), "index")
			if err := errors.Join(os.CopyFS(dir, os.DirFS(whole)), c.damage(dir)); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if r, err := Open(dir); err == nil {
				r.Close()
				if diff := cmp.Diff(want[0], answers(t, dir)); diff != "" {
					t.Errorf("%s: opened, it answers (-before +damaged):\n%s", c.name, diff)
				}
			}
			put(t, dir, shop()[less:]...)
			if diff := cmp.Diff(want[less], answers(t, dir)); diff != "" {
				t.Errorf("%s: the answers (-built at once +built anew):\n%s", c.name, diff)
			}
		}
	}
}

// A lock that another holds is not damage: the index is left as it is.
func TestBusy(t *testing.T) {
	t.Parallel() // it waits for the lock
	dir := filepath.Join(t.TempDir(), "index")
	put(t, dir, shop()...)
	before := tree(t, dir)
	lock := flock.New(filepath.Join(dir, "000001", "2025", "store", "root.bolt"), flock.SetFlag(os.O_RDWR))
	if ok, err := lock.TryLock(); !ok {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if w, err := NewWriter(dir, 1); err == nil {
		w.Abandon()
		t.Error("NewWriter over a locked shard = nil, want an error")
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("a busy lock changed (-before +after):\n%s", diff)
	}
}

// Without an index there is nothing to open, and that is told apart.
func TestOpenNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	if _, err := Open(dir); err != ErrNone || Exists(dir) {
		t.Errorf("Open without an index = %v, want %v", err, ErrNone)
	}
	put(t, dir)
	if got := answers(t, dir); !Exists(dir) || strings.Contains(got, "claude") {
		t.Errorf("an index of nothing answers %s", got)
	}
}

// In whatever order sessions come, change, move to another year and go, the
// index answers as one that is built at once.
func TestGrownIsBuilt(t *testing.T) {
	t.Parallel() // it waits for the disk
	words := rapid.SampledFrom([]string{"cart", "the cart is slow", "is slow, the cart", "parseCartItem", "go test ./cart", "item"})
	aSession := rapid.Custom(func(t *rapid.T) *session.Session {
		text := rapid.SampledFrom([]string{"2025-12-31", "2026-05-01", "undated"}).Draw(t, "day") + " /home/dev/shop\n"
		for range rapid.IntRange(0, 5).Draw(t, "events") {
			text += rapid.SampledFrom([]string{"user: ", "agent: ", "shell: ", "shell: x\n! "}).Draw(t, "kind") + words.Draw(t, "words") + "\n"
		}
		return story(rapid.SampledFrom([]string{"claude/a", "claude/b", "claude/c", "codex/d", "codex/e"}).Draw(t, "name"), text)
	})
	byName := func(s *session.Session) string { return s.Name() }
	histories := rapid.Custom(func(t *rapid.T) (history [][]*session.Session) {
		now := shop()
		for range rapid.IntRange(1, 4).Draw(t, "updates") {
			now = rapid.SliceOfNDistinct(rapid.OneOf(aSession, rapid.SampledFrom(append(now, shop()[0]))), 0, 5, byName).Draw(t, "sessions")
			history = append(history, now)
		}
		return history
	})
	for i := range 20 { // an index waits for the disk, so only so many
		dir := filepath.Join(t.TempDir(), "index")
		history := histories.Example(i)
		for _, now := range history {
			put(t, dir, now...)
		}
		if diff := cmp.Diff(fresh(t, history[len(history)-1]...), answers(t, dir)); diff != "" {
			t.Errorf("history %d: the answers (-built at once +grown):\n%s", i, diff)
		}
	}
}

// Of more equally good places than an answer has room for, the same are in it
// whatever way the index came about.
func TestTies(t *testing.T) {
	var s []*session.Session
	for i := range maxCandidates + 100 {
		s = append(s, story(fmt.Sprintf("claude/%03d", i), fmt.Sprintf("%d-05-01 /home/dev/shop\nuser: the cart\n", 2025+i%2)))
	}
	for _, better := range []string{"", "agent: the cart is a cart\n"} {
		all := append(s, story("codex/a", "2026-05-01 /home/dev/shop\nuser: a wheel\n"+better))
		whole, grown := filepath.Join(t.TempDir(), "index"), filepath.Join(t.TempDir(), "index")
		put(t, whole, all...)
		put(t, grown, all[len(all)/2:]...)
		put(t, grown, all...)
		for _, q := range []string{"cart | limit=1", "cart | limit=2", `"the cart" | limit=1`} {
			if diff := cmp.Diff(ask(t, openReader(t, whole), q), ask(t, openReader(t, grown), q)); diff != "" {
				t.Errorf("%s (-built at once +grown):\n%s", q, diff)
			}
		}
		if got := ask(t, openReader(t, whole), fmt.Sprintf("cart | limit=10 skip=%d", maxCandidates+50)); strings.Count(got, "\n") < 10 {
			t.Errorf("a late page has %s", got)
		}
	}
}

// Batches are written side by side: a changed session whose documents fall into
// two of them, the first slow to write, loses none.
func TestBatchesSideBySide(t *testing.T) {
	small := func(word string) *session.Session {
		return story("claude/small", "2026-05-01 /home/dev/shop\nuser: "+strings.Repeat(word+" ", maxWords/8)+strings.Repeat("\nuser: "+word, 9)+"\n")
	}
	big := story("claude/big", "2026-05-01 /home/dev/shop\n"+strings.Repeat("user: "+strings.Repeat("filling ", maxWords/8)+"\n", batchBytes/(2*maxWords+128)))
	dir := filepath.Join(t.TempDir(), "index")
	put(t, dir, small("before"))
	put(t, dir, big, small("afterwards"))
	r := openReader(t, dir)
	if got := ask(t, r, "before"); !strings.HasPrefix(got, "exact 0\n") {
		t.Errorf("what was replaced is found: %s", got)
	}
	if got := ask(t, r, "afterwards"); !strings.HasPrefix(got, "exact 10\n") {
		t.Errorf("of 10 new documents are found: %.40s", got)
	}
}

// A shard built anew is left with few segments, a night that adds to it writes
// one more, and neither loses a document.
func TestFewSegments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	segments := func() int {
		base, err := current(dir)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(base, "2026", "store", "*.zap"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	const batches = 4
	long := story("claude/long", "2026-05-01 /home/dev/shop\n"+strings.Repeat("user: basket\n", batches*batchDocs))
	put(t, dir, long)
	if n := segments(); n != 1 {
		t.Errorf("%d batches left %d segments, want 1", batches, n)
	}
	put(t, dir, long, story("claude/next", "2026-05-02 /home/dev/shop\nuser: basket\n"))
	if n := segments(); n != 2 {
		t.Errorf("after a night that added to it: %d segments, want 2", n)
	}
	if got, want := ask(t, openReader(t, dir), "basket"), fmt.Sprintf("exact %d\n", batches*batchDocs+1); !strings.HasPrefix(got, want) {
		t.Errorf("found are %.40s, want %s", got, want)
	}
}

// What a run that was killed left half written beside the name of the current
// generation goes with the next update, also when there is nothing to publish.
func TestSweepsHalfWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	build := func() {
		w, err := NewWriter(dir, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Publish(time.Now()); err != nil {
			t.Fatal(err)
		}
		w.Abandon()
	}
	build()
	half := filepath.Join(dir, ".current123456789")
	if err := os.WriteFile(half, []byte("0000"), 0o600); err != nil {
		t.Fatal(err)
	}
	build()
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", half, err)
	}
}

// A byte that went wrong within a segment makes a search fail, or find something
// else; it ends no process.
func TestWrongBytes(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "index")
	put(t, whole, shop()...)
	files, err := filepath.Glob(filepath.Join(whole, "000001", "*", "store", "*.zap"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var queries []Query
	for _, line := range []string{"cart", `"the cart"`, "ca*", "failed:yes", "carrt", "cart -slow since:2025-01-01"} {
		q, err := parseQuery(line)
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, q)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(text); at += 23 {
			dir := filepath.Join(t.TempDir(), "index")
			rel, err := filepath.Rel(whole, file)
			wrong := bytes.Clone(text)
			wrong[at] ^= 0xff
			if err := errors.Join(err, os.CopyFS(dir, os.DirFS(whole)), os.WriteFile(filepath.Join(dir, rel), wrong, 0o600)); err != nil {
				t.Fatal(err)
			}
			if r, err := Open(dir); err == nil {
				for _, q := range queries {
					r.Search(context.Background(), q)
				}
				r.Close()
			}
			os.RemoveAll(dir)
		}
	}
}
