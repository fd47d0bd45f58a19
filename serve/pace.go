package serve

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"
)

// seldom is for what may be said once a second at most: a client that causes it again and
// again must not fill the log.
type seldom struct {
	last atomic.Int64 // second in which it was said
}

// may reports whether it may be said now; then it may not be for the rest of the second.
func (s *seldom) may() bool {
	now, last := time.Now().Unix(), s.last.Load()
	return now != last && s.last.CompareAndSwap(last, now)
}

// seldomWriter logs lines seldom.
type seldomWriter struct {
	log func(format string, args ...any)
	seldom
}

// Write is io.Writer's.
func (s *seldomWriter) Write(line []byte) (int, error) {
	if s.may() {
		s.log("%s", bytes.TrimSpace(line))
	}
	return len(line), nil
}

// every does something each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		do()
	}
}
