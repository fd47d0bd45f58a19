package row

import (
	"encoding/binary"
	"math"

	"quern/features/column"
)

// Gatherer reads fields of many rows into columns: Start once for a run of rows, then
// Field for each field that is wanted. It keeps its memory, so that the steady state
// allocates nothing, and belongs to one goroutine at a time.
type Gatherer struct {
	layout  *Layout
	rows    []Row
	present column.Bitmap // the rows that are not missing
	missing int
	nulls   []uint64 // the fields that are null in any row
}

// Start names the rows, whose memory must stay valid until the last Field. Rows of the
// layout may come from anywhere; missing ones read as null.
func (g *Gatherer) Start(l *Layout, rows []Row) {
	g.layout, g.rows, g.missing = l, rows, 0
	g.present = sized(g.present, (len(rows)+63)/64)
	clear(g.present)
	g.nulls = sized(g.nulls, l.words)
	clear(g.nulls)
	for i := range rows {
		if rows[i].Missing() {
			g.missing++
			continue
		}
		g.present.Set(i)
		for w := range g.nulls {
			g.nulls[w] |= l.nullWord(rows[i].Fixed, w)
		}
	}
}

// Field fills into with field f of every row: a plain vector in storage form, zero or
// empty under nulls. Strings and lists are copied, so the vector outlives the rows. A
// cell that points out of its row is ErrCorrupt.
//
// Valid is nil where no row is missing or null, and else has the memory of valid, which the
// caller keeps for it, as with append: Field returns it, grown if need be.
func (g *Gatherer) Field(f int, into *column.Vector, valid column.Bitmap) (column.Bitmap, error) {
	into.Type, into.Len = g.layout.cells[f].typ, len(g.rows)
	if into.Valid = nil; g.missing > 0 || g.nulls[f>>6]>>(f&63)&1 == 1 {
		valid = g.valid(f, valid)
		into.Valid = valid
	}
	return valid, g.values(f, into)
}

// values fills into but for Valid.
func (g *Gatherer) values(f int, into *column.Vector) error {
	c, n := g.layout.cells[f], len(g.rows)
	switch {
	case c.typ.IsList():
		return g.lists(f, into)
	case c.typ == column.String:
		return g.strings(f, into)
	case c.typ == column.Float32:
		into.Float32s = sized(into.Float32s, n)
		gatherFloat32(into.Float32s, g.rows, c.at)
	case c.typ == column.Float64:
		into.Float64s = sized(into.Float64s, n)
		gatherFloat64(into.Float64s, g.rows, c.at)
	case c.typ == column.Bool:
		into.Bools = sized(into.Bools, n)
		for i := range into.Bools {
			b := g.rows[i].Fixed
			into.Bools[i] = len(b) > c.at && b[c.at] != 0
		}
	case c.typ.Narrow():
		into.Int32s = sized(into.Int32s, n)
		gatherInt32(into.Int32s, g.rows, c.at)
	default:
		into.Int64s = sized(into.Int64s, n)
		gatherInt64(into.Int64s, g.rows, c.at)
	}
	return nil
}

// Events fills into with the event time of every row, NoTime for missing ones.
func (g *Gatherer) Events(into []int64) []int64 {
	into = sized(into, len(g.rows))
	for i := range g.rows {
		if into[i] = NoTime; !g.rows[i].Missing() {
			into[i] = g.layout.Event(g.rows[i])
		}
	}
	return into
}

// valid returns the bits of field f: a row is null where it is missing or its bit is set.
func (g *Gatherer) valid(f int, valid column.Bitmap) column.Bitmap {
	valid = sized(valid, len(g.present))
	at, bit := g.layout.nulls+f>>3, f&7
	for k, word := range g.present {
		rows := g.rows[64*k:]
		rows = rows[:min(64, len(rows))]
		for i := range rows {
			if b := rows[i].Fixed; len(b) > at {
				word &^= uint64(b[at]>>bit&1) << i
			}
		}
		valid[k] = word
	}
	return valid
}

func gatherFloat32(into []float32, rows []Row, at int) {
	rows = rows[:len(into)]
	for i := range into {
		into[i] = 0
		if b := rows[i].Fixed; len(b) >= at+4 {
			into[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[at:]))
		}
	}
}

func gatherFloat64(into []float64, rows []Row, at int) {
	rows = rows[:len(into)]
	for i := range into {
		into[i] = 0
		if b := rows[i].Fixed; len(b) >= at+8 {
			into[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[at:]))
		}
	}
}

func gatherInt32(into []int32, rows []Row, at int) {
	rows = rows[:len(into)]
	for i := range into {
		into[i] = 0
		if b := rows[i].Fixed; len(b) >= at+4 {
			into[i] = int32(binary.LittleEndian.Uint32(b[at:]))
		}
	}
}

func gatherInt64(into []int64, rows []Row, at int) {
	rows = rows[:len(into)]
	for i := range into {
		into[i] = 0
		if b := rows[i].Fixed; len(b) >= at+8 {
			into[i] = int64(binary.LittleEndian.Uint64(b[at:]))
		}
	}
}

func (g *Gatherer) strings(f int, into *column.Vector) error {
	into.Text.Reset()
	for i, r := range g.rows {
		if !into.Valid.Get(i) {
			into.Text.Append(nil)
			continue
		}
		b, err := g.layout.Bytes(r, f)
		if err != nil {
			return err
		}
		if uint64(len(into.Text.Bytes))+uint64(len(b)) > math.MaxUint32 {
			return tooMuch()
		}
		into.Text.Append(b)
	}
	return nil
}

// sized returns s with n elements, whose contents are arbitrary.
func sized[T any, S ~[]T](s S, n int) S {
	if s == nil || cap(s) < n {
		return make(S, n)
	}
	return s[:n]
}
