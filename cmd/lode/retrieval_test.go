package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Does search find what people look for, and nothing where there is nothing?
// Queries are made from raw transcripts, which a reader of its own walks through
// without knowing formats or the index: a file by chance, in it a text by chance
// that a person wrote, the agent said, a tool was given or an output holds, of
// that a passage by chance, and of the passage some words by chance among the
// rarer ones, rare in other raw files. Typing errors are made by chance, too.
// What other raw files have word for word, templates and notices, nobody looks
// for; nor for a line without two words that are rare at all. The answer is right
// where a hit's transcript holds the very passage. So the index can fail: by not
// having the text, by cutting words otherwise, by ranking another session higher.
//
// The unanswerable queries below are about things that these projects have
// nothing to do with; one counts if no record of any raw file has all its words.
// To surface anything for it is false.
//
// It runs on the corpus of ../shared/corpus where LODE_RETRIEVAL is set: to
// "corpus", which unpacks it and reads it anew, or to "home:state", folders where
// that was done before.
func TestRetrieval(t *testing.T) {
	m := newMeasure(t)
	kinds := []struct {
		name string
		of   string // the kind of text, see texts
		n    int
		make func(*measure, string) string
	}{
		{"words of a person", "human", 30, (*measure).words},
		{"words of an agent", "agent", 30, (*measure).words},
		{"a phrase", "agent", 15, (*measure).phrase},
		{"words of a command", "command", 20, (*measure).words},
		{"words of an error", "error", 25, (*measure).words},
		{"an identifier or path", "agent", 20, (*measure).name},
		{"a typing error", "human", 15, (*measure).typo},
		{"characters of an output", "output", 15, (*measure).literal},
	}
	var all score
	for _, k := range kinds {
		var s score
		for range k.n {
			item, query := m.item(k.of, k.make)
			rank := m.rank(item, query)
			s.add(rank)
			all.add(rank)
			if rank == 0 || rank > 5 {
				t.Logf("rank %d: %s %q in %s: %q", rank, k.name, query, item.file, item.passage)
			}
		}
		t.Logf("%-25s %s", k.name, s)
	}
	t.Logf("%-25s %s", "all", all)
	surfaced, asked := m.surfaced(t)
	t.Logf("%d of %d unanswerable queries surface something", surfaced, asked)
	if all.at5() < 0.9 {
		t.Errorf("hit@5 is %.2f, want at least 0.90", all.at5())
	}
	if asked < 40 || float64(surfaced) > 0.05*float64(asked) {
		t.Errorf("%d of %d unanswerable queries surface something, want at most 1 in 20, of 40 or more", surfaced, asked)
	}
}

// score sums up ranks; 0 is not found.
type score struct {
	n, first, five int
	reciprocal     float64
}

func (s *score) add(rank int) {
	s.n++
	if rank == 1 {
		s.first++
	}
	if rank > 0 && rank <= 5 {
		s.five++
	}
	if rank > 0 {
		s.reciprocal += 1 / float64(rank)
	}
}

func (s score) at5() float64 { return float64(s.five) / float64(s.n) }

func (s score) String() string {
	return fmt.Sprintf("%3d queries: hit@1 %.2f  hit@5 %.2f  MRR %.2f", s.n, float64(s.first)/float64(s.n), s.at5(), s.reciprocal/float64(s.n))
}

// measure is the corpus, as files and as a state of lode.
type measure struct {
	t           *testing.T
	home, state string
	files       []string // raw transcripts, below home
	rng         *rand.Rand
	seen        map[string]int // word -> how many of some files have it
	sampled     int
}

