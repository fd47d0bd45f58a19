package serve

import (
	"context"
	"fmt"
	"testing"
	"time"

	"quern/serve/lookup"
	"quern/serve/row"
)

// TestRunCompacts when the rows are many, or old, and goes on after a failure.
func TestRunCompacts(t *testing.T) {
	s := newPushStore(t, pushRecipe)
	s.publish(3, 10)
	failing := &failingCompactor{Compactor: &Published{Store: s.Store}, left: 1}
	r := newPushRig(t, s, t.TempDir(), func(o *OverlayOptions) { o.Compact, o.Every, o.Into = 4<<10, time.Hour, failing })
	now := time.Now()
	step := func(after time.Duration, want int64) {
		t.Helper()
		r.overlays.maintain(context.Background(), now.Add(after))
		if got := r.overlays.compacted.Load(); got != want {
			t.Errorf("after %v: %d compactions, want %d", after, got, want)
		}
	}
	step(0, 0)
	r.push(t, 1, 11)
	step(time.Minute, 0)
	step(time.Hour, 0)
	step(2*time.Hour, 0) // it fails
	step(2*time.Hour+time.Second, 0)
	step(2*time.Hour+time.Minute, 1)
	step(9*time.Hour, 1) // there is nothing
	for id := range int64(40) {
		r.push(t, id, 12)
	}
	step(9*time.Hour, 2)
	expect(t, "in the end", r.ask(t, 0, 1, 39, 40), 12, 12, 12, -1)
	if f := r.overlays.compactionFailures.Load(); f != 1 {
		t.Errorf("%d failures", f)
	}
	failing.lose = true // somebody else's version is served before anybody looks
	r.push(t, 1, 13)
	for i, want := range []int64{2, 3, 3, 3, 3, 3, 4, 4} {
		step(time.Duration(20+i)*time.Hour, want)
		expect(t, "while the version is not served", r.ask(t, 1), 13)
	}
	if rows := r.overlays.list()[0].Stats().Rows; rows != 0 {
		t.Errorf("%d rows wait", rows)
	}
	s.publish(3, 13)
	r.reload(t)
	s.publish(3, 12)
	r.reload(t)
	step(40*time.Hour, 4) // what is carried is noted
	step(60*time.Hour, 5)
	expect(t, "after a publish of older events", r.ask(t, 1), 13)
}

// failingCompactor fails some times, and may name another version than it made.
type failingCompactor struct {
	Compactor
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
	s := newPushStore(t, pushRecipe)
	s.publish(3, 1)
	r := newPushRig(t, s, t.TempDir(), nil)
	r.push(t, 1, 5)
	c := r.generations.pin()
	q, err := lookup.Compile(c, []lookup.Ref{{View: "p", Feature: "n"}}, false)
	check(t, err)
	var keys lookup.Keys
	keys.Reset(q)
	keys.Columns[0].AddInt(1)
	keys.Rows = 1
	done := make(chan error, 1)
	go func() { done <- r.overlays.compact(context.Background(), r.overlays.list()[0]) }()
	for r.generations.now.Load() == c {
		time.Sleep(time.Millisecond)
	}
	for range 50 { // time for what must not happen
		time.Sleep(time.Millisecond)
		var block lookup.Block
		if check(t, c.Lookup(context.Background(), q, &keys, &block)); block.Values[0].Int64s[0] != 5 {
			t.Fatalf("a request of before the compaction reads %d", block.Values[0].Int64s[0])
		}
	}
	if st := r.overlays.list()[0].Stats(); st.Rows != 1 {
		t.Errorf("rows are forgotten that a request may look for: %+v", st)
	}
	c.Release()
	check(t, <-done)
	if st := r.overlays.list()[0].Stats(); st.Rows != 0 {
		t.Errorf("rows are kept: %+v", st)
	}
}
