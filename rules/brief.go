package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lode/session"
)

// BriefQuery is what a brief is asked for. Only Project and Budget are needed.
type BriefQuery struct {
	Project func(name string) bool // says whose learnings hold here
	Paths   []string               // files that are worked on, relative to the project's root, with slashes; none when they are not known
	Goal    string                 // what is to be done, in words
	Budget  int                    // tokens that the text may take

	// InForce says that an agent is given a learning's rule anyway, by an
	// instruction file: it is not repeated. It may be nil.
	InForce func(*Learning) bool
	// Near returns past sessions that a goal reminds of, by name, with scores
	// from 0 to 1: what was learned in them is likelier to be of use. It is a
	// function over the index, and may be nil.
	Near func(goal string) map[string]float64
	// Value is what a learning was measured to be worth: 1 when nothing is known,
	// 0 when it is not to be handed out. It may be nil.
	Value func(*Learning) float64

	// HoldOut is the chance, from 0 to 1, with which each learning that would be
	// given is held out by a lot that Seed decides: who has it logged (LogBrief)
	// can tell later what the learning does.
	HoldOut float64
	Seed    string
}

// Brief is what an agent is told: learnings, one line each, with their ids.
type Brief struct {
	Text    string   // "" when nothing is to be said
	Tokens  int      // that it takes
	Given   []string // ids of what is in it, in order
	Held    []string // what would be, but for the lot
	InForce []string // what the agent is given anyway
	Left    []string // what the budget had no room for
}

const briefHeading = session.EchoMark + " learned in this project:\n"

// Brief writes what holds for a project, paths and a goal: the most relevant of
// the active learnings, and of equally relevant ones the most valuable, as many
// as the budget takes. Notes that cannot be read are named in the error, beside
// the brief.
func (v *Vault) Brief(q BriefQuery) (Brief, error) {
	learnings, err := v.List()
	return MakeBrief(learnings, q), err
}

// MakeBrief is Vault.Brief for learnings that are at hand, in order of what
// counts when all else is equal.
func MakeBrief(learnings []*Learning, q BriefQuery) Brief {
	var b Brief
	var text strings.Builder
	left := q.Budget - Tokens(briefHeading)
	for _, l := range q.ranked(learnings, &b) {
		line := fmt.Sprintf("- %s (%s)\n", l.Rule, l.ID)
		switch {
		case Tokens(line) > left:
			b.Left = append(b.Left, l.ID)
			continue
		case q.holds(l.ID):
			b.Held = append(b.Held, l.ID)
		default:
			b.Given = append(b.Given, l.ID)
			text.WriteString(line)
		}
		left -= Tokens(line) // also for what is held out: it must not make room for others
	}
	if len(b.Given) > 0 {
		b.Text = briefHeading + text.String()
		b.Tokens = Tokens(b.Text)
	}
	return b
}

// ranked returns the learnings that hold here and are not in force, best first.
func (q *BriefQuery) ranked(learnings []*Learning, b *Brief) []*Learning {
	var near map[string]float64
	if q.Near != nil && q.Goal != "" {
		near = q.Near(q.Goal)
	}
	goal := content(q.Goal)
	scores := make(map[*Learning]float64)
	var out []*Learning
	for _, l := range learnings {
		if l.Scope != GlobalScope && !q.Project(l.Project) || l.Rule == "" || !l.about(q.Paths) {
			continue
		}
		if q.InForce != nil && q.InForce(l) {
			b.InForce = append(b.InForce, l.ID)
			continue
		}
		worth := 1.0
		if q.Value != nil {
			worth = q.Value(l)
		}
		if worth <= 0 {
			continue
		}
		scores[l] = worth * l.relevance(goal, near, q.Paths)
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(x, y *Learning) int { return cmp.Compare(scores[y], scores[x]) })
	return out
}

// about reports whether a learning concerns one of the paths. Where either has
// none, it may.
func (l *Learning) about(paths []string) bool {
	return len(l.Paths) == 0 || len(paths) == 0 || l.touches(paths)
}

func (l *Learning) touches(paths []string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		return slices.ContainsFunc(l.Paths, func(glob string) bool { return doublestar.MatchUnvalidated(glob, p) })
	})
}

// The parts of relevance: 1 for what holds in the whole project, and as much
// again for each that fits fully.
const (
	wordWeight = 0.5 // for a word that the goal and the learning share
	maxWordsIn = 4   // words that count
	nearWeight = 1.0 // for the session of its evidence that the goal reminds of most
	pathWeight = 1.0 // for a path that it is about
)

// relevance says how much a learning has to do with a goal and paths.
func (l *Learning) relevance(goal map[string]bool, near map[string]float64, paths []string) float64 {
	score, words := 1.0, 0
	if len(goal) > 0 {
		for w := range content(l.Title + " " + l.Rule + " " + strings.Join(l.Tags, " ")) {
			if goal[w] {
				words++
			}
		}
	}
	score += wordWeight * float64(min(words, maxWordsIn))
	closest := 0.0
	for _, e := range l.Evidence {
		if ref, err := session.ParseRef(e); err == nil {
			closest = max(closest, near[ref.Agent+"/"+ref.Session])
		}
	}
	score += nearWeight * min(closest, 1)
	if len(l.Paths) > 0 && l.touches(paths) {
		score += pathWeight
	}
	return score
}

// holds casts the lot for a learning: equal seeds give equal lots.
func (q *BriefQuery) holds(id string) bool {
	if q.HoldOut <= 0 {
		return false
	}
	sum := sha256.Sum256([]byte(q.Seed + "\x00" + id))
	return float64(binary.BigEndian.Uint64(sum[:8]))/(1<<64) < q.HoldOut
}
