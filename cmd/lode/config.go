package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"

	"lode/rules"
	"lode/session"
)

// Config is the configuration file. Every key is described in configHelp.
type Config struct {
	Roots     []string              `yaml:"roots"`
	Projects  []session.ProjectRule `yaml:"projects"`
	Support   Support               `yaml:"support"`
	Proposals int                   `yaml:"proposals"`
	Brief     int                   `yaml:"brief"`
	Vault     string                `yaml:"vault"`
	Analyst   string                `yaml:"analyst"`
	Writer    string                `yaml:"writer"`
	Asks      int                   `yaml:"asks"`
	Redact    Redact                `yaml:"redact"`
}

// Redact is what is replaced beside secrets.
type Redact struct {
	Emails bool `yaml:"emails"`
}

// Support is how much evidence a pattern needs before anything is proposed.
type Support struct {
	Occurrences int `yaml:"occurrences"`
	Sessions    int `yaml:"sessions"`
	Days        int `yaml:"days"`
}

func defaultConfig() Config {
	return Config{
		Support:   Support{Occurrences: 3, Sessions: 2, Days: 2},
		Proposals: 5,
		Brief:     2000,
		Asks:      5,
	}
}

const configHelp = `lode needs no configuration. What can be set, in YAML:

  roots:                 # folders beside the agents' known places, below the
    - trajectories       # home folder or absolute; every file in them is
    - /data/transcripts  # looked at and recognised by its content

  projects:              # which folders are one project: other people's
    - name: acme/shop    # checkouts, renamed folders
      match: ["/home/*/shop", "/home/*/shop/**"]
      root: ~/src/shop   # your checkout; needed to accept a proposal when the
                         # sessions' own folder is not on this machine

  support:               # what a pattern needs before it is recommended
    occurrences: 3
    sessions: 2          # that a person or program started
    days: 2

  proposals: 5           # new proposals a project and night; the rest waits
  brief: 2000            # tokens that lode brief may use
  vault: ~/src/team/vault  # where learnings lie, as in a repository; vault/ of
                         # the state folder by default

  analyst: claude -p     # a program that reads a digest of what people said
                         # and answers with what they say again and again;
                         # none by default, and never needed. It gets the
                         # prompt on its standard input, and as a file named
                         # in LODE_PROMPT
  writer: claude -p      # a program that words rules better than the templates
                         # do; also none by default. It is told the rule and
                         # nothing else, and must keep its commands and paths
  asks: 5                # how often a night each of both is asked at most

  redact:                # secrets are always replaced, before anything is
    emails: true         # stored; this replaces e-mail addresses too. The next
                         # run then reads every transcript again

The file is $XDG_CONFIG_HOME/lode/lode.yaml, or the one named with --config.
Relative roots of projects, and a relative vault, are relative to the file.
`

// loadConfig reads the configuration. A file that was named must be there.
func loadConfig(name string) (Config, error) {
	cfg := defaultConfig()
	named := name != ""
	if !named {
		name = filepath.Join(xdg.ConfigHome, "lode", "lode.yaml")
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return cfg, nil
	}
	if err != nil {
		return cfg, usagef("reading the configuration: %w", err)
	}
	if err := rules.ReadYAML(text, &cfg, yaml.Strict()); err != nil {
		return cfg, usagef("%s: %s (hint: lode help config)", name, yaml.FormatError(err, false, true))
	}
	return cfg, cfg.settle(name)
}

// settle makes paths absolute and checks values.
func (c *Config) settle(name string) error {
	for i := range c.Projects {
		p := &c.Projects[i]
		if p.Name == "" {
			return usagef("%s: project %d has no name (hint: lode help config)", name, i+1)
		}
		if p.Root == "" {
			continue
		}
		root, err := settlePath(name, p.Root)
		if err != nil {
			return err
		}
		p.Root = root
	}
	if c.Vault != "" {
		dir, err := settlePath(name, c.Vault)
		if err != nil {
			return err
		}
		c.Vault = dir
	}
	for key, v := range map[string]int{"support.occurrences": c.Support.Occurrences, "support.sessions": c.Support.Sessions,
		"support.days": c.Support.Days, "proposals": c.Proposals, "brief": c.Brief, "asks": c.Asks} {
		if v < 1 {
			return usagef("%s: %s is %d, it must be at least 1", name, key, v)
		}
	}
	return nil
}

// settlePath makes a path of the configuration absolute: ~ is the home folder,
// and what is relative is so to the file.
func settlePath(name, p string) (string, error) {
	if rest, ok := cutHome(p); ok {
		home, err := os.UserHomeDir()
		return filepath.Join(home, rest), err
	}
	if filepath.IsAbs(p) {
		return p, nil
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	return filepath.Join(dir, p), err
}

func cutHome(path string) (string, bool) {
	if path == "~" {
		return "", true
	}
	if len(path) > 1 && path[0] == '~' && (path[1] == '/' || path[1] == filepath.Separator) {
		return path[2:], true
	}
	return "", false
}

var errNotState = errors.New("not a state folder of lode")

// stateError says what is wrong with a state folder.
func stateError(dir string, err error) error { return fmt.Errorf("state folder %s: %w", dir, err) }
