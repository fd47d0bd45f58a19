package row

import (
	"math"

	"quern/features/column"
	"quern/features/diag"
)

// lists fills into with the lists of field f; their elements are a plain column.
func (g *Gatherer) lists(f int, into *column.Vector) error {
	into.Offsets = append(into.Offsets[:0], 0)
	if into.Elements == nil {
		into.Elements = &column.Column{}
	}
	all := into.Elements
	emptyElements(all, into.Type.Elem())
	for i, r := range g.rows {
		if into.Valid.Get(i) {
			list, err := g.layout.List(r, f)
			if err != nil {
				return err
			}
			if all.Len+list.Len > math.MaxInt32 {
				return tooMuch()
			}
			if err := appendElements(all, list); err != nil {
				return err
			}
		}
		into.Offsets = append(into.Offsets, uint32(all.Len))
	}
	return nil
}

func emptyElements(c *column.Column, t column.Type) {
	v := &c.Values
	if c.Len, v.Len = 0, 0; v.Type != t {
		*c = column.Column{Values: column.Vector{Type: t}}
	}
	v.Valid = nil
	switch t.Kind() {
	case column.Bools:
		v.Bools = sized(v.Bools, 0)
	case column.Strings:
		v.Text.Reset()
	case column.Floats:
		if t == column.Float32 {
			v.Float32s = sized(v.Float32s, 0)
		} else {
			v.Float64s = sized(v.Float64s, 0)
		}
	case column.Ints:
		if t.Narrow() {
			v.Int32s = sized(v.Int32s, 0)
		} else {
			v.Int64s = sized(v.Int64s, 0)
		}
	}
}

// appendElements appends the elements of one list.
func appendElements(c *column.Column, list List) error {
	v := &c.Values
	for i := range list.Len {
		markElement(v, list.Null(i))
		switch {
		case list.Type == column.Bool:
			v.Bools = append(v.Bools, list.Bool(i))
		case list.Type == column.Float32:
			v.Float32s = append(v.Float32s, list.Float32(i))
		case list.Type == column.Float64:
			v.Float64s = append(v.Float64s, list.Float64(i))
		case list.Type == column.String:
			b, err := list.Bytes(i)
			if err != nil {
				return err
			}
			if uint64(len(v.Text.Bytes))+uint64(len(b)) > math.MaxUint32 {
				return tooMuch()
			}
			v.Text.Append(b)
		case list.Type.Narrow():
			v.Int32s = append(v.Int32s, int32(list.Int64(i)))
		default:
			v.Int64s = append(v.Int64s, list.Int64(i))
		}
		c.Len++
		v.Len++
	}
	return nil
}

// markElement gives the element that comes next its bit. Valid is made at the first null.
func markElement(v *column.Vector, null bool) {
	if v.Valid == nil {
		if !null {
			return
		}
		v.Valid = column.NewBitmap(v.Len + 1)
		v.Valid.Fill(v.Len)
		return
	}
	if len(v.Valid)*64 == v.Len {
		v.Valid = append(v.Valid, 0)
	}
	if !null {
		v.Valid.Set(v.Len)
	}
}

// tooMuch is the error for answers that 32-bit offsets do not reach.
func tooMuch() error {
	return diag.New("Q653", "the strings or lists of one answer are longer than 4 GiB").
		WithHint("ask for fewer keys at once")
}
