package loop

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	renameio "github.com/google/renameio/v2/maybe"

	"lode/loop/proc"
)

// Owner is who works on a run. It is stored in owner.json and tells people;
// what decides is the lock, which the system takes back when its holder dies.
type Owner struct {
	PID       int       `json:"pid"`
	Host      string    `json:"host"`
	Since     time.Time `json:"since"`
	Heartbeat time.Time `json:"heartbeat"`
}

// keeper holds the lock of a run.
type keeper struct {
	lock *flock.Flock
	dir  string
}

// own takes the lock of a run's folder. Somebody who only looks whether it is
// taken holds it for a moment, so it is tried a few times.
func own(dir string) (*keeper, error) {
	k := &keeper{flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600)), dir}
	for range 20 {
		ok, err := k.lock.TryLock()
		if err != nil {
			return nil, err
		}
		if ok {
			return k, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	o := ownerOf(dir)
	return nil, fmt.Errorf("%s: %w (process %d on %s; hint: lode run pause %[1]s ends it after its iteration)", filepath.Base(dir), ErrBusy, o.PID, o.Host)
}

func (k *keeper) release() {
	if k != nil {
		k.lock.Unlock()
	}
}

// beats is how often the heartbeat is written.
const beats = 5 * time.Second

// beat writes the heartbeat until stop is called.
func (k *keeper) beat(now func() time.Time) (stop func()) {
	host, _ := os.Hostname()
	o := Owner{PID: os.Getpid(), Host: host, Since: now()}
	write := func() {
		o.Heartbeat = now()
		if doc, err := json.Marshal(o); err == nil {
			renameio.WriteFile(filepath.Join(k.dir, "owner.json"), append(doc, '\n'), 0o600) // a full disk stops no heart
		}
	}
	write()
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(beats)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				write()
			}
		}
	})
	return func() { close(done); wait.Wait() }
}

func ownerOf(dir string) (o Owner) {
	if text, err := os.ReadFile(filepath.Join(dir, "owner.json")); err == nil {
		json.Unmarshal(text, &o)
	}
	return o
}

// owned reports whether somebody works on a run.
func owned(dir string) bool {
	file := filepath.Join(dir, "lock")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return false
	}
	l := flock.New(file, flock.SetPermissions(0o600))
	ok, err := l.TryRLock()
	if err != nil || !ok {
		return err == nil
	}
	l.Unlock()
	return false
}

// sweep ends what is left of the run's processes.
func (r *Run) sweep() { proc.Sweep(r.tag()) }
