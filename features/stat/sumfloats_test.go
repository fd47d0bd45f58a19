package stat

import (
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"testing"

	"quern/features/column"
	"quern/internal/simd"
)

// wandering are columns over many blocks whose sizes change, so that the window
// has to move, or that no window holds.
func wandering(r *rand.Rand, n int, kind int) []float64 {
	x := make([]float64, n)
	for i := range x {
		scale := 1.0
		switch kind {
		case 1: // a new size every few blocks
			scale = math.Ldexp(1, 40*(i/20000%3)-30)
		case 2: // all sizes
			scale = math.Ldexp(1, r.Intn(200)-100)
		case 3: // a few that are far out
			if r.Intn(50) == 0 {
				scale = math.Ldexp(1, r.Intn(200)-120)
			}
		}
		x[i] = float64(float32(r.NormFloat64() * scale))
		switch {
		case kind == 4: // integers
			x[i] = float64(r.Intn(1e6))
		case kind == 5 && i < 9000: // nothing but zeros and NaNs to begin with
			x[i] = []float64{0, math.NaN()}[r.Intn(2)]
		case r.Intn(30) == 0:
			x[i] = []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1)}[r.Intn(5)]
		}
	}
	return x
}

// Wherever the window lies, and with every variant of the kernels, the sums are
// those of the definition, and the state has the same bytes.
func TestSumsWander(t *testing.T) {
	for kind := range 6 {
		for _, typ := range []column.Type{column.Float32, column.Float64} {
			r := rand.New(rand.NewSource(int64(kind)))
			c := floatColumn(typ, wandering(r, 60000, kind)...)
			c.Values.Valid = column.NewBitmap(c.Len)
			for i := range c.Len {
				if r.Intn(9) > 0 {
					c.Values.Valid.Set(i)
				}
			}
			var first *Sums
			for level := simd.Generic; level <= simd.Highest(); level++ {
				s := must(t, Spec{Kind: KindSums, Types: []column.Type{typ}}, Resources{}).(*Sums)
				s.floats = newSumFloats(simd.At(level))
				s.Observe([]column.Column{c}, nil)
				if first == nil {
					first = s
					checkWandering(t, s, &c.Values)
				}
				sameBytes(t, fmt.Sprintf("kind %d, %v, %v", kind, typ, level), s, first)
			}
			ones := make([]uint64, c.Len)
			for i := range ones {
				ones[i] = 1
			}
			s := must(t, Spec{Kind: KindSums, Types: []column.Type{typ}}, Resources{}).(*Sums)
			s.Observe([]column.Column{c}, ones)
			sameBytes(t, fmt.Sprintf("kind %d, %v, weighted", kind, typ), s, first)
		}
	}
}

func checkWandering(t *testing.T, s *Sums, v *column.Vector) {
	t.Helper()
	s1, s2, x := new(big.Float).SetPrec(3000), new(big.Float).SetPrec(3000), new(big.Float).SetPrec(3000)
	finite, nans := 0, 0
	for i, f := range v.Float64s {
		switch {
		case v.Null(i) || math.IsInf(f, 0):
		case f != f:
			nans++
		default:
			finite++
			x.SetFloat64(f)
			s1.Add(s1, x)
			s2.Add(s2, x.Mul(x, x))
		}
	}
	n, r1, r2 := s.Moments()
	w1, _ := s1.Rat(nil)
	w2, _ := s2.Rat(nil)
	if int(n) != finite || int(s.NaNs()) != nans || r1.Cmp(w1) != 0 || r2.Cmp(w2) != 0 {
		t.Errorf("%d values, want %d; %d NaNs, want %d; sums are right: %v, %v", n, finite, s.NaNs(), nans, r1.Cmp(w1) == 0, r2.Cmp(w2) == 0)
	}
}

