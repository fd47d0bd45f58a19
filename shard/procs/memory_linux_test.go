package procs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMemory: what one process seals another reads, and nobody changes.
func TestMemory(t *testing.T) {
	s, err := NewMemory()
	if err != nil {
		t.Skip(err)
	}
	defer s.Close()
	if _, err := s.WriteAt([]byte("words"), 3); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(s.File().Fd()))
	if err != nil {
		t.Fatal(err)
	}
	other := InheritedMemory(fd)
	defer other.Close()
	if other.Sealed() != nil {
		t.Error("memory can be read that somebody may still write")
	}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	if got := string(other.Sealed()); got != "\x00\x00\x00words" {
		t.Errorf("the other process reads %q", got)
	}
	for _, w := range []*Memory{s, other} {
		if _, err := w.WriteAt([]byte("other"), 0); err == nil {
			t.Error("sealed memory was written")
		}
	}
	if err := s.File().Truncate(0); err == nil {
		t.Error("sealed memory was taken away")
	}
}

// TestMemoryIsNoFile: what is no sealed memory is not read.
func TestMemoryIsNoFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	file.WriteString("bytes")
	fd, err := unix.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	s := InheritedMemory(fd)
	defer s.Close()
	if s.Sealed() != nil || InheritedMemory(1<<20).Sealed() != nil {
		t.Error("a file was taken for shared memory")
	}
	empty, err := NewMemory()
	if err != nil {
		t.Skip(err)
	}
	defer empty.Close()
	if empty.Seal(); empty.Sealed() != nil {
		t.Error("there are bytes where nobody wrote any")
	}
}
