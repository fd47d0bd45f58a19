package peers

import (
	"testing"
	"time"
)

// TestShutOut: an address that comes again to do harm waits twice as long each time, and is
// forgotten some time after the last.
func TestShutOut(t *testing.T) {
	p := &Listener{all: 3, shut: map[string]shut{}}
	now := time.Now()
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		p.shutOut("x", now)
		if got := p.shut["x"].until.Sub(now); got != want*time.Second {
			t.Errorf("time %d: %v", i, got)
		}
		p.shutOut("x", now.Add(want*time.Second/2)) // changes nothing
		now = now.Add(want * time.Second)
	}
	now = now.Add(forgotten)
	p.shutOut("x", now)
	if got := p.shut["x"].until.Sub(now); got != time.Second {
		t.Errorf("after a pause: %v", got)
	}
	for _, host := range []string{"a", "b", "c", "d"} {
		p.shutOut(host, now)
	}
	if len(p.shut) != 3 {
		t.Errorf("%d addresses are remembered", len(p.shut))
	}
	p.shutOut("e", now.Add(2*forgotten))
	if _, there := p.shut["e"]; !there || len(p.shut) != 1 {
		t.Errorf("%v", p.shut)
	}
}
