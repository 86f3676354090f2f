package clients

import (
	"bytes"
	"net"
	"os/exec"
	"testing"
	"time"
)

// Offline leaves the loopback interface, and nothing else, to the goroutine and
// to what it starts.
func TestOffline(t *testing.T) {
	t.Parallel()
	if err := Offline(); err != nil {
		t.Skip(err)
	}
	here, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if c, err := net.DialTimeout("tcp4", here.Addr().String(), time.Second); err != nil {
		t.Errorf("the loopback interface: %v", err)
	} else {
		c.Close()
	}
	if c, err := net.DialTimeout("tcp4", "192.0.2.1:80", time.Second); err == nil {
		c.Close()
		t.Error("there is a way out")
	}
	if out, err := exec.Command("cat", "/proc/self/net/route").Output(); err == nil && bytes.Count(out, []byte("\n")) > 1 {
		t.Errorf("what is started has routes:\n%s", out)
	}
}

// Clients are pinned, and named once.
func TestAll(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range All() {
		if seen[c.String()] || c.Version == "" || c.Package == "" || c.Program == "" || len(c.Start) == 0 || len(c.Resume) == 0 {
			t.Errorf("%+v", c)
		}
		seen[c.String()] = true
	}
}
