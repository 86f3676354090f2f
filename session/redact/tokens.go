package redact

import "strings"

// A token is known by its prefix, the alphabet of the rest and its least length.
type token struct {
	prefix, kind string
	alphabet     *[256]bool
	min          int
}

// tokens lists the prefixes that vendors print on what they issue. Each ends
// with one of the bytes - _ . that trigger atPrefix. The alphabet has no
// underscore where the vendor's has none: names in code do.
var tokens = []token{
	{"ghp_", "github-token", word, 20}, {"gho_", "github-token", word, 20}, {"ghu_", "github-token", word, 20},
	{"ghs_", "github-token", word, 20}, {"ghr_", "github-token", word, 20}, {"github_pat_", "github-token", word, 20},
	{"glpat-", "gitlab-token", dotted, 16}, {"gldt-", "gitlab-token", wordish, 16}, {"glrt-", "gitlab-token", dotted, 16},
	{"glcbt-", "gitlab-token", wordish, 16}, {"glptt-", "gitlab-token", wordish, 16}, {"glft-", "gitlab-token", wordish, 16},
	{"glimt-", "gitlab-token", wordish, 16}, {"glagent-", "gitlab-token", wordish, 32}, {"gloas-", "gitlab-token", wordish, 32},
	{"glsoat-", "gitlab-token", wordish, 16}, {"glffct-", "gitlab-token", wordish, 16},

	{"sk-ant-", "anthropic-key", wordish, 16}, {"sk-proj-", "openai-key", wordish, 16}, {"sk-svcacct-", "openai-key", wordish, 16},
	{"sk-admin-", "openai-key", wordish, 16}, {"sk-or-", "openrouter-key", wordish, 16}, {"sk-lf-", "langfuse-key", wordish, 16},
	{"sk-", "api-key", word, 20},
	{"hf_", "huggingface-token", alnum, 30}, {"api_org_", "huggingface-token", alnum, 30}, {"gsk_", "groq-key", alnum, 40},
	{"xai-", "xai-key", alnum, 40}, {"pplx-", "perplexity-key", alnum, 40}, {"r8_", "replicate-token", alnum, 30},
	{"nvapi-", "nvidia-key", wordish, 40}, {"tvly-", "tavily-key", wordish, 20}, {"lsv2_pt_", "langsmith-key", word, 32},
	{"lsv2_sk_", "langsmith-key", word, 32}, {"e2b_", "e2b-key", alnum, 32},

	{"xoxb-", "slack-token", wordish, 10}, {"xoxp-", "slack-token", wordish, 10}, {"xoxa-", "slack-token", wordish, 10},
	{"xoxr-", "slack-token", wordish, 10}, {"xoxs-", "slack-token", wordish, 10}, {"xoxc-", "slack-token", wordish, 10},
	{"xoxd-", "slack-token", base64, 10}, {"xoxe-", "slack-token", wordish, 10}, {"xapp-", "slack-token", wordish, 10},

	{"sk_live_", "stripe-key", word, 16}, {"rk_live_", "stripe-key", word, 16}, {"sk_test_", "stripe-key", word, 16},
	{"rk_test_", "stripe-key", word, 16}, {"whsec_", "webhook-secret", base64, 20},
	{"shpat_", "shopify-token", alnum, 30}, {"shpca_", "shopify-token", alnum, 30}, {"shppa_", "shopify-token", alnum, 30},
	{"shpss_", "shopify-token", alnum, 30}, {"sq0atp-", "square-token", wordish, 20}, {"sq0csp-", "square-token", wordish, 30},

	{"npm_", "npm-token", alnum, 30}, {"pypi-", "pypi-token", wordish, 40}, {"rubygems_", "rubygems-token", alnum, 40},
	{"dckr_pat_", "docker-token", wordish, 20}, {"dckr_oat_", "docker-token", wordish, 20}, {"CLOJARS_", "clojars-token", alnum, 40},

	{"dop_v1_", "digitalocean-token", word, 40}, {"doo_v1_", "digitalocean-token", word, 40}, {"dor_v1_", "digitalocean-token", word, 40},
	{"HRKU-", "heroku-key", wordish, 30}, {"ya29.", "google-token", wordish, 30}, {"GOCSPX-", "google-secret", wordish, 20},
	{"fo1_", "fly-token", wordish, 40}, {"fm1r_", "fly-token", base64, 40}, {"fm2_", "fly-token", base64, 40},
	{"nfp_", "netlify-token", alnum, 36}, {"sbp_", "supabase-token", alnum, 36}, {"sb_secret_", "supabase-token", wordish, 20},
	{"pscale_tkn_", "planetscale-token", dotted, 30}, {"pscale_pw_", "planetscale-token", dotted, 30}, {"napi_", "neon-key", alnum, 50},
	{"pul-", "pulumi-token", alnum, 40}, {"hvs.", "vault-token", wordish, 24}, {"hvb.", "vault-token", wordish, 24},
	{"tskey-auth-", "tailscale-key", wordish, 20}, {"tskey-api-", "tailscale-key", wordish, 20}, {"tskey-client-", "tailscale-key", wordish, 20},
	{"dp.pt.", "doppler-token", alnum, 40}, {"dp.st.", "doppler-token", dotted, 40}, {"dt0c01.", "dynatrace-token", dotted, 80},

	{"SG.", "sendgrid-key", base64, 40}, {"xkeysib-", "brevo-key", wordish, 60}, {"sk.", "mapbox-token", dotted, 60},
	{"lin_api_", "linear-key", alnum, 20}, {"figd_", "figma-token", wordish, 40}, {"ntn_", "notion-token", alnum, 40},
	{"glsa_", "grafana-token", word, 30}, {"glc_", "grafana-token", base64, 32}, {"sntrys_", "sentry-token", base64, 40},
	{"sntryu_", "sentry-token", alnum, 60}, {"phx_", "posthog-key", alnum, 40}, {"NRAK-", "newrelic-key", upper, 27},
	{"PMAK-", "postman-key", wordish, 50}, {"sgp_", "sourcegraph-token", word, 40}, {"bkua_", "buildkite-token", alnum, 40},
	{"CCIPAT_", "circleci-token", word, 40}, {"rdme_", "readme-key", alnum, 60}, {"tfp_", "typeform-token", wordish, 40},
	{"ops_", "1password-token", base64, 200}, {"AGE-SECRET-KEY-", "age-key", upper, 50},
}

