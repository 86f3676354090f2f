package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/miner"
	"lode/session"
)

const (
	digestTokens = 20000
	minNewTurns  = 8 // fewer wait for another night
	answerWithin = 10 * time.Minute
)

func (w *world) analystDir() string { return filepath.Join(w.stateDir, "analyst") }

// answers returns what analysts answered, oldest first. One that cannot be
// read is as good as never asked.
func (w *world) answers() []miner.Answer {
	files, _ := filepath.Glob(filepath.Join(w.analystDir(), "*.json"))
	var all []miner.Answer
	for _, name := range files {
		var a miner.Answer
		if text, err := os.ReadFile(name); err == nil && json.Unmarshal(text, &a) == nil && a.V == 1 {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b miner.Answer) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Project, b.Project)) })
	return all
}

// askAnalyst shows the configured analyst, project by project, what people said
// since it was asked last. A project that failed is tried again when sessions
// have changed; what was answered is kept, and not asked again.
func (l *library) askAnalyst(ctx context.Context, since time.Time, view *nightlyView) error {
	if l.w.cfg.Analyst == "" {
		return nil
	}
	digests := make(map[string]*miner.Digest)
	err := l.each(ctx, l.selected(&filters{}, since, time.Time{}), func(s *session.Session) error {
		if s.Population == session.ByUser || s.Population == session.Headless {
			name := l.projects.Of(&s.Header).Name
			if digests[name] == nil {
				digests[name] = &miner.Digest{}
			}
			digests[name].AddTurns(s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	asked, known := make(map[string]bool), make(map[string][]string)
	for _, a := range l.w.answers() {
		for _, ref := range a.Asked {
			asked[ref] = true
		}
		for _, f := range a.Findings {
			if !slices.Contains(known[a.Project], f.Title) {
				known[a.Project] = append(known[a.Project], f.Title)
			}
		}
	}
	names := make([]string, 0, len(digests))
	for name, d := range digests {
		d.Turns = slices.DeleteFunc(d.Turns, func(t miner.Turn) bool { return asked[t.Ref] })
		if len(d.Turns) >= minNewTurns {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { // where most was said, first
		return cmp.Or(cmp.Compare(len(digests[b].Turns), len(digests[a].Turns)), cmp.Compare(a, b))
	})
	for _, name := range names[:min(len(names), l.w.cfg.Asks)] {
		if err := l.ask(ctx, name, digests[name], known[name]); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			view.Attention, view.News = append(view.Attention, fmt.Sprintf("the analyst on %s: %v (hint: lode help config)", name, err)), true
		}
	}
	return nil
}

// ask asks about one project and keeps the answer.
func (l *library) ask(ctx context.Context, project string, d *miner.Digest, known []string) error {
	refs := make([]string, 0, len(d.Turns))
	for _, t := range d.Turns {
		refs = append(refs, t.Ref)
	}
	d.Trim(digestTokens)
	prompt := miner.Prompt(project, d, known)
	sum := sha256.Sum256([]byte(l.w.cfg.Analyst + "\x00" + prompt))
	file := filepath.Join(l.w.analystDir(), hex.EncodeToString(sum[:12])+".json")
	text, err := l.w.ask(ctx, l.w.cfg.Analyst, prompt)
	if err != nil {
		return err
	}
	findings, dropped, err := miner.ReadAnswer(text, d)
	if err != nil {
		return fmt.Errorf("its answer cannot be read: %w", err)
	}
	slices.Sort(refs)
	doc, err := json.MarshalIndent(miner.Answer{V: 1, Project: project, Analyst: l.w.cfg.Analyst, Time: l.w.clock, Asked: refs, Findings: findings, Dropped: dropped}, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.w.analystDir(), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(file, append(doc, '\n'), 0o600)
}

// ask runs the command line of an analyst or a writer with a prompt and returns
// what it prints.
func (w *world) ask(ctx context.Context, command, prompt string) (string, error) {
	file, err := os.CreateTemp("", "lode-prompt-")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(prompt); err != nil {
		return "", err
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Env = append(os.Environ(), "LODE_PROMPT="+file.Name())
	cmd.Stdin = strings.NewReader(prompt)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%q: %w: %s", command, err, session.Quote(session.Clean(stderr.String()), 200))
	}
	return string(out), nil
}
