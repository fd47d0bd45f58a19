package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// inputs are arguments of every type, n values each, that start anywhere.
type inputs struct {
	n      int
	f, g   []float64
	f32    []float32
	i, j   []int64
	i32    []int32
	valid  []uint64
	x, y   float64
	p, q   int64
	random *rand.Rand
}

func hardInts(r *rand.Rand, n int) []int64 {
	x := make([]int64, n)
	for i := range x {
		switch r.IntN(3) {
		case 0:
			x[i] = [...]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, 0, -1, 1, 1 << 31, -1<<31 - 1, 1<<53 + 1, -1<<53 - 1}[r.IntN(10)]
		case 1:
			x[i] = int64(r.Uint64()) >> r.IntN(64)
		default:
			x[i] = int64(r.IntN(9)) - 4
		}
	}
	return x
}

func newInputs(seed uint64, n int) *inputs {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	shift := r.IntN(8)
	in := &inputs{n: n, random: r, valid: randomBits(r, n), f: hardFloats(r, n+8)[shift:][:n], g: hardFloats(r, n+8)[shift:][:n],
		i: hardInts(r, n+8)[shift:][:n], j: hardInts(r, n+8)[shift:][:n], x: hardFloats(r, 1)[0], y: hardFloats(r, 1)[0],
		p: hardInts(r, 1)[0], q: hardInts(r, 1)[0], f32: make([]float32, n+8)[shift:][:n], i32: make([]int32, n+8)[shift:][:n]}
	for i := range n {
		in.f32[i] = float32(hardFloats(r, 1)[0])
		if r.IntN(5) == 0 {
			in.f32[i] = math.Float32frombits(r.Uint32())
		}
		in.i32[i] = int32(in.i[i])
		if r.IntN(20) == 0 {
			in.f[i], in.i[i] = in.x, in.p
		}
	}
	return in
}

// element is a kernel whose results are compared as bits.
type element struct {
	name string
	run  func(t testing.TB, k *Kernels, in *inputs) []uint64
}

// guarded returns n values in the middle of memory that holds mark everywhere, and
// a check that what lies around them still does.
func guarded[T comparable](t testing.TB, n int, mark T) (values []T, check func()) {
	const around = 9
	memory := make([]T, n+2*around)
	for i := range memory {
		memory[i] = mark
	}
	return memory[around : around+n], func() {
		t.Helper()
		for i := range around {
			if memory[i] != mark || memory[around+n+i] != mark {
				t.Fatalf("%d values: written outside", n)
			}
		}
	}
}

// into runs a kernel into guarded memory and returns the bits it wrote.
func into[D comparable](t testing.TB, n int, mark D, bits func(D) uint64, run func(dst []D)) []uint64 {
	dst, check := guarded(t, n, mark)
	run(dst)
	check()
	out := make([]uint64, n)
	for i, v := range dst {
		out[i] = bits(v)
	}
	return out
}

// floats is into for float64 results. Of two NaN arguments, either may give the payload.
func floats(t testing.TB, n int, run func(dst []float64)) []uint64 {
	return into(t, n, 77, func(v float64) uint64 { return math.Float64bits(v) }, run)
}

func pairs(t testing.TB, in *inputs, b func(i int) float64, run func(dst []float64)) []uint64 {
	out := floats(t, in.n, run)
	for i, v := range in.f {
		if v != v && b(i) != b(i) {
			out[i] = 0
		}
	}
	return out
}

func ints(t testing.TB, n int, run func(dst []int64)) []uint64 {
	return into(t, n, 77, func(v int64) uint64 { return uint64(v) }, run)
}

