package ingest

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// databaseOf makes a database in WAL mode, as agents keep theirs, and returns
// its bytes.
func databaseOf(t testing.TB, statements string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.db")
	db := openRaw(t, name)
	run(t, db, "PRAGMA journal_mode = WAL", statements)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// openRaw opens a database as an agent does.
func openRaw(t testing.TB, name string) *sql.DB {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%.80s: %v", s, err)
		}
	}
}

// live is an agent's database in a home, with the agent at work in it.
type live struct {
	*world
	db   *sql.DB
	file string
}

const livePath = ".local/share/opencode/opencode.db"

func newLive(t testing.TB, mode string) *live {
	t.Helper()
	w := worldIn(t.TempDir())
	l := &live{world: w, file: filepath.Join(w.home, filepath.FromSlash(livePath))}
	l.db = openRaw(t, l.file)
	run(t, l.db, "PRAGMA journal_mode = "+mode, "PRAGMA wal_autocheckpoint = 0",
		"CREATE TABLE session (id text PRIMARY KEY, title text)",
		"CREATE TABLE message (id text PRIMARY KEY, session_id text, data text)",
		"CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, data text)")
	return l
}

// say adds a message to a session, which it makes when it is new.
func (l *live) say(t testing.TB, session, text string) {
	t.Helper()
	run(t, l.db, sayingSQL(session, text))
}

func sayingSQL(session, text string) string {
	id := session + strings.ReplaceAll(text, " ", "-")
	return fmt.Sprintf(`INSERT OR IGNORE INTO session VALUES ('ses_%[1]s', 'Talk');
INSERT INTO message VALUES ('msg_%[2]s', 'ses_%[1]s', '{"role":"user","time":{"created":%[4]d}}');
INSERT INTO part VALUES ('prt_%[2]s', 'msg_%[2]s', 'ses_%[1]s', '{"type":"text","text":"%[3]s"}');`,
		session, id, text, 1775030400000+int64(len(text))*1000)
}

// texts returns what was said, by session.
func (l *live) texts(t testing.TB) string {
	t.Helper()
	var all []string
	for _, s := range l.sessions(t) {
		for i := range s.Events {
			all = append(all, s.ID+": "+s.Events[i].Text)
		}
	}
	return strings.Join(all, "\n")
}

func (l *live) want(t testing.TB, texts ...string) {
	t.Helper()
	if got, want := l.texts(t), strings.Join(texts, "\n"); got != want {
		t.Errorf("sessions say\n%s\nwant\n%s", got, want)
	}
}

// What stands only in the log is read, also when only the log has grown; and
// nothing of the database is touched or left behind.
func TestSessionsInTheLog(t *testing.T) {
	l := newLive(t, "WAL")
	l.say(t, "a", "one")
	before, _ := os.Stat(l.file)
	if res := l.run(t); len(res.Changed) != 1 {
		t.Errorf("first run: %+v", res)
	}
	l.want(t, "ses_a: one")
	l.say(t, "b", "two")
	if res := l.run(t); !slices.Equal(res.Changed, []string{"opencode/ses_b"}) {
		t.Errorf("after another session: %+v", res)
	}
	l.say(t, "a", "three")
	if res := l.run(t); !slices.Equal(res.Changed, []string{"opencode/ses_a"}) {
		t.Errorf("after the first went on: %+v", res)
	}
	l.want(t, "ses_a: one", "ses_a: three", "ses_b: two")
	after, _ := os.Stat(l.file)
	if before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the database itself changed from %v to %v: the log was not all there was", before.Size(), after.Size())
	}
	if res := l.run(t); res.Read > 0 || res.Any() {
		t.Errorf("a run without news: %+v", res)
	}
	run(t, l.db, "PRAGMA wal_checkpoint(TRUNCATE)")
	if res := l.run(t); res.Any() {
		t.Errorf("after a checkpoint: %+v", res)
	}
	for name := range l.stored(t) {
		if strings.Contains(name, "copies") {
			t.Errorf("left behind: %s", name)
		}
	}
}

// A session that has not changed is not read again: what is stored of it stays
// even where it was changed by hand.
func TestUnchangedSessionsAreNotRead(t *testing.T) {
	l := newLive(t, "WAL")
	l.say(t, "a", "one")
	l.say(t, "b", "two")
	l.run(t)
	marked, err := l.store.Read("opencode", "ses_a")
	if err != nil {
		t.Fatal(err)
	}
	marked.Events[0].Text = "by hand"
	if _, err := l.store.Write(marked); err != nil {
		t.Fatal(err)
	}
	l.say(t, "b", "three")
	l.run(t)
	l.want(t, "ses_a: by hand", "ses_b: two", "ses_b: three")
	if s := l.catalog(t).Sources[livePath]; s.Records != 6 {
		t.Errorf("the report covers %d records, want those of all sessions: 6", s.Records)
	}
}

