package index

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
			for i := range s.Events { // outcomes are not stored; exit codes do for failed:yes
				if e := &s.Events[i]; e.Exit != nil && *e.Exit != 0 {
					e.Outcome = session.Failed
				}
			}
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

// BenchmarkGrowth opens an index, searches and closes it, as a process does that
// answers one question: over the sessions, and over four and ten times as many,
// copies with other ids and every fourth long word changed.
func BenchmarkGrowth(b *testing.B) {
	if testing.Short() {
		b.Skip("it writes ten times the index")
	}
	sessions, _ := benchSessions(b)
	var all []*session.Session
	dir := filepath.Join(b.TempDir(), "index")
	for copies := range 10 {
		for _, s := range sessions {
			all = append(all, otherwise(s, copies))
		}
		if copies != 0 && copies != 3 && copies != 9 {
			continue
		}
		put(b, dir, all...)
		for _, q := range []string{"pytest", "test", `"no such file"`, "failed:yes permission denied", "slow cart", "qqpytest"} {
			parsed, err := parseQuery(q)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%dx/%s", copies+1, strings.ReplaceAll(q, " ", "_")), func(b *testing.B) {
				for b.Loop() {
					r, err := Open(dir)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := r.Search(context.Background(), parsed); err != nil {
						b.Fatal(err)
					}
					if err := r.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

var longWord = regexp.MustCompile(`[A-Za-z]{6,}`)

// otherwise is a copy of a session with another id, in which some of the long
// words are others; the first is the session itself.
func otherwise(s *session.Session, copy int) *session.Session {
	if copy == 0 {
		return s
	}
	c := &session.Session{Header: s.Header, Events: slices.Clone(s.Events)}
	c.ID += fmt.Sprint("-", copy)
	change := func(text string) string {
		return longWord.ReplaceAllStringFunc(text, func(w string) string {
			if (len(w)+int(w[2]))%4 == 0 {
				return w + string(rune('a'+copy))
			}
			return w
		})
	}
	for i := range c.Events {
		e := &c.Events[i]
		e.Text, e.Command, e.Signature = change(e.Text), change(e.Command), change(e.Signature)
	}
	c.Link()
	return c
}
