package verify

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lode/loop/goal"
	"lode/loop/tree"
)

// here is a place to judge in.
func here(t *testing.T, files map[string]string) *Place {
	dir := t.TempDir()
	for name, text := range files {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	base := 100.0
	return &Place{Dir: dir, Now: "now", Pristine: dir, Artifacts: filepath.Join(dir, "artifacts"), Tag: "LODE_RUN=" + filepath.Base(dir),
		Log:      func(string, string) (string, error) { return "log.txt", nil },
		Baseline: func(string) *float64 { return &base },
		Answer:   func(id, _ string) (bool, bool) { return id == "yes", id != "silent" }}
}

// Each kind of verifier, with what it says of what.
func TestKinds(t *testing.T) {
	short := goal.Duration(200 * time.Millisecond)
	seen := make(map[string]bool)
	for _, c := range []struct {
		check goal.Check
		kind  string
		want  Status
		says  string
	}{
		{goal.Check{Run: "true"}, "run", Green, "exit code 0"},
		{goal.Check{Run: "exit 3"}, "run", Red, "exit code 3, not 0"},
		{goal.Check{Run: "exit 3", Expect: &goal.Expect{Exit: 3}}, "run", Green, "exit code 3"},
		{goal.Check{Run: "echo 12 passed", Expect: &goal.Expect{Output: `1\d passed`}}, "run", Green, "exit code 0"},
		{goal.Check{Run: "echo 2 passed", Expect: &goal.Expect{Output: `1\d passed`}}, "run", Red, `its output holds no "1\\d passed"`},
		{goal.Check{Run: "no-such-program"}, "run", Red, "exit code 127: a program of it is not installed here"},
		{goal.Check{Run: "sleep 9", Timeout: &short}, "run", Red, "it took longer than 200ms and was ended"},
		{goal.Check{Run: "echo time: 79; echo time: 1,080.5", Metric: `time: ([\d,.]+)`, Want: "> 1000", Unit: "ms"}, "metric", Green, "1080.5 ms, wanted > 1000 ms"},
		{goal.Check{Run: "echo 81", Metric: `(\d+)`, Want: "<= 0.8 * baseline"}, "metric", Red, "81, wanted <= 80"},
		{goal.Check{Run: "echo none", Metric: `(\d+)`, Want: "< 1"}, "metric", Red, `its output holds no number by the pattern "(\\d+)"`},
		{goal.Check{Run: "echo 5; false", Metric: `(\d+)`, Want: "< 9"}, "metric", Red, "exit code 1, not 0"},
		{goal.Check{Files: []string{"a.txt", "sub/**"}}, "files", Green, "there are a.txt, sub/b.txt"},
		{goal.Check{Files: []string{"a.txt", "empty.txt", "*.md"}}, "files", Red, "not there, or empty: empty.txt, *.md"},
		{goal.Check{Files: []string{"a.txt", "sub/b.txt"}, Fresh: true}, "files", Red, "not changed by this run: a.txt"},
		{goal.Check{Scope: []string{"sub/**"}}, "scope", Green, "1 files, 7 lines changed"},
		{goal.Check{Scope: []string{"*.md", "!sub/**"}}, "scope", Red, "1 changed outside: sub/b.txt"},
		{goal.Check{Lines: 6}, "scope", Red, "7 lines changed, at most 6 are allowed"},
		{goal.Check{Clean: true}, "clean", Red, "marks of a conflict in sub/b.txt"},
		{goal.Check{ID: "yes", Approve: "Fine?"}, "approve", Green, "a person said yes"},
		{goal.Check{ID: "no", Approve: "Fine?"}, "approve", Red, "a person said no: Fine?"},
		{goal.Check{ID: "silent", Approve: "Fine?"}, "approve", Unclear, "waits for a person's answer: Fine?"},
		{goal.Check{HTTP: "http://127.0.0.1:9/"}, "http", Red, "no answer: "},
		{goal.Check{Shot: "none.html", Against: "a.txt"}, "screenshot", Red, "there is no none.html"},
		{goal.Check{}, "", Unclear, "it checks nothing"},
	} {
		p := here(t, map[string]string{"a.txt": "a", "empty.txt": "", "sub/b.txt": "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> side\n"})
		p.Changes = []tree.Change{{Status: "M", Path: "sub/b.txt", Plus: 5, Less: 2}}
		v := Judge(context.Background(), p, &c.check)
		if v.Kind != c.kind || v.Status != c.want || !strings.HasPrefix(v.Says, c.says) {
			t.Errorf("%+v: %s: %s: %s\nwant %s: %s: %s", c.check, v.Kind, v.Status, v.Says, c.kind, c.want, c.says)
		}
		if (v.Print == "") != (v.Status == Green) && v.Kind != "" {
			t.Errorf("%+v: fingerprint %q", c.check, v.Print)
		}
		seen[v.Kind] = true
	}
	for _, k := range Kinds {
		if !seen[k.Name] || k.Doc == "" || k.Is == nil || k.Run == nil {
			t.Errorf("%s has no case, or is not whole", k.Name)
		}
	}
}

// A server is started on a free port, asked, and ended.
func TestServed(t *testing.T) {
	p := here(t, map[string]string{"index.html": "<h1>Cart</h1>"})
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("needs Python as a server")
	}
	c := goal.Check{ID: "page", HTTP: "http://127.0.0.1:$PORT/index.html", Start: "python3 -m http.server $PORT --bind 127.0.0.1", Expect: &goal.Expect{Output: "<h1>Cart"}}
	if v := Judge(context.Background(), p, &c); v.Status != Green {
		t.Errorf("%s: %s", v.Status, v.Says)
	}
	c.HTTP = "http://127.0.0.1:$PORT/none.html"
	if v := Judge(context.Background(), p, &c); v.Says != "it answered 404, not 200" {
		t.Errorf("%s: %s", v.Status, v.Says)
	}
	c.Expect = &goal.Expect{Exit: 404}
	if v := Judge(context.Background(), p, &c); v.Status != Green {
		t.Errorf("%s: %s", v.Status, v.Says)
	}
}

