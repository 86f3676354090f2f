package main

import "github.com/spf13/cobra"

// commands lists the commands in the order in which help shows them.
func commands(g *globals) []*cobra.Command {
	return []*cobra.Command{
		newIngestCommand(g),
		newEventsCommand(g),
		newStatusCommand(g),
	}
}
