package redact

import "strings"

// secretNames are the endings of names whose value is a secret, written small
// and without separators; a strict name is so by itself, the others only when
// the value looks like a secret.
var secretNames = []struct {
	ending, kind string
	strict       bool
}{
	{"password", "password", true}, {"passwd", "password", true}, {"passphrase", "password", true}, {"pwd", "password", false},
	{"dbpass", "password", true}, {"userpass", "password", true}, {"authpass", "password", true}, {"smtppass", "password", true},
	{"mailpass", "password", true}, {"rootpass", "password", true}, {"adminpass", "password", true}, {"emailpass", "password", true},
	{"secret", "secret", false}, {"secretkeybase", "secret", false}, {"privatekey", "secret", false}, {"credentials", "secret", false},
	{"encryptionkey", "secret", false}, {"signingkey", "secret", false}, {"masterkey", "secret", false}, {"sharedkey", "secret", false},
	{"secretkey", "secret", false}, {"secretaccesskey", "secret", false}, {"jwtkey", "secret", false}, {"cookiekey", "secret", false},
	{"token", "token", false}, {"npmauth", "token", false}, {"jwt", "token", false},
	{"apikey", "api-key", false}, {"accesskey", "api-key", false}, {"accountkey", "api-key", false}, {"authkey", "api-key", false},
	{"subscriptionkey", "api-key", false}, {"servicekey", "api-key", false}, {"rolekey", "api-key", false}, {"licensekey", "api-key", false},
	{"appkey", "api-key", false}, {"anonkey", "api-key", false}, {"amzsignature", "signature", false},
	{"cookie", "cookie", false},
}

// named returns the kind of secret that a name stands for, or "".
func named(name string) (kind string, strict bool) {
	var buf [maxName]byte
	plain := buf[:0]
	for i := 0; i < len(name) && i < maxName; i++ {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c|0x20)
		case c != '_' && c != '-':
			plain = append(plain, c)
		}
	}
	if len(plain) < 3 || strings.IndexByte("dsteny", plain[len(plain)-1]) < 0 && !strings.HasSuffix(string(plain), "auth") {
		return "", false
	}
	for n := range secretNames {
		sn := &secretNames[n]
		if from := len(plain) - len(sn.ending); from >= 0 && string(plain[from:]) == sn.ending {
			return sn.kind, sn.strict
		}
	}
	if strings.EqualFold(name, "_auth") {
		return "token", false
	}
	if n := len(name); n > 5 && strings.EqualFold(name[n-5:], "_pass") {
		return "password", true
	}
	return "", false
}

// maxName bounds what is read of a name, from its end.
const maxName = 48

// atAssignment knows name = value, name: value and "name": "value" where the
// name is that of a secret.
func atAssignment(z *scan, i int) (span, bool) {
	s := z.rest
	name, start, quoted := nameBefore(s, i)
	if len(name) < 3 {
		return span{}, false
	}
	kind, strict := named(name)
	if kind == "" && strings.EqualFold(name, "value") {
		kind, strict = named(nameOfValue(s, start))
	} else if kind == "" && s[i] == '=' {
		if declared := typed(s, start, name); declared != "" {
			kind, strict = named(declared)
		}
	}
	if s[i] == '=' && !quoted && environ(s, i, name) {
		if hit, ok := variable(s, i+1, name, kind, strict); ok {
			return hit, ok
		}
	}
	if kind == "" {
		return span{}, false
	}
	return assigned(s, i, name, kind, strict, quoted)
}

// assigned judges the value after the sign at i.
func assigned(s string, i int, name, kind string, strict, quotedName bool) (span, bool) {
	start, end := valueAfter(s, i, quotedName)
	if start == end && strict && s[i] == '=' {
		start, end = settingAfter(s, i, name)
	}
	value := s[start:end]
	if value == "" || placeheld(value) || elsewhere(value) {
		return span{}, false
	}
	inQuotes := end < len(s) && strings.IndexByte("\"'`\\", s[end]) >= 0
	secret := len(value) >= 16 && mixed(value) && !wordy(value)
	if strict {
		secret = len(value) >= 6 && (inQuotes || mixed(value))
	}
	if !secret {
		return span{}, false
	}
	return span{start, run(s, end, opaque), kindOf(value, kind)}, true
}

