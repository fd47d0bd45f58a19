package parquet

import (
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/pipeline/sink"
)

// The names of the groups below a column of lists, as the format asks.
const (
	listName    = "list"
	elementName = "element"
)

// schema returns the root and one optional leaf per field. All are optional:
// whether a column happens to have nulls is no part of its type. The leaf of a list
// lies in two groups:
//
//	optional group NAME (LIST) { repeated group list { optional T element } }
func schema(fields []sink.Field) []format.SchemaElement {
	elements := []format.SchemaElement{{Name: "schema", NumChildren: thrift.New(int32(len(fields)))}}
	for _, f := range fields {
		name := f.Name
		if f.Type.IsList() {
			elements = append(elements,
				format.SchemaElement{Name: name, RepetitionType: thrift.New(format.Optional), NumChildren: thrift.New(int32(1)),
					ConvertedType: thrift.New(deprecated.List), LogicalType: format.LogicalType{Value: new(format.ListType)}},
				format.SchemaElement{Name: listName, RepetitionType: thrift.New(format.Repeated), NumChildren: thrift.New(int32(1))})
			name = elementName
		}
		e := format.SchemaElement{Name: name, Type: thrift.New(physical(f.Type.Elem())), RepetitionType: thrift.New(format.Optional)}
		annotate(&e, f.Type.Elem())
		elements = append(elements, e)
	}
	return elements
}

// annotate adds the logical type, and its old form for older readers.
func annotate(e *format.SchemaElement, t column.Type) {
	switch t {
	case column.String:
		e.ConvertedType = thrift.New(deprecated.UTF8)
		e.LogicalType.Value = new(format.StringType)
	case column.Date:
		e.ConvertedType = thrift.New(deprecated.Date)
		e.LogicalType.Value = new(format.DateType)
	case column.Timestamp, column.Datetime:
		instant := t == column.Timestamp
		if instant {
			e.ConvertedType = thrift.New(deprecated.TimestampMicros)
		}
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: instant, Unit: format.TimeUnit{Value: new(format.MicroSeconds)}}
	}
}

// physical returns the type in which values of t are stored.
func physical(t column.Type) format.Type {
	switch t {
	case column.Bool:
		return format.Boolean
	case column.Int32, column.Date:
		return format.Int32
	case column.Int64, column.Timestamp, column.Datetime:
		return format.Int64
	case column.Float32:
		return format.Float
	case column.Float64:
		return format.Double
	case column.String:
		return format.ByteArray
	}
	panic("quern: bug: no physical type for " + t.String())
}
