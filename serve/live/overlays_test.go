package live_test

import (
	"os"
	"path/filepath"
	"testing"

	"quern/serve/live"
	"quern/serve/live/livetest"
)

// TestOneOwner: another process cannot have the folder, nor can two servers of one.
func TestOneOwner(t *testing.T) {
	s, folder := livetest.NewStore(t, livetest.Recipe), t.TempDir()
	s.PublishRows(3, 10)
	newRig(t, s, func(o *live.OverlayOptions) { o.Folder = folder })
	g := live.NewGenerations(&live.Published{Store: s.Store}, t.Logf)
	if _, err := live.NewOverlays(g, live.OverlayOptions{Folder: folder}); codeOf(err) != "Q675" {
		t.Errorf("a second owner: %v", err)
	}
}

// TestDamagedLog: a view whose acknowledged rows cannot be read is not served.
func TestDamagedLog(t *testing.T) {
	s, folder := livetest.NewStore(t, livetest.Recipe), t.TempDir()
	s.PublishRows(3, 10)
	t.Run("push", func(t *testing.T) {
		r := newRig(t, s, func(o *live.OverlayOptions) { o.Folder = folder })
		r.push(t, 11, 1)
		r.push(t, 12, 1)
	})
	logs, _ := filepath.Glob(filepath.Join(folder, "p", "*", "wal-*"))
	text, err := os.ReadFile(logs[0])
	check(t, err)
	text[130] ^= 1 // in the first frame, behind which there is another
	check(t, os.WriteFile(logs[0], text, 0o600))
	g := live.NewGenerations(&live.Published{Store: s.Store}, t.Logf)
	defer g.Close()
	o, err := live.NewOverlays(g, live.OverlayOptions{Folder: folder})
	check(t, err)
	defer o.Close()
	if _, err := g.Reload(t.Context()); codeOf(err) != "Q671" || codeOf(o.Refused()) != "Q671" {
		t.Errorf("a damaged log: %v, %v", err, o.Refused())
	}
	c := g.Pin()
	defer c.Release()
	if len(c.Views()) != 0 {
		t.Error("the view is served")
	}
}