// nameOfValue returns what stands before the word value in a list of names and
// values: "name": "DB_PASSWORD", "value": "…".
func nameOfValue(s string, i int) string {
	for least := max(0, i-40); i > least && strings.IndexByte(" \t\n\"',\\", s[i-1]) >= 0; {
		i--
	}
	return s[back(s, i, maxName, wordish):i]
}

// typed returns the name before a type, as in "apiKey: string = …".
func typed(s string, start int, kind string) string {
	if kind != "str" && kind != "string" && kind != "String" {
		return ""
	}
	colon := start
	for colon > 0 && s[colon-1] == ' ' {
		colon--
	}
	if colon == 0 || s[colon-1] != ':' {
		return ""
	}
	name, _, _ := nameBefore(s, colon-1)
	return name
}

// environ reports whether NAME= at i is written as a variable of the environment is.
func environ(s string, i int, name string) bool {
	if i == 0 || s[i-1] == ' ' || s[i-1] == ':' || i+1 == len(s) || s[i+1] == '=' || s[i+1] == ' ' {
		return false
	}
	letters := false
	for j := 0; j < len(name); j++ {
		if name[j] >= 'a' && name[j] <= 'z' {
			return false
		}
		letters = letters || name[j] >= 'A'
	}
	return letters
}

// variable judges the value of an environment's variable, which is text and not
// code: less is needed to take it for a secret.
func variable(s string, i int, name, kind string, strict bool) (span, bool) {
	start := skipBackslashes(s, i)
	var quote byte
	if start < len(s) && (s[start] == '"' || s[start] == '\'') {
		quote = s[start]
		start++
	} else if start > i {
		return span{}, false
	}
	end := start
	for end < len(s) && end < start+decisive && s[end] > ' ' && strings.IndexByte("\"'`\\<>(){}&|;,", s[end]) < 0 {
		end++
	}
	value := s[start:end]
	switch {
	case value == "" || placeheld(value) || elsewhere(value):
		return span{}, false
	case quote != 0 && (end == len(s) || s[end] != quote && s[end] != '\\'), end < len(s) && strings.IndexByte("(){`", s[end]) >= 0:
		return span{}, false // words, or an expression
	case kind == "":
		if !strings.HasSuffix(name, "_KEY") || strings.Contains(name, "PUBLI") || !random(value) {
			return span{}, false
		}
		kind = "secret"
	case strict:
		if len(value) < 6 {
			return span{}, false
		}
	case kind == "secret" && len(value) >= 12 && run(value, 0, alnum) == len(value):
	case len(value) < 8 || !mixed(value) || wordy(value):
		return span{}, false
	}
	return span{start, run(s, end, opaque), kindOf(value, kind)}, true
}

// random reports whether a value has what only generated keys have together:
// large and small letters and digits, and no words.
func random(v string) bool {
	return len(v) >= 24 && mixed(v) && strings.ToLower(v) != v && strings.ToUpper(v) != v && !wordy(v) && !strings.ContainsAny(v, "/.:$")
}

// kindOf returns the kind of token that a value is by its prefix, else the
// kind that its name suggests.
func kindOf(value, kind string) string {
	if strings.HasPrefix(value, "eyJ") && strings.Contains(value, ".eyJ") {
		return "jwt"
	}
	for t := range tokens {
		if strings.HasPrefix(value, tokens[t].prefix) {
			return tokens[t].kind
		}
	}
	return kind
}

