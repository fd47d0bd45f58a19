package serve

import (
	"quern/features/column"
	"quern/serve/arrow"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
	"quern/serve/tensor"
	"quern/serve/transform"
)

// appendArrowFeatures writes the reply of a call as a stream of Arrow's IPC. The model is
// among the metadata of the schema.
func appendArrowFeatures(dst []byte, m *liveModel, c *transform.Call) []byte {
	features := m.Features()
	fields, columns := make([]arrow.Field, len(features)), make([]tensor.Column, len(features))
	for i, f := range features {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type}
		columns[i].Values = c.Features[i]
	}
	dst = arrow.AppendSchema(dst, fields, "quern.model", m.id(), "quern.digest", m.Digest())
	return arrow.AppendEnd(arrow.AppendBatch(dst, c.Rows, fields, columns))
}

// arrowAnswer writes x.answer, that of a query, as a stream of Arrow's IPC: the features, and
// behind them for each view VIEW:status, as text, and VIEW:event_timestamp. The versions are
// among the metadata of the schema.
func (x *exchange) arrowAnswer(q *lookup.Query) {
	m := &x.answer
	if x.arrowOf != q {
		x.arrowOf, x.arrowFields = q, arrowFields(q)
		x.arrowSchema = arrow.AppendSchema(x.arrowSchema[:0], x.arrowFields, "quern.versions", versionsOf(q))
	}
	for i := range m.Views {
		m.Columns = append(m.Columns, statusColumn(m.Views[i].Status), eventColumn(m.Views[i].Event))
	}
	x.out = append(x.out[:0], x.arrowSchema...)
	x.out = arrow.AppendEnd(arrow.AppendBatch(x.out, m.Rows, x.arrowFields, m.Columns))
	clear(m.Columns) // they are others' memory
}

// arrowFields returns the columns of an answer.
func arrowFields(q *lookup.Query) []arrow.Field {
	fields := make([]arrow.Field, 0, len(q.Fields)+2*len(q.Parts))
	for _, f := range q.Fields {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type, Binary: f.Binary})
	}
	for i := range q.Parts {
		name := q.Parts[i].Name
		fields = append(fields, arrow.Field{Name: name + ":status", Type: column.String}, arrow.Field{Name: name + ":event_timestamp", Type: column.Timestamp})
	}
	return fields
}

// statusColumn returns statuses as a dictionary of their names.
func statusColumn(status []byte) tensor.Column {
	c := column.Column{Len: len(status), Values: column.Vector{Type: column.String}, Index: make([]int32, len(status))}
	for s := fieldstatus.Invalid; s <= fieldstatus.OutsideMaxAge; s++ {
		c.Values.Text.Append([]byte(s.String()))
		c.Values.Len++
	}
	for r, s := range status {
		c.Index[r] = int32(s)
	}
	return tensor.Column{Values: c}
}

// eventColumn returns event times as a column, with null for none.
func eventColumn(event []int64) tensor.Column {
	c := tensor.Column{Values: column.Column{Len: len(event), Values: column.Vector{Type: column.Timestamp, Len: len(event), Int64s: event}},
		Shown: column.NewBitmap(len(event))}
	for r, at := range event {
		if at != lookup.NoTime {
			c.Shown.Set(r)
		}
	}
	return c
}
