package stat

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"testing"

	"quern/features/column"
)

// benchWord returns word i of a vocabulary: 8 hexadecimal digits, or 5 to 24 bytes.
func benchWord(b []byte, i uint64, fixed bool) []byte {
	h := (i + 1) * 0x9e3779b97f4a7c15
	b = fmt.Appendf(b[:0], "%08x", uint32(h>>32))
	if fixed {
		return b
	}
	b = binary.LittleEndian.AppendUint64(b, h*h)
	b = binary.LittleEndian.AppendUint64(b, h*h*h)
	return b[:5+h>>20%20]
}

// benchWords is the words ids as a plain column.
func benchWords(ids []uint64, fixed bool) column.Column {
	c := column.Column{Len: len(ids), Values: column.Vector{Type: column.String, Len: len(ids)}}
	var word []byte
	for _, id := range ids {
		word = benchWord(word, id, fixed)
		c.Values.Text.Append(word)
	}
	return c
}

// benchChunk is a dictionary of n different words of distinct, Zipf-like, with weights.
func benchChunk(n, distinct int, seed int64) (column.Column, []uint64) {
	r := rand.New(rand.NewSource(seed))
	z := rand.NewZipf(r, 1.05, float64(n), uint64(distinct-1))
	seen := make(map[uint64]bool, n)
	var ids, weights []uint64
	for len(ids) < n {
		id := z.Uint64()
		if seen[id] {
			id = uint64(r.Intn(distinct))
		}
		if !seen[id] {
			seen[id] = true
			ids, weights = append(ids, id), append(weights, 1+z.Uint64()%7)
		}
	}
	return benchWords(ids, true), weights
}

var stringCounts = Spec{Kind: KindValueCounts, Types: []column.Type{column.String}}

// Dictionary entries with weights, most of them known: the shape of a Criteo column.
func BenchmarkCountEntries(b *testing.B) {
	for _, c := range []struct{ entries, distinct int }{{8000, 10_000}, {50_000, 100_000}, {70_000, 1_000_000}} {
		b.Run(fmt.Sprint(c.distinct), func(b *testing.B) {
			const chunks = 8
			var cols [chunks]column.Column
			var weights [chunks][]uint64
			for i := range cols {
				cols[i], weights[i] = benchChunk(c.entries, c.distinct, int64(i))
			}
			s := must(b, stringCounts, Resources{})
			all := make([]uint64, c.distinct)
			for i := range all {
				all[i] = uint64(i)
			}
			s.Observe([]column.Column{benchWords(all, true)}, nil)
			i := 0
			for b.Loop() {
				s.Observe(cols[i%chunks:i%chunks+1], weights[i%chunks])
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.entries), "ns/entry")
		})
	}
}

// benchPlain observes rows in batches of 1<<16 into a new statistic.
func benchPlain(b *testing.B, spec Spec, c column.Column) Statistic {
	s := must(b, spec, Resources{})
	for from := 0; from < c.Len; from += 1 << 16 {
		s.Observe([]column.Column{cut(c, from, min(c.Len, from+1<<16))}, nil)
	}
	return s
}

// cut returns rows from to to of a plain column without nulls.
func cut(c column.Column, from, to int) column.Column {
	v := column.Vector{Type: c.Values.Type, Len: to - from}
	if c.Values.Int64s != nil {
		v.Int64s = c.Values.Int64s[from:to]
	} else {
		v.Text = column.Text{Offsets: c.Values.Text.Offsets[from : to+1], Bytes: c.Values.Text.Bytes}
	}
	return column.Column{Len: to - from, Values: v}
}

// benchIDs is n rows of distinct values, uniform.
func benchIDs(n, distinct int) []uint64 {
	r := rand.New(rand.NewSource(5))
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = uint64(r.Intn(distinct))
	}
	return ids
}

func benchBuild(b *testing.B, spec Spec, c column.Column) {
	for b.Loop() {
		benchPlain(b, spec, c).Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Len), "ns/row")
}

const (
	benchMany = 2 << 20
	benchKeys = 1 << 20
)

