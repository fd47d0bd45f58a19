package cpu

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/features/stat"
)

// recorder is a statistic that remembers what it was shown.
type recorder struct {
	stat.Statistic
	seen []tuple
}

// tuple is one observation: a run of rows and how often each counts.
type tuple struct {
	args    []column.Column
	weights []uint64
}

func (r *recorder) Observe(args []column.Column, weights []uint64) {
	kept := tuple{weights: slices.Clone(weights)}
	for _, a := range args {
		kept.args = append(kept.args, cloneColumn(a))
	}
	r.seen = append(r.seen, kept)
}

// counted returns how often each tuple of canonical values was seen.
func (r *recorder) counted(t *testing.T) map[string]uint64 {
	t.Helper()
	counts := map[string]uint64{}
	for _, o := range r.seen {
		if o.weights != nil && (len(o.args) != 1 || o.args[0].Dict() || len(o.weights) != o.args[0].Values.Len) {
			t.Fatal("weights are for one plain argument, one per slot")
		}
		for i := range o.args[0].Len {
			weight := uint64(1)
			if o.weights != nil {
				weight = o.weights[i]
			}
			if weight > 0 {
				counts[tupleKey(t, o.args, i)] += weight
			}
		}
	}
	return counts
}

func tupleKey(t *testing.T, args []column.Column, i int) string {
	t.Helper()
	var key []byte
	for k := range args {
		a := &args[k]
		if a.Len != args[0].Len || a.Type().Narrow() && a.Len > 0 && a.Values.Stored() {
			t.Fatalf("argument %d is not %d rows in register form", k, args[0].Len)
		}
		key = appendKey(key, a.Type(), program.ValueAt(&a.Values, a.Slot(i)))
	}
	return string(key)
}

func appendKey(key []byte, t column.Type, v program.Value) []byte {
	if v.Null {
		return append(key, "null;"...)
	}
	if v.Float == 0 && math.Signbit(v.Float) {
		key = append(key, '-') // AppendCanonical makes no difference between the zeros
	}
	return append(program.AppendCanonical(key, t, v), ';')
}

// checkObserved compares what observeOutputs made the program observe with the
// outputs that are right.
func checkObserved(t *testing.T, s *handle, into []stat.Statistic, want column.Batch) {
	t.Helper()
	columns := map[program.Register]*column.Column{}
	for i, o := range s.program.Outputs {
		columns[o.Register] = &want.Columns[i]
	}
	for _, o := range s.program.Observes {
		counts := map[string]uint64{}
		var registers []*column.Column
		for _, r := range o.Args {
			registers = append(registers, columns[r])
		}
		for _, tuple := range programtest.Tuples(registers) {
			var key []byte
			for k, v := range tuple {
				key = appendKey(key, registers[k].Type().Elem(), v)
			}
			counts[string(key)]++
		}
		if got := into[o.Stat].(*recorder).counted(t); !reflect.DeepEqual(got, counts) {
			t.Fatalf("observed %v: %v, want %v\n%s", o.Args, got, counts, s.program)
		}
	}
}

func clone(b column.Batch) column.Batch {
	c := column.Batch{Rows: b.Rows}
	for _, col := range b.Columns {
		c.Columns = append(c.Columns, cloneColumn(col))
	}
	return c
}

func cloneColumn(c column.Column) column.Column {
	v := &c.Values
	c.Index = slices.Clone(c.Index)
	v.Valid, v.Bools = slices.Clone(v.Valid), slices.Clone(v.Bools)
	v.Int32s, v.Int64s = slices.Clone(v.Int32s), slices.Clone(v.Int64s)
	v.Float32s, v.Float64s = slices.Clone(v.Float32s), slices.Clone(v.Float64s)
	v.Text.Offsets, v.Text.Bytes = slices.Clone(v.Text.Offsets), slices.Clone(v.Text.Bytes)
	if v.Elements != nil {
		elements := cloneColumn(*v.Elements)
		v.Offsets, v.Elements = slices.Clone(v.Offsets), &elements
	}
	return c
}

// sameBatch compares memory: every slot, present or not, by its bits.
func sameBatch(a, b column.Batch) bool {
	for i := range a.Columns {
		if !sameColumn(&a.Columns[i], &b.Columns[i]) {
			return false
		}
	}
	return true
}

func sameColumn(x, y *column.Column) bool {
	v, w := &x.Values, &y.Values
	if v.Type.IsList() && (!slices.Equal(v.Offsets, w.Offsets) || !sameColumn(v.Elements, w.Elements)) {
		return false
	}
	return slices.Equal(x.Index, y.Index) && slices.Equal(v.Valid, w.Valid) && slices.Equal(v.Bools, w.Bools) &&
		slices.Equal(v.Int32s, w.Int32s) && slices.Equal(v.Int64s, w.Int64s) &&
		slices.Equal(v.Text.Offsets, w.Text.Offsets) && bytes.Equal(v.Text.Bytes, w.Text.Bytes) &&
		slices.EqualFunc(v.Float32s, w.Float32s, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) &&
		slices.EqualFunc(v.Float64s, w.Float64s, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

// reencode returns the batch with all columns plain, and with all of them
// dictionary-coded (a slot per row, in reverse, and an unused one).
func reencode(in column.Batch) (plain, coded column.Batch) {
	plain, coded = column.Batch{Rows: in.Rows}, column.Batch{Rows: in.Rows}
	for i := range in.Columns {
		p, d := reencodeColumn(&in.Columns[i])
		plain.Columns, coded.Columns = append(plain.Columns, p), append(coded.Columns, d)
	}
	return plain, coded
}

func reencodeColumn(c *column.Column) (plain, coded column.Column) {
	if c.Type().IsList() {
		plain, coded = *c, *c
		p, d := reencodeColumn(c.Values.Elements)
		plain.Values.Elements, coded.Values.Elements = &p, &d
		return plain, coded
	}
	p := column.Column{Len: c.Len, Values: column.Vector{Type: c.Type()}}
	d := column.Column{Len: c.Len, Values: column.Vector{Type: c.Type()}, Index: make([]int32, c.Len)}
	program.AppendStored(&d.Values, program.Value{Str: []byte("no number")})
	for row := range c.Len {
		program.AppendStored(&p.Values, program.ValueAt(&c.Values, c.Slot(row)))
		other := c.Len - 1 - row
		program.AppendStored(&d.Values, program.ValueAt(&c.Values, c.Slot(other)))
		d.Index[other] = int32(row + 1)
	}
	return p, d
}
