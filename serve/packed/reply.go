package packed

import (
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
)

// Encoder writes LookupResponses. It keeps its memory.
type Encoder struct {
	body   []byte // of a View or Column
	data   []byte // of one column
	valid  []byte // of one column, or of the matrix
	shown  column.Bitmap
	starts []byte // offsets
}

// Append appends the reply to a look-up: b, after Expire. rows asks for one matrix; it fails with Q625 where the columns do not make one up.
func (e *Encoder) Append(dst []byte, b *lookup.Block, rows bool) ([]byte, error) {
	if rows {
		if err := OneType(b.Query); err != nil {
			return dst, err
		}
	}
	if b.Rows > 0 {
		dst = protowire.AppendVarint(append(dst, 1<<3), uint64(b.Rows))
	}
	for p := range b.Parts {
		e.view(b, p)
		dst = protowire.AppendBytes(append(dst, 2<<3|2), e.body)
	}
	for f := range b.Values {
		e.column(b, f, !rows)
		dst = protowire.AppendBytes(append(dst, 3<<3|2), e.body)
	}
	if rows {
		dst = e.matrix(dst, b)
	}
	return dst, nil
}

// OneType fails with Q625 where the columns of q do not make up a matrix: they have
// several types, or one whose values differ in size.
func OneType(q *lookup.Query) error {
	first := q.Fields[0]
	if first.Type.Size() == 0 {
		return diag.New("Q625", "%q is of type %s, which no matrix can have", first.Name, first.Type).
			In(at(first.Name, -1)).WithHint("ask for LAYOUT_COLUMNS")
	}
	for _, f := range q.Fields {
		if f.Type != first.Type {
			return diag.New("Q625", "%q is of type %s, %q of type %s: a matrix has one type", first.Name, first.Type, f.Name, f.Type).
				In(at(f.Name, -1)).WithHint("ask for LAYOUT_COLUMNS, or for features of one type")
		}
	}
	return nil
}

// typeOf returns the number of t in the messages; of a list, that of its elements.
func typeOf(t column.Type) byte {
	switch t.Elem() {
	case column.Bool:
		return 1
	case column.Int32:
		return 2
	case column.Int64:
		return 3
	case column.Float32:
		return 4
	case column.Float64:
		return 5
	case column.String:
		return 6
	case column.Timestamp:
		return 7
	case column.Datetime:
		return 8
	case column.Date:
		return 9
	}
	panic("quern: bug: a column of type " + t.String())
}

// view makes e.body the View of part p.
func (e *Encoder) view(b *lookup.Block, p int) {
	v, state := b.Query.Parts[p].View, &b.Parts[p]
	m := appendText(e.body[:0], 1<<3|2, v.Name)
	m = appendText(m, 2<<3|2, v.Version)
	if b.Rows > 0 {
		m = protowire.AppendVarint(append(m, 3<<3|2), uint64(b.Rows))
		for _, s := range state.Status {
			m = append(m, byte(s))
		}
		m = protowire.AppendVarint(append(m, 4<<3|2), uint64(8*b.Rows))
		for _, t := range state.Event {
			m = binary.LittleEndian.AppendUint64(m, uint64(t))
		}
	}
	newest := state.Latest
	if now, _ := b.Expired(); newest != lookup.NoTime && now != lookup.NoTime {
		m = binary.LittleEndian.AppendUint64(append(m, 5<<3|1), uint64(newest))
		m = protowire.AppendVarint(append(m, 6<<3), uint64(now-newest))
		if ttl := v.TTL.Microseconds(); ttl > 0 && now-newest > ttl {
			m = append(m, 7<<3, 1)
		}
	}
	e.body = m
}

// appendText appends a string field, which is left out where it is empty.
func appendText(dst []byte, tag byte, s string) []byte {
	if s == "" {
		return dst
	}
	return protowire.AppendString(append(dst, tag), s)
}

// column makes e.body the Column of a field; with its values, or not.
func (e *Encoder) column(b *lookup.Block, f int, values bool) {
	q, v := &b.Query.Fields[f], &b.Values[f].Vector
	m := appendText(e.body[:0], 1<<3|2, q.Name)
	m = append(m, 2<<3, typeOf(q.Type))
	if q.Type.IsList() {
		m = append(m, 3<<3, 1)
	}
	if q.Part > 0 {
		m = protowire.AppendVarint(append(m, 4<<3), uint64(q.Part))
	}
	if e.body = m; !values || b.Rows == 0 {
		return
	}
	shown := e.show(b, f)
	switch {
	case q.Type.IsList():
		e.list(b.Rows, v, shown)
	case q.Type == column.String:
		e.texts(b.Rows, v, shown)
	default:
		w := q.Type.Size()
		e.data = slices.Grow(e.data[:0], w*b.Rows)[:w*b.Rows]
		put(e.data, w, v, b.Rows)
		blank(e.data, w, v.Type, shown, b.Rows)
		e.field(5, e.data)
		e.field(6, e.bits(shown, b.Rows))
	}
}

