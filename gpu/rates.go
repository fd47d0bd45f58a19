package gpu

import (
	"fmt"
	"time"

	"quern/gpu/code"
	"quern/gpu/cuda"
)

// Rates are what a device does in a second, as measured from here.
type Rates struct {
	Up     float64 // bytes per second from page-locked memory to the device
	Down   float64 // bytes per second back
	Launch float64 // seconds of a kernel that does nothing, with the call and the wait
}

// rounds is how often a rate is measured: the best counts.
const rounds = 5

// Rates measures the device, which nobody else should be using.
func (b *Backend) Rates() (r Rates, err error) {
	s := b.slots.get(true)
	defer b.slots.put(s)
	n := min(s.in.device.Size, s.out.device.Size)
	up, err := b.best(s, func(q *cuda.Queue) { q.Upload(s.stream, s.in.device, 0, s.in.host, 0, n) })
	if err != nil {
		return r, err
	}
	down, err := b.best(s, func(q *cuda.Queue) { q.Download(s.stream, s.out.host, 0, s.in.device, 0, n) })
	if err != nil {
		return r, err
	}
	launch, err := b.best(s, func(q *cuda.Queue) {
		q.Launch(s.stream, b.kernels[code.Kernel], 1, code.Block, 0, 0, 0, 0, 0, 0, 0)
	})
	return Rates{Up: float64(n) / up, Down: float64(n) / down, Launch: launch}, err
}

// best returns the shortest time of some rounds, in seconds.
func (b *Backend) best(s *slot, enqueue func(q *cuda.Queue)) (seconds float64, err error) {
	for i := range rounds {
		start := time.Now()
		if err := b.run(enqueue, s.stream); err != nil {
			return 0, fmt.Errorf("measuring the device: %w", err)
		}
		if t := time.Since(start).Seconds(); i == 0 || t < seconds {
			seconds = t
		}
	}
	return max(seconds, 1e-9), nil
}
