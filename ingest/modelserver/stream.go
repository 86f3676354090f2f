package modelserver

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// stream is an answer: server-sent events, or one document.
type stream struct {
	w      http.ResponseWriter
	events bool
	model  string
}

type object = map[string]any

// event writes an event; one without a name has data alone.
func (s *stream) event(name string, data any) {
	s.w.Header().Set("Content-Type", "text/event-stream")
	if name != "" {
		fmt.Fprintf(s.w, "event: %s\n", name)
	}
	fmt.Fprintf(s.w, "data: %s\n\n", encode(data))
}

// document writes an answer that is not streamed.
func (s *stream) document(data any) {
	s.w.Header().Set("Content-Type", "application/json")
	s.w.Write(encode(data))
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // all that is sent is made here
	}
	return text
}
