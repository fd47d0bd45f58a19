package stat

import (
	"bytes"
	"encoding/binary"
	"math"

	"quern/features/column"
)

// Extremes holds the least and the greatest value of a column of any type:
// numbers and times by value (infinities included, -0 just below 0), false below
// true, strings by their bytes. Nulls and NaNs are skipped.
type Extremes struct {
	header
	one    single
	seen   bool
	lo, hi int64 // integers; ordered floats (orderFloat); bools as 0 and 1
	loText []byte
	hiText []byte
}

// Min returns the least value as a vector of one slot, which is null if there
// was no value.
func (e *Extremes) Min() column.Vector { return e.vector(e.lo, e.loText) }

// Max returns the greatest value as a vector of one slot, which is null if there
// was no value.
func (e *Extremes) Max() column.Vector { return e.vector(e.hi, e.hiText) }

// MinFloat returns the least value of a real column, or false if there was none.
func (e *Extremes) MinFloat() (float64, bool) { return e.float(e.lo) }

// MaxFloat returns the greatest value of a real column, or false if there was none.
func (e *Extremes) MaxFloat() (float64, bool) { return e.float(e.hi) }

// MinInt returns the least value of an integer or temporal column, or false if
// there was none.
func (e *Extremes) MinInt() (int64, bool) { return e.int(e.lo) }

// MaxInt returns the greatest value of an integer or temporal column, or false
// if there was none.
func (e *Extremes) MaxInt() (int64, bool) { return e.int(e.hi) }

func (e *Extremes) kind() column.Kind { return e.spec.Types[0].Kind() }

func (e *Extremes) float(k int64) (float64, bool) {
	if e.kind() != column.Floats {
		panic("quern: bug: float extreme of a column that is not real")
	}
	if !e.seen {
		return 0, false
	}
	return unorderFloat(k), true
}

func (e *Extremes) int(k int64) (int64, bool) {
	if e.kind() != column.Ints {
		panic("quern: bug: integer extreme of a column that is not integer")
	}
	return k, e.seen
}

func (e *Extremes) vector(k int64, text []byte) column.Vector {
	v := column.Vector{Type: e.spec.Types[0], Len: 1}
	if !e.seen {
		v.Valid = column.NewBitmap(1)
	}
	switch e.kind() {
	case column.Bools:
		v.Bools = []bool{k == 1}
	case column.Ints:
		v.Int64s = []int64{k}
	case column.Floats:
		v.Float64s = []float64{unorderFloat(k)}
	default:
		v.Text.Append(text)
	}
	return v
}

// Observe implements Statistic.
func (e *Extremes) Observe(args []column.Column, weights []uint64) {
	e.check(args, weights)
	v, weights := e.one.slots(&args[0], weights)
	if weights == nil && e.observeNumbers(v) {
		return
	}
	for i := range v.Len {
		if v.Null(i) || weights != nil && weights[i] == 0 {
			continue
		}
		switch v.Type.Kind() {
		case column.Bools:
			k := int64(0)
			if v.Bools[i] {
				k = 1
			}
			e.add(k, k)
		case column.Ints:
			e.add(v.Int64s[i], v.Int64s[i])
		case column.Floats:
			if x := v.Float64s[i]; x == x {
				e.add(orderFloat(x), orderFloat(x))
			}
		default:
			e.addText(v.Text.At(i), v.Text.At(i))
		}
	}
}

// observeNumbers adds all values of v, or reports that they are not numbers.
func (e *Extremes) observeNumbers(v *column.Vector) bool {
	switch v.Type.Kind() {
	case column.Floats:
		if r := e.one.simd().FloatRange(v.Float64s[:v.Len], v.Valid); r.N > 0 {
			e.add(orderFloat(r.Low), orderFloat(r.High))
		}
	case column.Ints:
		if r := e.one.simd().IntRange(v.Int64s[:v.Len], v.Valid); r.N > 0 {
			e.add(r.Low, r.High)
		}
	default:
		return false
	}
	return true
}

