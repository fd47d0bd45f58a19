package feast

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

// The fields of feast.types.Value. The list of a scalar is ten further on.
const (
	valBytes  = 1
	valString = 2
	valInt32  = 3
	valInt64  = 4
	valDouble = 5
	valFloat  = 6
	valBool   = 7
	valUnix   = 8 // whole seconds since 1970-01-01T00:00:00Z
	valNull   = 19
	valList   = 42 // a list of Values
	toList    = 10
)

// protoEncoder writes feast.serving.GetOnlineFeaturesResponse in one pass, without
// message objects:
//
//	Metadata metadata = 1 { FeatureList feature_names = 1; repeated ViewMetadata = 2 {name = 1, version = 2} }
//	repeated FeatureVector results = 2 {
//	    repeated feast.types.Value values = 1;
//	    repeated FieldStatus statuses = 2;    (packed)
//	    repeated google.protobuf.Timestamp event_timestamps = 3;
//	}
//	bool status = 3;    (left out)
//
// A null is a Value without any field, as in Feast's Python server: its clients read
// null_val as the number 0. As in JSON, what is equal in all columns of a view is
// written once and copied. It keeps its memory.
type protoEncoder struct {
	parts  []part
	keys   part   // only its spans
	text   []byte // the spans of all parts
	values []byte // the values of one column
	cell   []byte // one list
	body   []byte // its elements
}

// reply appends the reply to a look-up.
func (e *protoEncoder) reply(dst []byte, keys *lookup.Keys, b *lookup.Block, metadata bool) []byte {
	e.prepare(b)
	dst = e.metadata(dst, b.Query, metadata)
	for i := range keys.Columns {
		if !repeated(b.Query, i) {
			e.appendValues(b, -1, &keys.Columns[i])
			dst = e.vector(dst, e.ending(&e.keys))
		}
	}
	for f := range b.Values {
		v, p := &b.Values[f], &e.parts[b.Query.Fields[f].Part]
		if v.Type == column.Float32 && p.plain(v) {
			dst = appendFloatVector(dst, v.Float32s[:b.Rows], e.ending(p))
			continue
		}
		e.appendValues(b, f, v)
		if p.alike(v) {
			dst = e.vector(dst, e.ending(p))
			continue
		}
		e.values = binary.AppendUvarint(append(e.values, 2<<3|2), uint64(b.Rows))
		for r := range b.Rows {
			s, _ := b.Status(f, r)
			e.values = append(e.values, byte(s))
		}
		dst = e.vector(dst, e.text[p.times:p.end])
	}
	return dst
}

// metadata appends the names of the columns, and of the views where asked for.
func (e *protoEncoder) metadata(dst []byte, q *lookup.Query, views bool) []byte {
	m := e.values[:0]
	for i, k := range q.Keys {
		if !repeated(q, i) {
			m = protowire.AppendString(append(m, 1<<3|2), k.Name)
		}
	}
	for i := range q.Fields {
		m = protowire.AppendString(append(m, 1<<3|2), q.Fields[i].Name)
	}
	e.cell = protowire.AppendBytes(append(e.cell[:0], 1<<3|2), m)
	for i := 0; views && i < len(q.Parts); i++ {
		v := q.Parts[i].View
		m = protowire.AppendString(append(m[:0], 1<<3|2), v.Name)
		if v.Number != 0 {
			m = protowire.AppendVarint(append(m, 2<<3), uint64(int64(v.Number)))
		}
		e.cell = protowire.AppendBytes(append(e.cell, 2<<3|2), m)
	}
	e.values = m
	return protowire.AppendBytes(append(dst, 1<<3|2), e.cell)
}

// prepare writes what the columns of each part and the keys have in common.
func (e *protoEncoder) prepare(b *lookup.Block) {
	e.text, e.parts = e.text[:0], sized(e.parts, len(b.Parts))
	for i := range b.Parts {
		p, state := &e.parts[i], &b.Parts[i]
		p.scan(state)
		p.statuses = len(e.text)
		e.text = binary.AppendUvarint(append(e.text, 2<<3|2), uint64(b.Rows))
		for _, s := range state.Status {
			e.text = append(e.text, byte(s))
		}
		p.times = len(e.text)
		for _, t := range state.Event {
			e.text = appendTimestamp(e.text, t)
		}
		p.end = len(e.text)
	}
	e.keys.statuses = len(e.text)
	e.text = binary.AppendUvarint(append(e.text, 2<<3|2), uint64(b.Rows))
	for range b.Rows {
		e.text = append(e.text, byte(fieldstatus.Present))
	}
	for range b.Rows {
		e.text = append(e.text, 3<<3|2, 0)
	}
	e.keys.end = len(e.text)
}

