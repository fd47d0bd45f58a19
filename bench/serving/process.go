//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that is measured, with the processes that it started.
type process struct {
	cmd    *exec.Cmd
	lines  chan string   // of its standard error, as far as somebody reads them
	ended  chan struct{} // closed when it ended
	err    error         // then: how
	last   []string      // then: its last lines
	folder string        // it works there
}

// begin starts a program in a folder.
func begin(folder, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), lines: make(chan string, 64), ended: make(chan struct{}), folder: folder}
	p.cmd.Dir = folder
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.follow(out)
	return p, nil
}

// follow reads what the process says until it ends.
func (p *process) follow(out io.Reader) {
	const kept = 20
	for in := bufio.NewScanner(out); in.Scan(); {
		p.last = append(p.last, in.Text())
		if len(p.last) > kept {
			p.last = p.last[1:]
		}
		select {
		case p.lines <- in.Text():
		default:
		}
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

// died is the error of a process that ended by itself.
func (p *process) died() error {
	return fmt.Errorf("%s ended: %v\n%s", filepath.Base(p.cmd.Path), p.err, strings.Join(p.last, "\n"))
}

// says waits for a line that holds a word, and returns what follows it.
func (p *process) says(ctx context.Context, word string) (string, error) {
	for {
		select {
		case line := <-p.lines:
			if _, rest, ok := strings.Cut(line, word); ok {
				return rest, nil
			}
		case <-p.ended:
			return "", p.died()
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// healthy waits until a URL answers 200.
func (p *process) healthy(ctx context.Context, url string) error {
	for {
		if r, err := http.Get(url); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return p.died()
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", url, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stop ends the process and those that it started.
func (p *process) stop() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// cpu returns the processor time that the process and all below it took so far, those
// that ended included.
func (p *process) cpu() time.Duration {
	var ticks int64
	for _, s := range below(p.cmd.Process.Pid) {
		ticks += s.ticks
	}
	return time.Duration(ticks) * (time.Second / ticksPerSecond)
}

// resident returns the memory of the process and all below it in bytes: all of it, and
// without pages of files.
func (p *process) resident() (all, anonymous int64) {
	for _, s := range below(p.cmd.Process.Pid) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid)) // one that ended has none
		all += kilobytes(string(text), "VmRSS:")
		anonymous += kilobytes(string(text), "RssAnon:")
	}
	return all, anonymous
}

func kilobytes(text, field string) int64 {
	_, rest, _ := strings.Cut(text, field)
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(words[0], 10, 64)
	return n << 10
}

// ticksPerSecond is Linux's USER_HZ, in which /proc counts processor time.
const ticksPerSecond = 100

// proc is a line of /proc/PID/stat.
type proc struct {
	pid, parent int
	ticks       int64 // of itself and of its children that ended
}

// below returns a process and all that descend from it.
func below(root int) []proc {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	children := map[int][]proc{}
	var found []proc
	for _, f := range files {
		s, err := readProc(f)
		if err != nil {
			continue // it ended
		}
		if s.pid == root {
			found = append(found, s)
		} else {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}

// readProc reads the fields of proc_pid_stat(5): 1 pid, 4 parent, 14-17 times.
func readProc(path string) (s proc, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	end := strings.LastIndexByte(string(text), ')') // the name may hold anything
	words := strings.Fields(string(text[end+1:]))
	if end < 0 || len(words) < 15 {
		return s, errors.New("not a line of /proc/PID/stat")
	}
	fmt.Sscan(string(text), &s.pid)
	s.parent, _ = strconv.Atoi(words[1])
	for _, w := range words[11:15] {
		n, _ := strconv.ParseInt(w, 10, 64)
		s.ticks += n
	}
	return s, nil
}

// busy returns the processor time of everything on this machine, and of this process.
func busy() (machine, own time.Duration) {
	text, _ := os.ReadFile("/proc/stat")
	var name string
	var user, nice, system, idle, wait, irq, soft, steal int64
	fmt.Sscan(string(text), &name, &user, &nice, &system, &idle, &wait, &irq, &soft, &steal)
	machine = time.Duration(user+nice+system+irq+soft) * (time.Second / ticksPerSecond)
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		own = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return machine, own
}
