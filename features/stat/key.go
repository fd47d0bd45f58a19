package stat

import (
	"bytes"
	"encoding/binary"

	"quern/features/column"
)

// A key is a tuple of values as bytes whose order is that of the tuples: part by
// part, null first. Each part is
//
//	0        null
//	1 value  bool: 0 or 1
//	         integers and times: 8 bytes big-endian, sign flipped
//	         floats: 8 bytes big-endian, of orderFloat, sign flipped; one zero, one NaN (last)
//	         string, last part: its bytes
//	         string, other part: its bytes with 0 as 0 255, then 0 0
const (
	tagNull  = 0
	tagValue = 1
)

// Cell is one part of a key. If it is not Null, the field of the type's kind
// holds the value.
type Cell struct {
	Null  bool
	Bool  bool
	Int   int64
	Float float64
	Str   []byte
}

// appendPart appends slot i of v as a part of a key.
func appendPart(key []byte, v *column.Vector, i int, last bool) []byte {
	if v.Null(i) {
		return append(key, tagNull)
	}
	key = append(key, tagValue)
	switch v.Type.Kind() {
	case column.Bools:
		if v.Bools[i] {
			return append(key, 1)
		}
		return append(key, 0)
	case column.Ints:
		return binary.BigEndian.AppendUint64(key, uint64(v.Int64s[i])^1<<63)
	case column.Floats:
		return binary.BigEndian.AppendUint64(key, floatPart(v.Float64s[i]))
	}
	if last {
		return append(key, v.Text.At(i)...)
	}
	return appendEscaped(key, v.Text.At(i))
}

// floatPart returns the 8 bytes of v in a key.
func floatPart(v float64) uint64 { return uint64(orderFloat(canonicalFloat(v))) ^ 1<<63 }

func appendEscaped(key, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, 0)
		if i < 0 {
			return append(append(key, s...), 0, 0)
		}
		key = append(append(key, s[:i]...), 0, 0xff)
		s = s[i+1:]
	}
}

// DecodeKey takes a key of columns of types apart, into the first len(types)
// cells of into, whose Str buffers are reused. Bytes that are no key of these
// types are ErrCorrupt.
func DecodeKey(types []column.Type, key []byte, into []Cell) error {
	r := &reader{data: key}
	for i, t := range types {
		readPart(r, t, i == len(types)-1, &into[i])
	}
	if r.bad || len(r.data) > 0 {
		return corrupt("key of another type")
	}
	return nil
}

func readPart(r *reader, t column.Type, last bool, c *Cell) {
	*c = Cell{Str: c.Str[:0]}
	switch r.byte() {
	case tagNull:
		c.Null = true
		return
	case tagValue:
	default:
		r.bad = true
	}
	switch t.Kind() {
	case column.Bools:
		b := r.byte()
		c.Bool = b == 1
		r.bad = r.bad || b > 1
	case column.Ints:
		c.Int = int64(r.fixed() ^ 1<<63)
		r.bad = r.bad || !intOf(t, c.Int)
	case column.Floats:
		raw := r.fixed()
		c.Float = unorderFloat(int64(raw ^ 1<<63))
		r.bad = r.bad || floatPart(c.Float) != raw || !floatOf(t, c.Float)
	default:
		if last {
			c.Str = append(c.Str, r.take(uint64(len(r.data)))...)
			return
		}
		c.Str = r.escaped(c.Str)
	}
}

// fixed reads 8 big-endian bytes.
func (r *reader) fixed() uint64 {
	raw := r.take(8)
	if raw == nil {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}

// escaped reads a string that appendEscaped wrote.
func (r *reader) escaped(s []byte) []byte {
	for {
		i := bytes.IndexByte(r.data, 0)
		if i < 0 || i+1 == len(r.data) {
			r.bad = true
			return s
		}
		s = append(s, r.data[:i]...)
		mark := r.data[i+1]
		r.data = r.data[i+2:]
		switch mark {
		case 0:
			return s
		case 0xff:
			s = append(s, 0)
		default:
			r.bad = true
			return s
		}
	}
}

// keyer turns the rows of key columns into keys, with one lookup per distinct
// tuple of dictionary slots where it can. Its buffers are reused.
type keyer struct {
	columns []column.Column
	local   []int32 // per row: the slots in mixed radix; of tuples only
	key     []byte
}

// maxLocal bounds the product of the dictionaries' sizes.
const maxLocal = 1 << 22

// begin takes the key columns of a batch. size is how many local ids there are,
// or 0 if rows have no local ids: some column is plain, or the product of the
// dictionaries' sizes is out of proportion. Local ids of one column are its slots.
func (k *keyer) begin(columns []column.Column) (size int) {
	k.columns = columns
	n := columns[0].Len
	size = 1
	for i := range columns {
		if !columns[i].Dict() {
			return 0
		}
		size *= columns[i].Values.Len
		if size > maxLocal || size > 1<<16+64*n {
			return 0
		}
	}
	if len(columns) > 1 {
		k.radix(n)
	}
	return size
}

// radix makes the local ids of tuples.
func (k *keyer) radix(n int) {
	k.local = resize(k.local, n)
	copy(k.local, k.columns[0].Index[:n])
	for _, c := range k.columns[1:] {
		radix := int32(c.Values.Len)
		for row, slot := range c.Index[:n] {
			k.local[row] = k.local[row]*radix + slot
		}
	}
}

// locals returns the local id of every row; see begin.
func (k *keyer) locals() []int32 {
	if len(k.columns) == 1 {
		return k.columns[0].Index[:k.columns[0].Len]
	}
	return k.local
}

// slots turns rows into the slots of the only key column.
func (k *keyer) slots(rows []uint32) {
	if index := k.columns[0].Index; index != nil {
		for i, row := range rows {
			rows[i] = uint32(index[row])
		}
	}
}

// load packs the keys of b.ids: local ids if local, else rows.
func (k *keyer) load(b *block, local bool) {
	if len(k.columns) > 1 {
		b.loadKeys(k, local)
		return
	}
	if !local {
		k.slots(b.ids[:b.n])
	}
	b.load(&k.columns[0].Values)
}

// appendLocal appends the key of a local id to k.key.
func (k *keyer) appendLocal(local uint32) {
	var slots [16]uint32
	at := slots[:]
	if len(k.columns) > len(slots) {
		at = make([]uint32, len(k.columns))
	}
	for i := len(k.columns) - 1; i >= 0; i-- {
		radix := uint32(k.columns[i].Values.Len)
		at[i] = local % radix
		local /= radix
	}
	for i := range k.columns {
		k.key = appendPart(k.key, &k.columns[i].Values, int(at[i]), i == len(k.columns)-1)
	}
}

// appendRow appends the key of a row to k.key.
func (k *keyer) appendRow(row int) {
	for i := range k.columns {
		c := &k.columns[i]
		k.key = appendPart(k.key, &c.Values, c.Slot(row), i == len(k.columns)-1)
	}
}

// intValue returns the value of a key of one integer, temporal or (as
// orderFloat) real part that is not null.
func intValue(key []byte) int64 { return int64(binary.BigEndian.Uint64(key[1:]) ^ 1<<63) }

// appendIntKey is the inverse of intValue.
func appendIntKey(key []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(key, tagValue), uint64(v)^1<<63)
}