// add widens the range to hold lo to hi.
func (e *Extremes) add(lo, hi int64) {
	if !e.seen {
		e.seen, e.lo, e.hi = true, lo, hi
		return
	}
	e.lo, e.hi = min(e.lo, lo), max(e.hi, hi)
}

func (e *Extremes) addText(lo, hi []byte) {
	if !e.seen || bytes.Compare(lo, e.loText) < 0 {
		e.loText = append(e.loText[:0], lo...)
	}
	if !e.seen || bytes.Compare(hi, e.hiText) > 0 {
		e.hiText = append(e.hiText[:0], hi...)
	}
	e.seen = true
}

// Merge implements Statistic.
func (e *Extremes) Merge(other Statistic) error {
	o, ok := other.(*Extremes)
	if !ok || !e.same(&o.header) {
		return ErrMismatch
	}
	switch {
	case !o.seen:
	case e.kind() == column.Strings:
		e.addText(o.loText, o.hiText)
	default:
		e.add(o.lo, o.hi)
	}
	return nil
}

// Subtract implements Statistic: extremes have no inverse.
func (e *Extremes) Subtract(other Statistic) error {
	if o, ok := other.(*Extremes); !ok || !e.same(&o.header) {
		return ErrMismatch
	}
	return ErrNotInvertible
}

// AppendBinary implements Statistic. The state is a byte 0 if there was no
// value, else 1 and the least and the greatest: strings as uvarint length and
// bytes, integers and bools as varints, floats as 8 big-endian bytes.
func (e *Extremes) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, e.head...)
	if !e.seen {
		return append(b, 0), nil
	}
	b = append(b, 1)
	switch e.kind() {
	case column.Strings:
		b = append(binary.AppendUvarint(b, uint64(len(e.loText))), e.loText...)
		b = append(binary.AppendUvarint(b, uint64(len(e.hiText))), e.hiText...)
	case column.Floats:
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(unorderFloat(e.lo)))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(unorderFloat(e.hi)))
	default:
		b = binary.AppendVarint(binary.AppendVarint(b, e.lo), e.hi)
	}
	return b, nil
}

// UnmarshalBinary implements Statistic.
func (e *Extremes) UnmarshalBinary(data []byte) error {
	r, err := e.state(data)
	if err != nil {
		return err
	}
	d := Extremes{header: e.header}
	switch seen := r.byte(); {
	case seen > 1:
		r.bad = true
	case seen == 1:
		d.seen = true
		d.readState(r)
	}
	if err := r.end(); err != nil {
		return err
	}
	*e = d
	return nil
}

func (e *Extremes) readState(r *reader) {
	t := e.spec.Types[0]
	switch e.kind() {
	case column.Strings:
		e.loText = bytes.Clone(r.take(r.uvarint()))
		e.hiText = bytes.Clone(r.take(r.uvarint()))
		r.bad = r.bad || bytes.Compare(e.loText, e.hiText) > 0
		return
	case column.Floats:
		lo, hi := r.float(), r.float()
		e.lo, e.hi = orderFloat(lo), orderFloat(hi)
		r.bad = r.bad || !floatOf(t, lo) || !floatOf(t, hi) || lo != lo || hi != hi
	default:
		e.lo, e.hi = r.varint(), r.varint()
		r.bad = r.bad || !intOf(t, e.lo) || !intOf(t, e.hi)
	}
	r.bad = r.bad || e.lo > e.hi
}

// float reads 8 big-endian bytes.
func (r *reader) float() float64 {
	raw := r.take(8)
	if raw == nil {
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64(raw))
}

// floatOf reports whether v can be a value of type t.
func floatOf(t column.Type, v float64) bool {
	return t != column.Float32 || v != v || float64(float32(v)) == v
}

// intOf reports whether v can be a value of type t.
func intOf(t column.Type, v int64) bool {
	switch t {
	case column.Bool:
		return v == 0 || v == 1
	case column.Int32, column.Date:
		return int64(int32(v)) == v
	}
	return true
}

// Close implements Statistic.
func (e *Extremes) Close() error { return nil }
