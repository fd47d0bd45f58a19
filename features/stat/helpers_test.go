package stat

import (
	"bytes"
	"math"
	"math/big"
	"math/rand"
	"slices"

	"quern/features/column"
)

// tester is what testing and rapid have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Cleanup(func())
}

// must returns an empty statistic.
func must(t tester, spec Spec, res Resources) Statistic {
	t.Helper()
	s, err := New(spec, res)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// encode returns the bytes of s.
func encode(t tester, s Statistic) []byte {
	t.Helper()
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameBytes fails unless a and b have the same bytes.
func sameBytes(t tester, what string, a, b Statistic) {
	t.Helper()
	if x, y := encode(t, a), encode(t, b); !bytes.Equal(x, y) {
		t.Fatalf("%s: states differ:\n%x\n%x", what, x, y)
	}
}

func floatColumn(t column.Type, x ...float64) column.Column {
	return column.Column{Len: len(x), Values: column.Vector{Type: t, Len: len(x), Float64s: x}}
}

func intColumn(t column.Type, x ...int64) column.Column {
	return column.Column{Len: len(x), Values: column.Vector{Type: t, Len: len(x), Int64s: x}}
}

// value is one row of one column; nil is null.
type value any

// vector makes a register of type t; values under nulls are garbage.
func vector(t column.Type, rows []value) column.Vector {
	v := column.Vector{Type: t, Len: len(rows)}
	if slices.Contains(rows, nil) {
		v.Valid = column.NewBitmap(len(rows))
	}
	for i, x := range rows {
		if x != nil && v.Valid != nil {
			v.Valid.Set(i)
		}
		switch t.Kind() {
		case column.Bools:
			b, ok := x.(bool)
			v.Bools = append(v.Bools, b || !ok)
		case column.Ints:
			k, ok := x.(int64)
			if !ok {
				k = 424242
			}
			v.Int64s = append(v.Int64s, k)
		case column.Floats:
			f, ok := x.(float64)
			if !ok {
				f = math.Pi
			}
			v.Float64s = append(v.Float64s, f)
		default:
			s, ok := x.(string)
			if !ok {
				s = "garbage"
			}
			v.Text.Append([]byte(s))
		}
	}
	if v.Len == 0 {
		v.Text.Reset()
	}
	return v
}

func plain(t column.Type, rows []value) column.Column {
	return column.Column{Len: len(rows), Values: vector(t, rows)}
}

// dictionary codes rows with a shuffled dictionary that has duplicates, an
// unused slot and a null slot.
func dictionary(r *rand.Rand, t column.Type, rows []value) column.Column {
	entries := slices.Clone(rows)
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	entries = append(entries, unusual(t), nil)
	places := make(map[value][]int32)
	for i, e := range entries {
		places[identity(e)] = append(places[identity(e)], int32(i))
	}
	index := make([]int32, len(rows))
	for i, x := range rows {
		p := places[identity(x)]
		index[i] = p[r.Intn(len(p))]
	}
	return column.Column{Len: len(rows), Values: vector(t, entries), Index: index}
}

// identity makes NaNs of the same bits equal and -0 differ from 0.
func identity(x value) value {
	if f, ok := x.(float64); ok {
		return math.Float64bits(f)
	}
	return x
}

// unusual is a value that would show if an unused slot were observed.
func unusual(t column.Type) value {
	switch t.Kind() {
	case column.Bools:
		return true
	case column.Ints:
		return int64(-77777)
	case column.Floats:
		return 1.5e38 // not a float32 power of two, but see round32
	}
	return "\xff\xff unused"
}

// pick returns a value of type t: often special, null one time in eight.
func pick(r *rand.Rand, t column.Type) value {
	if r.Intn(8) == 0 {
		return nil
	}
	switch t.Kind() {
	case column.Bools:
		return r.Intn(2) == 0
	case column.Ints:
		x := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1, 1 << 31, -1 << 31, r.Int63(), -r.Int63n(100)}[r.Intn(11)]
		if t == column.Int32 || t == column.Date {
			return int64(int32(x))
		}
		return x
	case column.Floats:
		x := []float64{0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), math.Inf(-1),
			math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64,
			math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, 0x1p-1022, 1e9 + 0.5, 0.1,
			math.Float64frombits(0xfff8000000000123), r.NormFloat64(), float64(r.Intn(10))}[r.Intn(20)]
		if t == column.Float32 {
			return float64(float32(x))
		}
		return x
	}
	return []string{"", "\x00", "\x00\xff", "a", "a\x00", "aa", "b", "\xff", "a longer string than a word", string(rune('c' + r.Intn(20)))}[r.Intn(10)]
}

// exact is the naive oracle: exact sums of the finite values.
type exact struct {
	n      int64
	s1, s2 *big.Rat
}

func exactly(x []float64) exact {
	e := exact{s1: new(big.Rat), s2: new(big.Rat)}
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		q := new(big.Rat).SetFloat64(v)
		e.n++
		e.s1.Add(e.s1, q)
		e.s2.Add(e.s2, new(big.Rat).Mul(q, q))
	}
	return e
}

// variance is the sum of squared distances from the exact mean over n-ddof: not
// the formula that Group uses.
func variance(x []float64, ddof int64) *big.Rat {
	e := exactly(x)
	mean := new(big.Rat).Quo(e.s1, new(big.Rat).SetInt64(e.n))
	sum := new(big.Rat)
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		d := new(big.Rat).SetFloat64(v)
		d.Sub(d, mean)
		sum.Add(sum, d.Mul(d, d))
	}
	return sum.Quo(sum, new(big.Rat).SetInt64(e.n-ddof))
}

func nearest(q *big.Rat) float64 {
	f, _ := q.Float64()
	return f
}