func BenchmarkCountStrings8(b *testing.B) {
	benchBuild(b, stringCounts, benchWords(benchIDs(benchMany, benchKeys), true))
}

func BenchmarkCountStrings(b *testing.B) {
	benchBuild(b, stringCounts, benchWords(benchIDs(benchMany, benchKeys), false))
}

// Strings that are known already: no growth.
func BenchmarkCountStringsAgain(b *testing.B) {
	for _, fixed := range []bool{true, false} {
		b.Run(fmt.Sprintf("fixed=%t", fixed), func(b *testing.B) {
			c := benchWords(benchIDs(benchMany, benchKeys), fixed)
			s := benchPlain(b, stringCounts, c)
			for b.Loop() {
				s.Observe([]column.Column{c}, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Len), "ns/row")
		})
	}
}

func BenchmarkCountInts(b *testing.B) {
	ids := benchIDs(benchMany, benchKeys)
	x := make([]int64, len(ids))
	for i, id := range ids {
		x[i] = int64(id * 0x9e3779b97f4a7c15)
	}
	benchBuild(b, Spec{Kind: KindValueCounts, Types: []column.Type{column.Int64}}, intColumn(column.Int64, x...))
}

func BenchmarkCountMerge(b *testing.B) {
	for _, fixed := range []bool{true, false} {
		b.Run(fmt.Sprintf("fixed=%t", fixed), func(b *testing.B) {
			one := benchPlain(b, stringCounts, benchWords(benchIDs(benchMany, benchKeys), fixed))
			two := benchPlain(b, stringCounts, benchWords(benchIDs(benchMany, 2*benchKeys), fixed))
			n := two.(*ValueCounts).Len()
			for b.Loop() {
				b.StopTimer()
				sum := must(b, stringCounts, Resources{})
				sum.Merge(one)
				b.StartTimer()
				sum.Merge(two)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
		})
	}
}

// Ranking and writing of a million keys, each time of a table that is not in order.
func BenchmarkCountOrder(b *testing.B) {
	for _, fixed := range []bool{true, false} {
		words := benchWords(benchIDs(benchMany, benchKeys), fixed)
		for name, f := range map[string]func(*ValueCounts){
			"rank":   func(v *ValueCounts) { v.Ranked(1, 0) },
			"top":    func(v *ValueCounts) { v.Ranked(2, 10_000) },
			"encode": func(v *ValueCounts) { v.AppendBinary(nil) },
			"each":   func(v *ValueCounts) { v.Each(func([]byte, uint64) bool { return true }) },
		} {
			b.Run(fmt.Sprintf("%s/fixed=%t", name, fixed), func(b *testing.B) {
				n := 0
				for b.Loop() {
					b.StopTimer()
					v := benchPlain(b, stringCounts, words).(*ValueCounts)
					n = v.Len()
					b.StartTimer()
					f(v)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
			})
		}
	}
}

// Three million rows, half as many strings of 12 bytes: free, and in a budget
// that spills. The whole of fitting: observe, then rank.
func BenchmarkCountSpill(b *testing.B) {
	const n = 3 << 20
	c := column.Column{Len: n, Values: column.Vector{Type: column.String, Len: n}}
	for _, id := range benchIDs(n, n/2) {
		c.Values.Text.Append(fmt.Appendf(nil, "%012x", id*0x9e3779b97f4a7c15>>16))
	}
	for _, budget := range []int64{0, 8 << 20} {
		b.Run(fmt.Sprint(budget>>20), func(b *testing.B) {
			for b.Loop() {
				v := must(b, stringCounts, Resources{Bytes: budget, Dir: b.TempDir()}).(*ValueCounts)
				for from := 0; from < n; from += 1 << 16 {
					v.Observe([]column.Column{cut(c, from, from+1<<16)}, nil)
				}
				v.Ranked(1, 0)
				v.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}

func BenchmarkKeyedSumsStrings(b *testing.B) {
	words := benchWords(benchIDs(benchRows, 30_000), true)
	benchObserve(b, Spec{Kind: KindKeyedSums, Folds: 5, Types: []column.Type{column.Int64, column.Int64, column.String}},
		benchInts(benchRows, 2), benchInts(benchRows, 5), words)
}
