// Package command understands shell command lines as far as mining needs it:
// which programs ran, which of them decided the exit code, and what role each
// played (a search, a viewer, a test run, a script). Lines are parsed with a
// shell parser; what it cannot parse is split at the operators.
package command

import (
	"path"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// Program is one program of a command line.
type Program struct {
	Path  string   // as written: bin/test, .venv/bin/pytest, git
	Name  string   // the last part of Path, without a version or .exe
	Sub   string   // subcommand, as test of "go test"; the module of "python -m"; the script of "npm run"
	Args  []string // all words after Path; "" where a word is not literal
	Via   []string // wrappers before it: sudo, uv run, timeout
	Env   []string // assignments before it, also those of env: FOO=bar
	Raw   string   // the simple command as written, without its redirections
	Role  Role
	Piped bool // another program reads its output
	// Decides says that the line's exit code can be this program's. In "a && b"
	// both decide, in "a; b" and "a | b" only b.
	Decides bool
	// Excused says that the line goes on with "|| …" when it fails.
	Excused bool
	Silent  bool // its errors go to /dev/null
	Looped  bool // it runs once for each of several things
	Inline  bool // its code stands in the line: python -c, a here-document
}

// Line is a parsed command line.
type Line struct {
	Programs []Program
	Written  []string // files the line creates by redirection
	Whole    bool     // it was parsed, not only split
}

// Parse reads a command line.
func Parse(text string) Line {
	return parse(text, 0)
}

const maxDepth = 3 // of bash -c "bash -c …"

var parsers = sync.Pool{New: func() any { return syntax.NewParser(syntax.Variant(syntax.LangBash)) }}

func parse(text string, depth int) Line {
	text = strings.TrimSpace(text)
	if text == "" {
		return Line{}
	}
	w := walker{depth: depth, src: text}
	parser := parsers.Get().(*syntax.Parser)
	defer parsers.Put(parser)
	file, err := parser.Parse(strings.NewReader(text), "")
	if err != nil {
		return split(text, depth)
	}
	w.statements(file.Stmts, context{decides: true})
	w.line.Whole = true
	return w.line
}

// context is what surrounds a statement.
type context struct {
	decides, piped, excused, silent, looped bool
}

type walker struct {
	line  Line
	src   string
	depth int
}

func (w *walker) statements(stmts []*syntax.Stmt, c context) {
	for i, s := range stmts {
		inner := c
		inner.decides = c.decides && i == len(stmts)-1
		w.statement(s, inner)
	}
}

func (w *walker) statement(s *syntax.Stmt, c context) {
	if s == nil || s.Cmd == nil {
		return
	}
	inline := false
	for _, r := range s.Redirs {
		target := wordText(r.Word)
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			stderr := r.N != nil && r.N.Value == "2" || r.Op == syntax.RdrAll || r.Op == syntax.AppAll
			if target == "/dev/null" {
				c.silent = c.silent || stderr
			} else if target != "" && !stderr {
				w.line.Written = append(w.line.Written, target)
			}
		case syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
			inline = true
		}
	}
	switch cmd := s.Cmd.(type) {
	case *syntax.CallExpr:
		w.call(cmd, c, inline)
	case *syntax.BinaryCmd:
		w.binary(cmd, c)
	case *syntax.Subshell:
		w.statements(cmd.Stmts, c)
	case *syntax.Block:
		w.statements(cmd.Stmts, c)
	case *syntax.IfClause:
		for clause := cmd; clause != nil; clause = clause.Else {
			w.statements(clause.Cond, context{piped: c.piped, excused: true, silent: c.silent})
			w.statements(clause.Then, c)
		}
	case *syntax.WhileClause:
		w.statements(cmd.Cond, context{piped: c.piped, excused: true, silent: c.silent})
		w.statements(cmd.Do, c)
	case *syntax.ForClause:
		c.looped = true
		w.statements(cmd.Do, c)
	case *syntax.CaseClause:
		for _, item := range cmd.Items {
			w.statements(item.Stmts, c)
		}
	case *syntax.TestClause:
		w.add(Program{Path: "[[", Name: "[["}, c)
	case *syntax.TimeClause:
		w.statement(cmd.Stmt, c)
	}
}

func (w *walker) binary(cmd *syntax.BinaryCmd, c context) {
	left, right := c, c
	switch cmd.Op {
	case syntax.AndStmt:
	case syntax.OrStmt:
		left.decides, left.excused = false, true
	case syntax.Pipe, syntax.PipeAll:
		left.decides, left.piped = false, true
	}
	w.statement(cmd.X, left)
	w.statement(cmd.Y, right)
}

