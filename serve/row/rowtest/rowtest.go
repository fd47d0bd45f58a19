// Package rowtest makes random schemas and tables for tests of what holds rows, and says
// what a cell is in terms that know nothing of package row.
package rowtest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"quern/features/column"
	"quern/serve/row"
)

// Schema returns a schema with one to three keys and up to 70 fields, of any types.
func Schema(rnd *rand.Rand) row.Schema {
	s := row.Schema{Time: rnd.IntN(8) > 0}
	keys := []column.Type{column.Int64, column.String, column.Int32, column.Bool, column.Timestamp, column.Datetime, column.Date}
	for k := range 1 + rnd.IntN(3)*rnd.IntN(2) {
		s.Keys = append(s.Keys, column.Field{Name: fmt.Sprintf("k%d", k), Type: keys[rnd.IntN(min(len(keys), 2+rnd.IntN(8)))]})
	}
	types := column.Types()
	for f := range []int{0, 1, 3, 8, 63, 64, 65, 70}[rnd.IntN(8)] {
		t := types[rnd.IntN(len(types))]
		if rnd.IntN(4) == 0 {
			t = column.ListOf(t)
		}
		s.Fields = append(s.Fields, column.Field{Name: fmt.Sprintf("f%d", f), Type: t})
	}
	return s
}

// Table returns rows of a schema, whose keys are of about distinct different ones (of a
// bool key, of two). Columns are plain or dictionary-coded, in storage or register form;
// a tenth of the values is null, but keys are not. Event times are few, so that they tie.
func Table(rnd *rand.Rand, s row.Schema, rows, distinct int) row.Input {
	in := row.Input{Rows: rows}
	for _, f := range s.Keys {
		in.Keys = append(in.Keys, scalars(rnd, f.Type, rows, func() int64 { return int64(rnd.IntN(distinct)) }, false))
	}
	for _, f := range s.Fields {
		if f.Type.IsList() {
			in.Fields = append(in.Fields, lists(rnd, f.Type, rows))
		} else {
			in.Fields = append(in.Fields, scalars(rnd, f.Type, rows, func() int64 { return odd(rnd) }, true))
		}
	}
	time := func() int64 { return int64(rnd.IntN(4)) }
	in.Event = scalars(rnd, []column.Type{column.Timestamp, column.Datetime, column.Date}[rnd.IntN(3)], rows, time, true)
	if rnd.IntN(2) == 0 {
		in.Created = scalars(rnd, column.Timestamp, rows, time, true)
	}
	in.Seq, in.Numbered = uint64(rnd.IntN(3)), rnd.IntN(3) == 0
	return in
}

// odd returns a number of the sort that breaks things: small, large, and bits of NaNs.
func odd(rnd *rand.Rand) int64 {
	switch rnd.IntN(4) {
	case 0:
		return int64(rnd.IntN(5)) - 2
	case 1:
		return int64(rnd.Uint64())
	case 2:
		return int64(0x7ff8000000000000 | rnd.Uint64()>>13)
	}
	return []int64{math.MinInt64, math.MaxInt64, math.MinInt32, math.MaxInt32, 1 << 52}[rnd.IntN(5)]
}

// scalars returns a column of values made of numbers.
func scalars(rnd *rand.Rand, t column.Type, rows int, number func() int64, nulls bool) *column.Column {
	slots, dict := rows, rnd.IntN(2) == 0
	if dict {
		slots = 1 + rnd.IntN(2*rows+1)
	}
	v := column.Vector{Type: t, Len: slots}
	if nulls && rnd.IntN(4) > 0 {
		v.Valid = column.NewBitmap(slots)
		for i := range slots {
			if rnd.IntN(10) > 0 {
				v.Valid.Set(i)
			}
		}
	}
	narrow := rnd.IntN(2) == 0
	for range slots {
		add(&v, number(), narrow)
	}
	c := &column.Column{Len: rows, Values: v}
	if dict {
		c.Index = make([]int32, rows)
		for i := range c.Index {
			c.Index[i] = int32(rnd.IntN(slots))
		}
	}
	return c
}

