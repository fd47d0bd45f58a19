package arrow

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"quern/features/column"
	"quern/internal/oracletest"
	"quern/serve/lookup"
	"quern/serve/tensor"
)

// table makes n rows of all types, with and without nulls, plain and dictionary-coded.
func table(seed uint64, n int) (fields []Field, columns []tensor.Column) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	types := column.Types()
	for _, t := range column.Types() {
		types = append(types, column.ListOf(t))
	}
	for i, t := range types {
		for nulls := range 2 {
			var c lookup.Cells
			c.Reset(t, false)
			for range n {
				switch {
				case nulls > 0 && rnd.IntN(3) == 0:
					c.AddNull()
				case t.IsList():
					for range rnd.IntN(4) {
						if nulls > 0 && rnd.IntN(3) == 0 {
							c.Element().AddNull()
						} else {
							add(c.Element(), rnd)
						}
					}
					c.End()
				default:
					add(&c, rnd)
				}
			}
			one := tensor.Column{Values: column.Column{Len: n, Values: c.Vector}}
			if rnd.IntN(3) == 0 && !t.IsList() {
				one.Values.Index = make([]int32, n)
				for r := range one.Values.Index {
					one.Values.Index[r] = int32(rnd.IntN(n))
				}
			}
			if rnd.IntN(3) == 0 {
				one.Shown = column.NewBitmap(n)
				for r := range n {
					if rnd.IntN(2) == 0 && !one.Values.Null(r) {
						one.Shown.Set(r)
					}
				}
			}
			fields = append(fields, Field{fmt.Sprint("f", i, nulls, " ü"), t, t.Elem() == column.String && nulls > 0})
			columns = append(columns, one)
		}
	}
	return fields, columns
}

func add(c *lookup.Cells, rnd *rand.Rand) {
	switch t := c.Type; {
	case t == column.Bool:
		c.AddBool(rnd.IntN(2) == 0)
	case t == column.String:
		c.AddBytes([]byte(fmt.Sprint("\xffü", rnd.IntN(1000)))[rnd.IntN(2):][:rnd.IntN(4)])
	case t == column.Date:
		c.AddString([]byte("2001-02-03"))
	case t.Real():
		c.AddFloat([]float64{0.5, -3, math.Inf(1), math.Copysign(0, -1), math.NaN()}[rnd.IntN(5)])
	case t == column.Int32 || t == column.Int64:
		c.AddInt(rnd.Int64N(1<<32) - 1<<31)
	default:
		c.AddMicros(rnd.Int64())
	}
}

// TestPyarrow reads streams with pyarrow, which validates them in full.
func TestPyarrow(t *testing.T) {
	dir := t.TempDir()
	var args []string
	sizes := []int{1, 7, 8, 9, 64, 100}
	for i, n := range sizes {
		fields, columns := table(uint64(i), n)
		b := AppendSchema([]byte("12345678"), fields, "quern.model", "m@1", "other", "")
		b = AppendEnd(AppendBatch(b, n, fields, columns))[8:]
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	var got []struct {
		Model string
		Types []string
		Names []string
		Rows  [][]any
	}
	script, err := os.ReadFile("testdata/check.py")
	if err != nil {
		t.Fatal(err)
	}
	oracletest.Run(t, string(script), &got, args...)
	for i, n := range sizes {
		fields, columns := table(uint64(i), n)
		if got[i].Model != "m@1" || len(got[i].Names) != len(fields) {
			t.Fatalf("pyarrow reads %d fields of %q", len(got[i].Names), got[i].Model)
		}
		for k, f := range fields {
			if want := nameOf(f); got[i].Types[k] != want || got[i].Names[k] != f.Name {
				t.Errorf("field %q (%s), want %q (%s)", got[i].Names[k], got[i].Types[k], f.Name, want)
			}
			for r := range n {
				var x any
				if columns[k].There(r) {
					x = plain(&columns[k].Values.Values, columns[k].Values.Slot(r), f.Binary)
				}
				want, _ := json.Marshal(x)
				have, _ := json.Marshal(got[i].Rows[k][r])
				if string(want) != string(have) {
					t.Fatalf("%s (%v), row %d: pyarrow reads %s, want %s", f.Name, f.Type, r, have, want)
				}
			}
		}
	}
}

// nameOf returns pyarrow's name of a field's type.
func nameOf(f Field) string {
	if f.Type.IsList() {
		return "list<item: " + nameOf(Field{Type: f.Type.Elem(), Binary: f.Binary}) + ">"
	}
	switch f.Type {
	case column.Float32:
		return "float"
	case column.Float64:
		return "double"
	case column.Timestamp:
		return "timestamp[us, tz=UTC]"
	case column.Datetime:
		return "timestamp[us]"
	case column.Date:
		return "date32[day]"
	case column.String:
		if f.Binary {
			return "binary"
		}
	}
	return f.Type.String()
}

// plain returns a value as testdata/check.py prints it: bits as text, so that JSON keeps them.
func plain(v *column.Vector, i int, binary bool) any {
	switch {
	case v.Null(i):
		return nil
	case v.Type.IsList():
		lo, hi := v.List(i)
		list := []any{}
		for k := lo; k < hi; k++ {
			list = append(list, plain(&v.Elements.Values, v.Elements.Slot(k), binary))
		}
		return list
	case v.Type == column.Bool:
		return v.Bools[i]
	case v.Type == column.String && binary:
		return base64.StdEncoding.EncodeToString(v.Text.At(i))
	case v.Type == column.String:
		return string(appendUTF8(nil, v.Text.At(i), false))
	case v.Type == column.Float32:
		return fmt.Sprint(math.Float32bits(v.Float32s[i]))
	case v.Type == column.Float64:
		return fmt.Sprint(math.Float64bits(v.Float64s[i]))
	}
	return fmt.Sprint(v.Int(i))
}

// BenchmarkAppend writes 100 rows of 50 float32.
func BenchmarkAppend(b *testing.B) {
	var fields []Field
	var columns []tensor.Column
	for i := range 50 {
		fields = append(fields, Field{fmt.Sprint("feature", i), column.Float32, false})
		columns = append(columns, tensor.Column{Values: column.Column{Len: 100, Values: column.Vector{Type: column.Float32, Len: 100, Float32s: make([]float32, 100)}}})
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = AppendEnd(AppendBatch(AppendSchema(out[:0], fields), 100, fields, columns))
	}
}
