package client

import (
	"math"
	"time"

	"quern/features/column"
)

// get returns row i of a column as a Go value of a type that it can be assigned to.
func get(c *column.Column, i int, as column.Type) any {
	v, at := &c.Values, c.Slot(i)
	switch {
	case as.IsList():
		return getList(v, at, as.Elem())
	case as == column.Bool:
		return v.Bools[at]
	case as == column.Int32:
		return v.Int32s[at]
	case as == column.Int64:
		return v.Int(at)
	case as.Real() && v.Null(at):
		return gap(as)
	case as == column.Float32:
		return v.Float32s[at]
	case as == column.Float64:
		return v.Float(at)
	case as == column.String:
		return string(v.Text.At(at))
	}
	return instant(v, at)
}

// gap is what stands for a float that is null.
func gap(as column.Type) any {
	if as == column.Float32 {
		return float32(math.NaN())
	}
	return math.NaN()
}

// instant returns a time.
func instant(v *column.Vector, at int) time.Time {
	if v.Type == column.Date {
		return time.Unix(v.Int(at)*86400, 0).UTC()
	}
	return time.UnixMicro(v.Int(at)).UTC()
}

// getList returns a list as a slice. Elements that are null are NaN, zero or empty.
func getList(v *column.Vector, at int, as column.Type) any {
	switch as {
	case column.Bool:
		return elements[bool](v, at, as)
	case column.Int32:
		return elements[int32](v, at, as)
	case column.Int64:
		return elements[int64](v, at, as)
	case column.Float32:
		return elements[float32](v, at, as)
	case column.Float64:
		return elements[float64](v, at, as)
	case column.String:
		return elements[string](v, at, as)
	}
	return elements[time.Time](v, at, as)
}

func elements[T any](v *column.Vector, at int, as column.Type) []T {
	lo, hi := v.List(at)
	list := make([]T, 0, hi-lo)
	for k := lo; k < hi; k++ {
		one, _ := get(v.Elements, k, as).(T)
		list = append(list, one)
	}
	return list
}