// add appends a value that follows from x, in storage form if narrow.
func add(v *column.Vector, x int64, narrow bool) {
	switch {
	case v.Type == column.Bool:
		v.Bools = append(v.Bools, x&1 == 1)
	case v.Type == column.String:
		v.Text.Append([]byte(fmt.Sprintf("%*d", int(uint64(x)%40), x)))
	case v.Type == column.Float32 && narrow:
		v.Float32s = append(v.Float32s, math.Float32frombits(uint32(x)))
	case v.Type == column.Float32:
		v.Float64s = append(v.Float64s, float64(float32(x)))
	case v.Type == column.Float64:
		v.Float64s = append(v.Float64s, math.Float64frombits(uint64(x)))
	case v.Type.Narrow() && narrow:
		v.Int32s = append(v.Int32s, int32(x))
	case v.Type.Narrow():
		v.Int64s = append(v.Int64s, int64(int32(x)))
	default:
		v.Int64s = append(v.Int64s, x)
	}
}

func lists(rnd *rand.Rand, t column.Type, rows int) *column.Column {
	v := column.Vector{Type: t, Len: rows, Offsets: []uint32{0}, Valid: column.NewBitmap(rows)}
	total := 0
	for i := range rows {
		if rnd.IntN(6) > 0 {
			v.Valid.Set(i)
			total += rnd.IntN(12) * rnd.IntN(2)
		}
		v.Offsets = append(v.Offsets, uint32(total))
	}
	v.Elements = scalars(rnd, t.Elem(), total, func() int64 { return odd(rnd) }, true)
	return &column.Column{Len: rows, Values: v}
}

// Value returns row r of a column: nil for null, else bool, int64, uint64 (the bits of a
// float, as float64; of a NaN of 32 bits, those of its payload), string or []any.
func Value(c *column.Column, r int) any {
	if c.Null(r) {
		return nil
	}
	v, s := &c.Values, c.Slot(r)
	switch v.Type.Kind() {
	case column.Bools:
		return v.Bools[s]
	case column.Ints:
		return v.Int(s)
	case column.Strings:
		return string(v.Text.At(s))
	case column.Lists:
		lo, hi := v.List(s)
		list := []any{}
		for e := lo; e < hi; e++ {
			list = append(list, Value(v.Elements, e))
		}
		return list
	}
	if v.Float32s != nil {
		return uint64(math.Float32bits(v.Float32s[s]))
	}
	if v.Type == column.Float32 {
		return uint64(math.Float32bits(float32(v.Float64s[s])))
	}
	return math.Float64bits(v.Float64s[s])
}

// Cell returns field f of a row in the terms of Value.
func Cell(l *row.Layout, r row.Row, f int) (any, error) {
	if l.Null(r, f) {
		return nil, nil
	}
	switch t := l.Schema().Fields[f].Type; {
	case t.IsList():
		list, err := l.List(r, f)
		if err != nil {
			return nil, err
		}
		return elements(list)
	case t == column.String:
		b, err := l.Bytes(r, f)
		return string(b), err
	case t == column.Bool:
		return l.Bool(r, f), nil
	case t == column.Float32:
		return uint64(math.Float32bits(l.Float32(r, f))), nil
	case t == column.Float64:
		return math.Float64bits(l.Float64(r, f)), nil
	}
	return l.Int64(r, f), nil
}

func elements(list row.List) (any, error) {
	all := []any{}
	for i := range list.Len {
		var v any
		switch {
		case list.Null(i):
		case list.Type == column.String:
			b, err := list.Bytes(i)
			if err != nil {
				return nil, err
			}
			v = string(b)
		case list.Type == column.Bool:
			v = list.Bool(i)
		case list.Type == column.Float32:
			v = uint64(math.Float32bits(list.Float32(i)))
		case list.Type == column.Float64:
			v = math.Float64bits(list.Float64(i))
		default:
			v = list.Int64(i)
		}
		all = append(all, v)
	}
	return all, nil
}

// Put adds the key of row r to keys.
func Put(keys *row.Keys, in row.Input, r int) {
	for _, c := range in.Keys {
		switch v := Value(c, r).(type) {
		case string:
			keys.PutBytes([]byte(v))
		case bool:
			if v {
				keys.PutInt(1)
			} else {
				keys.PutInt(0)
			}
		case int64:
			keys.PutInt(v)
		}
	}
}

// Key returns the key of row r as text, different for different keys.
func Key(in row.Input, r int) string {
	text := ""
	for _, c := range in.Keys {
		text += fmt.Sprintf("%q|", fmt.Sprint(Value(c, r)))
	}
	return text
}
