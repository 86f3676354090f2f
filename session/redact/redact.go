// Package redact replaces secrets in text by stable placeholders, before
// anything is stored, indexed, shown or sent.
//
// A placeholder is <secret:KIND:HASH>, where HASH is the first four hex digits
// of the SHA-256 of the secret: the same secret is recognised wherever it
// turns up, and sixteen bits say nothing about it. The rules are hand-written
// scanners behind a table of trigger bytes, because all text of all sessions
// runs through them; see the benchmark. They are, by file: what vendors print
// (tokens.go), names with values (names.go), flags of commands (flags.go),
// addresses and headers (urls.go).
package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Version is raised when a rule is added or changed. Sessions stored under
// older rules are then redacted again.
const Version = 4

// Rules say what is replaced. The zero value replaces secrets.
type Rules struct {
	Emails bool // e-mail addresses too
}

// withEmails is added to the version of rules that replace e-mail addresses,
// so that switching them on or off counts as a change.
const withEmails = 1 << 16

// Version returns the version of the rules, as stored with sessions.
func (r Rules) Version() int {
	if r.Emails {
		return Version + withEmails
	}
	return Version
}

// Text returns s with its secrets replaced, and calls found with the kind of
// each. It is idempotent.
func Text(s string, found func(kind string)) string { return Rules{}.Text(s, found) }

// Text returns s with what the rules name replaced, and calls found with the
// kind of each. It is idempotent.
func (r Rules) Text(s string, found func(kind string)) string {
	z := scan{triggers: &secrets, found: found}
	if r.Emails {
		z.triggers = &secretsAndEmails
	}
	z.through(s, 0)
	if !z.changed {
		return s
	}
	return string(z.out) + z.rest
}

// scan is a text on its way. Checks look at the rest, which starts behind the
// last placeholder: before it stands the same text when redacting again.
type scan struct {
	triggers *[256]check
	found    func(kind string)
	out      []byte // what is done
	rest     string
	changed  bool
}

// through moves a text to what is done, up to the part behind its last secret,
// which is the rest then. Before place i of it there is nothing to be found.
func (z *scan) through(text string, i int) {
	for z.rest = text; i < len(z.rest); i++ {
		check := z.triggers[z.rest[i]]
		if check == nil {
			continue
		}
		hit, ok := check(z, i)
		if !ok {
			continue
		}
		rest := z.rest
		if hit.kind == "" { // a placeholder: pass over it
			z.out = append(z.out, rest[:hit.end]...)
		} else {
			z.replace(rest, hit)
		}
		z.rest, i = rest[hit.end:], -1
		if hit, ok := besideKeyID(z.out, z.rest); ok {
			rest = z.rest
			z.replace(rest, hit)
			z.rest = rest[hit.end:]
		}
	}
}

// reach is how far a check looks ahead before it says no. Backwards none looks
// farther.
const reach = 8 * decisive

// replace writes what stands before a secret and its placeholder. What was no
// secret before may be one now that less follows it: it is looked at again.
func (z *scan) replace(text string, hit span) {
	known := max(0, hit.start-2*reach)
	z.out = append(z.out, text[:known]...)
	z.through(text[known:hit.start]+"<", max(0, hit.start-known-reach))
	z.out = append(z.out, z.rest[:len(z.rest)-1]...)
	z.out = append(z.out, placeholder(hit.kind, text[hit.start:hit.end])...)
	z.changed = true
	if z.found != nil {
		z.found(hit.kind)
	}
}

// before returns at most n bytes that stand before place i of the rest.
func (z *scan) before(i, n int) string {
	if i >= n || len(z.out) == 0 {
		return z.rest[max(0, i-n):i]
	}
	return string(z.out[max(0, len(z.out)-(n-i)):]) + z.rest[:i]
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
func atPlaceholder(z *scan, i int) (span, bool) {
	const open = "<secret:"
	s := z.rest
	if !strings.HasPrefix(s[i:], open) {
		return span{}, false
	}
	kind := run(s[:min(len(s), i+64)], i+len(open), wordish)
	end := kind + 6 // a colon, four digits, the closing bracket
	if end > len(s) || s[kind] != ':' || s[end-1] != '>' || run(s[:end], kind+1, hexadecimal) != end-1 {
		return span{}, false
	}
	return span{start: i, end: end}, true
}

// A check looks around a byte at which a secret can be recognised.
type check func(z *scan, i int) (span, bool)

// secrets holds, for every byte at which a secret can be recognised, its check.
var secrets = func() (t [256]check) {
	t['<'] = atPlaceholder
	t['-'] = first(atPrefix, atFlag, atMailchimp)
	t['_'] = atPrefix
	t['.'] = first(atPrefix, atDiscord)
	t['I'] = atCapital
	t['J'] = atJWT
	t['K'] = atTwilio
	t['~'] = atAzure
	t[':'] = first(atURL, atTelegram, atHeader, atAssignment)
	t['='] = atAssignment
	t['>'] = atElement
	t['B'], t['b'] = atBearer, atBearer
	return t
}()

var secretsAndEmails = func() [256]check {
	t := secrets
	t['@'] = atEmail
	return t
}()

// first returns the check that tries several in turn.
func first(checks ...check) check {
	return func(z *scan, i int) (span, bool) {
		for _, c := range checks {
			if hit, ok := c(z, i); ok {
				return hit, ok
			}
		}
		return span{}, false
	}
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
)

var (
	alnum       = alphabet(lower + strings.ToUpper(lower) + digits)
	word        = alphabet(lower + strings.ToUpper(lower) + digits + "_")
	wordish     = alphabet(lower + strings.ToUpper(lower) + digits + "_-")
	dotted      = alphabet(lower + strings.ToUpper(lower) + digits + "_-.")
	base64      = alphabet(lower + strings.ToUpper(lower) + digits + "+/=_-.~")
	upper       = alphabet(strings.ToUpper(lower) + digits)
	hexadecimal = alphabet(digits + "abcdef")
	opaque      = func() *[256]bool { // what a value goes on with after the part that was looked at
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

// decisive is how many bytes of a value decide whether it is a secret. Only one
// that is, and is passed over, is followed to its end: looking is linear.
const decisive = 300

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

// back returns where the run of characters that ends before i starts; it looks
// at most n of them far.
func back(s string, i, n int, in *[256]bool) int {
	least := max(0, i-n)
	for i > least && in[s[i-1]] {
		i--
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
