package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lode/cmd/lode/internal/install"
)

type installOptions struct{ yes, dryRun, list bool }

func (o *installOptions) AddFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
}

func newInstallCommand(g *globals) *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use:   "install [PART...]",
		Short: "Have agents load what was learned, and a scheduler run lode",
		Long: "install wires lode into the programs around it: agents then load the brief of a\n" +
			"project when a session starts, and can search past sessions by MCP; cron, systemd\n" +
			"or launchd run lode nightly. It shows what would change as a diff, and asks.\n" +
			"Without names it takes the agents that are used here. uninstall gives the files\n" +
			"their old bytes back.\n\n" + partsHelp() +
			"\nAny other runner of agents can load the brief by itself: $(lode brief).",
		Example: `  lode install
  lode install claude codex
  lode install cron --yes
  lode install --list`,
		RunE: func(_ *cobra.Command, args []string) error { return runInstall(g, o, args) },
	}
	o.AddFlags(cmd)
	cmd.Flags().BoolVar(&o.list, "list", false, "list what can be installed, and what is")
	return cmd
}

// partsHelp lists the parts.
func partsHelp() string {
	var b strings.Builder
	for _, p := range install.Parts {
		fmt.Fprintf(&b, "  %-13s %s\n", p.Name, p.Doc)
	}
	return b.String()
}

func newUninstallCommand(g *globals) *cobra.Command {
	var o installOptions
	cmd := &cobra.Command{
		Use: "uninstall [PART...]", Short: "Take back what install did",
		Long: `uninstall gives files their old bytes back. What was changed since loses only what
install put in. Without names, all that was installed is taken back. Learnings,
rules and the state folder stay.`,
		Example: "  lode uninstall\n  lode uninstall claude --dry-run",
		RunE:    func(_ *cobra.Command, args []string) error { return runUninstall(g, o, args) },
	}
	o.AddFlags(cmd)
	return cmd
}

// installEnv says how lode is called from elsewhere: by its whole path, and with
// the flags that say where its things are.
func (w *world) installEnv() (*install.Env, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	e := &install.Env{Home: w.homeDir, Getenv: w.environ(), Command: []string{program}}
	for _, f := range []struct{ name, value string }{{"--state", w.state}, {"--home", w.home}, {"--config", w.config}} {
		if f.value == "" {
			continue
		}
		abs, err := filepath.Abs(f.value)
		if err != nil {
			return nil, err
		}
		e.Command = append(e.Command, f.name, abs)
	}
	return e, nil
}

// installView is the machine view of what is or would be changed.
type installView struct {
	V       int              `json:"v"`
	Done    bool             `json:"done"`
	Changes []install.Change `json:"changes"`
	Notes   []string         `json:"notes"`
}

func runInstall(g *globals, o installOptions, names []string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	e, err := w.installEnv()
	if err != nil {
		return err
	}
	if o.list {
		return w.listParts(e)
	}
	parts, err := install.Select(e, names)
	if err != nil {
		return usagef("%w (hint: lode install --list)", err)
	}
	changes, err := install.Plan(e, parts)
	if err != nil {
		return err
	}
	view := installView{V: 1, Changes: changes, Notes: []string{}}
	for _, p := range parts {
		if p.Notes != nil {
			view.Notes = append(view.Notes, p.Notes(e)...)
		}
	}
	nothing := "everything is installed already"
	if len(parts) == 0 {
		nothing = "no agent is used here that lode can be installed into (hint: lode install --list names them all)"
	}
	return w.carryOut(o, view, nothing, func(r *install.Record) error { return r.Apply(e, changes) })
}

func runUninstall(g *globals, o installOptions, names []string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	e, err := w.installEnv()
	if err != nil {
		return err
	}
	if _, err := install.Select(e, names); err != nil {
		return usagef("%w (hint: lode install --list)", err)
	}
	r, err := install.Load(w.stateDir)
	if err != nil {
		return err
	}
	changes, notes, err := r.Removal(e, names)
	if err != nil {
		return err
	}
	view := installView{V: 1, Changes: changes, Notes: append([]string{}, notes...)}
	err = w.carryOut(o, view, "nothing is installed", func(r *install.Record) error { return r.Remove(changes) })
	if err == nil && len(notes) > 0 {
		err = errors.New("not all could be taken out, see above")
	}
	return err
}

// carryOut shows changes, asks, and makes them.
func (w *world) carryOut(o installOptions, view installView, nothing string, do func(*install.Record) error) error {
	if !w.json {
		w.printInstall(view, nothing)
	}
	if len(view.Changes) > 0 && !o.dryRun {
		switch {
		case o.yes:
		case !w.atTerminal():
			return usagef("there is nobody to ask; nothing was changed (hint: --yes makes the changes, --dry-run only shows them)")
		case !w.confirm("make these changes?"):
			return errNotConfirmed
		}
		unlock, err := w.lock()
		if err != nil {
			return err
		}
		defer unlock()
		r, err := install.Load(w.stateDir)
		if err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
		view.Done = true
		if !w.quiet && !w.json {
			fmt.Fprintf(w.stdout, "done: %s changed\n", count(len(view.Changes), "file"))
		}
	}
	if w.json {
		return printJSON(w.stdout, view)
	}
	return nil
}

func (w *world) printInstall(view installView, nothing string) {
	if w.quiet {
		return
	}
	for _, c := range view.Changes {
		fmt.Fprintf(w.stdout, "%s, for %s", c.File, strings.Join(c.Parts, ", "))
		switch {
		case c.Created:
			fmt.Fprint(w.stdout, " (new)")
		case c.Removed:
			fmt.Fprint(w.stdout, " (goes)")
		}
		fmt.Fprintf(w.stdout, ":\n\n%s\n", c.Diff)
	}
	for _, n := range view.Notes {
		fmt.Fprintf(w.stdout, "note: %s\n", n)
	}
	if len(view.Changes) == 0 {
		fmt.Fprintln(w.stdout, nothing)
	}
}

var errNotConfirmed = errors.New("nothing was changed")

// partView is the machine view of a part.
type partView struct {
	Name      string `json:"name"`
	Doc       string `json:"doc"`
	Found     bool   `json:"found"` // the program is used here
	Installed bool   `json:"installed"`
}

func (w *world) listParts(e *install.Env) error {
	r, err := install.Load(w.stateDir)
	if err != nil {
		return err
	}
	var views []partView
	for _, p := range install.Parts {
		views = append(views, partView{p.Name, p.Doc, p.Found(e), r.Has(p.Name)})
	}
	if w.json {
		return printJSON(w.stdout, struct {
			V     int        `json:"v"`
			Parts []partView `json:"parts"`
		}{1, views})
	}
	for _, v := range views {
		state := "not found here"
		switch {
		case v.Installed:
			state = "installed"
		case v.Found:
			state = "can be installed"
		}
		fmt.Fprintf(w.stdout, "%-13s %-17s %s\n", v.Name, state, v.Doc)
	}
	return nil
}
