package parquet

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
)

// bounds are the smallest and largest value of a page. Floats leave NaN out, and
// zeros bound as -0 and +0, as the format asks. Strings longer than maxBound have none.
type bounds struct {
	any      bool
	none     bool // a value had no place in an order: no bounds
	lowInt   int64
	highInt  int64
	lowReal  float64
	highReal float64
	low      []byte
	high     []byte
}

// maxBound is how long a string may be to stand in statistics.
const maxBound = 64

// seeBools takes in bools.
func (b *bounds) seeBools(values []bool) {
	for _, x := range values {
		if x {
			b.seeInt(1)
		} else {
			b.seeInt(0)
		}
	}
}

func (b *bounds) seeInt(x int64) {
	if !b.any {
		b.any, b.lowInt, b.highInt = true, x, x
		return
	}
	b.lowInt, b.highInt = min(b.lowInt, x), max(b.highInt, x)
}

func (b *bounds) seeReal(x float64) {
	switch {
	case x != x:
	case !b.any:
		b.any, b.lowReal, b.highReal = true, x, x
	case x < b.lowReal:
		b.lowReal = x
	case x > b.highReal:
		b.highReal = x
	}
}

func (b *bounds) seeText(s []byte) {
	switch {
	case len(s) > maxBound:
		b.none = true
	case !b.any:
		b.any, b.low, b.high = true, s, s
	case bytes.Compare(s, b.low) < 0:
		b.low = s
	case bytes.Compare(s, b.high) > 0:
		b.high = s
	}
}

// encoded returns the bounds in PLAIN encoding; false if there are none.
func (b *bounds) encoded(t column.Type) (low, high []byte, ok bool) {
	if !b.any || b.none {
		return nil, nil, false
	}
	if t.Kind() == column.Floats {
		lowReal, highReal := b.lowReal, b.highReal
		if lowReal == 0 {
			lowReal = math.Copysign(0, -1)
		}
		if highReal == 0 {
			highReal = 0
		}
		return encodeReal(t, lowReal), encodeReal(t, highReal), true
	}
	if t == column.String {
		return bytes.Clone(b.low), bytes.Clone(b.high), true
	}
	return encodeInt(t, b.lowInt), encodeInt(t, b.highInt), true
}

func encodeReal(t column.Type, x float64) []byte {
	if t == column.Float32 {
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(x)))
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(x))
}

func encodeInt(t column.Type, x int64) []byte {
	switch {
	case t == column.Bool:
		return []byte{byte(x)}
	case t.Narrow():
		return binary.LittleEndian.AppendUint32(nil, uint32(x))
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(x))
}

// statistics returns the bounds as the format keeps them.
func (b *bounds) statistics(t column.Type, nulls int) format.Statistics {
	s := format.Statistics{NullCount: int64(nulls)}
	if low, high, ok := b.encoded(t); ok {
		s.MinValue, s.MaxValue = low, high
	}
	return s
}

// join takes in the bounds of another page.
func (b *bounds) join(o bounds, t column.Type) {
	b.none = b.none || o.none
	if !o.any {
		return
	}
	switch {
	case t.Kind() == column.Floats:
		b.seeReal(o.lowReal)
		b.seeReal(o.highReal)
	case t == column.String:
		b.seeText(o.low)
		b.seeText(o.high)
	default:
		b.seeInt(o.lowInt)
		b.seeInt(o.highInt)
	}
}

// owned returns b with strings of its own: those of a page belong to the batch.
func (b bounds) owned() bounds {
	b.low, b.high = bytes.Clone(b.low), bytes.Clone(b.high)
	return b
}
