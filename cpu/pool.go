package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// pool computes a number per list: dst's values of what from, whose elements have
// the given values, holds. It reports whether that went without overflow.
type pool func(st *stock, dst, from *source, values *column.Vector) bool

// pooling returns the meaning of an instruction that makes a number of each list,
// or nil.
func (b *binder) pooling(in *program.Instr) pool {
	if in.Op == program.ListLength {
		return lengths
	}
	floats := b.kind(in.Args[0]) == column.Floats
	switch {
	case in.Op == program.ListSum && floats, in.Op == program.ListMean:
		mean := in.Op == program.ListMean
		return poolFloats(func(dst []float64, valid []uint64, l kernel.Lists[float64]) bool {
			kernel.SumFloatLists(dst, valid, l, mean)
			return true
		})
	case in.Op == program.ListSum:
		return poolInts(kernel.SumIntLists)
	case in.Op == program.ListMin && floats:
		return poolFloats(unfailing(kernel.MinLists[float64]))
	case in.Op == program.ListMin:
		return poolInts(unfailing(kernel.MinLists[int64]))
	case in.Op == program.ListMax && floats:
		return poolFloats(unfailing(kernel.MaxLists[float64]))
	case in.Op == program.ListMax:
		return poolInts(unfailing(kernel.MaxLists[int64]))
	}
	return nil
}

// poolKernel writes a number and a bit of validity per list, and reports whether
// that went without overflow.
type poolKernel[T kernel.Number] func(dst []T, valid []uint64, l kernel.Lists[T]) bool

func unfailing[T kernel.Number](k func(dst []T, valid []uint64, l kernel.Lists[T])) poolKernel[T] {
	return func(dst []T, valid []uint64, l kernel.Lists[T]) bool {
		k(dst, valid, l)
		return true
	}
}

func poolFloats(k poolKernel[float64]) pool {
	return func(st *stock, dst, from *source, values *column.Vector) bool {
		v := &dst.made.Values
		dst.memory.values.Float64s = st.floats.grow(dst.memory.values.Float64s, v.Len)
		v.Float64s = dst.memory.values.Float64s
		return k(v.Float64s, dst.bitmap(st), listsOf(from, values, values.Float64s))
	}
}

func poolInts(k poolKernel[int64]) pool {
	return func(st *stock, dst, from *source, values *column.Vector) bool {
		v := &dst.made.Values
		dst.memory.values.Int64s = st.ints.grow(dst.memory.values.Int64s, v.Len)
		v.Int64s = dst.memory.values.Int64s
		return k(v.Int64s, dst.bitmap(st), listsOf(from, values, values.Int64s))
	}
}

func listsOf[T kernel.Number](from *source, v *column.Vector, values []T) kernel.Lists[T] {
	return kernel.Lists[T]{Offsets: from.offsets, Index: from.index(), Values: values, Valid: v.Valid}
}

// bitmap returns the validity of what is made, which is to be written.
func (s *source) bitmap(st *stock) []uint64 {
	s.memory.bits = st.words.grow(s.memory.bits, kernel.Words(s.made.Len))
	s.made.Values.Valid = s.memory.bits
	return s.memory.bits
}

// lengths is ListLength, which looks at no element: null where the list is.
func lengths(st *stock, dst, from *source, _ *column.Vector) bool {
	v := &dst.made.Values
	dst.memory.values.Int64s = st.ints.grow(dst.memory.values.Int64s, v.Len)
	v.Int64s, v.Valid = dst.memory.values.Int64s, from.valid
	kernel.ListLengths(v.Int64s, from.offsets)
	return true
}
