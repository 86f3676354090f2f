package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lode/rules/front"
)

// Place is where an agent works.
type Place struct {
	Home   string   // the person's home folder; "" leaves out what is below it
	Root   string   // of the checkout; "" when none is known
	Dir    string   // the working folder, relative to the root, with slashes; "" for the root
	Opened []string // files that the agent reads or changes, relative to the root

	// Instead holds texts that files are to be taken for: what would be in force
	// if they stood there. Paths are written as those of File.
	Instead map[string]string
}

// File is an instruction file in force.
type File struct {
	Path string // relative to the root, with slashes; below the home folder it begins with ~/
	Why  string // how it comes in
	Text string // what the agent gets of it
	Lost int    // bytes at its end that the agent does not get
}

// Chain is what an agent loads, in order.
type Chain struct {
	Agent string
	Known bool // false when nobody knows what the agent loads
	Files []File
}

// Loader says what some agents load by themselves.
type Loader struct {
	Agents []string
	Doc    string
	load   func(w *walk)
}

// Loaders lists what agents load. What no loader names loads nothing that is
// known: programs that are given all by the one who starts them, as
// mini-swe-agent, and transcripts that do not tell who wrote them.
var Loaders = []Loader{
	{[]string{"claude"}, "CLAUDE.md and rules from the top to the working folder, with imports; AGENTS.md where there is none", loadClaude},
	{[]string{"codex"}, "AGENTS.override.md or AGENTS.md from the root to the working folder, 32 KiB in all", loadCodex},
	{[]string{"gemini"}, "GEMINI.md from the root to the working folder, with imports", loadGemini},
	{[]string{"qwen"}, "QWEN.md and AGENTS.md from the root to the working folder, with imports", loadQwen},
	{[]string{"opencode"}, "AGENTS.md from the root to the working folder, else CLAUDE.md; what opencode.json lists", loadOpenCode},
	{[]string{"pi"}, "AGENTS.md, else CLAUDE.md, from the root to the working folder", loadPi("~/.pi/agent")},
	{[]string{"omp"}, "AGENTS.md, else CLAUDE.md, from the root to the working folder", loadPi("~/.omp/agent")},
	{[]string{"copilot"}, "copilot-instructions.md, AGENTS.md, CLAUDE.md, GEMINI.md, and the scoped files that match", loadCopilot},
	{[]string{"copilot-chat"}, "copilot-instructions.md, AGENTS.md, and the scoped files that match", loadCopilotChat},
	{[]string{"cursor"}, "rules that always apply or match, and AGENTS.md", loadCursor},
	{[]string{"aider"}, "what read: in .aider.conf.yml names", loadAider},
	{[]string{"amp", "crush", "goose", "droid", "kilo", "zed", "roo", "cline", "openhands"}, "AGENTS.md", loadNearby},
}

// InForce returns what an agent loads in a place. Files that cannot be read are
// as good as not there: so they are for the agent.
func InForce(agent string, p Place) Chain {
	c := Chain{Agent: agent}
	for _, l := range Loaders {
		if slices.Contains(l.Agents, agent) {
			w := &walk{Place: p, seen: make(map[string]bool)}
			l.load(w)
			c.Known, c.Files = true, w.files
		}
	}
	return c
}

// Tokens estimates what the chain takes of the agent's context.
func (c *Chain) Tokens() int {
	n := 0
	for i := range c.Files {
		n += Tokens(c.Files[i].Text)
	}
	return n
}

// Over says what of the chain is too much, "" when nothing is: what the agent
// cuts off, or a file that is longer than its readers say it should be.
func (c *Chain) Over(file string) string {
	for i := range c.Files {
		if f := &c.Files[i]; f.Lost > 0 {
			return fmt.Sprintf("%s loads %d bytes of the project's files: the last %d of %s are cut off", c.Agent, CodexBytes, f.Lost, f.Path)
		}
	}
	f, t := c.Find(file), Of(file)
	if f == nil || t == nil {
		return ""
	}
	if lines := strings.Count(f.Text, "\n"); t.Limit.Lines > 0 && lines > t.Limit.Lines {
		return fmt.Sprintf("%s has %d lines: %s at most %d", file, lines, t.Limit.Whose, t.Limit.Lines)
	}
	if t.Limit.Bytes > 0 && len(f.Text) > t.Limit.Bytes {
		return fmt.Sprintf("%s has %d bytes: %s %d", file, len(f.Text), t.Limit.Whose, t.Limit.Bytes)
	}
	return ""
}

// Find returns the chain's file of a path, or nil.
func (c *Chain) Find(file string) *File {
	for i := range c.Files {
		if c.Files[i].Path == file {
			return &c.Files[i]
		}
	}
	return nil
}

// Holds reports whether a line is in force: it stands in what the agent gets of
// one of the files, as it is or as a list item.
func (c *Chain) Holds(line string) bool {
	want := plain(line)
	for i := range c.Files {
		for l := range strings.Lines(c.Files[i].Text) {
			if want != "" && plain(l) == want {
				return true
			}
		}
	}
	return false
}

// plain is a line without blanks around it and its bullet.
func plain(line string) string {
	line = strings.TrimSpace(line)
	for _, bullet := range []string{"- [ ] ", "- ", "* ", "+ "} {
		if rest, ok := strings.CutPrefix(line, bullet); ok {
			return strings.TrimSpace(rest)
		}
	}
	return line
}

// How files come in.
const (
	ofUser    = "the person's own"
	ofProject = "the project's"
)

func below(dir string) string { return "for files in " + dir }

// maxFile bounds what is read of one file: Claude Code skips what is larger,
// and no other agent is known to load more.
const maxFile = 4 << 20

// walk gathers the files of a chain.
type walk struct {
	Place
	files []File
	seen  map[string]bool // by path, links followed
}

