// Package pace keeps what comes again and again at a bearable rate.
package pace

import (
	"context"
	"sync/atomic"
	"time"
)

// Seldom is for what may be said once a second at most: a client that causes it again and
// again must not fill the log. Its zero value is ready, and may be used concurrently.
type Seldom struct {
	last atomic.Int64 // second in which it was said
}

// May reports whether it may be said now; then it may not be for the rest of the second.
func (s *Seldom) May() bool {
	now, last := time.Now().Unix(), s.last.Load()
	return now != last && s.last.CompareAndSwap(last, now)
}

// Every does something each interval until ctx ends. The first time is after one interval;
// times that come while it is still being done are left out.
func Every(ctx context.Context, interval time.Duration, do func()) {
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
