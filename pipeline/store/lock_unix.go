//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes flock(2) on _quern/lock, which the kernel gives back when the process
// dies, however it dies. The file is removed by its last holder, so a lock counts
// only if the name still stands for the file that was locked:
//
//	A locks the file; B opens it and waits for its turn to try
//	A removes it and unlocks; C creates a new one and locks that
//	B locks the old file, sees another one under the name, and tries again
func (l *Local) Lock(ctx context.Context) (unlock func(), err error) {
	path := l.inside(lockName)
	for ctx.Err() == nil {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			if err := l.mkdirs(l.inside(privateFolder)); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && stillNamed(file, path) {
			// Nobody else is writing, so all attempts are of the dead.
			if err := os.RemoveAll(l.inside(attemptsFolder)); err != nil {
				l.unlock(file)
				return nil, err
			}
			return func() { l.unlock(file) }, nil
		}
		file.Close()
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			return nil, fmt.Errorf("%w: %s", ErrLocked, l.root)
		case errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS):
			return func() {}, nil // a file system without locks: put-if-absent must do
		case err != nil:
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
	}
	return nil, ctx.Err()
}

// unlock removes the lock's file, then lets go of it. What cannot be removed costs
// nothing: an attempts folder of somebody's, a lock file that nobody holds.
func (l *Local) unlock(file *os.File) {
	os.Remove(l.inside(attemptsFolder))
	os.Remove(file.Name())
	file.Close()
	os.Remove(l.inside(privateFolder))
}

// stillNamed reports whether path is the name of file.
func stillNamed(file *os.File, path string) bool {
	held, err1 := file.Stat()
	named, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(held, named)
}
