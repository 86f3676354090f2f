package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lode": main})
}

// TestScripts runs the commands as users do; see testdata/script. In a script,
// $SAMPLE is a copy of the sample home, and "sample" runs lode on it.
func TestScripts(t *testing.T) {
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			sample := filepath.Join(env.WorkDir, "sample")
			if err := os.CopyFS(sample, os.DirFS(filepath.Join(top, "testdata", "sample"))); err != nil {
				return err
			}
			env.Setenv("SAMPLE", sample)
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "home", "data"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "home", "config"))
			env.Setenv("USER", "tester")
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "tester")
				env.Setenv("GIT_"+who+"_EMAIL", "tester@localhost")
			}
			env.Setenv("AGENT", env.WorkDir)
			env.Setenv("TOP", top)
			return os.MkdirAll(filepath.Join(env.WorkDir, "home"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sample":  sampleCmd,
			"same":    sameCmd,
			"replace": replaceCmd,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "userns":
				return userNamespaces(), nil
			}
			return false, nil
		},
	})
}

// sampleCmd runs lode on the sample home, at the time of its story.
func sampleCmd(ts *testscript.TestScript, neg bool, args []string) {
	home := ts.Getenv("SAMPLE")
	args = append([]string{"--home", home, "--config", filepath.Join(home, "lode.yaml"), "--state", ts.MkAbs("state"), "--now", "2026-05-01"}, args...)
	err := ts.Exec("lode", args...)
	if neg == (err == nil) {
		ts.Fatalf("lode %s: %v", strings.Join(args, " "), err)
	}
}

// sameCmd compares two folders file by file; further arguments are names to
// leave out.
func sameCmd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: same DIR DIR [NAME...]")
	}
	diff := differs(ts.MkAbs(args[0]), ts.MkAbs(args[1]), args[2:])
	if diff != "" && !neg {
		ts.Fatalf("%s differs", diff)
	}
	if diff == "" && neg {
		ts.Fatalf("%s and %s are the same", args[0], args[1])
	}
}

func differs(a, b string, leave []string) string {
	x, y := tree(a, leave), tree(b, leave)
	for name, text := range x {
		if other, ok := y[name]; !ok || other != text {
			return name
		}
	}
	for name := range y {
		if _, ok := x[name]; !ok {
			return name
		}
	}
	return ""
}

func tree(dir string, leave []string) map[string]string {
	files := make(map[string]string)
	filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		for _, l := range leave {
			if rel == l || strings.HasPrefix(rel, l+"/") {
				return nil
			}
		}
		text, err := os.ReadFile(path)
		files[rel] = string(text)
		return err
	})
	return files
}

// replaceCmd replaces a text in a file: replace OLD NEW FILE.
func replaceCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: replace OLD NEW FILE")
	}
	file := ts.MkAbs(args[2])
	text := ts.ReadFile(args[2])
	if !strings.Contains(text, args[0]) {
		ts.Fatalf("%s does not contain %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(text, args[0], args[1], 1)), 0o644))
}

// runIn runs a command line in this process, for tests that measure or break it.
func runIn(t testing.TB, out *strings.Builder, args ...string) int {
	t.Helper()
	if out == nil {
		out = &strings.Builder{}
	}
	return run(context.Background(), args, environment{stdin: strings.NewReader(""), stdout: out, stderr: out, getenv: os.Getenv})
}
