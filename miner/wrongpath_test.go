package miner

import "testing"

// One path can be what was meant by another: the same name elsewhere, nearly
// the same name, a folder that was taken for a file.
func TestAkin(t *testing.T) {
	for _, c := range []struct {
		found, wrong string
		want         bool
	}{
		{"src/shop/config/settings.py", "src/shop/settings.py", true},
		{"docs/README.md", "docs/readme.md", true},
		{"src/shop/cart.py", "src/shop", true},
		{"src/cart_test.go", "src/cart.go", true},
		{"src/cart.ts", "src/cart.js", true},
		{"lib/payments.py", "src/payment.py", true},
		{"src/a_test.go", "src/a.go", false}, // too short a name to stand in another
		{"lib/cart.ts", "src/cart.js", false},
		{"src/shop/price.py", "src/shop/cart.py", false},
		{"lib/paid.py", "src/said.py", false},
		{"lib/payments.rb", "src/payment.py", false},
		{"src/shopping/cart.py", "src/shop", false},
	} {
		if got := akin(c.found, c.wrong); got != c.want {
			t.Errorf("akin(%q, %q) = %v, want %v", c.found, c.wrong, got, c.want)
		}
	}
}
