package audit

import (
	"strings"

	"quern/features/column"
	"quern/pipeline/sink"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

// The columns of a log that every view has.
const (
	colTime = iota
	colView
	colVersion
	colRules
	colCaller
	colPushed
	colEvent
	fixedColumns
)

// The names of the others begin so.
const (
	keyPrefix    = "key__"
	valuePrefix  = "value__"
	statusPrefix = "status__"
)

// fixedFields are the columns that every view has, in order.
func fixedFields() column.Schema {
	return column.Schema{
		{Name: "request_time", Type: column.Timestamp}, {Name: "view", Type: column.String}, {Name: "version", Type: column.String},
		{Name: "rules", Type: column.String}, {Name: "caller", Type: column.String}, {Name: "pushed", Type: column.Bool},
		{Name: "event_time", Type: column.Timestamp},
	}
}

// fieldsOf returns the columns of a log of v.
func fieldsOf(v *lookup.View) []sink.Field {
	all := fixedFields()
	for _, k := range v.Keys {
		all = append(all, column.Field{Name: keyPrefix + k.Name, Type: k.Type})
	}
	for _, f := range v.Fields {
		all = append(all, column.Field{Name: valuePrefix + f.Name, Type: f.Type})
	}
	for _, f := range v.Fields {
		all = append(all, column.Field{Name: statusPrefix + f.Name, Type: column.String})
	}
	fields := make([]sink.Field, len(all))
	for i, f := range all {
		fields[i].Field = f
	}
	return fields
}

// rulesText names rules, as the column rules has them.
func rulesText(r lookup.Rules) string {
	text := r.Compat.String()
	if r.KeepStale {
		text += "+keep-stale"
	}
	return text
}

// parseRules reads what rulesText wrote.
func parseRules(text string) (r lookup.Rules, ok bool) {
	name, stale, more := strings.Cut(text, "+")
	r.Compat, ok = lookup.ParseCompat(name)
	r.KeepStale = more
	return r, ok && (!more || stale == "keep-stale")
}

// statusNames is the dictionary of the columns of statuses: by fieldstatus.Status.
func statusNames() column.Vector {
	v := column.Vector{Type: column.String}
	for s := fieldstatus.Invalid; s <= fieldstatus.OutsideMaxAge; s++ {
		v.Text.Append([]byte(s.String()))
		v.Len++
	}
	return v
}

// constant is a column of n rows of one text; a null one where text is nil.
func constant(text []byte, n int) column.Column {
	c := column.Column{Len: n, Index: make([]int32, n), Values: column.Vector{Type: column.String, Len: 1}}
	c.Values.Text.Append(text)
	if text == nil {
		c.Values.Valid = column.NewBitmap(1)
	}
	return c
}

// nulls is a column of n nulls.
func nulls(t column.Type, n int) column.Column {
	v := column.Vector{Type: t, Len: n, Valid: column.NewBitmap(n)}
	switch {
	case t.IsList():
		v.Offsets = make([]uint32, n+1)
		v.Elements = &column.Column{Values: column.Vector{Type: t.Elem()}}
		if t.Elem() == column.String {
			v.Elements.Values.Text.Reset()
		}
	case t == column.String:
		v.Text.Offsets = make([]uint32, n+1)
	case t == column.Bool:
		v.Bools = make([]bool, n)
	case t == column.Int32 || t == column.Date:
		v.Int32s = make([]int32, n)
	case t == column.Float32:
		v.Float32s = make([]float32, n)
	case t == column.Float64:
		v.Float64s = make([]float64, n)
	default:
		v.Int64s = make([]int64, n)
	}
	return column.Column{Len: n, Values: v}
}
