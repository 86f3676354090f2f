package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lode/loop"
	"lode/miner"
	"lode/reports"
	"lode/rules"
	"lode/session"
)

const (
	host     = "127.0.0.1:8765"
	base     = "/place/"
	proposal = "r-0a0b0c0d"
	secret   = "s-claude_2fone.html"
)

// desk notes what it is asked to do, and answers each with err.
type desk struct {
	done []string
	err  error
}

func (d *desk) note(format string, args ...any) (*rules.Proposal, error) {
	d.done = append(d.done, fmt.Sprintf(format, args...))
	return &rules.Proposal{ID: proposal}, d.err
}

func (d *desk) say(format string, args ...any) (string, error) {
	_, err := d.note(format, args...)
	return "say", err
}

func (d *desk) Accept(id, seen, root string) (*rules.Proposal, error) {
	return d.note("accept %s %s %s", id, seen, root)
}
func (d *desk) Edit(id, seen string, added []string) (*rules.Proposal, error) {
	return d.note("edit %s %s %q", id, seen, added)
}
func (d *desk) Reject(id, reason string) (*rules.Proposal, error) {
	return d.note("reject %s %s", id, reason)
}
func (d *desk) Snooze(id string, days int) (*rules.Proposal, error) {
	return d.note("snooze %s %d", id, days)
}
func (d *desk) Undo(_ context.Context, id string) (*rules.Proposal, error) {
	return d.note("undo %s", id)
}
func (d *desk) Say(run, text string) (string, error)     { return d.say("say %s %s", run, text) }
func (d *desk) Pause(run string) (string, error)         { return d.say("pause %s", run) }
func (d *desk) Stop(run string) (string, error)          { return d.say("stop %s", run) }
func (d *desk) Resume(run string, n int) (string, error) { return d.say("resume %s %d", run, n) }
func (d *desk) Approve(run, c string, yes bool, why string) (string, error) {
	return d.say("approve %s %s %v %s", run, c, yes, why)
}

const hostile = "<script>alert(1)</script> \"'><img src=x onerror=alert(1)>"

func (d *desk) Search(_ context.Context, query string, page int) (reports.Found, error) {
	hit := reports.Hit{Ref: "claude/one#1", Title: hostile, Project: "p", What: "Bash", Snippet: hostile, Marks: [][2]int{{0, 8}}}
	return reports.Found{Total: "1 hit", Hits: []reports.Hit{hit}, Notes: []string{hostile}, Next: page + 1}, d.err
}

func (d *desk) Version() string { return "v1" }

func (d *desk) Input() (reports.Input, error) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	return reports.Input{
		Now: now, Window: "all sessions", Mined: &miner.Saved{}, Health: &reports.Health{Night: now, Notes: []string{hostile}},
		Proposals: []*rules.Proposal{{ID: proposal, Title: hostile, Status: rules.Open, Rule: hostile, Target: "AGENTS.md", Diff: "--- a\n+++ b\n@@ -0,0 +1 @@\n+- " + hostile + "\n"}},
		Ledger:    []rules.Entry{{Proposal: proposal, Event: rules.EvEdited, Who: "tester", Reason: hostile}},
		Load: func(name string) (*session.Session, error) {
			if name != "claude/one" {
				return nil, fs.ErrNotExist
			}
			s := &session.Session{Header: session.Header{Agent: "claude", ID: "one", Title: hostile}}
			for i := range 600 {
				s.Events = append(s.Events, session.Event{N: i, Kind: session.User, Text: fmt.Sprintf("%d %s", i, hostile)})
			}
			return s, nil
		},
		Project: func(*session.Header) string { return "p" },
		Resume:  func(*session.Header) string { return "" },
	}, nil
}

// visitor is a browser that asks.
type visitor struct {
	t       *testing.T
	handler http.Handler
	desk    *desk
	cookies []*http.Cookie
	token   string // of its forms
}

// visit opens the address that lode serve prints.
func visit(t *testing.T) *visitor {
	t.Helper()
	d := &desk{}
	n := 0
	random := func() string { n++; return fmt.Sprintf("random%d", n) }
	v := &visitor{t: t, desk: d, handler: New(Options{Hosts: []string{host, "localhost:8765"}, Base: base, Token: "secret", Random: random, State: d, Searcher: d, Decider: d, Runner: d})}
	v.cookies = v.get(base + "?token=secret").Cookies()
	v.token = field(body(v.get(base+proposal+".html")), "token")
	if v.token == "" {
		t.Fatal("a form without its token")
	}
	return v
}

func (v *visitor) ask(r *http.Request, change func(*http.Request)) *http.Response {
	v.t.Helper()
	r.Host = host
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w.Result()
}

func (v *visitor) get(path string) *http.Response {
	v.t.Helper()
	return v.ask(httptest.NewRequest("GET", path, nil), nil)
}

