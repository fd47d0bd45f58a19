package stat

import (
	"bytes"
	"errors"
	"math/rand"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
)

// subject is a kind of statistic with random columns for it.
type subject struct {
	name string
	spec Spec
	pick func(r *rand.Rand, col int) value // nil: pick
	inv  bool                              // Subtract is possible
}

func subjects() []subject {
	var all []subject
	add := func(name string, spec Spec, inv bool, pick func(*rand.Rand, int) value) {
		all = append(all, subject{name, spec, pick, inv})
	}
	for _, typ := range column.Types() {
		types := []column.Type{typ}
		add("tally "+typ.String(), Spec{Kind: KindTally, Types: types}, true, nil)
		add("extremes "+typ.String(), Spec{Kind: KindExtremes, Types: types}, false, nil)
		add("values "+typ.String(), Spec{Kind: KindValueCounts, Types: types}, true, nil)
		add("entries "+typ.String(), Spec{Kind: KindEntries, Types: types, Limit: 1 << 16}, true, nil)
		add("few entries "+typ.String(), Spec{Kind: KindEntries, Types: types, Limit: 3}, false, nil)
		if typ.Numeric() {
			add("sums "+typ.String(), Spec{Kind: KindSums, Types: types}, true, nil)
		}
		if typ.Numeric() || typ.Temporal() {
			add("histogram "+typ.String(), Spec{Kind: KindHistogram, Types: types}, true, nil)
			bins := []uint32{floatBin(1), floatBin(2)}
			if typ.Kind() == column.Ints {
				bins = []uint32{intBin(-50), intBin(0), intBin(1)}
			}
			add("bins "+typ.String(), Spec{Kind: KindBinCounts, Types: types, Bins: bins}, true, nil)
		}
	}
	add("tuples", Spec{Kind: KindValueCounts, Types: []column.Type{column.String, column.Float32, column.String}}, true, nil)
	keyed := func(target column.Type) func(*rand.Rand, int) value {
		return func(r *rand.Rand, col int) value {
			switch {
			case col == 1:
				return int64(r.Intn(3))
			case col == 0 && r.Intn(2) == 0:
				if target.Real() {
					return float64(r.Intn(2))
				}
				return int64(r.Intn(2))
			case col == 0:
				return pick(r, target)
			}
			return pick(r, []column.Type{column.String, column.Bool}[col-2])
		}
	}
	for _, target := range []column.Type{column.Float64, column.Int64, column.Float32} {
		add("keyed "+target.String(), Spec{Kind: KindKeyedSums, Folds: 3,
			Types: []column.Type{target, column.Int64, column.String, column.Bool}}, true, keyed(target))
	}
	add("gram", Spec{Kind: KindGram, Grid: []int{4, -5, 70}, Types: []column.Type{column.Float64, column.Float32, column.Float64}}, true,
		func(r *rand.Rand, col int) value {
			if r.Intn(8) == 0 {
				return pick(r, column.Float64)
			}
			return float64(float32(r.NormFloat64())) * []float64{1, 0x1p-8, 0x1p66}[col]
		})
	return all
}

// table makes n random rows, one slice of values per column.
func (s *subject) table(r *rand.Rand, n int) [][]value {
	cols := make([][]value, len(s.spec.Types))
	for c := range cols {
		for range n {
			if s.pick != nil {
				cols[c] = append(cols[c], s.pick(r, c))
			} else {
				cols[c] = append(cols[c], pick(r, s.spec.Types[c]))
			}
		}
		if s.spec.Types[c] == column.Float32 {
			for i, x := range cols[c] {
				if f, ok := x.(float64); ok {
					cols[c][i] = float64(float32(f))
				}
			}
		}
	}
	return cols
}

// observe shows s rows from to to, each column plain or dictionary-coded.
func (s *subject) observe(st Statistic, r *rand.Rand, cols [][]value, from, to int) {
	args := make([]column.Column, len(cols))
	for c := range cols {
		typ, rows := s.spec.Types[c], cols[c][from:to]
		if r.Intn(2) == 0 {
			args[c] = plain(typ, rows)
		} else {
			args[c] = dictionary(r, typ, rows)
			if s.spec.Kind == KindKeyedSums && c == 1 {
				continue
			}
		}
	}
	st.Observe(args, nil)
}

func newRand(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
}

