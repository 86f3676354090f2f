package modelserver

import "github.com/tidwall/gjson"

// readAnthropic reads a request of the Messages API.
func readAnthropic(body gjson.Result) (a asked) {
	for _, t := range body.Get("tools").Array() {
		a.tools = append(a.tools, tool{name: t.Get("name").Str, params: t.Get("input_schema.properties")})
	}
	for _, m := range body.Get("messages").Array() {
		if m.Get("role").Str != "assistant" {
			continue
		}
		if content := m.Get("content"); content.Type == gjson.String {
			a.said = append(a.said, content.Str)
		}
		for _, block := range m.Get("content").Array() {
			switch block.Get("type").Str {
			case "tool_use":
				a.calls++
			case "text":
				a.said = append(a.said, block.Get("text").Str)
			}
		}
	}
	return a
}

// writeAnthropic answers with a message of one block.
func writeAnthropic(s *stream, r reply) {
	usage := object{"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
	stop, block := "end_turn", object{"type": "text", "text": r.text}
	if r.call != nil {
		stop, block = "tool_use", object{"type": "tool_use", "id": "toolu_" + r.id, "name": r.call.name, "input": r.args}
	}
	message := object{"id": "msg_" + r.id, "type": "message", "role": "assistant", "model": s.model,
		"content": []any{block}, "stop_reason": stop, "stop_sequence": nil, "usage": usage}
	if !s.events {
		s.document(message)
		return
	}
	start, delta := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": r.text}
	if r.call != nil {
		start = object{"type": "tool_use", "id": block["id"], "name": r.call.name, "input": object{}}
		delta = object{"type": "input_json_delta", "partial_json": string(encode(r.args))}
	}
	message["content"], message["stop_reason"] = []any{}, nil
	s.event("message_start", object{"type": "message_start", "message": message})
	s.event("content_block_start", object{"type": "content_block_start", "index": 0, "content_block": start})
	s.event("content_block_delta", object{"type": "content_block_delta", "index": 0, "delta": delta})
	s.event("content_block_stop", object{"type": "content_block_stop", "index": 0})
	s.event("message_delta", object{"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": usage})
	s.event("message_stop", object{"type": "message_stop"})
}
