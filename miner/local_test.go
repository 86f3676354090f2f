package miner

import (
	"testing"

	"lode/session"
)

// A pattern is local when all its occurrences were in one folder that is no
// large part of the project.
func TestLocal(t *testing.T) {
	w := make(whereabouts)
	for _, file := range []string{"web/app/a.ts", "web/b.ts", "api/c.go", "api/d.go", "api/db/e.go", "main.go", "/etc/hosts", "../x/y"} {
		w.add("acme/shop", "", file)
	}
	for _, c := range []struct {
		folders []string
		want    string
	}{
		{[]string{"web/app", "web/app"}, "web/app"},
		{[]string{"web/app", "web"}, "web"},
		{[]string{"web/app", "web/apps"}, "web"},
		{[]string{"web", "api"}, ""},
		{[]string{"web", ""}, ""},
		{[]string{"api/db", "api"}, "api"},
		{[]string{"new"}, "new"},
	} {
		g := &group{project: "acme/shop"}
		for _, f := range c.folders {
			g.seen = append(g.seen, occurrence{folder: f})
		}
		if got := w.local(g); got != c.want {
			t.Errorf("local(%q) = %q, want %q", c.folders, got, c.want)
		}
	}
	w.add("acme/shop", "", "web/c.ts")
	w.add("acme/shop", "", "web/d.ts")
	w.add("acme/shop", "", "web/e.ts")
	if got := w.local(&group{project: "acme/shop", seen: []occurrence{{folder: "web"}}}); got != "" {
		t.Errorf("local of most of the project = %q", got)
	}
}

func TestFolderOf(t *testing.T) {
	s := &session.Session{Header: session.Header{Cwd: "/home/dev/shop"}}
	call := func(dir string) *session.Event {
		return &session.Event{Kind: session.Result, CallEvent: &session.Event{Dir: dir}}
	}
	for _, c := range []struct {
		sig  Signal
		want string
	}{
		{Signal{Kind: findingKind, Event: &session.Event{}, Line: "web/app/a.go:3:1: x is not checked (errcheck)"}, "web/app"},
		{Signal{Kind: findingKind, Event: &session.Event{}, Line: "./web/a.go:3: x (errcheck)"}, "web"},
		{Signal{Kind: findingKind, Event: &session.Event{}, Line: "a.go:3: x (errcheck)"}, ""},
		{Signal{Kind: findingKind, Event: &session.Event{}, Line: "  3:1  error  x  no-undef"}, ""},
		{Signal{Kind: "failing-command", Event: call("/home/dev/shop/web")}, "web"},
		{Signal{Kind: "failing-command", Event: call("/home/dev/shop")}, ""},
		{Signal{Kind: "failing-command", Event: call("/tmp/x")}, ""},
		{Signal{Kind: "failing-command", Event: call("")}, ""},
		{Signal{Kind: wrongPathKind, Event: call("/home/dev/shop/web")}, ""},
	} {
		if got := folderOf(s, &c.sig); got != c.want {
			t.Errorf("folderOf(%+v) = %q, want %q", c.sig, got, c.want)
		}
	}
}