// ending returns what follows the values of a column whose statuses are its part's.
func (e *protoEncoder) ending(p *part) []byte { return e.text[p.statuses:p.end] }

// vector appends a FeatureVector: e.values and what follows them.
func (e *protoEncoder) vector(dst, ending []byte) []byte {
	dst = append(dst, 2<<3|2)
	dst = binary.AppendUvarint(dst, uint64(len(e.values)+len(ending)))
	return append(append(dst, e.values...), ending...)
}

// appendFloatVector appends a FeatureVector of float32s, all of which are there: seven
// bytes each.
func appendFloatVector(dst []byte, xs []float32, ending []byte) []byte {
	const size = 7
	dst = append(dst, 2<<3|2)
	dst = binary.AppendUvarint(dst, uint64(size*len(xs)+len(ending)))
	n := len(dst)
	dst = slices.Grow(dst, size*len(xs)+len(ending))[:n+size*len(xs)]
	w := dst[n:]
	for _, x := range xs {
		// Value, of 5 bytes, that is a float_val.
		binary.LittleEndian.PutUint32(w, 1<<3|2|5<<8|(valFloat<<3|5)<<16)
		binary.LittleEndian.PutUint32(w[3:], math.Float32bits(x))
		w = w[size:]
	}
	return append(dst, ending...)
}

// appendTimestamp appends an event_timestamps entry.
func appendTimestamp(dst []byte, micros int64) []byte {
	seconds, nanos := split(micros)
	size := 0
	if seconds != 0 {
		size = 1 + sizeVarint(uint64(seconds))
	}
	if nanos != 0 {
		size += 1 + sizeVarint(uint64(nanos))
	}
	dst = append(dst, 3<<3|2, byte(size))
	if seconds != 0 {
		dst = binary.AppendUvarint(append(dst, 1<<3), uint64(seconds))
	}
	if nanos != 0 {
		dst = binary.AppendUvarint(append(dst, 2<<3), uint64(nanos))
	}
	return dst
}

func sizeVarint(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// appendValues makes e.values the Values of a column of the block, or of a key where
// f is -1.
func (e *protoEncoder) appendValues(b *lookup.Block, f int, v *lookup.Cells) {
	var mask column.Bitmap // nil: all are shown
	simple := true
	if f >= 0 && !e.parts[b.Query.Fields[f].Part].plain(v) {
		mask, simple = e.parts[b.Query.Fields[f].Part].mask(v)
	}
	dst := e.values[:0]
	for r := range b.Rows {
		shown := simple && mask.Get(r)
		if !simple {
			_, shown = b.Status(f, r)
		}
		switch {
		case !shown:
			dst = append(dst, 1<<3|2, 0)
		case v.Type == column.Float32:
			dst = append(dst, 1<<3|2, 5, valFloat<<3|5)
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.Float32s[r]))
		case v.Type.IsList():
			e.list(&v.Vector, r, v.Binary)
			dst = protowire.AppendBytes(append(dst, 1<<3|2), e.cell)
		default:
			dst = appendValue(dst, &v.Vector, r, v.Binary)
		}
	}
	e.values = dst
}

// appendValue appends a scalar as an entry of FeatureVector.values.
func appendValue(dst []byte, v *column.Vector, r int, isBinary bool) []byte {
	switch t := v.Type; t {
	case column.Bool:
		n := byte(0)
		if v.Bools[r] {
			n = 1
		}
		return append(dst, 1<<3|2, 2, valBool<<3, n)
	case column.Float32:
		dst = append(dst, 1<<3|2, 5, valFloat<<3|5)
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v.Float32s[r]))
	case column.Float64:
		dst = append(dst, 1<<3|2, 9, valDouble<<3|1)
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float64s[r]))
	case column.String:
		text := v.Text.At(r)
		number := byte(valString)
		if isBinary || !utf8.Valid(text) {
			number = valBytes // a string of protobuf must be UTF-8
		}
		size := 1 + sizeVarint(uint64(len(text))) + len(text)
		dst = binary.AppendUvarint(append(dst, 1<<3|2), uint64(size))
		return protowire.AppendBytes(append(dst, number<<3|2), text)
	}
	number, n := whole(v, r)
	dst = append(dst, 1<<3|2, byte(1+sizeVarint(n)), number<<3)
	return binary.AppendUvarint(dst, n)
}

// whole returns an integer or a time as the field and the varint that carry it.
func whole(v *column.Vector, r int) (number byte, n uint64) {
	switch v.Type {
	case column.Int32:
		return valInt32, uint64(v.Int(r))
	case column.Int64:
		return valInt64, uint64(v.Int(r))
	}
	return valUnix, uint64(unixSeconds(v, r))
}