func elementKernels() []element {
	var all []element
	add := func(name string, run func(t testing.TB, k *Kernels, in *inputs) []uint64) {
		all = append(all, element{name, run})
	}
	for name, f := range map[string]func(k *Kernels, dst, a []float64, x float64){
		"add_const": (*Kernels).AddConst, "sub_const": (*Kernels).SubConst, "mul_const": (*Kernels).MulConst, "div_const": (*Kernels).DivConst,
	} {
		add(name, func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return pairs(t, in, func(int) float64 { return in.x }, func(dst []float64) { f(k, dst, in.f, in.x) })
		})
	}
	for name, f := range map[string]func(k *Kernels, dst, a, b []float64){
		"add": (*Kernels).AddFloats, "sub": (*Kernels).SubFloats, "mul": (*Kernels).MulFloats, "div": (*Kernels).DivFloats,
	} {
		add(name, func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return pairs(t, in, func(i int) float64 { return in.g[i] }, func(dst []float64) { f(k, dst, in.f, in.g) })
		})
	}
	add("add_scaled", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
		out := floats(t, in.n, func(dst []float64) { copy(dst, in.f); k.AddScaled(dst, in.g, in.x) })
		for i, v := range out {
			if f := math.Float64frombits(v); f != f {
				out[i] = 0
			}
		}
		return out
	})
	for name, f := range map[string]func(k *Kernels, dst, a []float64){"canonical": (*Kernels).Canonical, "round32": (*Kernels).Round32} {
		add(name, func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return floats(t, in.n, func(dst []float64) { f(k, dst, in.f) })
		})
	}
	for c := Eq; c <= Ge; c++ {
		one := func(b bool) uint64 { return map[bool]uint64{true: 1}[b] }
		add(fmt.Sprint("compare_floats_", c), func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return into(t, in.n, true, one, func(dst []bool) { k.CompareFloats(dst, in.f, c, in.x) })
		})
		add(fmt.Sprint("compare_ints_", c), func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return into(t, in.n, false, one, func(dst []bool) { k.CompareInts(dst, in.i, c, in.p) })
		})
	}
	return append(all, mixedKernels()...)
}

// mixedKernels are those that convert, select or limit.
func mixedKernels() []element {
	int32s := func(t testing.TB, n int, f func(dst []int32)) []uint64 {
		return into(t, n, 77, func(v int32) uint64 { return uint64(v) }, f)
	}
	return []element{
		{"clamp_floats", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return floats(t, in.n, func(dst []float64) { k.ClampFloats(dst, in.f, in.x, in.y) })
		}},
		{"clamp_ints", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return ints(t, in.n, func(dst []int64) { k.ClampInts(dst, in.i, in.p, in.q) })
		}},
		{"coalesce", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return floats(t, in.n, func(dst []float64) { CoalesceConst(k, dst, in.f, in.valid, in.x) })
		}},
		{"choose", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			choice := append([]uint64{5}, in.valid...)
			for len(choice)*64 < in.n {
				choice = append(choice, uint64(in.n)*0x9e3779b97f4a7c15)
			}
			return ints(t, in.n, func(dst []int64) { Choose(k, dst, choice, in.i, in.j) })
		}},
		{"widen_floats", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return floats(t, in.n, func(dst []float64) { k.WidenFloats(dst, in.f32) })
		}},
		{"narrow_floats", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return into(t, in.n, 77, func(v float32) uint64 { return uint64(math.Float32bits(v)) }, func(dst []float32) { k.NarrowFloats(dst, in.f) })
		}},
		{"widen_ints", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return ints(t, in.n, func(dst []int64) { k.WidenInts(dst, in.i32) })
		}},
		{"narrow_ints", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return int32s(t, in.n, func(dst []int32) { k.NarrowInts(dst, in.i) })
		}},
		{"floats32", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return floats(t, in.n, func(dst []float64) { k.Floats32(dst, in.i32) })
		}},
		{"floats64", func(t testing.TB, k *Kernels, in *inputs) []uint64 {
			return floats(t, in.n, func(dst []float64) { k.Floats64(dst, in.i) })
		}},
		{"float_range", func(_ testing.TB, k *Kernels, in *inputs) []uint64 {
			r := k.FloatRange(in.f, in.valid)
			return []uint64{math.Float64bits(r.Low), math.Float64bits(r.High), uint64(r.N), uint64(r.NaNs)}
		}},
		{"float32_range", func(_ testing.TB, k *Kernels, in *inputs) []uint64 {
			r := k.Float32Range(in.f32, in.valid)
			return []uint64{uint64(math.Float32bits(r.Low)), uint64(math.Float32bits(r.High)), uint64(r.N), uint64(r.NaNs)}
		}},
		{"int_range", func(_ testing.TB, k *Kernels, in *inputs) []uint64 {
			r := k.IntRange(in.i, in.valid)
			return []uint64{uint64(r.Low), uint64(r.High), uint64(r.N)}
		}},
		{"int32_range", func(_ testing.TB, k *Kernels, in *inputs) []uint64 {
			r := k.Int32Range(in.i32, in.valid)
			return []uint64{uint64(r.Low), uint64(r.High), uint64(r.N)}
		}},
	}
}

