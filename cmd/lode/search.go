package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lode/cmd/lode/internal/mcp"
	"lode/index"
	"lode/miner"
	"lode/session"
)

type searchOptions struct {
	filters
	limit   int
	page    int
	context int
	exact   bool // nothing close, and no reasons, where nothing is found
	refresh bool
	explain bool
	failure string
}

func (o *searchOptions) AddFlags(cmd *cobra.Command) {
	o.filters.AddFlags(cmd)
	cmd.Flags().IntVar(&o.limit, "limit", 10, "sessions to show")
	cmd.Flags().StringVar(&o.failure, "error", "", "find the failure of which this file is the output (- for standard input), and what fixed it")
	cmd.Flags().BoolVar(&o.explain, "explain", false, "say how the query is read")
	cmd.Flags().IntVar(&o.page, "page", 1, "show the next sessions: which page of them")
	cmd.Flags().IntVar(&o.context, "context", 0, "events to show before and after each hit, a line each")
	cmd.Flags().BoolVar(&o.refresh, "refresh", false, "read new and changed transcripts first")
}

func newSearchCommand(g *globals) *cobra.Command {
	var o searchOptions
	cmd := &cobra.Command{
		Use:   "search [WORDS...]",
		Short: "Find the place in past sessions",
		Long: `search looks for words in what people and agents said, in commands, paths,
outputs and errors. All words must be there. Identifiers are found whole and by
their parts, English words in other forms too. The best place of each session
is shown, the others are counted. Without words, at a terminal, it searches
while you type, and shows and opens what it finds.

  "a phrase"  a OR b  NOT a  -a  (a b)  pref*
  agent: project: session: branch: model: population:   of the session
  kind: author: tool: cmd: file: outcome: failed:yes class: fingerprint:
  since:30d until:2026-05-31 on:yesterday
  lit:"f(x, 1)"  /time.?out/     in whole texts; other words find long outputs
                                 by their beginning, end and error lines

What stands nowhere is taken for what is spelt nearly so; the answer says it.

When an agent asks, its own session is left out, unless the query names it with
session:. Claude Code and Codex tell which session that is; of Gemini CLI, Qwen
Code and OpenCode it is taken to be the one at work in the same folder. What
lode itself told agents before is never a hit.`,
		Example: `  lode search                             # type, look, open
  lode search flaky checkout test
  lode search '"no module named"' --failed --project shop
  lode search 'migrate -rollback' --since 30d --json
  make test 2>&1 | lode search --error -`,
		RunE: func(cmd *cobra.Command, args []string) error { return runSearch(cmd.Context(), g, o, args) },
	}
	o.AddFlags(cmd)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usagef("%w (hint: a word to leave out goes into quotes with the others: lode search 'migrate -rollback')", err)
	})
	return cmd
}

// searchView is the machine view of a search.
type searchView struct {
	V     int       `json:"v"`
	Mark  string    `json:"mark"` // tells an echo of this in a transcript
	Query string    `json:"query"`
	Read  string    `json:"read"` // how the query was read, filters included
	Tier  string    `json:"tier"`
	Total int       `json:"total"`
	Open  bool      `json:"open,omitempty"` // there may be more than total: not all texts that have the words were read
	Took  int64     `json:"took_ms"`
	Age   int64     `json:"index_age"` // seconds since the index was built
	Hits  []hitView `json:"hits"`
	More  bool      `json:"more"` // there are further sessions: the next page
	Notes []string  `json:"notes"`

	Failure *miner.Classified `json:"failure,omitempty"` // with --error: how the output was read
	Fixes   []fixView         `json:"fixes,omitempty"`   // with --error: what worked

	explained bool // Read is printed, too
}

type hitView struct {
	Ref     string           `json:"ref"`
	Session string           `json:"session"`
	Title   string           `json:"title,omitempty"`
	Project string           `json:"project"`
	Agent   string           `json:"agent"`
	Time    time.Time        `json:"time,omitzero"`
	Kind    session.Kind     `json:"kind"`
	Tool    string           `json:"tool,omitempty"`
	Outcome session.Outcome  `json:"outcome,omitempty"`
	Snippet string           `json:"snippet"`
	Score   float64          `json:"score"`
	More    int              `json:"more,omitempty"` // further hits in the same session
	Before  []contextView    `json:"before,omitempty"`
	After   []contextView    `json:"after,omitempty"`
	Source  session.Location `json:"source"`
	marked  index.Snippet
}

// what says what was found, as "Bash failed" or "user".
func (h *hitView) what() string {
	if h.Tool == "" {
		return string(h.Kind)
	}
	return strings.TrimSpace(h.Tool + " " + string(h.Outcome))
}

func runSearch(ctx context.Context, g *globals, o searchOptions, args []string) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	text := strings.Join(args, " ")
	if strings.TrimSpace(text) == "" && o.failure == "" && !w.atTerminal() {
		return usagef("no words to search for (hint: lode search pytest)")
	}
	if o.limit < 1 || o.page < 1 || o.context < 0 {
		return usagef("--limit, --page and --context count from 1, 1 and 0")
	}
	if o.refresh {
		if err := w.refresh(ctx); err != nil {
			return err
		}
	}
	if strings.TrimSpace(text) == "" && o.failure == "" {
		return w.pick(ctx, &o)
	}
	start := time.Now()
	view, err := w.search(ctx, text, &o)
	if err != nil {
		return err
	}
	view.Took = time.Since(start).Milliseconds()
	if g.json {
		return printJSON(w.stdout, view)
	}
	out := w.screen()
	view.explained = o.explain || o.failure != ""
	w.printHits(out, view, max(1, o.page)+1)
	return out.flush()
}

// search answers a query from the current generation of the index.
func (w *world) search(ctx context.Context, text string, o *searchOptions) (*searchView, error) {
	begun, unread := time.Now(), make(chan int, 1)
	go func() { // looking for changed files takes as long as searching
		unread <- w.unread()
	}()
	d, err := w.quickDesk()
	if err != nil {
		return nil, err
	}
	defer d.close()
	var view *searchView
	if o.failure != "" {
		output, perr := w.pasted(o.failure)
		if perr != nil {
			return nil, perr
		}
		view, err = d.searchFailure(ctx, output, text, o, &mcp.Asker{})
	} else {
		view, err = d.answer(ctx, text, o, &mcp.Asker{})
	}
	if err != nil {
		return nil, err
	}
	var enough <-chan time.Time
	if d.index.Info.Sessions > manySessions {
		enough = time.After(unreadWait - time.Since(begun))
	}
	select {
	case n := <-unread:
		if n > 0 {
			view.Notes = append(view.Notes, fmt.Sprintf("%s new or changed since the index was built (hint: --refresh)", count(n, "file")))
		}
	case <-enough:
		view.Notes = append(view.Notes, "changed files were not counted: there are too many to look at (hint: lode status counts them)")
	}
	return view, nil
}

// Where there are many sessions, the number of changed files is waited for only
// so long: looking at files takes the longer the more there are, finding an
// answer hardly.
const (
	manySessions = 4000
	unreadWait   = 30 * time.Millisecond
)

func (w *world) indexDir() string { return filepath.Join(w.stateDir, "index") }

// age writes a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(int(d.Seconds()), "second")
	case d < time.Hour:
		return count(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour")
	}
	return count(int(d.Hours()/24), "day")
}
