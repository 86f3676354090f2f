package miner

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"lode/session"
)

// fingerprintVersion is part of every fingerprint: changed masks or keys give
// new ones, and never move old evidence to other patterns unseen.
const fingerprintVersion = "1"

// fingerprint returns the identity of a failure: what is missing, where that
// is known, else the program and the masked line that tells the failure.
func fingerprint(r *evidence, v *judgement, cwd string) string {
	return hashed(fingerprintKey(r, v, cwd))
}

func hashed(key string) string {
	sum := sha256.Sum256([]byte(fingerprintVersion + "\x00" + key))
	return "f" + fingerprintVersion + "-" + hex.EncodeToString(sum[:6])
}

// fingerprintKey spells a fingerprint out.
func fingerprintKey(r *evidence, v *judgement, cwd string) string {
	switch v.class {
	case MissingTool:
		return "missing\x00" + strings.ToLower(lastPart(v.entity))
	case MissingModule: // a tool that is run as a module is the same tool, @acme/ui not @other/ui
		return "missing\x00" + strings.ToLower(relative(v.entity, cwd))
	case NoSuchFile:
		if v.entity != "" {
			return "no-such-file\x00" + relative(v.entity, cwd)
		}
	case UsageError:
		program := programOf(r)
		if p := speaker(r.parsed(), v.signature); p != nil && r.act == session.Shell {
			program = p.Name
		}
		return "usage\x00" + program + "\x00" + v.entity + "\x00" + maskIf(v.entity == "", v.signature)
	case ShellSyntax:
		if v.entity == Backticks {
			return "shell\x00backticks"
		}
		if strings.Contains(v.signature, "no matches found") {
			return "shell\x00no matches found"
		}
	case EditMismatch, EditBeforeRead, LimitExceeded:
		return v.class
	case NotAFile:
		return "not-a-file\x00" + relative(v.entity, cwd)
	case LintFinding:
		if v.entity != "" {
			return "lint\x00" + v.entity
		}
	}
	return v.class + "\x00" + programOf(r) + "\x00" + Mask(v.signature)
}

func maskIf(cond bool, s string) string {
	if cond {
		return Mask(s)
	}
	return ""
}

// programOf names the program or tool that a result comes from.
func programOf(r *evidence) string {
	if r.act != session.Shell {
		return string(r.act)
	}
	p := r.parsed().Main()
	if p == nil {
		return ""
	}
	if p.Sub != "" && !strings.ContainsAny(p.Sub, "/.") {
		return p.Name + " " + p.Sub
	}
	return p.Name
}

// relative writes a path relative to the session's folder, or to the first
// folder of a repository that can be told, so that checkouts compare.
func relative(path, cwd string) string {
	path = strings.ReplaceAll(strings.TrimSuffix(path, "/"), `\`, "/")
	root := session.Root(cwd)
	for _, base := range []string{strings.ReplaceAll(cwd, `\`, "/"), root} {
		if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(base, "/")+"/"); ok && strings.Contains(base, "/") { // a bare name is no folder: see session.Root
			return rest
		}
	}
	return strings.TrimPrefix(path, "./")
}

// Mask returns the template of a line: what changes from one occurrence to the
// next is replaced by a placeholder, and white space is reduced. It is one pass
// over the bytes, without regular expressions, because every line of every
// failure goes through it.
//
// The masks are, in this order: quoted text, URLs, paths, times and other
// numbers with their units, hexadecimal ids, and words with digits.
func Mask(line string) string {
	m := masker{in: line, out: make([]byte, 0, len(line))}
	m.run()
	return string(m.out)
}

type masker struct {
	in  string
	out []byte
}

func (m *masker) run() {
	for i := 0; i < len(m.in); {
		c := m.in[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if len(m.out) > 0 && m.out[len(m.out)-1] != ' ' {
				m.out = append(m.out, ' ')
			}
			i++
		case c == '"' || c == '\'' || c == '`':
			i = m.quoted(i)
		case isWordByte(c):
			i = m.word(i)
		default:
			m.out = append(m.out, c)
			i++
		}
	}
	for len(m.out) > 0 && m.out[len(m.out)-1] == ' ' {
		m.out = m.out[:len(m.out)-1]
	}
}

