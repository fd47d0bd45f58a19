package segment

import (
	"math"
	"unsafe"

	"quern/serve/row"
)

// arena holds copies of rows in chunks, so that growing copies nothing. A row's base is
// the chunk and the place in it.
type arena struct {
	layout *row.Layout
	chunk  int // bytes of a chunk, about
	per    int // rows in a chunk of fixed parts
	rows   int
	fixed  [][]byte
	heap   [][]byte
	bytes  int64 // of all chunks in use

	freeFixed, freeHeap [][]byte // chunks of a run that was spilled
}

// newArena returns an arena that is to hold about memory bytes.
func newArena(l *row.Layout, memory int64) *arena {
	chunk := int(min(1<<20, max(1<<10, memory/64)))
	return &arena{layout: l, chunk: chunk, per: max(1, chunk/l.Stride())}
}

// reset empties a and keeps its chunks: what is spilled again and again takes no more
// memory than once. Chunks for outsize heaps are dropped.
func (a *arena) reset() {
	a.freeFixed = append(a.freeFixed, a.fixed...)
	for _, c := range a.heap {
		if cap(c) == a.chunk {
			a.freeHeap = append(a.freeHeap, c)
		}
	}
	clear(a.heap)
	a.fixed, a.heap, a.rows, a.bytes = a.fixed[:0], a.heap[:0], 0, 0
}

// grab returns an empty chunk of size bytes, of the free ones if there are any.
func grab(free *[][]byte, size int) []byte {
	if n := len(*free); n > 0 && cap((*free)[n-1]) == size {
		c := (*free)[n-1][:0]
		*free = (*free)[:n-1]
		return c
	}
	return make([]byte, 0, size)
}

// size returns the bytes that the arena takes, with the entries that sorting it needs.
func (a *arena) size() int64 { return a.bytes + int64(a.rows)*int64(unsafe.Sizeof(entry{})) }

// cost returns the bytes that adding a row would take.
func (a *arena) cost(r row.Row) int64 {
	return int64(len(r.Fixed)+len(r.Heap)) + int64(unsafe.Sizeof(entry{}))
}

// full reports whether rows cannot be numbered any further.
func (a *arena) full() bool { return a.rows == math.MaxUint32 || len(a.heap) >= math.MaxInt32 }

// add appends a copy of r.
func (a *arena) add(r row.Row) {
	if a.rows%a.per == 0 {
		a.fixed = append(a.fixed, grab(&a.freeFixed, a.per*a.layout.Stride()))
		a.bytes += int64(a.per * a.layout.Stride())
	}
	c := &a.fixed[len(a.fixed)-1]
	at := len(*c)
	*c = append(*c, r.Fixed...)
	a.rows++
	if !a.layout.HasHeap() {
		return
	}
	last := len(a.heap) - 1
	if last < 0 || cap(a.heap[last])-len(a.heap[last]) < len(r.Heap) {
		size := max(a.chunk, len(r.Heap))
		a.heap = append(a.heap, grab(&a.freeHeap, size))
		a.bytes += int64(size)
		last++
	}
	a.layout.SetBase((*c)[at:], uint64(last)<<32|uint64(len(a.heap[last])))
	a.heap[last] = append(a.heap[last], r.Heap...)
}

// at returns row i.
func (a *arena) at(i uint32) row.Row {
	stride := a.layout.Stride()
	from := int(i) % a.per * stride
	fixed := a.fixed[int(i)/a.per][from : from+stride : from+stride]
	if !a.layout.HasHeap() {
		return row.Row{Fixed: fixed}
	}
	base, n := a.layout.Base(fixed), a.layout.HeapLen(fixed)
	at := int(uint32(base))
	return row.Row{Fixed: fixed, Heap: a.heap[base>>32][at : at+n : at+n]}
}
