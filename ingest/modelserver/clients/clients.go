// Package clients runs the real programs of coding agents offline, in tests
// only: pinned versions from npm, with a fresh home folder each, against a
// scripted model (package modelserver) on the loopback interface.
//
// They lie in <cache>/lode-ci/npm/<name>@<version>, where <cache> is the
// user's cache folder; Install puts them there. Their settings tell them to stay
// on the machine, without news, telemetry and updates; Offline makes sure of it.
package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Client is an agent's program in one version.
type Client struct {
	Name    string // of the agent, as lode names it
	Package string // on npm
	Version string
	Program string
	Setup   string // a script of the package that puts its program in place; it fetches nothing

	// Env, Files and the arguments may name $HOME, the fresh home folder, and
	// $URL, the model server. Files are written into the home folder.
	Env    []string
	Files  map[string]string
	Start  []string // the arguments before the prompt of a new session
	Resume []string // and of one that goes on with the last
	Stdin  bool     // the prompt is not an argument, but standard input

	// Server are the files with which it also knows an MCP server named lode, in
	// place of those of the same names in Files. They may name $PROGRAM, a string
	// in JSON, and $ARGS and $COMMAND, without the program and with it, as lists.
	Server map[string]string
}

// String returns name@version.
func (c *Client) String() string { return c.Name + "@" + c.Version }

// folder is where the client is installed.
func (c *Client) folder() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "lode-ci", "npm", c.String()), err
}

// Find returns the installed program; an error that is fs.ErrNotExist says that
// there is none.
func (c *Client) Find() (string, error) {
	dir, err := c.folder()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "node_modules", ".bin", c.Program)
	_, err = os.Stat(program)
	return program, err
}

// Install fetches the client from npm. No script of a package is run but Setup:
// the others build what the story does not need.
func (c *Client) Install(ctx context.Context) error {
	dir, err := c.folder()
	if err != nil {
		return err
	}
	half := dir + ".new" // renamed when it is whole
	if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o755)); err != nil {
		return err
	}
	if err := run(ctx, half, "npm", "install", "--prefix", half, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
		c.Package+"@"+c.Version); err != nil {
		return err
	}
	pkg := filepath.Join(half, "node_modules", filepath.FromSlash(c.Package))
	if _, err := os.Stat(filepath.Join(pkg, c.Setup)); c.Setup != "" && err == nil { // older generations have none
		if err := run(ctx, pkg, "node", c.Setup); err != nil {
			return err
		}
	}
	return os.Rename(half, dir)
}

// run runs a command; its output is part of the error.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// limit is how long one call of a client may take; the slowest takes 6 s.
const limit = 90 * time.Second

// Home is a client's fresh home folder, with the model that it talks to.
type Home struct {
	Client  *Client
	Program string
	Dir     string // the home folder
	Work    string // the working folder
	URL     string // of the model server

	Server []string // the command of an MCP server named lode; none if empty
}

// Prepare writes the client's settings.
func (h *Home) Prepare() error {
	files := maps.Clone(h.Client.Files)
	if len(h.Server) > 0 {
		if files == nil {
			files = make(map[string]string)
		}
		maps.Copy(files, h.Client.Server)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(h.Dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(h.expand(files[name])), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(h.Dir, "tmp"), 0o755)
}

func (h *Home) expand(text string) string {
	old := []string{"$HOME", h.Dir, "$URL", h.URL}
	if len(h.Server) > 0 {
		old = append(old, "$PROGRAM", list(h.Server[0]), "$ARGS", list(h.Server[1:]), "$COMMAND", list(h.Server))
	}
	return strings.NewReplacer(old...).Replace(text)
}

// list writes strings as JSON does, and TOML too.
func list(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // they are strings
	}
	return string(text)
}

// Ask runs the client with a prompt in its working folder, in a new session or
// going on with the last, until it is done. It returns what the client printed.
func (h *Home) Ask(ctx context.Context, prompt string, resume bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := h.Client.Start
	if resume {
		args = h.Client.Resume
	}
	cmd := exec.CommandContext(ctx, h.Program)
	for _, a := range args {
		cmd.Args = append(cmd.Args, h.expand(a))
	}
	if h.Client.Stdin {
		cmd.Stdin = strings.NewReader(prompt)
	} else {
		cmd.Args = append(cmd.Args, prompt)
	}
	cmd.Dir = h.Work
	cmd.Env = h.Environment()
	cmd.WaitDelay = time.Second // processes that a client leaves behind hold its output
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", h.Client, errors.Join(err, ctx.Err()))
	}
	return string(out), err
}

// Environment is all that a client sees of the one of the test.
func (h *Home) Environment() []string {
	env := []string{"HOME=" + h.Dir, "TMPDIR=" + filepath.Join(h.Dir, "tmp"), "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TERM=dumb",
		"npm_config_registry=" + h.URL, "npm_config_update_notifier=false"}
	for _, e := range h.Client.Env {
		env = append(env, h.expand(e))
	}
	return env
}
