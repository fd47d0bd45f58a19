package tensor_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/tensor"
)

// randomLists returns n lists of a type: of width elements, or, if that is 0, of any
// number, and null ones among them.
func randomLists(r *rand.Rand, t column.Type, n, width int, dict bool) column.Column {
	v := column.Vector{Type: column.ListOf(t), Len: n, Offsets: []uint32{0}}
	if width == 0 {
		v.Valid = column.NewBitmap(n)
	}
	total := 0
	for i := range n {
		length := width
		if width == 0 && r.IntN(4) > 0 {
			length = []int{0, 1, 2, 9}[r.IntN(4)]
			v.Valid.Set(i)
		}
		total += length
		v.Offsets = append(v.Offsets, uint32(total))
	}
	elements := random(r, t, total, dict, t.Real())
	v.Elements = &elements
	return column.Column{Len: n, Values: v}
}

func listField(name string, t column.Type, width int) sink.Field {
	f := field(name, column.ListOf(t), program.RoleFeature)
	f.Width = width
	return f
}

// TestArraysHoldTheLists compares every element, and every offset, with the lists, over
// two batches.
func TestArraysHoldTheLists(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	dtypes := map[column.Type]tensor.DType{column.Float32: tensor.F32, column.Float64: tensor.F64, column.Bool: tensor.U8}
	for _, typ := range numeric() {
		for _, n := range []int{0, 1, 2, 63, 64, 65, 257, 1025} {
			for k := range 4 {
				width := k % 2 * 3
				fields := []sink.Field{field("y", column.Bool, program.RoleLabel), listField("x", typ, width)}
				batches := make([]column.Batch, 2)
				for i := range batches {
					batches[i] = column.Batch{Rows: n, Columns: []column.Column{random(r, column.Bool, n, false, false), randomLists(r, typ, n, width, k >= 2)}}
				}
				w, err := tensor.NewWriter(fields, false)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // the second time on used memory
					w.Reset()
					if err := errors.Join(w.Append(batches[0]), w.Append(batches[1])); err != nil {
						t.Fatal(err)
					}
				}
				dtype, listed := dtypes[typ]
				if !listed {
					dtype = tensor.I64
				}
				where := fmt.Sprintf("%v n=%d width %d", typ, n, width)
				checkLists(t, where, w, dtype, &batches[0].Columns[1], &batches[1].Columns[1])
			}
		}
	}
}

// checkLists compares arrays 1 and, for ragged lists, 2 of w with the lists.
func checkLists(t *testing.T, where string, w *tensor.Writer, dtype tensor.DType, columns ...*column.Column) {
	t.Helper()
	offsets, data := []byte{7: 0}, w.Data(1)
	if w.Arrays()[1].DType != dtype {
		t.Fatalf("%s: elements of type %d", where, w.Arrays()[1].DType)
	}
	size, total, rows := dtype.Size(), uint64(0), int64(0)
	for _, c := range columns {
		for i := range c.Len {
			lo, hi := c.Values.List(i)
			total, rows = total+uint64(hi-lo), rows+1
			offsets = binary.LittleEndian.AppendUint64(offsets, total)
			for e := lo; e < hi; e++ {
				if len(data) < size || !same(data[:size], element(c.Values.Elements, e, dtype), dtype) {
					t.Fatalf("%s: row %d element %d", where, i, e-lo)
				}
				data = data[size:]
			}
		}
	}
	if len(data) > 0 {
		t.Fatalf("%s: %d bytes too many", where, len(data))
	}
	got, want := w.Arrays()[1].Shape(int64(len(w.Data(1)))), fmt.Sprint([]uint64{total})
	if w.Arrays()[1].Lists == tensor.Matrix {
		want = fmt.Sprint([]int64{rows, 3})
	} else if !bytes.Equal(w.Data(2), offsets) {
		t.Fatalf("%s: other offsets", where)
	}
	if fmt.Sprint(got) != want {
		t.Fatalf("%s: shape %v, want %s", where, got, want)
	}
}

