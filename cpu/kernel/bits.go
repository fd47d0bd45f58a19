package kernel

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Words returns how many 64-bit words hold the bits of n slots.
func Words(n int) int { return (n + 63) >> 6 }

// tail returns the mask of the bits in use in the last word of n slots.
func tail(n int) uint64 {
	if rest := n & 63; rest != 0 {
		return 1<<rest - 1
	}
	return ^uint64(0)
}

// FillBits sets the bits of n slots, and clears those past them.
func FillBits(dst []uint64, n int) {
	words := Words(n)
	for i := range dst[:words] {
		dst[i] = ^uint64(0)
	}
	if words > 0 {
		dst[words-1] = tail(n)
	}
}

// CopyBits copies the bits of n slots, and clears those past them. A nil src
// has every bit set.
func CopyBits(dst, src []uint64, n int) {
	if src == nil {
		FillBits(dst, n)
		return
	}
	words := Words(n)
	copy(dst[:words], src[:words])
	if words > 0 {
		dst[words-1] &= tail(n)
	}
}

// AndBits makes dst the slots that are in dst and in src, in place.
func AndBits(dst, src []uint64) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] &= src[i]
	}
}

// AllBits reports whether the bits of n slots are all set.
func AllBits(b []uint64, n int) bool {
	if b == nil || n == 0 {
		return true
	}
	words := Words(n)
	for _, w := range b[:words-1] {
		if w != ^uint64(0) {
			return false
		}
	}
	last := tail(n)
	return b[words-1]&last == last
}

// OnlyNull returns the one slot of n whose bit is clear, -1 if none is; ok is false if
// there are several.
func OnlyNull(b []uint64, n int) (slot int, ok bool) {
	slot = -1
	for i, w := range b[:Words(n)] {
		nulls := ^w
		if (i+1)<<6 > n {
			nulls &= tail(n)
		}
		if nulls == 0 {
			continue
		}
		if slot >= 0 || nulls&(nulls-1) != 0 {
			return -1, false
		}
		slot = i<<6 + bits.TrailingZeros64(nulls)
	}
	return slot, true
}

// Bit returns 1 if b is true and 0 if not, without a branch.
func Bit(b bool) uint64 {
	var n uint64
	if b {
		n = 1
	}
	return n
}

// PackBools writes a bit per bool.
func PackBools(dst []uint64, src []bool) {
	data := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(src))), len(src)) // 0 and 1
	for w := range dst[:Words(len(src))] {
		word := uint64(0)
		part := data[w<<6:]
		if len(part) >= 64 {
			for i := 0; i < 64; i += 8 {
				word |= packEight(binary.LittleEndian.Uint64(part[i:i+8])) << i
			}
		} else {
			for i, b := range part {
				word |= uint64(b) << (i & 63)
			}
		}
		dst[w] = word
	}
}

// packEight returns the last bit of each byte: the product moves that of byte i to bit
// 56+i, and no two terms meet.
func packEight(bytes uint64) uint64 { return bytes * 0x0102040810204080 >> 56 }

// UnpackNots writes true where the bit is clear: IsNull of a bitmap. A nil src has
// every bit set.
func UnpackNots(dst []bool, src []uint64) {
	if src == nil {
		clear(dst)
		return
	}
	for i := range dst {
		dst[i] = src[i>>6]>>(i&63)&1 == 0
	}
}

// ClearZeros clears the bit of each slot whose divisor is zero: integer division
// and remainder by zero are null.
func ClearZeros(valid []uint64, divisor []int64) {
	for i, d := range divisor {
		if d == 0 {
			valid[i>>6] &^= 1 << (i & 63)
		}
	}
}
