package output

import (
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"

	"quern/features/column"
)

// nullCode stands for null. A value has the same code with a chance of 2^-61.
const nullCode = 0x6E756C6C

// digester turns columns into codes, the terms of the content digest: one 61-bit
// number per value, whatever its encoding. It holds scratch memory for one
// goroutine.
type digester struct {
	powers powers
	slots  []uint64 // codes of a dictionary's slots
	rows   [16 * block]uint64
	lists  []uint64 // codes of the elements of some rows' lists
}

func newDigester() digester { return digester{powers: newPowers()} }

// add appends the rows of c to h.
func (d *digester) add(h *content, c *column.Column) {
	v := &c.Values
	if v.Type.IsList() {
		d.addLists(h, v)
		return
	}
	if c.Index == nil || v.Len > c.Len {
		d.perRow(h, c)
		return
	}
	d.slots = resize(d.slots, v.Len)
	slots := d.slots
	encodeSlots(slots, v, 0)
	index := c.Index
	shift := d.powers.shift()
	for ; len(index) >= block; index = index[block:] {
		h.hash = addMod(mulMod(h.hash, shift), d.powers.gather(slots, (*[block]int32)(index)))
	}
	h.rows += uint64(c.Len - len(index))
	for i, slot := range index {
		d.rows[i] = slots[slot]
	}
	h.append(&d.powers, d.rows[:len(index)])
}

// perRow appends a plain column, or one with more slots than rows.
func (d *digester) perRow(h *content, c *column.Column) {
	for from := 0; from < c.Len; {
		codes := d.rows[:min(c.Len-from, len(d.rows))]
		if c.Index == nil {
			encodeSlots(codes, &c.Values, from)
		} else {
			for i := range codes {
				encodeSlots(codes[i:i+1], &c.Values, int(c.Index[from+i]))
			}
		}
		h.append(&d.powers, codes)
		from += len(codes)
	}
}

// encodeSlots fills codes with those of slots from, from+1, ...
func encodeSlots(codes []uint64, v *column.Vector, from int) {
	to := from + len(codes)
	switch {
	case v.Bools != nil:
		for i, x := range v.Bools[from:to] {
			code := uint64(1) // the form that compiles to no branch
			if x {
				code = 2
			}
			codes[i] = code
		}
	case v.Int32s != nil:
		for i, x := range v.Int32s[from:to] {
			codes[i] = mix(uint64(int64(x)))
		}
	case v.Int64s != nil:
		for i, x := range v.Int64s[from:to] {
			codes[i] = mix(uint64(x))
		}
	case v.Float32s != nil:
		for i, x := range v.Float32s[from:to] {
			codes[i] = mix(math.Float64bits(float64(x)))
		}
	case v.Float64s != nil:
		for i, x := range v.Float64s[from:to] {
			codes[i] = mix(math.Float64bits(x))
		}
	case v.Type == column.String:
		for i := range codes {
			if !v.Null(from + i) { // what lies under a null is never read
				codes[i] = xxh3.Hash(v.Text.At(from+i)) >> 3
			}
		}
	}
	if v.Valid != nil {
		encodeNulls(codes, v.Valid, from)
	}
}

// encodeNulls overwrites the codes of nulls, 64 at a time.
func encodeNulls(codes []uint64, valid column.Bitmap, from int) {
	for i := 0; i < len(codes); {
		at := from + i
		n := min(64-at%64, len(codes)-i)
		nulls := ^valid[at/64] >> (at % 64) & (1<<n - 1)
		for ; nulls != 0; nulls &= nulls - 1 {
			codes[i+bits.TrailingZeros64(nulls)] = nullCode
		}
		i += n
	}
}

// mix spreads the bits of x over 61 bits, so that values of a pattern (multiples of
// something, one exponent) have codes without one.
func mix(x uint64) uint64 {
	x ^= x >> 32
	return x * 0xD6E8FEB86659FD93 >> 3
}
