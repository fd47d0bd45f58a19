package client

import (
	"time"

	"quern/features/column"
	"quern/features/diag"
)

// Value is a type that values have in Go. Instants (timestamp, datetime, date) are
// time.Time in UTC; of those that are sent a timestamp is made.
type Value interface {
	bool | int32 | int64 | float32 | float64 | string | time.Time |
		[]bool | []int32 | []int64 | []float32 | []float64 | []string | []time.Time
}

// Of makes a column of values, none of them null.
func Of[T Value](name string, values []T) Column {
	c := Column{Name: name}
	c.values.Len = len(values)
	v := &c.values.Values
	start(v, typeOf[T](), len(values))
	for i := range values {
		put(v, any(values[i]))
	}
	return c
}

// Datetimes makes a column of what clocks show: times without their zone.
func Datetimes(name string, values []time.Time) Column { return times(name, column.Datetime, values) }

// Dates makes a column of the days that times are on, where their zone is.
func Dates(name string, values []time.Time) Column { return times(name, column.Date, values) }

func times(name string, t column.Type, values []time.Time) Column {
	c := Column{Name: name}
	c.values.Len = len(values)
	start(&c.values.Values, t, len(values))
	for i := range values {
		put(&c.values.Values, values[i])
	}
	return c
}

// Nullable makes a column of values, null where a pointer is nil.
func Nullable[T Value](name string, values []*T) Column {
	c := Column{Name: name}
	c.values.Len = len(values)
	v := &c.values.Values
	start(v, typeOf[T](), len(values))
	v.Valid = column.NewBitmap(len(values))
	for i, p := range values {
		if p == nil {
			var gap T
			put(v, any(gap))
			continue
		}
		v.Valid.Set(i)
		put(v, any(*p))
	}
	return c
}

// Values returns the values of a column, whose type must be T's: Q695 where it is another,
// and where c is nil, as Table.Column gives for a name that is not there. Integers may be
// asked for wider than they are, and so may floats. What stands for a null means nothing,
// but for floats, which are NaN.
func Values[T Value](c *Column) ([]T, error) {
	if err := fits[T](c); err != nil {
		return nil, err
	}
	all := make([]T, c.Len())
	for i := range all {
		all[i], _ = get(&c.values, i, typeOf[T]()).(T)
	}
	return all, nil
}

// Pointers is Values with nil for what is null.
func Pointers[T Value](c *Column) ([]*T, error) {
	values, err := Values[T](c)
	if err != nil {
		return nil, err
	}
	all := make([]*T, len(values))
	for i := range values {
		if !c.Null(i) {
			all[i] = &values[i]
		}
	}
	return all, nil
}

// fits checks that a column can be had as a T.
func fits[T Value](c *Column) error {
	want := typeOf[T]()
	switch {
	case c == nil:
		return diag.New("Q695", "there is no such column to have values of")
	case !assignable(c.values.Type(), want):
		return diag.New("Q695", "column %s is of type %s, not %s", c.Name, c.Type(), want)
	}
	return nil
}

// assignable reports whether values of a type are, exactly, values of another.
func assignable(from, to column.Type) bool {
	switch {
	case from == to, from.Temporal() && to == column.Timestamp,
		from == column.Int32 && to == column.Int64, from == column.Float32 && to == column.Float64:
		return true
	}
	return from.IsList() && to.IsList() && assignable(from.Elem(), to.Elem())
}

// typeOf returns the type of a column of Ts.
func typeOf[T Value]() column.Type {
	var zero T
	return typeOfValue(any(zero))
}

func typeOfValue(zero any) column.Type {
	switch zero.(type) {
	case bool:
		return column.Bool
	case int32:
		return column.Int32
	case int64:
		return column.Int64
	case float32:
		return column.Float32
	case float64:
		return column.Float64
	case string:
		return column.String
	case time.Time:
		return column.Timestamp
	case []bool:
		return column.ListOf(column.Bool)
	case []int32:
		return column.ListOf(column.Int32)
	case []int64:
		return column.ListOf(column.Int64)
	case []float32:
		return column.ListOf(column.Float32)
	case []float64:
		return column.ListOf(column.Float64)
	case []string:
		return column.ListOf(column.String)
	case []time.Time:
		return column.ListOf(column.Timestamp)
	}
	return column.Invalid
}

// start makes v an empty vector of a type, for n values.
func start(v *column.Vector, t column.Type, n int) {
	*v = column.Vector{Type: t, Len: n}
	switch {
	case t.IsList():
		v.Offsets = append(make([]uint32, 0, n+1), 0)
		v.Elements = &column.Column{}
		start(&v.Elements.Values, t.Elem(), 0)
	case t == column.Bool:
		v.Bools = make([]bool, 0, n)
	case t == column.Int32 || t == column.Date:
		v.Int32s = make([]int32, 0, n)
	case t == column.Float32:
		v.Float32s = make([]float32, 0, n)
	case t == column.Float64:
		v.Float64s = make([]float64, 0, n)
	case t == column.String:
		v.Text.Reset()
	default:
		v.Int64s = make([]int64, 0, n)
	}
}

// put appends a value.
func put(v *column.Vector, value any) {
	switch x := value.(type) {
	case bool:
		v.Bools = append(v.Bools, x)
	case int32:
		v.Int32s = append(v.Int32s, x)
	case int64:
		v.Int64s = append(v.Int64s, x)
	case float32:
		v.Float32s = append(v.Float32s, x)
	case float64:
		v.Float64s = append(v.Float64s, x)
	case string:
		v.Text.Append([]byte(x))
	case time.Time:
		putTime(v, x)
	case []bool:
		putList(v, x)
	case []int32:
		putList(v, x)
	case []int64:
		putList(v, x)
	case []float32:
		putList(v, x)
	case []float64:
		putList(v, x)
	case []string:
		putList(v, x)
	case []time.Time:
		putList(v, x)
	}
}

// putTime appends a time as its type has it.
func putTime(v *column.Vector, t time.Time) {
	if v.Type == column.Timestamp {
		v.Int64s = append(v.Int64s, t.UnixMicro())
		return
	}
	_, offset := t.Zone()
	shown := t.UnixMicro() + int64(offset)*1e6
	if v.Type == column.Datetime {
		v.Int64s = append(v.Int64s, shown)
		return
	}
	const day = 86400 * 1e6
	days := shown / day
	if shown%day < 0 {
		days--
	}
	v.Int32s = append(v.Int32s, int32(days))
}

// putList appends a list.
func putList[T any](v *column.Vector, list []T) {
	e := v.Elements
	for i := range list {
		put(&e.Values, any(list[i]))
	}
	e.Len += len(list)
	e.Values.Len = e.Len
	v.Offsets = append(v.Offsets, uint32(e.Len))
}
