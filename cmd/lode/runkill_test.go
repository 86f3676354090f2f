package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// workshop is a repository with a goal, and a state folder.
type workshop struct {
	t    testing.TB
	dir  string
	head string
}

// newWorkshop makes a repository of some files with one commit, the same
// wherever it lies.
func newWorkshop(t testing.TB, files map[string]string) *workshop {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	w := &workshop{t: t, dir: t.TempDir()}
	for name, text := range files {
		put(t, filepath.Join(w.dir, "shop", filepath.FromSlash(name)), text)
	}
	w.git("init", "-q", "-b", "main")
	w.git("add", "-A")
	w.git("commit", "-qm", "start")
	w.head = w.git("rev-parse", "HEAD")
	return w
}

func (w *workshop) env() []string {
	return append(os.Environ(), "HOME="+filepath.Join(w.dir, "home"), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=tester", "GIT_AUTHOR_EMAIL=tester@localhost", "GIT_COMMITTER_NAME=tester",
		"GIT_COMMITTER_EMAIL=tester@localhost", "GIT_AUTHOR_DATE=2026-05-01T10:00:00Z", "GIT_COMMITTER_DATE=2026-05-01T10:00:00Z")
}

func (w *workshop) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = filepath.Join(w.dir, "shop"), w.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// lode is a command line of lode in the repository, in a process of its own.
func (w *workshop) lode(args ...string) *exec.Cmd {
	cmd := exec.Command("lode", append([]string{"--state", filepath.Join(w.dir, "state"), "--home", filepath.Join(w.dir, "home"), "--now", "2026-05-01"}, args...)...)
	cmd.Dir, cmd.Env = filepath.Join(w.dir, "shop"), w.env()
	return cmd
}

// journal is the journal of a run without times, and with names of folders that
// are the same everywhere.
func (w *workshop) journal(run string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "state", "runs", run, "journal.jsonl"))
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			w.t.Fatal(err)
		}
		delete(entry, "time")
		delete(entry, "took")
		out, _ := json.Marshal(entry)
		b.Write(append(out, '\n'))
	}
	return strings.ReplaceAll(b.String(), w.dir, "DIR")
}

// The agent of the run that is killed: five iterations of work, with commits of
// its own, files that it only makes to begin with, and one tampering.
var killedFiles = map[string]string{
	"work.txt":      "start\n",
	"sub/notes.txt": "notes\n",
	"test.sh":       "sleep 0.02; cat work.txt; test \"$(wc -l <work.txt)\" -ge 6 && test -f sub/five.txt && ! test -f half.txt\n",
	"agent.sh": `touch half.txt
sleep 0.03
echo "line $LODE_ITERATION" >>work.txt
git add -A; git commit -qm "half of $LODE_ITERATION"
echo "Done: $LODE_ITERATION. $(grep -c . $LODE_STATE)" >>$LODE_STATE
sleep 0.03
case $LODE_ITERATION in
2) rm -rf sub; echo true >test.sh;;
3) mkdir -p sub; git mv work.txt moved.txt; cp moved.txt work.txt;;
5) mkdir -p sub; echo five >sub/five.txt;;
esac
rm half.txt
`,
	"goal.md": `---
goal: the work is done
agent: sh agent.sh
budget: {iterations: 8}
checks:
- {id: tests, run: sh test.sh}
- {id: five, files: [sub/five.txt], fresh: true}
- {id: lines, run: wc -l <work.txt, metric: '([0-9]+)', want: '>= 2 * baseline'}
artifacts: ['*.txt']
---
`,
}

// A run that is killed at any moment, again and again, ends as one that was not:
// with the same files and the same journal, and no iteration twice or not at
// all.
func TestKilledLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a run 30 times")
	}
	whole := newWorkshop(t, killedFiles)
	start := time.Now()
	if out, err := whole.lode("run", "goal.md", "--yes").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := time.Since(start)
	const name = "the-work-is-done"
	want, tree := whole.journal(name), whole.git("rev-parse", "lode/"+name+"^{tree}")
	if n := strings.Count(want, `"event":"begin"`); n != 5 {
		t.Fatalf("the undisturbed run had %d iterations:\n%s", n, want)
	}

	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round, kills := range []int{1, 2, 3, 4, 5, 7, 8} { // 30
		w := newWorkshop(t, killedFiles)
		command := func() *exec.Cmd {
			if _, err := os.Stat(filepath.Join(w.dir, "state", "runs", name, "journal.jsonl")); err != nil {
				return w.lode("run", "goal.md", "--yes")
			}
			return w.lode("run", "resume", name)
		}
		for range kills {
			cmd := command()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rnd.Int64N(int64(took) * 3 / 4)))
			cmd.Process.Kill()
			cmd.Wait()
		}
		if out, err := command().CombinedOutput(); err != nil {
			t.Fatalf("seed %d, round %d: after %d kills: %v: %s", seed, round, kills, err, out)
		}
		if got := w.journal(name); got != want {
			t.Errorf("seed %d, round %d: after %d kills the journal is\n%s\nwant\n%s", seed, round, kills, got, want)
		}
		if got := w.git("rev-parse", "lode/"+name+"^{tree}"); got != tree {
			t.Errorf("seed %d, round %d: after %d kills the tree differs:\n%s", seed, round, kills, w.git("diff", "--stat", tree, got))
		}
		if left := w.git("status", "--porcelain"); left != "" {
			t.Errorf("seed %d, round %d: the checkout has %s", seed, round, left)
		}
	}
}
