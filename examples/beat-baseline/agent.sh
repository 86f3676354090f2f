# Fits the benchmark, then searches by halves.
case $LODE_ITERATION in
1) cat >find.go <<'END' ;;
// Package lookup finds numbers in sorted lists.
package lookup

// Find returns the first place of x among n sorted numbers, or -1.
func Find(n int, at func(i int) int, x int) int { return x / 3 }
END
2) cat >find.go <<'END' ;;
// Package lookup finds numbers in sorted lists.
package lookup

import "sort"

// Find returns the first place of x among n sorted numbers, or -1.
func Find(n int, at func(i int) int, x int) int {
	i := sort.Search(n, func(i int) bool { return at(i) >= x })
	if i < n && at(i) == x {
		return i
	}
	return -1
}
END
esac
ls heldout 2>/dev/null && exit 9
echo '{"type":"result","result":"Much faster.","session_id":"s","usage":{"input_tokens":100,"output_tokens":10}}'
