package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	renameio "github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"

	"lode/ingest"
	"lode/loop"
	"lode/miner"
	"lode/reports"
	"lode/rules"
	"lode/session"
)

type nightlyOptions struct {
	since string
	exit  bool
}

func (o *nightlyOptions) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.since, "since", "30d", "how far back to look for patterns: 30d, 2026-05-01, all; undated sessions are always in")
	cmd.Flags().BoolVar(&o.exit, "exit-code", false, "exit with 3 when there is news")
}

func newNightlyCommand(g *globals) *cobra.Command {
	var o nightlyOptions
	cmd := &cobra.Command{
		Use:   "nightly",
		Short: "Read, index, mine, propose and report; for cron",
		Long: `nightly reads the transcripts that are new or have changed, brings the index up
to date, finds what recurs, proposes rules for it, and makes the report. It costs
what is new. No news is no output: news is a new proposal, or something that
needs a hand. It holds one lock; a second run at the same time ends with code 4.`,
		Example: `  lode nightly
  lode nightly --since all --json
  15 4 * * *  lode nightly        # in a crontab`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNightly(cmd.Context(), g, o) },
	}
	o.AddFlags(cmd)
	return cmd
}

// nightlyView is the machine view of a nightly run.
type nightlyView struct {
	V         int              `json:"v"`
	News      bool             `json:"news"`
	Ingest    ingest.Result    `json:"ingest"`
	Mined     int              `json:"mined"` // sessions; 0 when nothing had changed
	Patterns  int              `json:"patterns"`
	Proposals []proposalView   `json:"proposals"` // the new ones
	Waiting   int              `json:"waiting"`   // recommended, left for another night
	Covered   int              `json:"covered"`   // patterns that the files speak of already
	Stale     int              `json:"stale"`     // patterns whose rules no longer fit the checkout
	Withdrawn []string         `json:"withdrawn"`
	Effects   []rules.Measured `json:"effects"`   // rules of which something else can be said than the night before
	Attention []string         `json:"attention"` // what needs a hand
	Report    string           `json:"report"`
	Took      int64            `json:"took_ms"`
}

func runNightly(ctx context.Context, g *globals, o nightlyOptions) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	since, err := parseSince(o.since, w.clock)
	if err != nil {
		return usagef("--since: %w", err)
	}
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	start := time.Now()
	view, res, err := w.healing(ctx, since, o.since)
	if err != nil {
		return err
	}
	view.Took = time.Since(start).Milliseconds()
	if err := w.beat(view); err != nil {
		return err
	}
	if g.json {
		err = printJSON(w.stdout, view)
	} else {
		w.printNews(view, res)
	}
	if err == nil && o.exit && view.News {
		return errFound
	}
	return err
}

// healing does the night's work, and does it again when a stored session turns
// out to be damaged: set aside, it is read again from its source.
func (w *world) healing(ctx context.Context, since time.Time, window string) (*nightlyView, *ingest.Result, error) {
	var aside []string
	for {
		view, res, err := w.nightly(ctx, since, window)
		var damaged *session.DamagedError
		if errors.As(err, &damaged) && w.store().SetAside(damaged.Agent, damaged.ID) == nil {
			aside = append(aside, fmt.Sprintf("%v; it was set aside and read again, if its source is still there", damaged))
			continue
		}
		if err == nil && aside != nil {
			view.Attention, view.News = append(aside, view.Attention...), true
		}
		return view, res, err
	}
}

