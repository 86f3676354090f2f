package rules

import (
	"fmt"
	"strings"
	"testing"
)

// Lines that replace as many others show the words that differ; others do not.
func TestMarked(t *testing.T) {
	for diff, want := range map[string]string{
		"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-run make\n+run just\n": "file:--- a/f|file:+++ b/f|hunk:@@ -1,2 +1,2 @@|same:a|del:run [make]|add:run [just]",
		"-one two\n-three\n+one 2\n+three four\n":                       "del:one [two]|del:three|add:one [2]|add:three four",
		"@@ -1 +1 @@\n--- a rule\n+++ b\n":                              "hunk:@@ -1 +1 @@|del:-- a rule|add:++ b",
		"-one\n+one\n+two\n":                                            "del:one|add:one|add:two",
		"-run it\n+run it now\n+and then\n":                             "del:run [it]|add:run [it now]|add:and then",
		"+new\n\\ No newline at end of file\n":                          "add:new|hunk:\\ No newline at end of file",
		"-gone\n same\n+new\n":                                          "del:gone|same:same|add:new",
		"":                                                              "",
	} {
		var got []string
		for _, l := range Marked(diff) {
			text := ""
			for _, p := range l.Pieces {
				if p.Changed {
					p.Text = "[" + p.Text + "]"
				}
				text += p.Text
			}
			got = append(got, fmt.Sprint(l.Kind, ":", text))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("Marked(%q) = %s, want %s", diff, s, want)
		}
	}
}