// post sends a form as a page of ours does.
func (v *visitor) post(path string, change func(*http.Request), fields ...string) *http.Response {
	v.t.Helper()
	form := url.Values{"token": {v.token}}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequest("POST", base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://"+host)
	return v.ask(r, change)
}

func body(r *http.Response) string {
	text, _ := io.ReadAll(r.Body)
	return string(text)
}

func field(page, name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}

// Who is not the person's own browser on one of our pages sees and does nothing.
func TestGuard(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	askedAs := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"ours", nil, http.StatusSeeOther},
		{"by the other name", func(r *http.Request) {
			r.Host = "localhost:8765"
			r.Header.Set("Origin", "http://localhost:8765")
		}, http.StatusSeeOther},
		{"as a page without referrer sends it", func(r *http.Request) {
			r.Header.Set("Origin", "null")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}, http.StatusSeeOther},
		{"a name of the web that points here", askedAs("evil.example:8765"), http.StatusMisdirectedRequest},
		{"another port", askedAs("127.0.0.1:80"), http.StatusMisdirectedRequest},
		{"no port", askedAs("localhost"), http.StatusMisdirectedRequest},
		{"no cookie", func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusForbidden},
		{"a wrong cookie", header("Cookie", "lode=secret"), http.StatusForbidden},
		{"the token as a cookie", header("Cookie", "lode=random2"), http.StatusForbidden},
		{"from a page of the web", header("Origin", "https://evil.example"), http.StatusForbidden},
		{"from another port", header("Origin", "http://127.0.0.1:9999"), http.StatusForbidden},
		{"from another name of ours", header("Origin", "http://localhost:8765"), http.StatusForbidden},
		{"from nowhere", header("Origin", "null"), http.StatusForbidden},
		{"without an origin", func(r *http.Request) { r.Header.Del("Origin") }, http.StatusForbidden},
		{"from the same site, another origin", header("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		{"no token in the form", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("do=undo&id=" + proposal)) }, http.StatusForbidden},
		{"the token in the address", func(r *http.Request) {
			r.URL.RawQuery = "token=random2"
			r.Body = io.NopCloser(strings.NewReader("do=undo&id=" + proposal))
		}, http.StatusForbidden},
		{"a wrong token in the form", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("token=random1&do=undo&id=" + proposal))
		}, http.StatusForbidden},
		{"too much", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("do=undo&x=" + strings.Repeat("x", maxForm) + "&token=random2"))
		}, http.StatusForbidden},
		{"not posted", func(r *http.Request) { r.Method = "GET"; r.URL.RawQuery = "do=undo&id=" + proposal + "&token=random2" }, http.StatusNotFound},
		{"put", func(r *http.Request) { r.Method = "PUT" }, http.StatusMethodNotAllowed},
	} {
		v := visit(t)
		answer := v.post("decide", c.change, "do", "undo", "id", proposal)
		if answer.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.name, answer.Status, c.status)
		}
		if did := len(v.desk.done) > 0; did != (c.status == http.StatusSeeOther) {
			t.Errorf("%s: done: %q", c.name, v.desk.done)
		}
		if strings.Contains(body(answer), "alert") && c.status == http.StatusForbidden {
			t.Errorf("%s: it is shown something", c.name)
		}
	}
}

// Pages, too, are for the person's own browser; and the token opens one only
// where it is asked for, by its name.
func TestAdmit(t *testing.T) {
	v := visit(t)
	v.cookies = nil
	for _, path := range []string{"", "index.html", "style.css", "page.js", "version", "search.html?q=x", secret, "?token=wrong", "?token=", "index.html?token=secret", "../?token=secret"} {
		if answer := v.get(base + path); answer.StatusCode != http.StatusForbidden || len(answer.Cookies()) > 0 {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	answer := v.ask(httptest.NewRequest("GET", base+"?token=secret", nil), func(r *http.Request) { r.Host = "evil.example" })
	if len(answer.Cookies()) > 0 {
		t.Error("a foreign name gets a key")
	}
	c := v.get(base + "?token=secret").Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != base || c.Domain != "" {
		t.Errorf("the cookie: %v", c)
	}
}

// Asking changes nothing, whatever is asked, and each answer has the headers
// that keep the page to itself. Names lead to no files.
func TestGet(t *testing.T) {
	v := visit(t)
	for path, want := range map[string]int{
		"": 303, "index.html": 200, "search.html": 200, "search.html?q=x": 200, "style.css": 200, "page.js": 200, "version": 200, secret: 200, proposal + ".html": 200,
		"decide": 404, "decide?do=undo&id=" + proposal: 404, "run?do=stop&run=x": 404, "p-0.html": 404, "run-x.html": 404, "s-claude_2fother.html": 404,
		"..%2f..%2fetc%2fpasswd": 404, "%2e%2e%2fpages%2fstyle.css": 404, "s-..%2f..%2fx.html": 404, "s-_2e_2e_2fledger.html": 404, "s-claude%2fone.html": 404, "%00.html": 404, "message.html": 200,
	} {
		answer := v.get(base + path)
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, answer.Status, want)
		}
		for name, value := range headers {
			if answer.Header.Get(name) != value {
				t.Errorf("%s: no %s", path, name)
			}
		}
	}
	if answer := v.get("/etc/passwd"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("outside: %s", answer.Status)
	}
	if v.desk.done != nil {
		t.Errorf("done: %q", v.desk.done)
	}
}

