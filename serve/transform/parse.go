package transform

import (
	"quern/features/diag"
	"quern/serve/lookup"
)

// Parse reads rows: {"rows": [{...}, ...]}, {"columns": {NAME: [...], ...}}, or an array
// of rows alone. It keeps nothing of body. What cannot be read is Q614 or Q615, too many
// rows are Q609, and what the rows lack or have beyond their columns is said in the
// package's documentation.
func (c *Call) Parse(body []byte) error {
	c.reset()
	c.size = len(body)
	s := &c.scan
	s.Reset(body)
	defer s.Reset(nil)
	var err error
	if s.Next() == '[' {
		err = c.rows()
	} else {
		err = c.document()
	}
	if err != nil {
		return err
	}
	if err := s.End(); err != nil {
		return err
	}
	if c.Rows == 0 {
		return diag.New("Q615", "the request has no rows")
	}
	return nil
}

// document reads the object around rows or columns.
func (c *Call) document() error {
	s := &c.scan
	there, err := s.Opens('{', '}')
	read := false
	for there && err == nil {
		var name []byte
		if name, err = s.Str(); err != nil {
			break
		}
		known := string(name)
		if read || known != "rows" && known != "columns" {
			return diag.New("Q614", "the request has %q: it is one of rows and columns, and nothing else", lookup.Clip(name))
		}
		if err = s.Skip(':'); err != nil {
			break
		}
		if read = true; known == "rows" {
			err = c.rows()
		} else {
			err = c.columns()
		}
		if err == nil {
			there, err = s.More('}')
		}
	}
	return err
}

// rows reads an array of rows.
func (c *Call) rows() error {
	s := &c.scan
	there, err := s.Opens('[', ']')
	for there && err == nil {
		if c.MaxRows > 0 && c.Rows == c.MaxRows {
			return tooMany(c.MaxRows)
		}
		if err = c.row(); err != nil {
			break
		}
		c.Rows++
		there, err = s.More(']')
	}
	return err
}

func tooMany(limit int) error {
	return diag.New("Q609", "the request has more than %d rows for its features", limit)
}

// row reads one row.
func (c *Call) row() error {
	s := &c.scan
	c.stamp++
	there, err := s.Opens('{', '}')
	found, optional := 0, false
	for k := 0; there && err == nil; k++ {
		var name []byte
		if name, err = s.Str(); err != nil {
			return err
		}
		at, err := c.column(name, k, c.Rows)
		if err != nil {
			return err
		}
		if err := s.Skip(':'); err != nil {
			return err
		}
		if at < c.shape.needed {
			found++
		}
		optional = optional || at == c.shape.created
		if err := c.value(at, c.Rows); err != nil {
			return err
		}
		if there, err = s.More('}'); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if found < c.shape.needed {
		return c.lacks(c.Rows)
	}
	if c.shape.created >= 0 && !optional {
		c.cells[c.shape.created].AddNull()
	}
	return nil
}

// column returns the position of the k-th column of a row; row -1 is all of them. Rows mostly
// have their columns in the order of the row before.
func (c *Call) column(name []byte, k, row int) (int, error) {
	at := -1
	if k < len(c.order) && c.shape.columns[c.order[k]].name == string(name) {
		at = c.order[k]
	} else {
		var ok bool
		if at, ok = c.shape.numbers[string(name)]; !ok {
			return 0, c.shape.unknown(name, row)
		}
		if k < len(c.order) {
			c.order[k] = at
		} else if k == len(c.order) && k < len(c.shape.columns) {
			c.order = append(c.order, at)
		}
	}
	if c.seen[at] == c.stamp {
		return 0, diag.New("Q614", "column %q is there twice", lookup.Clip(name)).
			In(diag.Data{RowGroup: -1, Row: int64(row), Column: lookup.Clip(name)})
	}
	c.seen[at] = c.stamp
	return at, nil
}

// lacks names the first column that was not seen.
func (c *Call) lacks(row int) error {
	for at := range c.shape.needed {
		if c.seen[at] != c.stamp {
			return c.shape.lacks(at, row)
		}
	}
	panic("quern: bug: a column is lacking and is not")
}

// columns reads an object of columns.
func (c *Call) columns() error {
	s := &c.scan
	c.stamp++
	c.Columnar, c.Rows = true, -1 // how many is not known yet
	there, err := s.Opens('{', '}')
	for k := 0; there && err == nil; k++ {
		var name []byte
		if name, err = s.Str(); err != nil {
			return err
		}
		at, err := c.column(name, k, -1)
		if err != nil {
			return err
		}
		if err := s.Skip(':'); err != nil {
			return err
		}
		if err := c.values(at); err != nil {
			return err
		}
		if there, err = s.More('}'); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return c.complete()
}

// values reads a column.
func (c *Call) values(at int) error {
	s := &c.scan
	n := 0
	there, err := s.Opens('[', ']')
	for there && err == nil {
		if c.MaxRows > 0 && n == c.MaxRows {
			return tooMany(c.MaxRows)
		}
		if err = c.value(at, n); err != nil {
			return err
		}
		n++
		there, err = s.More(']')
	}
	if err == nil && c.Rows >= 0 && n != c.Rows {
		return diag.New("Q608", "column %q has %d values where the others have %d", c.shape.columns[at].name, n, c.Rows).
			In(diag.Data{RowGroup: -1, Row: -1, Column: c.shape.columns[at].name})
	}
	c.Rows = n
	return err
}

// value reads the value of a row into its column, or over it.
func (c *Call) value(at, row int) error {
	if !c.read(at) {
		return c.scan.Over(1)
	}
	c.scan.Next()
	from := c.scan.At()
	p, err := c.scan.Value(&c.cells[at])
	if err == nil && p != "" {
		err = c.shape.wrong(at, row, c.scan.Since(from), p)
	}
	return err
}
