// Package ground checks what a text names against a checkout: whether the
// paths, scripts and tasks in its code spans are there now. It is for rules
// before they are proposed and for notes that were written long ago.
//
// Only what a checkout can answer is a claim: a program may be installed
// anywhere, and a path with a placeholder is none.
package ground

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lode/rules/front"
	"lode/session/lazyregexp"
)

// Claim is something that a text names, and whether the checkout has it.
type Claim struct {
	Term  string `yaml:"term" json:"term"`   // as the text writes it
	Kind  Kind   `yaml:"kind" json:"kind"`   // what it is
	There bool   `yaml:"there" json:"there"` // the checkout has it now
	In    string `yaml:"in,omitempty" json:"in,omitempty"`
}

// Kind says what a claim is about.
type Kind = string

// The kinds of claims.
const (
	Path Kind = "path" // a file or folder
	Task Kind = "task" // a target, task or script of a task runner
)

var codeSpan = lazyregexp.New("`([^`\n]+)`")

// Check returns the claims of a text about a checkout, each once, in order.
func Check(root, text string) []Claim {
	var claims []Claim
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		for _, c := range Code(root, m[1]) {
			if !slices.ContainsFunc(claims, func(d Claim) bool { return d.Term == c.Term }) {
				claims = append(claims, c)
			}
		}
	}
	return claims
}

// Code returns the claims of one command or path.
func Code(root, code string) []Claim {
	words := strings.Fields(code)
	if len(words) == 0 || !answers(root) {
		return nil
	}
	var claims []Claim
	if c, ok := taskOf(root, words); ok {
		claims = append(claims, c)
	}
	for i, word := range words {
		if isPath(root, word, len(words) == 1, i == 0) {
			claims = append(claims, Claim{Term: word, Kind: Path, There: exists(root, word)})
		}
	}
	return claims
}

// answers reports whether a folder can be asked: it holds more than documents
// and settings. One that has nothing of the project says nothing about it.
func answers(root string) bool {
	if root == "" {
		return false
	}
	entries, err := os.ReadDir(root)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !strings.HasPrefix(e.Name(), ".") && !strings.HasSuffix(e.Name(), ".md")
	})
}

// isPath reports whether a word names something in the checkout: it is relative,
// plain, and either begins with a folder that is there, or ends like a file.
func isPath(root, word string, alone, first bool) bool {
	if strings.ContainsAny(word, "*?<>${}()=:@|&;\"'\\…,") || strings.HasPrefix(word, "-") || strings.HasPrefix(word, "/") || strings.HasPrefix(word, "~") || strings.HasPrefix(word, "..") {
		return false
	}
	word = strings.TrimPrefix(word, "./")
	top, rest, nested := strings.Cut(word, "/")
	if top == "" || word == "." || strings.Contains(word, "//") {
		return false
	}
	ends := fileName.MatchString(path.Base(word))
	switch {
	case !nested:
		return alone && ends
	case ends, strings.HasSuffix(rest, "/"):
		return true
	}
	return first && !alone || exists(root, top) // as bin/test; not owner/name
}

// fileName is how the names of files end; errors.Is is none.
var fileName = lazyregexp.New(`^\.?[\w.-]*\w\.(?:go|mod|sum|py|pyi|ipynb|js|mjs|cjs|jsx|ts|mts|tsx|vue|svelte|rs|java|kt|kts|swift|rb|php|c|cc|cpp|h|hpp|cs|ex|exs|lua|zig|scala|dart|` +
	`sh|bash|zsh|fish|ps1|bat|md|mdc|mdx|rst|txt|json|jsonc|json5|yml|yaml|toml|ini|cfg|conf|xml|html|css|scss|sql|graphql|proto|tf|lock|csv|svg|gradle|cmake|mk|nix|patch)$`)

func exists(root, file string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
	return err == nil
}

// runner is a program that runs tasks which a file of the checkout lists.
type runner struct {
	words []string // how it is called, before the task
	files []string // that may list its tasks; the first that is there counts
	has   func(text, task string) bool
	dirs  []string // folders whose files are tasks
}

