// Package redact replaces secrets in text by stable placeholders, before
// anything is stored, indexed, shown or sent.
//
// A placeholder is <secret:KIND:HASH>, where HASH is the first four hex digits
// of the SHA-256 of the secret: the same secret is recognised wherever it
// turns up, and sixteen bits say nothing about it. The rules are hand-written
// scanners behind a table of trigger bytes, because all text of all sessions
// runs through them; see the benchmark.
package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Version is raised when a rule is added or changed. Sessions stored under
// older rules are then redacted again.
const Version = 2

// Text returns s with its secrets replaced, and calls found with the kind of
// each. It is idempotent.
func Text(s string, found func(kind string)) string {
	var b strings.Builder
	done, floor := 0, 0 // written up to done; nothing may be taken from before floor
	for i := 0; i < len(s); i++ {
		check := triggers[s[i]]
		if check == nil {
			continue
		}
		hit, ok := check(s, i)
		if !ok || hit.start < floor {
			continue
		}
		if hit.kind == "" { // a placeholder: pass over it
			floor = hit.end
			i = hit.end - 1
			continue
		}
		b.WriteString(s[done:hit.start])
		b.WriteString(placeholder(hit.kind, s[hit.start:hit.end]))
		if found != nil {
			found(hit.kind)
		}
		done, floor = hit.end, hit.end
		i = hit.end - 1
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// span is a secret's place in a text.
type span struct {
	start, end int
	kind       string
}

func placeholder(kind, secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "<secret:" + kind + ":" + hex.EncodeToString(sum[:2]) + ">"
}

// atPlaceholder knows what this package wrote before.
func atPlaceholder(s string, i int) (span, bool) {
	const open = "<secret:"
	if !strings.HasPrefix(s[i:], open) {
		return span{}, false
	}
	kind := run(s, i+len(open), wordish)
	end := kind + 6 // a colon, four digits, the closing bracket
	if end > len(s) || s[kind] != ':' || s[end-1] != '>' {
		return span{}, false
	}
	return span{start: i, end: end}, true
}

// triggers holds, for every byte at which a secret can be recognised, the
// check that looks around it.
var triggers = func() (t [256]func(s string, i int) (span, bool)) {
	t['<'] = atPlaceholder
	t['-'], t['_'], t['.'] = atPrefix, atPrefix, atPrefix
	t['I'] = atCapital
	t['J'] = atJWT
	t[':'] = atColon
	t['='] = atAssignment
	t['B'], t['b'] = atBearer, atBearer
	return t
}()

// A token is known by its prefix, the alphabet of the rest and its least length.
type token struct {
	prefix, kind string
	alphabet     *[256]bool
	min          int
}

var (
	word    = alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
	wordish = alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
	base64  = alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~")
	upper   = alphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
	opaque  = func() *[256]bool { // what a value goes on with after the part that was looked at
		t := *base64
		for c := 0x80; c < len(t); c++ {
			t[c] = true
		}
		return &t
	}()
)

func alphabet(chars string) *[256]bool {
	var t [256]bool
	for i := 0; i < len(chars); i++ {
		t[chars[i]] = true
	}
	return &t
}

// tokens lists the prefixes that vendors print on what they issue. Each ends
// with one of the bytes - _ . that trigger atPrefix.
var tokens = []token{
	{"ghp_", "github-token", word, 20}, {"gho_", "github-token", word, 20}, {"ghu_", "github-token", word, 20},
	{"ghs_", "github-token", word, 20}, {"ghr_", "github-token", word, 20}, {"github_pat_", "github-token", word, 20},
	{"glpat-", "gitlab-token", wordish, 16}, {"gldt-", "gitlab-token", wordish, 16},
	{"sk-ant-", "anthropic-key", wordish, 16}, {"sk-proj-", "openai-key", wordish, 16}, {"sk-or-", "openrouter-key", wordish, 16},
	{"sk-svcacct-", "openai-key", wordish, 16}, {"sk-admin-", "openai-key", wordish, 16},
	{"sk-", "api-key", word, 20},
	{"xoxb-", "slack-token", wordish, 10}, {"xoxp-", "slack-token", wordish, 10}, {"xoxa-", "slack-token", wordish, 10},
	{"xoxr-", "slack-token", wordish, 10}, {"xoxs-", "slack-token", wordish, 10}, {"xapp-", "slack-token", wordish, 10},
	{"sk_live_", "stripe-key", word, 16}, {"rk_live_", "stripe-key", word, 16}, {"sk_test_", "stripe-key", word, 16},
	{"npm_", "npm-token", word, 30}, {"hf_", "huggingface-token", word, 30}, {"pypi-", "pypi-token", wordish, 40},
	{"dop_v1_", "digitalocean-token", word, 40}, {"lin_api_", "linear-key", word, 20}, {"SG.", "sendgrid-key", base64, 40},
	{"whsec_", "webhook-secret", word, 20}, {"shpat_", "shopify-token", word, 30}, {"glsa_", "grafana-token", word, 30},
}

// decisive is how many bytes of a value decide whether it is a secret. Only one
// that is, and is passed over, is followed to its end: looking is linear.
const decisive = 300

func atPrefix(s string, i int) (span, bool) {
	if s[i] == '-' && strings.HasPrefix(s[i:], "-----BEGIN ") {
		return privateKey(s, i)
	}
	for t := range tokens {
		tok := &tokens[t]
		n := len(tok.prefix)
		if tok.prefix[n-1] != s[i] || i+1 < n || s[i+1-n:i+1] != tok.prefix {
			continue
		}
		start := i + 1 - n
		if preceded(s, start, word) {
			continue
		}
		end := run(s[:min(len(s), i+1+decisive)], i+1, tok.alphabet)
		if end-(i+1) >= tok.min && mixed(s[i+1:end]) {
			return span{start, run(s, end, tok.alphabet), tok.kind}, true
		}
	}
	return span{}, false
}

// privateKey covers a PEM block, also one written inside a JSON string, however
// often quoted. A block without its end is covered to the end of the text.
func privateKey(s string, i int) (span, bool) {
	head := s[i:min(len(s), i+64)]
	dash := strings.Index(head[11:], "-----")
	if dash < 0 || !strings.Contains(head[:11+dash], "PRIVATE KEY") {
		return span{}, false
	}
	body := i + 11 + dash + 5
	line := skip(s, body, `\`)
	escaped := line > body && line < len(s) && (s[line] == 'n' || s[line] == 'r')
	if body >= len(s) || s[body] != '\n' && s[body] != '\r' && !escaped {
		return span{}, false // spoken of, not shown
	}
	end := len(s)
	if stop := strings.Index(s[body:], "-----END "); stop >= 0 {
		end = body + stop
		if tail := strings.Index(s[end+9:], "-----"); tail >= 0 {
			end += 9 + tail + 5
		}
	}
	return span{i, end, "private-key"}, true
}

// atCapital knows AKIA… and ASIA… (AWS access key ids) and AIza… (Google keys).
func atCapital(s string, i int) (span, bool) {
	switch {
	case i >= 2 && i+1 < len(s) && s[i+1] == 'A' && (s[i-2:i] == "AK" || s[i-2:i] == "AS"):
		start := i - 2
		end := run(s[:min(len(s), start+21)], start, upper)
		return span{start, end, "aws-key-id"}, end-start == 20 && !preceded(s, start, word)
	case i >= 1 && s[i-1] == 'A' && strings.HasPrefix(s[i:], "Iza"):
		start := i - 1
		end := run(s[:min(len(s), start+40)], start, wordish)
		return span{start, end, "google-key"}, end-start == 39 && !preceded(s, start, word)
	}
	return span{}, false
}

// atJWT knows JSON web tokens: two base64 parts that start with {" and a signature.
func atJWT(s string, i int) (span, bool) {
	start := i - 2
	if start < 0 || s[start:i] != "ey" || preceded(s, start, wordish) {
		return span{}, false
	}
	head := run(s, start, wordish)
	if head-start < 16 || !strings.HasPrefix(s[head:], ".eyJ") {
		return span{}, false
	}
	body := run(s, head+1, wordish)
	if body >= len(s) || s[body] != '.' {
		return span{}, false
	}
	end := run(s, body+1, wordish)
	return span{start, end, "jwt"}, end-body > 10
}

// atBearer knows what follows "Bearer " in headers.
func atBearer(s string, i int) (span, bool) {
	if len(s) < i+8 || s[i+1:i+7] != "earer " {
		return span{}, false
	}
	start := i + 7
	end := run(s, start, base64)
	return span{start, end, "bearer-token"}, end-start >= 16 && mixed(s[start:end])
}

// atColon knows credentials in URLs, Authorization headers, and assignments.
func atColon(s string, i int) (span, bool) {
	if strings.HasPrefix(s[i:], "://") {
		return urlPassword(s, i+3)
	}
	if hit, ok := authorization(s, i); ok {
		return hit, ok
	}
	return atAssignment(s, i)
}

// urlPassword covers the password of scheme://user:password@host, and a user
// part without password that is long enough to be a token.
func urlPassword(s string, start int) (span, bool) {
	colon, at := -1, -1
scan:
	for i := start; i < len(s) && i < start+decisive; i++ {
		switch c := s[i]; {
		case c == ':' && colon < 0:
			colon = i
		case c == '@':
			at = i
			break scan
		case c <= ' ', c == '/', c == '"', c == '\'', c == '`', c == '<', c == '>', c == ')', c == '?', c == '#', c == '\\', c == ',':
			break scan
		}
	}
	switch {
	case at < 0 || at+1 >= len(s) || !word[s[at+1]] && s[at+1] != '[' && s[at+1] != '$' && s[at+1] != '{':
		return span{}, false
	case colon > 0 && at-colon > 1 && !placeheld(s[colon+1:at]):
		return span{colon + 1, at, "url-password"}, true
	case colon < 0 && at-start >= 20 && mixed(s[start:at]):
		return span{start, at, "url-token"}, true
	}
	return span{}, false
}

