package live_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/row"
)

// TestRunCompacts when the rows are many, or old, and goes on after a failure.
func TestRunCompacts(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(3, 10)
	failing := &failingCompactor{Compactor: &live.Published{Store: s.Store}, left: 1}
	r := newRig(t, s, func(o *live.OverlayOptions) { o.Compact, o.Every, o.Into = 4<<10, time.Hour, failing })
	begun := time.Now()
	step := func(after time.Duration, want int64) {
		t.Helper()
		r.Maintain(context.Background(), begun.Add(after))
		if got := r.Counts().Compactions; got != want {
			t.Errorf("after %v: %d compactions, want %d", after, got, want)
		}
	}
	step(0, 0)
	r.push(t, 11, 1)
	step(time.Minute, 0)
	step(time.Hour, 0)
	step(2*time.Hour, 0) // it fails
	step(2*time.Hour+time.Second, 0)
	step(2*time.Hour+time.Minute, 1)
	step(9*time.Hour, 1) // there is nothing
	for id := range int64(40) {
		r.push(t, 12, id)
	}
	step(9*time.Hour, 2)
	expect(t, "in the end", now(t, r.Generations, "p:n", 0, 1, 39, 40), 12, 12, 12, -1)
	if c := r.Counts(); c.CompactionFailures != 1 || c.Pushes != 41 || c.Rows != 41 || c.Failures != 0 || c.CompactionTime <= 0 {
		t.Errorf("%+v", c)
	}
	failing.lose = true // somebody else's version is served before anybody looks
	r.push(t, 13, 1)
	for i, want := range []int64{2, 3, 3, 3, 3, 3, 4, 4} {
		step(time.Duration(20+i)*time.Hour, want)
		expect(t, "while the version is not served", now(t, r.Generations, "p:n", 1), 13)
	}
	if n := r.waiting(); n != 0 {
		t.Errorf("%d rows wait", n)
	}
	s.PublishRows(3, 13)
	reload(t, r.Generations)
	s.PublishRows(3, 12)
	reload(t, r.Generations)
	step(40*time.Hour, 4) // what is carried is noted
	step(60*time.Hour, 5)
	expect(t, "after a publish of older events", now(t, r.Generations, "p:n", 1), 13)
}

// failingCompactor fails some times, and may name another version than it made.
type failingCompactor struct {
	live.Compactor
	left int
	lose bool
}

func (f *failingCompactor) Compact(ctx context.Context, view string, schema row.Schema, rows func(func(*row.Rows) error) (uint64, error)) (string, error) {
	if f.left > 0 {
		f.left--
		return "", fmt.Errorf("as the test wants it")
	}
	version, err := f.Compactor.Compact(ctx, view, schema, rows)
	if f.lose {
		f.lose = false
		return "another", err
	}
	return version, err
}

// TestCompactionWaits for the requests that look in older segments: they would miss rows
// that are forgotten.
func TestCompactionWaits(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(3, 1)
	r := newRig(t, s, nil)
	r.push(t, 5, 1)
	c := r.Pin()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.compact(t)
	}()
	for next := c.Number(); next == c.Number(); time.Sleep(time.Millisecond) {
		g := r.Pin()
		next = g.Number()
		g.Release()
	}
	for range 50 { // time for what must not happen
		time.Sleep(time.Millisecond)
		if got := numbers(t, c, "p:n", 1); got[0] != 5 {
			t.Fatalf("a request of before the compaction reads %d", got[0])
		}
	}
	if n := r.waiting(); n != 1 {
		t.Errorf("rows are forgotten that a request may look for: %d wait", n)
	}
	c.Release()
	<-done
	if n := r.waiting(); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
}

// overtaken is a compactor after which somebody publishes before anybody looks.
type overtaken struct {
	live.Compactor
	publish func()
}

func (o *overtaken) Compact(ctx context.Context, view string, schema row.Schema, rows func(func(*row.Rows) error) (uint64, error)) (string, error) {
	version, err := o.Compactor.Compact(ctx, view, schema, rows)
	o.publish()
	return version, err
}

// TestOvertakenCompaction: rows that are in a version which is only carried by now are
// forgotten, too, and found.
func TestOvertakenCompaction(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(3, 1)
	r := newRig(t, s, func(o *live.OverlayOptions) {
		o.Into = &overtaken{o.Into, func() { s.PublishRows(4, 2) }}
	})
	r.push(t, 5, 1, 9)
	r.compact(t)
	if n := r.waiting(); n != 0 {
		t.Errorf("%d rows wait", n)
	}
	expect(t, "over what was published", now(t, r.Generations, "p:n", 0, 1, 3, 9), 2, 5, 2, 5)
}
