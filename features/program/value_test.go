package program

import (
	"math"
	"testing"

	"quern/features/column"
)

// Vectors give back what was put in, in both forms, at sizes around the bitmap's words.
func TestVectors(t *testing.T) {
	for _, typ := range column.Types() {
		edges := edgeValues(typ)
		for _, n := range []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257} {
			for _, firstNull := range []int{0, n / 2, n} {
				values := make([]Value, n)
				for i := range values {
					values[i] = edges[1+i%(len(edges)-1)]
					if i >= firstNull && i%3 == 0 {
						values[i] = NullValue()
					}
				}
				for _, v := range []column.Vector{RegisterVector(typ, values...), StoredVector(typ, values...)} {
					checkSlots(t, &v, values)
				}
			}
		}
	}
}

func checkSlots(t *testing.T, v *column.Vector, want []Value) {
	t.Helper()
	if err := checkVector(v); err != nil || v.Len != len(want) {
		t.Fatalf("%s: %d slots: %v", v.Type, v.Len, err)
	}
	nulls := 0
	for i, x := range want {
		nulls += int(one(x.Null))
		if got := ValueAt(v, i); !EqualValues(v.Type, got, x) {
			t.Fatalf("%s: slot %d is %v, not %v", v.Type, i, got, x)
		}
	}
	if v.Nulls() != nulls {
		t.Fatalf("%s: %d nulls, not %d", v.Type, v.Nulls(), nulls)
	}
}

func TestEqualValues(t *testing.T) {
	nan := Value{Float: math.Float64frombits(0xFFF0_0000_0000_0001)}
	for _, c := range []struct {
		t    column.Type
		a, b Value
		want bool
	}{
		{column.Float64, nan, Value{Float: NaN()}, true},
		{column.Float64, Value{}, Value{Float: math.Copysign(0, -1)}, false},
		{column.Int64, Value{Null: true, Int: 4}, NullValue(), true},
		{column.Int64, Value{}, NullValue(), false},
		{column.Int64, Value{Str: []byte("x")}, Value{}, true},
		{column.String, Value{}, Value{Str: []byte{}}, true},
		{column.String, Value{Str: []byte("a")}, Value{Str: []byte("b")}, false},
		{column.Bool, Value{Bool: true}, Value{}, false},
	} {
		if got := EqualValues(c.t, c.a, c.b); got != c.want {
			t.Errorf("%s: %v and %v: %v", c.t, c.a, c.b, got)
		}
	}
	if math.Float32bits(float32(NaN())) != 0x7FC00000 {
		t.Error("the canonical float32 NaN has other bits")
	}
}
