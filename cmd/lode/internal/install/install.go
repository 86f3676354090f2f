// Package install wires lode into the programs around it: agents' hooks and
// instruction files, which have them load a brief, their MCP settings, and the
// schedulers that run lode every night.
//
// A Part is one program to be wired, a row of Parts. It says which files it
// changes and how; Plan works the changes out, so that they can be shown as diffs
// before anything is written. <state>/installed.json keeps what was put where, so
// that uninstalling gives the same bytes back; when a file was changed since, only
// what lode put in is taken out.
package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/rules"
)

// Env is what the parts need to know.
type Env struct {
	Home    string              // the person's home folder
	Getenv  func(string) string // agents' variables that say where their settings are; may be nil
	Command []string            // how lode is called: its path, and the flags that it always gets
}

// env returns a variable, or a default.
func (e *Env) env(name, otherwise string) string {
	if e.Getenv != nil {
		if v := e.Getenv(name); v != "" {
			return v
		}
	}
	return otherwise
}

// home returns a path below the home folder.
func (e *Env) home(path string) string { return filepath.Join(e.Home, filepath.FromSlash(path)) }

// line is the command line of lode with more arguments, for a shell.
func (e *Env) line(args ...string) string {
	var words []string
	for _, w := range slices.Concat(e.Command, args) {
		words = append(words, quote(w))
	}
	return strings.Join(words, " ")
}

func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=+,@") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Step is how a part changes one file.
type Step struct {
	File string // or crontab
	// Put returns the text with what lode needs in it; a text that has it already
	// comes back as it is.
	Put func(text string) (string, error)
	// Take returns the text without it. nil for texts from which lines are taken as
	// they were put in.
	Take func(text string) (string, error)
}

// Part is a program that lode can be wired into.
type Part struct {
	Name  string
	Doc   string
	Asked bool                // only when it is named
	Found func(*Env) bool     // whether the program is used here
	Steps func(*Env) []Step   // the files to change
	Notes func(*Env) []string // what is to be known, and what is left to do
}

// Change is what becomes of a file.
type Change struct {
	File    string   `json:"file"`
	Parts   []string `json:"parts"`
	Created bool     `json:"created,omitempty"` // it was not there
	Removed bool     `json:"removed,omitempty"` // it is not there afterwards
	Diff    string   `json:"diff"`

	before, after string
}

// Select returns the parts with the names, or those whose program is found.
func Select(e *Env, names []string) ([]Part, error) {
	var out []Part
	for _, p := range Parts {
		if slices.Contains(names, p.Name) || len(names) == 0 && !p.Asked && p.Found(e) {
			out = append(out, p)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(Parts, func(p Part) bool { return p.Name == n }) {
			return nil, fmt.Errorf("%w: %q", ErrNoPart, n)
		}
	}
	return out, nil
}

// ErrNoPart says that lode cannot be wired into a program of that name.
var ErrNoPart = errors.New("nothing to install of that name")

// Plan works out what installing parts changes. Files that need no change are
// left out.
func Plan(e *Env, parts []Part) ([]Change, error) {
	var changes []Change
	for _, p := range parts {
		for _, s := range p.Steps(e) {
			i := slices.IndexFunc(changes, func(c Change) bool { return c.File == s.File })
			if i < 0 {
				text, err := read(s.File)
				created := errors.Is(err, fs.ErrNotExist)
				if err != nil && !created {
					return nil, fmt.Errorf("%s: %w", p.Name, err)
				}
				i = len(changes)
				changes = append(changes, Change{File: s.File, Created: created, before: text, after: text})
			}
			c := &changes[i]
			after, err := s.Put(c.after)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", p.Name, s.File, err)
			}
			if after != c.after {
				c.after, c.Parts = after, append(c.Parts, p.Name)
			}
		}
	}
	return finish(e, changes)
}

