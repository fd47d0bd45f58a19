package program

import (
	"fmt"
	"math"
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

// Looking at all keys finds the rows that an index finds, of keys of every kind, with and
// without a null, in an order of their own, some of them twice.
func TestRowsOfIsWhatTheIndexFinds(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	ints := column.Vector{Type: column.Int64}
	floats := column.Vector{Type: column.Float64}
	for i := range 3000 {
		ints.Int64s = append(ints.Int64s, int64(i)*0x9E3779B9)
		floats.Float64s = append(floats.Float64s, float64(i)/7)
	}
	floats.Float64s[2999] = math.NaN()
	ints.Len, floats.Len = 3000, 3000
	null := manyTexts(r, 3000)
	null.Valid = column.NewBitmap(3000)
	null.Valid.Fill(3000)
	null.Valid.Clear(1234)
	for _, keys := range []column.Vector{manyTexts(r, 3000), null, ints, floats, {Type: column.String, Text: column.Text{Offsets: []uint32{0}}}} {
		table := withIDs(keys).remembered()
		x, err := table.Index()
		if err != nil {
			t.Fatal(err)
		}
		sought := []Value{NullValue(), NullValue()}
		for range 200 {
			if keys.Len > 0 {
				sought = append(sought, ValueAt(&keys, r.Intn(keys.Len)))
			}
			switch keys.Type {
			case column.String:
				sought = append(sought, Value{Str: []byte(fmt.Sprintf("%x", r.Intn(6000)))})
			case column.Int64:
				sought = append(sought, Value{Int: int64(r.Intn(100))})
			default:
				sought = append(sought, Value{Float: float64(r.Intn(100)) / 3}, Value{Float: math.NaN()}, Value{Float: math.Copysign(0, -1)})
			}
		}
		found := 0
		for _, some := range [][]Value{sought[:50], sought[:50], sought[20:40], sought, sought} { // anew, again, fewer, more
			found = 0
			for i, row := range table.rowsOf(keys.Type, some) {
				if want := x.find(keys.Type, some[i]); row != want {
					t.Errorf("%s keys: %+v is in row %d, not %d", keys.Type, some[i], want, row)
				}
				if row >= 0 {
					found++
				}
			}
		}
		if found < 200 && keys.Len > 0 {
			t.Errorf("%s keys: only %d were found", keys.Type, found)
		}
	}
}

// A large table of keys that are known to be distinct is not indexed before it is asked,
// nor for a few rows; one of others is, as is a small one.
func TestDistinctTablesAreIndexedLate(t *testing.T) {
	keys := manyTexts(rand.New(rand.NewSource(4)), manyKeys)
	ids := withIDs(keys).Values
	table := NewDistinctTable("t", keys, ids)
	b := NewBuilder(column.Schema{{Name: "a", Type: column.String}, {Name: "n", Type: column.String}})
	b.Output("n", b.Emit(ParseInt, Imm{}, b.Load(1)), RoleFeature) // which may fault before the lookup
	b.Output("id", b.Lookup(b.AddNumbered(table), b.Load(0)), RoleFeature)
	p := b.Finish()
	id := p.Outputs[1].Register
	e, err := p.Evaluator()
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]Value
	for i := range 10 {
		rows = append(rows, []Value{{Str: keys.Text.At(i * 1000)}, {Str: []byte("5")}})
	}
	rows[3][1].Str = []byte("five")
	rows[4][0] = NullValue()
	rows[5][0].Str = []byte("no such key")
	registers, faults := e.Rows(rows)
	if table.facts.indexed.Load() {
		t.Error("the table was indexed for ten rows")
	}
	for i, row := range rows {
		one, err := e.Row(row)
		if (err != nil) != (i == 3) || (faults[i] != nil) != (i == 3) || (registers[i] == nil) != (i == 3) {
			t.Errorf("row %d: %v alone, %v among others", i, err, faults[i])
		}
		if i == 3 {
			continue
		}
		want := Value{Int: int64(i * 1000)}
		if i == 4 || i == 5 {
			want = NullValue()
		}
		if !EqualValues(column.Int64, one[id], want) || !EqualValues(column.Int64, registers[i][id], want) {
			t.Errorf("row %d: %v alone, %v among others", i, one[id], registers[i][id])
		}
	}
	if !table.facts.indexed.Load() {
		t.Error("single rows did not index the table")
	}

	keys.Text.Append(keys.Text.At(7))
	keys.Len++
	ids.Int64s = append(ids.Int64s, 0)
	ids.Len++
	for _, bad := range []Table{NewTable("t", keys, ids), {Name: "t", Keys: keys, Values: ids}} {
		if err := checkTable(&bad); err == nil {
			t.Error("equal keys that nobody vouched for are accepted")
		}
	}
	small := manyTexts(rand.New(rand.NewSource(5)), 2)
	small.Text.Append(small.Text.At(1))
	small.Len++
	few := NewDistinctTable("t", small, column.Vector{Type: column.Int64, Len: 3, Int64s: make([]int64, 3)})
	if err := checkTable(&few); err == nil {
		t.Error("equal keys of a small table are accepted")
	}
}
