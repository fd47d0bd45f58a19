package serve

import (
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"quern/serve/live/livetest"
)

// historyCall is a write of a key (by a push or a publish), or a look-up with what it found.
type historyCall struct {
	key, event int64
	write      bool
}

// latestEvent is the model: a key has the latest event that was written, by whomever.
func latestEvent() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			parts := map[int64][]porcupine.Operation{}
			for _, op := range history {
				key := op.Input.(historyCall).key
				parts[key] = append(parts[key], op)
			}
			var all [][]porcupine.Operation
			for _, part := range parts {
				all = append(all, part)
			}
			return all
		},
		Init: func() any { return int64(0) },
		Step: func(state, input, _ any) (bool, any) {
			c, latest := input.(historyCall), state.(int64)
			if c.write {
				return true, max(latest, c.event)
			}
			return c.event == latest, latest
		},
	}
}

// TestHistoriesAreLinearizable: clients push and look up over HTTP, while versions are
// published and swapped in, overlays are compacted, and servers come and go.
func TestHistoriesAreLinearizable(t *testing.T) {
	n := 4
	if testing.Short() {
		n = 2
	}
	if os.Getenv("QUERN_LONG") != "" {
		n = 200
	}
	for seed := range n {
		h := &pushHistory{t: t, seed: uint64(seed)}
		s, folder := livetest.NewStore(t, livetest.Recipe), t.TempDir()
		h.publish(s, nil)
		for range 2 {
			t.Run("life", func(t *testing.T) { h.live(t, newPushRig(t, s, folder, nil)) })
		}
		if got := porcupine.CheckOperationsTimeout(latestEvent(), h.ops, time.Minute); got != porcupine.Ok {
			t.Fatalf("seed %d: %v", seed, got)
		}
	}
}

// pushHistory is what happened, in the order of one clock.
type pushHistory struct {
	t             testing.TB
	seed          uint64
	clock, events atomic.Int64
	mu            sync.Mutex
	ops           []porcupine.Operation
}

const historyKeys = 3

// note notes a call for keys that begins before do and ends after it.
func (h *pushHistory) note(client int, do func(), calls func() []historyCall) {
	from := h.clock.Add(1)
	do()
	until := h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range calls() {
		h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: c, Call: from, Return: until})
	}
}

// publish writes all keys.
func (h *pushHistory) publish(s *livetest.Store, r *pushRig) {
	event := h.events.Add(8)
	h.note(100, func() {
		s.PublishRows(historyKeys, event)
		if r != nil {
			r.reload(h.t)
		}
	}, func() (all []historyCall) {
		for key := range int64(historyKeys) {
			all = append(all, historyCall{key, event, true})
		}
		return all
	})
}

// live runs clients against a server.
func (h *pushHistory) live(t *testing.T, r *pushRig) {
	var group sync.WaitGroup
	for client := range 6 {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(h.seed, uint64(client)))
			for range 20 {
				c := historyCall{key: rnd.Int64N(historyKeys), write: client < 3}
				if c.write { // later than most, but not all of what others write
					c.event = max(1, h.events.Add(1)*8+rnd.Int64N(16)*8-64) + int64(client)
				}
				h.note(client, func() {
					if c.write {
						r.push(t, c.key, c.event)
					} else {
						c.event = r.ask(t, c.key)[0]
					}
				}, func() []historyCall { return []historyCall{c} })
			}
		})
	}
	group.Go(func() {
		for range 2 {
			r.compactNow(t)
			h.publish(r.store, r)
		}
	})
	group.Wait()
}
