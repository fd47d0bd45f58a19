package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// forEach runs work on n items with several workers, which take the next item
// from a shared counter: 0, 1, 2 ... Each worker is made by start, in its own
// goroutine, and ends with finish. After an error no further item is started, but
// those at work are finished: they are all that come before a failed one, so the
// error of the lowest item, which is returned, does not depend on timing.
func forEach[W any](ctx context.Context, workers, n int, start func() (W, error), work func(context.Context, W, int) error, finish func(W) error) error {
	var next atomic.Int64
	errs := firstError{item: n}
	var group sync.WaitGroup
	for range max(1, min(workers, n)) {
		group.Go(func() {
			err := guarded(func() error { return runWorker(ctx, &next, n, start, work, finish, &errs) })
			if err != nil {
				errs.add(n, err) // an error of an item says more
			}
		})
	}
	group.Wait()
	if err := errs.err; err != nil {
		return err
	}
	return ctx.Err()
}

func runWorker[W any](ctx context.Context, next *atomic.Int64, n int, start func() (W, error), work func(context.Context, W, int) error, finish func(W) error, errs *firstError) (err error) {
	w, err := start()
	if err != nil {
		return err
	}
	defer func() {
		if e := finish(w); err == nil {
			err = e
		}
	}()
	for ctx.Err() == nil && !errs.any() {
		item := int(next.Add(1)) - 1
		if item >= n {
			return nil
		}
		if err := guarded(func() error { return work(ctx, w, item) }); err != nil {
			errs.add(item, err)
			return nil
		}
	}
	return nil
}

// guarded turns a panic of a worker into one on the caller's terms: with the
// stack of the worker, so that a bug is reported once and whole.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &bug{fmt.Sprint(p), debug.Stack()}
		}
	}()
	return f()
}

// bug is our own fault, found in a worker.
type bug struct {
	what  string
	stack []byte
}

func (b *bug) Error() string { return "quern: bug: " + b.what + "\n" + string(b.stack) }

// firstError keeps the error of the lowest item.
type firstError struct {
	mu   sync.Mutex
	item int
	err  error
}

func (f *firstError) add(item int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || item < f.item {
		f.item, f.err = item, err
	}
}

func (f *firstError) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}
