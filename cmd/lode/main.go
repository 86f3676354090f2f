// Command lode reads the transcripts that coding agents leave behind, finds
// what keeps going wrong, and proposes small, proven changes to the files that
// instruct them.
//
// Each command is one file: an options struct, a constructor with help and an
// example, and a run function that calls one package and prints. main alone
// exits; errors.go maps errors to exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
	}))
}
