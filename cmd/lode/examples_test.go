package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The goals of examples/ are reached by their scripted agents, in so many
// iterations, and what those do wrong on the way is seen.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs four examples")
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOTOOLCHAIN", "local")
	for _, c := range []struct {
		name, run string
		says      []string
		notes     map[string]string // what the note of an iteration holds
		needs     string
	}{
		{"fix-tests", "go-test-passes-with-the-tests", []string{": done: all 4 items hold after iteration 3 ("},
			map[string]string{"01.md": "it changed protected files, which was undone: cart_test.go", "02.md": "| tests | red | exit code 1, not 0"}, ""},
		{"beat-baseline", "looking-up-a-number-takes-at", []string{": done: all 4 items hold after iteration 2 ("},
			map[string]string{"01.md": "| answers | red |", "02.md": "| probes | green |"}, ""},
		{"match-screenshot", "page-html-looks-like-want-png", []string{": done: all 5 items hold after iteration 2 ("},
			map[string]string{"01.md": "| look | red | it differs from want.png by"}, "chromium"},
		{"research-report", "report-md-answers-in-40-to-400", []string{": done: all 6 items hold after iteration 3 ("},
			map[string]string{"01.md": "| length | red |", "02.md": "| sources | contradicted | a number without a source |", "03.prompt.md": "In report.md: “It decodes 410 MB a second (measured)”"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.needs != "" {
				if _, err := exec.LookPath(c.needs); err != nil {
					t.Skip("needs " + c.needs)
				}
			}
			example := filepath.Join("..", "..", "examples", c.name)
			w := newWorkshop(t, filesBelow(t, filepath.Join(example, "repo")))
			script, err := os.ReadFile(filepath.Join(example, "agent.sh"))
			if err != nil {
				t.Fatal(err)
			}
			bin := filepath.Join(w.dir, "bin")
			put(t, filepath.Join(bin, "claude"), "#!/bin/sh\ncat >/dev/null\n"+string(script))
			os.Chmod(filepath.Join(bin, "claude"), 0o755)
			t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))

			if out, err := w.lode("goal", "check", "--static", "--exit-code", "goal.md").CombinedOutput(); err != nil {
				t.Errorf("the contract is weak: %s", out)
			}
			out, err := w.lode("run", "goal.md", "--yes").CombinedOutput()
			if err != nil {
				t.Errorf("%v", err)
			}
			for _, says := range c.says {
				if !strings.Contains(string(out), says) {
					t.Errorf("it does not say %q:\n%s", says, out)
				}
			}
			for note, holds := range c.notes {
				text, _ := os.ReadFile(filepath.Join(w.dir, "state", "runs", c.run, note))
				if !strings.Contains(string(text), holds) {
					t.Errorf("%s does not hold %q:\n%s", note, holds, text)
				}
			}
		})
	}
}

func filesBelow(t *testing.T, dir string) map[string]string {
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
