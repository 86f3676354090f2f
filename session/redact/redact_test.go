package redact

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
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
	{`{"-----BEGIN ` + `PRIVATE KEY-----\n-----END ":"-----"}`, `{"{private-key}-----END ":"-----"}`},
	{`{"a":"-----BEGIN ` + `PRIVATE KEY-----\nMIIEow\n","-----END PRIVATE KEY-----":1}`, `{"a":"{private-key}","-----END PRIVATE KEY-----":1}`},
	{`k := "-----BEGIN ` + `PRIVATE KEY-----\n" + "MIIEow\n" + "-----END PRIVATE KEY-----\n"`, `k := "{private-key}\n"`},
	{"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"},
	{"a line that says -----BEGIN PRIVATE KEY----- in prose", "a line that says -----BEGIN PRIVATE KEY----- in prose"},
	{"-----BEGIN OPENSSH " + "PRIVATE KEY-----\r\nb3Blbn\nand no end", "{private-key}"},
	{`{\"key\":\"-----BEGIN ` + `PRIVATE KEY-----\\nMIIEow\\n-----END PRIVATE KEY-----\\n\"}`, `{\"key\":\"{private-key}\\n\"}`},
	{`[{"new":"\nghp_` + `0123456789abcdefABCDEF\tAKIA` + `IOSFODNN7EXAMPLA"}]`, `[{"new":"\n{github-token}\t{aws-key-id}"}]`},
	{"aws_secret_access_key = " + "abCDefGHijKL0123mnOPqrSTuvWX4567yzABcdEF", "aws_secret_access_key = {secret}"},
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

	// flags of commands
	{"shop-sync --password hunter2x --dry-run", "shop-sync --password {password} --dry-run"},
	{"run --token abcd1234efgh --x", "run --token {token} --x"},
	{"gh auth --with-token and --token-count 12345678", "gh auth --with-token and --token-count 12345678"},
	{"use --password to set it, or --token required, --password $PW", "use --password to set it, or --token required, --password $PW"},
	{`["--api-key", "a8f5f167f44f4964e6c998de"]`, `["--api-key", "{api-key}"]`},
	{`["mysql","-uroot"] mysql -uroot -ps3cr3t-x db`, `["mysql","-uroot"] mysql -uroot -p{password} db`},
	{"curl -s -u bob:hunter2x https://h/x", "curl -s -u bob:{password} https://h/x"},
	{"curl -s \\\n  -u 'bob:hunter2x' \\\n  https://h/x", "curl -s \\\n  -u 'bob:{password}' \\\n  https://h/x"},
	{"curl --user bob:correcthorse https://h/x", "curl --user bob:{password} https://h/x"},
	{"curl -u a8f5f167f44f4964e6c998de: https://h/x", "curl -u {token}: https://h/x"},
	{"curl -u user:password https://h; sort -u a:b1c2d3", "curl -u user:password https://h; sort -u a:b1c2d3"},
	{"docker run --user 1000:1000 -u 1000:1000 -p 8080:80 x", "docker run --user 1000:1000 -u 1000:1000 -p 8080:80 x"},
	{"docker login -u bob -p hunter2x registry", "docker login -u bob -p {password} registry"},
	{"docker login; mkdir -p some/dir1", "docker login; mkdir -p some/dir1"},
	{"sshpass -p hunter2x ssh h", "sshpass -p {password} ssh h"},
	{"redis-cli -h h -a hunter2x ping", "redis-cli -h h -a {password} ping"},
	{"curl -b 'sid=0123456789abcdef' https://h", "curl -b '{cookie}' https://h"},
	{"docker build --secret id=npmrc,src=/run/npmrc1 .", "docker build --secret id=npmrc,src=/run/npmrc1 ."},

	// addresses
	{"https://hooks.slack.com/services/T0" + "1AB2CD3/B04EF5GH6/aBcDeFgHiJkLmNoPqRsTuVwX.", "https://hooks.slack.com/services/{slack-webhook}."},
	{"https://discord.com/api/webhooks/1234" + "56789012345678/aBcDeFgHiJkLmNoPqRsTuVwXyZ-0123456789", "https://discord.com/api/webhooks/{discord-webhook}"},
	{"https://acme.webhook.office.com/webhookb2/" + "0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f@0a1b2c3d/IncomingWebhook/0a1b/2c3d", "https://acme.webhook.office.com/webhookb2/{teams-webhook}"},
	{"see https://hooks.slack.com/services/ and https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXX", "see https://hooks.slack.com/services/ and https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXX"},
	{"https://a8f5f167f44f4964e6c998de:x-oauth-basic@github.com/o/r", "https://{url-token}:x-oauth-basic@github.com/o/r"},
	{"jdbc:mysql://db/x?user=app&password=hunter2x&ssl=1", "jdbc:mysql://db/x?user=app&password={password}&ssl=1"},
	{"Server=db;User Id=sa;Password=hunter2x;Encrypt=1", "Server=db;User Id=sa;Password={password};Encrypt=1"},
	{"AccountName=acme;AccountKey=" + "q0W9e8R7t6Y5u4I3o2P1aSdFgHjKlZxCvBnM==;EndpointSuffix=x", "AccountName=acme;AccountKey={api-key};EndpointSuffix=x"},
	{"postgres://postgres:postgres@localhost/x and http://user:pass@host", "postgres://postgres:postgres@localhost/x and http://user:pass@host"},
	{"ssh://git@host:2222/x git@github.com:o/r.git", "ssh://git@host:2222/x git@github.com:o/r.git"},

	// headers
	{"Cookie: theme=dark; sid=0123456789abcdef", "Cookie: {cookie}"},
	{`-H "Cookie: sid=0123456789abcdef" -v`, `-H "Cookie: {cookie}" -v`},
	{"Cookie: how many=2 of them are set", "Cookie: how many=2 of them are set"},
	{"Authorization: Bearer YOUR_TOKEN_HERE1", "Authorization: Bearer YOUR_TOKEN_HERE1"},
	{"X-Api-Key: a8f5f167f44f4964e6c998de", "X-Api-Key: {api-key}"},
	{`{"auths":{"h":{"auth":"dXNlcjpzM2NyM3Q="}}}`, `{"auths":{"h":{"auth":"{authorization}"}}}`},
	{`{"auth":"required","auth": "c29tZXRoaW5n"}`, `{"auth":"required","auth": "c29tZXRoaW5n"}`},

	// what vendors print, without a prefix of their own
	{"123456789:AA" + "HdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1", "{telegram-token}"},
	{"MTIzNDU2Nzg5MDEyMzQ1Njc4" + ".GhIjKl.aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "{discord-token}"},
	{"SK" + "0123456789abcdef0123456789abcdef", "{twilio-key}"},
	{"0123456789abcdef0123456789abcdef" + "-us12", "{mailchimp-key}"},
	{"abc8Q" + "~DeFgHiJkLmNoPqRsTuVwXyZ0123456789", "{azure-secret}"},
	{"AKIA" + "IOSFODNN7EXAMPLA,abCDefGHijKL0123mnOPqrSTuvWX4567yzABcdEF\n", "{aws-key-id},{aws-secret}\n"},
	{"<secret:aws-key-id:3f2a>,abCDefGHijKL0123mnOPqrSTuvWX4567yzABcdEF", "<secret:aws-key-id:3f2a>,{aws-secret}"},

	// variables of the environment
	{"export DB_PASS=correcthorse", "export DB_PASS={password}"},
	{"MAIL_PASSWORD=p@ss$w0rd!x", "MAIL_PASSWORD={password}"},
	{"JWT_SECRET='k3yf0rj' JWT_SECRET=k3yf0rjwt", "JWT_SECRET='k3yf0rj' JWT_SECRET={secret}"},
	{"PAYMENTS_KEY=aB3dE6gH9jK2mN5pQ8sT1vW4", "PAYMENTS_KEY={secret}"},
	{"STRIPE_PUBLISHABLE_KEY=pk_test_aB3dE6gH9jK2mN5pQ8sT1vW4 CACHE_KEY=0123456789abcdef0123456789abcdef", "STRIPE_PUBLISHABLE_KEY=pk_test_aB3dE6gH9jK2mN5pQ8sT1vW4 CACHE_KEY=0123456789abcdef0123456789abcdef"},
	{"TOKEN=$(cat token1) PASSWORD=${PW:-x1} SECRET=${{ secrets.X1 }} API_KEY=", "TOKEN=$(cat token1) PASSWORD=${PW:-x1} SECRET=${{ secrets.X1 }} API_KEY="},
	{"API_KEY=your-api-key-1 DB_PASSWORD=changeme1 DB_PASSWORD=postgres TOKEN_FILE=/run/t1", "API_KEY=your-api-key-1 DB_PASSWORD=changeme1 DB_PASSWORD=postgres TOKEN_FILE=/run/t1"},
	{"SSH_PRIVATE_KEY=/home/dev/.ssh/id_ed25519 PWD=/home/dev/project12", "SSH_PRIVATE_KEY=/home/dev/.ssh/id_ed25519 PWD=/home/dev/project12"},

	// settings, code, elements
	{"[db]\npassword = s3cr3tpw!\n", "[db]\npassword = {password}\n"},
	{"password = password2\npassword = hash_v2(x)\n", "password = password2\npassword = hash_v2(x)\n"},
	{"<password>hunter2x</password><apiKey>x</apiKey>", "<password>{password}</password><apiKey>x</apiKey>"},
	{"pwd=000000000000PWD=.000000A", "pwd={password}{password}"},
	{`{"name":"DB_PASSWORD","value":"hunter2x"},{"name":"MODE","value":"hunter2x"}`, `{"name":"DB_PASSWORD","value":"{password}"},{"name":"MODE","value":"hunter2x"}`},
	{"- name: DB_PASSWORD\n  value: hunter2x\n- name: MODE\n  value: hunter2x", "- name: DB_PASSWORD\n  value: {password}\n- name: MODE\n  value: hunter2x"},
	{"DB_PASSWORD=Test1234! DB_PASSWORD=test1234", "DB_PASSWORD={password} DB_PASSWORD=test1234"},
	{`'password' => 'hunter2x'`, `'password' => '{password}'`},
	{`os.environ["API_KEY"] = "a8f5f167f44f4964e6c998de"`, `os.environ["API_KEY"] = "{api-key}"`},
	{`const apiKey: string = "a8f5f167f44f4964e6c998de"`, `const apiKey: string = "{api-key}"`},
	{`{\\\"apiKey\\\": \\\"a8f5f167f44f4964e6c998de\\\"}`, `{\\\"apiKey\\\": \\\"{api-key}\\\"}`},
	{`//registry.npmjs.org/:_authToken=a8f5f167f44f4964e6c998de`, `//registry.npmjs.org/:_authToken={token}`},
	{`{"token":"https://oauth2.example.org/v1/token","token":"some-fixture-name-2"}`, `{"token":"https://oauth2.example.org/v1/token","token":"some-fixture-name-2"}`},
	{`"sha256:0123456789abcdef0123456789abcdef" commit 0123456789abcdef0123456789abcdef01234567 id=550e8400-e29b-41d4-a716-446655440000`, `"sha256:0123456789abcdef0123456789abcdef" commit 0123456789abcdef0123456789abcdef01234567 id=550e8400-e29b-41d4-a716-446655440000`},
	{`password = getPassword() password: getpass.getpass() token: string; token: Optional[str]`, `password = getPassword() password: getpass.getpass() token: string; token: Optional[str]`},
	{`{"password":"somepassword","token":"helper-secret"}`, `{"password":"somepassword","token":"helper-secret"}`},
	{"-----BEGIN PGP " + "PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----", "{private-key}"},
	{`x := "-----BEGIN ` + `PRIVATE KEY-----\n" // and no end`, `x := "{private-key}" // and no end`},
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
		rest := strings.Repeat("a1", tok.min)[:tok.min]
		if tok.alphabet == upper {
			rest = strings.ToUpper(rest)
		}
		whole := tok.prefix + rest
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

// E-mail addresses are replaced when that is wanted, and only what is one.
func TestEmails(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Jo <jo.doe+x@mail.example.org>, mailto:jo@x.io and /x/me@x.io.", "Jo <{email}>, mailto:{email} and /x/{email}."},
		{"git@github.com:o/r.git ssh://dev@h.org/x pkg@1.2.3 a@2x.png dev@host dev@host.org:src/x", "git@github.com:o/r.git ssh://dev@h.org/x pkg@1.2.3 a@2x.png dev@host dev@host.org:src/x"},
		{"PASSWORD=hunter22", "PASSWORD={password}"},
	} {
		got := Rules{Emails: true}.Text(c.in, nil)
		if mark(got) != c.want {
			t.Errorf("Text(%q) = %q, want %q", c.in, got, c.want)
		}
		if again := (Rules{Emails: true}).Text(got, nil); again != got {
			t.Errorf("not idempotent: %q then %q", got, again)
		}
		if plain := Text("mail me@x.io", nil); plain != "mail me@x.io" {
			t.Errorf("without being asked: %q", plain)
		}
	}
	if (Rules{}).Version() == (Rules{Emails: true}).Version() {
		t.Error("the rules with and without e-mail addresses have the same version")
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
	for _, s := range []string{"sk-ant-", "AKIA", "AIza", "eyJ.", "password=", "token: ", "Bearer ", "://a:", "=", "<secret:", "-----BEGIN A PRIVATE KEY-----", "-----BEGIN A PRIVATE KEY-----\n", "--password ",
		"curl -u ", "-p ", "1.eyJ", "@a", "a@", "Cookie: ", "://hooks.slack.com/services/", "<token>", "PASSWORD=", "MTIzNDU2Nzg5MDEyMzQ1Njc4.aaaaaa.", "\\", "\"auth\": \"aaaa"} {
		Text(strings.Repeat(s, 2<<20/len(s)), nil)
	}
}

func FuzzText(f *testing.F) {
	for _, c := range cases {
		f.Add(c.in)
	}
	for _, p := range planted(f) {
		f.Add(p.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Text(s, nil)
		if twice := Text(once, nil); twice != once {
			t.Errorf("not idempotent:\n%q\n%q\n%q", s, once, twice)
		}
		if json.Valid([]byte(s)) && !json.Valid([]byte(once)) {
			t.Errorf("no JSON any more:\n%q\n%q", s, once)
		}
		emails := Rules{Emails: true}
		once = emails.Text(s, nil)
		if twice := emails.Text(once, nil); twice != once {
			t.Errorf("with e-mail addresses: not idempotent:\n%q\n%q\n%q", s, once, twice)
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

// There is a planted secret of every kind, and none survives, wherever in a
// line or a JSON document it stands. Package main plants them in transcripts.
func TestPlanted(t *testing.T) {
	kinds := make(map[string]bool)
	for _, tok := range tokens {
		kinds[tok.kind] = true
	}
	for _, sn := range secretNames {
		kinds[sn.kind] = true
	}
	for _, w := range webhooks {
		kinds[w.kind] = true
	}
	source, _ := filepath.Glob("*.go")
	for _, file := range source {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`span\{[^{}]*, "([a-z-]+)"\}`).FindAllStringSubmatch(string(text), -1) {
			kinds[m[1]] = true
		}
	}
	for _, p := range planted(t) {
		delete(kinds, p.kind)
		quoted, _ := json.Marshal(p.text)
		twice, _ := json.Marshal(string(quoted))
		for _, text := range []string{p.text, "so " + p.text + " then", "  " + p.text + "\n", string(quoted), string(twice)} {
			found := make(map[string]int)
			got := Text(text, func(kind string) { found[kind]++ })
			if strings.Contains(got, p.never) || found[p.kind] == 0 {
				t.Errorf("%s: %q became %q", p.kind, text, got)
			}
			if json.Valid([]byte(text)) && !json.Valid([]byte(got)) {
				t.Errorf("%s: %q is no JSON any more: %q", p.kind, text, got)
			}
		}
	}
	delete(kinds, "email")
	for kind := range kinds {
		t.Errorf("testdata/secrets.txt has no %s", kind)
	}
}

type plant struct{ kind, never, text string }

func planted(t testing.TB) []plant {
	text, err := os.ReadFile(filepath.Join("testdata", "secrets.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []plant
	for line := range strings.Lines(strings.ReplaceAll(string(text), "¦", "")) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 3 {
			all = append(all, plant{f[0], f[1], strings.ReplaceAll(f[2], "⏎", "\n")})
		}
	}
	return all
}
