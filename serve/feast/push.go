package feast

import (
	"context"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
)

// codeNoObject is the code of a write to a view that is not there, which Feast calls
// by another class than a look-up in one.
const codeNoObject diag.Code = "Q616"

// push is the body of /push or /write-to-online-store, taken apart. The columns of
// the data frame are those of a look-up's entities.
type push struct {
	name  []byte // of the push source or the view
	to    []byte
	frame bool
}

// readPush takes a body apart whose name stands under key.
func (x *exchange) readPush(key string) (p push, err error) {
	x.request.reset()
	s := scanner{text: x.in}
	seen := fields{}
	named := false
	err = s.document(func(name []byte, _ bool) (err error) {
		switch string(name) {
		case key:
			named = true
			p.name, err = s.quoted(key, false)
			return seen.once(0, name, err)
		case "to":
			p.to, err = s.quoted("to", false)
			return seen.once(1, name, err)
		case "df":
			p.frame = true
			return seen.once(2, name, x.request.readFrame(&s))
		}
		_, _, err = s.value()
		return err
	})
	switch {
	case err != nil:
		return p, err
	case !named:
		return p, missing(key, x.in)
	case !p.frame:
		return p, missing("df", x.in)
	}
	return p, nil
}

// readFrame is readEntities for a data frame.
func (r *request) readFrame(s *scanner) error {
	if s.next() != '{' {
		return s.shape("dict_type", "Input should be a valid dictionary", "df")
	}
	return r.readEntities(s)
}

// pushJSON answers /push: rows for every view that a source feeds.
func (s *Service) pushJSON(ctx context.Context, x *exchange) error {
	p, err := x.readPush("push_source_name")
	if err != nil {
		return err
	}
	c := s.server.Pin()
	defer c.Release()
	names, err := fed(c, &p)
	if err != nil {
		return err
	}
	x.out = x.out[:0]
	return s.write(ctx, x, c, names, &frame{x: x})
}

// fed returns the views that the source of a push feeds.
func fed(c lookup.Catalog, p *push) ([]string, error) {
	switch string(p.to) {
	case "", "online":
	case "offline", "online_and_offline":
		return nil, diag.New("Q613", "%s: rows are pushed to be served online, there is no offline store", p.to)
	default:
		return nil, diag.New("Q613", "%s is not a supported push format. Please specify one of these ['online', 'offline', 'online_and_offline'].", lookup.Clip(p.to))
	}
	names, ok := c.Source(string(p.name))
	if !ok {
		return nil, diag.New("Q610", "push source %q does not exist", lookup.Clip(p.name)).In(lookup.Named(p.name))
	}
	return names, nil
}

// writeJSON answers /write-to-online-store: rows for one view.
func (s *Service) writeJSON(ctx context.Context, x *exchange) error {
	p, err := x.readPush("feature_view_name")
	if err != nil {
		return err
	}
	c := s.server.Pin()
	defer c.Release()
	x.out = append(x.out[:0], "null"...)
	return s.write(ctx, x, c, []string{string(p.name)}, &frame{x: x})
}

// pushed reads the columns of x.request in a wire format. It stops at the first error.
type pushed interface {
	// start begins with the rows of another view.
	start()
	// cells appends the values of a column, times those of a column of instants.
	cells(name string, into *lookup.Cells, nulls bool)
	times(name string, into []int64, nulls bool) []int64
	// end returns how many rows there were, or the error.
	end() (rows int, err error)
}