func newMeasure(t *testing.T) *measure {
	where := os.Getenv("LODE_RETRIEVAL")
	if where == "" {
		t.Skip("LODE_RETRIEVAL is not set (to corpus, or to home:state)")
	}
	m := &measure{t: t, rng: rand.New(rand.NewPCG(20, 26)), seen: make(map[string]int)}
	corpus := filepath.Join("..", "..", "..", "shared", "corpus")
	if home, state, ok := strings.Cut(where, ":"); ok {
		m.home, m.state = home, state
	} else {
		if _, err := os.Stat(corpus); err != nil {
			t.Skipf("the corpus is not there: %v", err)
		}
		m.home, m.state = t.TempDir(), t.TempDir()
		if out, err := exec.Command(filepath.Join(corpus, "unpack"), m.home).CombinedOutput(); err != nil {
			t.Fatalf("unpacking the corpus: %v\n%s", err, out)
		}
		m.lode("--config", filepath.Join(corpus, "lode.yaml"), "ingest")
	}
	filepath.WalkDir(m.home, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && slices.Contains([]string{".jsonl", ".json", ".md", ".traj"}, filepath.Ext(path)) {
			m.files = append(m.files, path)
		}
		return nil
	})
	for range 150 {
		for w := range wordSet(m.read(m.files[m.rng.IntN(len(m.files))])) {
			m.seen[w]++
		}
		m.sampled++
	}
	return m
}

// lode runs a command over the corpus and returns what it prints.
func (m *measure) lode(args ...string) []byte {
	out, complaint := m.try(args...)
	if complaint != "" {
		m.t.Fatalf("lode %q: %s", args, complaint)
	}
	return out
}

// try is lode for a command that may be refused.
func (m *measure) try(args ...string) (out []byte, complaint string) {
	var stdout, stderr bytes.Buffer
	args = append([]string{"--home", m.home, "--state", m.state, "--now", "2026-08-31T00:00:00Z"}, args...)
	if code := run(context.Background(), args, environment{strings.NewReader(""), &stdout, &stderr, func(string) string { return "" }}); code != 0 {
		return nil, stderr.String()
	}
	return stdout.Bytes(), ""
}

func (m *measure) read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

var rawWord = regexp.MustCompile(`\b[A-Za-z]{3,}\b`)

func wordSet(text []byte) map[string]bool {
	set := make(map[string]bool)
	for _, w := range rawWord.FindAll(text, -1) {
		set[strings.ToLower(string(w))] = true
	}
	return set
}

// item is what is looked for.
type item struct{ file, passage string }

// item finds a passage by chance, of which a query can be made.
func (m *measure) item(kind string, query func(*measure, string) string) (item, string) {
	for range 10000 {
		file := m.files[m.rng.IntN(len(m.files))]
		texts := m.texts(file)[kind]
		if len(texts) == 0 {
			continue
		}
		passage := m.passage(kind, texts[m.rng.IntN(len(texts))])
		if passage == "" {
			continue
		}
		if q := query(m, passage); q != "" && !m.common(file, strings.TrimSuffix(strings.TrimPrefix(q, `lit:"`), `"`), passage) {
			return item{file, passage}, q
		}
	}
	m.t.Fatalf("no file has a passage of %s", kind)
	return item{}, ""
}

// common reports whether a passage, or a literal of it, stands in other files by
// chance, some of them of the same folder.
func (m *measure) common(file, query, passage string) bool {
	look := passage
	if strings.Contains(passage, query) {
		look = query
	}
	beside := slices.DeleteFunc(slices.Clone(m.files), func(f string) bool { return filepath.Dir(f) != filepath.Dir(file) })
	for i := range 30 {
		from := m.files
		if i%2 == 0 {
			from = beside
		}
		if f := from[m.rng.IntN(len(from))]; f != file && holds(m.read(f), look) {
			return true
		}
	}
	return false
}

// texts sorts the strings of a transcript by who they are from, as far as the
// usual names of roles and fields tell. A Markdown file is an agent's words.
func (m *measure) texts(file string) map[string][]string {
	out := make(map[string][]string)
	text := m.read(file)
	if filepath.Ext(file) == ".md" {
		out["agent"] = strings.Split(string(text), "\n\n")
		return out
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		var v any
		if dec.Decode(&v) != nil {
			return out
		}
		walkRaw(v, "", "", out)
	}
}

