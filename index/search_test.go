package index

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"lode/index/query"
	"lode/session"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// story makes a session of a text: its day and folder, then an event a line,
// numbered by its line: words of "user", "program", "injected" or "agent", a
// call by its act ("shell: go test"), and behind it what it returned, "> " for
// a success and "! " for a failure, which its first line tells.
func story(name, text string) *session.Session {
	by, id, _ := strings.Cut(name, "/")
	s := &session.Session{Header: session.Header{Agent: by, ID: id, Title: text, Sources: []session.Source{{Path: id + ".jsonl"}}}}
	authors := map[string]session.Author{"user": session.Human, "program": session.ByProgram, "injected": session.Injected}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if i == 0 {
			day, folder, _ := strings.Cut(line, " ")
			s.Start, _ = time.Parse(time.DateOnly, day)
			s.Cwd = folder
			continue
		}
		e := session.Event{N: i + 1, CallID: fmt.Sprint(i)}
		if !s.Start.IsZero() {
			e.Time = s.Start.Add(time.Duration(i) * time.Minute)
		}
		who, words, _ := strings.Cut(line, ": ")
		switch last := len(s.Events) - 1; {
		case strings.HasPrefix(line, "> ") || strings.HasPrefix(line, "! "):
			if r := &s.Events[last]; r.Kind == session.Result {
				r.Text += "\n" + line[2:]
				continue
			}
			e.Kind, e.Text, e.Outcome, e.CallID = session.Result, line[2:], session.OK, s.Events[last].CallID
			if line[0] == '!' {
				e.Outcome, e.Signature = session.Failed, line[2:]
			}
		case authors[who] != "":
			e.Kind, e.Author, e.Text = session.User, authors[who], words
		case who == "agent":
			e.Kind, e.Author, e.Text = session.Agent, session.ByAgent, words
		default:
			e.Kind, e.Act, e.Tool, e.Command = session.Call, session.Act(who), who, words
		}
		s.Events = append(s.Events, e)
	}
	s.Link()
	return s
}

// put writes sessions into the index of a folder, in place of all others.
func put(t testing.TB, dir string, sessions ...*session.Session) bool {
	t.Helper()
	w, err := NewWriter(dir, 1)
	if err != nil {
		t.Fatalf("NewWriter = %v", err)
	}
	defer w.Abandon()
	var infos []session.Info
	byName := make(map[string]*session.Session)
	for _, s := range sessions {
		infos = append(infos, session.Info{Header: s.Header, Digest: s.Title})
		byName[s.Name()] = s
	}
	stale, err := w.Stale(infos)
	if err != nil {
		t.Fatalf("Stale = %v", err)
	}
	for _, info := range stale {
		if err := w.Put(byName[info.Name()], info.Digest); err != nil {
			t.Fatalf("Put(%s) = %v", info.Name(), err)
		}
	}
	published, err := w.Publish(testNow)
	if err != nil {
		t.Fatalf("Publish = %v", err)
	}
	return published
}

func openReader(t testing.TB, dir string) *Reader {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// ask returns an answer as the golden files have it: the tier, the number of
// documents, and for each session the best place with what was found in [ ];
// then the notes, and for what is not found, why not.
func ask(t testing.TB, r *Reader, line string) string {
	t.Helper()
	q, err := parseQuery(line)
	var a Answer
	if err == nil {
		a, err = r.Search(context.Background(), q)
	}
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d\n", a.Tier, a.Total)
	for _, h := range a.Hits {
		fmt.Fprintf(&b, "%s %s", h.Ref, h.Snippet.Marked("[", "]"))
		if h.More > 0 {
			fmt.Fprintf(&b, " +%d", h.More)
		}
		b.WriteByte('\n')
	}
	if a.Total == 0 {
		why, err := r.Why(context.Background(), q)
		if err != nil {
			t.Errorf("Why(%s) = %v", line, err)
		}
		a.Notes = append(a.Notes, why...)
	}
	for _, n := range a.Notes {
		fmt.Fprintf(&b, "(%s)\n", n)
	}
	return b.String()
}

// parseQuery reads "query | limit=n skip=n". Projects are folders.
func parseQuery(line string) (Query, error) {
	text, options, _ := strings.Cut(line, " | ")
	q := Query{Limit: 10, Now: testNow}
	for o := range strings.FieldsSeq(options) {
		fmt.Sscanf(o, "limit=%d", &q.Limit)
		fmt.Sscanf(o, "skip=%d", &q.Skip)
	}
	q.Places = func(project string, _ bool) ([]string, error) {
		return []string{Place(&session.Header{Cwd: project})}, nil
	}
	var err error
	q.Node, err = query.Parse(text)
	return q, err
}

var testNow = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)

