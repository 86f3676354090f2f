package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"lode/session"
)

// environment is what the program gets from outside.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// globals are the flags that every command has.
type globals struct {
	environment
	state, home, config, now string
	json, quiet              bool
}

func (g *globals) AddFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&g.state, "state", "", "folder that holds what lode knows (default $XDG_DATA_HOME/lode)")
	f.StringVar(&g.home, "home", "", "home folder in which to look for transcripts (default your own)")
	f.StringVar(&g.config, "config", "", "configuration file (default $XDG_CONFIG_HOME/lode/lode.yaml, if it is there)")
	f.StringVar(&g.now, "now", "", "take this as the present time: 2026-05-01 or 2026-05-01T10:00:00Z")
	f.BoolVar(&g.json, "json", false, "print JSON")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "print nothing but results and errors")
}

// world is the globals made definite: what a run works with.
type world struct {
	*globals
	cfg      Config
	stateDir string
	homeDir  string
	clock    time.Time
	via      string // how a person decides, for the ledger, where it is not by a command
}

func (g *globals) world() (*world, error) {
	w := &world{globals: g, stateDir: g.state, homeDir: g.home, clock: time.Now().UTC()}
	if g.now != "" {
		t, err := parseMoment(g.now)
		if err != nil {
			return nil, usagef("--now: %w", err)
		}
		w.clock = t
	}
	if w.stateDir == "" {
		w.stateDir = filepath.Join(xdg.DataHome, "lode")
	}
	if w.homeDir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, usagef("no home folder: %w (hint: name it with --home)", err)
		}
		w.homeDir = home
	}
	for _, dir := range []*string{&w.stateDir, &w.homeDir} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return nil, err
		}
		*dir = abs
	}
	cfg, err := loadConfig(g.config)
	if err != nil {
		return nil, err
	}
	w.cfg = cfg
	return w, nil
}

// store returns the session store of the state folder.
func (w *world) store() *session.Store {
	return session.NewStore(filepath.Join(w.stateDir, "sessions"))
}

// environ answers for the agents' variables, which say where the user's own
// transcripts are; a home folder named by flag is taken as it stands.
func (w *world) environ() func(string) string {
	if w.home != "" {
		return nil
	}
	return w.getenv
}

// note tells the user something beside the results, unless that is unwanted.
func (w *world) note(format string, args ...any) {
	if !w.quiet {
		fmt.Fprintf(w.stderr, format+"\n", args...)
	}
}

// Memory: the collector runs seldom while the heap is small, and as often as it
// must when it comes near the limit.
const (
	gcPercent   = 300
	memoryLimit = 300 << 20
)

// run carries out a command line and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	cobra.EnableCommandSorting = false // help keeps the order of commands.go
	log.SetOutput(io.Discard)          // bleve writes there what it also returns
	g := &globals{environment: env}
	root := newRootCommand(g)
	root.SetArgs(args)
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	return report(env.stderr, root.ExecuteContext(ctx))
}

func newRootCommand(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:   "lode",
		Short: "Learn from the transcripts of coding agents",
		Long: `lode reads the transcripts that coding agents leave behind, makes them
searchable, finds what keeps going wrong, and proposes small changes to
CLAUDE.md and AGENTS.md, each with evidence that opens. Nothing of yours is
changed until you accept a proposal, and every change can be undone.`,
		Example: `  lode nightly            # read, index, mine, propose, report; for cron
  lode review list        # what is proposed
  lode search pytest      # find the place
  lode status             # what was read, what was not, and why`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (hint: see %s --help)", err, cmd.CommandPath())
	})
	g.AddFlags(root)
	root.AddCommand(commands(g)...)
	for _, cmd := range allCommands(root) {
		strictArgs(cmd)
	}
	addCompletions(g, root)
	return root
}

func allCommands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}

// strictArgs turns complaints about arguments into usage errors, and a group
// of commands without a verb into its help.
func strictArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%w (hint: see %s --help)", err, c.CommandPath())
			}
			return nil
		}
	}
	if cmd.RunE == nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q (hint: see %s --help)", args[0], c.CommandPath())
			}
			return c.Help()
		}
	}
}

// parseMoment reads a date or a time.
func parseMoment(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time (want 2026-05-01 or 2026-05-01T10:00:00Z)", s)
}

// parseSince reads how far back to look: 30d, 12h, 4w, a date, or all, which
// gives the zero time.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "all" {
		return time.Time{}, nil
	}
	if n := len(s) - 1; n > 0 {
		if count, err := strconv.Atoi(s[:n]); err == nil && count >= 0 {
			switch s[n] {
			case 'h':
				return now.Add(-time.Duration(count) * time.Hour), nil
			case 'd':
				return now.AddDate(0, 0, -count), nil
			case 'w':
				return now.AddDate(0, 0, -7*count), nil
			}
		}
	}
	t, err := parseMoment(s)
	if err != nil {
		return t, errors.New(strings.Replace(err.Error(), "is not a time (want ", "is not a span or a time (want 30d, 12h, 4w, all, ", 1))
	}
	return t, nil
}
