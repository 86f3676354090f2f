package miner

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Lines of one kind make one cluster; clusters are numbered as they appear.
func TestClusterer(t *testing.T) {
	text, err := os.ReadFile("testdata/cluster.txt")
	if err != nil {
		t.Fatal(err)
	}
	var c Clusterer
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' && line[0] != '=' {
			c.Add(line)
		}
	}
	clusters := c.Clusters()
	var names []string
	eachLine(t, "testdata/cluster.txt", func(line string) string {
		cluster := clusters[c.Add(line)]
		if !slices.Contains(names, cluster.Name) {
			names = append(names, cluster.Name)
		}
		return fmt.Sprintf("c%d %s", slices.Index(names, cluster.Name)+1, cluster.Template)
	})
}

// The order of lines, and whether somebody asked in between, changes nothing.
func TestClustersDoNotDependOnOrder(t *testing.T) {
	word := rapid.SampledFrom([]string{"opened", "closed", "session", "user", "for", "amy", "bob", "cy", "dora", "eve", "fred", "=", "12", "a/b.go", "<n>", ""})
	line := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 1, 5).Draw(t, "words"), " ") })
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(line, 1, 40).Draw(t, "lines")
		var whole, shuffled Clusterer
		for _, l := range lines {
			whole.Add(l)
		}
		for i, l := range rapid.Permutation(lines).Draw(t, "shuffled") {
			shuffled.Add(l)
			if i == len(lines)/2 {
				shuffled.Clusters()
			}
		}
		a, b := whole.Clusters(), shuffled.Clusters()
		for _, l := range lines {
			if x, y := a[whole.Add(l)], b[shuffled.Add(l)]; x != y {
				t.Fatalf("%q is in %v, in another order in %v", l, x, y)
			}
		}
	})
}

func BenchmarkClusters(b *testing.B) {
	var lines []string
	size := 0
	for i := range 20000 {
		l := fmt.Sprintf("worker %d took job j%d of %s in %dms", i%7, i, []string{"amy", "bob", "cy"}[i%3], i)
		lines, size = append(lines, l), size+len(l)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		var c Clusterer
		for _, l := range lines {
			c.Add(l)
		}
		c.Clusters()
	}
	b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds(), "lines/s")
}
