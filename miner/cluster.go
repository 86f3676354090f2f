package miner

import "strconv"

// Clusterer groups lines by their templates. The same lines give the same
// groups in any order.
type Clusterer struct {
	names map[string]string
}

// Add returns the cluster of a line and its template.
func (c *Clusterer) Add(line string) (cluster, template string) {
	if c.names == nil {
		c.names = make(map[string]string)
	}
	template = Mask(line)
	name, ok := c.names[template]
	if !ok {
		name = "c" + strconv.Itoa(len(c.names)+1)
		c.names[template] = name
	}
	return name, template
}
