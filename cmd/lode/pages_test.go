package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// troubles are what goes wrong in a browser: exceptions, console errors, and
// requests that leave the site.
type troubles struct {
	sync.Mutex
	list []string
}

func (w *troubles) add(what string) {
	w.Lock()
	defer w.Unlock()
	w.list = append(w.list, what)
}

// browser starts a headless Chromium.
func browser(t *testing.T) (context.Context, *troubles) {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("needs Chromium (apt-get install chromium)")
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true))...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(end)
	w := &troubles{}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			w.add("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			w.add(fmt.Sprintf("console: %v", e.Type))
		case *log.EventEntryAdded:
			w.add(fmt.Sprintf("log: %v: %s", e.Entry.Level, e.Entry.Text))
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, "file:") && !strings.HasPrefix(e.Request.URL, "data:") {
				w.add("request: " + e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return ctx, w
}

// look opens a page as a window of some width shows it by day or by night.
func look(ctx context.Context, url string, width int64, scheme string) (page, error) {
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		return page{}, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(url)); err != nil {
		return page{}, err
	}
	return chromedp.Run(ctx, chromedp.Evaluate[page](askPage))
}

// page is what the test asks a page.
type page struct {
	Overflow int      `json:"overflow"` // pixels by which the page is wider than the window
	Scripts  int      `json:"scripts"`
	IDs      []string `json:"ids"`
	Links    []string `json:"links"`
	Faint    []string `json:"faint"` // text with less contrast than WCAG AA asks for
	Text     string   `json:"text"`
}

const askPage = `(() => {
	const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 };
	const rgba = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
	const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c } return [255, 255, 255, 1] };
	const faint = new Set();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walk.nextNode();) {
		const e = n.parentElement;
		if (!n.data.trim() || !e.getClientRects().length) continue;
		const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(e.tagName + '.' + e.className + ': ' + n.data.trim().slice(0, 40));
	}
	return {
		overflow: document.documentElement.scrollWidth - innerWidth,
		scripts: document.scripts.length + document.querySelectorAll('iframe, object, embed, [onerror], [onclick], [onload]').length,
		ids: [...document.querySelectorAll('[id]')].map(e => e.id),
		links: [...document.querySelectorAll('a[href]')].map(e => e.href),
		faint: [...faint],
		text: document.body.innerText,
	};
})()`

// hostile are three sessions whose texts try to be markup.
func hostile(t *testing.T, home string) {
	t.Helper()
	for i := range 3 {
		id := fmt.Sprintf("bad0bad0-0000-4000-8000-00000000000%d", i)
		head := fmt.Sprintf(`"sessionId":"%s","cwd":"/home/dev/work/shop","timestamp":"2026-04-2%dT10:00:00Z"`, id, i)
		lines := []string{
			fmt.Sprintf(`{"type":"user","uuid":"u%d",%s,"message":{"role":"user","content":"<img src=x onerror=alert(1)> & <b>see</b> \u202e\u001b[31m"}}`, i, head),
			fmt.Sprintf(`{"type":"assistant","uuid":"a%d",%s,"message":{"id":"m%d","role":"assistant","content":[{"type":"tool_use","id":"t%d","name":"Bash","input":{"command":"frobnicate '<script>alert(1)</script>'"}}]}}`, i, head, i, i),
			fmt.Sprintf(`{"type":"user","uuid":"r%d",%s,"message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t%d","is_error":true,"content":"Exit code 127\n(eval):1: command not found: frobnicate <script>alert(1)</script>"}]}}`, i, head, i),
		}
		file := filepath.Join(home, ".claude", "projects", "-home-dev-work-shop", id+".jsonl")
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// aRun lets an agent work in vain towards a goal with a metric, whose texts try
// to be markup.
func aRun(t *testing.T, home, state string) {
	t.Helper()
	repo := t.TempDir()
	goal := strings.Join([]string{"---", `goal: "<img src=x onerror=alert(1)> size is small"`, "agent: echo '<script>alert(1)</script>'", "learnings: {off: true}", "budget: {iterations: 2, wall: 5m}",
		"checks:", `- {id: size, run: "wc -c < big.txt", metric: '(\d+)', unit: bytes, want: '< 2'}`, "---", "password=" + "hunter2hunter2", ""}, "\n")
	for name, text := range map[string]string{"goal.md": goal, "big.txt": "1234567\n"} {
		if err := os.WriteFile(filepath.Join(repo, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"git", "init", "-q"}, {"git", "add", "-A"}, {"git", "-c", "user.name=dev", "-c", "user.email=dev@example.org", "commit", "-qm", "start"},
		{"lode", "--home", home, "--state", state, "run", "goal.md", "--yes"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = repo
		if out, err := cmd.CombinedOutput(); err != nil && args[0] == "git" || err == nil && args[0] == "lode" {
			t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
		} else if args[0] == "lode" && !strings.Contains(string(out), "2 iterations") {
			t.Fatalf("the run: %s", out)
		}
	}
}

// Every page of the site is readable on a screen and a telephone, by day and by
// night: nothing runs out of it, no text is faint, no link is dead, nothing is
// fetched, and what stands in transcripts stays text.
func TestPages(t *testing.T) {
	ctx, wrong := browser(t)
	home := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(home, os.DirFS("../../testdata/sample")); err != nil {
		t.Fatal(err)
	}
	hostile(t, home)
	state := filepath.Join(t.TempDir(), "state")
	aRun(t, home, state)
	var out strings.Builder
	if code := runIn(t, &out, "--home", home, "--config", filepath.Join(home, "lode.yaml"), "--state", state, "--now", "2026-05-01", "nightly", "--since", "all"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	files, err := filepath.Glob(filepath.Join(state, "site", "*.html"))
	if run, _ := filepath.Glob(filepath.Join(state, "site", "run-*.html")); len(run) != 1 {
		t.Errorf("pages of runs: %v", run)
	}
	if err != nil || len(files) < 10 {
		t.Fatalf("%d pages, %v", len(files), err)
	}

	ids, links := make(map[string]bool), make(map[string]string)
	quoted := false
	for _, file := range files {
		name := filepath.Base(file)
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				p, err := look(ctx, "file://"+file, width, scheme)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if p.Overflow > 0 {
					t.Errorf("%s at %d px: %d px wider than the window", name, width, p.Overflow)
				}
				if len(p.Faint) > 0 {
					t.Errorf("%s, %s: faint: %s", name, scheme, strings.Join(p.Faint, "; "))
				}
				if p.Scripts > 0 {
					t.Errorf("%s: %d elements that could act", name, p.Scripts)
				}
				for _, id := range p.IDs {
					ids["file://"+file+"#"+id] = true
				}
				for _, link := range p.Links {
					links[link] = name
				}
				ids["file://"+file] = true
				if strings.Contains(p.Text, "hunter2") {
					t.Errorf("%s shows a secret of the contract", name)
				}
				if strings.Contains(p.Text, "%!") {
					t.Errorf("%s shows a value in the wrong form", name)
				}
				quoted = quoted || strings.Contains(p.Text, "<script>alert(1)</script>")
			}
		}
	}
	for link, from := range links {
		if plain, err := url.PathUnescape(link); err != nil || !ids[plain] {
			t.Errorf("%s links to %s: it is not there", from, strings.TrimPrefix(link, "file://"+filepath.Dir(files[0])))
		}
	}
	if !quoted {
		t.Error("the hostile text stands on no page")
	}
	wrong.Lock()
	defer wrong.Unlock()
	for _, w := range wrong.list {
		t.Error(w)
	}
}
