package rules

import (
	"strings"
	"testing"

	"lode/miner"
)

// Every cause that the miner knows has its advice, and every advice its cause;
// each makes a rule of the length that is allowed.
func TestAdvice(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range miner.Causes {
		known[c.Name] = true
		p := miner.Pattern{Kind: "environment", Class: c.Name, Subject: "task test:all"}
		if rule := Word(&p); rule == "" || strings.Contains(rule, "{}") {
			t.Errorf("%s: rule %q", c.Name, rule)
		}
	}
	for name := range environmentAdvice {
		if !known[name] {
			t.Errorf("advice for %q, which is no cause", name)
		}
	}
	for name := range findingAdvice {
		p := miner.Pattern{Kind: "finding", Entity: name, Subject: "npx eslint --max-warnings 0 src"}
		if rule := Word(&p); rule == "" {
			t.Errorf("%s: the rule is too long", name)
		}
	}
}
