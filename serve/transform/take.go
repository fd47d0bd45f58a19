package transform

import (
	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
)

// Take is Parse for columns that have types already: those of the model, or int32 for int64
// and the reverse, where it fits, or float32 for float64. It keeps copies. All columns have
// the same number of rows.
func (c *Call) Take(names []string, columns []column.Column) error {
	c.reset()
	c.Columnar = true
	c.stamp++
	for i := range columns {
		at, err := c.column([]byte(names[i]), i, -1)
		if err != nil {
			return err
		}
		c.Rows = columns[i].Len
		c.size += len(columns[i].Values.Text.Bytes)
		if e := columns[i].Values.Elements; e != nil {
			c.size += 8*e.Len + len(e.Values.Text.Bytes)
		}
		if c.read(at) {
			if err := c.take(at, &columns[i]); err != nil {
				return err
			}
		}
	}
	if err := c.complete(); err != nil {
		return err
	}
	switch {
	case c.Rows == 0:
		return diag.New("Q615", "the request has no rows")
	case c.MaxRows > 0 && c.Rows > c.MaxRows:
		return tooMany(c.MaxRows)
	}
	return nil
}

// take copies a column.
func (c *Call) take(at int, from *column.Column) error {
	cells, v := &c.cells[at], &from.Values
	if v.Type == cells.Type {
		cells.AppendColumn(from, nil)
		return nil
	}
	for r := range from.Len {
		p := lookup.Problem("is no value of the column's type")
		switch i := from.Slot(r); {
		case v.Null(i):
			cells.AddNull()
			continue
		case v.Type.Integer() && cells.Type.Integer():
			p = cells.AddInt(v.Int(i))
		case v.Type == column.Float32 && cells.Type == column.Float64:
			p = cells.AddFloat(v.Float(i))
		}
		if p != "" {
			return c.shape.wrong(at, r, []byte("a value of type "+v.Type.String()), p)
		}
	}
	return nil
}

// complete checks that every column is there that must be, once all are read.
func (c *Call) complete() error {
	for at := range c.shape.needed {
		if c.seen[at] != c.stamp {
			return c.shape.lacks(at, -1)
		}
	}
	c.Rows = max(0, c.Rows)
	if at := c.shape.created; at >= 0 && c.seen[at] != c.stamp {
		for range c.Rows {
			c.cells[at].AddNull()
		}
	}
	return nil
}
