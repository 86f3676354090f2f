package ingest

import (
	"path/filepath"
	"testing"
)

// storeExamples are homes in which a session of OpenCode stands in many files,
// or in several stores: they are only right when Run reads them.
func storeExamples(t testing.TB) []example {
	return examplesIn(t, formatNamed("opencode"), filepath.Join("testdata", "opencode", "stores"))
}

// Sessions that are spread over files and stores come out whole, in order, and
// each event once.
func TestOpenCodeStores(t *testing.T) {
	for _, c := range storeExamples(t) {
		t.Run(c.name, c.golds)
	}
}
