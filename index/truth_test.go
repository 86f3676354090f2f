package index

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What the quick look passes over does not stand there: a row of a text's own
// words never is.
func TestMayStand(t *testing.T) {
	pieces := []string{"go", "test", "the_cart", "readFile", "v1.2.3", "V2.0", "3.11", "1", "--no-verify", "-n", "x", " ", "\n", ".", "-", "/", ", ", "— ", "✓", "é", "café", "カート", strings.Repeat("A", maxWord+1), "v", "\xff"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 20).Draw(t, "pieces"), "")
		row := cut(text).row
		if len(row) < 2 {
			return
		}
		from := rapid.IntRange(0, len(row)-2).Draw(t, "from")
		to := rapid.IntRange(from+2, len(row)).Draw(t, "to")
		if !mayStand(text, row[from:to]) {
			t.Errorf("%q is passed over for %q", text, row[from:to])
		}
	})
	for text, want := range map[string]bool{
		"the slow cart": false, "a cart, slow": true, "cart —slow": true, "carts slow": false, "cart slowly": true, "Cart/SLOW": true, "cart was slow": false,
	} {
		if got := mayStand(text, []string{"cart", "slow"}); got != want {
			t.Errorf("mayStand(%q) = %v", text, got)
		}
	}
}
