// Package lookup finds numbers in sorted lists.
package lookup

// Find returns the first place of x among n sorted numbers, or -1.
func Find(n int, at func(i int) int, x int) int {
	for i := range n {
		if at(i) == x {
			return i
		}
	}
	return -1
}
