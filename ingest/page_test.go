package ingest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// FORMATS.md is made from the table of formats: it says what it says.
func TestFormatsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# What lode reads

Made from the table of formats; ` + "`go test ./ingest -run FormatsPage -update`" + ` writes it anew.

Of every session: who said what and when, calls with their results, exit codes and errors as far as the agent records
them, edits and their files, refusals and interruptions, forks and subagents, model, branch, folder, tokens and cost.
Injected text is kept apart from words of a person. A place is the line on which a text begins; in a file that is one
document it is the index of the message, with the line where the file has several. Secrets are taken out. Record types
that are not known are counted and told by ` + "`lode status`" + `, never passed over in silence.

`)
	for i := range Formats {
		f := &Formats[i]
		if f.Seen == "" || f.Skips == "" || f.Checked == "" {
			t.Errorf("%s does not say what was seen, what is skipped, and what it was checked against", f.Name)
		}
		fmt.Fprintf(&b, "## %s\n\n%s.\n\n", f.Name, f.Doc)
		if len(f.Variants) > 0 {
			var names []string
			for _, v := range f.Variants {
				names = append(names, v.Name)
			}
			fmt.Fprintf(&b, "- Also as: %s\n", strings.Join(names, ", "))
		}
		switch {
		case len(f.Places) == 0:
			b.WriteString("- Where: in folders under `roots:`, or given to `lode ingest`\n")
		case len(f.Places) <= 4:
			fmt.Fprintf(&b, "- Where: `%s`\n", strings.Join(f.Places, "`, `"))
		default:
			fmt.Fprintf(&b, "- Where: `%s` and %d more places\n", f.Places[0], len(f.Places)-1)
		}
		if f.Env != "" {
			fmt.Fprintf(&b, "- Moved by: `%s`, which stands for `%s`\n", f.Env, f.Home)
		}
		fmt.Fprintf(&b, "- Seen: %s\n- Left out: %s\n", f.Seen, f.Skips)
		if f.Unverified {
			fmt.Fprintf(&b, "- Unverified: no real transcript was at hand; written after %s\n\n", f.Checked)
		} else {
			fmt.Fprintf(&b, "- Checked against: %s\n\n", f.Checked)
		}
	}
	page := strings.TrimSuffix(b.String(), "\n")
	if *update {
		if err := os.WriteFile("FORMATS.md", []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if was, err := os.ReadFile("FORMATS.md"); err != nil || string(was) != page {
		t.Errorf("FORMATS.md is not what the table says (-update writes it): %v", err)
	}
}
