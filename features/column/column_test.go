package column_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quern/features/column"
)

// sizes are the lengths around which word and block arithmetic goes wrong.
var sizes = []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025}

func TestTypesHaveNamesKindsAndNumbers(t *testing.T) {
	seen := map[string]bool{}
	for i, typ := range column.Types() {
		if int(typ) != i+1 {
			t.Errorf("%v has number %d: type numbers are part of saved models", typ, typ)
		}
		back, ok := column.ParseType(typ.String())
		if !ok || back != typ || seen[typ.String()] {
			t.Errorf("%v does not read back from its name", typ)
		}
		seen[typ.String()] = true
		if typ.Kind() == column.NoKind {
			t.Errorf("%v has no kind", typ)
		}
	}
	if _, ok := column.ParseType("decimal"); ok || column.Invalid.Kind() != column.NoKind {
		t.Error("something that is no type was taken for one")
	}
}

func TestTypesAreTextInJSON(t *testing.T) {
	text, err := json.Marshal(column.Types())
	if err != nil || !strings.HasPrefix(string(text), `["bool","int32",`) {
		t.Fatalf("%s, %v", text, err)
	}
	var back []column.Type
	if err := json.Unmarshal(text, &back); err != nil || !slices.Equal(back, column.Types()) {
		t.Errorf("read back as %v, %v", back, err)
	}
	if json.Unmarshal([]byte(`["decimal"]`), &back) == nil {
		t.Error("something that is no type was taken for one")
	}
	if _, err := json.Marshal(column.Invalid); err == nil {
		t.Error("Invalid has a name in JSON")
	}
}

func TestBitmapAgreesWithBools(t *testing.T) {
	for _, n := range sizes {
		b, want, count := column.NewBitmap(n), make([]bool, n), 0
		for i := range want {
			if want[i] = i%3 == 0 || i%7 == 2; want[i] {
				b.Set(i)
				count++
			}
		}
		for i := range want {
			if b.Get(i) != want[i] {
				t.Fatalf("n=%d: bit %d", n, i)
			}
		}
		if b.Count(n) != count || column.Bitmap(nil).Count(n) != n {
			t.Errorf("n=%d: count %d, want %d", n, b.Count(n), count)
		}
		b.Fill(n)
		if b.Count(n) != n {
			t.Errorf("n=%d: Fill left %d bits", n, b.Count(n))
		}
		if n > 0 {
			b.Clear(n - 1)
			if b.Get(n-1) || b.Count(n) != n-1 {
				t.Errorf("n=%d: Clear", n)
			}
		}
	}
}

// example returns a column of n rows of every physical form, with garbage under nulls.
func example(typ column.Type, n int, dict bool) column.Column {
	slots := n
	if dict {
		slots = n/3 + 1
	}
	v := column.Vector{Type: typ, Len: slots, Valid: column.NewBitmap(slots)}
	for i := range slots {
		if i%5 != 4 {
			v.Valid.Set(i)
		}
		x := float64(i)*1.5 - 7
		switch {
		case typ == column.Bool:
			v.Bools = append(v.Bools, i%2 == 0)
		case typ == column.Float32:
			v.Float32s = append(v.Float32s, float32(x))
		case typ == column.Float64:
			v.Float64s = append(v.Float64s, x)
		case typ == column.String:
			v.Text.Append(fmt.Appendf(nil, "value %d", i))
		case typ.Narrow():
			v.Int32s = append(v.Int32s, int32(x))
		default:
			v.Int64s = append(v.Int64s, int64(x))
		}
	}
	c := column.Column{Len: n, Values: v}
	if dict {
		c.Index = make([]int32, n)
		for i := range c.Index {
			c.Index[i] = int32(i * 7 % slots)
		}
	}
	return c
}

func TestTakeKeepsValuesAndOrder(t *testing.T) {
	var dst column.Column // reused across all cases, as sources and filters do
	for _, typ := range column.Types() {
		for _, n := range sizes {
			for _, dict := range []bool{false, true} {
				src := example(typ, n, dict)
				var rows []int32
				for i := 0; i < n; i += 1 + i%4 {
					rows = append(rows, int32(n-1-i))
				}
				column.Take(&dst, &src, rows)
				if dst.Len != len(rows) || dst.Dict() != (dict && src.Index != nil) {
					t.Fatalf("%v n=%d: %d rows, want %d", typ, n, dst.Len, len(rows))
				}
				for i, r := range rows {
					if !dst.Values.Equal(dst.Slot(i), &src.Values, src.Slot(int(r))) || dst.Null(i) != src.Null(int(r)) {
						t.Fatalf("%v n=%d dict=%v: row %d is not source row %d", typ, n, dict, i, r)
					}
				}
			}
		}
	}
}

func TestTakeReusesMemory(t *testing.T) {
	src, rows := example(column.String, 1000, false), make([]int32, 500)
	var dst column.Column
	column.Take(&dst, &src, rows)
	if n := testing.AllocsPerRun(10, func() { column.Take(&dst, &src, rows) }); n != 0 {
		t.Errorf("%v allocations in steady state", n)
	}
}

func TestEqualDistinguishesNullNaNAndZeros(t *testing.T) {
	v := column.Vector{Type: column.Float64, Len: 5, Valid: column.Bitmap{0b01111},
		Float64s: []float64{0, math.Copysign(0, -1), math.NaN(), 1, 1}}
	for i := range 5 {
		for j := range 5 {
			if v.Equal(i, &v, j) != (i == j) {
				t.Errorf("slots %d and %d", i, j)
			}
		}
	}
	if v.Nulls() != 1 || !v.Null(4) || v.Stored() {
		t.Error("one slot of this register vector is null")
	}
}

func TestSchemaFind(t *testing.T) {
	s := column.Schema{{Name: "a", Type: column.Bool}, {Name: "b", Type: column.Date}}
	if s.Find("b") != 1 || s.Find("c") != -1 {
		t.Error("Find")
	}
}

// TestFinderFindsWhatFindDoes: with an index and without one.
func TestFinderFindsWhatFindDoes(t *testing.T) {
	for _, columns := range []int{0, 1, 16, 17, 300} {
		var s column.Schema
		for i := range columns {
			s = append(s, column.Field{Name: strconv.Itoa(i * 7), Type: column.Int64})
		}
		for _, names := range []int{0, 16, 17, 300} {
			find := s.Finder(names)
			for i := range 7*columns + 2 {
				if got, want := find(strconv.Itoa(i)), s.Find(strconv.Itoa(i)); got != want {
					t.Fatalf("%d columns, %d names: %d is at %d, want %d", columns, names, i, got, want)
				}
			}
		}
	}
}

func TestSchemaNames(t *testing.T) {
	s := column.Schema{{Name: "b", Type: column.Int64}, {Name: "a", Type: column.String}}
	if got := s.Names(); !slices.Equal(got, []string{"b", "a"}) || len(column.Schema{}.Names()) != 0 {
		t.Errorf("names are %v", got)
	}
}
