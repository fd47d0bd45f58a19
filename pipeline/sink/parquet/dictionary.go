package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"

	"quern/features/column"
)

// dictionary numbers the distinct values of a column in the order in which they come:
// 0, 1, 2 ... Values are distinct if their bits are, so NaNs and zeros keep theirs.
// It is an open hash table with linear probing, at most half full.
type dictionary struct {
	table []int32  // code + 1; 0: free
	keys  []uint64 // by code: the bits of a number, the hash of a string
	text  column.Text
	bytes int // of the values in PLAIN encoding
	// unindexed says that keys are not all in the table.
	unindexed bool
	// sorted says that keys are integers that ascend.
	sorted bool
}

// maxDictionary is how many bytes a dictionary page may have: a reader must hold it
// whole, and wants it in its cache.
const maxDictionary = 4 << 20

// reset empties d and keeps its memory.
func (d *dictionary) reset() {
	d.table = d.table[:0]
	d.keys, d.bytes, d.unindexed, d.sorted = d.keys[:0], 0, false, false
	d.text.Reset()
}

// code returns the number of a value, which is given a new one if it has none.
func (d *dictionary) code(v *column.Vector, slot int) int32 {
	if v.Type == column.String {
		return d.textCode(v.Text.At(slot))
	}
	return d.numberCode(bitsOf(v, slot), width(v.Type))
}

// numberCode returns the code of a number with these bits.
func (d *dictionary) numberCode(key uint64, size int) int32 {
	if d.unindexed || 2*len(d.keys) >= len(d.table) {
		d.grow()
	}
	mask := len(d.table) - 1
	for at := d.home(key); ; at = (at + 1) & mask {
		code := d.table[at] - 1
		if code < 0 {
			return d.add(at, key, size)
		}
		if d.keys[code] == key {
			return code
		}
	}
}

// textCode returns the code of a string.
func (d *dictionary) textCode(s []byte) int32 {
	if 2*len(d.keys) >= len(d.table) {
		d.grow()
	}
	mask := len(d.table) - 1
	key := hash(s)
	for at := d.home(key); ; at = (at + 1) & mask {
		code := d.table[at] - 1
		if code < 0 {
			d.text.Append(s)
			return d.add(at, key, 4+len(s))
		}
		if d.keys[code] == key && bytes.Equal(d.text.At(int(code)), s) {
			return code
		}
	}
}

// home returns where a key's search starts: the upper bits of a product, which all
// bits of the key reach.
func (d *dictionary) home(key uint64) int {
	return int((key ^ key>>32) * 0x9E3779B97F4A7C15 >> (64 - uint(bits.Len(uint(len(d.table)-1)))))
}

func (d *dictionary) add(at int, key uint64, size int) int32 {
	code := int32(len(d.keys))
	d.sorted = false
	d.keys = append(d.keys, key)
	d.table[at] = code + 1
	d.bytes += size
	return code
}

// ascend takes the integers low + i of the bits that are set in words, each of size
// bytes, as the first values. They are not looked up before grow.
func (d *dictionary) ascend(words []uint64, low int64, size int) {
	mask := uint64(math.MaxUint64) >> (64 - 8*size)
	for i, word := range words {
		for base := uint64(low) + 64*uint64(i); word != 0; word &= word - 1 {
			d.keys = append(d.keys, (base+uint64(bits.TrailingZeros64(word)))&mask)
		}
	}
	d.bytes = size * len(d.keys)
	d.unindexed, d.sorted = true, true
}

// grow makes a larger table of all keys.
func (d *dictionary) grow() { d.reserve(2*len(d.keys) + 1) }

// reserve sees to it that all keys are in the table, and that it has room for n in all.
func (d *dictionary) reserve(n int) {
	if !d.unindexed && 2*n < len(d.table) {
		return
	}
	d.unindexed = false
	size := 1 << bits.Len(uint(max(32, 2*n)))
	if cap(d.table) < size {
		d.table = make([]int32, size)
	}
	d.table = d.table[:size]
	clear(d.table)
	mask := size - 1
	for code, key := range d.keys {
		at := d.home(key)
		for d.table[at] != 0 {
			at = (at + 1) & mask
		}
		d.table[at] = int32(code) + 1
	}
}

// hash mixes a string into 64 bits, eight bytes at a time. It decides speed, never an
// order or a result.
func hash(s []byte) uint64 {
	h := uint64(len(s)) + 0x9E3779B97F4A7C15
	for ; len(s) >= 8; s = s[8:] {
		h = fold(h ^ binary.LittleEndian.Uint64(s))
	}
	tail := uint64(0)
	for i, b := range s {
		tail |= uint64(b) << (8 * i)
	}
	return fold(h ^ tail)
}

func fold(x uint64) uint64 {
	high, low := bits.Mul64(x, 0xE7037ED1A0B428DB)
	return high ^ low
}

// appendPlain appends all values in PLAIN encoding.
func (d *dictionary) appendPlain(dst []byte, t column.Type) []byte {
	switch {
	case t == column.String:
		for i := range d.keys {
			s := d.text.At(i)
			dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
		}
	case width(t) == 4:
		for _, key := range d.keys {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(key))
		}
	default:
		for _, key := range d.keys {
			dst = binary.LittleEndian.AppendUint64(dst, key)
		}
	}
	return dst
}

// see takes the values [from, to) into b.
func (d *dictionary) see(b *bounds, t column.Type, from, to int) {
	if d.sorted && to-from > 2 {
		d.see(b, t, from, from+1)
		from = to - 1
	}
	for code := from; code < to; code++ {
		switch key := d.keys[code]; {
		case t == column.String:
			b.seeText(d.text.At(code))
		case t == column.Float32:
			b.seeReal(float64(math.Float32frombits(uint32(key))))
		case t == column.Float64:
			b.seeReal(math.Float64frombits(key))
		case width(t) == 4:
			b.seeInt(int64(int32(uint32(key))))
		default:
			b.seeInt(int64(key))
		}
	}
}

// appendTo appends the value of a code to v.
func (d *dictionary) appendTo(v *column.Vector, code int) {
	switch key := d.keys[code]; v.Type {
	case column.String:
		v.Text.Append(d.text.At(code))
	case column.Float32:
		v.Float32s = append(v.Float32s, math.Float32frombits(uint32(key)))
	case column.Float64:
		v.Float64s = append(v.Float64s, math.Float64frombits(key))
	case column.Int32, column.Date:
		v.Int32s = append(v.Int32s, int32(uint32(key)))
	default:
		v.Int64s = append(v.Int64s, int64(key))
	}
}

// bitsOf returns the bits of a number of a vector in storage form.
func bitsOf(v *column.Vector, slot int) uint64 {
	switch {
	case v.Int64s != nil:
		return uint64(v.Int64s[slot])
	case v.Int32s != nil:
		return uint64(uint32(v.Int32s[slot]))
	case v.Float32s != nil:
		return uint64(math.Float32bits(v.Float32s[slot]))
	case v.Float64s != nil:
		return math.Float64bits(v.Float64s[slot])
	}
	panic("quern: bug: value of type " + v.Type.String() + " is not in storage form")
}

// width returns the bytes of a number in PLAIN encoding.
func width(t column.Type) int {
	if t.Narrow() {
		return 4
	}
	return 8
}
