package main

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"quern/shard/simulate"
)

// curve is what was simulated: bench/results/scaling/curve.json.
type curve struct {
	Series []series `json:"series"`
}

// series is one kind of job for a growing number of workers.
type series struct {
	Name   string             `json:"name"`
	Doc    string             `json:"doc"`
	Points []*simulate.Scaled `json:"points"`
}

// kind is a series to be simulated.
type kind struct {
	name, doc   string
	most        int // workers
	coordinated bool
	store       string
	task        simulate.Spread
	perWorker   int
	partial     string // the workload whose partials are merged
}

// kinds returns the series. What closes without a coordinator lists all claims for every
// shard, which is quadratic here as there, so that series ends earlier.
func kinds(in *inputs) []kind {
	t := in.Tasks
	small := t.Quiet
	small.Median /= 4
	return []kind{
		{"coordinator", "a coordinator, an object store, the partials of criteo, shards of 60 s, 8 for each worker", 10_000, true, "s3", t.Quiet, t.PerWorker, "criteo"},
		{"small statistics", "the same with the partials of flights", 10_000, true, "s3", t.Quiet, t.PerWorker, "flights"},
		{"smaller shards", "a coordinator, an object store, shards of 15 s, 32 for each worker", 3_000, true, "s3", small, 4 * t.PerWorker, "criteo"},
		{"busy machines", "a coordinator, shards of 60 s on machines that do other work too", 10_000, true, "s3", t.Busy, t.PerWorker, "criteo"},
		{"no coordinator", "the last worker of a phase closes it; shards of 60 s, 8 for each worker", 3_000, false, "s3", t.Quiet, t.PerWorker, "criteo"},
		{"one machine", "a coordinator, a local disk, shards of 60 s, 8 for each worker", 100, true, "local", t.Quiet, t.PerWorker, "criteo"},
	}
}

// simulated returns the curve.
func simulated(in *inputs) *curve {
	c := &curve{}
	var group sync.WaitGroup
	free := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))
	for _, k := range kinds(in) {
		s := series{Name: k.name, Doc: k.doc}
		for _, workers := range []int{10, 30, 100, 300, 1000, 3000, 10_000} {
			if workers <= k.most {
				s.Points = append(s.Points, &simulate.Scaled{Workers: workers})
			}
		}
		for _, p := range s.Points {
			l := in.load(p.Workers, k)
			group.Go(func() {
				free <- struct{}{}
				defer func() { <-free }()
				*p = *usual(l)
			})
		}
		c.Series = append(c.Series, s)
	}
	group.Wait()
	return c
}

// usual simulates a job with several seeds and returns the one of median length. Large
// jobs differ little from seed to seed, and take long.
func usual(l simulate.Load) *simulate.Scaled {
	seeds := 9
	if l.Workers > 100 {
		seeds = 3
	}
	if l.Workers > 1000 {
		seeds = 1
	}
	var all []*simulate.Scaled
	for seed := range seeds {
		all = append(all, simulate.Scale(l, uint64(seed)))
	}
	slices.SortFunc(all, func(a, b *simulate.Scaled) int { return cmp.Compare(a.Makespan, b.Makespan) })
	return all[len(all)/2]
}
