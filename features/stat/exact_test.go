package stat

import (
	"errors"
	"math"
	"math/rand"
	"testing"

	"quern/features/column"
)

// exactOf adds up x the way a device might: every value and every square a part of its own.
func exactOf(x ...float64) *Exact {
	var e Exact
	for _, v := range x {
		switch {
		case math.IsInf(v, 1):
			e.PosInfs++
		case math.IsInf(v, -1):
			e.NegInfs++
		case v == v:
			e.N++
			m, exp := split(v)
			p := Scaled{Lo: m, Exp: exp}
			if v < 0 {
				p.Lo, p.Hi = -m, ^uint64(0)
				if m == 0 {
					p.Hi = 0
				}
			}
			e.Sum = append(e.Sum, p)
			lo, hi := mul(m, m)
			e.Squares = append(e.Squares, Scaled{lo, hi, 2 * exp})
		}
	}
	return &e
}

func mul(a, b uint64) (lo, hi uint64) {
	const half = 1<<32 - 1
	a0, a1, b0, b1 := a&half, a>>32, b&half, b>>32
	m := a1*b0 + (a0*b0)>>32
	n := a0*b1 + m&half
	return a * b, a1*b1 + m>>32 + n>>32
}

// awkward returns values of all sizes, nulls excepted.
func awkward(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		switch r.Intn(6) {
		case 0:
			x[i] = math.Float64frombits(r.Uint64())
		case 1:
			x[i] = float64(r.Intn(5) - 2)
		case 2:
			x[i] = math.Copysign(0, float64(r.Intn(2))-0.5)
		case 3:
			x[i] = math.Inf(r.Intn(2)*2 - 1)
		default:
			x[i] = r.NormFloat64()
		}
	}
	return x
}

func TestExactSumsAreObservedSums(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for n := range 40 {
		x := awkward(r, n)
		want, got := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, Resources{}), must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, Resources{})
		want.Observe([]column.Column{floatColumn(column.Float64, x...)}, nil)
		nans := uint64(0)
		for _, v := range x {
			if v != v {
				nans++
			}
		}
		half := n / 2
		if err := errors.Join(got.(*Sums).AddExact(exactOf(x[:half]...), nans), got.(*Sums).AddExact(exactOf(x[half:]...), 0)); err != nil {
			t.Fatal(err)
		}
		sameBytes(t, "sums", want, got)
	}
}

func TestExactSumsOfNoValuesAreRefused(t *testing.T) {
	for name, x := range map[string]*Exact{
		"variance":  {N: 2, Sum: []Scaled{{Lo: 10}}, Squares: []Scaled{{Lo: 49}}},
		"no rows":   {Sum: []Scaled{{Lo: 1}}, Squares: []Scaled{{Lo: 1}}},
		"too small": {N: 1, Sum: []Scaled{{Lo: 1, Exp: lowest - 1}}, Squares: []Scaled{{Lo: 1}}},
		"too many":  {N: maxRows, PosInfs: 1},
		"negative":  {N: 3, Squares: []Scaled{{Lo: ^uint64(0), Hi: ^uint64(0)}}},
	} {
		s := must(t, Spec{Kind: KindSums, Types: []column.Type{column.Float64}}, Resources{})
		if err := s.(*Sums).AddExact(x, 0); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		sameBytes(t, name, s, must(t, s.Spec(), Resources{}))
	}
}

func TestExactKeyedSumsAreObservedSums(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	const folds, n = 3, 500
	for _, res := range []Resources{{}, {Bytes: 1 << 14, Dir: t.TempDir()}} {
		for _, types := range [][]column.Type{{column.Int64}, {column.String, column.Int64}} {
			spec := Spec{Kind: KindKeyedSums, Types: append([]column.Type{column.Float64, column.Int64}, types...), Folds: folds}
			want, got := must(t, spec, res), must(t, spec, res)
			x := awkward(r, n)
			fold, key := make([]int64, n), make([]value, n)
			cells := make([]Exact, 40*folds)
			for i := range fold {
				fold[i], key[i] = int64(r.Intn(folds)), int64(r.Intn(30))
				if x[i] == x[i] {
					add(&cells[int(key[i].(int64))*folds+int(fold[i])], exactOf(x[i]))
				}
			}
			columns := func(keys []value) (c []column.Column) {
				for _, t := range types {
					rows := make([]value, len(keys))
					for i, k := range keys {
						if rows[i] = k; t == column.String {
							rows[i] = "key that is quite long " + string(rune('a'+k.(int64)%7))
						}
					}
					c = append(c, dictionary(r, t, rows))
				}
				return c
			}
			want.Observe(append([]column.Column{floatColumn(column.Float64, x...), intColumn(column.Int64, fold...)}, columns(key)...), nil)
			all := make([]value, len(cells)/folds)
			for i := range all {
				all[i] = int64(i)
			}
			if err := got.(*KeyedSums).AddExact(columns(all), cells); err != nil {
				t.Fatal(err)
			}
			sameBytes(t, "keyed sums", want, got)
		}
	}
}

func add(to, x *Exact) {
	to.N, to.PosInfs, to.NegInfs = to.N+x.N, to.PosInfs+x.PosInfs, to.NegInfs+x.NegInfs
	to.Sum, to.Squares = append(to.Sum, x.Sum...), append(to.Squares, x.Squares...)
}

func TestTuplesCountAsOftenAsTheySay(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	types := []column.Type{column.Int64, column.String}
	spec := Spec{Kind: KindValueCounts, Types: types}
	want, got := must(t, spec, Resources{}), must(t, spec, Resources{})
	var once, often [2][]value
	var times []uint64
	for range 400 {
		a, b, n := value(int64(r.Intn(9))), value(string(rune('a'+r.Intn(3)))), r.Intn(4)
		if r.Intn(8) == 0 {
			a = nil
		}
		once[0], once[1], times = append(once[0], a), append(once[1], b), append(times, uint64(n))
		for range n {
			often[0], often[1] = append(often[0], a), append(often[1], b)
		}
	}
	want.Observe([]column.Column{plain(types[0], often[0]), plain(types[1], often[1])}, nil)
	if err := got.(*ValueCounts).ObserveTuples([]column.Column{plain(types[0], once[0]), dictionary(r, types[1], once[1])}, times); err != nil {
		t.Fatal(err)
	}
	sameBytes(t, "tuples", want, got)
}
