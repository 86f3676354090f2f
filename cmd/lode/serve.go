package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lode/reports/serve"
)

type serveOptions struct {
	port int
	open bool
}

func (o *serveOptions) AddFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.port, "port", 0, "the port to listen on; 0 takes a free one")
	cmd.Flags().BoolVar(&o.open, "open", false, "open the page in the browser")
}

func newServeCommand(g *globals) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Look, search and decide in the browser",
		Long: `serve shows the pages of lode report in the browser as the state is now: what
waits for you, what the last night found, every session, and a box to search.
There you accept, edit, reject, put off and undo proposals as with lode review,
and lead runs as with lode run. A page that changes is shown anew by itself.

It listens on this machine only, and answers only the browser that opened the
address that it prints: keep that to yourself. It ends on Ctrl-C. Nightly runs
go on beside it. A run that is resumed there works as long as serve does.`,
		Example: `  lode serve --open
  lode serve --port 8765
  lode serve --json        # {"v":1,"url":...}`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), g, o) },
	}
	o.AddFlags(cmd)
	return cmd
}

func runServe(ctx context.Context, g *globals, o serveOptions) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if o.port < 0 || o.port > 65535 {
		return usagef("--port: there is no port %d", o.port)
	}
	if err := w.checkState(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(w.stateDir, "version")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is nothing to show in %s yet (hint: lode nightly reads the transcripts and looks for what recurs)", w.stateDir)
	}
	listeners, port, err := listen(o.port)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	desk := &browserDesk{g: g, ctx: ctx}
	handler, url := desk.handler(port)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- server.Serve(l) }()
	}
	if err = w.announce(url, o.open, ctx.Done()); err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
		}
	}
	end() // runs that it works on stop, and can be gone on with
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(last))
	desk.runs.Wait()
	return err
}

// handler answers on a port; the address opens it.
func (b *browserDesk) handler(port int) (h http.Handler, url string) {
	o := serve.Options{Base: "/" + strings.ToLower(rand.Text()[:8]) + "/", Token: rand.Text(), Random: rand.Text, State: b, Searcher: b, Decider: b, Runner: b}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} {
		o.Hosts = append(o.Hosts, fmt.Sprintf("%s:%d", host, port))
	}
	return serve.New(o), "http://" + o.Hosts[0] + o.Base + "?token=" + o.Token
}

// listen listens on this machine alone, by both of its addresses where it has
// both.
func listen(port int) ([]net.Listener, int, error) {
	v4, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, 0, fmt.Errorf("%w (hint: name another --port, or none to take a free one)", err)
	}
	all, port := []net.Listener{v4}, v4.Addr().(*net.TCPAddr).Port
	if v6, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port)); err == nil {
		all = append(all, v6)
	}
	return all, port, nil
}

// announce tells where the pages are, and opens them.
func (w *world) announce(url string, open bool, done <-chan struct{}) error {
	if w.json {
		err := printJSON(w.stdout, struct {
			V   int    `json:"v"`
			URL string `json:"url"`
		}{1, url})
		if err != nil {
			return err
		}
	} else {
		fmt.Fprintln(w.stdout, url)
		w.note("open this address in your browser; Ctrl-C ends lode serve")
	}
	if open {
		if err := openBrowser(url, done); err != nil {
			w.note("the browser could not be opened: %v (hint: open the address yourself)", err)
		}
	}
	return nil
}

// openBrowser opens an address in the person's browser, by way of a file that
// only they can read: other users see command lines, and the address has the
// token. The file is removed when lode serve ends.
func openBrowser(url string, done <-chan struct{}) error {
	f, err := os.CreateTemp("", "lode-*.html")
	if err != nil {
		return err
	}
	fmt.Fprintf(f, "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0; url=%s\"><a href=\"%[1]s\">lode</a>\n", url)
	if err := f.Close(); err != nil {
		return err
	}
	go func() {
		<-done
		os.Remove(f.Name())
	}()
	program := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		program = []string{"open"}
	case "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	cmd := exec.Command(program[0], append(program[1:], f.Name())...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}
