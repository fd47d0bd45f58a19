package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"quern/serve/live/livetest"
)

// TestFullDisk: pushes to a full disk fail with a status that Feast's SDK does not repeat,
// look-ups go on, nothing that was acknowledged is lost, and when there is space again
// pushes succeed, without a restart.
func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		const detach = 2 // MNT_DETACH: also when the test failed with files open
		check(t, syscall.Unmount(folder, detach))
	})
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(3, 1)
	t.Run("full", func(t *testing.T) {
		r := newPushRig(t, s, folder, nil)
		r.push(t, 0, 2)
		ballast := filepath.Join(folder, "ballast")
		os.WriteFile(ballast, make([]byte, 512<<10), 0o666) // as much as there is
		last := int64(2)
		for {
			code, text := r.tryPush(t, 0, last+1)
			if code == http.StatusOK {
				last++
				continue
			}
			if code != http.StatusInsufficientStorage || !strings.Contains(text, "disk is full") {
				t.Fatalf("a push to a full disk: %d %s", code, text)
			}
			break
		}
		expect(t, "when it is full", r.ask(t, 0, 1), last, 1)
		check(t, os.Remove(ballast))
		r.push(t, 1, 3)
		expect(t, "when there is space", r.ask(t, 0, 1), last, 3)
		r.push(t, 0, last+5)
		r.compact(t)
		expect(t, "compacted", r.ask(t, 0, 1), last+5, 3)
		r.push(t, 2, 9)
		r.logged.Lock()
		defer r.logged.Unlock()
		if !strings.Contains(r.log.String(), "a push to view p failed: ") {
			t.Errorf("the log does not say it: %s", r.log)
		}
	})
	expect(t, "after a restart", newPushRig(t, s, folder, nil).ask(t, 1, 2), 3, 9)
}
