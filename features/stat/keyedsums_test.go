package stat

import (
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"testing"

	"quern/features/column"
)

// Per key and fold, groups are those of the values that a map collects.
func TestKeyedSumsTruth(t *testing.T) {
	types := []column.Type{column.Float64, column.Int64, column.String, column.Int64}
	dir := t.TempDir()
	for _, res := range budgets(dir) {
		r := rand.New(rand.NewSource(11))
		k := must(t, Spec{Kind: KindKeyedSums, Types: types, Folds: 2}, res).(*KeyedSums)
		want := make(map[string][]float64)
		keys := make(map[string]bool)
		sub := subject{spec: k.Spec()}
		for range 6 {
			cols := make([][]value, 4)
			for range 50 {
				row := []value{pick(r, column.Float64), int64(r.Intn(2)), pick(r, column.String), value(int64(r.Intn(3)))}
				for c, x := range row {
					cols[c] = append(cols[c], x)
				}
				if y, ok := row[0].(float64); ok && y == y {
					key := fmt.Sprintf("%q %v", fmt.Sprint(row[2]), row[3])
					keys[key] = true
					key = fmt.Sprint(key, row[1])
					want[key] = append(want[key], y)
				}
			}
			sub.observe(k, r, cols, 0, 50)
		}
		if k.Len() != len(keys) || k.Folds() != 2 {
			t.Fatalf("%d keys, want %d", k.Len(), len(keys))
		}
		cells := make([]Cell, 2)
		sums := make([]Group, 2)
		err := k.Each(func(key []byte, folds []Group) bool {
			if err := DecodeKey(types[2:], key, cells); err != nil {
				t.Fatal(err)
			}
			for f, g := range folds {
				name := fmt.Sprintf("%q %v%v", fmt.Sprint(cellValue(column.String, cells[0])), cellValue(column.Int64, cells[1]), f)
				checkGroup(t, name, g, want[name])
				sums[f] = sums[f].Plus(g)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		for f, g := range k.Totals() {
			if a, b := appendGroup(nil, &g), appendGroup(nil, &sums[f]); string(a) != string(b) {
				t.Errorf("total of fold %d is not the sum of its groups", f)
			}
		}
	}
}

func checkGroup(t *testing.T, name string, g Group, x []float64) {
	t.Helper()
	e := exactly(x)
	pos, neg := uint64(0), uint64(0)
	for _, v := range x {
		if math.IsInf(v, 1) {
			pos++
		}
		if math.IsInf(v, -1) {
			neg++
		}
	}
	n, s1, s2 := g.Moments()
	if int64(n) != e.n || s1.Cmp(e.s1) != 0 || s2.Cmp(e.s2) != 0 || g.PosInfs() != pos || g.NegInfs() != neg {
		t.Errorf("%s: %d %v %v, want %d %v %v", name, n, s1, s2, e.n, e.s1, e.s2)
	}
	if mean, ok := g.Mean(); ok && mean != nearest(new(big.Rat).Quo(e.s1, new(big.Rat).SetInt64(e.n))) {
		t.Errorf("%s: mean %g", name, mean)
	}
}

// The result is the same whether tuples have local ids or dictionaries are too large for it.
func TestKeysOfLargeDictionaries(t *testing.T) {
	large := func(picks ...int32) column.Column {
		v := column.Vector{Type: column.Int64, Len: 5000}
		for i := range v.Len {
			v.Int64s = append(v.Int64s, int64(i))
		}
		return column.Column{Len: len(picks), Values: v, Index: picks}
	}
	dict := []column.Column{large(3, 4999, 3), large(0, 7, 0)}
	flat := []column.Column{intColumn(column.Int64, 3, 4999, 3), intColumn(column.Int64, 0, 7, 0)}
	spec := Spec{Kind: KindValueCounts, Types: []column.Type{column.Int64, column.Int64}}
	a, b := must(t, spec, Resources{}), must(t, spec, Resources{})
	a.Observe(dict, nil)
	b.Observe(flat, nil)
	sameBytes(t, "tuples", a, b)
	one := Spec{Kind: KindSums, Types: []column.Type{column.Int64}}
	a, b = must(t, one, Resources{}), must(t, one, Resources{})
	a.Observe(dict[:1], nil)
	b.Observe(flat[:1], nil)
	sameBytes(t, "few rows of a large dictionary", a, b)
}

func TestFoldOutOfRangePanics(t *testing.T) {
	k := must(t, Spec{Kind: KindKeyedSums, Types: []column.Type{column.Int64, column.Int64, column.Int64}, Folds: 2}, Resources{})
	one := intColumn(column.Int64, 1)
	for _, fold := range []column.Column{intColumn(column.Int64, 2), intColumn(column.Int64, -1), plain(column.Int64, []value{nil})} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			k.Observe([]column.Column{one, fold, one}, nil)
		}()
	}
}

// Totals stay right when sums are subtracted through the disk.
func TestTotalsAfterSubtract(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Kind: KindKeyedSums, Folds: 1, Types: []column.Type{column.Float64, column.Int64, column.Int64}}
	rows := func(x ...float64) []column.Column {
		zero, keys := make([]int64, len(x)), make([]int64, len(x))
		for i := range keys {
			keys[i] = int64(i)
		}
		return []column.Column{floatColumn(column.Float64, x...), intColumn(column.Int64, zero...), intColumn(column.Int64, keys...)}
	}
	for _, res := range append(budgets(dir), Resources{Bytes: 1, Dir: dir}) {
		a, b := must(t, spec, res).(*KeyedSums), must(t, spec, Resources{}).(*KeyedSums)
		a.Observe(rows(1, 2, 3, 0.5), nil)
		a.Observe(rows(7, 8, 9, 1e-300), nil)
		b.Observe(rows(1, 2, 3, 0.5), nil)
		if err := a.Subtract(b); err != nil {
			t.Fatal(err)
		}
		checkGroup(t, "total", a.Totals()[0], []float64{7, 8, 9, 1e-300})
		if err := b.Subtract(a); err != ErrNotInvertible {
			t.Errorf("subtracting what was never there: %v", err)
		}
	}
}