func authorization(s string, i int) (span, bool) {
	const name = "authorization"
	j := i
	if j > 0 && (s[j-1] == '"' || s[j-1] == '\'') {
		j--
	}
	if j < len(name) || !strings.EqualFold(s[j-len(name):j], name) {
		return span{}, false
	}
	start := skip(s, i+1, " \"'\\")
	for _, scheme := range []string{"bearer ", "basic ", "token ", "bot ", "apikey "} {
		if len(s) >= start+len(scheme) && strings.EqualFold(s[start:start+len(scheme)], scheme) {
			start += len(scheme)
			end := run(s, start, base64)
			return span{start, end, "authorization"}, end-start >= 8
		}
	}
	end := run(s, start, base64)
	return span{start, end, "authorization"}, end-start >= 16 && mixed(s[start:end])
}

// secretNames are the endings of names whose value is a secret; strict ones
// are so by their name alone, the others only when the value looks like one.
var secretNames = []struct {
	ending, kind string
	strict       bool
}{
	{"password", "password", true}, {"passwd", "password", true}, {"passphrase", "password", true}, {"pwd", "password", false},
	{"secret", "secret", false}, {"token", "token", false}, {"apikey", "api-key", false}, {"api_key", "api-key", false},
	{"api-key", "api-key", false}, {"access_key", "api-key", false}, {"secret_key", "secret", false}, {"secretkey", "secret", false},
	{"private_key", "secret", false}, {"accesskey", "api-key", false}, {"account_key", "api-key", false}, {"accountkey", "api-key", false},
	{"credentials", "secret", false}, {"cookie", "cookie", false},
}

