package tensor_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/tensor"
)

// numeric returns the types that tensors hold.
func numeric() []column.Type {
	return []column.Type{column.Bool, column.Int32, column.Int64, column.Float32, column.Float64, column.Timestamp, column.Datetime, column.Date}
}

// random returns n rows of a type; nulls have garbage under them.
func random(r *rand.Rand, t column.Type, n int, dict, nulls bool) column.Column {
	slots := n
	if dict {
		slots = n/4 + 3
	}
	v := column.Vector{Type: t, Len: slots}
	if nulls {
		v.Valid = column.NewBitmap(slots)
		for i := range slots {
			if r.IntN(3) > 0 {
				v.Valid.Set(i)
			}
		}
	}
	for range slots {
		x := r.NormFloat64() * 1e9
		switch {
		case t == column.Bool:
			v.Bools = append(v.Bools, x > 0)
		case t == column.Float32:
			v.Float32s = append(v.Float32s, float32(x))
		case t == column.Float64:
			v.Float64s = append(v.Float64s, []float64{x, math.Inf(1), math.Copysign(0, -1), math.NaN()}[max(0, r.IntN(12)-8)])
		case t.Narrow():
			v.Int32s = append(v.Int32s, int32(r.Uint32()))
		default:
			v.Int64s = append(v.Int64s, int64(r.Uint64()))
		}
	}
	c := column.Column{Len: n, Values: v}
	if dict {
		c.Index = make([]int32, n)
		for i := range c.Index {
			c.Index[i] = int32(r.IntN(slots))
		}
	}
	return c
}

// element returns what an array must hold for a value, value by value.
func element(c *column.Column, i int, t tensor.DType) []byte {
	slot := c.Slot(i)
	real, whole := math.NaN(), int64(0)
	switch {
	case c.Values.Null(slot):
	case c.Type() == column.Bool:
		if c.Values.Bools[slot] {
			whole = 1
		}
		real = float64(whole)
	case c.Type().Kind() == column.Ints:
		whole = c.Values.Int(slot)
		real = float64(whole)
	default:
		real = c.Values.Float(slot)
	}
	switch t {
	case tensor.F32:
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(real)))
	case tensor.F64:
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(real))
	case tensor.I64:
		return binary.LittleEndian.AppendUint64(nil, uint64(whole))
	}
	return []byte{byte(whole)}
}

// same compares elements; NaNs of all bits are one.
func same(got, want []byte, t tensor.DType) bool {
	switch t {
	case tensor.F32:
		a, b := math.Float32frombits(binary.LittleEndian.Uint32(got)), math.Float32frombits(binary.LittleEndian.Uint32(want))
		return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
	case tensor.F64:
		a, b := math.Float64frombits(binary.LittleEndian.Uint64(got)), math.Float64frombits(binary.LittleEndian.Uint64(want))
		return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
	}
	return string(got) == string(want)
}

// table returns columns of all types: features and labels; those whose arrays are of
// reals may have nulls.
func table(r *rand.Rand, n int, dict bool, dtype column.Type) ([]sink.Field, column.Batch) {
	var fields []sink.Field
	batch := column.Batch{Rows: n}
	add := func(t column.Type, role program.Role, nulls bool) {
		fields = append(fields, sink.Field{Field: column.Field{Name: fmt.Sprintf("%v_%d", t, len(fields)), Type: t}, Role: role})
		batch.Columns = append(batch.Columns, random(r, t, n, dict, nulls))
	}
	for _, t := range numeric() {
		if t.Real() && t != dtype {
			continue
		}
		add(t, program.RoleFeature, t.Real() || t == column.Bool)
		add(t, program.RoleLabel, true) // with a real and an integer, labels are float64
	}
	return fields, batch
}

// TestArraysHoldTheRows compares every element of every layout with a computation
// value by value, in batches of all sizes.
func TestArraysHoldTheRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 31, 33, 63, 64, 65, 255, 256, 257, 1023, 1025} {
		for _, dict := range []bool{false, true} {
			for _, dtype := range []column.Type{column.Float32, column.Float64} {
				fields, batch := table(r, n, dict, dtype)
				w, err := tensor.NewWriter(fields, false)
				if err != nil {
					t.Fatal(err)
				}
				for round := range 2 { // the second on used memory
					w.Reset()
					if err := errors.Join(w.Append(batch), w.Append(batch)); err != nil {
						t.Fatal(err)
					}
					if w.Rows() != 2*n {
						t.Fatalf("%d rows", w.Rows())
					}
					checkArrays(t, fmt.Sprintf("n=%d dict=%v %v round %d", n, dict, dtype, round), w, batch)
				}
			}
		}
	}
}

func checkArrays(t *testing.T, where string, w *tensor.Writer, batch column.Batch) {
	t.Helper()
	for i, a := range w.Arrays() {
		data, size := w.Data(i), a.DType.Size()
		if len(data) != 2*batch.Rows*len(a.Fields)*size {
			t.Fatalf("%s: array %s has %d bytes", where, a.Name, len(data))
		}
		for row := range 2 * batch.Rows {
			for _, f := range a.Fields {
				want := element(&batch.Columns[f], row%batch.Rows, a.DType)
				if !same(data[:size], want, a.DType) {
					t.Fatalf("%s: %s row %d column %d: % x, want % x", where, a.Name, row, f, data[:size], want)
				}
				data = data[size:]
			}
		}
	}
}

