package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// served is a lode serve on a sample of its own, and a browser that has opened
// its address.
type served struct {
	t     *testing.T
	home  string
	args  []string // the flags of every command on that state
	url   string   // as it was printed
	base  string
	close func() int // ends it, and returns its exit code
	http.Client
}

// sampleNight makes a sample home with a state, after a night.
func sampleNight(t *testing.T, config string) *served {
	t.Helper()
	t.Setenv("USER", "tester")
	dir := t.TempDir()
	s := &served{t: t, home: filepath.Join(dir, "home")}
	if err := os.CopyFS(s.home, os.DirFS("../../testdata/sample")); err != nil {
		t.Fatal(err)
	}
	if config != "" {
		if err := os.WriteFile(filepath.Join(s.home, "lode.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.args = []string{"--home", s.home, "--config", filepath.Join(s.home, "lode.yaml"), "--state", filepath.Join(dir, "state"), "--now", "2026-05-01"}
	s.lode(0, "nightly", "--since", "all")
	return s
}

// lode runs another command on the state.
func (s *served) lode(code int, args ...string) string {
	s.t.Helper()
	var out strings.Builder
	if got := runIn(s.t, &out, append(append([]string{}, s.args...), args...)...); got != code {
		s.t.Fatalf("lode %s: exit code %d: %s", strings.Join(args, " "), got, out.String())
	}
	return out.String()
}

// serve starts lode serve.
func (s *served) serve() *served {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append(append([]string{}, s.args...), "serve"), environment{stdin: strings.NewReader(""), stdout: out, stderr: io.Discard, getenv: os.Getenv})
		out.Close()
	}()
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	done := false
	s.close = func() int {
		if done {
			return 0
		}
		done = true
		cancel()
		return <-code
	}
	s.t.Cleanup(func() { s.close() })
	s.url = strings.TrimSpace(line)
	s.base, _, _ = strings.Cut(s.url, "?")
	s.Jar, _ = cookiejar.New(nil)
	s.get("?" + strings.SplitN(s.url, "?", 2)[1])
	return s
}

func (s *served) get(page string) (string, int) {
	s.t.Helper()
	answer, err := s.Get(s.base + page)
	if err != nil {
		s.t.Fatal(err)
	}
	return text(s.t, answer), answer.StatusCode
}

func text(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// post sends a form as the page has it, with what a person adds.
func (s *served) post(page, form string, fields ...string) (string, int) {
	s.t.Helper()
	shown, _ := s.get(page)
	values := url.Values{}
	for _, name := range []string{"token", "id", "seen", "run", "check"} {
		if m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(shown); m != nil {
			values.Set(name, m[1])
		}
	}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest("POST", s.base+form, strings.NewReader(values.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	u, _ := url.Parse(s.base)
	r.Header.Set("Origin", "http://"+u.Host)
	answer, err := s.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return text(s.t, answer), answer.StatusCode
}

func (s *served) decide(id string, fields ...string) (string, int) {
	s.t.Helper()
	return s.post(id+".html", "decide", fields...)
}

// traces are what decisions leave: the instruction files, the vault and the
// ledger, without what differs between two samples.
func (s *served) traces() string {
	s.t.Helper()
	var b strings.Builder
	for _, name := range []string{"work", "../state/vault", "../state/ledger.jsonl"} {
		err := filepath.WalkDir(filepath.Join(s.home, name), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.Contains(path, ".git/") {
				return err
			}
			doc, err := os.ReadFile(path)
			b.WriteString(filepath.Base(path) + ":\n" + string(doc))
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	out := strings.ReplaceAll(b.String(), s.home, "HOME")
	return regexp.MustCompile(`"(doc|prev|hash)":"[0-9a-f]*",?`).ReplaceAllString(out, "")
}

// What is decided in the browser leaves the same as what lode review decides,
// but that the ledger says where.
func TestServeDecides(t *testing.T) {
	b, c := sampleNight(t, "").serve(), sampleNight(t, "")
	for _, d := range []struct {
		id      string
		form    []string
		command []string
	}{
		{"r-406a3898", []string{"do", "accept"}, []string{"accept"}},
		{"r-406a3898", []string{"do", "undo"}, []string{"undo"}},
		{"r-48381f57", []string{"do", "edit", "added", "- Run tests with `uv run pytest`."}, []string{"edit", "--with", filepath.Join(c.home, "lines.md")}},
		{"r-48381f57", []string{"do", "accept"}, []string{"accept"}},
		{"r-e31b43be", []string{"do", "reject", "reason", "it moves back"}, []string{"reject", "--reason", "it moves back"}},
		{"r-c9f8b1b0", []string{"do", "snooze", "days", "14"}, []string{"snooze", "--days", "14"}},
	} {
		if err := os.WriteFile(filepath.Join(c.home, "lines.md"), []byte("- Run tests with `uv run pytest`.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if page, code := b.decide(d.id, d.form...); code != http.StatusOK || !strings.Contains(page, `role="status"`) {
			t.Fatalf("%s %q: %d: %s", d.id, d.form, code, page)
		}
		c.lode(0, append(append([]string{"review"}, d.command...), d.id)...)
		got, want := b.traces(), c.traces()
		if strings.Count(got, `"who":"tester, in the browser"`) != strings.Count(want, `"who":"tester"`) {
			t.Errorf("%s %q: who, in the ledger: %s", d.id, d.form, got)
		}
		if got = strings.ReplaceAll(got, "tester, in the browser", "tester"); got != want {
			t.Fatalf("%s %q leaves\n%s\nand lode review\n%s", d.id, d.form, got, want)
		}
	}
	if page, _ := b.get("r-e31b43be.html"); !strings.Contains(page, "by tester, in the browser: it moves back") {
		t.Error("the page does not tell who decided")
	}
	if code := b.close(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// A file that moved is refused and shown again, as is a proposal that is not the
// one that was seen; a busy state says so; nothing is changed by any of them.
func TestServeRefuses(t *testing.T) {
	s := sampleNight(t, "").serve()
	file := filepath.Join(s.home, "work", "shop", "AGENTS.md")
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	moved := "Keep it small.\n\n" + string(doc)
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	same := func(what string) {
		t.Helper()
		if now, err := os.ReadFile(file); err != nil || string(now) != moved {
			t.Fatalf("%s: %v: the file now says %s", what, err, now)
		}
	}
	before, _ := s.get("r-e31b43be.html")
	if page, code := s.decide("r-e31b43be", "do", "accept"); code != http.StatusConflict || !strings.Contains(page, "has changed since") || !strings.Contains(page, "the target had changed") {
		t.Errorf("moved: %d: %s", code, page)
	}
	same("moved")
	old := regexp.MustCompile(`name="seen" value="([^"]*)"`).FindStringSubmatch(before)[1]
	if page, code := s.decide("r-e31b43be", "do", "accept", "seen", old); code != http.StatusConflict || !strings.Contains(page, "made anew since you opened") {
		t.Errorf("not seen: %d: %s", code, page)
	}
	same("not seen")
	g := &globals{}
	if err := newRootCommand(g).ParseFlags(s.args); err != nil {
		t.Fatal(err)
	}
	w, err := g.world()
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := w.lock()
	if err != nil {
		t.Fatal(err)
	}
	if page, code := s.decide("r-e31b43be", "do", "accept"); code != http.StatusServiceUnavailable || !strings.Contains(page, "another lode is working") {
		t.Errorf("busy: %d: %s", code, page)
	}
	unlock()
	same("busy")
	if page, code := s.decide("r-e31b43be", "do", "accept"); code != http.StatusOK || !strings.Contains(page, ">Undo<") {
		t.Errorf("seen: %d: %s", code, page)
	}
}

// Without a checkout the page asks for one; and it shows a state in which nothing
// was mined yet, and then the night.
func TestServeBare(t *testing.T) {
	s := sampleNight(t, "roots: [trajectories]\nprojects:\n  - {name: acme/shop, match: [/home/dev/work/shop]}\n")
	patterns := filepath.Join(s.home, "..", "state", "patterns.jsonl")
	if err := os.Rename(patterns, patterns+".away"); err != nil {
		t.Fatal(err)
	}
	s.serve()
	if page, code := s.get("index.html"); code != http.StatusOK || !strings.Contains(page, "Nothing was mined yet: <code>lode nightly</code>") {
		t.Errorf("unmined: %d: %s", code, page)
	}
	was, _ := s.get("version")
	s.lode(0, "nightly", "--since", "all") // beside it: it holds no lock
	if now, _ := s.get("version"); now == was {
		t.Error("a night does not show")
	}
	if page, _ := s.get("index.html"); !strings.Contains(page, "What recurs") || strings.Contains(page, "Nothing was mined yet") {
		t.Error("the night is not shown")
	}
	if page, _ := s.get("r-e31b43be.html"); !strings.Contains(page, `name="root"`) || !strings.Contains(page, "<code>root:</code> for project acme/shop") {
		t.Error("it does not ask for a checkout")
	}
	if page, code := s.decide("r-e31b43be", "do", "accept"); code != http.StatusConflict || !strings.Contains(page, "no checkout of the project is known here") {
		t.Errorf("no checkout: %d: %s", code, page)
	}
	if page, code := s.decide("r-e31b43be", "do", "accept", "root", filepath.Join(s.home, "nowhere")); code != http.StatusConflict || !strings.Contains(page, "is not a folder") {
		t.Errorf("no folder: %d: %s", code, page)
	}
	checkout := t.TempDir()
	if page, code := s.decide("r-e31b43be", "do", "accept", "root", checkout); code != http.StatusOK {
		t.Errorf("a checkout: %d: %s", code, page)
	}
	if _, err := os.Stat(filepath.Join(checkout, "AGENTS.md")); err != nil {
		t.Error(err)
	}
}

// A run is led from its page: it is told something, answered, gone on with, and
// ends as it does for lode run; what serve works on ends with it.
func TestServeRuns(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	s := sampleNight(t, "")
	repo := filepath.Join(t.TempDir(), "repo")
	agent := "echo said >>said.txt; test $LODE_ITERATION -lt 2 || sleep 600"
	goal := "---\ngoal: the menu is clear\nagent: '" + agent + "'\nlearnings: {off: true}\nbudget: {iterations: 4}\nchecks: [{id: look, approve: is it <b>clear</b>?}]\n---\n"
	for _, args := range [][]string{{"git", "init", "-q", repo}, {"git", "-C", repo, "add", "goal.md"}, {"git", "-C", repo, "-c", "user.name=dev", "-c", "user.email=dev@example.org", "commit", "-qm", "start"}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		if err := os.WriteFile(filepath.Join(repo, "goal.md"), []byte(goal), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(repo)
	s.lode(exitFound, "run", "goal.md", "--yes")
	s.serve()
	const page = "run-the-menu-is-clear.html"
	if text, _ := s.get(page); !strings.Contains(text, "is it &lt;b&gt;clear&lt;/b&gt;?") || !strings.Contains(text, ">Resume<") || strings.Contains(text, ">Stop now<") {
		t.Fatalf("it does not ask: %s", text)
	}
	if text, code := s.post(page, "run", "do", "say", "text", "larger letters"); code != http.StatusOK || !strings.Contains(text, "said: the next") {
		t.Fatalf("say: %d: %s", code, text)
	}
	if text, code := s.post(page, "run", "do", "pause"); code != http.StatusOK || !strings.Contains(text, "nobody works on it") {
		t.Fatalf("pause: %d: %s", code, text)
	}
	if text, code := s.post(page, "run", "do", "no", "text", "too small"); code != http.StatusOK || !strings.Contains(text, "answered; resume") {
		t.Fatalf("no: %d: %s", code, text)
	}
	if text, code := s.post(page, "run", "do", "resume", "iterations", "3"); code != http.StatusOK || !strings.Contains(text, `tag running`) {
		t.Fatalf("resume: %d: %s", code, text)
	}
	text := ""
	for range 100 { // the second iteration sleeps
		if text, _ = s.get(page); strings.Contains(text, "begin 2") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, want := range []string{"larger letters", "too small", "begin 2", ">Stop now<"} {
		if !strings.Contains(text, want) {
			t.Errorf("at work, it does not show %q: %s", want, text)
		}
	}
	if code := s.close(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if out := s.lode(0, "run", "list"); strings.Contains(out, "running") {
		t.Errorf("after the end: %s", out)
	}
}

// A person searches, opens evidence, accepts a proposal with a key, undoes it,
// and sees a new night come in without loading the page again.
func TestServeInBrowser(t *testing.T) {
	s := sampleNight(t, "")
	ctx, wrong := browser(t)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	s.serve()
	file := filepath.Join(s.home, "work", "shop", "AGENTS.md")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	says := func(js string) {
		t.Helper()
		var err error
		for range 200 {
			var yes bool
			if yes, err = chromedp.Run(ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+js+")")); yes {
				return
			}
			time.Sleep(100 * time.Millisecond) // also while a page is on its way
		}
		where, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
		t.Fatalf("%s: %v: %s", js, err, where)
	}
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(s.url))
	says(`document.querySelector('h1')?.innerText === '5 proposals to decide on'`)
	do(chromedp.KeyEvent("/"), chromedp.KeyEvent("pytest not found\r"))
	says(`document.querySelectorAll('.found mark').length > 2`)
	do(chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	says(`location.hash && document.querySelector(location.hash)?.innerText.includes('pytest')`)

	do(chromedp.Navigate(s.base + "r-48381f57.html"))
	says(`document.querySelector('[data-key=a]')?.innerText === 'Accept'`)
	do(chromedp.Click(".quote a"))
	says(`document.querySelector(location.hash || 'none')?.matches('.event.cited')`)
	do(chromedp.Navigate(s.base + "r-48381f57.html"))
	says(`document.querySelector('[data-key=a]')?.innerText === 'Accept'`)
	do(chromedp.KeyEvent("a"))
	says(`document.querySelector('[data-key=u]')?.innerText === 'Undo' && document.querySelector('.notice').innerText.startsWith('accepted')`)
	if now, _ := os.ReadFile(file); !strings.Contains(string(now), "uv run pytest") {
		t.Errorf("accepted, it says %s", now)
	}
	do(chromedp.KeyEvent("u"))
	says(`document.querySelector('.tag.undone') && document.querySelector('.notice').innerText.startsWith('undone')`)
	if now, _ := os.ReadFile(file); string(now) != string(before) {
		t.Errorf("undone, it says %s", now)
	}

	for _, file := range []string{"index.html", "r-48381f57.html", "r-e31b43be.html", "search.html?q=pytest", "s-claude_2f8a63a0c9-95b1-4abe-ad4f-6b6fb5f2e68c.html"} {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				if p, err := look(ctx, s.base+file, width, scheme); err != nil || p.Overflow > 0 || len(p.Faint) > 0 {
					t.Errorf("%s at %d px, %s: %v, %d px too wide, faint: %q", file, width, scheme, err, p.Overflow, p.Faint)
				}
			}
		}
	}

	do(chromedp.KeyEvent("h"))
	says(`document.querySelector('h1')?.innerText === '4 proposals to decide on'`)
	s.args[len(s.args)-1] = "2026-05-03"
	hostile(t, s.home)
	s.lode(0, "nightly", "--since", "all")
	says(`document.querySelector('h1')?.innerText.startsWith('5 proposals') && document.querySelector('.tag.proposed')`)
	wrong.Lock()
	defer wrong.Unlock()
	for _, w := range wrong.list {
		if !strings.HasPrefix(w, "request: "+s.base) {
			t.Error(w)
		}
	}
}
