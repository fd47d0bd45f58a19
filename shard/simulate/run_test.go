package simulate

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"quern/shard/internal/museum"
)

// clusters is how many a test simulates: 50 times more when there is time.
func clusters(n uint64) uint64 {
	if os.Getenv("QUERN_LONG") != "" {
		return 50 * n
	}
	if testing.Short() {
		return n / 10
	}
	return n
}

// simulate runs clusters on all cores, hands the reports to see, one after the other,
// and fails the test with the story of the first seed that violates something.
func simulate(t *testing.T, n uint64, run func(seed uint64, wish Wish) *Report, see func(*Report)) {
	t.Helper()
	workers := uint64(runtime.GOMAXPROCS(0))
	failed := make([]uint64, workers)
	var seeing sync.Mutex
	var group sync.WaitGroup
	for w := range workers {
		failed[w] = n
		group.Go(func() {
			for seed := w; seed < n; seed += workers {
				r := run(seed, Wish{})
				if r.Violation != "" {
					failed[w] = seed
					return
				}
				seeing.Lock()
				see(r)
				seeing.Unlock()
			}
		})
	}
	group.Wait()
	first := n
	for _, seed := range failed {
		first = min(first, seed)
	}
	if first < n {
		t.Fatal(run(first, Wish{Trace: true}))
	}
}

// TestClusters simulates clusters in which everything goes wrong. The floor at the end
// sees to it that something does.
func TestClusters(t *testing.T) {
	n := clusters(5_000)
	var finished, events, computes uint64
	var happened Chances
	simulate(t, n, func(seed uint64, wish Wish) *Report { return Run(seed, museum.Bug{}, wish) }, func(r *Report) {
		events += uint64(r.Events)
		computes += uint64(r.Computes)
		if r.Finished {
			finished++
		}
		for f, times := range r.Happened {
			happened[f] += times
		}
	})
	t.Logf("%d clusters, %d of them finished, %d events, %d tasks' work;%v", n, finished, events, computes, happened)
	if finished < n*8/10 || finished == n {
		t.Errorf("%d of %d clusters finished: most should, and a few must not", finished, n)
	}
	for f, times := range happened {
		if Fault(f) != Decease && uint64(times) < n/50 {
			t.Errorf("fault %v happened only %d times", Fault(f), times)
		}
	}
}

// TestCoordinatorDeathsRepeatLittle has coordinators die with all their workers, and
// nothing else go wrong: what is repeated is at most what the workers were at.
func TestCoordinatorDeathsRepeatLittle(t *testing.T) {
	deaths := 0
	run := func(seed uint64, wish Wish) *Report {
		return RunSetting(seed, CoordinatorDeaths(seed), museum.Bug{}, wish)
	}
	simulate(t, clusters(500), run, func(r *Report) {
		deaths += r.Deaths
		if tasks := r.Setting.Shards * (r.Setting.Learning + 1); r.Computes > tasks+r.Deaths {
			t.Errorf("seed %d: %d tasks were done %d times, and only %d workers died", r.Seed, tasks, r.Computes, r.Deaths)
		}
	})
	if deaths == 0 {
		t.Error("no worker died")
	}
}

// TestSameSeedSameStory holds the simulation to its promise: a seed that fails can be
// looked at.
func TestSameSeedSameStory(t *testing.T) {
	for seed := range uint64(50) {
		a, b := Run(seed, museum.Bug{}, Wish{Trace: true}), Run(seed, museum.Bug{}, Wish{Trace: true})
		if a.String() != b.String() {
			t.Fatalf("seed %d tells two stories:\n%v\n%v", seed, a, b)
		}
		if plain := Run(seed, museum.Bug{}, Wish{}); plain.Events != a.Events {
			t.Fatalf("seed %d: %d events, and %d when traced", seed, plain.Events, a.Events)
		}
	}
}
