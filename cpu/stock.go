package cpu

import (
	"unsafe"

	"quern/features/column"
)

// stock is a session's memory: scratch for one instruction, and buffers that nothing
// is in. Sessions take a stock of the back end when they are made and give it back,
// with all of their buffers, when they are closed, whatever program they were of.
type stock struct {
	call     call
	bools    spare[bool]
	bytes    spare[byte]
	int32s   spare[int32]
	uint32s  spare[uint32]
	float32s spare[float32]
	ints     spare[int64]
	words    spare[uint64]
	floats   spare[float64]
}

// spare is buffers of one type that nothing is in.
type spare[T any] struct {
	buffers [][]T
	bytes   int
}

// maxSpare is how many bytes of buffers of one type a stock keeps; what a session has
// beyond them goes to the garbage collector.
const maxSpare = 8 << 20

// grow returns s with n elements, keeping the memory where it suffices; else it takes
// the smallest spare buffer that does, or makes one. What the elements hold is not
// defined.
func (f *spare[T]) grow(s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	best := -1
	for i, b := range f.buffers {
		if cap(b) >= n && (best < 0 || cap(b) < cap(f.buffers[best])) {
			best = i
		}
	}
	if best < 0 {
		return make([]T, n, n+n/4)
	}
	return f.take(best)[:n]
}

// open returns s emptied, to be appended to: the largest spare buffer if s has no
// memory.
func (f *spare[T]) open(s []T) []T {
	if cap(s) > 0 || len(f.buffers) == 0 {
		return s[:0]
	}
	best := 0
	for i, b := range f.buffers {
		if cap(b) > cap(f.buffers[best]) {
			best = i
		}
	}
	return f.take(best)[:0]
}

func (f *spare[T]) take(i int) []T {
	s, last := f.buffers[i], len(f.buffers)-1
	f.buffers[i], f.buffers[last] = f.buffers[last], nil
	f.buffers = f.buffers[:last]
	f.bytes -= sizeOf(s)
	return s
}

// give puts a buffer, which nothing else uses, among the spare ones, unless those are
// too many.
func (f *spare[T]) give(s *[]T) {
	if n := sizeOf(*s); n > 0 && f.bytes+n <= maxSpare {
		f.buffers = append(f.buffers, *s)
		f.bytes += n
	}
	*s = nil
}

// sizeOf returns how many bytes the memory of s has.
func sizeOf[T any](s []T) int {
	var x T
	return cap(s) * int(unsafe.Sizeof(x))
}

// giveMemory takes in the buffers of m.
func (st *stock) giveMemory(m *memory) {
	st.words.give(&m.bits)
	st.bools.give(&m.bools)
	st.ints.give(&m.ints)
	st.floats.give(&m.floats)
	st.uint32s.give(&m.start)
	st.uint32s.give(&m.end)
	st.bytes.give(&m.arena)
}

// giveVector takes in the buffers of v.
func (st *stock) giveVector(v *column.Vector) {
	st.bools.give(&v.Bools)
	st.ints.give(&v.Int64s)
	st.floats.give(&v.Float64s)
	st.int32s.give(&v.Int32s)
	st.float32s.give(&v.Float32s)
	st.uint32s.give(&v.Text.Offsets)
	st.bytes.give(&v.Text.Bytes)
}

// giveSource takes in the buffers of m.
func (st *stock) giveSource(m *sourceMemory) {
	st.uint32s.give(&m.offsets)
	st.int32s.give(&m.index)
	st.giveVector(&m.values)
	st.words.give(&m.bits)
}
