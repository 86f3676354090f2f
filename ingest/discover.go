package ingest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lode/session"
)

// Where says where to look for transcripts.
type Where struct {
	Home  string              // the user's home folder
	Env   func(string) string // environment, asked for the variables that move agents' folders; may be nil
	Roots []string            // further folders, relative to Home or absolute; every file below is looked at
	Paths []string            // files and folders named by the user, relative to the working folder or absolute
}

// Candidate is a file that may be a transcript.
type Candidate struct {
	Path  string // as in the catalog: relative to the home folder when below it, with slashes
	File  string // to open it
	Size  int64  // together with Beside
	MTime int64  // of the youngest, in nanoseconds since 1970
	// Beside lists the files that belong to it, by their catalog paths: the
	// log of a database, the messages of a session that are files of their own.
	Beside []string
	// Agent is set when the file lies where that agent keeps transcripts; its
	// content decides all the same.
	Agent string
	// Err says why the file cannot be looked at.
	Err error
}

// Looked is a place that was looked at, for saying so when nothing was found.
type Looked struct {
	Agent string `json:"agent,omitempty"`
	Place string `json:"place"`
	Files int    `json:"files"`
	Err   string `json:"error,omitempty"` // the folder could not be read
}

// unread lists agents that are known but not read yet, so that status can say
// so instead of being silent about their files.
var unread = []Format{
	{Name: "cursor-agent", Places: []string{".cursor/projects/*/agent-transcripts/**/*.txt", ".cursor/chats/*/*/store.db"}},
	{Name: "kiro-ide", Places: []string{".kiro/sessions/*/*/messages.jsonl", ".config/Kiro/User/globalStorage/kiro.kiroagent/**/*.chat"}},
}

// notRead is the reason for files of agents that are known but not read.
const notRead = "not read yet"

// Discover lists the files in the agents' known places, in the roots and at
// the paths given, sorted by path and each once. It never crawls a home.
func Discover(w Where) ([]Candidate, []Looked) {
	f := finder{where: w, seen: make(map[string]bool), beside: make(map[string]bool)}
	for i := range Formats {
		f.places(&Formats[i])
	}
	for _, root := range w.Roots {
		if !filepath.IsAbs(root) {
			root = filepath.Join(w.Home, root)
		}
		f.tree(root)
	}
	for _, p := range w.Paths {
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		f.tree(p)
	}
	for i := range unread {
		f.places(&unread[i])
	}
	f.found = slices.DeleteFunc(f.found, func(c Candidate) bool { return f.beside[c.Path] })
	sort.Slice(f.found, func(i, j int) bool { return f.found[i].Path < f.found[j].Path })
	return f.found, f.looked
}

type finder struct {
	where  Where
	seen   map[string]bool // by path without links
	beside map[string]bool // catalog paths of the files that belong to others
	found  []Candidate
	looked []Looked
}

// places looks where an agent keeps its transcripts.
func (f *finder) places(format *Format) {
	for _, glob := range format.Places {
		for _, base := range f.bases(format) {
			rest := glob
			if base != f.where.Home {
				rest = strings.TrimPrefix(glob, format.Home+"/")
			}
			f.glob(format.Name, base, rest)
		}
	}
}

// bases returns the folders that an agent's places are relative to: the home
// folder, or what the agent's variable names in place of its folder there.
func (f *finder) bases(format *Format) []string {
	if format.Env == "" || f.where.Env == nil || f.where.Env(format.Env) == "" {
		return []string{f.where.Home}
	}
	return strings.Split(f.where.Env(format.Env), ",")
}

func (f *finder) glob(agent, base, glob string) {
	n := 0
	dir, pattern := doublestar.SplitPattern(glob)
	root := filepath.Join(base, filepath.FromSlash(dir))
	real := realPath(root)
	err := walk(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if path == root && errors.Is(err, fs.ErrNotExist) {
				return fs.SkipAll
			}
			f.unreadable(agent, path, err)
			return fs.SkipDir
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if !strings.Contains(pattern, "**") && rel != "." && strings.Count(rel, "/") >= strings.Count(pattern, "/") {
				return fs.SkipDir
			}
			return nil
		}
		if ok, _ := doublestar.Match(pattern, rel); ok {
			n++
			f.file(agent, path, real+path[len(root):], entry)
		}
		return nil
	})
	if err != nil {
		f.unreadable(agent, root, err)
	}
	if n > 0 || formatNamed(agent) != nil {
		f.looked = append(f.looked, Looked{Agent: agent, Place: f.catalogPath(root), Files: n})
	}
}

