package client

import (
	"reflect"
	"strings"

	"quern/features/column"
	"quern/features/diag"
)

// Into returns a T, a struct, for each row. A field with the tag `quern:"NAME"` gets the
// value of the column of that name, a feature or a key; others stay as they are. A field is
// of one of the types of Value (or int, for whole numbers), or a pointer to one, which is nil
// where there is no value. A field that is no pointer must have a value in every row, but
// for floats, which are NaN: a null that became a zero would look like one. Q695 where that
// is not so, where there is no such column, or where the types differ.
func Into[T any](t *Table) ([]T, error) {
	fields, err := fieldsOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	all := make([]T, t.Rows)
	rows := reflect.ValueOf(all)
	for _, f := range fields {
		c := t.Column(f.name)
		if c == nil {
			return nil, diag.New("Q695", "there is no column %s for field %s", f.name, f.field)
		}
		if !assignable(c.values.Type(), natural(f.as)) {
			return nil, diag.New("Q695", "column %s is of type %s, not %s as field %s", f.name, c.Type(), f.as, f.field)
		}
		for i := range all {
			if err := f.set(rows.Index(i).Field(f.at), c, i); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// From makes columns of structs, the other way round: one for each field with a tag. A
// pointer that is nil is a null. A time with the tag `quern:"NAME,datetime"` is sent as what a
// clock shows, and one with `quern:"NAME,date"` as its day: see Datetimes and Dates.
func From[T any](rows []T) ([]Column, error) {
	fields, err := fieldsOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	values := reflect.ValueOf(rows)
	columns := make([]Column, len(fields))
	for k, f := range fields {
		c := &columns[k]
		c.Name, c.values.Len = f.name, len(rows)
		v := &c.values.Values
		start(v, f.as, len(rows))
		if f.pointer {
			v.Valid = column.NewBitmap(len(rows))
		}
		for i := range rows {
			value := values.Index(i).Field(f.at)
			if !f.pointer {
				put(v, value.Convert(f.kind).Interface())
				continue
			}
			if value.IsNil() {
				put(v, reflect.Zero(f.kind).Interface())
				continue
			}
			v.Valid.Set(i)
			put(v, value.Elem().Convert(f.kind).Interface())
		}
	}
	return columns, nil
}

// field is a field of a struct with a tag.
type field struct {
	name, field string
	at          int
	pointer     bool
	kind        reflect.Type // one of the types of Value
	as          column.Type
}

// fieldsOf lists the fields of a struct that have a tag.
func fieldsOf(t reflect.Type) ([]field, error) {
	if t.Kind() != reflect.Struct {
		return nil, diag.New("Q695", "rows are structs, not %v", t)
	}
	var fields []field
	for i := range t.NumField() {
		one := t.Field(i)
		name, ok := one.Tag.Lookup("quern")
		if !ok || name == "-" {
			continue
		}
		name, option, _ := strings.Cut(name, ",")
		f := field{name: name, field: one.Name, at: i, kind: one.Type}
		if f.pointer = f.kind.Kind() == reflect.Pointer; f.pointer {
			f.kind = f.kind.Elem()
		}
		if f.kind.Kind() == reflect.Int {
			f.kind = reflect.TypeFor[int64]()
		}
		f.as = typeOfValue(reflect.Zero(f.kind).Interface())
		if option != "" {
			f.as = timeType(f.as, option)
		}
		if f.as == column.Invalid || !one.IsExported() || name == "" {
			return nil, diag.New("Q695", "field %s of %v cannot hold values of a column", one.Name, t)
		}
		fields = append(fields, f)
	}
	if len(fields) == 0 {
		return nil, diag.New("Q695", "no field of %v has a tag that names a column", t).WithHint("ID int64 `quern:\"driver_id\"`")
	}
	return fields, nil
}

// timeType is the type of a time with an option in its tag; Invalid: there is no such one.
func timeType(of column.Type, option string) column.Type {
	switch {
	case of == column.Timestamp && option == "datetime":
		return column.Datetime
	case of == column.Timestamp && option == "date":
		return column.Date
	}
	return column.Invalid
}

// set puts row i of a column into a field.
func (f *field) set(to reflect.Value, c *Column, i int) error {
	null := c.Null(i)
	switch {
	case null && f.pointer:
		to.SetZero()
		return nil
	case null && !f.as.Real():
		return diag.New("Q695", "row %d of column %s is %s, and field %s is no pointer", i, c.Name, c.Status(i), f.field)
	}
	value := reflect.ValueOf(get(&c.values, i, natural(f.as)))
	if f.pointer {
		p := reflect.New(to.Type().Elem())
		p.Elem().Set(value.Convert(to.Type().Elem()))
		to.Set(p)
		return nil
	}
	to.Set(value.Convert(to.Type()))
	return nil
}

// Row returns row i as values by the names of columns: nil where there is none.
func (t *Table) Row(i int) map[string]any {
	row := map[string]any{}
	for k := range t.Columns {
		c := &t.Columns[k]
		if row[c.Name] = nil; !c.Null(i) {
			row[c.Name] = get(&c.values, i, natural(c.values.Type()))
		}
	}
	return row
}

// natural is the type that values of a type are in Go.
func natural(t column.Type) column.Type {
	switch {
	case t.IsList():
		return column.ListOf(natural(t.Elem()))
	case t.Temporal():
		return column.Timestamp
	}
	return t
}
