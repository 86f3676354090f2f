package settings

import (
	"encoding/json"
	"errors"
	"testing"
)

// An entry is added where it belongs; the rest of the text stays as it is.
func TestAppend(t *testing.T) {
	deny := []string{"permissions", "deny"}
	hook := map[string]any{"matcher": "Bash"}
	for _, c := range []struct {
		name, text string
		path       []string
		value      any
		want       string
	}{
		{"a new file", "", deny, "a", "{\n  \"permissions\": {\n    \"deny\": [\n      \"a\"\n    ]\n  }\n}\n"},
		{"an empty object", "{}", deny, "a", "{\n  \"permissions\": {\n    \"deny\": [\n      \"a\"\n    ]\n  }\n}"},
		{"beside another key", "{\n\t\"model\": \"m\"\n}\n", deny, "a", "{\n\t\"model\": \"m\",\n\t\"permissions\": {\n\t\t\"deny\": [\n\t\t\t\"a\"\n\t\t]\n\t}\n}\n"},
		{"in the object", "{\n    \"permissions\": {\n        \"allow\": [\"x\"]\n    }\n}\n", deny, "a", "{\n    \"permissions\": {\n        \"allow\": [\"x\"],\n        \"deny\": [\n            \"a\"\n        ]\n    }\n}\n"},
		{"in a list on one line", "{\"permissions\": {\"deny\": [\"x\"]}}\n", deny, "a", "{\"permissions\": {\"deny\": [\"x\", \"a\"]}}\n"},
		{"in a list on several", "{\r\n  \"permissions\": {\r\n    \"deny\": [\r\n      \"x\"\r\n    ]\r\n  }\r\n}\r\n", deny, "a", "{\r\n  \"permissions\": {\r\n    \"deny\": [\r\n      \"x\",\r\n      \"a\"\r\n    ]\r\n  }\r\n}\r\n"},
		{"there already", "{\"permissions\": {\"deny\": [\"a\"]}}", deny, "a", "{\"permissions\": {\"deny\": [\"a\"]}}"},
		{"an object in a list", "{\n  \"hooks\": {\"Stop\": []}\n}\n", []string{"hooks", "Stop"}, hook, "{\n  \"hooks\": {\"Stop\": [\n    {\n      \"matcher\": \"Bash\"\n    }\n  ]}\n}\n"},
		{"the same object", "{\"hooks\": {\"Stop\": [{\"matcher\":\"Bash\"}]}}", []string{"hooks", "Stop"}, hook, "{\"hooks\": {\"Stop\": [{\"matcher\":\"Bash\"}]}}"},
		{"signs that HTML minds", "{}", []string{"a"}, "x && y > z", "{\n  \"a\": [\n    \"x && y > z\"\n  ]\n}"},
		{"a key inside a text", "{\"x\": \"permissions\", \"deny\": [1]}", deny, "a", "{\"x\": \"permissions\", \"deny\": [1],\n  \"permissions\": {\n    \"deny\": [\n      \"a\"\n    ]\n  }\n}"},
	} {
		got, err := Append(c.text, c.path, c.value)
		if err != nil || got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
		if again, err := Append(got, c.path, c.value); err != nil || again != got {
			t.Errorf("%s: added again: %q, %v", c.name, again, err)
		}
	}
	for _, text := range []string{"// a comment\n{}", "{\"permissions\": []}", "{\"permissions\": {\"deny\": \"a\"}}", "[]", "{"} {
		if got, err := Append(text, deny, "a"); !errors.Is(err, ErrShape) {
			t.Errorf("Append(%q) = %q, %v, want %v", text, got, err, ErrShape)
		}
	}
}

// Whatever the document, what was in it is in it still.
func FuzzAppend(f *testing.F) {
	f.Add(`{"permissions": {"deny": ["x"]}, "a": [1, {"b": null}]}`)
	f.Add("{\r\n\t\"permissions\": {}\r\n}")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Append(text, []string{"permissions", "deny"}, "new")
		if err != nil {
			return
		}
		var old, now map[string]any
		if json.Unmarshal([]byte(got), &now) != nil || !json.Valid([]byte(got)) {
			t.Fatalf("Append(%q) = %q, which is no JSON", text, got)
		}
		if json.Unmarshal([]byte(text), &old) == nil && len(now) < len(old) {
			t.Errorf("Append(%q) = %q, which lost a key", text, got)
		}
	})
}
