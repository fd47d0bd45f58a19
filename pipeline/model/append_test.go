package model

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// TestAppendRegisters compares with appending slot by slot, in one go and in several.
func TestAppendRegisters(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, typ := range []column.Type{column.Bool, column.Int32, column.Int64, column.Date, column.Timestamp, column.Float32, column.Float64, column.String} {
		for _, nulls := range []bool{false, true} {
			got, want := column.Vector{Type: typ}, column.Vector{Type: typ}
			for _, rows := range []int{0, 1, 5, 300} {
				values := column.Vector{Type: typ}
				for range rows {
					x := program.Value{Null: nulls && r.IntN(3) == 0}
					if !x.Null {
						x.Bool, x.Int, x.Float, x.Str = r.IntN(2) == 0, r.Int64N(1000), float64(r.IntN(1000)), fmt.Append(nil, r.IntN(1000))
					}
					program.AppendStored(&values, x)
				}
				c := column.Column{Len: rows, Values: values}
				appendRegisters(&got, &c)
				for i := range rows {
					program.AppendRegister(&want, program.ValueAt(&values, i))
				}
			}
			if got.Len != want.Len {
				t.Fatalf("%v: %d slots, want %d", typ, got.Len, want.Len)
			}
			for i := range got.Len {
				if !program.EqualValues(typ, program.ValueAt(&got, i), program.ValueAt(&want, i)) {
					t.Errorf("%v with nulls %v: slot %d differs", typ, nulls, i)
				}
			}
		}
	}
}