// field appends a field of bytes to e.body, which is left out where it is empty.
func (e *Encoder) field(number byte, bytes []byte) {
	if len(bytes) > 0 {
		e.body = protowire.AppendBytes(append(e.body, number<<3|2), bytes)
	}
}

// show returns the rows whose value is shown; nil is all.
func (e *Encoder) show(b *lookup.Block, f int) column.Bitmap {
	v := &b.Values[f]
	if v.Valid == nil && b.Fresh(b.Query.Fields[f].Part) {
		return nil
	}
	words := (b.Rows + 63) / 64
	e.shown = slices.Grow(e.shown[:0], words)[:words]
	clear(e.shown)
	all := true
	for r := range b.Rows {
		_, shown := b.Status(f, r)
		if shown {
			e.shown.Set(r)
		}
		all = all && shown
	}
	if all {
		return nil
	}
	return e.shown
}

// bits returns a bitmap of n rows as bytes.
func (e *Encoder) bits(shown column.Bitmap, n int) []byte {
	e.valid = e.valid[:0]
	for _, w := range shown {
		e.valid = binary.LittleEndian.AppendUint64(e.valid, w)
	}
	return e.valid[:min(len(e.valid), (n+7)/8)]
}

// put writes the first n values of v, stride bytes from one to the next.
func put(dst []byte, stride int, v *column.Vector, n int) {
	at := 0
	switch v.Type {
	case column.Bool:
		for _, x := range v.Bools[:n] {
			dst[at] = 0
			if x {
				dst[at] = 1
			}
			at += stride
		}
	case column.Int32, column.Date:
		for _, x := range v.Int32s[:n] {
			binary.LittleEndian.PutUint32(dst[at:], uint32(x))
			at += stride
		}
	case column.Float32:
		for _, x := range v.Float32s[:n] {
			binary.LittleEndian.PutUint32(dst[at:], math.Float32bits(x))
			at += stride
		}
	case column.Float64:
		for _, x := range v.Float64s[:n] {
			binary.LittleEndian.PutUint64(dst[at:], math.Float64bits(x))
			at += stride
		}
	default:
		for _, x := range v.Int64s[:n] {
			binary.LittleEndian.PutUint64(dst[at:], uint64(x))
			at += stride
		}
	}
}

// The NaN of nulls: quiet, positive, without a payload.
const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

// blank overwrites the values of rows that are not shown, whose memory is another
// request's.
func blank(dst []byte, stride int, t column.Type, shown column.Bitmap, rows int) {
	for r := range rows {
		if !shown.Get(r) {
			putNull(dst[r*stride:], t)
		}
	}
}

func putNull(dst []byte, t column.Type) {
	switch t {
	case column.Bool:
		dst[0] = 0
	case column.Int32, column.Date:
		binary.LittleEndian.PutUint32(dst, 0)
	case column.Float32:
		binary.LittleEndian.PutUint32(dst, nan32)
	case column.Float64:
		binary.LittleEndian.PutUint64(dst, nan64)
	default:
		binary.LittleEndian.PutUint64(dst, 0)
	}
}

// matrix appends all values, row by row, and the bits of those that are there.
func (e *Encoder) matrix(dst []byte, b *lookup.Block) []byte {
	t, cols := b.Query.Fields[0].Type, len(b.Values)
	w := t.Size()
	size := w * cols * b.Rows
	if size == 0 {
		return dst
	}
	dst = protowire.AppendVarint(append(dst, 4<<3|2), uint64(size))
	n := len(dst)
	dst = slices.Grow(dst, size)[:n+size]
	e.valid = e.valid[:0]
	for f := range b.Values {
		into := dst[n+w*f:]
		put(into, w*cols, &b.Values[f].Vector, b.Rows)
		shown := e.show(b, f)
		if shown == nil {
			continue
		}
		blank(into, w*cols, t, shown, b.Rows)
		if len(e.valid) == 0 {
			e.valid = ones(e.valid, cols*b.Rows)
		}
		for r := range b.Rows {
			if !shown.Get(r) {
				e.valid[(r*cols+f)>>3] &^= 1 << ((r*cols + f) & 7)
			}
		}
	}
	if len(e.valid) > 0 {
		dst = protowire.AppendBytes(append(dst, 5<<3|2), e.valid)
	}
	return dst
}

// ones appends n set bits, and zeros up to the end of the last byte.
func ones(dst []byte, n int) []byte {
	for ; n >= 8; n -= 8 {
		dst = append(dst, 0xff)
	}
	if n > 0 {
		dst = append(dst, 1<<n-1)
	}
	return dst
}
