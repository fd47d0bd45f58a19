package stat

import (
	"errors"
	"math"
	"math/big"
	"math/rand"
	"slices"
	"testing"

	"quern/features/column"
)

// Bins are intervals: a greater value never has a smaller bin.
func TestBinsAscend(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	var floats []float64
	ints := []int64{math.MinInt64, math.MinInt64 + 1, -1024, -1023, -2, -1, 0, 1, 2, 1023, 1024, 1025, math.MaxInt64}
	for range 20000 {
		if v := math.Float64frombits(r.Uint64()); v == v {
			floats = append(floats, v, float64(float32(r.NormFloat64())))
		}
		ints = append(ints, int64(r.Uint64())>>uint(r.Intn(64)))
	}
	floats = append(floats, 0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64)
	slices.Sort(floats)
	slices.Sort(ints)
	for i := 1; i < len(floats); i++ {
		if floatBin(floats[i-1]) > floatBin(floats[i]) {
			t.Fatalf("bins of %g and %g", floats[i-1], floats[i])
		}
	}
	for i := 1; i < len(ints); i++ {
		a, b := intBin(ints[i-1]), intBin(ints[i])
		if a > b || b >= numBins || ints[i] > -1024 && ints[i] < 1024 && ints[i] != ints[i-1] && a == b {
			t.Fatalf("bins of %d and %d: %d, %d", ints[i-1], ints[i], a, b)
		}
	}
	if floatBin(0) != floatBin(math.Copysign(0, -1)) {
		t.Error("0 and -0 have different bins")
	}
}

func rats(texts ...string) (qs []*big.Rat) {
	for _, s := range texts {
		q, ok := new(big.Rat).SetString(s)
		if !ok {
			panic(s)
		}
		qs = append(qs, q)
	}
	return qs
}

// twoRounds learns both rounds of column x in two parts each.
func twoRounds(t *testing.T, typ column.Type, cols []column.Column, qs []*big.Rat, rule Rule, res Resources) (*Histogram, *BinCounts) {
	t.Helper()
	h := must(t, Spec{Kind: KindHistogram, Types: []column.Type{typ}}, Resources{}).(*Histogram)
	for _, c := range cols {
		h.Observe([]column.Column{c}, nil)
	}
	b := must(t, Spec{Kind: KindBinCounts, Types: []column.Type{typ}, Bins: h.BinsFor(qs, rule)}, res).(*BinCounts)
	for _, c := range cols {
		b.Observe([]column.Column{c}, nil)
	}
	return h, b
}

// oracle is the quantile of sorted rationals by the textbook.
func oracle(x []*big.Rat, q *big.Rat, rule Rule) *big.Rat {
	n := big.NewRat(int64(len(x)), 1)
	floor := func(r *big.Rat) int { return int(new(big.Int).Div(r.Num(), r.Denom()).Int64()) }
	if rule == InvertedCDF {
		for i := range x {
			if new(big.Rat).Quo(big.NewRat(int64(i+1), 1), n).Cmp(q) >= 0 {
				return x[i]
			}
		}
	}
	at := new(big.Rat).Mul(n.Sub(n, big.NewRat(1, 1)), q)
	k := floor(at)
	part := at.Sub(at, big.NewRat(int64(k), 1))
	if rule == Lower || part.Sign() == 0 {
		return x[k]
	}
	d := new(big.Rat).Sub(x[k+1], x[k])
	return d.Mul(d, part).Add(d, x[k])
}