// small budgets make keyed statistics spill all the time.
func budgets(dir string) []Resources {
	return []Resources{{}, {Bytes: 900, Dir: dir}, {Bytes: 4096, Dir: dir}}
}

// Any split, order, encoding, tree of merges and budget gives the same bytes;
// subtraction takes back exactly; bytes decode to the same state.
func TestAlgebra(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range subjects() {
		t.Run(sub.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { checkAlgebra(rt, sub, dir) })
		})
	}
}

// algebra is one drawn case: the rows of whole are those of first and second.
type algebra struct {
	*rapid.T
	sub                  subject
	r                    *rand.Rand
	dir                  string
	whole, first, second Statistic
	all, part            []byte // the bytes of whole and first
}

func checkAlgebra(rt *rapid.T, sub subject, dir string) {
	a := &algebra{T: rt, sub: sub, r: newRand(rt), dir: dir}
	n := rapid.IntRange(0, 70).Draw(rt, "rows")
	cols := sub.table(a.r, n)
	a.whole, a.first, a.second = a.fresh(), a.fresh(), a.fresh()
	cut := a.r.Intn(n + 1)
	half := a.r.Intn(cut + 1)
	sub.observe(a.whole, a.r, cols, 0, n)
	sub.observe(a.first, a.r, cols, half, cut) // in another order
	sub.observe(a.first, a.r, cols, 0, half)
	sub.observe(a.second, a.r, cols, cut, n)
	a.all, a.part = encode(rt, a.whole), encode(rt, a.first)
	a.checkMerge()
	a.checkSubtract()
	a.checkReplace()
	for _, s := range []Statistic{a.whole, a.first, a.second} {
		s.Close()
		s.Close()
	}
}

func (a *algebra) budget() Resources { return budgets(a.dir)[max(0, a.r.Intn(8)-5)] }

func (a *algebra) fresh() Statistic { return must(a, a.sub.spec, a.budget()) }

func (a *algebra) decode(data []byte) Statistic {
	pieces := wholePieces(data)
	if a.r.Intn(2) == 0 {
		pieces = cutUp(a.r, data)
	}
	s, err := pieces.Statistic(uint64(len(data)), a.budget())
	if err != nil {
		a.Fatal(err)
	}
	return s
}

func (a *algebra) merge(x, y Statistic) {
	if err := x.Merge(y); err != nil {
		a.Fatal(err)
	}
}

// check fails unless s has the bytes want and the counters of what they decode to.
func (a *algebra) check(what string, s Statistic, want []byte) {
	if got := encode(a, s); !bytes.Equal(got, want) {
		a.Fatalf("%s:\n%x\n%x", what, got, want)
	}
	if got, want := counters(s), counters(a.decode(want)); got != want {
		a.Fatalf("%s: counters %v, want %v", what, got, want)
	}
}

func (a *algebra) checkMerge() {
	sum := a.fresh()
	a.merge(sum, a.second)
	a.merge(sum, a.fresh())
	a.merge(sum, a.first)
	a.check("merge", sum, a.all)
	a.check("the argument of merge", a.first, a.part)
	a.check("decode", a.decode(a.all), a.all)
	other := a.decode(a.all)
	a.merge(other, a.whole)
	a.merge(sum, sum)
	a.check("self merge", sum, encode(a, other))
}

func (a *algebra) checkSubtract() {
	s := a.decode(a.all)
	err := s.Subtract(a.second)
	if e, ok := s.(*Entries); ok && !e.Overflowed() && a.sub.spec.Limit < 10 {
		return // invertible until it gives up: entries with room are the subject "entries"
	}
	if !a.sub.inv {
		if !errors.Is(err, ErrNotInvertible) {
			a.Fatalf("subtract: %v", err)
		}
		a.check("failed subtract", s, a.all)
		return
	}
	if err != nil {
		a.Fatal(err)
	}
	a.check("subtract", s, a.part)
	a.merge(s, a.second)
	a.check("subtract and merge", s, a.all)
	if err := s.Subtract(s); err != nil {
		a.Fatal(err)
	}
	a.check("self subtract", s, encode(a, a.fresh()))
	if bytes.Equal(a.part, a.all) {
		return
	}
	if err := a.first.Subtract(a.whole); !errors.Is(err, ErrNotInvertible) {
		a.Fatalf("subtracting the whole from a part: %v", err)
	}
	a.check("failed subtract", a.first, a.part)
}