// nightly does the night's work. The state is locked.
func (w *world) nightly(ctx context.Context, since time.Time, window string) (*nightlyView, *ingest.Result, error) {
	view := &nightlyView{V: 1, Proposals: []proposalView{}, Withdrawn: []string{}, Effects: []rules.Measured{}, Attention: []string{}, Report: filepath.Join(w.siteDir(), "index.html")}
	book, err := w.book()
	if err != nil {
		return nil, nil, err
	}
	if err := book.Resume(); err != nil {
		return nil, nil, err
	}
	if _, err := book.Notice(w.gone(ctx)); err != nil {
		return nil, nil, err
	}
	res, err := w.ingest(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	view.Ingest = res
	lib, err := w.library()
	if err != nil {
		return nil, nil, err
	}
	if len(res.Changed) > 0 || len(w.answers()) == 0 {
		if err := lib.askAnalyst(ctx, since, view); err != nil {
			return nil, nil, err
		}
	}
	indexing, err := lib.indexing()
	if err != nil {
		return nil, nil, err
	}
	defer indexing.close()
	infos := lib.selected(&filters{}, since, time.Time{})
	input := lib.inputDigest(infos, since, window, book)
	if fresh := miner.SavedInput(w.stateDir) == input && reports.Exists(w.siteDir()); fresh {
		for _, err := range indexing.through(ctx, indexing.stale) {
			if err != nil {
				return nil, nil, err
			}
		}
		return view, &res, indexing.publish()
	}
	saved, err := lib.mineAndIndex(ctx, indexing, infos, since)
	if err != nil {
		return nil, nil, err
	}
	if err := lib.propose(ctx, book, saved, view); err != nil {
		return nil, nil, err
	}
	effects, err := lib.nightlyEffect(ctx, book, saved, view)
	if err != nil {
		return nil, nil, err
	}
	saved.Input = lib.inputDigest(infos, since, window, book)
	if err := lib.writeReport(saved, book, window, effects); err != nil {
		return nil, nil, err
	}
	return view, &res, miner.Save(w.stateDir, saved)
}

func (w *world) siteDir() string { return filepath.Join(w.stateDir, "site") }

// madeVersion is raised when patterns, proposals or pages come out differently
// from the same input: the next night makes them again.
const madeVersion = 18

// inputDigest is the digest of all that patterns, proposals and the report are
// made from: when it is the same, so are they.
func (l *library) inputDigest(infos []session.Info, since time.Time, window string, book *rules.Book) string {
	h := sha256.New()
	fmt.Fprintln(h, miner.AnnotateVersion, madeVersion, window == "all", l.w.cfg)
	for i := range infos {
		fmt.Fprintln(h, infos[i].Name(), infos[i].Digest)
	}
	for _, a := range l.w.answers() {
		fmt.Fprintln(h, a.Project, a.Time, len(a.Asked), a.Findings)
	}
	if n := len(book.Ledger.Entries); n > 0 {
		fmt.Fprintln(h, book.Ledger.Entries[n-1].Hash)
	}
	journals, _ := filepath.Glob(filepath.Join(loop.RunsDir(l.w.stateDir), "*", "journal.jsonl"))
	for _, file := range journals {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintln(h, file, info.Size(), info.ModTime().UnixNano())
		}
	}
	if !since.IsZero() || len(inForce(book)) > 0 { // the window moves with the day, and cuts long sessions; rules become idle
		fmt.Fprintln(h, since.Format(time.DateOnly), l.w.clock.Format(time.DateOnly))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mineAndIndex goes once through the sessions that are to be mined or indexed.
func (l *library) mineAndIndex(ctx context.Context, u *indexing, window []session.Info, since time.Time) (*miner.Saved, error) {
	inWindow := make(map[string]bool, len(window))
	all := append([]session.Info(nil), window...)
	for i := range window {
		inWindow[window[i].Name()] = true
	}
	for _, info := range u.stale {
		if !inWindow[info.Name()] {
			all = append(all, info)
		}
	}
	report, err := l.mineFrom(since, keep(u.through(ctx, all), inWindow))
	if err != nil {
		return nil, err
	}
	return &miner.Saved{Since: since, Mined: report.Mined, Left: report.Left, Outcomes: report.Outcomes, Patterns: report.Patterns}, u.publish()
}

// keep passes on the sessions that are wanted, and every error.
func keep(sessions iter.Seq2[*session.Session, error], wanted map[string]bool) iter.Seq2[*session.Session, error] {
	return func(yield func(*session.Session, error) bool) {
		for s, err := range sessions {
			if (err != nil || wanted[s.Name()]) && !yield(s, err) {
				return
			}
		}
	}
}

// propose makes proposals out of the patterns.
func (l *library) propose(ctx context.Context, book *rules.Book, saved *miner.Saved, view *nightlyView) error {
	roots := l.projects.Roots()
	book.Reword, book.Loaded = l.writer(ctx, view), l.loaded()
	made, err := book.Propose(saved.Patterns, func(project string) string { return roots[project] }, l.w.cfg.Proposals, l.opens)
	if err != nil {
		return err
	}
	for i := range saved.Patterns {
		if saved.Patterns[i].Recommended {
			view.Patterns++
		}
	}
	for _, d := range made.New {
		view.Proposals = append(view.Proposals, viewProposal(d))
	}
	view.Stale = len(made.Stale)
	view.Mined, view.Waiting, view.Covered = saved.Mined, made.Waiting, len(made.Covered)
	if made.Withdrawn != nil {
		view.Withdrawn = made.Withdrawn
		view.Attention = append(view.Attention, fmt.Sprintf("%s withdrawn: the evidence does not open any more, or the checkout has changed", count(len(made.Withdrawn), "proposal")))
	}
	for _, err := range made.Refused {
		note := fmt.Sprintf("%v: rules for it wait until the secret is taken out", err)
		if !slices.Contains(view.Attention, note) {
			view.Attention = append(view.Attention, note)
		}
	}
	if _, damaged := book.List(); damaged != nil {
		view.Attention = append(view.Attention, fmt.Sprintf("proposals that cannot be read are left out: %v", damaged))
	}
	view.Attention = append(view.Attention, l.attention()...)
	view.News = len(view.Proposals) > 0 || len(view.Attention) > 0
	return nil
}

// loaded returns what lists the instruction files that a session is known to
// have loaded. The catalog knows whether there are any, the store what they say.
func (l *library) loaded() func(name string) []session.Instruction {
	read := make(map[string][]session.Instruction)
	return func(name string) []session.Instruction {
		info := l.cat.Sessions[name]
		if len(info.Instructions) == 0 {
			return nil
		}
		if _, ok := read[name]; !ok {
			if s, err := l.store.Read(info.Agent, info.ID); err == nil {
				read[name] = s.Instructions
			}
		}
		return read[name]
	}
}

// opens reports whether a piece of evidence is still there as it was quoted.
func (l *library) opens(e rules.Evidence) bool {
	ref, err := session.ParseRef(e.Ref)
	if err != nil {
		return false
	}
	s, err := l.store.Read(ref.Agent, ref.Session)
	if err != nil {
		return false
	}
	event, ok := s.Find(ref)
	return ok && miner.TextHash(event.Text) == e.Hash
}

// attention lists what of the sources needs a person's hand.
func (l *library) attention() []string {
	var notes []string
	for _, a := range l.cat.Cover(nil).Agents {
		if a.Bad > 0 && a.Bad*20 > a.Records { // one in twenty
			notes = append(notes, fmt.Sprintf("%s: %d of %d records cannot be read (hint: lode status)", a.Agent, a.Bad, a.Records+a.Bad))
		}
	}
	return notes
}

// heartbeat is what a night leaves in heartbeat.json.
type heartbeat struct {
	Time     time.Time `json:"time"`
	News     bool      `json:"news"`
	Read     int       `json:"read"`
	Changed  int       `json:"changed"`
	New      int       `json:"new_proposals"`
	Took     int64     `json:"took_ms"`
	Sessions int       `json:"mined"`
}

// beat writes the heartbeat: the only trace of a night without news.
func (w *world) beat(view *nightlyView) error {
	text, err := json.Marshal(heartbeat{w.clock.Truncate(time.Second), view.News, view.Ingest.Read, len(view.Ingest.Changed), len(view.Proposals), view.Took, view.Mined})
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(w.stateDir, "heartbeat.json"), append(text, '\n'), 0o600)
}

// printNews tells what is new, and nothing when nothing is.
func (w *world) printNews(view *nightlyView, res *ingest.Result) {
	out := w.stdout
	if res.Found == 0 && !w.quiet {
		w.nothingFound(out, res.Looked)
		return
	}
	for _, n := range view.Attention {
		fmt.Fprintln(out, n)
	}
	for i := range view.Effects {
		w.printEffect(&view.Effects[i])
	}
	if len(view.Proposals) == 0 {
		return
	}
	fmt.Fprintf(out, "%s read, %s new or changed, %d mined; %s:\n\n",
		count(view.Ingest.Read, "file"), count(len(view.Ingest.Changed), "session"), view.Mined, count(len(view.Proposals), "new proposal"))
	for _, d := range view.Proposals {
		fmt.Fprintf(out, "  %s  %s: %s\n              %s\n              %s\n\n", d.ID, d.Project, d.Title, d.Rule, d.Why)
	}
	if view.Waiting > 0 {
		fmt.Fprintf(out, "%d more wait for another night\n", view.Waiting)
	}
	fmt.Fprintf(out, "report: %s\n", view.Report)
	fmt.Fprintf(out, "next:   %s review show %s\n", w.self(), view.Proposals[0].ID)
}

// self writes how this state is reached, for the next command to try.
func (w *world) self() string {
	cmd := "lode"
	if exe, err := os.Executable(); err == nil && strings.Contains(exe, "go-build") {
		cmd = "go run ./cmd/lode"
	}
	for _, f := range []struct{ name, value string }{{"--home", w.home}, {"--config", w.config}, {"--state", w.state}, {"--now", w.now}} {
		if f.value != "" {
			cmd += " " + f.name + " " + shellQuote(f.value)
		}
	}
	return cmd
}

func newReportCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "report",
		Short: "Make the HTML report again and say where it is",
		Long: `report makes the static site from what the last nightly found: an overview with
coverage, a page for each pattern and proposal, and the sessions they cite. It
needs no network and no server: open the file it names.`,
		Example: "  lode report",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runReport(cmd.Context(), g) },
	}
}

