package modelserver

import "github.com/tidwall/gjson"

// readGemini reads a request of the Gemini API.
func readGemini(body gjson.Result) (a asked) {
	for _, t := range body.Get("tools").Array() {
		for _, f := range t.Get("functionDeclarations").Array() {
			params := f.Get("parametersJsonSchema.properties")
			if !params.Exists() {
				params = f.Get("parameters.properties")
			}
			a.tools = append(a.tools, tool{name: f.Get("name").Str, params: params})
		}
	}
	for _, c := range body.Get("contents").Array() {
		if c.Get("role").Str != "model" {
			continue
		}
		for _, part := range c.Get("parts").Array() {
			switch {
			case part.Get("functionCall").Exists():
				a.calls++
			case part.Get("text").Exists():
				a.said = append(a.said, part.Get("text").Str)
			}
		}
	}
	return a
}

// writeGemini answers with one part.
func writeGemini(s *stream, r reply) {
	part := object{"text": r.text}
	if r.call != nil {
		part = object{"functionCall": object{"id": r.id, "name": r.call.name, "args": r.args}}
	}
	answer := object{
		"candidates":    []any{object{"index": 0, "content": object{"role": "model", "parts": []any{part}}, "finishReason": "STOP"}},
		"usageMetadata": object{"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110},
		"modelVersion":  "gemini-2.5-pro",
	}
	if s.events {
		s.event("", answer)
		return
	}
	s.document(answer)
}
