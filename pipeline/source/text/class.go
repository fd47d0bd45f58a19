package text

import (
	"fmt"

	"quern/features/column"
)

// classes is the set of the classes of the cells of a column.
type classes uint16

// The classes. A cell belongs to one; inexact may come with it.
const (
	boolCell classes = 1 << iota
	intCell
	realCell      // a number that is no integer of int64
	wideCell      // an integer beyond int64
	hugeCell      // a number beyond float64
	dateCell      // 2001-06-01
	datetimeCell  // 2001-06-01T17:30:00
	timestampCell // 2001-06-01T17:30:00Z
	otherCell     // any other text, the empty text included
	nestedCell    // an object, or an array that holds arrays or objects
	listCell      // an array of scalars
	inexact       // a time has digits beyond microseconds
)

// Groups of classes: the kinds of values that a strict format tells apart.
const (
	numberCells = intCell | realCell | wideCell | hugeCell
	timeCells   = dateCell | datetimeCell | timestampCell
	textCells   = timeCells | otherCell
)

// classify returns the class of unquoted text that is not null.
func classify(s []byte) classes {
	if len(s) == 0 {
		return otherCell
	}
	switch c := s[0]; {
	case c == '-' || c == '.' || '0' <= c && c <= '9':
		if class := classifyNumber(s); class != otherCell {
			return class
		}
		return classifyTime(s)
	case c == '+':
		return classifyTime(s) // a year; numbers with a plus sign stay text
	}
	switch s[0] | 0x20 { // the letter in lower case
	case 't', 'f':
		if column.EqualFold(s, "true") || column.EqualFold(s, "false") {
			return boolCell
		}
	case 'n', 'i':
		if isSpecial(s) {
			return realCell
		}
	}
	return otherCell
}

// classifyNumber returns the class of a number without a plus sign and without
// zeros before it, or otherCell.
func classifyNumber(s []byte) classes {
	n := scanNumber(s)
	body := s
	if n.negative {
		body = s[1:]
	}
	switch {
	case !n.ok && isSpecial(body):
		return realCell
	case !n.ok || n.whole > 1 && body[0] == '0':
		return otherCell
	case n.decimal:
		if n.exponent || n.whole > 300 { // nothing else gets near 1.8e308
			if _, ok := parseFloat(s); !ok {
				return hugeCell
			}
		}
		return realCell
	case n.negative && n.whole == 1 && body[0] == '0':
		return realCell // -0: an integer has no such value
	}
	if n.whole >= 19 {
		if _, ok := parseInt(s); !ok {
			if n.whole > 300 {
				if _, ok := parseFloat(s); !ok {
					return hugeCell
				}
			}
			return wideCell
		}
	}
	return intCell
}

// classifyTime returns the class of a day, a wall clock or an instant, or otherCell.
func classifyTime(s []byte) classes {
	if len(s) < len("2001-06-01") {
		return otherCell
	}
	m, ok := parseMoment(s)
	if !ok {
		return otherCell
	}
	class := m.class()
	if _, ok := m.value(class); !ok {
		return otherCell
	}
	if _, ok := m.value(datetimeCell); !ok { // a day that could not stand beside clocks
		return otherCell
	}
	if m.inexact {
		class |= inexact
	}
	return class
}

// verdict is what the classes of a column amount to.
type verdict struct {
	typ    column.Type
	reason string // why the column is unusable; "": it is usable
	notice string // what the user should know; the column's name goes before it
}

// judge returns the type of a column, by the rules in the package's comment.
func (c *scannedColumn) judge(strict bool) verdict {
	switch {
	case c.classes&nestedCell != 0:
		return verdict{reason: "it holds objects or nested arrays: write their parts as columns of their own"}
	case c.classes&listCell == 0:
		return judgeScalars(c.classes, strict, column.Invalid)
	case c.classes != listCell:
		return verdict{reason: "it holds arrays beside other values: write an array in every row, [x] for a single x"}
	}
	v := judgeScalars(c.elements, strict, column.ListOf(column.String))
	v.typ = column.ListOf(v.typ)
	return v
}

// accept returns what becomes of a column to which the user gave a type. A scalar in
// a column of lists is found when it is read.
func (c *scannedColumn) accept(given column.Type) verdict {
	switch {
	case c.classes&nestedCell != 0:
		return c.judge(true)
	case c.classes&listCell != 0 && !given.IsList():
		return verdict{reason: fmt.Sprintf("it holds arrays, but schema: says %v: write %v", given, column.ListOf(given))}
	}
	return verdict{typ: given}
}

// judgeScalars returns the type of the scalars that a column holds, or that its
// lists hold if shape is a type of lists.
func judgeScalars(set classes, strict bool, shape column.Type) verdict {
	v := verdict{typ: column.String}
	if set&inexact != 0 {
		v.notice = "has digits beyond microseconds: they are dropped"
		set &^= inexact
	}
	if strict {
		if v.reason = mixed(set, shape); v.reason != "" {
			return v
		}
	}
	within := func(allowed classes) bool { return set&^allowed == 0 }
	switch {
	case set == 0:
	case within(boolCell):
		v.typ = column.Bool
	case within(numberCells):
		v.number(set, shape)
	case within(dateCell):
		v.typ = column.Date
	case within(dateCell | datetimeCell):
		v.typ = column.Datetime
	case within(timestampCell):
		v.typ = column.Timestamp
	}
	if v.typ != column.Datetime && v.typ != column.Timestamp && set&timeCells != 0 {
		v.notice = "" // nothing is dropped from strings
	}
	return v
}

// number judges a column of numbers.
func (v *verdict) number(set classes, shape column.Type) {
	switch {
	case set&hugeCell != 0:
		v.notice = "has numbers beyond float64, so it is read as strings; give it a type with schema:"
	case set&realCell != 0:
		v.typ = column.Float64
	case set&wideCell != 0:
		v.notice = fmt.Sprintf("has integers beyond int64, so it is read as strings; give it a type with schema:, such as %v, which rounds them",
			column.Float64.Like(shape))
	default:
		v.typ = column.Int64
	}
}

// mixed says why scalars of a strict format have no type, or "".
func mixed(set classes, shape column.Type) string {
	var kinds []string
	for _, k := range []struct {
		set  classes
		name string
	}{{boolCell, "true and false"}, {numberCells, "numbers"}, {textCells, "strings"}} {
		if set&k.set != 0 {
			kinds = append(kinds, k.name)
		}
	}
	if len(kinds) > 1 {
		what := "it holds "
		if shape.IsList() {
			what = "its arrays hold "
		}
		return what + kinds[0] + " beside " + kinds[1] + ": give it a type with schema:"
	}
	return ""
}
