package program

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"quern/features/column"
)

// manyTexts makes n different texts around the borders of KeyHash.
func manyTexts(r *rand.Rand, n int) column.Vector {
	v := column.Vector{Type: column.String, Len: n}
	for i := range n {
		v.Text.Append([]byte(fmt.Sprintf("%x%s", i, strings.Repeat("-", r.Intn(20)))))
	}
	return v
}

func withIDs(keys column.Vector) Table {
	ids := column.Vector{Type: column.Int64, Len: keys.Len}
	for i := range keys.Len {
		ids.Int64s = append(ids.Int64s, int64(i))
	}
	return Table{Name: "t", Keys: keys, Values: ids}
}

// An index that several workers fill finds every key in its row, and no other.
func TestIndexBySeveralWorkers(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, n := range []int{2*manyKeys - 1, 2 * manyKeys, 5*manyKeys + 7, 3 << 15} { // the last fills it to the brim
		keys := manyTexts(r, n)
		null := n / 3
		keys.Valid = column.NewBitmap(n)
		keys.Valid.Fill(n)
		keys.Valid.Clear(null)
		table := withIDs(keys)
		x, err := table.Index()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			want := i
			if i == null {
				want = -1 // what is under a null is no key
			}
			if got := x.find(column.String, Value{Str: keys.Text.At(i)}); got != want {
				t.Fatalf("%d keys: key %d is in row %d", n, i, got)
			}
		}
		if x.find(column.String, NullValue()) != null || x.find(column.String, Value{Str: []byte("no such key")}) != -1 {
			t.Errorf("%d keys: null is in row %d", n, x.find(column.String, NullValue()))
		}
		for _, workers := range []int{1, 2, 3, 8} { // more than this machine may have
			y := &KeyIndex{keys: x.keys, slots: make([]uint64, len(x.slots)), null: null}
			if !y.fillBeside(workers) {
				t.Fatalf("%d workers meet equal keys", workers)
			}
			for i := range n {
				if i != null && y.find(column.String, Value{Str: keys.Text.At(i)}) != i {
					t.Fatalf("%d keys, %d workers: key %d is not found", n, workers, i)
				}
			}
		}
	}
}

// Which equal keys an error names does not depend on workers.
func TestIndexNamesEqualKeys(t *testing.T) {
	n := 4 * manyKeys
	keys := manyTexts(rand.New(rand.NewSource(2)), n)
	keys.Len += 3
	for _, i := range []int{n - 5, 17, n / 2} {
		keys.Text.Append(keys.Text.At(i))
	}
	table := withIDs(keys)
	for range 5 {
		if _, err := table.Index(); err == nil || err.Error() != fmt.Sprintf("keys %d and %d are equal", n-5, n) {
			t.Fatalf("got %v", err)
		}
	}
}
