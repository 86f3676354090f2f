package verify

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"lode/loop/goal"
	"lode/loop/picture"
	"lode/loop/proc"
)

// HTTP is an address that must answer.
var HTTP = Kind{
	Name: "http",
	Doc:  "an address that must answer 200, or as expect says; start names a server to run meanwhile, and $PORT is a free port",
	Is:   func(c *goal.Check) bool { return c.HTTP != "" },
	Lint: func(c *goal.Check) []string {
		if !strings.HasPrefix(c.HTTP, "http://") && !strings.HasPrefix(c.HTTP, "https://") {
			return []string{"an address begins with http:// or https://"}
		}
		return nil
	},
	Run: func(ctx context.Context, p *Place, c *goal.Check) Verdict {
		address, stop, err := p.serve(ctx, c, c.HTTP)
		defer stop()
		if err != nil {
			return Verdict{Status: Red, Says: err.Error()}
		}
		return fetch(ctx, c, address)
	},
}

// bodyBytes is how much of an answer is read.
const bodyBytes = 4 << 20

func fetch(ctx context.Context, c *goal.Check, address string) Verdict {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout.Of(30*time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Verdict{Status: Unclear, Says: err.Error()}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Verdict{Status: Red, Says: "no answer: " + err.Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyBytes))
	want := expected(c)
	if want.Exit == 0 {
		want.Exit = http.StatusOK
	}
	v := Verdict{Status: Red, Exit: &resp.StatusCode, Part: Relevant(string(body))}
	switch {
	case err != nil:
		v.Says = "the answer broke off: " + err.Error()
	case resp.StatusCode != want.Exit:
		v.Says = fmt.Sprintf("it answered %d, not %d", resp.StatusCode, want.Exit)
	case want.Output != "" && !regexp.MustCompile(want.Output).Match(body):
		v.Says = fmt.Sprintf("the answer holds no %q", want.Output)
	default:
		v.Status, v.Says = Green, fmt.Sprintf("it answered %d", resp.StatusCode)
	}
	return v
}

// serve starts the server of a check, if it has one, and waits until the
// address answers. $PORT in both is a free port.
func (p *Place) serve(ctx context.Context, c *goal.Check, address string) (_ string, stop func(), err error) {
	stop = func() {}
	if c.Start == "" {
		return address, stop, nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", stop, err
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	address = strings.NewReplacer("${PORT}", port, "$PORT", port).Replace(address)
	end, err := proc.Server(proc.Command{Line: c.Start, Dir: p.Dir, Env: append([]string{"PORT=" + port}, p.Env...), Tag: p.Tag})
	if err != nil {
		return "", stop, err
	}
	stop = func() { end() }
	client := &http.Client{Timeout: time.Second}
	if !poll(ctx, 30*time.Second, func() bool {
		resp, err := client.Get(address)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	}) {
		return "", stop, fmt.Errorf("%q does not answer at %s", c.Start, address)
	}
	return address, stop, nil
}

// Screenshot is a page that must look like a picture.
var Screenshot = Kind{
	Name: "screenshot",
	Doc:  "a page (a file of the worktree or an address) that must look like the reference, within a distance from 0 to 1; needs Chromium",
	Is:   func(c *goal.Check) bool { return c.Shot != "" },
	Lint: func(c *goal.Check) (says []string) {
		if c.Against == "" {
			says = append(says, "a screenshot needs a reference to compare with (reference: want.png)")
		}
		if _, _, err := size(c.Size); err != nil {
			says = append(says, err.Error())
		}
		if c.Within != nil && (*c.Within < 0 || *c.Within > 1) {
			says = append(says, "distance is between 0, the same, and 1")
		}
		if c.Measure != "" && picture.Measures[c.Measure] == nil {
			says = append(says, "measure is pixels or perceptual")
		}
		return says
	},
	Uses: func(c *goal.Check, _ []string) []string { return []string{filepath.ToSlash(filepath.Clean(c.Against))} },
	Run:  runScreenshot,
}

func size(s string) (w, h int, err error) {
	if s == "" {
		return 1280, 800, nil
	}
	if _, err := fmt.Sscanf(s, "%dx%d", &w, &h); err != nil || w < 1 || h < 1 || w > 10000 || h > 10000 {
		return 0, 0, fmt.Errorf("size %q is no size (hint: 1280x800)", s)
	}
	return w, h, nil
}

func runScreenshot(ctx context.Context, p *Place, c *goal.Check) Verdict {
	address, stop, err := p.serve(ctx, c, c.Shot)
	defer stop()
	if err != nil {
		return Verdict{Status: Red, Says: err.Error()}
	}
	if !strings.Contains(address, "://") {
		page := filepath.Join(p.Dir, filepath.FromSlash(address))
		if _, err := os.Stat(page); err != nil {
			return Verdict{Status: Red, Says: "there is no " + address}
		}
		address = "file://" + filepath.ToSlash(page)
	}
	if err := os.MkdirAll(p.Artifacts, 0o700); err != nil {
		return Verdict{Status: Unclear, Says: err.Error()}
	}
	shot := filepath.Join(p.Artifacts, c.ID+".png")
	if err := shoot(ctx, p, c, address, shot); err != nil {
		return Verdict{Status: Unclear, Says: err.Error()}
	}
	reference := filepath.Join(p.Pristine, filepath.FromSlash(c.Against))
	if _, err := os.Stat(reference); err != nil { // not in the repository
		reference = c.Against
	}
	measure := c.Measure
	if measure == "" {
		measure = "pixels"
	}
	distance, err := picture.Compare(measure, shot, reference, filepath.Join(p.Artifacts, c.ID+"-differs.png"))
	if err != nil {
		return Verdict{Status: Unclear, Says: err.Error()}
	}
	within := 0.01
	if c.Within != nil {
		within = *c.Within
	}
	v := Verdict{Status: Red, Value: &distance, Target: &within, Unit: measure}
	v.Says = fmt.Sprintf("it differs from %s by %.4f, at most %g is allowed", c.Against, distance, within)
	v.Part = v.Says + "\nthe pictures: " + shot + " and " + c.ID + "-differs.png beside it"
	if distance <= within {
		v.Status = Green
	}
	return v
}

// browsers are the names of Chromium.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// shoot has Chromium take a picture of a page: without a network but for the
// page's own, and with a profile of its own.
func shoot(ctx context.Context, p *Place, c *goal.Check, address, file string) error {
	program := ""
	for _, name := range browsers {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		return fmt.Errorf("Chromium is not installed (hint: apt-get install chromium, or look at the page with a check of your own)")
	}
	w, h, err := size(c.Size)
	if err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "lode-browser-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	os.Remove(file)
	args := []string{program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--force-device-scale-factor=1", "--force-color-profile=srgb", "--font-render-hinting=none", "--disable-lcd-text", "--disable-dev-shm-usage",
		"--user-data-dir=" + profile, fmt.Sprintf("--window-size=%d,%d", w, h), "--virtual-time-budget=5000", "--screenshot=" + file, address}
	ended, err := proc.Run(ctx, proc.Command{Args: args, Dir: p.Dir, Tag: p.Tag, Time: c.Timeout.Of(time.Minute)})
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("Chromium took no picture (exit code %d%s)", ended.Exit, because(ended.Why))
	}
	return nil
}

func because(why proc.Why) string {
	if why == "" {
		return ""
	}
	return ": it " + string(why)
}
