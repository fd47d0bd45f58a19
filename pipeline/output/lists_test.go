package output

import (
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/sink"
)

// exampleLists returns n lists with null ones, and elements as example makes them,
// plain, and the same dictionary-coded.
func exampleLists(r *rand.Rand, t column.Type, n int) (plain, dict column.Column) {
	v := column.Vector{Type: column.ListOf(t), Len: n, Valid: column.NewBitmap(n), Offsets: []uint32{0}}
	total := 0
	for i := range n {
		if r.IntN(5) > 0 {
			v.Valid.Set(i)
			total += []int{0, 1, 2, 7, 63, 64, 65, 200}[r.IntN(8)]
		}
		v.Offsets = append(v.Offsets, uint32(total))
	}
	a, b := example(r, t, total)
	w := v
	v.Elements, w.Elements = &a, &b
	return column.Column{Len: n, Values: v}, column.Column{Len: n, Values: w}
}

// naiveLists computes the digest of lists with math/big, list by list: no shared
// memory, no blocks.
func naiveLists(c *column.Column) content {
	codes := make([]uint64, c.Len)
	for i := range codes {
		if c.Null(i) {
			codes[i] = nullCode
			continue
		}
		lo, hi := c.Values.List(i)
		list := []uint64{uint64(hi-lo) + 1}
		for e := lo; e < hi; e++ {
			var one [1]uint64
			encodeSlots(one[:], &c.Values.Elements.Values, c.Values.Elements.Slot(e))
			list = append(list, one[0])
		}
		codes[i] = mix(naive(list))
	}
	return content{naive(codes), uint64(c.Len)}
}

// TestEncodingOfListsDoesNotMatter compares plain and dictionary-coded elements,
// dictionaries of more slots than elements, and batches of all sizes with a
// computation value by value.
func TestEncodingOfListsDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	d := newDigester()
	for _, typ := range column.Types() {
		for _, n := range []int{0, 1, 2, 63, 64, 65, 1023, 1024, 1025, 2500} {
			plain, dict := exampleLists(r, typ, n)
			want := naiveLists(&plain)
			wide := dict
			elements := *dict.Values.Elements
			for elements.Values.Len <= elements.Len {
				elements.Values = twice(&elements.Values)
			}
			wide.Values.Elements = &elements
			for name, c := range map[string]*column.Column{"plain": &plain, "dictionary": &dict, "wide dictionary": &wide} {
				for _, step := range []int{n + 1, 700, 64} {
					var got content
					for from := 0; from < n; from += step {
						var rows []int32
						for i := from; i < min(n, from+step); i++ {
							rows = append(rows, int32(i))
						}
						var batch column.Column
						column.Take(&batch, c, rows)
						d.add(&got, &batch)
					}
					if got != want {
						t.Fatalf("%v n=%d %s in batches of %d: %v, want %v", typ, n, name, step, got, want)
					}
				}
			}
		}
	}
}

// twice returns v with as many slots again.
func twice(v *column.Vector) column.Vector {
	rows := make([]int32, 2*v.Len+1)
	for i := range rows {
		rows[i] = int32(i % v.Len)
	}
	var out column.Column
	column.Take(&out, &column.Column{Len: v.Len, Values: *v}, rows)
	return out.Values
}

// list returns a list of integers; below zero: null.
func list(xs ...int64) (v program.Value) {
	for _, x := range xs {
		v.List = append(v.List, program.Value{Int: x, Null: x < 0})
	}
	return v
}

// TestListsThatDifferHaveOtherDigests. The digests are goldens: a script in
// another language made them from the definition.
func TestListsThatDifferHaveOtherDigests(t *testing.T) {
	null := program.NullValue()
	seen := map[string]string{}
	for _, c := range []struct {
		name string
		rows []program.Value
		want string
	}{
		{"nothing", nil, "be289ffcb5141f6d"},
		{"null", []program.Value{null}, "c1de2bb4bcd43a67"},
		{"empty", []program.Value{list()}, "849c8ff56e30f1f3"},
		{"two empty", []program.Value{list(), list()}, "6a21ab90d31eb37f"},
		{"a null element", []program.Value{list(-1)}, "f3d7c0d996e9dc6b"},
		{"two null elements", []program.Value{list(-1, -1)}, "83a9f7091da334cc"},
		{"[1] [2]", []program.Value{list(1), list(2)}, "2645d2b2707de655"},
		{"[1 2] []", []program.Value{list(1, 2), list()}, "eb00a5332041df23"},
		{"[] [1 2]", []program.Value{list(), list(1, 2)}, "ac23fe1c808ab3cd"},
		{"[2 1] []", []program.Value{list(2, 1), list()}, "8ee227fc77d6b9ba"},
		{"[1 2] null", []program.Value{list(1, 2), null}, "a85e4054600fe19c"},
		{"[0]", []program.Value{list(0)}, "ef0d031caba30733"},
		{"[0 0]", []program.Value{list(0, 0)}, "a7d104d76dc98336"},
	} {
		d := newDigester()
		var h content
		typ := column.ListOf(column.Int64)
		d.add(&h, &column.Column{Len: len(c.rows), Values: program.StoredVector(typ, c.rows...)})
		got := contentDigest([]sink.Field{{Field: column.Field{Name: "x", Type: typ}}}, []content{h})
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have the same digest", c.name, other)
		}
		seen[got] = c.name
		if got[:16] != c.want {
			t.Errorf("%s: %s, want %s", c.name, got[:16], c.want)
		}
	}
}

func TestDigestingListsIsAllocationFree(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	d := newDigester()
	for _, typ := range column.Types() {
		plain, dict := exampleLists(r, typ, 2000)
		again := func() {
			var h content
			d.add(&h, &plain)
			d.add(&h, &dict)
		}
		again()
		if n := testing.AllocsPerRun(5, again); n != 0 {
			t.Errorf("%v: %v allocations", typ, n)
		}
	}
}

func BenchmarkContentOfLists(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	plain, dict := exampleLists(r, column.Int64, 1<<14)
	for name, c := range map[string]column.Column{"plain": plain, "dict": dict} {
		b.Run(name, func(b *testing.B) {
			d := newDigester()
			var h content
			for b.Loop() {
				d.add(&h, &c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Values.Elements.Len), "ns/element")
		})
	}
}
