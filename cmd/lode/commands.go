package main

import "github.com/spf13/cobra"

// commands lists the commands in the order in which help shows them.
func commands(g *globals) []*cobra.Command {
	return []*cobra.Command{
		newNightlyCommand(g),
		newIngestCommand(g),
		newStatusCommand(g),
		newSearchCommand(g),
		newShowCommand(g),
		newMineCommand(g),
		newBacktestCommand(g),
		newReviewCommand(g),
		newBriefCommand(g),
		newVaultCommand(g),
		newRunCommand(g),
		newGoalCommand(g),
		newReportCommand(g),
		newServeCommand(g),
		newMCPCommand(g),
		newInstallCommand(g),
		newUninstallCommand(g),
		newHookCommand(g),
		newEventsCommand(g),
		newClassifyCommand(g),
		newClusterCommand(g),
		newConfigHelp(),
	}
}

// newConfigHelp is the help topic for the configuration file.
func newConfigHelp() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "What can be configured", Long: configHelp, Example: "  lode --config ~/lode.yaml status"}
}
