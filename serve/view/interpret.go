package view

import (
	"slices"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/serve/row"
)

// SourceRow is a row of a stream's source: the value of each of Stream.Inputs.
type SourceRow []program.Value

// CopyRow returns row r of a run, in memory of its own.
func CopyRow(from *pipeline.StreamRows, r int) SourceRow {
	values := make(SourceRow, len(from.Inputs))
	for i := range from.Inputs {
		in := &from.Inputs[i]
		values[i] = owned(program.ValueAt(&in.Values, in.Slot(r)))
	}
	return values
}

// owned returns v with memory of its own.
func owned(v program.Value) program.Value {
	v.Str = slices.Clone(v.Str)
	for i := range v.List {
		v.List[i] = owned(v.List[i])
	}
	return v
}

// Interpret computes the features of rows one by one, by the interpreter of programs, which
// shares nothing with how rows are published: values by feature. Errors are the evaluator's.
func Interpret(e *program.Evaluator, m *model.Model, s *pipeline.Stream, rows []SourceRow) ([][]program.Value, error) {
	features := make([][]program.Value, len(s.Features))
	args := make([]program.Value, len(m.Serving.Inputs))
	for _, one := range rows {
		for i, f := range m.Serving.Inputs {
			args[i] = one[s.Inputs.Find(f.Name)]
		}
		registers, err := e.Row(args)
		if err != nil {
			return nil, err
		}
		for i, o := range m.Serving.Outputs {
			features[i] = append(features[i], registers[o.Register])
		}
	}
	return features, nil
}

// Compose makes rows of a view of features, as Interpret returns them, and of the keys and
// times of the rows that they were computed from.
func Compose(l *row.Layout, m *model.Model, s *pipeline.Stream, features [][]program.Value, from []SourceRow) (*row.Rows, error) {
	in := row.Input{Rows: len(from)}
	for i, f := range s.Features {
		in.Fields = append(in.Fields, stored(f.Type, features[i]))
	}
	for _, f := range s.Keys {
		in.Keys = append(in.Keys, stored(f.Type, columnOf(s, from, f.Name)))
	}
	if s.Timed {
		in.Event = stored(m.Schema[m.Schema.Find(m.Time)].Type, columnOf(s, from, m.Time))
	}
	rows := &row.Rows{}
	return rows, l.Encode(in, rows)
}

// columnOf returns a column of the source.
func columnOf(s *pipeline.Stream, rows []SourceRow, name string) []program.Value {
	at := s.Inputs.Find(name)
	values := make([]program.Value, len(rows))
	for i, one := range rows {
		values[i] = one[at]
	}
	return values
}

func stored(t column.Type, values []program.Value) *column.Column {
	v := program.StoredVector(t, values...)
	return &column.Column{Len: v.Len, Values: v}
}
