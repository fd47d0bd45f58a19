package overlay

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// call is a push (event > 0) or a look-up of a key, with what it found.
type call struct {
	key         int64
	push        bool
	event       int64 // pushed or found; 0: nothing was found
	from, until int64
	client      int
}

// registers is the model: a key has the latest event that was pushed.
func registers() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			keys := map[int64][]porcupine.Operation{}
			for _, op := range history {
				key := op.Input.(call).key
				keys[key] = append(keys[key], op)
			}
			var parts [][]porcupine.Operation
			for _, part := range keys {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return int64(0) },
		Step: func(state, input, _ any) (bool, any) {
			c, latest := input.(call), state.(int64)
			if c.push {
				return true, max(latest, c.event)
			}
			return c.event == latest, latest
		},
	}
}

// TestHistoriesAreLinearizable: writers and readers at once, crashes between them. A push that failed may come true at any later time.
func TestHistoriesAreLinearizable(t *testing.T) {
	n := 100
	if testing.Short() {
		n = 20
	}
	if os.Getenv("QUERN_LONG") != "" {
		n = 5000
	}
	acknowledged := 0
	for seed := range n {
		calls := liveTogether(t, uint64(seed))
		var ops []porcupine.Operation
		seen := map[int64]bool{}
		for _, c := range calls {
			seen[c.event] = seen[c.event] || !c.push
		}
		for _, c := range calls {
			if c.push && c.until == math.MaxInt64 && !seen[c.event] {
				continue // it may come true after everything else: no need to try
			}
			if c.push && c.until < math.MaxInt64 {
				acknowledged++
			}
			ops = append(ops, porcupine.Operation{ClientId: c.client, Input: c, Call: c.from, Return: c.until})
		}
		if got := porcupine.CheckOperationsTimeout(registers(), ops, 10*time.Second); got != porcupine.Ok {
			t.Fatalf("seed %d: %v", seed, got)
		}
	}
	t.Logf("%d histories, %d acknowledged pushes", n, acknowledged)
	if acknowledged < 20*n {
		t.Error("hardly anything was pushed")
	}
}

// liveTogether runs four lives of an overlay, with eight clients each.
func liveTogether(t *testing.T, seed uint64) (all []call) {
	l := smallLayout(t)
	disk := newSim(rand.New(rand.NewPCG(seed, 1)))
	var clock, events atomic.Int64
	var mu sync.Mutex
	for life := range 4 {
		v, err := openOn(disk, l, Options{fileBytes: 2000})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		disk.mu.Lock()
		if life < 3 {
			disk.left = 20 + int(seed%40)
		}
		disk.mu.Unlock()
		var group sync.WaitGroup
		for client := range 8 {
			group.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(100*life+client)))
				for range 25 {
					c := call{key: rnd.Int64N(3), client: client, from: clock.Add(1), until: math.MaxInt64}
					if c.push = client < 4; c.push {
						// Later than most, but not all of what others push.
						c.event = 1 + events.Add(1)*8 + rnd.Int64N(80)*8 + int64(client)
						_, err := v.Put(context.Background(), encode(t, l, small{c.key, c.event, c.event}))
						if err == nil {
							c.until = clock.Add(1)
						}
					} else {
						if r := get(v, nil, c.key); !r.Missing() {
							c.event = l.Event(r)
						}
						c.until = clock.Add(1)
					}
					mu.Lock()
					all = append(all, c)
					mu.Unlock()
				}
			})
		}
		group.Wait()
		v.Close()
		disk = disk.cut()
	}
	return all
}