// finish makes the diffs, and drops changes that change nothing.
func finish(e *Env, changes []Change) ([]Change, error) {
	var out []Change
	for _, c := range changes {
		if c.before == c.after && !c.Removed {
			continue
		}
		name := c.File
		if rel, err := filepath.Rel(e.Home, c.File); err == nil && filepath.IsLocal(rel) {
			name = "~/" + filepath.ToSlash(rel)
		}
		var err error
		before, after := around(c.before, c.after)
		if c.Diff, err = rules.Unified(name, before, after, c.Created); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// shown is how much of a file a diff is made of: some agents keep megabytes in
// their settings.
const shown = 256 << 10

// around cuts texts that are larger to the lines around what differs; the line
// numbers of the diff then count from there.
func around(before, after string) (string, string) {
	if len(before) < shown && len(after) < shown {
		return before, after
	}
	from, behind := 0, 0
	for from < min(len(before), len(after)) && before[from] == after[from] {
		from++
	}
	for behind < min(len(before), len(after))-from && before[len(before)-1-behind] == after[len(after)-1-behind] {
		behind++
	}
	const margin = 300 // bytes, of context
	from, behind = max(0, from-margin), max(0, behind-margin)
	if i := strings.IndexByte(before[from:], '\n'); from > 0 && i >= 0 && i < margin {
		from += i + 1
	}
	return before[from : len(before)-behind], after[from : len(after)-behind]
}

// Record is what was installed, as <state>/installed.json keeps it. New keys may
// be added.
type Record struct {
	V     int      `json:"v"`
	Files []File   `json:"files"`
	Dirs  []string `json:"dirs,omitempty"` // folders that were made for them

	path string
}

// File is a file that was changed: what was put where, and nothing else of it,
// for such files can hold secrets.
type File struct {
	File    string         `json:"file"`
	Parts   []string       `json:"parts"`
	Created bool           `json:"created,omitempty"` // it was not there
	After   string         `json:"after"`             // hash of the text after the changes
	Changes []rules.Splice `json:"changes"`
}

// before returns the text as it was before it became this one; false when this
// one is another.
func (f *File) before(text string) (string, bool) {
	if hash(text) != f.After {
		return "", false
	}
	return rules.Unsplice(text, f.Changes)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Load reads the record of a state folder.
func Load(state string) (*Record, error) {
	r := &Record{V: 1, path: filepath.Join(state, "installed.json")}
	text, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", r.path, err)
	}
	return r, nil
}

func (r *Record) save() error {
	if len(r.Files) == 0 {
		if err := os.Remove(r.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(r.path, append(text, '\n'), 0o600)
}

// at returns the record of a file, or nil.
func (r *Record) at(file string) *File {
	if i := slices.IndexFunc(r.Files, func(f File) bool { return f.File == file }); i >= 0 {
		return &r.Files[i]
	}
	return nil
}

// Has reports whether a part is installed.
func (r *Record) Has(part string) bool {
	return slices.ContainsFunc(r.Files, func(f File) bool { return slices.Contains(f.Parts, part) })
}

// Apply makes changes that Plan worked out. The record is written before the
// first file is. A file that changed since the plan is refused.
func (r *Record) Apply(e *Env, changes []Change) error {
	for _, c := range changes {
		now, err := read(c.File)
		if created := errors.Is(err, fs.ErrNotExist); created != c.Created || now != c.before {
			return meanwhile(c.File)
		}
		f := r.at(c.File)
		if f == nil {
			r.Files = append(r.Files, File{File: c.File, Created: c.Created})
			f = r.at(c.File)
			r.Dirs = append(r.Dirs, missing(c.File)...)
		}
		was := c.before // without what was installed earlier
		if old, ok := f.before(c.before); ok {
			was = old
		} else if less, err := f.without(e, c.before, f.Parts); err == nil {
			was = less
		}
		f.After, f.Changes = hash(c.after), rules.Splices(was, c.after)
		for _, p := range c.Parts {
			if !slices.Contains(f.Parts, p) {
				f.Parts = append(f.Parts, p)
			}
		}
		if err := r.save(); err != nil {
			return err
		}
		if err := write(c.File, c.after); err != nil {
			return err
		}
	}
	return nil
}

// Removal works out what uninstalling parts changes; with none named, of all that
// was installed. What cannot be taken out is told in notes.
func (r *Record) Removal(e *Env, names []string) (changes []Change, notes []string, err error) {
	for i := range r.Files {
		f := &r.Files[i]
		parts := slices.DeleteFunc(slices.Clone(f.Parts), func(p string) bool { return len(names) > 0 && !slices.Contains(names, p) })
		if len(parts) == 0 {
			continue
		}
		c := Change{File: f.File, Parts: parts}
		c.before, err = read(f.File)
		c.after = c.before
		old, ours := f.before(c.before)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a person deleted it
		case err != nil:
			return nil, nil, err
		case len(parts) == len(f.Parts) && ours:
			c.after = old
		default:
			if c.after, err = f.without(e, c.before, parts); err != nil {
				notes = append(notes, fmt.Sprintf("%s: %v (hint: take out what names %s by hand)", f.File, err, e.Command[0]))
				continue
			}
		}
		c.Removed = err == nil && f.Created && slices.Contains([]string{"", "{}"}, strings.Join(strings.Fields(c.after), ""))
		changes = append(changes, c)
	}
	gone := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.before != c.after || c.Removed })
	changes, err = finish(e, changes)
	return append(changes, gone...), notes, err // of those, only the record changes
}

// without takes what parts put in out of a text that was changed since.
func (f *File) without(e *Env, text string, parts []string) (string, error) {
	for _, p := range Parts {
		if !slices.Contains(parts, p.Name) {
			continue
		}
		for _, s := range p.Steps(e) {
			if s.File != f.File {
				continue
			}
			take := s.Take
			if take == nil {
				take = f.takeLines
			}
			var err error
			if text, err = take(text); err != nil {
				return "", err
			}
		}
	}
	return text, nil
}

// takeLines takes the lines that were put in out of a text. Those that do not
// stand there at all were taken out before.
func (f *File) takeLines(text string) (string, error) {
	for _, c := range f.Changes {
		put := strings.TrimLeft(c.Put, "\r\n") // a line break before it may have become another's
		for _, block := range []string{c.Put, put} {
			if less, ok := rules.TakeBack(text, c.Was, block); ok {
				text, put = less, ""
				break
			}
		}
		for line := range strings.Lines(put) {
			if line = strings.TrimSpace(line); line != "" && strings.Contains(text, line) {
				return "", rules.ErrLineGone
			}
		}
	}
	return text, nil
}

// left is what is still in a file after a change took parts of lode out of it.
func (f *File) left(c Change) []rules.Splice {
	if old, ok := f.before(c.before); ok {
		return rules.Splices(old, c.after)
	}
	return f.Changes
}

func meanwhile(file string) error {
	return fmt.Errorf("%s has changed meanwhile; nothing more was done (hint: run it again)", file)
}

// tidy removes the folders that were made, if nothing else is in them.
func (r *Record) tidy() {
	slices.SortFunc(r.Dirs, func(a, b string) int { return len(b) - len(a) }) // the inner ones first
	r.Dirs = slices.DeleteFunc(r.Dirs, func(dir string) bool { return os.Remove(dir) == nil })
}

// missing returns the folders above a file that are not there.
func missing(file string) []string {
	var dirs []string
	for dir := filepath.Dir(file); file != crontab && !there(dir); dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// Remove makes changes that Removal worked out.
func (r *Record) Remove(changes []Change) error {
	for _, c := range changes {
		switch now, err := read(c.File); {
		case errors.Is(err, fs.ErrNotExist), c.before == c.after && !c.Removed: // nothing is left of it
		case err != nil:
			return err
		case now != c.before:
			return meanwhile(c.File)
		case c.Removed:
			if err := remove(c.File); err != nil {
				return err
			}
			r.tidy()
		default:
			if err := write(c.File, c.after); err != nil {
				return err
			}
		}
		f := r.at(c.File)
		f.Parts = slices.DeleteFunc(f.Parts, func(p string) bool { return slices.Contains(c.Parts, p) })
		f.Changes = f.left(c)
		f.After = hash(c.after)
		if len(f.Parts) == 0 {
			r.Files = slices.DeleteFunc(r.Files, func(x File) bool { return x.File == c.File })
		}
		if err := r.save(); err != nil {
			return err
		}
	}
	return nil
}

func read(file string) (string, error) {
	if file == crontab {
		return readCrontab()
	}
	text, err := os.ReadFile(file)
	return string(text), err
}

// write replaces a file beside the old one, through a link, keeping its mode.
func write(file, text string) error {
	if file == crontab {
		return writeCrontab(text)
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(file, []byte(text), mode)
}

// remove deletes a file.
func remove(file string) error {
	if file == crontab {
		return writeCrontab("")
	}
	return os.Remove(file)
}
