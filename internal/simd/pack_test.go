package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// ladder is n keys of floats that ascend, infinities and neighbours among them.
func ladder(r *rand.Rand, n int) []int64 {
	keys := make([]int64, n)
	for i := range keys {
		x := hardFloats(r, 1)[0]
		for x != x {
			x = r.NormFloat64()
		}
		keys[i] = FloatKey(x + 0)
		if r.IntN(9) == 0 {
			keys[i] = math.MinInt64
		}
	}
	slices.Sort(keys)
	return keys
}

func countAtMost(keys []int64, key int64) int64 {
	return int64(sort.Search(len(keys), func(i int) bool { return keys[i] > key }))
}

func checkLadder(t testing.TB, keys []int64, in *inputs) {
	t.Helper()
	l := NewLadder(keys)
	for i := range in.n {
		if len(keys) > 0 && in.random.IntN(3) == 0 {
			key := keys[in.random.IntN(len(keys))] + int64(in.random.IntN(3)) - 1
			in.i[i] = key
			if x := keyFloat(key); x == x {
				in.f[i] = x
			}
		}
	}
	for _, k := range levels() {
		dst, check := guarded[int64](t, in.n, 77)
		k.RankFloats(dst, in.f, l, -5)
		check()
		for i, x := range in.f {
			want := int64(-5)
			if x == x {
				want = countAtMost(keys, FloatKey(x+0))
			}
			if dst[i] != want {
				t.Fatalf("%v: %d keys: rank of %v is %d, want %d", k.Level(), len(keys), x, dst[i], want)
			}
		}
		k.RankInts(dst, in.i, l)
		check()
		for i, x := range in.i {
			if want := countAtMost(keys, x); dst[i] != want {
				t.Fatalf("%v: %d keys: rank of %d is %d, want %d", k.Level(), len(keys), x, dst[i], want)
			}
		}
	}
}

func TestLadder(t *testing.T) {
	for n := range 131 {
		r := rand.New(rand.NewPCG(5, uint64(n)))
		checkLadder(t, ladder(r, n), newInputs(1, 200))
		checkLadder(t, ladder(r, 1+n/8), newInputs(2, n))
	}
	r := rand.New(rand.NewPCG(5, 1))
	checkLadder(t, ladder(r, 70000), newInputs(1, maxCall+500))
}

// packed checks Compact and Expand of one type.
func packed[T Fixed](t testing.TB, in *inputs, values []T) {
	t.Helper()
	var some []T
	present := func(i int) bool { return in.valid == nil || in.valid[i>>6]>>(i&63)&1 == 1 }
	for i, v := range values {
		if present(i) {
			some = append(some, v)
		}
	}
	for _, k := range levels() {
		dst, check := guarded(t, in.n, T(77))
		n := Compact(k, dst, values, in.valid)
		check()
		if !slices.Equal(dst[:n], some) {
			t.Fatalf("%v: compact of %d values differs", k.Level(), in.n)
		}
		same := slices.Clone(values)
		if n := Compact(k, same, same, in.valid); !slices.Equal(same[:n], some) {
			t.Fatalf("%v: compact of %d values in place differs", k.Level(), in.n)
		}
		clear(dst)
		Expand(k, dst, some, in.valid, T(5))
		check()
		for i, v := range dst {
			if want := values[i]; present(i) && v != want || !present(i) && v != 5 {
				t.Fatalf("%v: expand to %d values: %d is %v", k.Level(), in.n, i, v)
			}
		}
	}
}

func checkPacked(t testing.TB, in *inputs) {
	t.Helper()
	packed(t, in, in.i)
	packed(t, in, in.i32)
	for i := range in.n {
		in.f[i], in.f32[i] = float64(i), float32(in.i32[i])
	}
	packed(t, in, in.f)
	packed(t, in, in.f32)
}

func TestPacked(t *testing.T) {
	for n := range 131 {
		checkPacked(t, newInputs(3, n))
		checkPacked(t, newInputs(4, n))
	}
	checkPacked(t, newInputs(5, 2*maxCall+333))
	in := newInputs(6, 1000)
	in.valid = make([]uint64, 16) // nothing there
	checkPacked(t, in)
}

