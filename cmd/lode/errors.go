package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"lode/session"
)

// Exit codes, as in the help of every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3 // something was found or not verified, where --exit-code asks for it
	exitBusy   = 4 // another lode holds the lock
)

// usageError marks a command line that cannot be carried out as it stands.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errBusy says that another lode works on the same state.
var errBusy = errors.New("another lode is working on this state folder (hint: wait for it to end, or choose another with --state)")

// errFound ends a command with exit code 3 and no message.
var errFound = errors.New("found")

// report prints an error and returns the exit code for it.
func report(stderr io.Writer, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "lode: stopped; what was done so far is kept")
		return exitFailed
	case errors.Is(err, errBusy):
		fmt.Fprintln(stderr, "lode:", err)
		return exitBusy
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "lode:", err)
		return exitUsage
	case errors.Is(err, session.ErrDamaged):
		fmt.Fprintln(stderr, "lode:", err, "(hint: lode nightly reads it again from its source)")
		return exitFailed
	case strings.Contains(err.Error(), syscall.ENOSPC.Error()): // bleve does not wrap it
		fmt.Fprintln(stderr, "lode:", err, "(hint: free some space, or choose another place with --state; nothing that was there is damaged)")
		return exitFailed
	}
	fmt.Fprintln(stderr, "lode:", err)
	return exitFailed
}
