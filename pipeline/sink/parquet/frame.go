package parquet

import "encoding/binary"

// Frames of zstd (RFC 8878) that are written by hand, because what they hold is known:
// bytes that do not compress, and integers that ascend, as ids in a dictionary do.
// Any decoder reads them.

// Types of blocks.
const (
	rawBlock        = 0
	compressedBlock = 2
)

const (
	maxBlock = 128 << 10 // bytes of a block, when it is decoded
	lastFlag = 1         // in the header of the last block
)

// appendFrameHead appends the head of a frame of size bytes: one segment, no checksum
// (pages have their own).
func appendFrameHead(dst []byte, size int) []byte {
	dst = append(dst, 0x28, 0xB5, 0x2F, 0xFD, 0xA0)
	return binary.LittleEndian.AppendUint32(dst, uint32(size))
}

func appendBlockHead(dst []byte, kind, size int) []byte {
	head := kind<<1 | size<<3
	return append(dst, byte(head), byte(head>>8), byte(head>>16))
}

// appendStored appends a frame that holds src as it is.
func appendStored(dst, src []byte) []byte {
	dst = appendFrameHead(dst, len(src))
	for {
		n := min(len(src), maxBlock)
		at := len(dst)
		dst = append(appendBlockHead(dst, rawBlock, n), src[:n]...)
		if src = src[n:]; len(src) == 0 {
			dst[at] |= lastFlag
			return dst
		}
	}
}

// minAscending is the fewest integers that appendAscending is meant for: its blocks
// would be larger than what they hold.
const minAscending = 64

// minDense is how many integers must differ in their last byte alone to become a
// block of their own: the heads of blocks cost about as much as is saved.
const minDense = 32

// ascending writes a frame of integers of 8 bytes. Most share all but their last one
// or two bytes with the one before. So they are sequences of zstd that are all alike:
// one or two literals, then a copy of what is eight bytes before. Such sequences take
// no bits at all beside their literals.
type ascending struct {
	dst    []byte
	keys   []uint64
	last   int  // where the last block starts
	primed bool // the offset of copies is set
}

// appendAscending appends a frame of keys, least significant byte first, which ascend
// as signed integers. Any keys give a valid frame.
func appendAscending(dst []byte, keys []uint64) []byte {
	a := ascending{dst: appendFrameHead(dst, 8*len(keys)), keys: keys}
	for from := 0; from < len(keys); {
		a.whole(keys[from])
		to := from + 1
		for to < len(keys) && keys[to]>>16 == keys[from]>>16 {
			to++
		}
		for from++; from < to; {
			if end := a.stretch(from-1, to); end-from >= minDense {
				a.sequences(keys[from:end], 1)
				from = end
				continue
			}
			end := from // the first of the next stretch that is long, or the end
			for end < to {
				next := a.stretch(end, to)
				if next-end > minDense {
					end++
					break
				}
				end = next
			}
			a.sequences(keys[from:end], 2)
			from = end
		}
	}
	a.dst[a.last] |= lastFlag
	return a.dst
}

// stretch returns the end of the keys from from on, at most to, that differ in their
// last byte alone.
func (a *ascending) stretch(from, to int) int {
	end := from + 1
	for end < to && a.keys[end]>>8 == a.keys[from]>>8 {
		end++
	}
	return end
}

// whole appends a key as it is.
func (a *ascending) whole(key uint64) {
	a.last = len(a.dst)
	a.dst = binary.LittleEndian.AppendUint64(appendBlockHead(a.dst, rawBlock, 8), key)
}

// sequences appends keys that differ from the key before in their last bytes alone.
func (a *ascending) sequences(keys []uint64, literals int) {
	for len(keys) > 0 {
		n := min(len(keys), maxBlock/8)
		if !a.primed {
			n = 1
		}
		a.block(keys[:n], literals)
		keys = keys[n:]
	}
}

// block appends a compressed block.
func (a *ascending) block(keys []uint64, literals int) {
	a.last = len(a.dst)
	dst := appendBlockHead(a.dst, compressedBlock, 0)
	head := literals*len(keys)<<4 | 3<<2 // raw literals, their number in 20 bits
	dst = append(dst, byte(head), byte(head>>8), byte(head>>16))
	for _, key := range keys {
		dst = append(dst, byte(key))
		if literals == 2 {
			dst = append(dst, byte(key>>8))
		}
	}
	if n := len(keys); n < 128 {
		dst = append(dst, byte(n))
	} else {
		dst = append(dst, byte(n>>8+128), byte(n))
	}
	// One symbol for all lengths of literals, one for all offsets, one for all copies.
	// The first block takes the third of the offsets that a frame begins with, which is
	// 8; it is then the latest, symbol 0. Both bits of its stream are set: that of the
	// offset, and the mark of the end.
	offset, stream := byte(0), byte(1)
	if !a.primed {
		offset, stream, a.primed = 1, 3, true
	}
	dst = append(dst, 1<<6|1<<4|1<<2, byte(literals), offset, byte(8-literals-3), stream)
	appendBlockHead(dst[:a.last], compressedBlock, len(dst)-a.last-3)
	a.dst = dst
}
