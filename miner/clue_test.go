package miner

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Each line of testdata/clues.txt tells what the line below it says.
func TestClueOf(t *testing.T) {
	weights := []string{"nothing", "(weak)", "(telling)", "(verdict)", "(certain)"}
	eachLine(t, "testdata/clues.txt", func(line string) string {
		c := clueOf(line)
		return words(c.class, c.entity, weights[c.weight])
	})
}

// Each rule is the first to match some line of testdata/clues.txt.
func TestClueRulesAreReached(t *testing.T) {
	text, err := os.ReadFile("testdata/clues.txt")
	if err != nil {
		t.Fatal(err)
	}
	reached := make(map[int]bool)
	for line := range strings.Lines(string(text)) {
		reached[slices.IndexFunc(allRules, func(r *clueRule) bool { return clueBy(strings.TrimSpace(line), []*clueRule{r}, false).weight > 0 })] = true
	}
	for i, r := range allRules {
		if !reached[i] {
			t.Errorf("no line of clues.txt for %s: %s", r.class, r.re)
		}
	}
}

// Of a long output both ends are looked at, each line to its length.
func TestScanLooksAtBothEnds(t *testing.T) {
	const lines = 1000
	for _, c := range []struct {
		at   int
		seen bool
	}{{0, true}, {scanHead - 1, true}, {scanHead, false}, {lines - scanTail - 1, false}, {lines - scanTail, true}, {lines - 1, true}} {
		output := make([]string, lines)
		for i := range output {
			output[i] = fmt.Sprint("line ", i)
		}
		output[c.at] = "panic: here"
		if got := len(scan(strings.Join(output, "\n")+"\n")) > 0; got != c.seen {
			t.Errorf("scan() sees line %d of %d: %v, want %v", c.at, lines, got, c.seen)
		}
	}
	if got := scan(strings.Repeat("é", longLine) + " panic: there"); len(got) != 0 {
		t.Errorf("scan() of a line that is too long = %v, want nothing", got)
	}
}