// What a command line rests on: what it runs, and what judges by its name.
func TestScripts(t *testing.T) {
	files := []string{"check.sh", "tests/test_cart.py", "app.py", "src/shop.py", "bench/run.sh", "Makefile"}
	for _, c := range []struct{ run, want string }{
		{"sh check.sh", "check.sh"},
		{"./check.sh --fast", "check.sh"},
		{"bash -e ./bench/run.sh 3", "bench/run.sh"},
		{"python app.py", ""},
		{"python -m pytest tests/test_cart.py", "tests/test_cart.py"},
		{"cd src && python shop.py | sh check.sh", "check.sh"},
		{"CI=1 sh check.sh; cat app.py", "check.sh"},
		{"make", ""},
	} {
		if got := strings.Join(scripts(&goal.Check{Run: c.run}, files), " "); got != c.want {
			t.Errorf("%s rests on %q, want %q", c.run, got, c.want)
		}
	}
}

// The same failure has one fingerprint, whatever varies; another has another.
func TestFingerprint(t *testing.T) {
	base := "--- FAIL: TestCart (0.01s)\n    cart_test.go:12: want 7, got 3\nFAIL\tshop\t0.012s\n"
	for _, same := range []string{
		strings.NewReplacer("0.01s", "1.25s", "0.012s", "1.3s").Replace(base),
		"2026-05-01T10:00:00Z starting\n" + base,
		strings.Replace(base, "FAIL\tshop", "ok\tother\t0.3s\nFAIL\tshop", 1),
	} {
		if Fingerprint("tests", "exit code 1", same) != Fingerprint("tests", "exit code 1", base) {
			t.Errorf("another fingerprint:\n%s", same)
		}
	}
	for _, other := range []string{strings.Replace(base, "got 3", "got 5", 1), strings.Replace(base, "TestCart", "TestTax", 1)} {
		if Fingerprint("tests", "exit code 1", other) == Fingerprint("tests", "exit code 1", base) {
			t.Errorf("the same fingerprint:\n%s", other)
		}
	}
}

// Of a long output the lines that tell, and the end, are kept.
func TestRelevant(t *testing.T) {
	long := strings.Repeat("compiling something\n", 2000) + "cart_test.go:12: FAIL: want 7\n" + strings.Repeat("compiling more\n", 2000) + "exit status 1\n"
	got := Relevant(long)
	if len(got) > partBytes+200 || !strings.Contains(got, "FAIL: want 7") || !strings.HasSuffix(got, "exit status 1") {
		t.Errorf("%d bytes:\n%s", len(got), got)
	}
	if got := Relevant(strings.Repeat("x", 100000)); len(got) > partBytes || got == "" {
		t.Errorf("of one endless line %d bytes are kept", len(got))
	}
	if got := Relevant("token ghp_abcdefghijklmnopqrstuvwxyz0123456789"); strings.Contains(got, "ghp_") {
		t.Error("a secret is kept")
	}
}

func TestLint(t *testing.T) {
	for _, c := range []struct {
		check goal.Check
		want  string
	}{
		{goal.Check{Run: "make", Clean: true}, "it is run and clean at once"},
		{goal.Check{Metric: "x", Want: "2"}, "a metric needs the command"},
		{goal.Check{Run: "x", Want: "< 2"}, "want and unit are for a metric"},
		{goal.Check{HTTP: "example.com"}, "an address begins with"},
		{goal.Check{Shot: "a.html", Size: "big"}, `size "big" is no size`},
		{goal.Check{Files: []string{"a"}, Expect: &goal.Expect{}}, "expect and timeout are for"},
		{goal.Check{Run: "x", Expect: &goal.Expect{Output: "("}}, "missing closing )"},
	} {
		if says := Lint(&c.check); !slices.ContainsFunc(says, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%+v: %q, want %q", c.check, says, c.want)
		}
	}
}