// nameBefore returns the identifier that ends before the sign at i, where it
// starts, and whether it stands in quotes.
func nameBefore(s string, i int) (name string, start int, quoted bool) {
	end := i
	for end > 0 && i-end < 2 && s[i] == '=' && strings.IndexByte(":?+|", s[end-1]) >= 0 { // := ?= +=
		end--
	}
	for end > 0 && s[end-1] == ' ' && i-end < 5 {
		end--
	}
	if end > 0 && s[end-1] == ']' { // environ["NAME"] =
		end--
	}
	if end > 0 && (s[end-1] == '"' || s[end-1] == '\'') {
		end--
		quoted = true
		for least := max(0, end-maxEscapes); end > least && s[end-1] == '\\'; {
			end--
		}
	}
	start = back(s, end, maxName, wordish)
	return s[start:end], start, quoted
}

// maxEscapes is how many backslashes may stand before a quote: one text in the
// string of another, three times.
const maxEscapes = 7

func skipBackslashes(s string, i int) int {
	for most := min(len(s), i+maxEscapes); i < most && s[i] == '\\'; {
		i++
	}
	return i
}

// valueAfter returns where the value after the sign at i stands: a quoted
// string, or an unquoted run that cannot be an expression. An empty span means
// that there is none.
func valueAfter(s string, i int, quotedName bool) (start, end int) {
	start = skip(s[:min(len(s), i+5)], i+1, " =>")
	if start > i+4 || start >= len(s) {
		return start, start
	}
	if q := skipBackslashes(s, start); q < len(s) && s[q] == '"' {
		start = q
	}
	if q := s[start]; q == '"' || q == '\'' || q == '`' {
		for end = start + 1; end < len(s) && end < start+decisive; end++ {
			if c := s[end]; c == q || c == '\n' || c == '\\' {
				break
			}
		}
		if end >= len(s) || s[end] == '\n' || strings.IndexByte(s[start+1:end], ' ') >= 0 {
			return start, start
		}
		return start + 1, end
	}
	end = start
	for end < len(s) && end < start+decisive && s[end] > ' ' && strings.IndexByte("\"'`&;,()[]{}<>|\\$", s[end]) < 0 {
		end++
	}
	if (s[i] == '=' && start > i+1 || quotedName) && (end-start < 32 || strings.ContainsAny(s[start:end], "._")) {
		return start, start // an expression in code: few names are longer, and none of those one word
	}
	if end < len(s) && strings.IndexByte("([{$", s[end]) >= 0 || strings.Count(s[start:end], ".") == 1 {
		return start, start // a call, an index, a selector
	}
	return start, end
}

// settingAfter returns the value of a line "name = value" of a settings file,
// if it is none that could be a name in code.
func settingAfter(s string, i int, name string) (start, end int) {
	line := i - 1
	for line > 0 && s[line] == ' ' {
		line--
	}
	if line -= len(name); line >= 0 && s[line] != '\n' {
		return i, i
	}
	start = skip(s[:min(len(s), i+5)], i+1, " ")
	end = start
	for end < len(s) && end < start+decisive && s[end] > ' ' && strings.IndexByte("\"'`;,()[]{}<>|\\_.", s[end]) < 0 {
		end++
	}
	if end < len(s) && s[end] != '\n' && s[end] != '\r' || run(s[:end], start, alnum) == end && !strings.ContainsAny(strings.TrimRight(s[start:end], digits), digits) {
		return i, i
	}
	return start, end
}

// atElement knows <name>value</name>.
func atElement(z *scan, i int) (span, bool) {
	s := z.rest
	from := back(s, i, maxName, wordish)
	if from == i || from == 0 || s[from-1] != '<' && s[from-1] != ':' {
		return span{}, false
	}
	kind, strict := named(s[from:i])
	if kind == "" {
		return span{}, false
	}
	end := i + 1
	for end < len(s) && end < i+decisive && s[end] > ' ' && strings.IndexByte("<>\"'`{}\\", s[end]) < 0 {
		end++
	}
	value := s[i+1 : end]
	if value == "" || !strings.HasPrefix(s[end:], "</") || placeheld(value) || elsewhere(value) {
		return span{}, false
	}
	if strict && len(value) < 6 || !strict && (len(value) < 16 || !mixed(value) || wordy(value)) {
		return span{}, false
	}
	return span{i + 1, end, kindOf(value, kind)}, true
}

