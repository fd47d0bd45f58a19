package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"quern/features/program"
)

// Buckets are the scalar's for any edges, closed on either side, and for values on,
// just below and just above each edge.
func TestBucketize(t *testing.T) {
	for seed := range 300 {
		rng := newRand(seed)
		edges := randomFloats(rng, rng.IntN(70))
		edges = slices.DeleteFunc(edges, func(x float64) bool { return x != x })
		slices.Sort(edges)
		edges = slices.CompactFunc(edges, func(a, b float64) bool { return a == b })
		right := seed%2 == 1
		x := randomFloats(rng, 50)
		ints := append(randomInts(rng, 50), math.MaxInt64, math.MinInt64)
		for _, e := range edges {
			x = append(x, e, math.Nextafter(e, math.Inf(1)), math.Nextafter(e, math.Inf(-1)))
			if whole, ok := program.IntOf(e); ok {
				ints = append(ints, whole, whole-1, whole+1)
			}
		}
		dst, check := guarded[int64](t, len(x), 77)
		BucketizeFloats(dst, x, FloatEdges(edges, right), -9)
		check()
		for i := range x {
			if want := program.BucketFloat(edges, x[i], right, -9); dst[i] != want {
				t.Fatalf("%v in %v, right %v: %d, want %d", x[i], edges, right, dst[i], want)
			}
		}
		dst, check = guarded[int64](t, len(ints), 77)
		BucketizeInts(dst, ints, IntEdges(edges, right))
		check()
		for i := range ints {
			if want := program.BucketInt(edges, ints[i], right); dst[i] != want {
				t.Fatalf("%d in %v, right %v: %d, want %d", ints[i], edges, right, dst[i], want)
			}
		}
	}
}

// A table finds each of its keys and nothing else, whether they are close together,
// far apart, or few.
func TestTable(t *testing.T) {
	for _, n := range sizes() {
		for spread, scale := range []int64{1, 3, 1 << 40} {
			rng := newRand(n)
			rows := map[int64]int32{}
			var words []uint64
			var numbers []int32
			for i := range n {
				key := (int64(i) - 20) * scale
				rows[key] = int32(7 * i)
				words, numbers = append(words, uint64(key)), append(numbers, int32(7*i))
			}
			table := NewTable(words, numbers)
			probes := randomInts(rng, 100)
			for key := range rows {
				probes = append(probes, key, key+1, key-1)
			}
			dst, check := guarded[int32](t, len(probes), 77)
			FindInts(dst, probes, table)
			check()
			for i, key := range probes {
				want, ok := rows[key]
				if !ok {
					want = -1
				}
				if dst[i] != want || table.Find(uint64(key)) != want {
					t.Fatalf("%d keys, spread %d: %d is number %d, want %d", n, spread, key, dst[i], want)
				}
			}
		}
	}
}

// A string table finds each of its present keys and nothing else, even when all
// hashes collide.
func TestStringTable(t *testing.T) {
	sum := program.FindHash("xxh3")
	for _, hash := range []func([]byte) uint64{
		func(s []byte) uint64 { return sum(0, s) },
		func([]byte) uint64 { return math.MaxUint64 },
	} {
		var keys Views
		for i := range 100 {
			keys.Start, keys.End = append(keys.Start, 0), append(keys.End, 0)
			keys.Put(i, fmt.Appendf(nil, "%d", i*i))
		}
		offsets := append(slices.Clone(keys.Start), keys.End[99])
		present := []uint64{math.MaxUint64 &^ 2, math.MaxUint64}
		table := NewStringTable(keys.Bytes, offsets, present, hash)
		dst, check := guarded[int32](t, 100, 77)
		FindStrings(dst, &keys, []uint64{math.MaxUint64 &^ 4, math.MaxUint64}, table)
		check()
		for i, n := range dst {
			want := int32(i)
			if i == 1 || i == 2 { // not in the table; null
				want = -1
			}
			if n != want {
				t.Errorf("key %d is number %d", i, n)
			}
		}
		if table.Find([]byte("no")) != -1 {
			t.Error("found what is not there")
		}
	}
	if NewStringTable(nil, nil, nil, func([]byte) uint64 { return 0 }).Find([]byte("x")) != -1 {
		t.Error("an empty table finds something")
	}
}

// Values and PutNulls turn numbers into values and bits.
func TestValues(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		numbers := make([]int32, n)
		for i := range numbers {
			numbers[i] = int32(rng.IntN(5)) - 1
		}
		valid := randomBits(rng, n)
		before := slices.Clone(numbers)
		PutNulls(numbers, valid, 2)
		dst, check := guarded[int64](t, n, 77)
		found, checkFound := guarded[uint64](t, Words(n), 77)
		Values(dst, found, []int64{10, 11, 12, 13}, numbers)
		check()
		checkFound()
		for i, want := range before {
			if !present(valid, i) {
				want = 2
			}
			if present(found, i) != (want >= 0) || want >= 0 && dst[i] != 10+int64(want) {
				t.Fatalf("%d slots: slot %d is %d, %v; number %d", n, i, dst[i], present(found, i), want)
			}
		}
		checkTail(t, found, n)
	}
}

// Buckets are h mod n, unsigned, for powers of two and others.
func TestBuckets(t *testing.T) {
	h := randomInts(newRand(1), 300)
	dst := make([]int64, len(h))
	for _, n := range []int64{1, 2, 7, 4096, 1 << 62, math.MaxInt64} {
		Buckets(dst, h, uint64(n))
		for i := range h {
			if want := program.BucketHash(h[i], n); dst[i] != want {
				t.Fatalf("%d mod %d is %d, want %d", h[i], n, dst[i], want)
			}
		}
	}
}
