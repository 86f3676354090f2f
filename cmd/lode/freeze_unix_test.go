//go:build unix

package main

import (
	"os"
	"syscall"
)

// canFreeze says that a process can be made to stand still.
const canFreeze = true

func freeze(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
func thaw(p *os.Process) error   { return p.Signal(syscall.SIGCONT) }
