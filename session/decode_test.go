package session

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzEvent: an event is read as encoding/json reads it, whatever the line.
func FuzzEvent(f *testing.F) {
	for _, line := range []string{
		`{}`, `{"n":1}`, `{"n":1,"kind":"user"} `, `{"n":-0,"part":01,"kind":"user"}`, `{"n":1.5,"kind":"user"}`, `{"n":1234567890123456789012,"kind":"user"}`,
		`{"n":1,"N":2,"kind":"user","kind":"call"}`, `{"n":null,"kind":"user","new":{"a":[1]}}`, `{"n":1,"time":"2026-03-02T09:00:00.5Z"}`, `{"n":1,"time":"2026"}`,
		`{"n":1,"text":"a\n\t\"\\\/b"}`, `{"n":1,"text":"\u2028 \ud83d\ude00 é` + "\xff" + `"}`, `{"n":1,"text":"a` + "\x01" + `b\n"}`, `{"n":1,"text":"\`, `{"n":1,"text":"a\nb`,
		`{"n":1,"exit":-1,"tok":0}`, `{"n":1,"exit":1,"exit":2}`, `{"n":1,"copies":[]}`, `{"n":1,"copies":[{"src":1,"n":8},{"n":8,"src":1}]}`, `{"n":1,"copies":[{"src":1,"n":8}],"copies":[{"src":2,"n":9}]}`,
		`[1]`, `{"n":1,}`, `{"n":1}}`, `{"n" :1}`, `{"\u006e":1}`,
	} {
		f.Add([]byte(line))
	}
	for _, e := range full().Events {
		line, err := json.Marshal(&e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var want, got Event
		bad := json.Unmarshal(line, &want)
		r := eventReader{seen: make(map[string]string)}
		for range 2 { // with nothing seen, and with all of it
			got = Event{}
			if err := r.read(bytes.Clone(line), &got); (err == nil) != (bad == nil) {
				t.Fatalf("error %v, want %v", err, bad)
			}
			if diff := cmp.Diff(want, got); bad == nil && diff != "" {
				t.Fatalf("%s (-want +got):\n%s", line, diff)
			}
		}
	})
}
