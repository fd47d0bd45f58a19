package rpc

import (
	"sync"
	"time"
)

// rates is a bucket of tokens per caller: a call takes one, and they come back with time.
type rates struct {
	perSecond, burst float64
	mu               sync.Mutex
	buckets          map[string]*bucket
}

// bucket is what a caller had at a time.
type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the callers that are remembered.
const maxBuckets = 1 << 16

// take takes a token, or says when there will be one.
func (r *rates) take(caller string) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	b := r.buckets[caller]
	if b == nil {
		if len(r.buckets) >= maxBuckets {
			r.forget(now)
		}
		b = &bucket{r.burst, now}
		r.buckets[caller] = b
	}
	b.tokens = min(r.burst, b.tokens+now.Sub(b.at).Seconds()*r.perSecond)
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / r.perSecond * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

// forget drops the callers whose buckets are full again: a new one would be the same.
// If all are at work, it drops all: better to be generous once than to grow.
func (r *rates) forget(now time.Time) {
	full := time.Duration(r.burst / r.perSecond * float64(time.Second))
	for caller, b := range r.buckets {
		if now.Sub(b.at) >= full {
			delete(r.buckets, caller)
		}
	}
	if len(r.buckets) >= maxBuckets {
		clear(r.buckets)
	}
}

// slots bounds how many of something are under way, in all and for each caller.
type slots struct {
	all, each int
	mu        sync.Mutex
	used      int
	by        map[string]int
}

// take takes a slot; free gives it back, once however often it is called. It is nil if
// there is none.
func (s *slots) take(caller string) (free func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= s.all || s.by[caller] >= s.each {
		return nil
	}
	s.used++
	s.by[caller]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.used--
		if s.by[caller]--; s.by[caller] == 0 {
			delete(s.by, caller)
		}
	})
}

// taken returns how many slots are taken.
func (s *slots) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// debts counts refused requests that gRPC still holds: it forgets one that was refused
// at the gate only when the deadline passes that its caller chose.
type debts struct {
	most  int
	mu    sync.Mutex
	until map[int64]int // how many end in which minute
	swept int64         // the minute before which they ended
	total int
}

// longDebt is how far deadlines are told apart, in minutes; who says more is counted for
// a day.
const longDebt = 24 * 60

// take notes a request that is held until a deadline; false: too many are.
func (d *debts) take(deadline time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now().Unix() / 60
	if d.swept < now {
		for minute, n := range d.until {
			if minute < now {
				d.total -= n
				delete(d.until, minute)
			}
		}
		d.swept = now
	}
	if d.total >= d.most {
		return false
	}
	d.until[min(deadline.Unix()/60, now+longDebt)]++
	d.total++
	return true
}
