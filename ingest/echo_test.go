package ingest

import "testing"

// A command line asks lode when it does nothing else.
func TestAsksLode(t *testing.T) {
	for line, want := range map[string]bool{
		"lode search flaky": true,
		"cd shop && /usr/local/bin/lode show 'codex/1#2' --raw": true,
		"LODE_STATE=x lode --state /tmp/s mine --json | jq .":   true,
		`lode search "a && make" 2>&1 | head -20`:               true,
		"lode events --json | grep failed":                      true,
		"lode nightly":                                          false,
		"make test && lode search flaky":                        false,
		"grep -rn 'lode search' README.md":                      false,
		"go run ./cmd/lode search flaky":                        false,
		"npm run lode search":                                   false,
		"echo lode search":                                      false,
		"":                                                      false,
		"lode":                                                  false,
		`lode search "open`:                                     true,
	} {
		if got := asksLode(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
