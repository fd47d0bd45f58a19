package tensor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/fieldstatus"
)

// Limits bound what Read takes. More is Q609. Zero is no limit.
type Limits struct{ Rows, Columns, Cells int }

// Read reads a message of a kind into m, strictly: only what Append writes is taken, but
// for the schema, which is any bytes. Everything else is Q622. It takes memory in
// proportion to b, and keeps b only as m.Schema.
func Read(b []byte, kind Kind, limits Limits, m *Message) error {
	r := reader{b: b, m: m}
	if err := r.header(kind, limits); err != nil {
		return err
	}
	r.columns()
	if kind == Answer {
		r.states()
	}
	if r.err == nil && (r.left != 0 || !r.zeros(r.at, len(b)) || len(b)-r.at >= alignment) {
		r.fail("something follows the last block")
	}
	return r.err
}

// reader reads a message block by block. After an error it reads empty blocks.
type reader struct {
	b     []byte
	m     *Message
	entry int // where the next entry of the table is
	left  int // how many there are from there on
	at    int // where the last block ends
	err   error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = diag.New("Q622", "the tensor message cannot be read: "+format, args...)
	}
}

// header checks everything before the blocks.
func (r *reader) header(kind Kind, limits Limits) error {
	b, le := r.b, binary.LittleEndian
	switch {
	case len(b) < headerSize || string(b[:8]) != magic:
		r.fail("it does not start as one of version 1")
	case le.Uint64(b[16:]) != uint64(len(b)) || len(b)%alignment != 0:
		r.fail("it has %d bytes and says %d", len(b), le.Uint64(b[16:]))
	case le.Uint32(b[60:]) != checksum(b):
		r.fail("its checksum is another one")
	case Kind(le.Uint16(b[8:])) != kind:
		r.fail("it is of kind %d, not %d", le.Uint16(b[8:]), kind)
	case le.Uint16(b[10:]) > uint16(Rows) || !r.zeros(40, 60):
		r.fail("it has a layout or a field that version 1 does not have")
	}
	if r.err != nil {
		return r.err
	}
	rows, columns, views := int(le.Uint32(b[12:])), int(le.Uint32(b[24:])), int(le.Uint32(b[28:]))
	blocks, schema := int(le.Uint32(b[32:])), int(le.Uint32(b[36:]))
	over := func(n, limit int) bool { return limit > 0 && n > limit }
	switch {
	case over(rows, limits.Rows) || over(columns, limits.Columns) || columns > 0 && limits.Cells > 0 && rows > limits.Cells/columns:
		return diag.New("Q609", "the tensor message has %d rows of %d columns, which is too much", rows, columns)
	case headerSize+entrySize*blocks+schema > len(b):
		r.fail("its table and schema do not fit into it")
	// The name of a column takes three bytes of the schema, a view more than twenty.
	case columns > schema/3+1 || views > schema/20+1 || kind != Answer && views > 0 || rows > len(b):
		r.fail("its columns do not fit into it")
	}
	m := r.m
	m.Kind, m.Layout, m.Rows = kind, Layout(le.Uint16(b[10:])), rows
	r.entry, r.left = headerSize, blocks
	r.at = headerSize + entrySize*blocks + schema
	if r.err == nil {
		m.Schema = b[r.at-schema : r.at : r.at]
		m.Columns, m.Views = resize(m.Columns, columns), resize(m.Views, views)
	}
	return r.err
}

func (r *reader) zeros(from, to int) bool {
	for _, c := range r.b[from:to] {
		if c != 0 {
			return false
		}
	}
	return true
}

// peek returns what the next entry of the table says; role 0: there is none.
func (r *reader) peek() (is role, t column.Type, count int) {
	if r.left == 0 || r.err != nil {
		return 0, 0, 0
	}
	e := r.b[r.entry:]
	return role(e[0]), column.Type(e[1]), int(binary.LittleEndian.Uint32(e[8:]))
}

// take returns the next block, which must be as said. Size -1 is any.
func (r *reader) take(is role, t column.Type, first, count, size int) []byte {
	if r.err != nil {
		return nil
	}
	if r.left == 0 {
		r.fail("a block is missing")
		return nil
	}
	e, le := r.b[r.entry:r.entry+entrySize], binary.LittleEndian
	at, length := le.Uint64(e[16:]), le.Uint64(e[24:])
	start := aligned(r.at)
	switch {
	case role(e[0]) != is || column.Type(e[1]) != t || int(le.Uint32(e[4:])) != first || int(le.Uint32(e[8:])) != count ||
		le.Uint16(e[2:]) != 0 || le.Uint32(e[12:]) != 0:
		r.fail("block %d is another one than %d of column %d", (r.entry-headerSize)/entrySize, is, first)
	case at != uint64(start) || start > len(r.b) || length > uint64(len(r.b)-start) || !r.zeros(r.at, start):
		r.fail("block %d is not behind the one before", (r.entry-headerSize)/entrySize)
	case size >= 0 && length != uint64(size):
		r.fail("block %d has %d bytes, not %d", (r.entry-headerSize)/entrySize, length, size)
	}
	if r.err != nil {
		return nil
	}
	r.entry, r.left = r.entry+entrySize, r.left-1
	r.at = start + int(length)
	return r.b[start:r.at]
}

