package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The house: which of its packages a package may import.
var house = map[string][]string{
	"lode/session": {},
	"lode/ingest":  {"lode/session"},
	"lode/index":   {"lode/session"},
	"lode/miner":   {"lode/session"},
	"lode/rules":   {"lode/session", "lode/miner"},
	"lode/loop":    {"lode/session", "lode/rules"},
	"lode/reports": {"lode/session", "lode/miner", "lode/rules", "lode/loop"},
}

// The libraries that live behind one package each.
var behind = map[string]string{
	"github.com/blevesearch/bleve/v2":   "lode/index",
	"github.com/spf13/cobra":            "lode/cmd/lode",
	"github.com/tidwall/gjson":          "lode/ingest",
	"modernc.org/sqlite":                "lode/ingest",
	"github.com/sergi/go-diff":          "lode/rules",
	"mvdan.cc/sh/v3":                    "lode/miner",
	"github.com/schollz/progressbar/v3": "lode/cmd/lode",
	"charm.land/bubbletea/v2":           "lode/cmd/lode/internal",
	"gonum.org/v1/gonum":                "lode/rules",

	"github.com/modelcontextprotocol/go-sdk": "lode/cmd/lode/internal/mcp",
}

// onlyTests may use what runs the programs of agents.
const onlyTests = "lode/ingest/modelserver"

// Imports point down, and each of the named libraries stays behind its package.
func TestHouse(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "lode/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg, imports := words[0], words[1:]
		for _, imp := range imports {
			if strings.HasPrefix(imp, "lode/") && !under(pkg, "lode/cmd/lode") && !allowed(pkg, imp) {
				t.Errorf("%s imports %s: the house does not allow it", pkg, imp)
			}
			if under(imp, onlyTests) && !under(pkg, onlyTests) {
				t.Errorf("%s imports %s, which is for tests", pkg, imp)
			}
			for lib, owner := range behind {
				if under(imp, lib) && !under(pkg, owner) {
					t.Errorf("%s imports %s, which belongs behind %s", pkg, imp, owner)
				}
			}
		}
		if room(pkg) == "" && !under(pkg, "lode/cmd/lode") {
			t.Errorf("%s is in no room of the house", pkg)
		}
	}
}

// allowed reports whether a package may import another: its own sub-packages,
// and what the house says.
func allowed(pkg, imp string) bool {
	from, to := room(pkg), room(imp)
	return from == to || slices.Contains(house[from], to)
}

// room is the package of the house that a package belongs to.
func room(pkg string) string {
	for r := range house {
		if under(pkg, r) {
			return r
		}
	}
	return ""
}

func under(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

// A process that searches waits for nothing that it does not need: regular
// expressions at package level are compiled when they are first used.
func TestLazyRegexps(t *testing.T) {
	top := filepath.Join("..", "..")
	err := filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			ast.Inspect(d, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "MustCompile" {
					t.Errorf("%s compiles a regular expression at start (hint: lazyregexp.New)", path)
				}
				_, function := n.(*ast.FuncDecl)
				return !function
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The README names commands that work and files that are there.
func TestReadme(t *testing.T) {
	top := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "\n    "+sampleCommand+"\n") {
		t.Errorf("the README does not print the command that lode tells newcomers: %s", sampleCommand)
	}
	root := newRootCommand(&globals{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, quoted := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(string(readme), -1) {
		switch words := strings.Fields(quoted[1]); {
		case strings.HasSuffix(words[0], "lode") && len(words) > 1:
			if cmd, _, err := root.Find(words[1:2]); err != nil || cmd == root {
				t.Errorf("%s: there is no such command", quoted[1])
			}
		case strings.HasSuffix(quoted[1], ".go") && !strings.Contains(quoted[1], "<"):
			if _, err := os.Stat(filepath.Join(top, filepath.FromSlash(quoted[1]))); err != nil {
				t.Error(err)
			}
		}
	}
}

// Every command explains itself: what it does, with an example and no blank flag.
func TestHelp(t *testing.T) {
	for _, cmd := range allCommands(newRootCommand(&globals{})) {
		if cmd.HasParent() && (cmd.Short == "" || cmd.Runnable() && cmd.Example == "") {
			t.Errorf("%s: no summary or example", cmd.CommandPath())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s: not explained", cmd.CommandPath(), f.Name)
			}
		})
	}
}
