//go:build failpoints && unix

package failpoint

import (
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// On tells whether the program was built with the tag failpoints.
const On = true

// Point is passed by the process on its way.
func Point(name string) { Err(name) }

// Err is a Point at which an operation can be made to fail.
func Err(name string) error {
	note(name)
	n := passage(name)
	for wish := range strings.SplitSeq(os.Getenv("QUERN_FAILPOINT"), ",") {
		where, action, _ := strings.Cut(wish, "=")
		if where == name && n == 1 || where == name+":"+strconv.Itoa(n) {
			return act(name, action)
		}
	}
	return nil
}

// act does what is to happen at the point.
func act(name, action string) error {
	action, argument, _ := strings.Cut(action, ":")
	switch action {
	case "", "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it takes effect at some moment
	case "stop":
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(100 * time.Millisecond) // another thread may take the signal, at some moment
	case "exit":
		os.Exit(1)
	case "sleep":
		ms, _ := strconv.Atoi(argument)
		time.Sleep(time.Duration(ms) * time.Millisecond)
	case "error":
		return fmt.Errorf("%s: injected error", name)
	default:
		panic("quern: bug: unknown action of a failpoint: " + action)
	}
	return nil
}

// passage counts passages: it returns 1 for the first, 2 for the next, whoever passes.
// The count is kept as a profile of runtime/pprof, which holds every value only once.
func passage(name string) int {
	p := profile(name)
	for n := p.Count() + 1; ; n++ {
		if add(p, n) {
			return n
		}
	}
}

// profile returns the profile of a point.
func profile(name string) (p *pprof.Profile) {
	defer func() {
		if recover() != nil { // somebody else was faster to make it
			p = pprof.Lookup(name)
		}
	}()
	if p = pprof.Lookup(name); p != nil {
		return p
	}
	return pprof.NewProfile(name)
}

// add adds n to a profile; false if it is there already.
func add(p *pprof.Profile, n int) (added bool) {
	defer func() { added = recover() == nil }()
	p.Add(n, 0)
	return true
}

// note writes a passage to the log, in one write, so that lines of processes do not mix.
func note(name string) {
	path := os.Getenv("QUERN_FAILPOINT_LOG")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		panic("quern: bug: QUERN_FAILPOINT_LOG: " + err.Error())
	}
	defer f.Close()
	fmt.Fprintf(f, "%d %s\n", os.Getpid(), name)
}