// skipDirs are folders of a root in which nobody keeps transcripts.
var skipDirs = map[string]bool{".git": true, "node_modules": true, ".hg": true, "__pycache__": true}

// tree looks at every file of a folder, or at one file.
func (f *finder) tree(root string) {
	n := 0
	root = filepath.Clean(root)
	real := realPath(root)
	walk(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			f.unreadable("", path, err)
			return fs.SkipDir
		}
		if entry.IsDir() {
			if path != root && skipDirs[entry.Name()] {
				return fs.SkipDir
			}
			return nil
		}
		n++
		f.file("", path, real+path[len(root):], entry)
		return nil
	})
	f.looked = append(f.looked, Looked{Place: f.catalogPath(root), Files: n})
}

// walk is filepath.WalkDir, but for a root that is a link to a folder: that one
// was named by somebody and is followed.
func walk(root string, f fs.WalkDirFunc) error {
	start := root
	if info, err := os.Stat(root); err == nil && info.IsDir() {
		start += string(filepath.Separator)
	}
	return filepath.WalkDir(start, func(path string, entry fs.DirEntry, err error) error {
		return f(filepath.Clean(path), entry, err)
	})
}

func (f *finder) unreadable(agent, path string, err error) {
	f.looked = append(f.looked, Looked{Agent: agent, Place: f.catalogPath(path), Err: reason(err)})
}

// reason is an error without the path that is told beside it.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// file takes up a file; real is its path without the links of its folders.
func (f *finder) file(agent, path, real string, entry fs.DirEntry) {
	if entry.Type()&fs.ModeSymlink != 0 {
		real = realPath(path)
	}
	if f.seen[real] || besideDatabase(path) {
		return
	}
	f.seen[real] = true
	c := Candidate{Path: f.catalogPath(path), File: path, Agent: agent}
	info, err := entry.Info()
	if err == nil && entry.Type()&fs.ModeSymlink != 0 {
		info, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // gone since the folder was listed
	case err != nil:
		c.Err = err
	case !info.Mode().IsRegular():
		return
	default:
		c.Size, c.MTime = info.Size(), info.ModTime().UnixNano()
		f.addBeside(&c)
	}
	f.found = append(f.found, c)
}

// noDatabase are endings of texts, whose write-ahead logs are not looked for:
// asking for them takes as long as asking for the files.
var noDatabase = map[string]bool{".json": true, ".jsonl": true, ".md": true, ".txt": true, ".traj": true, ".log": true}

// addBeside counts the files that belong to a candidate with it, so that it is
// read again when only one of them has changed.
func (f *finder) addBeside(c *Candidate) {
	var files []string
	if !noDatabase[strings.ToLower(filepath.Ext(c.File))] {
		files = append(files, logOf(c.File))
	}
	for i := range Formats {
		if list := Formats[i].Within; list != nil {
			files = append(files, list(c.File)...)
		}
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		path := f.catalogPath(file)
		c.Beside, f.beside[path] = append(c.Beside, path), true
		c.Size, c.MTime = c.Size+info.Size(), max(c.MTime, info.ModTime().UnixNano())
	}
}

// realPath returns a path without links, so that each file is found once.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// catalogPath writes a path relative to the home folder where it is below,
// without what would spoil a terminal.
func (f *finder) catalogPath(path string) string {
	if rel, err := filepath.Rel(f.where.Home, path); err == nil && filepath.IsLocal(rel) {
		path = rel
	}
	return session.Clean(filepath.ToSlash(path))
}

// head reads the beginning of a file, by which its format is recognised.
func head(file string) ([]byte, error) { return beginning(file, sniffLen) }

// beginning reads the first n bytes of a file, or all of a shorter one.
func beginning(file string, n int) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, n)
	n, err = io.ReadFull(f, buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return buf[:n], err
}
