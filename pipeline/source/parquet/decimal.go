package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"

	"quern/features/column"
)

// maxDigits bounds the digits of a decimal: as many as 256 bits always hold.
const maxDigits = 76

// decimalText is how many bytes the text of 256 bits can take: 78 digits, a point, a
// zero before it and a sign.
const decimalText = 81

// wide is an integer: a magnitude of up to 256 bits, least significant limb first.
type wide struct {
	limbs    [4]uint64
	negative bool
}

// small reports whether n is in its first limb.
func (n *wide) small() bool { return n.limbs[1]|n.limbs[2]|n.limbs[3] == 0 }

// signed sets n to x.
func (n *wide) signed(x int64) {
	n.limbs, n.negative = [4]uint64{uint64(x)}, x < 0
	if x < 0 {
		n.limbs[0] = -uint64(x)
	}
}

// bytes sets n to b, big-endian in two's complement, and returns false for none and
// for more than 256 bits.
func (n *wide) bytes(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	n.negative = b[0]&0x80 != 0
	fill := byte(0)
	if n.negative {
		fill = 0xff
	}
	for len(b) > 32 && b[0] == fill && (b[1]^fill)&0x80 == 0 {
		b = b[1:]
	}
	if len(b) > 32 {
		return false
	}
	var full [32]byte
	for i := range full {
		full[i] = fill
	}
	copy(full[32-len(b):], b)
	carry := uint64(1) // of the negation: flip all bits and add one
	for i := range n.limbs {
		n.limbs[i] = binary.BigEndian.Uint64(full[24-8*i:])
		if n.negative {
			n.limbs[i], carry = bits.Add64(^n.limbs[i], 0, carry)
		}
	}
	return true
}

// appendDigits appends the magnitude of n: its digits in groups of 19, by division.
func (n *wide) appendDigits(b []byte) []byte {
	const group = 1e19
	var groups [5]uint64
	left, last := *n, 0
	for i := range groups {
		var r uint64
		for limb := 3; limb >= 0; limb-- {
			left.limbs[limb], r = bits.Div64(r, left.limbs[limb], group)
		}
		if groups[i] = r; r != 0 {
			last = i
		}
	}
	b = strconv.AppendUint(b, groups[last], 10)
	for i := last - 1; i >= 0; i-- {
		from := len(b)
		b = append(b, "0000000000000000000"...)
		for at := from + 18; groups[i] > 0; at-- {
			b[at] = '0' + byte(groups[i]%10)
			groups[i] /= 10
		}
	}
	return b
}

// exact converts decimals, and unsigned integers of 64 bits, which are decimals
// without digits after the point.
type exact struct {
	scale int
	whole uint64  // 10^scale; 0 if that takes more than 64 bits
	real  float64 // 10^scale; 0 if that is no float64
	text  []byte
}

// set makes x convert numbers with scale digits after the point.
func (x *exact) set(scale int) {
	x.scale, x.whole, x.real = scale, 1, 1
	for i := range scale {
		x.whole *= 10
		x.real *= 10
		if i >= 19 {
			x.whole = 0
		}
		if i >= 22 {
			x.real = 0
		}
	}
}

// put writes n / 10^scale to a slot of into (strings: appends it). It returns why the
// type cannot hold the value, or "".
func (x *exact) put(n *wide, into *column.Vector, slot int) (why string) {
	switch into.Type {
	case column.Float64:
		into.Float64s[slot] = x.float64(n)
	case column.Float32:
		into.Float32s[slot], why = x.float32(n)
	case column.Int64:
		into.Int64s[slot], why = x.int64(n)
	case column.String:
		into.Text.Append(x.canonical(n))
	}
	return why
}

