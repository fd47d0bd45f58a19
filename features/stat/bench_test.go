package stat

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"quern/features/column"
)

// benchFloats is n log-normal values of either sign, exact float32.
func benchFloats(n int, t column.Type) column.Column {
	r := rand.New(rand.NewSource(1))
	x := make([]float64, n)
	for i := range x {
		v := math.Exp(2 * r.NormFloat64())
		if r.Intn(2) == 0 {
			v = -v
		}
		if t == column.Float32 {
			v = float64(float32(v))
		}
		x[i] = v
	}
	return column.Column{Len: n, Values: column.Vector{Type: t, Len: n, Float64s: x}}
}

func benchObserve(b *testing.B, spec Spec, args ...column.Column) {
	s, err := New(spec, Resources{})
	if err != nil {
		b.Fatal(err)
	}
	s.Observe(args, nil)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		s.Observe(args, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(args[0].Len), "ns/row")
}

func BenchmarkSumsFloat32(b *testing.B) {
	benchObserve(b, Spec{Kind: KindSums, Types: []column.Type{column.Float32}}, benchFloats(1<<14, column.Float32))
}

func BenchmarkSumsFloat64(b *testing.B) {
	benchObserve(b, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, benchFloats(1<<14, column.Float64))
}

func BenchmarkTally(b *testing.B) {
	benchObserve(b, Spec{Kind: KindTally, Types: []column.Type{column.Float64}}, benchFloats(1<<14, column.Float64))
}

// benchInts is n Zipf-like integers below k.
func benchInts(n, k int) column.Column {
	z := rand.NewZipf(rand.New(rand.NewSource(2)), 1.2, 4, uint64(k-1))
	x := make([]int64, n)
	for i := range x {
		x[i] = int64(z.Uint64())
	}
	return intColumn(column.Int64, x...)
}

// benchCodes is n rows of a dictionary of k strings.
func benchCodes(n, k int, seed int64) column.Column {
	z := rand.NewZipf(rand.New(rand.NewSource(seed)), 1.1, 8, uint64(k-1))
	c := column.Column{Len: n, Values: column.Vector{Type: column.String, Len: k}, Index: make([]int32, n)}
	for i := range k {
		c.Values.Text.Append([]byte(fmt.Sprintf("value %d", i)))
	}
	for i := range c.Index {
		c.Index[i] = int32(z.Uint64())
	}
	return c
}

const benchRows = 1 << 16

// benchPair is two dictionary columns of 300 strings, of which about 5000 pairs
// occur: airports and routes.
func benchPair() (a, b column.Column) {
	a, b = benchCodes(benchRows, 300, 1), benchCodes(benchRows, 300, 2)
	r := rand.New(rand.NewSource(3))
	z := rand.NewZipf(r, 1.1, 50, 4999)
	for i := range benchRows {
		route := int32(z.Uint64())
		a.Index[i], b.Index[i] = route*7919%300, route/17
	}
	return a, b
}

func BenchmarkSumsInt64(b *testing.B) {
	benchObserve(b, Spec{Kind: KindSums, Types: []column.Type{column.Int64}}, benchInts(1<<14, 1e6))
}

func BenchmarkExtremes(b *testing.B) {
	benchObserve(b, Spec{Kind: KindExtremes, Types: []column.Type{column.Float64}}, benchFloats(1<<14, column.Float64))
}

func BenchmarkHistogramFloat32(b *testing.B) {
	benchObserve(b, Spec{Kind: KindHistogram, Types: []column.Type{column.Float32}}, benchFloats(1<<14, column.Float32))
}

func BenchmarkHistogramInt64(b *testing.B) {
	benchObserve(b, Spec{Kind: KindHistogram, Types: []column.Type{column.Int64}}, benchInts(1<<14, 1e6))
}

func BenchmarkBinCounts(b *testing.B) {
	bins := []uint32{floatBin(0.9), floatBin(1), floatBin(7)}
	benchObserve(b, Spec{Kind: KindBinCounts, Types: []column.Type{column.Float32}, Bins: bins}, benchFloats(1<<14, column.Float32))
}

func BenchmarkValueCountsDictionary(b *testing.B) {
	benchObserve(b, Spec{Kind: KindValueCounts, Types: []column.Type{column.String}}, benchCodes(benchRows, 5000, 1))
}

func BenchmarkValueCountsPlainInt64(b *testing.B) {
	benchObserve(b, Spec{Kind: KindValueCounts, Types: []column.Type{column.Int64}}, benchInts(benchRows, 1e6))
}

func BenchmarkValueCountsPair(b *testing.B) {
	from, to := benchPair()
	benchObserve(b, Spec{Kind: KindValueCounts, Types: []column.Type{column.String, column.String}}, from, to)
}

func BenchmarkKeyedSumsPair(b *testing.B) {
	target, fold := benchInts(benchRows, 2), benchInts(benchRows, 5)
	from, to := benchPair()
	benchObserve(b, Spec{Kind: KindKeyedSums, Folds: 5, Types: []column.Type{column.Int64, column.Int64, column.String, column.String}},
		target, fold, from, to)
}

func BenchmarkKeyedSumsReal(b *testing.B) {
	target, fold := benchFloats(benchRows, column.Float32), benchInts(benchRows, 5)
	benchObserve(b, Spec{Kind: KindKeyedSums, Folds: 5, Types: []column.Type{column.Float32, column.Int64, column.String}},
		target, fold, benchCodes(benchRows, 300, 1))
}

func BenchmarkGram64(b *testing.B) {
	spec := Spec{Kind: KindGram}
	var args []column.Column
	for range 64 {
		spec.Types, spec.Grid = append(spec.Types, column.Float32), append(spec.Grid, 20)
		args = append(args, benchFloats(1<<13, column.Float32))
	}
	benchObserve(b, spec, args...)
}

// One million distinct values, merged and written.
func BenchmarkValueCountsMergeAndEncode(b *testing.B) {
	spec := Spec{Kind: KindValueCounts, Types: []column.Type{column.Int64}}
	x := make([]int64, 1<<20)
	for i := range x {
		x[i] = int64(uint64(i) * 0x9e3779b97f4a7c15)
	}
	one := must(b, spec, Resources{})
	one.Observe([]column.Column{intColumn(column.Int64, x...)}, nil)
	for b.Loop() {
		sum := must(b, spec, Resources{})
		if err := sum.Merge(one); err != nil {
			b.Fatal(err)
		}
		encode(b, sum)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/value")
}
