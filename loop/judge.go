package loop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	renameio "github.com/google/renameio/v2/maybe"

	"lode/loop/goal"
	"lode/loop/journal"
	"lode/loop/verify"
)

// verdicts reads verdicts.jsonl.
func readVerdicts(file string) ([]verify.Verdict, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []verify.Verdict
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var v verify.Verdict
		if json.Unmarshal(lines.Bytes(), &v) == nil {
			all = append(all, v)
		}
	}
	return all, lines.Err()
}

// addVerdicts appends verdicts to the file.
func (r *Run) addVerdicts(all []verify.Verdict) error {
	f, err := os.OpenFile(r.file("verdicts.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(verdictLines(all))
	return err
}

func verdictLines(all []verify.Verdict) []byte {
	var b bytes.Buffer
	for _, v := range all {
		line, _ := json.Marshal(v) // holds nothing that could fail
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// mendVerdicts takes back the verdicts of checks that the journal does not
// know: a kill came between the two.
func (r *Run) mendVerdicts() error {
	all, err := readVerdicts(r.file("verdicts.jsonl"))
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(all), func(v verify.Verdict) bool { return !r.judged(v.Iteration) })
	text, err := os.ReadFile(r.file("verdicts.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if lines := verdictLines(known); err == nil && !bytes.Equal(lines, text) {
		return renameio.WriteFile(r.file("verdicts.jsonl"), lines, 0o600)
	}
	return err
}

// judged reports whether the journal knows the verdicts of an iteration.
func (r *Run) judged(n int) bool {
	if n == 0 {
		_, ok := r.journal.Last(journal.Baseline)
		return ok
	}
	_, ok := r.journal.Of(n, journal.Check)
	return ok
}

// verdictsOf returns the verdicts of an iteration; of a check that was judged
// again, as when a person has answered, the last.
func (r *Run) verdictsOf(n int) (of []verify.Verdict) {
	all, _ := readVerdicts(r.file("verdicts.jsonl"))
	for _, v := range all {
		if v.Iteration != n {
			continue
		}
		if i := slices.IndexFunc(of, func(o verify.Verdict) bool { return o.Check == v.Check }); i >= 0 {
			of[i] = v
		} else {
			of = append(of, v)
		}
	}
	return of
}

// place is where the checks of an iteration look.
func (r *Run) place(ctx context.Context, n int, now string) (*verify.Place, error) {
	changes, err := r.tree.Diff(ctx, r.base, now)
	if err != nil {
		return nil, err
	}
	return &verify.Place{
		Run: r.Name, Dir: r.tree.Dir, Base: r.base, Now: now, Changes: changes,
		Pristine:  r.file("pristine"),
		Artifacts: r.file("artifacts", stepName(n)),
		Log:       func(check, out string) (string, error) { return r.log(n, check, out) },
		Baseline:  r.baselineOf,
		Answer:    func(check, question string) (bool, bool) { return r.answer(check, question, now) },
		Tag:       r.tag(),
		Env:       []string{"LODE_BASE=" + r.start.Base},
	}, nil
}

// log keeps an output, without secrets, and returns the file's name in the
// run's folder.
func (r *Run) log(n int, what, out string) (string, error) {
	if out == "" {
		return "", nil
	}
	name := filepath.Join("logs", stepName(n)+"."+what+".txt")
	if err := os.MkdirAll(r.file("logs"), 0o700); err != nil {
		return "", err
	}
	return filepath.ToSlash(name), os.WriteFile(r.file(name), []byte(verify.Safe(out)), 0o600)
}

// baselineOf is what a metric measured before any work.
func (r *Run) baselineOf(check string) *float64 {
	if e, ok := r.journal.Last(journal.Baseline); ok {
		for _, m := range e.Marks {
			if m.ID == check {
				return m.Value
			}
		}
	}
	return nil
}

// judge runs the checks on a snapshot, with the protected files as they were at
// the start. What they leave behind is removed.
func (r *Run) judge(ctx context.Context, n int, now string) ([]verify.Verdict, error) {
	p, err := r.place(ctx, n, now)
	if err != nil {
		return nil, err
	}
	if err := r.reveal(); err != nil {
		return nil, err
	}
	old, err := readVerdicts(r.file("verdicts.jsonl"))
	if err != nil {
		return nil, err
	}
	var all []verify.Verdict
	for _, c := range r.ordered() {
		if k, _ := verify.KindOf(&c); r.waits(n, &c, all) {
			all = append(all, verify.Verdict{Check: c.ID, Kind: k.Name, Status: verify.NotRun, Says: "others come first", Tree: now, Heldout: c.Heldout})
		} else {
			all = append(all, r.judgeOne(ctx, p, &c, old))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all[len(all)-1].Iteration = n
	}
	if err := r.keepArtifacts(n); err != nil {
		return all, err
	}
	return all, r.tidy(ctx, n, now, all)
}

// ordered are the checks in the order in which they are run: the pilot first,
// and people last.
func (r *Run) ordered() []goal.Check {
	all := r.Goal.All()
	rank := func(c goal.Check) int {
		switch {
		case slices.Contains(r.Goal.Pilot, c.ID):
			return 0
		case c.Approve != "":
			return 2
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b goal.Check) int { return rank(a) - rank(b) })
	return all
}

// waits reports whether a check has to wait for others: all for the pilot, but
// where the baseline is measured, and a person for everything.
func (r *Run) waits(n int, c *goal.Check, so []verify.Verdict) bool {
	pilot := n == 0 || slices.Contains(r.Goal.Pilot, c.ID)
	return slices.ContainsFunc(so, func(v verify.Verdict) bool {
		return v.Status != verify.Green && (c.Approve != "" || !pilot && slices.Contains(r.Goal.Pilot, v.Check))
	})
}

// Reruns: a check that is red for a new reason is run once more on the same
// files, and one that has said now this, now that must be green three times.
func (r *Run) judgeOne(ctx context.Context, p *verify.Place, c *goal.Check, old []verify.Verdict) verify.Verdict {
	k, _ := verify.KindOf(c)
	var last *verify.Verdict
	flaky := false
	for i := range old {
		o := &old[i]
		if o.Check != c.ID || o.Status == verify.NotRun {
			continue
		}
		flaky = flaky || o.Flaky
		if last = o; k.Pure && o.Tree == p.Now && o.Status == verify.Green && !o.Flaky {
			v := *o
			v.Cached, v.Seconds = true, 0
			return v
		}
	}
	v := verify.Judge(ctx, p, c)
	if !k.Pure || ctx.Err() != nil {
		return v
	}
	again := 0
	switch {
	case flaky && v.Status == verify.Green:
		again = 2
	case v.Status == verify.Red && (last == nil || last.Print != v.Print):
		again = 1
	}
	for range again {
		w := verify.Judge(ctx, p, c)
		v.Seconds += w.Seconds
		if w.Status != v.Status {
			v.Status, v.Flaky = verify.Unclear, true
			v.Says = fmt.Sprintf("flaky: on the same files it says now %q, now %q", v.Says, w.Says)
			v.Print = verify.Fingerprint(c.ID, "flaky", "")
			break
		}
	}
	return v
}

// tidy removes what the checks left in the worktree. When they, or what an
// agent left running, changed protected files meanwhile, nothing is green.
func (r *Run) tidy(ctx context.Context, n int, now string, all []verify.Verdict) error {
	r.sweep()
	if _, err := r.tree.Mend(ctx); err != nil {
		return err
	}
	for _, f := range r.start.Hidden {
		if sum, err := content(under(r.tree.Dir, f)); err != nil || sum != r.start.Protect[f] {
			r.doubt(all, f)
		}
	}
	if err := r.hide(ctx); err != nil {
		return err
	}
	after, _, err := r.snapshot(ctx)
	if err != nil || after == now {
		return err
	}
	changes, err := r.tree.Diff(ctx, now, after)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if r.protected(c.Path) {
			r.doubt(all, c.Path)
		}
	}
	if err := r.tree.Restore(ctx, now); err != nil {
		return err
	}
	return r.hide(ctx)
}

// doubt takes back every green verdict.
func (r *Run) doubt(all []verify.Verdict, file string) {
	for i := range all {
		if all[i].Status == verify.Green {
			all[i].Status, all[i].Says = verify.Unclear, "a protected file was changed while the checks ran: "+file
			all[i].Print = verify.Fingerprint(all[i].Check, all[i].Says, "")
		}
	}
}

// marks are verdicts in short, for the journal.
func marks(all []verify.Verdict) []journal.Mark {
	out := make([]journal.Mark, 0, len(all))
	for _, v := range all {
		out = append(out, journal.Mark{ID: v.Check, Status: string(v.Status), Print: v.Print, Value: v.Value, Flaky: v.Flaky})
	}
	return out
}

// good reports whether a status is that of something achieved.
func good(status string) bool { return status == string(verify.Green) || status == Proven }

// allGood reports whether there is anything, and nothing is missing.
func allGood(all []journal.Mark) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(m journal.Mark) bool { return !good(m.Status) })
}

// vector names where a run stands: which items fail and for what reason, the
// files, and which items are good. failing names the first of these alone.
func vector(all []journal.Mark, tree string) (vector, failing string) {
	var bad, fine []string
	for _, m := range all {
		switch {
		case good(m.Status):
			fine = append(fine, m.ID)
		default:
			bad = append(bad, m.ID+" "+m.Status+" "+m.Print)
		}
	}
	slices.Sort(bad)
	slices.Sort(fine)
	return short(strings.Join(bad, "\n"), tree, strings.Join(fine, "\n")), short(strings.Join(bad, "\n"))
}

func short(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// baseline runs the checks before any work, once.
func (r *Run) baseline(ctx context.Context) error {
	if _, ok := r.journal.Last(journal.Baseline); ok {
		return nil
	}
	if err := r.tree.Restore(ctx, r.base); err != nil {
		return err
	}
	if err := r.hide(ctx); err != nil {
		return err
	}
	r.say("measuring where it stands before any work")
	all, err := r.judge(ctx, 0, r.base)
	if err != nil {
		return err
	}
	if err := r.addVerdicts(all); err != nil {
		return err
	}
	r.restore = false
	v, failing := vector(marks(all), r.base)
	return r.note(journal.Entry{Event: journal.Baseline, Marks: marks(all), Tree: r.base, Vector: v, Failing: failing, Took: seconds(all)})
}

func seconds(all []verify.Verdict) (sum float64) {
	for _, v := range all {
		sum += v.Seconds
	}
	return sum
}

// keepBytes bounds the artifacts that are kept of an iteration.
const keepBytes = 64 << 20

// keepArtifacts copies what the contract wants kept.
func (r *Run) keepArtifacts(n int) error {
	var total int64
	for _, f := range verify.Match(r.tree.Dir, r.Goal.Artifacts) {
		from := under(r.tree.Dir, f)
		info, err := os.Stat(from)
		if err != nil || total+info.Size() > keepBytes {
			continue
		}
		total += info.Size()
		if err := copyFile(from, filepath.Join(r.file("artifacts", stepName(n)), filepath.FromSlash(f))); err != nil {
			return err
		}
	}
	return nil
}