// put adds a placeholder, once for a run of equal ones.
func (m *masker) put(mask string) {
	tail := string(m.out[max(0, len(m.out)-16):]) // no mask and separator is longer
	for _, sep := range []string{"", " ", ", ", ","} {
		if strings.HasSuffix(tail, mask+sep) {
			m.out = m.out[:len(m.out)-len(sep)]
			return
		}
	}
	m.out = append(m.out, mask...)
}

// quoted masks text in quotes. A quote without its partner, or within a word,
// is only a character.
func (m *masker) quoted(i int) int {
	q := m.in[i]
	if i > 0 && isAlnum(m.in[i-1]) {
		m.out = append(m.out, q)
		return i + 1
	}
	end := strings.IndexByte(m.in[i+1:], q)
	if end < 0 || end > 300 {
		m.out = append(m.out, q)
		return i + 1
	}
	m.put("<str>")
	return i + end + 2
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// isWordByte tells the bytes of which words, paths, numbers and URLs consist.
func isWordByte(c byte) bool {
	return isAlnum(c) || c == '_' || c == '/' || c == '.' || c == '-' || c == '~' || c == '\\' || c == '%' || c == '@' || c == '+' || c >= 0x80
}

// word masks what stands between spaces and punctuation.
func (m *masker) word(i int) int {
	start := i
	for i < len(m.in) && (isWordByte(m.in[i]) || m.in[i] == ':' && inner(m.in, i)) {
		i++
	}
	w := m.in[start:i]
	trail := ""
	for len(w) > 1 && strings.IndexByte(".:-", w[len(w)-1]) >= 0 {
		trail = w[len(w)-1:] + trail
		w = w[:len(w)-1]
	}
	if mask := maskOf(w); mask != "" {
		m.put(mask)
	} else {
		m.out = append(m.out, w...)
	}
	m.out = append(m.out, trail...)
	return i
}

// inner reports whether the colon at i belongs to the word: file:12, http://.
func inner(s string, i int) bool {
	if i+1 >= len(s) || i == 0 {
		return false
	}
	next := s[i+1]
	return next >= '0' && next <= '9' || next == '/'
}

// maskOf returns the placeholder for a word, or "" to keep it.
func maskOf(w string) string {
	digits, letters, hexOnly, slash := 0, 0, true, false
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
			if c > 'f' || c > 'F' && c < 'a' {
				hexOnly = false
			}
		case c == '/' || c == '\\':
			slash = true
		}
	}
	switch {
	case strings.Contains(w, "://"):
		return "<url>"
	case slash && len(w) > 1 && letters+digits > 0:
		return "<path>"
	case digits == 0:
		if fileLike(w) {
			return "<path>"
		}
		return ""
	case letters == 0:
		return "<n>"
	case hexOnly && letters+digits >= 6, strings.HasPrefix(w, "0x"):
		return "<hex>"
	case fileLike(w):
		return "<path>"
	case unitAfter(w):
		return "<n>"
	}
	return "<id>"
}

// fileLike reports whether a word looks like a file with a place in it:
// name.go:12:3, setup.py.
func fileLike(w string) bool {
	name, _, placed := strings.Cut(w, ":")
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || dot == len(name)-1 || len(name)-dot > 6 {
		return false
	}
	for _, c := range name[dot+1:] {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return placed || sourceExt[name[dot+1:]]
}

var sourceExt = map[string]bool{"go": true, "py": true, "js": true, "ts": true, "tsx": true, "jsx": true, "rs": true, "java": true, "rb": true,
	"c": true, "h": true, "cc": true, "cpp": true, "cs": true, "php": true, "sh": true, "json": true, "yaml": true, "yml": true, "toml": true,
	"md": true, "txt": true, "log": true, "html": true, "css": true, "sql": true, "lock": true, "cfg": true, "ini": true, "xml": true, "rst": true}

// unitAfter reports whether a word is a number with a unit: 12ms, 3.5s, 64KB, 20%.
func unitAfter(w string) bool {
	i := 0
	for i < len(w) && (w[i] >= '0' && w[i] <= '9' || w[i] == '.' || w[i] == '-' || w[i] == '+') {
		i++
	}
	return i > 0 && len(w)-i <= 3
}
