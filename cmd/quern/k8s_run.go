package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"quern/features/diag"
)

// k8sProgram is the program that speaks with clusters.
const k8sProgram = "quern-k8s"

// kubernetes has quern-k8s do a request, and ends as it does. When this process is ended,
// so is that: its standard input ends.
func (a *app) kubernetes(ctx context.Context, f *k8sFlags) error {
	path, err := findK8s()
	if err != nil {
		return err
	}
	f.request.Options, f.request.Quiet, f.request.Colour = f.Options, a.flags.quiet, a.colour()
	line, err := json.Marshal(f.request)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	c := exec.CommandContext(ctx, path)
	c.Stdout, c.Stderr = a.out, a.err
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	in, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return diag.New("Q541", "cannot start %s", path).Because(err)
	}
	in.Write(append(line, '\n')) // a program that does not read it says why by its exit code
	err = c.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return &told{ended(exit.ExitCode())}
	}
	if err != nil {
		return diag.New("Q541", "%s broke off", path).Because(err)
	}
	return nil
}

// ended is the error of another program that has explained itself: its exit code is ours.
func ended(code int) error {
	for _, e := range []struct {
		class diag.Class
		code  diag.Code
	}{{diag.Usage, "Q501"}, {diag.BadData, "Q451"}, {diag.Unavailable, "Q540"}} {
		if code == int(e.class) {
			return diag.New(e.code, "%s ended with exit code %d", k8sProgram, code)
		}
	}
	return errFindings
}

// findK8s finds quern-k8s: beside this program, or in the PATH.
func findK8s() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), k8sProgram)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(k8sProgram)
	if err != nil {
		return "", diag.New("Q541", "the program %s is neither beside quern nor in the PATH", k8sProgram).
			WithHint("make k8s builds build/%s; quern k8s render needs none", k8sProgram)
	}
	return path, nil
}
