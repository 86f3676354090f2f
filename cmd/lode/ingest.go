package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lode/ingest"
	"lode/session"
	"lode/session/redact"
)

func newIngestCommand(g *globals) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "ingest [PATH...]",
		Short: "Read the transcripts that are new or have changed",
		Long: `ingest looks in the agents' known places under the home folder, in the roots
of the configuration, and at the paths given, and reads what is new or has
changed into the session store and the index. It never searches a whole home
folder. With --watch it goes on, and reads what agents write while they write it,
until it is stopped.`,
		Example: `  lode ingest
  lode ingest ~/Downloads/trajectories
  lode ingest --watch`,
		RunE: func(cmd *cobra.Command, args []string) error { return runIngest(cmd.Context(), g, args, watch) },
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "go on and read what changes")
	return cmd
}

func runIngest(ctx context.Context, g *globals, paths []string, watch bool) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	for _, p := range paths {
		if _, err := os.Lstat(p); err != nil {
			return usagef("%w", err)
		}
	}
	if watch {
		return w.watch(ctx, paths)
	}
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	res, err := w.ingest(ctx, paths)
	if err != nil {
		return err
	}
	if err := w.reindex(ctx); err != nil {
		return err
	}
	if g.json {
		return printJSON(w.stdout, struct {
			V int `json:"v"`
			ingest.Result
		}{1, res})
	}
	fmt.Fprintf(w.stdout, "%s found, %d read now, %d skipped; %s new or changed\n",
		count(res.Found, "file"), res.Read, res.Skipped, count(len(res.Changed), "session"))
	if res.Found == 0 {
		w.nothingFound(w.stdout, res.Looked)
	}
	return nil
}

// ingest reads what changed. The state is locked.
func (w *world) ingest(ctx context.Context, paths []string) (ingest.Result, error) {
	bar := w.progress("reading")
	defer bar.done()
	return ingest.Run(ctx, ingest.Options{
		Where:    w.where(paths),
		State:    w.stateDir,
		Store:    w.store(),
		Redact:   w.redactRules(),
		Checkout: checkouts(),
		Progress: bar.bytes,
	})
}

// redactRules are what is replaced in all that is kept.
func (w *world) redactRules() redact.Rules { return redact.Rules{Emails: w.cfg.Redact.Emails} }

func (w *world) where(paths []string) ingest.Where {
	return ingest.Where{Home: w.homeDir, Env: w.environ(), Roots: w.cfg.Roots, Paths: paths}
}

// nothingFound tells a newcomer where was looked and what to do next.
func (w *world) nothingFound(out io.Writer, looked []ingest.Looked) {
	fmt.Fprintf(out, "no transcripts found. Looked in:\n")
	seen, places := map[string]bool{}, map[string]int{}
	for _, l := range looked {
		if name := l.Agent + "\n" + l.Place; !seen[name] {
			seen[name] = true
			places[l.Agent]++
		}
	}
	for _, l := range looked {
		line := "  " + filepath.Join(w.homeDir, filepath.FromSlash(l.Place))
		switch n := places[l.Agent] - 1; {
		case l.Err != "":
			line += ": " + l.Err
		case l.Agent != "" && n < 0:
			continue // its first place is shown
		case l.Agent != "" && n > 0:
			line += fmt.Sprintf(" (%s, and %s)", l.Agent, count(n, "other place"))
		case l.Agent != "":
			line += " (" + l.Agent + ")"
		}
		if l.Agent != "" {
			places[l.Agent] = 0
		}
		fmt.Fprintln(out, line)
	}
	fmt.Fprint(out, "Transcripts elsewhere? Name their folders under roots: in the configuration (lode help config),\n"+
		"or read them once with: lode ingest FOLDER\n"+
		"To see what lode does, try the sample in its source folder:\n"+
		"  "+sampleCommand+"\n")
}

// sampleCommand is the main command of the README.
const sampleCommand = "go run ./cmd/lode --home testdata/sample --config testdata/sample/lode.yaml --state build/sample --now 2026-05-01 nightly --since all"

// checkouts returns a lookup of the git working tree that a folder belongs to,
// which remembers its answers.
func checkouts() func(dir string) (root, remote string) {
	type answer struct{ root, remote string }
	known := make(map[string]answer)
	var mu sync.Mutex
	return func(dir string) (string, string) {
		mu.Lock()
		defer mu.Unlock()
		a, ok := known[dir]
		if !ok {
			a.root, a.remote = checkout(dir)
			known[dir] = a
		}
		return a.root, a.remote
	}
}

// checkout finds the main working tree of a folder's repository, and its
// origin, by reading git's files.
func checkout(dir string) (root, remote string) {
	if !filepath.IsAbs(dir) {
		return "", ""
	}
	for {
		git := filepath.Join(dir, ".git")
		if info, err := os.Stat(git); err == nil {
			if !info.IsDir() {
				if git = commonDir(git); git == "" {
					return dir, ""
				}
				dir = filepath.Dir(git)
			}
			return dir, originOf(filepath.Join(git, "config"))
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ""
		}
		dir = parent
	}
}

// commonDir follows the .git file of a worktree to the repository's folder.
func commonDir(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	dir, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if !ok {
		return ""
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(file), dir)
	}
	common, err := os.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil {
		return ""
	}
	return filepath.Clean(filepath.Join(dir, strings.TrimSpace(string(common))))
}

func originOf(config string) string {
	text, err := os.ReadFile(config)
	if err != nil {
		return ""
	}
	in := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = line == `[remote "origin"]`
		}
		if url, ok := strings.CutPrefix(line, "url ="); ok && in {
			return session.RemoteName(url)
		}
	}
	return ""
}

// bar shows progress at a terminal and nothing elsewhere.
type bar struct{ b *progressbar.ProgressBar }

func (w *world) progress(what string) *bar {
	f, ok := w.stderr.(*os.File)
	if !ok || w.quiet || !isTerminal(f) {
		return &bar{}
	}
	return &bar{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100e6))}
}

func (p *bar) bytes(done, total int64) {
	if p.b == nil {
		return
	}
	p.b.ChangeMax64(total)
	p.b.Set64(done)
}

// items shows a count of things, where bytes are not known.
func (p *bar) items(done, total int64) {
	if p.b != nil {
		p.b.Describe(fmt.Sprintf("indexing %d of %d", done, total))
	}
}

func (p *bar) done() {
	if p.b != nil {
		p.b.Finish()
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// printJSON prints a value as one indented document.
func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