// atAssignment knows name = value, name: value and "name": "value" where the
// name is that of a secret.
func atAssignment(s string, i int) (span, bool) {
	name, quoted := nameBefore(s, i)
	if len(name) < 3 {
		return span{}, false
	}
	for n := range secretNames {
		sn := &secretNames[n]
		if len(name) < len(sn.ending) || !strings.EqualFold(name[len(name)-len(sn.ending):], sn.ending) {
			continue
		}
		start, end := valueAfter(s, i, quoted)
		value := s[start:end]
		if value == "" || placeheld(value) {
			return span{}, false
		}
		inQuotes := end < len(s) && (s[end] == '"' || s[end] == '\'' || s[end] == '`' || s[end] == '\\')
		secret := len(value) >= 16 && mixed(value)
		if sn.strict {
			secret = len(value) >= 6 && (inQuotes || mixed(value))
		}
		if !secret {
			return span{}, false
		}
		return span{start, run(s, end, opaque), kindOf(value, sn.kind)}, true
	}
	return span{}, false
}

// kindOf returns the kind of token that a value is by its prefix, else the
// kind that its name suggests.
func kindOf(value, kind string) string {
	for t := range tokens {
		if strings.HasPrefix(value, tokens[t].prefix) {
			return tokens[t].kind
		}
	}
	return kind
}

