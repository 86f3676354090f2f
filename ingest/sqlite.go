package ingest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite"
)

// Many agents keep all their sessions in one SQLite database and write to it
// while lode reads. So nothing is ever opened in place: the database is copied
// together with its log, whose frames are the newest sessions, and the copy is
// read. Opening the original would take locks in it, and opening it as
// immutable would drop the log.

// isSQLite reports whether a file that starts with head is a SQLite database.
func isSQLite(head []byte) bool { return bytes.HasPrefix(head, []byte("SQLite format 3\x00")) }

// logOf names the write-ahead log of a database.
func logOf(file string) string { return file + "-wal" }

// besideDatabase reports whether a file only serves the database whose name it
// continues: its log, the index of the log, or its rollback journal.
func besideDatabase(file string) bool {
	for _, ending := range []string{"-wal", "-shm", "-journal"} {
		if base, ok := strings.CutSuffix(file, ending); ok {
			start, err := beginning(base, 16)
			return err == nil && isSQLite(start)
		}
	}
	return false
}

// schema lists the columns of a database's tables.
type schema map[string][]string

// has reports whether there is a table with such columns.
func (s schema) has(table string, columns ...string) bool {
	have, ok := s[table]
	for _, c := range columns {
		ok = ok && slices.Contains(have, c)
	}
	return ok
}

// formatOfDB returns the format of a database by its tables. Where these cannot
// tell, as with programs that descend from each other, it is the agent's in
// whose place the database lies.
func formatOfDB(s schema, agent string) *Format {
	if f := formatNamed(agent); f != nil && f.Holds != nil && f.Holds(s) {
		return f
	}
	for i := range Formats {
		if f := &Formats[i]; f.Holds != nil && f.Holds(s) {
			return f
		}
	}
	return nil
}

// database is a private copy of a database.
type database struct {
	schema schema
	db     *sql.DB
	ctx    context.Context // ends the reading
	dir    string          // holds the copy
	cut    bool            // the file is shorter than it says
}

