// Package tensor turns batches of columns into the arrays that training takes:
// real-valued features, integer ids, and labels, each kind in one row-major matrix
// or in one vector per column. The formats npy and safetensors write them.
//
// A column of lists makes arrays of its own in every layout. If the program fixes how
// many elements its lists have (pad, which cuts too), that is one matrix, rows by
// elements, under the column's name. Otherwise it is two vectors: the elements of all
// rows one after the other, and where each row's start:
//
//	NAME.values   elements
//	NAME.offsets  int64, one more than there are rows, from 0: row i has
//	              NAME.values[NAME.offsets[i]:NAME.offsets[i+1]]
//
// A null list is there as an empty one; a matrix has none, because pad makes a list of
// null. The three names are taken by a column of lists whichever it makes, so that
// names clash before a program is fitted or never.
package tensor

import (
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/sink"
)

// DType is the type of an array's elements, all little-endian.
type DType uint8

// The element types.
const (
	F32 DType = iota
	F64
	I64
	U8
)

// Size returns the bytes of one element.
func (d DType) Size() int { return [...]int{F32: 4, F64: 8, I64: 8, U8: 1}[d] }

// Array is one array: a matrix of rows by the columns of Fields, a vector if Vector is
// set, or what Lists says of a column of lists (then Fields has one element).
type Array struct {
	Name   string
	DType  DType
	Vector bool
	Fields []int // positions among the sink's fields
	Lists  Lists
	Width  int // elements of each list of a Matrix; else 0
}

// Lists says what of a column of lists an array holds.
type Lists uint8

// The arrays of lists.
const (
	NoLists Lists = iota
	Matrix        // all elements: rows by Width
	Values        // all elements: a vector
	Offsets       // where the elements of each row start, and where the last end: a vector
)

// columns returns the length of a matrix's rows; 0: the array is a vector.
func (a *Array) columns() int {
	switch {
	case a.Lists == Matrix:
		return a.Width
	case a.Vector || a.Lists != NoLists:
		return 0
	}
	return len(a.Fields)
}

// Shape returns the dimensions of the array whose bytes are so many.
func (a *Array) Shape(bytes int64) []int64 {
	elements := bytes / int64(a.DType.Size())
	if n := int64(a.columns()); n > 0 {
		return []int64{elements / n, n}
	}
	return []int64{elements}
}

// Layout returns the arrays that fields make. By rows: features (all reals, and
// bools as 0 and 1, in one matrix), ids (all integers and temporals), labels; an
// array without columns is left out. By columns: one vector per field, under its
// name. Lists have arrays of their own; by rows, these are the last. Strings have no
// place in a tensor and are an error (Q420), and so are names that clash (Q422).
func Layout(fields []sink.Field, columns bool) ([]Array, error) {
	if err := check(fields); err != nil {
		return nil, err
	}
	arrays := layoutRows(fields)
	if columns {
		arrays = layoutColumns(fields)
	}
	return arrays, checkNames(arrays, fields)
}

// layoutColumns is Layout by columns.
func layoutColumns(fields []sink.Field) []Array {
	var arrays []Array
	for i, f := range fields {
		if f.Type.IsList() {
			arrays = append(arrays, listArrays(i, f)...)
			continue
		}
		arrays = append(arrays, Array{Name: f.Name, DType: dtypeOf(f, Array{}), Vector: true, Fields: []int{i}})
	}
	return arrays
}

// listArrays returns the arrays of field i, which has lists.
func listArrays(i int, f sink.Field) []Array {
	f.Type = f.Type.Elem()
	f.Role = program.RoleFeature
	a := Array{Name: f.Name, DType: dtypeOf(f, Array{}), Fields: []int{i}, Lists: Matrix, Width: f.Width}
	if f.Width > 0 {
		return []Array{a}
	}
	offsets := Array{Name: f.Name + offsetsSuffix, DType: I64, Fields: []int{i}, Lists: Offsets}
	a.Name, a.Lists = f.Name+valuesSuffix, Values
	return []Array{a, offsets}
}

// What the arrays of ragged lists are called after their column.
const (
	valuesSuffix  = ".values"
	offsetsSuffix = ".offsets"
)

// layoutRows is Layout by rows.
func layoutRows(fields []sink.Field) []Array {
	groups := [...]Array{{Name: "features"}, {Name: "ids"}, {Name: "labels"}}
	var lists []Array
	for i, f := range fields {
		g := 0
		switch {
		case f.Type.IsList():
			lists = append(lists, listArrays(i, f)...)
			continue
		case f.Role == program.RoleLabel:
			g = 2
		case f.Type.Kind() == column.Ints:
			g = 1
		}
		groups[g].Fields = append(groups[g].Fields, i)
	}
	var arrays []Array
	for _, a := range groups {
		if len(a.Fields) == 0 {
			continue
		}
		a.DType = widest(fields, a)
		arrays = append(arrays, a)
	}
	return append(arrays, lists...)
}

// checkNames refuses arrays whose names clash. A column of lists takes every name that
// it could have, because its width is known only once a model is fitted.
func checkNames(arrays []Array, fields []sink.Field) error {
	owners := map[string]int{} // field, or -1 for a matrix of several
	take := func(name string, owner int) error {
		if other, taken := owners[name]; taken && (owner < 0 || other != owner) {
			return diag.New("Q422", "two arrays would be called %q", name).WithHint("rename the column of lists, or the other one")
		}
		owners[name] = owner
		return nil
	}
	for _, a := range arrays {
		owner := -1
		if a.Vector || a.Lists != NoLists {
			owner = a.Fields[0]
		}
		if err := take(a.Name, owner); err != nil {
			return err
		}
	}
	for i, f := range fields {
		if !f.Type.IsList() {
			continue
		}
		for _, suffix := range []string{"", valuesSuffix, offsetsSuffix} {
			if err := take(f.Name+suffix, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// check refuses fields that no array can hold.
func check(fields []sink.Field) error {
	for _, f := range fields {
		if f.Type.Elem() == column.String {
			what := "a string"
			if f.Type.IsList() {
				what = "a list of strings"
			}
			return diag.New("Q420", "column %q is %s, and tensors hold numbers only", f.Name, what).
				WithHint("encode it (categorify, one_hot, hash_bucket), or write Parquet")
		}
	}
	return nil
}

// dtypeOf returns the element type of a field: bool labels are U8, bools among
// reals count as reals.
func dtypeOf(f sink.Field, in Array) DType {
	switch f.Type.Kind() {
	case column.Ints:
		return I64
	case column.Bools:
		if f.Role == program.RoleLabel || in.Fields == nil {
			return U8
		}
		return F32
	}
	if f.Type == column.Float64 {
		return F64
	}
	return F32
}

// widest returns the element type that holds all fields of an array without loss:
// one that differs only for labels of several types.
func widest(fields []sink.Field, a Array) DType {
	have := map[DType]bool{}
	for _, i := range a.Fields {
		have[dtypeOf(fields[i], a)] = true
	}
	switch {
	case have[F64] || have[F32] && have[I64]:
		return F64
	case have[F32]:
		return F32
	case have[I64]:
		return I64
	}
	return U8
}
