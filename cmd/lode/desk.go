package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lode/cmd/lode/internal/mcp"
	"lode/index"
	"lode/ingest"
	"lode/miner"
	"lode/session"
)

// desk is where questions are answered: the read side of the state, with the
// index open.
type desk struct {
	*library
	index *index.Reader
}

func (w *world) desk() (*desk, error) {
	lib, err := w.library()
	if err != nil {
		return nil, err
	}
	r, err := index.Open(w.indexDir())
	if errors.Is(err, index.ErrNone) {
		return nil, fmt.Errorf("%w (hint: lode nightly, or lode ingest, reads the transcripts and builds it)", err)
	}
	if err != nil {
		return nil, err
	}
	return &desk{library: lib, index: r}, nil
}

func (d *desk) close() error { return d.index.Close() }

// openDesk keeps a desk open for many questions, and opens it again when another
// run has written what it reads. One question is answered at a time.
type openDesk struct {
	w       *world
	now     func() time.Time
	stamp   string
	current *desk

	patterns *miner.Saved // loaded when asked for
	project  string       // of the working folder

	looked  time.Time // when changed files were looked for
	pending chan int
	unread  int
}

// get returns the desk as of now.
func (o *openDesk) get() (*desk, error) {
	o.w.clock = o.now()
	stamp := o.w.stamps()
	if o.current != nil && stamp == o.stamp {
		return o.current, nil
	}
	next, err := o.w.desk()
	if err != nil {
		return nil, err
	}
	o.close()
	o.current, o.stamp, o.patterns, o.project, o.looked = next, stamp, nil, "", time.Time{}
	return next, nil
}

func (o *openDesk) close() error {
	if o.current == nil {
		return nil
	}
	d := o.current
	o.current = nil
	return d.close()
}

// stamps changes when another run publishes an index, or writes the catalog or
// the patterns.
func (w *world) stamps() string {
	generation, _ := index.Generation(w.indexDir())
	for _, name := range []string{"catalog.jsonl", "patterns.jsonl"} {
		if info, err := os.Stat(filepath.Join(w.stateDir, name)); err == nil {
			generation += fmt.Sprintf(" %d %d", info.Size(), info.ModTime().UnixNano())
		}
	}
	return generation
}

// lookEvery is how often a long-running desk looks for changed files: that takes
// longer than a search.
const lookEvery = 30 * time.Second

// changed returns how many changed files were unread when that was last
// looked for, and looks again beside the next questions when that is long ago.
func (o *openDesk) changed() int {
	if o.pending != nil {
		select {
		case o.unread = <-o.pending:
			o.pending = nil
		default:
		}
	}
	if o.pending == nil && time.Since(o.looked) > lookEvery {
		found, cat := make(chan int, 1), o.current.cat
		o.looked, o.pending = time.Now(), found
		go func() {
			files, _ := ingest.Discover(o.w.where(nil))
			found <- cat.Pending(files)
		}()
	}
	return o.unread
}

// projectHere is the project of the working folder.
func (o *openDesk) projectHere() (string, error) {
	if o.project == "" {
		project, err := o.w.projectHere()
		if err != nil {
			return "", err
		}
		o.project = project
	}
	return o.project, nil
}

// saved are the patterns that the last nightly found.
func (o *openDesk) saved() (*miner.Saved, error) {
	if o.patterns == nil {
		saved, err := miner.Load(o.w.stateDir)
		if errors.Is(err, miner.ErrNoReport) {
			return nil, fmt.Errorf("%w (hint: lode nightly)", err)
		}
		if err != nil {
			return nil, err
		}
		o.patterns = saved
	}
	return o.patterns, nil
}

// answer searches the generation that is open, for somebody.
func (d *desk) answer(ctx context.Context, text string, o *searchOptions, who *mcp.Asker) (*searchView, error) {
	since, until, err := o.span(d.w.clock)
	if err != nil {
		return nil, err
	}
	view := &searchView{V: 1, Mark: session.EchoMark, Query: text, Hits: []hitView{}, Notes: []string{}}
	var asks asking
	if !strings.Contains(text, "session:") {
		asks = d.asking(who)
	}
	answer, err := d.index.Search(ctx, index.Query{Text: text, Agents: o.agents, Places: d.places(o.projects), Kinds: o.kinds, Tools: o.tools,
		Failed: o.failed, Since: since, Until: until, Without: asks.names, Limit: o.limit})
	if errors.Is(err, index.ErrQuery) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, err
	}
	view.Tier, view.Total = answer.Tier, answer.Total
	view.Age = int64(max(0, d.w.clock.Sub(d.index.Info.Built).Seconds()))
	d.hits(view, answer.Hits)
	if answer.Total == 0 {
		d.explainNothing(ctx, view, text, o)
	}
	if answer.Tier == "close" && answer.Total > 0 {
		view.Notes = append(view.Notes, "no event has all the words; these have some of them")
	}
	if note := asks.note(); note != "" {
		view.Notes = append(view.Notes, note)
	}
	return view, nil
}
