package parquet

import (
	"fmt"

	"quern/features/column"
	"quern/features/diag"
)

// physical is how the format stores values; the numbers are the format's.
type physical int32

const (
	boolean    physical = 0
	int32s     physical = 1
	int64s     physical = 2
	int96      physical = 3
	floats     physical = 4
	doubles    physical = 5
	byteArray  physical = 6
	fixedBytes physical = 7
)

// String returns the format's name of p.
func (p physical) String() string {
	switch p {
	case boolean:
		return "BOOLEAN"
	case int32s:
		return "INT32"
	case int64s:
		return "INT64"
	case int96:
		return "INT96"
	case floats:
		return "FLOAT"
	case doubles:
		return "DOUBLE"
	case byteArray:
		return "BYTE_ARRAY"
	case fixedBytes:
		return "FIXED_LEN_BYTE_ARRAY"
	}
	return fmt.Sprintf("type %d", int32(p))
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

// fileColumn is a top-level column of a file.
type fileColumn struct {
	name     string
	leaf     int // position among the leaves of the schema; of its first leaf if nested
	physical physical
	width    int // bytes of a FIXED_LEN_BYTE_ARRAY
	optional bool
	typ      column.Type
	form     form
	scale    int    // of a decimal
	reason   string // why it is unusable; "" if it is not
}

// Bounds on what a schema may hold: elements in all, and bytes of a fixed-length value.
const (
	maxElements = 100_000
	maxFixed    = 1 << 20
)

// Repetitions of the format.
const (
	required = 0
	optional = 1
	repeated = 2
)

// element is a node of the schema as it is written: a tree in depth-first order.
type element struct {
	name       string
	physical   physical // -1: a group
	width      int32
	repetition int32
	children   int32
	converted  int32 // the older annotation; -1: none
	scale      int32 // of an older decimal
	logical    logical
}

// logical is the newer annotation, flattened; id 0: none.
type logical struct {
	id     int16 // the format's number
	scale  int32 // of a decimal
	utc    bool
	unit   int16 // 1 milliseconds, 2 microseconds, 3 nanoseconds
	bits   int32
	signed bool
}

// parseSchema returns the top-level columns and the physical types of all leaves.
func parseSchema(elements []element) ([]fileColumn, []physical, error) {
	if len(elements) == 0 || elements[0].physical >= 0 {
		return nil, nil, diag.New("Q204", "the schema has no root")
	}
	var columns []fileColumn
	var leaves []physical
	at, names := 1, map[string]int{}
	for range elements[0].children {
		if at >= len(elements) {
			return nil, nil, diag.New("Q204", "the schema is cut off")
		}
		col := describe(&elements[at])
		col.leaf = len(leaves)
		var ok bool
		if at, leaves, ok = walk(elements, at, leaves); !ok {
			return nil, nil, diag.New("Q204", "the schema is no tree")
		}
		if first, twice := names[col.name]; twice {
			columns[first].form = asIs // no type helps
			columns[first].reason = "the file has several columns of this name; rename them where the file is written"
			continue
		}
		names[col.name] = len(columns)
		columns = append(columns, col)
	}
	if at != len(elements) {
		return nil, nil, diag.New("Q204", "the schema has elements outside its tree")
	}
	return columns, leaves, nil
}

// walk passes over the tree at elements[at] and appends its leaves. It keeps the
// numbers of children still to come instead of recursing: the depth is hostile.
func walk(elements []element, at int, leaves []physical) (int, []physical, bool) {
	for open := int64(1); open > 0; open-- {
		if at >= len(elements) {
			return at, leaves, false
		}
		e := &elements[at]
		at++
		switch {
		case e.physical >= 0 && e.children != 0:
			return at, leaves, false
		case e.physical >= 0:
			leaves = append(leaves, e.physical)
		case e.children < 0:
			return at, leaves, false
		default:
			open += int64(e.children)
		}
	}
	return at, leaves, true
}

// describe says what a top-level element is to quern.
func describe(e *element) fileColumn {
	c := fileColumn{name: e.name, physical: e.physical, width: int(e.width), optional: e.repetition == optional}
	switch {
	case e.repetition == repeated:
		c.reason = "it is a list; quern has no lists yet: flatten it before"
	case e.physical < 0:
		c.reason = fmt.Sprintf("it is a %s; quern reads flat columns only: flatten it before", groupName(e))
	case e.repetition != required && e.repetition != optional:
		c.reason = "the file does not say whether it may be null"
	case e.physical == fixedBytes && (e.width <= 0 || e.width > maxFixed):
		c.reason = fmt.Sprintf("its values have an impossible length: %d bytes", e.width)
	default:
		c.typ, c.form, c.reason = meaning(e)
		c.scale = int(annotation(e).scale)
	}
	return c
}

// groupName names a nested element.
func groupName(e *element) string {
	switch {
	case e.logical.id == 2 || e.converted == 1 || e.converted == 2:
		return "map"
	case e.logical.id == 3 || e.converted == 3:
		return "list"
	case e.logical.id == 16:
		return "variant"
	}
	return "struct"
}

// meaning returns the type of a flat column and how to get there, or the reason
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
	return 0, decimal, "it is a decimal; " + giveType(e.name, column.Float64)
}

// integer returns the type of an annotated integer.
func integer(e *element, a logical) (column.Type, form, string) {
	switch {
	case e.physical == int32s && a.bits == 32 && !a.signed:
		return column.Int64, unsigned, ""
	case e.physical == int32s && a.bits <= 32:
		return column.Int32, asIs, ""
	case e.physical == int64s && a.bits == 64 && !a.signed:
		return 0, unsigned64, "it is an unsigned 64-bit integer; " + giveType(e.name, column.Int64)
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

// element reads the struct SchemaElement.
func (c *cursor) element() element {
	e := element{physical: -1, converted: -1, repetition: -1}
	for f := (field{}); c.next(&f); {
		switch f.id {
		case 1:
			if e.physical = physical(c.int32(f.kind)); e.physical < 0 {
				c.fail()
			}
		case 2:
			e.width = c.int32(f.kind)
		case 3:
			e.repetition = c.int32(f.kind)
		case 4:
			e.name = string(c.binary(f.kind))
		case 5:
			e.children = c.int32(f.kind)
		case 6:
			e.converted = c.int32(f.kind)
		case 7:
			e.scale = c.int32(f.kind)
		case 10:
			c.structure(f.kind)
			e.logical = c.logical()
		default:
			c.skip(f.kind)
		}
	}
	return e
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
