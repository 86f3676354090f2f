package redact

import "strings"

// shortFlags lists flags of one letter that take a secret, by the command that
// must stand before them.
var shortFlags = []struct {
	command string
	flag    byte
	kind    string
	pair    bool // the value is user:password
	joined  bool // the value follows without a space, and only so
}{
	{"curl", 'u', "password", true, false},
	{"curl", 'U', "password", true, false},
	{"curl", 'b', "cookie", false, false},
	{"http", 'a', "password", true, false},
	{"https", 'a', "password", true, false},
	{"sshpass", 'p', "password", false, false},
	{"sshpass", 'p', "password", false, true},
	{"login", 'p', "password", false, false},
	{"mysql", 'p', "password", false, true},
	{"mysqldump", 'p', "password", false, true},
	{"mysqladmin", 'p', "password", false, true},
	{"mariadb", 'p', "password", false, true},
	{"mariadb-dump", 'p', "password", false, true},
	{"mongo", 'p', "password", false, false},
	{"mongosh", 'p', "password", false, false},
	{"mongodump", 'p', "password", false, false},
	{"mongorestore", 'p', "password", false, false},
	{"redis-cli", 'a', "password", false, false},
	{"ldapsearch", 'w', "password", false, false},
	{"ldapadd", 'w', "password", false, false},
	{"ldapmodify", 'w', "password", false, false},
	{"sqlcmd", 'P', "password", false, false},
	{"unzip", 'P', "password", false, false},
	{"zip", 'P', "password", false, false},
	{"7z", 'p', "password", false, true},
}

// longPairs lists the long flags whose value is user:password, by their command.
var longPairs = []struct{ command, flag string }{{"curl", "user"}, {"curl", "proxy-user"}, {"http", "auth"}, {"https", "auth"}}

// atFlag knows --password X, --token X and the short flags of commands that
// take a secret.
func atFlag(z *scan, i int) (span, bool) {
	s := z.rest
	if i+2 >= len(s) || i > 0 && strings.IndexByte(" \t\n\"'`([,", s[i-1]) < 0 {
		return span{}, false
	}
	if s[i+1] == '-' {
		return longFlag(z, i)
	}
	if strings.IndexByte("uUbapwP", s[i+1]) < 0 {
		return span{}, false
	}
	return shortFlag(z, i)
}

// farBack is how far before a flag its command is looked for.
const farBack = 400

func longFlag(z *scan, i int) (span, bool) {
	s, start := z.rest, i+2
	end := run(s[:min(len(s), start+maxName)], start, wordish)
	if end == start || end == len(s) {
		return span{}, false
	}
	name := s[start:end]
	for _, f := range longPairs {
		if name == f.flag && mentions(command(z.before(i, farBack)), f.command) {
			from, to := argument(s, end, true)
			return pair(s, from, to)
		}
	}
	kind, strict := named(name)
	if strings.EqualFold(name, "pass") || strings.EqualFold(name, "oauth2-bearer") {
		kind, strict = "password", true
	}
	if kind == "" {
		return span{}, false
	}
	from, to := argument(s, end, false)
	value := s[from:to]
	if value == "" || placeheld(value) || elsewhere(value) || strings.IndexByte(strings.TrimRight(value, "="), '=') >= 0 {
		return span{}, false
	}
	quoted := from > 0 && strings.IndexByte("\"'", s[from-1]) >= 0
	if strict && (len(value) < 6 || !quoted && !mixed(value)) || !strict && (len(value) < 8 || !mixed(value) || wordy(value)) {
		return span{}, false
	}
	return span{from, to, kindOf(value, kind)}, true
}

// argument returns where the value after a flag that ends at i stands: in the
// next word, or in the next string of a list.
func argument(s string, i int, equals bool) (start, end int) {
	if equals && s[i] == '=' {
		start = i + 1
	} else if start = skip(s[:min(len(s), i+8)], i, " \"',\\"); start == i {
		return i, i
	}
	if start < len(s) && (s[start] == '"' || s[start] == '\'') {
		start++
	}
	end = start
	for end < len(s) && end < start+decisive && s[end] > ' ' && strings.IndexByte("\"'`\\<>(){}[]|;,&", s[end]) < 0 {
		end++
	}
	if end == start || s[start] == '-' || end < len(s) && strings.IndexByte("<({[`", s[end]) >= 0 {
		return i, i
	}
	return start, end
}

// pair judges user:password, or a token that stands for both.
func pair(s string, start, end int) (span, bool) {
	user, password, colon := strings.Cut(s[start:end], ":")
	switch {
	case strings.Contains(user, "$") || strings.Contains(password, "//"):
		return span{}, false
	case password != "":
		return span{start + len(user) + 1, end, kindOf(password, "password")}, !placeheld(password) && len(password) >= 4 && !short(password)
	case colon && len(user) >= 16 && mixed(user) && !placeheld(user) && !wordy(user):
		return span{start, start + len(user), kindOf(user, "token")}, true
	}
	return span{}, false
}

// short reports whether a value is a small number, as the group in --user 1000:1000 is.
func short(v string) bool { return len(v) < 7 && run(v, 0, number) == len(v) }

func shortFlag(z *scan, i int) (span, bool) {
	s := z.rest
	var line string
	for n := range shortFlags {
		f := &shortFlags[n]
		if f.flag != s[i+1] {
			continue
		}
		if line == "" {
			line = command(z.before(i, farBack))
		}
		if !mentions(line, f.command) {
			continue
		}
		start, end := i+2, 0
		if f.joined == (s[start] == ' ' || s[start] == '"' || s[start] == '\'' || s[start] == '\\') {
			continue
		}
		if start, end = joinedArgument(s, i, f.joined); start == end {
			continue
		}
		if f.pair {
			if hit, ok := pair(s, start, end); ok {
				return hit, ok
			}
			continue
		}
		value := s[start:end]
		if placeheld(value) || len(value) < 4 || f.kind == "cookie" && (strings.IndexByte(value, '=') < 0 || len(value) < 12) {
			continue
		}
		return span{start, end, kindOf(value, f.kind)}, true
	}
	return span{}, false
}

func joinedArgument(s string, i int, joined bool) (start, end int) {
	if !joined {
		return argument(s, i+2, false)
	}
	end = i + 2
	for end < len(s) && end < i+decisive && s[end] > ' ' && strings.IndexByte("\"'`\\<>(){}[]|;,&", s[end]) < 0 {
		end++
	}
	return i + 2, end
}

// command returns the part of a line that belongs to its last command.
func command(line string) string {
	for i := len(line) - 1; i > 0; i-- {
		switch {
		case line[i] == '\n' && line[i-1] != '\\', line[i] == ';', line[i] == '|', line[i] == '&' && line[i-1] == '&':
			return line[i+1:]
		}
	}
	return line
}

// mentions reports whether a command stands in a line as a word.
func mentions(line, command string) bool {
	for from := 0; ; {
		at := strings.Index(line[from:], command)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(command)
		if (at == 0 || !wordish[line[at-1]]) && end < len(line) && !wordish[line[end]] && line[end] != '.' && line[end] != ':' {
			return true
		}
		from = end
	}
}