// canonical returns the text of the value: one for each value, whatever its scale.
// It has no zeros at the end of the fraction, no point without a fraction, and a zero
// before the point if there is nothing else. It is valid until the next call.
func (x *exact) canonical(n *wide) []byte {
	b := x.text[:0]
	if n.negative {
		b = append(b, '-')
	}
	sign := len(b)
	b = n.appendDigits(b)
	if missing := x.scale + 1 - (len(b) - sign); missing > 0 {
		b = append(b, make([]byte, missing)...)
		copy(b[sign+missing:], b[sign:])
		for i := range missing {
			b[sign+i] = '0'
		}
	}
	if x.scale > 0 {
		point := len(b) - x.scale
		b = append(b, 0)
		copy(b[point+1:], b[point:])
		b[point] = '.'
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
		if len(b) == point+1 {
			b = b[:point]
		}
	}
	x.text = b
	return b
}

// float64 returns the nearest float64. Where the integer and the power of ten are both
// exact, one division rounds once; for the rest there is strconv.
func (x *exact) float64(n *wide) float64 {
	if n.small() && n.limbs[0] <= 1<<53 && x.real != 0 {
		f := float64(n.limbs[0]) / x.real
		if n.negative {
			f = -f
		}
		return f
	}
	f, err := strconv.ParseFloat(string(x.canonical(n)), 64)
	if err != nil {
		panic("quern: bug: 256 bits are no float64: " + err.Error())
	}
	return f
}

// float32 returns the nearest float32; not through float64, which would round twice.
func (x *exact) float32(n *wide) (value float32, why string) {
	if n.small() && n.limbs[0] <= 1<<24 && x.scale <= 10 {
		f := float32(n.limbs[0]) / float32(x.real)
		if n.negative {
			f = -f
		}
		return f, ""
	}
	text := x.canonical(n)
	f, err := strconv.ParseFloat(string(text), 32)
	if err != nil {
		return 0, fmt.Sprintf("%s is out of the range of float32", text)
	}
	return float32(f), ""
}

// int64 returns the value if it is whole and in range.
func (x *exact) int64(n *wide) (value int64, why string) {
	if n.small() && x.whole != 0 && n.limbs[0]%x.whole == 0 && n.limbs[0]/x.whole < 1<<63 {
		value = int64(n.limbs[0] / x.whole)
		if n.negative {
			value = -value
		}
		return value, ""
	}
	text := x.canonical(n)
	value, err := strconv.ParseInt(string(text), 10, 64)
	switch {
	case err == nil:
		return value, ""
	case bytes.IndexByte(text, '.') >= 0:
		return 0, fmt.Sprintf("%s is not whole: int64 cannot hold it", text)
	}
	return 0, fmt.Sprintf("%s is out of the range of int64", text)
}

// storeExact is store for decimals and unsigned integers of 64 bits. The bytes of
// into's strings grow to at most limit. With bad, which has a bit per value, values that
// do not fit are marked there and do not stop it; their slots are garbage.
func (v *values) storeExact(col *fileColumn, into *column.Vector, start, n int, limit int64, bad column.Bitmap) error {
	v.exact.set(col.scale)
	for i := range n {
		if into.Type == column.String {
			if err := room(&into.Text, decimalText, limit); err != nil {
				return err
			}
		}
		why := v.putExact(col, i, into, start+i)
		switch {
		case why == "":
		case bad == nil:
			return &overflow{i, "Q215", why}
		default:
			bad.Set(i)
		}
	}
	return nil
}

// putExact writes value i to a slot and returns why that is impossible, or "".
func (v *values) putExact(col *fileColumn, i int, into *column.Vector, slot int) string {
	var n wide
	switch {
	case col.form == unsigned64:
		n.limbs[0] = v.longs[i]
	case col.physical == int32s:
		n.signed(int64(int32(v.words[i])))
	case col.physical == int64s:
		n.signed(int64(v.longs[i]))
	default:
		if b := v.text.At(i); !n.bytes(b) {
			if into.Type == column.String {
				into.Text.Append(nil)
			}
			return fmt.Sprintf("a decimal of %d bytes: 1 to 32 are read", len(b))
		}
	}
	return v.exact.put(&n, into, slot)
}
