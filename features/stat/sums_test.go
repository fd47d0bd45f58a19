package stat

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"quern/features/column"
)

// hard are columns on which floating sums go wrong.
func hard() map[string][]float64 {
	r := rand.New(rand.NewSource(5))
	m := map[string][]float64{
		"one":          {0.1},
		"negative":     {-3.5},
		"zeros":        {0, math.Copysign(0, -1), 0},
		"big mean":     {1e9, 1e9 + 1, 1e9, 1e9 + 1}, // variance 0.25
		"24 bits":      {1 << 23, 1<<23 + 1, 1<<24 - 1, 1 << 23},
		"float32 ends": {math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-127},
		"denormals":    {math.SmallestNonzeroFloat32, math.SmallestNonzeroFloat32, 3 * math.SmallestNonzeroFloat32},
		"specials":     {math.NaN(), math.Inf(1), 1, math.Inf(-1), 2, math.NaN(), math.Inf(1)},
		"cancel":       {1 << 30, 1, -1 << 30, 0x1p-60},
	}
	for _, n := range []int{2, 31, 33, 63, 65, 129, 257, 1025} {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(float32(r.NormFloat64() * math.Exp(10*r.NormFloat64())))
		}
		m[string(rune('a'+len(m)))] = x
	}
	return m
}

func hard64() map[string][]float64 {
	m := hard()
	m["float64 ends"] = []float64{math.MaxFloat64, math.MaxFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64}
	m["least"] = []float64{math.SmallestNonzeroFloat64, 0, 0, 0}
	m["least std"] = []float64{0x1p-1022, -0x1p-1023, 0x1.8p-1070}
	m["third"] = []float64{0.1, 0.2, 0.3}
	return m
}

func checkSums(t *testing.T, name string, s *Sums, x []float64) {
	t.Helper()
	e := exactly(x)
	if int64(s.N()) != e.n {
		t.Fatalf("%s: n %d, want %d", name, s.N(), e.n)
	}
	if got := s.Sum(); got != nearest(e.s1) {
		t.Errorf("%s: sum %g, want %g", name, got, nearest(e.s1))
	}
	n, s1, s2 := s.Moments()
	if int64(n) != e.n || s1.Cmp(e.s1) != 0 || s2.Cmp(e.s2) != 0 {
		t.Errorf("%s: moments differ", name)
	}
	mean, ok := s.Mean()
	if ok != (e.n > 0) || ok && mean != nearest(new(big.Rat).Quo(e.s1, new(big.Rat).SetInt64(e.n))) {
		t.Errorf("%s: mean %g, %v", name, mean, ok)
	}
	for ddof := range 3 {
		got, ok := s.Variance(ddof)
		std, okStd := s.Std(ddof)
		if ok != (e.n > int64(ddof)) || ok != okStd {
			t.Errorf("%s: ddof %d: ok %v", name, ddof, ok)
		}
		if !ok {
			continue
		}
		want := variance(x, int64(ddof))
		if got != nearest(want) {
			t.Errorf("%s: variance %g, want %g", name, got, nearest(want))
		}
		checkRoot(t, name, std, want)
		if ddof == 0 && s.Constant() != (want.Sign() == 0) {
			t.Errorf("%s: constant %v", name, s.Constant())
		}
	}
}

// checkRoot fails unless root is the float64 nearest to the root of q: the
// squares of the midpoints to its neighbours must enclose q.
func checkRoot(t *testing.T, name string, root float64, q *big.Rat) {
	t.Helper()
	if math.IsInf(root, 0) {
		t.Fatalf("%s: root is infinite", name)
	}
	middle := func(a, b float64) *big.Rat {
		m := new(big.Rat).Add(new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b))
		return m.Quo(m, big.NewRat(2, 1))
	}
	if below := middle(root, math.Nextafter(root, math.Inf(-1))); below.Sign() > 0 && below.Mul(below, below).Cmp(q) > 0 {
		t.Errorf("%s: root %g is too great", name, root)
	}
	if root == math.MaxFloat64 {
		return
	}
	if above := middle(root, math.Nextafter(root, math.Inf(1))); above.Mul(above, above).Cmp(q) < 0 {
		t.Errorf("%s: root %g is too small", name, root)
	}
}

func TestSumsTruth(t *testing.T) {
	for name, wide := range hard() {
		x := make([]float64, len(wide))
		for i, v := range wide {
			x[i] = float64(float32(v))
		}
		s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float32}}, Resources{}).(*Sums)
		s.Observe([]column.Column{floatColumn(column.Float32, x...)}, nil)
		checkSums(t, "float32 "+name, s, x)
	}
	for name, x := range hard64() {
		s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, Resources{}).(*Sums)
		s.Observe([]column.Column{floatColumn(column.Float64, x...)}, nil)
		checkSums(t, "float64 "+name, s, x)
	}
}

func TestSumsCountsSpecials(t *testing.T) {
	for _, typ := range []column.Type{column.Float32, column.Float64} {
		s := must(t, Spec{Kind: KindSums, Types: []column.Type{typ}}, Resources{}).(*Sums)
		s.Observe([]column.Column{floatColumn(typ, hard()["specials"]...)}, nil)
		if s.N() != 2 || s.NaNs() != 2 || s.PosInfs() != 2 || s.NegInfs() != 1 {
			t.Errorf("%v: %d %d %d %d", typ, s.N(), s.NaNs(), s.PosInfs(), s.NegInfs())
		}
	}
}

