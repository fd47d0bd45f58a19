package parquet

import (
	"encoding/binary"

	"quern/features/column"
	"quern/features/diag"
)

// readDelta decodes DELTA_BINARY_PACKED integers of so many bits, which wrap
// around, into into, and returns the bytes after them:
//
//	values per block | miniblocks per block | number of values | first value
//	block: least delta | a width per miniblock | miniblocks of (delta - least)
//
// A miniblock is bit-packed; those after the last value have a width and no bytes.
func readDelta[T uint32 | uint64](data []byte, into []T, bits int) ([]byte, error) {
	c := cursor{data: data}
	size, parts, total, first := c.uvarint(), c.uvarint(), c.uvarint(), c.varint()
	if c.err != nil || size == 0 || size > 1<<20 || parts == 0 || size%parts != 0 || size/parts%8 != 0 {
		return nil, diag.New("Q205", "a block of deltas has no valid header")
	}
	if total != uint64(len(into)) {
		return nil, diag.New("Q205", "a block of deltas has %d values where %d belong", total, len(into))
	}
	if len(into) == 0 {
		return data[c.pos:], nil
	}
	value := T(first)
	into[0] = value
	for at := 1; at < len(into); {
		least := T(c.varint())
		widths := c.data[c.pos:]
		c.bytes(int(parts))
		for part := 0; part < int(parts) && at < len(into) && c.err == nil; part++ {
			width := int(widths[part])
			n := min(int(size/parts), len(into)-at)
			packed := c.data[c.pos:]
			c.bytes(packedSize(width, int(size/parts), n, len(packed)))
			if c.err != nil || width > bits {
				return nil, diag.New("Q205", "a block of deltas is damaged")
			}
			value = addDeltas(into[at:at+n], value, least, packed, width)
			at += n
		}
		if c.err != nil {
			return nil, diag.New("Q205", "a block of deltas is cut off")
		}
	}
	return data[c.pos:], nil
}

// packedSize returns the bytes of a miniblock of size values, n of them wanted: some
// writers cut the padding of the last one off.
func packedSize(width, size, n, have int) int {
	if whole := width * size / 8; whole <= have {
		return whole
	}
	return (width*n + 7) / 8
}

// addDeltas decodes len(into) values that follow value.
func addDeltas[T uint32 | uint64](into []T, value, least T, packed []byte, width int) T {
	if width == 0 {
		clear(into)
	} else {
		unpack(into, packed, width)
	}
	for i := range into {
		value += least + into[i]
		into[i] = value
	}
	return value
}

// bitsAt returns the 64 bits from position bit, as far as packed has them.
func bitsAt(packed []byte, bit int) uint64 {
	at, shift := bit>>3, bit&7
	if at+9 <= len(packed) {
		return binary.LittleEndian.Uint64(packed[at:])>>shift | uint64(packed[at+8])<<1<<(63-shift)
	}
	var tail [9]byte
	copy(tail[:], packed[min(at, len(packed)):])
	return binary.LittleEndian.Uint64(tail[:])>>shift | uint64(tail[8])<<1<<(63-shift)
}

// decodeDeltaLength reads DELTA_LENGTH_BYTE_ARRAY: the strings' lengths, then all
// their bytes.
func (v *values) decodeDeltaLength(data []byte, n int, text *column.Text, limit int64) error {
	v.lengths = resize(v.lengths, n)
	data, err := readDelta(data, v.lengths, 32)
	if err != nil {
		return err
	}
	if err := room(text, len(data), limit); err != nil {
		return err
	}
	at, end := len(text.Bytes), len(text.Bytes)+len(data)
	offsets := growTo(text.Offsets, len(text.Offsets)+n)
	for i, length := range v.lengths {
		if uint64(length) > uint64(end-at) {
			return diag.New("Q205", "a string of %d bytes is longer than its page", length)
		}
		at += int(length)
		offsets[len(text.Offsets)+i] = uint32(at)
	}
	text.Bytes, text.Offsets = append(text.Bytes, data[:at-len(text.Bytes)]...), offsets
	return nil
}

// decodeDeltaBytes reads DELTA_BYTE_ARRAY: how many bytes each string shares with
// the one before, then the rest of each as DELTA_LENGTH_BYTE_ARRAY. All strings
// must have width bytes unless width is 0. A small page can stand for very many
// bytes, so they are added up before there is room for them.
func (v *values) decodeDeltaBytes(data []byte, n, width int, text *column.Text, limit int64) error {
	v.prefixes, v.lengths = resize(v.prefixes, n), resize(v.lengths, n)
	data, err := readDelta(data, v.prefixes, 32)
	if err != nil {
		return err
	}
	if data, err = readDelta(data, v.lengths, 32); err != nil {
		return err
	}
	total, err := v.checkDeltaBytes(len(data), width)
	if err != nil {
		return err
	}
	if err := room(text, total, limit); err != nil {
		return err
	}
	start := len(text.Bytes) // of the string before
	for i, length := range v.lengths {
		before := text.Bytes[start:]
		start = len(text.Bytes)
		text.Bytes = append(append(text.Bytes, before[:v.prefixes[i]]...), data[:length]...)
		text.Offsets = append(text.Offsets, uint32(len(text.Bytes)))
		data = data[length:]
	}
	return nil
}

// checkDeltaBytes checks the lengths and prefixes of strings whose other bytes are
// so many in all, and returns how long the strings are together.
func (v *values) checkDeltaBytes(bytes, width int) (total int, err error) {
	before := int64(0)
	for i, length := range v.lengths {
		prefix := int64(v.prefixes[i])
		bytes -= int(length)
		if prefix > before || bytes < 0 {
			return 0, diag.New("Q205", "a string is made of %d bytes of the one before, which has %d, and %d more", prefix, before, length)
		}
		before = prefix + int64(length)
		if width > 0 && before != int64(width) {
			return 0, diag.New("Q205", "a value has %d bytes where %d belong", before, width)
		}
		total += int(before)
	}
	return total, nil
}
