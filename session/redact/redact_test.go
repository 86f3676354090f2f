package redact

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// Each case is a text and what it becomes; {x} stands for <secret:x:….>.
// The secrets are made up, and written in pieces where a scanner would fire.
var cases = []struct{ in, want string }{
	{"nothing here: just a=b and c-d_e.f", "nothing here: just a=b and c-d_e.f"},
	{"token " + "ghp_" + "0123456789abcdefABCDEF0123456789abcd end", "token {github-token} end"},
	{"github_pat_" + "11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789", "{github-token}"},
	{"key=" + "sk-ant-" + "api03-AbCdEf0123456789-xyz", "key={anthropic-key}"},
	{"export OPENAI_API_KEY=" + "sk-proj-" + "abcDEF0123456789abcdef", "export OPENAI_API_KEY={openai-key}"},
	{"task-list and risk-averse-2024-strategies-are-fine", "task-list and risk-averse-2024-strategies-are-fine"},
	{"xoxb-" + "123456789012-abcdefGHIJKL", "{slack-token}"},
	{"AKIA" + "IOSFODNN7EXAMPLA in text", "{aws-key-id} in text"},
	{"MAKIAVELLIAN AKIA" + "IOSFODNN7EXAMPLAS", "MAKIAVELLIAN AKIA" + "IOSFODNN7EXAMPLAS"},
	{"AIza" + "SyA0123456789abcdefghijklmnopqrstuv", "{google-key}"},
	{"eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".dBjftJeZ4CVPmB92K27uhbUJU1p1r", "{jwt}"},
	{"postgres://app:hunter2x@db.local:5432/x", "postgres://app:{url-password}@db.local:5432/x"},
	{"https://" + "0123456789abcdef0123456789abcdef01234567" + "@github.com/o/r", "https://{url-token}@github.com/o/r"},
	{"see https://example.com:8080/a@b and mailto:x@y.z", "see https://example.com:8080/a@b and mailto:x@y.z"},
	{"git clone https://user:$TOKEN@host/x", "git clone https://user:$TOKEN@host/x"},
	{"-H 'Authorization: Bearer abcdef0123456789abcdef'", "-H 'Authorization: Bearer {authorization}'"},
	{"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic {authorization}"},
	{`"authorization":"token abcdef01234567"`, `"authorization":"token {authorization}"`},
	{"uses Bearer abcdef0123456789abcdef here", "uses Bearer {bearer-token} here"},
	{`password = "correct-horse"`, `password = "{password}"`},
	{`DB_PASSWORD=hunter22`, `DB_PASSWORD={password}`},
	{`{"password":"s3cr3t-value"}`, `{"password":"{password}"}`},
	{`{\"client_secret\":\"0a1b2c3d4e5f6a7b8c9d\"}`, `{\"client_secret\":\"{secret}\"}`},
	{`password := os.Getenv("DB_PASSWORD")`, `password := os.Getenv("DB_PASSWORD")`},
	{`password: string`, `password: string`},
	{`if token == nextToken { max_tokens: 4096 }`, `if token == nextToken { max_tokens: 4096 }`},
	{`token = parser.next_token`, `token = parser.next_token`},
	{`api_key: "0123456789abcdef0123"`, `api_key: "{api-key}"`},
	{"-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nafter", "{private-key}\nafter"},
	{`"-----BEGIN ` + `PRIVATE KEY-----\nMIIEow\n-----END PRIVATE KEY-----\n"`, `"{private-key}\n"`},
	{"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"},
	{"a line that says -----BEGIN PRIVATE KEY----- in prose", "a line that says -----BEGIN PRIVATE KEY----- in prose"},
	{"-----BEGIN OPENSSH " + "PRIVATE KEY-----\r\nb3Blbn\nand no end", "{private-key}"},
	{`{\"key\":\"-----BEGIN ` + `PRIVATE KEY-----\\nMIIEow\\n-----END PRIVATE KEY-----\\n\"}`, `{\"key\":\"{private-key}\\n\"}`},
	{`[{"new":"\nghp_` + `0123456789abcdefABCDEF\tAKIA` + `IOSFODNN7EXAMPLA"}]`, `[{"new":"\n{github-token}\t{aws-key-id}"}]`},
	{"aws_secret_access_key = " + "abCDefGHijKL0123mnOPqrSTuvWX4567yzABcdEF", "aws_secret_access_key = {api-key}"},
	{"token = nextToken2AfterThis", "token = nextToken2AfterThis"},
	{"self.token = self.config.oauth2_access_token_default", "self.token = self.config.oauth2_access_token_default"},
	{"npm_config_registry_fallback_of_package, sk-test", "npm_config_registry_fallback_of_package, sk-test"},
	{`{"token":"` + strings.Repeat("0a1b", 200) + `"}`, `{"token":"{token}"}`},
	{"token=" + strings.Repeat("x1é", 200) + " end", "token={token} end"},
	{"Set-Cookie: sid=0123456789abcdef; Path=/", "Set-Cookie: {cookie}; Path=/"},
	{"pwd=/home/dev/x PWD=0123456789abcdef", "pwd=/home/dev/x PWD={password}"},
	{"redis://:hunter2x@localhost:6379", "redis://:{url-password}@localhost:6379"},
	{"password: <secret:password:3f2a>", "password: <secret:password:3f2a>"},
	{"https://u:<secret:url-password:3f2a>@h/x", "https://u:<secret:url-password:3f2a>@h/x"},
}

// Secrets become placeholders, what only looks like one stays, and doing it
// twice is doing it once.
func TestText(t *testing.T) {
	for _, c := range cases {
		got := Text(c.in, nil)
		if shown := mark(got); shown != mark(c.want) {
			t.Errorf("Text(%q)\n got %q\nwant %q", c.in, shown, c.want)
		}
		if again := Text(got, nil); again != got {
			t.Errorf("not idempotent: %q then %q", got, again)
		}
	}
}

// mark writes <secret:kind:hash> as {kind}.
func mark(s string) string {
	for {
		i := strings.Index(s, "<secret:")
		if i < 0 {
			return s
		}
		kind, rest, _ := strings.Cut(s[i+8:], ":")
		_, rest, _ = strings.Cut(rest, ">")
		s = s[:i] + "{" + kind + "}" + rest
	}
}

// Every vendor's token is found wherever one stands, and is no part of a word
// and no shorter than the table says.
func TestTokens(t *testing.T) {
	for _, tok := range tokens {
		whole := tok.prefix + strings.Repeat("a1", tok.min)[:tok.min]
		for _, c := range []string{"%", "use % now", `{"k":"%"}`, "'%'", "k=%&x=1", "(%)", `a\n%\n`, "-u x:%"} {
			in, want := strings.Replace(c, "%", whole, 1), strings.Replace(c, "%", "{"+tok.kind+"}", 1)
			if got := mark(Text(in, nil)); got != want {
				t.Errorf("Text(%q) = %q, want %q", in, got, want)
			}
		}
		for _, in := range []string{whole[:len(whole)-1], "x" + whole, "_" + whole} {
			if got := Text(in, nil); got != in {
				t.Errorf("Text(%q) = %q, want it unchanged", in, got)
			}
		}
	}
}

// A placeholder tells a secret from another, and is the same in every text.
func TestTextIsStable(t *testing.T) {
	of := func(text string) string { return Text(text, nil)[len("PASSWORD="):] }
	if a, b := of("PASSWORD=hunter22"), of("PASSWORD=hunter33"); a == b || a != Text("DB_PASSWORD: hunter22", nil)[len("DB_PASSWORD: "):] {
		t.Errorf("placeholders %s and %s, want one for each secret", a, b)
	}
}

// Every secret that is replaced is counted under its kind.
func TestTextCounts(t *testing.T) {
	counts := map[string]int{}
	Text("DB_PASSWORD=hunter22 and PASSWORD=hunter33", func(kind string) { counts[kind]++ })
	if counts["password"] != 2 {
		t.Errorf("counted %v, want two passwords", counts)
	}
}

// Whatever the text, redacting twice is redacting once, and no character is cut.
// Looking is linear: beginnings of secrets one after the other do not make each
// of them be followed to the end. These megabytes would take hours.
func TestTextOfBeginnings(t *testing.T) {
	for _, s := range []string{"sk-ant-", "AKIA", "AIza", "eyJ.", "password=", "token: ", "Bearer ", "://a:", "=", "<secret:", "-----BEGIN A PRIVATE KEY-----"} {
		Text(strings.Repeat(s, 2<<20/len(s)), nil)
	}
}

func FuzzText(f *testing.F) {
	for _, c := range cases {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Text(s, nil)
		if twice := Text(once, nil); twice != once {
			t.Errorf("not idempotent:\n%q\n%q\n%q", s, once, twice)
		}
		if utf8.ValidString(s) && !utf8.ValidString(once) {
			t.Errorf("Text(%q) = %q, want whole characters", s, once)
		}
	})
}

// BenchmarkText runs over this package's own source, which has no secrets
// but every trigger byte.
func BenchmarkText(b *testing.B) {
	var text strings.Builder
	files, _ := filepath.Glob("*.go")
	for text.Len() < 1<<20 {
		for _, f := range files {
			if f == "redact_test.go" {
				continue
			}
			src, err := os.ReadFile(f)
			if err != nil {
				b.Fatal(err)
			}
			text.Write(src)
		}
	}
	s := text.String()
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Text(s, nil)
	}
}
