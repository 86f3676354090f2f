package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lode/ingest"
)

type statusOptions struct {
	secrets bool
}

func (o *statusOptions) AddFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.secrets, "secrets", false, "count the secrets that were replaced, by kind")
}

func newStatusCommand(g *globals) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what was read, what was not, and why",
		Long: `status accounts for every file that was found: read, skipped with the reason,
gone since, changed but not read yet; and for what in the files was passed
over: records of unknown types, and records that could not be read. An agent is
marked unverified when its parser has never been tried on real transcripts.`,
		Example: "  lode status\n  lode status --secrets --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), g, o) },
	}
	o.AddFlags(cmd)
	return cmd
}

func runStatus(_ context.Context, g *globals, o statusOptions) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if err := w.checkState(); err != nil {
		return err
	}
	cat, err := ingest.LoadCatalog(w.stateDir)
	if err != nil {
		return err
	}
	found, looked := ingest.Discover(w.where(nil))
	cov := cat.Cover(found)
	if !o.secrets {
		for i := range cov.Agents {
			cov.Agents[i].Secrets = nil
		}
	}
	secrets := sumSecrets(cat)
	if g.json {
		view := statusView{V: 1, Coverage: cov, Looked: looked}
		if o.secrets {
			view.Secrets = &secrets
		}
		return printJSON(w.stdout, view)
	}
	if len(cat.Sources) == 0 && len(found) == 0 {
		w.nothingFound(w.stdout, looked)
		return nil
	}
	w.printCoverage(cov)
	if o.secrets {
		w.printSecrets(secrets)
	}
	for _, l := range looked {
		if l.Err != "" {
			fmt.Fprintf(w.stdout, "cannot be read: %s: %s\n", l.Place, l.Err)
		}
	}
	return nil
}

// statusView is the machine view of the status.
type statusView struct {
	V int `json:"v"`
	ingest.Coverage
	Looked  []ingest.Looked `json:"looked"`
	Secrets *secretCounts   `json:"secrets,omitempty"` // where they are asked for
}

// secretCounts sums up what was replaced in all stored sessions.
type secretCounts struct {
	Replaced map[string]int `json:"replaced"` // by kind
	Rules    map[string]int `json:"rules"`    // sessions, by the version of the rules that they are stored under
}

func sumSecrets(cat *ingest.Catalog) secretCounts {
	c := secretCounts{Replaced: map[string]int{}, Rules: map[string]int{}}
	for _, info := range cat.Sessions {
		c.Rules[strconv.Itoa(info.Redaction)]++
		for kind, n := range info.Secrets {
			c.Replaced[kind] += n
		}
	}
	return c
}

func (w *world) printSecrets(c secretCounts) {
	replaced := "none"
	if len(c.Replaced) > 0 {
		replaced = countsText(c.Replaced)
	}
	fmt.Fprintf(w.stdout, "secrets replaced in all sessions: %s\n", replaced)
	for _, rules := range slices.Sorted(maps.Keys(c.Rules)) {
		if rules == strconv.Itoa(w.redactRules().Version()) {
			fmt.Fprintf(w.stdout, "%s stored under the redaction rules of today, version %s\n", count(c.Rules[rules], "session"), rules)
		} else {
			fmt.Fprintf(w.stdout, "%s stored under redaction rules of version %s; the next run applies those of today\n", count(c.Rules[rules], "session"), rules)
		}
	}
}

func (w *world) printCoverage(cov ingest.Coverage) {
	tw := tabwriter.NewWriter(w.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "AGENT\tFOUND\tREAD\tSKIPPED\tGONE\tSESSIONS\tSUBAGENTS\tEVENTS\tBAD\tFROM\tTO")
	for _, a := range cov.Agents {
		from, to := "-", "-"
		if !a.First.IsZero() {
			from, to = a.First.Format("2006-01-02"), a.Last.Format("2006-01-02")
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", a.Agent, a.Found, a.Read, a.Skipped, a.Gone, a.Sessions, a.Subagents, a.Events, a.Bad, from, to)
	}
	tw.Flush()
	for _, s := range cov.Skipped {
		fmt.Fprintf(w.stdout, "skipped %s: %s (as %s)\n", count(s.Files, "file"), s.Reason, s.Example)
	}
	for _, a := range cov.Agents {
		w.printRecords(a)
	}
	if cov.Pending > 0 {
		fmt.Fprintf(w.stdout, "%s new or changed since the last run (hint: lode ingest)\n", count(cov.Pending, "file"))
	}
}

// printRecords tells what of an agent's files was passed over.
func (w *world) printRecords(a ingest.AgentCoverage) {
	if a.Unverified {
		fmt.Fprintf(w.stdout, "%s: unverified: its parser has been tried on made-up transcripts only\n", a.Agent)
	}
	if len(a.Unknown) > 0 {
		fmt.Fprintf(w.stdout, "%s: passed over records of unknown type: %s\n", a.Agent, countsText(a.Unknown))
	}
	if a.Partial > 0 {
		fmt.Fprintf(w.stdout, "%s: %s in a half-written record (a session that goes on, or was cut)\n", a.Agent, endsIn(a.Partial))
	}
	for _, e := range a.Examples {
		fmt.Fprintf(w.stdout, "%s: cannot be read: %s\n", a.Agent, e)
	}
	if len(a.Secrets) > 0 {
		fmt.Fprintf(w.stdout, "%s: secrets replaced: %s\n", a.Agent, countsText(a.Secrets))
	}
}

func endsIn(n int) string {
	if n == 1 {
		return "1 file ends"
	}
	return fmt.Sprintf("%d files end", n)
}

// countsText writes counts as "name 3, other 1", the largest first.
func countsText(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %d", n, counts[n])
	}
	return strings.Join(names, ", ")
}