// Values that only stand for a secret: what they start with, what they hold,
// and what they are.
var (
	standInStarts = []string{"redacted", "placeholder", "changeme", "change-me", "change_me", "your", "xxx", "...", "***", "test", "dummy", "fake",
		"mock", "insert", "replace", "sample", "todo", "foobar", "os.environ", "process.env"}
	standInParts = []string{"example", "redacted", "placeholder", "your_", "your-", "xxxx", "****", "changeme", "_here", "-here"}
	standIns     = []string{"password", "passwd", "pass", "pwd", "secret", "token", "string", "none", "null", "nil", "true", "false", "undefined", "required",
		"optional", "postgres", "root", "admin", "guest", "user", "username", "mysql", "minio", "minioadmin", "hidden", "masked", "foo", "bar", "value",
		"prompt", "stdin", "apikey", "api_key", "x-oauth-basic"}
)

// placeheld reports whether a value only stands for a secret.
func placeheld(v string) bool {
	switch v[0] {
	case '<', '$', '{', '[', '(':
		return true
	case '%', '*': // %NAME%, *string
		if !mixed(v) || v[len(v)-1] == v[0] {
			return true
		}
	}
	small := strings.ToLower(v[:min(len(v), 64)])
	for _, p := range standInStarts {
		if strings.HasPrefix(small, p) && !strings.ContainsAny(v, "!@#^&+=?~") { // Test1234! may be one
			return true
		}
	}
	for _, p := range standInParts {
		if strings.Contains(small, p) {
			return true
		}
	}
	for _, w := range standIns {
		if small == w {
			return true
		}
	}
	if len(v) < 48 && (strings.HasSuffix(v, "...") || strings.HasSuffix(v, "…")) {
		return true // cut by whoever wrote it
	}
	return strings.Count(v, v[:1]) == len(v) || nameOfSecret(small)
}

// nameOfSecret reports whether a short value says itself what it is, as
// somepassword or helper-secret do.
func nameOfSecret(small string) bool {
	if len(small) >= 16 || mixed(small) {
		return false
	}
	for _, w := range []string{"password", "passwd", "secret", "token"} {
		if strings.Contains(small, w) && run(small, 0, wordish) == len(small) {
			return true
		}
	}
	return false
}

// elsewhere reports whether a value says where a secret is: a path, an address.
func elsewhere(v string) bool {
	if strings.HasPrefix(v, "~/") || strings.HasPrefix(v, "./") || strings.HasPrefix(v, "../") || strings.Contains(v, "://") {
		return true
	}
	if v[0] != '/' {
		return false
	}
	folder, _, more := strings.Cut(v[1:], "/")
	return more && len(folder) > 1 && !mixed(folder) && (strings.ToLower(folder) == folder || folder == "Users" || folder == "Library")
}

// wordy reports whether a value is made of words, as names in code and of
// things are: each a few letters, small but for the first, with at most three
// digits behind.
func wordy(v string) bool {
	words, letters := 0, 0
	for i := 0; i < len(v); {
		if strings.IndexByte("_-./: ", v[i]) >= 0 {
			i++
			continue
		}
		from := i
		if v[i] >= 'A' && v[i] <= 'Z' {
			i = run(v, i, capitals)
		}
		if i <= from+1 {
			i = run(v, i, smalls)
		}
		letters += i - from
		end := run(v, i, number)
		if end-i > 3 || end == from {
			return false
		}
		if i > from {
			words++
		}
		i = end
	}
	return words > 0 && letters >= 4*words
}

var capitals, smalls = alphabet(strings.ToUpper(lower)), alphabet(lower)
