package pace_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quern/internal/pace"
)

// TestSeldom: of all who ask in one second, one may.
func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s pace.Seldom
		for second := range 3 {
			var may atomic.Int64
			var group sync.WaitGroup
			for range 50 {
				group.Go(func() {
					if s.May() {
						may.Add(1)
					}
				})
			}
			group.Wait()
			if n := may.Load(); n != 1 {
				t.Errorf("second %d: said %d times", second, n)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestEvery: it is done once an interval, not at once, and not after the end.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		start, n := time.Now(), 0
		pace.Every(ctx, time.Second, func() {
			n++
			if at := time.Since(start); at != time.Duration(n)*time.Second {
				t.Errorf("time %d came after %v", n, at)
			}
		})
		if n != 3 || time.Since(start) != 3500*time.Millisecond {
			t.Errorf("%d times in %v", n, time.Since(start))
		}
	})
}
