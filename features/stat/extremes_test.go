package stat

import (
	"math"
	"math/rand"
	"testing"

	"quern/features/column"
)

// Tally and Extremes against a loop over the rows.
func TestTallyAndExtremesTruth(t *testing.T) {
	r := rand.New(rand.NewSource(14))
	for _, typ := range column.Types() {
		types := []column.Type{typ}
		for _, n := range []int{0, 1, 2, 3, 31, 33, 63, 64, 65, 127, 129, 1025} {
			rows := make([]value, n)
			for i := range rows {
				rows[i] = pick(r, typ)
			}
			c := []column.Column{plain(typ, rows)}
			if r.Intn(2) == 0 {
				c[0] = dictionary(r, typ, rows)
			}
			tally := must(t, Spec{Kind: KindTally, Types: types}, Resources{}).(*Tally)
			tally.Observe(c, nil)
			if got, want := tally.counts, tallied(typ, rows); got != want {
				t.Errorf("%v %d rows: tally %v, want %v", typ, n, got, want)
			}
			e := must(t, Spec{Kind: KindExtremes, Types: types}, Resources{}).(*Extremes)
			e.Observe(c, nil)
			lo, hi := extremes(typ, rows)
			checkExtreme(t, "min", e.Min(), lo)
			checkExtreme(t, "max", e.Max(), hi)
		}
	}
}

func tallied(typ column.Type, rows []value) (c [6]uint64) {
	c[0] = uint64(len(rows))
	for _, x := range rows {
		f, isFloat := x.(float64)
		switch {
		case x == nil:
			c[1]++
		case isFloat && math.IsNaN(f):
			c[2]++
		case isFloat && math.IsInf(f, 1):
			c[3]++
		case isFloat && math.IsInf(f, -1):
			c[4]++
		case isFloat && f == 0, typ.Integer() && x == int64(0):
			c[5]++
		}
	}
	return c
}

// extremes returns the least and the greatest of rows; nil if there is none.
func extremes(typ column.Type, rows []value) (lo, hi value) {
	below := func(a, b value) bool {
		if x, ok := a.(float64); ok && x == 0 && b.(float64) == 0 {
			return math.Signbit(x) && !math.Signbit(b.(float64))
		}
		return compareCells(typ, a, b) < 0
	}
	for _, x := range rows {
		if f, ok := x.(float64); x == nil || ok && f != f {
			continue
		}
		if lo == nil || below(x, lo) {
			lo = x
		}
		if hi == nil || below(hi, x) {
			hi = x
		}
	}
	return lo, hi
}

func checkExtreme(t *testing.T, what string, got column.Vector, want value) {
	t.Helper()
	w := vector(got.Type, []value{want})
	if got.Len != 1 || !got.Equal(0, &w, 0) {
		t.Errorf("%v %s: %+v, want %v", got.Type, what, got, want)
	}
}

func TestExtremesConvenience(t *testing.T) {
	f := must(t, Spec{Kind: KindExtremes, Types: []column.Type{column.Float64}}, Resources{}).(*Extremes)
	if _, ok := f.MinFloat(); ok {
		t.Error("a least value of nothing")
	}
	f.Observe([]column.Column{floatColumn(column.Float64, 2, math.NaN(), math.Inf(-1))}, nil)
	lo, ok1 := f.MinFloat()
	hi, ok2 := f.MaxFloat()
	if !ok1 || !ok2 || lo != math.Inf(-1) || hi != 2 {
		t.Errorf("%g to %g", lo, hi)
	}
	i := must(t, Spec{Kind: KindExtremes, Types: []column.Type{column.Date}}, Resources{}).(*Extremes)
	i.Observe([]column.Column{intColumn(column.Date, 5, -3)}, nil)
	a, ok1 := i.MinInt()
	b, ok2 := i.MaxInt()
	if !ok1 || !ok2 || a != -3 || b != 5 {
		t.Errorf("%d to %d", a, b)
	}
}
