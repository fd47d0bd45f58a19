package kernel

import (
	"fmt"
	"slices"
	"testing"

	"quern/features/program"
)

// BenchmarkKernels reports nanoseconds per value over blocks of 2048 slots, which
// is how the executor calls kernels.
func BenchmarkKernels(b *testing.B) {
	const n = 2048
	rng := newRand(1)
	x, y, f, g := make([]int64, n), make([]int64, n), make([]float64, n), make([]float64, n)
	index := make([]int32, n)
	for i := range n {
		x[i], y[i] = rng.Int64N(1e6)-5e5, rng.Int64N(1000)+1
		f[i], g[i] = rng.NormFloat64(), rng.Float64()*100
		index[i] = int32(rng.IntN(n))
	}
	ints, floats, bools, found := make([]int64, n), make([]float64, n), randomBools(rng, n), make([]int32, n)
	bits, other := make([]uint64, Words(n)), make([]uint64, Words(n))
	PackBools(bits, bools)
	edges := make([]float64, 100)
	for i := range edges {
		edges[i] = float64(i)
	}
	set := Best()
	few, many := FloatEdges(edges[:10], false), FloatEdges(edges, false)
	keys := make([]uint64, 50000)
	for i := range keys {
		keys[i] = uint64(i*20 - 500000)
	}
	sparse := NewTable(keys, nil)
	kernels := []struct {
		name string
		run  func()
	}{
		{"add_float", func() { set.AddFloats(floats, f, g) }},
		{"div_float", func() { set.DivFloats(floats, f, g) }},
		{"log1p", func() { set.Log1p(floats, g) }},
		{"exp", func() { set.Exp(floats, f) }},
		{"round32", func() { set.Round32(floats, f) }},
		{"canonical", func() { set.Canonical(floats, f) }},
		{"dot_term", func() { set.AddScaled(floats, f, 0.5) }},
		{"min_float", func() { Mins(floats, f, g) }},
		{"fill_gaps", func() { FillGaps(set, floats, f, bits, 0, 0, bools, other) }},
		{"clamp_float", func() { Clamps(floats, g, f, g) }},
		{"lt_float", func() { Lts(bools, f, g) }},
		{"add_int", func() { AddInts(ints, x, y) }},
		{"mul_int", func() { MulInts(ints, x, y) }},
		{"floor_div_int", func() { FloorDivInts(ints, x, y) }},
		{"mod_int", func() { ModInts(ints, x, y) }},
		{"choose_float", func() { Choose(set, floats, bits, f, g) }},
		{"pack_bools", func() { PackBools(bits, bools) }},
		{"and_bits", func() { AndBits(bits, bits) }},
		{"gather", func() { Gather(floats, f, index) }},
		{"gather_bits", func() { GatherBits(bits, bits, index) }},
		{"bucketize_10", func() { set.RankFloats(ints, g, few, 0) }},
		{"bucketize_100", func() { set.RankFloats(ints, g, many, 0) }},
		{"hash_int", func() { HashInts(ints, x, 0) }},
		{"hash_pair", func() { MixPairs(ints, x, y, 0) }},
		{"bucket", func() { Buckets(ints, x, 1000) }},
		{"find_sparse", func() { FindInts(found, x, sparse, new(Probe)) }},
	}
	for _, k := range kernels {
		measure(b, k.name, n, k.run)
	}
}

// BenchmarkTextKernels is BenchmarkKernels for words of 3 to 11 bytes.
func BenchmarkTextKernels(b *testing.B) {
	const n = 2048
	rng := newRand(1)
	texts := &Views{Start: make([]uint32, n), End: make([]uint32, n)}
	for i := range n {
		texts.Put(i, fmt.Appendf(nil, "W%d", 10+rng.IntN(1<<(3+rng.IntN(28)))))
	}
	sum := program.FindHash("xxh3")
	hash := func(s []byte) uint64 { return sum(0, s) }
	vocabulary := tableOf(texts.Bytes, append(slices.Clone(texts.Start), texts.End[n-1]), nil, ^uint64(0))
	out := &Views{Start: make([]uint32, n), End: make([]uint32, n)}
	ints, found := make([]int64, n), make([]int32, n)
	measure(b, "hash", n, func() { ReadTexts(ints, texts, nil, func(s []byte) int64 { return int64(hash(s)) }) })
	probe := new(Probe)
	measure(b, "find", n, func() { FindStrings(found, texts, nil, vocabulary, probe) })
	measure(b, "trim", n, func() { TrimTexts(out, texts, nil) })
	measure(b, "lower", n, func() { out.Bytes = out.Bytes[:0]; AppendTexts(out, texts, nil, program.AppendLower) })
}

func measure(b *testing.B, name string, values int, run func()) {
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			run()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/value")
	})
}