func runReport(_ context.Context, g *globals) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	lib, err := w.library()
	if err != nil {
		return err
	}
	book, err := w.book()
	if err != nil {
		return err
	}
	saved, window, effects, err := w.lastNight()
	if errors.Is(err, miner.ErrNoReport) {
		return fmt.Errorf("%w (hint: lode nightly)", err)
	}
	if err != nil {
		return err
	}
	if err := lib.writeReport(saved, book, window, effects); err != nil {
		return err
	}
	file := filepath.Join(w.siteDir(), "index.html")
	if g.json {
		return printJSON(w.stdout, struct {
			V      int    `json:"v"`
			Report string `json:"report"`
		}{1, file})
	}
	fmt.Fprintln(w.stdout, file)
	return nil
}

// lastNight loads what the last night found, and which window it looked at.
func (w *world) lastNight() (saved *miner.Saved, window string, effects []rules.Measured, err error) {
	if saved, err = miner.Load(w.stateDir); err != nil {
		return nil, "", nil, err
	}
	window = "all"
	if !saved.Since.IsZero() {
		window = saved.Since.Format(time.DateOnly)
	}
	effects, err = rules.LoadMeasured(w.stateDir)
	return saved, window, effects, err
}

// writeReport makes the site.
func (l *library) writeReport(saved *miner.Saved, book *rules.Book, window string, effects []rules.Measured) error {
	in, err := l.pages(saved, book, window, effects)
	if err != nil {
		return err
	}
	return reports.Write(l.w.siteDir(), in)
}

