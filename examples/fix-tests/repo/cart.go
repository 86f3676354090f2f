package shop

// Cart holds prices in cents, by name.
type Cart struct {
	prices map[string]int
	total  int
}

// Add puts a thing into the cart.
func (c *Cart) Add(name string, cents int) {
	if c.prices == nil {
		c.prices = make(map[string]int)
	}
	c.prices[name] = cents
	c.total += cents
}

// Remove takes a thing out of the cart.
func (c *Cart) Remove(name string) {
	delete(c.prices, name)
}

// Total is what the cart costs: from 100.00 on, a tenth less.
func (c *Cart) Total() int {
	if c.total > 10000 {
		return c.total - c.total/10
	}
	return c.total
}
