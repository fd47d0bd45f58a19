package parquet

import (
	"encoding/binary"
	"slices"

	"quern/features/column"
	"quern/features/diag"
)

// values holds decoded values as the file stores them, before they become values of
// the column's type. Which slice is in use follows from the physical type.
type values struct {
	bools []bool      // BOOLEAN
	words []uint32    // INT32 and FLOAT: bits
	longs []uint64    // INT64 and DOUBLE: bits
	text  column.Text // BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, INT96 (12 bytes each)

	lengths, prefixes []uint32 // of the DELTA encodings
	exact             exact
}

// decode replaces v by n values of type p (width bytes each, if fixed), written in
// data with encoding e, which is none of the dictionary encodings. Text is decoded
// into text, which grows to at most limit bytes; what was in it stays.
func (v *values) decode(data []byte, e encoding, p physical, width, n int, text *column.Text, limit int64) error {
	if p == int96 {
		width = 12
	}
	switch p {
	case boolean:
		v.bools = resize(v.bools, n)
		if e == runLength {
			return readRunLengthBools(data, v.bools)
		}
		return readPlainBools(data, v.bools)
	case int32s, floats:
		v.words = resize(v.words, n)
		return v.decodeWords(data, e)
	case int64s, doubles:
		v.longs = resize(v.longs, n)
		return v.decodeLongs(data, e)
	case fixedBytes, int96:
		return v.decodeFixed(data, e, width, n, text, limit)
	}
	switch e {
	case deltaLengthBytes:
		return v.decodeDeltaLength(data, n, text, limit)
	case deltaBytes:
		return v.decodeDeltaBytes(data, n, 0, text, limit)
	}
	return readPlainBytes(data, n, text, limit)
}

func (v *values) decodeWords(data []byte, e encoding) error {
	switch e {
	case deltaBinaryPacked:
		_, err := readDelta(data, v.words, 32)
		return err
	case byteStreamSplit:
		return readSplit(data, len(v.words), 4, func(i int, b []byte) { v.words[i] = binary.LittleEndian.Uint32(b) })
	}
	if len(data) < 4*len(v.words) {
		return short(len(v.words))
	}
	load(v.words, data)
	return nil
}

func (v *values) decodeLongs(data []byte, e encoding) error {
	switch e {
	case deltaBinaryPacked:
		_, err := readDelta(data, v.longs, 64)
		return err
	case byteStreamSplit:
		return readSplit(data, len(v.longs), 8, func(i int, b []byte) { v.longs[i] = binary.LittleEndian.Uint64(b) })
	}
	if len(data) < 8*len(v.longs) {
		return short(len(v.longs))
	}
	load(v.longs, data)
	return nil
}

func (v *values) decodeFixed(data []byte, e encoding, width, n int, text *column.Text, limit int64) error {
	if e == deltaBytes {
		return v.decodeDeltaBytes(data, n, width, text, limit)
	}
	if len(data)/width < n {
		return short(n)
	}
	if err := room(text, n*width, limit); err != nil {
		return err
	}
	if e == byteStreamSplit {
		return readSplit(data, n, width, func(_ int, b []byte) { text.Append(b) })
	}
	for i := range n {
		text.Append(data[i*width : (i+1)*width])
	}
	return nil
}

// short is the error of a page whose values are cut off.
func short(n int) error { return diag.New("Q205", "a page is too short for its %d values", n) }

// room checks that text may grow by n bytes and sees to the memory.
func room(text *column.Text, n int, limit int64) error {
	if int64(len(text.Bytes))+int64(n) > limit {
		return tooLarge("the strings", limit)
	}
	text.Bytes = slices.Grow(text.Bytes, n)
	return nil
}

// tooLarge is the error of data that needs more memory than there may be.
func tooLarge(what string, limit int64) error {
	e := diag.New("Q209", "%s would take more than the %d MiB that reading may take", what, limit>>20)
	e.Next = "write the file with smaller row groups, or give more memory"
	return e
}

