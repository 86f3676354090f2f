package redact

import (
	stdbase64 "encoding/base64"
	"strings"
)

// webhooks lists the addresses that are secrets themselves: who knows one, can post.
var webhooks = []struct{ host, kind string }{
	{"hooks.slack.com/services/", "slack-webhook"}, {"hooks.slack.com/workflows/", "slack-webhook"}, {"hooks.slack.com/triggers/", "slack-webhook"},
	{"discord.com/api/webhooks/", "discord-webhook"}, {"discordapp.com/api/webhooks/", "discord-webhook"},
	{"hooks.zapier.com/hooks/catch/", "webhook"}, {"maker.ifttt.com/trigger/", "webhook"},
}

// atURL knows credentials in addresses.
func atURL(z *scan, i int) (span, bool) {
	s := z.rest
	if !strings.HasPrefix(s[i:], "://") {
		return span{}, false
	}
	start := i + 3
	for w := range webhooks {
		if rest := s[start:]; strings.HasPrefix(rest, webhooks[w].host) {
			from := start + len(webhooks[w].host)
			end := run(s, from, webhookPath)
			for end > from && s[end-1] == '.' {
				end--
			}
			return span{from, end, webhooks[w].kind}, end-from >= 20 && mixed(s[from:end]) && !placeheld(s[from:end])
		}
	}
	if host := strings.Index(s[start:min(len(s), start+80)], ".webhook.office.com/webhookb2/"); host >= 0 && run(s[:start+host], start, wordish) == start+host {
		from := start + host + len(".webhook.office.com/webhookb2/")
		end := run(s, from, webhookPath)
		return span{from, end, "teams-webhook"}, end-from >= 40
	}
	return urlPassword(s, start)
}

var webhookPath = alphabet(lower + strings.ToUpper(lower) + digits + "_-/@.")

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
	if at < 0 || at+1 >= len(s) || !word[s[at+1]] && s[at+1] != '[' && s[at+1] != '$' && s[at+1] != '{' {
		return span{}, false
	}
	if colon > 0 && at-colon > 1 && !placeheld(s[colon+1:at]) {
		return span{colon + 1, at, kindOf(s[colon+1:at], "url-password")}, true
	}
	user := at
	if colon > 0 {
		user = colon
	}
	return span{start, user, "url-token"}, user-start >= 20 && mixed(s[start:user]) && !placeheld(s[start:user])
}

// atHeader knows Authorization, Cookie and Set-Cookie, and the credentials of
// Docker's configuration.
func atHeader(z *scan, i int) (span, bool) {
	s := z.rest
	end := i
	if end > 0 && (s[end-1] == '"' || s[end-1] == '\'') {
		end--
		for least := max(0, end-maxEscapes); end > least && s[end-1] == '\\'; {
			end--
		}
	}
	switch {
	case hasEnd(s, end, "authorization"):
		return authorization(s, i)
	case hasEnd(s, end, "set-cookie"):
		return cookies(s, i, ";")
	case hasEnd(s, end, "cookie"):
		return cookies(s, i, "")
	case hasEnd(s, end, "auth") && end < i:
		return basic(s, i)
	}
	return span{}, false
}

// hasEnd reports whether a word ends at i, its letters large or small.
func hasEnd(s string, i int, word string) bool {
	return i >= len(word) && strings.EqualFold(s[i-len(word):i], word) && (i == len(word) || s[i-len(word)-1] != '_')
}

func authorization(s string, i int) (span, bool) {
	start := skip(s[:min(len(s), i+16)], i+1, " \"'\\")
	for _, scheme := range []string{"bearer ", "basic ", "token ", "bot ", "apikey ", "digest ", "key ", "negotiate "} {
		if len(s) >= start+len(scheme) && strings.EqualFold(s[start:start+len(scheme)], scheme) {
			start += len(scheme)
			end := run(s, start, base64)
			return span{start, end, "authorization"}, end-start >= 8 && !placeheld(s[start:end])
		}
	}
	end := run(s, start, base64)
	return span{start, end, "authorization"}, end-start >= 16 && mixed(s[start:end]) && !placeheld(s[start:end]) && !wordy(s[start:end])
}

