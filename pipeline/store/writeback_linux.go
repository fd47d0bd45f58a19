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

// reserve asks for bytes [from, from+n) of the disk without changing the file's size.
// It is advice: a disk without that much room, or a file system that cannot, says so
// when the bytes are written.
func reserve(f *os.File, from, n int64) {
	unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, n)
}
