package column

import "math/bits"

// Bitmap has one bit per slot, least significant first: set means present, clear
// means null. Bits past the last slot are zero. A nil Bitmap means that every
// slot is present.
type Bitmap []uint64

// NewBitmap returns a bitmap of n slots, all null.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// Get reports whether slot i is present. It is true for every i when b is nil.
func (b Bitmap) Get(i int) bool { return b == nil || b[i>>6]>>(i&63)&1 == 1 }

// Set marks slot i as present. b must not be nil.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (i & 63) }

// Clear marks slot i as null. b must not be nil.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (i & 63) }

// Count returns how many of the first n slots are present.
func (b Bitmap) Count(n int) int {
	if b == nil {
		return n
	}
	total := 0
	for _, w := range b[:n>>6] {
		total += bits.OnesCount64(w)
	}
	if rest := n & 63; rest != 0 {
		total += bits.OnesCount64(b[n>>6] & (1<<rest - 1))
	}
	return total
}

// Fill marks the first n slots as present and clears the rest of the last word.
func (b Bitmap) Fill(n int) {
	for i := range b[:n>>6] {
		b[i] = ^uint64(0)
	}
	if rest := n & 63; rest != 0 {
		b[n>>6] = 1<<rest - 1
	}
}
