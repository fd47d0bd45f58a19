package transform

import (
	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/model"
	"quern/serve/lookup"
)

// shape is which columns the rows of a call have.
type shape struct {
	columns []input
	numbers map[string]int // by name
	needed  int            // how many columns rows must have: the first ones

	serving, where, keys []int // positions in columns
	event, created       int   // likewise; -1: none
}

// input is one column of rows. What is not needed is read over.
type input struct {
	name string
	typ  column.Type
}

// newShape returns what rows of m look like.
func newShape(m *model.Model, use Use) *shape {
	s := &shape{numbers: map[string]int{}, event: -1, created: -1}
	for _, f := range m.Serving.Inputs {
		s.serving = append(s.serving, s.add(f))
	}
	if use == Push {
		s.push(m)
	}
	s.needed = len(s.columns)
	if use == Push && m.Schema.Find(createdColumn) < 0 {
		s.created = s.add(column.Field{Name: createdColumn, Type: column.Timestamp})
	}
	for _, f := range m.Schema {
		s.add(f)
	}
	return s
}

// The columns of a pushed row's times where the model has none of the name.
const (
	eventColumn   = "event_timestamp"
	createdColumn = "created"
)

// push adds what pushed rows need beyond the features.
func (s *shape) push(m *model.Model) {
	for _, name := range m.Key {
		s.keys = append(s.keys, s.add(m.Schema[m.Schema.Find(name)]))
	}
	if m.Where != nil {
		for _, f := range m.Where.Inputs {
			s.where = append(s.where, s.add(f))
		}
	}
	if at := m.Schema.Find(m.Time); at >= 0 && m.Schema[at].Type.Temporal() {
		s.event = s.add(m.Schema[at])
	} else if m.Schema.Find(eventColumn) < 0 {
		s.event = s.add(column.Field{Name: eventColumn, Type: column.Timestamp})
	}
}

// add returns the position of a column, which it adds when it is new.
func (s *shape) add(f column.Field) int {
	if at, ok := s.numbers[f.Name]; ok {
		return at
	}
	s.numbers[f.Name] = len(s.columns)
	s.columns = append(s.columns, input{f.Name, f.Type})
	return len(s.columns) - 1
}

// unknown is the error for a column that the model does not have.
func (s *shape) unknown(name []byte, row int) error {
	names := make([]string, len(s.columns))
	for i := range names {
		names[i] = s.columns[i].name
	}
	e := diag.New("Q619", "the model has no column %q", lookup.Clip(name)).
		In(diag.Data{RowGroup: -1, Row: int64(row), Column: lookup.Clip(name)})
	if near := diag.Nearest(lookup.Clip(name), names); near != "" {
		e = e.WithHint("did you mean %q?", near)
	}
	return e
}

// lacks is the error for a column that is not there; row -1 is all of them.
func (s *shape) lacks(at, row int) error {
	name := s.columns[at].name
	place := diag.Data{RowGroup: -1, Row: int64(row), Column: name}
	hint := "a value that is not known is null, and said to be"
	if row < 0 {
		return diag.New("Q618", "there is no column %q (%s)", name, s.columns[at].typ).In(place).WithHint("%s", hint)
	}
	return diag.New("Q618", "row %d has no column %q (%s)", row, name, s.columns[at].typ).In(place).WithHint("%s", hint)
}

// wrong is the error for a value that has no meaning in its column.
func (s *shape) wrong(at, row int, value []byte, p lookup.Problem) error {
	return diag.New("Q620", "column %q, row %d: %s %s (the column is %s)", s.columns[at].name, row, lookup.Clip(value), string(p), s.columns[at].typ).
		In(diag.Data{RowGroup: -1, Row: int64(row), Column: s.columns[at].name})
}
