package lookup

import (
	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/row"
)

// PutKeys fills into with the keys of part p of a query, one for every row of keys,
// for a view that is stored with layout l.
func (p *Part) PutKeys(keys *Keys, l *row.Layout, into *row.Keys) {
	into.Reset(l)
	for r := range keys.Rows {
		for _, k := range p.Keys {
			v := &keys.Columns[k].Vector
			switch v.Type.Kind() {
			case column.Strings:
				into.PutBytes(v.Text.At(r))
			case column.Bools:
				n := int64(0)
				if v.Bools[r] {
					n = 1
				}
				into.PutInt(n)
			default:
				into.PutInt(v.Int(r))
			}
		}
	}
}

// Gather fills the values, nulls, states and event times of part p from the rows that
// were found, row by row of the block; a missing row was not found. Field i of the
// view is field i of layout l. The block has copies: the rows are needed no longer. g
// is memory. It fails with row.ErrCorrupt.
func (b *Block) Gather(p int, l *row.Layout, rows []row.Row, g *row.Gatherer) error {
	g.Start(l, rows)
	state := &b.Parts[p]
	for r := range rows {
		state.Status[r] = fieldstatus.NotFound
		if !rows[r].Missing() {
			state.Status[r] = fieldstatus.Present
		}
	}
	state.Event = g.Events(state.Event)
	part := &b.Query.Parts[p]
	for i, field := range part.Into {
		c := &b.Values[field]
		valid, err := g.Field(part.From[i], &c.Vector, c.memory.Valid)
		if err != nil {
			return err
		}
		c.memory.Valid = valid
	}
	return nil
}

// Schema returns the schema of v's rows in storage.
func (v *View) Schema() row.Schema {
	s := row.Schema{Keys: v.Keys, Time: true}
	for _, f := range v.Fields {
		s.Fields = append(s.Fields, column.Field{Name: f.Name, Type: f.Type})
	}
	return s
}

// Encode makes rows in storage form of r, with layout l, which is that of the view's
// Schema. They are numbered from seq on.
func (r *Rows) Encode(l *row.Layout, seq uint64, into *row.Rows) error {
	in := row.Input{Rows: r.Rows, Seq: seq, Numbered: true, Event: times(r.Event), Created: times(r.Created)}
	for i := range r.Keys {
		in.Keys = append(in.Keys, &column.Column{Len: r.Rows, Values: r.Keys[i].Vector})
	}
	for i := range r.Fields {
		in.Fields = append(in.Fields, &column.Column{Len: r.Rows, Values: r.Fields[i].Vector})
	}
	return l.Encode(in, into)
}

// times returns instants as a column, NoTime as null.
func times(at []int64) *column.Column {
	c := &column.Column{Len: len(at), Values: column.Vector{Type: column.Timestamp, Len: len(at), Int64s: at}}
	for i, t := range at {
		if t != NoTime {
			continue
		}
		if c.Values.Valid == nil {
			c.Values.Valid = column.NewBitmap(len(at))
			c.Values.Valid.Fill(len(at))
		}
		c.Values.Valid.Clear(i)
	}
	return c
}