func TestLayoutsOfLists(t *testing.T) {
	fields := []sink.Field{listField("tags", column.Int32, 0), field("x", column.Float32, program.RoleFeature),
		listField("last", column.Float64, 8), field("y", column.Float32, program.RoleLabel)}
	for _, c := range []struct {
		columns bool
		want    string
	}{
		{false, "[{features 0 false [1]} {labels 0 false [3]} {tags.values 2 [0] values 0} {tags.offsets 2 [0] offsets 0} {last 1 [2] matrix 8}]"},
		{true, "[{tags.values 2 [0] values 0} {tags.offsets 2 [0] offsets 0} {x 0 true [1]} {last 1 [2] matrix 8} {y 0 true [3]}]"},
	} {
		arrays, err := tensor.Layout(fields, c.columns)
		if got := layoutText(arrays); err != nil || got != c.want {
			t.Errorf("%v %v, want %s", got, err, c.want)
		}
	}
}

// TestNamesOfListsMustNotClash with those of other arrays, whatever the lists' width.
func TestNamesOfListsMustNotClash(t *testing.T) {
	scalar := func(name string) sink.Field { return field(name, column.Float32, program.RoleFeature) }
	for _, c := range []struct {
		name   string
		other  sink.Field
		rows   bool // clashes by rows, where scalars have no array of their own
		column bool
	}{
		{"x", scalar("x.values"), false, true},
		{"x", scalar("x.offsets"), false, true},
		{"x", scalar("x.value"), false, false},
		{"features", scalar("y"), true, false},
		{"labels", scalar("y"), false, false},
		{"x", listField("x.values", column.Int64, 0), true, true},
		{"x", listField("x.values", column.Int64, 4), true, true},
	} {
		for _, width := range []int{0, 4} {
			fields := []sink.Field{listField(c.name, column.Int64, width), c.other}
			for _, columns := range []bool{false, true} {
				_, err := tensor.Layout(fields, columns)
				var e *diag.Error
				clash := errors.As(err, &e) && e.Code == "Q422"
				if want := columns && c.column || !columns && c.rows; clash != want || err != nil && !clash {
					t.Errorf("%s (width %d) and %s, columns %v: %v", c.name, width, c.other.Name, columns, err)
				}
			}
		}
	}
}

func TestListsThatHaveNoPlaceAreErrors(t *testing.T) {
	var e *diag.Error
	if _, err := tensor.Layout([]sink.Field{listField("s", column.String, 0)}, false); !errors.As(err, &e) || e.Code != "Q420" {
		t.Errorf("a list of strings: %v", err)
	}
	for _, typ := range []column.Type{column.Int32, column.Bool} {
		w, err := tensor.NewWriter([]sink.Field{listField("id", typ, 0)}, true)
		if err != nil {
			t.Fatal(err)
		}
		null, one := program.Value{Null: true}, program.Value{Int: 1}
		v := program.StoredVector(column.ListOf(typ), null, program.Value{List: []program.Value{one, one}}, program.Value{}, program.Value{List: []program.Value{one, null}})
		err = w.Append(column.Batch{Rows: 4, Columns: []column.Column{{Len: 4, Values: v}}})
		if !errors.As(err, &e) || e.Code != "Q421" || e.Data.Row != 3 || e.Data.Column != "id" {
			t.Errorf("a null element: %v", err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a list of another width was taken")
		}
	}()
	w, _ := tensor.NewWriter([]sink.Field{listField("x", column.Int64, 2)}, false)
	w.Append(column.Batch{Rows: 5, Columns: []column.Column{randomLists(rand.New(rand.NewPCG(1, 2)), column.Int64, 5, 3, false)}})
}

func TestAppendOfListsIsAllocationFree(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 2))
	fields := []sink.Field{listField("x", column.Float32, 0), listField("y", column.Int64, 3)}
	batch := column.Batch{Rows: 1000, Columns: []column.Column{randomLists(r, column.Float32, 1000, 0, true), randomLists(r, column.Int64, 1000, 3, false)}}
	w, err := tensor.NewWriter(fields, false)
	if err != nil {
		t.Fatal(err)
	}
	again := func() {
		w.Reset()
		if err := w.Append(batch); err != nil {
			t.Fatal(err)
		}
	}
	again()
	if n := testing.AllocsPerRun(5, again); n != 0 {
		t.Errorf("%v allocations in steady state", n)
	}
}
