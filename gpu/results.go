package gpu

import (
	"quern/features/column"
	"quern/gpu/cuda"
)

// results are what a pass leaves of a batch, in memory that the session keeps.
type results struct {
	pass    *pass
	vectors []column.Vector // by leave; of those that only statistics see, nothing
	bits    []column.Bitmap
}

// open makes room for n rows.
func (r *results) open(p *pass, types []column.Type, n int) {
	if r.pass != p {
		*r = results{pass: p, vectors: make([]column.Vector, len(types)), bits: make([]column.Bitmap, len(types))}
	}
	for i, t := range types {
		if p.leaves[i].output < 0 {
			continue
		}
		v := &r.vectors[i]
		v.Type, v.Len = t, n
		r.bits[i] = resize(r.bits[i], (n+63)/64)
		v.Valid = r.bits[i]
		switch {
		case t == column.Bool:
			v.Bools = resize(v.Bools, n)
		case t == column.Float32:
			v.Float32s = resize(v.Float32s, n)
		case t == column.Float64:
			v.Float64s = resize(v.Float64s, n)
		case t.Narrow():
			v.Int32s = resize(v.Int32s, n)
		default:
			v.Int64s = resize(v.Int64s, n)
		}
	}
}

func resize[T any, S ~[]T](s S, n int) S {
	if cap(s) < n || s == nil {
		return make(S, n)
	}
	return s[:n]
}

// take copies what leave i of a slice is.
func (r *results) take(i int, s *slice) {
	if r.pass.leaves[i].output < 0 {
		return
	}
	v, l := &r.vectors[i], s.left[i]
	from, to := s.lo, s.lo+s.n
	copy(cuda.Bytes(r.bits[i][from>>6:(to+63)>>6]), s.got(l.valid))
	memory, _ := rawBytes(v, from, to)
	copy(memory, s.got(l.values))
}

// copy makes the rows of leave i from lo on what the reference computed. lo is a
// multiple of 64.
func (r *results) copy(i int, c *column.Column, lo int) {
	v := &r.vectors[i]
	for k := range c.Len {
		slot, at := c.Slot(k), lo+k
		if c.Values.Null(slot) {
			r.bits[i].Clear(at)
			continue
		}
		r.bits[i].Set(at)
		switch {
		case v.Type == column.Bool:
			v.Bools[at] = c.Values.Bools[slot]
		case v.Type == column.Float32:
			v.Float32s[at] = c.Values.Float32s[slot]
		case v.Type == column.Float64:
			v.Float64s[at] = c.Values.Float64s[slot]
		case v.Type.Narrow():
			v.Int32s[at] = c.Values.Int32s[slot]
		default:
			v.Int64s[at] = c.Values.Int64s[slot]
		}
	}
}

// deliver puts what a pass left into the outputs of its batch.
func (r *runner) deliver(out *column.Batch) {
	for i, l := range r.pass.leaves {
		if l.output < 0 {
			continue
		}
		v := r.own.vectors[i]
		if v.Valid.Count(v.Len) == v.Len {
			v.Valid = nil
		}
		c := column.Column{Len: v.Len, Values: v}
		if r.list != nil {
			elements := c
			c = column.Column{Len: out.Rows, Values: column.Vector{
				Type: column.ListOf(v.Type), Len: out.Rows,
				Valid: r.list.Valid, Offsets: r.list.Offsets, Elements: &elements,
			}}
		}
		out.Columns[l.output] = c
	}
}
