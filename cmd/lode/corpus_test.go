package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/goccy/go-yaml"

	"lode/rules"
	"lode/session"
)

// checkoutFiles are the instruction files that the checkouts of the corpus's
// projects are given, in turn: none, plain, CRLF, several, without an end.
var checkoutFiles = []map[string]string{
	{},
	{"AGENTS.md": "# Rules\n\n## Tests\n\n- Tests are fast.\n\n## Commands\n\n* Ask first.\n"},
	{"CLAUDE.md": "# Rules\r\n\r\n- Keep it small.\r\n", "AGENTS.md": "# For all\n"},
	{"CLAUDE.md": "@AGENTS.md\n", "AGENTS.md": "# Commands\n\n1. Build.\n\nProse goes on"},
	{".claude/CLAUDE.md": "- Small.", "GEMINI.md": "# G\n"},
}

// On real transcripts, with checkouts and without: every proposal's diff is one
// that git takes, all of its evidence opens and is quoted as it stands, rules
// are short plain lines, and no two of them say the same. LODE_CORPUS names the
// home folder that ../shared/corpus/unpack made.
func TestCorpusProposals(t *testing.T) {
	home := os.Getenv("LODE_CORPUS")
	config := filepath.Join("..", "..", "..", "shared", "corpus", "lode.yaml")
	if c := os.Getenv("LODE_CORPUS_CONFIG"); c != "" {
		config = c
	}
	cfg, err := loadConfig(config)
	if home == "" || err != nil {
		t.Skip("the corpus is not here (hint: ../shared/corpus/unpack DIR, then LODE_CORPUS=DIR; LODE_CORPUS_CONFIG where ../shared is elsewhere)")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	cfg.Proposals = 1000
	state, where := t.TempDir(), t.TempDir()
	for _, checkouts := range []bool{false, true} {
		for i := range cfg.Projects {
			if cfg.Projects[i].Root = ""; checkouts {
				cfg.Projects[i].Root = filepath.Join(where, fmt.Sprint(i))
				plantFile(t, filepath.Join(cfg.Projects[i].Root, "README.md"), "# It\n")
				for name, text := range checkoutFiles[i%len(checkoutFiles)] {
					plantFile(t, filepath.Join(cfg.Projects[i].Root, name), text)
				}
			}
		}
		doc, err := yaml.Marshal(cfg)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(where, "lode.yaml")
		plantFile(t, file, string(doc))
		base := []string{"--home", home, "--config", file, "--state", state, "--now", "2026-08-31T00:00:00Z"}
		lode := func(args ...string) string {
			var out strings.Builder
			if code := runIn(t, &out, append(base[:len(base):len(base)], args...)...); code != 0 {
				t.Fatalf("lode %v: exit code %d: %s", args, code, out.String())
			}
			return out.String()
		}
		lode("nightly", "--since", "all")
		var listed struct{ Proposals []rules.Proposal }
		if err := json.Unmarshal([]byte(lode("review", "list", "--json")), &listed); err != nil {
			t.Fatal(err)
		}
		if len(listed.Proposals) < 20 {
			t.Fatalf("only %d proposals", len(listed.Proposals))
		}
		files, refs := make(map[string]int), 0
		for i := range listed.Proposals {
			d := &listed.Proposals[i]
			files[d.Target]++
			takenByGit(t, d)
			plainRule(t, d)
			refs += opensAll(t, state, d)
			for j := range i {
				distinct(t, d, &listed.Proposals[j])
			}
		}
		t.Logf("checkouts %v: %d proposals for %v, %d pieces of evidence", checkouts, len(listed.Proposals), files, refs)
	}
}

func plantFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// takenByGit checks a diff against its checkout, or an empty folder.
func takenByGit(t *testing.T, d *rules.Proposal) {
	t.Helper()
	dir := d.Root
	if dir == "" {
		dir = t.TempDir()
	}
	cmd := exec.Command("git", "apply", "--check", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(d.Diff)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: git apply --check: %v: %s\n%s", d.ID, err, out, d.Diff)
	}
}

func plainRule(t *testing.T, d *rules.Proposal) {
	t.Helper()
	if n := len(strings.Fields(d.Rule)); n == 0 || n > 30 || strings.ContainsFunc(d.Rule+d.Diff, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) || strings.Contains(d.Rule, "\n") {
		t.Errorf("%s: %q is no short plain line", d.ID, d.Rule)
	}
}

// opensAll opens all evidence of a proposal and looks for what is quoted.
func opensAll(t *testing.T, state string, d *rules.Proposal) int {
	t.Helper()
	store := session.NewStore(filepath.Join(state, "sessions"))
	if len(d.Evidence) == 0 {
		t.Errorf("%s has no evidence", d.ID)
	}
	for _, e := range d.Evidence {
		ref, err := session.ParseRef(e.Ref)
		if err != nil {
			t.Errorf("%s: %v", d.ID, err)
			continue
		}
		s, err := store.Read(ref.Agent, ref.Session)
		if err != nil {
			t.Errorf("%s: %s: %v", d.ID, e.Ref, err)
			continue
		}
		event, ok := s.Find(ref)
		quote := strings.TrimSpace(strings.TrimSuffix(e.Quote, "…"))
		if !ok || quote == "" || !says(event.Text, quote) && !says(event.Command, quote) {
			t.Errorf("%s: %s does not say %q", d.ID, e.Ref, e.Quote)
		}
	}
	return len(d.Evidence)
}

func says(text, quote string) bool {
	return strings.Contains(strings.Join(strings.Fields(text), " "), quote)
}

// distinct checks that two proposals do not say the same to the same readers:
// not in the same words, and not in nearly the same words about the same code.
func distinct(t *testing.T, a, b *rules.Proposal) {
	t.Helper()
	same := a.Project == b.Project || a.Scope == rules.Everywhere || b.Scope == rules.Everywhere
	words := func(d *rules.Proposal) []string {
		w := strings.FieldsFunc(strings.ToLower(d.Rule), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		slices.Sort(w)
		return slices.Compact(w)
	}
	x, y := words(a), words(b)
	common := 0
	for _, w := range x {
		if _, ok := slices.BinarySearch(y, w); ok {
			common++
		}
	}
	if slices.Equal(x, y) && (same || a.Scope == b.Scope && a.Change == b.Change && !strings.Contains(a.Rule, "`")) || same && common*10 > 9*max(len(x), len(y)) {
		t.Errorf("%s and %s say the same:\n%s\n%s", a.ID, b.ID, a.Rule, b.Rule)
	}
}
