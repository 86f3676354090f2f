// Command bench counts the probes of a few searches.
package main

import (
	"fmt"
	"os"

	"lookup"
)

func main() {
	probes := 0
	for _, x := range []int{0, 300, 1500, 2997} {
		at := func(i int) int { probes++; return 3 * i }
		if got := lookup.Find(1000, at, x); got != x/3 {
			fmt.Printf("FAIL: %d is found at %d\n", x, got)
			os.Exit(1)
		}
	}
	fmt.Println("probes:", probes)
}
