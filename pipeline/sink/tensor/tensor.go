// Package tensor turns batches of columns into the arrays that training takes:
// real-valued features, integer ids, and labels, each kind in one row-major matrix
// or in one vector per column. The formats npy and safetensors write them.
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

// Array is one array: a matrix of rows by the columns of Fields, or a vector if
// Vector is set (then Fields has one element).
type Array struct {
	Name   string
	DType  DType
	Vector bool
	Fields []int // positions among the sink's fields
}

// Layout returns the arrays that fields make. By rows: features (all reals, and
// bools as 0 and 1, in one matrix), ids (all integers and temporals), labels; an
// array without columns is left out. By columns: one vector per field, under its
// name. Strings have no place in a tensor and are an error.
func Layout(fields []sink.Field, columns bool) ([]Array, error) {
	if err := check(fields); err != nil {
		return nil, err
	}
	if columns {
		arrays := make([]Array, len(fields))
		for i, f := range fields {
			arrays[i] = Array{Name: f.Name, DType: dtypeOf(f, Array{}), Vector: true, Fields: []int{i}}
		}
		return arrays, nil
	}
	groups := [...]Array{{Name: "features"}, {Name: "ids"}, {Name: "labels"}}
	for i, f := range fields {
		g := 0
		switch {
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
	return arrays, nil
}

// check refuses fields that no array can hold.
func check(fields []sink.Field) error {
	for _, f := range fields {
		if f.Type == column.String {
			return diag.New("Q420", "column %q is a string, and tensors hold numbers only", f.Name).
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
