//go:build unix && !linux

package procs

import "syscall"

// attributes make a child live in a process group of its own. That its standard input
// ends tells it when its parent has died.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
