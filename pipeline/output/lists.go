package output

import (
	"math/bits"

	"quern/features/column"
)

// addLists appends the rows of v, which are lists.
func (d *digester) addLists(h *content, v *column.Vector) {
	c := v.Elements
	once := c.Index != nil && c.Values.Len <= c.Len
	if once {
		d.slots = resize(d.slots, c.Values.Len)
		encodeSlots(d.slots, &c.Values, 0)
	}
	for from := 0; from < v.Len; {
		codes := d.rows[:min(v.Len-from, len(d.rows))]
		first, end := int(v.Offsets[from]), int(v.Offsets[from+len(codes)])
		d.lists = resize(d.lists, end-first)
		d.elementCodes(c, first, once)
		for i := range codes {
			lo, hi := v.List(from + i)
			codes[i] = d.powers.list(d.lists[lo-first : hi-first])
		}
		if v.Valid != nil {
			encodeNulls(codes, v.Valid, from)
		}
		h.append(&d.powers, codes)
		from += len(codes)
	}
}

// elementCodes fills lists with the codes of c's rows first, first+1, ... once says
// that slots has those of the dictionary.
func (d *digester) elementCodes(c *column.Column, first int, once bool) {
	if c.Index == nil {
		encodeSlots(d.lists, &c.Values, first)
		return
	}
	for i, slot := range c.Index[first : first+len(d.lists)] {
		if once {
			d.lists[i] = d.slots[slot]
		} else {
			encodeSlots(d.lists[i:i+1], &c.Values, int(slot))
		}
	}
}

// list returns the code of a list: the polynomial over its length plus one and then
// the codes of its elements, mixed, so that it has no structure in the polynomial over
// the rows. Lists of different lengths or elements are different polynomials.
func (p *powers) list(codes []uint64) uint64 {
	h := content{hash: uint64(len(codes)) + 1}
	if len(codes) >= block {
		h.append(p, codes)
	} else if n := len(codes); n > 0 {
		h.hash = addMod(mulMod(h.hash, p.power(n)), p.short(codes))
	}
	return mix(h.hash)
}

// power returns base^n for n up to block-1.
func (p *powers) power(n int) uint64 { return p[block-1-n] }

// short is sum for fewer codes than a block.
func (p *powers) short(codes []uint64) uint64 {
	var high, low, carry uint64
	weights := p[block-len(codes):]
	for i, v := range codes {
		h, l := bits.Mul64(v, weights[i])
		low, carry = bits.Add64(low, l, 0)
		high, _ = bits.Add64(high, h, carry)
	}
	return reduceWide(high, low)
}

// resize returns s with n elements, whose contents are arbitrary.
func resize(s []uint64, n int) []uint64 {
	if cap(s) < n {
		return make([]uint64, n, n+n/4)
	}
	return s[:n]
}
