package audit

import (
	"math"

	"quern/features/column"
	"quern/serve/lookup"
	"quern/serve/row"
)

// seed of the hash that samples keys. It is another one than storage has, so that what is
// sampled says nothing of where a row is stored.
const seed = 0x61756469746c6f67

// thresholdOf returns the hash up to which keys are sampled: share of all of them.
func thresholdOf(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}
	return uint64(math.Ldexp(share, 64))
}

// scratch is the memory of one Served, which the next one uses again.
type scratch struct {
	keys row.Keys
	rows []int32
}

// choose returns the rows of a part whose keys are sampled.
func (l *Log) choose(p *lookup.Part, keys *lookup.Keys, s *scratch) ([]int32, error) {
	layout, err := l.layout(p.View)
	if err != nil {
		return nil, err
	}
	p.PutKeys(keys, layout, &s.keys)
	s.rows = s.rows[:0]
	for i, h := range s.keys.Hashes(seed) {
		if h.Lo <= l.threshold {
			s.rows = append(s.rows, int32(i))
		}
	}
	return s.rows, nil
}

// layout returns the layout of a view's rows, for its keys' canonical bytes.
func (l *Log) layout(v *lookup.View) (*row.Layout, error) {
	if have, ok := l.layouts.Load(v.Name); ok && have.(*known).view == v {
		return have.(*known).layout, nil
	}
	layout, err := row.NewLayout(v.Schema())
	if err == nil {
		l.layouts.Store(v.Name, &known{v, layout}) // the latest version of each view
	}
	return layout, err
}

// known is a view and its layout.
type known struct {
	view   *lookup.View
	layout *row.Layout
}

// record is some rows of one look-up of one view, in the columns of fieldsOf.
type record struct {
	view  *lookup.View
	batch column.Batch
}

// cells is what a record counts for in the queue.
func (r *record) cells() int64 { return int64(r.batch.Rows) * int64(len(r.batch.Columns)) }

// newRecord copies rows of a part of a block.
func newRecord(p int, rows []int32, caller []byte, keys *lookup.Keys, b *lookup.Block) *record {
	part := &b.Query.Parts[p]
	v, n := part.View, len(rows)
	now, rules := b.Expired()
	all := make([]column.Column, fixedColumns, fixedColumns+len(v.Keys)+2*len(v.Fields))
	all[colTime] = instants(n, func(int) int64 { return now })
	all[colView] = constant([]byte(v.Name), n)
	all[colVersion] = constant([]byte(v.Version), n)
	all[colRules] = constant([]byte(rulesText(rules)), n)
	all[colCaller] = constant(caller, n)
	state := &b.Parts[p]
	pushed := make([]bool, n)
	for i, r := range rows {
		pushed[i] = state.Pushed != nil && state.Pushed[r]
	}
	all[colPushed] = column.Column{Len: n, Values: column.Vector{Type: column.Bool, Len: n, Bools: pushed}}
	all[colEvent] = instants(n, func(i int) int64 { return state.Event[rows[i]] })
	for _, k := range part.Keys {
		all = append(all, taken(&keys.Columns[k].Vector, rows))
	}
	values, statuses := make([]column.Column, len(v.Fields)), make([]column.Column, len(v.Fields))
	for f := range v.Fields {
		values[f], statuses[f] = nulls(v.Fields[f].Type, n), constant(nil, n)
	}
	for i, f := range part.From {
		values[f], statuses[f] = cellsOf(part.Into[i], rows, b)
	}
	all = append(append(all, values...), statuses...)
	return &record{v, column.Batch{Rows: n, Columns: all}}
}

// instants is a column of times; lookup.NoTime is null.
func instants(n int, at func(int) int64) column.Column {
	v := column.Vector{Type: column.Timestamp, Len: n, Int64s: make([]int64, n)}
	for i := range n {
		if v.Int64s[i] = at(i); v.Int64s[i] == lookup.NoTime {
			hide(&v, i)
		}
	}
	return column.Column{Len: n, Values: v}
}

// hide makes slot i of v null, in bits of v's own.
func hide(v *column.Vector, i int) {
	if v.Valid == nil {
		v.Valid = column.NewBitmap(v.Len)
		v.Valid.Fill(v.Len)
	}
	v.Valid.Clear(i)
}

// taken copies rows of a plain vector.
func taken(v *column.Vector, rows []int32) (c column.Column) {
	column.Take(&c, &column.Column{Len: v.Len, Values: *v}, rows)
	return c
}

// cellsOf copies what the client is shown of rows of a field, and their statuses.
func cellsOf(field int, rows []int32, b *lookup.Block) (value, status column.Column) {
	v := b.Values[field].Vector
	valid := column.NewBitmap(b.Rows)
	status = column.Column{Len: len(rows), Index: make([]int32, len(rows)), Values: statusNames()}
	for i, r := range rows {
		s, shown := b.Status(field, int(r))
		status.Index[i] = int32(s)
		if shown {
			valid.Set(int(r))
		}
	}
	v.Valid = valid // rows that are not taken do not matter
	if v.Type.IsList() {
		return takenLists(&v, rows), status
	}
	return taken(&v, rows), status
}

// takenLists is taken for lists, some of which were hidden: a null one has no elements.
func takenLists(v *column.Vector, rows []int32) column.Column {
	out := column.Vector{Type: v.Type, Len: len(rows), Valid: column.NewBitmap(len(rows)), Offsets: make([]uint32, 1, len(rows)+1)}
	var elements []int32
	for i, r := range rows {
		if !v.Null(int(r)) {
			out.Valid.Set(i)
			for lo, hi := v.List(int(r)); lo < hi; lo++ {
				elements = append(elements, int32(lo))
			}
		}
		out.Offsets = append(out.Offsets, uint32(len(elements)))
	}
	out.Elements = &column.Column{}
	column.Take(out.Elements, v.Elements, elements)
	return column.Column{Len: len(rows), Values: out}
}