// checkReplace: decoding replaces whatever state there was.
func (a *algebra) checkReplace() {
	if err := a.second.UnmarshalBinary(a.part); err != nil {
		a.Fatal(err)
	}
	a.check("replaced", a.second, a.part)
}

// counters are what statistics count beside what is in their bytes.
func counters(s Statistic) [3]uint64 {
	switch s := s.(type) {
	case *Histogram:
		return [3]uint64{s.N()}
	case *BinCounts:
		return [3]uint64{s.Total()}
	case *ValueCounts:
		return [3]uint64{s.Total(), s.NullCount(), uint64(s.Len())}
	case *KeyedSums:
		return [3]uint64{s.seen, uint64(s.Len())}
	}
	return [3]uint64{}
}

// Weights are repetitions, and zero weights teach nothing.
func TestWeightsAreRepetitions(t *testing.T) {
	for _, sub := range subjects() {
		if len(sub.spec.Types) > 1 {
			continue
		}
		r := rand.New(rand.NewSource(8))
		for _, n := range []int{0, 1, 2, 31, 33, 63, 64, 65, 129, 257} {
			cols := sub.table(r, n)
			weights := make([]uint64, n)
			var repeated []value
			for i := range weights {
				weights[i] = uint64(r.Intn(3))
				for range weights[i] {
					repeated = append(repeated, cols[0][i])
				}
			}
			a, b := must(t, sub.spec, Resources{}), must(t, sub.spec, Resources{})
			a.Observe([]column.Column{plain(sub.spec.Types[0], cols[0])}, weights)
			b.Observe([]column.Column{plain(sub.spec.Types[0], repeated)}, nil)
			sameBytes(t, sub.name, a, b)
		}
	}
}

func TestMismatch(t *testing.T) {
	all := subjects()
	for i, a := range all {
		x := must(t, a.spec, Resources{})
		for j, b := range all {
			y := must(t, b.spec, Resources{})
			if err := x.Merge(y); (i == j) != (err == nil) || err != nil && !errors.Is(err, ErrMismatch) {
				t.Errorf("%s and %s: %v", a.name, b.name, err)
			}
			if err := x.UnmarshalBinary(encode(t, y)); (i == j) != (err == nil) {
				t.Errorf("%s from the bytes of %s: %v", a.name, b.name, err)
			}
			if err := x.Subtract(y); i != j && !errors.Is(err, ErrMismatch) {
				t.Errorf("%s minus %s: %v", a.name, b.name, err)
			}
		}
	}
}

func TestInvalidSpecs(t *testing.T) {
	f, i, s := column.Float64, column.Int64, column.String
	for _, spec := range []Spec{
		{}, {Kind: "mean", Types: []column.Type{f}}, {Kind: KindTally}, {Kind: KindTally, Types: []column.Type{99}},
		{Kind: KindTally, Types: []column.Type{f, f}}, {Kind: KindTally, Types: []column.Type{f}, Folds: 1},
		{Kind: KindSums, Types: []column.Type{s}}, {Kind: KindSums, Types: []column.Type{column.Date}},
		{Kind: KindHistogram, Types: []column.Type{column.Bool}}, {Kind: KindValueCounts},
		{Kind: KindBinCounts, Types: []column.Type{f}, Bins: []uint32{2, 1}},
		{Kind: KindBinCounts, Types: []column.Type{f}, Bins: []uint32{1 << 16}},
		{Kind: KindKeyedSums, Types: []column.Type{f, i, s}}, {Kind: KindKeyedSums, Types: []column.Type{s, i, s}, Folds: 1},
		{Kind: KindKeyedSums, Types: []column.Type{f, i}, Folds: 1}, {Kind: KindKeyedSums, Types: []column.Type{f, i, s}, Folds: 1 << 20},
		{Kind: KindGram, Types: []column.Type{f, f}}, {Kind: KindGram, Types: []column.Type{f}, Grid: []int{1}},
		{Kind: KindGram, Types: []column.Type{f, i}, Grid: []int{1, 1}}, {Kind: KindGram, Types: []column.Type{f, f}, Grid: []int{1, 2000}},
	} {
		if st, err := New(spec, Resources{}); err == nil || st != nil {
			t.Errorf("%+v was accepted", spec)
		}
	}
}
