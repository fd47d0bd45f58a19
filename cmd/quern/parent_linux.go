package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// parentSignal comes when the thread that started this process ends, which may be long
// before its process does: engines start processes from threads that come and go.
const parentSignal = unix.SIGUSR2

// tellParentsEnd asks the kernel for parentSignal.
func tellParentsEnd() {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(parentSignal), 0, 0, 0); err != nil {
		os.Stderr.WriteString("note: the end of the parent process will be noticed late: " + err.Error() + "\n")
	}
}
