package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lode/miner"
)

func newClassifyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "classify",
		Short: "Judge results given as JSON Lines, for scripts",
		Long: `classify reads JSON Lines of {"tool":…, "command":…, "output":…, "exit":…} from
standard input (tool and exit may be missing) and prints each line with the
outcome, what it rests on, and the class, entity, signature and fingerprint of
a failure.`,
		Example: `  echo '{"command":"make tset","output":"make: *** No rule to make target"}' | lode classify --json`,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runClassify(g) },
	}
}

func runClassify(g *globals) error {
	return eachLine(g, func(n int, line string, out io.Writer) error {
		var in struct {
			Tool    string `json:"tool"`
			Command string `json:"command"`
			Output  string `json:"output"`
			Exit    *int   `json:"exit"`
		}
		var whole map[string]any
		if err := json.Unmarshal([]byte(line), &whole); err != nil {
			return usagef("standard input, line %d: %w", n, err)
		}
		if err := json.Unmarshal([]byte(line), &in); err != nil {
			return usagef("standard input, line %d: %w", n, err)
		}
		c := miner.Classify(in.Tool, in.Command, in.Output, in.Exit)
		if !g.json {
			_, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", c.Outcome, c.Class, c.Entity, c.Signature)
			return err
		}
		more, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(more, &whole); err != nil {
			return err
		}
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return enc.Encode(whole)
	})
}

func newClusterCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "cluster",
		Short: "Group text lines by their templates, for scripts",
		Long: `cluster reads lines from standard input and prints each with the cluster it
belongs to and the template, as the miner groups failures.`,
		Example: "  lode cluster --json <build.log",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runCluster(g) },
	}
}

func runCluster(g *globals) error {
	var c miner.Clusterer
	var lines []string
	var forms []int
	err := eachLine(g, func(_ int, line string, _ io.Writer) error {
		lines, forms = append(lines, line), append(forms, c.Add(line))
		return nil
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(g.stdout, 64<<10)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	clusters := c.Clusters()
	for i, line := range lines {
		cluster := &clusters[forms[i]]
		if g.json {
			err = enc.Encode(struct {
				Line     string `json:"line"`
				Cluster  string `json:"cluster"`
				Template string `json:"template"`
			}{line, cluster.Name, cluster.Template})
		} else {
			_, err = fmt.Fprintf(out, "%s\t%s\n", cluster.Name, cluster.Template)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachLine calls f with the lines of standard input that are not empty.
func eachLine(g *globals, f func(n int, line string, out io.Writer) error) error {
	in := bufio.NewReaderSize(g.stdin, 64<<10)
	out := bufio.NewWriterSize(g.stdout, 64<<10)
	defer out.Flush()
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if err := f(n, line, out); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
