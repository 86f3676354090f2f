package main

import (
	"os/exec"
	"runtime"
)

// userNamespaces reports whether a small disk can be mounted for a test.
func userNamespaces() bool {
	if runtime.GOOS != "linux" {
		return false
	}
	return exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt").Run() == nil
}
