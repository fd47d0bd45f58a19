package column

import "math"

// Field names and types a column. Nullability is not part of it: any column of
// any type may hold nulls.
type Field struct {
	Name string
	Type Type
}

// Schema is the ordered list of a table's fields. Names are unique.
type Schema []Field

// Find returns the position of the field called name, or -1.
func (s Schema) Find(name string) int {
	for i, f := range s {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// Finder returns what Find does, for so many names: many are looked up in an index, since a
// table may have a hundred thousand columns. Changes of s after it are not seen.
func (s Schema) Finder(names int) func(name string) int {
	const few = 16
	if names <= few || len(s) <= few {
		return s.Find
	}
	at := make(map[string]int, len(s))
	for i, f := range s {
		at[f.Name] = i
	}
	return func(name string) int {
		if i, ok := at[name]; ok {
			return i
		}
		return -1
	}
}

// Names returns the names of the fields, in their order.
func (s Schema) Names() []string {
	names := make([]string, len(s))
	for i, f := range s {
		names[i] = f.Name
	}
	return names
}

// Column is one column of a batch: Len rows, each with a slot of Values.
//
// Plain (Index == nil): row i has slot i, and Values.Len == Len. Dictionary: row
// i has slot Index[i], 0 <= Index[i] < Values.Len. Several slots of a dictionary
// may hold equal values, slots may be unused, and any slot may be null. A column of
// lists is plain; its column of elements may be dictionary-coded.
type Column struct {
	Len    int
	Values Vector
	Index  []int32
}

// Type returns the type of the values.
func (c *Column) Type() Type { return c.Values.Type }

// Dict reports whether c is dictionary-coded.
func (c *Column) Dict() bool { return c.Index != nil }

// Slot returns the slot of row i.
func (c *Column) Slot(i int) int {
	if c.Index == nil {
		return i
	}
	return int(c.Index[i])
}

// Null reports whether row i is null.
func (c *Column) Null(i int) bool { return c.Values.Null(c.Slot(i)) }

// Batch is a run of rows: its columns all have Rows rows, in the order of the
// schema that they were asked for with.
type Batch struct {
	Rows    int
	Columns []Column
}

func sameFloat(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