// columns reads all groups.
func (r *reader) columns() {
	for from := 0; from < len(r.m.Columns) && r.err == nil; {
		from = r.group(from)
	}
}

// group reads a group of columns and returns where it ends.
func (r *reader) group(from int) int {
	rows := r.m.Rows
	is, t, count := r.peek()
	var valid []byte
	if is == roleValid {
		if count < 1 || count > len(r.m.Columns)-from {
			r.fail("a block has %d columns from column %d on", count, from)
			return from
		}
		valid = r.take(roleValid, 0, from, count, 8*words(rows)*count)
		validCount := count
		if is, t, count = r.peek(); count != validCount {
			r.fail("a block of bits is for other columns than the one behind it")
		}
	}
	n := len(r.m.Columns) - from
	switch {
	case count < 1 || count > n || count > 1 && is != roleValues:
		r.fail("the columns from %d on have no values", from)
		return from
	case is == roleValues && t.Size() > 0:
		r.fixed(t, from, count, valid)
	case is == roleOffsets && t == column.String:
		r.text(from, valid)
	case is == roleOffsets && t.IsList() && t.Elem().Kind() != column.NoKind:
		r.lists(t, from, valid)
	default:
		r.fail("column %d has values of type %d", from, t)
	}
	return from + count
}

// start makes column i an empty one of type t, and reads its bits.
func (r *reader) start(i int, t column.Type, n int, valid []byte) *column.Vector {
	c := &r.m.Columns[i]
	c.Shown = nil
	c.Values.Len, c.Values.Index = n, nil
	v := &c.Values.Values
	reuse(v, t, n)
	v.Valid = r.bits(v.Valid, valid, n)
	return v
}

// reuse makes v an empty vector of type t, of n rows, and keeps its memory.
func reuse(v *column.Vector, t column.Type, n int) {
	old := *v
	*v = column.Vector{Type: t, Len: n, Valid: old.Valid, Bools: old.Bools[:0], Int32s: old.Int32s[:0], Int64s: old.Int64s[:0],
		Float32s: old.Float32s[:0], Float64s: old.Float64s[:0], Text: old.Text, Offsets: old.Offsets[:0], Elements: old.Elements}
	// What is not of the type must be nil: see column.Vector.
	switch {
	case t.IsList():
		v.Bools, v.Int32s, v.Int64s, v.Float32s, v.Float64s = nil, nil, nil, nil, nil
		return
	case t != column.Bool:
		v.Bools = nil
	}
	if t != column.Int32 && t != column.Date {
		v.Int32s = nil
	}
	if t != column.Int64 && t != column.Timestamp && t != column.Datetime {
		v.Int64s = nil
	}
	if t != column.Float32 {
		v.Float32s = nil
	}
	if t != column.Float64 {
		v.Float64s = nil
	}
	v.Offsets, v.Elements = nil, nil
}

// bits reads the bits of n values; nil: all are there.
func (r *reader) bits(into column.Bitmap, b []byte, n int) column.Bitmap {
	if b == nil {
		return nil
	}
	into = resize(into, words(n))
	for k := range into {
		into[k] = binary.LittleEndian.Uint64(b[8*k:])
	}
	if rest := n & 63; rest > 0 && into[len(into)-1]>>rest != 0 {
		r.fail("there are bits of values that are not there")
	}
	return into
}

// fixed reads the values of a group.
func (r *reader) fixed(t column.Type, from, count int, valid []byte) {
	rows, size := r.m.Rows, t.Size()
	if rows > math.MaxInt/8/max(1, count) {
		r.fail("its columns do not fit into it")
		return
	}
	b := r.take(roleValues, t, from, count, rows*size*count)
	if r.err != nil {
		return
	}
	bits := 8 * words(rows)
	for k := range count {
		var has []byte
		if valid != nil {
			has = valid[k*bits:][:bits]
		}
		v := r.start(from+k, t, rows, has)
		if rows == 0 {
			continue
		}
		if r.m.Layout == Rows {
			r.values(v, b[k*size:], rows, count*size)
		} else {
			r.values(v, b[k*rows*size:], rows, size)
		}
	}
}

