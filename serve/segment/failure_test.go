package segment

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quern/features/diag"
	"quern/serve/row"
)

// openRead opens a file as Open does where files are not mapped.
func openRead(path string) (*Segment, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := readFile(file, size)
	if err != nil {
		return nil, err
	}
	return open(path, data)
}

// TestLifetime: the last to let go unmaps, and nobody can hold on after that.
func TestLifetime(t *testing.T) {
	l := wideLayout(t)
	b, err := NewBuilder(l, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	addWide(t, b, l, 0, 5000, true)
	path := writeFile(t, b)
	for how, open := range map[string]func(string) (*Segment, error){"mapped": Open, "read": openRead} {
		s, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if n, err := s.Resident(); err != nil || n != s.Info().Bytes {
			t.Errorf("%s: %d of %d bytes are resident, %v", how, n, s.Info().Bytes, err)
		}
		var wait sync.WaitGroup
		for range 4 {
			if !s.Retain() {
				t.Fatal("an open segment cannot be held")
			}
			wait.Go(func() {
				defer s.Release()
				r := &request{rows: make([]row.Row, 100)}
				for i := range uint64(100) {
					if err := r.run(s, i, true); err != nil {
						t.Error(err)
					}
				}
			})
		}
		s.Close()
		s.Close()
		wait.Wait()
		if s.Retain() {
			t.Error("a closed segment can be held")
		}
		if maps, err := os.ReadFile("/proc/self/maps"); err == nil && strings.Contains(string(maps), path) {
			t.Errorf("%s: the file is still mapped", how)
		}
	}
}

// TestACutFileDoesNotKill: reading behind the end of a mapped file raises SIGBUS.
func TestACutFileDoesNotKill(t *testing.T) {
	s, path := wideSegment(t, 5000, false)
	if !s.data.mapped {
		t.Skip("files are not mapped here")
	}
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	r := &request{rows: make([]row.Row, 100)}
	if err := Guard(func() error { return r.run(s, 1, true) }); err != ErrFault {
		t.Errorf("a look-up ends with %v", err)
	}
	if err := s.Verify(context.Background()); err != ErrFault {
		t.Errorf("verify ends with %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a bug is taken for a fault of the disk")
		}
	}()
	Guard(func() error { var s *Segment; return s.parse() })
}

func isCode(err error, code diag.Code) bool {
	var d *diag.Error
	return errors.As(err, &d) && d.Code == code
}

// failing fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

// TestErrorsOfBuilding: a writer that fails, no folder, a disk that changes what was spilled.
func TestErrorsOfBuilding(t *testing.T) {
	l := wideLayout(t)
	for _, memory := range []int64{0, 200_000} {
		for _, left := range []int{0, 70_000, 1_250_000} {
			b, err := NewBuilder(l, BuildOptions{Temp: t.TempDir(), Memory: memory})
			if err != nil {
				t.Fatal(err)
			}
			addWide(t, b, l, 0, 5000, false)
			if _, _, err := b.Write(&failing{left}); err == nil || err.Error() != "disk full" {
				t.Errorf("memory %d, %d bytes of disk: %v", memory, left, err)
			}
			b.Close()
			b.Close()
		}
	}
	b, err := NewBuilder(l, BuildOptions{Temp: t.TempDir() + "/none", Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	addKey(t, b, l, 1, 1)
	var rows row.Rows
	rows.Reset(l)
	rows.Append(b.arena.at(0))
	if err := b.Add(&rows); !isCode(err, "Q656") {
		t.Errorf("no folder: %v", err)
	}
	temp := t.TempDir()
	if b, err = NewBuilder(l, BuildOptions{Temp: temp, Memory: 200_000}); err != nil {
		t.Fatal(err)
	}
	addWide(t, b, l, 0, 5000, false)
	if _, err := b.levels[0][0].file.WriteAt([]byte{0xff, 0xfe, 0xfd}, 100); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Write(&failing{1 << 30}); !isCode(err, "Q656") {
		t.Errorf("a changed run: %v", err)
	}
	b.Close()
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("%v is left behind", left)
	}
}

// TestNoSegments: what is none says so.
func TestNoSegments(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"empty": {}, "short": []byte(magic), "text": bytes.Repeat([]byte("hello "), 100)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Segment, error){Open, openRead} {
			if _, err := open(path); !isCode(err, "Q654") || !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder is opened")
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