// cookies covers what a header sets, up to the first of some bytes, to the end
// of the line or the quote.
func cookies(s string, i int, stop string) (span, bool) {
	start := skip(s[:min(len(s), i+16)], i+1, " \"'\\")
	if start == i+1 && start < len(s) && s[start] != 's' { // "cookie:value" is no header
		return span{}, false
	}
	end := run(s[:min(len(s), start+decisive)], start, dotted)
	if end == len(s) || s[end] != '=' {
		return span{}, false
	}
	for end < len(s) && end < start+reach && s[end] >= ' ' && strings.IndexByte("\"'`\\<>(){}|$", s[end]) < 0 && strings.IndexByte(stop, s[end]) < 0 {
		end++
	}
	for end > start && s[end-1] == ' ' {
		end--
	}
	name, value, _ := strings.Cut(s[start:end], "=")
	if name == "" || len(value) < 8 || !mixed(value) || placeheld(value) {
		return span{}, false
	}
	return span{start, end, "cookie"}, true
}

// basic knows "auth": "…" where the value is user:password in base64.
func basic(s string, i int) (span, bool) {
	start := skip(s[:min(len(s), i+16)], i+1, " \"'\\")
	end := run(s, start, base64)
	plain, err := stdbase64.StdEncoding.DecodeString(s[start:min(end, start+4*decisive)])
	if err != nil || end-start < 8 {
		return span{}, false
	}
	colon := strings.IndexByte(string(plain), ':')
	for _, c := range plain {
		if c <= ' ' || c > '~' {
			return span{}, false
		}
	}
	return span{start, end, "authorization"}, colon > 0 && colon < len(plain)-1
}

// atBearer knows what follows "Bearer " in headers.
func atBearer(z *scan, i int) (span, bool) {
	s := z.rest
	if len(s) < i+8 || s[i+1:i+7] != "earer " {
		return span{}, false
	}
	start := i + 7
	end := run(s, start, base64)
	return span{start, end, "bearer-token"}, end-start >= 16 && mixed(s[start:end]) && !placeheld(s[start:end]) && !wordy(s[start:end])
}

// atEmail knows addresses of people. The user of a git remote is none.
func atEmail(z *scan, i int) (span, bool) {
	s := z.rest
	start := back(s, i, 64, localPart)
	end := run(s[:min(len(s), i+254)], i+1, hostName)
	for end > i+1 && (s[end-1] == '.' || s[end-1] == '-') {
		end--
	}
	dot := strings.LastIndexByte(s[i+1:end], '.')
	if start == i || dot <= 0 || s[start:i] == "git" || inAddress(s, start) {
		return span{}, false
	}
	top := strings.ToLower(s[i+2+dot : end])
	if len(top) < 2 || mixed(top) || run(top, 0, smalls) != len(top) || fileEndings[top] {
		return span{}, false
	}
	if end+1 < len(s) && s[end] == ':' && s[end+1] > ' ' { // user@host:path
		return span{}, false
	}
	return span{start, end, "email"}, true
}

// inAddress reports whether what starts at i is part of an address: the user
// of scheme://user@host, the password of user:password@host.
func inAddress(s string, i int) bool {
	before := s[:i]
	return strings.HasSuffix(before, "//") || strings.HasSuffix(before, ":") && !hasEnd(before, i, "mailto:")
}

var (
	localPart   = alphabet(lower + strings.ToUpper(lower) + digits + "._%+-")
	hostName    = alphabet(lower + strings.ToUpper(lower) + digits + ".-")
	fileEndings = map[string]bool{"png": true, "jpg": true, "jpeg": true, "gif": true, "svg": true, "webp": true, "js": true, "ts": true, "json": true}
)
