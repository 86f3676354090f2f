package index

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lode/session"
)

// benchSessions are the stored sessions of the state folder in
// LODE_CORPUS_STATE, else made-up ones.
func benchSessions(b *testing.B) (sessions []*session.Session, bytes int64) {
	b.Helper()
	if state := os.Getenv("LODE_CORPUS_STATE"); state != "" {
		store := session.NewStore(filepath.Join(state, "sessions"))
		files, err := filepath.Glob(filepath.Join(state, "sessions", "*", "*.jsonl.zst"))
		if err != nil || len(files) == 0 {
			b.Fatalf("%s has no sessions: %v", state, err)
		}
		for _, f := range files {
			agent, _ := url.PathUnescape(filepath.Base(filepath.Dir(f))) // as the store escapes them
			id, _ := url.PathUnescape(strings.TrimSuffix(filepath.Base(f), ".jsonl.zst"))
			s, err := store.Read(agent, id)
			if err != nil {
				b.Fatal(err)
			}
			s.Link()
			sessions = append(sessions, s)
		}
	} else {
		for i := range 60 {
			var text strings.Builder
			fmt.Fprintf(&text, "%d-05-01 /home/dev/shop\n", 2024+i%3)
			for n := range 40 {
				fmt.Fprintf(&text, "user: the cart%d of step %d is slow, look at src/shop/cart_view%d.py\nagent: I run parseCartItem%d to see why.\nshell: go test ./cart%d\n! FAIL: TestCart%d timed out\n", i, n, n, n, i, n)
			}
			sessions = append(sessions, story(fmt.Sprint("claude/", i), text.String()))
		}
	}
	for _, s := range sessions {
		for i := range s.Events {
			bytes += int64(len(s.Events[i].Text) + len(s.Events[i].Command))
		}
	}
	return sessions, bytes
}

// BenchmarkIndex builds an index from nothing; its bytes are the sessions' text.
func BenchmarkIndex(b *testing.B) {
	sessions, bytes := benchSessions(b)
	b.SetBytes(bytes)
	for b.Loop() {
		put(b, filepath.Join(b.TempDir(), "index"), sessions...)
	}
}

// BenchmarkSearch asks for a frequent word, a rare one, a phrase, and what is
// not there.
func BenchmarkSearch(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "index")
	sessions, _ := benchSessions(b)
	put(b, dir, sessions...)
	r := openReader(b, dir)
	for _, q := range []string{"test", "parseCartItem", `"go test"`, "slow cart7 step", "nowhere cart7"} {
		b.Run(strings.ReplaceAll(q, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				parsed, err := parseQuery(q)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Search(context.Background(), parsed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
