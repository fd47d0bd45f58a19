package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"quern/cpu"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/record"
	"quern/shard/simulate"
)

// page is how many names a page of a listing has.
const page = 1000

// measureStore times what the protocol does to a store, one after the other: n claims of
// 400 bytes that are put and read, and listings of them.
func measureStore(ctx context.Context, folder string, n int) (simulate.StoreCosts, error) {
	st, err := (store.Places{s3.Scheme: s3.NewClient(s3.FromEnvironment()).Open}).Store(ctx, folder)
	if err != nil {
		return simulate.StoreCosts{}, err
	}
	log := commitlog.New(st)
	var puts, gets, lists []float64
	data := make([]byte, 400)
	name := func(i int) string { return fmt.Sprintf("_quern/jobs/measured/claim/%08d", i) }
	for i := range n {
		began := time.Now()
		if o, err := log.Put(ctx, name(i), data); o != core.Done {
			return simulate.StoreCosts{}, fmt.Errorf("put: %v %w", o, err)
		}
		puts = append(puts, micros(began))
	}
	for i := range n {
		began := time.Now()
		if _, o, err := log.Get(ctx, name(i), false); o != core.Done {
			return simulate.StoreCosts{}, fmt.Errorf("get: %v %w", o, err)
		}
		gets = append(gets, micros(began))
	}
	for range 50 {
		began := time.Now()
		if names, err := st.List(ctx, "_quern/jobs/measured/claim/"); err != nil || len(names) != n {
			return simulate.StoreCosts{}, fmt.Errorf("list: %d names, %w", len(names), err)
		}
		lists = append(lists, micros(began))
	}
	for i := range n {
		if err := st.Remove(ctx, name(i)); err != nil {
			return simulate.StoreCosts{}, err
		}
	}
	return simulate.StoreCosts{Put: fit(puts), Get: fit(gets), List: fit(lists), Page: page}, nil
}

// micros is how long something took.
func micros(began time.Time) float64 { return float64(time.Since(began).Nanoseconds()) / 1e3 }

// fit returns the log-normal distribution with the median and the 99th percentile of
// what was measured.
func fit(took []float64) simulate.Spread {
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))] }
	return simulate.SpreadOf(at(0.5), max(at(0.5), at(0.99)))
}

// measurePartial learns from the first chunks of a workload twice, and times what a
// coordinator does with the partials.
func measurePartial(ctx context.Context, name, text, data string) (partial, error) {
	p := partial{Workload: name}
	r, err := recipe.Parse("recipe.yaml", []byte(text))
	if err != nil {
		return p, err
	}
	if data, err = filepath.Abs(data); err != nil {
		return p, err
	}
	r.Source.Files = []recipe.Name{{Text: data}}
	o := pipeline.Options{Backend: cpu.New(), Workers: 1, Memory: 2 << 30}
	src, err := pipeline.Open(ctx, r, o)
	if err != nil {
		return p, err
	}
	defer src.Close()
	plan, err := pipeline.Bind(r, src.Schema(), src.Unusable())
	if err != nil {
		return p, err
	}
	phase, err := pipeline.NewLearner(plan, o).Next(ctx)
	if err != nil {
		return p, err
	}
	chunks := src.Chunks()
	half := min(4, len(chunks)/2)
	var bytes [2][]byte
	for i := range bytes {
		x, err := plan.Observe(ctx, src, chunks[i*half:(i+1)*half], phase, o)
		if err != nil {
			return p, err
		}
		p.Rows = int64(x.Read)
		if bytes[i], err = x.AppendBinary(nil); err != nil {
			return p, err
		}
		if err := x.Close(); err != nil {
			return p, err
		}
	}
	p.Bytes = len(bytes[1])
	return p, p.time(o.Decoder(), bytes)
}

// together is how many partials are merged before the sum is read: merging puts off most
// of its work until some have come.
const together = 8

// time times decoding the second partial, and merging several of it into the first and
// reading the sum, for each of them: the best of several turns, because others use the
// machine.
func (p *partial) time(decode func(func() ([]byte, error)) (*pipeline.Partial, error), bytes [2][]byte) error {
	for turn := range 7 {
		total, err := decode(pipeline.InOnePiece(bytes[0]))
		if err != nil {
			return err
		}
		decoded, merged := 0.0, 0.0
		for range together {
			began := time.Now()
			other, err := decode(pipeline.InOnePiece(bytes[1]))
			if err != nil {
				return err
			}
			decoded += micros(began) / together
			began = time.Now()
			if err := cmp.Or(total.Merge(other), other.Close()); err != nil {
				return err
			}
			merged += micros(began) / together
		}
		began := time.Now()
		if _, err := total.AppendBinary(nil); err != nil {
			return err
		}
		merged += micros(began) / together
		if turn == 0 {
			p.Decode, p.Merge = decoded, merged
		}
		p.Decode, p.Merge = min(p.Decode, decoded), min(p.Merge, merged)
		if err := total.Close(); err != nil {
			return err
		}
	}
	return nil
}

