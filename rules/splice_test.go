package rules

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Changes that are taken back give the old text, whatever the texts are.
func TestSplices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := aText.Draw(t, "before"), aText.Draw(t, "after")
		if got, ok := Unsplice(after, Splices(before, after)); !ok || got != before {
			t.Errorf("from %q to %q and back: %q, %v", before, after, got, ok)
		}
	})
}

// They hold what was put in, and nothing of what stands around it.
func TestSplicesAreTight(t *testing.T) {
	before := "{\n  \"key\": \"secret\"\n}\n"
	after := "{\n  \"key\": \"secret\",\n  \"lode\": {}\n}\n"
	if got := Splices(before, after); len(got) != 1 || got[0].Was != "" || strings.Contains(got[0].Put, "secret") {
		t.Errorf("Splices = %+v", got)
	}
	large := strings.Repeat("x\n", maxDiffBytes/2+1)
	got := Splices(large, large+"y\n")
	if len(got) != 1 || got[0].Put != "y\n" {
		t.Errorf("of a large text: %+v", got)
	}
	if _, ok := Unsplice("another", got); ok {
		t.Error("another text was taken back")
	}
}
