package command

import (
	"fmt"
	"strings"
	"testing"
)

// Each case is a command line and its programs: name, subcommand, role, then
// ! when it decides the exit, | when its output is read by another, ? when the
// line goes on should it fail, ~ when its code stands in the line.
var cases = []struct{ line, want string }{
	{"go test ./...", "go test:test!"},
	{"cd /x && go test ./... 2>&1 | tail -30", "cd:shell! go test:test| tail:view!"},
	{"go build ./... && go vet ./...; echo done", "go build:build go vet:lint echo:print!"},
	{"git rev-parse --abbrev-ref @{u} 2>&1 || echo none", "git rev-parse:predicate? echo:print!"},
	{"python3 -m pytest -q tests/test_x.py", "python pytest:test!"},
	{".venv/bin/python -m pytest", "python pytest:test!"},
	{"bin/test shop/core", "test:test!"},
	{"./tests/runtests.py admin_views", "runtests.py:test!"},
	{"python tests/runtests.py admin", "python tests/runtests.py:test!"},
	{"python reproduce_issue.py", "python reproduce_issue.py:script!"},
	{"cat <<'EOF' > repro.py\nprint(1)\nEOF\npython repro.py", "cat:view~ python repro.py:script!"},
	{"python - <<'EOF'\nimport x\nEOF", "python:script~!"},
	{"python -c 'import x' | node -e \"$(cat x.js)\"; cat $(ls)", "python:script|~ node:script~ cat:view!"},
	{"bash -lc \"npm run lint && npm test\"", "npm lint:lint! npm test:test!"},
	{"mise run test:integration -- -run X | tail -5", "mise test:integration:test| tail:view!"},
	{"mise run fmt && mise run lint", "mise fmt:lint! mise lint:lint!"},
	{"sudo -E env FOO=1 timeout 10 make check", "make check:test!"},
	{"uv run pytest -x", "pytest:test!"},
	{"npx jest src", "jest:test!"},
	{"grep -rn foo src | head", "grep:search| head:view!"},
	{"find . -name x | xargs grep -l y", "find:search| grep:search!"},
	{"sed -n '1,5p' f; sed -i s/a/b/ f", "sed:view sed:other!"},
	{"if [ -f x ]; then cat x; fi", "[:predicate? cat:view!"},
	{"for f in a b; do go vet $f; done", "go vet:lint!"},
	{"command -v rg", "command:predicate!"},
	{"FOO=bar pytest", "pytest:test!"},
	{"echo \"unbalanced | tail", "echo:print!"},
	{"docker compose up -d", "docker up:other!"},
	{"make -C build test", "make test:test!"},
	{"npm run test:unit", "npm test:unit:test!"},
	{"xargs -I{} rm {}", "rm:other!"},
	{"git -C /x diff --quiet", "git diff:predicate!"},
	{"", ""},
}

func TestParse(t *testing.T) {
	for _, c := range cases {
		line := Parse(c.line)
		var got []string
		for _, p := range line.Programs {
			name := strings.TrimSpace(p.Name + " " + p.Sub)
			mark := ""
			for _, m := range []struct {
				on   bool
				mark string
			}{{p.Piped, "|"}, {p.Excused, "?"}, {p.Inline, "~"}, {p.Decides, "!"}} {
				if m.on {
					mark += m.mark
				}
			}
			got = append(got, fmt.Sprintf("%s:%s%s", name, p.Role, mark))
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.line, g, c.want)
		}
	}
}

// Files that a line makes are those that its output goes to, not its complaints.
func TestWritten(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"cat <<'EOF' > a.py\nprint(1)\nEOF", "a.py"},
		{"make >>build.log 2>err.log", "build.log"},
		{"go test ./... 2>&1 | tee out/test.log | tail", "out/test.log"},
		{"ls >/dev/null 2>&1; echo a >| b", "b"},
		{"bash -c 'echo a > b && echo c > d'", "b d"},
		{"grep -rn '->' src 2>&1", ""},
	} {
		if got := strings.Join(Parse(c.line).Written, " "); got != c.want {
			t.Errorf("Parse(%q).Written = %q, want %q", c.line, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range cases {
		f.Add(c.line)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := Parse(s)
		for i := range line.Programs {
			if line.Programs[i].Path == "" || line.Programs[i].Role == "" {
				t.Errorf("%q: program without a name or a role: %+v", s, line.Programs[i])
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		for _, c := range cases {
			Parse(c.line)
		}
	}
}