func (w *walker) call(cmd *syntax.CallExpr, c context, inline bool) {
	words := make([]string, 0, len(cmd.Args))
	for _, a := range cmd.Args {
		words = append(words, wordText(a))
	}
	for len(words) > 0 && words[0] == "" {
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	p := Program{Inline: inline}
	for _, a := range cmd.Assigns {
		if a.Name != nil {
			p.Env = append(p.Env, a.Name.Value+"="+wordText(a.Value))
		}
	}
	if from, to := int(cmd.Pos().Offset()), int(cmd.End().Offset()); from < to && to <= len(w.src) {
		p.Raw = w.src[from:to]
	}
	w.words(words, c, p)
}

// words adds the program that a simple command runs, below its wrappers.
func (w *walker) words(words []string, c context, p Program) {
	var via []string
	for {
		n := wrapper(words)
		if n == 0 || n >= len(words) {
			break
		}
		via = append(via, strings.Join(words[:n], " "))
		if baseName(words[0]) == "env" {
			p.Env = append(p.Env, slices.DeleteFunc(slices.Clone(words[1:n]), func(a string) bool { return strings.HasPrefix(a, "-") || !strings.Contains(a, "=") })...)
		}
		words = words[n:]
	}
	if script, ok := shellScript(words); ok && w.depth < maxDepth {
		inner := parse(script, w.depth+1)
		w.line.Written = append(w.line.Written, inner.Written...)
		for _, p := range inner.Programs {
			p.Decides = p.Decides && c.decides
			p.Piped = p.Piped || c.piped
			p.Excused = p.Excused || c.excused
			w.line.Programs = append(w.line.Programs, p)
		}
		return
	}
	p.Path, p.Name, p.Args, p.Via = words[0], baseName(words[0]), words[1:], via
	p.Sub = subcommand(&p)
	if p.Name == "tee" && len(p.Args) > 0 {
		w.line.Written = append(w.line.Written, p.Args[len(p.Args)-1])
	}
	w.add(p, c)
}

func (w *walker) add(p Program, c context) {
	p.Decides, p.Piped, p.Excused, p.Silent, p.Looped = c.decides, c.piped, c.excused, c.silent, c.looped
	p.Role = roleOf(&p)
	if f, ok := codeFlag[p.Name]; ok && p.HasArg(f) {
		p.Inline = true
	}
	w.line.Programs = append(w.line.Programs, p)
}

// codeFlag is the flag that gives an interpreter its program.
var codeFlag = map[string]string{"python": "-c", "node": "-e", "perl": "-e", "ruby": "-e", "php": "-r"}

// shellScript returns the script of bash -c and its like.
func shellScript(words []string) (string, bool) {
	switch baseName(words[0]) {
	case "bash", "sh", "zsh", "dash", "ksh":
	default:
		return "", false
	}
	for i, a := range words[1:] {
		if strings.HasPrefix(a, "-") && strings.HasSuffix(a, "c") && len(a) <= 5 && i+2 < len(words) {
			return words[i+2], words[i+2] != ""
		}
	}
	return "", false
}

// wordText returns the text of a word that has no expansions that matter: they
// become "", which makes a word of nothing else empty.
func wordText(word *syntax.Word) string {
	if word == nil {
		return ""
	}
	if lit := word.Lit(); lit != "" {
		return lit
	}
	var b strings.Builder
	partsText(&b, word.Parts)
	return b.String()
}

func partsText(b *strings.Builder, parts []syntax.WordPart) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			partsText(b, p.Parts)
		case *syntax.ParamExp:
			if p.Param != nil {
				b.WriteString("$" + p.Param.Value)
			}
		case *syntax.ExtGlob:
			b.WriteString("*")
		}
	}
}

// baseName is the last part of a program's path, without what tells versions
// of the same program apart.
func baseName(p string) string {
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(p, `\`, "/")), ".exe")
	if rest, ok := strings.CutPrefix(name, "python"); ok && strings.Trim(rest, "0123456789.") == "" {
		return "python"
	}
	if rest, ok := strings.CutPrefix(name, "pip"); ok && strings.Trim(rest, "0123456789.") == "" {
		return "pip"
	}
	return name
}

// split is the fallback for lines that the parser refuses: unbalanced quotes,
// another shell's syntax. It cuts at operators outside quotes.
func split(text string, depth int) Line {
	w := walker{depth: depth}
	var words []string
	var word strings.Builder
	var quote byte
	flush := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	end := func(c context) {
		flush()
		if len(words) > 0 {
			w.words(words, c, Program{Raw: strings.Join(words, " ")})
			words = nil
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
		case c == ' ' || c == '\t':
			flush()
		case c == '|' && i+1 < len(text) && text[i+1] == '|':
			i++
			end(context{excused: true})
		case c == '|':
			end(context{piped: true})
		case c == '&' && i+1 < len(text) && text[i+1] == '&':
			i++
			end(context{decides: true})
		case c == ';' || c == '\n':
			end(context{})
		default:
			word.WriteByte(c)
		}
	}
	end(context{decides: true})
	return w.line
}

// Deciding returns the program that most likely gave an exit code other than
// 0: the last one that can have. Printing does not fail.
func (l *Line) Deciding() *Program {
	for _, prints := range []bool{false, true} {
		for i := len(l.Programs) - 1; i >= 0; i-- {
			if p := &l.Programs[i]; p.Decides && (prints || p.Role != Print) {
				return p
			}
		}
	}
	if n := len(l.Programs); n > 0 {
		return &l.Programs[n-1]
	}
	return nil
}

// Has reports whether a program of the line plays one of the roles.
func (l *Line) Has(roles ...Role) bool { return l.First(roles...) != nil }

// First returns the first program of the line that plays one of the roles.
func (l *Line) First(roles ...Role) *Program {
	for i := range l.Programs {
		for _, r := range roles {
			if l.Programs[i].Role == r {
				return &l.Programs[i]
			}
		}
	}
	return nil
}

// Only reports whether all programs of the line play one of the roles.
func (l *Line) Only(roles ...Role) bool {
	for i := range l.Programs {
		if !slices.Contains(roles, l.Programs[i].Role) {
			return false
		}
	}
	return true
}

// Main returns the program that the line is about: the first that does
// something, rather than changing the folder, printing or viewing.
func (l *Line) Main() *Program {
	for i := range l.Programs {
		switch l.Programs[i].Role {
		case Shell, Print:
		default:
			return &l.Programs[i]
		}
	}
	if len(l.Programs) > 0 {
		return &l.Programs[0]
	}
	return nil
}