func TestSumsIntegers(t *testing.T) {
	x := []int64{math.MaxInt64, math.MinInt64, math.MinInt64, 1<<53 + 1, -1, 0, 7}
	s1, s2 := new(big.Int), new(big.Int)
	for _, v := range x {
		s1.Add(s1, big.NewInt(v))
		s2.Add(s2, new(big.Int).Mul(big.NewInt(v), big.NewInt(v)))
	}
	s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Int64}}, Resources{}).(*Sums)
	s.Observe([]column.Column{intColumn(column.Int64, x...)}, nil)
	n, g1, g2 := s.Moments()
	if n != uint64(len(x)) || g1.Cmp(new(big.Rat).SetInt(s1)) != 0 || g2.Cmp(new(big.Rat).SetInt(s2)) != 0 {
		t.Errorf("moments %d %v %v, want %v %v", n, g1, g2, s1, s2)
	}
	if want := nearest(new(big.Rat).SetFrac(s1, big.NewInt(int64(len(x))))); func() float64 { m, _ := s.Mean(); return m }() != want {
		t.Errorf("mean is not %g", want)
	}
}

// Sum of squares beyond float64 is an infinite variance, by IEEE 754; the root is finite.
func TestSumsVarianceOverflow(t *testing.T) {
	s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, Resources{}).(*Sums)
	s.Observe([]column.Column{floatColumn(column.Float64, 1e300, -1e300)}, nil)
	v, _ := s.Variance(0)
	std, _ := s.Std(0)
	if !math.IsInf(v, 1) || std != 1e300 {
		t.Errorf("variance %g, std %g", v, std)
	}
}

// A billion equal values have variance 0 whatever they are, by weight or by merging.
func TestSumsManyEqual(t *testing.T) {
	spec := Spec{Kind: KindSums, Types: []column.Type{column.Float64}}
	weighted := must(t, spec, Resources{}).(*Sums)
	weighted.Observe([]column.Column{floatColumn(column.Float64, 0.1, math.NaN())}, []uint64{1 << 30, 0})
	merged := must(t, spec, Resources{}).(*Sums)
	merged.Observe([]column.Column{floatColumn(column.Float64, 0.1)}, nil)
	for range 30 {
		if err := merged.Merge(merged); err != nil {
			t.Fatal(err)
		}
	}
	sameBytes(t, "weighted and merged", weighted, merged)
	if mean, _ := merged.Mean(); mean != 0.1 || !merged.Constant() {
		t.Errorf("mean %g, constant %v", mean, merged.Constant())
	}
	if v, ok := merged.Variance(1); v != 0 || !ok {
		t.Errorf("variance %g", v)
	}
	if err := merged.Merge(hugeSums(t, spec)); err != ErrOverflow {
		t.Errorf("merging 2^62 rows: %v", err)
	}
}

func hugeSums(t *testing.T, spec Spec) Statistic {
	s := must(t, spec, Resources{})
	s.Observe([]column.Column{floatColumn(column.Float64, 0)}, []uint64{maxRows})
	return s
}

// Many values, each with the greatest mantissa.
func TestSumsFlush(t *testing.T) {
	x := make([]float64, 3<<16+5)
	for i := range x {
		x[i] = -(1<<24 - 1)
	}
	for _, typ := range []column.Type{column.Float32, column.Float64} {
		s := must(t, Spec{Kind: KindSums, Types: []column.Type{typ}}, Resources{}).(*Sums)
		s.Observe([]column.Column{floatColumn(typ, x...)}, nil)
		if mean, _ := s.Mean(); mean != x[0] || !s.Constant() || s.N() != uint64(len(x)) {
			t.Errorf("%v: mean %g of %d", typ, mean, s.N())
		}
	}
}

func TestGroupPlusMinus(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for range 300 {
		var a, b Group
		var x []float64
		for range r.Intn(6) {
			v, ok := pick(r, column.Float64).(float64)
			if !ok || v != v {
				continue
			}
			a.addFloatTimes(v, 1)
			x = append(x, v)
		}
		for range r.Intn(6) {
			addFloats(&b, float64(r.Intn(9)-4))
			b.addIntTimes(r.Int63()>>uint(r.Intn(64)), uint64(r.Intn(3)))
		}
		sum := a.Plus(b)
		back := sum.Minus(b)
		if n, s1, s2 := back.Moments(); true {
			e := exactly(x)
			if int64(n) != e.n || s1.Cmp(e.s1) != 0 || s2.Cmp(e.s2) != 0 || back.PosInfs() != a.PosInfs() || back.NegInfs() != a.NegInfs() {
				t.Fatalf("(a+b)-b is not a: %v %v", s1, e.s1)
			}
		}
		if x, y := appendGroup(nil, &back), appendGroup(nil, &a); string(x) != string(y) {
			t.Fatalf("bytes differ: %x %x", x, y)
		}
	}
}

// addFloats adds x as KeyedSums does.
func addFloats(g *Group, x ...float64) {
	of := groups{folds: 1, cells: []Group{*g}}
	of.addFloats(make([]int64, len(x)), x)
	*g = of.cells[0]
}
