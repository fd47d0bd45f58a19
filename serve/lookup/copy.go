package lookup

import "quern/features/column"

// AppendColumn appends rows of a column in storage form, plain or dictionary-coded, which
// has the type of c; nil means all of them. c has copies.
func (c *Cells) AppendColumn(from *column.Column, rows []int32) {
	if from.Type() != c.Type {
		panic("quern: bug: cells of " + c.Type.String() + " take a column of " + from.Type().String())
	}
	if rows == nil {
		for r := range from.Len {
			c.appendSlot(&from.Values, from.Slot(r))
		}
		return
	}
	for _, r := range rows {
		c.appendSlot(&from.Values, from.Slot(int(r)))
	}
}

// appendSlot appends one slot. Floats keep their bits.
func (c *Cells) appendSlot(v *column.Vector, i int) {
	switch {
	case v.Null(i):
		c.AddNull()
	case v.Type.IsList():
		lo, hi := v.List(i)
		for k := lo; k < hi; k++ {
			c.inner.appendSlot(&v.Elements.Values, v.Elements.Slot(k))
		}
		c.End()
	case v.Type == column.Float32:
		c.Float32s = append(c.Float32s, v.Float32s[i])
		c.present()
	default:
		c.add(v, i)
	}
}
