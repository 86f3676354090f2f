package miner

import (
	"fmt"
	"testing"
)

// A digest keeps standing rules before corrections, new before old, and
// nothing that no person said; each turn stands with what it was about.
func TestDigest(t *testing.T) {
	d := readTale(t, "testdata/digest.txt")
	var end []string
	for _, budget := range []int{1000, 60, 5} {
		var digest Digest
		for _, s := range d.sessions {
			digest.AddTurns(s)
		}
		digest.Trim(budget)
		if digest.Tokens > budget {
			t.Errorf("Trim(%d) keeps %d tokens", budget, digest.Tokens)
		}
		end = append(end, fmt.Sprintf("* %d tokens of %d:", digest.Tokens, budget))
		for _, turn := range digest.Turns {
			end = append(end, fmt.Sprintf("*   %s %s: %q about %q", turn.Ref, turn.Intent, turn.Text, turn.About))
		}
	}
	d.retell(t, nil, end...)
}
