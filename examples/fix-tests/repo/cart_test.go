package shop

import "testing"

func TestRemove(t *testing.T) {
	var c Cart
	c.Add("book", 1200)
	c.Add("pen", 300)
	c.Remove("book")
	c.Remove("lamp")
	if got := c.Total(); got != 300 {
		t.Errorf("the total is %d, want 300", got)
	}
}

func TestDiscount(t *testing.T) {
	var c Cart
	c.Add("desk", 10000)
	if got := c.Total(); got != 9000 {
		t.Errorf("the total is %d, want 9000", got)
	}
}