func field(name string, t column.Type, role program.Role) sink.Field {
	return sink.Field{Field: column.Field{Name: name, Type: t}, Role: role}
}

func TestLayoutsByRole(t *testing.T) {
	fields := []sink.Field{
		field("x", column.Float32, program.RoleFeature), field("flag", column.Bool, program.RoleFeature),
		field("id", column.Int64, program.RoleFeature), field("day", column.Date, program.RoleFeature),
		field("late", column.Bool, program.RoleLabel),
	}
	for _, c := range []struct {
		columns bool
		fields  []sink.Field
		want    string
	}{
		{false, fields, "[{features 0 false [0 1]} {ids 2 false [2 3]} {labels 3 false [4]}]"},
		{true, fields, "[{x 0 true [0]} {flag 3 true [1]} {id 2 true [2]} {day 2 true [3]} {late 3 true [4]}]"},
		{false, fields[2:3], "[{ids 2 false [0]}]"},
		{false, nil, "[]"},
		{false, []sink.Field{fields[4], field("y", column.Float64, program.RoleLabel)}, "[{labels 1 false [0 1]}]"},
		{false, []sink.Field{fields[4], field("y", column.Int32, program.RoleLabel)}, "[{labels 2 false [0 1]}]"},
		{false, []sink.Field{fields[0], field("y", column.Float64, program.RoleFeature)}, "[{features 1 false [0 1]}]"},
		{false, []sink.Field{field("y", column.Float32, program.RoleLabel), field("z", column.Int32, program.RoleLabel)}, "[{labels 1 false [0 1]}]"},
	} {
		arrays, err := tensor.Layout(c.fields, c.columns)
		if got := layoutText(arrays); err != nil || got != c.want {
			t.Errorf("%v %v, want %s", got, err, c.want)
		}
	}
}

// layoutText returns name, element type, whether it is a vector, and the fields of
// each array; of lists, what it holds and its width, too.
func layoutText(arrays []tensor.Array) string {
	var all []string
	for _, a := range arrays {
		text := fmt.Sprintf("{%s %d %v %v}", a.Name, a.DType, a.Vector, a.Fields)
		if a.Lists != tensor.NoLists {
			text = fmt.Sprintf("{%s %d %v %s %d}", a.Name, a.DType, a.Fields, [...]string{"", "matrix", "values", "offsets"}[a.Lists], a.Width)
		}
		all = append(all, text)
	}
	return fmt.Sprint(all)
}

func TestWhatHasNoPlaceIsAnError(t *testing.T) {
	var e *diag.Error
	if _, err := tensor.NewWriter([]sink.Field{field("name", column.String, program.RoleFeature)}, true); !errors.As(err, &e) || e.Code != "Q420" {
		t.Errorf("a string: %v", err)
	}
	w, err := tensor.NewWriter([]sink.Field{field("id", column.Int64, program.RoleFeature)}, false)
	if err != nil {
		t.Fatal(err)
	}
	v := column.Vector{Type: column.Int64, Len: 3, Valid: column.Bitmap{0b011}, Int64s: []int64{1, 2, 3}}
	for _, c := range []struct {
		index []int32
		row   int64
	}{{nil, 2}, {[]int32{1, 2, 2}, 1}} {
		err := w.Append(column.Batch{Rows: 3, Columns: []column.Column{{Len: 3, Values: v, Index: c.index}}})
		if !errors.As(err, &e) || e.Code != "Q421" || e.Data.Row != c.row || e.Data.Column != "id" {
			t.Errorf("a null integer: %v", err)
		}
	}
	unused := column.Column{Len: 2, Values: v, Index: []int32{0, 1}} // the null slot has no row
	w.Reset()
	if err := w.Append(column.Batch{Rows: 2, Columns: []column.Column{unused}}); err != nil {
		t.Error(err)
	}
}

func TestAppendIsAllocationFree(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	fields, batch := table(r, 1000, true, column.Float32)
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

func BenchmarkAppend(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 3))
	const n, columns = 1 << 16, 12
	for _, dict := range []bool{true, false} {
		var fields []sink.Field
		batch := column.Batch{Rows: n}
		for i := range columns {
			fields = append(fields, field(fmt.Sprint(i), column.Float32, program.RoleFeature))
			c := random(r, column.Float32, n, false, false)
			if dict {
				c.Values = random(r, column.Float32, 300, false, true).Values
				c.Index = make([]int32, n)
				for j := range c.Index {
					c.Index[j] = int32(r.IntN(300))
				}
			}
			batch.Columns = append(batch.Columns, c)
		}
		b.Run(fmt.Sprintf("dict=%v", dict), func(b *testing.B) {
			w, _ := tensor.NewWriter(fields, false)
			for b.Loop() {
				w.Reset()
				if err := w.Append(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n/columns, "ns/element")
		})
	}
}
