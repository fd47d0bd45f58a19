package simd

import (
	"math"
	"math/rand/v2"
	"testing"

	"quern/features/real"
)

// function is a kernel of one argument with its scalar meaning.
type function struct {
	name   string
	kernel func(k *Kernels, dst, x []float64)
	scalar func(float64) float64
}

func functions() []function {
	return []function{
		{"log", (*Kernels).Log, real.Log},
		{"log1p", (*Kernels).Log1p, real.Log1p},
		{"exp", (*Kernels).Exp, real.Exp},
		{"expm1", (*Kernels).Expm1, real.Expm1},
	}
}

// turning are where the functions change their way, and their neighbours.
func turning() []float64 {
	var x []float64
	for _, v := range []float64{0, 1, 0x1p-54, 0x1p-1022, math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1), 710, 709.78, 746, 745.2,
		708.4, 40, 37, 0x1p60, 0x1p61, 0x1p53, 0x1p54, math.Sqrt2, math.Sqrt2 / 2, 0x1.6a09ep0, 0x1.6a09ep-1, 0x1.6a09fp-1, math.Ln2, math.Ln2 / 2, 41.6, 42.3} {
		for _, w := range []float64{v, math.Nextafter(v, 0), math.Nextafter(v, math.Inf(1)), v - 1, v + 1} {
			x = append(x, w, -w)
		}
	}
	for e := -1080; e < 1024; e++ {
		x = append(x, math.Ldexp(1.3, e), math.Ldexp(-1.3, e))
	}
	for k := -1100; k < 1100; k++ {
		x = append(x, math.Ln2*float64(k), math.Ln2*(float64(k)+0.5), math.Expm1(math.Ln2*float64(k)))
	}
	return append(x, math.NaN(), math.Float64frombits(0xFFF0_0000_DEAD_BEEF), math.Float64frombits(0x7FF0000000000001))
}

// checkFunction fails unless every variant gives the scalar bits, in place and apart.
func checkFunction(t *testing.T, f function, x []float64) {
	t.Helper()
	const guard = 5
	for _, k := range levels() {
		memory := make([]float64, len(x)+2*guard)
		for i := range memory {
			memory[i] = 77
		}
		dst := memory[guard : guard+len(x)]
		f.kernel(k, dst, x)
		same := append([]float64(nil), x...)
		f.kernel(k, same, same)
		for i, v := range x {
			want := math.Float64bits(f.scalar(v))
			if got := math.Float64bits(dst[i]); got != want || math.Float64bits(same[i]) != want {
				t.Fatalf("%v: %s(%v) is %x, in place %x, want %x", k.Level(), f.name, v, got, math.Float64bits(same[i]), want)
			}
		}
		for i := range guard {
			if memory[i] != 77 || memory[guard+len(x)+i] != 77 {
				t.Fatalf("%v: %s of %d values: written outside", k.Level(), f.name, len(x))
			}
		}
	}
}

func TestFunctions(t *testing.T) {
	for _, f := range functions() {
		checkFunction(t, f, turning())
		for n := range 131 {
			checkFunction(t, f, hardFloats(rand.New(rand.NewPCG(2, uint64(n))), n+3)[3:])
		}
		r := rand.New(rand.NewPCG(3, 4))
		x := make([]float64, 100000+maxCall)
		for i := range x {
			switch i % 4 {
			case 0:
				x[i] = r.NormFloat64() * 300
			case 1:
				x[i] = math.Float64frombits(r.Uint64())
			case 2:
				x[i] = r.NormFloat64()
			case 3:
				x[i] = r.ExpFloat64() * 1e6
			}
		}
		checkFunction(t, f, x)
		checkPieces(t, f, x[:20000])
	}
}

// checkPieces computes x seven values at a time: partial vectors have code of their own.
func checkPieces(t *testing.T, f function, x []float64) {
	t.Helper()
	for _, k := range levels() {
		var dst [7]float64
		for at := 0; at+7 <= len(x); at += 7 {
			part := x[at : at+7]
			f.kernel(k, dst[:], part)
			for i, y := range dst {
				if want := f.scalar(part[i]); math.Float64bits(y) != math.Float64bits(want) {
					t.Fatalf("%v: %s(%v) is %v in a partial vector, want %v", k.Level(), f.name, part[i], y, want)
				}
			}
		}
	}
}

func FuzzFunctions(f *testing.F) {
	f.Add(uint64(1), 100)
	f.Fuzz(func(t *testing.T, seed uint64, n int) {
		r := rand.New(rand.NewPCG(seed, 8))
		for _, fn := range functions() {
			checkFunction(t, fn, hardFloats(r, min(max(n, 0), 4000)))
		}
	})
}

func BenchmarkFunctions(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, dst := make([]float64, 1<<13), make([]float64, 1<<13)
	for i := range x {
		x[i] = r.Float64() * 100
	}
	for _, f := range functions() {
		for _, k := range levels() {
			b.Run(f.name+"/"+k.Level().String(), func(b *testing.B) {
				for b.Loop() {
					f.kernel(k, dst, x)
				}
				perValue(b, len(x))
			})
		}
	}
}
