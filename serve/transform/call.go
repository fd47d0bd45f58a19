package transform

import (
	"context"
	"errors"
	"math"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/serve/lookup"
	"quern/serve/scan"
)

// Call is one request: its rows, and what is made of them. It is used by one goroutine.
type Call struct {
	Rows     int
	Features []column.Column // after Run, by Transformer.Features; valid until Close
	Columnar bool            // the rows came as columns

	MaxRows int // more rows are Q609; 0: any number

	t     *Transformer
	use   Use
	shape *shape

	cells []lookup.Cells // by column
	seen  []uint64       // by column: the stamp of the row that last had it
	stamp uint64
	order []int // of the columns of the last row
	scan  scan.Scanner
	size  int // of the request, in bytes

	session, filter backend.Session
	args, asked     []column.Column
	narrow          []*column.Column // memory of features that were rounded to float32
	kept            []int32
}

// reset empties the columns.
func (c *Call) reset() {
	c.Rows, c.Columnar = 0, false
	for i := range c.cells {
		if c.read(i) {
			c.cells[i].Reset(c.shape.columns[i].typ, false)
		}
	}
}

// read reports whether the values of a column are kept.
func (c *Call) read(at int) bool { return at < c.shape.needed || at == c.shape.created }

// Run computes the features of the rows. A fault of the arithmetic is Q621.
func (c *Call) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.fill(c.args, c.shape.serving)
	out, err := c.session.Run(column.Batch{Rows: c.Rows, Columns: c.args}, nil)
	if err != nil {
		return faultOf(err, c.t.model.Serving)
	}
	casts := 0
	for i := range out.Columns {
		if out.Columns[i].Type() == c.t.features[i].Type {
			c.Features[i] = out.Columns[i]
			continue
		}
		if casts == len(c.narrow) {
			c.narrow = append(c.narrow, &column.Column{})
		}
		toFloat32(c.narrow[casts], &out.Columns[i])
		c.Features[i] = *c.narrow[casts]
		casts++
	}
	return nil
}

// fill makes columns of the cells at the given positions.
func (c *Call) fill(args []column.Column, at []int) {
	for i, n := range at {
		args[i] = column.Column{Len: c.Rows, Values: c.cells[n].Vector}
	}
}

// faultOf places a fault of p in the recipe and among the rows.
func faultOf(err error, p *program.Program) error {
	var fault *program.RowError
	if !errors.As(err, &fault) {
		return err
	}
	where := ""
	if at := p.Code[fault.Register].Origin; at >= 0 {
		where = p.Origins[at].Path + ": "
	}
	place := diag.Data{RowGroup: -1, Row: int64(fault.Row)}
	if d := p.Root(fault.Register); d >= 0 {
		place.Column = p.Inputs[d].Name
	}
	return diag.New("Q621", "%s%s (row %d)", where, fault.Reason, fault.Row).In(place)
}

// toFloat32 fills dst with the Float64 column src, each value rounded once to the nearest,
// as outputs are; lists element by element.
func toFloat32(dst, src *column.Column) {
	if src.Type().IsList() {
		elements := dst.Values.Elements
		if elements == nil {
			elements = &column.Column{}
		}
		toFloat32(elements, src.Values.Elements)
		*dst = *src
		dst.Values.Type, dst.Values.Elements = column.ListOf(column.Float32), elements
		return
	}
	buffer := dst.Values.Float32s[:0]
	if buffer == nil {
		buffer = make([]float32, 0, src.Values.Len)
	}
	for _, x := range src.Values.Float64s[:src.Values.Len] {
		buffer = append(buffer, float32(x))
	}
	*dst = column.Column{Len: src.Len, Index: src.Index,
		Values: column.Vector{Type: column.Float32, Len: src.Values.Len, Valid: src.Values.Valid, Float32s: buffer}}
}

// Put fills into with the rows as rows of v, which fits (see Transformer.Fits): keys,
// features, event times and creation times. into has copies. The event time is the model's
// time where the source has it, else the column event_timestamp; the creation time is the
// column created, or none. A key or an event time that is null is Q620. left is how many
// rows source.where leaves out: those are not in into. The call is of use Push, after Run.
func (c *Call) Put(v *lookup.View, into *lookup.Rows) (left int, err error) {
	if c.use != Push || !c.t.Fits(v) {
		panic("quern: bug: rows of another model are put into view " + v.Name)
	}
	keep, err := c.where()
	if err != nil {
		return 0, err
	}
	into.Reset(v)
	into.Rows = len(keep)
	for i, at := range c.shape.keys {
		if err := c.present(at, keep, "a key"); err != nil {
			return 0, err
		}
		into.Keys[i].AppendColumn(&column.Column{Len: c.Rows, Values: c.cells[at].Vector}, keep)
	}
	for i := range c.Features {
		into.Fields[i].AppendColumn(&c.Features[i], keep)
	}
	if err := c.present(c.shape.event, keep, "an event time"); err != nil {
		return 0, err
	}
	event := &c.cells[c.shape.event].Vector
	for _, r := range keep {
		into.Event = append(into.Event, micros(event, int(r)))
		created := int64(lookup.NoTime)
		if at := c.shape.created; at >= 0 {
			created = micros(&c.cells[at].Vector, int(r))
		}
		into.Created = append(into.Created, created)
	}
	return c.Rows - len(keep), nil
}

// where returns the rows that source.where keeps.
func (c *Call) where() ([]int32, error) {
	keep := c.kept[:0]
	defer func() { c.kept = keep }()
	if c.filter == nil {
		for r := range c.Rows {
			keep = append(keep, int32(r))
		}
		return keep, nil
	}
	c.fill(c.asked, c.shape.where)
	out, err := c.filter.Run(column.Batch{Rows: c.Rows, Columns: c.asked}, nil)
	if err != nil {
		return nil, faultOf(err, c.t.model.Where)
	}
	for r := range c.Rows {
		if slot := out.Columns[0].Slot(r); !out.Columns[0].Values.Null(slot) && out.Columns[0].Values.Bools[slot] {
			keep = append(keep, int32(r))
		}
	}
	return keep, nil
}

// present checks that a column has no null in the rows kept.
func (c *Call) present(at int, keep []int32, what string) error {
	for _, r := range keep {
		if c.cells[at].Null(int(r)) {
			return c.shape.wrong(at, int(r), []byte("null"), lookup.Problem("is no value, and "+what+" has one"))
		}
	}
	return nil
}

// micros returns a time in microseconds since 1970-01-01T00:00:00Z; NoTime for null.
func micros(v *column.Vector, r int) int64 {
	switch {
	case v.Null(r):
		return lookup.NoTime
	case v.Type == column.Date:
		const day = int64(24 * 60 * 60 * 1e6)
		return min(max(v.Int(r), (math.MinInt64+1)/day), math.MaxInt64/day) * day
	}
	return v.Int(r)
}

// The largest request whose memory a call keeps for the next one.
const (
	largestRows = 1 << 14
	largestSize = 1 << 20 // bytes
)

// Close gives the memory back. c is not used after that.
func (c *Call) Close() {
	large := c.Rows > largestRows || c.size > largestSize
	c.Rows, c.MaxRows, c.size = 0, 0, 0
	if large {
		c.drop()
		return
	}
	select {
	case c.t.idle[c.use] <- c:
	default:
		c.drop()
	}
}

// drop gives the sessions' buffers to the back end.
func (c *Call) drop() {
	c.session.Close()
	if c.filter != nil {
		c.filter.Close()
	}
}
