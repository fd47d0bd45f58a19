package simd

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// levels returns every variant that this machine can run, plain Go first.
func levels() []*Kernels {
	var all []*Kernels
	for l := Generic; l <= Highest(); l++ {
		all = append(all, At(l))
	}
	return all
}

// randomBits returns a bitmap of n values with garbage past them, or nil.
func randomBits(r *rand.Rand, n int) []uint64 {
	if r.IntN(3) == 0 {
		return nil
	}
	b := make([]uint64, (n+63)/64)
	for i := range b {
		b[i] = r.Uint64() | r.Uint64()
	}
	return b
}

// hardFloats has specials, any bits, and values of middling size.
func hardFloats(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		switch r.IntN(8) {
		case 0:
			x[i] = [...]float64{math.NaN(), math.Float64frombits(0xFFF0_0000_DEAD_BEEF), math.Inf(1), math.Inf(-1), 0,
				math.Copysign(0, -1), math.MaxFloat64, 5e-324, -0x1p63, 0x1p53 + 2, 0x1p-1022, -1, 1}[r.IntN(13)]
		case 1:
			x[i] = math.Float64frombits(r.Uint64())
		case 2:
			x[i] = float64(r.IntN(41)-20) / 2
		default:
			x[i] = r.NormFloat64() * math.Exp(r.NormFloat64()*float64(r.IntN(9)))
		}
	}
	return x
}

// sumOf is what a window of x must come to, in big integers.
func sumOf(w *Window, x []float64, valid []uint64) (l Limbs, s1, s2 *big.Int, rest []float64) {
	s1, s2 = new(big.Int), new(big.Int)
	for i, v := range x {
		if valid != nil && valid[i>>6]>>(i&63)&1 == 0 {
			continue
		}
		m := math.Ldexp(v, -w.Exp)
		switch {
		case v != v:
			l.NaNs++
		case math.Abs(v) < math.Ldexp(1, w.Exp+w.Bits) && m == math.Trunc(m) && math.Ldexp(m, w.Exp) == v:
			l.Taken++
			b, _ := new(big.Float).SetFloat64(m).Int(nil)
			s1.Add(s1, b)
			s2.Add(s2, b.Mul(b, b))
		default:
			l.Rest++
			rest = append(rest, v)
		}
	}
	return l, s1, s2, rest
}

func (l *Limbs) big() (s1, s2 *big.Int) {
	s1, s2 = new(big.Int), new(big.Int)
	for i, v := range l.Sum {
		s1.Add(s1, new(big.Int).Lsh(big.NewInt(v), uint(LimbBits*i)))
	}
	for i, v := range l.Squares {
		s2.Add(s2, new(big.Int).Lsh(big.NewInt(v), uint(LimbBits*i)))
	}
	return s1, s2
}

// Every variant gives the same limbs, which are the exact sums, and writes nothing
// outside of the rest and its slack.
func checkSum(t *testing.T, wide bool, exp int, x []float64, valid []uint64) {
	t.Helper()
	var first Limbs
	var w Window
	for i, k := range levels() {
		if w.Set24(exp); wide {
			w.Set53(exp)
		}
		memory := make([]float64, len(x)+SumSlack+4)
		for i := range memory {
			memory[i] = 77
		}
		l := k.Sum(&w, x, valid, memory[2:len(memory)-2])
		if i == 0 {
			first = l
		}
		want, w1, w2, rest := sumOf(&w, x, valid)
		s1, s2 := l.big()
		if l != first || l.Taken != want.Taken || l.NaNs != want.NaNs || l.Rest != want.Rest || s1.Cmp(w1) != 0 || s2.Cmp(w2) != 0 {
			t.Fatalf("%v: %d values from 2^%d: %+v, want %+v", k.Level(), len(x), exp, l, want)
		}
		same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
		if !slices.EqualFunc(rest, memory[2:2+l.Rest], same) {
			t.Fatalf("%v: %d values: rest %v, want %v", k.Level(), len(x), memory[2:2+l.Rest], rest)
		}
		for _, at := range []int{0, 1, len(memory) - 2, len(memory) - 1} {
			if memory[at] != 77 {
				t.Fatalf("%v: %d values: written outside", k.Level(), len(x))
			}
		}
	}
}

func TestSum(t *testing.T) {
	for n := range 131 {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		x := hardFloats(r, n+3)[3:]
		checkSum(t, true, -60+r.IntN(40), x, randomBits(r, n))
		for i := range x {
			x[i] = float64(float32(x[i]))
		}
		checkSum(t, false, -40+r.IntN(40), x, randomBits(r, n))
	}
}

// At the ends of the ranges, full blocks of the greatest and the least values.
func TestSumEnds(t *testing.T) {
	for _, exp := range []int{-2000, -537, -149, -100, 0, 50, 78, 434, 2000} {
		for _, wide := range []bool{false, true} {
			var w Window
			if w.Set24(exp); wide {
				w.Set53(exp)
			}
			top := math.Nextafter(math.Ldexp(1, w.Exp+w.Bits), 0)
			if !wide {
				top = float64(math.Nextafter32(float32(math.Ldexp(1, w.Exp+w.Bits-1)), 0))
			}
			x := make([]float64, SumBlock)
			for i := range x {
				x[i] = top
				if exp&1 != 0 {
					x[i] = -top
				}
			}
			checkSum(t, wide, exp, x, nil)
			x[5], x[6] = math.Ldexp(1, w.Exp), math.Ldexp(1, w.Exp+w.Bits)
			if wide {
				x[7] = math.Ldexp(1, w.Exp-1)
			}
			checkSum(t, wide, exp, x, nil)
		}
	}
}

func FuzzSum(f *testing.F) {
	f.Add(uint64(1), 100, 0)
	f.Fuzz(func(t *testing.T, seed uint64, n, exp int) {
		r := rand.New(rand.NewPCG(seed, 7))
		n = min(max(n, 0), SumBlock)
		x, valid := hardFloats(r, n+5)[5:], randomBits(r, n)
		exp = min(max(exp, -600), 600)
		checkSum(t, true, exp, x, valid)
		for i := range x {
			x[i] = float64(float32(x[i]))
		}
		checkSum(t, false, exp, x, valid)
	})
}

func perValue(b *testing.B, values int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/value")
}

func BenchmarkSum(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, 64*SumBlock)
	for i := range x {
		x[i] = float64(float32(r.NormFloat64() * 100))
		if r.IntN(10) == 0 {
			x[i] = math.NaN()
		}
	}
	rest := make([]float64, SumBlock+SumSlack)
	for _, k := range levels() {
		for _, wide := range []bool{false, true} {
			name := "float32/"
			var w Window
			w.Set24(-36)
			if wide {
				name = "float64/"
				w.Set53(-60)
			}
			b.Run(name+k.Level().String(), func(b *testing.B) {
				for b.Loop() {
					for i := 0; i < len(x); i += SumBlock {
						k.Sum(&w, x[i:i+SumBlock], nil, rest)
					}
				}
				perValue(b, len(x))
			})
		}
	}
}
