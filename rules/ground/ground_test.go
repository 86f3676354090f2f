package ground

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Claims of a text about a checkout: what is there, what is not, and what is no
// claim at all.
func TestCheck(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"Makefile":          "CHECK = x\nfmt lint: deps\n\tgo vet\ncheck::\n\ttrue\n",
		"justfile":          "alias t := test\ntest arg='x': build\n  go test\n@quiet:\n",
		"Taskfile.yml":      "version: 3\ntasks:\n  lint:all:\n    cmds: [x]\n",
		"mise.toml":         "[tasks.lint]\nrun = 'x'\n[tasks.\"test:ci\"]\nrun = 'x'\n",
		"mise-tasks/fmt/go": "",
		"package.json":      `{"scripts": {"lint": "eslint ."}}`,
		"src/main.go":       "",
		"bin/test":          "",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ text, want string }{ // want lists claims, those that do not hold with a minus
		{"Run `make lint` and `make check`.", "make lint, make check"},
		{"`make deploy`", "-make deploy"},
		{"`make CHECK`", "-make CHECK"},
		{"`make -j4 check`", ""},
		{"`just test` `just t` `just quiet` `just build`", "just test, just t, just quiet, -just build"},
		{"`task lint:all` `task lint`", "task lint:all, -task lint"},
		{"`mise run lint` `mise run test:ci` `mise run fmt:go` `mise run test`", "mise run lint, mise run test:ci, mise run fmt:go, -mise run test"},
		{"`npm run lint` `npm run build` `npm install`", "npm run lint, -npm run build"},
		{"`composer run x`", "-composer run x"},
		{"`src/main.go` `src/gone.go` `lib/gone.go`", "src/main.go, -src/gone.go, -lib/gone.go"},
		{"`src/gone` `owner/name`", "-src/gone"},
		{"`bin/test src/main.go` `bin/gone x`", "bin/test, src/main.go, -bin/gone"},
		{"`Makefile` `main.go` `go test ./...` `v1.2.3`", "-main.go"},
		{"`go test <path>` `src/*.go` `/usr/bin/x.sh` `~/a.b` `https://x.org/a.html` `$HOME/a.txt` `../a.go`", ""},
		{"src/gone.go make deploy", ""},
		{"`errors.Is` and `fmt.Errorf`", ""},
	} {
		var got []string
		for _, claim := range Check(root, c.text) {
			sign := "-"
			if claim.There {
				sign = ""
			}
			got = append(got, sign+claim.Term)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("Check(%q) = %q, want %q", c.text, s, c.want)
		}
	}
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "AGENTS.md"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"", empty, filepath.Join(empty, "gone")} {
		if got := Check(root, "`src/main.go` `make x`"); got != nil {
			t.Errorf("Check without a checkout that could tell = %v", got)
		}
	}
}

// A task of a folder's own file may be meant to be run there.
func TestBelow(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "web", "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Check(root, "`make x`"); len(got) != 1 || got[0].There {
		t.Errorf("without a Makefile: %v", got)
	}
	if err := os.WriteFile(filepath.Join(root, "web", "app", "Makefile"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Check(root, "`make x`"); got != nil {
		t.Errorf("with a Makefile below: %v", got)
	}
}

// What a task file includes cannot be answered for.
func TestIncluded(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "Makefile"), []byte("include common.mk\nlint:\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Check(root, "`make deploy` `make lint`"); len(got) != 1 || !got[0].There {
		t.Errorf("Check = %v, want only what is known to be there", got)
	}
}
