package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriting asks the kernel to begin writing a file's bytes out, without waiting,
// so that the Sync at the end finds little left to do. It is advice: errors show
// there.
func startWriting(f *os.File) {
	unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}
