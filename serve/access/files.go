package access

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"quern/internal/pace"
)

// watched is what some files say, and follows them. What cannot be read or makes no sense,
// also because it is just being written, is refused, and what held before goes on.
type watched[T any] struct {
	what  string // in logs
	read  func() ([][]byte, error)
	parse func(texts [][]byte, old T) (T, error)

	now  atomic.Pointer[T]
	mu   sync.Mutex
	seen [][]byte // the files as they were last time, used or refused
	lost string   // why they could not be read last time
}

// current returns what holds.
func (w *watched[T]) current() T { return *w.now.Load() }

// Reload looks at the files. It reports whether they say something new that holds now, or
// why what is new is refused; that once.
func (w *watched[T]) Reload() (changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts, err := w.read()
	if err != nil {
		again := w.lost == err.Error()
		w.seen, w.lost = nil, err.Error()
		if again {
			err = nil
		}
		return false, err
	}
	w.lost = ""
	if w.seen != nil && slices.EqualFunc(w.seen, texts, bytes.Equal) {
		return false, nil
	}
	w.seen = texts
	var old T
	if p := w.now.Load(); p != nil {
		old = *p
	}
	parsed, err := w.parse(texts, old)
	if err != nil {
		return false, err
	}
	w.now.Store(&parsed)
	return true, nil
}

// File is something that is read from files, and can be read again: Tokens, or Certificates.
type File interface {
	Reload() (changed bool, err error)
	String() string
}

// Follow reloads files every interval until ctx ends, and logs what is new or refused.
func Follow(ctx context.Context, interval time.Duration, log func(format string, args ...any), files ...File) {
	pace.Every(ctx, interval, func() {
		for _, f := range files {
			switch changed, err := f.Reload(); {
			case err != nil:
				log("%v; what was known goes on", err)
			case changed:
				log("%s is read again", f)
			}
		}
	})
}
