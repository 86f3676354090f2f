package ingest

import (
	"testing"

	"lode/session"
	"lode/session/redact"
)

// Whatever bytes a format is given, it does not panic, references are unique
// and resolve, and all that is said is clean and redacted.
func FuzzFormats(f *testing.F) {
	at := make(map[string]uint8)
	for i := range Formats {
		at[Formats[i].Name] = uint8(i)
	}
	for _, c := range examples(f) {
		for _, file := range c.files {
			f.Add(at[c.format.Name], file.data)
		}
	}
	for i := range Formats {
		for _, odd := range oddities {
			f.Add(uint8(i), []byte(odd))
		}
	}
	f.Fuzz(func(t *testing.T, format uint8, data []byte) {
		for i := range Formats {
			if Formats[i].Sniff != nil {
				Formats[i].Sniff(data)
			}
		}
		_, sessions, _ := read(&Formats[int(format)%len(Formats)], "fuzz", data)
		byRef(t, sessions)
		for _, s := range sessions {
			s.Link()
			fields := []string{s.ID, s.Parent, s.Title, s.Model, s.Version, s.Branch, s.Cwd, s.Remote, s.Instance}
			for i := range s.Events {
				e := &s.Events[i]
				fields = append(fields, e.Text, e.Command, e.Dir, e.Tool, e.CallID, e.Of)
				if text := e.Text; redact.Text(text, nil) != text {
					t.Errorf("%s holds a secret: %q", s.Ref(e), text)
				}
			}
			for _, field := range fields {
				if session.Clean(field) != field {
					t.Errorf("%s: not clean: %q", s.Name(), field)
				}
			}
		}
	})
}

// oddities are records that once went wrong, or nearly.
var oddities = []string{
	"", "{", "[]", "[[]]", "null\n{}\n", "{}{}{}", "\x00", "\xff\xfe{}",
	`{"type":"user","sessionId":"\u0000","message":{"content":"x"}}`,                                                    // an id that is empty once clean
	`{"type":"user","sessionId":"a\nb#1","uuid":"u","message":{"content":"x"}}`,                                         // an id that breaks references
	`{"type":"user","sessionId":"a","uuid":"é","isSidechain":true,"message":{"content":{"type":"text","text":"x"}}}`,    // an object for a list, a short uuid
	`{"type":"assistant","sessionId":"a","message":{"content":[{"type":"tool_use","id":"\u001b[0m","name":"\u202e"}]}}`, // names that are not clean
	`{"type":"session_meta","payload":{"id":"a","source":7,"git":[]}}{"type":"response_item","payload":{"type":"message","role":"user","content":[{"text":"a"},{"text":"a"},{"text":"b"}]}}`,
	`{"type":"session_meta","payload":{"id":"a"}}{"type":"response_item","payload":{"type":"function_call","name":"exec","call_id":"c","input":"cmd: '\\"}}`,
	`{"info":{"id":"ses_a","version":1,"time":[]},"messages":[7,null,{"info":{"role":"user"},"parts":{"type":"text"}},{"info":{"role":"assistant","tokens":[],"error":7},"parts":[7,{"type":"tool","state":7},{"type":"tool","tool":"bash","state":{"status":"completed","output":{"a":1},"metadata":[1]}}]}]}`,
	`{"info":{"exit_status":""},"messages":[{"role":"user","content":"<returncode>99999999999999999999</returncode>"},7,null,{"role":"assistant","extra":{"actions":[1]}}]}`,
}
