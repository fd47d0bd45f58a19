package parquet

import (
	"fmt"
	"strings"

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

// fileColumn is a top-level column of a file: of scalars, or of lists of scalars.
type fileColumn struct {
	name     string
	leaf     int // position among the leaves of the schema; of its first leaf if unusable
	physical physical
	width    int  // bytes of a FIXED_LEN_BYTE_ARRAY
	optional bool // a value may be null; of a list column, an element
	list     bool
	nullable bool        // a list may be null
	typ      column.Type // of the values; of a list column, of the elements
	form     form
	scale    int    // of a decimal
	reason   string // why it is unusable; "" if it is not
}

// of returns the type of the column if t is that of its values or elements.
func (c *fileColumn) of(t column.Type) column.Type {
	if c.list {
		return column.ListOf(t)
	}
	return t
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
		end, below, ok := walk(elements, at, leaves)
		if !ok {
			return nil, nil, diag.New("Q204", "the schema is no tree")
		}
		col := describe(elements[at:end])
		col.leaf = len(leaves)
		at, leaves = end, below
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

// describe says what a top-level element and those below it are to quern.
func describe(tree []element) fileColumn {
	c := fileColumn{name: tree[0].name}
	var value *element
	if value, c.reason = c.shape(tree); c.reason != "" {
		return c
	}
	c.reason = c.value(value)
	if what, ok := strings.CutPrefix(c.reason, "it is "); ok && c.list {
		c.reason = "it is a list, and each element is " + what
	}
	return c
}

// value says what the values of c are, which e describes. It returns why they are
// unusable, or "".
func (c *fileColumn) value(e *element) (reason string) {
	c.physical, c.width, c.optional = e.physical, int(e.width), e.repetition == optional
	switch {
	case e.repetition != required && e.repetition != optional && e.repetition != repeated:
		return "the file does not say whether it may be null"
	case e.physical == fixedBytes && (e.width <= 0 || e.width > maxFixed):
		return fmt.Sprintf("its values have an impossible length: %d bytes", e.width)
	}
	c.typ, c.form, reason = meaning(e)
	c.scale = int(annotation(e).scale)
	switch c.form {
	case decimal:
		reason += "; " + giveType(c.name, c.of(column.Float64))
	case unsigned64:
		reason += "; " + giveType(c.name, c.of(column.Int64))
	}
	return reason
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