// query calls f with each row of a result. Everything comes as text, numbers
// in decimal and blobs as their bytes; NULL is empty.
func (d *database) query(f func(row []string) error, query string, args ...any) error {
	rows, err := d.db.QueryContext(d.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	cells := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	row := make([]string, len(columns))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range cells {
			row[i] = cells[i].String
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// each calls f with the rows of a table, the columns in the order asked for. A
// column that this version of the table lacks is empty. rest is what follows
// the table's name in the query.
func (d *database) each(table string, columns []string, f func(row []string) error, rest string, args ...any) error {
	words := make([]string, len(columns))
	for i, c := range columns {
		if words[i] = "NULL"; d.schema.has(table, c) {
			words[i] = `"` + c + `"`
		}
	}
	return d.query(f, fmt.Sprintf(`SELECT %s FROM "%s" %s`, strings.Join(words, ", "), table, rest), args...)
}

// rows returns the rows that each passes on.
func (d *database) rows(table string, columns []string, rest string) (rows [][]string, err error) {
	err = d.each(table, columns, func(row []string) error {
		rows = append(rows, slices.Clone(row))
		return nil
	}, rest)
	return rows, err
}

// leftOver ends the reading of a database: messages, by their session, that are
// of no session in it are reported, and it is an error when its end is missing,
// even if nothing that was read stands there.
func (d *database) leftOver(draft *Draft, bySession map[string]string) error {
	if d.cut {
		return errors.New("its end is missing")
	}
	for range bySession {
		draft.unknown("messages of a session that is not there")
	}
	return nil
}

func (d *database) readSchema() error {
	var tables []string
	err := d.query(func(row []string) error {
		tables = append(tables, row[0])
		return nil
	}, "SELECT name FROM sqlite_master WHERE type = 'table'")
	d.schema = make(schema)
	for _, t := range tables {
		if err == nil {
			err = d.query(func(row []string) error {
				d.schema[t] = append(d.schema[t], row[0])
				return nil
			}, "SELECT name FROM pragma_table_info(?)", t)
		}
	}
	return err
}

// glance reads the tables of a database in place, if nobody is at work in it:
// then it has no log. It saves copying what is no agent's; ok says whether it
// could tell.
func glance(ctx context.Context, file string) (s schema, ok bool) {
	if info, err := os.Stat(logOf(file)); err == nil && info.Size() > 0 {
		return nil, false
	}
	db, err := sql.Open("sqlite", readOnly(file)+"&immutable=1")
	if err != nil {
		return nil, false
	}
	defer db.Close()
	d := &database{ctx: ctx, db: db}
	err = d.readSchema()
	return d.schema, err == nil
}

func (d *database) close() error {
	var err error
	if d.db != nil {
		err = d.db.Close()
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// databaseError says why a database cannot be read now.
type databaseError struct{ err error }

func (e databaseError) Error() string { return "database cannot be read: " + reason(e.err) }

func isDatabaseError(err error) bool {
	var dbErr databaseError
	return errors.As(err, &dbErr)
}

// copies are the databases that a run has open, each copied once.
type copies struct {
	ctx  context.Context
	root string // the folder for the copies, made when needed

	mu   sync.Mutex
	dir  string
	open map[string]*database
}

// database opens a copy of a database file.
func (c *copies) database(file string) (*database, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.open[file]; d != nil {
		return d, nil
	}
	if c.dir == "" {
		err := os.MkdirAll(c.root, 0o700)
		if err == nil {
			c.dir, err = os.MkdirTemp(c.root, ".copies-*")
		}
		if err != nil {
			return nil, err
		}
		c.open = make(map[string]*database)
	}
	d, err := openDatabase(c.ctx, file, c.dir)
	if err == nil {
		c.open[file] = d
	}
	return d, err
}

// forget closes a database that is not needed any more.
func (c *copies) forget(file string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.open[file]; d != nil {
		d.close()
		delete(c.open, file)
	}
}

// close removes all copies.
func (c *copies) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for file, d := range c.open {
		d.close()
		delete(c.open, file)
	}
	if c.dir == "" {
		return nil
	}
	defer func() { c.dir = "" }()
	return os.RemoveAll(c.dir)
}

// pauses are the waits before each try at a database. An agent's transaction
// takes milliseconds; one that takes longer than all of these is reported, and
// the database read by the next run.
var pauses = []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, 800 * time.Millisecond}

// openDatabase copies a database into a folder of its own below dir and opens
// the copy. What was written to while it was copied, or cannot be read, is
// tried again; the error is that of the last try.
func openDatabase(ctx context.Context, file, dir string) (d *database, err error) {
	for _, pause := range pauses {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
		if d, err = tryDatabase(ctx, file, dir); err == nil {
			return d, nil
		}
	}
	return nil, err
}

func tryDatabase(ctx context.Context, file, dir string) (*database, error) {
	own, err := os.MkdirTemp(dir, "db-*")
	if err != nil {
		return nil, err
	}
	d := &database{ctx: ctx, dir: own}
	to := filepath.Join(own, "copy.db")
	if err = copyDatabase(file, to); err == nil {
		if d.db, err = sql.Open("sqlite", readOnly(to)); err == nil {
			d.db.SetMaxOpenConns(2) // a query within another
			d.cut = isCut(to)
			err = d.readSchema()
		}
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// isCut reports whether a database without a log is shorter than the number of
// its pages says.
func isCut(file string) bool {
	info, err := os.Stat(file)
	if log, err := os.Stat(logOf(file)); err == nil && log.Size() > 0 {
		return false
	}
	start, headErr := beginning(file, 100)
	if err != nil || headErr != nil || len(start) < 100 {
		return true
	}
	page, pages := int64(binary.BigEndian.Uint16(start[16:])), int64(binary.BigEndian.Uint32(start[28:]))
	if page == 1 {
		page = 64 << 10
	}
	told := bytes.Equal(start[24:28], start[92:96]) // else an old version wrote it, which does not count
	return told && info.Size() < page*pages
}

// readOnly makes the address by which SQLite opens a file for reading only.
func readOnly(file string) string {
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=query_only(1)"}).String()
}

// copyDatabase copies a database and its log so that the two belong together.
//
// The log must be copied last: whatever a checkpoint moves into the database
// meanwhile is then still in the log. A log that only grew is fine, a frame
// that is cut off is passed over by SQLite. What spoils the copy is a log that
// was begun anew, which its header tells, and without a log any change of the
// database. The index of the log (-shm) is not copied: SQLite makes it from
// the log.
func copyDatabase(file, to string) error {
	before, err := momentOf(file)
	if err != nil {
		return err
	}
	if before.journal {
		return errors.New("busy: a transaction is open, or was broken off")
	}
	if err := copyFile(file, to); err != nil {
		return err
	}
	if err := copyFile(logOf(file), logOf(to)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := momentOf(file)
	if err != nil {
		return err
	}
	if before.log != "" {
		before.size, before.mtime = after.size, after.mtime
	}
	if before != after {
		return errors.New("busy: it was written to while it was copied")
	}
	return nil
}

// moment is what tells whether a database is still the one it was.
type moment struct {
	size, mtime int64
	log         string // the header of the log, which has two numbers that are new whenever it is begun anew
	journal     bool   // a rollback journal is in use
}

const (
	logHeaderLen  = 32
	journalMarker = 0xd9d505f920a163d7
)

func momentOf(file string) (moment, error) {
	info, err := os.Stat(file)
	if err != nil {
		return moment{}, err
	}
	m := moment{size: info.Size(), mtime: info.ModTime().UnixNano()}
	start, err := beginning(logOf(file), logHeaderLen)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if len(start) == logHeaderLen {
		m.log = string(start)
	}
	start, err = beginning(file+"-journal", 8)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	m.journal = len(start) == 8 && binary.BigEndian.Uint64(start) == journalMarker
	return m, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
