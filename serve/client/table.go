package client

import (
	"time"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/fieldstatus"
	"quern/serve/tensor"
)

// Column is a column of values of one type, some of which may be null. Of and Nullable make
// one, Values and Pointers give its values out.
type Column struct {
	Name string

	values column.Column
	view   *View // that it was looked up in; nil: none
}

// Len returns how many rows there are.
func (c *Column) Len() int { return c.values.Len }

// Type returns the name of the type, as recipes have it: int64, list<float32>.
func (c *Column) Type() string { return c.values.Type().String() }

// Null reports whether there is no value in a row: what Values has there means nothing,
// but for floats, which are NaN.
func (c *Column) Null(row int) bool { return c.values.Null(row) }

// Status says why a row has a value or none. In a column that was not looked up values are
// Present or NullValue.
func (c *Column) Status(row int) fieldstatus.Status {
	s := fieldstatus.Present
	if c.view != nil {
		s = c.view.status[row]
	}
	if s == fieldstatus.Present && c.Null(row) {
		return fieldstatus.NullValue
	}
	return s
}

// View is a version of a view that answered.
type View struct {
	Name, Version string

	status []fieldstatus.Status
	event  []int64
}

// Event returns the event time of a row; false: the row is not there, or has none.
func (v *View) Event(row int) (time.Time, bool) {
	const none = -1 << 63
	if at := v.event[row]; at != none {
		return time.UnixMicro(at).UTC(), true
	}
	return time.Time{}, false
}

// Table is what a server answers: columns of equal length.
type Table struct {
	Rows    int
	Columns []Column
	Views   []View   // that answered a look-up
	Model   Model    // that computed the features of raw rows
	Keys    []Column // of the look-up, as they were given
}

// Model is the model that computed features.
type Model struct{ Name, Version, Digest string }

// Column returns the column of a name: a feature, or else a key; nil where there is none.
func (t *Table) Column(name string) *Column {
	for _, list := range [][]Column{t.Columns, t.Keys} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// readTable reads a reply. It keeps body.
func readTable(r *reply, kind tensor.Kind) (*Table, error) {
	fail := func(why string, err error) error {
		return diag.New("Q694", "the server's reply cannot be read: %s", why).Because(err)
	}
	if r.kind != tensor.ContentType {
		return nil, fail("it is "+r.kind+", not "+tensor.ContentType, nil)
	}
	var m tensor.Message
	if err := tensor.Read(r.body, kind, tensor.Limits{}, &m); err != nil {
		return nil, fail("it is damaged", err)
	}
	s, err := tensor.ParseSchema(m.Schema)
	if err != nil {
		return nil, fail("its schema is none", err)
	}
	if len(s.Columns) != len(m.Columns) || len(s.Views) != len(m.Views) || kind == tensor.Answer && len(s.Of) != len(m.Columns) {
		return nil, fail("its schema is that of another", nil)
	}
	t := &Table{Rows: m.Rows, Columns: make([]Column, len(m.Columns)), Views: make([]View, len(m.Views))}
	for i, v := range m.Views {
		t.Views[i] = View{Name: s.Views[i].View, Version: s.Views[i].Version, status: statuses(v.Status), event: v.Event}
	}
	for i := range m.Columns {
		t.Columns[i] = Column{Name: s.Columns[i], values: m.Columns[i].Values}
		if kind != tensor.Answer {
			continue
		}
		if s.Of[i] < 0 || s.Of[i] >= len(t.Views) {
			return nil, fail("its schema is that of another", nil)
		}
		t.Columns[i].view = &t.Views[s.Of[i]]
	}
	if s.Model != nil {
		t.Model = Model{Name: s.Model.Name, Version: s.Model.Version, Digest: s.Model.Digest}
	}
	return t, nil
}

// statuses are those of a message.
func statuses(of []byte) []fieldstatus.Status {
	all := make([]fieldstatus.Status, len(of))
	for i, s := range of {
		all[i] = fieldstatus.Status(s)
	}
	return all
}
