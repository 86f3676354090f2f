package rules

import (
	"strings"
	"testing"

	"lode/miner"
)

// Every cause and topic that the miner knows has its advice, and every advice
// its cause or topic; each makes a rule of the length that is allowed.
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
	topics := make(map[string]bool)
	for _, topic := range miner.Topics {
		topics[topic.Name] = true
		if rule := Word(&miner.Pattern{Kind: "request", Class: topic.Name}); rule == "" {
			t.Errorf("topic %s has no rule, or one that is too long", topic.Name)
		}
	}
	for name := range requestAdvice {
		if !topics[name] {
			t.Errorf("advice for %q, which is no topic", name)
		}
	}
	for name := range findingAdvice {
		p := miner.Pattern{Kind: "finding", Entity: name, Subject: "npx eslint --max-warnings 0 src"}
		if rule := Word(&p); rule == "" {
			t.Errorf("%s: the rule is too long", name)
		}
	}
}
