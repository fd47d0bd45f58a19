package stat

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"quern/features/column"
)

// Means and covariances are the correctly rounded values of the definition, by
// two passes over the grid values in rationals.
func TestGramTruth(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	grid := []int{3, -1000, 1024, 0}
	f := column.Float64
	for _, n := range []int{1, 2, 31, 65, 255, gramBlock + 3} {
		g := must(t, Spec{Kind: KindGram, Types: []column.Type{f, f, f, f}, Grid: grid}, Resources{}).(*Gram)
		x := make([][]float64, len(grid))
		args := make([]column.Column, len(grid))
		for j, e := range grid {
			for range n {
				x[j] = append(x[j], math.Ldexp(2*r.Float64()-1, e))
			}
			x[j][0] = math.Nextafter(math.Ldexp(1, e-1), 0) * -2 // the greatest magnitude: rounds to the bound
			args[j] = floatColumn(f, x[j]...)
		}
		g.Observe(args, nil)
		if g.N() != uint64(n) || g.Skipped() != 0 || g.Outside() != 0 {
			t.Fatalf("%d rows, %d skipped, %d outside", g.N(), g.Skipped(), g.Outside())
		}
		checkGram(t, g, onGrid(x, grid), min(n, 300) == n)
	}
}

// onGrid rounds columns to their grids, to nearest even, in rationals.
func onGrid(x [][]float64, grid []int) [][]*big.Rat {
	out := make([][]*big.Rat, len(x))
	for j := range x {
		step := power(grid[j] - 40)
		for _, v := range x[j] {
			q := new(big.Rat).SetFloat64(v)
			q.Quo(q, step)
			twice := new(big.Int).Div(new(big.Int).Mul(q.Num(), big.NewInt(2)), q.Denom()) // floor(2q)
			k := new(big.Int).Rsh(twice, 1)                                                // floor(q)
			tie := new(big.Rat).SetInt(twice).Cmp(new(big.Rat).Mul(q, big.NewRat(2, 1))) == 0
			if twice.Bit(0) == 1 && (!tie || k.Bit(0) == 1) {
				k.Add(k, big.NewInt(1))
			}
			out[j] = append(out[j], new(big.Rat).Mul(new(big.Rat).SetInt(k), step))
		}
	}
	return out
}

func power(e int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(max(e, -e))))
	if e < 0 {
		p.Inv(p)
	}
	return p
}

func checkGram(t *testing.T, g *Gram, x [][]*big.Rat, all bool) {
	t.Helper()
	n := big.NewRat(int64(len(x[0])), 1)
	means := make([]*big.Rat, len(x))
	for j := range x {
		means[j] = new(big.Rat)
		for _, v := range x[j] {
			means[j].Add(means[j], v)
		}
		means[j].Quo(means[j], n)
		if got := g.Mean(j); got != nearest(means[j]) {
			t.Errorf("mean %d is %g, want %g", j, got, nearest(means[j]))
		}
	}
	for ddof := range 2 {
		cov := g.Covariance(ddof)
		if len(x[0]) <= ddof {
			if cov != nil {
				t.Error("a covariance of nothing")
			}
			continue
		}
		for i := range x {
			for j := range x {
				if !all && (i != 0 || j != 3) {
					continue
				}
				sum := new(big.Rat)
				for k := range x[i] {
					a, b := new(big.Rat).Sub(x[i][k], means[i]), new(big.Rat).Sub(x[j][k], means[j])
					sum.Add(sum, a.Mul(a, b))
				}
				sum.Quo(sum, new(big.Rat).Sub(n, big.NewRat(int64(ddof), 1)))
				if got := cov[i*len(x)+j]; got != nearest(sum) {
					t.Errorf("ddof %d: covariance %d, %d is %g, want %g", ddof, i, j, got, nearest(sum))
				}
			}
		}
	}
}

// What cannot be in the sums is counted, and the worst value of a row decides.
func TestGramSkips(t *testing.T) {
	f := column.Float64
	g := must(t, Spec{Kind: KindGram, Types: []column.Type{f, f}, Grid: []int{1, 1}}, Resources{}).(*Gram)
	a := plain(f, []value{1.0, nil, math.NaN(), 2.0, 2.0, -1.5, math.Inf(1), 0.0})
	b := plain(f, []value{1.0, 1.0, 1.0, 1.0, nil, -1e300, 0.0, 0.0})
	g.Observe([]column.Column{a, b}, nil)
	if g.N() != 2 || g.Skipped() != 4 || g.Outside() != 2 || g.Mean(0) != 0.5 {
		t.Errorf("%d rows, %d skipped, %d outside, mean %g", g.N(), g.Skipped(), g.Outside(), g.Mean(0))
	}
}

// The greatest products of a block add up exactly.
func TestGramFullBlock(t *testing.T) {
	f := column.Float64
	g := must(t, Spec{Kind: KindGram, Types: []column.Type{f, f}, Grid: []int{0, 0}}, Resources{}).(*Gram)
	n := 2*gramBlock + 1
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = math.Nextafter(1, 0)
		y[i] = -x[i]
	}
	g.Observe([]column.Column{floatColumn(f, x...), floatColumn(f, y...)}, nil)
	if g.Mean(0) != 1 || g.Mean(1) != -1 {
		t.Errorf("means %g, %g", g.Mean(0), g.Mean(1))
	}
	for i, v := range g.Covariance(0) {
		if v != 0 {
			t.Errorf("covariance %d is %g", i, v)
		}
	}
}
