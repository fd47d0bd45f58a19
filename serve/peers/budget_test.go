package peers

import "testing"

// TestBudget: nobody takes more than there is, no address more than half of it, and what is
// refused takes nothing.
func TestBudget(t *testing.T) {
	one, two := &Peer{}, &Peer{}
	b := NewBudget(100)
	for i, c := range []struct {
		of   *Peer
		take int // given back where it is negative
		want bool
		left int64
	}{
		{one, 45, true, 55},
		{one, 6, false, 55},
		{one, 5, true, 50},
		{two, 50, true, 0},
		{nil, 1, false, 0},
		{two, -50, true, 50},
		{one, 1, false, 50},
		{nil, 50, true, 0}, // an address that is not known has no half
		{nil, -50, true, 50},
		{two, 51, false, 50},
		{one, -50, true, 100},
		{one, 50, true, 50},
	} {
		got := true
		if c.take < 0 {
			b.Give(c.of, -c.take)
		} else {
			got = b.Take(c.of, c.take)
		}
		if got != c.want || b.Left() != c.left {
			t.Errorf("step %d: %v, %d left, want %v, %d", i, got, b.Left(), c.want, c.left)
		}
	}
	if !b.Spent(one) || b.Spent(two) || b.Spent(nil) {
		t.Error("an address has taken its half, and another nothing")
	}
	if b.Take(nil, 50); !b.Spent(two) || !b.Spent(nil) {
		t.Error("there is nothing left, and nobody is told")
	}
}
