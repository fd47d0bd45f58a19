package gpu

import "quern/gpu/cuda"

// border is what arrays on the device start at and are padded to.
const border = 256

// layout deals out a region of memory, front to back.
type layout struct{ size int }

// take returns the place of n bytes.
func (l *layout) take(n int) span {
	s := span{l.size, n}
	l.size += (n + border - 1) / border * border
	return s
}

// span is a place in a region: n bytes from byte at.
type span struct{ at, n int }

// of returns the bytes of the span in a region of the host.
func (s span) of(region *cuda.Pinned) []byte { return region.Bytes()[s.at : s.at+s.n : s.at+s.n] }

// in returns the address of the span in a region of the device, which may turn out to be
// too small for it; an empty span has none.
func (s span) in(region cuda.Buffer) uint64 {
	if s.n == 0 {
		return 0
	}
	return region.Addr + uint64(s.at)
}

// words returns the bytes of a bitmap of n bits.
func words(n int) int { return (n + 63) / 64 * 8 }
