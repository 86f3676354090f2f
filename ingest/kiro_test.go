package ingest

import (
	"path/filepath"
	"testing"
)

// What is known of a session beside its log is read with it.
func TestKiroBeside(t *testing.T) {
	for _, c := range examplesIn(t, formatNamed("kiro"), filepath.Join("testdata", "kiro", "paths")) {
		t.Run(c.name, c.golds)
	}
}
