//go:build unix

package overlay

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"quern/features/diag"
)

// lock keeps other processes out of a folder until what it returns is closed, or until
// the process dies. Where files cannot be locked it keeps nobody out.
func lock(folder string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENOSYS):
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = diag.New("Q675", "another process has the overlay in %s open", folder)
	}
	f.Close()
	return nil, err
}