// byEnd finds the tokens whose prefixes end with two bytes.
var byEnd = func() map[[2]byte][]token {
	m := make(map[[2]byte][]token)
	for _, t := range tokens {
		n := len(t.prefix)
		end := [2]byte{t.prefix[n-2], t.prefix[n-1]}
		m[end] = append(m[end], t)
	}
	return m
}()

// beforeEnd holds the bytes that stand before the last of a prefix.
var beforeEnd = func() (t [256]bool) {
	for end := range byEnd {
		t[end[0]] = true
	}
	return t
}()

func atPrefix(z *scan, i int) (span, bool) {
	s := z.rest
	if s[i] == '-' && strings.HasPrefix(s[i:], "-----BEGIN ") {
		return privateKey(s, i)
	}
	if i == 0 || i+1 == len(s) || !beforeEnd[s[i-1]] || !base64[s[i+1]] {
		return span{}, false
	}
	for _, tok := range byEnd[[2]byte{s[i-1], s[i]}] {
		start := i + 1 - len(tok.prefix)
		if start < 0 || s[start:i+1] != tok.prefix || preceded(s, start, word) {
			continue
		}
		end := run(s[:min(len(s), i+1+decisive)], i+1, tok.alphabet)
		if end-(i+1) >= tok.min && mixed(s[i+1:end]) && !repeated(s[i+1:end]) {
			end = run(s, end, tok.alphabet)
			for s[end-1] == '.' { // of a sentence
				end--
			}
			return span{start, end, tok.kind}, true
		}
	}
	return span{}, false
}

// repeated reports whether a value starts with the same character over and
// over, as only made-up ones do.
func repeated(v string) bool {
	return len(v) > 8 && strings.Count(v[:8], v[:1]) == 8
}

// maxKey bounds a PEM block: one of a key of 16384 bits has 13 KB.
const maxKey = 32 << 10

// privateKey covers a PEM block, also one written inside a JSON string, however
// often quoted. A block without its end is covered as far as it may reach.
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
	reach := s[:min(len(s), body+maxKey)]
	if stop := strings.Index(reach[body:], "-----END "); stop >= 0 && oneValue(reach[body:body+stop]) {
		end := body + stop
		if tail := run(s[:min(len(s), end+64)], end+9, keyLabel); strings.HasPrefix(s[tail:], "-----") {
			end = tail + 5
		}
		return span{i, end, "private-key"}, true
	}
	end := run(reach, body, keyText)
	for s[end-1] == '\\' { // it belongs to what comes
		end--
	}
	return span{i, end, "private-key"}, true
}

