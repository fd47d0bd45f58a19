package cuda

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// ledger knows what was handed out and not given back.
type ledger struct {
	mu    sync.Mutex
	count int
	live  map[any]loan
}

// loan is one thing that was handed out.
type loan struct {
	number int // in order of making
	what   string
	bytes  int
	maker  string       // file:line of the caller who made it
	free   func() error // runs on the goroutine that enqueues
}

// add enters a loan.
func (l *ledger) add(key any, x loan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = map[any]loan{}
	}
	l.count++
	x.number = l.count
	l.live[key] = x
}

// remove strikes a loan off.
func (l *ledger) remove(key any) (loan, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, ok := l.live[key]
	delete(l.live, key)
	return found, ok
}

// open returns the loans that are left, in order of making.
func (l *ledger) open() []loan {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []loan
	for _, x := range l.live {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b loan) int { return cmp.Compare(a.number, b.number) })
	return all
}

// complaint names what was not given back, or is nil. marks is how many were never waited for.
func complaint(leaks []loan, marks int) error {
	if marks > 0 {
		leaks = append(leaks, loan{what: fmt.Sprintf("marks (%d that nobody waited for)", marks), maker: "Queue.Record"})
	}
	if len(leaks) == 0 {
		return nil
	}
	const most = 10
	var text strings.Builder
	for i, l := range leaks {
		if i == most {
			fmt.Fprintf(&text, "\n\tand %d more", len(leaks)-most)
			break
		}
		fmt.Fprintf(&text, "\n\t%s of %d bytes, made at %s", l.what, l.bytes, l.maker)
	}
	return fmt.Errorf("quern: bug: gpu/cuda: a device was closed before %d of its things were freed:%s", len(leaks), &text)
}

// caller returns the first place on the stack outside of this package's own files.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "quern/gpu/cuda.(*") || !more {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
	}
}
