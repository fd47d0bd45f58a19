package procs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Memory is memory that one process fills, and that those which it hands File to read where
// it lies. It has no name, and ends with the last of them. It is readable once it is sealed:
// from then on nobody can change it.
type Memory struct{ file *os.File }

// sealed are the seals of what never changes again.
const sealed = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL

// NewMemory returns shared memory without bytes. Not every system has such.
func NewMemory() (*Memory, error) {
	fd, err := unix.MemfdCreate("quern", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return &Memory{os.NewFile(uintptr(fd), "shared memory")}, nil
}

// InheritedMemory returns what another process has left under a file descriptor. If it is
// something else, it will never be sealed.
func InheritedMemory(fd int) *Memory {
	unix.CloseOnExec(fd)
	return &Memory{os.NewFile(uintptr(fd), "shared memory")}
}

// File is what other processes inherit. It belongs to s.
func (s *Memory) File() *os.File { return s.file }

// WriteAt implements io.WriterAt, before the memory is sealed.
func (s *Memory) WriteAt(b []byte, at int64) (int, error) { return s.file.WriteAt(b, at) }

// Seal ends writing, for all processes.
func (s *Memory) Seal() error {
	_, err := unix.FcntlInt(s.file.Fd(), unix.F_ADD_SEALS, sealed)
	return os.NewSyscallError("fcntl", err)
}

// Sealed returns the memory, which stays as long as the process; nil: it is not sealed, or
// cannot be mapped. Each call maps it anew.
func (s *Memory) Sealed() []byte {
	seals, err := unix.FcntlInt(s.file.Fd(), unix.F_GET_SEALS, 0)
	if err != nil || seals&sealed != sealed {
		return nil
	}
	about, err := s.file.Stat()
	if err != nil || about.Size() == 0 {
		return nil
	}
	b, err := unix.Mmap(int(s.file.Fd()), 0, int(about.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil
	}
	return b
}

// Close gives up what this process does not map.
func (s *Memory) Close() error { return s.file.Close() }
