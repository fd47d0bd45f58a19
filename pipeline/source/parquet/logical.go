package parquet

import (
	"fmt"

	"quern/features/column"
)

// logical is the newer annotation, flattened; id 0: none.
type logical struct {
	id     int16 // the format's number
	scale  int32 // of a decimal
	utc    bool
	unit   int16 // 1 milliseconds, 2 microseconds, 3 nanoseconds
	bits   int32
	signed bool
}

// form is how stored integers and bytes become values of the column's type.
type form uint8

const (
	asIs       form = iota
	unsigned        // 32 bits without a sign
	unsigned64      // 64 bits without a sign: unusable until it is given a type
	decimal         // divided by 10^scale: unusable until it is given a type
	millis          // times 1000
	nanos           // divided by 1000, downwards
	julianDay       // INT96: nanoseconds of the day, then the Julian day
	halfFloat       // IEEE 754 binary16
)

// meaning returns the type of a leaf's values and how to get there, or the reason
// why it is unusable.
func meaning(e *element) (column.Type, form, string) {
	a := annotation(e)
	switch a.id {
	case 5:
		return decimals(e, a)
	case 6:
		if e.physical == int32s {
			return column.Date, asIs, ""
		}
		return 0, 0, misplaced("DATE", e)
	case 7:
		return 0, 0, "it is a TIME of day; quern has no such type: cast it to an integer before"
	case 8:
		if e.physical == int64s {
			return timestamp(a)
		}
		return 0, 0, misplaced("TIMESTAMP", e)
	case 9:
		return 0, 0, "it is an INTERVAL; quern has no such type: cast it to a number before"
	case 10:
		return integer(e, a)
	case 15:
		if e.physical == fixedBytes && e.width == 2 {
			return column.Float32, halfFloat, ""
		}
		return 0, 0, misplaced("FLOAT16", e)
	}
	switch e.physical {
	case boolean:
		return column.Bool, asIs, ""
	case int32s:
		return column.Int32, asIs, ""
	case int64s:
		return column.Int64, asIs, ""
	case int96:
		return column.Timestamp, julianDay, ""
	case floats:
		return column.Float32, asIs, ""
	case doubles:
		return column.Float64, asIs, ""
	case byteArray, fixedBytes:
		return column.String, asIs, ""
	}
	return 0, 0, fmt.Sprintf("the format has no physical type %d", int32(e.physical))
}

func misplaced(name string, e *element) string {
	return fmt.Sprintf("it is annotated as %s but stored as %s", name, e.physical)
}

// timestamp returns the type of a TIMESTAMP.
func timestamp(a logical) (column.Type, form, string) {
	t := column.Datetime
	if a.utc {
		t = column.Timestamp
	}
	switch a.unit {
	case 1:
		return t, millis, ""
	case 2:
		return t, asIs, ""
	case 3:
		return t, nanos, ""
	}
	return 0, 0, "it is a TIMESTAMP in a unit that is not known"
}

// decimals says of a decimal that it needs a type, or why none helps.
func decimals(e *element, a logical) (column.Type, form, string) {
	switch {
	case e.physical != int32s && e.physical != int64s && e.physical != byteArray && e.physical != fixedBytes:
		return 0, 0, misplaced("DECIMAL", e)
	case a.scale < 0 || a.scale > maxDigits:
		return 0, 0, fmt.Sprintf("it is a decimal with %d digits after the point; 0 to %d are read", a.scale, maxDigits)
	case e.logical.id == 5 && e.converted == 5 && e.scale != a.scale:
		return 0, 0, fmt.Sprintf("it is a decimal with %d or %d digits after the point: the file says both", a.scale, e.scale)
	}
	return 0, decimal, "it is a decimal"
}

// integer returns the type of an annotated integer.
func integer(e *element, a logical) (column.Type, form, string) {
	switch {
	case e.physical == int32s && a.bits == 32 && !a.signed:
		return column.Int64, unsigned, ""
	case e.physical == int32s && a.bits <= 32:
		return column.Int32, asIs, ""
	case e.physical == int64s && a.bits == 64 && !a.signed:
		return 0, unsigned64, "it is an unsigned 64-bit integer"
	case e.physical == int64s:
		return column.Int64, asIs, ""
	}
	return 0, 0, misplaced("INTEGER", e)
}

// annotation returns the logical type, translated from the older annotation where
// that is all there is. Interval has only an older one; it gets the number 9 that
// the newer ones leave free.
func annotation(e *element) logical {
	if e.logical.id != 0 {
		return e.logical
	}
	switch e.converted {
	case 5:
		return logical{id: 5, scale: e.scale}
	case 6:
		return logical{id: 6}
	case 7, 8:
		return logical{id: 7}
	case 9:
		return logical{id: 8, utc: true, unit: 1}
	case 10:
		return logical{id: 8, utc: true, unit: 2}
	case 11, 12, 13, 14: // UINT_8, 16, 32, 64
		return logical{id: 10, bits: 8 << (e.converted - 11)}
	case 15, 16, 17, 18: // INT_8, 16, 32, 64
		return logical{id: 10, bits: 8 << (e.converted - 15), signed: true}
	case 21:
		return logical{id: 9}
	}
	return logical{}
}

// logical reads the union LogicalType.
func (c *cursor) logical() (l logical) {
	for f := (field{}); c.next(&f); {
		c.structure(f.kind)
		l.id = f.id
		for g := (field{}); c.next(&g); {
			switch {
			case f.id == 5 && g.id == 1:
				l.scale = c.int32(g.kind)
			case (f.id == 7 || f.id == 8) && g.id == 1:
				l.utc = c.bool(g.kind)
			case (f.id == 7 || f.id == 8) && g.id == 2:
				c.structure(g.kind)
				for u := (field{}); c.next(&u); {
					l.unit = u.id
					c.skip(u.kind)
				}
			case f.id == 10 && g.id == 1:
				l.bits = c.int32(g.kind)
			case f.id == 10 && g.id == 2:
				l.signed = c.bool(g.kind)
			default:
				c.skip(g.kind)
			}
		}
	}
	return l
}