// walkRaw goes through a JSON value. role is that of the nearest record that
// has one, key the name of the value.
func walkRaw(v any, role, key string, out map[string][]string) {
	switch v := v.(type) {
	case map[string]any:
		if r, ok := v["role"].(string); ok {
			role = r
		}
		switch v["type"] {
		case "tool_result", "function_call_output":
			role = "tool"
		case "tool_use", "toolCall":
			role = "input"
		case "thinking", "reasoning", "base64", "image":
			return
		}
		for _, k := range slices.Sorted(mapKeys(v)) {
			walkRaw(v[k], role, k, out)
		}
	case []any:
		for _, e := range v {
			walkRaw(e, role, key, out)
		}
	case string:
		kind := ""
		switch {
		case (key == "command" || key == "cmd") && role == "input":
			kind = "command"
		case (role == "tool" || rawReturned.MatchString(v)) && (key == "content" || key == "text" || key == "output"):
			kind = "output"
			if rawFailing.MatchString(v) && errorLine.MatchString(v) {
				out["error"] = append(out["error"], v)
			}
		case role == "user" && (key == "content" || key == "text") && !strings.HasPrefix(v, "<") && len(v) < 3000:
			kind = "human"
		case role == "assistant" && (key == "content" || key == "text"):
			kind = "agent"
		}
		if kind != "" {
			out[kind] = append(out[kind], v)
		}
	}
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

var (
	rawReturned = regexp.MustCompile(`<returncode>|^OBSERVATION`)
	rawFailing  = regexp.MustCompile(`(?i)exit(?:ed)?(?: with)?(?: code)?:? [1-9]|<returncode>[1-9]`)
)

var errorLine = regexp.MustCompile(`(?im)^.{0,60}\b(?:error|exception|failed|not found|denied|panic|fatal)\b.{5,150}$`)

// passage is a line of a text, for errors one that tells one.
func (m *measure) passage(kind, text string) string {
	lines := strings.Split(text, "\n")
	if kind == "error" {
		lines = errorLine.FindAllString(text, -1)
	}
	if len(lines) == 0 {
		return ""
	}
	line := strings.TrimSpace(lines[m.rng.IntN(len(lines))])
	if len(line) < 25 || len(line) > 400 || strings.ContainsFunc(line, unicode.IsControl) || strings.Contains(line, "REDACTED") {
		return ""
	}
	return line
}

// words takes four words of a passage, by chance among the eight rarest.
func (m *measure) words(passage string) string {
	var all []string
	for _, w := range rawWord.FindAllString(passage, -1) {
		if w = strings.ToLower(w); !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	if len(all) < 5 {
		return ""
	}
	slices.SortStableFunc(all, func(a, b string) int { return m.seen[a] - m.seen[b] })
	if m.seen[all[1]] > m.sampled/10 {
		return ""
	}
	all = all[:min(8, len(all))]
	m.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return strings.Join(all[:4], " ")
}

// phrase takes five words in a row, quoted.
func (m *measure) phrase(passage string) string {
	words := strings.Fields(passage)
	if len(words) < 7 {
		return ""
	}
	at := m.rng.IntN(len(words) - 5)
	row := strings.Join(words[at:at+5], " ")
	if strings.ContainsAny(row, `"\`) {
		return ""
	}
	return `"` + row + `"`
}

var rawName = regexp.MustCompile(`[A-Za-z][\w]*(?:[_./-][\w]+)+|\b[a-z]+[A-Z]\w+\b`)

// name takes an identifier or path, and two words beside it.
func (m *measure) name(passage string) string {
	names := rawName.FindAllString(passage, -1)
	if len(names) == 0 {
		return ""
	}
	name := names[m.rng.IntN(len(names))]
	rest := m.words(strings.ReplaceAll(passage, name, " "))
	if rest == "" || len(name) < 6 {
		return ""
	}
	return name + " " + strings.Join(strings.Fields(rest)[:2], " ")
}

// typo swaps two letters of a word.
func (m *measure) typo(passage string) string {
	words := strings.Fields(m.words(passage))
	for i, w := range words {
		if len(w) >= 6 {
			at := 1 + m.rng.IntN(len(w)-3)
			if w[at] != w[at+1] {
				words[i] = w[:at] + string(w[at+1]) + string(w[at]) + w[at+2:]
				return strings.Join(words, " ")
			}
		}
	}
	return ""
}

// literal takes up to forty characters.
func (m *measure) literal(passage string) string {
	if strings.ContainsAny(passage, `"\`) || len(passage) < 40 || strings.ContainsFunc(passage, func(r rune) bool { return r > 126 }) {
		return ""
	}
	at := m.rng.IntN(len(passage) - 39)
	return `lit:"` + strings.TrimSpace(passage[at:at+40]) + `"`
}

// rank returns the place of the first hit, of ten, whose transcript has the
// passage; 0 for none.
func (m *measure) rank(it item, query string) int {
	var view searchView
	if err := json.Unmarshal(m.lode("search", "--json", "--", query), &view); err != nil {
		m.t.Fatal(err)
	}
	for i, h := range view.Hits {
		for _, name := range m.sources(h) {
			if name == it.file || holds(m.read(name), it.passage) {
				return i + 1
			}
		}
	}
	return 0
}

// sources are the files of a hit.
func (m *measure) sources(h hitView) []string {
	files := []string{filepath.Join(m.home, filepath.FromSlash(h.Source.Path))}
	for _, c := range h.Source.Copies {
		files = append(files, filepath.Join(m.home, filepath.FromSlash(c.Path)))
	}
	return files
}

// holds reports whether a raw file has a passage, plain or as JSON has it.
func holds(raw []byte, passage string) bool {
	quoted, _ := json.Marshal(passage)
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	enc.Encode(passage)
	for _, form := range [][]byte{[]byte(passage), bytes.Trim(quoted, `"`), bytes.Trim(bytes.TrimSpace(plain.Bytes()), `"`)} {
		if bytes.Contains(raw, form) {
			return true
		}
	}
	return false
}

// surfaced counts the unanswerable queries that find something.
func (m *measure) surfaced(t *testing.T) (surfaced, asked int) {
	answered := make(map[string]bool)
	for _, f := range m.files {
		low := bytes.ToLower(m.read(f))
		for _, q := range unanswerable {
			if !answered[q] && hasAll(low, q) && slices.ContainsFunc(bytes.Split(low, []byte("\n")), func(l []byte) bool { return hasAll(l, q) }) {
				answered[q] = true
			}
		}
	}
	for _, q := range unanswerable {
		if answered[q] {
			t.Logf("a record has all words of %q: not counted", q)
			continue
		}
		var view searchView
		if err := json.Unmarshal(m.lode("search", "--json", q), &view); err != nil {
			t.Fatal(err)
		}
		asked++
		if len(view.Hits) > 0 {
			surfaced++
			t.Logf("%q surfaces %s (%s): %s %q", q, view.Hits[0].Ref, view.Tier, view.Hits[0].Snippet, view.Notes)
		}
	}
	return surfaced, asked
}

func hasAll(text []byte, words string) bool {
	for w := range strings.FieldsSeq(words) {
		if !bytes.Contains(text, []byte(w)) {
			return false
		}
	}
	return true
}

// unanswerable queries: everyday questions of other trades.
var unanswerable = []string{
	"kubernetes ingress certificate renewal helm", "terraform state lock dynamodb", "android gradle dex merge duplicate",
	"stripe refund webhook signature mismatch", "salesforce apex governor limits", "cobol copybook packed decimal",
	"postgres vacuum freeze wraparound autovacuum", "kafka consumer rebalance lag partition", "oracle tablespace extent datafile",
	"ansible vault playbook inventory ssh bastion", "unity shader lightmap baking artifacts", "arduino servo jitter pwm timer",
	"swiftui navigationstack deep link restore", "flutter riverpod provider scope override", "erlang supervisor restart intensity",
	"haskell monad transformer stack space leak", "fpga timing closure setup slack", "matlab simulink solver step size",
	"invoice vat rounding reverse charge", "payroll overtime accrual holiday", "warehouse pallet barcode scanner offline",
	"nginx upstream keepalive 502 bad gateway", "elasticsearch shard allocation watermark", "rabbitmq dead letter exchange ttl",
	"cassandra tombstone compaction gc grace", "spark shuffle spill executor oom", "airflow dag backfill catchup scheduler",
	"cypress flaky intercept login spec", "webpack module federation shared singleton", "angular zone change detection ngrx",
	"bluetooth pairing gatt characteristic notify", "opengl framebuffer incomplete attachment", "tensorflow gpu cudnn version mismatch",
	"rust borrow checker lifetime async trait object", "zig comptime allocator leak", "elixir phoenix liveview socket reconnect",
	"perl taint mode cgi upload", "fortran openmp race reduction", "vba macro pivot table refresh",
	"sap idoc inbound status 51", "mainframe jcl abend s0c7", "azure bicep role assignment scope",
	"xylophone quartet rehearsal calendar", "sourdough hydration starter oven", "zebrafish imaging microscope calibration",
}
