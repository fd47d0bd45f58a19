package s3test

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes a command end when the test's process does, however that ends.
func dieWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
