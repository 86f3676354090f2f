package main

import "github.com/spf13/cobra"

// commands lists the commands in the order in which help shows them.
func commands(g *globals) []*cobra.Command {
	return []*cobra.Command{
		newIngestCommand(g),
		newSearchCommand(g),
		newShowCommand(g),
		newReviewCommand(g),
		newBriefCommand(g),
		newEventsCommand(g),
		newMineCommand(g),
		newClassifyCommand(g),
		newClusterCommand(g),
		newStatusCommand(g),
	}
}
