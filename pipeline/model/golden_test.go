package model

import (
	"crypto/sha256"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// TestHashedValuesSayWhereTheyEnd: rows of lists that have the same elements one
// after the other, but not in the same lists, are different rows.
func TestHashedValuesSayWhereTheyEnd(t *testing.T) {
	list := func(xs ...int64) (v program.Value) {
		for _, x := range xs {
			v.List = append(v.List, program.Value{Int: x, Null: x < 0})
		}
		return v
	}
	seen := map[[sha256.Size]byte]int{}
	for i, row := range [][]program.Value{
		{list(1), list(2, 3)}, {list(1, 2), list(3)}, {list(), list(1, 2, 3)}, {list(1, 2, 3), list()},
		{list(-1), list()}, {list(), list(-1)}, {program.NullValue(), list()}, {list(), program.NullValue()}, {list(), list()},
		{list(), program.NullValue(), list(-1)}, {list(-1), list(), program.NullValue()},
	} {
		h := sha256.New()
		for _, v := range row {
			hashValue(h, column.ListOf(column.Int64), v)
		}
		sum := [sha256.Size]byte(h.Sum(nil))
		if other, ok := seen[sum]; ok {
			t.Errorf("rows %d and %d have the same digest", other, i)
		}
		seen[sum] = i
	}
}
