package parquet

import (
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/pipeline/sink"
)

// schema returns the root and one optional leaf per field. All are optional:
// whether a column happens to have nulls is no part of its type.
func schema(fields []sink.Field) []format.SchemaElement {
	elements := []format.SchemaElement{{Name: "schema", NumChildren: thrift.New(int32(len(fields)))}}
	for _, f := range fields {
		e := format.SchemaElement{Name: f.Name, Type: thrift.New(physical(f.Type)), RepetitionType: thrift.New(format.Optional)}
		annotate(&e, f.Type)
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