func TestQuantilesTruth(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	qs := rats("0", "1", "0.5", "0.01", "0.99", "0.25", "1/3", "0.9", "0.001", "1e-30")
	dir := t.TempDir()
	for _, typ := range []column.Type{column.Float32, column.Float64, column.Int64, column.Int32, column.Timestamp} {
		for _, n := range []int{1, 2, 3, 10, 33, 101, 1025} {
			for _, rule := range []Rule{Linear, Lower, InvertedCDF} {
				var rows []value
				var sorted []*big.Rat
				for len(sorted) < n {
					x := quantileValue(r, typ)
					rows = append(rows, x)
					switch v := x.(type) {
					case int64:
						sorted = append(sorted, new(big.Rat).SetInt64(v))
					case float64:
						sorted = append(sorted, new(big.Rat).SetFloat64(v))
					}
					if r.Intn(4) == 0 {
						rows = append(rows, nil)
					}
				}
				slices.SortFunc(sorted, (*big.Rat).Cmp)
				half := len(rows) / 2
				cols := []column.Column{plain(typ, rows[:half]), dictionary(r, typ, rows[half:])}
				h, b := twoRounds(t, typ, cols, qs, rule, Resources{Bytes: int64(r.Intn(2) * 2000), Dir: dir})
				got, err := Quantiles(h, b, qs, rule)
				if err != nil {
					t.Fatal(err)
				}
				for i, q := range qs {
					if want := nearest(oracle(sorted, q, rule)); got[i] != want {
						t.Errorf("%v %s n=%d q=%v: %g, want %g", typ, rule, n, q, got[i], want)
					}
				}
				if rule == Linear || typ.Real() {
					continue
				}
				whole, err := QuantilesInt(h, b, qs, rule)
				for i, q := range qs {
					if want := oracle(sorted, q, rule).Num(); err != nil || want.Cmp(big.NewInt(whole[i])) != 0 {
						t.Errorf("%v %s n=%d q=%v: %d, want %v, %v", typ, rule, n, q, whole[i], want, err)
					}
				}
			}
		}
	}
}

func quantileValue(r *rand.Rand, typ column.Type) value {
	switch {
	case typ == column.Float32:
		return float64(float32(r.NormFloat64() * math.Exp(float64(r.Intn(40)-20))))
	case typ == column.Float64 && r.Intn(9) == 0:
		return math.MaxFloat64 * (2*r.Float64() - 1)
	case typ == column.Float64:
		return r.NormFloat64() * math.Exp(float64(r.Intn(400)-200))
	case typ == column.Int32:
		return int64(int32(r.Uint32())) >> uint(r.Intn(32))
	}
	return int64(r.Uint64()) >> uint(r.Intn(64))
}

// The values of numpy.quantile([1,2,3,4], ...), computed by hand from its documentation.
func TestQuantilesByHand(t *testing.T) {
	qs := rats("0.1", "0.5", "0.75")
	for rule, want := range map[Rule][]float64{
		Linear: {1.3, 2.5, 3.25}, Lower: {1, 2, 3}, InvertedCDF: {1, 2, 3},
	} {
		h, b := twoRounds(t, column.Float64, []column.Column{floatColumn(column.Float64, 4, 2, 1, 3)}, qs, rule, Resources{})
		got, err := Quantiles(h, b, qs, rule)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v, %v", rule, got, want, err)
		}
	}
}

func TestQuantilesInfinite(t *testing.T) {
	inf := math.Inf(1)
	half := rats("0.5")
	for _, c := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{-inf, inf}, math.NaN()}, {[]float64{1, inf}, inf}, {[]float64{-inf, 1}, -inf},
		{[]float64{inf, inf}, inf}, {[]float64{-inf, 3, inf}, 3}, {[]float64{math.MaxFloat64, inf, inf}, inf},
		{[]float64{math.NaN(), math.Copysign(0, -1)}, 0},
	} {
		h, b := twoRounds(t, column.Float64, []column.Column{floatColumn(column.Float64, c.x...)}, half, Linear, Resources{})
		got, err := Quantiles(h, b, half, Linear)
		if err != nil || math.Float64bits(canonicalFloat(got[0])) != math.Float64bits(canonicalFloat(c.want)) || math.Signbit(got[0]) != math.Signbit(c.want) {
			t.Errorf("%v: %v, %v", c.x, got, err)
		}
	}
}

func TestQuantilesErrors(t *testing.T) {
	half := rats("0.5")
	h, b := twoRounds(t, column.Float64, nil, half, Linear, Resources{})
	if _, err := Quantiles(h, b, half, Linear); !errors.Is(err, ErrEmpty) {
		t.Errorf("no values: %v", err)
	}
	h, b = twoRounds(t, column.Float64, []column.Column{floatColumn(column.Float64, 1, 2, 3)}, half, Linear, Resources{})
	if _, err := Quantiles(h, b, rats("1"), Linear); !errors.Is(err, ErrMismatch) {
		t.Errorf("a quantile in no bin: %v", err)
	}
	b.Observe([]column.Column{floatColumn(column.Float64, 2)}, nil)
	if _, err := Quantiles(h, b, half, Linear); !errors.Is(err, ErrMismatch) {
		t.Errorf("rounds that differ: %v", err)
	}
}