// nameBefore returns the identifier that ends before i, and whether it stands
// in quotes.
func nameBefore(s string, i int) (name string, quoted bool) {
	end := i
	if end > 0 && s[end-1] == ':' { // :=
		end--
	}
	for end > 0 && s[end-1] == ' ' && i-end < 3 {
		end--
	}
	if end > 0 && s[end-1] == '"' || end > 0 && s[end-1] == '\'' {
		end--
		quoted = true
		if end > 0 && s[end-1] == '\\' {
			end--
		}
	}
	start := end
	for start > 0 && wordish[s[start-1]] && end-start < 48 {
		start--
	}
	return s[start:end], quoted
}

// valueAfter returns where the value after the sign at i stands: a quoted
// string, or an unquoted run that cannot be an expression. An empty span means
// that there is none.
func valueAfter(s string, i int, quotedName bool) (start, end int) {
	start = skip(s, i+1, " =")
	if start > i+4 || start >= len(s) {
		return start, start
	}
	escaped := strings.HasPrefix(s[start:], `\"`)
	if escaped {
		start++
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

// placeheld reports whether a value only stands for a secret.
func placeheld(v string) bool {
	switch v[0] {
	case '<', '$', '{', '%', '[', '(', '*':
		return true
	}
	lower := strings.ToLower(v)
	for _, p := range []string{"redacted", "example", "placeholder", "changeme", "your", "xxx", "...", "***", "test", "dummy", "fake"} {
		if strings.HasPrefix(lower, p) {
			return true
		}
	}
	for _, w := range []string{"password", "passwd", "secret", "token", "string", "none", "null", "true", "false", "undefined", "required", "optional"} {
		if lower == w {
			return true
		}
	}
	return strings.Count(v, v[:1]) == len(v)
}

// mixed reports whether a value has both letters and digits, as random ones do
// and words do not.
func mixed(v string) bool {
	var letter, digit bool
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			letter = true
		}
	}
	return letter && digit
}

func run(s string, i int, in *[256]bool) int {
	for i < len(s) && in[s[i]] {
		i++
	}
	return i
}

func skip(s string, i int, chars string) int {
	for i < len(s) && strings.IndexByte(chars, s[i]) >= 0 {
		i++
	}
	return i
}

// preceded reports whether what starts at i goes on from characters before it.
// The letter of an escape as \n is not one of them.
func preceded(s string, i int, by *[256]bool) bool {
	return i > 0 && by[s[i-1]] && (i < 2 || s[i-2] != '\\' || strings.IndexByte("nrtbf", s[i-1]) < 0)
}
