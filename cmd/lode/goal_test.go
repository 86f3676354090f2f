package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"lode/loop/goal"
)

// The interview asks for what no flag says, and an empty answer takes what
// stands in brackets.
func TestInterview(t *testing.T) {
	var o goalOptions
	cmd := &cobra.Command{}
	o.AddFlags(cmd)
	if err := cmd.ParseFlags([]string{"--protect", "*.lock"}); err != nil {
		t.Fatal(err)
	}
	answers := strings.Join([]string{
		"make check passes", "check=make check", "sh lint.sh", "", // goal, checks
		"", "the API stays", "", // agent, constraints
		"looks=Does the page show the menu?", "", "codex", "start with the parser", // review, evaluator, notes
	}, "\n")
	var asked strings.Builder
	interview(&asked, strings.NewReader(answers), cmd, &o)
	g, err := o.contract()
	if err != nil {
		t.Fatal(err)
	}
	if want := []goal.Check{{ID: "check", Run: "make check"}, {ID: "check-2", Run: "sh lint.sh"}}; !cmp.Equal(g.Checks, want) {
		t.Error(cmp.Diff(g.Checks, want))
	}
	if g.Agent != "claude" || g.Evaluator != "codex" || g.Body != "\nstart with the parser\n" || g.Constraints[0].Say != "the API stays" || g.Review[0].ID != "looks" || len(g.Protect) != 1 {
		t.Errorf("%+v", g)
	}
	if strings.Contains(asked.String(), "Which files may the agent not change?") || !strings.Contains(asked.String(), "[claude]") {
		t.Errorf("it asks\n%s", asked.String())
	}

	// Somebody who says nothing gets no contract.
	o = goalOptions{}
	interview(io.Discard, strings.NewReader(""), &cobra.Command{}, &o)
	if _, err := o.contract(); err == nil {
		t.Error("a contract of nothing")
	}
}
