package simulate

import (
	"math"
	"reflect"
	"testing"
)

// quick is a store far away that takes no long look at limits.
func quick() StoreCosts {
	return StoreCosts{Put: SpreadOf(30e3, 90e3), Get: SpreadOf(20e3, 60e3), List: SpreadOf(60e3, 180e3), Page: 1000, Puts: 3500, Gets: 5500, Bytes: 90e6}
}

func loadOf(workers int, coordinated bool) Load {
	return Load{Workers: workers, Shards: 8 * workers, Learning: 1, Coordinated: coordinated, Task: Spread{Median: 60e6, LogSD: 0.1},
		Straggle: 0.01, StraggleBy: 3, Store: quick(), Tick: 5 * second,
		Costs: Costs{Step: 50, Decode: 3000, Merge: 3000, Freeze: 1e6, PartialBytes: 1e6, Cores: 4, Network: 1.25e9, Message: Spread{Median: 250, LogSD: 0.3}}}
}

func TestSpreads(t *testing.T) {
	s := SpreadOf(20, 60)
	if p99 := s.Median * math.Exp(2.326348*s.LogSD); math.Abs(p99-60) > 1e-9 {
		t.Errorf("the 99th percentile is %v", p99)
	}
}

// TestNothingCostsNothing: equal shards and a store that takes no time leave no loss.
func TestNothingCostsNothing(t *testing.T) {
	for _, coordinated := range []bool{true, false} {
		r := Scale(Load{Workers: 5, Shards: 40, Learning: 2, Coordinated: coordinated, Task: Spread{Median: 60e6}, StraggleBy: 1, Tick: second}, 1)
		if r.Makespan != 3*8*60 || r.Efficiency != 1 {
			t.Errorf("coordinated %v: %+v", coordinated, *r)
		}
	}
}

// TestCostsAreCounted: each shard is claimed once, each partial merged once, and a worker
// asks for a constant number of things, whoever closes the phases and however many
// shards there are.
func TestCostsAreCounted(t *testing.T) {
	for _, coordinated := range []bool{true, false} {
		for _, workers := range []int{10, 100} {
			l := loadOf(workers, coordinated)
			r := Scale(l, 3)
			tasks := float64(2 * l.Shards)
			if claims := r.Claims * r.Makespan; math.Abs(claims-tasks) > 0.5 {
				t.Errorf("%d workers, coordinated %v: %v claims of %v tasks", workers, coordinated, claims, tasks)
			}
			if merged := r.Merged / l.Costs.PartialBytes; merged != float64(l.Shards-1) {
				t.Errorf("%d workers, coordinated %v: %v merges of %d partials", workers, coordinated, merged, l.Shards)
			}
			if r.Makespan < r.Ideal || r.Efficiency < 0.6 || r.Efficiency > 1 {
				t.Errorf("%d workers, coordinated %v: %v s instead of %v s", workers, coordinated, r.Makespan, r.Ideal)
			}
			if gets := float64(r.Gets) / tasks; gets > 15 {
				t.Errorf("%d workers, coordinated %v: %.1f reads a task", workers, coordinated, gets)
			}
			if coordinated != (r.Calls > 0) || coordinated != (r.Busy > 0) {
				t.Errorf("%d workers, coordinated %v: %v calls/s, busy %v", workers, coordinated, r.Calls, r.Busy)
			}
		}
	}
}

// TestLimitsBind: a store that takes few writes, and a merger that takes long, set the
// pace.
func TestLimitsBind(t *testing.T) {
	l := loadOf(50, true)
	l.Store.Puts = 1
	if r := Scale(l, 1); r.Makespan < float64(r.Puts-1) {
		t.Errorf("%d puts in %v s, one in a second", r.Puts, r.Makespan)
	}
	l = loadOf(50, true)
	l.Costs.Merge = 10e6
	if r := Scale(l, 1); r.Makespan < 10*float64(l.Shards-1) || r.Busy < 0.6 {
		t.Errorf("%d merges of 10 s in %v s", l.Shards-1, r.Makespan)
	}
}

func TestSameSeedSameFigures(t *testing.T) {
	a, b := Scale(loadOf(20, false), 7), Scale(loadOf(20, false), 7)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v and %+v", *a, *b)
	}
	if c := Scale(loadOf(20, false), 8); c.Makespan == a.Makespan {
		t.Error("another seed gives the same job")
	}
}
