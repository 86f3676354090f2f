package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testdata/search.golden has questions to the sample home, each with what a
// person gets: the tier, the number of events, and the sessions, the best first,
// with the place that is shown of each. -update rewrites it; read the diff.
func TestSearchGolden(t *testing.T) {
	home, file := filepath.Join("..", "..", "testdata", "sample"), filepath.Join("testdata", "search.golden")
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := &measure{t: t, home: home, state: t.TempDir()}
	m.lode("--config", filepath.Join(home, "lode.yaml"), "ingest")
	var got strings.Builder
	for line := range strings.Lines(string(want)) {
		q, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "? ")
		switch {
		case ok:
			got.WriteString(line + m.golden(q))
		case !strings.HasPrefix(line, "  "):
			got.WriteString(line)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got; -update rewrites it):\n%s", diff)
	}
}

// golden is the answer to a query as the golden file has it.
func (m *measure) golden(q string) string {
	out, complaint := m.try("--config", filepath.Join(m.home, "lode.yaml"), "search", "--json", "--limit", "4", "--", q)
	if complaint != "" {
		return "  " + complaint
	}
	var view searchView
	if err := json.Unmarshal(out, &view); err != nil {
		m.t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s %d\n", view.Tier, view.Total)
	for _, h := range view.Hits {
		fmt.Fprintf(&b, "  %s: %s | %s\n", h.Project, shorten(h.Title, 50), shorten(h.Snippet, 100))
	}
	for _, n := range view.Notes {
		if !strings.HasPrefix(n, "long outputs") {
			fmt.Fprintf(&b, "  (%s)\n", n)
		}
	}
	return b.String()
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