// readPlainBools reads a bit per value, least significant first.
func readPlainBools(data []byte, into []bool) error {
	if len(data) < (len(into)+7)/8 {
		return short(len(into))
	}
	for ; len(into) >= 8; into, data = into[8:], data[1:] {
		b, to := data[0], into[:8]
		to[0], to[1], to[2], to[3] = b&1 != 0, b&2 != 0, b&4 != 0, b&8 != 0
		to[4], to[5], to[6], to[7] = b&16 != 0, b&32 != 0, b&64 != 0, b&128 != 0
	}
	for i := range into {
		into[i] = data[0]>>i&1 == 1
	}
	return nil
}

// readRunLengthBools reads runs of width 1 after their length in bytes.
func readRunLengthBools(data []byte, into []bool) error {
	data, _, err := lengthPrefixed(data)
	if err != nil {
		return err
	}
	r := runs{data: data, width: 1, left: len(into)}
	for r.left > 0 {
		at := len(into) - r.left
		run, err := r.next()
		if err != nil {
			return err
		}
		for i := range run.n {
			into[at+i] = run.value == 1
			if run.packed != nil {
				into[at+i] = run.packed[i>>3]>>(i&7)&1 == 1
			}
		}
	}
	return nil
}

// lengthPrefixed splits data after a block that starts with its length in 4 bytes.
func lengthPrefixed(data []byte) (block, rest []byte, err error) {
	if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) {
		return nil, nil, diag.New("Q205", "a block of levels or values is longer than its page")
	}
	n := int(binary.LittleEndian.Uint32(data))
	return data[4 : 4+n], data[4+n:], nil
}

// readPlainBytes reads strings, each after its length in 4 bytes.
func readPlainBytes(data []byte, n int, text *column.Text, limit int64) error {
	if len(data) < 4*n {
		return short(n)
	}
	if err := room(text, len(data)-4*n, limit); err != nil {
		return err
	}
	// Lengths that are wrong may add up to more before they are found out.
	text.Bytes = slices.Grow(text.Bytes, len(data)+2*longCopy)
	bytes, at := text.Bytes[:cap(text.Bytes)], len(text.Bytes)
	offsets := growTo(text.Offsets, len(text.Offsets)+n)
	for i := len(text.Offsets); i < len(offsets); i++ {
		if len(data) < 4 {
			return short(n)
		}
		length := binary.LittleEndian.Uint32(data)
		data = data[4:]
		if uint64(length) > uint64(len(data)) {
			return diag.New("Q205", "a string of %d bytes is longer than its page", length)
		}
		switch {
		case length <= longCopy && len(data) >= longCopy:
			copyLong(bytes[at:], data)
		case length <= 2*longCopy && len(data) >= 2*longCopy:
			copyLong(bytes[at:], data)
			copyLong(bytes[at+longCopy:], data[longCopy:])
		default:
			copy(bytes[at:], data[:length])
		}
		at += int(length)
		offsets[i] = uint32(at)
		data = data[length:]
	}
	text.Bytes, text.Offsets = bytes[:at], offsets
	return nil
}

// longCopy is how long a string may be to be copied together with what follows it.
const longCopy = 32

// copyLong copies longCopy bytes without the call and the branches of copy.
func copyLong(into, from []byte) {
	into, from = into[:longCopy], from[:longCopy]
	for i := 0; i < longCopy; i += 16 {
		a, b := binary.LittleEndian.Uint64(from[i:]), binary.LittleEndian.Uint64(from[i+8:])
		binary.LittleEndian.PutUint64(into[i:], a)
		binary.LittleEndian.PutUint64(into[i+8:], b)
	}
}

// readSplit reads n values of width bytes whose first bytes come all first, then
// their second bytes, and so on.
func readSplit(data []byte, n, width int, put func(i int, value []byte)) error {
	if len(data)/width < n {
		return short(n)
	}
	if len(data) != n*width {
		return diag.New("Q205", "a page of %d values has %d bytes too many", n, len(data)-n*width)
	}
	value := make([]byte, width)
	for i := range n {
		for b := range value {
			value[b] = data[b*n+i]
		}
		put(i, value)
	}
	return nil
}
