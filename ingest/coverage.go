package ingest

import (
	"fmt"
	"sort"
	"time"

	"lode/session"
)

// Coverage says what was read and what was not. Every report carries it.
type Coverage struct {
	Agents  []AgentCoverage `json:"agents"`
	Skipped []SkippedFiles  `json:"skipped,omitempty"`
	Pending int             `json:"pending"` // files that are new or changed since the last run
}

// AgentCoverage is the coverage of one agent's files.
type AgentCoverage struct {
	Agent     string         `json:"agent"`
	Found     int            `json:"found"`
	Read      int            `json:"read"`
	Skipped   int            `json:"skipped"`
	Gone      int            `json:"gone"`      // read before, no longer there; their sessions are kept
	Sessions  int            `json:"sessions"`  // root sessions
	Subagents int            `json:"subagents"` // sessions below others
	Events    int            `json:"events"`
	First     time.Time      `json:"first,omitzero"`
	Last      time.Time      `json:"last,omitzero"`
	Records   int            `json:"records"`
	Bad       int            `json:"bad"`                // records that could not be read
	Examples  []string       `json:"examples,omitempty"` // of bad records, as path:line: error
	Partial   int            `json:"partial"`            // files that end in a half-written record
	Unknown   map[string]int `json:"unknown,omitempty"`  // record types passed over, by name
	Secrets   map[string]int `json:"secrets,omitempty"`  // replaced, by kind
	// Unverified says that the parser has not been tried on real transcripts.
	Unverified bool `json:"unverified,omitempty"`
}

// SkippedFiles are files that were not read, for one reason.
type SkippedFiles struct {
	Agent   string `json:"agent,omitempty"`
	Reason  string `json:"reason"`
	Files   int    `json:"files"`
	Example string `json:"example"`
}

// Cover sums up the catalog. found, the result of Discover, tells what has
// changed since; it may be nil.
func (c *Catalog) Cover(found []Candidate) Coverage {
	agents := make(map[string]*AgentCoverage)
	agent := func(name string) *AgentCoverage {
		if agents[name] == nil {
			f := formatNamed(name)
			agents[name] = &AgentCoverage{Agent: name, Unverified: f != nil && f.Unverified}
		}
		return agents[name]
	}
	skipped := make(map[[2]string]*SkippedFiles)
	for _, path := range sortedKeys(c.Sources) {
		s := c.Sources[path]
		if s.Agent != "" {
			agent(s.Agent).addSource(s)
		}
		if s.Skipped == "" {
			continue
		}
		k := [2]string{s.Agent, s.Skipped}
		if skipped[k] == nil {
			skipped[k] = &SkippedFiles{Agent: s.Agent, Reason: s.Skipped, Example: path}
		}
		skipped[k].Files++
	}
	for _, name := range sortedKeys(c.Sessions) {
		info := c.Sessions[name]
		agent(info.Agent).addSession(&info)
	}
	var cov Coverage
	for _, name := range sortedKeys(agents) {
		cov.Agents = append(cov.Agents, *agents[name])
	}
	for _, s := range skipped {
		cov.Skipped = append(cov.Skipped, *s)
	}
	sort.Slice(cov.Skipped, func(i, j int) bool {
		a, b := &cov.Skipped[i], &cov.Skipped[j]
		if a.Files != b.Files {
			return a.Files > b.Files
		}
		return a.Example < b.Example
	})
	cov.Pending = c.Pending(found)
	return cov
}

// Pending counts the files that are new or have changed since they were read.
func (c *Catalog) Pending(found []Candidate) int {
	n := 0
	for i := range found {
		if c.pending(&found[i]) {
			n++
		}
	}
	return n
}

// pending reports whether a file differs from what the catalog knows of it.
func (c *Catalog) pending(f *Candidate) bool {
	s := c.Sources[f.Path]
	return f.Err == nil && (s == nil || s.Size != f.Size || s.MTime != f.MTime)
}

func (a *AgentCoverage) addSource(s *Source) {
	switch {
	case s.Gone:
		a.Gone++
	case s.Skipped != "" && s.Records == 0:
		a.Found++
		a.Skipped++
	default:
		a.Found++
		a.Read++
	}
	a.Records += s.Records
	a.Bad += s.BadRecords()
	for _, b := range s.Report.Bad {
		if len(a.Examples) < 5 {
			a.Examples = append(a.Examples, badPlace(s.Path, b))
		}
	}
	if s.Partial {
		a.Partial++
	}
	a.Unknown = addCounts(a.Unknown, s.Unknown)
}

func (a *AgentCoverage) addSession(info *session.Info) {
	if info.Parent == "" {
		a.Sessions++
	} else {
		a.Subagents++
	}
	a.Events += info.Count
	if !info.Start.IsZero() && (a.First.IsZero() || info.Start.Before(a.First)) {
		a.First = info.Start
	}
	if info.End.After(a.Last) {
		a.Last = info.End
	}
	a.Secrets = addCounts(a.Secrets, info.Secrets)
}

// badPlace writes where a record could not be read, and why.
func badPlace(path string, b BadRecord) string {
	return fmt.Sprintf("%s:%d: %q", path, b.Line, b.Err)
}

func addCounts(to, from map[string]int) map[string]int {
	if len(from) > 0 && to == nil {
		to = make(map[string]int)
	}
	for k, n := range from {
		to[k] += n
	}
	return to
}
