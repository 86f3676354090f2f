package ingest

import (
	"path/filepath"
	"testing"
)

// That a transcript is a subagent's is told by where it lies alone.
func TestCursorPaths(t *testing.T) {
	for _, c := range examplesIn(t, formatNamed("cursor"), filepath.Join("testdata", "cursor", "paths")) {
		t.Run(c.name, c.golds)
	}
}
