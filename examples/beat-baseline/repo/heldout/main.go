// Command heldout searches where the benchmark does not.
package main

import (
	"fmt"
	"os"

	"lookup"
)

func main() {
	for _, c := range []struct {
		list []int
		x    int
		want int
	}{
		{nil, 3, -1}, {[]int{3}, 3, 0}, {[]int{3}, 4, -1}, {[]int{1, 3, 3, 3, 9}, 3, 1}, {[]int{1, 2, 9}, 10, -1}, {[]int{-7, 0, 8}, -7, 0},
	} {
		if got := lookup.Find(len(c.list), func(i int) int { return c.list[i] }, c.x); got != c.want {
			fmt.Printf("FAIL: %d in %v is found at %d, want %d\n", c.x, c.list, got, c.want)
			os.Exit(1)
		}
	}
}