// A bitmap that is too short panics before any assembly runs.
func TestShortBitmaps(t *testing.T) {
	short, floats, ints := make([]uint64, 1), make([]float64, 65), make([]int64, 65)
	for _, k := range levels() {
		for i, f := range []func(){
			func() { Compact(k, floats, floats, short) },
			func() { Expand(k, floats, floats, short, 0) },
			func() { CoalesceConst(k, floats, floats, short, 0) },
			func() { Choose(k, ints, short, ints, ints) },
			func() { k.FloatRange(floats, short) },
			func() { k.SumInts(ints, short) },
			func() { k.Sum(new(Window), floats, short, make([]float64, 100)) },
		} {
			if !panics(f) {
				t.Errorf("%v: call %d passed", k.Level(), i)
			}
		}
	}
}

func panics(f func()) (caught bool) {
	defer func() { caught = recover() != nil }()
	f()
	return false
}

func checkBools(t testing.TB, in *inputs) {
	t.Helper()
	src, shift := make([]bool, in.n+8), in.random.IntN(8)
	for i := range src {
		src[i] = in.random.IntN(2) == 0
	}
	src = src[shift:][:in.n]
	for _, k := range levels() {
		bits, check := guarded(t, (in.n+63)/64, uint64(0xDEAD))
		k.PackBools(bits, src)
		check()
		for i := range 64 * len(bits) {
			if want := i < in.n && src[i]; bits[i>>6]>>(i&63)&1 != 0 != want {
				t.Fatalf("%v: pack of %d: bit %d is %v", k.Level(), in.n, i, !want)
			}
		}
		for _, words := range [][]uint64{bits, in.valid, nil} {
			dst, check := guarded(t, in.n, true)
			nots, checkNots := guarded(t, in.n, true)
			k.UnpackBits(dst, words)
			k.UnpackNots(nots, words)
			check()
			checkNots()
			for i := range in.n {
				want := words == nil || words[i>>6]>>(i&63)&1 != 0
				if dst[i] != want || nots[i] == want {
					t.Fatalf("%v: unpack of %d: %d is %v, not %v", k.Level(), in.n, i, dst[i], nots[i])
				}
			}
		}
	}
}

func TestBools(t *testing.T) {
	for n := range 300 {
		checkBools(t, newInputs(8, n))
	}
	checkBools(t, newInputs(8, maxCall+200))
}

func FuzzPacked(f *testing.F) {
	f.Add(uint64(1), 100, 20)
	f.Fuzz(func(t *testing.T, seed uint64, n, keys int) {
		in := newInputs(seed, min(max(n, 0), 3000))
		checkLadder(t, ladder(in.random, min(max(keys, 0), 3000)), in)
		checkPacked(t, in)
		checkBools(t, in)
	})
}

func BenchmarkPacked(b *testing.B) {
	in := newInputs(1, 2048)
	in.valid = make([]uint64, 32)
	for i := range in.n {
		in.f[i] = in.random.Float64() * 100
		if in.random.IntN(10) > 0 {
			in.valid[i>>6] |= 1 << (i & 63)
		}
	}
	in.i32, in.f32 = make([]int32, in.n), make([]float32, in.n)
	dst, ints, narrow := make([]float64, in.n), make([]int64, in.n), make([]float32, in.n)
	words, bools := make([]uint64, 32), make([]bool, in.n)
	var ladders []*Ladder
	for _, n := range []int{10, 100, 1000} {
		keys := make([]int64, n)
		for i := range keys {
			keys[i] = FloatKey(float64(i) * 100 / float64(n))
		}
		ladders = append(ladders, NewLadder(keys))
	}
	for _, e := range []struct {
		name string
		run  func(k *Kernels)
	}{
		{"rank_10", func(k *Kernels) { k.RankFloats(ints, in.f, ladders[0], 0) }},
		{"rank_100", func(k *Kernels) { k.RankFloats(ints, in.f, ladders[1], 0) }},
		{"rank_1000", func(k *Kernels) { k.RankFloats(ints, in.f, ladders[2], 0) }},
		{"pack_bools", func(k *Kernels) { k.PackBools(words, bools) }},
		{"unpack_bits", func(k *Kernels) { k.UnpackBits(bools, in.valid) }},
		{"compact_8", func(k *Kernels) { Compact(k, dst, in.f, in.valid) }},
		{"compact_4", func(k *Kernels) { Compact(k, narrow, in.f32, in.valid) }},
		{"expand_8", func(k *Kernels) { Expand(k, dst, in.f, in.valid, 0) }},
		{"expand_4", func(k *Kernels) { Expand(k, narrow, in.f32, in.valid, 0) }},
	} {
		for _, k := range levels() {
			b.Run(e.name+"/"+k.Level().String(), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e.run(k)
				}
				perValue(b, in.n)
			})
		}
	}
}
