//go:build unix

package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// signalGroup asks a group to end, or ends it.
func signalGroup(pid int, hard bool) {
	sig := syscall.SIGTERM
	if hard {
		sig = syscall.SIGKILL
	}
	syscall.Kill(-pid, sig)
}

// watch has a group ended when lode itself is killed: a small shell waits for the
// end of a pipe that only lode holds open.
func watch(pid int) (stop func()) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	cmd := exec.Command("sh", "-c", `read _; kill -s KILL -- "-$1"`, "sh", strconv.Itoa(pid))
	cmd.Stdin = r
	cmd.Dir = "/"
	ownGroup(cmd)
	err = cmd.Start()
	r.Close()
	if err != nil {
		w.Close()
		return func() {}
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
		w.Close()
	}
}

// Sweep ends every process that has a variable name=value in its environment,
// wherever it went; it finds them on Linux only.
func Sweep(tag string) {
	for range 20 { // a process that forks may have done so while we looked
		found := tagged(tag)
		for _, pid := range found {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(found) == 0 {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func tagged(tag string) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err == nil && strings.Contains("\x00"+string(env), "\x00"+tag+"\x00") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Running reports whether there is a process with some id.
func Running(pid int) bool { return syscall.Kill(pid, 0) == nil }