// write reads the rows of every view before it writes those of any. Rows of several
// views are not written as one: each view's are.
func (s *Service) write(ctx context.Context, x *exchange, c lookup.Catalog, views []string, from pushed) error {
	if s.writer == nil {
		return diag.New("Q613", "this server takes no pushes")
	}
	x.rows = slices.Grow(x.rows[:0], len(views))[:len(views)]
	for i, name := range views {
		v, ok := c.View(name, "")
		if !ok {
			return diag.New(codeNoObject, "view %q does not exist", lookup.Clip(name)).In(lookup.Named(name))
		}
		if s.options.MayWrite != nil {
			if err := s.options.MayWrite(ctx, v); err != nil {
				return err
			}
		}
		if err := x.readRows(v, &x.rows[i], from); err != nil {
			return err
		}
	}
	for i := range x.rows {
		if err := s.writer.Write(ctx, &x.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// PushedName returns the column in which pushed rows have feature i of v: its name, or
// VIEW__FEATURE where the name is a key's or that of the row's times.
func PushedName(v *lookup.View, i int) string {
	name := v.Fields[i].Name
	taken := name == v.EventColumn() || name == v.CreatedColumn() ||
		slices.ContainsFunc(v.Keys, func(k column.Field) bool { return k.Name == name })
	if taken {
		return v.Name + "__" + name
	}
	return name
}

// readRows reads the columns of view v out of x.request. Columns that v does not
// have are ignored.
func (x *exchange) readRows(v *lookup.View, rows *lookup.Rows, from pushed) (err error) {
	rows.Reset(v)
	event, created := x.timeColumn(v, v.EventColumn(), sdkEvent), x.timeColumn(v, v.CreatedColumn(), sdkCreated)
	if err := x.complete(v, event); err != nil {
		return err
	}
	from.start()
	for i, k := range v.Keys {
		from.cells(k.Name, &rows.Keys[i], false)
	}
	for i := range v.Fields {
		from.cells(PushedName(v, i), &rows.Fields[i], true)
	}
	rows.Event = from.times(event, rows.Event, false)
	if x.column(created) != nil {
		rows.Created = from.times(created, rows.Created, true)
	}
	if rows.Rows, err = from.end(); err != nil {
		return err
	}
	if rows.Rows == 0 {
		return diag.New("Q615", "the data frame has no rows")
	}
	for len(rows.Created) < rows.Rows {
		rows.Created = append(rows.Created, lookup.NoTime)
	}
	return nil
}

// The columns in which Feast's SDK sends the times of rows, whatever the view calls them.
const sdkEvent, sdkCreated = "event_timestamp", "created"

// timeColumn returns the column that has a time of v's rows: the one that v names, or, where
// that is not there, the one that the SDK sends, unless it is something else in v.
func (x *exchange) timeColumn(v *lookup.View, named, sent string) string {
	other := v.Find(sent) >= 0 || slices.ContainsFunc(v.Keys, func(k column.Field) bool { return k.Name == sent })
	if x.column(named) == nil && x.column(sent) != nil && !other {
		return sent
	}
	return named
}

// column returns the column called name, or nil.
func (x *exchange) column(name string) *entity {
	x.name = append(x.name[:0], name...)
	return x.request.entity(x.name)
}

// complete checks that all columns of v are there, and names those that are not. event is
// the column of the event time.
func (x *exchange) complete(v *lookup.View, event string) error {
	var lack []string
	need := func(name string) {
		if x.column(name) == nil {
			lack = append(lack, "'"+name+"'")
		}
	}
	for _, k := range v.Keys {
		need(k.Name)
	}
	for i := range v.Fields {
		need(PushedName(v, i))
	}
	need(event)
	if len(lack) == 0 {
		return nil
	}
	return diag.New("Q611", "[%s] not in index: rows of %s have these columns too, with null for no value", strings.Join(lack, ", "), v.Name)
}

// frame reads the columns of a data frame, which have one length. It stops at the
// first error.
type frame struct {
	x     *exchange
	rows  int // -1: no column read yet
	first string
	err   error
}

func (f *frame) start() { *f = frame{x: f.x, rows: -1} }

func (f *frame) end() (int, error) { return f.rows, f.err }

// each calls element at the values of a column, and checks how many there are.
func (f *frame) each(name string, element func(s *scanner, i int) error) {
	if f.err != nil {
		return
	}
	limit, n := f.x.limits.Rows, 0
	s := scanner{text: f.x.column(name).values}
	f.err = s.array(func(i int) error {
		if n++; i == limit {
			return tooManyRows(limit)
		}
		return element(&s, i)
	})
	if f.rows < 0 {
		f.rows, f.first = n, name
	}
	if f.err == nil && n != f.rows {
		f.err = diag.New("Q608", "all columns must have the same length: %q has %d values, %q has %d", f.first, f.rows, name, n)
	}
}

// cells reads a column of values.
func (f *frame) cells(name string, into *lookup.Cells, nulls bool) {
	f.each(name, func(s *scanner, i int) error {
		raw, p, err := f.x.reader.cell(s, into)
		switch {
		case err != nil || p == "":
			return err
		case p == isNull && nulls:
			into.AddNull()
			return nil
		}
		return badValue(name, i, raw, into.Type.String(), p)
	})
}

// times reads a column of instants.
func (f *frame) times(name string, into []int64, nulls bool) []int64 {
	f.each(name, func(s *scanner, i int) error {
		k, raw, err := s.value()
		switch {
		case err != nil:
			return err
		case k == kindNull && nulls:
			into = append(into, lookup.NoTime)
			return nil
		case k != kindString:
			return badValue(name, i, raw, "time", "is no time in text, like 2026-11-22T10:00:00Z")
		}
		t, p := lookup.ParseTime(raw[1 : len(raw)-1])
		if p != "" {
			return badValue(name, i, raw, "time", p)
		}
		into = append(into, t)
		return nil
	})
	return into
}

// badValue is the error for a value that a column of pushed rows cannot have.
func badValue(name string, row int, value []byte, t string, p lookup.Problem) error {
	return diag.New("Q612", "column %q, row %d: %s %s (the column is %s)", name, row, lookup.Clip(value), string(p), t).
		In(diag.Data{RowGroup: -1, Row: int64(row), Column: name})
}
