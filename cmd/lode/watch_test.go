package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What an agent writes is read while it writes it, in folders too that were not
// there when watching began; a signal ends it in peace.
func TestWatch(t *testing.T) {
	home, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	write := func(name, text string) {
		file := filepath.Join(home, ".claude", "projects", "shop", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	says := func(session, id, text string) string {
		return fmt.Sprintf(`{"type":"user","sessionId":%q,"uuid":%q,"timestamp":"2026-04-07T09:00:00Z","cwd":"/home/dev/work/shop","version":"2.1.0","message":{"role":"user","content":%q}}`+"\n", session, id, text)
	}
	write("a.jsonl", says("a", "u1", "hello"))
	cmd := exec.Command("lode", "--home", home, "--state", state, "ingest", "--watch")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	told := func(what string) {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), what) {
			t.Fatalf("it says %q, want %q", lines.Text(), what)
		}
	}
	told("1 file read, 1 session new or changed")
	write("b.jsonl", says("b", "u2", "what of the lighthouse?"))
	told("1 file read, 1 session new or changed")
	write("a.jsonl", says("a", "u3", "and the harbour?"))
	told("1 file read, 1 session new or changed")
	for _, word := range []string{"lighthouse", "harbour"} {
		var found strings.Builder
		if code := runIn(t, &found, "--home", home, "--state", state, "search", word); code != 0 || !strings.Contains(found.String(), "1 hit in 1 session") {
			t.Errorf("search %s: exit code %d: %s", word, code, found.String())
		}
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped, it ends with %v", err)
	}
}