// sum is a statistic of a fixed size, like most.
type sum struct{ counts []uint64 }

// Merge implements core.Statistic.
func (s *sum) Merge(other core.Statistic) error {
	for i, n := range other.(*sum).counts {
		s.counts[i] += n
	}
	return nil
}

// measureHeap has a coordinator settle shards with partials of a MiB each, on a store
// that takes everything, and looks at the heap on the way.
func measureHeap(shards int) (all []heap) {
	const statistic = 1 << 20
	plan := record.Plan{Phase: record.Phase{Learns: true, Shards: uint32(shards) + 1}, Document: "d"}
	_, job := plan.Encode()
	before := inUse()
	c := core.NewCoordinator(core.CoordinatorOptions{Options: core.Options{Job: job}, Plan: plan, Tick: 1})
	answerAll(c, c.Start(1))
	n := record.NamesOf(job)
	for shard := range uint32(shards) {
		a := record.NewAttempt(int64(shard)+1, 7)
		claim := &record.Claim{Shard: shard, Attempt: a, Rows: 1, Note: make([]byte, 120), Files: []record.File{{Name: n.File(0, shard, a, 0), Size: statistic}}}
		answerAll(c, c.Step(1, core.Call{ID: uint64(shard), Request: core.Request{Shard: shard, Claim: claim.Encode(job)}}))
		if done := int(shard) + 1; done == 1 || done == 10 || done == 100 || done == 1000 || done == shards {
			all = append(all, heap{done, inUse() - before, statistic})
		}
	}
	runtime.KeepAlive(c)
	return all
}

// answerAll answers like a store that takes every put, has partials, and nothing else.
func answerAll(m core.Machine, actions []core.Action) {
	for _, a := range actions {
		answer := core.Answer{}
		switch a := a.(type) {
		case core.Put:
			answer.Op = a.Op
		case core.Get:
			answer.Op, answer.Outcome = a.Op, core.Missing
		case core.List:
			answer.Op = a.Op
		case core.Load:
			answer.Op, answer.Statistic = a.Op, &sum{make([]uint64, a.File.Size/8)}
		default:
			continue
		}
		answerAll(m, m.Step(1, answer))
	}
}

// inUse returns the bytes of the heap that are reachable.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measure takes what can be measured on this machine anew. What was assumed stays.
func measure(ctx context.Context, in *inputs, remote string) error {
	folder, err := os.MkdirTemp("", "scaling")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	places := map[string]string{"local": folder, "s3-loopback": remote}
	for i := range in.Stores {
		s := &in.Stores[i]
		if place := places[s.Name]; place != "" {
			if s.Costs, err = measureStore(ctx, place, page); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	in.Coordinator.Heap = measureHeap(10_000)
	flights, err := os.ReadFile("examples/flights/recipe.yaml")
	if err != nil {
		return err
	}
	in.Partials = nil
	for _, w := range []struct{ name, text, data string }{
		{"criteo", criteo(), "build/bench/criteo-2000000-v1/part-00000.parquet"},
		{"flights", string(flights), "build/data/flights-3m.parquet"},
	} {
		p, err := measurePartial(ctx, w.name, w.text, w.data)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		in.Partials = append(in.Partials, p)
	}
	return nil
}

// criteo is the recipe of `quern bench criteo`: 13 numbers and 26 vocabularies.
func criteo() string {
	var i, c []string
	for n := range 13 {
		i = append(i, fmt.Sprintf("i%02d", n+1))
	}
	for n := range 26 {
		c = append(c, fmt.Sprintf("c%02d", n+1))
	}
	return "quern: 1\nname: criteo\nsource: {parquet: part-*.parquet}\nfeatures:\n" +
		"  - columns: [" + strings.Join(i, ", ") + "]\n    steps: [{fill: {with: 0}}, {clip: {min: 0}}, log1p, standardize]\n" +
		"  - columns: [" + strings.Join(c, ", ") + "]\n    steps: [categorify]\n"
}
