package procs

import "syscall"

// attributes make a child die with the thread that started it, and live in a process
// group of its own.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