// A transaction of another program keeps nobody from reading what was there
// before it; where that cannot be told from the files alone, the database is
// busy, which is said, and read by the next run.
func TestLockedDatabase(t *testing.T) {
	for _, mode := range []string{"WAL", "DELETE"} {
		l := newLive(t, mode)
		l.say(t, "a", "one")
		l.run(t)
		run(t, l.db, "PRAGMA cache_size = 1", "BEGIN EXCLUSIVE", sayingSQL("a", "two"))
		for i := range 40 { // more than the cache holds: pages are written before the commit
			run(t, l.db, sayingSQL("a", strings.Repeat("much ", 20+i)))
		}
		l.run(t)
		l.want(t, "ses_a: one")
		s := l.catalog(t).Sources[livePath]
		if want := "database cannot be read: busy: a transaction is open, or was broken off"; mode == "DELETE" && s.Skipped != want {
			t.Errorf("%s: skipped as %q, want %q", mode, s.Skipped, want)
		} else if mode == "WAL" && s.Skipped != "" {
			t.Errorf("%s: skipped as %q", mode, s.Skipped)
		}
		run(t, l.db, "ROLLBACK")
		l.run(t)
		l.want(t, "ses_a: one")
		l.say(t, "a", "two")
		l.run(t)
		l.want(t, "ses_a: one", "ses_a: two")
		if s := l.catalog(t).Sources[livePath]; s.Skipped != "" {
			t.Errorf("%s: still skipped as %q", mode, s.Skipped)
		}
	}
}

