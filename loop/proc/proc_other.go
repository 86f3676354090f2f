//go:build !unix

package proc

import (
	"os"
	"os/exec"
)

func ownGroup(*exec.Cmd) {}

// signalGroup ends the program itself: there are no groups here.
func signalGroup(pid int, hard bool) {
	if p, err := os.FindProcess(pid); err == nil && hard {
		p.Kill()
	}
}

// watch does nothing here: a program outlives a lode that was killed.
func watch(int) (stop func()) { return func() {} }

// Sweep finds nothing here.
func Sweep(string) {}

// Running reports whether there is a process with some id.
func Running(pid int) bool {
	_, err := os.FindProcess(pid)
	return err == nil
}
