package miner

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Masks hide what changes from one occurrence to the next, and nothing else.
func TestMask(t *testing.T) { eachLine(t, "testdata/mask.txt", Mask) }

// fingerprintOf is the fingerprint of a command that fails with a line.
func fingerprintOf(line string) string {
	exit := 1
	return Classify("", "deploy staging", line, &exit).Fingerprint
}

// What may stand in the slots of a line without making it another failure.
var slots = map[string]*rapid.Generator[string]{
	"{n}":    rapid.StringMatching(`[0-9]{1,9}(ms|s|KB|%)?`),
	"{path}": rapid.StringMatching(`(/[a-z]{1,8}){1,3}/[a-z0-9_]{1,8}\.(py|go|json)`),
	"{hex}":  rapid.StringMatching(`[0-9a-f]{3}[0-9][a-f][0-9a-f]{3,32}`),
	"{time}": rapid.StringMatching(`[0-2][0-9]:[0-5][0-9]:[0-5][0-9]`),
	"{str}":  rapid.StringMatching(`"[a-z ]{1,20}"`),
	"{url}":  rapid.StringMatching(`https://[a-z]{1,8}\.example/[a-z0-9/]{0,9}`),
}

// Lines that differ only in numbers, paths, ids, times and quoted text are one failure.
func TestFingerprintOfMaskedParts(t *testing.T) {
	lines := rapid.SampledFrom([]string{
		"upload of {path} broke off after {n} bytes at {time}",
		"commit {hex} has no {str}",
		"GET {url} gave status {n} in {n}",
		"error: worker {n} left {path} behind",
	})
	rapid.Check(t, func(t *rapid.T) {
		line := lines.Draw(t, "line")
		a, b := filled(t, line), filled(t, line)
		if Mask(a) != Mask(b) || fingerprintOf(a) != fingerprintOf(b) {
			t.Errorf("Mask(%q) = %q, but Mask(%q) = %q", a, Mask(a), b, Mask(b))
		}
	})
}

// filled draws a text for each slot of a line.
func filled(t *rapid.T, line string) string {
	for slot, texts := range slots {
		for strings.Contains(line, slot) {
			line = strings.Replace(line, slot, texts.Draw(t, slot), 1)
		}
	}
	return line
}

// Failures that differ in the missing or wrong thing are different ones.
func TestFingerprintOfEntity(t *testing.T) {
	said := map[string]*rapid.Generator[string]{
		"zsh: command not found: %s":          rapid.StringMatching(`[ab][ab0-9-]{0,2}`),
		"/usr/bin/python: No module named %s": rapid.StringMatching(`[ab]{1,2}(\.[ab])?`),
		"Error: Cannot find module '%s'":      rapid.StringMatching(`(@[ab]/)?[ab]{1,2}`),
		"error: unknown option '--%s'":        rapid.StringMatching(`[a-z]{1,3}`),
		"cat: %s: No such file or directory":  rapid.StringMatching(`[ab]/[ab]{1,2}\.py`),
	}
	ways := rapid.SampledFrom(sortedKeys(said))
	rapid.Check(t, func(t *rapid.T) {
		way := ways.Draw(t, "way")
		a, b := said[way].Draw(t, "a"), said[way].Draw(t, "b")
		if same := fingerprintOf(fmt.Sprintf(way, a)) == fingerprintOf(fmt.Sprintf(way, b)); same != (a == b) {
			t.Errorf("%q: the fingerprints of %q and %q are equal: %v", way, a, b, same)
		}
	})
}

// A missing tool is the same one in the words of every shell, and as a module.
func TestFingerprintOfMissingTool(t *testing.T) {
	want := fingerprintOf("bash: line 1: pytest: command not found")
	for _, line := range []string{
		"zsh: command not found: pytest", "(eval):1: command not found: pytest", "sh: 1: pytest: not found", "/bin/sh: pytest: not found",
		"fish: Unknown command: pytest", "bash: .venv/bin/pytest: command not found", "/usr/bin/python: No module named pytest",
	} {
		if got := fingerprintOf(line); got != want {
			t.Errorf("fingerprint of %q = %s, want %s", line, got, want)
		}
	}
}

// A path is written relative to the checkout, so that checkouts and worktrees compare.
func TestRelative(t *testing.T) {
	for _, c := range []struct{ path, cwd, want string }{
		{"/home/dev/work/shop/src/cart.py", "/home/dev/work/shop", "src/cart.py"},
		{"/home/dev/work/shop/.claude/worktrees/vat/src/cart.py", "/home/dev/work/shop/.claude/worktrees/vat", "src/cart.py"},
		{"/home/dev/work/shop/src/cart.py", "/home/dev/work/shop/.claude/worktrees/vat", "src/cart.py"},
		{"/home/dev/.codex/worktrees/3f2a/shop/src/cart.py", "/home/dev/.codex/worktrees/3f2a/shop", "src/cart.py"},
		{"shop/cart.py", "/home/dev/.codex/worktrees/3f2a/shop", "shop/cart.py"},
		{`C:\work\shop\src\cart.py`, `C:\work\shop`, "src/cart.py"},
		{"./src/", "/home/dev/work/shop", "src"},
		{"/etc/hosts", "/home/dev/work/shop", "/etc/hosts"},
		{"/etc/hosts", "", "/etc/hosts"},
	} {
		if got := relative(c.path, c.cwd); got != c.want {
			t.Errorf("relative(%q, %q) = %q, want %q", c.path, c.cwd, got, c.want)
		}
	}
}

// A mask has no digit and no white space but single blanks, is valid where its
// line is, and is at most three times as long.
func FuzzMask(f *testing.F) {
	for _, line := range []string{"", "a/b 12ms 'x' 0x1f", "5;5;5;a/;a/", `C:\x "y`, "don't 3'4", "é1 \xff2", "1, 2,3 4:5://6"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := Mask(line)
		switch {
		case strings.ContainsAny(got, "0123456789\t\r\n"), strings.Contains(got, "  "), strings.Trim(got, " ") != got:
			t.Errorf("Mask(%q) = %q", line, got)
		case len(got) > 3*len(line):
			t.Errorf("Mask(%q) = %q, %d bytes of %d", line, got, len(got), len(line))
		case utf8.ValidString(line) && !utf8.ValidString(got):
			t.Errorf("Mask(%q) = %q, not UTF-8", line, got)
		}
	})
}

// BenchmarkMask runs over one long line: its time must grow with its length only.
func BenchmarkMask(b *testing.B) {
	line := strings.Repeat("worker-7 took 12ms, ", 5000)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		Mask(line)
	}
}
