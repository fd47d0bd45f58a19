package access

import (
	"math"
	"sync/atomic"
	"time"
)

// The rates that a bucket can have, in units per second.
const (
	slowestRate = 0.01
	fastestRate = 1e9
)

// bucket is a token bucket: so many units a second, and up to a second's worth at once
// after a pause. One call may take more than is there, and leaves a debt that the next ones
// wait for; so large requests need no large bucket, and the rate holds over time.
//
// It is one number, the moment when the debt is paid: the earlier, the fuller the bucket.
type bucket struct {
	each  time.Duration // that a unit takes to come
	level *level
}

// level is how full a bucket is. It survives a change of the rate.
type level struct {
	began time.Time
	paid  atomic.Int64 // nanoseconds since then
}

// at returns a bucket of another rate with the level of b, which may be nil, or a full one;
// nil for an infinite rate.
func (b *bucket) at(rate float64) *bucket {
	if math.IsInf(rate, 1) {
		return nil
	}
	n := &bucket{each: time.Duration(1e9 / rate)}
	if b != nil {
		n.level = b.level
		return n
	}
	n.level = &level{began: time.Now()}
	n.level.paid.Store(math.MinInt64)
	return n
}

// take takes n units and returns 0; or none, and returns how long there will be none. A nil
// bucket has no end.
func (b *bucket) take(n int) time.Duration {
	if b == nil {
		return 0
	}
	return b.takeAt(time.Since(b.level.began), n)
}

// takeAt is take at a time since the beginning.
func (b *bucket) takeAt(now time.Duration, n int) time.Duration {
	full := now - max(time.Second, b.each)
	for {
		before := b.level.paid.Load()
		paid := max(time.Duration(before), full)
		if next := paid + b.each; next > now { // not one unit is there
			return next - now
		}
		if b.level.paid.CompareAndSwap(before, int64(paid+time.Duration(n)*b.each)) {
			return 0
		}
	}
}
