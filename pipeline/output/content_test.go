package output

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"quern/features/column"
)

// naive computes the polynomial with math/big, value by value.
func naive(codes []uint64) uint64 {
	p, h := big.NewInt(prime), new(big.Int)
	for _, v := range codes {
		h.Mul(h, new(big.Int).SetUint64(base))
		h.Add(h, new(big.Int).SetUint64(v))
		h.Mod(h, p)
	}
	return h.Uint64()
}

func sizes() []int {
	return []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 5000}
}

func TestPolynomialAgreesWithBigIntegers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	p := newPowers()
	for _, n := range sizes() {
		for _, all := range []uint64{0, prime, 1<<61 - 1, 1} { // the extremes, then random codes
			codes := make([]uint64, n)
			for i := range codes {
				codes[i] = all
				if all == 1 {
					codes[i] = r.Uint64() >> 3
				}
			}
			want := naive(codes)
			for _, step := range []int{1, 7, 64, 100, n + 1} { // borders of batches
				var whole, joined content
				for from := 0; from < n; from += step {
					batch := codes[from:min(n, from+step)]
					whole.append(&p, batch)
					var next content
					next.append(&p, batch)
					joined = joined.then(next)
				}
				if whole.hash != want || joined != whole || whole.rows != uint64(n) {
					t.Fatalf("n=%d step=%d: %v and %v, want %x", n, step, whole, joined, want)
				}
				if back, ok := parseContent(whole.String()); !ok || back != whole {
					t.Fatalf("%v reads back as %v", whole, back)
				}
			}
		}
	}
	for _, bad := range []string{"", "1", "1:", "x:1", "1:x", "1:1fffffffffffffff", "-1:0"} {
		if _, ok := parseContent(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

// example returns n rows of a type with nulls, plain, and the same dictionary-coded.
func example(r *rand.Rand, t column.Type, n int) (plain, dict column.Column) {
	slots := n/3 + 2
	v := column.Vector{Type: t, Len: slots, Valid: column.NewBitmap(slots)}
	for i := range slots {
		if i != slots-1 {
			v.Valid.Set(i)
		}
		x := r.Int64N(40) - 20
		switch {
		case t == column.Bool:
			v.Bools = append(v.Bools, x > 0)
		case t == column.Float32:
			v.Float32s = append(v.Float32s, float32(x)/3)
		case t == column.Float64:
			v.Float64s = append(v.Float64s, float64(x)/3)
		case t == column.String:
			v.Text.Append(fmt.Append(nil, x))
		case t.Narrow():
			v.Int32s = append(v.Int32s, int32(x))
		default:
			v.Int64s = append(v.Int64s, x)
		}
	}
	dict = column.Column{Len: n, Values: v, Index: make([]int32, n)}
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(r.IntN(slots))
		dict.Index[i] = rows[i]
	}
	only := column.Column{Len: slots, Values: v}
	column.Take(&plain, &only, rows)
	return plain, dict
}

// TestEncodingDoesNotMatter compares plain and dictionary-coded columns, dictionaries
// of more slots than rows, garbage under nulls, and one changed value.
func TestEncodingDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	d := newDigester()
	for _, typ := range column.Types() {
		for _, n := range sizes() {
			plain, dict := example(r, typ, n)
			var a, b, c, changed content
			d.add(&a, &plain)
			d.add(&b, &dict)
			wide := dict
			wide.Values.Len = dict.Values.Len // as it is, but row by row
			d.perRow(&c, &wide)
			if a != b || a != c {
				t.Fatalf("%v n=%d: %v %v %v", typ, n, a, b, c)
			}
			if n == 0 || plain.Values.Valid.Count(n) == 0 || typ == column.String {
				continue
			}
			row := r.IntN(n)
			garble(&plain.Values, row)
			d.add(&changed, &plain)
			if null := plain.Null(row); null != (changed == a) {
				t.Fatalf("%v n=%d: row %d (null: %v) changed, and the digest went from %v to %v", typ, n, row, null, a, changed)
			}
		}
	}
}

// garble changes one slot.
func garble(v *column.Vector, slot int) {
	switch {
	case v.Bools != nil:
		v.Bools[slot] = !v.Bools[slot]
	case v.Int32s != nil:
		v.Int32s[slot]++
	case v.Int64s != nil:
		v.Int64s[slot]++
	case v.Float32s != nil:
		v.Float32s[slot]++
	case v.Float64s != nil:
		v.Float64s[slot]++
	}
}

func TestDigestingIsAllocationFree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	d := newDigester()
	for _, typ := range column.Types() {
		plain, dict := example(r, typ, 5000)
		var h content
		d.add(&h, &dict)
		if n := testing.AllocsPerRun(5, func() { d.add(&h, &plain); d.add(&h, &dict) }); n != 0 {
			t.Errorf("%v: %v allocations", typ, n)
		}
	}
}

func BenchmarkContent(b *testing.B) {
	r := rand.New(rand.NewPCG(4, 4))
	const n = 1 << 17
	for _, typ := range []column.Type{column.Float32, column.Int64, column.Bool, column.String} {
		plain, dict := example(r, typ, n)
		for name, c := range map[string]column.Column{"plain": plain, "dict": dict} {
			b.Run(fmt.Sprintf("%v/%s", typ, name), func(b *testing.B) {
				d := newDigester()
				var h content
				for b.Loop() {
					d.add(&h, &c)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			})
		}
	}
}