// A database that cannot be read is tried again by the next run, changed or not.
func TestBusyDatabaseIsReadLater(t *testing.T) {
	l := newLive(t, "DELETE")
	l.say(t, "a", "one")
	journal := l.file + "-journal"
	if err := os.WriteFile(journal, []byte("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.run(t)
	l.want(t)
	os.Remove(journal)
	l.run(t)
	l.want(t, "ses_a: one")
}

// A database that was cut, overwritten or half overwritten keeps what was read
// of it before, says what is wrong, and comes back when it is whole again.
func TestDamagedDatabase(t *testing.T) {
	for name, damage := range map[string]func(data []byte) []byte{
		"cut in the middle": func(data []byte) []byte { return data[:len(data)/2] },
		"cut in a page":     func(data []byte) []byte { return data[:len(data)-1000] },
		"its head alone":    func(data []byte) []byte { return data[:16] },
		"its end is noise": func(data []byte) []byte {
			return append(slices.Clone(data[:len(data)/2]), []byte(strings.Repeat("noise", len(data)/10))...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t, "DELETE")
			for i := range 40 {
				l.say(t, string(rune('a'+i%4)), strings.Repeat("x", 100+i))
			}
			l.run(t)
			before := l.texts(t)
			whole, err := os.ReadFile(l.file)
			if err != nil {
				t.Fatal(err)
			}
			l.put(t, livePath, damage(whole))
			l.run(t)
			if got := l.texts(t); got != before {
				t.Errorf("sessions say %d bytes, before %d", len(got), len(before))
			}
			s := l.catalog(t).Sources[livePath]
			if !strings.Contains(s.Skipped, "database") && !strings.Contains(s.Skipped, "read only in part") {
				t.Errorf("the source says %q", s.Skipped)
			}
			l.put(t, livePath, whole)
			l.run(t)
			if s := l.catalog(t).Sources[livePath]; l.texts(t) != before || s.Skipped != "" {
				t.Errorf("whole again: %q; sessions say %d bytes, before %d", s.Skipped, len(l.texts(t)), len(before))
			}
		})
	}
}

// A database whose end is missing says so even if nothing stood there that is
// read: the next copy may miss more.
func TestDatabaseWithoutItsEnd(t *testing.T) {
	l := newLive(t, "DELETE")
	l.say(t, "a", "hello")
	run(t, l.db, "CREATE TABLE gone (x)", "INSERT INTO gone VALUES (zeroblob(20000))", "DROP TABLE gone")
	data, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	l.put(t, livePath, data[:len(data)-1000]) // of a page that is free
	l.run(t)
	l.want(t, "ses_a: hello")
	if s := l.catalog(t).Sources[livePath]; !strings.Contains(s.Skipped, "its end is missing") {
		t.Errorf("the source says %q", s.Skipped)
	}
}

// Sessions that the agent deleted are kept, and do not come back doubled.
func TestDeletedSessions(t *testing.T) {
	l := newLive(t, "WAL")
	l.say(t, "a", "first")
	l.say(t, "b", "one")
	l.run(t)
	remove := "DELETE FROM session WHERE id = 'ses_a'; DELETE FROM message WHERE session_id = 'ses_a'; DELETE FROM part WHERE session_id = 'ses_a'"
	run(t, l.db, remove)
	for range 2 {
		l.say(t, "b", "on "+strings.Repeat("and on ", len(l.texts(t))))
		l.run(t)
		if got := l.texts(t); !strings.Contains(got, "ses_a: first\nses_b: one\n") {
			t.Errorf("sessions say\n%s", got)
		}
	}
	l.say(t, "a", "first")
	l.run(t)
	if got := l.texts(t); strings.Count(got, "ses_a: first") != 1 || strings.Count(got, "\n") != 3 {
		t.Errorf("after it came back, sessions say\n%s", got)
	}
}

// A database of something else is passed over, with its log; one that nobody
// has open is not even copied.
func TestForeignDatabase(t *testing.T) {
	for _, open := range []bool{true, false} {
		w := newWorld(t)
		name := filepath.Join(w.home, "cookies.sqlite")
		db := openRaw(t, name)
		run(t, db, "PRAGMA journal_mode = WAL", "CREATE TABLE session (id text)", "INSERT INTO session VALUES ('x')")
		if !open {
			db.Close()
		}
		if _, ok := glance(t.Context(), name); ok == open {
			t.Errorf("open %v: a glance tells its tables: %v", open, ok)
		}
		res := w.run(t)
		if s := w.catalog(t).Sources["cookies.sqlite"]; res.Found != 1 || s == nil || s.Skipped != "no transcript of an agent that lode reads" {
			t.Errorf("open %v: found %d, %+v", open, res.Found, s)
		}
	}
}

// Copies that are made while a program writes, moves its log into the database
// and begins it anew are whole: every transaction is in them or not.
func TestCopyWhileWriting(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.db")
	db := openRaw(t, name)
	run(t, db, "PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", "PRAGMA wal_autocheckpoint = 20", "CREATE TABLE account (n integer PRIMARY KEY, sum integer, pad text)")
	const accounts = 200
	for n := range accounts {
		run(t, db, fmt.Sprintf("INSERT INTO account VALUES (%d, 100, '%s')", n, strings.Repeat("x", 500)))
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			tx, err := db.Begin()
			if err != nil {
				return
			}
			tx.Exec("UPDATE account SET sum = sum - 1 WHERE n = ?", i*7%accounts)
			tx.Exec("UPDATE account SET sum = sum + 1 WHERE n = ?", i*13%accounts)
			tx.Commit()
			if i%50 == 0 {
				db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
			}
		}
	})
	dir, whole, busy := t.TempDir(), 0, 0
	for range 60 {
		d, err := tryDatabase(t.Context(), name, dir)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "busy: ") {
				t.Errorf("copying: %v", err)
			}
			busy++
			continue
		}
		whole++
		for query, want := range map[string]string{"PRAGMA integrity_check": "ok", "SELECT sum(sum) FROM account": fmt.Sprint(100 * accounts)} {
			err := d.query(func(row []string) error {
				if row[0] != want {
					t.Errorf("%s: %s, want %s", query, row[0], want)
				}
				return nil
			}, query)
			if err != nil {
				t.Errorf("%s: %v", query, err)
			}
		}
		d.close()
	}
	close(stop)
	wg.Wait()
	t.Logf("%d copies, %d times busy", whole, busy)
	if whole == 0 {
		t.Error("no copy was made")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The copies are for nobody else to read.
func TestCopiesArePrivate(t *testing.T) {
	l := newLive(t, "WAL")
	c := &copies{ctx: t.Context(), root: t.TempDir()}
	d, err := c.database(l.file)
	if err != nil {
		t.Fatal(err)
	}
	filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && !strings.HasSuffix(path, "-shm") {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err := d.query(func([]string) error { return nil }, "DELETE FROM session"); err == nil {
		t.Error("a copy can be written to")
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(c.root); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
