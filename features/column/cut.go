package column

// Cut returns rows [from, to) of c, which share its memory; from is a multiple of 64,
// and so is to unless it is the end. Lists are copied.
func Cut(c *Column, from, to int) Column {
	switch {
	case from == 0 && to == c.Len:
		return *c
	case c.Index != nil:
		return Column{Len: to - from, Values: c.Values, Index: c.Index[from:to]}
	case c.Type().IsList():
		rows := make([]int32, to-from)
		for r := range rows {
			rows[r] = int32(from + r)
		}
		var out Column
		Take(&out, c, rows)
		return out
	}
	return Column{Len: to - from, Values: cutVector(&c.Values, from, to)}
}

func cutVector(v *Vector, from, to int) Vector {
	out := Vector{Type: v.Type, Len: to - from,
		Bools: cutSlots(v.Bools, from, to), Int32s: cutSlots(v.Int32s, from, to), Int64s: cutSlots(v.Int64s, from, to),
		Float32s: cutSlots(v.Float32s, from, to), Float64s: cutSlots(v.Float64s, from, to)}
	if v.Valid != nil {
		out.Valid = v.Valid[from/64 : (to+63)/64]
	}
	if v.Type == String {
		out.Text = Text{Offsets: v.Text.Offsets[from : to+1], Bytes: v.Text.Bytes}
	}
	return out
}

func cutSlots[T any](s []T, from, to int) []T {
	if s == nil {
		return nil
	}
	return s[from:to]
}
