package overlay

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"quern/serve/row"
)

// TestFullFileSystem fills a real file system of 256 KiB, several times.
func TestFullFileSystem(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("none", path, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer func() {
		const detach = 2 // MNT_DETACH: also when the test failed with files open
		if err := syscall.Unmount(path, detach); err != nil {
			t.Error(err)
		}
	}()
	l := smallLayout(t)
	want := map[int64]int64{}
	id := int64(1)
	ballast := filepath.Join(path, "ballast")
	for range 3 {
		if err := os.WriteFile(ballast, make([]byte, 8192), 0o666); err != nil {
			t.Fatal(err)
		}
		v, err := Open(path, l, Options{fileBytes: 50_000})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, v, want)
		for fails := 0; fails < 5; id++ {
			_, err := v.Put(context.Background(), encode(t, l, small{id % 8, id, id}))
			if err == nil {
				want[id%8] = id
				continue
			}
			if fails++; !isCode(err, "Q672") || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("a full disk: %v", err)
			}
			expect(t, v, want)
		}
		v.Close()
		if v, err = Open(path, l, Options{fileBytes: 50_000}); err != nil {
			t.Fatalf("opened when the disk is full: %v", err)
		}
		expect(t, v, want)
		// A checkpoint needs a block.
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		// The rows go to segments on another disk, and there is space again.
		seq, err := v.Snapshot(func(*row.Rows) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Trim(seq, ""); err != nil {
			t.Fatalf("trim when the disk is full: %v", err)
		}
		want = map[int64]int64{}
		for range 20 {
			mustPut(t, v, small{id % 8, id, id})
			want[id%8] = id
			id++
		}
		v.Close()
	}
}
