package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/diff"
	"pgregory.net/rapid"

	"lode/session"
	"lode/session/redact"
)

// What is stored depends on the transcripts alone: not on the order in which
// they come, nor on how they grow, vanish and come back, nor on interrupted runs.
func TestSameBytesWhateverTheOrder(t *testing.T) {
	all := append(examples(t), storeExamples(t)...)
	families := slices.DeleteFunc(slices.Clone(all), func(c example) bool { return len(c.files) == 1 })
	rapid.Check(t, func(rt *rapid.T) {
		var files []file
		index := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
		for _, c := range []example{families[index("family", len(families))], all[index("other", len(all))]} {
			for _, f := range c.files {
				files = append(files, file{path: c.name + "/" + f.path, data: f.data})
			}
		}
		atOnce, inSteps := worldIn(t.TempDir()), worldIn(t.TempDir())
		for range index("steps", 3) {
			for range 1 + index("files", len(files)) {
				f := files[index("file", len(files))]
				if records := bytes.SplitAfter(f.data, []byte("\n")); f.lines() || f.prose() {
					f.data = bytes.Join(records[:min(len(records), index("records", 2*len(records)))], nil)
				}
				inSteps.put(rt, f.path, f.data)
			}
			if n := index("vanishes", 2*len(files)); n < len(files) {
				inSteps.remove(files[n].path)
			}
			if rapid.Bool().Draw(rt, "interrupted") {
				inSteps.interrupted(rt)
			} else {
				inSteps.run(rt)
			}
		}
		for _, f := range files {
			atOnce.put(rt, f.path, f.data)
			inSteps.put(rt, f.path, f.data)
		}
		atOnce.run(rt)
		inSteps.run(rt)
		want := atOnce.stored(rt)
		if diff := cmp.Diff(want, inSteps.stored(rt)); diff != "" {
			rt.Fatalf("stored in steps (-at once +in steps):\n%s", diff)
		}
		if res := atOnce.run(rt); res.Any() || res.Read > 0 {
			rt.Fatalf("a run without news: %+v", res)
		}
		if diff := cmp.Diff(want, atOnce.stored(rt)); diff != "" {
			rt.Fatalf("stored by a run without news:\n%s", diff)
		}
	})
}

// goOn is one more record of a session of Claude Code.
func goOn(id string) string {
	return `{"type":"user","sessionId":"` + id + `","uuid":"f9","timestamp":"2026-04-04T08:00:00Z","message":{"role":"user","content":"Go on."}}` + "\n"
}

// named returns a case.
func named(t *testing.T, name string) example {
	all := examples(t)
	return all[slices.IndexFunc(all, func(c example) bool { return c.name == name })]
}

// A file that vanished keeps its session, at the same references, also when the
// files that share events with it go on; one that came back is not doubled.
func TestVanishedFile(t *testing.T) {
	w, c := newWorld(t), named(t, "claude/forks")
	for _, f := range c.files {
		w.put(t, f.path, f.data)
	}
	w.run(t)
	before, all := w.refs(t), w.stored(t)
	w.remove("resumed.jsonl")
	w.remove("fork.jsonl")
	if res := w.run(t); res.Any() || res.Gone != 2 {
		t.Errorf("Run after two files vanished = %+v", res)
	}
	for range 2 { // twice: what was kept is kept again
		c.files[0].data = append(c.files[0].data, goOn("first")...)
		w.put(t, "first.jsonl", c.files[0].data)
		w.run(t)
		for ref, text := range before {
			if got := w.refs(t)[ref]; got != text {
				t.Errorf("%s = %q, want %q", ref, got, text)
			}
		}
	}
	for _, f := range named(t, "claude/forks").files {
		w.put(t, f.path, f.data)
	}
	w.run(t)
	if diff := cmp.Diff(all, w.stored(t)); diff != "" {
		t.Errorf("files that came back (-before +after):\n%s", diff)
	}
}

// refs returns the text at every reference.
func (w *world) refs(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for ref, e := range byRef(t, w.sessions(t)) {
		texts[ref] = e.Text
	}
	return texts
}

// A file that was moved, as agents do when they archive, is the same session at
// the same references.
func TestMovedFile(t *testing.T) {
	for _, c := range mains(t) {
		w := newWorld(t)
		w.put(t, "work/"+c.files[0].path, c.files[0].data)
		w.run(t)
		before := w.refs(t)
		w.remove("work/" + c.files[0].path)
		w.put(t, "archive/"+c.files[0].path, c.files[0].data)
		w.run(t)
		if diff := cmp.Diff(before, w.refs(t)); diff != "" {
			t.Errorf("%s moved (-before +after):\n%s", c.name, diff)
		}
	}
}

// A document that is written anew as it grows, and gets its name only with its
// first reply, leaves nothing under its first name.
func TestRenamedSession(t *testing.T) {
	grown := []string{`{"trajectory_format":"mini-swe-agent-1","messages":[{"role":"user","content":"Repair the cart."}`,
		`,{"role":"assistant","content":"Done.","extra":{"response":{"id":"gen-1"}}}`, `]}`}
	w := newWorld(t)
	w.put(t, "run.json", []byte(grown[0]+grown[2]))
	w.run(t)
	w.put(t, "run.json", []byte(grown[0]+grown[1]+grown[2]))
	res := w.run(t)
	if texts := saying(w.sessions(t)); len(texts) != 2 || len(res.Removed) != 1 || len(w.stored(t)) != 3 {
		t.Errorf("a run that was renamed says %q, removed %q, stored %d files", texts, res.Removed, len(w.stored(t)))
	}
}

