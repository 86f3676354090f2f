package modelserver

import "github.com/tidwall/gjson"

// readResponses reads a request of the Responses API.
func readResponses(body gjson.Result) (a asked) {
	for _, t := range body.Get("tools").Array() {
		a.tools = append(a.tools, tool{name: t.Get("name").Str, custom: t.Get("type").Str == "custom", finder: t.Get("type").Str == "tool_search",
			params: t.Get("parameters.properties")})
		for _, inner := range t.Get("tools").Array() { // of a namespace, as Codex has them for MCP
			a.tools = append(a.tools, tool{name: inner.Get("name").Str, namespace: t.Get("name").Str, params: inner.Get("parameters.properties")})
		}
	}
	for _, item := range body.Get("input").Array() {
		switch item.Get("type").Str {
		case "function_call", "custom_tool_call":
			a.calls++
		case "message":
			if item.Get("role").Str == "assistant" {
				a.said = append(a.said, item.Get("content.0.text").Str)
			}
		}
	}
	return a
}

// writeResponses answers with one item.
func writeResponses(s *stream, r reply) {
	item := object{"type": "message", "role": "assistant", "id": "msg_" + r.id, "content": []any{object{"type": "output_text", "text": r.text}}}
	switch {
	case r.call != nil && r.call.custom:
		item = object{"type": "custom_tool_call", "id": "ctc_" + r.id, "call_id": r.id, "name": r.call.name, "input": r.input, "status": "completed"}
	case r.call != nil:
		item = object{"type": "function_call", "id": "fc_" + r.id, "call_id": r.id, "name": r.call.name, "arguments": string(encode(r.args))}
		if r.call.namespace != "" {
			item["namespace"] = r.call.namespace
		}
	}
	response := object{"id": "resp_" + r.id, "object": "response", "model": s.model, "status": "completed", "output": []any{item}, "usage": object{
		"input_tokens": 100, "input_tokens_details": object{"cached_tokens": 0}, "output_tokens": 10,
		"output_tokens_details": object{"reasoning_tokens": 0}, "total_tokens": 110}}
	if !s.events {
		s.document(response)
		return
	}
	s.event("response.created", object{"type": "response.created", "response": object{"id": response["id"]}})
	s.event("response.output_item.done", object{"type": "response.output_item.done", "output_index": 0, "item": item})
	s.event("response.completed", object{"type": "response.completed", "response": response})
}

// readChat reads a request of the Chat Completions API.
func readChat(body gjson.Result) (a asked) {
	for _, t := range body.Get("tools").Array() {
		a.tools = append(a.tools, tool{name: t.Get("function.name").Str, params: t.Get("function.parameters.properties")})
	}
	for _, m := range body.Get("messages").Array() {
		if m.Get("role").Str != "assistant" {
			continue
		}
		a.calls += len(m.Get("tool_calls").Array())
		text := m.Get("content")
		if text.IsArray() {
			text = text.Get("0.text")
		}
		a.said = append(a.said, text.Str)
	}
	return a
}

// writeChat answers with one choice.
func writeChat(s *stream, r reply) {
	stop, message := "stop", object{"role": "assistant", "content": r.text}
	if r.call != nil {
		stop = "tool_calls"
		message = object{"role": "assistant", "content": nil, "tool_calls": []any{object{"index": 0, "id": r.id, "type": "function",
			"function": object{"name": r.call.name, "arguments": string(encode(r.args))}}}}
	}
	answer := object{"id": "chatcmpl-" + r.id, "created": 1, "model": s.model}
	usage := object{"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
	if !s.events {
		answer["object"], answer["usage"] = "chat.completion", usage
		answer["choices"] = []any{object{"index": 0, "message": message, "finish_reason": stop}}
		s.document(answer)
		return
	}
	answer["object"] = "chat.completion.chunk"
	answer["choices"] = []any{object{"index": 0, "delta": message, "finish_reason": nil}}
	s.event("", answer)
	answer["choices"] = []any{object{"index": 0, "delta": object{}, "finish_reason": stop}}
	answer["usage"] = usage
	s.event("", answer)
	s.w.Write([]byte("data: [DONE]\n\n"))
}