// checkElement fails unless every variant gives the bits of plain Go.
func checkElement(t testing.TB, e element, in *inputs) {
	t.Helper()
	var want []uint64
	for _, k := range levels() {
		got := e.run(t, k, in)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			i := 0
			for got[i] == want[i] {
				i++
			}
			t.Fatalf("%v: %s of %d values: at %d %x, want %x", k.Level(), e.name, in.n, i, got[i], want[i])
		}
	}
}

func TestElements(t *testing.T) {
	for _, e := range elementKernels() {
		for n := range 131 {
			for seed := range uint64(3) {
				checkElement(t, e, newInputs(seed, n))
			}
		}
		checkElement(t, e, newInputs(9, 2*maxCall+77))
	}
}

func FuzzElements(f *testing.F) {
	f.Add(uint64(1), 100)
	f.Fuzz(func(t *testing.T, seed uint64, n int) {
		in := newInputs(seed, min(max(n, 0), 3000))
		for _, e := range elementKernels() {
			checkElement(t, e, in)
		}
	})
}

// The twins of the ranges, by definition.
func TestRangeTruth(t *testing.T) {
	negative := math.Copysign(0, -1)
	r := Best().FloatRange([]float64{math.NaN(), 0, negative, 3, math.NaN(), math.Inf(-1), 5, 0, 0}, []uint64{0b011011111})
	if !math.Signbit(r.Low) || r.Low != 0 || r.High != 5 || r.N != 5 || r.NaNs != 2 {
		t.Errorf("%+v", r)
	}
	if r := Best().FloatRange([]float64{math.Inf(-1), math.Inf(1), -7}, nil); r.Low != math.Inf(-1) || r.High != math.Inf(1) || r.N != 3 {
		t.Errorf("%+v", r)
	}
}

func BenchmarkElements(b *testing.B) {
	in := newInputs(1, 2048)
	for i := range in.n {
		in.f[i], in.g[i], in.i[i], in.i32[i], in.f32[i] = float64(i)*1.7, float64(i)+0.5, int64(i*i), int32(i*7), float32(i)
	}
	in.valid = randomBits(rand.New(rand.NewPCG(1, 1)), in.n)
	in.valid = append(in.valid, make([]uint64, 32-len(in.valid))...)
	dst, ints, bools, narrow := make([]float64, in.n), make([]int64, in.n), make([]bool, in.n), make([]float32, in.n)
	for _, e := range []struct {
		name string
		run  func(k *Kernels)
	}{
		{"add_const", func(k *Kernels) { k.AddConst(dst, in.f, 3) }},
		{"div_const", func(k *Kernels) { k.DivConst(dst, in.f, 3) }},
		{"add", func(k *Kernels) { k.AddFloats(dst, in.f, in.g) }},
		{"add_scaled", func(k *Kernels) { k.AddScaled(dst, in.f, 1e-9) }},
		{"clamp", func(k *Kernels) { k.ClampFloats(dst, in.f, 100, 2000) }},
		{"clamp_ints", func(k *Kernels) { k.ClampInts(ints, in.i, 100, 2000) }},
		{"coalesce", func(k *Kernels) { CoalesceConst(k, dst, in.f, in.valid, 3) }},
		{"choose", func(k *Kernels) { Choose(k, dst, in.valid, in.f, in.g) }},
		{"canonical", func(k *Kernels) { k.Canonical(dst, in.f) }},
		{"round32", func(k *Kernels) { k.Round32(dst, in.f) }},
		{"widen_floats", func(k *Kernels) { k.WidenFloats(dst, in.f32) }},
		{"narrow_floats", func(k *Kernels) { k.NarrowFloats(narrow, in.f) }},
		{"widen_ints", func(k *Kernels) { k.WidenInts(ints, in.i32) }},
		{"narrow_ints", func(k *Kernels) { k.NarrowInts(in.i32, in.i) }},
		{"floats32", func(k *Kernels) { k.Floats32(dst, in.i32) }},
		{"floats64", func(k *Kernels) { k.Floats64(dst, in.i) }},
		{"lt_floats", func(k *Kernels) { k.CompareFloats(bools, in.f, Lt, 1000) }},
		{"le_ints", func(k *Kernels) { k.CompareInts(bools, in.i, Le, 1000) }},
		{"float_range", func(k *Kernels) { k.FloatRange(in.f, in.valid) }},
		{"float32_range", func(k *Kernels) { k.Float32Range(in.f32, nil) }},
		{"int_range", func(k *Kernels) { k.IntRange(in.i, nil) }},
		{"int32_range", func(k *Kernels) { k.Int32Range(in.i32, nil) }},
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