var runners = []runner{
	{words: []string{"make"}, files: []string{"GNUmakefile", "makefile", "Makefile"}, has: makeTarget},
	{words: []string{"just"}, files: []string{"justfile", "Justfile", ".justfile"}, has: justRecipe},
	{words: []string{"task"}, files: []string{"Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml", "Taskfile.dist.yml", "Taskfile.dist.yaml"}, has: yamlTask},
	{words: []string{"mise", "run"}, files: []string{"mise.toml", ".mise.toml", "mise/config.toml", ".config/mise.toml"}, has: miseTask,
		dirs: []string{"mise-tasks", ".mise-tasks", "mise/tasks", ".mise/tasks", ".config/mise/tasks"}},
	{words: []string{"npm", "run"}, files: []string{"package.json"}, has: script},
	{words: []string{"pnpm", "run"}, files: []string{"package.json"}, has: script},
	{words: []string{"yarn", "run"}, files: []string{"package.json"}, has: script},
	{words: []string{"bun", "run"}, files: []string{"package.json"}, has: script},
	{words: []string{"composer", "run"}, files: []string{"composer.json"}, has: script},
}

// taskOf reads a call of a task runner. What such files include from elsewhere
// cannot be answered for.
func taskOf(root string, words []string) (Claim, bool) {
	for i := range runners {
		r := &runners[i]
		if len(words) <= len(r.words) || !slices.Equal(words[:len(r.words)], r.words) {
			continue
		}
		task := words[len(r.words)]
		if !taskName.MatchString(task) {
			return Claim{}, false
		}
		c := Claim{Term: strings.Join(words[:len(r.words)+1], " "), Kind: Task}
		for _, dir := range r.dirs {
			if file := path.Join(dir, strings.ReplaceAll(task, ":", "/")); exists(root, file) || exists(root, file+".sh") {
				c.There, c.In = true, dir
				return c, true
			}
		}
		for _, file := range r.files {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
			if err != nil {
				continue
			}
			c.There, c.In = r.has(string(text), task), file
			return c, c.There || !included.MatchString(string(text))
		}
		return c, !below(root, r.files)
	}
	return Claim{}, false
}

// below reports whether a folder of the checkout, or one in it, has one of the
// files: the task may be meant to be run there.
func below(root string, files []string) bool {
	for _, file := range files {
		for _, depth := range []string{"*", "*/*"} {
			if found, _ := filepath.Glob(filepath.Join(escapeGlob(root), filepath.FromSlash(depth), file)); found != nil {
				return true
			}
		}
	}
	return false
}

// escapeGlob keeps a path from being taken for a pattern.
func escapeGlob(p string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(p)
}

var (
	taskName = lazyregexp.New(`^[A-Za-z0-9_][\w.:/-]*$`)
	included = lazyregexp.New(`(?m)^\s*(?:-?s?include|import|includes:|"workspaces")|%\s*:|^\[task_config\]`)
)

func makeTarget(text, task string) bool {
	return regexp.MustCompile(`(?m)^(?:[^\s#:=]+[ \t]+)*` + regexp.QuoteMeta(task) + `(?:[ \t]+[^\s#:=]+)*[ \t]*::?(?:[^=]|$)`).MatchString(text)
}

func justRecipe(text, task string) bool {
	return regexp.MustCompile(`(?m)^(?:@?|alias )` + regexp.QuoteMeta(task) + `(?:[ \t][^:\n]*)?:`).MatchString(text)
}

func yamlTask(text, task string) bool {
	var file struct{ Tasks map[string]any }
	if front.ReadYAML([]byte(text), &file) != nil {
		return true // who can tell
	}
	_, ok := file.Tasks[task]
	return ok
}

func miseTask(text, task string) bool {
	q := regexp.QuoteMeta(task)
	return regexp.MustCompile(`(?m)^\s*\[tasks\.(?:`+q+`|"`+q+`"|'`+q+`')\]`).MatchString(text) ||
		regexp.MustCompile(`(?ms)^\s*\[tasks\]\s*$.*?^\s*(?:`+q+`|"`+q+`")\s*=`).MatchString(text)
}

func script(text, task string) bool {
	var file struct{ Scripts map[string]any }
	if json.Unmarshal([]byte(text), &file) != nil {
		return true
	}
	_, ok := file.Scripts[task]
	return ok
}
