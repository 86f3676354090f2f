package ingest

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"

	"lode/session"
)

// benchWhere is what benchmarks read: the sample home, or the one named in
// LODE_CORPUS_HOME.
func benchWhere() Where {
	home := cmp.Or(os.Getenv("LODE_CORPUS_HOME"), filepath.Join("..", "testdata", "sample"))
	return Where{Home: home, Roots: []string{"trajectories"}}
}

// BenchmarkParse parses the transcripts of each format, one after the other.
func BenchmarkParse(b *testing.B) {
	found, _ := Discover(benchWhere())
	for i := range Formats {
		var files []Candidate
		size := int64(0)
		for _, c := range found {
			if start, err := head(c.File); err == nil && FormatOf(start) == &Formats[i] {
				files = append(files, c)
				size += c.Size
			}
		}
		b.Run(Formats[i].Name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				for _, c := range files {
					d, err := parse(c, &copies{ctx: b.Context(), root: b.TempDir()}, func(*Draft) {})
					if err != nil {
						b.Fatal(err)
					}
					d.finish()
				}
			}
		})
	}
}

// BenchmarkIngest reads a whole home into a new state: discovery, parsing,
// redaction, joining, storing.
func BenchmarkIngest(b *testing.B) {
	size := int64(0)
	where := benchWhere()
	found, _ := Discover(where)
	for _, c := range found {
		size += c.Size
	}
	b.SetBytes(size)
	for b.Loop() {
		state := b.TempDir()
		if _, err := Run(context.Background(), Options{Where: where, State: state, Store: session.NewStore(filepath.Join(state, "sessions"))}); err != nil {
			b.Fatal(err)
		}
	}
}