// Outside reports whether a file of a chain is neither in the checkout nor below
// the home folder: its path is absolute.
func Outside(file string) bool { return path.IsAbs(file) || filepath.IsAbs(filepath.FromSlash(file)) }

// on is where a file of the chain is on disk, "" where that is not known.
func (p *Place) on(file string) string {
	switch rest, home := strings.CutPrefix(file, "~/"); {
	case home && p.Home != "":
		return filepath.Join(p.Home, filepath.FromSlash(rest))
	case home || p.Root == "" && !Outside(file):
		return ""
	case Outside(file):
		return filepath.FromSlash(file)
	}
	return filepath.Join(p.Root, filepath.FromSlash(file))
}

// read returns the text of a file.
func (w *walk) read(file string) (string, bool) {
	if text, ok := w.Instead[file]; ok {
		return text, true
	}
	name := w.on(file)
	if name == "" {
		return "", false
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", false
	}
	text, err := os.ReadFile(name)
	return string(text), err == nil
}

// add puts a file behind the others, once. A link within the checkout counts as
// what it points to.
func (w *walk) add(file, why string) bool {
	text, ok := w.read(file)
	if !ok {
		return false
	}
	if to := w.linked(file); to != "" {
		file, why = to, "linked from "+file
	}
	if !w.seen[file] {
		w.seen[file] = true
		w.files = append(w.files, File{Path: file, Why: why, Text: text})
		return true
	}
	return false
}

// linked returns the file of the checkout that a link points to, or "".
func (w *walk) linked(file string) string {
	name := w.on(file)
	if info, err := os.Lstat(name); name == "" || err != nil || info.Mode()&os.ModeSymlink == 0 {
		return ""
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return ""
	}
	root, err := filepath.EvalSymlinks(w.Root)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(root, real)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// cutTo leaves a file at most n bytes.
func (f *File) cutTo(n int) {
	if len(f.Text) > n {
		f.Text, f.Lost = strings.ToValidUTF8(f.Text[:n], ""), len(f.Text)-n
	}
}

// above lists the folders over the root, the topmost first, as absolute paths.
func (w *walk) above() []string {
	var dirs []string
	if w.Root == "" || !filepath.IsAbs(w.Root) {
		return nil
	}
	for dir := filepath.Dir(w.Root); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, filepath.ToSlash(dir))
		if filepath.Dir(dir) == dir {
			slices.Reverse(dirs)
			return dirs
		}
	}
}

// folders lists the folders from the root to the working folder.
func (w *walk) folders() []string { return parents(w.Dir) }

// parents lists a folder and those above it, the root first.
func parents(dir string) []string {
	dirs := []string{""}
	if dir = path.Clean(dir); dir == "." || strings.HasPrefix(dir, "..") || path.IsAbs(dir) {
		return dirs
	}
	for i := range dir {
		if dir[i] == '/' {
			dirs = append(dirs, dir[:i])
		}
	}
	return append(dirs, dir)
}

// below lists the folders of opened files that are not above the working folder.
func (w *walk) below() []string {
	known := w.folders()
	var dirs []string
	for _, file := range w.Opened {
		for _, dir := range parents(path.Dir(file)) {
			if !slices.Contains(known, dir) {
				known = append(known, dir)
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// opened reports whether one of the globs matches an opened file.
func (w *walk) opened(globs []string) bool {
	for _, glob := range globs {
		if glob == "**" || glob == "**/*" || glob == "*" {
			return true
		}
		for _, file := range w.Opened {
			if doublestar.MatchUnvalidated(glob, file) || !strings.Contains(glob, "/") && doublestar.MatchUnvalidated(glob, path.Base(file)) {
				return true
			}
		}
	}
	return false
}

// glob lists files by a pattern, those that are only assumed too, in order.
func (w *walk) glob(pattern string) []string {
	var found []string
	base, rest := doublestar.SplitPattern(pattern)
	if dir := w.on(base); dir != "" {
		names, err := doublestar.Glob(os.DirFS(dir), rest, doublestar.WithFilesOnly(), doublestar.WithNoFollow())
		if err == nil {
			for _, name := range names {
				found = append(found, path.Join(base, name))
			}
		}
	}
	for file := range w.Instead {
		if doublestar.MatchUnvalidated(pattern, file) && !slices.Contains(found, file) {
			found = append(found, file)
		}
	}
	slices.Sort(found)
	return found
}

// json reads a settings file. One that cannot be read says nothing.
func (w *walk) json(file string, v any) {
	if text, ok := w.read(file); ok {
		_ = json.Unmarshal([]byte(text), v)
	}
}

var errNoFront = errors.New("no front matter")

// frontMatter reads what stands before the text of a rule file.
func frontMatter(text string, v any) error {
	matter, _, err := front.Cut([]byte(strings.ReplaceAll(text, "\r\n", "\n")))
	if err != nil {
		return errNoFront
	}
	return readYAML(matter, v)
}

// globList is a list, or a text with commas between its items.
type globList []string

// UnmarshalYAML reads either form.
func (g *globList) UnmarshalYAML(doc []byte) error { return g.either(readYAML, doc) }

// UnmarshalJSON reads either form.
func (g *globList) UnmarshalJSON(doc []byte) error { return g.either(json.Unmarshal, doc) }

func (g *globList) either(read func([]byte, any) error, doc []byte) error {
	var list []string
	if read(doc, &list) != nil {
		var text string
		if err := read(doc, &text); err != nil {
			return err
		}
		list = strings.Split(text, ",")
	}
	*g = nil
	for _, item := range list {
		if item = strings.TrimSpace(item); item != "" {
			*g = append(*g, item)
		}
	}
	return nil
}

func readYAML(doc []byte, v any) error { return front.ReadYAML(doc, v) }
