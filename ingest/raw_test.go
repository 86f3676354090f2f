package ingest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lode/session/redact"
)

// A line is shown as it stands, but for secrets, however they are escaped, and
// what a terminal would obey.
func TestRawLine(t *testing.T) {
	token := "ghp_" + strings.Repeat("aB3dE5", 6)
	long := strings.Repeat("x", 1<<20)
	lines := []string{
		`{"a":1, "text":"plain \u00fc \"quoted\" "}`,
		`{"text":"export GITHUB_TOKEN=` + token + `"}`,
		`{"input":"{\"command\":\"curl -H \\\"Authorization: Bearer ` + token + `\\\" x\"}"}`,
		`{"text":"\u001b[2Jgone\u202e"}`,
		`{"text":"` + long + `"}`,
		"half \"a li\x1b[2Jne " + token,
	}
	dir := t.TempDir()
	file, packed := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "a.jsonl.zst")
	text := []byte(strings.Join(lines, "\n"))
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, text, 0o600), os.WriteFile(packed, z.EncodeAll(text, nil), 0o600)); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{lines[0], "", "", `{"text":"gone"}`, lines[4], ""} {
		for _, f := range []string{file, packed} {
			got, err := RawLine(f, n+1, redact.Rules{})
			switch {
			case err != nil:
				t.Errorf("line %d: %v", n+1, err)
			case strings.Contains(got, token) || strings.Contains(got, "\x1b"):
				t.Errorf("line %d shows what it must not: %q", n+1, got)
			case want != "" && got != want:
				t.Errorf("line %d: %.100q, want %.100q", n+1, got, want)
			case want == "" && !strings.Contains(got, "<secret:"):
				t.Errorf("line %d: %q", n+1, got)
			}
		}
	}
	if _, err := RawLine(file, 7, redact.Rules{}); !errors.Is(err, ErrNoLine) {
		t.Error(err)
	}
	if _, err := RawLine(filepath.Join(dir, "none"), 1, redact.Rules{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// Whatever stands in a file, its lines do not panic, and are shown twice alike.
func FuzzSafeLine(f *testing.F) {
	for _, s := range []string{`{"a":"b\\\"c"}`, `"`, `"\`, `{"x":"\ud800"}`, "a\"\x00\"b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := safeLine(s, redact.Rules{})
		if twice := safeLine(once, redact.Rules{}); twice != once {
			t.Errorf("%q, then %q", once, twice)
		}
	})
}