// oneValue reports whether a text that starts within a string ends in the same
// value: strings put together in source do, the next item of a JSON document not.
func oneValue(s string) bool {
	outside := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			outside = !outside
		case ':', ',', '{', '}', '[', ']':
			if outside {
				return false
			}
		}
	}
	return true
}

// keyLabel is what the label of a PEM block is made of.
var keyLabel = alphabet(strings.ToUpper(lower) + digits + " ")

// keyText is what the lines of a PEM block are made of, numbered or indented.
var keyText = alphabet(lower + strings.ToUpper(lower) + digits + "+/=-:,|\\ \t\r\n")

// atCapital knows AKIA… and ASIA… (AWS access key ids) and AIza… (Google keys).
func atCapital(z *scan, i int) (span, bool) {
	s := z.rest
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

// besideKeyID knows the secret that follows an access key id in a list, or in a
// line of the console's download: 40 characters, and nothing else to know them by.
func besideKeyID(before []byte, s string) (span, bool) {
	const id = "<secret:aws-key-id:"
	if at := len(before) - len(id) - 5; at < 0 || string(before[at:at+len(id)]) != id || s == "" {
		return span{}, false
	}
	start := skip(s[:min(len(s), 6)], 0, ",:;\"' \t\n")
	end, ok := exactly(s, start, 40, base64)
	return span{start, end, "aws-secret"}, ok && start > 0 && mixed(s[start:end])
}

// atJWT knows JSON web tokens: two base64 parts that start with {" and a signature.
func atJWT(z *scan, i int) (span, bool) {
	s, start := z.rest, i-2
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

// exactly returns where the run that starts at i ends, if it has n characters.
func exactly(s string, i, n int, in *[256]bool) (int, bool) {
	end := run(s[:min(len(s), i+n+1)], i, in)
	return end, end-i == n
}

// atTwilio knows SK and 32 hex digits.
func atTwilio(z *scan, i int) (span, bool) {
	s := z.rest
	if i == 0 || s[i-1] != 'S' || preceded(s, i-1, word) {
		return span{}, false
	}
	end, ok := exactly(s, i+1, 32, hexadecimal)
	return span{i - 1, end, "twilio-key"}, ok && mixed(s[i+1:end])
}

// atTelegram knows the tokens of bots: a number, a colon, AA and 33 characters.
func atTelegram(z *scan, i int) (span, bool) {
	s := z.rest
	if !strings.HasPrefix(s[i+1:], "AA") {
		return span{}, false
	}
	start := back(s, i, 11, number)
	end, ok := exactly(s, i+1, 35, wordish)
	return span{start, end, "telegram-token"}, ok && i-start >= 8 && i-start <= 10
}

var number = alphabet(digits)

// atDiscord knows the tokens of bots: a number in base64, a dot, six
// characters, a dot, 27 or more.
func atDiscord(z *scan, i int) (span, bool) {
	s := z.rest
	if i+8 > len(s) || s[i+7] != '.' {
		return span{}, false
	}
	start := back(s, i, 29, wordish)
	middle := run(s, i+1, wordish)
	if i-start < 23 || i-start > 28 || middle != i+7 || strings.IndexByte("MNO", s[start]) < 0 {
		return span{}, false
	}
	end := run(s, i+8, wordish)
	return span{start, end, "discord-token"}, end-(i+8) >= 27 && mixed(s[start:i])
}

// atMailchimp knows 32 hex digits and a data centre, as -us12.
func atMailchimp(z *scan, i int) (span, bool) {
	s := z.rest
	if !strings.HasPrefix(s[i+1:], "us") {
		return span{}, false
	}
	start, end := back(s, i, 33, hexadecimal), run(s[:min(len(s), i+6)], i+3, number)
	return span{start, end, "mailchimp-key"}, i-start == 32 && end > i+3 && !preceded(s, start, word) && mixed(s[start:i])
}

// atAzure knows the secrets of Entra applications: three characters, a digit,
// Q~ and 31 to 34 characters.
func atAzure(z *scan, i int) (span, bool) {
	s, start := z.rest, i-5
	if start < 0 || s[i-1] != 'Q' || s[i-2] < '0' || s[i-2] > '9' || run(s[:i], start, dotted) != i || preceded(s, start, dotted) {
		return span{}, false
	}
	end := run(s[:min(len(s), i+36)], i+1, base64)
	return span{start, end, "azure-secret"}, end-(i+1) >= 31 && end-(i+1) <= 34
}
