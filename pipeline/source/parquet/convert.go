package parquet

import (
	"encoding/binary"
	"math"

	"quern/features/column"
	"quern/features/diag"
)

// overflow says which of the values that are stored does not fit.
type overflow struct {
	at   int // among the present values of the page
	code diag.Code
	what string
}

// Error describes the value.
func (o *overflow) Error() string { return o.what }

// store writes n decoded values of col into slots start and following of into,
// whose type is that of col or wider. Strings are not stored: they are decoded in
// place.
func (v *values) store(col *fileColumn, into *column.Vector, start, n int) error {
	end := start + n
	switch into.Type {
	case column.Bool:
		copy(into.Bools[start:end], v.bools[:n])
	case column.Int32, column.Date:
		for i, w := range v.words[:n] {
			into.Int32s[start+i] = int32(w)
		}
	case column.Int64:
		v.storeInts(col, into.Int64s[start:end])
	case column.Timestamp, column.Datetime:
		return v.storeTimes(col, into.Int64s[start:end])
	case column.Float32:
		for i := range into.Float32s[start:end] {
			into.Float32s[start+i] = v.single(col, i)
		}
	case column.Float64:
		v.storeDoubles(col, into.Float64s[start:end])
	}
	return nil
}

func (v *values) storeInts(col *fileColumn, into []int64) {
	switch {
	case col.physical == int64s:
		for i := range into {
			into[i] = int64(v.longs[i])
		}
	case col.form == unsigned:
		for i := range into {
			into[i] = int64(v.words[i])
		}
	default:
		for i := range into {
			into[i] = int64(int32(v.words[i]))
		}
	}
}

func (v *values) storeDoubles(col *fileColumn, into []float64) {
	switch col.physical {
	case doubles:
		for i := range into {
			into[i] = math.Float64frombits(v.longs[i])
		}
	case int32s:
		for i := range into {
			into[i] = float64(int32(v.words[i]))
		}
	default:
		for i := range into {
			into[i] = float64(v.single(col, i))
		}
	}
}

// single returns value i of a FLOAT or FLOAT16 column.
func (v *values) single(col *fileColumn, i int) float32 {
	if col.form == halfFloat {
		return widenHalf(binary.LittleEndian.Uint16(v.text.At(i)))
	}
	return math.Float32frombits(v.words[i])
}

// widenHalf returns the value of the binary16 bits h: sign, 5 bits of exponent
// (bias 15), 10 of mantissa. Every one is a binary32 number.
func widenHalf(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // mantissa * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
}

// storeTimes writes microseconds.
func (v *values) storeTimes(col *fileColumn, into []int64) error {
	for i := range into {
		switch col.form {
		case millis:
			t := int64(v.longs[i])
			if t > math.MaxInt64/1000 || t < math.MinInt64/1000 {
				return &overflow{i, "Q213", "the timestamp is more than microseconds can count in 64 bits"}
			}
			into[i] = t * 1000
		case nanos:
			into[i] = floorDiv(int64(v.longs[i]), 1000)
		case julianDay:
			t, ok := julianMicros(v.text.At(i))
			if !ok {
				return &overflow{i, "Q213", "the INT96 timestamp is more than microseconds can count in 64 bits"}
			}
			into[i] = t
		default:
			into[i] = int64(v.longs[i])
		}
	}
	return nil
}

// julianMicros converts an INT96 timestamp to microseconds since 1970: nanoseconds
// of the day in 8 bytes, then the Julian day (2440588 is 1970-01-01) in 4.
func julianMicros(b []byte) (int64, bool) {
	const day int64 = 86400e6
	days := int64(int32(binary.LittleEndian.Uint32(b[8:]))) - 2440588
	micros := floorDiv(int64(binary.LittleEndian.Uint64(b)), 1000)
	if days > math.MaxInt64/day || days < math.MinInt64/day {
		return 0, false
	}
	sum := days*day + micros
	return sum, (sum >= days*day) == (micros >= 0)
}

// floorDiv returns a/b rounded downwards; b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// slotOf returns the slot of present value number at of a page whose first slot is start.
func slotOf(valid column.Bitmap, start, at int) int {
	slot := start
	for ; ; slot++ {
		if !valid.Get(slot) {
			continue
		}
		if at == 0 {
			return slot
		}
		at--
	}
}