// values reads n values, a stride apart. Those that are not there must be the gaps that
// the format says.
func (r *reader) values(v *column.Vector, b []byte, n, stride int) {
	le, bad := binary.LittleEndian, false
	for i := range n {
		at, there := b[i*stride:], v.Valid.Get(i)
		switch {
		case v.Type == column.Bool:
			v.Bools = append(v.Bools, at[0] == 1)
			bad = bad || at[0] > 1 || at[0] == 1 && !there
		case v.Type == column.Float32:
			x := le.Uint32(at)
			v.Float32s = append(v.Float32s, math.Float32frombits(x))
			bad = bad || !there && x != gap32
		case v.Type == column.Float64:
			x := le.Uint64(at)
			v.Float64s = append(v.Float64s, math.Float64frombits(x))
			bad = bad || !there && x != gap64
		case v.Type.Narrow():
			x := le.Uint32(at)
			v.Int32s = append(v.Int32s, int32(x))
			bad = bad || !there && x != 0
		default:
			x := le.Uint64(at)
			v.Int64s = append(v.Int64s, int64(x))
			bad = bad || !there && x != 0
		}
	}
	if bad {
		r.fail("a value that is not there has one, or a bool is neither 0 nor 1")
	}
}

// offsets reads n+1 offsets, which begin at zero and do not decrease.
func (r *reader) offsets(into []uint32, b []byte, n int, valid column.Bitmap) []uint32 {
	into = resize(into, n+1)
	for i := range into {
		if into[i] = binary.LittleEndian.Uint32(b[4*i:]); i == 0 && into[i] != 0 || i > 0 && into[i] < into[i-1] {
			r.fail("offsets decrease")
			return into[:0]
		}
		if i > 0 && into[i] > into[i-1] && !valid.Get(i-1) {
			r.fail("a value that is not there has one")
			return into[:0]
		}
	}
	return into
}

// strings reads offsets and bytes of n strings.
func (r *reader) strings(v *column.Vector, offsets, bytes role, first, n int) {
	b := r.take(offsets, column.String, first, 1, 4*(n+1))
	if r.err != nil {
		return
	}
	v.Text.Offsets = r.offsets(v.Text.Offsets, b, n, v.Valid)
	if r.err != nil {
		return
	}
	b = r.take(bytes, 0, first, 1, int(v.Text.Offsets[n]))
	v.Text.Bytes = append(v.Text.Bytes[:0], b...)
}

// text reads a column of strings.
func (r *reader) text(i int, valid []byte) {
	r.strings(r.start(i, column.String, r.m.Rows, valid), roleOffsets, roleBytes, i, r.m.Rows)
}

// lists reads a column of lists.
func (r *reader) lists(t column.Type, i int, valid []byte) {
	v := r.start(i, t, r.m.Rows, valid)
	b := r.take(roleOffsets, t, i, 1, 4*(r.m.Rows+1))
	if r.err != nil {
		return
	}
	v.Offsets = r.offsets(v.Offsets, b, r.m.Rows, v.Valid)
	if r.err != nil {
		return
	}
	n := int(v.Offsets[r.m.Rows])
	if n > 8*len(r.b) {
		r.fail("its lists do not fit into it")
		return
	}
	if v.Elements == nil {
		v.Elements = &column.Column{}
	}
	e := &v.Elements.Values
	v.Elements.Len, v.Elements.Index = n, nil
	reuse(e, t.Elem(), n)
	var has []byte
	if is, _, _ := r.peek(); is == roleElementValid {
		has = r.take(roleElementValid, 0, i, 1, 8*words(n))
	}
	if r.err == nil {
		e.Valid = r.bits(e.Valid, has, n)
	}
	if t.Elem() == column.String {
		r.strings(e, roleElementOffsets, roleElementBytes, i, n)
		return
	}
	size := t.Elem().Size()
	b = r.take(roleElementValues, t.Elem(), i, 1, n*size)
	if r.err == nil {
		r.values(e, b, n, size)
	}
}

// states reads the statuses and event times of all views.
func (r *reader) states() {
	rows, views := r.m.Rows, len(r.m.Views)
	if rows > math.MaxInt/8/max(1, views) {
		r.fail("its views do not fit into it")
		return
	}
	statuses := r.take(roleStatus, 0, 0, views, rows*views)
	events := r.take(roleEvent, column.Timestamp, 0, views, 8*rows*views)
	if r.err != nil {
		return
	}
	for i := range r.m.Views {
		v := &r.m.Views[i]
		v.Status, v.Event = resize(v.Status, rows), resize(v.Event, rows)
		for k := range rows {
			v.Status[k] = statuses[i*rows+k]
			v.Event[k] = int64(binary.LittleEndian.Uint64(events[8*(i*rows+k):]))
			switch fieldstatus.Status(v.Status[k]) {
			case fieldstatus.Present, fieldstatus.NotFound, fieldstatus.OutsideMaxAge:
			default:
				r.fail("there is no status %d", v.Status[k])
			}
		}
	}
}

// resize returns s with n elements: what it had, and zeros.
func resize[S ~[]T, T any](s S, n int) S {
	if n <= cap(s) {
		return s[:n]
	}
	return append(s[:cap(s)], make(S, n-cap(s))...)
}

// strict decodes one JSON value that has no unknown members.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows it")
	}
	return nil
}