// Integers of all sizes, with nulls, over blocks of small ones and of great ones.
func TestSumsIntsWander(t *testing.T) {
	r := rand.New(rand.NewSource(9))
	x := make([]int64, 5*4096+77)
	c := intColumn(column.Int64, x...)
	c.Values.Valid = column.NewBitmap(c.Len)
	s1, s2, n := new(big.Int), new(big.Int), uint64(0)
	for i := range x {
		v := int64(int32(r.Uint32()))
		if i/4096 == 2 {
			v = int64(r.Uint64())
		}
		c.Values.Int64s[i] = v
		if r.Intn(4) == 0 {
			continue
		}
		c.Values.Valid.Set(i)
		n++
		b := big.NewInt(v)
		s1.Add(s1, b)
		s2.Add(s2, b.Mul(b, b))
	}
	for level := simd.Generic; level <= simd.Highest(); level++ {
		s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Int64}}, Resources{}).(*Sums)
		s.ints = &sumInts{kernels: simd.At(level)}
		s.Observe([]column.Column{c}, nil)
		m, g1, g2 := s.Moments()
		if m != n || g1.Cmp(new(big.Rat).SetInt(s1)) != 0 || g2.Cmp(new(big.Rat).SetInt(s2)) != 0 {
			t.Errorf("%v: %d values, want %d; sums are %v, %v, want %v, %v", level, m, n, g1, g2, s1, s2)
		}
	}
}

// Most values of an ordinary column are in the window.
func TestSumsWindowFits(t *testing.T) {
	for _, typ := range []column.Type{column.Float32, column.Float64} {
		c := benchFloats(1<<16, typ)
		f := newSumFloats(simd.Best())
		var total Group
		f.observe(typ, c.Values.Float64s, nil, &total)
		if f.n < uint64(c.Len)*999/1000 {
			t.Errorf("%v: only %d of %d values are in the window", typ, f.n, c.Len)
		}
	}
}

// Weights up to the greatest number of rows.
func TestSumsGreatWeights(t *testing.T) {
	x := []float64{math.MaxFloat64, -math.MaxFloat64, 0.1, 5e-324, -3}
	w := []uint64{1 << 60, 1<<60 - 1, 1 << 60, 12345, 1}
	s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, Resources{}).(*Sums)
	s.Observe([]column.Column{floatColumn(column.Float64, x...)}, w)
	var g Group
	for i, v := range x {
		g.addFloatTimes(v, w[i])
	}
	if a, b := appendGroup(nil, s.group()), appendGroup(nil, &g); string(a) != string(b) {
		t.Error("great weights: sums differ")
	}
	ints := []int64{math.MinInt64, math.MaxInt64, -1, 0, 77}
	s = must(t, Spec{Kind: KindSums, Types: []column.Type{column.Int64}}, Resources{}).(*Sums)
	s.Observe([]column.Column{intColumn(column.Int64, ints...)}, w)
	g = Group{}
	for i, v := range ints {
		g.addIntTimes(v, w[i])
	}
	if a, b := appendGroup(nil, s.group()), appendGroup(nil, &g); string(a) != string(b) {
		t.Error("great weights of integers: sums differ")
	}
}

func BenchmarkSums(b *testing.B) {
	names := []string{"normal", "", "wide", "outliers", "integers"}
	for kind, name := range names {
		for _, typ := range []column.Type{column.Float32, column.Float64} {
			if name == "" {
				continue
			}
			b.Run(name+"/"+typ.String(), func(b *testing.B) {
				c := floatColumn(typ, wandering(rand.New(rand.NewSource(1)), 1<<16, kind)...)
				benchObserve(b, Spec{Kind: KindSums, Types: []column.Type{typ}}, c)
			})
		}
	}
}

func BenchmarkSumsNulls(b *testing.B) {
	c := benchFloats(1<<16, column.Float32)
	c.Values.Valid = column.NewBitmap(c.Len)
	for i := range c.Len {
		if i%10 != 3 {
			c.Values.Valid.Set(i)
		}
	}
	benchObserve(b, Spec{Kind: KindSums, Types: []column.Type{column.Float32}}, c)
}

func BenchmarkSumsDictionary(b *testing.B) {
	c := benchFloats(1<<14, column.Float32)
	c.Len, c.Index = 1<<14, make([]int32, 1<<14)
	for i := range c.Index {
		c.Index[i] = int32(i)
	}
	benchObserve(b, Spec{Kind: KindSums, Types: []column.Type{column.Float32}}, c)
}