// What stands in transcripts, proposals and queries stays text, and no page has
// a script or a style within it.
func TestHostile(t *testing.T) {
	v := visit(t)
	v.desk.err = errors.New(hostile)
	pages := []*http.Response{v.get(base + "index.html"), v.get(base + proposal + ".html"), v.get(base + secret), v.get(base + "search.html?q=" + url.QueryEscape(hostile+"\u202e\x1b[31m")),
		v.post("decide", nil, "do", "undo", "id", proposal), v.get(base + "index.html?did=" + url.QueryEscape(hostile))}
	for i, answer := range pages {
		text := body(answer)
		if strings.Contains(text, "<script>") || strings.Contains(text, "<img") || strings.Contains(text, "<style") || regexp.MustCompile(`\sstyle=|\son[a-z]+="`).MatchString(text) {
			t.Errorf("page %d: markup of others, or within the page: %s", i, text)
		}
		if strings.ContainsAny(text, "\u202e\x1b") {
			t.Errorf("page %d: characters that cannot be seen", i)
		}
	}
}

// A long session is shown around the place that is asked for, and the rest of it
// is a link away.
func TestLongSession(t *testing.T) {
	v := visit(t)
	text := body(v.get(base + secret + "?at=e400"))
	if !strings.Contains(text, `id="e400"`) || strings.Contains(text, `id="e10"`) || !strings.Contains(text, `<a href="?from=25">275 events</a>`) {
		t.Error("not the surroundings of the place")
	}
	if text := body(v.get(base + secret + "?from=25")); !strings.Contains(text, `id="e25"`) || !strings.Contains(text, `<a href="?from=275">325 events</a>`) {
		t.Error("not the part before")
	}
	if text := body(v.get(base + "search.html?q=x")); !strings.Contains(text, `href="s-claude_2fone.html?at=e1#e1"`) {
		t.Error("a hit does not lead to its place")
	}
}

// Each form does one thing, and what cannot be done is said on the page.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		form   []string
		err    error
		done   string
		status int
	}{
		{[]string{"do", "accept", "id", proposal, "seen", "1f", "root", " ~/src "}, nil, "accept r-0a0b0c0d 1f ~/src", 303},
		{[]string{"do", "edit", "id", proposal, "seen", "1f", "added", "- a\r\n- b", "added", "- c\n"}, nil, `edit r-0a0b0c0d 1f ["- a\n- b\n" "- c\n"]`, 303},
		{[]string{"do", "reject", "id", proposal, "reason", "no\u202e "}, nil, "reject r-0a0b0c0d no", 303},
		{[]string{"do", "snooze", "id", proposal, "days", "14"}, nil, "snooze r-0a0b0c0d 14", 303},
		{[]string{"do", "snooze", "id", proposal, "days", "-1"}, nil, "", 409},
		{[]string{"do", "undo", "id", proposal}, nil, "undo r-0a0b0c0d", 303},
		{[]string{"do", "burn", "id", proposal}, nil, "", 409},
		{[]string{"do", "accept", "id", proposal}, rules.ErrMoved, "accept r-0a0b0c0d  ", 409},
		{[]string{"do", "accept", "id", proposal}, ErrOther, "accept r-0a0b0c0d  ", 409},
		{[]string{"do", "accept", "id", proposal}, ErrBusy, "accept r-0a0b0c0d  ", 503},
		{[]string{"do", "undo", "id", "../x"}, rules.ErrNoProposal, "undo ../x", 404},
		{[]string{"do", "say", "run", "fix", "text", "hear"}, nil, "say fix hear", 303},
		{[]string{"do", "pause", "run", "fix"}, nil, "pause fix", 303},
		{[]string{"do", "stop", "run", "fix"}, loop.ErrNoRun, "stop fix", 404},
		{[]string{"do", "resume", "run", "fix", "iterations", "3"}, nil, "resume fix 3", 303},
		{[]string{"do", "yes", "run", "fix", "check", "look", "text", "fine"}, nil, "approve fix look true fine", 303},
		{[]string{"do", "no", "run", "fix", "check", "look"}, nil, "approve fix look false ", 303},
		{[]string{"do", "burn", "run", "fix"}, nil, "", 404},
	} {
		v := visit(t)
		v.desk.err = c.err
		path := "decide"
		if slices.Contains(c.form, "run") {
			path = "run"
		}
		answer := v.post(path, nil, c.form...)
		if done := strings.Join(v.desk.done, "; "); done != c.done || answer.StatusCode != c.status {
			t.Errorf("%q: %s, done: %s", c.form, answer.Status, done)
		}
		if text := body(answer); c.err != nil && !strings.Contains(text, c.err.Error()) {
			t.Errorf("%q: it does not say %q", c.form, c.err)
		}
		if c.status == 303 && path == "decide" && answer.Header.Get("Location") != base+proposal+".html?did="+c.form[1] {
			t.Errorf("%q leads to %s", c.form, answer.Header.Get("Location"))
		}
	}
}