// A file that no longer holds its session keeps what was read of it, and does
// not keep the files that share events with it from going on.
func TestSpoiledFile(t *testing.T) {
	for _, spoiled := range []string{"", "not a transcript\n", `{"type":"mode","sessionId":"first"}` + "\n"} {
		w, c := newWorld(t), named(t, "claude/forks")
		for _, f := range c.files {
			w.put(t, f.path, f.data)
		}
		w.run(t)
		before := w.refs(t)
		w.put(t, "first.jsonl", []byte(spoiled))
		w.put(t, "fork.jsonl", append(c.files[2].data, goOn("other")...))
		w.run(t)
		after := w.refs(t)
		for ref, text := range before {
			if after[ref] != text {
				t.Errorf("first.jsonl is now %q: %s = %q, want %q", spoiled, ref, after[ref], text)
			}
		}
		if s := w.catalog(t).Sources["first.jsonl"]; s.Skipped == "" {
			t.Errorf("first.jsonl is now %q: its source says nothing: %+v", spoiled, s)
		}
		if len(after) <= len(before) {
			t.Errorf("first.jsonl is now %q: fork.jsonl did not go on: %v", spoiled, after)
		}
	}
}

// A source that vanished between being read and being joined, in a run that
// was interrupted, does no harm.
func TestVanishedUnjoined(t *testing.T) {
	w, c := newWorld(t), named(t, "claude/forks")
	w.put(t, "first.jsonl", c.files[0].data)
	w.run(t)
	before := w.refs(t)
	w.put(t, "resumed.jsonl", c.files[1].data)
	w.interrupted(t)
	w.remove("resumed.jsonl")
	w.run(t)
	if diff := cmp.Diff(before, w.refs(t)); diff != "" {
		t.Errorf("references (-before +after):\n%s", diff)
	}
}

// A compressed rollout that is cut short gives what stands before the cut, and
// says at which line it ends.
func TestCutCompressed(t *testing.T) {
	c := named(t, "codex/main")
	text := slices.Clone(c.files[0].data)
	r := rand.New(rand.NewPCG(1, 2))
	for range 4 << 10 { // noise, so that the frame has several blocks
		text = fmt.Appendf(text, `{"type":"event_msg","payload":{"type":"agent_message","message":"%x %x %x"}}`+"\n", r.Uint64(), r.Uint64(), r.Uint64())
	}
	whole := zipped(text)
	w := newWorld(t)
	w.put(t, "r.jsonl", whole[:len(whole)/2])
	w.run(t)
	s := w.catalog(t).Sources["r.jsonl"]
	want := fmt.Sprintf("read only in part: line %d: unexpected EOF", s.Records+1)
	if s.Skipped != want || s.Records < 100 || len(w.refs(t)) < 100 {
		t.Errorf("%d records, %d events, %q; want %q", s.Records, len(w.refs(t)), s.Skipped, want)
	}
}

// New redaction rules reach sessions whose sources are gone, and a source that
// is read again is redacted again.
func TestRedactionReachesKeptSessions(t *testing.T) {
	for _, c := range mains(t) {
		w, f := newWorld(t), c.files[0]
		w.put(t, f.path, f.data)
		w.run(t)
		want := w.show(t)
		w.remove(f.path)
		w.run(t)                          // from now on there is nothing to read
		for _, s := range w.sessions(t) { // as if stored before there was a rule for such tokens
			old := redact.Version - 1
			for _, text := range []*string{&s.Title, &s.Cwd, &s.Branch, &s.Model, &s.Events[0].Text, &s.Events[1].Command, &s.Events[1].Dir} {
				*text += " " + secrets[0].text
			}
			s.Instructions = append(s.Instructions, session.Instruction{Path: "AGENTS.md", Lines: []string{"say " + secrets[0].text}})
			s.Redaction = old
			s.Title += " " + secrets[0].text[:20] + "…" // cut, and so no secret by any rule
			cat := w.catalog(t)
			for _, src := range cat.Sources {
				src.Bad = append(src.Bad, BadRecord{Line: 1, Err: "not JSON: " + secrets[0].text[:20]})
			}
			info, err := w.store.Write(s)
			if err != nil {
				t.Fatal(err)
			}
			cat.Sessions[s.Name()] = info
			if err := cat.save(); err != nil {
				t.Fatal(err)
			}
		}
		w.run(t)
		for name, stored := range w.stored(t) {
			if strings.Contains(stored, secrets[0].never) {
				t.Errorf("%s: kept: %s holds %q", c.name, name, secrets[0].never)
			}
		}
		w.put(t, f.path, f.data)
		w.run(t)
		if got := w.show(t); got != want {
			t.Errorf("%s: read again:\n%s", c.name, diff.Diff("before", []byte(want), "after", []byte(got)))
		}
	}
}

// A file beside a transcript that its parser reads too makes it be read again.
func TestBeside(t *testing.T) {
	w := newWorld(t)
	w.put(t, "storage/1/chatSessions/one.json", []byte(`{"version":3,"sessionId":"one","requests":[{"requestId":"r","message":{"text":"Hello."}}]}`))
	w.run(t)
	w.put(t, "storage/1/workspace.json", []byte(`{"folder":"file:///home/dev/my%20shop"}`))
	if res := w.run(t); res.Read != 1 {
		t.Errorf("with a file beside it: %d files read, want 1", res.Read)
	}
	if s := w.sessions(t); len(s) != 1 || s[0].Cwd != "/home/dev/my shop" {
		t.Errorf("sessions = %+v, want one in /home/dev/my shop", s)
	}
	if res := w.run(t); res.Read != 0 {
		t.Errorf("once more: %d files read, want none", res.Read)
	}
}