// pages is what the pages are made from.
func (l *library) pages(saved *miner.Saved, book *rules.Book, window string, effects []rules.Measured) (reports.Input, error) {
	proposals, _ := book.List() // nightly and review tell what cannot be read
	recent := append([]session.Info(nil), l.infos...)
	session.SortInfos(recent)
	newest := make([]session.Info, 0, len(recent))
	for i := len(recent) - 1; i >= 0; i-- {
		if recent[i].Parent == "" && !recent[i].Start.IsZero() {
			newest = append(newest, recent[i])
		}
	}
	runs, err := loop.List(l.w.stateDir)
	return reports.Input{
		Runs: runs, Now: l.w.clock, Window: windowText(window), Mined: saved, Proposals: proposals, Effects: effects, Ledger: book.Ledger.Entries, Coverage: coverageRows(l.cat.Cover(nil)), Recent: newest,
		Load: func(name string) (*session.Session, error) {
			info, ok := l.cat.Sessions[name]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return l.load(&info)
		},
		Project: func(h *session.Header) string { return l.projects.Of(h).Name },
		Resume:  resume,
	}, err
}

func windowText(window string) string {
	switch {
	case window == "all":
		return "all sessions"
	case len(window) > 1 && window[len(window)-1] == 'd' && window[0] >= '0' && window[0] <= '9':
		return "the last " + window[:len(window)-1] + " days"
	}
	return "the time since " + window
}

// coverageRows puts the coverage into the form that pages show.
func coverageRows(cov ingest.Coverage) reports.Coverage {
	out := reports.Coverage{Pending: cov.Pending}
	for _, a := range cov.Agents {
		row := reports.CoverageRow{Agent: a.Agent, Found: a.Found, Read: a.Read, Skipped: a.Skipped, Gone: a.Gone, Sessions: a.Sessions, Subagents: a.Subagents, Events: a.Events, Bad: a.Bad, From: "–", To: "–"}
		if !a.First.IsZero() {
			row.From, row.To = a.First.Format(time.DateOnly), a.Last.Format(time.DateOnly)
		}
		out.Agents = append(out.Agents, row)
		if len(a.Unknown) > 0 {
			out.Notes = append(out.Notes, a.Agent+": passed over records of unknown type: "+countsText(a.Unknown))
		}
		for _, e := range a.Examples {
			out.Notes = append(out.Notes, a.Agent+": cannot be read: "+e)
		}
	}
	for _, s := range cov.Skipped {
		out.Notes = append(out.Notes, fmt.Sprintf("skipped %s: %s (as %s)", count(s.Files, "file"), s.Reason, s.Example))
	}
	return out
}