// Each testdata file is sessions, and then queries with their answers, the best
// first. They answer the same over an index that sessions came to and left.
func TestSearch(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata has %v, %v", files, err)
	}
	for _, file := range files {
		cases, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sessions []*session.Session
		for _, f := range cases.Files[:len(cases.Files)-1] {
			sessions = append(sessions, story(f.Name, string(f.Data)))
		}
		queries := &cases.Files[len(cases.Files)-1]
		whole, grown := filepath.Join(t.TempDir(), "index"), filepath.Join(t.TempDir(), "index")
		put(t, whole, sessions...)
		for _, some := range [][]*session.Session{sessions[len(sessions)/2:], sessions[:1], sessions} {
			put(t, grown, some...)
		}
		for _, dir := range []string{whole, grown} {
			r, want := openReader(t, dir), string(queries.Data)
			var got strings.Builder
			for line := range strings.Lines(want) {
				if strings.HasPrefix(line, "# ") {
					got.WriteString("\n" + line)
				} else if q, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "? "); ok {
					got.WriteString("\n? " + q + "\n" + ask(t, r, q))
				}
			}
			if *update {
				want = got.String()
				queries.Data = []byte(want)
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Errorf("%s, %s (-want +got; -update rewrites it):\n%s", file, filepath.Base(filepath.Dir(dir)), diff)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(cases), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whatever a text is, each of its words finds it, a literal of any of its
// characters does, and so does the text in quotes as far as it is indexed.
func TestEverythingIndexedIsFound(t *testing.T) {
	word := rapid.OneOf(rapid.StringMatching(`[A-Za-z_]{1,12}[0-9]{0,2}|--[a-z]{2,5}-[a-z]{2,5}|v?[0-9]{1,2}\.[0-9]{1,2}|[a-z]{2,4}/[a-zA-Z]{2,6}\.go`), rapid.StringOfN(rapid.RuneFrom([]rune("aéßİ购物车テスト🙂`'(){}<>.,:;=+*\\")), 1, 6, -1))
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 1, 8).Draw(t, "words"), rapid.SampledFrom([]string{" ", "  ", ", ", "\t"}).Draw(t, "between"))
	})
	for i := range 12 { // an index waits for the disk, so only so many
		var b strings.Builder
		b.WriteString("2026-05-01 /home/dev/shop\n")
		var texts []string
		for j := range 12 {
			texts = append(texts, strings.ReplaceAll(text.Example(12*i+j), "\n", " "))
			fmt.Fprintf(&b, "user: %s\n", texts[j])
		}
		s := story("claude/one", b.String())
		dir, store := filepath.Join(t.TempDir(), "index"), session.NewStore(t.TempDir())
		put(t, dir, s)
		if _, err := store.Write(s); err != nil {
			t.Fatal(err)
		}
		r := openReader(t, dir)
		for j, text := range texts {
			queries := []query.Node{query.Literal{Text: text}, query.Regexp{Expr: regexp.QuoteMeta(text)}, query.Text{Text: text, Quoted: true}}
			for _, w := range strings.Fields(text) {
				queries = append(queries, query.Text{Text: w})
			}
			for _, q := range queries {
				if q, ok := q.(query.Text); ok && !Searchable(q.Text) {
					continue
				}
				if !finds(t, r, q, store, j+2) {
					t.Errorf("%s does not find %q", query.Print(q), text)
				}
			}
		}
	}
}

// finds reports whether an exact answer has the event of a line.
func finds(t *testing.T, r *Reader, n query.Node, store *session.Store, line int) bool {
	t.Helper()
	q := Query{Node: n, Limit: 1, Store: store}
	if scans(n) {
		a, err := r.Search(context.Background(), q)
		if err != nil {
			t.Errorf("Search(%s) = %v", query.Print(n), err)
		}
		return a.Total > 0 && a.Tier == Exact
	}
	c := &compiler{r: r, q: &q}
	what, err := c.compile(n)
	if err != nil {
		t.Errorf("%s: %v", query.Print(n), err)
		return false
	}
	var hits []Hit
	m, err := r.match(context.Background(), what)
	if err == nil {
		var k *ranking
		if k, err = rank(context.Background(), m, maxRanked); err == nil {
			hits, err = k.first(100)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", query.Print(n), err)
		return false
	}
	i := slices.IndexFunc(hits, func(h Hit) bool { return h.Ref.N == line })
	if i < 0 {
		return false
	}
	if err := hits[i].fill(); err != nil {
		t.Error(err)
	}
	return newJudge(n).read(hits[i].text).of(n) != no
}

// Of more documents than are ranked, those that people wrote are, however old,
// and all are counted; what one session has more of than that hides no other.
func TestMoreThanRanked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	var long strings.Builder
	long.WriteString("2026-06-01 /home/dev/shop\n")
	for range 5000 {
		long.WriteString("shell: ls\n> a slow cart\n")
	}
	put(t, dir, story("claude/long", long.String()),
		story("claude/old", "2024-01-01 /home/dev/shop\nuser: why is the cart so slow, and slow again when there is nothing in it\n"),
		story("claude/other", "2026-01-01 /home/dev/shop\nshell: ls\n> a slow cart, and a car\n"))
	r := openReader(t, dir)
	for line, want := range map[string]string{
		"cart":           "5002 claude/old claude/long claude/other",
		"-nothing cart":  "5001 claude/long claude/other",
		"agent:claude":   "5002 claude/long claude/other claude/old",
		`"slow cart"`:    "5001 claude/long claude/other",
		`"slow again"`:   "1 claude/old",
		`cart | limit=1`: "5002 claude/old",
	} {
		q, err := parseQuery(line)
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Search(context.Background(), q)
		if err != nil {
			t.Fatalf("Search(%s) = %v", line, err)
		}
		got := fmt.Sprint(a.Total)
		for _, h := range a.Hits {
			got += " " + h.Session
		}
		if got != want {
			t.Errorf("Search(%s) = %s, open %v, want %s", line, got, a.Open, want)
		}
	}
}
